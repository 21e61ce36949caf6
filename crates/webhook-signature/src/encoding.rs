//! How signatures are written.

use base64ct::{Base64, Base64Unpadded, Base64Url, Base64UrlUnpadded, Encoding as _};

/// How a signature is written in its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Hexadecimal, in either case.
    Hex,
    /// Base64, with or without padding.
    Base64,
    /// Base64 of URLs, with or without padding.
    Base64Url,
}

impl Encoding {
    /// Nothing but the whole text: no whitespace, and no bits that do not count.
    pub(crate) fn decode(self, text: &str) -> Option<Vec<u8>> {
        let is_padded = text.ends_with('=');
        match (self, is_padded) {
            (Self::Hex, _) => hex(text),
            (Self::Base64, true) => Base64::decode_vec(text).ok(),
            (Self::Base64, false) => Base64Unpadded::decode_vec(text).ok(),
            (Self::Base64Url, true) => Base64Url::decode_vec(text).ok(),
            (Self::Base64Url, false) => Base64UrlUnpadded::decode_vec(text).ok(),
        }
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect()
}

fn digit(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::Encoding::{self, Base64, Base64Url, Hex};

    #[test]
    fn texts_are_decoded_strictly() {
        let cases: &[(Encoding, &str, Option<&[u8]>)] = &[
            (Hex, "", Some(b"")),
            (Hex, "00fF", Some(b"\x00\xff")),
            (Hex, "0", None),
            (Hex, "0g", None),
            (Hex, " 00", None),
            (Hex, "+0", None),
            (Hex, "0x00", None),
            (Hex, "\u{e4}\u{e4}", None),
            (Base64, "+/8=", Some(b"\xfb\xff")),
            (Base64, "+/8", Some(b"\xfb\xff")),
            (Base64, "-_8=", None),
            (Base64, "+/9=", None),
            (Base64, "+/8==", None),
            (Base64, "+/ 8=", None),
            (Base64Url, "-_8", Some(b"\xfb\xff")),
            (Base64Url, "-_8=", Some(b"\xfb\xff")),
            (Base64Url, "+/8=", None),
        ];
        for (encoding, text, expected) in cases {
            let decoded = encoding.decode(text);
            assert_eq!(decoded.as_deref(), *expected, "{encoding:?} {text}");
        }
    }
}
