//! How long, how often, how large.

use super::text;
use crate::{Context, Decode, Value};
use std::fmt;

const NANOSECOND: u64 = 1;
const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

const UNITS: [(&str, u64); 7] = [
    ("ns", NANOSECOND),
    ("us", MICROSECOND),
    ("ms", MILLISECOND),
    ("s", SECOND),
    ("m", MINUTE),
    ("h", HOUR),
    ("d", DAY),
];

/// A length of time: `500ms`, `30s`, `5m`, `1h`, `1d`. Whole numbers of one unit, not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(u64);

impl Duration {
    /// So many seconds.
    pub const fn from_secs(seconds: u32) -> Self {
        Self(seconds as u64 * SECOND)
    }

    /// In nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at_checked(digits)?;
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let nanos = number.parse::<u64>().ok()?.checked_mul(*scale)?;
        (nanos > 0).then_some(Self(nanos))
    }
}

/// As it is written: in the largest unit that it is a whole number of.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, scale) in UNITS.iter().rev() {
            if self.0.is_multiple_of(*scale) {
                return write!(f, "{}{name}", self.0 / scale);
            }
        }
        Ok(())
    }
}

impl Decode for Duration {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        if let Value::Number(number) = value {
            return context.problem_hint(
                format!("expected a duration, found the number {number}"),
                format!("write its unit too, such as \"{number}s\""),
            );
        }
        let text = text(value, "a duration such as \"30s\"", context)?;
        Self::parse(text).or_else(|| {
            context.problem_hint(
                format!("{text:?} is not a duration"),
                "write a whole number above zero and a unit: ns, us, ms, s, m, h, d; such as \"30s\"",
            )
        })
    }

    crate::described!(text "^0*[1-9][0-9]*(ns|us|ms|s|m|h|d)$");
}

/// So many in a period: `100/1m`. Neither is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    count: u64,
    period: Duration,
}

impl Rate {
    /// `count` in `period`, of which neither is zero.
    pub const fn new(count: u64, period: Duration) -> Self {
        Self { count, period }
    }

    /// How many.
    pub const fn count(self) -> u64 {
        self.count
    }

    /// In how long.
    pub const fn period(self) -> Duration {
        self.period
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.period)
    }
}

impl Decode for Rate {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = text(value, "a rate such as \"100/1m\"", context)?;
        let rate = text.split_once('/').and_then(|(count, period)| {
            let count: u64 = count.parse().ok()?;
            Some(Self {
                count,
                period: Duration::parse(period)?,
            })
        });
        match rate {
            Some(rate) if rate.count > 0 => Some(rate),
            Some(_) => context.problem_hint(
                format!("the rate {text:?} lets nothing through"),
                "to refuse requests, use a rule of the auth filter",
            ),
            None => context.problem_hint(
                format!("{text:?} is not a rate"),
                "write a whole number, a slash and a duration, such as \"100/1m\"",
            ),
        }
    }

    crate::described!(text r"^\+?0*[1-9][0-9]*/0*[1-9][0-9]*(ns|us|ms|s|m|h|d)$");
}

/// A number of bytes: `512B`, `64KiB`, `1MiB`, or a plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(usize);

impl Size {
    /// So many bytes.
    pub const fn from_bytes(bytes: usize) -> Self {
        Self(bytes)
    }

    /// In bytes.
    pub const fn bytes(self) -> usize {
        self.0
    }
}

/// So many bytes, by their text.
fn parse_bytes(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let scale: u64 = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(scale)
}

impl Decode for Size {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        if value.is_number() {
            return usize::decode(value, context).map(Self);
        }
        let text = text(value, "a size such as \"64KiB\"", context)?;
        let bytes = parse_bytes(text).and_then(|bytes| usize::try_from(bytes).ok());
        bytes.map(Self).or_else(|| {
            context.problem_hint(
                format!("{text:?} is not a size"),
                "write a whole number and a unit: B, KiB, MiB, GiB; such as \"64KiB\"",
            )
        })
    }

    crate::described!(|schemas| crate::schema::any_of([
        schemas.of::<usize>(),
        crate::schema::text("^[0-9]+(B|KiB|MiB|GiB)$"),
    ]));
}

/// A number of bytes that pass, which may be more than memory has: `512B`, `64KiB`, `10GiB`, `1TiB`, or a plain
/// number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Volume(u64);

impl Volume {
    /// In bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl Decode for Volume {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        if value.is_number() {
            return u64::decode(value, context).map(Self);
        }
        let text = text(value, "a size such as \"10GiB\"", context)?;
        parse_bytes(text).map(Self).or_else(|| {
            context.problem_hint(
                format!("{text:?} is not a size"),
                "write a whole number and a unit: B, KiB, MiB, GiB, TiB; such as \"10GiB\"",
            )
        })
    }

    crate::described!(|schemas| crate::schema::any_of([
        schemas.of::<u64>(),
        crate::schema::text("^[0-9]+(B|KiB|MiB|GiB|TiB)$"),
    ]));
}
