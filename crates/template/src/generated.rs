//! Values that come from nowhere in the request.

use gatehouse_host::Timestamp;
use time::OffsetDateTime;

const NANOS_IN_A_MILLISECOND: u64 = 1_000_000;
const NANOS_IN_A_SECOND: u64 = 1_000_000_000;

/// How a time is written. Always in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeFormat {
    /// `2026-01-01T00:00:00Z`: RFC 3339, whole seconds.
    Rfc3339,
    /// `2026-01-01T00:00:00.000Z`: RFC 3339, milliseconds.
    Rfc3339Millis,
    /// `Thu, 01 Jan 2026 00:00:00 GMT`: as in `date` (RFC 9110, 5.6.7).
    Http,
    /// Whole seconds since 1970.
    Unix,
    /// Milliseconds since 1970.
    UnixMillis,
}

/// Appends a UUID of version 4 (RFC 9562, 5.4) made of random bytes.
pub fn write_uuid_v4(random: [u8; 16], out: &mut Vec<u8>) {
    write_uuid(4, random, out);
}

/// Appends a UUID of version 7 (RFC 9562, 5.7): the milliseconds since 1970, then random bytes. The
/// first six of these are not used.
pub fn write_uuid_v7(time: Timestamp, random: [u8; 16], out: &mut Vec<u8>) {
    let millis = (time.as_nanos() / NANOS_IN_A_MILLISECOND).to_be_bytes();
    let mut bytes = random;
    for (byte, time) in bytes.iter_mut().zip(millis.iter().skip(2)) {
        *byte = *time;
    }
    write_uuid(7, bytes, out);
}

fn write_uuid(version: u8, bytes: [u8; 16], out: &mut Vec<u8>) {
    let digit = |nibble: u8| match nibble {
        0..=9 => b'0' + nibble,
        _ => b'a' + nibble - 10,
    };
    for (index, byte) in bytes.into_iter().enumerate() {
        let byte = match index {
            6 => byte & 0x0f | version << 4,
            8 => byte & 0x3f | 0x80,
            _ => byte,
        };
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.extend([digit(byte >> 4), digit(byte & 0x0f)]);
    }
}

/// Appends a time. Says whether it could: every time that 64 bits of nanoseconds can hold (up to the
/// year 2554) can be written.
pub fn write_time(time: Timestamp, format: TimeFormat, out: &mut Vec<u8>) -> bool {
    let seconds = time.as_nanos() / NANOS_IN_A_SECOND;
    let millis = time.as_nanos() / NANOS_IN_A_MILLISECOND;
    let date = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    let Some(date) = date else {
        return false;
    };
    let (year, month, day) = date.to_calendar_date();
    let (hour, minute, second) = date.to_hms();
    let text = match format {
        TimeFormat::Unix => seconds.to_string(),
        TimeFormat::UnixMillis => millis.to_string(),
        TimeFormat::Http => {
            // The names of the crate are English, and begin with the three letters that RFC 9110 wants.
            let (weekday, month) = (date.weekday().to_string(), month.to_string());
            format!(
                "{weekday:.3}, {day:02} {month:.3} {year:04} {hour:02}:{minute:02}:{second:02} GMT"
            )
        }
        TimeFormat::Rfc3339 | TimeFormat::Rfc3339Millis => {
            let fraction = match format {
                TimeFormat::Rfc3339 => String::new(),
                _ => format!(".{:03}", millis % 1_000),
            };
            let month = u8::from(month);
            format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
        }
    };
    out.extend_from_slice(text.as_bytes());
    true
}
