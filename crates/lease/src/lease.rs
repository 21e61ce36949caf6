//! One lease.

const SECOND_NS: u64 = 1_000_000_000;

/// Nothing is known of it.
const UNKNOWN: u64 = u64::MAX;

/// How a limit's quota is leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How much is asked for at once. At least 1.
    pub share: u64,
    /// The period of the limit in nanoseconds: no lease is longer.
    pub period_ns: u64,
    /// After so many nanoseconds a question will not be answered any more.
    pub patience_ns: u64,
}

/// What is held of a quota, and what is known of the rest. Times are nanoseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// When the window ends; what follows is true until then.
    pub(crate) until: u64,
    /// What is left to serve.
    pub(crate) held: u64,
    /// So much, or more, the service refused.
    pub(crate) refused: u64,
    /// What the service said was left, beyond what is held.
    pub(crate) told: u64,
    /// When a share was asked for, if that is not answered yet; else 0. True beyond the window.
    pub(crate) asked: u64,
}

impl Default for Lease {
    /// Nothing is held and nothing is known.
    fn default() -> Self {
        Self {
            until: 0,
            held: 0,
            refused: UNKNOWN,
            told: UNKNOWN,
            asked: 0,
        }
    }
}

/// What becomes of a request that wants some of a lease. A lease in it is to be stored, and what is said
/// holds only if no other worker stored one in the meantime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is served.
    Served {
        /// With what the request costs taken off.
        lease: Lease,
        /// So much is to be asked for ahead of need.
        ask: Option<u64>,
    },
    /// There is not enough: so much is to be asked for, a share, while the request waits.
    Short {
        /// So much.
        ask: u64,
        /// With a mark that it is asked for.
        lease: Lease,
    },
    /// There is not enough, and a share is not to be had, or would not be enough either, or is being asked
    /// for: what the request costs is to be asked for, for this request alone. Nothing is to be stored.
    Alone {
        /// Whether somebody is asking for a share right now.
        somebody_asks: bool,
    },
    /// It is over the limit, for so many nanoseconds.
    Over {
        /// Until the window ends.
        retry_after_ns: u64,
    },
}

impl Terms {
    /// With less than this left, the next share is asked for.
    fn low_water(&self) -> u64 {
        self.share / 4
    }

    /// The most that a proxy holds of a key, by shares: what is left when the next one is asked for, and
    /// that one.
    pub fn most_held(&self) -> u64 {
        self.share
            .saturating_add(self.low_water().saturating_sub(1))
    }
}

impl Lease {
    /// What a request that costs so much gets. A cost of 0 is served always.
    pub fn take(&self, terms: &Terms, now: u64, cost: u64) -> Taken {
        let lease = self.at(terms, now);
        if let Some(held) = lease.held.checked_sub(cost) {
            let served = Self { held, ..lease };
            let ask = match cost > 0 && held < terms.low_water() && lease.nobody_asks() {
                true => served.share(terms).filter(|share| *share > 0),
                false => None,
            };
            let asked = if ask.is_some() { now } else { lease.asked };
            let lease = Self { asked, ..served };
            return Taken::Served { lease, ask };
        }
        if cost >= lease.refused {
            let retry_after_ns = lease.until.saturating_sub(now);
            return Taken::Over { retry_after_ns };
        }
        // What is held already counts too.
        let missing = cost.saturating_sub(lease.held);
        let share = lease.share(terms).filter(|share| *share > missing);
        match (share, lease.nobody_asks()) {
            (Some(ask), true) => Taken::Short {
                ask,
                lease: Self {
                    asked: now,
                    ..lease
                },
            },
            (_, nobody_asks) => Taken::Alone {
                somebody_asks: !nobody_asks,
            },
        }
    }

    /// What a grant of so many makes of it. `reset_ns` is when the service's window ends, `told` what the
    /// service says is left; each where it says so.
    #[must_use]
    pub fn granted(
        &self,
        terms: &Terms,
        now: u64,
        units: u64,
        reset_ns: Option<u64>,
        told: Option<u64>,
    ) -> Self {
        let before = self.at(terms, now);
        let until = now.saturating_add(reset_ns.unwrap_or(UNKNOWN).min(terms.period_ns));
        // The service says when a window ends in whole seconds, so that of one window it seems to end now
        // here, now there.
        let new_window = reset_ns.is_some() && until > before.until.saturating_add(SECOND_NS);
        let (held, until) = match before.held {
            0 => (units, until),
            _ if new_window => (units, until),
            held => (held.saturating_add(units), until.min(before.until)),
        };
        Self {
            until,
            held,
            refused: UNKNOWN,
            told: told.unwrap_or(UNKNOWN),
            asked: 0,
        }
    }

    /// What a refusal of so many makes of it; `reset_ns` and `told` as for a grant.
    #[must_use]
    pub fn refused(
        &self,
        terms: &Terms,
        now: u64,
        units: u64,
        reset_ns: Option<u64>,
        told: Option<u64>,
    ) -> Self {
        let before = self.at(terms, now);
        // What is held was granted, whatever is refused beyond it, and nobody says that its window ends.
        if before.held > 0 && reset_ns.is_none() {
            return Self { asked: 0, ..before };
        }
        let until = now.saturating_add(reset_ns.unwrap_or(SECOND_NS).min(terms.period_ns));
        Self {
            until: match before.held {
                0 => until,
                _ => until.min(before.until),
            },
            held: before.held,
            refused: units.min(before.refused),
            told: told.unwrap_or(before.told),
            asked: 0,
        }
    }

    /// What a question that came to nothing makes of it: somebody else may ask.
    #[must_use]
    pub fn unanswered(&self) -> Self {
        Self { asked: 0, ..*self }
    }

    /// What is left to serve at this time.
    pub fn held(&self, terms: &Terms, now: u64) -> u64 {
        self.at(terms, now).held
    }

    /// What is left altogether, as far as is known: what is held, and what the service said was left.
    pub fn remaining(&self, terms: &Terms, now: u64) -> u64 {
        let lease = self.at(terms, now);
        match lease.told {
            UNKNOWN => lease.held,
            told => lease.held.saturating_add(told),
        }
    }

    /// Nanoseconds until the window ends.
    pub fn reset_ns(&self, terms: &Terms, now: u64) -> u64 {
        self.at(terms, now).until.saturating_sub(now)
    }

    /// What is left of it at a time: nothing after its window; nor where its window ends later than any
    /// can, since then the clock was set back.
    fn at(&self, terms: &Terms, now: u64) -> Self {
        let latest = now
            .saturating_add(terms.period_ns)
            .saturating_add(SECOND_NS);
        let lease = match now < self.until && self.until <= latest {
            true => *self,
            false => Self::default(),
        };
        let is_late = now.saturating_sub(self.asked) >= terms.patience_ns;
        let is_ahead = self.asked > now.saturating_add(SECOND_NS);
        Self {
            asked: if is_late || is_ahead { 0 } else { self.asked },
            ..lease
        }
    }

    fn nobody_asks(&self) -> bool {
        self.asked == 0
    }

    /// How much to ask for: a share, or what is left of the quota if that is less. Nothing where that
    /// was refused.
    fn share(&self, terms: &Terms) -> Option<u64> {
        let share = terms.share.min(self.told);
        (share < self.refused).then_some(share)
    }
}
