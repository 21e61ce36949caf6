//! The message authentication codes (RFC 2104).

use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use crate::Secret;

/// A hash to authenticate messages with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MacAlgorithm {
    /// HMAC with SHA-256.
    HmacSha256,
    /// HMAC with SHA-512.
    HmacSha512,
    /// HMAC with SHA-1: no attack on it is known, but the hash is broken. Only for senders that have
    /// nothing else.
    InsecureHmacSha1,
}

impl MacAlgorithm {
    /// The length of a code in bytes.
    pub(crate) const fn length(self) -> usize {
        match self {
            Self::HmacSha256 => 32,
            Self::HmacSha512 => 64,
            Self::InsecureHmacSha1 => 20,
        }
    }

    /// The code of all pieces, one after the other.
    pub(crate) fn compute(self, secret: &Secret, pieces: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::HmacSha256 => code::<Hmac<Sha256>>(secret, pieces),
            Self::HmacSha512 => code::<Hmac<Sha512>>(secret, pieces),
            Self::InsecureHmacSha1 => code::<Hmac<Sha1>>(secret, pieces),
        }
    }
}

fn code<M: Mac + KeyInit>(secret: &Secret, pieces: &[&[u8]]) -> Vec<u8> {
    // A key of any length will do. No code is no signature's: all of those have the right length.
    let Ok(mut mac) = <M as Mac>::new_from_slice(secret.expose()) else {
        return Vec::new();
    };
    for piece in pieces {
        mac.update(piece);
    }
    mac.finalize().into_bytes().to_vec()
}
