//! Beside the message of prost-types, and bytes that no library writes.

use super::*;
use prost::Message as _;
use prost_types::value::Kind;
use serde_json::json;

fn message(value: &Value) -> prost_types::Value {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(value) => Kind::BoolValue(*value),
        Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap()),
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::Array(items) => Kind::ListValue(prost_types::ListValue {
            values: items.iter().map(message).collect(),
        }),
        Value::Object(map) => Kind::StructValue(prost_types::Struct {
            fields: map
                .iter()
                .map(|(key, value)| (key.clone(), message(value)))
                .collect(),
        }),
    };
    prost_types::Value { kind: Some(kind) }
}

fn encoded(value: &Value) -> Vec<u8> {
    let Some(Kind::StructValue(message)) = message(value).kind else {
        panic!("an object is a Struct")
    };
    message.encode_to_vec()
}

fn nested(depth: usize) -> Value {
    (0..depth - 1).fold(json!({}), |inner, level| match level % 2 {
        0 => json!([inner]),
        _ => json!({ "a": inner }),
    })
}

#[test]
fn what_a_library_wrote() {
    let cases = [
        ("nothing", json!({})),
        (
            "one of each",
            json!({
                "n": null, "t": true, "f": false, "i": 3, "m": -3, "d": 1.5, "s": "ü", "e": "",
                "l": [1, "a", [], {}], "o": {"p": {"q": [null]}}
            }),
        ),
        (
            "the largest exact number",
            json!({"n": 9_007_199_254_740_992_u64}),
        ),
        ("a number beyond", json!({"n": 1e300})),
        ("a long text", json!({"s": "x".repeat(70_000)})),
        ("an empty name", json!({"": 1})),
    ];
    for (name, value) in cases {
        assert_eq!(object(&encoded(&value)), Some(value), "{name}");
    }
    let value = json!({"b": 1, "a": 2, "c": 3});
    let Some(Value::Object(map)) = object(&encoded(&value)) else {
        panic!("an object");
    };
    assert_eq!(map.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn as_deep_as_json_and_no_deeper() {
    let (deepest, deeper) = (
        json!({"a": nested(MAX_DEPTH - 1)}),
        json!({"a": nested(MAX_DEPTH)}),
    );
    assert_eq!(object(&encoded(&deepest)), Some(deepest.clone()));
    assert!(gatehouse_strict_json::parse(deepest.to_string().as_bytes()).is_ok());
    assert_eq!(object(&encoded(&deeper)), None);
    assert!(gatehouse_strict_json::parse(deeper.to_string().as_bytes()).is_err());
}

#[test]
fn bytes_that_no_library_writes() {
    // Struct {fields: {key: "a", value: {bool_value: true}}}
    let entry = b"\x0a\x01a\x12\x02\x20\x01";
    let one = [b"\x0a\x07", &entry[..]].concat();
    let cases: [(&str, &[u8], Option<Value>); 16] = [
        ("as it should be", &one, Some(json!({"a": true}))),
        (
            "an unknown field after it",
            &[&one[..], b"\x10\x05"].concat(),
            Some(json!({"a": true})),
        ),
        (
            "an unknown fixed field",
            &[&one[..], b"\x15abcd"].concat(),
            Some(json!({"a": true})),
        ),
        ("a group", &[&one[..], b"\x13\x14"].concat(), None),
        ("a truncated one", b"\x0a\x07\x0a\x01a\x12\x02\x20", None),
        ("a length beyond its end", b"\x0a\x7f\x0a\x01a", None),
        (
            "a length of 2^63",
            b"\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
            None,
        ),
        (
            "a varint without end",
            b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            None,
        ),
        ("a key alone", b"\x0a", None),
        ("field number zero", b"\x02\x00", None),
        ("the field as a number", b"\x08\x01", None),
        (
            "a name that is not UTF-8",
            b"\x0a\x07\x0a\x01\xff\x12\x02\x20\x01",
            None,
        ),
        (
            "a text that is not UTF-8",
            b"\x0a\x08\x0a\x01a\x12\x03\x1a\x01\xff",
            None,
        ),
        ("an entry without a value", b"\x0a\x03\x0a\x01a", None),
        ("a value of no kind", b"\x0a\x05\x0a\x01a\x12\x00", None),
        (
            "no name, which is the empty one, and NaN",
            b"\x0a\x0b\x12\x09\x11\x00\x00\x00\x00\x00\x00\xf8\x7f",
            None,
        ),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(object(bytes), expected, "{name}");
    }
    let twice = [&one[..], b"\x0a\x07\x0a\x01a\x12\x02\x20\x00"].concat();
    assert_eq!(
        object(&twice),
        Some(json!({"a": false})),
        "the last of one name"
    );
}

/// Every change of one byte, and every beginning, of a message: as prost-types reads it, or refused.
#[test]
fn what_is_read_is_what_prost_types_reads() {
    fn tree_of(value: prost_types::Value) -> Option<Value> {
        Some(match value.kind? {
            Kind::NullValue(_) => Value::Null,
            Kind::BoolValue(value) => Value::Bool(value),
            Kind::StringValue(text) => Value::String(text),
            Kind::NumberValue(number) => Value::Number(whole_or_double(number)?),
            Kind::ListValue(list) => Value::Array(
                list.values
                    .into_iter()
                    .map(tree_of)
                    .collect::<Option<_>>()?,
            ),
            Kind::StructValue(message) => object_of(message)?,
        })
    }
    fn object_of(message: prost_types::Struct) -> Option<Value> {
        let members = message.fields.into_iter();
        let members = members.map(|(key, value)| Some((key, tree_of(value)?)));
        members.collect::<Option<Map<_, _>>>().map(Value::Object)
    }
    let sound = encoded(&json!({"a": [true, 1.5, "b"], "c": {"d": null}}));
    let beginnings = (0..=sound.len()).map(|length| sound[..length].to_vec());
    let changes = (0..sound.len()).flat_map(|at| {
        (0..=255).map({
            let sound = &sound;
            move |byte| {
                let mut changed = sound.clone();
                changed[at] = byte;
                changed
            }
        })
    });
    let mut read = 0;
    for bytes in beginnings.chain(changes) {
        let ours = object(&bytes);
        if let Some(ours) = ours {
            read += 1;
            let theirs = prost_types::Struct::decode(&bytes[..]).unwrap();
            assert_eq!(Some(ours), object_of(theirs), "{bytes:x?}");
        }
    }
    assert!(read > 500, "{read} were read");
}
