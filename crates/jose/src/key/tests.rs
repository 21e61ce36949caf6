use super::*;
use crate::JwkSet;

fn told(error: Result<Key, KeyError>) -> String {
    error.unwrap_err().to_string()
}

fn accepted(key: &Key) -> Vec<&'static str> {
    Algorithm::ALL
        .into_iter()
        .filter(|algorithm| key.accepts(*algorithm))
        .map(Algorithm::as_str)
        .collect()
}

#[test]
fn a_secret_is_as_long_as_the_hash() {
    let cases: &[(usize, &[&str])] = &[
        (32, &["HS256"]),
        (47, &["HS256"]),
        (48, &["HS256", "HS384"]),
        (63, &["HS256", "HS384"]),
        (64, &["HS256", "HS384", "HS512"]),
        (10_000, &["HS256", "HS384", "HS512"]),
    ];
    for (length, expected) in cases {
        let key = Key::symmetric(&vec![7; *length]).unwrap();
        assert_eq!((key.kty(), key.kid()), ("oct", None));
        assert_eq!(accepted(&key), *expected, "{length}");
    }
    for length in [0, 1, 16, 31] {
        assert_eq!(
            told(Key::symmetric(&vec![7; length])),
            format!("the secret must be at least 32 bytes long, and is {length}")
        );
    }
}

/// RFC 4231, section 4.8: a key longer than the block of the hash.
#[test]
fn a_secret_is_used_as_it_is() {
    let key = Key::symmetric(&[0xaa; 131]).unwrap();
    let message =
        b"This is a test using a larger than block-size key and a larger than block-size \
                    data. The key needs to be hashed before being used by the HMAC algorithm.";
    let tag = b"\x9b\x09\xff\xa7\x1b\x94\x2f\xcb\x27\x63\x5f\xbc\xd5\xb0\xe9\x44\
                \xbf\xdc\x63\x64\x4f\x07\x13\x93\x8a\x7f\x51\x53\x5c\x3a\x35\xe2";
    assert!(key.verify(Algorithm::Hs256, message, tag));
    assert!(!key.verify(Algorithm::Hs384, message, tag));
    assert!(key.host_material(Algorithm::Hs256).is_none());
}

#[test]
fn a_key_can_be_named_and_restricted() {
    let key = Key::symmetric(&[7; 64]).unwrap().with_kid("a");
    assert_eq!(key.kid(), Some("a"));
    let key = key.with_kid(String::from("b"));
    assert_eq!(key.kid(), Some("b"));
    let key = key.restricted_to(Algorithm::Hs384).unwrap();
    assert_eq!(accepted(&key), ["HS384"]);
    assert_eq!(
        accepted(&key.clone().restricted_to(Algorithm::Hs384).unwrap()),
        ["HS384"]
    );
    assert_eq!(
        told(key.clone().restricted_to(Algorithm::Hs256)),
        "the key is not for HS256"
    );
    assert_eq!(
        told(key.restricted_to(Algorithm::Rs256)),
        "RS256 does not fit a secret of 64 bytes"
    );
    let short = Key::symmetric(&[7; 32]).unwrap();
    assert_eq!(
        told(short.restricted_to(Algorithm::Hs512)),
        "HS512 does not fit a secret of 32 bytes"
    );
}

#[test]
fn a_set_of_keys_that_came_one_by_one() {
    let key = |kid: &str| Key::symmetric(&[7; 32]).unwrap().with_kid(kid);
    let set = JwkSet::from_keys(vec![key("a"), key("b"), Key::symmetric(&[8; 32]).unwrap()]);
    let kids: Vec<_> = set
        .candidates(Algorithm::Hs256, Some("b"))
        .map(Key::kid)
        .collect();
    assert_eq!(kids, [Some("b"), None]);
    assert_eq!(set.keys().len(), 3);
    assert_eq!(JwkSet::from_keys(Vec::new()).keys().len(), 0);
}

#[test]
fn nothing_prints_a_secret() {
    let key = Key::symmetric(b"MARKER-that-stands-for-a-secret-of-44-symbols").unwrap();
    let expected = r#"Key { kid: None, kty: "oct", usage: AnySignature, .. }"#;
    assert_eq!(format!("{key:?}"), expected);
    let error = Key::symmetric(b"MARKER").unwrap_err();
    assert!(!format!("{error:?} {error}").contains("MARKER"));
}
