//! Query parameters, decoded and encoded again (RFC 9421, section 2.2.8).
//!
//! A query is read as `application/x-www-form-urlencoded` (URL standard, section 5.1): `+` is a
//! space, a `%` that begins no escape is itself, pairs without name and value are skipped. The
//! bytes of a name or value are then encoded anew, each by the one form it has. Bytes that are not
//! UTF-8 are kept as they are, where the standard would make them all U+FFFD: otherwise two requests
//! that differ would have the same signature base.

use crate::Refusal;

/// The names and values of a query, encoded.
pub(crate) struct Parameters(Vec<(String, String)>);

/// What a query has under a name.
#[derive(Debug, PartialEq, Eq)]
enum Parameter<'q> {
    Absent,
    /// Its value, encoded.
    One(&'q str),
    /// Which of them counts is anybody's guess.
    Several,
}

impl Parameters {
    /// Those of a query without `?`.
    pub(crate) fn of(query: &[u8]) -> Self {
        let pairs = query.split(|byte| *byte == b'&');
        let pairs = pairs.filter(|pair| !pair.is_empty()).map(|pair| {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let mut half = || encode(halves.next().unwrap_or_default());
            (half(), half())
        });
        Self(pairs.collect())
    }

    /// The value of the parameter whose name, encoded, is `name`.
    pub(crate) fn value(&self, name: &str) -> Result<String, Refusal> {
        match self.find(name) {
            Parameter::One(value) => Ok(value.to_owned()),
            Parameter::Absent => Err(Refusal::QueryParamMissing),
            Parameter::Several => Err(Refusal::QueryParamRepeated),
        }
    }

    fn find(&self, name: &str) -> Parameter<'_> {
        let mut values = self.0.iter().filter(|(known, _)| known == name);
        match (values.next(), values.next()) {
            (None, _) => Parameter::Absent,
            (Some((_, value)), None) => Parameter::One(value),
            _ => Parameter::Several,
        }
    }
}

/// Decodes and encodes again: letters, digits and `*-._` are themselves, all else is `%XX`.
fn encode(text: &[u8]) -> String {
    const HEX: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    let mut encoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = next(rest) {
        rest = after;
        if byte.is_ascii_alphanumeric() || matches!(byte, b'*' | b'-' | b'.' | b'_') {
            encoded.push(char::from(byte));
            continue;
        }
        encoded.push('%');
        for digit in [byte >> 4, byte & 15] {
            encoded.extend(HEX.get(usize::from(digit)));
        }
    }
    encoded
}

/// The next byte, decoded, and what is after it.
fn next(text: &[u8]) -> Option<(u8, &[u8])> {
    match text {
        [] => None,
        [b'+', rest @ ..] => Some((b' ', rest)),
        [b'%', high, low, rest @ ..] if let (Some(high), Some(low)) = (hex(*high), hex(*low)) => {
            Some((high << 4 | low, rest))
        }
        [byte, rest @ ..] => Some((*byte, rest)),
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::Parameter::{Absent, One, Several};
    use super::*;

    #[test]
    fn parameters_are_found_and_encoded() {
        let encoded = "var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something";
        let cases: &[(&str, &str, &str, Parameter<'_>)] = &[
            // RFC 9421, section 2.2.8.
            (
                "baz",
                "param=value&foo=bar&baz=batman&qux=",
                "baz",
                One("batman"),
            ),
            (
                "an empty value",
                "param=value&foo=bar&baz=batman&qux=",
                "qux",
                One(""),
            ),
            (
                "param",
                "param=value&foo=bar&baz=batman&qux=",
                "param",
                One("value"),
            ),
            (
                "percent",
                encoded,
                "var",
                One("this%20is%20a%20big%0Amultiline%20value"),
            ),
            ("plus", encoded, "bar", One("with%20plus%20whitespace")),
            (
                "a name that is encoded",
                encoded,
                "fa%C3%A7ade%22%3A%20",
                One("something"),
            ),
            // Beyond.
            ("no query", "", "a", Absent),
            ("absent", "b=1", "a", Absent),
            ("the empty name", "=1", "", One("1")),
            ("pairs of nothing", "&&a=1&", "a", One("1")),
            ("pairs of nothing have no name", "&&", "", Absent),
            ("no equals sign", "a", "a", One("")),
            ("two equals signs", "a=b=c", "a", One("b%3Dc")),
            ("twice", "a=1&a=1", "a", Several),
            ("twice, once in disguise", "a=1&%61=2", "a", Several),
            ("thrice", "a=1&b=2&a=3&a=4", "a", Several),
            ("names have case", "A=1", "a", Absent),
            ("lower-case escapes", "a=%c3%a7", "a", One("%C3%A7")),
            ("bytes sent raw", "a=\u{e7}", "a", One("%C3%A7")),
            ("a percent sign alone", "a=100%", "a", One("100%25")),
            ("no escape", "a=%zz%4", "a", One("%25zz%254")),
            ("not UTF-8", "a=%ff", "a", One("%FF")),
            ("what stays", "a=AZaz09*-._", "a", One("AZaz09*-._")),
            ("what does not", "a=~!'()", "a", One("%7E%21%27%28%29")),
            (
                "a name in another encoding than its own",
                "a=1",
                "%61",
                Absent,
            ),
            (
                "a new line can't be had raw",
                "a=x%0A%22%40method%22:",
                "a",
                One("x%0A%22%40method%22%3A"),
            ),
        ];
        for (name, query, wanted, expected) in cases {
            let parameters = Parameters::of(query.as_bytes());
            assert_eq!(parameters.find(wanted), *expected, "{name}");
        }
    }
}
