//! Checking a signature: here in Rust, or prepared for the proxy's own verifier.
//!
//! A signature that can't be one by its length or form is refused before any arithmetic:
//!
//! - RSA: exactly as long as the modulus (RFC 8017, section 8.2.2);
//! - ECDSA: exactly `r || s` (RFC 7518, section 3.4), both within 1 and the order of the curve;
//! - Ed25519: 64 bytes, checked strictly: no small-order components;
//! - HMAC: exactly as long as the hash, compared in constant time.

use std::borrow::Cow;

use hmac::{Hmac, Mac};
use p256::ecdsa::signature::Verifier;
use rsa::Pkcs1v15Sign;
use rsa::traits::PublicKeyParts;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::jwk::{Material, RsaKey};
use crate::{Algorithm, Key};

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
    /// Whether `signature` over `signing_input` is by this key and `algorithm`. False if the key
    /// does not [accept](Self::accepts) the algorithm.
    pub fn verify(&self, algorithm: Algorithm, signing_input: &[u8], signature: &[u8]) -> bool {
        use Algorithm::{EdDsa, Es256, Es384, Hs256, Hs384, Hs512, Rs256, Rs384, Rs512};
        if !self.accepts(algorithm) {
            return false;
        }
        match (&self.material, algorithm) {
            (Material::Rsa(key), Rs256) => {
                let hash = Sha256::digest(signing_input);
                key.verify(Pkcs1v15Sign::new::<Sha256>(), &hash, signature)
            }
            (Material::Rsa(key), Rs384) => {
                let hash = Sha384::digest(signing_input);
                key.verify(Pkcs1v15Sign::new::<Sha384>(), &hash, signature)
            }
            (Material::Rsa(key), Rs512) => {
                let hash = Sha512::digest(signing_input);
                key.verify(Pkcs1v15Sign::new::<Sha512>(), &hash, signature)
            }
            (Material::P256(key), Es256) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.public.verify(signing_input, &signature).is_ok()),
            (Material::P384(key), Es384) => p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.public.verify(signing_input, &signature).is_ok()),
            (Material::Ed25519(key), EdDsa) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(signing_input, &signature).is_ok()),
            (Material::Secret(secret), Hs256) => {
                hmac_is::<Hmac<Sha256>>(secret, signing_input, signature)
            }
            (Material::Secret(secret), Hs384) => {
                hmac_is::<Hmac<Sha384>>(secret, signing_input, signature)
            }
            (Material::Secret(secret), Hs512) => {
                hmac_is::<Hmac<Sha512>>(secret, signing_input, signature)
            }
            _ => false,
        }
    }

    /// What the proxy's verifier needs to check signatures by this key; `None` if it can't (EdDSA,
    /// HMAC) or the key does not [accept](Self::accepts) the algorithm.
    pub fn host_material(&self, algorithm: Algorithm) -> Option<HostVerification<'_>> {
        use Algorithm::{Es256, Es384, Rs256, Rs384, Rs512};
        if !self.accepts(algorithm) {
            return None;
        }
        let hash = match algorithm {
            Rs256 | Es256 => "sha256",
            Rs384 | Es384 => "sha384",
            Rs512 => "sha512",
            _ => return None,
        };
        let spki_der = match &self.material {
            Material::Rsa(key) => &key.spki_der,
            Material::P256(key) => &key.spki_der,
            Material::P384(key) => &key.spki_der,
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
                .has_length(signature)
                .then_some(Cow::Borrowed(signature)),
            Material::P256(_) => {
                let signature = p256::ecdsa::Signature::from_slice(signature).ok()?;
                Some(Cow::Owned(signature.to_der().as_bytes().to_vec()))
            }
            Material::P384(_) => {
                let signature = p384::ecdsa::Signature::from_slice(signature).ok()?;
                Some(Cow::Owned(signature.to_der().as_bytes().to_vec()))
            }
            Material::Ed25519(_) | Material::Secret(_) => None,
        }
    }
}

impl RsaKey {
    fn has_length(&self, signature: &[u8]) -> bool {
        signature.len() == self.public.size()
    }

    fn verify(&self, padding: Pkcs1v15Sign, hash: &[u8], signature: &[u8]) -> bool {
        self.has_length(signature) && self.public.verify(padding, hash, signature).is_ok()
    }
}

fn hmac_is<M: Mac + hmac::digest::KeyInit>(secret: &[u8], message: &[u8], tag: &[u8]) -> bool {
    let Ok(mac) = <M as Mac>::new_from_slice(secret) else {
        return false;
    };
    // Compares in constant time, and all of the tag: a shorter one is refused.
    mac.chain_update(message).verify_slice(tag).is_ok()
}
