//! What must hold of every schedule.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// Short periods with many requests are among them: there rounding the interval shows.
fn quotas() -> impl Strategy<Value = Quota> {
    let rates = prop_oneof![
        (2_u64..100).prop_flat_map(|period| (1..=period, Just(period))),
        (1_u64..=1_000_000, Just(1_000_000_000)),
        (1_u64..=1_000_000, 1_000_000_u64..=86_400_000_000_000),
    ];
    (rates, 1_u64..50).prop_map(|((count, period), burst)| {
        Quota::new(count, Duration::from_nanos(period), burst).unwrap()
    })
}

/// Gaps in thousandths of an interval, so that schedules meet the limit at every quota.
fn schedules() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let gaps = prop_oneof![Just(0_u64), 1_u64..3_000, 1_u64..100_000];
    prop::collection::vec((gaps, 0_u64..8), 1..120)
}

fn starts() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0_u64), Just(1_795_132_800_000_000_000)]
}

fn gap_ns(quota: &Quota, thousandths: u64) -> u64 {
    u64::try_from(u128::from(quota.interval_ns()) * u128::from(thousandths) / 1_000).unwrap()
}

/// `burst + floor(elapsed · count / period)`.
fn bound(quota: &Quota, elapsed_ns: u64) -> u128 {
    u128::from(quota.burst())
        + u128::from(elapsed_ns) * u128::from(quota.count()) / u128::from(quota.period_ns())
}

/// No window between two admissions holds more than its bound. A window that starts or ends
/// elsewhere holds no more than one of these and is longer.
fn check_windows(quota: &Quota, admissions: &[(u64, u64)]) -> Result<(), TestCaseError> {
    for (first, (from, _)) in admissions.iter().enumerate() {
        let mut total = 0_u128;
        let mut until = *from;
        for (at, cost) in &admissions[first..] {
            total += u128::from(*cost);
            until = until.max(*at);
            prop_assert!(
                total <= bound(quota, until - from),
                "{total} in {}",
                until - from
            );
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_window_admits_more_than_the_bound(
        quota in quotas(), schedule in schedules(), start in starts(),
    ) {
        let (mut now, mut state, mut admissions) = (start, None, Vec::new());
        for (gap, cost) in schedule {
            now += gap_ns(&quota, gap);
            let decision = decide(&quota, state, now, cost);
            if decision.is_admitted() {
                admissions.push((now, cost));
            }
            state = decision.to_store(state).or(state);
        }
        check_windows(&quota, &admissions)?;
    }

    /// Workers that share the state, each with a clock up to a microsecond behind.
    #[test]
    fn clocks_that_differ_do_not_admit_more(
        quota in quotas(), schedule in schedules(), late in prop::collection::vec(0_u64..1_000, 120),
    ) {
        let (mut now, mut state, mut admissions) = (1_795_132_800_000_000_000, None, Vec::new());
        for ((gap, cost), late) in schedule.into_iter().zip(late) {
            now += gap_ns(&quota, gap);
            let decision = decide(&quota, state, now - late, cost);
            if decision.is_admitted() {
                admissions.push((now - late, cost));
            }
            state = decision.to_store(state).or(state);
        }
        let earliest = admissions.iter().map(|(at, _)| *at).min().unwrap_or(now);
        let total: u128 = admissions.iter().map(|(_, cost)| u128::from(*cost)).sum();
        prop_assert!(total <= bound(&quota, now - earliest));
    }

    /// A client that asks for more than it gets is served at the rate: rounding up the interval
    /// takes nothing more than it says.
    #[test]
    fn the_sustained_rate_is_reached(quota in quotas(), intervals in 1_u64..200) {
        let (mut state, mut total) = (None, 0);
        for step in 0..=intervals {
            let now = 1_795_132_800_000_000_000 + step * quota.interval_ns();
            loop {
                let decision = decide(&quota, state, now, 1);
                state = decision.to_store(state).or(state);
                if !decision.is_admitted() {
                    break;
                }
                total += 1;
            }
        }
        prop_assert_eq!(total, quota.burst() + intervals);
    }

    #[test]
    fn remaining_is_truthful(
        quota in quotas(), used in 0_u64..50, gap in 0_u64..5_000, cost in 0_u64..60,
    ) {
        let start = 1_795_132_800_000_000_000;
        let first = decide(&quota, None, start, used.min(quota.burst()));
        let now = start + gap_ns(&quota, gap);
        let mut state = first.to_store(None);
        let decision = decide(&quota, state, now, cost);
        state = decision.to_store(state).or(state);
        let (Decision::Admitted { remaining, .. } | Decision::Refused { remaining, .. }) = decision;
        for _ in 0..remaining {
            let more = decide(&quota, state, now, 1);
            prop_assert!(more.is_admitted());
            state = more.to_store(state);
        }
        prop_assert!(!decide(&quota, state, now, 1).is_admitted());
    }

    /// The time to retry is exact: admitted then, refused one nanosecond before.
    #[test]
    fn retry_after_is_exact(
        quota in quotas(), state in 0_u64..2_000_000_000_000_000_000, now in 0_u64..2_000_000_000_000_000_000,
        cost in 1_u64..60,
    ) {
        let state = Some(Tat::from_bits(state));
        let decision = decide(&quota, state, now, cost);
        if let Decision::Refused { retry_after_ns, .. } = decision {
            prop_assert_eq!(retry_after_ns.is_none(), cost > quota.burst());
            if let Some(wait) = retry_after_ns {
                let state = decision.to_store(state).or(state);
                prop_assert!(decide(&quota, state, now + wait, cost).is_admitted());
                prop_assert!(!decide(&quota, state, now + wait - 1, cost).is_admitted());
            }
        }
    }

    /// Waiting never turns an admission into a refusal, and a lower cost is never refused where a
    /// higher one is admitted.
    #[test]
    fn decisions_are_monotone(
        quota in quotas(), ahead in 0_u64..60_000, cost in 0_u64..60, wait in 0_u64..5_000,
    ) {
        let now = 1_795_132_800_000_000_000;
        let state = Some(Tat::from_bits(now + gap_ns(&quota, ahead)));
        if decide(&quota, state, now, cost).is_admitted() {
            let later = now + gap_ns(&quota, wait);
            prop_assert!(decide(&quota, state, later, cost).is_admitted());
            prop_assert!(decide(&quota, state, now, cost.saturating_sub(1)).is_admitted());
        }
    }

    /// Any bits stored, any time, any cost: an answer, and a TAT never in the past.
    #[test]
    fn nothing_wraps(quota in quotas(), state: Option<u64>, now: u64, cost: u64) {
        let state = state.map(Tat::from_bits);
        let decision = decide(&quota, state, now, cost);
        if let (Decision::Admitted { next, .. }, true) = (decision, cost > 0) {
            prop_assert!(next.to_bits() > now);
            prop_assert!(next.to_bits() - now <= quota.refill_ns());
        }
    }

    /// What is charged after the fact counts in full while it is less than an hour's worth: all
    /// costs together exceed the bound by what is owed, and that is never more.
    #[test]
    fn what_is_owed_is_paid(quota in quotas(), schedule in schedules(), owed in prop::collection::vec(0_u64..40, 120)) {
        let quota = quota.with_debt();
        let start = 1_795_132_800_000_000_000;
        let (mut now, mut state, mut total) = (start, None, 0_u128);
        for ((gap, cost), later) in schedule.into_iter().zip(owed) {
            now += gap_ns(&quota, gap);
            let decision = decide(&quota, state, now, cost);
            state = decision.to_store(state).or(state);
            if decision.is_admitted() {
                total += u128::from(cost + later);
                let before = state.map_or(now, |tat| tat.to_bits().max(now));
                state = owe(&quota, state, now, later).to_store(state).or(state);
                let price = quota.interval_ns() * later;
                if state.map_or(now, |tat| tat.to_bits().max(now)) < before + price {
                    // Forgiven: from here on there is more than the bound.
                    return Ok(());
                }
            }
            let ahead = state.map_or(0, |tat| tat.to_bits().saturating_sub(now));
            let debt_ns = ahead.saturating_sub(quota.refill_ns());
            let debt = u128::from(debt_ns.div_ceil(quota.interval_ns()));
            prop_assert!(debt_ns <= quota.period_ns().max(3_600_000_000_000));
            prop_assert!(total <= bound(&quota, now - start) + debt);
        }
    }
}
