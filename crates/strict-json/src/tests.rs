use serde_json::json;

use super::*;

fn nested(open: &str, close: &str, depth: usize) -> Vec<u8> {
    format!("{}{}", open.repeat(depth), close.repeat(depth)).into_bytes()
}

#[test]
fn reads_what_is_json() {
    let cases: &[(&str, &str, Value)] = &[
        ("null", "null", json!(null)),
        ("white space around", " \t\r\n true \n", json!(true)),
        (
            "smallest integer",
            "-9223372036854775808",
            json!(-9_223_372_036_854_775_808_i64),
        ),
        (
            "largest integer",
            "18446744073709551615",
            json!(18_446_744_073_709_551_615_u64),
        ),
        ("fraction", "1.5e3", json!(1500.0)),
        (
            "escapes and a surrogate pair",
            r#""a\n\u00e9\ud83d\ude00""#,
            json!("a\né😀"),
        ),
        ("empty object", "{}", json!({})),
        (
            "equal keys in different objects",
            r#"{"a":{"a":1},"b":[{"a":2},{"a":3}]}"#,
            json!({"a": {"a": 1}, "b": [{"a": 2}, {"a": 3}]}),
        ),
        (
            "keys that differ in case",
            r#"{"a":1,"A":2}"#,
            json!({"a": 1, "A": 2}),
        ),
        ("the empty key", r#"{"":1}"#, json!({"": 1})),
    ];
    for (name, text, expected) in cases {
        assert_eq!(parse(text.as_bytes()).as_ref(), Ok(expected), "{name}");
    }
}

#[test]
fn refuses_everything_else() {
    let cases: &[(&str, &[u8], &str)] = &[
        ("empty", b"", "EOF while parsing a value at line 1 column 0"),
        (
            "white space only",
            b" \n ",
            "EOF while parsing a value at line 2 column 1",
        ),
        (
            "byte order mark",
            b"\xef\xbb\xbf{}",
            "starts with a byte order mark at line 1 column 1",
        ),
        (
            "byte order mark inside",
            b"{}\xef\xbb\xbf",
            "trailing characters at line 1 column 3",
        ),
        ("0xff", b"\xff", "not UTF-8 at line 1 column 1"),
        (
            "0xff in a string on the second line",
            b"{\n \"a\": \"x\xff\"}",
            "not UTF-8 at line 2 column 9",
        ),
        (
            "overlong encoding",
            b"\"\xc0\xaf\"",
            "not UTF-8 at line 1 column 2",
        ),
        (
            "UTF-16",
            b"{\0}\0",
            "key must be a string at line 1 column 2",
        ),
        (
            "duplicate key",
            br#"{"a":1,"a":2}"#,
            r#"duplicate key "a" at line 1 column 10"#,
        ),
        (
            "duplicate key with the same value",
            br#"{"a":1,"a":1}"#,
            r#"duplicate key "a" at line 1 column 10"#,
        ),
        (
            "duplicate key through an escape",
            br#"{"alg":1,"\u0061lg":2}"#,
            r#"duplicate key "alg" at line 1 column 19"#,
        ),
        (
            "duplicate key deep inside, on its own line",
            b"{\"a\": [{\"b\": {\n  \"c\": 1,\n  \"d\": 2,\n  \"c\": 3}}]}",
            r#"duplicate key "c" at line 4 column 5"#,
        ),
        (
            "duplicate key before a broken value",
            br#"{"a":1,"a":?}"#,
            r#"duplicate key "a" at line 1 column 10"#,
        ),
        (
            "duplicate key at the end of the text",
            br#"{"a":1,"a""#,
            r#"duplicate key "a" at line 1 column 10"#,
        ),
        (
            "duplicate key that reads like a position",
            br#"{" at line 7 column 8":1," at line 7 column 8":2}"#,
            r#"duplicate key " at line 7 column 8" at line 1 column 46"#,
        ),
        (
            "duplicate key with a line break is shown escaped",
            br#"{"a\nb":1,"a\nb":2}"#,
            r#"duplicate key "a\nb" at line 1 column 16"#,
        ),
        (
            "second value",
            b"{} {}",
            "trailing characters at line 1 column 4",
        ),
        (
            "trailing NUL",
            b"{}\0",
            "trailing characters at line 1 column 3",
        ),
        (
            "truncated",
            br#"{"a":"#,
            "EOF while parsing a value at line 1 column 5",
        ),
        (
            "trailing comma",
            b"[1,]",
            "trailing comma at line 1 column 4",
        ),
        ("comment", b"/* */ 1", "expected value at line 1 column 1"),
        ("NaN", b"NaN", "expected value at line 1 column 1"),
        ("leading zero", b"01", "invalid number at line 1 column 2"),
        (
            "number beyond f64",
            b"1e400",
            "number out of range at line 1 column 5",
        ),
        (
            "lone surrogate",
            br#""\ud800""#,
            "unexpected end of hex escape at line 1 column 8",
        ),
        (
            "raw control character in a string",
            b"\"a\tb\"",
            "control character (\\u0000-\\u001F) found while parsing a string at line 1 column 3",
        ),
    ];
    for (name, bytes, expected) in cases {
        let message = parse(bytes).map_err(|error| error.to_string());
        assert_eq!(message, Err((*expected).to_owned()), "{name}");
    }
}

#[test]
fn nesting_is_limited() {
    let (deepest, too_deep) = (MAX_DEPTH, MAX_DEPTH + 1);
    let cases: &[(&str, Vec<u8>, Option<&str>)] = &[
        ("arrays at the limit", nested("[", "]", deepest), None),
        (
            "arrays beyond it",
            nested("[", "]", too_deep),
            Some("nested deeper than 64 levels at line 1 column 66"),
        ),
        (
            "a million open brackets",
            vec![b'['; 1_000_000],
            Some("nested deeper than 64 levels at line 1 column 65"),
        ),
        (
            "objects beyond it",
            r#"{"a":"#.repeat(too_deep).into_bytes(),
            Some("nested deeper than 64 levels at line 1 column 321"),
        ),
        (
            "siblings don't add up",
            format!("[{}1]", "[1],".repeat(1_000)).into_bytes(),
            None,
        ),
    ];
    for (name, bytes, expected) in cases {
        let message = parse(bytes).err().map(|error| error.to_string());
        assert_eq!(message.as_deref(), *expected, "{name}");
    }
}

#[test]
fn the_order_of_the_document_is_kept() {
    let value = parse(br#"{"z":1,"a":2,"m":{"y":1,"b":2}}"#).unwrap();
    assert_eq!(value.to_string(), r#"{"z":1,"a":2,"m":{"y":1,"b":2}}"#);
}

#[test]
fn errors_carry_their_facts() {
    let error = parse(b"{\"a\":1,\n\"a\":2}").unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::DuplicateKey("a".to_owned()));
    assert_eq!((error.line(), error.column()), (2, 3));
    assert_eq!(parse(b"[").unwrap_err().line(), 1);
}

#[test]
fn every_truncation_is_an_error_and_not_a_panic() {
    let text = r#"{"a":[1,-2.5e3,"é\u00e9",{"b":null}],"c":true}"#.as_bytes();
    assert!(parse(text).is_ok());
    for end in 0..text.len() {
        assert!(parse(&text[..end]).is_err(), "{end}");
    }
}
