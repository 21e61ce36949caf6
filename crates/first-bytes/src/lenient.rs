//! TLS that some servers read and others refuse: a hello in SSLv2's form, and records that are odd.

use crate::hello::ClientHello;
use crate::{Probe, Spoken};

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const HEARTBEAT: u8 = 24;

/// The longest record there is, with what encryption may add, has this as the first byte of its length.
const LONGEST_RECORD: u8 = 0x48;

const CLIENT_HELLO: u8 = 1;

/// A first record that is no ClientHello's:
///
/// - OpenSSL, BoringSSL and Go pass over a few alerts that are warnings, old OpenSSL over heartbeats.
/// - Go takes any version below 16.0 for a first record, Java any from 3.0 on.
///
/// None of them is what a client begins with.
pub(crate) fn odd_record(head: &[u8]) -> Probe {
    let missing = |length: usize| Probe::Maybe(length.saturating_sub(head.len()));
    match *head {
        [] => missing(6),
        // What is of version 3 was taken out before.
        [HANDSHAKE] | [HANDSHAKE, ..] if head.len() < 6 => missing(6),
        [HANDSHAKE, _, _, _, _, CLIENT_HELLO, ..] => {
            Probe::Malformed("the version of the first record")
        }
        [ALERT, ..] if head.len() < 5 => missing(5),
        [ALERT, _, _, 0, 2, ..] => Probe::Malformed("an alert before the ClientHello"),
        [CHANGE_CIPHER_SPEC..=HEARTBEAT] | [CHANGE_CIPHER_SPEC..=HEARTBEAT, 3, ..]
            if head.len() < 5 =>
        {
            missing(5)
        }
        [CHANGE_CIPHER_SPEC..=HEARTBEAT, 3, _, 0..=LONGEST_RECORD, ..] => {
            Probe::Malformed("another record before the ClientHello")
        }
        _ => Probe::No,
    }
}

/// A ClientHello in the form of SSL 2.0 (RFC 5246, E.2), by which the oldest clients offer up to TLS 1.2, and which
/// OpenSSL, BoringSSL and Java still read: a length with its highest bit set, a type, a version, three lengths.
pub(crate) fn sslv2(head: &[u8]) -> Probe {
    const HEADER: usize = 11;
    let begins = head
        .iter()
        .zip([0x80..=0xff, 0..=0xff, CLIENT_HELLO..=CLIENT_HELLO])
        .all(|(byte, range)| range.contains(byte));
    if !begins {
        return Probe::No;
    }
    let [a, b, _, major, minor, c, d, e, f, g, h, ..] = *head else {
        return Probe::Maybe(HEADER.saturating_sub(head.len()));
    };
    let length = usize::from(u16::from_be_bytes([a & 0x7f, b]));
    let [ciphers, session, challenge] =
        [[c, d], [e, f], [g, h]].map(|length| usize::from(u16::from_be_bytes(length)));
    // Of the type, the version and the lengths themselves it is 9. No server takes other sums.
    let sum = ciphers
        .saturating_add(session)
        .saturating_add(challenge)
        .saturating_add(9);
    if sum != length {
        return Probe::No;
    }
    let end = length.saturating_add(2);
    if head.len() < end {
        return Probe::Maybe(end.saturating_sub(head.len()));
    }
    let is_sound = ciphers > 0 && ciphers.is_multiple_of(3) && session <= 32 && challenge > 0;
    match (major, is_sound) {
        (3, true) => {
            let hello = ClientHello::without_extensions(u16::from_be_bytes([major, minor]));
            Probe::Yes(Spoken::Tls(hello))
        }
        // SSL 2.0 itself, or more than there is.
        _ => Probe::Malformed("a hello in SSLv2's form that cannot be read"),
    }
}
