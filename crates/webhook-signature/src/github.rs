//! GitHub, and those who do as it does (Gitea, Forgejo, Bitbucket).
//!
//! `X-Hub-Signature-256` is `sha256=` and the HMAC-SHA-256 of the body in hexadecimal digits.
//!
//! 1. `X-Hub-Signature`, with SHA-1, is ignored.
//! 2. There is no time, so there is no end to how long a request can be sent again, but for a table of
//!    those seen. `X-GitHub-Delivery` is not signed and is not looked at.

use crate::fields::only;
use crate::pending::Piece;
use crate::{Encoding, Fields, MacAlgorithm, Pending, Refusal};

/// Reads the signature of a request that GitHub sent.
///
/// # Errors
/// [`Refusal::Missing`] where there is none, another one where it is malformed.
pub fn github(fields: &dyn Fields) -> Result<Pending, Refusal> {
    let header = only(fields, "x-hub-signature-256")?.ok_or(Refusal::Missing)?;
    let algorithm = MacAlgorithm::HmacSha256;
    let signature = header
        .strip_prefix("sha256=")
        .and_then(|text| Encoding::Hex.decode(text))
        .filter(|signature| signature.len() == algorithm.length())
        .ok_or(Refusal::SignatureMalformed)?;
    Ok(Pending {
        algorithm,
        signatures: vec![signature],
        pieces: vec![Piece::Body],
        timestamp: None,
    })
}

#[cfg(test)]
mod tests;
