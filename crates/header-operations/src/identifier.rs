//! Identifiers that follow a request: the presets `trace_context` and `request_id`.

use crate::operation::{Outcome, Presence, Side};
use gatehouse_config::{HeaderName, keywords};
use gatehouse_host::{Only, Result};
use gatehouse_template::Variable;

/// The longest identifier that is taken from a client, in bytes.
const MOST: usize = 128;

keywords! {
    /// Which UUID.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Version {
        /// Random.
        V4 = "v4",
        /// Begins with the time.
        V7 = "v7",
    }
}

/// The preset `request_id`.
#[derive(Debug, Clone)]
pub(crate) struct RequestId {
    pub(crate) header: HeaderName,
    pub(crate) version: Version,
    pub(crate) when: Presence,
}

impl RequestId {
    /// Makes one. With `absent` a good one stays; what is not good is as if it was not there.
    pub(crate) fn apply(&self, side: &mut dyn Side) -> Result<Outcome> {
        if self.when != Presence::Always {
            let values = side.headers()?;
            let is_there =
                matches!(values.only(&self.header), Only::One(value) if is_identifier(value));
            if !self.when.fits(is_there) {
                return Ok(Outcome::Done);
            }
        }
        let variable = match self.version {
            Version::V4 => Variable::Uuid,
            Version::V7 => Variable::UuidV7,
        };
        let mut value = Vec::with_capacity(36);
        side.value(&variable, &mut value)?;
        side.set(&self.header, &value).map(|()| Outcome::Done)
    }
}

/// Whether an identifier can go into logs as it is: it is not long, and has only letters, digits and
/// what UUIDs, base64 and ULIDs are made of.
fn is_identifier(value: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=:".contains(byte);
    (1..=MOST).contains(&value.len()) && value.iter().all(fits)
}

/// Makes a W3C trace context where there is no good one. Without one, what `tracestate` says is about
/// no trace, and is removed (W3C Trace Context, 4.3).
pub(crate) fn trace_context(sampled: bool, side: &mut dyn Side) -> Result<Outcome> {
    let headers = side.headers()?;
    if matches!(headers.only("traceparent"), Only::One(value) if is_traceparent(value)) {
        return Ok(Outcome::Done);
    }
    let mut random = [0; 24];
    side.fill_random(&mut random)?;
    // An identifier of zeros is not valid.
    for id in random.chunks_mut(16) {
        if let [first, rest @ ..] = id
            && *first == 0
            && rest.iter().all(|byte| *byte == 0)
        {
            *first = 1;
        }
    }
    let mut value = b"00-".to_vec();
    for (index, byte) in random.iter().enumerate() {
        if index == 16 {
            value.push(b'-');
        }
        value.extend([byte >> 4, byte & 0x0f].map(hex));
    }
    value.extend_from_slice(if sampled { b"-01" } else { b"-00" });
    side.set("traceparent", &value)?;
    side.remove("tracestate").map(|()| Outcome::Done)
}

fn hex(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0' + nibble,
        _ => b'a' + nibble - 10,
    }
}

/// W3C Trace Context, 3.2: version, trace, parent and flags in lower case hexadecimal digits. A version
/// that is not known may have more behind them; `ff` is none.
fn is_traceparent(value: &[u8]) -> bool {
    let mut parts = value.splitn(5, |byte| *byte == b'-');
    let mut part = |length: usize| {
        let is_hex = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        let part = parts.next().unwrap_or_default();
        (part.len() == length && part.iter().all(is_hex)).then_some(part)
    };
    let (Some(version), Some(trace), Some(parent), Some(_)) =
        (part(2), part(32), part(16), part(2))
    else {
        return false;
    };
    let is_zero = |id: &[u8]| id.iter().all(|digit| *digit == b'0');
    version != b"ff"
        && !is_zero(trace)
        && !is_zero(parent)
        && (version != b"00" || parts.next().is_none())
}
