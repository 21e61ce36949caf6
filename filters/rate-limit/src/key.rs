//! The key of a limit: what is told apart, and what shares a bucket.
//!
//! Decided here:
//!
//! 1. A header counts with its bytes, whatever they are. One that is empty is taken for missing: a
//!    client that may choose between the two would have two buckets.
//! 2. A header that is there more than once has no value to go by. Which of them the upstream takes
//!    is anybody's guess, so going by one, or by all, would let a client add values until it has a
//!    fresh bucket.
//! 3. A consumer is its provider and its name: names are unique in a provider only.
//! 4. An address counts with its first bits, an IPv4-mapped IPv6 address as the IPv4 address.
//! 5. Parts are hashed with their lengths, after the limit's name and what the parts are: no two
//!    keys write the same bytes.

use crate::store::write_part;
use gatehouse_config::{Context, Decode, HeaderName, Value, object, one_of};
use gatehouse_host::{Only, Request, Result};
use gatehouse_request_match::Subject;
use siphasher::sip128::SipHasher13;
use std::fmt;
use std::hash::Hasher as _;
use std::net::IpAddr;

one_of! {
    /// A part of a key.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) enum Part {
        /// Who sent the request.
        Consumer = "consumer",
        /// The only value of a header.
        Header(HeaderName) = "header",
        /// The first bits of the client's address.
        ClientIp(Prefixes) = "client_ip" or Prefixes::default(),
        /// The same for every request.
        Const(String) = "const",
    }
}

object! {
    struct RawPrefixes {
        ipv4: u8 = 32,
        ipv6: u8 = 64,
    }
}

/// How many bits of an address count. The default for IPv6 is what one customer has to itself: with
/// more, a client has as many buckets as it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prefixes {
    ipv4: u8,
    ipv6: u8,
}

/// Why a limit has no key for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoKey<'l> {
    /// A part is not there.
    Missing(&'l Part),
    /// A header is there more than once.
    Ambiguous(&'l HeaderName),
}

impl Default for Prefixes {
    fn default() -> Self {
        Self { ipv4: 32, ipv6: 64 }
    }
}

impl Decode for Prefixes {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let RawPrefixes { ipv4, ipv6 } = RawPrefixes::decode(value, context)?;
        let mut sound = Some(());
        for (name, length, most) in [("ipv4", ipv4, 32), ("ipv6", ipv6, 128)] {
            if !(1..=most).contains(&length) {
                sound = context.at_key(name, |context| {
                    context.problem(format!("{length} is not a prefix length: 1 to {most}"))
                });
            }
        }
        sound.map(|()| Self { ipv4, ipv6 })
    }
}

impl Prefixes {
    /// How many bits count of an address of this family.
    pub(crate) fn bits(self, address: IpAddr) -> u8 {
        match address {
            IpAddr::V4(_) => self.ipv4,
            IpAddr::V6(_) => self.ipv6,
        }
    }

    /// Writes the bits that count, the others zero: 4 bytes or 16.
    fn write(self, address: IpAddr, hasher: &mut SipHasher13) {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let unused = 32_u32.saturating_sub(self.ipv4.into());
                let mask = u32::MAX.checked_shl(unused).unwrap_or(0);
                write_part(hasher, &(address.to_bits() & mask).to_be_bytes());
            }
            IpAddr::V6(address) => {
                let unused = 128_u32.saturating_sub(self.ipv6.into());
                let mask = u128::MAX.checked_shl(unused).unwrap_or(0);
                write_part(hasher, &(address.to_bits() & mask).to_be_bytes());
            }
        }
    }
}

/// As operators write it, for messages; of a constant, only that it is one.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Consumer => f.write_str("consumer"),
            Self::Header(name) => write!(f, "header {name}"),
            Self::ClientIp(_) => f.write_str("client_ip"),
            Self::Const(_) => f.write_str("const"),
        }
    }
}

/// Writes what comes before the parts of every key of a limit.
pub(crate) fn write_shape(limit: &str, key: &[Part], hasher: &mut SipHasher13) {
    write_part(hasher, limit.as_bytes());
    for part in key {
        match part {
            Part::Consumer => hasher.write(b"c"),
            Part::ClientIp(_) => hasher.write(b"a"),
            Part::Header(name) => {
                hasher.write(b"h");
                write_part(hasher, name.as_bytes());
            }
            Part::Const(value) => {
                hasher.write(b"k");
                write_part(hasher, value.as_bytes());
            }
        }
    }
}

/// Writes the parts of a request's key. A missing part ends it, unless it is to be like an empty one.
///
/// # Errors
/// Where the host does not say what a part is.
pub(crate) fn write_parts<'l>(
    key: &'l [Part],
    empty_if_missing: bool,
    subject: &mut Subject,
    request: &mut Request<'_>,
    hasher: &mut SipHasher13,
) -> Result<std::result::Result<(), NoKey<'l>>> {
    for part in key {
        let written = match part {
            Part::Const(_) => true,
            Part::Consumer => match request.consumer()? {
                None => false,
                Some(consumer) => {
                    write_part(hasher, consumer.provider.as_bytes());
                    write_part(hasher, consumer.name.as_bytes());
                    true
                }
            },
            Part::ClientIp(prefixes) => match subject.client_ip(request)? {
                None => false,
                Some(address) => {
                    prefixes.write(address, hasher);
                    true
                }
            },
            Part::Header(name) => match request.headers()?.only(name) {
                Only::Several => return Ok(Err(NoKey::Ambiguous(name))),
                Only::Absent | Only::One(b"") => false,
                Only::One(value) => {
                    write_part(hasher, value);
                    true
                }
            },
        };
        if !written {
            if !empty_if_missing {
                return Ok(Err(NoKey::Missing(part)));
            }
            // A length that no part has.
            hasher.write(&u64::MAX.to_le_bytes());
        }
    }
    Ok(Ok(()))
}
