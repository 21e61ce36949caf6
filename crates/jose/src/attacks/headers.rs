//! What a header can try: each token is signed rightly, by a key that its sender has.

use base64ct::{Base64, Encoding};
use ed25519_dalek::Signer;
use serde_json::{Value, json};

use super::{encode, hmac_token, hmac_token_of, unsigned, verified, with_part};
use crate::vectors::*;
use crate::{Jws, MAX_TOKEN_BYTES, interop};

/// The secret of a client who is a stranger to the set.
const OWN: [u8; 32] = [7; 32];

/// Every way to write "none" in upper and lower case, and some beyond.
fn nones() -> Vec<String> {
    let cased = (0..16).map(|upper: u32| {
        "none"
            .chars()
            .enumerate()
            .map(|(index, letter)| match upper >> index & 1 {
                0 => letter,
                _ => letter.to_ascii_uppercase(),
            })
            .collect::<String>()
    });
    let beyond = [
        "",
        " ",
        "none ",
        " none",
        "none\0",
        "none\n",
        "nоne",
        "none;RS256",
        "null",
    ];
    cased.chain(beyond.map(str::to_owned)).collect()
}

#[test]
fn no_spelling_of_none_is_an_algorithm() {
    let nones = nones();
    assert_eq!(nones.len(), 25);
    let signature = Jws::parse(MINTED_RS256.as_bytes())
        .unwrap()
        .signature()
        .to_vec();
    for name in nones {
        for header in [json!({"alg": name}), json!({"alg": name, "kid": "rsa"})] {
            for signature in ["", "AA", &encode(&signature)] {
                let token = format!("{}.{signature}", unsigned(&header));
                assert_eq!(verified(&token), None, "{token}");
            }
            let token = hmac_token(&header, b"");
            assert_eq!(verified(&token), None, "{token}");
        }
    }
    for value in [
        json!(null),
        json!(false),
        json!(0),
        json!([]),
        json!({}),
        json!(["none"]),
    ] {
        let token = format!("{}.AA", unsigned(&json!({"alg": value})));
        assert_eq!(verified(&token), None, "{token}");
    }
    assert_eq!(verified(&format!("{}.AA", unsigned(&json!({})))), None);
}

/// Public keys in every form that a server may have handed out.
#[test]
fn no_public_key_is_an_hmac_secret() {
    let pem: Value = serde_json::from_str(include_str!("../../testdata/pem.json")).unwrap();
    let keys = interop::keys();
    let mut tried = 0;
    for (kid, forms) in pem["good"].as_object().unwrap() {
        for form in forms.as_object().unwrap().values() {
            let text = form.as_str().unwrap();
            let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
            let der = Base64::decode_vec(&body).unwrap();
            let secrets: [&[u8]; 6] = [
                text.as_bytes(),
                text.trim_end().as_bytes(),
                body.as_bytes(),
                &der,
                // The point or key alone, which ends the SPKI of all but RSA.
                &der[der.len() - 32..],
                &der[der.len().saturating_sub(65)..],
            ];
            for secret in secrets {
                for kid in [Some(kid.as_str()), Some("oct"), None] {
                    for algorithm in ["HS256", "HS384", "HS512"] {
                        let header = json!({"alg": algorithm, "kid": kid});
                        let mut header = header.as_object().unwrap().clone();
                        header.retain(|_, value| !value.is_null());
                        let token = hmac_token(&Value::Object(header), secret);
                        let jws = Jws::parse(token.as_bytes()).unwrap();
                        assert!(keys.candidates(jws.algorithm(), jws.kid()).all(|key| {
                            !key.verify(jws.algorithm(), jws.signing_input(), jws.signature())
                        }));
                        tried += 1;
                    }
                }
            }
        }
    }
    assert_eq!(tried, 15 * 6 * 9);
}

/// The stranger's own keys, brought along or pointed to in every way that RFC 7515 has.
#[test]
fn a_key_that_the_token_brings_is_not_used() {
    let key = ed25519_dalek::SigningKey::from_bytes(&OWN);
    let point = encode(key.verifying_key().as_bytes());
    let okp = json!({"kty": "OKP", "crv": "Ed25519", "x": point, "kid": "ed"});
    let oct = json!({"kty": "oct", "k": encode(&OWN)});
    let members = [
        json!({"jwk": okp}),
        json!({"jwk": oct}),
        json!({"jku": "https://evil.example/keys"}),
        json!({"jku": "data:application/json,{}"}),
        json!({"x5u": "https://evil.example/chain"}),
        json!({"x5c": ["AAAA"], "x5t": "AAAA", "x5t#S256": "AAAA"}),
        json!({"key": okp, "k": encode(&OWN), "keys": [okp, oct]}),
    ];
    for members in members {
        for kid in [Some("ed"), Some("oct"), Some("own"), None] {
            let mut header = members.clone();
            if let Some(kid) = kid {
                header["kid"] = json!(kid);
            }
            header["alg"] = json!("EdDSA");
            let input = unsigned(&header);
            let signature = key.sign(input.as_bytes()).to_bytes();
            let token = format!("{input}.{}", encode(&signature));
            assert!(Jws::parse(token.as_bytes()).is_ok());
            assert_eq!(verified(&token), None, "{header}");
            header["alg"] = json!("HS256");
            assert_eq!(verified(&hmac_token(&header, &OWN)), None, "{header}");
        }
    }
}

#[test]
fn a_kid_is_a_name_and_nothing_else() {
    let long = "k".repeat(8000);
    let kids = [
        "",
        "../../../../dev/null",
        "/dev/null",
        "file:///dev/null",
        "https://evil.example/key",
        "x' UNION SELECT 'AAAA' -- ",
        "'; DROP TABLE keys; --",
        "$(cat /etc/passwd)",
        "| echo",
        "oct\0",
        "oct ",
        "OCT",
        "oсt",
        "${env:HS_SECRET}",
        "keys[4]",
        "0",
        "*",
        &long,
    ];
    for kid in kids {
        let header = json!({"alg": "HS256", "kid": kid});
        for secret in [&b""[..], b"\0", b"AAAA", kid.as_bytes(), &OWN] {
            assert_eq!(verified(&hmac_token(&header, secret)), None, "{kid}");
        }
        // Even with the right key, a wrong name finds nothing.
        let secret = minted_secret();
        assert_eq!(verified(&hmac_token(&header, &secret)), None, "{kid}");
    }
    let header = json!({"alg": "HS256", "kid": "oct"});
    assert!(verified(&hmac_token(&header, &minted_secret())).is_some());
    assert!(verified(&hmac_token(&json!({"alg": "HS256"}), &minted_secret())).is_some());
}

fn minted_secret() -> Vec<u8> {
    let keys: Value = serde_json::from_str(MINTED_KEYS).unwrap();
    let keys = keys["keys"].as_array().unwrap();
    let oct = keys.iter().find(|key| key["kty"] == "oct").unwrap();
    crate::base64url::decode(oct["k"].as_str().unwrap().as_bytes()).unwrap()
}

/// Rightly signed by a key of the set, and refused all the same.
#[test]
fn a_good_signature_does_not_make_a_header_good() {
    let secret = minted_secret();
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let of = |text: &str| hmac_token_of(text.as_bytes(), br#"{"sub":"ann"}"#, &secret);
    #[rustfmt::skip]
    let cases: &[(&str, String, bool)] = &[
        ("as it should be", r#"{"alg":"HS256"}"#.into(), true),
        ("white space between members", "{\r\n \"alg\" : \"HS256\" }\n".into(), true),
        ("an unknown member", r#"{"alg":"HS256","exp":1,"foo":{"bar":[]}}"#.into(), true),
        ("crit known to others", r#"{"alg":"HS256","crit":["exp"],"exp":1}"#.into(), false),
        ("crit b64", r#"{"alg":"HS256","crit":["b64"],"b64":true}"#.into(), false),
        ("crit unknown", r#"{"alg":"HS256","crit":["http://example.com/x"],"http://example.com/x":1}"#.into(), false),
        ("crit of what is not there", r#"{"alg":"HS256","crit":["foo"]}"#.into(), false),
        ("crit of alg", r#"{"alg":"HS256","crit":["alg"]}"#.into(), false),
        ("crit empty", r#"{"alg":"HS256","crit":[]}"#.into(), false),
        ("crit a string", r#"{"alg":"HS256","crit":"exp"}"#.into(), false),
        ("crit null", r#"{"alg":"HS256","crit":null}"#.into(), false),
        ("b64 false", r#"{"alg":"HS256","b64":false}"#.into(), false),
        ("alg twice, the same", r#"{"alg":"HS256","alg":"HS256"}"#.into(), false),
        ("alg twice, none first", r#"{"alg":"none","alg":"HS256"}"#.into(), false),
        ("alg twice by an escape", r#"{"alg":"HS256","\u0061lg":"none"}"#.into(), false),
        ("kid twice", r#"{"alg":"HS256","kid":"oct","kid":"rsa"}"#.into(), false),
        ("a member twice, deeper", r#"{"alg":"HS256","a":[{"b":1,"b":2}]}"#.into(), false),
        ("deep, but not too deep", format!(r#"{{"alg":"HS256","a":{}}}"#, deep(63)), true),
        ("too deep", format!(r#"{{"alg":"HS256","a":{}}}"#, deep(64)), false),
        ("5,000 levels", format!(r#"{{"alg":"HS256","a":{}}}"#, deep(5000)), false),
        ("a number too large for any", r#"{"alg":"HS256","a":1e999}"#.into(), false),
        ("a comment", r#"{"alg":"HS256"/* */}"#.into(), false),
        ("single quotes", r#"{'alg':'HS256'}"#.into(), false),
        ("a comma at the end", r#"{"alg":"HS256",}"#.into(), false),
        ("behind a byte order mark", "\u{feff}{\"alg\":\"HS256\"}".into(), false),
        ("NUL behind", "{\"alg\":\"HS256\"}\0".into(), false),
    ];
    for (name, header, good) in cases {
        assert_eq!(verified(&of(header)).is_some(), *good, "{name}");
    }
}

type Change = fn(&str) -> String;

/// A signature over other spellings of the same bytes does not help: they are refused before.
#[test]
fn base64url_has_one_spelling() {
    let parts: Vec<&str> = MINTED_HS512.split('.').collect();
    let changes: &[(&str, Change)] = &[
        ("padded with one", |part| format!("{part}=")),
        ("padded with two", |part| format!("{part}==")),
        ("space in front", |part| format!(" {part}")),
        ("space behind", |part| format!("{part} ")),
        ("tab within", |part| part.replacen('J', "J\t", 1) + "\t"),
        ("line breaks within", |part| {
            part.replacen('J', "J\r\n", 1) + "\r\n"
        }),
        ("NUL behind", |part| format!("{part}\0")),
        ("in percent", |part| part.replace('e', "%65") + "%3D"),
        ("plus and slash", |part| {
            let plain = part.replace('-', "+").replace('_', "/");
            if plain == part { plain + "+/+/" } else { plain }
        }),
        ("a letter alone in the last four", |part| {
            part.to_owned() + &"A".repeat((5 - part.len() % 4) % 4)
        }),
    ];
    assert!(verified(MINTED_HS512).is_some());
    for (name, change) in changes {
        for (index, part) in parts.iter().enumerate() {
            let token = with_part(MINTED_HS512, index, &change(part));
            assert_eq!(verified(&token), None, "{name}, part {index}");
        }
    }
}

#[test]
fn a_token_has_a_longest_length() {
    let secret = minted_secret();
    let header = br#"{"alg":"HS256"}"#;
    let token = |padding: usize| {
        let claims = json!({"sub": "ann", "pad": "x".repeat(padding)});
        hmac_token_of(header, claims.to_string().as_bytes(), &secret)
    };
    let fits = (12_000..13_000)
        .rev()
        .find(|padding| token(*padding).len() <= MAX_TOKEN_BYTES)
        .unwrap();
    assert!(verified(&token(fits)).is_some());
    assert!(token(fits + 1).len() > MAX_TOKEN_BYTES);
    for padding in [fits + 1, 100_000, 10_000_000] {
        assert_eq!(verified(&token(padding)), None, "{padding}");
    }
}
