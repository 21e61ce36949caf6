use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::json;

use super::*;
use crate::vectors::*;

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// The JWK with `changes` over it; null removes.
fn changed(jwk: &str, changes: Value) -> Value {
    let mut jwk = value(jwk);
    let members = jwk.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    jwk
}

fn accepted(key: &Key) -> Vec<&'static str> {
    Algorithm::ALL
        .into_iter()
        .filter(|algorithm| key.accepts(*algorithm))
        .map(Algorithm::as_str)
        .collect()
}

#[test]
fn a_key_accepts_what_fits_it() {
    let rs = &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"][..];
    let secret = |length| changed(RFC7515_A1_KEY, json!({"k": encode(&vec![7; length])}));
    let rsa = |changes| changed(RFC7515_A2_KEY, changes);
    let p384 = value(MINTED_KEYS)["keys"][2].clone();
    #[rustfmt::skip]
    let cases: &[(&str, Value, &[&str])] = &[
        ("RSA", rsa(json!({})), rs),
        ("P-256", value(RFC7515_A3_KEY), &["ES256"]),
        ("P-384", p384, &["ES384"]),
        ("Ed25519", value(RFC8037_A4_KEY), &["EdDSA"]),
        ("32 bytes", secret(32), &["HS256"]),
        ("47 bytes", secret(47), &["HS256"]),
        ("48 bytes", secret(48), &["HS256", "HS384"]),
        ("63 bytes", secret(63), &["HS256", "HS384"]),
        ("64 bytes", secret(64), &["HS256", "HS384", "HS512"]),
        ("RFC 7520 3.3, use sig", value(RFC7520_4_1_KEY), rs),
        ("RFC 7520 3.5, alg HS256", value(RFC7520_4_4_KEY), &["HS256"]),
        ("alg restricts", rsa(json!({"alg": "RS384"})), &["RS384"]),
        ("alg for encryption", rsa(json!({"alg": "RSA-OAEP", "use": "enc"})), &[]),
        ("alg PS256", rsa(json!({"alg": "PS256"})), &["PS256"]),
        ("alg not supported", rsa(json!({"alg": "RS1"})), &[]),
        ("alg none", rsa(json!({"alg": "none"})), &[]),
        ("use enc", rsa(json!({"use": "enc"})), &[]),
        ("use of another kind", rsa(json!({"use": "SIG"})), &[]),
        ("key_ops verify", rsa(json!({"key_ops": ["verify"]})), rs),
        ("key_ops sign and verify", rsa(json!({"key_ops": ["sign", "verify"]})), rs),
        ("key_ops sign", rsa(json!({"key_ops": ["sign"]})), &[]),
        ("key_ops empty", rsa(json!({"key_ops": []})), &[]),
        ("key_ops against use", rsa(json!({"key_ops": ["verify"], "use": "enc"})), &[]),
        ("certificates and unknown members are ignored", rsa(json!({"x5c": 7, "x5u": 7, "x5t": 7, "ext": true})), rs),
        ("RSA of 2048 bits exactly", rsa(json!({"n": encode(&[0xff; 256])})), rs),
        ("RSA of 8192 bits exactly", rsa(json!({"n": encode(&[0xff; 1024])})), rs),
        ("modulus with a zero in front", rsa(json!({"n": encode(&[&[0][..], &[0xff; 256]].concat())})), rs),
        ("exponent 3", rsa(json!({"e": "Aw"})), rs),
        ("exponent of 33 bits", rsa(json!({"e": encode(&[1, 0xff, 0xff, 0xff, 0xff])})), rs),
    ];
    for (name, jwk, expected) in cases {
        assert_eq!(
            accepted(&Key::from_value(jwk).unwrap()),
            *expected,
            "{name}"
        );
    }
}

#[test]
fn a_bad_key_is_refused_with_all_that_is_wrong() {
    const PRIVATE: &str = "a private key stands where a public key belongs: \
                           remove it, and replace the key if others may have seen it";
    let private = |names: &[&str]| -> Vec<String> {
        names
            .iter()
            .map(|name| format!("{name}: {PRIVATE}"))
            .collect()
    };
    let told =
        |errors: &[&str]| -> Vec<String> { errors.iter().map(|e| (*e).to_owned()).collect() };
    let rsa = |changes| changed(RFC7515_A2_KEY, changes);
    let ec = |changes| changed(RFC7515_A3_KEY, changes);
    let okp = |changes| changed(RFC8037_A4_KEY, changes);
    let swapped = ec(json!({"x": value(RFC7515_A3_KEY)["y"], "y": value(RFC7515_A3_KEY)["x"]}));
    let mut identity = [0; 32];
    identity[0] = 1;
    #[rustfmt::skip]
    let cases: &[(&str, Value, Vec<String>)] = &[
        ("not an object", json!("key"), told(&["must be an object"])),
        ("empty", json!({}), told(&["kty: missing"])),
        ("kty a number", json!({"kty": 1}), told(&["kty: must be a string"])),
        ("kty that goes on", json!({"kty": "Ä\n".repeat(1000)}), told(&[&format!("kty: unknown key type \"{}\"…: use RSA, EC, OKP or oct", r"Ä\n".repeat(16))])),
        ("kty unknown", json!({"kty": "rsa"}), told(&[r#"kty: unknown key type "rsa": use RSA, EC, OKP or oct"#])),
        ("kid, use, key_ops and alg of wrong types", rsa(json!({"kid": 1, "use": 2, "key_ops": "verify", "alg": []})),
            told(&["kid: must be a string", "alg: must be a string", "use: must be a string", "key_ops: must be an array of strings"])),
        ("a number in key_ops", rsa(json!({"key_ops": ["verify", 1]})), told(&["key_ops: must be an array of strings"])),

        ("RSA without n and e", json!({"kty": "RSA"}), told(&["n: missing", "e: missing"])),
        ("RSA, not base64url", rsa(json!({"n": "a+b/", "e": "AQAB="})),
            told(&["n: is not base64url without padding", "e: is not base64url without padding"])),
        ("RSA of 1024 bits", rsa(json!({"n": encode(&[0xff; 128])})), told(&["n: must have 2048 to 8192 bits, and has 1024"])),
        ("RSA of 2047 bits", rsa(json!({"n": encode(&[&[0x7f][..], &[0xff; 255]].concat())})), told(&["n: must have 2048 to 8192 bits, and has 2047"])),
        ("RSA of 8193 bits", rsa(json!({"n": encode(&[&[1][..], &[0xff; 1024]].concat())})), told(&["n: must have 2048 to 8192 bits, and has 8193"])),
        ("RSA, n empty", rsa(json!({"n": ""})), told(&["n: must have 2048 to 8192 bits, and has 0"])),
        ("RSA, n zero", rsa(json!({"n": encode(&[0; 256])})), told(&["n: must have 2048 to 8192 bits, and has 0"])),
        ("RSA, n even", rsa(json!({"n": encode(&[0xfe; 256])})), told(&["n: must be odd"])),
        ("RSA, e empty", rsa(json!({"e": ""})), told(&["e: must be odd, at least 3, and have at most 33 bits"])),
        ("RSA, e 1", rsa(json!({"e": "AQ"})), told(&["e: must be odd, at least 3, and have at most 33 bits"])),
        ("RSA, e even", rsa(json!({"e": "AQAA"})), told(&["e: must be odd, at least 3, and have at most 33 bits"])),
        ("RSA, e of 34 bits", rsa(json!({"e": encode(&[3, 0xff, 0xff, 0xff, 0xff])})), told(&["e: must be odd, at least 3, and have at most 33 bits"])),
        ("RSA, e huge", rsa(json!({"e": encode(&[0xff; 256])})), told(&["e: must be odd, at least 3, and have at most 33 bits"])),
        ("RSA private", rsa(json!({"d": "AQAB", "p": "AQ", "q": "AQ", "dp": "AQ", "dq": "AQ", "qi": "AQ", "oth": []})),
            private(&["d", "p", "q", "dp", "dq", "qi", "oth"])),
        ("RSA with alg ES256", rsa(json!({"alg": "ES256"})), told(&["alg: ES256 does not fit an RSA key"])),
        ("RSA with alg HS256", rsa(json!({"alg": "HS256"})), told(&["alg: HS256 does not fit an RSA key"])),

        ("EC without anything", json!({"kty": "EC"}), told(&["crv: missing"])),
        ("EC without a point", json!({"kty": "EC", "crv": "P-256"}), told(&["x: missing", "y: missing"])),
        ("EC, unknown curve", ec(json!({"crv": "secp256k1"})), told(&[r#"crv: unknown curve "secp256k1" for kty EC: use P-256, P-384 or P-521"#])),
        ("EC, a name that goes on", ec(json!({"crv": "P-256".repeat(1000)})), told(&[r#"crv: unknown curve "P-256P-256P-256P-256P-256P-256P-"… for kty EC: use P-256, P-384 or P-521"#])),
        ("EC, P-521 of 65 bytes", ec(json!({"crv": "P-521", "x": encode(&[7; 65]), "y": encode(&[7; 67])})),
            told(&["x: must be 66 bytes long, and is 65", "y: must be 66 bytes long, and is 67"])),
        ("EC, not on P-521", ec(json!({"crv": "P-521", "x": encode(&[1; 66]), "y": encode(&[1; 66])})), told(&["the point (x, y) is not on P-521"])),
        ("EC, Ed25519 named", ec(json!({"crv": "Ed25519"})), told(&[r#"crv: unknown curve "Ed25519" for kty EC: use P-256, P-384 or P-521"#])),
        ("EC, point of another curve", ec(json!({"crv": "P-384"})), told(&["x: must be 48 bytes long, and is 32", "y: must be 48 bytes long, and is 32"])),
        ("EC, a zero dropped", ec(json!({"x": encode(&[7; 31])})), told(&["x: must be 32 bytes long, and is 31"])),
        ("EC, coordinates swapped", swapped, told(&["the point (x, y) is not on P-256"])),
        ("EC, point zero", ec(json!({"x": encode(&[0; 32]), "y": encode(&[0; 32])})), told(&["the point (x, y) is not on P-256"])),
        ("EC, point beyond the field", ec(json!({"x": encode(&[0xff; 32])})), told(&["the point (x, y) is not on P-256"])),
        ("EC private", ec(json!({"d": "AQ"})), private(&["d"])),
        ("EC with alg ES384", ec(json!({"alg": "ES384"})), told(&["alg: ES384 does not fit a key on P-256"])),

        ("OKP without anything", json!({"kty": "OKP"}), told(&["crv: missing"])),
        ("OKP without x", okp(json!({"x": null})), told(&["x: missing"])),
        ("OKP, Ed448", okp(json!({"crv": "Ed448"})), told(&[r#"crv: unknown curve "Ed448" for kty OKP: use Ed25519"#])),
        ("OKP, X25519", okp(json!({"crv": "X25519"})), told(&[r#"crv: unknown curve "X25519" for kty OKP: use Ed25519"#])),
        ("OKP, x too short", okp(json!({"x": "AQ"})), told(&["x: must be 32 bytes long, and is 1"])),
        ("OKP, x of small order", okp(json!({"x": encode(&identity)})), told(&["x: is not an Ed25519 public key"])),
        ("OKP, y not below p", okp(json!({"x": encode(&[&[0xf0][..], &[0xff; 30], &[0x7f]].concat())})), told(&["x: is not an Ed25519 public key"])),
        ("OKP, x zero", okp(json!({"x": encode(&[0; 32])})), told(&["x: is not an Ed25519 public key"])),
        ("OKP private", okp(json!({"d": "AQ"})), private(&["d"])),
        ("OKP with alg ES256", okp(json!({"alg": "ES256"})), told(&["alg: ES256 does not fit an Ed25519 key"])),

        ("oct without k", json!({"kty": "oct"}), told(&["k: missing"])),
        ("oct, k a number", json!({"kty": "oct", "k": 1}), told(&["k: must be a string"])),
        ("oct, not base64url", json!({"kty": "oct", "k": "not a secret"}), told(&["k: is not base64url without padding"])),
        ("oct, empty", json!({"kty": "oct", "k": ""}), told(&["k: must be at least 32 bytes long, and is 0"])),
        ("oct, 31 bytes", json!({"kty": "oct", "k": encode(&[7; 31])}), told(&["k: must be at least 32 bytes long, and is 31"])),
        ("oct of 32 bytes with alg HS512", json!({"kty": "oct", "k": encode(&[7; 32]), "alg": "HS512"}), told(&["alg: HS512 does not fit a secret of 32 bytes"])),
        ("oct with alg RS256", json!({"kty": "oct", "k": encode(&[7; 64]), "alg": "RS256"}), told(&["alg: RS256 does not fit a secret of 64 bytes"])),
    ];
    for (name, jwk, expected) in cases {
        let errors = Key::from_value(jwk).unwrap_err();
        let messages: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(messages, *expected, "{name}");
    }
}

#[test]
fn nothing_prints_a_key() {
    let secret = "MARKER-that-stands-for-a-secret-of-44-symbol";
    let jwk = json!({"kty": "oct", "kid": "a", "k": secret});
    let key = Key::from_value(&jwk).unwrap();
    let expected = r#"Key { kid: Some("a"), kty: "oct", usage: AnySignature, .. }"#;
    assert_eq!(format!("{key:?}"), expected);
    let set = JwkSet::from_value(&json!({"keys": [jwk]})).unwrap();
    assert_eq!(
        format!("{set:?}"),
        format!("JwkSet {{ keys: [{expected}] }}")
    );
    let short = json!({"kty": "oct", "k": "MARKER"});
    assert!(!format!("{:?}", Key::from_value(&short)).contains("MARKER"));
}

/// How many keys were read, or what was told.
type Outcome = Result<usize, Vec<&'static str>>;

#[test]
fn a_written_set_is_all_good_or_refused() {
    let (rsa, ec, okp, oct) = (
        value(RFC7515_A2_KEY),
        value(RFC7515_A3_KEY),
        value(RFC8037_A4_KEY),
        value(RFC7515_A1_KEY),
    );
    let rsa_named = |kid: &str| changed(RFC7515_A2_KEY, json!({"kid": kid}));
    let enc = changed(RFC7515_A2_KEY, json!({"use": "enc"}));
    #[rustfmt::skip]
    let cases: &[(&str, Value, Outcome)] = &[
        ("all types, no names", json!({"keys": [rsa, ec, okp, oct]}), Ok(4)),
        ("one name for two types", json!({"keys": [rsa_named("a"), changed(RFC7515_A3_KEY, json!({"kid": "a"}))]}), Ok(2)),
        ("one for encryption among them", json!({"keys": [enc, ec]}), Ok(2)),
        ("not an object", json!([]), Err(vec![r#"must be an object with "keys""#])),
        ("no keys", json!({}), Err(vec!["keys: missing"])),
        ("a single key", rsa.clone(), Err(vec!["keys: missing"])),
        ("keys not an array", json!({"keys": {}}), Err(vec!["keys: must be an array"])),
        ("no key at all", json!({"keys": []}), Err(vec!["keys: no key verifies signatures"])),
        ("for encryption alone", json!({"keys": [enc]}), Err(vec!["keys: no key verifies signatures"])),
        ("a name twice", json!({"keys": [rsa_named("a"), rsa_named("b"), rsa_named("a")]}),
            Err(vec![r#"keys[2].kid: keys[0] of the same type is named "a" too"#])),
        ("everything wrong is told", json!({"keys": [1, rsa, {"kty": "RSA", "e": "AQAB"}, {"kty": "XYZ"}]}), Err(vec![
            "keys[0]: must be an object",
            "keys[2].n: missing",
            r#"keys[3].kty: unknown key type "XYZ": use RSA, EC, OKP or oct"#,
        ])),
    ];
    for (name, set, expected) in cases {
        let outcome = JwkSet::from_value(set)
            .map(|set| set.keys().len())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>());
        let expected = expected
            .clone()
            .map_err(|errors| errors.into_iter().map(str::to_owned).collect());
        assert_eq!(outcome, expected, "{name}");
    }
}

#[test]
fn a_published_set_serves_without_its_bad_keys() {
    let named = |kid: &str, changes: Value| {
        let mut jwk = changed(RFC7515_A2_KEY, changes);
        jwk["kid"] = json!(kid);
        jwk
    };
    let set = json!({"keys": [
        {"kty": "XYZ", "kid": "new"},
        named("a", json!({})),
        named("leaked", json!({"d": "AQ"})),
        value(RFC7515_A1_KEY),
        named("a", json!({})),
        null,
        changed(RFC7515_A3_KEY, json!({"crv": "P-192"})),
        {"kty": "OKP", "crv": "X25519", "x": "AA", "use": "enc"},
        named("encryption", json!({"use": "enc", "alg": "RSA-OAEP"})),
        named("signing", json!({"key_ops": ["sign"]})),
        named("algorithm", json!({"alg": "RS1"})),
        named("confused", json!({"alg": "HS256"})),
        named("short", json!({"n": encode(&[0xff; 128])})),
        named("b", json!({"use": "sig", "key_ops": ["verify"], "alg": "PS512"})),
    ]});
    let (keys, left_out) = JwkSet::from_published(&set).unwrap();
    let kids: Vec<_> = keys.keys().iter().map(Key::kid).collect();
    assert_eq!(kids, [Some("a"), Some("a"), Some("b")]);
    let messages: Vec<_> = left_out.iter().map(ToString::to_string).collect();
    assert_eq!(
        messages,
        [
            r#"keys[0].kty: unknown key type "XYZ": use RSA, EC, OKP or oct"#,
            "keys[2].d: a private key stands where a public key belongs: \
             remove it, and replace the key if others may have seen it",
            "keys[3].kty: a secret (kty oct) in a published set is no secret",
            "keys[5]: must be an object",
            r#"keys[6].crv: unknown curve "P-192" for kty EC: use P-256, P-384 or P-521"#,
            r#"keys[7].crv: unknown curve "X25519" for kty OKP: use Ed25519"#,
            "keys[8].use: is not sig",
            "keys[9].key_ops: has no verify",
            "keys[10].alg: is not a supported algorithm",
            "keys[11].alg: HS256 does not fit an RSA key",
            "keys[12].n: must have 2048 to 8192 bits, and has 1024",
        ]
    );
}

#[test]
fn a_published_set_without_a_usable_key_is_an_error() {
    let enc = changed(RFC7515_A2_KEY, json!({"use": "enc"}));
    #[rustfmt::skip]
    let cases: &[(&str, Value, &[&str])] = &[
        ("no keys", json!({}), &["keys: missing"]),
        ("null", json!(null), &[r#"must be an object with "keys""#]),
        ("an array", json!([]), &[r#"must be an object with "keys""#]),
        ("keys a number", json!({"keys": 1}), &["keys: must be an array"]),
        ("keys an object", json!({"keys": {"a": value(RFC7515_A2_KEY)}}), &["keys: must be an array"]),
        ("empty", json!({"keys": []}), &["keys: no key verifies signatures"]),
        ("for encryption alone", json!({"keys": [enc]}), &["keys: no key verifies signatures", "keys[0].use: is not sig"]),
        ("a secret alone", json!({"keys": [value(RFC7515_A1_KEY)]}),
            &["keys: no key verifies signatures", "keys[0].kty: a secret (kty oct) in a published set is no secret"]),
    ];
    for (name, set, expected) in cases {
        let errors = JwkSet::from_published(set).unwrap_err();
        let messages: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(messages, *expected, "{name}");
    }
}

#[test]
fn of_a_published_set_so_many_keys_are_read_and_no_more() {
    let set = |good: usize| {
        let mut keys = vec![json!({"kty": "XYZ"}); MAX_PUBLISHED_KEYS - good];
        keys.extend(vec![value(RFC7515_A3_KEY); good]);
        keys
    };
    let (keys, left_out) = JwkSet::from_published(&json!({"keys": set(100)})).unwrap();
    assert_eq!((keys.keys().len(), left_out.len()), (100, 0));

    let mut more = set(1);
    more.extend(vec![value(RFC7515_A3_KEY); 4900]);
    let (keys, left_out) = JwkSet::from_published(&json!({"keys": more})).unwrap();
    assert_eq!((keys.keys().len(), left_out.len()), (1, 100));
    assert_eq!(
        left_out[99].to_string(),
        "keys: only the first 100 of 5000 keys are read"
    );

    let mut none = set(0);
    none.push(value(RFC7515_A3_KEY));
    let errors = JwkSet::from_published(&json!({"keys": none})).unwrap_err();
    assert_eq!(errors.len(), 102);
    assert_eq!(errors[0].to_string(), "keys: no key verifies signatures");
    assert_eq!(
        errors[101].to_string(),
        "keys: only the first 100 of 101 keys are read"
    );
}

type Kid = Option<&'static str>;

#[test]
fn candidates_are_those_that_may_have_signed() {
    let set = JwkSet::from_value(&json!({"keys": [
        changed(RFC7520_4_1_KEY, json!({"kid": null})),
        changed(RFC7515_A2_KEY, json!({"kid": "a"})),
        changed(RFC7515_A2_KEY, json!({"kid": "b", "alg": "RS512"})),
        changed(RFC7515_A2_KEY, json!({"kid": "c", "use": "enc"})),
        changed(RFC7515_A3_KEY, json!({"kid": "a"})),
    ]}))
    .unwrap();
    let nameless = None;
    #[rustfmt::skip]
    let cases: &[(&str, Algorithm, Kid, &[Kid])] = &[
        ("by name, and the nameless", Algorithm::Rs256, Some("a"), &[Some("a"), nameless]),
        ("restricted to another algorithm", Algorithm::Rs256, Some("b"), &[nameless]),
        ("restricted to this algorithm", Algorithm::Rs512, Some("b"), &[Some("b"), nameless]),
        ("for encryption", Algorithm::Rs256, Some("c"), &[nameless]),
        ("no name in the token", Algorithm::Rs256, None, &[nameless, Some("a")]),
        ("unknown name", Algorithm::Rs256, Some("z"), &[nameless]),
        ("empty name", Algorithm::Rs256, Some(""), &[nameless]),
        ("the name, of the other type", Algorithm::Es256, Some("a"), &[Some("a")]),
        ("the name, of no type", Algorithm::Hs256, Some("a"), &[]),
    ];
    for (name, algorithm, kid, expected) in cases {
        let candidates: Vec<_> = set.candidates(*algorithm, *kid).map(Key::kid).collect();
        assert_eq!(candidates, *expected, "{name}");
    }
}
