//! Chains of proxies, and clients that write themselves into them.

use super::*;

#[test]
fn clients() {
    const PEER: &str = "10.0.0.9";
    type Case<'a> = (&'a str, usize, &'a str, &'a [&'a [u8]], &'a str);
    #[rustfmt::skip]
    let cases: &[Case<'_>] = &[
        ("one proxy", 1, PEER, &[b"203.0.113.7"], "203.0.113.7"),
        ("one proxy, and Envoy has appended it", 1, PEER, &[b"203.0.113.7, 10.0.0.9"], "203.0.113.7"),
        ("two proxies", 2, PEER, &[b"203.0.113.7, 10.0.0.8"], "203.0.113.7"),
        ("two proxies, and Envoy has appended the last", 2, PEER, &[b"203.0.113.7,10.0.0.8,10.0.0.9"], "203.0.113.7"),
        ("over several lines", 2, PEER, &[b"203.0.113.7", b"10.0.0.8", b"10.0.0.9"], "203.0.113.7"),
        ("no header", 1, PEER, &[], PEER),
        ("only the peer", 1, PEER, &[b"10.0.0.9"], PEER),
        ("fewer proxies than configured", 2, PEER, &[b"203.0.113.7, 10.0.0.9"], PEER),
        ("far more configured", usize::MAX, PEER, &[b"203.0.113.7"], PEER),
        // What the client sends stands left of what trusted proxies append.
        ("the client names another", 1, PEER, &[b"198.51.100.1, 203.0.113.7, 10.0.0.9"], "203.0.113.7"),
        ("the client names many", 1, PEER, &[b"1.1.1.1, 2.2.2.2", b"3.3.3.3", b"203.0.113.7, 10.0.0.9"], "203.0.113.7"),
        ("the client names the peer", 1, PEER, &[b"10.0.0.9, 203.0.113.7, 10.0.0.9"], "203.0.113.7"),
        ("the client writes commas", 1, PEER, &[b",,,", b"203.0.113.7, 10.0.0.9"], "203.0.113.7"),
        ("the client writes no UTF-8", 1, PEER, &[b"\xff\xfe, 203.0.113.7, 10.0.0.9"], "203.0.113.7"),
        ("no address", 1, PEER, &[b"unknown, 10.0.0.9"], PEER),
        ("an obfuscated one", 1, PEER, &[b"_hidden, 10.0.0.9"], PEER),
        ("empty", 1, PEER, &[b""], PEER),
        ("an empty entry", 1, PEER, &[b"203.0.113.7,,10.0.0.9"], PEER),
        ("an entry without UTF-8", 1, PEER, &[b"\xff, 10.0.0.9"], PEER),
        ("a name", 1, PEER, &[b"client.example, 10.0.0.9"], PEER),
        ("leading zeros, octal to some", 1, PEER, &[b"010.0.0.1, 10.0.0.9"], PEER),
        ("port", 1, PEER, &[b"203.0.113.7:4711"], "203.0.113.7"),
        ("port that is none", 1, PEER, &[b"203.0.113.7:x"], PEER),
        ("IPv6", 1, PEER, &[b"2001:db8::7, 10.0.0.9"], "2001:db8::7"),
        ("IPv6 in brackets", 1, PEER, &[b"[2001:db8::7]"], "2001:db8::7"),
        ("IPv6 with a port", 1, PEER, &[b"[2001:db8::7]:4711"], "2001:db8::7"),
        ("IPv4 in brackets", 1, PEER, &[b"[203.0.113.7]"], PEER),
        ("IPv4-mapped", 1, PEER, &[b"::ffff:203.0.113.7"], "203.0.113.7"),
        ("the peer, IPv4-mapped", 1, PEER, &[b"203.0.113.7, ::ffff:10.0.0.9"], "203.0.113.7"),
        ("tabs", 1, PEER, &[b"\t203.0.113.7\t,\t10.0.0.9"], "203.0.113.7"),
        ("IPv6 peer", 1, "2001:db8::9", &[b"203.0.113.7, 2001:DB8:0::9"], "203.0.113.7"),
    ];
    for (name, hops, peer, lines, expected) in cases {
        let client = beyond(*hops, peer.parse().ok(), lines.iter().copied());
        assert_eq!(client, expected.parse().ok(), "{name}");
    }
}

/// Over a Unix socket the last proxy has no address, but it is a hop like any other.
#[test]
fn a_peer_without_an_address() {
    type Case<'a> = (usize, &'a [&'a [u8]], Option<&'a str>);
    let cases: [Case<'_>; 3] = [
        (1, &[b"203.0.113.7"], Some("203.0.113.7")),
        (1, &[b"unknown"], None),
        (2, &[b"203.0.113.7"], None),
    ];
    for (hops, lines, expected) in cases {
        let client = beyond(hops, None, lines.iter().copied());
        let expected = expected.and_then(|address| address.parse().ok());
        assert_eq!(client, expected, "{hops} {lines:?}");
    }
}
