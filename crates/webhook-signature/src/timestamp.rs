//! When a request was signed.
//!
//! 1. A time is written in decimal digits, without sign and leading zeros: it is signed as it is
//!    written, and must not be written in two ways.
//! 2. It may differ from the clock by the tolerance, into the past and into the future.

use crate::Refusal;

/// The clock, and how far from it a time may be. In seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// Now, in seconds since the epoch.
    pub now: u64,
    /// How far a time may be from it.
    pub tolerance: u64,
}

/// What a time counts since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Unit {
    Seconds,
    Milliseconds,
}

/// More digits would be beyond any calendar, in milliseconds too.
const MAX_DIGITS: usize = 15;

impl Clock {
    /// Reads a time and checks it. In seconds; what is beyond a second is cut off.
    pub(crate) fn check(&self, text: &str, unit: Unit) -> Result<u64, Refusal> {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || text.len() > MAX_DIGITS || (text.starts_with('0') && text != "0") {
            return Err(Refusal::TimestampMalformed);
        }
        let count: u64 = text.parse().map_err(|_| Refusal::TimestampMalformed)?;
        let time = match unit {
            Unit::Seconds => count,
            Unit::Milliseconds => count / 1000,
        };
        if time > self.now.saturating_add(self.tolerance) {
            return Err(Refusal::TimestampInFuture);
        }
        if time < self.now.saturating_sub(self.tolerance) {
            return Err(Refusal::TimestampTooOld);
        }
        Ok(time)
    }
}

#[cfg(test)]
mod tests {
    use super::Unit::{Milliseconds, Seconds};
    use super::*;
    use Refusal::{TimestampInFuture, TimestampMalformed, TimestampTooOld};

    #[test]
    fn times_are_read_and_checked() {
        let clock = Clock {
            now: 1_614_265_330,
            tolerance: 300,
        };
        let cases: &[(&str, Unit, Result<u64, Refusal>)] = &[
            ("1614265330", Seconds, Ok(1_614_265_330)),
            ("1614265030", Seconds, Ok(1_614_265_030)),
            ("1614265029", Seconds, Err(TimestampTooOld)),
            ("1614265630", Seconds, Ok(1_614_265_630)),
            ("1614265631", Seconds, Err(TimestampInFuture)),
            ("0", Seconds, Err(TimestampTooOld)),
            ("1614265330999", Milliseconds, Ok(1_614_265_330)),
            ("1614265030000", Milliseconds, Ok(1_614_265_030)),
            ("1614265029999", Milliseconds, Err(TimestampTooOld)),
            ("1614265630999", Milliseconds, Ok(1_614_265_630)),
            ("1614265631000", Milliseconds, Err(TimestampInFuture)),
            ("1614265330000", Seconds, Err(TimestampInFuture)),
            ("1614265330", Milliseconds, Err(TimestampTooOld)),
            ("999999999999999", Seconds, Err(TimestampInFuture)),
            ("", Seconds, Err(TimestampMalformed)),
            ("01614265330", Seconds, Err(TimestampMalformed)),
            ("00", Seconds, Err(TimestampMalformed)),
            ("+1614265330", Seconds, Err(TimestampMalformed)),
            ("-1", Seconds, Err(TimestampMalformed)),
            ("1614265330.0", Seconds, Err(TimestampMalformed)),
            ("1.6e9", Seconds, Err(TimestampMalformed)),
            ("1614265330 ", Seconds, Err(TimestampMalformed)),
            ("1614265330\u{660}", Seconds, Err(TimestampMalformed)),
            ("1000000000000000", Seconds, Err(TimestampMalformed)),
            ("18446744073709551616", Seconds, Err(TimestampMalformed)),
        ];
        for (text, unit, expected) in cases {
            assert_eq!(clock.check(text, *unit), *expected, "{text} {unit:?}");
        }
    }

    #[test]
    fn clocks_at_their_ends_do_not_wrap() {
        let clock = |now, tolerance| Clock { now, tolerance };
        let far = clock(u64::MAX, u64::MAX).check("1", Seconds);
        assert_eq!(far, Ok(1));
        assert_eq!(clock(0, u64::MAX).check("1", Seconds), Ok(1));
        assert_eq!(clock(0, 0).check("0", Seconds), Ok(0));
        assert_eq!(clock(5, 10).check("0", Seconds), Ok(0));
    }
}
