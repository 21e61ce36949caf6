//! How much room a window has, and when it has more.

use super::here::Here;
use super::{Kind, Window};

impl Window {
    /// What of the window before weighs less and less.
    fn weighing(&self, previous: u64) -> u64 {
        previous.min(self.count())
    }

    /// What is owed of the window before.
    pub(super) fn owed_before(&self, here: &Here) -> u64 {
        match self.kind {
            Kind::Fixed => 0,
            Kind::Sliding => self.excess(here.previous).min(here.owed),
        }
    }

    /// What counts now, rounded up.
    pub(super) fn used(&self, here: &Here) -> u64 {
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

    pub(super) fn remaining(&self, here: &Here) -> u64 {
        self.count().saturating_sub(self.used(here))
    }

    pub(super) fn more_after(&self, here: &Here, remaining: u64) -> Option<u64> {
        match remaining < self.count() {
            true => self.wait(here, remaining.saturating_add(1)),
            false => None,
        }
    }

    /// Nanoseconds until a request of a cost has room that has none now.
    pub(super) fn wait(&self, here: &Here, cost: u64) -> Option<u64> {
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
