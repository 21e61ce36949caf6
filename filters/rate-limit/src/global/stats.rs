//! The counters of a global store: of calls, and of each limit beside those of `stats.rs`.

use super::outcome::Failure;
use crate::stats::define;
use gatehouse_host::{Counter, HostError, Metrics};

/// Calls of the service. Envoy shows them as `wasmcustom.gatehouse.rate_limit.service.<what>`.
pub(crate) struct ServiceStats {
    calls: Counter,
    not_sent: Counter,
    timed_out: Counter,
    status: Counter,
    malformed: Counter,
}

impl ServiceStats {
    pub(crate) fn define(metrics: &dyn Metrics) -> Result<Self, HostError> {
        let counter =
            |what: &str| metrics.define_counter(&format!("gatehouse.rate_limit.service.{what}"));
        Ok(Self {
            calls: counter("calls")?,
            not_sent: counter("not_sent")?,
            timed_out: counter("timed_out")?,
            status: counter("status")?,
            malformed: counter("malformed")?,
        })
    }

    pub(crate) fn count_call(&self, metrics: &dyn Metrics) {
        metrics.increment(self.calls, 1);
    }

    pub(crate) fn count_failure(&self, failure: &Failure, metrics: &dyn Metrics) {
        let counter = match failure {
            Failure::NotSent(_) | Failure::Full => self.not_sent,
            Failure::TimedOut => self.timed_out,
            Failure::Status(..) => self.status,
            Failure::Malformed(_) | Failure::TooLong(_) | Failure::Host(_) => self.malformed,
        };
        metrics.increment(counter, 1);
    }
}

/// Of one limit. Envoy shows them as `wasmcustom.gatehouse.rate_limit.<what>.limit.<name>`.
pub(crate) struct GlobalStats {
    /// Requests that the service said nothing of.
    pub(crate) service_failed: Counter,
    /// Answers that say that the service has no such limit.
    pub(crate) unlimited: Counter,
    /// Requests that were served from a lease.
    pub(crate) leased: Counter,
}

impl GlobalStats {
    pub(crate) fn define(limit: &str, metrics: &dyn Metrics) -> Result<Self, HostError> {
        let counter = |what: &str| define(what, limit, metrics);
        Ok(Self {
            service_failed: counter("service_failed")?,
            unlimited: counter("unlimited")?,
            leased: counter("leased")?,
        })
    }
}
