//! Forgeries from the literature (RFC 8725; RFC 7515, section 10), each against a set with a key of
//! every type: none of them may come out as verified claims.

mod ecdsa;
mod headers;

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::{Sha256, Sha384, Sha512};

use crate::vectors::*;
use crate::{JwkSet, Jws, base64url};

fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

fn keys() -> JwkSet {
    JwkSet::from_value(&serde_json::from_str(MINTED_KEYS).unwrap()).unwrap()
}

/// What a careful caller does, with every algorithm allowed: the claims, if any key verifies.
fn verified(token: &str) -> Option<Value> {
    let jws = Jws::parse(token.as_bytes()).ok()?;
    let keys = keys();
    let mut candidates = keys.candidates(jws.algorithm(), jws.kid());
    candidates
        .any(|key| key.verify(jws.algorithm(), jws.signing_input(), jws.signature()))
        .then_some(())?;
    jws.claims().ok().map(Value::Object)
}

fn unsigned(header: &Value) -> String {
    let claims = json!({"iss": "https://issuer.example", "aud": "api", "sub": "root"});
    format!(
        "{}.{}",
        encode(header.to_string().as_bytes()),
        encode(claims.to_string().as_bytes())
    )
}

/// A token under `header` whose HMAC is right for `secret`: by the hash that `alg` names, or SHA-256.
fn hmac_token(header: &Value, secret: &[u8]) -> String {
    let input = unsigned(header);
    let tag = match header["alg"].as_str() {
        Some("HS384") => tag::<Hmac<Sha384>>(&input, secret),
        Some("HS512") => tag::<Hmac<Sha512>>(&input, secret),
        _ => tag::<Hmac<Sha256>>(&input, secret),
    };
    format!("{input}.{}", encode(&tag))
}

/// A token of these bytes whose HMAC-SHA-256 is right for `secret`.
fn hmac_token_of(header: &[u8], payload: &[u8], secret: &[u8]) -> String {
    let input = format!("{}.{}", encode(header), encode(payload));
    let tag = tag::<Hmac<Sha256>>(&input, secret);
    format!("{input}.{}", encode(&tag))
}

fn tag<M: Mac + hmac::digest::KeyInit>(input: &str, secret: &[u8]) -> Vec<u8> {
    let mac = <M as Mac>::new_from_slice(secret).unwrap();
    let tag = mac.chain_update(input.as_bytes()).finalize();
    tag.into_bytes().to_vec()
}

fn with_signature(header: &Value, signature: &[u8]) -> String {
    format!("{}.{}", unsigned(header), encode(signature))
}

/// `token` with `part` (0 to 2) in place of its own.
fn with_part(token: &str, part: usize, text: &str) -> String {
    let mut parts: Vec<_> = token.split('.').collect();
    parts[part] = text;
    parts.join(".")
}

fn signature_of(token: &str) -> Vec<u8> {
    base64url::decode(token.rsplit_once('.').unwrap().1.as_bytes()).unwrap()
}

#[test]
fn the_real_tokens_pass() {
    for token in [MINTED_RS256, MINTED_ES256, MINTED_HS256, MINTED_EDDSA] {
        let claims = verified(token).unwrap();
        assert_eq!(claims["sub"], "ann");
    }
}

#[test]
fn forgeries_do_not() {
    let spki = base64url::decode(MINTED_RSA_SPKI.as_bytes()).unwrap();
    let jwk = serde_json::from_str::<Value>(MINTED_KEYS).unwrap()["keys"][0].clone();
    let modulus = base64url::decode(jwk["n"].as_str().unwrap().as_bytes()).unwrap();
    let own = json!({"kty": "oct", "k": encode(&[7; 32])});
    let hs = |kid: &str| json!({"alg": "HS256", "kid": kid});
    let es = json!({"alg": "ES256", "kid": "p256"});
    let rs = json!({"alg": "RS256", "kid": "rsa"});
    let hmac_tag = signature_of(MINTED_HS256);
    let rsa_signature = signature_of(MINTED_RS256);
    let ec_signature = signature_of(MINTED_ES256);
    let ec_der = base64url::decode(MINTED_ES256_DER.as_bytes()).unwrap();
    let ps256 = encode(json!({"alg": "RS256", "kid": "rsa"}).to_string().as_bytes());
    let other_payload = encode(br#"{"sub":"root"}"#);
    let doubled_alg = encode(br#"{"alg":"HS256","alg":"none"}"#);
    #[rustfmt::skip]
    let cases: &[(&str, String)] = &[
        ("alg none, no signature", format!("{}.", unsigned(&json!({"alg": "none"})))),
        ("alg none, some signature", with_signature(&json!({"alg": "none"}), b"x")),
        ("alg None", with_signature(&json!({"alg": "None"}), b"x")),
        ("alg nOnE", with_signature(&json!({"alg": "nOnE"}), b"x")),
        ("signature stripped", with_part(MINTED_RS256, 2, "")),
        ("signature part stripped", MINTED_RS256.rsplit_once('.').unwrap().0.to_owned()),
        ("payload replaced, RSA", with_part(MINTED_RS256, 1, &other_payload)),
        ("payload replaced, ECDSA", with_part(MINTED_ES256, 1, &other_payload)),
        ("payload replaced, Ed25519", with_part(MINTED_EDDSA, 1, &other_payload)),
        ("payload replaced, HMAC", with_part(MINTED_HS256, 1, &other_payload)),
        ("RSA key as HMAC secret, PEM", hmac_token(&hs("rsa"), MINTED_RSA_PEM.as_bytes())),
        ("RSA key as HMAC secret, PEM trimmed", hmac_token(&hs("rsa"), MINTED_RSA_PEM.trim_end().as_bytes())),
        ("RSA key as HMAC secret, DER", hmac_token(&hs("rsa"), &spki)),
        ("RSA key as HMAC secret, modulus", hmac_token(&hs("rsa"), &modulus)),
        ("RSA key as HMAC secret, JWK", hmac_token(&hs("rsa"), jwk.to_string().as_bytes())),
        ("RSA key as HMAC secret, no kid", hmac_token(&json!({"alg": "HS256"}), MINTED_RSA_PEM.as_bytes())),
        ("RSA key as HMAC secret, kid of the secret", hmac_token(&hs("oct"), MINTED_RSA_PEM.as_bytes())),
        ("EC key as HMAC secret", hmac_token(&hs("p256"), &base64url::decode(MINTED_P256_SPKI.as_bytes()).unwrap())),
        ("empty HMAC secret", hmac_token(&hs("oct"), b"")),
        ("embedded jwk", hmac_token(&json!({"alg": "HS256", "jwk": own}), &[7; 32])),
        ("embedded jwk under a known kid", hmac_token(&json!({"alg": "HS256", "kid": "oct", "jwk": own}), &[7; 32])),
        ("kid is a path", hmac_token(&hs("../../../dev/null"), b"")),
        ("kid is a statement", hmac_token(&hs("x' UNION SELECT 'key'"), b"key")),
        ("PSS signature under RS256", with_part(MINTED_PS256, 0, &ps256)),
        ("header with alg twice", with_part(MINTED_HS256, 0, &doubled_alg)),
        ("HMAC cut to 1 byte", with_part(MINTED_HS256, 2, &encode(&hmac_tag[..1]))),
        ("HMAC cut to 16 bytes", with_part(MINTED_HS256, 2, &encode(&hmac_tag[..16]))),
        ("HMAC with a byte more", with_part(MINTED_HS256, 2, &encode(&[&hmac_tag[..], &[0]].concat()))),
        ("ECDSA as DER", with_part(MINTED_ES256, 2, &encode(&ec_der))),
        ("ECDSA r and s zero", with_signature(&es, &[0; 64])),
        ("ECDSA r zero", with_part(MINTED_ES256, 2, &encode(&[&[0; 32], &ec_signature[32..]].concat()))),
        ("ECDSA s zero", with_part(MINTED_ES256, 2, &encode(&[&ec_signature[..32], &[0; 32]].concat()))),
        ("ECDSA r and s swapped", with_part(MINTED_ES256, 2, &encode(&[&ec_signature[32..], &ec_signature[..32]].concat()))),
        ("ECDSA r only", with_part(MINTED_ES256, 2, &encode(&ec_signature[..32]))),
        ("ECDSA padded as P-384", with_part(MINTED_ES256, 2, &encode(&[&[0; 16], &ec_signature[..32], &[0; 16], &ec_signature[32..]].concat()))),
        ("ECDSA all 0xff", with_signature(&es, &[0xff; 64])),
        ("RSA truncated", with_part(MINTED_RS256, 2, &encode(&rsa_signature[..255]))),
        ("RSA with a zero before", with_part(MINTED_RS256, 2, &encode(&[&[0], &rsa_signature[..]].concat()))),
        ("RSA zero", with_signature(&rs, &[0; 256])),
        ("RSA one", with_signature(&rs, &[&[0; 255][..], &[1]].concat())),
        ("RSA all 0xff", with_signature(&rs, &[0xff; 256])),
        ("RSA, the modulus itself", with_signature(&rs, &modulus)),
        ("Ed25519 all zero", with_signature(&json!({"alg": "EdDSA", "kid": "ed"}), &[0; 64])),
        ("Ed25519 all 0xff", with_signature(&json!({"alg": "EdDSA", "kid": "ed"}), &[0xff; 64])),
        ("padded", format!("{MINTED_HS256}=")),
        ("white space behind", format!("{MINTED_HS256} ")),
        ("white space before", format!("\t{MINTED_HS256}")),
        ("a fourth part", format!("{MINTED_HS256}.")),
        ("scheme left in front", format!("Bearer {MINTED_HS256}")),
        ("two tokens", format!("{MINTED_HS256},{MINTED_HS256}")),
    ];
    for (name, token) in cases {
        assert_eq!(verified(token), None, "{name}");
    }
}

/// The last character of a 32-byte HMAC carries two bits that stand for nothing: set, they would
/// give one signature four spellings.
#[test]
fn a_signature_has_one_spelling() {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (rest, last) = MINTED_HS256.split_at(MINTED_HS256.len() - 1);
    let spellings: Vec<String> = ALPHABET
        .iter()
        .map(|letter| format!("{rest}{}", char::from(*letter)))
        .filter(|token| verified(token).is_some())
        .collect();
    assert_eq!(spellings, [format!("{rest}{last}")]);
}

/// A good signature does not make a payload good.
#[test]
fn signed_claims_are_read_strictly() {
    let header = br#"{"alg":"HS256"}"#;
    let secret = [7; 32];
    let keys = json!({"keys": [{"kty": "oct", "k": encode(&secret)}]});
    let keys = JwkSet::from_value(&keys).unwrap();
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100), "]".repeat(100));
    for (payload, expected) in [
        (
            r#"{"sub":"ann","sub":"root"}"#,
            r#"the payload is not JSON: duplicate key "sub" at line 1 column 18"#,
        ),
        (
            deep.as_str(),
            "the payload is not JSON: nested deeper than 64 levels at line 1 column 69",
        ),
        (r#""root""#, "the payload is not a JSON object"),
    ] {
        let token = hmac_token_of(header, payload.as_bytes(), &secret);
        let jws = Jws::parse(token.as_bytes()).unwrap();
        assert!(keys.keys()[0].verify(jws.algorithm(), jws.signing_input(), jws.signature()));
        assert_eq!(jws.claims().unwrap_err().to_string(), expected);
    }
}
