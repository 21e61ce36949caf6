//! What bodies and headers say, to the letter; however a body is cut.

use super::*;
use gatehouse_json_pointer::Pointer;
use proptest::prelude::*;

const USAGE: &str = "/usage/total_tokens";

fn headers(pairs: &[(&str, &str)]) -> Headers {
    let pairs = pairs.iter().map(|(name, value)| (*name, value.as_bytes()));
    pairs.collect()
}

fn meter(content_type: &str, pointer: &str) -> Meter {
    let pointer = Rc::new(Pointer::parse(pointer).unwrap());
    Meter::for_response(&headers(&[("content-type", content_type)]), &pointer).unwrap()
}

fn read(content_type: &str, pointer: &str, pieces: &[&[u8]]) -> Reading {
    let mut meter = meter(content_type, pointer);
    pieces.iter().for_each(|piece| meter.read(piece));
    meter.end()
}

/// Read at once and byte by byte.
fn both(content_type: &str, pointer: &str, body: &str) -> Reading {
    let whole = read(content_type, pointer, &[body.as_bytes()]);
    let pieces: Vec<&[u8]> = body.as_bytes().chunks(1).collect();
    assert_eq!(read(content_type, pointer, &pieces), whole, "{body:?}");
    whole
}

use Reading::{Absent, Encoded, Malformed, Number};

#[test]
fn documents() {
    let cases = [
        (
            "a completion",
            r#"{"id":"x","usage":{"prompt_tokens":5,"total_tokens":12}}"#,
            Number(12),
        ),
        (
            "an error of the upstream",
            r#"{"error":{"message":"no"}}"#,
            Absent,
        ),
        ("nothing", "", Absent),
        (
            "a text in its place",
            r#"{"usage":{"total_tokens":"12"}}"#,
            Malformed,
        ),
        ("HTML", "<html></html>", Malformed),
        ("broken off before it", r#"{"id":"x","usa"#, Malformed),
        (
            "broken off in it",
            r#"{"usage":{"total_tokens":1"#,
            Malformed,
        ),
        (
            "broken off after it",
            r#"{"usage":{"total_tokens":12}"#,
            Number(12),
        ),
        (
            "a byte order mark",
            "\u{feff}{\"usage\":{\"total_tokens\":12}}",
            Number(12),
        ),
        (
            "two of them",
            "\u{feff}\u{feff}{\"usage\":{\"total_tokens\":12}}",
            Malformed,
        ),
        ("a byte order mark and no more", "\u{feff}", Absent),
        (
            "of many digits",
            r#"{"usage":{"total_tokens":99999999999999999999999}}"#,
            Number(u64::MAX),
        ),
    ];
    for (name, body, expected) in cases {
        for content_type in [
            "application/json",
            "application/problem+json; charset=utf-8",
            "",
        ] {
            assert_eq!(both(content_type, USAGE, body), expected, "{name}");
        }
    }
}

#[test]
fn a_part_of_a_byte_order_mark() {
    let of = |body: &[u8]| read("application/json", USAGE, &[body]);
    let parts: [&[u8]; 4] = [b"", b"\xef", b"\xef\xbb", b"\xef\xbb\xbf"];
    assert_eq!(parts.map(of), [Absent, Malformed, Malformed, Absent]);
}

#[test]
fn streams_of_events() {
    let cases = [
        (
            "as OpenAI streams it",
            "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":null}\n\n\
             data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"total_tokens\":12}}\n\n\
             data: [DONE]\n\n",
            Number(12),
        ),
        (
            "of several the last",
            "data: {\"usage\":{\"total_tokens\":1}}\n\ndata: {\"usage\":{\"total_tokens\":7}}\n\n",
            Number(7),
        ),
        (
            "named events, comments, ids",
            ": hello\nevent: message\nid: 1\ndata: {\"usage\":{\"total_tokens\":3}}\nretry: 10\n\n",
            Number(3),
        ),
        (
            "CR LF",
            "data: {\"usage\":{\"total_tokens\":3}}\r\n\r\ndata: {\"usage\":\r\ndata: {\"total_tokens\":4}}\r\n\r\n",
            Number(4),
        ),
        (
            "CR",
            "data: {\"usage\":{\"total_tokens\":3}}\r\rdata: {\"usage\":\rdata: {\"total_tokens\":4}}\r\r",
            Number(4),
        ),
        (
            "no space after the colon",
            "data:{\"usage\":{\"total_tokens\":3}}\n\n",
            Number(3),
        ),
        (
            "over several lines",
            "data: {\"usage\":\ndata:\ndata: {\"total_tokens\"\ndata: :5}}\n\n",
            Number(5),
        ),
        (
            "a number is not joined over lines",
            "data: {\"usage\":{\"total_tokens\":1\ndata: 2}}\n\n",
            Number(1),
        ),
        (
            "lines of two events are not joined",
            "data: {\"usage\":\n\ndata: {\"total_tokens\":5}}\n\n",
            Absent,
        ),
        (
            "another field",
            "date: {\"usage\":{\"total_tokens\":3}}\n\n",
            Absent,
        ),
        (
            "a longer field",
            "datas: {\"usage\":{\"total_tokens\":3}}\n\n",
            Absent,
        ),
        (
            "a shorter field",
            "dat: {\"usage\":{\"total_tokens\":3}}\n\n",
            Absent,
        ),
        ("a field without a colon", "data\n\n", Absent),
        (
            "the name of the field is case-sensitive",
            "Data: {\"usage\":{\"total_tokens\":3}}\n\n",
            Absent,
        ),
        (
            "in a comment",
            ": data: {\"usage\":{\"total_tokens\":3}}\n\n",
            Absent,
        ),
        (
            "broken off after it",
            "data: {\"usage\":{\"total_tokens\":3}",
            Number(3),
        ),
        (
            "broken off in it",
            "data: {\"usage\":{\"total_tokens\":3",
            Absent,
        ),
        (
            "broken off after a first one",
            "data: {\"usage\":{\"total_tokens\":3}}\n\ndata: {\"usage\":{\"total_tokens\":45",
            Number(3),
        ),
        (
            "a text in its place",
            "data: {\"usage\":{\"total_tokens\":\"3\"}}\n\n",
            Malformed,
        ),
        (
            "a text in its place once",
            "data: {\"usage\":{\"total_tokens\":\"3\"}}\n\ndata: {\"usage\":{\"total_tokens\":3}}\n\n",
            Number(3),
        ),
        (
            "a byte order mark",
            "\u{feff}data: {\"usage\":{\"total_tokens\":3}}\n\n",
            Number(3),
        ),
        (
            "a byte order mark in the middle",
            "data: {}\n\n\u{feff}data: {\"usage\":{\"total_tokens\":3}}\n\n",
            Absent,
        ),
        (
            "another character that begins as one does",
            "\u{fefe}data: {\"usage\":{\"total_tokens\":3}}\n\n",
            Absent,
        ),
        ("no JSON at all", "data: hello\n\ndata: [DONE]\n\n", Absent),
        ("nothing", "", Absent),
        ("line breaks alone", "\n\r\n\r\r\n", Absent),
    ];
    for (name, body, expected) in cases {
        for content_type in ["text/event-stream", "Text/Event-Stream ; charset=utf-8"] {
            assert_eq!(both(content_type, USAGE, body), expected, "{name}");
        }
    }
    let anthropic = "event: message_start\n\
        data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\n\n\
        event: message_delta\n\
        data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":15}}\n\n\
        event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    assert_eq!(
        both("text/event-stream", "/usage/output_tokens", anthropic),
        Number(15)
    );
}

#[test]
fn lines() {
    let body = "{\"done\":false}\n{\"done\":true,\"eval_count\":290}\n";
    let cases = [
        ("the last line that has one", body.to_owned(), Number(290)),
        (
            "without a line break at the end",
            body.trim_end().to_owned(),
            Number(290),
        ),
        ("CR LF", body.replace('\n', "\r\n"), Number(290)),
        ("none", "{}\n{}\n".to_owned(), Absent),
        ("broken off", "{\"eval_count\":2".to_owned(), Absent),
        (
            "a line that is no JSON",
            format!("oops\n{body}oops\n"),
            Number(290),
        ),
    ];
    for (name, body, expected) in cases {
        for content_type in ["application/x-ndjson", "application/jsonl"] {
            assert_eq!(both(content_type, "/eval_count", &body), expected, "{name}");
        }
    }
}

#[test]
fn bodies_that_are_not_read() {
    let pointer = Rc::new(Pointer::parse(USAGE).unwrap());
    type Case<'a> = (&'a [(&'a str, &'a str)], Option<Reading>);
    let cases: [Case<'_>; 10] = [
        (&[], None),
        (&[("content-encoding", "identity")], None),
        (&[("content-encoding", "")], None),
        (&[("content-encoding", "gzip")], Some(Encoded)),
        (&[("content-encoding", "BR")], Some(Encoded)),
        (&[("content-encoding", "identity, gzip")], Some(Encoded)),
        (
            &[
                ("content-encoding", "identity"),
                ("content-encoding", "zstd"),
            ],
            Some(Encoded),
        ),
        (&[("content-encoding", "\u{ff}")], Some(Encoded)),
        (&[("content-type", "application/grpc")], Some(Absent)),
        (
            &[("content-type", "application/grpc-web+proto")],
            Some(Absent),
        ),
    ];
    for (pairs, expected) in cases {
        let meter = Meter::for_response(&headers(pairs), &pointer);
        assert_eq!(meter.err(), expected, "{pairs:?}");
    }
}

#[test]
fn numbers_in_headers() {
    let cases: [(&[&str], Reading); 14] = [
        (&[], Absent),
        (&["5"], Number(5)),
        (&["0"], Number(0)),
        (&["007"], Number(7)),
        (&["18446744073709551615"], Number(u64::MAX)),
        (&["18446744073709551616"], Number(u64::MAX)),
        (&[""], Malformed),
        (&["-1"], Malformed),
        (&["+1"], Malformed),
        (&["1.5"], Malformed),
        (&["1, 2"], Malformed),
        (&["1e3"], Malformed),
        (&["\u{661}"], Malformed),
        (&["1", "1"], Malformed),
    ];
    for (values, expected) in cases {
        let pairs: Vec<_> = values.iter().map(|value| ("x-cost", *value)).collect();
        assert_eq!(header(&headers(&pairs), "x-cost"), expected, "{values:?}");
    }
}

#[test]
fn bills() {
    let cost = Cost {
        source: Source::Constant,
        default: 20,
        max: 100,
    };
    let cases = [
        (Number(5), 5, None),
        (Number(0), 1, None),
        (Number(100), 100, None),
        (Number(101), 100, Some(Doubt::Capped)),
        (Number(u64::MAX), 100, Some(Doubt::Capped)),
        (Absent, 20, Some(Doubt::Absent)),
        (Malformed, 20, Some(Doubt::Malformed)),
        (Encoded, 20, Some(Doubt::Encoded)),
    ];
    for (reading, expected, doubt) in cases {
        let bill = Bill {
            cost: expected,
            doubt,
        };
        assert_eq!(super::bill(&cost, reading), bill, "{reading:?}");
    }
}

/// A gigabyte takes no more memory than a byte: what a meter has on the heap is its scan's way to the
/// number, which has two names here.
#[test]
fn nothing_grows_with_the_body() {
    let deep = vec![b'['; 64 * 1024];
    let text = vec![b'a'; 64 * 1024];
    for content_type in ["application/json", "text/event-stream", "application/jsonl"] {
        let mut meter = meter(content_type, USAGE);
        meter.read(b"data: {\"x\":");
        for piece in [&deep, &text] {
            (0..64).for_each(|_| meter.read(piece));
        }
        assert!(format!("{meter:?}").len() < 1024, "{content_type}");
    }
}

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0_usize..7, 0..80)
}

fn pieces<'t>(mut body: &'t [u8], lengths: &[usize]) -> Vec<&'t [u8]> {
    let mut pieces = Vec::new();
    for length in lengths {
        let (piece, rest) = body.split_at(body.len().min(*length));
        pieces.push(piece);
        body = rest;
    }
    pieces.push(body);
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Every stream of events, in whichever line breaks and cut anywhere, says what its last event says.
    #[test]
    fn no_cut_of_a_stream_changes_anything(
        counts in prop::collection::vec(prop::option::of(0_u64..1000), 0..6),
        line_break in prop::sample::select(vec!["\n", "\r\n", "\r"]),
        noise in prop::sample::select(vec!["", ": ping", "event: x", "data: [DONE]", "data"]),
        lengths in lengths(),
    ) {
        let mut body = String::new();
        for count in &counts {
            let event = match count {
                Some(count) => format!("{{\"usage\":{{\"total_tokens\":{count}}}}}"),
                None => "{\"usage\":null}".to_owned(),
            };
            for line in [&*format!("data: {event}"), "", noise, ""] {
                body.push_str(line);
                body.push_str(line_break);
            }
        }
        let expected = counts.iter().rev().find_map(|count| *count).map_or(Absent, Number);
        let pieces = pieces(body.as_bytes(), &lengths);
        prop_assert_eq!(read("text/event-stream", USAGE, &pieces), expected);
    }

    /// Any bytes do the same, at once and in pieces.
    #[test]
    fn no_cut_of_any_bytes_changes_anything(
        body in prop::collection::vec(prop::sample::select(b"data: {\"a\":1}\n\r[],\\\xff".to_vec()), 0..80),
        content_type in prop::sample::select(vec!["application/json", "text/event-stream", "application/jsonl"]),
        lengths in lengths(),
    ) {
        let whole = read(content_type, "/a", &[&body]);
        prop_assert_eq!(read(content_type, "/a", &pieces(&body, &lengths)), whole);
    }
}
