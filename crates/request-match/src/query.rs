//! The query of a request target.
//!
//! Parameters are separated by `&`, and by nothing else. A name ends at the first `=`; without one,
//! the value is empty. Names and values are percent-decoded once, what is no escape stays, and a
//! `+` is a plus: `application/x-www-form-urlencoded` would make it a space, but a query is not
//! bound to that, and an API key may hold one. Names are compared as bytes, case and all.

#[cfg(test)]
mod tests;

use crate::escape;
use gatehouse_config::{Context, Decode, Value};
use std::borrow::Cow;
use std::fmt;

/// A parameter's name in a configuration: decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(pub Box<str>);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Decode for Name {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        if text.is_empty() {
            return context.problem("a parameter's name cannot be empty");
        }
        Some(Self(text.into()))
    }

    gatehouse_config::described!(text not empty);
}

/// One parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair<'q> {
    /// The name as it was sent.
    pub raw_name: &'q [u8],
    /// The value as it was sent; empty where there is no `=`.
    pub raw_value: &'q [u8],
}

impl<'q> Pair<'q> {
    /// Whether this is its name, decoded.
    pub fn is(&self, name: &[u8]) -> bool {
        escape::is(self.raw_name, name)
    }

    /// The value, decoded. It need not be UTF-8.
    pub fn value(&self) -> Cow<'q, [u8]> {
        escape::decode(self.raw_value)
    }
}

/// All parameters of a query, decoded: for the many who ask, once.
#[derive(Debug, Default)]
pub struct Query {
    /// Names and values, one behind the other.
    bytes: Vec<u8>,
    /// Where each name ends, and its value.
    ends: Vec<(usize, usize)>,
}

#[cfg(test)]
thread_local! {
    /// How many parameters were decoded for all who ask.
    pub(crate) static DECODED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

impl Query {
    /// The parameters of a request target.
    pub fn of(target: &[u8]) -> Self {
        let mut query = Self::default();
        for pair in pairs(target) {
            escape::decode_into(pair.raw_name, &mut query.bytes);
            let name = query.bytes.len();
            escape::decode_into(pair.raw_value, &mut query.bytes);
            query.ends.push((name, query.bytes.len()));
        }
        #[cfg(test)]
        DECODED.set(DECODED.get() + query.ends.len());
        query
    }

    /// The values of a name, in order.
    pub fn all<'q>(&'q self, name: &'q [u8]) -> impl Iterator<Item = &'q [u8]> {
        let mut start = 0;
        self.ends.iter().filter_map(move |(middle, end)| {
            let begin = std::mem::replace(&mut start, *end);
            let is_it = self.bytes.get(begin..*middle) == Some(name);
            self.bytes.get(*middle..*end).filter(|_| is_it)
        })
    }
}

/// The parameters of a request target, in order. Empty ones, as in `?&&`, are left out.
pub fn pairs(target: &[u8]) -> impl Iterator<Item = Pair<'_>> {
    let (_, query, _) = split(target);
    query
        .unwrap_or_default()
        .split(|byte| *byte == b'&')
        .filter(|piece| !piece.is_empty())
        .map(pair)
}

/// The request target without the parameters of a (decoded) name, all other bytes as they are;
/// nothing where it has none. With the last parameter the `?` goes too.
pub fn without(target: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let (path, query, fragment) = split(target);
    let is_kept = |piece: &&[u8]| piece.is_empty() || !pair(piece).is(name);
    let pieces = query?.split(|byte| *byte == b'&');
    let kept: Vec<&[u8]> = pieces.clone().filter(is_kept).collect();
    if kept.len() == pieces.count() {
        return None;
    }
    let mut rebuilt = path.to_vec();
    if !kept.is_empty() {
        rebuilt.push(b'?');
        rebuilt.extend(kept.join(&b'&'));
    }
    rebuilt.extend_from_slice(fragment);
    Some(rebuilt)
}

fn pair(piece: &[u8]) -> Pair<'_> {
    let mut parts = piece.splitn(2, |byte| *byte == b'=');
    let raw_name = parts.next().unwrap_or_default();
    let raw_value = parts.next().unwrap_or_default();
    Pair {
        raw_name,
        raw_value,
    }
}

/// The path, the query without its `?` where there is one, and the fragment with its `#`.
fn split(target: &[u8]) -> (&[u8], Option<&[u8]>, &[u8]) {
    let hash = target.iter().position(|byte| *byte == b'#');
    let (target, fragment) = hash
        .and_then(|hash| target.split_at_checked(hash))
        .unwrap_or((target, b""));
    let mark = target.iter().position(|byte| *byte == b'?');
    match mark.and_then(|mark| target.split_at_checked(mark)) {
        Some((path, query)) => (path, query.get(1..), fragment),
        None => (target, None, fragment),
    }
}
