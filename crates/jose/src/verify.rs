//! Checking a signature: here in Rust, or prepared for the proxy's own verifier.
//!
//! What is signed is bytes: the signing input of a token, or the signature base of an HTTP message
//! (RFC 9421, section 3.3), whose algorithms are these: `rsa-pss-sha512` is PS512, `rsa-v1_5-sha256`
//! RS256, `hmac-sha256` HS256, `ecdsa-p256-sha256` ES256, `ecdsa-p384-sha384` ES384 and `ed25519`
//! EdDSA.
//!
//! A signature that can't be one by its length or form is refused before any arithmetic:
//!
//! - RSA: exactly as long as the modulus, and less than it (RFC 8017, section 8.2.2);
//! - RSASSA-PSS: the salt is as long as the hash, which MGF1 uses too (RFC 7518, section 3.5);
//! - ECDSA: exactly `r || s` (RFC 7518, section 3.4), both within 1 and the order of the curve.
//!   An `s` in the upper half is accepted: RFC 7518 does not ask for the lower, and signers do not
//!   choose it;
//! - Ed25519: 64 bytes, checked strictly: no small-order components;
//! - HMAC: exactly as long as the hash, compared in constant time.

use std::borrow::Cow;

use hmac::{Hmac, Mac};
use rsa::Pkcs1v15Sign;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::key::Material;
use crate::{Algorithm, Key, der, software};

#[cfg(test)]
mod tests;

/// What the proxy's verifier (`verify_signature`) needs of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostVerification<'k> {
    /// The hash function: `sha256`, `sha384` or `sha512`.
    pub hash: &'static str,
    /// The public key as DER of a SubjectPublicKeyInfo.
    pub spki_der: &'k [u8],
}

impl Key {
    /// Whether `signature` over `message` is by this key and `algorithm`. False if the key does not
    /// [accept](Self::accepts) the algorithm, and in a module also for ECDSA, which only the proxy
    /// verifies there.
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        use Algorithm::{EdDsa, Es256, Es384, Es512, Hs256, Hs384, Hs512};
        use Algorithm::{Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        if !self.accepts(algorithm) {
            return false;
        }
        let hash = || hash_of(algorithm, message);
        match (&self.material, algorithm) {
            (Material::Rsa(key), Rs256) => {
                key.verify_pkcs1(Pkcs1v15Sign::new::<Sha256>(), &hash(), signature)
            }
            (Material::Rsa(key), Rs384) => {
                key.verify_pkcs1(Pkcs1v15Sign::new::<Sha384>(), &hash(), signature)
            }
            (Material::Rsa(key), Rs512) => {
                key.verify_pkcs1(Pkcs1v15Sign::new::<Sha512>(), &hash(), signature)
            }
            (Material::Rsa(key), Ps256) => key.verify_pss::<Sha256>(&hash(), signature),
            (Material::Rsa(key), Ps384) => key.verify_pss::<Sha384>(&hash(), signature),
            (Material::Rsa(key), Ps512) => key.verify_pss::<Sha512>(&hash(), signature),
            (Material::Ec(key), Es256 | Es384 | Es512) => {
                key.curve.is_signature(signature) && software::verify(key, &hash(), signature)
            }
            (Material::Ed25519(key), EdDsa) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            (Material::Secret(secret), Hs256) => {
                hmac_is::<Hmac<Sha256>>(secret, message, signature)
            }
            (Material::Secret(secret), Hs384) => {
                hmac_is::<Hmac<Sha384>>(secret, message, signature)
            }
            (Material::Secret(secret), Hs512) => {
                hmac_is::<Hmac<Sha512>>(secret, message, signature)
            }
            _ => false,
        }
    }

    /// What the proxy's verifier needs to check signatures by this key; `None` if it can't (RSASSA-PSS,
    /// EdDSA, HMAC) or the key does not [accept](Self::accepts) the algorithm.
    pub fn host_material(&self, algorithm: Algorithm) -> Option<HostVerification<'_>> {
        use Algorithm::{Es256, Es384, Es512, Rs256, Rs384, Rs512};
        if !self.accepts(algorithm) {
            return None;
        }
        let hash = match algorithm {
            Rs256 | Es256 => "sha256",
            Rs384 | Es384 => "sha384",
            Rs512 | Es512 => "sha512",
            _ => return None,
        };
        let spki_der = match &self.material {
            Material::Rsa(key) => &key.spki_der,
            Material::Ec(key) => &key.spki_der,
            Material::Ed25519(_) | Material::Secret(_) => return None,
        };
        Some(HostVerification { hash, spki_der })
    }

    /// `signature` in the form that the proxy's verifier takes: RSA as it is, ECDSA as ASN.1 DER.
    ///
    /// `None` where [`host_material`](Self::host_material) is not: the signature can't be valid,
    /// and is to be refused.
    pub fn host_signature<'s>(
        &self,
        algorithm: Algorithm,
        signature: &'s [u8],
    ) -> Option<Cow<'s, [u8]>> {
        self.host_material(algorithm)?;
        match &self.material {
            Material::Rsa(key) => key
                .is_in_range(signature)
                .then_some(Cow::Borrowed(signature)),
            Material::Ec(key) if key.curve.is_signature(signature) => {
                der::ecdsa_signature(signature).map(Cow::Owned)
            }
            Material::Ec(_) | Material::Ed25519(_) | Material::Secret(_) => None,
        }
    }
}

/// The hash of a message that RSA and ECDSA sign.
#[inline(never)]
fn hash_of(algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
    use Algorithm::{Es256, Es384, Hs256, Hs384, Ps256, Ps384, Rs256, Rs384};
    match algorithm {
        Rs256 | Ps256 | Es256 | Hs256 => Sha256::digest(message).to_vec(),
        Rs384 | Ps384 | Es384 | Hs384 => Sha384::digest(message).to_vec(),
        _ => Sha512::digest(message).to_vec(),
    }
}

fn hmac_is<M: Mac + hmac::digest::KeyInit>(secret: &[u8], message: &[u8], tag: &[u8]) -> bool {
    let Ok(mac) = <M as Mac>::new_from_slice(secret) else {
        return false;
    };
    // Compares in constant time, and all of the tag: a shorter one is refused.
    mac.chain_update(message).verify_slice(tag).is_ok()
}
