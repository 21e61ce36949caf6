//! The items of `RateLimit-Policy`: what does not change from response to response.

const SECOND_NS: u64 = 1_000_000_000;

/// The largest Integer of a structured field (RFC 9651, 3.3.1).
pub(crate) const LARGEST: u64 = 999_999_999_999_999;

/// The item of `RateLimit-Policy`. A window is whole seconds: of another period, the next whole
/// seconds and what the rate admits in them, rounded down.
pub fn rate(limit: &str, count: u64, period_ns: u64) -> String {
    let window = period_ns.div_ceil(SECOND_NS);
    // Of the longest periods with the most requests, more than 128 bits: such a count is `LARGEST`.
    let count = u128::from(count).saturating_mul(u128::from(window) * u128::from(SECOND_NS))
        / u128::from(period_ns.max(1));
    let count = u64::try_from(count).map_or(LARGEST, |count| count.min(LARGEST));
    format!("\"{limit}\";q={count};w={window}")
}

/// The item of a limit on what is in flight: it has no window.
pub(crate) fn in_flight(limit: &str, count: u32) -> String {
    format!("\"{limit}\";q={count};qu=\"concurrent-requests\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

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
            assert_eq!(rate("a", count, period_ns), expected, "{name}");
        }
    }
}
