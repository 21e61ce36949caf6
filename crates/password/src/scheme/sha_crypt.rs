//! SHA-crypt (Ulrich Drepper's specification, version 0.6): `$5$salt$hash` with SHA-256, `$6$` with
//! SHA-512; `rounds=…$` may stand before the salt.
//!
//! A hash is read as `crypt` writes it, not as it reads one: it cuts salts longer than 16 characters and
//! brings rounds within its bounds before it writes them, so that neither is seen here.

#[cfg(test)]
mod tests;

use ::sha_crypt::{Sha256Params, Sha512Params, sha256_crypt_b64, sha512_crypt_b64};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::fields::{self, Parameter};
use crate::{Cost, ParseError, Scheme};

const DEFAULT_ROUNDS: u32 = 5_000;
const MAX_SALT_CHARACTERS: usize = 16;
/// Of the longest password.
const NANOS_PER_ROUND_256: u64 = 3_000;
const NANOS_PER_ROUND_512: u64 = 2_600;

/// The specification has 999,999,999 as the most.
const ROUNDS: Parameter = Parameter {
    name: "rounds",
    least: 1_000,
    most: 1_000_000,
};

#[derive(Clone)]
pub(crate) struct ShaCrypt {
    scheme: Scheme,
    rounds: u32,
    salt: String,
    /// In crypt's base64.
    digest: String,
}

impl ShaCrypt {
    /// Reads what follows `$5$` or `$6$`.
    pub(super) fn parse(scheme: Scheme, text: &str) -> Result<Self, ParseError> {
        let malformed = |problem| scheme.malformed(problem);
        let shape = || {
            malformed("must have a salt and a hash, each after a `$`, and maybe `rounds=…$` before")
        };
        let (rounds, text) = match text.strip_prefix("rounds=") {
            None => (DEFAULT_ROUNDS, text),
            Some(text) => {
                let (rounds, text) = text.split_once('$').ok_or_else(shape)?;
                (ROUNDS.read(scheme, rounds)?, text)
            }
        };
        let [salt, digest] = fields::split(text, '$').ok_or_else(shape)?;
        // What libxcrypt refuses in a salt, for the sake of the files that hashes stand in.
        if salt.len() > MAX_SALT_CHARACTERS || salt.contains([':', ';', '*', '!', '\\']) {
            return Err(malformed(
                "the salt must be at most 16 characters, without any of `:;*!\\`",
            ));
        }
        if !is_digest(scheme, digest) {
            return Err(malformed(match scheme {
                Scheme::Sha256Crypt => {
                    "the hash must be 43 characters of `./0-9A-Za-z`, the last one of `./0-9A-D`"
                }
                _ => "the hash must be 86 characters of `./0-9A-Za-z`, the last one of `./01`",
            }));
        }
        Ok(Self {
            scheme,
            rounds,
            salt: salt.to_owned(),
            digest: digest.to_owned(),
        })
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        self.hash(password).is_some_and(|digest| {
            let digest = Zeroizing::new(digest);
            digest.as_bytes().ct_eq(self.digest.as_bytes()).into()
        })
    }

    fn hash(&self, password: &[u8]) -> Option<String> {
        let rounds = usize::try_from(self.rounds).ok()?;
        let salt = self.salt.as_bytes();
        match self.scheme {
            Scheme::Sha256Crypt => {
                let params = Sha256Params::new(rounds).ok()?;
                sha256_crypt_b64(password, salt, &params).ok()
            }
            _ => {
                let params = Sha512Params::new(rounds).ok()?;
                sha512_crypt_b64(password, salt, &params).ok()
            }
        }
    }

    pub(super) fn cost(&self) -> Cost {
        let nanos = match self.scheme {
            Scheme::Sha256Crypt => NANOS_PER_ROUND_256,
            _ => NANOS_PER_ROUND_512,
        };
        Cost::of(self.rounds.into(), nanos)
    }

    pub(super) fn scheme(&self) -> Scheme {
        self.scheme
    }
}

/// Whether `text` may come out of `crypt`: the last character has 4 bits (SHA-256) or 2 of the digest.
fn is_digest(scheme: Scheme, text: &str) -> bool {
    let (length, last): (usize, &[u8]) = match scheme {
        Scheme::Sha256Crypt => (43, b"./0123456789ABCD"),
        _ => (86, b"./01"),
    };
    let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/');
    text.len() == length
        && text.bytes().all(alphabet)
        && text.bytes().last().is_some_and(|byte| last.contains(&byte))
}
