//! Tokens by the code that the filters verify tokens with.

use super::{Mint, TokenSpec};
use crate::key::TestKey;
use gatehouse_config::{Context, Decode as _, Value};
use gatehouse_jose::{Algorithm, JwkSet, Jws};
use serde_json::{Map, json};
use std::path::Path;

/// 2026-01-01T00:00:00Z
const NOW: u64 = 1_767_225_600_000_000_000;
const SECONDS: u64 = NOW / 1_000_000_000;

fn mint(keys: &[(&str, Value)]) -> Mint {
    let nothing = |_: &str| None;
    let mut context = Context::new(&nothing);
    let mut mint = Mint::default();
    for (name, spec) in keys {
        let key = TestKey::load(name, spec, Path::new(""), &mut context).expect("a key");
        mint.keys.insert((*name).to_owned(), key);
    }
    mint
}

fn token(mint: &Mint, spec: Value) -> String {
    let nothing = |_: &str| None;
    let mut context = Context::new(&nothing);
    let spec = TokenSpec::decode(&spec, &mut context).expect("a token");
    let token = mint.token(&spec, NOW, &mut context);
    token.unwrap_or_else(|| panic!("{:?}", context.into_problems()))
}

fn verifies(mint: &Mint, key: &str, token: &str) -> bool {
    let set = json!({"keys": [mint.keys[key].jwk()]});
    let set = JwkSet::from_value(&set).expect("a set of keys");
    let Ok(jws) = Jws::parse(token.as_bytes()) else {
        return false;
    };
    set.candidates(jws.algorithm(), jws.kid())
        .any(|key| key.verify(jws.algorithm(), jws.signing_input(), jws.signature()))
}

#[test]
fn every_algorithm_verifies_and_is_the_same_each_time() {
    for algorithm in Algorithm::ALL {
        let name = algorithm.as_str();
        let made = || mint(&[("a", json!({"algorithm": name}))]);
        let (first, second) = (made(), made());
        let spec = json!({"key": "a", "claims": {"sub": "ann"}});
        let minted = token(&first, spec.clone());
        assert!(verifies(&first, "a", &minted), "{name}");
        assert_eq!(minted, token(&second, spec), "{name}");
        let broken = token(&first, json!({"key": "a", "signature": "broken"}));
        assert!(!verifies(&first, "a", &broken), "{name}");
        let missing = token(&first, json!({"key": "a", "signature": "missing"}));
        assert!(
            missing.ends_with('.') && !verifies(&first, "a", &missing),
            "{name}"
        );
    }
}

#[test]
fn another_key_of_the_same_kid_does_not_verify() {
    let mint = mint(&[
        ("a", json!({"algorithm": "EdDSA"})),
        ("b", json!({"algorithm": "EdDSA", "kid": "a"})),
        (
            "s",
            json!({"algorithm": "HS256", "secret": "0123456789abcdef0123456789abcdef"}),
        ),
    ]);
    let minted = token(&mint, json!({"key": "b"}));
    assert!(verifies(&mint, "b", &minted));
    assert!(!verifies(&mint, "a", &minted));
    assert!(verifies(&mint, "s", &token(&mint, json!({"key": "s"}))));
}

#[test]
fn what_a_token_says() {
    let mut mint = mint(&[
        ("a", json!({"algorithm": "EdDSA"})),
        ("h", json!({"algorithm": "HS256"})),
    ]);
    let nothing = |_: &str| None;
    let base = json!({"key": "a", "header": {"x": 1}, "claims": {"sub": "ann", "aud": "api", "nbf": "-1m"}});
    let base = TokenSpec::decode(&base, &mut Context::new(&nothing)).expect("a token");
    mint.tokens.insert("ann".to_owned(), base);
    let part = |text: &str| -> Value {
        use base64ct::{Base64UrlUnpadded, Encoding as _};
        let bytes = Base64UrlUnpadded::decode_vec(text).expect("base64");
        serde_json::from_slice(&bytes).expect("JSON")
    };
    let with = |base: Value, more: Value| {
        let mut map: Map<String, Value> = base.as_object().expect("an object").clone();
        map.extend(more.as_object().expect("an object").clone());
        Value::Object(map)
    };
    let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": "a"});
    let times = json!({"iat": SECONDS, "exp": SECONDS + 300});
    let ann = with(
        times.clone(),
        json!({"sub": "ann", "aud": "api", "nbf": SECONDS - 60}),
    );
    let cases = [
        (
            "nothing",
            json!({"key": "a"}),
            header.clone(),
            times.clone(),
        ),
        (
            "like another",
            json!({"like": "ann"}),
            with(header.clone(), json!({"x": 1})),
            ann.clone(),
        ),
        (
            "relative times",
            json!({"key": "a", "claims": {"iat": "now", "nbf": "+1h", "exp": "-2d"}}),
            header.clone(),
            json!({"iat": SECONDS, "nbf": SECONDS + 3600, "exp": SECONDS - 172_800}),
        ),
        (
            "absolute times",
            json!({"key": "a", "claims": {"iat": 1, "exp": "2027-01-01T00:00:00Z"}}),
            header.clone(),
            json!({"iat": 1, "exp": 1_798_761_600}),
        ),
        (
            "what is taken away",
            json!({"like": "ann", "header": {"kid": null, "typ": null, "x": null}, "claims": {"exp": null, "aud": null}}),
            json!({"alg": "EdDSA"}),
            json!({"iat": SECONDS, "sub": "ann", "nbf": SECONDS - 60}),
        ),
        (
            "another key, and its algorithm",
            json!({"like": "ann", "key": "h"}),
            json!({"alg": "HS256", "typ": "JWT", "kid": "h", "x": 1}),
            ann.clone(),
        ),
        (
            "no algorithm",
            json!({"like": "ann", "algorithm": "none"}),
            with(header.clone(), json!({"alg": "none", "x": 1})),
            ann.clone(),
        ),
        (
            "a header that lies",
            json!({"key": "a", "header": {"alg": "RS256"}}),
            with(header, json!({"alg": "RS256"})),
            times,
        ),
    ];
    for (name, spec, header, claims) in cases {
        let minted = token(&mint, spec);
        let parts: Vec<&str> = minted.split('.').collect();
        assert_eq!(parts.len(), 3, "{name}");
        assert_eq!(part(parts[0]), header, "{name}");
        assert_eq!(part(parts[1]), claims, "{name}");
        assert_eq!(parts[2].is_empty(), name == "no algorithm", "{name}");
    }
}
