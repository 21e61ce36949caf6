//! RSA public keys (RFC 7518, sections 3.3 and 6.3).

use hmac::digest::{Digest, FixedOutputReset};
use rsa::signature::hazmat::PrehashVerifier;
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, Pkcs1v15Sign, RsaPublicKey, pss};

use super::Material;
use crate::der;

/// Smaller RSA moduli are refused (RFC 7518, section 3.3).
pub const MIN_RSA_BITS: usize = 2048;
/// Larger RSA moduli are refused: each verification would cost too much.
pub const MAX_RSA_BITS: usize = 8192;

/// Public exponents are at most 33 bits long, as in BoringSSL: larger ones only make it slow.
const MAX_EXPONENT_BITS: usize = 33;

#[derive(Clone)]
pub(crate) struct RsaKey {
    public: RsaPublicKey,
    pub(crate) spki_der: Vec<u8>,
}

impl Material {
    /// The public key of this modulus and exponent, if both are [good](modulus).
    pub(crate) fn from_rsa(modulus: BigUint, exponent: BigUint) -> Option<Self> {
        let public = RsaPublicKey::new_with_max_size(modulus, exponent, MAX_RSA_BITS).ok()?;
        let spki_der = der::rsa_spki(&public.n().to_bytes_be(), &public.e().to_bytes_be());
        Some(Self::Rsa(Box::new(RsaKey { public, spki_der })))
    }
}

/// A modulus, big-endian, or what is wrong with it.
pub(crate) fn modulus(bytes: &[u8]) -> Result<BigUint, String> {
    let modulus = BigUint::from_bytes_be(bytes);
    let bits = modulus.bits();
    if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
        return Err(format!(
            "must have {MIN_RSA_BITS} to {MAX_RSA_BITS} bits, and has {bits}"
        ));
    }
    if bytes.last().is_none_or(|last| last % 2 == 0) {
        return Err("must be odd".to_owned());
    }
    Ok(modulus)
}

/// A public exponent, big-endian, or what is wrong with it.
pub(crate) fn exponent(bytes: &[u8]) -> Result<BigUint, String> {
    let exponent = BigUint::from_bytes_be(bytes);
    let odd = bytes.last().is_some_and(|last| last % 2 == 1);
    if !odd || exponent < BigUint::from(3_u8) || exponent.bits() > MAX_EXPONENT_BITS {
        return Err(format!(
            "must be odd, at least 3, and have at most {MAX_EXPONENT_BITS} bits"
        ));
    }
    Ok(exponent)
}

impl RsaKey {
    /// Whether `signature` is exactly as long as the modulus, and less than it (RFC 8017, sections
    /// 8.1.2, 8.2.2 and 5.2.2).
    pub(crate) fn is_in_range(&self, signature: &[u8]) -> bool {
        signature.len() == self.public.size()
            && BigUint::from_bytes_be(signature) < *self.public.n()
    }

    /// RSASSA-PKCS1-v1_5.
    pub(crate) fn verify_pkcs1(&self, scheme: Pkcs1v15Sign, hash: &[u8], signature: &[u8]) -> bool {
        self.is_in_range(signature) && self.public.verify(scheme, hash, signature).is_ok()
    }

    /// RSASSA-PSS: `D` makes the hash and the mask, and is as long as the salt.
    pub(crate) fn verify_pss<D: Digest + FixedOutputReset>(
        &self,
        hash: &[u8],
        signature: &[u8],
    ) -> bool {
        let key = pss::VerifyingKey::<D>::new(self.public.clone());
        self.is_in_range(signature)
            && pss::Signature::try_from(signature)
                .is_ok_and(|signature| key.verify_prehash(hash, &signature).is_ok())
    }
}
