//! The compact serialization of a signed token (RFC 7515, section 7.1).
//!
//! Refused, in this order:
//!
//! 1. more than [`MAX_TOKEN_BYTES`];
//! 2. other than three parts, or one of them empty: an unsecured token has an empty signature;
//! 3. a part that is not canonical base64url without padding;
//! 4. a header that is not a JSON object without duplicate members;
//! 5. `crit`: no extension is understood here (section 4.1.11);
//! 6. `b64` other than `true`: the payload would not be what it is taken for (RFC 7797);
//! 7. `cty` of `JWT`: a token within a token (RFC 7519, section 5.2);
//! 8. an `alg` that is missing, not a string, or not an [`Algorithm`];
//! 9. a `kid` or `typ` that is not a string.
//!
//! Keys that a token brings along or points to (`jwk`, `jku`, `x5c`, `x5u`) are never used: who
//! sends a token does not choose the key it is checked with. Other members are ignored (section 4).

use std::fmt;

use gatehouse_strict_json as strict_json;
use serde_json::{Map, Value};

use crate::{Algorithm, base64url};

#[cfg(test)]
mod tests;

/// The longest token that is looked at: 16 KiB.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// A token taken apart. Nothing about it is verified.
#[derive(Clone, PartialEq, Eq)]
pub struct Jws<'t> {
    algorithm: Algorithm,
    kid: Option<String>,
    typ: Option<String>,
    signing_input: &'t [u8],
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// A part of the compact serialization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Part {
    Header,
    Payload,
    Signature,
}

/// Why a token was refused before any key was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JwsError {
    /// Longer than [`MAX_TOKEN_BYTES`].
    TooLong,
    /// Not three parts.
    NotThreeParts,
    /// A part is empty.
    EmptyPart(Part),
    /// A part is not canonical base64url without padding.
    NotBase64Url(Part),
    /// The header or the payload is not JSON as it must be.
    NotJson(Part, strict_json::Error),
    /// The header or the payload is JSON, but not an object.
    NotAnObject(Part),
    /// The header has `crit`.
    CriticalExtension,
    /// The header has `b64` other than `true`.
    UnencodedPayload,
    /// The header has `cty: JWT`.
    Nested,
    /// A header parameter is not a string.
    NotAString(&'static str),
    /// The header has no `alg`.
    MissingAlgorithm,
    /// `alg` is not supported; `none` never is.
    UnsupportedAlgorithm,
}

impl<'t> Jws<'t> {
    /// Takes a token apart, by the rules of this module's documentation.
    pub fn parse(token: &'t [u8]) -> Result<Self, JwsError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(JwsError::TooLong);
        }
        let mut parts = token.split(|byte| *byte == b'.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(JwsError::NotThreeParts);
        };
        let signing_input = token
            .get(..header.len() + 1 + payload.len())
            .ok_or(JwsError::NotThreeParts)?;
        let header = decode(Part::Header, header)?;
        let payload = decode(Part::Payload, payload)?;
        let signature = decode(Part::Signature, signature)?;

        let header = object(Part::Header, &header)?;
        if header.contains_key("crit") {
            return Err(JwsError::CriticalExtension);
        }
        if header
            .get("b64")
            .is_some_and(|b64| *b64 != Value::Bool(true))
        {
            return Err(JwsError::UnencodedPayload);
        }
        if string(&header, "cty")?.is_some_and(is_nested) {
            return Err(JwsError::Nested);
        }
        Ok(Self {
            algorithm: string(&header, "alg")?
                .ok_or(JwsError::MissingAlgorithm)?
                .parse()
                .map_err(|_| JwsError::UnsupportedAlgorithm)?,
            kid: string(&header, "kid")?.map(str::to_owned),
            typ: string(&header, "typ")?.map(str::to_owned),
            signing_input,
            payload,
            signature,
        })
    }

    /// The algorithm that the token names; to be compared with those that are configured.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The name of the key, if it has one. Chosen by the client.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The media type of the token, if it has one (RFC 8725, section 3.11). Not checked here.
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }

    /// What is signed: header and payload as they were sent, with the dot between them.
    pub fn signing_input(&self) -> &'t [u8] {
        self.signing_input
    }

    /// The signature, decoded.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The payload, decoded.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The payload as the claims of a JWT: a JSON object without duplicate members. Not to be acted
    /// on before the signature is verified.
    pub fn claims(&self) -> Result<Map<String, Value>, JwsError> {
        object(Part::Payload, &self.payload)
    }
}

/// Leaves out payload and signature: who can read them can use the token.
impl fmt::Debug for Jws<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jws")
            .field("algorithm", &self.algorithm)
            .field("kid", &self.kid)
            .field("typ", &self.typ)
            .finish_non_exhaustive()
    }
}

fn decode(part: Part, text: &[u8]) -> Result<Vec<u8>, JwsError> {
    if text.is_empty() {
        return Err(JwsError::EmptyPart(part));
    }
    base64url::decode(text).ok_or(JwsError::NotBase64Url(part))
}

fn object(part: Part, bytes: &[u8]) -> Result<Map<String, Value>, JwsError> {
    match strict_json::parse(bytes) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(JwsError::NotAnObject(part)),
        Err(error) => Err(JwsError::NotJson(part, error)),
    }
}

fn string<'h>(
    header: &'h Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'h str>, JwsError> {
    match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(JwsError::NotAString(name)),
    }
}

/// Media types are compared without case, and `application/` may be left out (RFC 7515, section
/// 4.1.10).
fn is_nested(cty: &str) -> bool {
    cty.eq_ignore_ascii_case("JWT") || cty.eq_ignore_ascii_case("application/jwt")
}

impl JwsError {
    /// A stable name for metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "token_too_long",
            Self::MissingAlgorithm | Self::UnsupportedAlgorithm => "algorithm_unsupported",
            Self::CriticalExtension | Self::UnencodedPayload | Self::Nested => {
                "extension_unsupported"
            }
            Self::NotThreeParts
            | Self::EmptyPart(_)
            | Self::NotBase64Url(_)
            | Self::NotJson(..)
            | Self::NotAnObject(_)
            | Self::NotAString(_) => "token_malformed",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
        })
    }
}

impl fmt::Display for JwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "the token is longer than {MAX_TOKEN_BYTES} bytes"),
            Self::NotThreeParts => f.write_str("the token does not have three parts"),
            Self::EmptyPart(part) => write!(f, "the {part} is empty"),
            Self::NotBase64Url(part) => write!(f, "the {part} is not base64url without padding"),
            Self::NotJson(part, error) => write!(f, "the {part} is not JSON: {error}"),
            Self::NotAnObject(part) => write!(f, "the {part} is not a JSON object"),
            Self::CriticalExtension => f.write_str("the header has critical extensions (crit)"),
            Self::UnencodedPayload => f.write_str("the payload is not encoded (b64)"),
            Self::Nested => f.write_str("the payload is another token (cty)"),
            Self::NotAString(name) => write!(f, "the header parameter {name} is not a string"),
            Self::MissingAlgorithm => f.write_str("the header has no alg"),
            Self::UnsupportedAlgorithm => f.write_str("the algorithm (alg) is not supported"),
        }
    }
}

impl std::error::Error for JwsError {}
