//! The counters of a limit whose requests do not all cost the same.

use super::Doubt;
use crate::stats::define;
use gatehouse_host::{Counter, HostError, Metrics};

/// The counters.
pub(crate) struct CostStats {
    cost: Counter,
    absent: Counter,
    malformed: Counter,
    encoded: Counter,
    capped: Counter,
}

impl CostStats {
    pub(crate) fn define(limit: &str, metrics: &dyn Metrics) -> Result<Self, HostError> {
        let counter = |what: &str| define(what, limit, metrics);
        Ok(Self {
            cost: counter("cost")?,
            absent: counter("cost_absent")?,
            malformed: counter("cost_malformed")?,
            encoded: counter("cost_encoded")?,
            capped: counter("cost_capped")?,
        })
    }

    /// Counts what has been charged.
    pub(crate) fn count_cost(&self, cost: u64, metrics: &dyn Metrics) {
        metrics.increment(self.cost, cost);
    }

    /// Counts a request whose cost is not what its source says.
    pub(crate) fn count_doubt(&self, doubt: Doubt, metrics: &dyn Metrics) {
        let counter = match doubt {
            Doubt::Absent => self.absent,
            Doubt::Malformed => self.malformed,
            Doubt::Encoded => self.encoded,
            Doubt::Capped => self.capped,
        };
        metrics.increment(counter, 1);
    }
}
