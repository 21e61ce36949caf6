//! What must hold of every schedule.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

const START: u64 = 1_795_132_800_000_000_000;

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Fixed), Just(Kind::Sliding)]
}

/// Count and period; short periods are among them, where rounding shows.
fn rates() -> impl Strategy<Value = (u64, u64)> {
    let periods = prop_oneof![
        1_u64..100,
        Just(1_000_000_000),
        1_000_u64..86_400_000_000_000
    ];
    (1_u64..40, periods)
}

/// Gaps in thousandths of a period, and costs.
fn schedules() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let gaps = prop_oneof![Just(0_u64), 0_u64..300, 1_u64..3_000];
    prop::collection::vec((gaps, 0_u64..6), 1..120)
}

fn later(now: u64, period: u64, thousandths: u64) -> u64 {
    now + u64::try_from(u128::from(period) * u128::from(thousandths) / 1_000).unwrap()
}

fn next(decision: &Decision) -> Option<Counts> {
    match decision {
        Decision::Admitted { next, .. } => Some(*next),
        Decision::Refused { repaired, .. } => *repaired,
    }
}

/// All that was admitted, by the number of its window.
#[derive(Default)]
struct Ledger(BTreeMap<u64, u64>);

impl Ledger {
    fn in_window(&self, number: u64) -> u128 {
        u128::from(self.0.get(&number).copied().unwrap_or_default())
    }

    /// Whether there is room, in whole numbers: everything times the period.
    fn has_room(&self, kind: Kind, (count, period): (u64, u64), now: u64, cost: u64) -> bool {
        let number = now / period;
        let before = match kind {
            Kind::Fixed => 0,
            Kind::Sliding => self.in_window(number - 1) * u128::from(period - now % period),
        };
        let charged = (self.in_window(number) + u128::from(cost)) * u128::from(period);
        before + charged <= u128::from(count) * u128::from(period)
    }
}

proptest! {
    /// Neither more nor less than the algorithm says, by a ledger that forgets nothing.
    #[test]
    fn as_the_ledger_says(kind in kinds(), rate in rates(), schedule in schedules()) {
        let (count, period) = rate;
        let window = Window::new(kind, count, Duration::from_nanos(period)).unwrap();
        let (mut now, mut state, mut ledger) = (START, None, Ledger::default());
        for (gap, cost) in schedule {
            now = later(now, period, gap);
            let decision = window.decide(state, now, cost);
            let expected = cost == 0 || ledger.has_room(kind, rate, now, cost);
            prop_assert_eq!(decision.is_admitted(), expected);
            if expected {
                *ledger.0.entry(now / period).or_default() += cost;
            }
            let (Decision::Admitted { remaining, .. } | Decision::Refused { remaining, .. }) = decision;
            prop_assert!(remaining == 0 || ledger.has_room(kind, rate, now, remaining));
            prop_assert!(!ledger.has_room(kind, rate, now, remaining + 1));
            state = next(&decision).or(state);
        }
    }

    /// Readings of one clock that are acted on late: no window has more than the count, and no
    /// period as much as twice.
    #[test]
    fn clocks_that_differ_do_not_admit_more(
        kind in kinds(), rate in rates(), schedule in schedules(), late in prop::collection::vec(0_u64..1_000_000_000, 120),
    ) {
        let (count, period) = rate;
        let window = Window::new(kind, count, Duration::from_nanos(period)).unwrap();
        let (mut now, mut state, mut windows) = (START, None, BTreeMap::<u64, u64>::new());
        for ((gap, cost), late) in schedule.into_iter().zip(late) {
            now = later(now, period, gap);
            let decision = window.decide(state, now - late, cost);
            if let Decision::Admitted { next, .. } = decision {
                *windows.entry(next.until).or_default() += cost;
            }
            state = next(&decision).or(state);
        }
        prop_assert!(windows.values().all(|&total| total <= count));
    }

    /// Who waits as long as is said is admitted, and who comes earlier is not.
    #[test]
    fn the_wait_is_exact(
        kind in kinds(), rate in rates(), previous in 0_u32..200, current in 0_u32..200, cost in 1_u64..60, into in 0_u64..1_000, late in 0_u64..1_000,
    ) {
        let (count, period) = rate;
        let window = Window::new(kind, count, Duration::from_nanos(period)).unwrap().with_debt();
        let start = START - START % period;
        let previous = if kind == Kind::Fixed { 0 } else { previous };
        let until = start + period * if kind == Kind::Fixed { 1 } else { 2 };
        let state = Some(Counts { until, previous, current });
        let now = later(start, period - 1, into) - late;
        match window.decide(state, now, cost) {
            Decision::Admitted { .. } => {}
            Decision::Refused { retry_after_ns: None, .. } => prop_assert!(cost > count),
            Decision::Refused { retry_after_ns: Some(wait), .. } => {
                prop_assert!(wait > 0);
                let then = window.decide(state, now + wait, cost);
                let just_before = window.decide(state, now + wait - 1, cost);
                prop_assert!(then.is_admitted(), "{:?}", then);
                prop_assert!(!just_before.is_admitted(), "{:?}", just_before);
            }
        }
    }

    /// What is owed is paid: over any number of windows, no more than the count in each, but for
    /// what is still owed.
    #[test]
    fn what_is_owed_is_paid(
                kind in kinds(), count in 1_u64..40, period in 1_u64..1_000_000_000,
        schedule in schedules(), owed in prop::collection::vec(0_u64..60, 120),
    ) {
        // Periods so short that all debts here are within what there is room for.
        let window = Window::new(kind, count, Duration::from_nanos(period)).unwrap().with_debt();
        let (mut now, mut state, mut total) = (START, None, 0);
        for ((gap, cost), owed) in schedule.into_iter().zip(owed) {
            now = later(now, period, gap);
            let decision = window.decide(state, now, cost);
            state = next(&decision).or(state);
            if !decision.is_admitted() {
                continue;
            }
            state = next(&window.owe(state, now, owed));
            total += cost + owed;
            let windows = now / period - START / period + 1;
            let open = state.map_or(0, |counts| u64::from(counts.previous) + u64::from(counts.current));
            prop_assert!(total <= windows * count + open.saturating_sub(count));
        }
    }

    /// Permits against a list of who holds one: never more than the limit, and none that is renewed is
    /// forgotten.
    #[test]
    fn as_many_permits_as_the_limit(
        limit in 1_u32..8,
        steps in prop::collection::vec((0_u64..400, 0_usize..6, 0_usize..8), 1..200),
    ) {
        let capacity = Capacity::new(limit, Duration::from_nanos(1_000)).unwrap();
        let (mut now, mut state, mut held) = (START, None, Vec::new());
        // Those whose release was lost, by when they expire for certain.
        let mut lost: Vec<u64> = Vec::new();
        for (gap, what, which) in steps {
            now += gap;
            // Each holder renews at least once a lifetime.
            for permit in &mut held {
                if capacity.is_due(*permit, now) && let Some((next, renewed)) = capacity.renew(state, now, *permit) {
                    (state, *permit) = (Some(next), renewed);
                }
            }
            lost.retain(|expires| *expires > now);
            match what {
                0..=2 => match capacity.acquire(state, now) {
                    Grant::Granted { next, permit, free } => {
                        state = Some(next);
                        held.push(permit);
                        prop_assert_eq!(free, capacity.free(state, now));
                    }
                    Grant::Full => prop_assert!(held.len() + lost.len() >= limit as usize),
                },
                3..=4 if !held.is_empty() => {
                    let permit = held.swap_remove(which % held.len());
                    state = capacity.release(state, now, permit);
                }
                5 if !held.is_empty() => {
                    held.swap_remove(which % held.len());
                    lost.push(now + 2_000);
                }
                _ => {}
            }
            prop_assert!(held.len() <= limit as usize);
            // All that are held count; those that were lost, for a time.
            let used = limit as u64 - capacity.free(state, now);
            prop_assert!(used >= held.len() as u64);
            prop_assert!(used <= (held.len() + lost.len()) as u64);
        }
    }
}
