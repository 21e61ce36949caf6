//! The client's address among those that proxies wrote down.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};

/// The address `hops` from the right end of the chain: the entries of all `x-forwarded-for` lines
/// in order, then the peer. The peer itself where the chain is too short, or where that entry is no
/// address: as Envoy's `xff_num_trusted_hops` does.
///
/// Under `use_remote_address: true` Envoy has written the peer down already, so a last entry that is
/// the peer is the peer.
pub(crate) fn beyond<'v>(
    hops: usize,
    peer: Option<IpAddr>,
    forwarded: impl Iterator<Item = &'v [u8]>,
) -> Option<IpAddr> {
    let mut entries: Vec<&[u8]> = forwarded
        .flat_map(|line| line.split(|byte| *byte == b','))
        .collect();
    let appended = peer.is_some() && entries.last().and_then(|entry| address(entry)) == peer;
    if appended {
        entries.pop();
    }
    let entry = entries
        .len()
        .checked_sub(hops)
        .and_then(|index| entries.get(index));
    entry.and_then(|entry| address(entry)).or(peer)
}

/// `ip`, `ip:port`, `[ipv6]` or `[ipv6]:port`.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim_matches([' ', '\t']);
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let address = match bare {
        Some(bare) => bare.parse().ok().map(IpAddr::V6),
        None => text
            .parse()
            .or_else(|_| text.parse().map(|socket: SocketAddr| socket.ip()))
            .ok(),
    };
    address.map(|address| address.to_canonical())
}
