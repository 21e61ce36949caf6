//! Values that come from nowhere in the request.

use gatehouse_host::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const NANOS_IN_A_SECOND: u64 = 1_000_000_000;

/// Appends a UUID of version 4 (RFC 9562, 5.4) made of random bytes.
pub fn write_uuid_v4(random: [u8; 16], out: &mut Vec<u8>) {
    let digit = |nibble: u8| match nibble {
        0..=9 => b'0' + nibble,
        _ => b'a' + nibble - 10,
    };
    for (index, byte) in random.into_iter().enumerate() {
        let byte = match index {
            6 => byte & 0x0f | 0x40,
            8 => byte & 0x3f | 0x80,
            _ => byte,
        };
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.extend([digit(byte >> 4), digit(byte & 0x0f)]);
    }
}

/// Appends a time as RFC 3339 has it, in UTC and whole seconds: `2026-01-01T00:00:00Z`. Says whether
/// it could: every time that 64 bits of nanoseconds can hold (up to the year 2554) can be written.
pub fn write_time(time: Timestamp, out: &mut Vec<u8>) -> bool {
    let seconds = i64::try_from(time.as_nanos() / NANOS_IN_A_SECOND);
    let Some(time) = seconds
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .and_then(|time| time.format(&Rfc3339).ok())
    else {
        return false;
    };
    out.extend_from_slice(time.as_bytes());
    true
}
