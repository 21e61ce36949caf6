//! A key, and what it may be used for.
//!
//! However it comes, as a JWK ([`Key::from_value`]), as PEM ([`Key::from_pem`]) or as bytes
//! ([`Key::symmetric`]), it is checked once and has one type from then on. An algorithm is verified
//! by keys of its type alone, so that no public key can be taken for an HMAC secret.

mod ec;
mod error;
mod material;
mod rsa;

#[cfg(test)]
mod tests;

use std::fmt;

use crate::Algorithm;

pub(crate) use ec::{Curve, EcKey};
pub use error::KeyError;
pub use material::MIN_SECRET_BYTES;
pub(crate) use material::Material;
pub use rsa::{MAX_RSA_BITS, MIN_RSA_BITS};
pub(crate) use rsa::{RsaKey, exponent, modulus};

/// A key that verifies signatures: an RSA, EC or Ed25519 public key, or an HMAC secret.
///
/// Never prints the key itself; an HMAC secret is wiped when dropped.
#[derive(Clone)]
pub struct Key {
    pub(crate) kid: Option<String>,
    pub(crate) usage: Usage,
    pub(crate) material: Material,
}

/// What is said of a key beyond the key itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Usage {
    /// Signatures by any algorithm that fits the type of the key.
    AnySignature,
    /// Signatures by this algorithm (RFC 7517, section 4.4).
    Signature(Algorithm),
    /// Something else.
    Other(Unusable),
}

/// The member of a JWK that says that the key does not verify signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// `use` other than `sig`.
    Use,
    /// `key_ops` without `verify`.
    Operations,
    /// An `alg` that is not an [`Algorithm`].
    Algorithm,
}

impl Key {
    /// The HMAC secret of these bytes, of at least [`MIN_SECRET_BYTES`]: shorter ones can be searched
    /// for by anybody who has seen one message (RFC 7518, section 3.2). HS384 and HS512 want
    /// secrets as long as their hashes.
    ///
    /// The secrets of webhooks are often shorter, and not ours to choose. They are not for this
    /// crate: their HMAC is computed where their scheme is known (`gatehouse-webhook-signature`).
    pub fn symmetric(secret: &[u8]) -> Result<Self, KeyError> {
        Material::from_secret(secret)
            .map(Self::of)
            .map_err(|message| KeyError::new(format!("the secret {message}")))
    }

    /// A key without a name, for any algorithm that fits it.
    pub(crate) fn of(material: Material) -> Self {
        Self {
            kid: None,
            usage: Usage::AnySignature,
            material,
        }
    }

    /// The key under this name, in place of the one it had.
    pub fn with_kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// The key for signatures by `algorithm` alone; an error if it does not
    /// [accept](Self::accepts) that.
    pub fn restricted_to(mut self, algorithm: Algorithm) -> Result<Self, KeyError> {
        if !self.material.fits(algorithm) {
            return Err(KeyError::new(self.material.misfit(algorithm)));
        }
        if !self.accepts(algorithm) {
            return Err(KeyError::new(format!("the key is not for {algorithm}")));
        }
        self.usage = Usage::Signature(algorithm);
        Ok(self)
    }

    /// The name of the key.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The type of the key (`kty`): `RSA`, `EC`, `OKP` or `oct`.
    pub fn kty(&self) -> &'static str {
        self.material.kty()
    }

    /// Whether the key verifies signatures by `algorithm`: it is meant for that (`use`, `key_ops`,
    /// `alg`), of the right type, and for HMAC at least as long as the hash (RFC 7518, section 3.2).
    pub fn accepts(&self, algorithm: Algorithm) -> bool {
        let meant = match self.usage {
            Usage::AnySignature => true,
            Usage::Signature(only) => only == algorithm,
            Usage::Other(_) => false,
        };
        meant && self.material.fits(algorithm)
    }
}

/// The key itself is left out: of a secret, nothing may be seen.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("kid", &self.kid)
            .field("kty", &self.kty())
            .field("usage", &self.usage)
            .finish_non_exhaustive()
    }
}
