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
    /// When the first and the second question under way began, to two nanoseconds; else 0. Odd where the other one was
    /// answered since: what the service says was left may be older than what is known. True beyond the window, as is
    /// what follows.
    pub(crate) asked: [u64; 2],
    /// What these two ask for.
    pub(crate) asked_for: u64,
}

/// Which of the questions under way one is: each worker may have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// For a share.
    First,
    /// For half a share, while the first is not answered.
    Second,
    /// For what those need that wait, while two are not answered. Nothing is known of it to others.
    Further,
}

impl Default for Lease {
    /// Nothing is held and nothing is known.
    fn default() -> Self {
        Self {
            until: 0,
            held: 0,
            refused: UNKNOWN,
            told: UNKNOWN,
            asked: [0; 2],
            asked_for: 0,
        }
    }
}

/// So much is to be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// At least 1.
    pub units: u64,
    /// To be said of what comes of it.
    pub turn: Turn,
}

/// What becomes of a request that wants some of a lease. A lease in it is to be stored, and what is said
/// holds only if no other worker stored one in the meantime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is served.
    Served {
        /// With what the request costs taken off, and a mark that more is asked for, if it is.
        lease: Lease,
        /// What is to be asked for ahead of need.
        ask: Option<Ask>,
    },
    /// There is not enough: the request waits, for a question of this worker that is under way, or for this one.
    Short {
        /// What is to be asked for where none is.
        ask: Ask,
        /// With a mark that it is. To be stored only where something is asked, and for a [`Turn::Further`] one not at all.
        lease: Lease,
    },
    /// There is not enough, and a share would not be either: what the request costs is to be asked for, for
    /// this request alone. Nothing is to be stored.
    Alone,
    /// It is over the limit, for so many nanoseconds.
    Over {
        /// Until the window ends.
        retry_after_ns: u64,
    },
}

/// A service that says 0 has rounded down: what it granted is not thrown away.
fn at_least_a_second(reset_ns: u64) -> u64 {
    reset_ns.max(SECOND_NS)
}

impl Terms {
    /// With less than this left, the next share is asked for.
    fn low_water(&self) -> u64 {
        self.share / 4
    }

    /// The most that a proxy holds of a key, beside what those requests cost that wait for it: what is left
    /// when the next share is asked for, that one, and the half that another worker asks for meanwhile.
    pub fn most_held(&self) -> u64 {
        self.share
            .saturating_add(self.share / 2)
            .saturating_add(self.low_water().saturating_sub(1))
    }
}

impl Lease {
    /// What a request that costs so much gets. A cost of 0 is served always. So much others cost that wait in
    /// this worker, and have to be asked for too.
    pub fn take(&self, terms: &Terms, now: u64, cost: u64, waiting: u64) -> Taken {
        let lease = self.at(terms, now);
        if let Some(held) = lease.held.checked_sub(cost) {
            let served = Self { held, ..lease };
            let is_low = cost > 0 && held < terms.low_water();
            let units = lease.sensible(terms.share, waiting);
            if is_low && lease.turn() == Turn::First && units > 0 && units < lease.refused {
                let turn = Turn::First;
                let lease = served.marked(turn, units, now);
                let ask = Some(Ask { units, turn });
                return Taken::Served { lease, ask };
            }
            return Taken::Served {
                lease: served,
                ask: None,
            };
        }
        if cost >= lease.refused {
            let retry_after_ns = lease.until.saturating_sub(now);
            return Taken::Over { retry_after_ns };
        }
        // What is held already counts too.
        let missing = cost.saturating_sub(lease.held);
        if missing >= terms.share {
            return Taken::Alone;
        }
        let turn = lease.turn();
        let share = match turn {
            Turn::First => terms.share,
            Turn::Second => terms.share / 2,
            Turn::Further => 0,
        };
        let units = lease.sensible(share, missing.saturating_add(waiting));
        let units = units.min(lease.likely()).max(missing);
        Taken::Short {
            ask: Ask { units, turn },
            lease: lease.marked(turn, units, now),
        }
    }

    /// What a grant of what was asked for makes of it. `reset_ns` is when the service's window ends, `told` what the
    /// service says is left; each where it says so.
    #[must_use]
    pub fn granted(
        &self,
        terms: &Terms,
        now: u64,
        ask: Ask,
        reset_ns: Option<u64>,
        told: Option<u64>,
    ) -> Self {
        let lease = self.at(terms, now);
        let before = lease.ended(ask);
        let reset_ns = reset_ns.map(at_least_a_second);
        let until = now.saturating_add(reset_ns.unwrap_or(UNKNOWN).min(terms.period_ns));
        // The service says when a window ends in whole seconds, and its answer takes a while, so that of one window it
        // seems to end now here, now there.
        let tolerance = SECOND_NS.saturating_add(lease.waited(terms, now, ask.turn));
        let new_window = reset_ns.is_some() && until > before.until.saturating_add(tolerance);
        let (held, until) = match before.held {
            0 => (ask.units, until),
            _ if new_window => (ask.units, until),
            held => (held.saturating_add(ask.units), until.min(before.until)),
        };
        // Twice as much was refused at least: should there be more after all, that is soon a share again.
        let refused = match reset_ns {
            Some(_) if !new_window && ask.units < before.refused => {
                before.refused.saturating_mul(2)
            }
            _ => UNKNOWN,
        };
        Self {
            until,
            held,
            refused,
            told: match told {
                Some(told) if !new_window && lease.is_overtaken(ask.turn) => told.min(before.told),
                _ => told.unwrap_or(UNKNOWN),
            },
            ..before
        }
    }

    /// What a refusal of what was asked for makes of it; `reset_ns` and `told` as for a grant.
    #[must_use]
    pub fn refused(
        &self,
        terms: &Terms,
        now: u64,
        ask: Ask,
        reset_ns: Option<u64>,
        told: Option<u64>,
    ) -> Self {
        let before = self.at(terms, now);
        // What is held was granted, whatever is refused beyond it, and nobody says that its window ends. The
        // mark stays if it was ahead of need, so that nobody asks ahead again before the mark is forgotten.
        if before.held > 0 && reset_ns.is_none() {
            return match ask.turn {
                Turn::First => before,
                _ => before.ended(ask),
            };
        }
        let before = before.ended(ask);
        let reset_ns = reset_ns.map(at_least_a_second);
        let until = now.saturating_add(reset_ns.unwrap_or(SECOND_NS).min(terms.period_ns));
        Self {
            until: match before.held {
                0 => until,
                _ => until.min(before.until),
            },
            refused: ask.units.min(before.refused),
            told: told.unwrap_or(before.told),
            ..before
        }
    }

    /// What the end of a question makes of it, and all that one does that came to nothing: somebody else may ask.
    #[must_use]
    pub fn ended(&self, ask: Ask) -> Self {
        let [first, second] = self.asked;
        let overtaken = |asked: u64| if asked == 0 { 0 } else { asked | 1 };
        let asked = match ask.turn {
            Turn::First => [0, overtaken(second)],
            Turn::Second => [overtaken(first), 0],
            Turn::Further => return *self,
        };
        let asked_for = self.asked_for.saturating_sub(ask.units);
        let ended = Self {
            asked,
            asked_for,
            ..*self
        };
        ended.settled()
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
        let asked = self.asked.map(|asked| {
            let is_late = now.saturating_sub(asked) >= terms.patience_ns;
            let is_ahead = asked > now.saturating_add(SECOND_NS);
            if is_late || is_ahead { 0 } else { asked }
        });
        Self { asked, ..lease }.settled()
    }

    /// Whose turn it is to ask.
    fn turn(&self) -> Turn {
        match self.asked {
            [0, _] => Turn::First,
            [_, 0] => Turn::Second,
            _ => Turn::Further,
        }
    }

    /// With a mark that so much is asked for.
    pub(crate) fn marked(&self, turn: Turn, units: u64, now: u64) -> Self {
        let [first, second] = self.asked;
        let now = (now & !1).max(2);
        let asked = match turn {
            Turn::First => [now, second],
            Turn::Second => [first, now],
            Turn::Further => return *self,
        };
        Self {
            asked,
            asked_for: self.asked_for.saturating_add(units),
            ..*self
        }
    }

    /// How long a question has been under way, at most.
    fn waited(&self, terms: &Terms, now: u64, turn: Turn) -> u64 {
        let [first, second] = self.asked;
        match (turn, first, second) {
            (Turn::First, asked @ 1.., _) | (Turn::Second, _, asked @ 1..) => {
                now.saturating_sub(asked)
            }
            _ => terms.patience_ns,
        }
    }

    /// Whether another question was answered while this one was under way.
    fn is_overtaken(&self, turn: Turn) -> bool {
        let [first, second] = self.asked;
        match turn {
            Turn::First => first & 1 == 1,
            Turn::Second => second & 1 == 1,
            Turn::Further => true,
        }
    }

    /// Nothing is asked for where nobody asks.
    fn settled(&self) -> Self {
        match self.asked {
            [0, 0] => Self {
                asked_for: 0,
                ..*self
            },
            _ => *self,
        }
    }

    /// A share, or what is needed where that is more, as far as it is there by what the service said. What is refused
    /// may be lost, and what it said may be old, so no more than a share is asked for that is more than half of it.
    fn sensible(&self, share: u64, needed: u64) -> u64 {
        let left = match self.told {
            UNKNOWN => UNKNOWN,
            told => told.saturating_sub(self.asked_for),
        };
        let half = if left == UNKNOWN { UNKNOWN } else { left / 2 };
        share.min(left).max(needed.min(half))
    }

    /// What the service may still have, where it refused more: a quarter of that is soon found, and soon used up.
    fn likely(&self) -> u64 {
        match self.refused {
            UNKNOWN => UNKNOWN,
            refused => refused / 4,
        }
    }
}
