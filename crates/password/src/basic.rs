//! The credentials of the Basic scheme (RFC 7617): base64 of `user:password`.
//!
//! Refused, in this order:
//!
//! 1. more than [`MAX_ENCODED_BYTES`];
//! 2. what is not canonical base64, with padding (RFC 7617, section 2; RFC 4648, section 4);
//! 3. no colon. The first one ends the name, so a name has none and a password may have some;
//! 4. a control character (section 2), in either: bytes 0 to 31, and 127;
//! 5. a name that is not UTF-8;
//! 6. a name that is empty, longer than [`MAX_USER_BYTES`], or has one of
//!    Unicode's other control characters.
//!
//! The password is bytes: clients send it as they like, and it is only compared. It may be empty.
//! Nothing is normalized. Taking `Basic ` off the value of the header is the caller's.

#[cfg(test)]
mod tests;

use std::fmt;

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use crate::{MAX_PASSWORD_BYTES, MAX_USER_BYTES, UserError, check_user};

const MAX_DECODED_BYTES: usize = MAX_USER_BYTES + 1 + MAX_PASSWORD_BYTES;

/// The longest text that is looked at: that of the longest name and the longest password.
pub const MAX_ENCODED_BYTES: usize = MAX_DECODED_BYTES.div_ceil(3) * 4;

/// A user and a password, as a client sent them. Nothing about them is verified.
///
/// The password is not printed, and wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    user: String,
    password: Zeroizing<Vec<u8>>,
}

impl Credentials {
    /// The name of the user: not empty, no control characters, no colon.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The password: no control characters of ASCII.
    pub fn password(&self) -> &[u8] {
        &self.password
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Why credentials are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BasicError {
    /// Longer than [`MAX_ENCODED_BYTES`].
    TooLong,
    /// Not canonical base64 with padding.
    NotBase64,
    /// No colon.
    NoColon,
    /// A control character in the name or the password.
    ControlCharacter,
    /// The name is not UTF-8.
    UserNotUtf8,
    /// The name cannot be a user's.
    User(UserError),
}

impl fmt::Display for BasicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(
                f,
                "the credentials are longer than {MAX_ENCODED_BYTES} bytes"
            ),
            Self::NotBase64 => f.write_str("the credentials are not base64"),
            Self::NoColon => f.write_str("the credentials have no colon"),
            Self::ControlCharacter => f.write_str("the credentials have a control character"),
            Self::UserNotUtf8 => f.write_str("the name of the user is not UTF-8"),
            Self::User(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BasicError {}

/// Takes apart what follows `Basic ` in the value of `authorization`, by the rules of this module's
/// documentation.
pub fn decode(encoded: &[u8]) -> Result<Credentials, BasicError> {
    if encoded.len() > MAX_ENCODED_BYTES {
        return Err(BasicError::TooLong);
    }
    let mut buffer = Zeroizing::new([0; MAX_DECODED_BYTES]);
    let decoded = Base64::decode(encoded, &mut *buffer).map_err(|_| BasicError::NotBase64)?;
    let mut parts = decoded.splitn(2, |byte| *byte == b':');
    let (Some(name), Some(password)) = (parts.next(), parts.next()) else {
        return Err(BasicError::NoColon);
    };
    if decoded.iter().any(u8::is_ascii_control) {
        return Err(BasicError::ControlCharacter);
    }
    let name = std::str::from_utf8(name).map_err(|_| BasicError::UserNotUtf8)?;
    let name = check_user(name).map_err(BasicError::User)?;
    Ok(Credentials {
        user: name.to_owned(),
        password: Zeroizing::new(password.to_vec()),
    })
}
