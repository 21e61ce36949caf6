//! Hosts: `example.com`, `*.example.com`, `[2001:db8::1]`.
//!
//! The host of a request is `:authority` without its port and without one dot at its end. Case does
//! not count (RFC 9110, 4.2.3). `*.example.com` holds for every name below `example.com`, however
//! deep, and not for `example.com` itself, as in Envoy's virtual hosts. An authority that is not
//! a host and perhaps a port (`user@host`, no UTF-8) is no configured host, and ambiguous: servers
//! are known to read it in different ways. Envoy lets such authorities pass, and joins two `host`
//! lines with a comma, where RFC 9112, 3.2 would have it answer 400.

use crate::index::HostKey;
use gatehouse_config::{Context, Decode, Value};
use std::net::Ipv6Addr;

/// A host, or all below one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// A name, or an IPv4 address.
    Exact(String),
    /// What a name below ends with: `.example.com`.
    Below(String),
    /// An IPv6 address, however it is written.
    V6(Ipv6Addr),
}

impl HostPattern {
    /// Where it stands in an index.
    pub(crate) fn key(&self) -> HostKey {
        match self {
            Self::Exact(name) => HostKey::Exact(name.clone()),
            Self::Below(suffix) => HostKey::Below(suffix.clone()),
            Self::V6(address) => HostKey::Exact(format!("[{address}]")),
        }
    }

    /// From a name, `*.` and a name, or an address; nothing where it is none of these, or has a port.
    pub fn of(text: &str) -> Option<Self> {
        if let Some(address) = v6(text) {
            return Some(Self::V6(address));
        }
        let lower = text.to_ascii_lowercase();
        let lower = without_dot(&lower);
        let name = lower.strip_prefix("*.").unwrap_or(lower);
        is_name(name.as_bytes()).then(|| match lower.strip_prefix('*') {
            Some(suffix) => Self::Below(suffix.to_owned()),
            None => Self::Exact(lower.to_owned()),
        })
    }

    /// Whether the host of an authority, whatever its port, is one of them.
    pub fn matches(&self, authority: &[u8]) -> bool {
        let Ok(authority) = std::str::from_utf8(authority) else {
            return false;
        };
        let (host, _) = split_port(authority);
        if let Self::V6(address) = self {
            return v6(host) == Some(*address);
        }
        let host = without_dot(host).as_bytes();
        match self {
            Self::Exact(name) => host.eq_ignore_ascii_case(name.as_bytes()),
            Self::Below(suffix) => host
                .len()
                .checked_sub(suffix.len())
                .filter(|start| *start > 0)
                .and_then(|start| host.split_at_checked(start))
                .is_some_and(|(name, end)| {
                    end.eq_ignore_ascii_case(suffix.as_bytes()) && is_name(name)
                }),
            Self::V6(_) => false,
        }
    }
}

impl Decode for HostPattern {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        let (host, port) = split_port(&text);
        if port.is_some() {
            return context.problem_hint(
                format!("{text:?} has a port, which does not count"),
                format!("did you mean {host:?}?"),
            );
        }
        let pattern = Self::of(&text);
        if pattern.is_some() {
            return pattern;
        }
        if text.parse::<Ipv6Addr>().is_ok() {
            return context.problem_hint(
                format!("{text:?} is not a host"),
                format!("did you mean \"[{text}]\"?"),
            );
        }
        if text == "*" {
            return context.problem_hint("\"*\" is every host", "leave \"hosts\" out to say so");
        }
        context.problem_hint(
            format!("{text:?} is not a host"),
            "write a name, \"*.\" and a name, or an address; names of other scripts as xn--…",
        )
    }

    gatehouse_config::described!(text not empty);
}

/// Whether servers may read an authority in different ways: it is there, and is not a name or an
/// address and perhaps a port.
pub(crate) fn is_ambiguous(authority: &[u8]) -> bool {
    let Ok(authority) = std::str::from_utf8(authority) else {
        return true;
    };
    let (host, _) = split_port(authority);
    !authority.is_empty() && !is_name(without_dot(host).as_bytes()) && v6(host).is_none()
}

/// The host in one spelling: without its port and its last dot, in lower case, an IPv6 address in brackets
/// and as RFC 5952 has it. Nothing where it is not a name or an address and perhaps a port.
pub(crate) fn normal(authority: &[u8]) -> Option<String> {
    let (host, _) = split_port(std::str::from_utf8(authority).ok()?);
    if let Some(address) = v6(host) {
        return Some(format!("[{address}]"));
    }
    let name = without_dot(host);
    is_name(name.as_bytes()).then(|| name.to_ascii_lowercase())
}

/// Labels of letters, digits, `-` and `_`; an IPv4 address too. Of what RFC 3986 would allow besides
/// (3.2.2), escapes are decoded by some servers, and commas join hosts.
fn is_name(host: &[u8]) -> bool {
    host.split(|byte| *byte == b'.').all(|label| {
        !label.is_empty()
            && label
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    })
}

/// Without the dot of a fully qualified name.
fn without_dot(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

/// `host[:port]` (RFC 3986, 3.2; the port may be empty).
pub fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port))
            if port.bytes().all(|b| b.is_ascii_digit())
                && (!host.contains(':') || host.ends_with(']')) =>
        {
            (host, Some(port))
        }
        _ => (authority, None),
    }
}

fn v6(host: &str) -> Option<Ipv6Addr> {
    host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}
