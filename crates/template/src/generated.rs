//! Values that come from nowhere in the request.

use gatehouse_config::Context;
use gatehouse_host::Timestamp;
use std::borrow::Cow;
use std::io::Write as _;
use time::OffsetDateTime;

const NANOS_IN_A_MILLISECOND: u64 = 1_000_000;
const NANOS_IN_A_SECOND: u64 = 1_000_000_000;

/// How a time is written, always in UTC: text in which `%` and a letter stand for a part of it, as in
/// strftime and in Envoy's `%START_TIME(…)%`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeFormat(Cow<'static, str>);

/// What can follow a `%`.
const PARTS: [&str; 16] = [
    "Y", "y", "m", "d", "e", "j", "H", "M", "S", "3f", "6f", "s", "a", "A", "b", "B",
];

impl TimeFormat {
    /// `2026-01-01T00:00:00Z`: RFC 3339, whole seconds.
    pub const RFC3339: Self = Self(Cow::Borrowed("%Y-%m-%dT%H:%M:%SZ"));
    /// `2026-01-01T00:00:00.000Z`: RFC 3339, milliseconds.
    pub const RFC3339_MILLIS: Self = Self(Cow::Borrowed("%Y-%m-%dT%H:%M:%S.%3fZ"));
    /// `Thu, 01 Jan 2026 00:00:00 GMT`: as in `date` (RFC 9110, 5.6.7).
    pub const HTTP: Self = Self(Cow::Borrowed("%a, %d %b %Y %H:%M:%S GMT"));
    /// Whole seconds since 1970.
    pub const UNIX: Self = Self(Cow::Borrowed("%s"));
    /// Milliseconds since 1970.
    pub const UNIX_MILLIS: Self = Self(Cow::Borrowed("%s%3f"));

    /// A format that an operator wrote.
    pub(crate) fn read(format: &str, context: &mut Context<'_>) -> Option<Self> {
        if format.is_empty() {
            return context.problem_hint("no format of a time", "write ${now} or ${now:%Y-%m-%d}");
        }
        if format.chars().any(char::is_control) {
            return context.problem("a value cannot have control characters such as CR or LF");
        }
        let mut rest = format;
        while let Some((_, after)) = rest.split_once('%') {
            let part = PARTS
                .iter()
                .chain(&["%"])
                .find_map(|part| after.strip_prefix(part));
            let Some(after) = part else {
                return context.problem_hint(
                    format!(
                        "\"%{}\" is no part of a time",
                        after.chars().next().unwrap_or(' ')
                    ),
                    format!("known: %{}, and %% for a %", PARTS.join(" %")),
                );
            };
            rest = after;
        }
        Some(Self(Cow::Owned(format.to_owned())))
    }
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
pub fn write_time(time: Timestamp, format: &TimeFormat, out: &mut Vec<u8>) -> bool {
    let seconds = time.as_nanos() / NANOS_IN_A_SECOND;
    let millis = time.as_nanos() / NANOS_IN_A_MILLISECOND % 1_000;
    let micros = time.as_nanos() / 1_000 % 1_000_000;
    let date = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    let Some(date) = date else {
        return false;
    };
    let mut rest = &*format.0;
    while let Some((literal, after)) = rest.split_once('%') {
        out.extend_from_slice(literal.as_bytes());
        let fraction = after.starts_with(['3', '6']);
        let (part, after) = after
            .split_at_checked(if fraction { 2 } else { 1 })
            .unwrap_or((after, ""));
        rest = after;
        let written = match part {
            "Y" => write!(out, "{:04}", date.year()),
            "y" => write!(out, "{:02}", date.year() % 100),
            "m" => write!(out, "{:02}", u8::from(date.month())),
            "d" => write!(out, "{:02}", date.day()),
            "e" => write!(out, "{:2}", date.day()),
            "j" => write!(out, "{:03}", date.ordinal()),
            "H" => write!(out, "{:02}", date.hour()),
            "M" => write!(out, "{:02}", date.minute()),
            "S" => write!(out, "{:02}", date.second()),
            "3f" => write!(out, "{millis:03}"),
            "6f" => write!(out, "{micros:06}"),
            "s" => write!(out, "{seconds}"),
            // The names of the crate are English, and begin with the three letters that RFC 9110 wants.
            "a" => write!(out, "{:.3}", date.weekday().to_string()),
            "A" => write!(out, "{}", date.weekday()),
            "b" => write!(out, "{:.3}", date.month().to_string()),
            "B" => write!(out, "{}", date.month()),
            other => out.write_all(other.as_bytes()),
        };
        if written.is_err() {
            return false;
        }
    }
    out.extend_from_slice(rest.as_bytes());
    true
}
