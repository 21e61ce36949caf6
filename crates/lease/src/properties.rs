//! Several workers over one slot: whatever they do in whichever order, no more is served than was granted.

use super::*;
use proptest::prelude::*;

const SECOND: u64 = 1_000_000_000;
const START: u64 = 1_000_000 * SECOND;

/// What one worker does next. Between its reading and its writing others may do anything.
#[derive(Debug, Clone)]
enum Step {
    /// Reads the slot and decides on a request, but does not write yet.
    Decide {
        worker: usize,
        key: u64,
        cost: u64,
        waiting: u64,
    },
    /// Writes what it decided, if nobody wrote in between; then sends what is to be asked.
    Write { worker: usize },
    /// Some question is answered: with yes or no, with the window's end or without.
    Answer {
        which: usize,
        yes: bool,
        reset: Option<u64>,
        told: Option<u64>,
    },
    /// Some question comes to nothing: what it asked for was charged, or not.
    Lose { which: usize },
    /// The clock goes on, or back.
    Time { millis: i64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let reset = prop::option::of((0_u64..20).prop_map(|seconds| seconds * SECOND));
    let step = prop_oneof![
        6 => (0_usize..3, 0_u64..6, 1_u64..8, 0_u64..40)
            .prop_map(|(worker, key, cost, waiting)| Step::Decide { worker, key, cost, waiting }),
        6 => (0_usize..3).prop_map(|worker| Step::Write { worker }),
        4 => (any::<usize>(), prop::bool::weighted(0.8), reset, prop::option::of(0_u64..30))
            .prop_map(|(which, yes, reset, told)| Step::Answer { which, yes, reset, told }),
        1 => any::<usize>().prop_map(|which| Step::Lose { which }),
        2 => (-3_000_i64..12_000).prop_map(|millis| Step::Time { millis }),
    ];
    prop::collection::vec(step, 1..300)
}

struct Decided {
    key: u64,
    cost: u64,
    version: u64,
    slot: Slot,
    served: bool,
    ask: Option<Ask>,
}

proptest! {
    #[test]
    fn never_more_than_was_granted(share in 1_u64..20, steps in steps()) {
        let terms = Terms { share, period_ns: 10 * SECOND, patience_ns: SECOND };
        let (mut slot, mut version) = (Slot::default(), 0_u64);
        let mut now = START;
        let mut decided: [Option<Decided>; 3] = [None, None, None];
        let mut questions: Vec<(u64, Ask)> = Vec::new();
        // By key: granted, served.
        let mut sums = [(0_u64, 0_u64); 6];
        for step in steps {
            match step {
                Step::Decide { worker, key, cost, waiting } => {
                    let mut changed = slot.clone();
                    let (served, ask) = match slot.find(key).take(&terms, now, cost, waiting) {
                        Taken::Served { lease, ask } => {
                            changed.put(key, &lease, now);
                            (true, ask)
                        }
                        Taken::Short { ask, lease } => {
                            prop_assert!(ask.units > 0);
                            changed.put(key, &lease, now);
                            (false, Some(ask))
                        }
                        Taken::Alone => (false, None),
                        Taken::Over { retry_after_ns } => {
                            prop_assert!(retry_after_ns <= terms.period_ns + SECOND);
                            (false, None)
                        }
                    };
                    decided[worker] = Some(Decided { key, cost, version, slot: changed, served, ask });
                }
                Step::Write { worker } => {
                    let Some(done) = decided[worker].take() else { continue };
                    if done.version != version {
                        continue;
                    }
                    version += 1;
                    slot = done.slot;
                    if done.served {
                        sums[done.key as usize].1 += done.cost;
                    }
                    questions.extend(done.ask.map(|ask| (done.key, ask)));
                }
                Step::Answer { which, yes, reset, told } => {
                    if questions.is_empty() {
                        continue;
                    }
                    let (key, ask) = questions.swap_remove(which % questions.len());
                    let lease = slot.find(key);
                    let lease = if yes {
                        sums[key as usize].0 += ask.units;
                        lease.granted(&terms, now, ask, reset, told)
                    } else {
                        lease.refused(&terms, now, ask, reset, told)
                    };
                    slot.put(key, &lease, now);
                    version += 1;
                }
                Step::Lose { which } => {
                    if !questions.is_empty() {
                        let (key, ask) = questions.swap_remove(which % questions.len());
                        let lease = slot.find(key).ended(ask);
                        slot.put(key, &lease, now);
                        version += 1;
                    }
                }
                Step::Time { millis } => now = now.saturating_add_signed(millis * 1_000_000),
            }
            for (granted, served) in sums {
                prop_assert!(served <= granted, "{served} of {granted}");
            }
        }
    }

    /// Nothing that is in the table, by us or by anybody, makes a decision that cannot be acted on.
    #[test]
    fn any_bytes(
        bytes in prop::collection::vec(any::<u8>(), 64),
        now in any::<u64>(),
        cost in any::<u64>(),
        share in 1_u64..,
        period_ns in any::<u64>(),
    ) {
        let terms = Terms { share, period_ns, patience_ns: SECOND };
        let print = u64::from_le_bytes(bytes[..8].try_into().unwrap());
        let lease = Slot::decode(bytes).unwrap().find(print);
        let before = lease.held(&terms, now);
        if let Taken::Served { lease, .. } = lease.take(&terms, now, cost, share) {
            prop_assert_eq!(before - cost, lease.held);
        }
        for turn in [Turn::First, Turn::Second, Turn::Further] {
            let ask = Ask { units: cost, turn };
            let _ = lease.granted(&terms, now, ask, Some(period_ns), Some(share));
            let _ = lease.refused(&terms, now, ask, None, None);
        }
    }
}

/// What happens next to one key.
#[derive(Debug, Clone)]
enum Event {
    Request {
        worker: usize,
        cost: u64,
    },
    /// The question of a worker is answered; those that wait for it are gone, or decided on anew.
    Answer {
        worker: usize,
        yes: bool,
        told: Option<u64>,
        gone: bool,
    },
}

/// A worker with what waits in it.
#[derive(Debug, Default)]
struct Worker {
    question: Option<Ask>,
    waiting: Vec<u64>,
    /// What those needed that its last question was for, where that was more than a share.
    needed: u64,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let told = prop::option::of(0_u64..60);
    let event = prop_oneof![
        3 => (0_usize..4, 1_u64..6).prop_map(|(worker, cost)| Event::Request { worker, cost }),
        1 => (0_usize..4, prop::bool::weighted(0.9), told, prop::bool::weighted(0.2))
            .prop_map(|(worker, yes, told, gone)| Event::Answer { worker, yes, told, gone }),
    ];
    prop::collection::vec(event, 1..400)
}

proptest! {
    /// As the filter goes about it: a worker has one question under way, and what it asks for is no more than a share,
    /// half a share, or what those need that wait. So no more is held than is said.
    #[test]
    fn no_more_is_held_than_is_said(share in 1_u64..40, events in events()) {
        let terms = Terms { share, period_ns: 10 * SECOND, patience_ns: SECOND };
        let mut lease = Lease::default();
        let mut workers: [Worker; 4] = Default::default();
        for event in events {
            let (number, mut deciding) = match event {
                Event::Request { worker, cost } => (worker, vec![cost]),
                Event::Answer { worker, yes, told, gone } => {
                    let Some(ask) = workers[worker].question.take() else { continue };
                    let reset = Some(5 * SECOND);
                    lease = match yes {
                        true => lease.granted(&terms, START, ask, reset, told),
                        false => lease.refused(&terms, START, ask, reset, told),
                    };
                    let woken = std::mem::take(&mut workers[worker].waiting);
                    (worker, if gone { Vec::new() } else { woken })
                }
            };
            while !deciding.is_empty() {
                let cost = deciding.remove(0);
                let waiting = deciding.iter().sum();
                let mut asks = None;
                match lease.take(&terms, START, cost, waiting) {
                    Taken::Served { lease: next, ask } => {
                        lease = next;
                        asks = ask.map(|ask| (ask, waiting));
                    }
                    Taken::Short { ask, lease: next } => {
                        if workers[number].question.is_none() {
                            lease = next;
                            asks = Some((ask, cost + waiting));
                        }
                        workers[number].waiting.push(cost);
                    }
                    Taken::Alone | Taken::Over { .. } => {}
                }
                if let Some((ask, needed)) = asks {
                    // One ahead of need may be beside another one.
                    if let Some(other) = workers[number].question.replace(ask) {
                        lease = lease.refused(&terms, START, other, Some(5 * SECOND), None);
                    }
                    workers[number].needed = if ask.units > share / 2 { needed } else { ask.units };
                }
            }
            let asked: u64 = workers.iter().filter_map(|worker| worker.question).map(|ask| ask.units).sum();
            let needed: u64 = workers.iter().map(|worker| worker.needed).sum();
            let held = lease.held(&terms, START);
            // A request of 5 at most may have found not quite enough.
            prop_assert!(held + asked <= terms.most_held() + 5 + needed, "{held} {asked} {needed}");
        }
    }
}
