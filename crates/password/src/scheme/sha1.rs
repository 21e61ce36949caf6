//! `{SHA}`: SHA-1 of the password. `{SSHA}`: of the password and a salt, which follows the digest.

#[cfg(test)]
mod tests;

use sha1::Digest;
use subtle::ConstantTimeEq;

use crate::{Cost, ParseError, Scheme, fields};

const DIGEST_BYTES: usize = 20;
/// Of the longest password with the longest salt.
const NANOS: u64 = 2_000;

#[derive(Clone)]
pub(crate) struct Sha1 {
    digest: [u8; DIGEST_BYTES],
    /// Empty for `{SHA}` only.
    salt: Vec<u8>,
}

impl Sha1 {
    /// Reads what follows `{SHA}` or `{SSHA}`.
    pub(super) fn parse(scheme: Scheme, text: &str) -> Result<Self, ParseError> {
        let malformed = |problem| scheme.malformed(problem);
        let bytes = fields::base64(text)
            .ok_or_else(|| malformed("base64 with padding must follow, canonical"))?;
        let (digest, salt) = bytes
            .split_first_chunk::<DIGEST_BYTES>()
            .ok_or_else(|| malformed("must have the 20 bytes of a SHA-1"))?;
        match (scheme, salt.is_empty()) {
            (Scheme::Sha1, false) => {
                Err(malformed("must have 20 bytes: with a salt, it is `{SSHA}`"))
            }
            (Scheme::SaltedSha1, true) => {
                Err(malformed("has no salt after the 20 bytes of the hash"))
            }
            _ => Ok(Self {
                digest: *digest,
                salt: salt.to_vec(),
            }),
        }
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let digest: [u8; DIGEST_BYTES] = sha1::Sha1::new()
            .chain_update(password)
            .chain_update(&self.salt)
            .finalize()
            .into();
        digest.ct_eq(&self.digest).into()
    }

    pub(super) fn cost(&self) -> Cost {
        Cost::of(1, NANOS)
    }

    pub(super) fn scheme(&self) -> Scheme {
        if self.salt.is_empty() {
            Scheme::Sha1
        } else {
            Scheme::SaltedSha1
        }
    }
}
