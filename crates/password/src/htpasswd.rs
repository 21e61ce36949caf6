//! htpasswd files, as Apache and nginx read them: `user:hash` a line.
//!
//! 1. White space at the ends of a line is dropped. A line that is empty then, or begins with `#`, is none.
//! 2. The name of the user ends at the first colon. It is not empty, has no control characters and
//!    no white space at its ends, where nobody would see it.
//! 3. The hash ends at the next colon, if any: what follows is a comment (as in nginx's files), or
//!    the other fields of `/etc/shadow`.
//!
//! A user may stand in several lines; what that means is the caller's to say.

#[cfg(test)]
mod tests;

use std::fmt;

use crate::{ParseError, PasswordHash, UserError, check_user};

/// Why a line is not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineError {
    /// No colon. The line is not repeated: it may be a password.
    NoColon,
    /// The name cannot be a user's.
    User(UserError),
    /// White space before or after the name of the user.
    UserWhiteSpace,
    /// The hash is refused.
    Hash {
        /// Whose it is.
        user: String,
        /// Why.
        error: ParseError,
    },
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoColon => f.write_str("must be `user:hash`, and has no colon"),
            Self::User(error) => error.fmt(f),
            Self::UserWhiteSpace => {
                f.write_str("the name of the user begins or ends with white space")
            }
            Self::Hash { user, error } => write!(f, "the hash of {user:?}: {error}"),
        }
    }
}

impl std::error::Error for LineError {}

/// Reads one line; `None` if it is empty or a comment.
pub fn parse_line(line: &str) -> Result<Option<(String, PasswordHash)>, LineError> {
    let line = line.trim_ascii();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (name, rest) = line.split_once(':').ok_or(LineError::NoColon)?;
    let name = check_user(name).map_err(LineError::User)?;
    if name.trim() != name {
        return Err(LineError::UserWhiteSpace);
    }
    let hash = rest.split_once(':').map_or(rest, |(hash, _)| hash);
    match PasswordHash::parse(hash) {
        Ok(hash) => Ok(Some((name.to_owned(), hash))),
        Err(error) => Err(LineError::Hash {
            user: name.to_owned(),
            error,
        }),
    }
}

/// A line that has a user, by its number from 1.
pub type NumberedLine = (usize, Result<(String, PasswordHash), LineError>);

/// Reads a file: every line that has a user, or that is not understood. A byte order mark is dropped.
pub fn parse(text: &str) -> impl Iterator<Item = NumberedLine> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    (1..)
        .zip(text.lines())
        .filter_map(|(number, line)| Some((number, parse_line(line).transpose()?)))
}
