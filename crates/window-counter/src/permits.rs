//! What is in flight.

use crate::{CLOCK_TOLERANCE_NS, Counts};
use std::time::Duration;

/// So many at once, each counted for at least the lifetime unless it is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    limit: u32,
    lifetime_ns: u64,
}

/// The right to be in flight: the generation in which it is counted, by its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit(u64);

/// What becomes of one who wants to be in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// There is room.
    Granted {
        /// To be stored, by compare-and-swap against the state that was passed in.
        next: Counts,
        /// To be given back.
        permit: Permit,
        /// So many more have room.
        free: u64,
    },
    /// There is none.
    Full,
}

/// The counters of the generation that is now.
struct Generation {
    start: u64,
    previous: u32,
    current: u32,
}

impl Capacity {
    /// `limit` at once. Nothing for a limit or a lifetime of 0, or a lifetime of more than 292 years.
    pub fn new(limit: u32, lifetime: Duration) -> Option<Self> {
        let lifetime_ns = u64::try_from(lifetime.as_nanos()).ok()?;
        let sound = limit > 0 && lifetime_ns > 0 && lifetime_ns <= u64::MAX / 2;
        sound.then_some(Self { limit, lifetime_ns })
    }

    /// How many at once.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// How long one is counted at least that is neither given back nor renewed, in nanoseconds.
    pub fn lifetime_ns(&self) -> u64 {
        self.lifetime_ns
    }

    /// Whether a state is of a clock that is ahead of `now` by more than readings of one clock differ:
    /// who may have been held up since it read the clock reads it again, and only then decides.
    pub fn is_ahead(&self, state: Counts, now: u64) -> bool {
        self.start_of(state).saturating_sub(now) > CLOCK_TOLERANCE_NS
    }

    /// How many more have room at `now`.
    pub fn free(&self, state: Option<Counts>, now: u64) -> u64 {
        let here = self.here(state, now);
        let used = u64::from(here.previous) + u64::from(here.current);
        u64::from(self.limit).saturating_sub(used)
    }

    /// Takes a permit, where there is one.
    pub fn acquire(&self, state: Option<Counts>, now: u64) -> Grant {
        let free = self.free(state, now);
        let mut here = self.here(state, now);
        here.current = here.current.saturating_add(1);
        match (free.checked_sub(1), self.counts(&here)) {
            (Some(free), Some(next)) => Grant::Granted {
                next,
                permit: Permit(here.start),
                free,
            },
            _ => Grant::Full,
        }
    }

    /// Gives a permit back. What is to be stored: nothing in flight is nothing. A permit that has
    /// expired, or whose state was lost, is not counted, and changes nothing.
    pub fn release(&self, state: Option<Counts>, now: u64, permit: Permit) -> Option<Counts> {
        let mut here = self.here(Some(state?), now);
        match self.age(permit, &here) {
            Age::Current => here.current = here.current.saturating_sub(1),
            Age::Previous => here.previous = here.previous.saturating_sub(1),
            Age::Lost => {}
        }
        match (here.previous, here.current) {
            (0, 0) => None,
            _ => self.counts(&here),
        }
    }

    /// Counts a permit that is still held in the generation that is now: what is to be stored, and the
    /// permit to give back later. Nothing where it is counted there already. One that was lost counts
    /// again, whatever the limit says: it is in flight.
    pub fn renew(
        &self,
        state: Option<Counts>,
        now: u64,
        permit: Permit,
    ) -> Option<(Counts, Permit)> {
        let mut here = self.here(state, now);
        let age = match state {
            Some(_) => self.age(permit, &here),
            None => Age::Lost,
        };
        match age {
            // Counted before the clock was set back, and taken over: from now on it goes by the clock there is.
            Age::Current if permit.0 > here.start => {
                return Some((self.counts(&here)?, Permit(here.start)));
            }
            Age::Current => return None,
            Age::Previous => here.previous = here.previous.saturating_sub(1),
            Age::Lost => {}
        }
        here.current = here.current.saturating_add(1);
        Some((self.counts(&here)?, Permit(here.start)))
    }

    /// Whether a permit may have to be renewed at `now`. False for certain until a lifetime after it was
    /// taken or renewed, or less.
    pub fn is_due(&self, permit: Permit, now: u64) -> bool {
        let Permit(start) = permit;
        now < start || now.saturating_sub(start) >= self.lifetime_ns
    }

    fn age(&self, permit: Permit, here: &Generation) -> Age {
        let Permit(start) = permit;
        // Later than now: it was counted before the clock was set back, and taken over.
        if start >= here.start {
            Age::Current
        } else if start.saturating_add(self.lifetime_ns) == here.start {
            Age::Previous
        } else {
            Age::Lost
        }
    }

    fn start_of(&self, state: Counts) -> u64 {
        state.until.saturating_sub(self.reach_ns())
    }

    /// The generation and the one after it. No overflow, by construction.
    fn reach_ns(&self) -> u64 {
        self.lifetime_ns.saturating_mul(2)
    }

    fn here(&self, state: Option<Counts>, now: u64) -> Generation {
        let Some(state) = state else {
            return Generation {
                start: now,
                previous: 0,
                current: 0,
            };
        };
        let start = self.start_of(state);
        let Counts {
            previous, current, ..
        } = state;
        if self.is_ahead(state, now) {
            return Generation {
                start: now,
                previous,
                current,
            };
        }
        match now.saturating_sub(start) / self.lifetime_ns {
            0 => Generation {
                start,
                previous,
                current,
            },
            1 => Generation {
                start: start.saturating_add(self.lifetime_ns),
                previous: current,
                current: 0,
            },
            _ => Generation {
                start: now,
                previous: 0,
                current: 0,
            },
        }
    }

    fn counts(&self, here: &Generation) -> Option<Counts> {
        Some(Counts {
            until: here.start.checked_add(self.reach_ns())?,
            previous: here.previous,
            current: here.current,
        })
    }
}

/// Where a permit is counted.
enum Age {
    Current,
    Previous,
    /// Not any longer.
    Lost,
}
