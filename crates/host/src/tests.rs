//! Header maps as the host serializes them, and as nobody should.

use super::*;

type Pair<'a> = (&'a [u8], &'a [u8]);

fn encode(pairs: &[Pair<'_>]) -> Vec<u8> {
    let mut bytes = u32::try_from(pairs.len()).unwrap().to_le_bytes().to_vec();
    for (name, value) in pairs {
        bytes.extend(u32::try_from(name.len()).unwrap().to_le_bytes());
        bytes.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
    }
    for (name, value) in pairs {
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend_from_slice(value);
        bytes.push(0);
    }
    bytes
}

#[test]
fn a_map_is_read_as_it_was_written() {
    let big = vec![b'x'; 1 << 20];
    let cases: [(&str, Vec<Pair<'_>>); 5] = [
        ("none", vec![]),
        (
            "some",
            vec![(b":path", b"/"), (b"x", b"1"), (b"x", b"2"), (b"y", b"")],
        ),
        ("not UTF-8", vec![(b"x\xff", b"\xff\xfe")]),
        ("NUL inside", vec![(b"x", b"a\0b")]),
        ("1 MiB", vec![(b"x", &big)]),
    ];
    for (name, pairs) in cases {
        let headers = Headers::decode(encode(&pairs)).unwrap();
        assert_eq!(headers.iter().collect::<Vec<_>>(), pairs, "{name}");
    }
}

#[test]
fn what_is_no_map_is_refused() {
    let good = encode(&[(b"ab", b"cd")]);
    for length in 0..good.len() {
        assert_eq!(
            Headers::decode(good[..length].to_vec()),
            Err(Malformed),
            "cut to {length}"
        );
    }
    let cases: [(&str, &[u8]); 4] = [
        ("nothing", b""),
        ("a count of 4 billion", b"\xff\xff\xff\xff\0\0\0\0"),
        (
            "a length of 4 billion",
            b"\x01\0\0\0\xff\xff\xff\xff\x01\0\0\0a\0b\0",
        ),
        ("no NUL between", b"\x01\0\0\0\x01\0\0\0\x01\0\0\0axb\0"),
    ];
    for (name, bytes) in cases {
        assert_eq!(Headers::decode(bytes.to_vec()), Err(Malformed), "{name}");
    }
}

#[test]
fn one_value_none_or_several() {
    let headers: Headers = [("a", &b"1"[..]), ("b", b""), ("c", b"1"), ("c", b"1")]
        .into_iter()
        .collect();
    assert_eq!(headers.only("a"), Only::One(b"1"));
    assert_eq!(headers.only("b"), Only::One(b""));
    assert_eq!(headers.only("c"), Only::Several);
    assert_eq!(headers.only("d"), Only::Absent);
}

#[test]
fn changes_are_seen() {
    let mut headers = Headers::decode(encode(&[(b"a", b"1"), (b"a", b"2"), (b"b", b"3")])).unwrap();
    headers.set("a", b"4");
    headers.append("b", b"5");
    headers.append("c", b"6");
    headers.remove("c");
    let expected: Vec<Pair<'_>> = vec![(b"b", b"3"), (b"a", b"4"), (b"b", b"5")];
    assert_eq!(headers.iter().collect::<Vec<_>>(), expected);
    assert_eq!(format!("{headers:?}"), r#"["b", "a", "b"]"#);
}

#[test]
fn a_consumer_survives_the_way_to_the_next_module() {
    let claims = serde_json::json!({"sub": "ann", "org": {"id": 7}});
    let consumer = Consumer {
        name: "ann \"é\"".to_owned(),
        provider: "sso".to_owned(),
        groups: vec!["admin".to_owned()],
        scopes: vec!["read".to_owned(), "write".to_owned()],
        claims: claims.as_object().unwrap().clone(),
        metadata: serde_json::Map::new(),
    };
    assert_eq!(Consumer::from_json(&consumer.to_json()), Some(consumer));
    for bytes in [&b""[..], b"{}", b"[]", b"\xff", br#"{"name":"a"}"#] {
        assert_eq!(Consumer::from_json(bytes), None);
    }
}
