//! JSON text to a value, refusing what lenient parsers let pass.
//!
//! Two readers that disagree about one text are a way around a policy: the one that checks keeps
//! the first of two equal keys, the one that acts keeps the last. So a text is read in one way or
//! not at all. It is refused if any of:
//!
//! 1. it is not UTF-8, or starts with a byte order mark (RFC 8259, section 8.1);
//! 2. it is not one JSON value by RFC 8259, or anything but white space follows that value;
//! 3. an object, at any depth, has two members of the same name once escapes are decoded
//!    (RFC 8259, section 4, leaves the outcome open; RFC 7515, section 4, and RFC 7519, section 4,
//!    allow refusing);
//! 4. arrays and objects are nested deeper than [`MAX_DEPTH`].
//!
//! Objects keep the order of the document. Integers from `i64::MIN` to `u64::MAX` are exact; other
//! numbers are read as `f64`, and refused if they are too large for it.

mod error;
mod value;

#[cfg(test)]
mod tests;

pub use error::{Error, ErrorKind};

use serde::de::DeserializeSeed;
use serde_json::Value;

/// The deepest nesting of arrays and objects that is read: `[[1]]` has depth 2.
pub const MAX_DEPTH: usize = 64;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads `bytes` as exactly one JSON value, by the rules of the crate's documentation.
pub fn parse(bytes: &[u8]) -> Result<Value, Error> {
    parse_in(bytes, MAX_DEPTH)
}

/// Reads what holds values that were read by [`parse`], at most two levels down: those may be as deep
/// as [`MAX_DEPTH`] themselves.
pub fn parse_around(bytes: &[u8]) -> Result<Value, Error> {
    parse_in(bytes, MAX_DEPTH + 2)
}

fn parse_in(bytes: &[u8], most_depth: usize) -> Result<Value, Error> {
    if bytes.starts_with(BYTE_ORDER_MARK) {
        return Err(Error::new(ErrorKind::ByteOrderMark, 1, 1));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Error::at_offset(ErrorKind::NotUtf8, bytes, error.valid_up_to()))?;

    let refusal = value::Refusal::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    value::StrictValue::document(most_depth, &refusal)
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| match refusal.take() {
            Some(kind) => Error::new(kind, error.line(), error.column()),
            None => Error::syntax(&error),
        })
}
