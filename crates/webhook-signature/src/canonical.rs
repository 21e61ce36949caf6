//! A canonical string that the operator spells out: parts of the request with a separator between
//! them, and an HMAC of it in a header.
//!
//! # One string, one request
//!
//! Two requests that differ in what is signed must not have the same string, or a signature of the
//! one is good for the other. So:
//!
//! 1. at most one part, the *open* one, may have anything in it: the body; where there is none, the
//!    query, or the target, or the path. Every other part that has a byte of the separator in it is
//!    refused. Fixed texts are always the same and may have it;
//! 2. without a separator, one part only may differ between requests;
//! 3. a separator has no letters and digits, which times and digests are made of;
//! 4. no part but the body has a new line, or anything but printable ASCII and tabs, in it. A new line
//!    is the safest separator.
//!
//! Splitting a string at the separators from both its ends then leaves one way to read it.
//!
//! # What is refused when it is configured
//!
//! What breaks rules 1 to 3; a string in which nothing differs; a time or nonce that is not signed, or
//! signed and in no header; the body in it twice; a signature that would sign itself; names that are
//! no names of headers.
//!
//! # What a request is refused for
//!
//! In this order: a signature that is missing or malformed; a time that is missing, malformed or not
//! within the tolerance; a nonce that is missing, empty or longer than 256 bytes; a header that is
//! signed and missing, or there twice; rules 1 and 4.
//!
//! Parts are taken as they are received: the path is not normalized, nothing is decoded.

use std::fmt;

use crate::fields::only;
use crate::pending::Piece;
use crate::{Clock, Encoding, Fields, MacAlgorithm, Pending, Refusal, Unit};

/// The longest nonce.
const MAX_NONCE_BYTES: usize = 256;

/// A part of a canonical string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The method.
    Method,
    /// The path, without query.
    Path,
    /// The query, without `?`. Empty where there is none.
    Query,
    /// Path and query, as the request line has them.
    Target,
    /// Host and port.
    Authority,
    /// The value of a header, which must be there once.
    Header(String),
    /// The body.
    Body,
    /// The SHA-256 of the body in lower-case hexadecimal digits.
    BodySha256Hex,
    /// The time, as its header has it.
    Timestamp,
    /// The nonce, as its header has it.
    Nonce,
    /// A text that is always the same.
    Text(String),
}

/// Where the time stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Time {
    /// The header.
    pub header: String,
    /// What it counts.
    pub unit: Unit,
}

/// Where the nonce stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nonce {
    /// The header.
    pub header: String,
}

/// A scheme as it is configured. Header names are compared without case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanonicalConfig {
    /// What is signed, in order.
    pub parts: Vec<Part>,
    /// What stands between the parts.
    pub separator: String,
    /// The algorithm.
    pub algorithm: MacAlgorithm,
    /// How the signature is written.
    pub encoding: Encoding,
    /// The header with the signature.
    pub signature_header: String,
    /// What stands before it, such as `v0=`. May be empty.
    pub signature_prefix: String,
    /// Where the time stands, if there is one.
    pub time: Option<Time>,
    /// Where the nonce stands, if there is one.
    pub nonce: Option<Nonce>,
}

/// A scheme that is sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canonical {
    config: CanonicalConfig,
    /// The index of the part that may have anything in it.
    open: Option<usize>,
}

/// Why a scheme is not sound.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CanonicalError {
    /// There is nothing in it that differs between requests.
    NothingSigned,
    /// There is no separator, and more than one part that differs between requests.
    NoSeparator,
    /// The separator has letters, digits, or anything but ASCII in it.
    UnsafeSeparator,
    /// The body is in it more than once.
    BodyTwice,
    /// There is a time, but it is not signed: anybody could change it.
    TimeNotSigned,
    /// The time is signed, but is in no header.
    NoTimeHeader,
    /// There is a nonce, but it is not signed: anybody could change it.
    NonceNotSigned,
    /// The nonce is signed, but is in no header.
    NoNonceHeader,
    /// The signature would sign itself.
    SignsItself,
    /// Not the name of a header.
    NotAHeaderName(String),
}

/// A request as it was received.
#[derive(Clone, Copy)]
pub struct Request<'r> {
    /// The method.
    pub method: &'r [u8],
    /// The pseudo-header `:authority`, or the header `host`.
    pub authority: &'r [u8],
    /// Path and query: the pseudo-header `:path`.
    pub target: &'r [u8],
    /// The header fields.
    pub fields: &'r dyn Fields,
}

impl Canonical {
    /// Checks a scheme.
    ///
    /// # Errors
    /// All that is wrong with it, at once.
    pub fn new(mut config: CanonicalConfig) -> Result<Self, Vec<CanonicalError>> {
        config.lower_names();
        let problems = config.problems();
        if !problems.is_empty() {
            return Err(problems);
        }
        let position = |wanted: &Part| config.parts.iter().position(|part| part == wanted);
        let open = [Part::Body, Part::Query, Part::Target, Part::Path]
            .iter()
            .find_map(position);
        Ok(Self { config, open })
    }

    /// Reads the headers of a request.
    ///
    /// # Errors
    /// [`Refusal::Missing`] where there is no signature, another one where it can't be right.
    pub fn read(&self, request: &Request<'_>, clock: &Clock) -> Result<Pending, Refusal> {
        let config = &self.config;
        let signature = config.signature(request.fields)?;
        let (time, timestamp) = match &config.time {
            None => ("", None),
            Some(time) => {
                let text = only(request.fields, &time.header)?;
                let text = text.ok_or(Refusal::TimestampMissing)?;
                (text, Some(clock.check(text, time.unit)?))
            }
        };
        let nonce = match &config.nonce {
            None => "",
            Some(nonce) => config.nonce(request.fields, &nonce.header)?,
        };
        Ok(Pending {
            algorithm: config.algorithm,
            signatures: vec![signature],
            pieces: self.pieces(request, time, nonce)?,
            timestamp,
        })
    }

    fn pieces(
        &self,
        request: &Request<'_>,
        time: &str,
        nonce: &str,
    ) -> Result<Vec<Piece>, Refusal> {
        let separator = self.config.separator.as_bytes();
        let mut pieces = Vec::with_capacity(self.config.parts.len().saturating_mul(2));
        for (index, part) in self.config.parts.iter().enumerate() {
            if index > 0 {
                pieces.push(Piece::Bytes(separator.to_vec()));
            }
            let value = match part {
                Part::Body => {
                    pieces.push(Piece::Body);
                    continue;
                }
                Part::BodySha256Hex => {
                    pieces.push(Piece::BodySha256Hex);
                    continue;
                }
                Part::Text(text) => {
                    pieces.push(Piece::Bytes(text.clone().into_bytes()));
                    continue;
                }
                Part::Timestamp => time.as_bytes(),
                Part::Nonce => nonce.as_bytes(),
                Part::Method => request.method,
                Part::Authority => request.authority,
                Part::Target => request.target,
                Part::Path => split(request.target).0,
                Part::Query => split(request.target).1,
                Part::Header(name) => {
                    let value = only(request.fields, name)?;
                    value.ok_or(Refusal::HeaderMissing)?.as_bytes()
                }
            };
            if !value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
                return Err(Refusal::PartMalformed);
            }
            if self.open != Some(index) && value.iter().any(|byte| separator.contains(byte)) {
                return Err(Refusal::PartHasSeparator);
            }
            pieces.push(Piece::Bytes(value.to_vec()));
        }
        Ok(pieces)
    }
}

impl CanonicalConfig {
    fn lower_names(&mut self) {
        self.signature_header.make_ascii_lowercase();
        if let Some(time) = &mut self.time {
            time.header.make_ascii_lowercase();
        }
        if let Some(nonce) = &mut self.nonce {
            nonce.header.make_ascii_lowercase();
        }
        for part in &mut self.parts {
            if let Part::Header(name) = part {
                name.make_ascii_lowercase();
            }
        }
    }

    fn problems(&self) -> Vec<CanonicalError> {
        let count =
            |wanted: fn(&Part) -> bool| self.parts.iter().filter(|part| wanted(part)).count();
        let differing = count(|part| !matches!(part, Part::Text(_)));
        let bodies = count(|part| matches!(part, Part::Body | Part::BodySha256Hex));
        let has_time = self.parts.contains(&Part::Timestamp);
        let has_nonce = self.parts.contains(&Part::Nonce);
        let itself = Part::Header(self.signature_header.clone());
        let is_unsafe = |byte: u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
        let of_requests =
            count(|part| !matches!(part, Part::Text(_) | Part::Timestamp | Part::Nonce));
        let checks = [
            (of_requests == 0, CanonicalError::NothingSigned),
            (
                self.separator.is_empty() && differing > 1,
                CanonicalError::NoSeparator,
            ),
            (
                self.separator.bytes().any(is_unsafe),
                CanonicalError::UnsafeSeparator,
            ),
            (bodies > 1, CanonicalError::BodyTwice),
            (
                self.time.is_some() && !has_time,
                CanonicalError::TimeNotSigned,
            ),
            (
                self.time.is_none() && has_time,
                CanonicalError::NoTimeHeader,
            ),
            (
                self.nonce.is_some() && !has_nonce,
                CanonicalError::NonceNotSigned,
            ),
            (
                self.nonce.is_none() && has_nonce,
                CanonicalError::NoNonceHeader,
            ),
            (self.parts.contains(&itself), CanonicalError::SignsItself),
        ];
        let mut problems: Vec<_> = checks
            .into_iter()
            .filter_map(|(is_wrong, error)| is_wrong.then_some(error))
            .collect();
        let headers = self.parts.iter().filter_map(|part| match part {
            Part::Header(name) => Some(name),
            _ => None,
        });
        let names = std::iter::once(&self.signature_header)
            .chain(self.time.iter().map(|time| &time.header))
            .chain(self.nonce.iter().map(|nonce| &nonce.header))
            .chain(headers);
        for name in names.filter(|name| !is_header_name(name)) {
            problems.push(CanonicalError::NotAHeaderName(name.clone()));
        }
        problems
    }

    fn signature(&self, fields: &dyn Fields) -> Result<Vec<u8>, Refusal> {
        let header = only(fields, &self.signature_header)?.ok_or(Refusal::Missing)?;
        header
            .strip_prefix(&self.signature_prefix)
            .and_then(|text| self.encoding.decode(text))
            .filter(|signature| signature.len() == self.algorithm.length())
            .ok_or(Refusal::SignatureMalformed)
    }

    fn nonce<'f>(&self, fields: &'f dyn Fields, header: &str) -> Result<&'f str, Refusal> {
        let nonce = only(fields, header)?.ok_or(Refusal::NonceMissing)?;
        if nonce.is_empty() || nonce.len() > MAX_NONCE_BYTES {
            return Err(Refusal::NonceMalformed);
        }
        Ok(nonce)
    }
}

/// Path and query.
fn split(target: &[u8]) -> (&[u8], &[u8]) {
    let mut halves = target.splitn(2, |byte| *byte == b'?');
    let path = halves.next().unwrap_or_default();
    (path, halves.next().unwrap_or_default())
}

/// A token (RFC 9110, section 5.1) in lower case.
fn is_header_name(name: &str) -> bool {
    let is_token = |byte: u8| match byte {
        b'a'..=b'z' | b'0'..=b'9' => true,
        _ => b"!#$%&'*+-.^_`|~".contains(&byte),
    };
    !name.is_empty() && name.bytes().all(is_token)
}

impl fmt::Display for CanonicalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NothingSigned => "nothing of the request is signed",
            Self::NoSeparator => "without a separator, one part only may differ between requests",
            Self::UnsafeSeparator => "the separator has letters, digits or other than ASCII in it",
            Self::BodyTwice => "the body is signed twice",
            Self::TimeNotSigned => "the time is not signed: anybody could change it",
            Self::NoTimeHeader => "the time is signed, but there is no header for it",
            Self::NonceNotSigned => "the nonce is not signed: anybody could change it",
            Self::NoNonceHeader => "the nonce is signed, but there is no header for it",
            Self::SignsItself => "the header of the signature is signed",
            Self::NotAHeaderName(name) => return write!(f, "{name:?} is not the name of a header"),
        })
    }
}

impl std::error::Error for CanonicalError {}

#[cfg(test)]
mod tests;
