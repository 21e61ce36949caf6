//! Cookies (RFC 6265, 4.2). HTTP/2 may split them over several header lines (RFC 9113, 8.2.3).

use gatehouse_host::Headers;

/// The values of a cookie, as they were sent.
pub(super) fn values<'h>(headers: &'h Headers, name: &'h str) -> impl Iterator<Item = &'h [u8]> {
    pairs(headers).filter_map(move |pair| value(pair, name))
}

/// What becomes of the cookies when some are removed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// None of those to be removed is there.
    All,
    /// None is left.
    None,
    /// These are left, on one line.
    Some(Vec<u8>),
}

/// The cookies without those of these names. The others stay as they were sent.
pub(super) fn without(headers: &Headers, names: &[Box<str>]) -> Kept {
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
    headers
        .all("cookie")
        .flat_map(|line| line.split(|byte| *byte == b';'))
        .map(<[u8]>::trim_ascii)
}

fn value<'p>(pair: &'p [u8], name: &str) -> Option<&'p [u8]> {
    let mut halves = pair.splitn(2, |byte| *byte == b'=');
    let found = halves.next()?.trim_ascii_end();
    let value = halves.next().unwrap_or_default().trim_ascii_start();
    (found == name.as_bytes()).then_some(value)
}
