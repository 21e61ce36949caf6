//! Public keys from PEM (RFC 7468), as operators have them in files.
//!
//! A text is refused, in this order, if it
//!
//! 1. has a private key anywhere;
//! 2. has no PEM block, or more than one: which of several is meant would be a guess. What stands
//!    around the block is ignored (section 2), and so is how its lines are broken;
//! 3. is not a `PUBLIC KEY`, an `RSA PUBLIC KEY` (PKCS #1) or a `CERTIFICATE`;
//! 4. is not base64 with padding, or not DER of what its label says;
//! 5. has a key that would be refused as a JWK too: by its algorithm, curve or size.
//!
//! Of a certificate only the key is taken: who put it into a configuration has chosen to trust it,
//! so that its dates, its names and who signed it are not looked at. A rule on key usage in it is not
//! either.

mod der;

#[cfg(test)]
mod tests;

use base64ct::{Base64, Encoding};

use crate::key::{Key, KeyError};

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

impl Key {
    /// Reads one public key or certificate in PEM. The key has no name and is for any algorithm that
    /// fits it: [`with_kid`](Self::with_kid), [`restricted_to`](Self::restricted_to).
    ///
    /// `PUBLIC KEY` of RSA, P-256, P-384, P-521 (uncompressed points) and Ed25519, `RSA PUBLIC
    /// KEY`, and `CERTIFICATE` of those keys, whose dates and signature are not checked.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        if labels(text).any(|label| label.ends_with("PRIVATE KEY")) {
            return Err(KeyError::new(
                "is a private key: give the public key, and replace the key if others may have seen it",
            ));
        }
        let (label, content) = block(text)?;
        let material = match label {
            "PUBLIC KEY" => der::public_key(&decode(content)?),
            "RSA PUBLIC KEY" => der::rsa_public_key(&decode(content)?),
            "CERTIFICATE" => der::certificate(&decode(content)?),
            _ => {
                return Err(KeyError::new(
                    "is PEM of something else: use a PUBLIC KEY, an RSA PUBLIC KEY or a CERTIFICATE",
                ));
            }
        };
        material.map(Self::of)
    }
}

/// The labels of all blocks that begin in `text`.
fn labels(text: &str) -> impl Iterator<Item = &str> {
    text.split(BEGIN)
        .skip(1)
        .filter_map(|rest| rest.split_once(DASHES))
        .map(|(label, _)| label)
}

/// Label and content of the one block in `text`.
fn block(text: &str) -> Result<(&str, &str), KeyError> {
    let not_pem =
        || KeyError::new("is not PEM: it needs a -----BEGIN …----- and its -----END …-----");
    let (_, rest) = text.split_once(BEGIN).ok_or_else(not_pem)?;
    if rest.contains(BEGIN) {
        return Err(KeyError::new("has more than one PEM block: give one key"));
    }
    let (label, rest) = rest.split_once(DASHES).ok_or_else(not_pem)?;
    let end = format!("-----END {label}-----");
    let (content, _) = rest.split_once(&end).ok_or_else(not_pem)?;
    Ok((label, content))
}

fn decode(content: &str) -> Result<Vec<u8>, KeyError> {
    let text: String = content
        .chars()
        .filter(|letter| !letter.is_ascii_whitespace())
        .collect();
    Base64::decode_vec(&text)
        .map_err(|_| KeyError::new("is not base64 between its BEGIN and its END"))
}
