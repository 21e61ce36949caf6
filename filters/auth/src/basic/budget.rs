//! How much of a worker's time passwords may take.
//!
//! What was spent is forgotten at the configured share of the time that passes. While more than
//! [`BURST_NS`] is not forgotten yet, nothing more is spent. So in every window of `e` nanoseconds at
//! most `BURST_NS + share · e` is, and the verification that goes beyond it: for all users together,
//! whatever the limits of failures are, for good passwords too.
//!
//! A verification counts with what it was expected to take or what it took, whichever is more: an
//! estimate for a faster machine would let twice the share be spent. What the clock says is not
//! believed beyond [`MOST_TIMES_EXPECTED`] times the estimate: it may have been set meanwhile. Where
//! the clock goes back, nothing is forgotten until it goes on.

use std::cell::Cell;
use std::time::Duration;

/// What may be spent at once: users that come after a restart, all at the same time.
pub(super) const BURST_NS: u64 = 1_000_000_000;

/// See the module's documentation.
const MOST_TIMES_EXPECTED: u64 = 10;

/// The time of one worker.
pub(super) struct Budget {
    /// Of a hundred.
    share: u8,
    spent_ns: Cell<u64>,
    /// When that was.
    as_of: Cell<u64>,
    /// Whether something was refused since nothing was owed.
    has_refused: Cell<bool>,
}

/// Nothing is to be spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    /// For so long.
    pub(super) wait: Duration,
    /// Whether that is new.
    pub(super) is_first: bool,
}

impl Budget {
    /// So much of a hundred; not zero.
    pub(super) fn new(share: u8) -> Self {
        Self {
            share: share.max(1),
            spent_ns: Cell::new(0),
            as_of: Cell::new(0),
            has_refused: Cell::new(false),
        }
    }

    /// Whether a verification has to wait.
    pub(super) fn refuses(&self, now: u64) -> Option<Refusal> {
        let spent = self.spent(now);
        if spent == 0 {
            self.has_refused.set(false);
        }
        if spent < BURST_NS {
            return None;
        }
        // Until less than the burst is owed.
        let excess = (spent - BURST_NS).saturating_add(1);
        let wait = excess.saturating_mul(100).div_ceil(self.share.into());
        Some(Refusal {
            wait: Duration::from_nanos(wait),
            is_first: !self.has_refused.replace(true),
        })
    }

    /// Counts a verification.
    pub(super) fn spend(&self, expected_ns: u64, begun: u64, ended: u64) {
        let most = expected_ns.saturating_mul(MOST_TIMES_EXPECTED);
        let taken = ended.saturating_sub(begun).min(most);
        let spent = self.spent(ended);
        self.spent_ns
            .set(spent.saturating_add(taken.max(expected_ns)));
    }

    /// What is not forgotten yet.
    fn spent(&self, now: u64) -> u64 {
        let passed = now.saturating_sub(self.as_of.replace(now));
        let forgotten = (passed / 100).saturating_mul(self.share.into());
        let spent = self.spent_ns.get().saturating_sub(forgotten);
        self.spent_ns.set(spent);
        spent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_767_225_600_000_000_000;
    const MS: u64 = 1_000_000;

    /// At these milliseconds, in order: whether a verification of 100 ms is let in.
    fn verdicts(share: u8, at: impl IntoIterator<Item = u64>) -> Vec<bool> {
        let budget = Budget::new(share);
        let at = at.into_iter().map(|at| NOW + at * MS);
        at.map(|now| {
            let refused = budget.refuses(now).is_some();
            if !refused {
                budget.spend(100 * MS, now, now);
            }
            !refused
        })
        .collect()
    }

    #[test]
    fn a_share_of_the_time() {
        // A flood for a minute, every ten milliseconds.
        for (share, expected) in [(1, 16), (20, 130), (50, 310), (100, 610)] {
            let let_in = verdicts(share, (0..6_000).map(|at| at * 10));
            let count = let_in.iter().filter(|let_in| **let_in).count();
            assert_eq!(count, expected, "{share}%");
        }
    }

    #[test]
    fn a_burst_and_then_one_at_a_time() {
        let mut at = vec![0; 11];
        at.extend([499, 500, 500, 1_000, 100_000]);
        at.extend([100_000; 10]);
        let verdicts = verdicts(20, at);
        assert_eq!(verdicts[..11], [vec![true; 10], vec![false]].concat());
        assert_eq!(verdicts[11..16], [true, false, false, true, true]);
        assert_eq!(verdicts[16..], [vec![true; 9], vec![false]].concat());
    }

    #[test]
    fn what_is_counted() {
        let cases = [
            ("as expected", 100, 100, 100),
            ("faster", 100, 50, 100),
            ("slower", 100, 300, 300),
            ("the clock went back", 100, -1_000_000, 100),
            ("the clock went on by an hour", 100, 3_600_000, 1_000),
        ];
        for (name, expected, took, counted) in cases {
            let budget = Budget::new(20);
            let ended = NOW.saturating_add_signed(took * MS as i64);
            budget.spend(expected * MS, NOW, ended);
            assert_eq!(budget.spent(ended), counted * MS, "{name}");
        }
    }

    #[test]
    fn the_wait_is_long_enough_and_no_longer() {
        for share in [1, 7, 20, 100] {
            for cost in [1_000 * MS, 1_001 * MS, 3_300 * MS] {
                let budget = Budget::new(share);
                budget.spend(cost, NOW, NOW);
                let wait = budget.refuses(NOW).unwrap().wait;
                let until = NOW + u64::try_from(wait.as_nanos()).unwrap();
                // What is forgotten is counted in hundreds of nanoseconds.
                assert!(budget.refuses(until - 200).is_some(), "{share} {cost}");
                assert!(budget.refuses(until + 200).is_none(), "{share} {cost}");
            }
        }
    }

    #[test]
    fn it_is_said_once_until_nothing_is_owed() {
        let budget = Budget::new(20);
        let is_first = |at: u64| {
            budget
                .refuses(NOW + at * MS)
                .map(|refusal| refusal.is_first)
        };
        budget.spend(1_000 * MS, NOW, NOW);
        assert_eq!(is_first(0), Some(true));
        assert_eq!(is_first(0), Some(false));
        assert_eq!(is_first(1_000), None);
        budget.spend(1_000 * MS, NOW + 1_000 * MS, NOW + 1_000 * MS);
        assert_eq!(is_first(1_000), Some(false));
        assert_eq!(is_first(60_000), None);
        budget.spend(1_000 * MS, NOW + 60_000 * MS, NOW + 60_000 * MS);
        assert_eq!(is_first(60_000), Some(true));
    }

    #[test]
    fn jumps_of_the_clock() {
        let budget = Budget::new(20);
        budget.spend(2_000 * MS, NOW, NOW);
        assert!(budget.refuses(NOW).is_some());
        // Back: what is owed stays, and is forgotten as time goes on from there.
        let back = NOW - 3_600_000 * MS;
        assert!(budget.refuses(back).is_some());
        assert!(budget.refuses(back + 4_000 * MS).is_some());
        assert!(budget.refuses(back + 6_000 * MS).is_none());
        for now in [0, u64::MAX, 0, u64::MAX] {
            budget.spend(u64::MAX, now, now);
            budget.refuses(now);
        }
    }
}
