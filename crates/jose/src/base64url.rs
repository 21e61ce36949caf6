//! base64url as JOSE has it: no padding, no white space, one encoding per value.

use base64ct::{Base64UrlUnpadded, Encoding};

/// The bytes that `text` stands for; `None` if it is not their one canonical encoding.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    Base64UrlUnpadded::decode_vec(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Bytes = &'static [u8];

    #[test]
    fn only_the_canonical_encoding_is_read() {
        let cases: &[(&str, Bytes, Option<Bytes>)] = &[
            ("empty", b"", Some(b"")),
            ("one byte", b"_w", Some(b"\xff")),
            ("two bytes", b"--8", Some(b"\xfb\xef")),
            ("three bytes", b"AAEC", Some(b"\0\x01\x02")),
            (
                "RFC 7515, appendix C",
                b"A-z_4ME",
                Some(b"\x03\xec\xff\xe0\xc1"),
            ),
            ("trailing bits set in the last of two", b"_x", None),
            ("trailing bits set in the last of three", b"--9", None),
            ("a lone character", b"A", None),
            ("five characters", b"AAECA", None),
            ("padding", b"_w==", None),
            ("alphabet of plain base64", b"++8", None),
            ("slash", b"/w", None),
            ("space", b"AA EC", None),
            ("line break at the end", b"AAEC\n", None),
            ("NUL", b"AAE\0", None),
            ("not UTF-8", b"\xff\xff\xff\xff", None),
            ("a letter beyond ASCII", "AAé".as_bytes(), None),
        ];
        for (name, text, expected) in cases {
            assert_eq!(decode(text).as_deref(), *expected, "{name}");
        }
    }
}
