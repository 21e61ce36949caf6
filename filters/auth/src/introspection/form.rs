//! `application/x-www-form-urlencoded`, as the URL standard writes it.

/// A value that can stand in a form.
pub(super) fn encoded(value: &[u8]) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value {
        match byte {
            b' ' => text.push('+'),
            b'*' | b'-' | b'.' | b'_' => text.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => text.push(char::from(*byte)),
            byte => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let cases: [(&[u8], &str); 6] = [
            (b"", ""),
            (b"aZ09*-._", "aZ09*-._"),
            (b"a b", "a+b"),
            (b"a+b/c==", "a%2Bb%2Fc%3D%3D"),
            (b"a&b=c\r\n\0", "a%26b%3Dc%0D%0A%00"),
            // RFC 6749, Appendix B: U+0020, %, &, +, U+00A3, U+20AC.
            (" %&+\u{a3}\u{20ac}".as_bytes(), "+%25%26%2B%C2%A3%E2%82%AC"),
        ];
        for (value, expected) in cases {
            assert_eq!(encoded(value), expected, "{value:?}");
        }
    }
}
