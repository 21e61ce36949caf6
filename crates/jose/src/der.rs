//! Writing DER (X.690): the little of it that the proxy's verifier takes.
//!
//! Not by the library that reads keys (`pem`): what it takes to write any type for any curve is 15 KB of
//! a module. The tests hold this against what other libraries write.

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// The AlgorithmIdentifier of RSA: rsaEncryption, with NULL for parameters (RFC 3279, section
/// 2.3.1).
const RSA: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

/// An RSA public key as SubjectPublicKeyInfo (RFC 3279, section 2.3.1), of numbers in big-endian.
pub(crate) fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let key = element(SEQUENCE, &[integer(modulus), integer(exponent)].concat());
    // The first byte says how many bits of the last are not used.
    let key = element(BIT_STRING, &[&[0], key.as_slice()].concat());
    element(SEQUENCE, &[RSA, &key].concat())
}

/// An ECDSA signature (RFC 3279, section 2.2.3) from the form that JOSE has; `None` if that does not
/// have two halves.
pub(crate) fn ecdsa_signature(signature: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = signature.split_at_checked(signature.len() / 2)?;
    if r.len() != s.len() {
        return None;
    }
    Some(element(SEQUENCE, &[integer(r), integer(s)].concat()))
}

/// A number that is not negative: no zeros in front, but one where the first bit would be a sign.
fn integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let digits = number.get(zeros..).unwrap_or_default();
    match digits.first() {
        Some(first) if *first < 0x80 => element(INTEGER, digits),
        _ => element(INTEGER, &[&[0], digits].concat()),
    }
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let zeros = length.iter().take_while(|byte| **byte == 0).count();
    let digits = length.get(zeros..).unwrap_or_default();
    match digits {
        [] => vec![tag, 0],
        [short @ 0..0x80] => [&[tag, *short], content].concat(),
        _ => {
            let count = u8::try_from(digits.len()).unwrap_or(u8::MAX);
            [&[tag, 0x80 | count], digits, content].concat()
        }
    }
}

#[cfg(test)]
mod tests {
    use rsa::pkcs8::EncodePublicKey;
    use rsa::{BigUint, RsaPublicKey};

    use super::*;

    #[test]
    fn integers() {
        let cases: &[(&str, &[u8], &[u8])] = &[
            ("nothing", b"", b"\x02\x01\x00"),
            ("zero", b"\0", b"\x02\x01\x00"),
            ("zeros", b"\0\0\0", b"\x02\x01\x00"),
            ("one", b"\x01", b"\x02\x01\x01"),
            ("127", b"\x7f", b"\x02\x01\x7f"),
            ("128", b"\x80", b"\x02\x02\x00\x80"),
            ("128, with zeros", b"\0\0\0\x80", b"\x02\x02\x00\x80"),
            ("256", b"\x01\x00", b"\x02\x02\x01\x00"),
            ("65537", b"\x01\x00\x01", b"\x02\x03\x01\x00\x01"),
        ];
        for (name, number, expected) in cases {
            assert_eq!(integer(number), *expected, "{name}");
        }
    }

    #[test]
    fn lengths() {
        let cases: &[(usize, &[u8])] = &[
            (0, b"\x30\x00"),
            (1, b"\x30\x01"),
            (127, b"\x30\x7f"),
            (128, b"\x30\x81\x80"),
            (255, b"\x30\x81\xff"),
            (256, b"\x30\x82\x01\x00"),
            (65_535, b"\x30\x82\xff\xff"),
            (65_536, b"\x30\x83\x01\x00\x00"),
        ];
        for (length, head) in cases {
            let content = vec![7; *length];
            let expected = [head, content.as_slice()].concat();
            assert_eq!(element(SEQUENCE, &content), expected, "{length}");
        }
    }

    #[test]
    fn rsa_keys_are_as_the_library_writes_them() {
        for bytes in [255, 256, 257, 384, 512, 1024] {
            for first in [0x01, 0x7f, 0x80, 0xff] {
                for exponent in [&[3][..], &[1, 0, 1], &[1, 0xff, 0xff, 0xff, 0xff]] {
                    let mut modulus = vec![0xa5; bytes];
                    modulus[0] = first;
                    let number = BigUint::from_bytes_be;
                    let key =
                        RsaPublicKey::new_with_max_size(number(&modulus), number(exponent), 8192)
                            .unwrap();
                    let expected = key.to_public_key_der().unwrap();
                    assert_eq!(rsa_spki(&modulus, exponent), expected.as_bytes());
                    let zero_in_front = [&[0], modulus.as_slice()].concat();
                    assert_eq!(rsa_spki(&zero_in_front, exponent), expected.as_bytes());
                }
            }
        }
    }

    #[test]
    fn signatures_are_as_the_library_writes_them() {
        let ends = [
            [0, 1],
            [0, 0x7f],
            [0, 0x80],
            [1, 0],
            [0x7f, 0xff],
            [0x80, 0],
        ];
        for r_end in ends {
            for s_end in ends {
                for filling in [0, 0x7f] {
                    let half = |end: [u8; 2]| [&[0, 0][..], &[filling; 28], &end].concat();
                    let signature = [half(r_end), half(s_end)].concat();
                    let expected = p256::ecdsa::Signature::from_slice(&signature).unwrap();
                    let expected = expected.to_der();
                    assert_eq!(ecdsa_signature(&signature).unwrap(), expected.as_bytes());

                    let half = |end: [u8; 2]| [&[1, 0x80][..], &[filling; 62], &end].concat();
                    let signature = [half(r_end), half(s_end)].concat();
                    let expected = p521::ecdsa::Signature::from_slice(&signature).unwrap();
                    let expected = expected.to_der();
                    assert_eq!(ecdsa_signature(&signature).unwrap(), expected.as_bytes());
                }
            }
        }
        assert_eq!(ecdsa_signature(&[1; 63]), None);
    }
}
