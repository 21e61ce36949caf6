//! Which window is now, and what its counters are: a state as it is stored, brought to a time.
//!
//! 1. A state of a clock that was set back by more than clocks differ is of the window that is now.
//! 2. A window that has ended is the one before, or no longer counts. Each that has ended pays off a count of what is
//!    owed.
//! 3. Windows begin at multiples of the period: what a state's end is beyond one is what is owed.

use super::{Kind, Window};
use crate::{CLOCK_TOLERANCE_NS, Counts};

/// The window that is now.
pub(super) struct Here {
    pub(super) start: u64,
    /// Nanoseconds of it that have passed.
    pub(super) elapsed: u64,
    /// Nanoseconds until it begins, for who is behind with the clock.
    pub(super) early: u64,
    /// Larger than a count only where something is owed, or where the count was larger.
    pub(super) previous: u64,
    pub(super) current: u64,
    /// What later windows have to pay off, of what was counted beyond a count.
    pub(super) owed: u64,
    pub(super) was_set_back: bool,
}

impl Window {
    /// Whether a state is of a clock that is ahead of `now` by more than readings of one clock differ:
    /// who may have been held up since it read the clock reads it again, and only then decides.
    pub fn is_ahead(&self, state: Counts, now: u64) -> bool {
        self.start_of(state).saturating_sub(now) > CLOCK_TOLERANCE_NS
    }

    /// How long after the start of its window a state stops to constrain.
    fn reach_ns(&self) -> u64 {
        match self.kind {
            Kind::Fixed => self.period_ns,
            Kind::Sliding => self.period_ns.saturating_mul(2),
        }
    }

    pub(super) fn until(&self, start: u64) -> Option<u64> {
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

    pub(super) fn here(&self, state: Option<Counts>, now: u64) -> Here {
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
    pub(super) fn paid(&self, counted: u64, owed: u64, windows: u64) -> u64 {
        let further = self.count().saturating_mul(windows.saturating_sub(1));
        self.excess(counted).min(owed).saturating_sub(further)
    }

    pub(super) fn excess(&self, counted: u64) -> u64 {
        counted.saturating_sub(self.count())
    }

    /// As it is stored.
    pub(super) fn counts(&self, here: &Here) -> Option<Counts> {
        let counter = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let owed = here.owed.min(self.period_ns.saturating_sub(1));
        Some(Counts {
            until: self.until(here.start)?.checked_add(owed)?,
            previous: counter(here.previous),
            current: counter(here.current),
        })
    }
}
