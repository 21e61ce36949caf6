//! What the endpoint says (RFC 7662, 2.2).
//!
//! Anything but 200 and a JSON object, read strictly, with a boolean `active` says nothing: neither
//! that the token is good nor that it is not.

use crate::flight::Failure;
use gatehouse_host::Answer;
use serde_json::{Map, Value};

/// What it says of a token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Said {
    /// The claims, without `active`.
    Active(Map<String, Value>),
    Inactive,
}

/// Reads an answer of at most so many bytes.
pub(super) fn read(answer: &Answer<'_>, most: usize) -> Result<Said, Failure> {
    let headers = answer.headers()?;
    if headers.is_empty() {
        return Err(Failure::Reset);
    }
    match headers.status() {
        Some(200) => {}
        Some(status) => return Err(Failure::Status(status)),
        None => return Err(Failure::Answer("no status")),
    }
    let Some(body) = answer.body(most)? else {
        return Err(Failure::Answer("too long"));
    };
    let Ok(document) = gatehouse_strict_json::parse(&body) else {
        return Err(Failure::Answer("not JSON"));
    };
    let Value::Object(mut claims) = document else {
        return Err(Failure::Answer("not a JSON object"));
    };
    match claims.shift_remove("active") {
        Some(Value::Bool(true)) => Ok(Said::Active(claims)),
        Some(Value::Bool(false)) => Ok(Said::Inactive),
        _ => Err(Failure::Answer("no boolean named active")),
    }
}
