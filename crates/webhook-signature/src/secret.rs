//! Shared secrets.

use std::fmt;

use base64ct::{Base64, Base64Unpadded, Encoding as _};
use zeroize::Zeroizing;

/// A secret that sender and receiver share. It does not print, and is wiped when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

/// Why something is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretError {
    /// It is empty: everybody has it.
    Empty,
    /// It is not base64 after `whsec_`.
    NotBase64,
    /// It is a key of Standard Webhooks for Ed25519 (`whsk_`, `whpk_`), which is not supported.
    Asymmetric,
}

impl Secret {
    /// The bytes as they are: for GitHub, Stripe (with its `whsec_`, which is part of it) and most
    /// canonical strings.
    ///
    /// # Errors
    /// Where it is empty.
    pub fn new(bytes: &[u8]) -> Result<Self, SecretError> {
        if bytes.is_empty() {
            return Err(SecretError::Empty);
        }
        Ok(Self(Zeroizing::new(bytes.to_vec())))
    }

    /// A secret of Standard Webhooks: base64, with or without `whsec_` before and padding after it.
    ///
    /// # Errors
    /// Where it is not one, or empty.
    pub fn standard_webhooks(text: &[u8]) -> Result<Self, SecretError> {
        if text.starts_with(b"whsk_") || text.starts_with(b"whpk_") {
            return Err(SecretError::Asymmetric);
        }
        let encoded = text.strip_prefix(b"whsec_").unwrap_or(text);
        let encoded = std::str::from_utf8(encoded).map_err(|_| SecretError::NotBase64)?;
        let decoded = match encoded.ends_with('=') {
            true => Base64::decode_vec(encoded),
            false => Base64Unpadded::decode_vec(encoded),
        };
        let decoded = Zeroizing::new(decoded.map_err(|_| SecretError::NotBase64)?);
        Self::new(&decoded)
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the secret is empty",
            Self::NotBase64 => "the secret is not base64 after whsec_",
            Self::Asymmetric => "Ed25519 keys (whsk_, whpk_) are not supported",
        })
    }
}

impl std::error::Error for SecretError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text, and the bytes in it.
    type Case<'c> = (&'c [u8], Result<Vec<u8>, SecretError>);

    #[test]
    fn secrets_of_standard_webhooks() {
        let bytes = Ok(b"\x00\x01\xfe\xff".to_vec());
        #[rustfmt::skip]
        let cases: &[Case<'_>] = &[
            (b"whsec_AAH+/w==", bytes.clone()),
            (b"whsec_AAH+/w", bytes.clone()),
            (b"AAH+/w==", bytes),
            (b"", Err(SecretError::Empty)),
            (b"whsec_", Err(SecretError::Empty)),
            (b"whsec_AAH-_w==", Err(SecretError::NotBase64)),
            (b"whsec_AAH+/x==", Err(SecretError::NotBase64)),
            (b"whsec_AAH+/w=", Err(SecretError::NotBase64)),
            (b"whsec_ AAH+/w==", Err(SecretError::NotBase64)),
            (b"WHSEC_AAH+/w==", Err(SecretError::NotBase64)),
            (b"\xff", Err(SecretError::NotBase64)),
            (b"whsk_AAH+/w==", Err(SecretError::Asymmetric)),
            (b"whpk_AAH+/w==", Err(SecretError::Asymmetric)),
        ];
        for (text, expected) in cases {
            let read = Secret::standard_webhooks(text).map(|secret| secret.expose().to_vec());
            assert_eq!(read, *expected, "{}", String::from_utf8_lossy(text));
        }
        assert_eq!(Secret::new(b"").err(), Some(SecretError::Empty));
        assert_eq!(Secret::new(b"whsec_a").unwrap().expose(), b"whsec_a");
    }
}
