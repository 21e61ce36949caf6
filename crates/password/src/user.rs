//! Names of users, the same in a configuration and in a request.

use std::fmt;

/// The longest name of a user. `htpasswd` takes 255; an e-mail address has 254 at most.
pub const MAX_USER_BYTES: usize = 256;

/// Why a name cannot be a user's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UserError {
    /// No name at all.
    Empty,
    /// Longer than [`MAX_USER_BYTES`].
    TooLong,
    /// A control character, which RFC 7617 does not let a client send (section 2).
    ControlCharacter,
}

/// `name`, if it can be a user's. A colon has to be looked for by who reads it.
pub(crate) fn check(name: &str) -> Result<&str, UserError> {
    if name.is_empty() {
        return Err(UserError::Empty);
    }
    if name.len() > MAX_USER_BYTES {
        return Err(UserError::TooLong);
    }
    if name.chars().any(char::is_control) {
        return Err(UserError::ControlCharacter);
    }
    Ok(name)
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the name of the user is empty"),
            Self::TooLong => write!(
                f,
                "the name of the user is longer than {MAX_USER_BYTES} bytes"
            ),
            Self::ControlCharacter => f.write_str("the name of the user has a control character"),
        }
    }
}

impl std::error::Error for UserError {}
