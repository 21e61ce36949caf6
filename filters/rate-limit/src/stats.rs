//! The counters of a limit. Envoy shows them as `wasmcustom.gatehouse.rate_limit.<what>.limit.<name>`.

use gatehouse_host::{Counter, HostError, Metrics};

/// What becomes of a request that a limit applies to. Each is counted once at most, and exactly once
/// unless another limit refused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Admitted,
    Refused,
    WouldRefuse,
}

/// Why a request was, or would have been, refused for another reason than its rate; or admitted
/// where `on_error` allows it; or that a bucket was lost, or
/// a place in flight not given back. Counted beside the [`Fate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    KeyMissing,
    KeyAmbiguous,
    Contended,
    StoreFailed,
    HostFailed,
    ExpressionFailed,
    Evicted,
    NotReleased,
}

impl Cause {
    /// In metrics and response-code details.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::KeyMissing => "key_missing",
            Self::KeyAmbiguous => "key_ambiguous",
            Self::Contended => "contended",
            Self::StoreFailed => "store_failed",
            Self::HostFailed => "host_failed",
            Self::ExpressionFailed => "expression_failed",
            Self::Evicted => "evicted",
            Self::NotReleased => "not_released",
        }
    }
}

/// Defines a counter of a limit.
#[inline(never)]
pub(crate) fn define(what: &str, limit: &str, metrics: &dyn Metrics) -> Result<Counter, HostError> {
    metrics.define_counter(&format!("gatehouse.rate_limit.{what}.limit.{limit}"))
}

pub(crate) struct Stats {
    admitted: Counter,
    refused: Counter,
    would_refuse: Counter,
    key_missing: Counter,
    key_ambiguous: Counter,
    contended: Counter,
    store_failed: Counter,
    host_failed: Counter,
    expression_failed: Counter,
    evicted: Counter,
    not_released: Counter,
}

impl Stats {
    pub(crate) fn define(limit: &str, metrics: &dyn Metrics) -> Result<Self, HostError> {
        let counter = |what: &str| define(what, limit, metrics);
        let cause = |cause: Cause| counter(cause.name());
        Ok(Self {
            admitted: counter("admitted")?,
            refused: counter("refused")?,
            would_refuse: counter("would_refuse")?,
            key_missing: cause(Cause::KeyMissing)?,
            key_ambiguous: cause(Cause::KeyAmbiguous)?,
            contended: cause(Cause::Contended)?,
            store_failed: cause(Cause::StoreFailed)?,
            host_failed: cause(Cause::HostFailed)?,
            expression_failed: cause(Cause::ExpressionFailed)?,
            evicted: cause(Cause::Evicted)?,
            not_released: cause(Cause::NotReleased)?,
        })
    }

    pub(crate) fn count_fate(&self, fate: Fate, metrics: &dyn Metrics) {
        let counter = match fate {
            Fate::Admitted => self.admitted,
            Fate::Refused => self.refused,
            Fate::WouldRefuse => self.would_refuse,
        };
        metrics.increment(counter, 1);
    }

    pub(crate) fn count_cause(&self, cause: Cause, metrics: &dyn Metrics) {
        let counter = match cause {
            Cause::KeyMissing => self.key_missing,
            Cause::KeyAmbiguous => self.key_ambiguous,
            Cause::Contended => self.contended,
            Cause::StoreFailed => self.store_failed,
            Cause::HostFailed => self.host_failed,
            Cause::ExpressionFailed => self.expression_failed,
            Cause::Evicted => self.evicted,
            Cause::NotReleased => self.not_released,
        };
        metrics.increment(counter, 1);
    }
}
