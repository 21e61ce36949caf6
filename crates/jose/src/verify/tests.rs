use p256::ecdsa::signature::Verifier;
use rsa::pkcs8::DecodePublicKey;
use serde_json::Value;

use super::*;
use crate::vectors::*;
use crate::{JwkSet, Jws, base64url};

fn key(jwk: &str) -> Key {
    Key::from_value(&serde_json::from_str::<Value>(jwk).unwrap()).unwrap()
}

fn minted_keys() -> JwkSet {
    JwkSet::from_value(&serde_json::from_str(MINTED_KEYS).unwrap()).unwrap()
}

fn verifies(key: &Key, token: &str) -> bool {
    let jws = Jws::parse(token.as_bytes()).unwrap();
    key.verify(jws.algorithm(), jws.signing_input(), jws.signature())
}

const RFC: &[(&str, &str, &str)] = &[
    ("RFC 7515 A.1, HS256", RFC7515_A1_KEY, RFC7515_A1),
    ("RFC 7515 A.2, RS256", RFC7515_A2_KEY, RFC7515_A2),
    ("RFC 7515 A.3, ES256", RFC7515_A3_KEY, RFC7515_A3),
    ("RFC 8037 A.4, EdDSA", RFC8037_A4_KEY, RFC8037_A4),
    ("RFC 7520 4.1, RS256", RFC7520_4_1_KEY, RFC7520_4_1),
    ("RFC 7520 4.4, HS256", RFC7520_4_4_KEY, RFC7520_4_4),
];

const MINTED: &[(&str, &str)] = &[
    ("rsa", MINTED_RS256),
    ("rsa", MINTED_RS384),
    ("rsa", MINTED_RS512),
    ("rsa", MINTED_PS256),
    ("p256", MINTED_ES256),
    ("p384", MINTED_ES384),
    ("oct", MINTED_HS256),
    ("oct", MINTED_HS384),
    ("oct", MINTED_HS512),
    ("ed", MINTED_EDDSA),
];

#[test]
fn published_vectors_verify() {
    for (name, jwk, token) in RFC {
        assert!(verifies(&key(jwk), token), "{name}");
    }
}

#[test]
fn changed_vectors_do_not() {
    for (name, jwk, token) in RFC {
        let key = key(jwk);
        let jws = Jws::parse(token.as_bytes()).unwrap();
        let (algorithm, input, signature) = (jws.algorithm(), jws.signing_input(), jws.signature());
        for index in 0..signature.len() {
            let mut flipped = signature.to_vec();
            flipped[index] ^= 1;
            assert!(
                !key.verify(algorithm, input, &flipped),
                "{name}, bit in {index}"
            );
        }
        for length in [0, 1, signature.len() / 2, signature.len() - 1] {
            let short = &signature[..length];
            assert!(
                !key.verify(algorithm, input, short),
                "{name}, cut to {length}"
            );
        }
        let longer = [signature, &[0]].concat();
        assert!(
            !key.verify(algorithm, input, &longer),
            "{name}, zero behind"
        );
        let longer = [&[0], signature].concat();
        assert!(
            !key.verify(algorithm, input, &longer),
            "{name}, zero before"
        );
        assert!(
            !key.verify(algorithm, &input[1..], signature),
            "{name}, input cut"
        );
        assert!(!key.verify(algorithm, b"", signature), "{name}, no input");
        for byte in [0, 0xff] {
            let constant = vec![byte; signature.len()];
            assert!(
                !key.verify(algorithm, input, &constant),
                "{name}, all {byte}"
            );
        }
    }
}

#[test]
fn tokens_of_another_library_verify_by_their_own_key_and_algorithm_alone() {
    let set = minted_keys();
    for (signer, token) in MINTED {
        let jws = Jws::parse(token.as_bytes()).unwrap();
        assert_eq!(jws.kid(), Some(*signer));
        for key in set.keys() {
            for algorithm in Algorithm::ALL {
                let expected = key.kid() == Some(*signer) && algorithm == jws.algorithm();
                let actual = key.verify(algorithm, jws.signing_input(), jws.signature());
                assert_eq!(actual, expected, "{signer} {algorithm} by {:?}", key.kid());
            }
        }
        let candidates: Vec<_> = set
            .candidates(jws.algorithm(), jws.kid())
            .map(|key| key.kid().unwrap())
            .collect();
        assert_eq!(candidates, [*signer]);
    }
}

#[test]
fn the_other_signature_of_ecdsa_verifies_too() {
    let jws = Jws::parse(MINTED_ES256.as_bytes()).unwrap();
    let signature = p256::ecdsa::Signature::from_slice(jws.signature()).unwrap();
    let (r, s) = (signature.r(), signature.s());
    let other = p256::ecdsa::Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).unwrap();
    let set = minted_keys();
    let key = set
        .candidates(Algorithm::Es256, Some("p256"))
        .next()
        .unwrap();
    assert_ne!(other, signature);
    assert!(key.verify(Algorithm::Es256, jws.signing_input(), &other.to_bytes()));
}

/// Hash and SPKI in base64url.
type HostMaterial = Option<(&'static str, &'static str)>;

#[test]
fn the_host_is_handed_what_another_library_writes() {
    let set = minted_keys();
    #[rustfmt::skip]
    let cases: &[(&str, HostMaterial, Option<&str>)] = &[
        (MINTED_RS256, Some(("sha256", MINTED_RSA_SPKI)), None),
        (MINTED_RS384, Some(("sha384", MINTED_RSA_SPKI)), None),
        (MINTED_RS512, Some(("sha512", MINTED_RSA_SPKI)), None),
        (MINTED_ES256, Some(("sha256", MINTED_P256_SPKI)), Some(MINTED_ES256_DER)),
        (MINTED_ES384, Some(("sha384", MINTED_P384_SPKI)), Some(MINTED_ES384_DER)),
        (MINTED_PS256, None, None),
        (MINTED_HS256, None, None),
        (MINTED_HS384, None, None),
        (MINTED_HS512, None, None),
        (MINTED_EDDSA, None, None),
    ];
    for (token, material, der) in cases {
        let jws = Jws::parse(token.as_bytes()).unwrap();
        let algorithm = jws.algorithm();
        let key = set.candidates(algorithm, jws.kid()).next().unwrap();
        let spki_der = material.map(|(_, spki)| base64url::decode(spki.as_bytes()).unwrap());
        let expected = material
            .zip(spki_der.as_deref())
            .map(|((hash, _), spki_der)| HostVerification { hash, spki_der });
        assert_eq!(key.host_material(algorithm), expected, "{algorithm}");
        let signature = key.host_signature(algorithm, jws.signature());
        let expected = match der {
            Some(der) => Some(base64url::decode(der.as_bytes()).unwrap()),
            None => material.map(|_| jws.signature().to_vec()),
        };
        assert_eq!(signature.map(Cow::into_owned), expected, "{algorithm}");
    }
}

#[test]
fn what_the_host_is_handed_verifies() {
    let set = minted_keys();
    let jws = Jws::parse(MINTED_RS256.as_bytes()).unwrap();
    let key = set.candidates(jws.algorithm(), jws.kid()).next().unwrap();
    let material = key.host_material(jws.algorithm()).unwrap();
    let public = rsa::RsaPublicKey::from_public_key_der(material.spki_der).unwrap();
    let hash = Sha256::digest(jws.signing_input());
    let signature = key
        .host_signature(jws.algorithm(), jws.signature())
        .unwrap();
    assert!(
        public
            .verify(Pkcs1v15Sign::new::<Sha256>(), &hash, &signature)
            .is_ok()
    );

    let jws = Jws::parse(MINTED_ES384.as_bytes()).unwrap();
    let key = set.candidates(jws.algorithm(), jws.kid()).next().unwrap();
    let material = key.host_material(jws.algorithm()).unwrap();
    let public = p384::ecdsa::VerifyingKey::from_public_key_der(material.spki_der).unwrap();
    let signature = key
        .host_signature(jws.algorithm(), jws.signature())
        .unwrap();
    let signature = p384::ecdsa::DerSignature::from_bytes(&signature).unwrap();
    assert!(public.verify(jws.signing_input(), &signature).is_ok());
}

#[test]
fn the_host_is_not_handed_what_cannot_be_a_signature() {
    let set = minted_keys();
    let key_of = |algorithm| set.candidates(algorithm, None).next().unwrap();
    #[rustfmt::skip]
    let cases: &[(&str, Algorithm, Vec<u8>)] = &[
        ("RSA, empty", Algorithm::Rs256, Vec::new()),
        ("RSA, one byte short", Algorithm::Rs256, vec![1; 255]),
        ("RSA, one byte long", Algorithm::Rs256, vec![1; 257]),
        ("P-256, empty", Algorithm::Es256, Vec::new()),
        ("P-256, 63 bytes", Algorithm::Es256, vec![1; 63]),
        ("P-256, 65 bytes", Algorithm::Es256, vec![1; 65]),
        ("P-256, as long as P-384", Algorithm::Es256, vec![1; 96]),
        ("P-256, both zero", Algorithm::Es256, vec![0; 64]),
        ("P-256, r zero", Algorithm::Es256, [[0; 32], [1; 32]].concat()),
        ("P-256, s zero", Algorithm::Es256, [[1; 32], [0; 32]].concat()),
        ("P-256, beyond the order", Algorithm::Es256, vec![0xff; 64]),
        ("P-256, DER", Algorithm::Es256, base64url::decode(MINTED_ES256_DER.as_bytes()).unwrap()),
        ("P-384, as long as P-256", Algorithm::Es384, vec![1; 64]),
        ("P-384, both zero", Algorithm::Es384, vec![0; 96]),
        ("P-384, DER", Algorithm::Es384, base64url::decode(MINTED_ES384_DER.as_bytes()).unwrap()),
    ];
    for (name, algorithm, signature) in cases {
        let key = key_of(*algorithm);
        assert!(key.host_material(*algorithm).is_some(), "{name}");
        assert_eq!(key.host_signature(*algorithm, signature), None, "{name}");
        assert!(!key.verify(*algorithm, b"input", signature), "{name}");
    }
}
