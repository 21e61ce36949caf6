//! A signature whose body is awaited.

use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use crate::{MacAlgorithm, Refusal, Secret};

/// The most signatures of a request that are compared.
pub(crate) const MAX_SIGNATURES: usize = 16;

/// What the headers of a request say. Nothing about it is verified.
#[derive(Clone)]
pub struct Pending {
    pub(crate) algorithm: MacAlgorithm,
    /// One at least, each as long as a code of the algorithm.
    pub(crate) signatures: Vec<Vec<u8>>,
    /// What is signed, in order.
    pub(crate) pieces: Vec<Piece>,
    pub(crate) timestamp: Option<u64>,
}

/// A piece of what is signed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Known already.
    Bytes(Vec<u8>),
    Body,
    /// The SHA-256 of the body, in lower-case hexadecimal digits.
    BodySha256Hex,
}

/// A request whose signature is by one of the secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// Which secret it was: the first that fits.
    pub secret: usize,
    /// What names the request among those seen: the SHA-256 of what was signed.
    pub replay_key: [u8; 32],
    /// When it was signed, in seconds since the epoch, where the scheme has a time.
    pub timestamp: Option<u64>,
}

impl Pending {
    /// Whether the body is signed. If it is not, [`verify`](Self::verify) may be asked with any.
    pub fn needs_body(&self) -> bool {
        self.pieces
            .iter()
            .any(|piece| !matches!(piece, Piece::Bytes(_)))
    }

    /// Whether one of the signatures is by one of the secrets. Each is compared with each, in
    /// constant time.
    ///
    /// # Errors
    /// [`Refusal::Mismatch`] where none is.
    pub fn verify(&self, body: &[u8], secrets: &[Secret]) -> Result<Verified, Refusal> {
        let digest = match self.pieces.contains(&Piece::BodySha256Hex) {
            true => hex(&Sha256::digest(body)),
            false => Vec::new(),
        };
        let pieces: Vec<&[u8]> = self
            .pieces
            .iter()
            .map(|piece| match piece {
                Piece::Bytes(bytes) => bytes.as_slice(),
                Piece::Body => body,
                Piece::BodySha256Hex => &digest,
            })
            .collect();
        let mut found = Choice::from(0);
        let mut which = 0_u64;
        for (index, secret) in (0_u64..).zip(secrets) {
            let code = self.algorithm.compute(secret, &pieces);
            let mut fits = Choice::from(0);
            for signature in &self.signatures {
                fits |= signature.as_slice().ct_eq(&code);
            }
            which.conditional_assign(&index, fits & !found);
            found |= fits;
        }
        if !bool::from(found) {
            return Err(Refusal::Mismatch);
        }
        let mut hash = Sha256::new();
        for piece in pieces {
            hash.update(piece);
        }
        Ok(Verified {
            secret: usize::try_from(which).map_err(|_| Refusal::Mismatch)?,
            replay_key: hash.finalize().into(),
            timestamp: self.timestamp,
        })
    }
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied();
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .flatten()
        .collect()
}
