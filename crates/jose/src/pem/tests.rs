use serde_json::Value;

use super::*;
use crate::vectors::MINTED_RSA_PEM;
use crate::{Algorithm, Jws, interop};

fn data() -> Value {
    serde_json::from_str(include_str!("../../testdata/pem.json")).unwrap()
}

fn good(key: &str, form: &str) -> String {
    data()["good"][key][form].as_str().unwrap().to_owned()
}

fn told(text: &str) -> String {
    Key::from_pem(text).unwrap_err().to_string()
}

/// Every form of a key is the key of the JWK that another library published.
#[test]
fn a_key_is_the_same_in_every_form() {
    let set = interop::keys();
    let mut count = 0;
    for (kid, forms) in data()["good"].as_object().unwrap() {
        let jwk = set
            .keys()
            .iter()
            .find(|key| key.kid() == Some(kid))
            .unwrap();
        for (form, text) in forms.as_object().unwrap() {
            let key = Key::from_pem(text.as_str().unwrap()).unwrap();
            assert_eq!((key.kid(), key.kty()), (None, jwk.kty()), "{kid} {form}");
            for algorithm in Algorithm::ALL {
                assert_eq!(
                    key.accepts(algorithm),
                    jwk.accepts(algorithm),
                    "{kid} {form}"
                );
                assert_eq!(key.host_material(algorithm), jwk.host_material(algorithm));
                if key.accepts(algorithm) {
                    let token = interop::token("pyjwt", algorithm.as_str());
                    let jws = Jws::parse(token.as_bytes()).unwrap();
                    assert!(key.verify(algorithm, jws.signing_input(), jws.signature()));
                }
            }
            count += 1;
        }
    }
    assert_eq!(count, 15);
}

#[test]
fn how_the_text_is_laid_out_does_not_matter() {
    let pem = good("p256", "spki");
    let lines: Vec<&str> = pem.lines().collect();
    let body = lines[1..lines.len() - 1].concat();
    #[rustfmt::skip]
    let cases: &[(&str, String)] = &[
        ("as written", pem.clone()),
        ("without the last line break", pem.trim_end().to_owned()),
        ("CR LF", pem.replace('\n', "\r\n")),
        ("CR", pem.replace('\n', "\r")),
        ("indented", pem.replace('\n', "\n    ")),
        ("folded by YAML", pem.replace('\n', " ")),
        ("one line", format!("-----BEGIN PUBLIC KEY-----{body}-----END PUBLIC KEY-----")),
        ("one letter a line", format!("-----BEGIN PUBLIC KEY-----\n{}-----END PUBLIC KEY-----", body.chars().map(|letter| format!("{letter}\n")).collect::<String>())),
        ("text around it", format!("Key of issuer.example:\n\n{pem}\nEnd.\n")),
        ("byte order mark in front", format!("\u{feff}{pem}")),
    ];
    let expected = Key::from_pem(&pem).unwrap();
    for (name, text) in cases {
        let key = Key::from_pem(text).unwrap();
        let material = key.host_material(Algorithm::Es256);
        assert_eq!(material, expected.host_material(Algorithm::Es256), "{name}");
        assert!(material.is_some());
    }
}

const NOT_PEM: &str = "is not PEM: it needs a -----BEGIN …----- and its -----END …-----";
const NOT_BASE64: &str = "is not base64 between its BEGIN and its END";
const PRIVATE: &str =
    "is a private key: give the public key, and replace the key if others may have seen it";
const SEVERAL: &str = "has more than one PEM block: give one key";
const SOMETHING_ELSE: &str =
    "is PEM of something else: use a PUBLIC KEY, an RSA PUBLIC KEY or a CERTIFICATE";
const NOT_SPKI: &str = "is not a public key: its content is not a SubjectPublicKeyInfo";
const NOT_PKCS1: &str = "is not an RSA public key: its content is not PKCS #1";
const NOT_X509: &str = "is not a certificate: its content is not X.509";

#[test]
fn what_is_not_one_public_key_is_refused() {
    let (spki, pkcs1) = (good("rsa", "spki"), good("rsa", "pkcs1"));
    let certificate = good("p384", "certificate");
    let labelled = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
    let relabelled = |pem: &str, from: &str, to: &str| pem.replace(from, to);
    #[rustfmt::skip]
    let cases: &[(&str, String, &str)] = &[
        ("empty", String::new(), NOT_PEM),
        ("a path", "/etc/keys/public.pem".into(), NOT_PEM),
        ("OpenSSH", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA ann@example.com".into(), NOT_PEM),
        ("a JWK", r#"{"kty":"RSA"}"#.into(), NOT_PEM),
        ("base64 alone", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE".into(), NOT_PEM),
        ("no end", "-----BEGIN PUBLIC KEY-----\nAAAA\n".into(), NOT_PEM),
        ("no label", "-----BEGIN ".into(), NOT_PEM),
        ("end of something else", relabelled(&spki, "END PUBLIC", "END RSA PUBLIC"), NOT_PEM),
        ("four dashes", relabelled(&spki, "-----", "----"), NOT_PEM),

        ("PKCS #8", labelled("PRIVATE KEY"), PRIVATE),
        ("PKCS #8, encrypted", labelled("ENCRYPTED PRIVATE KEY"), PRIVATE),
        ("PKCS #1, private", labelled("RSA PRIVATE KEY"), PRIVATE),
        ("SEC 1", labelled("EC PRIVATE KEY"), PRIVATE),
        ("SEC 1 behind its parameters", labelled("EC PARAMETERS") + &labelled("EC PRIVATE KEY"), PRIVATE),
        ("OpenSSH, private", labelled("OPENSSH PRIVATE KEY"), PRIVATE),
        ("a certificate with its private key", certificate.clone() + &labelled("PRIVATE KEY"), PRIVATE),
        ("a private key without its end", "-----BEGIN PRIVATE KEY-----".into(), PRIVATE),

        ("a key twice", spki.repeat(2), SEVERAL),
        ("a chain", certificate.clone() + &good("p256", "certificate"), SEVERAL),

        ("a certificate request", data()["bad"]["certificate request"].as_str().unwrap().into(), SOMETHING_ELSE),
        ("a label in lower case", labelled("public key"), SOMETHING_ELSE),
        ("an empty label", labelled(""), SOMETHING_ELSE),
        ("OpenSSL's own", labelled("TRUSTED CERTIFICATE"), SOMETHING_ELSE),

        ("a letter missing", spki.replacen("MIIB", "MIB", 1), NOT_BASE64),
        ("base64url", spki.replacen("MIIB", "M-_B", 1), NOT_BASE64),
        ("headers as of old", spki.replacen("MIIB", "Proc-Type: 4,ENCRYPTED\n\nMIIB", 1), NOT_BASE64),
        ("line breaks written out", spki.replace('\n', "\\n"), NOT_BASE64),

        ("no content", "-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----".into(), NOT_SPKI),
        ("content of zeros", labelled("PUBLIC KEY"), NOT_SPKI),
        ("PKCS #1 as SPKI", relabelled(&pkcs1, "RSA PUBLIC", "PUBLIC"), NOT_SPKI),
        ("SPKI as PKCS #1", relabelled(&spki, "PUBLIC", "RSA PUBLIC"), NOT_PKCS1),
        ("SPKI as a certificate", relabelled(&spki, "PUBLIC KEY", "CERTIFICATE"), NOT_X509),
        ("a certificate as SPKI", relabelled(&certificate, "CERTIFICATE", "PUBLIC KEY"), NOT_SPKI),
        ("a request as a certificate", relabelled(data()["bad"]["certificate request"].as_str().unwrap(), "CERTIFICATE REQUEST", "CERTIFICATE"), NOT_X509),
    ];
    for (name, text, expected) in cases {
        assert_eq!(told(text), *expected, "{name}");
    }
}

#[test]
fn a_key_that_would_be_refused_as_a_jwk_is_refused() {
    let data = data();
    let bad = data["bad"].as_object().unwrap();
    #[rustfmt::skip]
    let cases: &[(&str, &str)] = &[
        ("RSA of 1024 bits", "the modulus must have 2048 to 8192 bits, and has 1024"),
        ("RSA-PSS", "is a key for the algorithm 1.2.840.113549.1.1.10: use RSA, EC or Ed25519"),
        ("DSA", "is a key for the algorithm 1.2.840.10040.4.1: use RSA, EC or Ed25519"),
        ("P-224", "is a key on the curve 1.3.132.0.33: use P-256, P-384 or P-521"),
        ("secp256k1", "is a key on the curve 1.3.132.0.10: use P-256, P-384 or P-521"),
        ("X25519", "is a key for the algorithm 1.3.101.110: use RSA, EC or Ed25519"),
        ("Ed448", "is a key for the algorithm 1.3.101.113: use RSA, EC or Ed25519"),
        ("P-256, compressed", "is not an uncompressed point on P-256"),
        ("P-256, explicit parameters", "is a key on a curve without a name: use P-256, P-384 or P-521"),
        ("certificate request", SOMETHING_ELSE),
    ];
    assert_eq!(bad.len(), cases.len());
    for (name, expected) in cases {
        assert_eq!(told(bad[*name].as_str().unwrap()), *expected, "{name}");
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let content = Base64::encode_string(der);
    format!("-----BEGIN {label}-----{content}-----END {label}-----")
}

fn der(text: &str) -> Vec<u8> {
    decode(block(text).unwrap().1).unwrap()
}

/// PKCS #1 of a good modulus and this exponent, given as DER.
fn with_exponent(exponent: &[u8]) -> String {
    let n = [&[0x02, 0x82, 0x01, 0x01, 0x00][..], &[0xff; 256]].concat();
    let length = u8::try_from(n.len() + exponent.len() - 256).unwrap();
    pem(
        "RSA PUBLIC KEY",
        &[&[0x30, 0x82, 0x01, length], &n[..], exponent].concat(),
    )
}

#[test]
fn exponents() {
    const BAD: &str = "the public exponent must be odd, at least 3, and have at most 33 bits";
    #[rustfmt::skip]
    let cases: &[(&str, &[u8], Option<&str>)] = &[
        ("3", b"\x02\x01\x03", None),
        ("65537", b"\x02\x03\x01\x00\x01", None),
        ("33 bits", b"\x02\x05\x01\xff\xff\xff\xff", None),
        ("0", b"\x02\x01\x00", Some(BAD)),
        ("1", b"\x02\x01\x01", Some(BAD)),
        ("65536", b"\x02\x03\x01\x00\x00", Some(BAD)),
        ("34 bits", b"\x02\x05\x03\xff\xff\xff\xff", Some(BAD)),
        ("negative", b"\x02\x01\xff", Some(NOT_PKCS1)),
        ("a zero in front", b"\x02\x02\x00\x03", Some(NOT_PKCS1)),
        ("not a number", b"\x04\x01\x03", Some(NOT_PKCS1)),
        ("something behind", b"\x02\x01\x03\x05\x00", Some(NOT_PKCS1)),
    ];
    for (name, exponent, expected) in cases {
        let error = Key::from_pem(&with_exponent(exponent)).err();
        let message = error.map(|error| error.to_string());
        assert_eq!(message.as_deref(), *expected, "{name}");
    }
}

/// The key is told by its own bytes only: nothing may be added or taken away.
#[test]
fn der_cut_or_lengthened_is_refused() {
    for key in ["rsa", "p256", "p384", "p521", "ed"] {
        for (form, label) in [("spki", "PUBLIC KEY"), ("certificate", "CERTIFICATE")] {
            let der = der(&good(key, form));
            assert!(Key::from_pem(&pem(label, &der)).is_ok());
            for end in 0..der.len() {
                assert!(
                    Key::from_pem(&pem(label, &der[..end])).is_err(),
                    "{key} {form} {end}"
                );
            }
            let longer = [&der[..], &[0]].concat();
            assert!(Key::from_pem(&pem(label, &longer)).is_err(), "{key} {form}");
        }
    }
}

/// Whatever byte is broken: the key is refused, or is another key, and nothing panics.
#[test]
fn every_broken_byte_is_survived() {
    let token = interop::token("pyjwt", "ES256");
    let jws = Jws::parse(token.as_bytes()).unwrap();
    let der = der(&good("p256", "spki"));
    let mut refused = 0;
    for index in 0..der.len() {
        for flip in [1, 0x80, 0xff] {
            let mut broken = der.clone();
            broken[index] ^= flip;
            match Key::from_pem(&pem("PUBLIC KEY", &broken)) {
                Err(_) => refused += 1,
                Ok(key) => {
                    assert!(!key.verify(Algorithm::Es256, jws.signing_input(), jws.signature()));
                }
            }
        }
    }
    assert_eq!(refused, der.len() * 3);
}

#[test]
fn the_pem_of_another_library() {
    let key = Key::from_pem(MINTED_RSA_PEM).unwrap();
    let jws = Jws::parse(crate::vectors::MINTED_RS256.as_bytes()).unwrap();
    assert!(key.verify(jws.algorithm(), jws.signing_input(), jws.signature()));
}
