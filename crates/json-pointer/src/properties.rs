//! A scan agrees with a parser on any JSON, however the text is cut, and survives any bytes.

use super::*;
use proptest::prelude::*;
use serde_json::Value;
use std::rc::Rc;

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-c\"\\\\{}\\[\\],:\u{e9}\u{1f600}\\n]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-c]{1,2}|\u{1f600}|\"", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn pointer() -> impl Strategy<Value = String> {
    let token = prop_oneof!["[a-c]{1,2}", "[0-3]", Just("\u{1f600}".to_owned())];
    prop::collection::vec(token, 0..4).prop_map(|tokens| {
        let tokens = tokens.iter().map(|token| format!("/{token}"));
        tokens.collect()
    })
}

fn scan(pointer: &str, chunks: &[&[u8]]) -> Outcome {
    let mut scan = Scan::new(Rc::new(Pointer::parse(pointer).unwrap()));
    chunks.iter().for_each(|chunk| scan.read(chunk));
    scan.end()
}

/// A text in pieces of these lengths.
fn pieces<'t>(mut text: &'t [u8], lengths: &[usize]) -> Vec<&'t [u8]> {
    let mut pieces = Vec::new();
    for length in lengths {
        let (piece, rest) = text.split_at(text.len().min(*length));
        pieces.push(piece);
        text = rest;
    }
    pieces.push(text);
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn it_finds_what_a_parser_finds(
        json in json(),
        pointer in pointer(),
        pretty in any::<bool>(),
        lengths in prop::collection::vec(0_usize..9, 0..60),
    ) {
        let text = if pretty {
            serde_json::to_string_pretty(&json).unwrap()
        } else {
            json.to_string()
        };
        let expected = match json.pointer(&pointer) {
            None | Some(Value::Null) => Outcome::Absent,
            Some(Value::Number(number)) => number.as_u64().map_or(Outcome::Other, Outcome::Number),
            Some(_) => Outcome::Other,
        };
        prop_assert_eq!(scan(&pointer, &pieces(text.as_bytes(), &lengths)), expected);
    }

    #[test]
    fn no_cut_of_any_bytes_changes_anything(
        text in prop::collection::vec(prop::sample::select(b"{}[]\",:\\u0019ae.- \nnt\xff".to_vec()), 0..60),
        pointer in pointer(),
        lengths in prop::collection::vec(0_usize..9, 0..30),
    ) {
        let whole = scan(&pointer, &[&text]);
        prop_assert_eq!(scan(&pointer, &pieces(&text, &lengths)), whole);
    }
}
