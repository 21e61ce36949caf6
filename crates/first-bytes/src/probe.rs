//! Protocols that are told by a few bytes at fixed places.

use crate::lenient::odd_record;
use crate::{Probe, Spoken};

/// Those that begin with the first byte. What decides by fewer bytes comes first, so that pieces don't matter.
pub(crate) const FIXED: [fn(&[u8]) -> Probe; 4] = [odd_record, amqp, postgresql, mqtt];

/// `AMQP` and the number of a layer: none, TLS, SASL. Whichever version follows, a server answers with its own.
fn amqp(head: &[u8]) -> Probe {
    const BEGIN: &[u8] = b"AMQP";
    match head.strip_prefix(BEGIN).map(<[u8]>::first) {
        Some(Some(0..=3)) => Probe::Yes(Spoken::Amqp),
        Some(Some(_)) => Probe::No,
        Some(None) => Probe::Maybe(1),
        None if BEGIN.starts_with(head) => {
            Probe::Maybe(BEGIN.len().saturating_sub(head.len()).saturating_add(1))
        }
        None => Probe::No,
    }
}

/// CONNECT (MQTT 3.1.1 and 5.0, 3.1): its type, the remaining length in one to four bytes, the name of the protocol.
/// What stands beside the type is zero, at which EMQX does not look. A server answers to a version that it does not know.
fn mqtt(head: &[u8]) -> Probe {
    const LONGEST: usize = 1 + 4 + 2 + 6;
    const NAMES: [&[u8]; 2] = [b"\0\x04MQTT", b"\0\x06MQIsdp"];
    let maybe = || Probe::Maybe(LONGEST.saturating_sub(head.len()).max(1));
    let rest = match head {
        [] => return maybe(),
        [0x10..=0x1f, rest @ ..] => rest,
        _ => return Probe::No,
    };
    let Some(end) = rest.iter().take(4).position(|byte| *byte < 0x80) else {
        return match rest.len() < 4 {
            true => maybe(),
            false => Probe::No,
        };
    };
    let rest = rest.get(end.saturating_add(1)..).unwrap_or_default();
    if NAMES.iter().any(|name| rest.starts_with(name)) {
        return Probe::Yes(Spoken::Mqtt);
    }
    match NAMES.iter().any(|name| name.starts_with(rest)) {
        true => maybe(),
        false => Probe::No,
    }
}

/// The length of a packet without a type, and a number that is a version or a request
/// (`src/include/libpq/pqcomm.h`). PostgreSQL takes up to 10,004 bytes of any of them but the one to cancel, CockroachDB more than 16 MiB.
/// Version 2 was taken up to PostgreSQL 13.
fn postgresql(head: &[u8]) -> Probe {
    if head.first().is_some_and(|first| *first != 0) {
        return Probe::No;
    }
    let [a, b, c, d, e, f, g, h, ..] = *head else {
        return Probe::Maybe(8_usize.saturating_sub(head.len()));
    };
    let is_one = match u32::from_be_bytes([e, f, g, h]) {
        // CancelRequest, SSLRequest, GSSENCRequest.
        80_877_102..=80_877_104 => true,
        code => matches!(code >> 16, 2 | 3),
    };
    match is_one && u32::from_be_bytes([a, b, c, d]) >= 8 {
        true => Probe::Yes(Spoken::Postgresql),
        false => Probe::No,
    }
}

/// `*3\r\n`: a command in RESP. One of no words is passed over by Redis, and another follows.
pub(crate) fn resp(head: &[u8]) -> Probe {
    const LONGEST: usize = "*-2147483648\r\n".len();
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
        Some([]) if count <= 10 => maybe(),
        Some([b'\r']) if (1..=10).contains(&count) => maybe(),
        // Redis does not look at what follows the CR.
        Some([b'\r', _, ..]) if (1..=10).contains(&count) => Probe::Yes(Spoken::Redis),
        _ => Probe::No,
    }
}
