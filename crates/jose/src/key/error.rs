//! What is wrong with a key that is not a JWK.

use std::borrow::Cow;
use std::fmt;

/// Why a key was refused, in words for the operator who configured it. Shows no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyError(Cow<'static, str>);

impl KeyError {
    pub(crate) fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for KeyError {}
