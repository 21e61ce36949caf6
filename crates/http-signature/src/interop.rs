//! Requests that another implementation signed: `http-message-signatures` 3.0.0 of PyPI, with cryptography
//! 50.0.2. The private keys were not kept, and the secret has no other use.

use crate::message::Message;
use crate::verification::verifies;
use crate::{Algorithm, Component, Policy, Refusal, replay_key, verify_content_digest};

const RSA: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAhA+NVZlS53VI8BqCG4ic
lAU6D0nfKZw+1tJG3r7CGTaSiGg9vgRq2ryefJpoNLP0lgM72aP/HLm5b70f6bol
25YC0I7YSn1VDeNXG+WeGDgVauSoYIvCJTj22FetsP27mbvbfUkX1hrdqFYrtd4F
lPKum27aOsSmUMAk3zHmDPdp/vu1M+fCroCoNOysxuOCM31mZLFAHGe4N783JKPb
IcQhHQgTlPcP6L6xd412m8lgpY5d0NFf7N9kVpwNVxJPsfKd50McuEeQyEJ2Kw8D
zZQjXneC3i+qIZhjhU6tH3fqg6f9XUFK7FMdudgivFWrTrY3GoyvtgCN5BDuK0o3
ewIDAQAB
-----END PUBLIC KEY-----
";
const P256: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEAvOR8KCDVm4dUIT0HAKZYdOwBv8L
bfqaf3xYlepqXwopph6IT8BI8WSkebOA0SWA1llVOid8ph6Z+P5qrvrczA==
-----END PUBLIC KEY-----
";
const ED25519: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAaiOiSyIO77+WthCppxLbg4y8H5u3ZPqeuesv1hWqICo=
-----END PUBLIC KEY-----
";
const SECRET: &str = "azXOthQuW7MiB/lZIkaxRivRNYbWmcVjxDfqwaIk2W8=";

/// `@authority` is in lower case, `@target-uri` as it was sent.
const REQUEST: &str = r#"POST /v1/items?q=a+b%2fc&na%20me=%7E* HTTP/1.1
Host: API.example.com
Content-Type: application/json
Content-Digest: sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:
Cache-Control: max-age=60, must-revalidate
Example-Dict: a=1,   b=(x  y);q=1.50
X-Note: a, b
"#;

const HMAC: &str = r#"Signature-Input: pyhms=("@method" "@authority" "@target-uri");created=1795132800;keyid="\
  hmac";alg="hmac-sha256"
Signature: pyhms=:35Q18VS1KVfecL3R6a1u89XjnhdbxU0L4CPoGg/R4hs=:
"#;
const ED: &str = r#"Signature-Input: sig-1=("@method" "@scheme" "@authority" "@path" "@query" "content-type\
  " "content-digest");created=1795132800;keyid="ed";alg="ed25519";expires=1795132860;non\
  ce="n\"\\1";tag="gate"
Signature: sig-1=:t4Wx/xtgCrx3dDrMFc6TmXAgU4PRU4ab4+8bM7EOZIhqGJ7y6IZML86aptmu9Uc1/zLbh5\
  KCcpMjpGlrZl5HDA==:
"#;
const ECDSA: &str = r#"Signature-Input: pyhms=("@request-target" "@query-param";name="q" "@query-param";name="n\
  a%20me" "example-dict";key="b" "content-digest";sf "cache-control");created=1795132800\
  ;keyid="p256"
Signature: pyhms=:KG75r+77CojDzkNKD21XCK+8fVhsaugWR48RlNpsGFYuFo2EgtrRfe7MOFggoBnNmqYA+r\
  7zxir+Rsy7sLTdWA==:
"#;
const PSS: &str = r#"Signature-Input: pyhms=("@method" "@path" "x-note";bs "content-digest";key="sha-256");cr\
  eated=1795132800;keyid="rsa";alg="rsa-pss-sha512"
Signature: pyhms=:DeiaxCBnQYhrVDA24QcF07RZOng69w+chjBMlBzFD9u7LI2Hq3+mvVxy2EXbmPEAivq47g\
  OTzsCIkUp9lcTd41ZvSu10EE03m/ZMZqz935BYmTO5+Av8a1mupgP9Qc7sKzEzbCB2ndis5PSkdjtyOBQbpZ6I\
  CllVQaqLvvkfpRx5cdHHm4EMS0oMFEB0WToK/QHCx5DaWNNW9tWXKEcZimkKM0aH2YNiQisptkH+yMGKTyZ2Eo\
  V0W/z/e4HXYhrB4kvl5PmuSBfOPH7OuMxOUq/iFS7oiDWqVCA9qR080trZhjy0FvyvOYp31+NtJp+OM5GZ3DZM\
  wXMbj84Tld227w==:
"#;
const V15: &str = r#"Signature-Input: pyhms=("@method" "@target-uri" "host" "content-digest");created=1795132\
  800;keyid="rsa";alg="rsa-v1_5-sha256"
Signature: pyhms=:B9BvLTPLQ+Kv6UvnvJjG0MnRxnnGs7ZC+TqeQ6JeBFZ4ky/4k1qfd1e3X9tsXBfwCQ0U18\
  yvs01sVvQTbTPS4d5Tmz+iquO938W0p0UuqDkt4Cs1AiLcun0QugWfhB2LmC5MC6Jp2XTWvowfNug0WDMdXC5M\
  OY1f0voqchLvnYca57kylYrBC+W251R7Yv5HEGFckXWFN9D6EBFJqsqQTSmsJ7MgI+C5Xy3F6he2+ALqEiXFfr\
  F6Zi02Dck1S1wtpM7B0DuPKJO4p7PIxGZMRVJAscSt+KYMtw/Uynl8zyA7ZIMcuyOaDPfIhaMvuj3+MHv6XhlT\
  NU2BjURFV17mzw==:
"#;

#[test]
fn signatures_of_python_verify() {
    #[rustfmt::skip]
    let cases: &[(&str, &str, Algorithm, &str)] = &[
        ("hmac-sha256", HMAC, Algorithm::HmacSha256, SECRET),
        ("ed25519", ED, Algorithm::Ed25519, ED25519),
        ("ecdsa-p256-sha256", ECDSA, Algorithm::EcdsaP256Sha256, P256),
        ("rsa-pss-sha512", PSS, Algorithm::RsaPssSha512, RSA),
        ("rsa-v1_5-sha256", V15, Algorithm::RsaV15Sha256, RSA),
    ];
    for (name, signature, algorithm, key) in cases {
        let message = Message::parse(&format!("{REQUEST}{signature}"));
        let parsed = message.signature().unwrap();
        let base = message.base().unwrap();
        let verified = verifies(*algorithm, key, base.as_bytes(), &parsed.signature);
        assert!(verified, "{name}:\n{base}");
        // ECDSA is signed without `alg`.
        let named = parsed.alg.is_none_or(|named| named == *algorithm);
        assert!(named, "{name}");
        assert_eq!(parsed.created, Some(1_795_132_800), "{name}");

        let mut forged = message.clone();
        forged.target = forged.target.replace("a+b", "a+c");
        forged.method = "PUT".to_owned();
        let base = forged.base().unwrap();
        let verified = verifies(*algorithm, key, base.as_bytes(), &parsed.signature);
        assert!(!verified, "{name}");
    }
}

#[test]
fn everything_at_once() {
    let message = Message::parse(&format!("{REQUEST}{ED}"));
    let signature = message.signature().unwrap();
    assert_eq!(signature.label, "sig-1");
    assert_eq!(signature.keyid.as_deref(), Some("ed"));
    assert_eq!(signature.alg, Some(Algorithm::Ed25519));
    assert_eq!(signature.nonce.as_deref(), Some("n\"\\1"));
    assert_eq!(signature.expires, Some(1_795_132_860));

    let required = [
        "@method",
        "@path",
        "@query",
        "\"@query-param\";name=\"q\"",
        "content-digest",
    ];
    let required = required.map(|text| Component::parse(text).unwrap());
    let policy = Policy {
        required: required.to_vec(),
        max_age: Some(300),
        tolerance: 5,
        require_nonce: true,
        tag: Some("gate".to_owned()),
        ..Policy::default()
    };
    assert_eq!(policy.check(&signature, 1_795_132_800), Ok(()));
    assert_eq!(policy.valid_until(&signature), Some(1_795_132_865));
    assert_eq!(policy.check(&signature, 1_795_132_865), Ok(()));
    let late = policy.check(&signature, 1_795_132_866);
    assert_eq!(late, Err(Refusal::Expired));

    let digest = br"sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:".as_slice();
    assert_eq!(
        verify_content_digest(&[digest], br#"{"hello": "world"}"#),
        Ok(())
    );

    // Another signature is another entry in the table of those seen; another label is not.
    let base = message.base().unwrap();
    let other = Message::parse(&format!("{REQUEST}{HMAC}")).base().unwrap();
    assert_ne!(replay_key(base.as_bytes()), replay_key(other.as_bytes()));
    let relabelled = Message::parse(&format!("{REQUEST}{}", ED.replace("sig-1", "a")));
    assert_eq!(relabelled.base().unwrap(), base);
}
