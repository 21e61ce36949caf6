//! Header fields as a signature takes them.

/// Where header fields come from.
pub trait Fields {
    /// All values of a field in the order of the wire, one for each line; none where it is absent.
    /// `name` is in lower case, and never that of a pseudo-header.
    fn values(&self, name: &str) -> Vec<&[u8]>;
}

/// Names in lower case, and values.
impl Fields for &[(&[u8], &[u8])] {
    fn values(&self, name: &str) -> Vec<&[u8]> {
        self.iter()
            .filter(|(key, _)| *key == name.as_bytes())
            .map(|(_, value)| *value)
            .collect()
    }
}

/// The value of a line without whitespace around it and without obsolete folding, each fold a single
/// space (RFC 9421, section 2.1, steps 2 and 3; RFC 9112, section 5.2).
pub(crate) fn canonical(value: &[u8]) -> Vec<u8> {
    let mut rest = trim(value);
    let mut unfolded = Vec::with_capacity(rest.len());
    while let Some(at) = rest.windows(2).position(|pair| pair == b"\r\n") {
        let Some((before, after)) = rest.split_at_checked(at) else {
            break;
        };
        let after = after.get(2..).unwrap_or_default();
        if after.first().is_none_or(|byte| !is_whitespace(*byte)) {
            // A new line that is no fold: left for the check of the bytes to refuse.
            break;
        }
        unfolded.extend_from_slice(trim_end(before));
        unfolded.push(b' ');
        rest = trim_start(after);
    }
    unfolded.extend_from_slice(rest);
    unfolded
}

/// Whether the bytes may stand in a signature base as the value of a field: printable ASCII, spaces
/// and tabs (section 2.5: no obs-fold, no obs-text).
pub(crate) fn is_text(value: &[u8]) -> bool {
    value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
}

/// Without the whitespace at both ends.
pub(crate) fn trim(value: &[u8]) -> &[u8] {
    trim_end(trim_start(value))
}

fn trim_start(mut value: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = value
        && is_whitespace(*first)
    {
        value = rest;
    }
    value
}

fn trim_end(mut value: &[u8]) -> &[u8] {
    while let [rest @ .., last] = value
        && is_whitespace(*last)
    {
        value = rest;
    }
    value
}

fn is_whitespace(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_trimmed_and_unfolded() {
        let cases: &[(&str, &[u8], &[u8])] = &[
            ("nothing to do", b"a b", b"a b"),
            ("empty", b"", b""),
            ("only whitespace", b" \t ", b""),
            ("whitespace around", b"  a\t", b"a"),
            ("whitespace within stays", b"a  \t b", b"a  \t b"),
            (
                "a fold",
                b"Obsolete\r\n    line folding.",
                b"Obsolete line folding.",
            ),
            ("whitespace before a fold", b"a \t\r\n b", b"a b"),
            ("two folds", b"a\r\n b\r\n\tc", b"a b c"),
            ("a fold of nothing", b"a\r\n \r\n b", b"a  b"),
            (
                "no fold: no whitespace after it",
                b"a\r\nb: c",
                b"a\r\nb: c",
            ),
            ("no fold: a bare line feed", b"a\n b", b"a\n b"),
            ("no fold: a bare carriage return", b"a\r b", b"a\r b"),
            ("no fold: it ends there", b"a\r\n", b"a\r\n"),
            ("not UTF-8", b" \xff\xfe ", b"\xff\xfe"),
        ];
        for (name, value, expected) in cases {
            assert_eq!(canonical(value), *expected, "{name}");
        }
    }
}
