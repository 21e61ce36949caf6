//! Queries, and targets without one of their parameters.

use super::*;
use proptest::prelude::*;

#[test]
fn parameters() {
    type Decoded<'a> = &'a [(&'a [u8], &'a [u8])];
    let cases: &[(&str, &[u8], Decoded<'_>)] = &[
        ("no query", b"/a", &[]),
        ("empty query", b"/a?", &[]),
        ("one", b"/a?k=v", &[(b"k", b"v")]),
        ("two", b"/a?k=v&l=w", &[(b"k", b"v"), (b"l", b"w")]),
        ("one twice", b"/?k=1&k=2", &[(b"k", b"1"), (b"k", b"2")]),
        ("no value", b"/?k", &[(b"k", b"")]),
        ("empty value", b"/?k=", &[(b"k", b"")]),
        ("empty name", b"/?=v", &[(b"", b"v")]),
        ("several =", b"/?k=v==", &[(b"k", b"v==")]),
        ("empty parameters", b"/?&&k=v&", &[(b"k", b"v")]),
        ("escaped", b"/?%6B=%76%26", &[(b"k", b"v&")]),
        ("escaped =", b"/?k%3D=v", &[(b"k=", b"v")]),
        ("plus", b"/?a+b=c+d%2B", &[(b"a+b", b"c+d+")]),
        (
            "no escape",
            b"/?k=%zz%2&%=1",
            &[(b"k", b"%zz%2"), (b"%", b"1")],
        ),
        ("escaped twice", b"/?k=%2541", &[(b"k", b"%41")]),
        ("not UTF-8", b"/?k=\xff%FE", &[(b"k", b"\xff\xfe")]),
        ("semicolon", b"/?k=v;l=w", &[(b"k", b"v;l=w")]),
        ("question marks", b"/?k=v?l=w", &[(b"k", b"v?l=w")]),
        ("before a fragment", b"/?k=v#&l=w", &[(b"k", b"v")]),
        ("in a fragment", b"/#?k=v", &[]),
        ("case", b"/?K=V", &[(b"K", b"V")]),
        ("nothing", b"", &[]),
    ];
    for (name, target, expected) in cases {
        let names = pairs(target).map(|pair| escape::decode(pair.raw_name).into_owned());
        let values = pairs(target).map(|pair| pair.value());
        let decoded: Vec<_> = names.zip(values).collect();
        let decoded: Vec<_> = decoded.iter().map(|(n, v)| (&**n, &**v)).collect();
        assert_eq!(decoded, *expected, "{name}");
        let query = Query::of(target);
        for (known, _) in *expected {
            let values = expected.iter().filter(|(other, _)| other == known);
            let values = values.map(|(_, value)| *value);
            assert!(query.all(known).eq(values), "{name}");
        }
        assert_eq!(query.all(b"none").next(), None, "{name}");
    }
}

#[test]
fn what_was_sent_is_kept() {
    let pair = pairs(b"/?%6B=%76").next().unwrap();
    assert_eq!((pair.raw_name, pair.raw_value), (&b"%6B"[..], &b"%76"[..]));
}

#[test]
fn a_parameter_taken_out() {
    type Case<'a> = (&'a str, &'a [u8], Option<&'a [u8]>);
    let cases: &[Case<'_>] = &[
        ("no query", b"/a", None),
        ("empty query", b"/a?", None),
        ("another", b"/a?kk=v&K=v", None),
        ("the only one", b"/a?k=v", Some(b"/a")),
        ("the first", b"/a?k=v&l=w", Some(b"/a?l=w")),
        ("the last", b"/a?l=w&k=v", Some(b"/a?l=w")),
        (
            "in the middle",
            b"/a?l=%77&k=v&m=%zz+",
            Some(b"/a?l=%77&m=%zz+"),
        ),
        ("all of them", b"/a?k=1&l=w&k=2&k", Some(b"/a?l=w")),
        ("escaped", b"/a?%6b=v&l", Some(b"/a?l")),
        ("beside empty ones", b"/a?&&k=v&", Some(b"/a?&&")),
        ("before a fragment", b"/a?k=v#f", Some(b"/a#f")),
        (
            "the path as it is",
            b"//a%2F;x/../?k=v",
            Some(b"//a%2F;x/../"),
        ),
        (
            "not UTF-8",
            b"/\xff?k=v&\xfe=\xfd",
            Some(b"/\xff?\xfe=\xfd"),
        ),
        ("nothing", b"", None),
    ];
    for (name, target, expected) in cases {
        assert_eq!(without(target, b"k").as_deref(), *expected, "{name}");
    }
    // Between two `&` there is no parameter, not even one without a name.
    assert_eq!(without(b"/a?&=v", b"").as_deref(), Some(&b"/a?"[..]));
    assert_eq!(without(b"/a?&", b""), None);
}

proptest! {
    #[test]
    fn what_is_taken_out_is_gone(target in "[a-c?&=#%kK61/+]{0,24}", bytes: Vec<u8>) {
        for target in [target.as_bytes(), &bytes] {
            let Some(rebuilt) = without(target, b"k") else {
                prop_assert!(pairs(target).all(|pair| !pair.is(b"k")));
                continue;
            };
            let kept: Vec<_> = pairs(target).filter(|pair| !pair.is(b"k")).collect();
            prop_assert_eq!(pairs(&rebuilt).collect::<Vec<_>>(), kept);
        }
    }

    /// A name is compared as it would be decoded.
    #[test]
    fn names_are_compared_decoded(raw in "[ab%614]{0,6}", name in "[ab%614]{0,4}") {
        let (raw, name) = (raw.as_bytes(), name.as_bytes());
        let decoded = escape::decode(raw);
        prop_assert!(escape::is(raw, &decoded));
        prop_assert_eq!(escape::is(raw, name), *decoded == *name);
    }
}
