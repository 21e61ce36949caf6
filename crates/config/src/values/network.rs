//! Addresses.

use super::text;
use crate::{Context, Decode, Value};
use ipnet::IpNet;
use std::fmt;
use std::net::IpAddr;

/// A range of addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address. An IPv4 range also holds the
/// IPv4-mapped form of its addresses (`::ffff:10.0.0.1`), which is how a dual-stack listener may
/// report an IPv4 peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr(IpNet);

impl Cidr {
    /// Whether an address is in the range.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Whether all addresses of another range are in this one.
    pub fn covers(&self, other: &Self) -> bool {
        self.0.contains(&other.0)
    }

    /// Its first address.
    pub fn network(&self) -> IpAddr {
        self.0.network()
    }

    /// How many bits all its addresses have in common.
    pub fn prefix_length(&self) -> u8 {
        self.0.prefix_len()
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Decode for Cidr {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = text(value, "an address range such as \"10.0.0.0/8\"", context)?;
        let parsed = text
            .parse::<IpNet>()
            .ok()
            .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        let Some(range) = parsed else {
            return context.problem_hint(
                format!("{text:?} is not an address range"),
                "write an address or a CIDR, such as \"10.0.0.0/8\" or \"2001:db8::/32\"",
            );
        };
        if range.addr() != range.network() {
            return context.problem_hint(
                format!("{text:?} has bits set after its prefix"),
                format!("did you mean \"{}\"?", range.trunc()),
            );
        }
        if matches!(range.addr(), IpAddr::V6(address) if address.to_ipv4_mapped().is_some()) {
            return context.problem_hint(
                format!("{text:?} is an IPv4-mapped range"),
                "write the IPv4 range; it holds the mapped addresses too",
            );
        }
        Some(Self(range))
    }

    crate::described!(text "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$");
}
