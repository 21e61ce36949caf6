//! How many bits of an address count.

use crate::{Context, Decode, Value, object};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What one customer has of IPv4.
const IPV4: u8 = 32;
/// And of IPv6.
const IPV6: u8 = 64;

object! {
    struct RawPrefixes {
        ipv4: u8 = IPV4,
        ipv6: u8 = IPV6,
    }
}

/// How many bits of an address count. The default for IPv6 is what one customer has to itself: with
/// more, a client has as many buckets as it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrefixLengths {
    ipv4: u8,
    ipv6: u8,
}

impl Default for PrefixLengths {
    fn default() -> Self {
        Self {
            ipv4: IPV4,
            ipv6: IPV6,
        }
    }
}

impl Decode for PrefixLengths {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let RawPrefixes { ipv4, ipv6 } = RawPrefixes::decode(value, context)?;
        Self::checked(ipv4, ipv6, context)
    }

    crate::described!(as RawPrefixes);
}

impl PrefixLengths {
    /// Those of an object with more than these in it.
    pub fn of(fields: (Option<u8>, Option<u8>), context: &mut Context<'_>) -> Option<Self> {
        let (ipv4, ipv6) = fields;
        Self::checked(ipv4.unwrap_or(IPV4), ipv6.unwrap_or(IPV6), context)
    }

    fn checked(ipv4: u8, ipv6: u8, context: &mut Context<'_>) -> Option<Self> {
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

    /// How many bits count of an address of this family.
    pub fn bits(self, address: IpAddr) -> u8 {
        match address {
            IpAddr::V4(_) => self.ipv4,
            IpAddr::V6(_) => self.ipv6,
        }
    }

    /// The bits that count as a text: the address, or, where not all of them do, a range.
    pub fn range(self, address: IpAddr) -> String {
        let network = self.network(address);
        match (network, self.bits(network)) {
            (IpAddr::V4(_), 32) | (IpAddr::V6(_), 128) => network.to_string(),
            (_, bits) => format!("{network}/{bits}"),
        }
    }

    /// The bits that count, the others zero. An IPv4-mapped IPv6 address is the IPv4 address.
    pub fn network(self, address: IpAddr) -> IpAddr {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let unused = 32_u32.saturating_sub(self.ipv4.into());
                let mask = u32::MAX.checked_shl(unused).unwrap_or(0);
                Ipv4Addr::from_bits(address.to_bits() & mask).into()
            }
            IpAddr::V6(address) => {
                let unused = 128_u32.saturating_sub(self.ipv6.into());
                let mask = u128::MAX.checked_shl(unused).unwrap_or(0);
                Ipv6Addr::from_bits(address.to_bits() & mask).into()
            }
        }
    }
}
