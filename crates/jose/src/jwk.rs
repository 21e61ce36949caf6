//! A key as a JSON Web Key (RFC 7517) describes it, and what it may be used for.

mod material;
mod members;
mod set;

#[cfg(test)]
mod tests;

use std::fmt;

use serde_json::Value;

use crate::Algorithm;

pub use material::{MAX_RSA_BITS, MIN_RSA_BITS, MIN_SECRET_BYTES};
pub(crate) use material::{Material, RsaKey};
pub use members::JwkError;
pub use set::JwkSet;

use members::Members;

/// A key that verifies signatures: an RSA, EC or Ed25519 public key, or an HMAC secret.
///
/// Never prints the key itself; an HMAC secret is wiped when dropped.
#[derive(Clone)]
pub struct Key {
    kid: Option<String>,
    usage: Usage,
    pub(crate) material: Material,
}

/// What the JWK says the key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Usage {
    /// Signatures by any algorithm that fits the type of the key.
    AnySignature,
    /// Signatures by this algorithm (RFC 7517, section 4.4).
    Signature(Algorithm),
    /// Something else: encryption, signing, an algorithm that is not supported.
    Other,
}

impl Key {
    /// Reads one JWK.
    ///
    /// A JWK that is not for verifying signatures (`use` other than `sig`, `key_ops` without
    /// `verify`, an `alg` that is not an [`Algorithm`]) is read, and verifies nothing. Certificates
    /// (`x5c`, `x5u`, `x5t`) and unknown members are ignored.
    pub fn from_value(jwk: &Value) -> Result<Self, Vec<JwkError>> {
        Self::at(jwk, "")
    }

    /// Reads the JWK that stands at `path`, for errors.
    fn at(jwk: &Value, path: &str) -> Result<Self, Vec<JwkError>> {
        let Value::Object(object) = jwk else {
            return Err(vec![JwkError::new(path, "must be an object")]);
        };
        let mut members = Members::new(object, path);
        let kid = members.string("kid").map(str::to_owned);
        let material = Material::read(&mut members);
        let usage = usage(&mut members, material.as_ref());
        match (material, members.into_errors()) {
            (Some(material), errors) if errors.is_empty() => Ok(Self {
                kid,
                usage,
                material,
            }),
            (_, errors) => Err(errors),
        }
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
            Usage::Other => false,
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

fn usage(members: &mut Members<'_>, material: Option<&Material>) -> Usage {
    let algorithm = members.string("alg").map(str::parse::<Algorithm>);
    let for_signatures = members.string("use").is_none_or(|usage| usage == "sig");
    let verifies = members
        .strings("key_ops")
        .is_none_or(|operations| operations.contains(&"verify"));
    if let (Some(Ok(algorithm)), Some(material)) = (&algorithm, material)
        && !material.fits(*algorithm)
    {
        members.error("alg", material.misfit(*algorithm));
    }
    match algorithm {
        _ if !for_signatures || !verifies => Usage::Other,
        None => Usage::AnySignature,
        Some(Ok(algorithm)) => Usage::Signature(algorithm),
        Some(Err(_)) => Usage::Other,
    }
}
