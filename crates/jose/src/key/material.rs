//! The key proper, by type.

use ed25519_dalek::VerifyingKey as Ed25519Key;
use zeroize::Zeroizing;

use super::{Curve, EcKey, RsaKey};
use crate::Algorithm;

/// Shorter HMAC secrets are refused: the shortest hash, SHA-256, has 32 bytes (RFC 7518, section
/// 3.2). HS384 wants 48 bytes and HS512 64.
pub const MIN_SECRET_BYTES: usize = 32;

/// A key that has been checked, by type. Which algorithms fit is a matter of the variant alone.
#[derive(Clone)]
pub(crate) enum Material {
    Rsa(Box<RsaKey>),
    Ec(EcKey),
    Ed25519(Box<Ed25519Key>),
    Secret(Zeroizing<Vec<u8>>),
}

impl Material {
    /// The Ed25519 public key of these bytes (RFC 8032, section 5.1.5).
    pub(crate) fn from_ed25519(bytes: &[u8]) -> Option<Self> {
        let bytes = <[u8; 32]>::try_from(bytes).ok()?;
        let key = Ed25519Key::from_bytes(&bytes).ok()?;
        // The library takes y modulo p, RFC 8032 (section 5.1.3) has it below p. And a key of small
        // order accepts signatures that nobody made.
        if !is_below_p(&bytes) || key.is_weak() {
            return None;
        }
        Some(Self::Ed25519(Box::new(key)))
    }

    /// The HMAC secret of these bytes, or what is wrong with it.
    pub(crate) fn from_secret(secret: &[u8]) -> Result<Self, String> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(format!(
                "must be at least {MIN_SECRET_BYTES} bytes long, and is {}",
                secret.len()
            ));
        }
        Ok(Self::Secret(Zeroizing::new(secret.to_vec())))
    }

    pub(super) fn kty(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RSA",
            Self::Ec(_) => "EC",
            Self::Ed25519(_) => "OKP",
            Self::Secret(_) => "oct",
        }
    }

    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        use Algorithm::{EdDsa, Es256, Es384, Es512, Hs256, Hs384, Hs512};
        use Algorithm::{Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        match (self, algorithm) {
            (Self::Rsa(_), Rs256 | Rs384 | Rs512 | Ps256 | Ps384 | Ps512)
            | (Self::Ed25519(_), EdDsa) => true,
            (Self::Ec(key), Es256) => key.curve == Curve::P256,
            (Self::Ec(key), Es384) => key.curve == Curve::P384,
            (Self::Ec(key), Es512) => key.curve == Curve::P521,
            (Self::Secret(secret), Hs256) => secret.len() >= 32,
            (Self::Secret(secret), Hs384) => secret.len() >= 48,
            (Self::Secret(secret), Hs512) => secret.len() >= 64,
            _ => false,
        }
    }

    /// Why `algorithm` does not fit.
    pub(crate) fn misfit(&self, algorithm: Algorithm) -> String {
        let key = match self {
            Self::Rsa(_) => "an RSA key",
            Self::Ec(key) => {
                return format!("{algorithm} does not fit a key on {}", key.curve.name());
            }
            Self::Ed25519(_) => "an Ed25519 key",
            Self::Secret(secret) => {
                return format!(
                    "{algorithm} does not fit a secret of {} bytes",
                    secret.len()
                );
            }
        };
        format!("{algorithm} does not fit {key}")
    }
}

/// Whether the y of a point, little-endian below a sign bit, is less than p = 2^255 - 19.
fn is_below_p(bytes: &[u8; 32]) -> bool {
    let [first, middle @ .., last] = bytes;
    *first < 0xed || middle.iter().any(|byte| *byte != 0xff) || last & 0x7f != 0x7f
}
