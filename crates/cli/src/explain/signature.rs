//! `verify_signature` of the host: RSA (PKCS#1 v1.5) and ECDSA.

use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use p256::pkcs8::DecodePublicKey as _;
use rsa::{Pkcs1v15Sign, RsaPublicKey};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// Whether a signature (ECDSA: in ASN.1) over a message is by the key (DER, SubjectPublicKeyInfo).
pub(super) fn is_good(hash: &str, key: &[u8], signature: &[u8], message: &[u8]) -> bool {
    let (digest, scheme) = match hash.to_ascii_lowercase().as_str() {
        "sha1" => (Sha1::digest(message).to_vec(), Pkcs1v15Sign::new::<Sha1>()),
        "sha256" => (
            Sha256::digest(message).to_vec(),
            Pkcs1v15Sign::new::<Sha256>(),
        ),
        "sha384" => (
            Sha384::digest(message).to_vec(),
            Pkcs1v15Sign::new::<Sha384>(),
        ),
        "sha512" => (
            Sha512::digest(message).to_vec(),
            Pkcs1v15Sign::new::<Sha512>(),
        ),
        _ => return false,
    };
    macro_rules! ecdsa {
        ($curve:ident) => {
            if let Ok(key) = $curve::PublicKey::from_public_key_der(key) {
                let key = $curve::ecdsa::VerifyingKey::from_sec1_bytes(&key.to_sec1_bytes());
                let signature = $curve::ecdsa::Signature::from_der(signature);
                return key
                    .and_then(|key| key.verify_prehash(&digest, &signature?))
                    .is_ok();
            }
        };
    }
    ecdsa!(p256);
    ecdsa!(p384);
    ecdsa!(p521);
    RsaPublicKey::from_public_key_der(key)
        .is_ok_and(|key| key.verify(scheme, &digest, signature).is_ok())
}
