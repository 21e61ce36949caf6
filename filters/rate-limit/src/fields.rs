//! What responses say about limits: draft-ietf-httpapi-ratelimit-headers-10, or the headers before it
//! (`legacy`); and `Retry-After`.
//!
//! `RateLimit-Policy` has the rate as configured (`q` requests in `w` seconds), `RateLimit` what is
//! in the bucket (`r`), which is the burst at most, and the seconds until one more is (`t`). A full
//! bucket has no `t`. With several limits both fields list all of them, in the order of the
//! configuration.

mod legacy;

use crate::store::Found;
use gatehouse_host::Result;
use gatehouse_limit_config::ResponseHeaders;
use gatehouse_limit_table::Standing;
use legacy::Legacy;
use std::rc::Rc;

const SECOND_NS: u64 = 1_000_000_000;

/// The largest Integer of a structured field (RFC 9651, 3.3.1).
const LARGEST: u64 = 999_999_999_999_999;

/// What a response says of limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fields {
    Ietf(Ietf),
    Legacy(Legacy),
}

impl Fields {
    /// Adds what one limit says to what those before it said.
    pub(crate) fn add(
        before: Option<Self>,
        style: ResponseHeaders,
        limit: &str,
        found: &Found<'_>,
    ) -> Option<Self> {
        match (style, before) {
            (ResponseHeaders::None, _) => None,
            (ResponseHeaders::Legacy, Some(Self::Legacy(before))) => {
                Some(Self::Legacy(before.or(Legacy::of(found))))
            }
            (ResponseHeaders::Legacy, _) => Some(Self::Legacy(Legacy::of(found))),
            (ResponseHeaders::Ietf, before) => {
                let (policy, standing) = (&found.window.policy, &found.decision.standing);
                Some(Self::Ietf(match before {
                    Some(Self::Ietf(before)) => before.and(policy, limit, standing),
                    _ => Ietf::of(policy, limit, standing),
                }))
            }
        }
    }

    /// Hands over names and values; no value where what an upstream says is to go.
    ///
    /// # Errors
    /// Those of `put`.
    pub(crate) fn put(
        &self,
        put: &mut dyn FnMut(&'static str, Option<&str>) -> Result<()>,
    ) -> Result<()> {
        match self {
            Self::Ietf(ietf) => {
                let fields = [
                    ("ratelimit-policy", ietf.policy()),
                    ("ratelimit", &*ietf.limits),
                ];
                fields
                    .into_iter()
                    .try_for_each(|(name, value)| put(name, Some(value)))
            }
            Self::Legacy(legacy) => {
                let mut fields = legacy.headers().into_iter();
                fields.try_for_each(|(name, value)| put(name, value.as_deref()))
            }
        }
    }
}

/// The values of both fields of the draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ietf {
    policy: Policy,
    limits: String,
}

/// The value of `RateLimit-Policy`: of one limit, as it was written with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Policy {
    One(Rc<str>),
    Several(String),
}

impl Ietf {
    /// Of one limit.
    fn of(policy: &Rc<str>, limit: &str, standing: &Standing) -> Self {
        let mut limits = String::new();
        push_item(&mut limits, limit, standing);
        Self {
            policy: Policy::One(Rc::clone(policy)),
            limits,
        }
    }

    /// With an item more in each.
    fn and(mut self, policy: &str, limit: &str, standing: &Standing) -> Self {
        let mut policies = match self.policy {
            Policy::One(first) => first.as_ref().to_owned(),
            Policy::Several(policies) => policies,
        };
        policies.push_str(", ");
        policies.push_str(policy);
        self.limits.push_str(", ");
        push_item(&mut self.limits, limit, standing);
        Self {
            policy: Policy::Several(policies),
            limits: self.limits,
        }
    }

    fn policy(&self) -> &str {
        match &self.policy {
            Policy::One(policy) => policy,
            Policy::Several(policies) => policies,
        }
    }
}

/// Adds an item of `RateLimit`.
fn push_item(limits: &mut String, limit: &str, standing: &Standing) {
    // Enough for two numbers: it does not grow while it is written.
    limits.reserve(limit.len() + 40);
    limits.push('"');
    limits.push_str(limit);
    limits.push_str("\";r=");
    push_number(limits, standing.remaining.min(LARGEST));
    if let Some(more_in_ns) = standing.more_in_ns {
        limits.push_str(";t=");
        push_number(limits, whole_seconds(more_in_ns));
    }
}

/// Decimal digits, at a part of what formatting costs: there are two numbers on each response.
fn push_number(text: &mut String, number: u64) {
    text.push_str(itoa::Buffer::new().format(number));
}

/// Whole seconds, rounded up, at least 1: a client that waits so long does not come too early.
pub(crate) fn whole_seconds(nanos: u64) -> u64 {
    nanos.div_ceil(SECOND_NS).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatehouse_gcra::Quota;
    use gatehouse_limit_slot::State;
    use gatehouse_limit_table::{Algorithm, Retry};
    use std::time::Duration;

    const NOW: u64 = 1_767_225_600_000_000_000;

    fn at(until: u64) -> Option<State> {
        Some(State {
            until,
            counts: [0; 2],
        })
    }

    #[test]
    fn standings() {
        // One in 600 ms, 20 at once.
        let quota = Quota::new(100, Duration::from_secs(60), 20).unwrap();
        let interval = quota.interval_ns();
        let in_bucket = |requests: u64| at(NOW + (20 - requests) * interval);
        let later = |nanos: u64| at(NOW + 20 * interval + nanos);
        let cases = [
            ("read: never seen", None, 0, r#""a";r=20"#),
            ("first of a bucket", None, 1, r#""a";r=19;t=1"#),
            ("last", in_bucket(1), 1, r#""a";r=0;t=1"#),
            ("none", in_bucket(0), 1, r#""a";r=0;t=1"#),
            ("one who is behind", later(900_000_000), 1, r#""a";r=0;t=2"#),
        ];
        for (name, state, cost, expected) in cases {
            let decision = Algorithm::Gcra(quota).decide(state, NOW, cost);
            let mut limits = String::new();
            push_item(&mut limits, "a", &decision.standing);
            assert_eq!(limits, expected, "{name}");
        }
    }

    #[test]
    fn the_wait_for_one_more_is_that_of_a_refused_request() {
        let quota = Quota::new(7, Duration::from_secs(1), 3).unwrap();
        for ahead in (0..700_000_000).step_by(1_234_567) {
            let decision = Algorithm::Gcra(quota).decide(at(NOW + ahead), NOW, 1);
            let Some(Retry::After(wait)) = decision.refused else {
                continue;
            };
            assert_eq!(decision.standing.more_in_ns, Some(wait), "{ahead}");
        }
    }

    #[test]
    fn seconds_are_rounded_up_and_never_zero() {
        let cases = [
            (0, 1),
            (1, 1),
            (SECOND_NS, 1),
            (SECOND_NS + 1, 2),
            (u64::MAX, 18_446_744_074),
        ];
        for (nanos, seconds) in cases {
            assert_eq!(whole_seconds(nanos), seconds, "{nanos}");
        }
    }
}
