//! bcrypt: `$2b$`, two digits of cost, `$`, 22 characters of salt and 31 of the digest.
//!
//! `$2a$`, `$2b$` and `$2y$` are verified alike. They differ only for passwords of more than 254 bytes
//! (OpenBSD before `$2b$`) and for some with bytes of 0xff (crypt_blowfish makes `$2a$` differ from
//! what everybody else has), which then don't match.

#[cfg(test)]
mod tests;

use base64ct::{Base64Bcrypt, Encoding};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::fields::Parameter;
use crate::{Cost, ParseError, Scheme};

/// What bcrypt looks at; the NUL that ends a shorter password is a part of it.
const KEY_BYTES: usize = 72;
const SALT_CHARACTERS: usize = 22;
/// 184 bits: bcrypt computes 192 and all implementations drop the last byte.
const DIGEST_BYTES: usize = 23;
const NANOS_PER_ITERATION: u64 = 98_600;

const COST: Parameter = Parameter {
    name: "cost",
    least: 4,
    most: 15,
};

#[derive(Clone)]
pub(crate) struct Bcrypt {
    cost: u32,
    salt: [u8; 16],
    digest: [u8; DIGEST_BYTES],
}

impl Bcrypt {
    /// Reads what follows `$2b$`.
    pub(super) fn parse(text: &str) -> Result<Self, ParseError> {
        const SHAPE: &str =
            "must be `$2b$`, two digits of cost, `$` and 53 characters of `./A-Za-z0-9`";
        let malformed = |problem| Scheme::Bcrypt.malformed(problem);
        let (cost, encoded) = text.split_once('$').ok_or_else(|| malformed(SHAPE))?;
        if cost.len() != 2 {
            return Err(malformed(SHAPE));
        }
        let cost = COST.read(Scheme::Bcrypt, cost.strip_prefix('0').unwrap_or(cost))?;
        let (salt, digest) = encoded
            .split_at_checked(SALT_CHARACTERS)
            .ok_or_else(|| malformed(SHAPE))?;
        let salt = decode(salt).ok_or_else(|| {
            malformed("the salt must be 22 characters of `./A-Za-z0-9`, the last one of `.Oeu`")
        })?;
        let digest = decode(digest).ok_or_else(|| {
            malformed("31 characters of `./A-Za-z0-9` must follow the salt, with no stray bits in the last")
        })?;
        Ok(Self { cost, salt, digest })
    }

    /// A password of more than 72 bytes is refused: not all of it would count.
    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        let Some(start) = key.get_mut(..password.len()) else {
            return false;
        };
        start.copy_from_slice(password);
        let length = password.len().saturating_add(1).min(KEY_BYTES);
        let Some(key) = key.get(..length) else {
            return false;
        };
        let digest = Zeroizing::new(::bcrypt::bcrypt(self.cost, self.salt, key));
        digest
            .get(..DIGEST_BYTES)
            .is_some_and(|digest| digest.ct_eq(&self.digest).into())
    }

    pub(super) fn cost(&self) -> Cost {
        Cost::of(1 << self.cost, NANOS_PER_ITERATION)
    }
}

/// `N` bytes of bcrypt's base64, canonical.
fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let decoded = Base64Bcrypt::decode(text, &mut bytes).ok()?;
    (decoded.len() == N).then_some(bytes)
}
