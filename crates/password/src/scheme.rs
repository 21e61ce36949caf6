//! The schemes.

mod argon2;
mod bcrypt;
mod pbkdf2;
mod sha1;
mod sha_crypt;

use std::fmt;

use crate::fields::strip_prefix_ignore_case;
use crate::{Cost, ParseError};

use argon2::Argon2;
use bcrypt::Bcrypt;
use pbkdf2::{Form, Pbkdf2};
use sha_crypt::ShaCrypt;
use sha1::Sha1;

/// How a password was hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
#[non_exhaustive]
pub enum Scheme {
    Bcrypt,
    Argon2id,
    Argon2i,
    Argon2d,
    Pbkdf2Sha256,
    Sha256Crypt,
    Sha512Crypt,
    /// `{SHA}`: no salt.
    Sha1,
    /// `{SSHA}`.
    SaltedSha1,
}

impl Scheme {
    /// The name: `argon2id`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bcrypt => "bcrypt",
            Self::Argon2id => "argon2id",
            Self::Argon2i => "argon2i",
            Self::Argon2d => "argon2d",
            Self::Pbkdf2Sha256 => "PBKDF2-SHA256",
            Self::Sha256Crypt => "SHA-256-crypt",
            Self::Sha512Crypt => "SHA-512-crypt",
            Self::Sha1 => "{SHA}",
            Self::SaltedSha1 => "{SSHA}",
        }
    }

    fn malformed(self, problem: &'static str) -> ParseError {
        ParseError::Malformed {
            scheme: self,
            problem,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A hash of one of the schemes.
#[derive(Clone)]
pub(crate) enum Digest {
    Bcrypt(Bcrypt),
    Argon2(Argon2),
    Pbkdf2(Pbkdf2),
    ShaCrypt(ShaCrypt),
    Sha1(Sha1),
}

impl Digest {
    /// Reads `text`; `None` if it is of no scheme here.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, ParseError> {
        for prefix in ["$2a$", "$2b$", "$2y$"] {
            if let Some(rest) = text.strip_prefix(prefix) {
                return Bcrypt::parse(rest).map(Self::Bcrypt).map(Some);
            }
        }
        for (prefix, scheme) in [
            ("$argon2id$", Scheme::Argon2id),
            ("$argon2i$", Scheme::Argon2i),
            ("$argon2d$", Scheme::Argon2d),
        ] {
            if let Some(rest) = text.strip_prefix(prefix) {
                return Argon2::parse(scheme, rest).map(Self::Argon2).map(Some);
            }
        }
        for (prefix, form) in [
            ("$pbkdf2-sha256$i=", Form::Phc),
            ("$pbkdf2-sha256$", Form::Passlib),
            ("pbkdf2_sha256$", Form::Django),
        ] {
            if let Some(rest) = text.strip_prefix(prefix) {
                return Pbkdf2::parse(form, rest).map(Self::Pbkdf2).map(Some);
            }
        }
        for (prefix, scheme) in [("$5$", Scheme::Sha256Crypt), ("$6$", Scheme::Sha512Crypt)] {
            if let Some(rest) = text.strip_prefix(prefix) {
                return ShaCrypt::parse(scheme, rest).map(Self::ShaCrypt).map(Some);
            }
        }
        // RFC 2307, section 5.3: the names of schemes are ABNF strings, of either case.
        for (prefix, scheme) in [("{SHA}", Scheme::Sha1), ("{SSHA}", Scheme::SaltedSha1)] {
            if let Some(rest) = strip_prefix_ignore_case(text, prefix) {
                return Sha1::parse(scheme, rest).map(Self::Sha1).map(Some);
            }
        }
        Ok(None)
    }

    pub(crate) fn verify(&self, password: &[u8]) -> bool {
        match self {
            Self::Bcrypt(hash) => hash.verify(password),
            Self::Argon2(hash) => hash.verify(password),
            Self::Pbkdf2(hash) => hash.verify(password),
            Self::ShaCrypt(hash) => hash.verify(password),
            Self::Sha1(hash) => hash.verify(password),
        }
    }

    pub(crate) fn cost(&self) -> Cost {
        match self {
            Self::Bcrypt(hash) => hash.cost(),
            Self::Argon2(hash) => hash.cost(),
            Self::Pbkdf2(hash) => hash.cost(),
            Self::ShaCrypt(hash) => hash.cost(),
            Self::Sha1(hash) => hash.cost(),
        }
    }

    pub(crate) fn scheme(&self) -> Scheme {
        match self {
            Self::Bcrypt(_) => Scheme::Bcrypt,
            Self::Argon2(hash) => hash.scheme(),
            Self::Pbkdf2(_) => Scheme::Pbkdf2Sha256,
            Self::ShaCrypt(hash) => hash.scheme(),
            Self::Sha1(hash) => hash.scheme(),
        }
    }
}
