//! Rates by fixed and by sliding windows: what becomes of a request, in this order.
//!
//! 1. Which window is now, and what has been counted in it ([`here`]).
//! 2. Whether there is room, and if not, when there is ([`room`]).
//! 3. What is charged, and how much of it is owed.

mod here;
mod room;

use crate::Counts;
use here::Here;
use std::fmt;
use std::time::Duration;

/// The largest `count`: counters of 32 bits have room for debts beyond it.
pub const MAX_COUNT: u64 = 1_000_000_000;

/// What may be owed at most is what the rate gives in so long, or in one period where that is longer:
/// one hour, in nanoseconds.
const DEBT_NS: u64 = 3_600_000_000_000;

/// Whether the window before counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No.
    Fixed,
    /// By the part of it that the last period still covers.
    Sliding,
}

/// `count` requests in each window of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    kind: Kind,
    count: u32,
    period_ns: u64,
    /// What the counter of a window holds at most.
    most: u32,
}

/// Why there is no such window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WindowError {
    /// The count is 0.
    ZeroCount,
    /// The count is larger than [`MAX_COUNT`].
    CountTooLarge,
    /// The period is 0.
    ZeroPeriod,
    /// The period is longer than `u64` nanoseconds, 584 years.
    PeriodTooLong,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The window has room for it.
    Admitted {
        /// To be stored, by compare-and-swap against the state that was passed in.
        next: Counts,
        /// So many more of cost 1 are admitted at the same instant.
        remaining: u64,
        /// Nanoseconds until one more is, if nothing else is admitted. Nothing for an unused window.
        more_after_ns: Option<u64>,
    },
    /// It has not, and nothing is taken from it.
    Refused {
        /// Nanoseconds after which the same request is admitted, if nothing else is. `None`: never,
        /// since it costs more than the whole window (or the clock is at its end).
        retry_after_ns: Option<u64>,
        /// So many of cost 1 would be admitted at the same instant.
        remaining: u64,
        /// As of an admitted one.
        more_after_ns: Option<u64>,
        /// To be stored although refused, since the clock was set back; usually `None`.
        repaired: Option<Counts>,
    },
}

impl Window {
    /// `count` requests in each window of `period`.
    ///
    /// # Errors
    /// Where it cannot be counted exactly.
    pub fn new(kind: Kind, count: u64, period: Duration) -> Result<Self, WindowError> {
        let count = match count {
            0 => return Err(WindowError::ZeroCount),
            1..=MAX_COUNT => u32::try_from(count).map_err(|_| WindowError::CountTooLarge)?,
            _ => return Err(WindowError::CountTooLarge),
        };
        if period.is_zero() {
            return Err(WindowError::ZeroPeriod);
        }
        let period_ns = u64::try_from(period.as_nanos()).map_err(|_| WindowError::PeriodTooLong)?;
        Ok(Self {
            kind,
            count,
            period_ns,
            most: count,
        })
    }

    /// The same with room for debts, for who charges with [`Window::owe`] after the fact: at most what
    /// the rate gives in an hour, or in one period where that is longer, what a counter of 32 bits
    /// holds, and one for each nanosecond of the period. What a charge goes beyond that is forgiven.
    #[must_use]
    pub fn with_debt(self) -> Self {
        let windows = DEBT_NS.div_ceil(self.period_ns).max(1).saturating_add(1);
        let most = u64::from(self.count).saturating_mul(windows);
        Self {
            most: u32::try_from(most).unwrap_or(u32::MAX),
            ..self
        }
    }

    /// The most that is admitted in one window; a request that costs more never is.
    pub fn count(&self) -> u64 {
        u64::from(self.count)
    }

    /// The length of a window in nanoseconds.
    pub fn period_ns(&self) -> u64 {
        self.period_ns
    }

    /// Decides on a request of `cost` at `now` (nanoseconds since the epoch) for a key in `state`,
    /// `None` if it was never seen.
    ///
    /// 1. A request that costs more than a whole window is refused for good.
    /// 2. One that the window has room for is admitted. One of cost 0 always is.
    /// 3. Any other is refused until enough of what was counted is no longer.
    pub fn decide(&self, state: Option<Counts>, now: u64, cost: u64) -> Decision {
        let here = self.here(state, now);
        if cost > 0 && self.used(&here).saturating_add(cost) > self.count() {
            return self.refuse(&here, self.wait(&here, cost));
        }
        self.charge(here, cost)
    }

    /// Charges what has been used already at `now`, whether the window has room for it or not: where
    /// it has not, the key owes it to the windows that come. Always [`Decision::Admitted`], but at the
    /// end of time.
    pub fn owe(&self, state: Option<Counts>, now: u64, cost: u64) -> Decision {
        self.charge(self.here(state, now), cost)
    }

    fn charge(&self, here: Here, cost: u64) -> Decision {
        let most = u64::from(self.most).max(here.current);
        let current = here.current.saturating_add(cost).min(most);
        // What exceeds the count for another reason than this cost was counted when the count was larger: that
        // is no debt. What exceeds no count is none either.
        let carried = self.owed_before(&here);
        let beyond = current.saturating_add(carried).saturating_sub(self.count());
        let here = Here {
            current,
            owed: here.owed.saturating_add(cost).min(beyond.max(carried)),
            ..here
        };
        let Some(next) = self.counts(&here) else {
            return self.refuse(&here, None);
        };
        let remaining = self.remaining(&here);
        Decision::Admitted {
            next,
            remaining,
            more_after_ns: self.more_after(&here, remaining),
        }
    }

    fn refuse(&self, here: &Here, retry_after_ns: Option<u64>) -> Decision {
        let remaining = match self.until(here.start) {
            Some(_) => self.remaining(here),
            None => 0,
        };
        Decision::Refused {
            retry_after_ns,
            remaining,
            more_after_ns: self.more_after(here, remaining),
            repaired: here.was_set_back.then(|| self.counts(here)).flatten(),
        }
    }
}

impl Decision {
    /// Whether the window has room.
    pub fn is_admitted(&self) -> bool {
        matches!(self, Self::Admitted { .. })
    }
}

impl fmt::Display for WindowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ZeroCount => "the rate must admit at least one request per period",
            Self::CountTooLarge => "windows count 1000000000 requests at most",
            Self::ZeroPeriod => "the period of a rate must not be zero",
            Self::PeriodTooLong => "the period of a rate must not exceed 584 years",
        })
    }
}

impl std::error::Error for WindowError {}
