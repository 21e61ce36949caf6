//! PBKDF2 (RFC 8018, section 5.2) with HMAC-SHA-256 and a digest of 32 bytes, in three forms.

#[cfg(test)]
mod tests;

use hmac::Hmac;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::fields::{self, Parameter};
use crate::{Cost, ParseError, Scheme};

const DIGEST_BYTES: usize = 32;
const NANOS_PER_ROUND: u64 = 530;

const ROUNDS: Parameter = Parameter {
    name: "the number of rounds",
    least: 1,
    most: 6_000_000,
};

/// Who wrote it.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// `$pbkdf2-sha256$29000$salt$hash`, both in passlib's base64.
    Passlib,
    /// `$pbkdf2-sha256$i=600000,l=32$salt$hash`, both in base64 without padding.
    Phc,
    /// `pbkdf2_sha256$600000$salt$hash`: the salt as it stands, the hash in base64 with padding.
    Django,
}

#[derive(Clone)]
pub(crate) struct Pbkdf2 {
    rounds: u32,
    salt: Vec<u8>,
    digest: [u8; DIGEST_BYTES],
}

impl Pbkdf2 {
    /// Reads what follows `$pbkdf2-sha256$`, `$pbkdf2-sha256$i=` or `pbkdf2_sha256$`.
    pub(super) fn parse(form: Form, text: &str) -> Result<Self, ParseError> {
        let malformed = |problem| Scheme::Pbkdf2Sha256.malformed(problem);
        let [rounds, salt, digest] = fields::split(text, '$').ok_or_else(|| {
            malformed("must have the number of rounds, a salt and a hash, each after a `$`")
        })?;
        let rounds = match (form, rounds.split_once(',')) {
            (Form::Phc, Some((rounds, "l=32"))) => rounds,
            (Form::Phc, Some(_)) => return Err(malformed("after `i=…`, only `l=32` may follow")),
            _ => rounds,
        };
        let rounds = ROUNDS.read(Scheme::Pbkdf2Sha256, rounds)?;
        let (salt, digest) = match form {
            Form::Passlib => (fields::adapted_base64(salt), fields::adapted_base64(digest)),
            Form::Phc => (
                fields::base64_unpadded(salt),
                fields::base64_unpadded(digest),
            ),
            Form::Django => (Some(salt.as_bytes().to_vec()), fields::base64(digest)),
        };
        let salt = salt.filter(|salt| !salt.is_empty()).ok_or_else(|| {
            malformed("the salt must be at least 1 byte in base64 without padding (Django's: text)")
        })?;
        let digest = digest
            .and_then(|digest| digest.try_into().ok())
            .ok_or_else(|| {
                malformed("the hash must be 32 bytes in base64 without padding (Django's: with)")
            })?;
        Ok(Self {
            rounds,
            salt,
            digest,
        })
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let mut digest = Zeroizing::new([0; DIGEST_BYTES]);
        // In place of `pbkdf2_hmac`, which expects what this returns.
        let done =
            ::pbkdf2::pbkdf2::<Hmac<Sha256>>(password, &self.salt, self.rounds, &mut *digest);
        done.is_ok() && digest.ct_eq(&self.digest).into()
    }

    pub(super) fn cost(&self) -> Cost {
        Cost::of(self.rounds.into(), NANOS_PER_ROUND)
    }
}
