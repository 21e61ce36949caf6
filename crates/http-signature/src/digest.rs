//! The digest of a request's body (RFC 9530, section 2).
//!
//! Refused, in this order:
//!
//! 1. a header that is not there, or not a dictionary, or longer than 16 KiB;
//! 2. an algorithm that occurs twice, in one line or in two;
//! 3. `sha-256` or `sha-512` that is not a byte sequence of the right length;
//! 4. a header with neither of them. Other algorithms are ignored: the deprecated ones (section 5)
//!    prove nothing;
//! 5. a body that does not fit all that is known, compared in constant time.
//!
//! The body is the content as it is sent, before any content coding is undone.

use std::fmt;

use sfv::{BareItem, Dictionary, ListEntry};
use sha2::{Digest as _, Sha256, Sha512};
use subtle::{Choice, ConstantTimeEq as _};

use crate::structured::{Unreadable, dictionary};

/// The digests of a `Content-Digest` that are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentDigest {
    sha256: Option<[u8; 32]>,
    sha512: Option<[u8; 64]>,
}

/// A body on its way past a [`ContentDigest`].
#[derive(Clone)]
pub struct ContentDigestCheck {
    sha256: Option<(Sha256, [u8; 32])>,
    sha512: Option<(Sha512, [u8; 64])>,
}

/// Why a body or its digest is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DigestRefusal {
    /// There is no `Content-Digest`.
    Missing,
    /// It is too long.
    TooLong,
    /// It is not a dictionary, or a digest is not one by its length.
    Malformed,
    /// An algorithm occurs twice.
    Repeated,
    /// It has neither `sha-256` nor `sha-512`.
    NoneKnown,
    /// The body is another one.
    Mismatch,
}

/// Whether the body is the one of all values of `Content-Digest`.
///
/// # Errors
/// By the rules of this module.
pub fn verify_content_digest(values: &[&[u8]], body: &[u8]) -> Result<(), DigestRefusal> {
    let mut check = ContentDigest::parse(values)?.check();
    check.update(body);
    check.finish()
}

impl ContentDigest {
    /// Reads all values of the header.
    ///
    /// # Errors
    /// Where they are refused, whatever the body is.
    pub fn parse(values: &[&[u8]]) -> Result<Self, DigestRefusal> {
        if values.is_empty() {
            return Err(DigestRefusal::Missing);
        }
        let dictionary = dictionary(values).map_err(|unreadable| match unreadable {
            Unreadable::TooLong => DigestRefusal::TooLong,
            Unreadable::Malformed => DigestRefusal::Malformed,
            Unreadable::Repeated => DigestRefusal::Repeated,
        })?;
        let sha256 = digest(&dictionary, "sha-256")?;
        let sha512 = digest(&dictionary, "sha-512")?;
        if sha256.is_none() && sha512.is_none() {
            return Err(DigestRefusal::NoneKnown);
        }
        Ok(Self { sha256, sha512 })
    }

    /// To check a body that arrives in pieces.
    pub fn check(&self) -> ContentDigestCheck {
        ContentDigestCheck {
            sha256: self.sha256.map(|expected| (Sha256::new(), expected)),
            sha512: self.sha512.map(|expected| (Sha512::new(), expected)),
        }
    }
}

impl ContentDigestCheck {
    /// The next piece of the body.
    pub fn update(&mut self, piece: &[u8]) {
        if let Some((hash, _)) = &mut self.sha256 {
            hash.update(piece);
        }
        if let Some((hash, _)) = &mut self.sha512 {
            hash.update(piece);
        }
    }

    /// Whether the body was the one, now that it has ended.
    ///
    /// # Errors
    /// [`DigestRefusal::Mismatch`] where it was not.
    pub fn finish(self) -> Result<(), DigestRefusal> {
        let mut all = Choice::from(1);
        if let Some((hash, expected)) = self.sha256 {
            let actual: [u8; 32] = hash.finalize().into();
            all &= actual.ct_eq(&expected);
        }
        if let Some((hash, expected)) = self.sha512 {
            let actual: [u8; 64] = hash.finalize().into();
            all &= actual.ct_eq(&expected);
        }
        match bool::from(all) {
            true => Ok(()),
            false => Err(DigestRefusal::Mismatch),
        }
    }
}

fn digest<const N: usize>(
    dictionary: &Dictionary,
    algorithm: &'static str,
) -> Result<Option<[u8; N]>, DigestRefusal> {
    let key = sfv::KeyRef::from_str(algorithm).map_err(|_| DigestRefusal::Malformed)?;
    let Some(entry) = dictionary.get(key) else {
        return Ok(None);
    };
    let ListEntry::Item(item) = entry else {
        return Err(DigestRefusal::Malformed);
    };
    let BareItem::ByteSequence(bytes) = &item.bare_item else {
        return Err(DigestRefusal::Malformed);
    };
    let bytes = bytes.as_slice().try_into();
    bytes.map(Some).map_err(|_| DigestRefusal::Malformed)
}

impl DigestRefusal {
    /// A stable name for metrics and logs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "content_digest_missing",
            Self::Mismatch => "content_digest_mismatch",
            Self::NoneKnown => "content_digest_unsupported",
            Self::TooLong | Self::Malformed | Self::Repeated => "content_digest_malformed",
        }
    }
}

impl fmt::Display for DigestRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "there is no content-digest",
            Self::TooLong => "content-digest is too long",
            Self::Malformed => "content-digest is malformed",
            Self::Repeated => "content-digest has an algorithm twice",
            Self::NoneKnown => "content-digest has neither sha-256 nor sha-512",
            Self::Mismatch => "the body does not fit content-digest",
        })
    }
}

impl std::error::Error for DigestRefusal {}

#[cfg(test)]
mod tests;
