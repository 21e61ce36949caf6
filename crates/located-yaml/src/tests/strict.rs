use crate::{Error, MAX_DEPTH, Reader, parse_strict as parse};
use serde_json::{Value, json};

fn one(text: &str) -> Value {
    let documents = parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    assert_eq!(documents.len(), 1, "{text:?}");
    documents[0].root.value(Reader::Core)
}

fn refused(text: &str) -> String {
    match parse(text) {
        Ok(documents) => panic!("{text:?} was read: {documents:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn scalars_are_what_the_core_schema_says() {
    let cases = [
        ("~", json!(null)),
        ("null", json!(null)),
        ("true", json!(true)),
        ("FALSE", json!(false)),
        ("yes", json!("yes")),
        ("on", json!("on")),
        ("12", json!(12)),
        ("-12", json!(-12)),
        ("+12", json!(12)),
        ("012", json!(12)),
        ("0o14", json!(12)),
        ("0xff", json!(255)),
        ("0x", json!("0x")),
        ("0x+1", json!("0x+1")),
        ("18446744073709551615", json!(u64::MAX)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("1.5", json!(1.5)),
        ("1e3", json!(1000.0)),
        (".5", json!(0.5)),
        (".inf", json!(".inf")),
        ("inf", json!("inf")),
        ("nan", json!("nan")),
        (".", json!(".")),
        ("-", json!([null])),
        ("1.2.3", json!("1.2.3")),
        ("100/1m", json!("100/1m")),
        ("\"12\"", json!("12")),
        ("'true'", json!("true")),
        ("|\n  a\n  b\n", json!("a\nb\n")),
        ("!!str 12", json!("12")),
        ("!!int 12", json!(12)),
        ("!!int '12'", json!(12)),
        ("!!seq [1]", json!([1])),
        (
            r#"{"a": [1, "\u00e9", null]}"#,
            json!({"a": [1, "é", null]}),
        ),
        (
            "{1: a, true: b, ~: c}",
            json!({"1": "a", "true": "b", "null": "c"}),
        ),
        ("a: &x {b: 1}\nc: *x", json!({"a": {"b": 1}, "c": {"b": 1}})),
        ("{<<: 1}", json!({"<<": 1})),
    ];
    for (text, expected) in cases {
        assert_eq!(one(text), expected, "{text:?}");
    }
}

#[test]
fn what_readers_disagree_about_is_refused() {
    let deep = "[".repeat(MAX_DEPTH + 1) + &"]".repeat(MAX_DEPTH + 1);
    let cases = [
        ("a: 1\na: 2", "2:1: the key \"a\" is here twice"),
        ("a: 1\n1: x\n\"1\": 2", "3:1: the key \"1\" is here twice"),
        ("? [a]\n: b", "1:3: a key that is a list or a mapping"),
        (
            "!thing {a: 1}",
            "1:1: a tag, which nothing here has a use for",
        ),
        ("a: !!int x", "1:4: tagged as int, but it is something else"),
        (
            "a: !!map [x]",
            "1:4: a tag, which nothing here has a use for",
        ),
        ("a: &x [*x]", "1:8: the alias stands in what it names"),
        (deep.as_str(), "1:101: nested deeper than 100"),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(text), expected, "{text:?}");
    }
}

#[test]
fn what_is_not_yaml_is_refused_where_it_stops_to_be() {
    for text in [
        "a: b: c",
        "[1, 2",
        "a: 'x",
        "*nobody",
        "{a",
        "a:\n  b\n c: d",
        "%YAML 9",
    ] {
        let Err(Error { position, message }) = parse(text) else {
            panic!("{text:?} was read")
        };
        assert!(
            position.line >= 1 && position.column >= 1,
            "{text:?}: {position}"
        );
        assert!(message.starts_with("not YAML: "), "{text:?}: {message}");
    }
}

#[test]
fn aliases_do_not_multiply_without_bound() {
    let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..9 {
        let before = vec![format!("*a{}", level - 1); 10].join(",");
        text += &format!("a{level}: &a{level} [{before}]\n");
    }
    assert!(refused(&text).ends_with("more than 1000000 values, aliases expanded"));
    let mut deep = "a0: &a0 [x]\n".to_owned();
    for level in 1..150 {
        deep += &format!("a{level}: &a{level} [*a{}]\n", level - 1);
    }
    assert!(refused(&deep).ends_with("nested deeper than 100"));
}

#[test]
fn every_part_is_found_by_its_path() {
    let text =
        "# a comment\nrules:\n- match: {path: /a}\n  headers:\n    \"x.y\": [é, {z: 1}]\n- *x\n";
    let text = text.replace("- *x", "- {}");
    let document = &parse(&text).expect("it is YAML")[0];
    let cases = [
        ("", "2:1", "2:1"),
        ("rules", "2:1", "3:3"),
        ("rules[0]", "3:3", "3:3"),
        ("rules[0].match", "3:3", "3:10"),
        ("rules[0].match.path", "3:11", "3:17"),
        ("rules[0].headers[\"x.y\"]", "5:5", "5:12"),
        ("rules[0].headers[\"x.y\"][1].z", "5:17", "5:20"),
        // What is not there is where it would be.
        ("rules[0].match.paht", "3:3", "3:10"),
        ("rules[0].headers[\"a[\\\"b\"].c", "4:3", "5:5"),
        ("rules[7].x", "2:1", "3:3"),
        ("nothing", "2:1", "2:1"),
    ];
    for (path, key, value) in cases {
        assert_eq!(
            document.root.key_position(path).to_string(),
            key,
            "key of {path}"
        );
        assert_eq!(
            document.root.value_position(path).to_string(),
            value,
            "value of {path}"
        );
    }
}

#[test]
fn a_text_has_any_number_of_documents() {
    assert_eq!(parse("").map(|documents| documents.len()), Ok(0));
    assert_eq!(parse("# nothing").map(|documents| documents.len()), Ok(0));
    let documents = parse("a: 1\n---\nb: 2\n...\n").expect("it is YAML");
    let values: Vec<_> = documents
        .iter()
        .map(|document| document.root.value(Reader::Core))
        .collect();
    assert_eq!(values, [json!({"a": 1}), json!({"b": 2})]);
    assert_eq!(documents[1].root.key_position("b").to_string(), "3:1");
}

/// A path that `gatehouse-config` writes is one that is found here.
#[test]
fn odd_keys_are_paths_like_any_other() {
    for key in ["", "a b", "a.b", "[0]", "a\"b", "\\", "\\\"", "é", "a]"] {
        let text = format!("x:\n  {}: {{y: 1}}\n", json!(key));
        let document = &parse(&text).expect("it is YAML")[0];
        let path = crate::key(&crate::key("x", key), "y");
        assert_ne!(document.root.value_position(&path).column, 3, "{path}");
        assert_eq!(document.root.value_position(&path).line, 2, "{path}");
        let missing = crate::key(&crate::key("x", key), "nothing");
        assert_eq!(
            document.root.key_position(&missing).to_string(),
            "2:3",
            "{missing}"
        );
    }
}
