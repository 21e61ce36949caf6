//! Where a value goes, and what that does to the variables in it.
//!
//! | destination | what a variable brings |
//! |---|---|
//! | a header | stays as it is |
//! | a path | is one segment, not empty: all but letters, digits and `-._~` (RFC 3986, 2.3) is percent-encoded; where several were asked for, `/` stays |
//! | a query, a location | percent-encoded in the same way; may be empty |
//! | a cookie | what is no cookie-octet (RFC 6265, 4.1.1), and `%`, is percent-encoded |
//! | a host | letters, digits, `-` and `_`: part of one label. Where it is all of the host, it stays as it is |
//!
//! The text between the variables is the operator's own: in a path, a location and a host it is taken
//! as it is written, since it is what has slashes and question marks. The value of a parameter or of
//! a cookie is encoded as a whole.
//!
//! Control characters (CR, LF and NUL among them) fit nowhere, and are not sent in an escaped form
//! either: whoever decodes it may hand it on.

/// Where a value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// The value of a header.
    Header,
    /// The path of a request target.
    Path,
    /// The value of a parameter of the query.
    Query,
    /// The value of a request's cookie.
    Cookie,
    /// The `location` of a response.
    Location,
    /// The host of a request, or of a location.
    Host,
}

impl Destination {
    /// Appends what a variable brings; says whether it could. `several` segments of a path are fine
    /// where they were asked for; `alone` is a variable that is the whole of the value.
    pub(crate) fn escape(
        self,
        value: &[u8],
        several: bool,
        alone: bool,
        out: &mut Vec<u8>,
    ) -> bool {
        if self == Self::Header {
            out.extend_from_slice(value);
            return true;
        }
        if value.iter().any(u8::is_ascii_control) {
            return false;
        }
        match self {
            Self::Header => {}
            Self::Path if several => percent_encode(value, |b| is_unreserved(b) || b == b'/', out),
            Self::Path if value.is_empty() => return false,
            Self::Path | Self::Query | Self::Location => percent_encode(value, is_unreserved, out),
            Self::Cookie => percent_encode(value, is_cookie_octet, out),
            Self::Host => {
                let in_label = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
                if !alone && (value.is_empty() || !value.iter().all(in_label)) {
                    return false;
                }
                out.extend_from_slice(value);
            }
        }
        true
    }
}

/// Appends bytes, those that may not stay as `%XX`.
pub fn percent_encode(value: &[u8], stays: fn(u8) -> bool, out: &mut Vec<u8>) {
    let digit = |nibble: u8| match nibble {
        0..=9 => b'0' + nibble,
        _ => b'A' + nibble - 10,
    };
    for &byte in value {
        match stays(byte) {
            true => out.push(byte),
            false => out.extend([b'%', digit(byte >> 4), digit(byte & 0x0f)]),
        }
    }
}

/// Whether a byte means the same wherever it stands in a URL (RFC 3986, 2.3).
pub fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// RFC 6265, 4.1.1, without the `%` that escapes begin with.
fn is_cookie_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\' | b'%')
}
