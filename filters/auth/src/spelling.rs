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
    let alike = headers.with_names_as_long_as(name);
    alike.filter_map(move |(other, value)| {
        if other == name.as_bytes() || !is_same(other, name.as_bytes()) {
            return None;
        }
        Some((std::str::from_utf8(other).ok()?, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_spellings() {
        let cases: &[(&str, &[u8], bool)] = &[
            ("itself", b"x-user", false),
            ("underscore", b"x_user", true),
            ("dot", b"x.user", true),
            ("any other mark of a name", b"x~user", true),
            ("without the mark", b"xuser", false),
            ("one more", b"x--user", false),
            ("another letter", b"x-usex", false),
            ("a letter for the mark", b"xauser", false),
            ("no UTF-8", b"x\xffuser", false),
        ];
        for (name, other, expected) in cases {
            assert_eq!(
                is_same(other, b"x-user"),
                *expected || *other == b"x-user",
                "{name}"
            );
        }
        assert!(!is_same(b":path", b"-path"));
        let headers: Headers = [("x-user", &b"1"[..]), ("x_user", b"2"), ("x_user", b"3")]
            .into_iter()
            .collect();
        let found: Vec<_> = others(&headers, "x-user").collect();
        assert_eq!(found, [("x_user", &b"2"[..]), ("x_user", b"3")]);
    }
}
