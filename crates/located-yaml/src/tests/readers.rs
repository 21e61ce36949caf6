//! What the trees hold, and where.

use crate::{Position, Reader, parse, parse_within};
use proptest::prelude::*;
use serde_json::{Value, json};

fn one(text: &str, reader: Reader) -> Value {
    parse(text).unwrap()[0].root.value(reader)
}

/// What a scalar is to Envoy, and to everybody else.
#[test]
fn scalars() {
    for (written, envoy, others) in [
        ("1", json!(1), json!(1)),
        ("-1", json!(-1), json!(-1)),
        ("+1", json!(1), json!(1)),
        ("0x10", json!(16), json!(16)),
        ("010", json!(8), json!(8)),
        ("08", json!("08"), json!(8)),
        ("2147483647", json!(2_147_483_647), json!(2_147_483_647)),
        ("2147483648", json!("2147483648"), json!(2_147_483_648_u64)),
        (
            "18446744073709551615",
            json!("18446744073709551615"),
            json!(18_446_744_073_709_551_615_u64),
        ),
        ("0.5", json!("0.5"), json!(0.5)),
        ("1e3", json!("1e3"), json!(1000.0)),
        ("true", json!(true), json!(true)),
        ("True", json!(true), json!(true)),
        ("tRue", json!("tRue"), json!("tRue")),
        ("yes", json!(true), json!(true)),
        ("OFF", json!(false), json!(false)),
        ("y", json!(true), json!("y")),
        ("N", json!(false), json!("N")),
        ("~", json!(null), json!(null)),
        ("", json!(null), json!(null)),
        ("null", json!(null), json!(null)),
        ("'1'", json!("1"), json!("1")),
        ("\"yes\"", json!("yes"), json!("yes")),
        ("!!str 1", json!("1"), json!("1")),
        ("30s", json!("30s"), json!("30s")),
        ("10.0.0.1", json!("10.0.0.1"), json!("10.0.0.1")),
        ("inf", json!("inf"), json!("inf")),
        (".inf", json!(".inf"), json!(".inf")),
        ("é", json!("é"), json!("é")),
        ("-", json!("-"), json!("-")),
    ] {
        if written == "-" {
            continue;
        }
        let text = format!("a: {written}");
        assert_eq!(one(&text, Reader::Envoy), json!({"a": envoy}), "{written}");
        assert_eq!(one(&text, Reader::Json), json!({"a": others}), "{written}");
    }
}

#[test]
fn trees() {
    for (name, text, value) in [
        ("an alias", "a: &x [1]\nb: *x", json!({"a": [1], "b": [1]})),
        ("left out", "!ignore a: &x 1\nb: *x", json!({"b": 1})),
        ("twice", "a: 1\na: 2", json!({"a": 2})),
        ("a byte order mark", "\u{feff}a: 1", json!({"a": 1})),
        (
            "surrogates of JSON",
            r#"{"a": "\ud83d\ude00 \\ud83d\\ude00 \/"}"#,
            json!({"a": "😀 \\ud83d\\ude00 /"}),
        ),
        ("tabs of JSON", "{\n\t\"a\":\t1\n}", json!({"a": 1})),
    ] {
        assert_eq!(one(text, Reader::Envoy), value, "{name}");
    }
    let two =
        parse("---\n# gatehouse: auth\na: 1\n---\n---\n# gatehouse: headers\n\nb: 2\n").unwrap();
    let declared: Vec<_> = two
        .iter()
        .map(|document| document.declared.as_deref())
        .collect();
    assert_eq!(declared, [Some("auth"), Some("headers")]);
}

/// Kubernetes follows merge keys, Envoy does not.
#[test]
fn merge_keys() {
    let resource = |text: &str| {
        format!(
            "apiVersion: v1\nkind: A\nx: &x {{a: 1, b: {{c: 2}}}}\ny: &y {{a: 3, d: 4}}\n{text}"
        )
    };
    for (name, text, value) in [
        ("a mapping", "z: {<<: *x}", json!({"a": 1, "b": {"c": 2}})),
        (
            "what is there counts",
            "z: {<<: *x, a: 5}",
            json!({"a": 5, "b": {"c": 2}}),
        ),
        (
            "wherever it stands",
            "z: {a: 5, <<: *x}",
            json!({"a": 5, "b": {"c": 2}}),
        ),
        (
            "the first of several",
            "z: {<<: [*y, *x]}",
            json!({"a": 3, "d": 4, "b": {"c": 2}}),
        ),
        (
            "in what is merged",
            "w: &w {<<: *x, e: 6}\nz: {<<: *w}",
            json!({"e": 6, "a": 1, "b": {"c": 2}}),
        ),
        ("a key in quotes is a key", "z: {'<<': 1}", json!({"<<": 1})),
    ] {
        let read = one(&resource(text), Reader::Json);
        assert_eq!(read["z"], value, "{name}");
    }
    for (text, line) in [("z: {<<: 1}", 5), ("z: {<<: [*x, 1]}", 5)] {
        let refused = parse(&resource(text)).unwrap_err();
        let said = (refused.position.line, refused.message.as_str());
        assert_eq!(
            said,
            (line, "a merge key (<<) of something else than mappings")
        );
    }
    let of_envoy = "x: &x {a: 1}\nz: {<<: *x}";
    assert_eq!(one(of_envoy, Reader::Envoy)["z"], json!({"<<": {"a": 1}}));
}

#[test]
fn what_is_refused() {
    let deep = "[".repeat(200) + &"]".repeat(200);
    let bomb: String = (1..10)
        .map(|level| {
            let before = format!("*a{}, ", level - 1).repeat(10);
            format!("a{level}: &a{level} [{}]\n", before.trim_end_matches(", "))
        })
        .collect();
    for (name, text, line, why) in [
        (
            "no end",
            "a: [1",
            2,
            "not YAML: while parsing a flow sequence, expected ',' or ']'",
        ),
        (
            "an unknown alias",
            "\na: *b",
            2,
            "not YAML: while parsing node, found unknown anchor",
        ),
        (
            "in itself",
            "a: &x [*x]",
            1,
            "the alias stands in what it names",
        ),
        (
            "a list for a key",
            "? [a]\n: 1",
            1,
            "a key that is a list or a mapping",
        ),
        ("deep", &deep, 1, "nested deeper than 100"),
        (
            "a bomb",
            &format!("a0: &a0 1\n{bomb}"),
            7,
            "more than 1000000 values, aliases expanded",
        ),
    ] {
        let refused = parse(text).unwrap_err();
        assert_eq!(
            (refused.position.line, refused.message.as_str()),
            (line, why),
            "{name}"
        );
    }
}

#[test]
fn positions() {
    let text = "rules:\n- match: {path: {prefix: /a}}\n  \"a b\": [1,\n    2]\n- 'x.y': 3\ntext: |\n  {\n    \"k\": [1, 2]\n  }\nquoted: '{\"k\": 1}'\n";
    let root = &parse(text).unwrap()[0].root;
    for (path, key, line, column) in [
        ("", false, 1, 1),
        ("rules", false, 1, 1),
        ("rules[0]", false, 2, 3),
        ("rules[0].match.path.prefix", false, 2, 26),
        ("rules[0].match.path.prefix", true, 2, 18),
        ("rules[0].match.path.missing", false, 2, 11),
        ("rules[0][\"a b\"]", false, 3, 3),
        ("rules[0][\"a b\"][1]", false, 4, 5),
        ("rules[1][\"x.y\"]", false, 5, 10),
        ("rules[7].x", false, 1, 1),
        ("nothing[\"here\"", false, 1, 1),
    ] {
        let at = root.locate(path, key);
        assert_eq!((at.line, at.column), (line, column), "{path}");
    }
    for (field, line, column) in [("text", 8, 14), ("quoted", 10, 9)] {
        let inner = parse_within(root.get(field).unwrap()).unwrap();
        let at = match field {
            "text" => inner[0].root.locate("k[1]", false),
            _ => inner[0].root.locate("k", false),
        };
        assert_eq!(at, Position { line, column }, "{field}");
    }
}

proptest! {
    #[test]
    fn any_text_is_a_tree_or_refused(text in "(?s)[-:#&*!|>'\"%@`{}\\[\\], \n\ta-z0-9\\\\u~.é]{0,80}") {
        if let Ok(documents) = parse(&text) {
            for document in documents {
                document.root.value(Reader::Envoy);
                let at = document.root.locate(&text, false);
                prop_assert!(at.line >= 1 && at.column >= 1);
                for entry in document.root.entries() {
                    let _ = parse_within(&entry.value);
                }
            }
        }
    }

    #[test]
    fn any_json_is_read_as_it_is(values in proptest::collection::vec((any::<String>(), any::<i32>(), any::<String>()), 0..8)) {
        let object: serde_json::Map<_, _> = values
            .into_iter()
            .filter(|(key, _, text)| [key, text].iter().all(|text| !text.contains('\u{feff}')))
            .map(|(key, number, text)| (key, json!([number, text])))
            .collect();
        let value = Value::Object(object);
        prop_assert_eq!(&one(&value.to_string(), Reader::Json), &value);
    }
}
