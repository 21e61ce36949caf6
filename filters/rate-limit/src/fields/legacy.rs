//! `X-RateLimit-Limit`, `X-RateLimit-Remaining`, `X-RateLimit-Reset`: what clients knew before there was a
//! draft.
//!
//! They have room for one limit, so of several the strictest is told: the one that refuses, with the
//! longest wait, or else the one with the least left. The reset is in seconds from now, as Envoy and the
//! draft's third version have it, not the time of day that GitHub writes: no clocks need agree.

use super::whole_seconds;
use crate::store::Found;
use gatehouse_limit_table::{Algorithm, Decision};

/// What is said of the strictest limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Legacy {
    /// What there is at most.
    most: u64,
    decision: Decision,
}

const LIMIT: &str = "x-ratelimit-limit";
const REMAINING: &str = "x-ratelimit-remaining";
const RESET: &str = "x-ratelimit-reset";

impl Legacy {
    /// Of one limit.
    pub(super) fn of(found: &Found<'_>) -> Self {
        Self {
            most: match found.window.algorithm {
                Algorithm::Gcra(quota) => quota.burst(),
                Algorithm::Window(window) => window.count(),
                Algorithm::Concurrency(capacity) => capacity.limit().into(),
            },
            decision: found.decision,
        }
    }

    /// The stricter of both; of two that are as strict, the first.
    pub(super) fn or(self, other: Self) -> Self {
        match other.decision.is_stricter_than(&self.decision) {
            true => other,
            false => self,
        }
    }

    /// Names and values; no value where what an upstream says is to go, since nobody knows better.
    pub(super) fn headers(&self) -> [(&'static str, Option<String>); 3] {
        let standing = &self.decision.standing;
        let reset = match standing.more_in_ns {
            Some(nanos) => Some(whole_seconds(nanos)),
            // Nothing is taken: there is all there ever is.
            None => (standing.remaining >= self.most).then_some(0),
        };
        [
            (LIMIT, Some(self.most.to_string())),
            (REMAINING, Some(standing.remaining.to_string())),
            (RESET, reset.map(|seconds| seconds.to_string())),
        ]
    }
}
