//! Cookies (RFC 6265, 4.2). HTTP/2 may split them over several header lines (RFC 9113, 8.2.3). Names are
//! compared as bytes, case and all; values are as they were sent, quotes too.

use gatehouse_config::{Context, Decode, HeaderName, Value};
use gatehouse_host::Headers;
use std::fmt;

/// A cookie's name in a configuration.
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
        // A cookie's name is a token too (RFC 6265, 4.1.1), but its case counts.
        if HeaderName::new(&text).is_none() {
            return context.problem(format!("{text:?} is not a cookie's name"));
        }
        Some(Self(text.into()))
    }

    gatehouse_config::described!(text "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$");
}

/// The values of a cookie, as they were sent.
pub fn values<'h>(headers: &'h Headers, name: &'h str) -> impl Iterator<Item = &'h [u8]> {
    // Each condition looks for its own: what cannot be it for being too short costs next to nothing.
    let long_enough = move |pair: &&[u8]| pair.len() >= name.len();
    let pairs = pieces(headers).filter(long_enough).map(<[u8]>::trim_ascii);
    pairs.filter_map(move |pair| value(pair, name))
}

/// What becomes of the cookies when some are removed.
#[derive(Debug, PartialEq, Eq)]
pub enum Kept {
    /// None of those to be removed is there.
    All,
    /// None is left.
    None,
    /// These are left, on one line.
    Some(Vec<u8>),
}

/// The cookies without those of these names. The others stay as they were sent.
pub fn without(headers: &Headers, names: &[Box<str>]) -> Kept {
    let removed = |pair: &[u8]| names.iter().any(|name| value(pair, name).is_some());
    if !pairs(headers).any(removed) {
        return Kept::All;
    }
    let mut line = Vec::new();
    for pair in pairs(headers).filter(|pair| !pair.is_empty() && !removed(pair)) {
        if !line.is_empty() {
            line.extend_from_slice(b"; ");
        }
        line.extend_from_slice(pair);
    }
    if line.is_empty() {
        return Kept::None;
    }
    Kept::Some(line)
}

fn pairs(headers: &Headers) -> impl Iterator<Item = &[u8]> {
    pieces(headers).map(<[u8]>::trim_ascii)
}

fn pieces(headers: &Headers) -> impl Iterator<Item = &[u8]> {
    let lines = headers.all("cookie");
    lines.flat_map(|line| line.split(|byte| *byte == b';'))
}

fn value<'p>(pair: &'p [u8], name: &str) -> Option<&'p [u8]> {
    let mut halves = pair.splitn(2, |byte| *byte == b'=');
    let found = halves.next()?.trim_ascii_end();
    let value = halves.next().unwrap_or_default().trim_ascii_start();
    (found == name.as_bytes()).then_some(value)
}
