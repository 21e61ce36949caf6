//! The counters.

use crate::edit::Outcome;
use gatehouse_host::{Counter, Host, Metrics, Result};

/// `gatehouse.headers.…`; nothing is counted for a request to which all was done as written.
#[derive(Debug)]
pub(crate) struct Stats {
    missing_values: Counter,
    unsafe_values: Counter,
    /// A request that would have been changed, in report mode.
    pub(crate) would_change_requests: Counter,
    /// A response that would have been changed, in report mode.
    pub(crate) would_change_responses: Counter,
}

impl Stats {
    pub(crate) fn define(host: &dyn Host) -> Result<Self> {
        let counter = |what: &str| host.define_counter(&format!("gatehouse.headers.{what}"));
        Ok(Self {
            missing_values: counter("missing_values")?,
            unsafe_values: counter("unsafe_values")?,
            would_change_requests: counter("would_change_requests")?,
            would_change_responses: counter("would_change_responses")?,
        })
    }

    /// Counts an operation that did not do what it is for.
    pub(crate) fn count(&self, outcome: Outcome, host: &(impl Metrics + ?Sized)) {
        match outcome {
            Outcome::Done => {}
            Outcome::Missing => host.increment(self.missing_values, 1),
            Outcome::Unsafe => host.increment(self.unsafe_values, 1),
        }
    }
}
