//! The counters.

use gatehouse_header_operations::Outcome;
use gatehouse_host::{Counter, Host, Metrics, Result};

/// `gatehouse.headers.…`; nothing is counted for a request to which all was done as written.
#[derive(Debug)]
pub(crate) struct Stats {
    missing_values: Counter,
    unsafe_values: Counter,
    /// A match whose expression could not be evaluated.
    pub(crate) failed_expressions: Counter,
    /// A request that was denied, since it could not be given its path or host.
    pub(crate) denied: Counter,
    /// A request that would have been denied, in report mode.
    pub(crate) would_deny: Counter,
    /// A preflight that was answered, or would have been.
    pub(crate) preflights: Counter,
    /// One whose origin is not allowed.
    pub(crate) refused_preflights: Counter,
    /// A request that would have been changed, in report mode.
    pub(crate) would_change_requests: Counter,
    /// A response that would have been changed, in report mode.
    pub(crate) would_change_responses: Counter,
    /// Trailers that would have been changed, in report mode.
    pub(crate) would_change_trailers: Counter,
}

impl Stats {
    pub(crate) fn define(host: &dyn Host) -> Result<Self> {
        let counter = |what: &str| host.define_counter(&format!("gatehouse.headers.{what}"));
        Ok(Self {
            missing_values: counter("missing_values")?,
            unsafe_values: counter("unsafe_values")?,
            failed_expressions: counter("failed_expressions")?,
            denied: counter("denied_requests")?,
            would_deny: counter("would_deny_requests")?,
            preflights: counter("cors_preflights")?,
            refused_preflights: counter("cors_refused_preflights")?,
            would_change_requests: counter("would_change_requests")?,
            would_change_responses: counter("would_change_responses")?,
            would_change_trailers: counter("would_change_trailers")?,
        })
    }

    /// Counts an operation that did not do what it is for.
    pub(crate) fn count(&self, outcome: Outcome, host: &(impl Metrics + ?Sized)) {
        match outcome {
            Outcome::Done | Outcome::Denied(_) => {}
            Outcome::Missing => host.increment(self.missing_values, 1),
            Outcome::Unsafe => host.increment(self.unsafe_values, 1),
        }
    }
}
