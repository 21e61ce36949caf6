//! Tokens of claims that a test chooses, by HS256 with the secret of `testdata/`.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Good claims for the next hour, with these in addition or in place.
pub(super) fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": "https://issuer.example",
        "aud": "api",
        "sub": "ann",
        "exp": 1_767_225_600 + 3600,
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

/// A token of these claims, with these members of its header beside `alg`.
pub(super) fn hs256(header: &Value, claims: &Value) -> String {
    let mut head = json!({"alg": "HS256"});
    for (name, value) in header.as_object().unwrap() {
        head[name] = value.clone();
    }
    let input = format!(
        "{}.{}",
        base64url(head.to_string().as_bytes()),
        base64url(claims.to_string().as_bytes())
    );
    // SHA-512 of this is the secret, as `testdata/mint.py` has it.
    let key = sha2::Sha512::digest(b"gatehouse tests");
    let pad = |with: u8| key.iter().map(|byte| byte ^ with).collect::<Vec<u8>>();
    let inner = Sha256::digest([&pad(0x36), input.as_bytes()].concat());
    let tag = Sha256::digest([&pad(0x5c), &inner[..]].concat());
    format!("{input}.{}", base64url(&tag))
}

/// Without padding.
pub(super) fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut number = 0_u32;
        for index in 0..3 {
            number = number << 8 | u32::from(chunk.get(index).copied().unwrap_or(0));
        }
        for index in 0..=chunk.len() {
            let sextet = number >> (18 - 6 * index) & 63;
            text.push(char::from(LETTERS[sextet as usize]));
        }
    }
    text
}
