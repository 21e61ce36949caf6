//! Standard Webhooks (standardwebhooks.com), and Svix where it sends these headers.
//!
//! `webhook-signature` is a list of `version,signature` with spaces. Each `v1` is the HMAC-SHA-256, in
//! base64, of `webhook-id`, `webhook-timestamp` in seconds, and body, with a `.` between them.
//!
//! 1. There are up to 16 `v1`: one for each secret while one is rolled over.
//! 2. Other versions are ignored. `v1a` is Ed25519, which has no shared secret: a request with
//!    nothing else is refused.
//! 3. An identifier with a `.` is refused: from it and a body that begins with a number, a time could
//!    be moved to where the sender did not put it.
//! 4. The time may be off by the tolerance in both directions.

use crate::fields::only;
use crate::pending::{MAX_SIGNATURES, Piece};
use crate::{Clock, Encoding, Fields, MacAlgorithm, Pending, Refusal, Unit};

/// Reads the signature of a request by Standard Webhooks. Its secrets are
/// [read as such](crate::Secret::standard_webhooks).
///
/// # Errors
/// [`Refusal::Missing`] where there is none, another one where it is malformed or not of its time.
pub fn standard_webhooks(fields: &dyn Fields, clock: &Clock) -> Result<Pending, Refusal> {
    let header = only(fields, "webhook-signature")?.ok_or(Refusal::Missing)?;
    let id = only(fields, "webhook-id")?.ok_or(Refusal::IdMissing)?;
    let time = only(fields, "webhook-timestamp")?.ok_or(Refusal::TimestampMissing)?;
    if id.is_empty()
        || !id
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'.')
    {
        return Err(Refusal::IdMalformed);
    }
    let timestamp = clock.check(time, Unit::Seconds)?;
    Ok(Pending {
        algorithm: MacAlgorithm::HmacSha256,
        signatures: signatures(header)?,
        pieces: vec![
            Piece::Bytes(format!("{id}.{time}.").into_bytes()),
            Piece::Body,
        ],
        timestamp: Some(timestamp),
    })
}

fn signatures(header: &str) -> Result<Vec<Vec<u8>>, Refusal> {
    let length = MacAlgorithm::HmacSha256.length();
    let mut signatures = Vec::new();
    for entry in header.split(' ').filter(|entry| !entry.is_empty()) {
        let (version, text) = entry.split_once(',').ok_or(Refusal::SignatureMalformed)?;
        if version != "v1" {
            continue;
        }
        let signature = Encoding::Base64
            .decode(text)
            .filter(|signature| signature.len() == length);
        signatures.push(signature.ok_or(Refusal::SignatureMalformed)?);
        if signatures.len() > MAX_SIGNATURES {
            return Err(Refusal::TooManySignatures);
        }
    }
    match signatures.is_empty() {
        true => Err(Refusal::VersionUnsupported),
        false => Ok(signatures),
    }
}

#[cfg(test)]
mod tests;
