//! The algorithms, as one: what each says of a request, in the same words.
//!
//! | algorithm | state | constrains until |
//! |---|---|---|
//! | `gcra` | the theoretical arrival time | that time |
//! | `fixed_window` | a counter | the end of its window |
//! | `sliding_window` | the counters of two windows | the end of the window after the current one |
//! | `concurrency` | what is in flight, in two generations | the end of the next generation |

use gatehouse_gcra::{self as gcra, Quota, Tat};
use gatehouse_limit_slot::State;
use gatehouse_window_counter::{self as counter, Capacity, Counts, Grant, Permit, Window};

/// How a limit, or one of its windows, is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// A bucket that refills continuously.
    Gcra(Quota),
    /// Windows of the clock.
    Window(Window),
    /// What is in flight at once.
    Concurrency(Capacity),
}

/// What is decided on one window of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Nothing where the request is admitted.
    pub refused: Option<Retry>,
    /// What is left.
    pub standing: Standing,
    /// To be stored: for the decision to hold, or, where it refuses, since the clock was set back.
    pub store: Option<State>,
    /// What is to be given back when the request is over.
    pub permit: Option<Permit>,
}

/// When a refused request has room. The later, the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Retry {
    /// When another one ends, or nobody says.
    Unknown,
    /// After so many nanoseconds, if nothing else is admitted.
    After(u64),
    /// Never: it costs more than there ever is.
    Never,
}

/// What is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// So many more of cost 1.
    pub remaining: u64,
    /// Until there is one more, in nanoseconds. Nothing where all of it is left, and where nobody knows.
    pub more_in_ns: Option<u64>,
}

impl Standing {
    /// How much it constrains: less left, then longer until there is more.
    fn strictness(&self) -> (std::cmp::Reverse<u64>, Option<u64>) {
        (std::cmp::Reverse(self.remaining), self.more_in_ns)
    }
}

impl Decision {
    /// Whether it constrains more than another one: of refusals, the one with the longest wait.
    pub fn is_stricter_than(&self, other: &Self) -> bool {
        let of = |decision: &Self| (decision.refused, decision.standing.strictness());
        of(self) > of(other)
    }
}

impl Algorithm {
    /// The same with room for debts.
    pub fn with_debt(self) -> Self {
        match self {
            Self::Gcra(quota) => Self::Gcra(quota.with_debt()),
            Self::Window(window) => Self::Window(window.with_debt()),
            Self::Concurrency(_) => self,
        }
    }

    /// Whether a state is of a clock so far ahead of `now` that a newer reading is needed to tell why.
    pub fn is_ahead(&self, state: State, now: u64) -> bool {
        match self {
            Self::Gcra(quota) => gcra::is_ahead(quota, Tat::from_bits(state.until), now),
            Self::Window(window) => window.is_ahead(counts(state), now),
            Self::Concurrency(capacity) => capacity.is_ahead(counts(state), now),
        }
    }

    /// Decides on a request of `cost` at `now`. In flight, each counts 1.
    pub fn decide(&self, state: Option<State>, now: u64, cost: u64) -> Decision {
        match self {
            Self::Gcra(quota) => of_gcra(quota, state, |tat| gcra::decide(quota, tat, now, cost)),
            Self::Window(window) => of_window(state, &window.decide(state.map(counts), now, cost)),
            Self::Concurrency(capacity) => of_permits(capacity, state, now, cost),
        }
    }

    /// Charges what has been used already, whatever there is. Nothing is charged to what is in flight.
    pub fn owe(&self, state: Option<State>, now: u64, cost: u64) -> Decision {
        match self {
            Self::Gcra(quota) => of_gcra(quota, state, |tat| gcra::owe(quota, tat, now, cost)),
            Self::Window(window) => of_window(state, &window.owe(state.map(counts), now, cost)),
            Self::Concurrency(capacity) => of_permits(capacity, state, now, 0),
        }
    }
}

fn of_gcra(
    quota: &Quota,
    state: Option<State>,
    decide: impl FnOnce(Option<Tat>) -> gcra::Decision,
) -> Decision {
    let tat = state.map(|state| Tat::from_bits(state.until));
    let decision = decide(tat);
    let (refused, remaining, reset_after_ns) = match decision {
        gcra::Decision::Admitted {
            remaining,
            reset_after_ns,
            ..
        } => (None, remaining, reset_after_ns),
        gcra::Decision::Refused {
            retry_after_ns,
            remaining,
            reset_after_ns,
            ..
        } => (Some(Retry::of(retry_after_ns)), remaining, reset_after_ns),
    };
    // The bucket has `refill - reset_after` in it, and the next request is in when it has
    // `(remaining + 1) · interval`. No overflow: that is no more than `refill` if not full.
    let more_in_ns = (remaining < quota.burst()).then(|| {
        let needed = quota
            .interval_ns()
            .saturating_mul(remaining.saturating_add(1));
        reset_after_ns.saturating_sub(quota.refill_ns().saturating_sub(needed))
    });
    Decision {
        refused,
        standing: Standing {
            remaining,
            more_in_ns,
        },
        store: decision.to_store(tat).map(|tat| State {
            until: tat.to_bits(),
            counts: [0; 2],
        }),
        permit: None,
    }
}

fn of_window(state: Option<State>, decision: &counter::Decision) -> Decision {
    let (refused, remaining, more_in_ns, store) = match *decision {
        counter::Decision::Admitted {
            next,
            remaining,
            more_after_ns,
        } => (None, remaining, more_after_ns, Some(next)),
        counter::Decision::Refused {
            retry_after_ns,
            remaining,
            more_after_ns,
            repaired,
        } => (
            Some(Retry::of(retry_after_ns)),
            remaining,
            more_after_ns,
            repaired,
        ),
    };
    Decision {
        refused,
        standing: Standing {
            remaining,
            more_in_ns,
        },
        store: store.map(stored).filter(|next| Some(*next) != state),
        permit: None,
    }
}

fn of_permits(capacity: &Capacity, state: Option<State>, now: u64, cost: u64) -> Decision {
    let standing = |remaining| Standing {
        remaining,
        more_in_ns: None,
    };
    let (refused, standing, store, permit) = match (cost, state.map(counts)) {
        (0, counts) => (None, standing(capacity.free(counts, now)), None, None),
        (_, counts) => match capacity.acquire(counts, now) {
            Grant::Granted { next, permit, free } => {
                (None, standing(free), Some(stored(next)), Some(permit))
            }
            Grant::Full => (Some(Retry::Unknown), standing(0), None, None),
        },
    };
    Decision {
        refused,
        standing,
        store,
        permit,
    }
}

impl Retry {
    fn of(retry_after_ns: Option<u64>) -> Self {
        retry_after_ns.map_or(Self::Never, Self::After)
    }
}

/// A state as a counter has it.
pub(crate) fn counts(state: State) -> Counts {
    let [previous, current] = state.counts;
    Counts {
        until: state.until,
        previous,
        current,
    }
}

/// As the table has it.
pub(crate) fn stored(counts: Counts) -> State {
    State {
        until: counts.until,
        counts: [counts.previous, counts.current],
    }
}
