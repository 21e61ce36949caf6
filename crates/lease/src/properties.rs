//! Several workers over one slot: whatever they do in whichever order, no more is served than was granted.

use super::*;
use proptest::prelude::*;

const SECOND: u64 = 1_000_000_000;
const START: u64 = 1_000_000 * SECOND;

/// What one worker does next. Between its reading and its writing others may do anything.
#[derive(Debug, Clone)]
enum Step {
    /// Reads the slot and decides on a request, but does not write yet.
    Decide { worker: usize, key: u64, cost: u64 },
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
        6 => (0_usize..3, 0_u64..6, 1_u64..8)
            .prop_map(|(worker, key, cost)| Step::Decide { worker, key, cost }),
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
    ask: Option<u64>,
}

proptest! {
    #[test]
    fn never_more_than_was_granted(share in 1_u64..20, steps in steps()) {
        let terms = Terms { share, period_ns: 10 * SECOND, patience_ns: SECOND };
        let (mut slot, mut version) = (Slot::default(), 0_u64);
        let mut now = START;
        let mut decided: [Option<Decided>; 3] = [None, None, None];
        let mut questions: Vec<(u64, u64)> = Vec::new();
        // By key: granted, served.
        let mut sums = [(0_u64, 0_u64); 6];
        for step in steps {
            match step {
                Step::Decide { worker, key, cost } => {
                    let mut changed = slot.clone();
                    let (served, ask) = match slot.find(key).take(&terms, now, cost) {
                        Taken::Served { lease, ask } => {
                            changed.put(key, &lease, now);
                            (true, ask)
                        }
                        Taken::Short { ask, lease } => {
                            prop_assert!(ask > 0);
                            changed.put(key, &lease, now);
                            (false, Some(ask))
                        }
                        Taken::Alone { .. } => (false, None),
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
                    let (key, units) = questions.swap_remove(which % questions.len());
                    let lease = slot.find(key);
                    let lease = if yes {
                        sums[key as usize].0 += units;
                        lease.granted(&terms, now, units, reset, told)
                    } else {
                        lease.refused(&terms, now, units, reset, told)
                    };
                    slot.put(key, &lease, now);
                    version += 1;
                }
                Step::Lose { which } => {
                    if !questions.is_empty() {
                        let (key, _) = questions.swap_remove(which % questions.len());
                        let lease = slot.find(key).unanswered();
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
        bytes in prop::collection::vec(any::<u8>(), 48),
        now in any::<u64>(),
        cost in any::<u64>(),
        share in 1_u64..,
        period_ns in any::<u64>(),
    ) {
        let terms = Terms { share, period_ns, patience_ns: SECOND };
        let print = u64::from_le_bytes(bytes[..8].try_into().unwrap());
        let lease = Slot::decode(bytes).unwrap().find(print);
        let before = lease.held(&terms, now);
        if let Taken::Served { lease, .. } = lease.take(&terms, now, cost) {
            prop_assert_eq!(before - cost, lease.held);
        }
        let _ = lease.granted(&terms, now, cost, Some(period_ns), Some(share));
        let _ = lease.refused(&terms, now, cost, None, None);
    }
}
