//! The path of a request, as rules read it.
//!
//! A rule about `/admin` must hold for every spelling that some server reads as `/admin`. So rules
//! never see the request's own bytes, but a normal form, which is made of `:path` in this order:
//!
//! 1. It ends before the first `?` or `#`.
//! 2. Of the absolute form (`http://host/path`) it is the path after the host.
//! 3. Percent-escapes are decoded, once. `\` counts as `/`, and both also count where they are
//!    escaped, as `;` does. What is not UTF-8 then has U+FFFD in its place.
//! 4. Each segment ends before its first `;`.
//! 5. Empty segments and `.` go, `..` goes with the segment before it, and never above the root.
//!    With that, `//` is `/`, and a slash at the end does not count.
//!
//! Case is kept (RFC 3986, 6.2.2.1), characters are not normalised (NFC), and dots and spaces at the
//! end of a name stay. Where the upstream is laxer than that (a file system that ignores case), a
//! rule about one spelling is not enough: deny by default and allow by name. The request's own path
//! is never changed.
//!
//! | spelling | normal form | ambiguous |
//! |---|---|---|
//! | `/admin?x=/y` | `/admin` | |
//! | `/admin//`, `/admin/` | `/admin` | |
//! | `/./admin`, `/admin/.`, `/%2e/admin` | `/admin` | |
//! | `/%61dmin` | `/admin` | |
//! | `/admin;x=1`, `/admin;/` | `/admin` | |
//! | `/ADMIN` | `/ADMIN` | |
//! | `/caf%C3%A9` | `/café` | |
//! | `/100%25` | `/100%` | |
//! | `/c%23`, `/who%3F` | `/c#`, `/who?` | |
//! | `/x/../admin`, `/x/%2e%2e/admin`, `/x/..;/admin`, `/../admin` | `/admin` | yes: `..` |
//! | `/.;x/admin` | `/admin` | yes: `.` with parameters |
//! | `/x%2Fadmin` | `/x/admin` | yes: escaped `/` |
//! | `/x\admin`, `/x%5Cadmin` | `/x/admin` | yes: `\` |
//! | `/admin%3Bx` | `/admin` | yes: escaped `;` |
//! | `/admin%00`, `/admin%0A` | `/admin` and that character | yes: control character |
//! | `/admin%zz`, `/admin%2` | `/admin%zz`, `/admin%2` | yes: no escape |
//! | `/%2561dmin`, `/%25%36%31dmin` | `/%61dmin` | yes: an escape once decoded |
//! | `/%C0%AFadmin` | `/��admin` | yes: not UTF-8 |
//! | `/admin#x`, `/admin?x#y` | `/admin` | yes: fragment |
//! | `http://host/admin` | `/admin` | yes: absolute form |
//! | `//x/admin`, `//admin` | `/x/admin`, `/admin` | yes: two slashes in front |
//! | `/.//x/admin`, `/;/x/admin` | `/x/admin` | yes: the same, once dots or parameters are gone |
//! | `admin`, `?x` | `/admin`, `/` | yes: no slash in front |
//! | `*` | `*` | unless the method is OPTIONS |
//! | nothing (CONNECT has no path) | nothing | unless the method is CONNECT |
//!
//! **Ambiguous** is what servers are known to read in different ways, so that a rule may hold for
//! one reading and the upstream follow another. `..` is among it because a server that does not
//! resolve it reads `/admin/../public` as something below `/admin`; honest clients resolve it
//! before they send (RFC 3986, 5.2.4), and Envoy's `normalize_path` before any filter. The absolute
//! form is, because an upstream takes the host from it and not from `:authority` (RFC 9112, 3.2.2);
//! Envoy resolves that too where HTTP/1 allows it. Two slashes in front are, because a server that
//! takes the target for a URL (`new URL(target, base)`, Python's `urlsplit`) reads a host between
//! them and the next (RFC 3986, 4.2), and `/admin` as the path; Envoy's `merge_slashes` makes them
//! one before any filter.
//!
//! `*` and nothing begin with no `/`: `exact`, `prefix` and `template` never hold for them.

#[cfg(test)]
mod tests;

use crate::escape;
use std::borrow::Cow;

/// A path in normal form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    normal: String,
    ambiguous: bool,
}

impl Path {
    /// The path of a request target, whatever the method.
    pub fn parse(target: &[u8]) -> Self {
        if let Some(normal) = already_normal(target) {
            return Self {
                normal: normal.to_owned(),
                ambiguous: false,
            };
        }
        if matches!(target, b"" | b"*") {
            return Self {
                normal: String::from_utf8_lossy(target).into_owned(),
                ambiguous: false,
            };
        }
        let end = target.iter().position(|byte| matches!(byte, b'?' | b'#'));
        let own = end.and_then(|end| target.get(..end)).unwrap_or(target);
        let (own, absolute) = match after_authority(own) {
            Some(own) => (own, true),
            None => (own, false),
        };
        let (text, unclear) = decode(own);
        let (normal, dotted) = resolve(&text);
        Self {
            normal,
            ambiguous: absolute
                || unclear
                || dotted
                || own.first() != Some(&b'/')
                || target.contains(&b'#'),
        }
    }

    /// The path of a request. A target without a path belongs to one method each: `*` to OPTIONS,
    /// none at all to CONNECT (RFC 9112, 3.2); with another it is ambiguous.
    pub fn of(method: &[u8], target: &[u8]) -> Self {
        let mut path = Self::parse(target);
        let misplaced = match path.as_str() {
            "" => method != b"CONNECT",
            "*" => method != b"OPTIONS",
            _ => false,
        };
        path.ambiguous |= misplaced;
        path
    }

    /// The normal form: decoded text that begins with `/`, or `*`, or nothing.
    pub fn as_str(&self) -> &str {
        &self.normal
    }

    /// Whether servers may read the request's own path in different ways.
    pub fn is_ambiguous(&self) -> bool {
        self.ambiguous
    }

    pub(crate) fn make_ambiguous(&mut self) {
        self.ambiguous = true;
    }
}

/// The normal form of a path that a configuration names. There, a `%` that begins no escape is
/// itself: `/100%` is how the normal form of `/100%25` is written.
pub(crate) fn configured(text: &str) -> Path {
    let mut target = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        target.push(byte);
        if byte == b'%' && escape::octet(tail).is_none() {
            target.extend_from_slice(b"25");
        }
        rest = tail;
    }
    Path::parse(&target)
}

/// Most paths need no work: this finds those in one pass, and without an allocation.
fn already_normal(target: &[u8]) -> Option<&str> {
    let mut end = target.len();
    let mut before = None;
    for (index, &byte) in target.iter().enumerate() {
        match (before, byte) {
            (None, b'/') => {}
            (None, _) | (Some(b'/'), b'/' | b'.') => return None,
            (_, b'?') => {
                end = index;
                break;
            }
            (_, b'%' | b'#' | b';' | b'\\') => return None,
            (_, byte) if !byte.is_ascii_graphic() => return None,
            _ => {}
        }
        before = Some(byte);
    }
    let path = target.get(..end)?;
    if path.is_empty() || (path.len() > 1 && path.ends_with(b"/")) || target.contains(&b'#') {
        return None;
    }
    std::str::from_utf8(path).ok()
}

/// What follows the host in the absolute form (RFC 3986, 3.1); nothing where it is another form.
fn after_authority(target: &[u8]) -> Option<&[u8]> {
    let colon = target.iter().position(|byte| *byte == b':')?;
    let (scheme, rest) = target.split_at_checked(colon)?;
    let is_scheme = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte));
    let authority = rest.strip_prefix(b"://").filter(|_| is_scheme)?;
    let slash = authority
        .iter()
        .position(|byte| matches!(byte, b'/' | b'\\'));
    Some(
        slash
            .and_then(|slash| authority.get(slash..))
            .unwrap_or(b"/"),
    )
}

/// Decodes once; also says whether some server may decode it to something else.
fn decode(path: &[u8]) -> (String, bool) {
    let mut ambiguous = false;
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        let mut octet = byte;
        if byte == b'%' {
            match escape::octet(tail) {
                Some((escaped, tail)) => {
                    ambiguous |= matches!(escaped, b'/' | b';');
                    octet = escaped;
                    rest = tail;
                }
                None => ambiguous = true,
            }
        }
        if octet == b'\\' {
            ambiguous = true;
            octet = b'/';
        }
        decoded.push(octet);
    }
    // A server that decodes twice would find another escape.
    let mut rest = &*decoded;
    while let Some((&byte, tail)) = rest.split_first() {
        ambiguous |= byte == b'%' && escape::octet(tail).is_some();
        rest = tail;
    }
    let text = match String::from_utf8_lossy(&decoded) {
        Cow::Borrowed(text) => text.to_owned(),
        Cow::Owned(text) => {
            ambiguous = true;
            text
        }
    };
    ambiguous |= text.chars().any(char::is_control);
    (text, ambiguous)
}

/// Whether two slashes are in front of a path, where some servers read a host (RFC 3986, 4.2), or will be once
/// somebody on the way has decoded it, or taken out dots and parameters: Envoy's `normalize_path` and browsers
/// make `//x` of `/.//x`.
pub fn begins_like_a_host(path: &[u8]) -> bool {
    is_like_a_host(&decode(path).0)
}

/// The same of a path that was decoded.
fn is_like_a_host(text: &str) -> bool {
    let names = text.split('/').skip(1).map(name);
    let mut names = names.skip_while(|name| *name == ".");
    names.next() == Some("") && names.next().is_some()
}

/// A segment without its parameters.
fn name(segment: &str) -> &str {
    segment.split_once(';').map_or(segment, |(name, _)| name)
}

/// Takes the segments apart and puts the normal form together; also says whether there were dot
/// segments that some servers do not resolve so.
fn resolve(text: &str) -> (String, bool) {
    let mut ambiguous = is_like_a_host(text);
    let mut segments = Vec::new();
    for segment in text.split('/') {
        let name = name(segment);
        let has_parameters = name.len() < segment.len();
        match name {
            "" => {}
            "." => ambiguous |= has_parameters,
            ".." => {
                ambiguous = true;
                segments.pop();
            }
            name => segments.push(name),
        }
    }
    if segments.is_empty() {
        return ("/".to_owned(), ambiguous);
    }
    let mut normal = String::with_capacity(text.len());
    for segment in segments {
        normal.push('/');
        normal.push_str(segment);
    }
    (normal, ambiguous)
}
