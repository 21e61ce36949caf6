//! Names that operators give to providers, consumers, limits.

use super::text;
use crate::{Context, Decode, Value};
use std::fmt;
use std::ops::Deref;

/// A name that goes into metrics: letters, digits, `_` and `-`, at most 64. No dot, which separates
/// the parts of a metric's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identifier(Box<str>);

impl Deref for Identifier {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Decode for Identifier {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = text(value, "a name", context)?;
        let valid = (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if !valid {
            return context.problem_hint(
                format!("{text:?} is not a name"),
                "1 to 64 letters, digits, \"_\" and \"-\"",
            );
        }
        Some(Self(text.into()))
    }

    crate::described!(text "^[A-Za-z0-9_-]{1,64}$");
}
