//! Forgeries by the numbers of ECDSA signatures, on all three curves.

use crate::{Algorithm, Jws, Key, interop};

/// The orders of the curves (FIPS 186-4, appendix D.1.2), big-endian.
const ORDERS: [(Algorithm, &str); 3] = [
    (
        Algorithm::Es256,
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    ),
    (
        Algorithm::Es384,
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    ),
    (
        Algorithm::Es512,
        "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa\
         51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
    ),
];

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .chars()
        .map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap())
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

fn key_of(algorithm: Algorithm) -> Key {
    let set = interop::keys();
    set.candidates(algorithm, None).next().unwrap().clone()
}

#[test]
fn numbers_that_are_no_signature() {
    for (algorithm, order) in ORDERS {
        let token = interop::token("authlib", algorithm.as_str());
        let jws = Jws::parse(token.as_bytes()).unwrap();
        let key = key_of(algorithm);
        let order = bytes(order);
        let (r, s) = jws.signature().split_at(order.len());
        let zero = vec![0; order.len()];
        let with_last = |bytes: &[u8], add: i16| {
            let mut bytes = bytes.to_vec();
            let last = bytes.last_mut().unwrap();
            *last = u8::try_from(i16::from(*last) + add).unwrap();
            bytes
        };
        let one = with_last(&zero, 1);
        let beyond = with_last(&order, 1);
        let below = with_last(&order, -1);
        #[rustfmt::skip]
        let cases: &[(&str, &[u8], &[u8], bool)] = &[
            ("both zero", &zero, &zero, false),
            ("r zero", &zero, s, false),
            ("s zero", r, &zero, false),
            ("r zero, s one", &zero, &one, false),
            ("r one, s zero", &one, &zero, false),
            ("both the order, which is zero", &order, &order, false),
            ("r the order", &order, s, false),
            ("s the order", r, &order, false),
            ("beyond the order", &beyond, &beyond, false),
            ("all bits set", &vec![0xff; order.len()], &vec![0xff; order.len()], false),
            // These are numbers of a signature, though not of this one: the host is asked.
            ("both one", &one, &one, true),
            ("both one less than the order", &below, &below, true),
            ("r one", &one, s, true),
            ("s one", r, &one, true),
            ("swapped", s, r, true),
        ];
        assert!(key.verify(algorithm, jws.signing_input(), jws.signature()));
        for (name, r, s, in_range) in cases {
            let signature = [*r, *s].concat();
            assert!(
                !key.verify(algorithm, jws.signing_input(), &signature),
                "{algorithm}, {name}"
            );
            let handed = key.host_signature(algorithm, &signature).is_some();
            assert_eq!(handed, *in_range, "{algorithm}, {name}");
        }
    }
}

/// The form that the host takes is no form of a token, and what it takes is the same signature.
#[test]
fn der_is_for_the_host_alone() {
    for (algorithm, _) in ORDERS {
        for by in ["pyjwt", "jwcrypto", "authlib"] {
            let token = interop::token(by, algorithm.as_str());
            let jws = Jws::parse(token.as_bytes()).unwrap();
            let key = key_of(algorithm);
            let input = jws.signing_input();
            let der = key.host_signature(algorithm, jws.signature()).unwrap();
            assert!(!key.verify(algorithm, input, &der));
            assert_eq!(key.host_signature(algorithm, &der), None);
            // As the libraries read the DER of a signature, it is the token's own.
            let read = match algorithm {
                Algorithm::Es256 => p256::ecdsa::Signature::from_der(&der).unwrap().to_vec(),
                Algorithm::Es384 => p384::ecdsa::Signature::from_der(&der).unwrap().to_vec(),
                _ => p521::ecdsa::Signature::from_der(&der).unwrap().to_vec(),
            };
            assert_eq!(read, jws.signature(), "{by} {algorithm}");
            assert!(key.verify(algorithm, input, &read), "{by} {algorithm}");
        }
    }
}

/// `(r, n - s)` verifies where `(r, s)` does. RFC 7518 (section 3.4) does not forbid it, and half of
/// all signers make such signatures: so the bytes of a token do not identify it.
#[test]
fn both_signatures_of_ecdsa_verify() {
    for (algorithm, order) in ORDERS {
        let token = interop::token("jwcrypto", algorithm.as_str());
        let jws = Jws::parse(token.as_bytes()).unwrap();
        let order = bytes(order);
        let (r, s) = jws.signature().split_at(order.len());
        let number = rsa::BigUint::from_bytes_be;
        let negated = (number(&order) - number(s)).to_bytes_be();
        let zeros = vec![0; order.len() - negated.len()];
        let other = [r, &zeros, &negated].concat();
        let key = key_of(algorithm);
        assert_ne!(other, jws.signature());
        assert!(key.verify(algorithm, jws.signing_input(), jws.signature()));
        assert!(
            key.verify(algorithm, jws.signing_input(), &other),
            "{algorithm}"
        );
        assert!(key.host_signature(algorithm, &other).is_some());
    }
}
