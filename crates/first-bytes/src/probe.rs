//! Protocols that are told by a few bytes at fixed places.

use crate::{Probe, Spoken};

/// All of them.
pub(crate) const FIXED: [fn(&[u8]) -> Probe; 6] = [http2, ssh, amqp, mqtt, postgresql, resp];

/// RFC 9113, 3.4.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// After `AMQP`: 0-9-1, 0-9, 0-10, 0-8, and 1.0 with its layers: bare, TLS, SASL.
const AMQP: [[u8; 4]; 7] = [
    [0, 0, 9, 1],
    [1, 1, 0, 9],
    [1, 1, 0, 10],
    [1, 1, 8, 0],
    [0, 1, 0, 0],
    [2, 1, 0, 0],
    [3, 1, 0, 0],
];

fn http2(head: &[u8]) -> Probe {
    literal(head, PREFACE, Spoken::Http2)
}

/// The whole of a literal.
fn literal(head: &[u8], literal: &[u8], spoken: Spoken) -> Probe {
    match literal.len().checked_sub(head.len()) {
        None | Some(0) if head.starts_with(literal) => Probe::Yes(spoken),
        Some(missing) if missing > 0 && literal.starts_with(head) => Probe::Maybe(missing),
        _ => Probe::No,
    }
}

/// `SSH-2.0-` or another version of few digits. A client says nothing before it (RFC 4253, 4.2).
fn ssh(head: &[u8]) -> Probe {
    const LONGEST: usize = "SSH-1.99-".len();
    const BEGIN: &[u8] = b"SSH-";
    let Some(rest) = head.strip_prefix(BEGIN) else {
        return match BEGIN.starts_with(head) {
            true => Probe::Maybe(LONGEST.saturating_sub(head.len())),
            false => Probe::No,
        };
    };
    let version = rest.split(|byte| *byte == b'-').next().unwrap_or_default();
    let is_version = version
        .iter()
        .all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let complete = version.len() < rest.len();
    match (is_version, complete, version.len()) {
        (true, true, 3..=4) => Probe::Yes(Spoken::Ssh),
        (true, false, 0..=4) => Probe::Maybe(LONGEST.saturating_sub(head.len()).max(1)),
        _ => Probe::No,
    }
}

fn amqp(head: &[u8]) -> Probe {
    let all = AMQP.map(|[a, b, c, d]| [b'A', b'M', b'Q', b'P', a, b, c, d]);
    let probes = all.map(|header| literal(head, &header, Spoken::Amqp));
    let mut best = Probe::No;
    for probe in probes {
        match probe {
            Probe::No => {}
            other => best = other,
        }
    }
    best
}

/// CONNECT (MQTT 3.1.1 and 5.0, 3.1): its type, the remaining length in one to four bytes, the name of
/// the protocol, its level.
fn mqtt(head: &[u8]) -> Probe {
    const LONGEST: usize = 1 + 4 + 2 + 6 + 1;
    let maybe = || Probe::Maybe(LONGEST.saturating_sub(head.len()).max(1));
    let Some(rest) = head.strip_prefix(&[0x10]) else {
        return match head.is_empty() {
            true => maybe(),
            false => Probe::No,
        };
    };
    let Some(end) = rest.iter().take(4).position(|byte| *byte < 0x80) else {
        return match rest.len() < 4 {
            true => maybe(),
            false => Probe::No,
        };
    };
    let rest = rest.get(end.saturating_add(1)..).unwrap_or_default();
    for (name, levels) in [
        (&b"\0\x04MQTT"[..], &[4, 5, 0x84][..]),
        (b"\0\x06MQIsdp", &[3, 0x83]),
    ] {
        match rest.strip_prefix(name).map(<[u8]>::first) {
            Some(Some(level)) if levels.contains(level) => return Probe::Yes(Spoken::Mqtt),
            Some(Some(_)) => return Probe::No,
            Some(None) => return maybe(),
            None if name.starts_with(rest) => return maybe(),
            None => {}
        }
    }
    Probe::No
}

/// The length of a packet without a type, and a number that is a version or a request
/// (`src/include/libpq/pqcomm.h`).
fn postgresql(head: &[u8]) -> Probe {
    /// `MAX_STARTUP_PACKET_LENGTH`.
    const LONGEST: u32 = 10_000;
    let length_is_possible = head.iter().zip([0, 0]).all(|(byte, zero)| *byte == zero);
    let [a, b, c, d, e, f, g, h, ..] = *head else {
        return match length_is_possible {
            true => Probe::Maybe(8_usize.saturating_sub(head.len())),
            false => Probe::No,
        };
    };
    let length = u32::from_be_bytes([a, b, c, d]);
    let is_one = match u32::from_be_bytes([e, f, g, h]) {
        // SSLRequest, GSSENCRequest.
        80_877_103 | 80_877_104 => length == 8,
        // CancelRequest; keys are 4 to 256 bytes since version 3.2.
        80_877_102 => (16..=268).contains(&length),
        code => code >> 16 == 3 && (9..=LONGEST).contains(&length),
    };
    match is_one {
        true => Probe::Yes(Spoken::Postgresql),
        false => Probe::No,
    }
}

/// `*3\r\n`: a command in RESP. One of no words is passed over by Redis, and another follows.
fn resp(head: &[u8]) -> Probe {
    const LONGEST: usize = "*-1048576\r\n".len();
    let maybe = || Probe::Maybe(LONGEST.saturating_sub(head.len()).max(1));
    let Some(rest) = head.strip_prefix(b"*") else {
        return match head.is_empty() {
            true => maybe(),
            false => Probe::No,
        };
    };
    let digits = rest.strip_prefix(b"-").unwrap_or(rest);
    let count = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    match digits.get(count..) {
        Some([]) if count <= 7 => maybe(),
        Some([b'\r']) if (1..=7).contains(&count) => maybe(),
        // Redis does not look at what follows the CR.
        Some([b'\r', _, ..]) if (1..=7).contains(&count) => Probe::Yes(Spoken::Redis),
        _ => Probe::No,
    }
}
