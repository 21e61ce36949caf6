//! Tokens that PyJWT, jwcrypto and Authlib minted by every algorithm; `testdata/mint.py` made them.

use rsa::pkcs8::DecodePublicKey;
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, RsaPublicKey};
use serde_json::Value;

use crate::key::Material;
use crate::vectors::{RFC7515_A2, RFC7515_A2_KEY, RFC7520_4_1, RFC7520_4_1_KEY};
use crate::{Algorithm, ClaimError, ClaimRules, JwkSet, Jws, Key, validate};

/// 2026-06-01T00:00:00Z. The tokens are good until 2100.
const NOW_NS: u64 = 1_780_272_000_000_000_000;
const END_NS: u64 = 4_102_444_800_000_000_000;

fn data() -> Value {
    serde_json::from_str(include_str!("../testdata/interop.json")).unwrap()
}

pub(crate) fn keys() -> JwkSet {
    JwkSet::from_value(&data()).unwrap()
}

/// The token of `by` by `algorithm`.
pub(crate) fn token(by: &str, algorithm: &str) -> String {
    let data = data();
    let tokens = data["tokens"].as_array().unwrap();
    let token = tokens
        .iter()
        .find(|token| token["by"] == by && token["alg"] == algorithm)
        .unwrap();
    token["token"].as_str().unwrap().to_owned()
}

#[test]
fn every_token_verifies_by_its_own_key_and_algorithm_alone() {
    let set = keys();
    for by in ["pyjwt", "jwcrypto", "authlib"] {
        for algorithm in Algorithm::ALL {
            let token = token(by, algorithm.as_str());
            let jws = Jws::parse(token.as_bytes()).unwrap();
            assert_eq!(jws.algorithm(), algorithm, "{by}");
            let name = jws.kid().unwrap();
            let candidates: Vec<_> = set
                .candidates(algorithm, jws.kid())
                .map(|key| key.kid().unwrap())
                .collect();
            assert_eq!(candidates, [name], "{by} {algorithm}");
            for key in set.keys() {
                for other in Algorithm::ALL {
                    let verified = key.verify(other, jws.signing_input(), jws.signature());
                    let expected = key.kid() == Some(name) && other == algorithm;
                    assert_eq!(verified, expected, "{by} {algorithm} as {other} by {key:?}");
                }
            }
        }
    }
    assert_eq!(data()["tokens"].as_array().unwrap().len(), 39);
}

#[test]
fn the_claims_are_those_that_were_signed() {
    let rules = |audience: &str| ClaimRules {
        issuer: Some("https://issuer.example".to_owned()),
        audiences: vec![audience.to_owned()],
        ..ClaimRules::default()
    };
    for by in ["pyjwt", "jwcrypto", "authlib"] {
        for algorithm in Algorithm::ALL {
            let token = token(by, algorithm.as_str());
            let jws = Jws::parse(token.as_bytes()).unwrap();
            let claims = jws.claims().unwrap();
            assert_eq!(claims["sub"], "ann", "{by} {algorithm}");
            assert_eq!(
                validate(&claims, &rules("web"), NOW_NS),
                Ok(()),
                "{by} {algorithm}"
            );
            let other = Err(ClaimError::AudienceMismatch);
            assert_eq!(validate(&claims, &rules("db"), NOW_NS), other);
            let expired = Err(ClaimError::Expired);
            assert_eq!(validate(&claims, &rules("api"), END_NS), expired);
        }
    }
}

/// The bytes of `s + n` stand for the same number modulo `n`. RFC 8017 (section 5.2.2) has a
/// signature below `n`.
#[test]
fn an_rsa_signature_has_one_spelling() {
    let set = keys();
    let rfc7515 = Key::from_value(&serde_json::from_str(RFC7515_A2_KEY).unwrap()).unwrap();
    let rfc7520 = Key::from_value(&serde_json::from_str(RFC7520_4_1_KEY).unwrap()).unwrap();
    let mut cases = vec![
        (&rfc7515, RFC7515_A2.to_owned()),
        (&rfc7520, RFC7520_4_1.to_owned()),
    ];
    for by in ["pyjwt", "jwcrypto", "authlib"] {
        for algorithm in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] {
            cases.push((&set.keys()[0], token(by, algorithm)));
        }
    }
    let (mut pkcs1, mut pss) = (0, 0);
    for (key, token) in cases {
        let jws = Jws::parse(token.as_bytes()).unwrap();
        let algorithm = jws.algorithm();
        let Material::Rsa(rsa) = &key.material else {
            panic!("{key:?}");
        };
        let spki = RsaPublicKey::from_public_key_der(&rsa.spki_der).unwrap();
        let other = (BigUint::from_bytes_be(jws.signature()) + spki.n()).to_bytes_be();
        assert!(key.verify(algorithm, jws.signing_input(), jws.signature()));
        assert!(!key.verify(algorithm, jws.signing_input(), &other));
        assert_eq!(key.host_signature(algorithm, &other), None);
        // Otherwise the length alone gives it away.
        if other.len() == jws.signature().len() {
            match algorithm {
                Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512 => pkcs1 += 1,
                _ => pss += 1,
            }
        }
    }
    assert!(pkcs1 > 0 && pss > 0, "{pkcs1} {pss}");
}

/// Cuts and other lengths of every kind of signature, and those of other algorithms.
#[test]
fn a_signature_has_one_length() {
    let set = keys();
    for algorithm in Algorithm::ALL {
        let token = token("pyjwt", algorithm.as_str());
        let jws = Jws::parse(token.as_bytes()).unwrap();
        let key = set.candidates(algorithm, jws.kid()).next().unwrap();
        let good = jws.signature();
        let half = good.len() / 2;
        let (r, s) = good.split_at(half);
        #[rustfmt::skip]
        let cases: &[(&str, Vec<u8>)] = &[
            ("empty", Vec::new()),
            ("one byte", vec![good[0]]),
            ("half", r.to_vec()),
            ("a byte less", good[..good.len() - 1].to_vec()),
            ("a byte less in front", good[1..].to_vec()),
            ("a zero behind", [good, &[0]].concat()),
            ("a zero in front", [&[0], good].concat()),
            ("a zero in front of both halves", [&[0], r, &[0], s].concat()),
            ("twice", [good, good].concat()),
            ("all zero", vec![0; good.len()]),
            ("all 0xff", vec![0xff; good.len()]),
            ("second half zero", [r, &vec![0; s.len()]].concat()),
            ("first half zero", [&vec![0; r.len()], s].concat()),
            ("halves swapped", [s, r].concat()),
        ];
        assert!(key.verify(algorithm, jws.signing_input(), good));
        for (name, signature) in cases {
            assert!(
                !key.verify(algorithm, jws.signing_input(), signature),
                "{algorithm}, {name}"
            );
        }
    }
}
