//! What responses say about limits: draft-ietf-httpapi-ratelimit-headers-10, or the headers before it
//! (`legacy`); and `Retry-After`.
//!
//! `RateLimit-Policy` has the rate as configured (`q` requests in `w` seconds), `RateLimit` what is
//! in the bucket (`r`), which is the burst at most, and the seconds until one more is (`t`). A full
//! bucket has no `t`. With several limits both fields list all of them, in the order of the
//! configuration.

mod legacy;

use crate::config::ResponseHeaders;
use crate::store::Found;
use gatehouse_host::Result;
use gatehouse_limit_table::Standing;
use legacy::Legacy;

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
                let mut ietf = match before {
                    Some(Self::Ietf(ietf)) => ietf,
                    _ => Ietf::default(),
                };
                ietf.add(&found.window.policy, limit, &found.decision.standing);
                Some(Self::Ietf(ietf))
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
                    ("ratelimit-policy", &ietf.policy),
                    ("ratelimit", &ietf.limits),
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
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Ietf {
    policy: String,
    limits: String,
}

impl Ietf {
    /// Adds an item to each.
    fn add(&mut self, policy: &str, limit: &str, standing: &Standing) {
        if !self.policy.is_empty() {
            self.policy.push_str(", ");
            self.limits.push_str(", ");
        }
        self.policy.push_str(policy);
        // Enough for two numbers: it does not grow while it is written.
        self.limits.reserve(limit.len() + 40);
        self.limits.push('"');
        self.limits.push_str(limit);
        self.limits.push_str("\";r=");
        push_number(&mut self.limits, standing.remaining.min(LARGEST));
        if let Some(more_in_ns) = standing.more_in_ns {
            self.limits.push_str(";t=");
            push_number(&mut self.limits, whole_seconds(more_in_ns));
        }
    }
}

/// The item of `RateLimit-Policy`. A window is whole seconds: of another period, the next whole
/// seconds and what the rate admits in them, rounded down.
pub(crate) fn policy(limit: &str, count: u64, period_ns: u64) -> String {
    let window = period_ns.div_ceil(SECOND_NS);
    // Of the longest periods with the most requests, more than 128 bits: such a count is `LARGEST`.
    let count = u128::from(count).saturating_mul(u128::from(window) * u128::from(SECOND_NS))
        / u128::from(period_ns.max(1));
    let count = u64::try_from(count).map_or(LARGEST, |count| count.min(LARGEST));
    format!("\"{limit}\";q={count};w={window}")
}

/// The item of a limit on what is in flight: it has no window.
pub(crate) fn concurrency_policy(limit: &str, count: u32) -> String {
    format!("\"{limit}\";q={count};qu=\"concurrent-requests\"")
}

/// Decimal digits, at a part of what formatting costs: there are two numbers on each response.
fn push_number(text: &mut String, number: u64) {
    let mut scale = 1_u64;
    while number / scale >= 10 {
        scale *= 10;
    }
    while scale > 0 {
        text.push(char::from(b'0' + (number / scale % 10) as u8));
        scale /= 10;
    }
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

    #[test]
    fn policies() {
        let second = Duration::from_secs(1);
        let cases = [
            ("minute", 100, second * 60, r#""a";q=100;w=60"#),
            ("day", 5, second * 86_400, r#""a";q=5;w=86400"#),
            ("part of a second", 10, second / 10, r#""a";q=100;w=1"#),
            ("one and a half", 3, second * 3 / 2, r#""a";q=4;w=2"#),
            (
                "as many as there are nanoseconds",
                1_000_000_000,
                second,
                r#""a";q=1000000000;w=1"#,
            ),
            (
                "more than an Integer",
                10_000_000_000_000_000,
                second * 10_000_000,
                r#""a";q=999999999999999;w=10000000"#,
            ),
            (
                "the ends of 64 bits",
                u64::MAX,
                Duration::from_nanos(u64::MAX),
                r#""a";q=999999999999999;w=18446744074"#,
            ),
        ];
        for (name, count, period, expected) in cases {
            let period_ns = u64::try_from(period.as_nanos()).unwrap();
            assert_eq!(policy("a", count, period_ns), expected, "{name}");
        }
    }

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
            let mut fields = Ietf::default();
            fields.add("", "a", &decision.standing);
            assert_eq!(fields.limits, expected, "{name}");
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
    fn numbers() {
        for number in [
            0,
            1,
            9,
            10,
            99,
            100,
            101,
            12_345,
            LARGEST,
            u64::MAX - 1,
            u64::MAX,
        ] {
            let mut text = String::from("r=");
            push_number(&mut text, number);
            assert_eq!(text, format!("r={number}"));
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
