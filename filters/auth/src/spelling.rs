//! Header names that some servers take for one.
//!
//! Servers that hand headers on as variables (CGI, WSGI, PHP) write `_` for all that is not a letter
//! or a digit: `x_consumer` and `x.consumer` arrive as `x-consumer` does, and one may hide the other.

use gatehouse_host::Headers;

/// Whether such a server takes both for one. Names are in lower case.
pub(crate) fn is_same(name: &[u8], other: &[u8]) -> bool {
    // Pseudo-headers are no headers to those servers.
    let plain = |byte: &u8| match *byte {
        b':' => b':',
        punctuation if punctuation.is_ascii_punctuation() => b'-',
        byte => byte,
    };
    name.len() == other.len() && name.iter().map(plain).eq(other.iter().map(plain))
}

/// The other spellings of a header that are there, and their values.
pub(crate) fn others<'h>(
    headers: &'h Headers,
    name: &'h str,
) -> impl Iterator<Item = (&'h str, &'h [u8])> {
    headers.iter().filter_map(move |(other, value)| {
        let other = std::str::from_utf8(other).ok()?;
        let same = other != name && is_same(other.as_bytes(), name.as_bytes());
        same.then_some((other, value))
    })
}
