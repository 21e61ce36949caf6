//! A pointer, taken apart.

/// A JSON pointer: the names and indices on the way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer(Vec<Box<str>>);

impl Pointer {
    /// The pointer that a text is: empty for the whole document, or `/` and a name, as often as needed.
    /// Nothing where it is neither, or where a `~` is not `~0` or `~1` (RFC 6901, 3).
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self(Vec::new()));
        }
        let tokens = text.strip_prefix('/')?.split('/').map(unescaped);
        tokens.collect::<Option<_>>().map(Self)
    }

    /// The names on the way, without escapes.
    pub fn tokens(&self) -> &[Box<str>] {
        &self.0
    }

    /// The names on the way, without escapes.
    pub fn into_tokens(self) -> Vec<Box<str>> {
        self.0
    }
}

/// The place in a list that a token names: digits without a leading zero (RFC 6901, 4). Nothing for
/// another token, such as `-`, which is after the last.
pub fn index(token: &str) -> Option<u64> {
    let digits = token.bytes().all(|byte| byte.is_ascii_digit());
    let plain = digits && (token == "0" || !token.starts_with('0'));
    plain.then(|| token.parse().ok()).flatten()
}

/// RFC 6901, 3 and 4. Nothing where `~` is neither `~0` nor `~1`.
fn unescaped(token: &str) -> Option<Box<str>> {
    let mut parts = token.split('~');
    let mut name = parts.next()?.to_owned();
    for part in parts {
        let (mark, rest) = part.split_at_checked(1)?;
        name.push(match mark {
            "0" => '~',
            "1" => '/',
            _ => return None,
        });
        name.push_str(rest);
    }
    Some(name.into())
}
