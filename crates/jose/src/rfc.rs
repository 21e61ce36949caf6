//! The RFCs' own vectors beyond those of `vectors.rs`; `testdata/rfc.py` says where they are from.
//!
//! Of RFC 7520, sections 4.6 to 4.8 are of the JSON serializations, which are not read here: their
//! signatures are verified over what they sign, and the documents refused.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Map, Value};

use crate::vectors::{RFC7515_A1, RFC7515_A1_KEY};
use crate::{Algorithm, ClaimError, ClaimRules, JwkSet, Jws, Key, base64url, validate};

fn data() -> Map<String, Value> {
    let text = include_str!("../testdata/rfc.json");
    match gatehouse_strict_json::parse(text.as_bytes()).unwrap() {
        Value::Object(members) => members,
        other => panic!("{other}"),
    }
}

struct Vector {
    name: String,
    algorithm: Algorithm,
    key: Key,
    input: String,
    signature: Vec<u8>,
}

fn vectors() -> Vec<Vector> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    data()["vectors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|vector| Vector {
            name: text(&vector["name"]),
            algorithm: text(&vector["alg"]).parse().unwrap(),
            key: Key::from_value(&vector["jwk"]).unwrap(),
            input: text(&vector["input"]),
            signature: base64url::decode(text(&vector["signature"]).as_bytes()).unwrap(),
        })
        .collect()
}

#[test]
fn signatures_verify() {
    let vectors = vectors();
    let names: Vec<_> = vectors.iter().map(|vector| vector.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "RFC 7515 A.4",
            "RFC 7515 A.6.1",
            "RFC 7515 A.6.2",
            "RFC 7520 4.1",
            "RFC 7520 4.2",
            "RFC 7520 4.3",
            "RFC 7520 4.4",
            "RFC 7520 4.6",
            "RFC 7520 4.7",
            "RFC 7520 4.8.2",
            "RFC 7520 4.8.3",
            "RFC 7520 4.8.4",
            "RFC 7797 4.1",
        ]
    );
    for Vector {
        name,
        algorithm,
        key,
        input,
        signature,
    } in vectors
    {
        assert!(
            key.verify(algorithm, input.as_bytes(), &signature),
            "{name}"
        );
        for other in Algorithm::ALL {
            let verified = key.verify(other, input.as_bytes(), &signature);
            assert_eq!(verified, other == algorithm, "{name} by {other}");
        }
        assert!(!key.verify(algorithm, b"", &signature), "{name}, no input");
        assert!(
            !key.verify(algorithm, &input.as_bytes()[1..], &signature),
            "{name}, input cut"
        );
        for index in 0..signature.len() {
            let mut flipped = signature.clone();
            flipped[index] ^= 0x80;
            assert!(
                !key.verify(algorithm, input.as_bytes(), &flipped),
                "{name}, bit in {index}"
            );
        }
    }
}

/// Where header and payload stand in a token, the token is read as well.
#[test]
fn compact_serializations_are_read() {
    let mut read = 0;
    for vector in vectors() {
        if vector.input.starts_with('.') {
            continue; // RFC 7520, 4.7 and 4.8.3: no protected header.
        }
        let signature = Base64UrlUnpadded::encode_string(&vector.signature);
        let token = format!("{}.{signature}", vector.input);
        let jws = Jws::parse(token.as_bytes()).unwrap();
        assert_eq!(jws.algorithm(), vector.algorithm, "{}", vector.name);
        assert_eq!(jws.signature(), vector.signature, "{}", vector.name);
        assert_eq!(jws.signing_input(), vector.input.as_bytes());
        read += 1;
    }
    assert_eq!(read, 11);
}

#[test]
fn what_is_not_a_signed_token_in_three_parts_is_refused() {
    const PARTS: &str = "the token does not have three parts";
    let data = data();
    let refused = data["refused"].as_object().unwrap();
    let expected: &[(&str, &str)] = &[
        ("RFC 7515 A.5", "the signature is empty"),
        ("RFC 7515 A.6", PARTS),
        ("RFC 7515 A.7", PARTS),
        ("RFC 7519 6.1", "the signature is empty"),
        ("RFC 7519 A.1", PARTS),
        ("RFC 7519 A.2", PARTS),
        ("RFC 7520 4.5", "the payload is empty"),
        ("RFC 7520 4.6", PARTS),
        ("RFC 7520 4.7", PARTS),
        ("RFC 7520 4.8", PARTS),
        ("RFC 7797 4.2", "the payload is empty"),
        ("RFC 7797 4.2, payload in place", PARTS),
        (
            "RFC 7797 4.2, payload encoded",
            "the header has critical extensions (crit)",
        ),
    ];
    assert_eq!(refused.len(), expected.len());
    for (name, message) in expected {
        let token = refused[*name].as_str().unwrap();
        let error = Jws::parse(token.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), *message, "{name}");
    }
}

/// RFC 7797 leaves `crit` out at the sender's peril (section 6): such a token is refused too.
#[test]
fn an_unencoded_payload_is_refused_without_crit() {
    for (header, expected) in [
        (
            r#"{"alg":"HS256","b64":false}"#,
            Err("the payload is not encoded (b64)"),
        ),
        (
            r#"{"alg":"HS256","b64":0}"#,
            Err("the payload is not encoded (b64)"),
        ),
        (
            r#"{"alg":"HS256","b64":null}"#,
            Err("the payload is not encoded (b64)"),
        ),
        (r#"{"alg":"HS256","b64":true}"#, Ok(())),
    ] {
        let header = Base64UrlUnpadded::encode_string(header.as_bytes());
        let token = format!("{header}.JC4wMg.AAAA");
        let outcome = Jws::parse(token.as_bytes()).map(|_| ());
        let outcome = outcome.map_err(|error| error.to_string());
        assert_eq!(outcome, expected.map_err(str::to_owned));
    }
}

#[test]
fn keys() {
    let told = |key: &Value| match Key::from_value(key) {
        Ok(key) => Algorithm::ALL
            .iter()
            .filter(|algorithm| key.accepts(**algorithm))
            .map(|algorithm| algorithm.as_str())
            .collect::<Vec<_>>()
            .join(" "),
        Err(errors) => errors[0].path.clone(),
    };
    const RSA: &str = "RS256 RS384 RS512 PS256 PS384 PS512";
    let data = data();
    let keys = data["keys"].as_object().unwrap();
    let expected: &[(&str, &str)] = &[
        ("RFC 7517 A.1, EC", ""), // use: enc
        ("RFC 7517 A.1, RSA", "RS256"),
        ("RFC 7520 3.1", "ES512"),
        ("RFC 7520 3.2", "d"),
        ("RFC 7520 3.3", RSA),
        ("RFC 7520 3.4", "d"),
        ("RFC 7520 3.5", "HS256"),
        ("RFC 7520 3.6", ""), // alg: A256GCM
        ("RFC 7517 B", RSA),  // x5c is ignored
    ];
    assert_eq!(keys.len(), expected.len());
    for (name, outcome) in expected {
        assert_eq!(told(&keys[*name]), *outcome, "{name}");
    }
    let set = serde_json::json!({"keys": keys.values().collect::<Vec<_>>()});
    let (published, left_out) = JwkSet::from_published(&set).unwrap();
    assert_eq!(published.keys().len(), 4);
    let paths: Vec<_> = left_out.iter().map(|error| error.path.as_str()).collect();
    let private = ["d", "p", "q", "dp", "dq", "qi"].map(|name| format!("keys[5].{name}"));
    let mut expected = vec!["keys[0].use".to_owned(), "keys[3].d".to_owned()];
    expected.extend(private);
    expected.extend(["keys[6].kty", "keys[7].kty"].map(str::to_owned));
    assert_eq!(paths, expected);
}

/// RFC 7519, section 3.1: the token of RFC 7515, A.1, good until 2011-03-22T18:43:00Z.
#[test]
fn the_claims_of_rfc_7519_3_1() {
    let key = Key::from_value(&serde_json::from_str(RFC7515_A1_KEY).unwrap()).unwrap();
    let jws = Jws::parse(RFC7515_A1.as_bytes()).unwrap();
    assert!(key.verify(jws.algorithm(), jws.signing_input(), jws.signature()));
    let claims = jws.claims().unwrap();
    assert_eq!(claims["http://example.com/is_root"], Value::Bool(true));
    let rules = |issuer: &str| ClaimRules {
        issuer: Some(issuer.to_owned()),
        ..ClaimRules::default()
    };
    const EXPIRY_NS: u64 = 1_300_819_380_000_000_000;
    assert_eq!(validate(&claims, &rules("joe"), EXPIRY_NS - 1), Ok(()));
    let expired = Err(ClaimError::Expired);
    assert_eq!(validate(&claims, &rules("joe"), EXPIRY_NS), expired);
    let mismatch = Err(ClaimError::IssuerMismatch);
    assert_eq!(validate(&claims, &rules("jim"), EXPIRY_NS - 1), mismatch);
}
