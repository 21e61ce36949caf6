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
    /// A colon, which ends the name where a client sends it.
    Colon,
}

/// `name`, if it can be a user's: for names that are configured other than in an htpasswd file.
pub fn check_user(name: &str) -> Result<&str, UserError> {
    if name.is_empty() {
        return Err(UserError::Empty);
    }
    if name.len() > MAX_USER_BYTES {
        return Err(UserError::TooLong);
    }
    if name.chars().any(char::is_control) {
        return Err(UserError::ControlCharacter);
    }
    if name.contains(':') {
        return Err(UserError::Colon);
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
            Self::Colon => {
                f.write_str("the name of the user has a colon, which no client can send")
            }
        }
    }
}

impl std::error::Error for UserError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let longest = "u".repeat(256);
        let control = Err(UserError::ControlCharacter);
        let cases = [
            ("plain", "ann", Ok(())),
            ("an address", "ann+x@example.com", Ok(())),
            ("beyond ASCII", "jürgen", Ok(())),
            ("spaces", " a b ", Ok(())),
            ("the longest", &longest, Ok(())),
            ("too long", &format!("{longest}u"), Err(UserError::TooLong)),
            (
                "too long in bytes",
                &"ü".repeat(129),
                Err(UserError::TooLong),
            ),
            ("empty", "", Err(UserError::Empty)),
            ("NUL", "a\0", control),
            ("line feed", "a\nb", control),
            ("DEL", "\x7f", control),
            ("a C1 control", "\u{9f}", control),
            ("a colon", "a:b", Err(UserError::Colon)),
            ("only a colon", ":", Err(UserError::Colon)),
        ];
        for (name, user, expected) in cases {
            assert_eq!(check_user(user), expected.map(|()| user), "{name}");
        }
    }

    #[test]
    fn messages() {
        let cases = [
            (UserError::Empty, "the name of the user is empty"),
            (
                UserError::TooLong,
                "the name of the user is longer than 256 bytes",
            ),
            (
                UserError::ControlCharacter,
                "the name of the user has a control character",
            ),
            (
                UserError::Colon,
                "the name of the user has a colon, which no client can send",
            ),
        ];
        for (error, expected) in cases {
            assert_eq!(error.to_string(), expected);
        }
    }
}
