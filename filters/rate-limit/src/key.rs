//! The key of a limit: what is told apart, and what shares a bucket.
//!
//! What each part is of a request is said by [`Part::read`]. Decided here:
//!
//! 1. A consumer is its provider and its name, and a claim its provider and its value: both are unique
//!    in a provider only.
//! 2. Parts are hashed with their lengths, after the limit's name and what the parts are: no two
//!    keys write the same bytes. Nothing of a request is kept but the hash.

use crate::store::write_part;
use gatehouse_config::PrefixLengths;
use gatehouse_host::{Request, Result};
use gatehouse_limit_config::{Part, Reading};
use gatehouse_request_match::{Match, Subject};
use siphasher::sip128::SipHasher13;
use std::fmt;
use std::hash::Hasher as _;
use std::net::IpAddr;

/// Why a limit has no key for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoKey<'l> {
    /// A part is not there.
    Missing(&'l Part),
    /// A part has no value to go by.
    Ambiguous(&'l Part),
}

/// What a client is told.
impl fmt::Display for NoKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(part) => write!(f, "needs {part}"),
            Self::Ambiguous(part @ (Part::Host | Part::Claim(_))) => {
                write!(f, "{part} is not one value")
            }
            Self::Ambiguous(part) => write!(f, "{part} has several values"),
        }
    }
}

/// Writes what comes before the parts of every key of a limit.
pub(crate) fn write_shape(limit: &str, key: &[Part], hasher: &mut SipHasher13) {
    write_part(hasher, limit.as_bytes());
    key.iter().for_each(|part| write_kind(part, hasher));
}

/// Says what a part is, other than its value.
fn write_kind(part: &Part, hasher: &mut SipHasher13) {
    let (tag, name): (&[u8], Option<&str>) = match part {
        Part::Consumer => (b"c", None),
        Part::Group => (b"g", None),
        Part::ClientIp(_) => (b"a", None),
        Part::Method => (b"m", None),
        Part::Path => (b"p", None),
        Part::Host => (b"t", None),
        Part::Route => (b"r", None),
        Part::Header(name) => (b"h", Some(name)),
        Part::Const(value) => (b"k", Some(value)),
        Part::Cookie(name) => (b"o", Some(&name.0)),
        Part::Query(name) => (b"q", Some(&name.0)),
        Part::PathParam(name) => (b"s", Some(name)),
        Part::Claim(claim) => {
            for name in claim.names() {
                hasher.write(b"l");
                write_part(hasher, name.as_bytes());
            }
            return;
        }
    };
    hasher.write(tag);
    if let Some(name) = name {
        write_part(hasher, name.as_bytes());
    }
}

/// Writes the parts of a request's key. A missing part ends it, unless it is to be like an empty one.
///
/// # Errors
/// Where the host does not say what a part is.
pub(crate) fn write_parts<'l>(
    key: &'l [Part],
    matches: &Match,
    empty_if_missing: bool,
    subject: &mut Subject,
    request: &mut Request<'_>,
    hasher: &mut SipHasher13,
) -> Result<std::result::Result<(), NoKey<'l>>> {
    for part in key {
        match part {
            // It is in the shape.
            Part::Const(_) => continue,
            Part::Consumer | Part::Claim(_) => {
                if let Some(consumer) = request.consumer()? {
                    write_part(hasher, consumer.provider.as_bytes());
                }
            }
            _ => {}
        }
        let mut count: u64 = 0;
        let reading = part.read(matches, subject, request, &mut |value| {
            write_part(hasher, value);
            count += 1;
        })?;
        match (reading, part) {
            (Reading::Ambiguous, _) => return Ok(Err(NoKey::Ambiguous(part))),
            (Reading::Missing, _) if !empty_if_missing => return Ok(Err(NoKey::Missing(part))),
            // A length that no part has.
            (Reading::Missing, _) => hasher.write(&u64::MAX.to_le_bytes()),
            (Reading::There, Part::ClientIp(prefixes)) => {
                if let Some(address) = subject.client_ip(request)? {
                    write_address(*prefixes, address, hasher);
                }
            }
            // So that the next part is not taken for one more of them.
            (Reading::There, Part::Group) => hasher.write(&(u64::MAX - count).to_le_bytes()),
            (Reading::There, _) => {}
        }
    }
    Ok(Ok(()))
}

/// Writes the bits of an address that count, the others zero: 4 bytes or 16.
fn write_address(prefixes: PrefixLengths, address: IpAddr, hasher: &mut SipHasher13) {
    match prefixes.network(address) {
        IpAddr::V4(network) => write_part(hasher, &network.octets()),
        IpAddr::V6(network) => write_part(hasher, &network.octets()),
    }
}
