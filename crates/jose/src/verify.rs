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
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::{Pkcs1v15Sign, Pss};
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::key::Material;
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
    /// Whether `signature` over `message` is by this key and `algorithm`. False if the key does not
    /// [accept](Self::accepts) the algorithm.
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        use Algorithm::{EdDsa, Es256, Es384, Es512, Hs256, Hs384, Hs512};
        use Algorithm::{Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        if !self.accepts(algorithm) {
            return false;
        }
        match (&self.material, algorithm) {
            (Material::Rsa(key), Rs256) => {
                let scheme = Pkcs1v15Sign::new::<Sha256>();
                key.verify(scheme, &Sha256::digest(message), signature)
            }
            (Material::Rsa(key), Rs384) => {
                let scheme = Pkcs1v15Sign::new::<Sha384>();
                key.verify(scheme, &Sha384::digest(message), signature)
            }
            (Material::Rsa(key), Rs512) => {
                let scheme = Pkcs1v15Sign::new::<Sha512>();
                key.verify(scheme, &Sha512::digest(message), signature)
            }
            (Material::Rsa(key), Ps256) => {
                let scheme = Pss::new::<Sha256>();
                key.verify(scheme, &Sha256::digest(message), signature)
            }
            (Material::Rsa(key), Ps384) => {
                let scheme = Pss::new::<Sha384>();
                key.verify(scheme, &Sha384::digest(message), signature)
            }
            (Material::Rsa(key), Ps512) => {
                let scheme = Pss::new::<Sha512>();
                key.verify(scheme, &Sha512::digest(message), signature)
            }
            (Material::P256(key), Es256) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| {
                    let hash = Sha256::digest(message);
                    key.public.verify_prehash(&hash, &signature).is_ok()
                }),
            (Material::P384(key), Es384) => p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| {
                    let hash = Sha384::digest(message);
                    key.public.verify_prehash(&hash, &signature).is_ok()
                }),
            (Material::P521(key), Es512) => p521::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| {
                    let hash = Sha512::digest(message);
                    key.public.verify_prehash(&hash, &signature).is_ok()
                }),
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
            Material::P256(key) => &key.spki_der,
            Material::P384(key) => &key.spki_der,
            Material::P521(key) => &key.spki_der,
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
            Material::P256(_) => {
                let signature = p256::ecdsa::Signature::from_slice(signature).ok()?;
                Some(Cow::Owned(signature.to_der().as_bytes().to_vec()))
            }
            Material::P384(_) => {
                let signature = p384::ecdsa::Signature::from_slice(signature).ok()?;
                Some(Cow::Owned(signature.to_der().as_bytes().to_vec()))
            }
            Material::P521(_) => {
                let signature = p521::ecdsa::Signature::from_slice(signature).ok()?;
                Some(Cow::Owned(signature.to_der().as_bytes().to_vec()))
            }
            Material::Ed25519(_) | Material::Secret(_) => None,
        }
    }
}

fn hmac_is<M: Mac + hmac::digest::KeyInit>(secret: &[u8], message: &[u8], tag: &[u8]) -> bool {
    let Ok(mac) = <M as Mac>::new_from_slice(secret) else {
        return false;
    };
    // Compares in constant time, and all of the tag: a shorter one is refused.
    mac.chain_update(message).verify_slice(tag).is_ok()
}
