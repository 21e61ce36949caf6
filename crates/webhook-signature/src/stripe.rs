//! Stripe.
//!
//! `Stripe-Signature` is a list of `name=value` with commas: `t` is the time in seconds, each `v1` the
//! HMAC-SHA-256 of time, `.` and body in hexadecimal digits.
//!
//! 1. `t` is there once. Stripe's own libraries take the first or the last one of several.
//! 2. There are up to 16 `v1`: one for each secret while one is rolled over.
//! 3. Other names are ignored: `v0` is made for tests, with a secret that is none.
//! 4. The time may be off by the tolerance in both directions; Stripe's libraries let any future pass.
//!
//! The secret is all of `whsec_…`, not what it would be as base64.

use crate::fields::only;
use crate::pending::{MAX_SIGNATURES, Piece};
use crate::{Clock, Encoding, Fields, MacAlgorithm, Pending, Refusal, Unit};

/// Reads the signature of a request that Stripe sent.
///
/// # Errors
/// [`Refusal::Missing`] where there is none, another one where it is malformed or not of its time.
pub fn stripe(fields: &dyn Fields, clock: &Clock) -> Result<Pending, Refusal> {
    let header = only(fields, "stripe-signature")?.ok_or(Refusal::Missing)?;
    let algorithm = MacAlgorithm::HmacSha256;
    let mut time = None;
    let mut signatures = Vec::new();
    for entry in header.split(',') {
        let entry = entry.trim_matches([' ', '\t']);
        let (name, value) = entry.split_once('=').ok_or(Refusal::SignatureMalformed)?;
        match name {
            "t" if time.is_some() => return Err(Refusal::TimestampMalformed),
            "t" => time = Some(value),
            "v1" => {
                let signature = Encoding::Hex
                    .decode(value)
                    .filter(|signature| signature.len() == algorithm.length());
                signatures.push(signature.ok_or(Refusal::SignatureMalformed)?);
            }
            _ => {}
        }
        if signatures.len() > MAX_SIGNATURES {
            return Err(Refusal::TooManySignatures);
        }
    }
    let time = time.ok_or(Refusal::TimestampMissing)?;
    if signatures.is_empty() {
        return Err(Refusal::VersionUnsupported);
    }
    let timestamp = clock.check(time, Unit::Seconds)?;
    Ok(Pending {
        algorithm,
        signatures,
        pieces: vec![Piece::Bytes(format!("{time}.").into_bytes()), Piece::Body],
        timestamp: Some(timestamp),
    })
}

#[cfg(test)]
mod tests;
