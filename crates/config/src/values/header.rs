//! Names and values of header fields.

use super::text;
use crate::{Context, Decode, Value};
use std::fmt;
use std::ops::Deref;

/// A header name, in lower case as Envoy keeps them: a token of RFC 9110 section 5.6.2. Not a
/// pseudo-header such as `:path`: those have options of their own where they may be changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HeaderName(Box<str>);

impl HeaderName {
    /// A name in any case; nothing where it is not a token.
    pub fn new(name: &str) -> Option<Self> {
        let valid = !name.is_empty() && name.bytes().all(is_tchar);
        valid.then(|| Self(name.to_ascii_lowercase().into_boxed_str()))
    }

    /// The name, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for HeaderName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Decode for HeaderName {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = text(value, "a header name", context)?;
        if text.starts_with(':') {
            return context.problem(format!(
                "{text:?} is a pseudo-header, which cannot stand here"
            ));
        }
        match Self::new(text) {
            Some(name) => Some(name),
            None => context.problem_hint(
                format!("{text:?} is not a header name"),
                "letters, digits and !#$%&'*+-.^_`|~ (RFC 9110, 5.6.2)",
            ),
        }
    }

    crate::described!(text "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$");
}

/// RFC 9110, 5.6.2.
fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A header value without CR, LF, NUL or another control character but the tab (RFC 9110, 5.5), and
/// without white space around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderValue(Box<str>);

impl Deref for HeaderValue {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Decode for HeaderValue {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = text(value, "a header value", context)?;
        if !is_field_value(text.as_bytes()) {
            return context
                .problem("a header value cannot have control characters such as CR or LF");
        }
        if text.trim_matches([' ', '\t']) != text {
            return context.problem("a header value cannot have white space around it");
        }
        Some(Self(text.into()))
    }

    crate::described!(text r"^(?![ \t])[^\u0000-\u0008\u000a-\u001f\u007f]*(?<![ \t])$");
}

/// Whether bytes may be sent as a header's value: no control character but the tab (RFC 9110, 5.5).
/// Bytes above 0x7f may (obs-text).
pub fn is_field_value(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|&byte| byte == b'\t' || (byte >= 0x20 && byte != 0x7f))
}
