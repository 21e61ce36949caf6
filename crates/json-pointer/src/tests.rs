//! What is found where, to the letter; and what hostile texts do.

use super::*;
use std::rc::Rc;

fn scan(pointer: &str) -> Scan {
    Scan::new(Rc::new(Pointer::parse(pointer).unwrap()))
}

fn find(pointer: &str, text: &[u8]) -> Outcome {
    let mut whole = scan(pointer);
    whole.read(text);
    let mut bytewise = scan(pointer);
    text.chunks(1).for_each(|byte| bytewise.read(byte));
    assert_eq!(whole.end(), bytewise.end());
    whole.end()
}

use Outcome::{Absent, Malformed, Number, Other};

#[test]
fn pointers() {
    // The document and the pointers of RFC 6901, 5.
    let cases: [(&str, Option<&[&str]>); 19] = [
        ("", Some(&[])),
        ("/foo", Some(&["foo"])),
        ("/foo/0", Some(&["foo", "0"])),
        ("/", Some(&[""])),
        ("/a~1b", Some(&["a/b"])),
        ("/c%d", Some(&["c%d"])),
        ("/e^f", Some(&["e^f"])),
        ("/g|h", Some(&["g|h"])),
        ("/i\\j", Some(&["i\\j"])),
        ("/k\"l", Some(&["k\"l"])),
        ("/ ", Some(&[" "])),
        ("/m~0n", Some(&["m~n"])),
        ("/~01", Some(&["~1"])),
        ("//", Some(&["", ""])),
        ("foo", None),
        ("#/foo", None),
        ("/~", None),
        ("/~2", None),
        ("/a/~é", None),
    ];
    for (text, expected) in cases {
        let parsed = Pointer::parse(text);
        let tokens = parsed.as_ref().map(|pointer| {
            let tokens = pointer.tokens().iter();
            tokens.map(|token| &**token).collect::<Vec<_>>()
        });
        assert_eq!(tokens.as_deref(), expected, "{text}");
    }
}

#[test]
fn indices() {
    let cases = [
        ("0", Some(0)),
        ("10", Some(10)),
        ("00", None),
        ("01", None),
        ("-", None),
        ("-1", None),
        ("+1", None),
        ("", None),
        ("1.0", None),
        ("18446744073709551616", None),
    ];
    for (token, expected) in cases {
        assert_eq!(index(token), expected, "{token}");
    }
}

#[test]
fn what_stands_there() {
    let usage = "/usage/total_tokens";
    let cases: [(&str, &str, &str, Outcome); 45] = [
        (
            "alone",
            usage,
            r#"{"usage":{"total_tokens":42}}"#,
            Number(42),
        ),
        (
            "among others",
            usage,
            r#"{"id":"x","choices":[{"total_tokens":1,"a":"}\"]{"}],"usage":{"prompt":[1,{}],"total_tokens" : 42 , "z":1},"y":0}"#,
            Number(42),
        ),
        (
            "white space",
            usage,
            "\r\n\t{ \"usage\" :\n{ \"total_tokens\" :\t42\r\n} } ",
            Number(42),
        ),
        ("not there", usage, r#"{"usage":{"total":42}}"#, Absent),
        (
            "deeper",
            usage,
            r#"{"a":{"usage":{"total_tokens":42}}}"#,
            Absent,
        ),
        ("less deep", usage, r#"{"total_tokens":42}"#, Absent),
        (
            "a name that begins so",
            usage,
            r#"{"usage":{"total_tokens_x":42}}"#,
            Absent,
        ),
        (
            "a name that it begins with",
            usage,
            r#"{"usage":{"total":42}}"#,
            Absent,
        ),
        ("null above it", usage, r#"{"usage":null}"#, Absent),
        ("a number above it", usage, r#"{"usage":7}"#, Absent),
        (
            "a list above it",
            usage,
            r#"{"usage":[{"total_tokens":42}]}"#,
            Absent,
        ),
        ("null", usage, r#"{"usage":{"total_tokens":null}}"#, Absent),
        ("empty objects", usage, r#"{"usage":{}}"#, Absent),
        ("an empty list", usage, "[]", Absent),
        ("another kind of document", usage, r#""usage""#, Absent),
        ("a word alone", usage, "true", Absent),
        ("nothing", usage, "", Absent),
        ("white space alone", usage, " \n", Absent),
        ("a text", usage, r#"{"usage":{"total_tokens":"42"}}"#, Other),
        ("a list", usage, r#"{"usage":{"total_tokens":[42]}}"#, Other),
        (
            "an object",
            usage,
            r#"{"usage":{"total_tokens":{}}}"#,
            Other,
        ),
        ("true", usage, r#"{"usage":{"total_tokens":true}}"#, Other),
        ("negative", usage, r#"{"usage":{"total_tokens":-1}}"#, Other),
        (
            "of two the first",
            usage,
            r#"{"usage":{"total_tokens":1,"total_tokens":2}}"#,
            Number(1),
        ),
        (
            "in the second of two, where the first has none",
            usage,
            r#"{"usage":null,"usage":{"total_tokens":2}}"#,
            Number(2),
        ),
        (
            "cut in the number",
            usage,
            r#"{"usage":{"total_tokens":4"#,
            Malformed,
        ),
        ("cut in a text", usage, r#"{"usage":{"x":"4"#, Malformed),
        ("cut before a name", usage, r#"{"usage":{"#, Malformed),
        (
            "cut after the number",
            usage,
            r#"{"usage":{"total_tokens":4,"#,
            Number(4),
        ),
        (
            "a number and a text",
            usage,
            r#"{"usage":{"total_tokens":4"x"}}"#,
            Malformed,
        ),
        (
            "a number with letters",
            usage,
            r#"{"usage":{"total_tokens":4x}}"#,
            Other,
        ),
        ("HTML", usage, "<html>", Malformed),
        ("no colon", usage, r#"{"usage" 1}"#, Malformed),
        ("no comma", usage, r#"{"a":1 "usage":{}}"#, Malformed),
        ("the wrong bracket", usage, r#"{"a":1]"#, Malformed),
        (
            "two values",
            usage,
            r#"{} {"usage":{"total_tokens":4}}"#,
            Absent,
        ),
        (
            "an element",
            "/a/1/b",
            r#"{"a":[{"b":1},{"b":2},{"b":3}]}"#,
            Number(2),
        ),
        ("the first element", "/0", "[7]", Number(7)),
        ("after the last element", "/3", "[7,8,9]", Absent),
        (
            "digits are a name in an object",
            "/1",
            r#"{"1":5}"#,
            Number(5),
        ),
        ("the whole document", "", "42", Number(42)),
        ("the whole document, with space", "", " 42\n", Number(42)),
        ("an empty name", "/", r#"{"":3}"#, Number(3)),
        ("a dash is no element", "/-", "[1]", Absent),
        (
            "words beside it",
            "/x",
            r#"{"a":true,"b":-1.5e+3,"c":null,"x":1}"#,
            Number(1),
        ),
    ];
    for (name, pointer, text, expected) in cases {
        assert_eq!(find(pointer, text.as_bytes()), expected, "{name}");
    }
}

#[test]
fn names_with_escapes() {
    let cases = [
        ("plain", "/a", r#"{"a":1}"#, Number(1)),
        ("of a letter", "/a", r#"{"\u0061":1}"#, Number(1)),
        ("capital digits", "/\u{e9}", r#"{"\u00E9":1}"#, Number(1)),
        ("not escaped", "/\u{e9}", "{\"\u{e9}\":1}", Number(1)),
        (
            "in two halves",
            "/\u{1f600}",
            r#"{"\ud83d\ude00":1}"#,
            Number(1),
        ),
        (
            "the first half alone",
            "/\u{1f600}",
            r#"{"\ud83d":1}"#,
            Absent,
        ),
        (
            "the first half and a letter",
            "/a",
            r#"{"\ud83da":1}"#,
            Absent,
        ),
        (
            "the second half alone",
            "/\u{1f600}",
            r#"{"\ude00":1}"#,
            Absent,
        ),
        (
            "two first halves",
            "/\u{1f600}",
            r#"{"\ud83d\ud83d\ude00":1}"#,
            Absent,
        ),
        ("no digits", "/a", r#"{"\uzz61":1}"#, Absent),
        ("a quote", "/a\"b", r#"{"a\"b":1}"#, Number(1)),
        ("a backslash", "/a\\", r#"{"a\\":1}"#, Number(1)),
        ("a slash", "/a~1b", r#"{"a\/b":1}"#, Number(1)),
        (
            "line breaks",
            "/\n\r\t\u{8}\u{c}",
            r#"{"\n\r\t\b\f":1}"#,
            Number(1),
        ),
    ];
    for (name, pointer, text, expected) in cases {
        assert_eq!(find(pointer, text.as_bytes()), expected, "{name}");
    }
    assert_eq!(find("/a", b"{\"\xff\":2,\"a\":1}"), Number(1), "not UTF-8");
}

#[test]
fn numbers() {
    let cases = [
        ("0", Number(0)),
        ("-0", Other),
        ("1", Number(1)),
        ("18446744073709551615", Number(u64::MAX)),
        ("18446744073709551616", Number(u64::MAX)),
        ("1.0", Number(1)),
        ("1.000001", Number(2)),
        ("0.1", Number(1)),
        ("18446744073709551615.5", Number(u64::MAX)),
        ("1e3", Number(1_000)),
        ("1E+3", Number(1_000)),
        ("12.345e2", Number(1_235)),
        ("12.345e3", Number(12_345)),
        ("12.3e4", Number(123_000)),
        ("1e-1", Number(1)),
        ("10e-1", Number(1)),
        ("11e-1", Number(2)),
        ("1e-999999999999999999999", Number(1)),
        ("0e-5", Number(0)),
        ("0e999999999999999999999", Number(0)),
        ("1e999999999999999999999", Number(u64::MAX)),
        (
            "0.000000000000000000000000000000000000000000000001e50",
            Number(100),
        ),
        ("01", Other),
        ("1.", Other),
        (".5", Malformed),
        ("1e", Other),
        ("1e+", Other),
        ("1e1.5", Other),
        ("1.2.3", Other),
        ("--1", Other),
        ("-", Other),
        ("+1", Malformed),
        ("0x10", Other),
        ("NaN", Malformed),
        ("1_000", Malformed),
    ];
    for (text, expected) in cases {
        let text = format!("{{\"a\":{text}}}");
        assert_eq!(find("/a", text.as_bytes()), expected, "{text}");
    }
    let longest = format!("[{}]", "1".repeat(64));
    assert_eq!(find("/0", longest.as_bytes()), Number(u64::MAX));
    let longer = format!("[{}]", "0.".to_owned() + &"1".repeat(63));
    assert_eq!(find("/0", longer.as_bytes()), Other);
}

/// No text makes a scan larger than its pointer, however deep or long it is.
#[test]
fn nothing_grows_with_the_text() {
    let mut deep = scan("/a/b");
    deep.read(b"{\"x\":");
    for _ in 0..1_000 {
        deep.read(&[b'['; 4096]);
    }
    for _ in 0..1_000 {
        deep.read(&[b']'; 4096]);
    }
    deep.read(b",\"");
    for _ in 0..1_000 {
        deep.read(&[b'n'; 4096]);
    }
    deep.read(b"\":1,\"a\":{\"b\":7}}");
    assert_eq!(deep.end(), Number(7));

    let mut same = scan("/0/0/0");
    for _ in 0..1_000 {
        same.read(&[b'['; 4096]);
    }
    assert_eq!(same.end(), Other);
}

#[test]
fn a_scan_begins_anew() {
    let mut scan = scan("/a/b");
    scan.read(b"{\"a\":{\"b\":1");
    assert!(!scan.is_over());
    scan.restart();
    scan.read(b"{\"a\":{\"b\":2}}");
    assert!(scan.is_over());
    assert_eq!(scan.end(), Number(2));
    scan.restart();
    assert_eq!(scan.end(), Absent);
}
