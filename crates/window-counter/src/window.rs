//! Rates by fixed and by sliding windows.

use crate::{CLOCK_TOLERANCE_NS, Counts};
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

/// The window that is now.
struct Here {
    start: u64,
    /// Nanoseconds of it that have passed.
    elapsed: u64,
    /// Nanoseconds until it begins, for who is behind with the clock.
    early: u64,
    /// Larger than a count only where something is owed, or where the count was larger.
    previous: u64,
    current: u64,
    /// What later windows have to pay off, of what was counted beyond a count.
    owed: u64,
    was_set_back: bool,
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

    /// Whether a state is of a clock that is ahead of `now` by more than readings of one clock differ:
    /// who may have been held up since it read the clock reads it again, and only then decides.
    pub fn is_ahead(&self, state: Counts, now: u64) -> bool {
        self.start_of(state).saturating_sub(now) > CLOCK_TOLERANCE_NS
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

    /// How long after the start of its window a state stops to constrain.
    fn reach_ns(&self) -> u64 {
        match self.kind {
            Kind::Fixed => self.period_ns,
            Kind::Sliding => self.period_ns.saturating_mul(2),
        }
    }

    fn until(&self, start: u64) -> Option<u64> {
        start.checked_add(self.reach_ns())
    }

    /// Windows begin and end at multiples of the period: what is beyond one is what is owed.
    fn owed(&self, state: Counts) -> u64 {
        state.until.checked_rem(self.period_ns).unwrap_or(0)
    }

    fn start_of(&self, state: Counts) -> u64 {
        let end = state.until.saturating_sub(self.owed(state));
        end.saturating_sub(self.reach_ns())
    }

    fn here(&self, state: Option<Counts>, now: u64) -> Here {
        let now_start = now.saturating_sub(now % self.period_ns);
        let Some(state) = state else {
            return Here {
                start: now_start,
                elapsed: now.saturating_sub(now_start),
                early: 0,
                previous: 0,
                current: 0,
                owed: 0,
                was_set_back: false,
            };
        };
        let was_set_back = self.is_ahead(state, now);
        let start = match was_set_back {
            true => now_start,
            false => self.start_of(state),
        };
        let passed = now_start.saturating_sub(start) / self.period_ns;
        let (previous, current, owed) = self.after(passed, state);
        let start = if passed > 0 { now_start } else { start };
        Here {
            start,
            elapsed: now.saturating_sub(start).min(self.period_ns),
            early: start.saturating_sub(now),
            previous,
            current,
            owed,
            was_set_back,
        }
    }

    /// The counters when so many windows have ended, and what is owed. What a window counted beyond the present count is
    /// carried on only as far as it is owed: the count may have been larger, since it was another key's rate, or
    /// another configuration's.
    fn after(&self, windows: u64, state: Counts) -> (u64, u64, u64) {
        let (previous, current) = (u64::from(state.previous), u64::from(state.current));
        let owed = self.owed(state);
        let Some(further) = windows.checked_sub(1) else {
            return (previous, current, owed);
        };
        match self.kind {
            Kind::Fixed => {
                let left = self.paid(current, owed, windows);
                (0, left, left)
            }
            Kind::Sliding => {
                let last = current.saturating_add(self.excess(previous).min(owed));
                match further {
                    0 => (last, 0, owed),
                    _ => {
                        let left = self.paid(last, owed, further);
                        (left, 0, left)
                    }
                }
            }
        }
    }

    /// What is left of a counter, of which so much is owed, when so many windows have paid off a count each.
    fn paid(&self, counted: u64, owed: u64, windows: u64) -> u64 {
        let further = self.count().saturating_mul(windows.saturating_sub(1));
        self.excess(counted).min(owed).saturating_sub(further)
    }

    fn excess(&self, counted: u64) -> u64 {
        counted.saturating_sub(self.count())
    }

    /// As it is stored.
    fn counts(&self, here: &Here) -> Option<Counts> {
        let counter = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let owed = here.owed.min(self.period_ns.saturating_sub(1));
        Some(Counts {
            until: self.until(here.start)?.checked_add(owed)?,
            previous: counter(here.previous),
            current: counter(here.current),
        })
    }

    /// What of the window before weighs less and less.
    fn weighing(&self, previous: u64) -> u64 {
        previous.min(self.count())
    }

    /// What is owed of the window before.
    fn owed_before(&self, here: &Here) -> u64 {
        match self.kind {
            Kind::Fixed => 0,
            Kind::Sliding => self.excess(here.previous).min(here.owed),
        }
    }

    /// What counts now, rounded up.
    fn used(&self, here: &Here) -> u64 {
        let weighing = self.weighing(here.previous);
        let owed = self.owed_before(here);
        let left = self.period_ns.saturating_sub(here.elapsed);
        let weight = match weighing {
            0 => 0,
            _ => {
                let product = u128::from(weighing) * u128::from(left);
                narrow(product.div_ceil(u128::from(self.period_ns)))
            }
        };
        here.current.saturating_add(owed).saturating_add(weight)
    }

    fn remaining(&self, here: &Here) -> u64 {
        self.count().saturating_sub(self.used(here))
    }

    fn more_after(&self, here: &Here, remaining: u64) -> Option<u64> {
        match remaining < self.count() {
            true => self.wait(here, remaining.saturating_add(1)),
            false => None,
        }
    }

    /// Nanoseconds until a request of a cost has room that has none now.
    fn wait(&self, here: &Here, cost: u64) -> Option<u64> {
        let spare = self.count().checked_sub(cost)?;
        let left = self.period_ns.saturating_sub(here.elapsed);
        let within = match self.kind {
            Kind::Fixed => {
                // Each window that ends pays off a count.
                let over = self
                    .excess(here.current)
                    .min(here.owed)
                    .saturating_sub(spare);
                let more_windows = over.div_ceil(self.count());
                left.saturating_add(self.period_ns.saturating_mul(more_windows))
            }
            Kind::Sliding => {
                let weighing = self.weighing(here.previous);
                let carried = here.current.saturating_add(self.owed_before(here));
                match spare.checked_sub(carried) {
                    Some(room) => self
                        .light_enough(weighing, room)
                        .saturating_sub(here.elapsed),
                    None => {
                        let owed = self.excess(carried).min(here.owed);
                        let windows = owed.saturating_sub(spare).div_ceil(self.count());
                        let (weighing, owed) = match windows {
                            0 => (self.weighing(carried), owed),
                            _ => {
                                let left = self.paid(carried, owed, windows);
                                (self.weighing(left), self.excess(left))
                            }
                        };
                        left.saturating_add(self.period_ns.saturating_mul(windows))
                            .saturating_add(self.light_enough(weighing, spare.saturating_sub(owed)))
                    }
                }
            }
        };
        Some(here.early.saturating_add(within))
    }

    /// How far into a window what was counted in the one before weighs no more than `room`.
    fn light_enough(&self, weighing: u64, room: u64) -> u64 {
        if weighing <= room {
            return 0;
        }
        let product = u128::from(room) * u128::from(self.period_ns);
        // Not zero: more than `room`.
        let left = product.checked_div(u128::from(weighing)).unwrap_or(0);
        self.period_ns.saturating_sub(narrow(left))
    }
}

fn narrow(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
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
