use std::time::Duration;

use super::*;

const SECOND: u64 = 1_000_000_000;
/// 2026-11-20T00:00:00Z.
const NOW: u64 = 1_795_132_800 * SECOND;

fn quota(count: u64, period: Duration, burst: u64) -> Quota {
    Quota::new(count, period, burst).unwrap()
}

fn per_second(count: u64, burst: u64) -> Quota {
    quota(count, Duration::from_secs(1), burst)
}

fn admitted(next: u64, remaining: u64, reset_after_ns: u64) -> Decision {
    Decision::Admitted {
        next: Tat::from_bits(next),
        remaining,
        reset_after_ns,
    }
}

fn refused(retry_after_ns: Option<u64>, remaining: u64, reset_after_ns: u64) -> Decision {
    Decision::Refused {
        retry_after_ns,
        remaining,
        reset_after_ns,
        repaired: None,
    }
}

/// Interval and refill in nanoseconds.
type Derived = Result<(u64, u64), &'static str>;

#[test]
fn quotas() {
    const DAY: Duration = Duration::from_secs(86_400);
    const YEAR: Duration = Duration::from_secs(31_556_952);
    let second = Duration::from_secs(1);
    #[rustfmt::skip]
    let cases: &[(&str, u64, Duration, u64, Derived)] = &[
        ("100/1m", 100, Duration::from_secs(60), 20, Ok((600_000_000, 12 * SECOND))),
        ("1/1d", 1, DAY, 1, Ok((86_400 * SECOND, 86_400 * SECOND))),
        ("1000000/1s", 1_000_000, second, 1_000, Ok((1_000, 1_000_000))),
        ("7/1s rounds up", 7, second, 7, Ok((142_857_143, 1_000_000_001))),
        ("3/10ns rounds up", 3, Duration::from_nanos(10), 1, Ok((4, 4))),
        ("one per nanosecond", SECOND, second, 1, Ok((1, 1))),
        ("no requests", 0, second, 1, Err("the rate must admit at least one request per period")),
        ("no period", 1, Duration::ZERO, 1, Err("the period of a rate must not be zero")),
        ("no burst", 1, second, 0, Err("the burst must be at least 1")),
        ("more than one per nanosecond", SECOND + 1, second, 1, Err("the rate must not exceed one request per nanosecond")),
        ("count at its end", u64::MAX, second, 1, Err("the rate must not exceed one request per nanosecond")),
        ("a period of 585 years", 1, YEAR * 585, 1, Err("the period of a rate must not exceed 584 years")),
        ("period at its end", 1, Duration::MAX, 1, Err("the period of a rate must not exceed 584 years")),
        ("burst of 585 years", 1, YEAR, 585, Err("the burst is too large for the rate: it would take more than 584 years to refill")),
        ("burst at its end", 1, second, u64::MAX, Err("the burst is too large for the rate: it would take more than 584 years to refill")),
    ];
    for (name, count, period, burst, expected) in cases {
        let derived = Quota::new(*count, *period, *burst)
            .map(|quota| (quota.interval_ns(), quota.refill_ns()))
            .map_err(|error| error.to_string());
        assert_eq!(derived, expected.map_err(str::to_owned), "{name}");
    }
    let quota = quota(100, Duration::from_secs(60), 20);
    assert_eq!(
        (quota.count(), quota.period_ns(), quota.burst()),
        (100, 60 * SECOND, 20)
    );
}

/// A request, as nanoseconds after [`NOW`] and a cost, and what is expected of it.
type Step = (u64, u64, Decision);

#[test]
fn sequences() {
    const MS: u64 = 1_000_000;
    #[rustfmt::skip]
    let cases: &[(&str, Quota, &[Step])] = &[
        ("a burst, then one per interval", per_second(10, 3), &[
            (0, 1, admitted(NOW + 100 * MS, 2, 100 * MS)),
            (0, 1, admitted(NOW + 200 * MS, 1, 200 * MS)),
            (0, 1, admitted(NOW + 300 * MS, 0, 300 * MS)),
            (0, 1, refused(Some(100 * MS), 0, 300 * MS)),
            (100 * MS - 1, 1, refused(Some(1), 0, 200 * MS + 1)),
            (100 * MS, 1, admitted(NOW + 400 * MS, 0, 300 * MS)),
            (150 * MS, 1, refused(Some(50 * MS), 0, 250 * MS)),
            (400 * MS, 1, admitted(NOW + 500 * MS, 2, 100 * MS)),
        ]),
        ("a burst of 1 spaces requests", per_second(1, 1), &[
            (0, 1, admitted(NOW + SECOND, 0, SECOND)),
            (1, 1, refused(Some(SECOND - 1), 0, SECOND - 1)),
            (SECOND, 1, admitted(NOW + 2 * SECOND, 0, SECOND)),
        ]),
        ("a long silence fills the bucket and no more", per_second(1, 2), &[
            (0, 2, admitted(NOW + 2 * SECOND, 0, 2 * SECOND)),
            (1_000 * SECOND, 2, admitted(NOW + 1_002 * SECOND, 0, 2 * SECOND)),
            (1_000 * SECOND, 1, refused(Some(SECOND), 0, 2 * SECOND)),
        ]),
        ("costs", per_second(10, 10), &[
            (0, 4, admitted(NOW + 400 * MS, 6, 400 * MS)),
            (0, 7, refused(Some(100 * MS), 6, 400 * MS)),
            (0, 6, admitted(NOW + 1_000 * MS, 0, 1_000 * MS)),
            (0, 10, refused(Some(1_000 * MS), 0, 1_000 * MS)),
        ]),
        ("more than the burst is never admitted", per_second(10, 3), &[
            (0, 4, refused(None, 3, 0)),
            (0, u64::MAX, refused(None, 3, 0)),
            (0, 3, admitted(NOW + 300 * MS, 0, 300 * MS)),
        ]),
        ("cost 0 reads the bucket, full, used and empty", per_second(10, 2), &[
            (0, 0, admitted(NOW, 2, 0)),
            (0, 1, admitted(NOW + 100 * MS, 1, 100 * MS)),
            (0, 0, admitted(NOW + 100 * MS, 1, 100 * MS)),
            (0, 1, admitted(NOW + 200 * MS, 0, 200 * MS)),
            (0, 0, admitted(NOW + 200 * MS, 0, 200 * MS)),
        ]),
        ("an interval that is not whole admits the whole burst", per_second(7, 7), &[
            (0, 6, admitted(NOW + 857_142_858, 1, 857_142_858)),
            (0, 1, admitted(NOW + 1_000_000_001, 0, 1_000_000_001)),
            (142_857_142, 1, refused(Some(1), 0, 857_142_859)),
            (142_857_143, 1, admitted(NOW + 1_142_857_144, 0, 1_000_000_001)),
        ]),
        ("one a day", quota(1, Duration::from_secs(86_400), 1), &[
            (0, 1, admitted(NOW + 86_400 * SECOND, 0, 86_400 * SECOND)),
            (86_400 * SECOND - 1, 1, refused(Some(1), 0, 1)),
            (86_400 * SECOND, 1, admitted(NOW + 2 * 86_400 * SECOND, 0, 86_400 * SECOND)),
        ]),
    ];
    for (name, quota, steps) in cases {
        let mut state = None;
        for (index, (after, cost, expected)) in steps.iter().enumerate() {
            let decision = decide(quota, state, NOW + after, *cost);
            assert_eq!(decision, *expected, "{name}, step {index}");
            state = decision.to_store(state).or(state);
        }
    }
}

#[test]
fn one_decision() {
    let quota = per_second(10, 3);
    let refill = quota.refill_ns();
    let repaired = |to: u64| Decision::Refused {
        retry_after_ns: Some(quota.interval_ns()),
        remaining: 0,
        reset_after_ns: refill,
        repaired: Some(Tat::from_bits(to)),
    };
    #[rustfmt::skip]
    let cases: &[(&str, Option<u64>, u64, u64, Decision)] = &[
        ("TAT in the past: full", Some(NOW - 1), NOW, 1, admitted(NOW + 100_000_000, 2, 100_000_000)),
        ("TAT 0: full", Some(0), NOW, 1, admitted(NOW + 100_000_000, 2, 100_000_000)),
        ("cost 0 leaves a TAT in the past", Some(7), NOW, 0, admitted(7, 3, 0)),
        ("ahead within the tolerance: a worker's clock is behind, nothing given back",
            Some(NOW + refill + 5), NOW, 1, refused(Some(100_000_005), 0, refill + 5)),
        ("ahead by all the tolerance", Some(NOW + refill + CLOCK_TOLERANCE_NS), NOW, 1,
            refused(Some(100_000_000 + CLOCK_TOLERANCE_NS), 0, refill + CLOCK_TOLERANCE_NS)),
        ("clock set back by more: as if empty now", Some(NOW + refill + CLOCK_TOLERANCE_NS + 1), NOW, 1, repaired(NOW + refill)),
        ("clock set back by 500 years", Some(u64::MAX), NOW, 1, repaired(NOW + refill)),
        ("clock set back, cost 0", Some(u64::MAX), NOW, 0, admitted(NOW + refill, 0, refill)),
        ("at the epoch", None, 0, 1, admitted(100_000_000, 2, 100_000_000)),
        ("end of time, unseen", None, u64::MAX, 1, refused(None, 0, 0)),
        ("end of time, TAT at the end", Some(u64::MAX), u64::MAX, 1, refused(None, 0, 0)),
        ("end of time, cost 0", None, u64::MAX, 0, admitted(u64::MAX, 0, 0)),
        ("one interval before the end of time", None, u64::MAX - 100_000_000, 1, admitted(u64::MAX, 0, 100_000_000)),
        ("one nanosecond less", None, u64::MAX - 99_999_999, 1, refused(None, 0, 0)),
        ("TAT at the end of time", Some(u64::MAX), u64::MAX - 1, 1, refused(None, 0, 1)),
    ];
    for (name, state, now, cost, expected) in cases {
        let state = state.map(Tat::from_bits);
        assert_eq!(decide(&quota, state, *now, *cost), *expected, "{name}");
    }
}

#[test]
fn a_key_is_not_locked_out_by_a_clock_set_back() {
    let quota = per_second(10, 3);
    let ahead = Some(Tat::from_bits(NOW + 31_556_952 * SECOND));
    let refusal = decide(&quota, ahead, NOW, 1);
    let state = refusal.to_store(ahead);
    assert_eq!(state.map(Tat::to_bits), Some(NOW + 300_000_000));
    assert!(decide(&quota, state, NOW + 100_000_000, 1).is_admitted());
}

#[test]
fn only_what_changes_is_stored() {
    let quota = per_second(10, 3);
    let used = Some(Tat::from_bits(NOW + 300_000_000));
    let cases: &[(&str, Option<Tat>, u64, Option<u64>)] = &[
        ("admitted", None, 1, Some(NOW + 100_000_000)),
        ("refused", used, 1, None),
        ("cost 0 of a known key", used, 0, None),
        ("cost 0 of an unseen key", None, 0, Some(NOW)),
    ];
    for (name, state, cost, expected) in cases {
        let stored = decide(&quota, *state, NOW, *cost).to_store(*state);
        assert_eq!(stored.map(Tat::to_bits), *expected, "{name}");
    }
}

#[test]
fn debts() {
    const HOUR: u64 = 3_600 * SECOND;
    let ten = per_second(10, 3).with_debt();
    let daily = quota(2, Duration::from_secs(86_400), 2).with_debt();
    let none = per_second(10, 3);
    let ms = |ms: u64| NOW + ms * 1_000_000;
    // Quota, TAT, cost, and the TAT after it.
    #[rustfmt::skip]
    let cases: &[(&str, Quota, Option<u64>, u64, u64)] = &[
        ("from a full bucket", ten, None, 2, ms(200)),
        ("all of it", ten, None, 3, ms(300)),
        ("more than is in it", ten, Some(ms(200)), 8, ms(1_000)),
        ("more on a debt", ten, Some(ms(1_000)), 1, ms(1_100)),
        ("nothing", ten, Some(ms(1_000)), 0, ms(1_000)),
        ("nothing of an unseen key", ten, None, 0, NOW),
        ("an hour's worth", ten, Some(ms(300)), 36_000, ms(300) + HOUR),
        ("more than an hour's worth is forgiven", ten, Some(ms(300)), 36_001, ms(300) + HOUR),
        ("on the deepest debt", ten, Some(ms(300) + HOUR), 1, ms(300) + HOUR),
        ("a cost at its end", ten, None, u64::MAX, ms(300) + HOUR),
        ("a period longer than an hour", daily, None, u64::MAX, NOW + 2 * 86_400 * SECOND),
        ("no room for debts: empty at most", none, Some(ms(200)), 8, ms(300)),
        ("a clock behind takes nothing back", ten, Some(ms(300) + HOUR + SECOND), 5, ms(300) + HOUR + SECOND),
        ("a clock set back", ten, Some(ms(300) + HOUR + SECOND + 1), 1, ms(400)),
    ];
    for (name, quota, state, cost, expected) in cases {
        let owed = owe(quota, state.map(Tat::from_bits), NOW, *cost);
        let stored = owed.to_store(None);
        assert_eq!(stored.map(Tat::to_bits), Some(*expected), "{name}");
        assert!(owed.is_admitted(), "{name}");
    }
    let at_the_end = owe(&ten, None, u64::MAX, 1).to_store(None);
    assert_eq!(at_the_end, Some(Tat::from_bits(u64::MAX)));
}

#[test]
fn another_quota_of_the_bucket_is_no_clock_set_back() {
    let (slow, fast) = (per_second(1, 20), per_second(100, 20));
    let fast = fast.reaching(slow.reach_ns());
    let empty = Some(Tat::from_bits(NOW + slow.refill_ns()));
    let decision = decide(&fast, empty, NOW, 1);
    let wait = 19 * SECOND + 800_000_000 + 10_000_000;
    assert_eq!(decision, refused(Some(wait), 0, 20 * SECOND));
    assert_eq!(decision.to_store(empty), None);
    let beyond = Some(Tat::from_bits(
        NOW + slow.refill_ns() + CLOCK_TOLERANCE_NS + 1,
    ));
    let repaired = Some(Tat::from_bits(NOW + fast.refill_ns()));
    assert_eq!(decide(&fast, beyond, NOW, 1).to_store(beyond), repaired);
    // The furthest of several counts.
    assert_eq!(fast.reaching(5), fast);
}

/// Whose buckets are apart, and that those of one class are never taken for a clock set back.
#[test]
fn classes() {
    let minute = Duration::from_mins(1);
    let of = |count, period, burst| Quota::new(count, period, burst).unwrap();
    let base = of(100, minute, 100);
    #[rustfmt::skip]
    let cases = [
        ("the same", base, true),
        ("twice the rate and the burst", of(200, minute, 200), true),
        ("an interval that is rounded up", of(7, minute, 7), true),
        ("another period, the same time to fill", of(600, minute * 6, 100), true),
        ("twice the burst", of(100, minute, 200), false),
        ("half the rate", of(50, minute, 100), false),
        ("room for debts", base.with_debt(), false),
        ("beside one that reaches further", base.reaching(90 * SECOND), false),
        ("beside one that reaches less far", base.reaching(SECOND), true),
    ];
    for (name, other, is_one) in cases {
        assert_eq!(base.class() == other.class(), is_one, "{name}");
        let emptied = Tat::from_bits(NOW + other.reach_ns());
        assert!(!is_one || !is_ahead(&base, emptied, NOW), "{name}");
    }
}

#[test]
fn a_debt_is_paid_off_before_anything_is_admitted() {
    let quota = per_second(10, 3).with_debt();
    let state = owe(&quota, None, NOW, 10).to_store(None);
    // Seven more than the bucket holds: 700 ms to pay, then 100 for the next.
    assert_eq!(
        decide(&quota, state, NOW, 1),
        refused(Some(800_000_000), 0, SECOND)
    );
    let later = NOW + 799_999_999;
    assert!(!decide(&quota, state, later, 1).is_admitted());
    assert!(decide(&quota, state, later + 1, 1).is_admitted());
}
