//! Named cases.

use super::*;
use std::time::Duration;

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3_600 * SECOND;
/// 2026-11-20T00:00:00Z: the start of a window of any period here.
const NOW: u64 = 1_795_132_800 * SECOND;
const MAX: u64 = u64::MAX;

fn window(kind: Kind, count: u64, seconds: u64) -> Window {
    Window::new(kind, count, Duration::from_secs(seconds)).unwrap()
}

#[test]
fn windows() {
    let second = Duration::from_secs(1);
    type Case<'a> = (&'a str, u64, Duration, std::result::Result<u64, &'a str>);
    #[rustfmt::skip]
    let cases: [Case<'_>; 8] = [
        ("one a day", 1, second * 86_400, Ok(86_400 * SECOND)),
        ("a million a second", 1_000_000, second, Ok(SECOND)),
        ("more requests than nanoseconds", 1_000, Duration::from_nanos(10), Ok(10)),
        ("the longest period", 1, Duration::from_nanos(MAX), Ok(MAX)),
        ("none", 0, second, Err("the rate must admit at least one request per period")),
        ("too many", MAX_COUNT + 1, second, Err("windows count 1000000000 requests at most")),
        ("no time", 1, Duration::ZERO, Err("the period of a rate must not be zero")),
        ("too long", 1, Duration::from_secs(18_446_744_074), Err("the period of a rate must not exceed 584 years")),
    ];
    for (name, count, period, expected) in cases {
        let made = Window::new(Kind::Fixed, count, period);
        let made = made
            .map(|window| (window.count(), window.period_ns()))
            .map_err(|error| error.to_string());
        let expected = expected.map(|period| (count, period));
        assert_eq!(made, expected.map_err(str::to_owned), "{name}");
    }
}

/// What is done after so many nanoseconds: a cost to decide on, or one to owe.
#[derive(Debug, Clone, Copy)]
enum Do {
    Ask(u64),
    Owe(u64),
}
use Do::{Ask, Owe};

/// `Ok` with what remains, `Err` with the wait.
type Answer = std::result::Result<u64, Option<u64>>;

fn answer(decision: &Decision) -> Answer {
    match *decision {
        Decision::Admitted { remaining, .. } => Ok(remaining),
        Decision::Refused { retry_after_ns, .. } => Err(retry_after_ns),
    }
}

fn next(decision: &Decision) -> Option<Counts> {
    match decision {
        Decision::Admitted { next, .. } => Some(*next),
        Decision::Refused { repaired, .. } => *repaired,
    }
}

#[test]
fn sequences() {
    const S: u64 = SECOND;
    let fixed = window(Kind::Fixed, 4, 10);
    let sliding = window(Kind::Sliding, 4, 10);
    type Case<'a> = (&'a str, Window, &'a [(u64, Do, Answer)]);
    #[rustfmt::skip]
    let cases: &[Case<'_>] = &[
        ("fixed: as many as the count, and again in the next window", fixed, &[
            (0, Ask(3), Ok(1)),
            (S, Ask(1), Ok(0)),
            (2 * S, Ask(1), Err(Some(8 * S))),
            (10 * S - 1, Ask(1), Err(Some(1))),
            (10 * S, Ask(4), Ok(0)),
            (19 * S, Ask(1), Err(Some(S))),
            (50 * S, Ask(1), Ok(3)),
        ]),
        ("fixed: twice as many around the turn", fixed, &[
            (10 * S - 1, Ask(4), Ok(0)),
            (10 * S, Ask(4), Ok(0)),
        ]),
        ("sliding: the window before counts by what is left of it", sliding, &[
            (9 * S, Ask(4), Ok(0)),
            (10 * S, Ask(1), Err(Some(25 * S / 10))),
            (125 * S / 10 - 1, Ask(1), Err(Some(1))),
            (125 * S / 10, Ask(1), Ok(0)),
            (125 * S / 10, Ask(1), Err(Some(25 * S / 10))),
            (15 * S, Ask(1), Ok(0)),
            (19 * S, Ask(2), Err(Some(S))),
            (20 * S, Ask(0), Ok(2)),
            (29 * S, Ask(4), Err(Some(S))),
            (30 * S, Ask(4), Ok(0)),
        ]),
        ("sliding: two windows later nothing counts", sliding, &[
            (9 * S, Ask(4), Ok(0)),
            (20 * S, Ask(4), Ok(0)),
        ]),
        ("more than the count never fits", fixed, &[
            (0, Ask(5), Err(None)),
            (0, Ask(MAX), Err(None)),
            (0, Ask(4), Ok(0)),
        ]),
        ("a cost of 0 reads", sliding, &[
            (0, Ask(0), Ok(4)),
            (0, Ask(4), Ok(0)),
            (0, Ask(0), Ok(0)),
        ]),
        ("fixed: a debt is paid window by window", fixed.with_debt(), &[
            (0, Owe(10), Ok(0)),
            (0, Ask(1), Err(Some(20 * S))),
            (0, Ask(2), Err(Some(20 * S))),
            (0, Ask(3), Err(Some(30 * S))),
            (10 * S, Ask(1), Err(Some(10 * S))),
            (20 * S, Ask(2), Ok(0)),
            (30 * S, Ask(4), Ok(0)),
        ]),
        ("sliding: a debt is paid window by window, and the last of it weighs", sliding.with_debt(), &[
            (0, Owe(10), Ok(0)),
            // 10, then 6 (2 owed, 4 weighing), then 2 weighing.
            (10 * S, Ask(2), Err(Some(20 * S))),
            (10 * S, Ask(3), Err(Some(25 * S))),
            (30 * S, Ask(2), Ok(0)),
            (35 * S, Ask(1), Ok(0)),
        ]),
        ("no room for debts: full at most", fixed, &[
            (0, Owe(10), Ok(0)),
            (10 * S, Ask(4), Ok(0)),
        ]),
    ];
    for (name, window, steps) in cases {
        let mut state = None;
        for (index, (after, what, expected)) in steps.iter().enumerate() {
            let decision = match *what {
                Ask(cost) => window.decide(state, NOW + after, cost),
                Owe(cost) => window.owe(state, NOW + after, cost),
            };
            assert_eq!(answer(&decision), *expected, "{name}, step {index}");
            state = next(&decision).or(state);
        }
    }
}

/// A state that another count left: the rate was changed, or is another one by the consumer's group. What is counted
/// beyond the count is no debt; what is owed stays owed, but for what the larger count has room for.
#[test]
fn another_count() {
    const S: u64 = SECOND;
    let of = |kind, count| window(kind, count, 10).with_debt();
    type Steps<'a> = &'a [(u64, u64, Do, Answer)];
    #[rustfmt::skip]
    let cases: [(&str, Kind, Steps<'_>); 9] = [
        ("fixed: smaller", Kind::Fixed, &[
            (100, 0, Ask(100), Ok(0)),
            (4, 0, Ask(1), Err(Some(10 * S))),
            (4, 0, Ask(4), Err(Some(10 * S))),
            (4, 10 * S, Ask(4), Ok(0)),
        ]),
        ("fixed: larger", Kind::Fixed, &[
            (4, 0, Ask(4), Ok(0)),
            (100, 0, Ask(1), Ok(95)),
        ]),
        ("fixed: owed, then smaller", Kind::Fixed, &[
            (100, 0, Owe(107), Ok(0)),
            (4, 0, Ask(4), Err(Some(30 * S))),
            (4, 0, Ask(2), Err(Some(30 * S))),
            (4, 0, Ask(1), Err(Some(20 * S))),
            (4, 20 * S, Ask(1), Ok(0)),
        ]),
        ("fixed: owed, then larger", Kind::Fixed, &[
            (4, 0, Owe(20), Ok(0)),
            (100, 0, Ask(80), Ok(0)),
            (4, 10 * S, Ask(4), Ok(0)),
        ]),
        ("fixed: by turns", Kind::Fixed, &[
            (100, 0, Ask(50), Ok(50)),
            (4, 0, Owe(3), Ok(0)),
            (4, 0, Ask(1), Err(Some(10 * S))),
            (100, 0, Ask(40), Ok(7)),
            (4, 10 * S, Ask(4), Ok(0)),
        ]),
        ("sliding: smaller", Kind::Sliding, &[
            (100, 0, Ask(100), Ok(0)),
            (4, 0, Ask(1), Err(Some(12 * S + S / 2))),
            (4, 10 * S, Ask(1), Err(Some(2 * S + S / 2))),
            (4, 15 * S, Ask(2), Ok(0)),
            (4, 20 * S, Ask(2), Ok(0)),
        ]),
        ("sliding: smaller, and not seen for a window", Kind::Sliding, &[
            (100, 0, Ask(100), Ok(0)),
            (4, 20 * S, Ask(4), Ok(0)),
        ]),
        ("sliding: larger", Kind::Sliding, &[
            (4, 0, Ask(4), Ok(0)),
            (100, 0, Ask(1), Ok(95)),
        ]),
        ("sliding: owed, then smaller", Kind::Sliding, &[
            (100, 0, Owe(102), Ok(0)),
            // Full, and 2 owed; then those weigh.
            (4, 10 * S, Ask(2), Err(Some(10 * S))),
            (4, 20 * S, Ask(2), Ok(0)),
        ]),
    ];
    for (name, kind, steps) in cases {
        let mut state = None;
        for (index, (count, after, what, expected)) in steps.iter().enumerate() {
            let decision = match *what {
                Ask(cost) => of(kind, *count).decide(state, NOW + after, cost),
                Owe(cost) => of(kind, *count).owe(state, NOW + after, cost),
            };
            assert_eq!(answer(&decision), *expected, "{name}, step {index}");
            state = next(&decision).or(state);
        }
    }
}

#[test]
fn the_extremes_of_rates() {
    for kind in [Kind::Fixed, Kind::Sliding] {
        let daily = window(kind, 1, 86_400);
        let state = next(&daily.decide(None, NOW, 1));
        let end = NOW + 86_400 * SECOND;
        assert!(!daily.decide(state, end - 1, 1).is_admitted());
        // The sliding window lets the one of yesterday go when the day is over.
        let fits = if kind == Kind::Fixed {
            end
        } else {
            end + 86_400 * SECOND
        };
        assert!(!daily.decide(state, fits - 1, 1).is_admitted());
        assert!(daily.decide(state, fits, 1).is_admitted());

        let million = window(kind, 1_000_000, 1);
        let state = next(&million.decide(None, NOW, 999_999));
        assert_eq!(answer(&million.decide(state, NOW, 1)), Ok(0));
        assert!(answer(&million.decide(state, NOW, 2)).is_err());
    }
}

#[test]
fn the_clock_jumps() {
    let counts = |until, previous, current| Counts {
        until,
        previous,
        current,
    };
    let sliding = window(Kind::Sliding, 4, 10);
    let fixed = window(Kind::Fixed, 4, 10);
    let full = |window: &Window| next(&window.decide(None, NOW, 4)).unwrap();
    #[rustfmt::skip]
    let cases = [
        ("fixed, forward", fixed, NOW + HOUR, Ok(3), Some(counts(NOW + HOUR + 10 * SECOND, 0, 1))),
        ("sliding, forward", sliding, NOW + HOUR, Ok(3), Some(counts(NOW + HOUR + 20 * SECOND, 0, 1))),
        ("behind within the tolerance: the window that begins soon", fixed, NOW - SECOND, Err(Some(11 * SECOND)), None),
        ("fixed, set back: as full as it was, in the window that is now", fixed, NOW - HOUR, Err(Some(10 * SECOND)),
            Some(counts(NOW - HOUR + 10 * SECOND, 0, 4))),
        ("sliding, set back", sliding, NOW - HOUR - SECOND, Err(Some(35 * SECOND / 10)),
            Some(counts(NOW - HOUR + 10 * SECOND, 0, 4))),
        ("to the epoch", fixed, 0, Err(Some(10 * SECOND)), Some(counts(10 * SECOND, 0, 4))),
        ("to the end of time", fixed, MAX, Err(None), None),
    ];
    for (name, window, now, expected, stored) in cases {
        let state = full(&window);
        let decision = window.decide(Some(state), now, 1);
        assert_eq!(answer(&decision), expected, "{name}");
        assert_eq!(next(&decision), stored, "{name}");
        assert_eq!(
            window.is_ahead(state, now),
            name.contains("set back") || name == "to the epoch",
            "{name}"
        );
    }
}

#[test]
fn counters_at_their_ends() {
    for kind in [Kind::Fixed, Kind::Sliding] {
        let window = window(kind, MAX_COUNT, 1).with_debt();
        let owed = next(&window.owe(None, NOW, MAX)).unwrap();
        assert_eq!(owed.current, u32::MAX);
        let again = window.owe(Some(owed), NOW, MAX);
        assert_eq!(next(&again).unwrap().current, u32::MAX);
        // Of what 4,294,967,295 are beyond a billion, one for each nanosecond of a period is owed at most.
        let wait = answer(&window.decide(Some(owed), NOW, MAX_COUNT));
        let expected = if kind == Kind::Fixed { 2 } else { 3 };
        assert_eq!(wait, Err(Some(expected * SECOND)), "{kind:?}");
    }
    let hourly = window(Kind::Fixed, 10, 1).with_debt();
    let state = next(&hourly.owe(None, NOW, MAX)).unwrap();
    assert_eq!(state.current, 36_010, "an hour's worth beyond the count");
    let daily = window(Kind::Fixed, 10, 86_400).with_debt();
    let state = next(&daily.owe(None, NOW, MAX)).unwrap();
    assert_eq!(state.current, 20, "a window's worth beyond the count");

    // Whatever is stored is a state.
    for kind in [Kind::Fixed, Kind::Sliding] {
        for period in [1, 3, 86_400 * SECOND, MAX] {
            let window = Window::new(kind, 3, Duration::from_nanos(period)).unwrap();
            for until in [0, 1, NOW - 1, NOW, NOW + 1, MAX - 1, MAX] {
                for counter in [0, 1, 3, 4, u32::MAX] {
                    let state = Counts {
                        until,
                        previous: counter,
                        current: counter,
                    };
                    for now in [0, 1, NOW, MAX - 1, MAX] {
                        for cost in [0, 1, 3, 4, MAX] {
                            let _ = window.decide(Some(state), now, cost);
                            let _ = window.owe(Some(state), now, cost);
                        }
                    }
                }
            }
        }
    }
}

const LIFETIME: u64 = 60 * SECOND;

fn capacity(limit: u32) -> Capacity {
    Capacity::new(limit, Duration::from_nanos(LIFETIME)).unwrap()
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Takes a permit: how many are free then, or nothing.
    Take(Option<u64>),
    /// Gives the permit with this number back: how many are free then.
    Give(usize, u64),
    /// Renews it: how many are free then.
    Renew(usize, u64),
}
use Step::{Give, Renew, Take};

#[test]
fn permits() {
    const S: u64 = SECOND;
    type Case<'a> = (&'a str, u32, &'a [(u64, Step)]);
    #[rustfmt::skip]
    let cases: &[Case<'_>] = &[
        ("as many as the limit", 2, &[
            (0, Take(Some(1))), (0, Take(Some(0))), (0, Take(None)), (S, Give(0, 1)), (S, Take(Some(0))), (S, Take(None)),
        ]),
        ("given back in any order, and in the next generation", 3, &[
            (0, Take(Some(2))), (0, Take(Some(1))), (61 * S, Take(Some(0))), (61 * S, Give(1, 1)), (61 * S, Give(2, 2)), (61 * S, Give(0, 3)),
        ]),
        ("one that is lost expires after two lifetimes at most", 1, &[
            (0, Take(Some(0))), (60 * S, Take(None)), (120 * S - 1, Take(None)), (120 * S, Take(Some(0))),
        ]),
        ("and after one at least", 1, &[
            // Its generation began with another.
            (0, Take(Some(0))), (1, Give(0, 1)), (59 * S, Take(Some(0))), (119 * S, Take(None)),
        ]),
        ("one that is renewed does not", 1, &[
            (0, Take(Some(0))), (61 * S, Renew(0, 0)), (121 * S, Renew(0, 0)), (179 * S, Take(None)), (181 * S, Renew(0, 0)), (181 * S, Give(0, 1)),
        ]),
        ("one that comes back after it has expired takes nothing of others", 2, &[
            (0, Take(Some(1))), (120 * S, Take(Some(1))), (120 * S, Give(0, 1)), (121 * S, Take(Some(0))), (121 * S, Take(None)),
        ]),
        ("one that is renewed after it has expired counts, over the limit", 1, &[
            (0, Take(Some(0))), (120 * S, Take(Some(0))), (121 * S, Renew(0, 0)), (121 * S, Give(1, 0)), (121 * S, Give(0, 1)),
        ]),
        ("in the same generation there is nothing to renew", 1, &[
            (0, Take(Some(0))), (S, Renew(0, 0)), (S, Give(0, 1)),
        ]),
    ];
    for (name, limit, steps) in cases {
        let capacity = capacity(*limit);
        let (mut state, mut taken) = (None, Vec::new());
        for (index, (after, step)) in steps.iter().enumerate() {
            let now = NOW + after;
            let name = format!("{name}, step {index}");
            match *step {
                Take(expected) => match capacity.acquire(state, now) {
                    Grant::Granted { next, permit, free } => {
                        assert_eq!(Some(free), expected, "{name}");
                        state = Some(next);
                        taken.push(permit);
                    }
                    Grant::Full => assert_eq!(None, expected, "{name}"),
                },
                Give(which, free) => {
                    state = capacity.release(state, now, taken[which]);
                    assert_eq!(capacity.free(state, now), free, "{name}");
                }
                Renew(which, free) => {
                    if let Some((next, permit)) = capacity.renew(state, now, taken[which]) {
                        (state, taken[which]) = (Some(next), permit);
                    }
                    assert_eq!(capacity.free(state, now), free, "{name}");
                }
            }
        }
    }
}

#[test]
fn permits_and_the_clock() {
    let capacity = capacity(1);
    let Grant::Granted { next, permit, .. } = capacity.acquire(None, NOW) else {
        panic!();
    };
    // Forward: expired, until its holder says that it is still there.
    assert_eq!(capacity.free(Some(next), NOW + HOUR), 1);
    let (renewed, _) = capacity.renew(Some(next), NOW + HOUR, permit).unwrap();
    assert_eq!(capacity.free(Some(renewed), NOW + HOUR), 0);
    // Back: still taken, and given back as usual.
    for earlier in [NOW - SECOND / 2, NOW - HOUR, 0] {
        assert_eq!(capacity.acquire(Some(next), earlier), Grant::Full);
        assert_eq!(capacity.release(Some(next), earlier, permit), None);
    }
    assert_eq!(capacity.renew(Some(next), NOW - SECOND / 2, permit), None);
    // Back, and renewed: it goes by the clock that there is from then on.
    for earlier in [NOW - HOUR, LIFETIME] {
        let (mut state, mut held) = capacity.renew(Some(next), earlier, permit).unwrap();
        for later in [LIFETIME / 2, LIFETIME, 2 * LIFETIME, 3 * LIFETIME] {
            let now = earlier + later;
            assert_eq!(
                capacity.acquire(Some(state), now),
                Grant::Full,
                "{earlier} {later}"
            );
            if let Some((renewed, permit)) = capacity.renew(Some(state), now, held) {
                (state, held) = (renewed, permit);
            }
            assert_eq!(capacity.free(Some(state), now), 0, "{earlier} {later}");
        }
        let end = earlier + 3 * LIFETIME;
        assert_eq!(capacity.release(Some(state), end, held), None);
    }
    // Its state was lost: it counts again, though the reading of the clock is older than it.
    let (again, _) = capacity.renew(None, NOW - 1, permit).unwrap();
    assert_eq!(capacity.free(Some(again), NOW), 0);
    assert!(capacity.is_ahead(next, NOW - HOUR));
    assert!(!capacity.is_ahead(next, NOW - SECOND));
    // The end of time.
    assert_eq!(capacity.acquire(None, MAX), Grant::Full);
}

#[test]
fn permits_at_the_ends_of_numbers() {
    let cases = [
        ("no room", 0, 1, false),
        ("no time", 1, 0, false),
        ("one", 1, 1, true),
        ("the most", u32::MAX, MAX / 2, true),
        ("too long", 1, MAX / 2 + 1, false),
    ];
    for (name, limit, lifetime, sound) in cases {
        let made = Capacity::new(limit, Duration::from_nanos(lifetime));
        assert_eq!(made.is_some(), sound, "{name}");
    }
    let capacity = capacity(u32::MAX);
    let taken = match capacity.acquire(None, NOW) {
        Grant::Granted { permit, .. } => permit,
        Grant::Full => panic!(),
    };
    for until in [0, NOW, NOW + 2 * LIFETIME, MAX] {
        for counter in [0, 1, u32::MAX] {
            let state = Some(Counts {
                until,
                previous: counter,
                current: counter,
            });
            for now in [0, NOW, NOW + LIFETIME, MAX] {
                let _ = capacity.acquire(state, now);
                let _ = capacity.release(state, now, taken);
                let _ = capacity.renew(state, now, taken);
            }
        }
    }
}
