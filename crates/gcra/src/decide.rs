//! The decision.

use crate::Quota;

/// How far ahead of what `now` allows a stored [`Tat`] may lie before the clock is taken to have
/// been set back: one second.
pub const CLOCK_TOLERANCE_NS: u64 = 1_000_000_000;

/// Theoretical arrival time: when the bucket of a key will be full, in nanoseconds since the epoch.
///
/// All the state there is, in the 8 bytes of [`to_bits`](Self::to_bits).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tat(u64);

impl Tat {
    /// The state that was stored with [`to_bits`](Self::to_bits). Every value is one.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The state to store: nanoseconds since the epoch.
    pub const fn to_bits(self) -> u64 {
        self.0
    }
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The request is within the quota.
    Admitted {
        /// To be stored, by compare-and-swap against the state that was passed in. Equal to that
        /// state for a request of cost 0, which need not be stored.
        next: Tat,
        /// So many more requests of cost 1 are admitted at the same instant.
        remaining: u64,
        /// Nanoseconds until the bucket is full, if nothing else is admitted.
        reset_after_ns: u64,
    },
    /// The request is beyond the quota, and takes nothing from it.
    Refused {
        /// Nanoseconds after which the same request is admitted, if nothing else is. `None`: never,
        /// since it costs more than the burst (or the clock is at its end).
        retry_after_ns: Option<u64>,
        /// So many requests of cost 1 would be admitted at the same instant.
        remaining: u64,
        /// Nanoseconds until the bucket is full, if nothing else is admitted.
        reset_after_ns: u64,
        /// To be stored although refused, since the clock was set back; usually `None`. If storing
        /// fails the next decision asks for it again.
        repaired: Option<Tat>,
    },
}

impl Decision {
    /// Whether the request is within the quota.
    pub fn is_admitted(&self) -> bool {
        matches!(self, Self::Admitted { .. })
    }

    /// What is to be stored for this decision to hold, if anything must be: `current` is the state
    /// that was passed to [`decide`].
    pub fn to_store(&self, current: Option<Tat>) -> Option<Tat> {
        match self {
            Self::Admitted { next, .. } => Some(*next).filter(|next| current != Some(*next)),
            Self::Refused { repaired, .. } => *repaired,
        }
    }
}

/// Decides on a request of `cost` at `now` (nanoseconds since the epoch) for a key in `state`,
/// `None` if it was never seen.
///
/// 1. A request that costs more than the burst is refused for good.
/// 2. A request that costs no more than what is in the bucket is admitted. One of cost 0 is always
///    admitted and changes nothing: it reads the bucket.
/// 3. Any other is refused until enough has been refilled.
pub fn decide(quota: &Quota, state: Option<Tat>, now: u64, cost: u64) -> Decision {
    let bucket = Bucket::at(quota, state, now);
    if cost == 0 {
        return Decision::Admitted {
            next: bucket.repaired.or(state).unwrap_or(Tat(now)),
            remaining: bucket.remaining(),
            reset_after_ns: bucket.missing_ns(),
        };
    }
    let affordable = quota.interval_ns().checked_mul(cost);
    let Some(price) = affordable.filter(|price| *price <= quota.refill_ns()) else {
        return bucket.refuse(None);
    };
    let Some(tat) = bucket.tat.checked_add(price) else {
        return bucket.refuse(None);
    };
    let shortage = price.saturating_sub(bucket.content_ns());
    if shortage > 0 {
        return bucket.refuse(Some(shortage));
    }
    let after = Bucket { tat, ..bucket };
    Decision::Admitted {
        next: Tat(tat),
        remaining: after.remaining(),
        reset_after_ns: after.missing_ns(),
    }
}

/// Whether a state is of a clock that is ahead of `now` by more than readings of one clock differ: who
/// may have been held up since it read the clock reads it again, and only then decides.
pub fn is_ahead(quota: &Quota, Tat(tat): Tat, now: u64) -> bool {
    tat.saturating_sub(now) > quota.reach_ns().saturating_add(CLOCK_TOLERANCE_NS)
}

/// Charges what has been used already at `now`, whether it is in the bucket or not: where it is not,
/// the key owes it, and waits the longer. No more than the [debt](Quota::with_debt) there may be; of
/// a quota without one, the bucket is empty at most. Always [`Decision::Admitted`].
pub fn owe(quota: &Quota, state: Option<Tat>, now: u64, cost: u64) -> Decision {
    let bucket = Bucket::at(quota, state, now);
    let price = quota.interval_ns().saturating_mul(cost);
    let deepest = now.saturating_add(quota.deepest_ns());
    // Who is behind others with the clock takes nothing back of what they charged.
    let tat = bucket
        .tat
        .max(bucket.tat.saturating_add(price).min(deepest));
    let after = Bucket { tat, ..bucket };
    Decision::Admitted {
        next: Tat(tat),
        remaining: after.remaining(),
        reset_after_ns: after.missing_ns(),
    }
}

/// A key's bucket at an instant, its content counted in nanoseconds of refill.
struct Bucket<'q> {
    quota: &'q Quota,
    now: u64,
    /// Not before `now`.
    tat: u64,
    repaired: Option<Tat>,
}

impl<'q> Bucket<'q> {
    fn at(quota: &'q Quota, state: Option<Tat>, now: u64) -> Self {
        let tat = state.map_or(now, |Tat(tat)| tat.max(now));
        if !is_ahead(quota, Tat(tat), now) {
            return Self {
                quota,
                now,
                tat,
                repaired: None,
            };
        }
        // No overflow: the sum is smaller than the stored TAT.
        let empty = now.saturating_add(quota.refill_ns());
        Self {
            quota,
            now,
            tat: empty,
            repaired: Some(Tat(empty)),
        }
    }

    fn missing_ns(&self) -> u64 {
        self.tat.saturating_sub(self.now)
    }

    /// 0 also for a bucket that is emptier than empty, as one decider sees it whose clock is behind.
    fn content_ns(&self) -> u64 {
        self.quota.refill_ns().saturating_sub(self.missing_ns())
    }

    fn remaining(&self) -> u64 {
        let representable = u64::MAX - self.tat;
        self.content_ns().min(representable) / self.quota.interval_ns()
    }

    fn refuse(&self, shortage_ns: Option<u64>) -> Decision {
        // A bucket emptier than empty has to reach empty first.
        let debt = self.missing_ns().saturating_sub(self.quota.refill_ns());
        Decision::Refused {
            retry_after_ns: shortage_ns.map(|shortage| shortage.saturating_add(debt)),
            remaining: self.remaining(),
            reset_after_ns: self.missing_ns(),
            repaired: self.repaired,
        }
    }
}
