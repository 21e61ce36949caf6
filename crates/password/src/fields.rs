//! The fields that the texts of hashes are made of.

use base64ct::{Base64, Base64Unpadded, Encoding};

use crate::{ParseError, Scheme};

/// A number in the text of a hash.
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) least: u32,
    pub(crate) most: u32,
}

impl Parameter {
    /// The number that `text` is, if within the bounds.
    pub(crate) fn read(&self, scheme: Scheme, text: &str) -> Result<u32, ParseError> {
        let value = decimal(text).ok_or(ParseError::NotANumber {
            scheme,
            parameter: self.name,
        })?;
        if value < u64::from(self.least) {
            return Err(ParseError::TooLow {
                scheme,
                parameter: self.name,
                value,
                least: self.least,
            });
        }
        match u32::try_from(value) {
            Ok(number) if number <= self.most => Ok(number),
            _ => Err(ParseError::TooHigh {
                scheme,
                parameter: self.name,
                value,
                most: self.most,
            }),
        }
    }
}

/// A decimal number, without sign or leading zeros.
fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = text == "0" || !text.starts_with('0');
    if digits && canonical {
        text.parse().ok()
    } else {
        None
    }
}

/// The `N` fields of `text` between `$`, if there are so many.
pub(crate) fn split<const N: usize>(text: &str, separator: char) -> Option<[&str; N]> {
    let fields: Vec<&str> = text.split(separator).collect();
    fields.try_into().ok()
}

/// What `text` goes on with after `prefix`, whose ASCII letters may be of either case.
pub(crate) fn strip_prefix_ignore_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Base64 without padding, canonical.
pub(crate) fn base64_unpadded(text: &str) -> Option<Vec<u8>> {
    Base64Unpadded::decode_vec(text).ok()
}

/// Base64 with padding, canonical.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    Base64::decode_vec(text).ok()
}

/// passlib's base64: no padding, and `.` for `+`. It reads `+` too.
pub(crate) fn adapted_base64(text: &str) -> Option<Vec<u8>> {
    base64_unpadded(&text.replace('.', "+"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals() {
        let cases = [
            ("0", Some(0)),
            ("1", Some(1)),
            ("65536", Some(65536)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("", None),
            ("00", None),
            ("01", None),
            ("+1", None),
            ("-1", None),
            (" 1", None),
            ("1 ", None),
            ("1_000", None),
            ("0x10", None),
            ("1e3", None),
            ("١", None),
        ];
        for (text, expected) in cases {
            assert_eq!(decimal(text), expected, "{text:?}");
        }
    }

    #[test]
    fn encodings() {
        type Decode = fn(&str) -> Option<Vec<u8>>;
        let cases: [(&str, Decode, &str, Option<&[u8]>); 14] = [
            ("unpadded", base64_unpadded, "+/8", Some(b"\xfb\xff")),
            ("unpadded, padded", base64_unpadded, "+/8=", None),
            ("unpadded, stray bits", base64_unpadded, "+/9", None),
            ("unpadded, a lone character", base64_unpadded, "AAAAA", None),
            ("unpadded, a dot", base64_unpadded, "./8", None),
            ("padded", base64, "+/8=", Some(b"\xfb\xff")),
            ("padded, unpadded", base64, "+/8", None),
            ("padded, stray bits", base64, "+/9=", None),
            ("padded, padding within", base64, "AA==AAAA", None),
            ("padded, only padding", base64, "====", None),
            ("adapted", adapted_base64, "./8", Some(b"\xfb\xff")),
            ("adapted, a plus", adapted_base64, "+/8", Some(b"\xfb\xff")),
            ("adapted, padded", adapted_base64, "./8=", None),
            ("adapted, stray bits", adapted_base64, "./9", None),
        ];
        for (name, decode, text, expected) in cases {
            assert_eq!(decode(text).as_deref(), expected, "{name}");
        }
    }
}
