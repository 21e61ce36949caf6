//! A password hash, whatever its scheme.

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::hint::black_box;

use crate::scheme::Digest;
use crate::{Cost, ParseError, Scheme, refused};

/// The longest text of a hash that is read.
pub const MAX_HASH_BYTES: usize = 1024;

/// The longest password that is hashed.
///
/// 64 characters (NIST SP 800-63B asks for no less) of four bytes each. `htpasswd` takes 255. A longer
/// one costs a worker more with SHA-crypt, whose every round hashes it anew.
pub const MAX_PASSWORD_BYTES: usize = 256;

/// A password hash that was read, ready to verify passwords.
///
/// Never prints the hash or its salt.
#[derive(Clone)]
pub struct PasswordHash(Digest);

impl PasswordHash {
    /// Reads a hash. What is refused, in this order:
    ///
    /// 1. nothing, or more than [`MAX_HASH_BYTES`];
    /// 2. white space, control characters, and what is not ASCII;
    /// 3. a disabled account (`!`, `*`);
    /// 4. a hash of one of the schemes that are read, but not well-formed or out of bounds;
    /// 5. a hash of a scheme that is known and not supported, with what to use instead;
    /// 6. anything else, which may be a plain-text password.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if text.is_empty() {
            return Err(ParseError::Empty);
        }
        if text.len() > MAX_HASH_BYTES {
            return Err(ParseError::TooLong);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ParseError::Characters);
        }
        if text.starts_with(['!', '*']) {
            return Err(ParseError::Disabled);
        }
        match Digest::parse(text)? {
            Some(digest) => Ok(Self(digest)),
            None => Err(refused::reason(text)),
        }
    }

    /// Whether `password` is the one that was hashed.
    ///
    /// False without hashing for the passwords that the documentation of this crate names; then it
    /// takes no time. The digests are compared in constant time. Never panics.
    pub fn verify(&self, password: &[u8]) -> bool {
        let readable = password.len() <= MAX_PASSWORD_BYTES && !password.contains(&0);
        readable && self.0.verify(password)
    }

    /// Takes as long as [`verify`](Self::verify) does, and is false: for a user who does not exist, in
    /// whose place this hash stands (see [`Nobody`](crate::Nobody)).
    pub fn verify_nobody(&self, password: &[u8]) -> bool {
        black_box(self.verify(black_box(password)));
        false
    }

    /// What one verification takes at most.
    pub fn cost(&self) -> Cost {
        self.0.cost()
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.0.scheme()
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHash")
            .field("scheme", &self.scheme())
            .field("cost", &self.cost())
            .finish_non_exhaustive()
    }
}
