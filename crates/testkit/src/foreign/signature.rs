//! `verify_signature`: RSA (PKCS#1 v1.5) and ECDSA on P-256, P-384 and P-521, as BoringSSL's `EVP_DigestVerify` does.

use super::Answer;
use crate::imports::BAD_ARGUMENT;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use p256::pkcs8::DecodePublicKey as _;
use prost::Message as _;
use rsa::{Pkcs1v15Sign, RsaPublicKey};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

/// `envoy.source.extensions.common.wasm.VerifySignatureArguments`
#[derive(Clone, PartialEq, prost::Message)]
struct Arguments {
    #[prost(string, tag = "1")]
    hash_function: String,
    #[prost(bytes = "vec", tag = "2")]
    public_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    signature: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    text: Vec<u8>,
    #[prost(string, tag = "5")]
    public_key_pem: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Outcome {
    #[prost(bool, tag = "1")]
    result: bool,
    #[prost(string, tag = "2")]
    error: String,
}

pub(super) fn verify(arguments: &[u8]) -> Answer {
    let arguments = Arguments::decode(arguments).map_err(|_| BAD_ARGUMENT)?;
    let key = match (
        arguments.public_key.is_empty(),
        arguments.public_key_pem.is_empty(),
    ) {
        (false, true) => Key::from_der(&arguments.public_key),
        (true, false) => Key::from_pem(&arguments.public_key_pem),
        _ => return Err(BAD_ARGUMENT),
    };
    let outcome = match check(&arguments, key) {
        Ok(()) => Outcome {
            result: true,
            error: String::new(),
        },
        Err(error) => Outcome {
            result: false,
            error,
        },
    };
    Ok(outcome.encode_to_vec())
}

/// Whether `verify_signature` finds a signature (of ECDSA in ASN.1) over a message good, by a key (DER, SubjectPublicKeyInfo).
pub fn is_good(hash_function: &str, key: &[u8], signature: &[u8], message: &[u8]) -> bool {
    let arguments = Arguments {
        hash_function: hash_function.to_owned(),
        signature: signature.to_vec(),
        text: message.to_vec(),
        ..Arguments::default()
    };
    check(&arguments, Key::from_der(key)).is_ok()
}

fn check(arguments: &Arguments, key: Option<Key>) -> Result<(), String> {
    let text = &arguments.text;
    let (hash, scheme) = match arguments.hash_function.to_ascii_lowercase().as_str() {
        "sha1" => (Sha1::digest(text).to_vec(), Pkcs1v15Sign::new::<Sha1>()),
        "sha224" => (Sha224::digest(text).to_vec(), Pkcs1v15Sign::new::<Sha224>()),
        "sha256" => (Sha256::digest(text).to_vec(), Pkcs1v15Sign::new::<Sha256>()),
        "sha384" => (Sha384::digest(text).to_vec(), Pkcs1v15Sign::new::<Sha384>()),
        "sha512" => (Sha512::digest(text).to_vec(), Pkcs1v15Sign::new::<Sha512>()),
        unknown => return Err(format!("{unknown} is not supported.")),
    };
    let Some(key) = key else {
        return Err("Failed to initialize digest verify.".to_owned());
    };
    let signature = &arguments.signature;
    macro_rules! ecdsa {
        ($key:expr, $curve:ident, $bytes:literal) => {
            $curve::ecdsa::Signature::from_der(signature).is_ok_and(|signature| {
                $key.verify_prehash(&widened(&hash, $bytes), &signature)
                    .is_ok()
            })
        };
    }
    let good = match key {
        Key::Rsa(key) => key.verify(scheme, &hash, signature).is_ok(),
        Key::P256(key) => ecdsa!(key, p256, 32),
        Key::P384(key) => ecdsa!(key, p384, 48),
        Key::P521(key) => ecdsa!(key, p521, 66),
    };
    if good {
        Ok(())
    } else {
        Err("Failed to verify digest. Error code: 0".to_owned())
    }
}

/// RustCrypto refuses a hash of less than half the bytes of the curve's order; the number is the same with zeros before
/// it, up to all of those bytes. Of more, the first count, so that there must be none before a hash that fills them.
fn widened(hash: &[u8], bytes: usize) -> Vec<u8> {
    let mut wide = vec![0; bytes.saturating_sub(hash.len())];
    wide.extend_from_slice(hash);
    wide
}

enum Key {
    Rsa(RsaPublicKey),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(p521::ecdsa::VerifyingKey),
}

impl Key {
    fn from_der(der: &[u8]) -> Option<Self> {
        if let Ok(key) = RsaPublicKey::from_public_key_der(der) {
            return Some(Self::Rsa(key));
        }
        if let Ok(key) = p256::PublicKey::from_public_key_der(der) {
            return Some(Self::P256(key.into()));
        }
        if let Ok(key) = p384::PublicKey::from_public_key_der(der) {
            return Some(Self::P384(key.into()));
        }
        let key = p521::PublicKey::from_public_key_der(der).ok()?;
        p521::ecdsa::VerifyingKey::from_affine(*key.as_affine())
            .ok()
            .map(Self::P521)
    }

    fn from_pem(pem: &str) -> Option<Self> {
        let (_, document) = p256::pkcs8::Document::from_pem(pem).ok()?;
        Self::from_der(document.as_bytes())
    }
}
