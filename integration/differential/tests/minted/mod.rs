//! Tokens by keys of the tests.

use base64ct::{Base64UrlUnpadded, Encoding as _};
use gatehouse_integration::repository;
use p256::ecdsa::signature::Signer as _;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::traits::PublicKeyParts as _;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use sha2::{Digest as _, Sha256};

fn rsa() -> RsaPrivateKey {
    let pem =
        std::fs::read_to_string(repository().join("integration/testdata/demo-issuer.pem")).unwrap();
    RsaPrivateKey::from_pkcs8_pem(&pem).unwrap()
}

fn ec() -> p256::ecdsa::SigningKey {
    p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap()
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    Base64UrlUnpadded::encode_string(bytes.as_ref())
}

pub(crate) fn sha256_hex(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// As a JWK.
pub(crate) fn rsa_key() -> String {
    let key = rsa();
    let (n, e) = (
        encoded(key.n().to_bytes_be()),
        encoded(key.e().to_bytes_be()),
    );
    format!(r#"{{"kty": "RSA", "kid": "rsa", "alg": "RS256", "n": "{n}", "e": "{e}"}}"#)
}

/// As a JWK.
pub(crate) fn ec_key() -> String {
    let point = ec().verifying_key().to_encoded_point(false);
    let (x, y) = (encoded(point.x().unwrap()), encoded(point.y().unwrap()));
    format!(
        r#"{{"kty": "EC", "crv": "P-256", "kid": "ec", "alg": "ES256", "x": "{x}", "y": "{y}"}}"#
    )
}

pub(crate) fn rs256(claims: &str) -> String {
    let input = input("RS256", "rsa", claims);
    let signature = rsa()
        .sign(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(&input))
        .unwrap();
    format!("{input}.{}", encoded(signature))
}

pub(crate) fn es256(claims: &str) -> String {
    let input = input("ES256", "ec", claims);
    let signature: p256::ecdsa::Signature = ec().sign(input.as_bytes());
    format!("{input}.{}", encoded(signature.to_bytes()))
}

fn input(algorithm: &str, key: &str, claims: &str) -> String {
    let header = format!(r#"{{"alg":"{algorithm}","typ":"JWT","kid":"{key}"}}"#);
    format!("{}.{}", encoded(header), encoded(claims))
}
