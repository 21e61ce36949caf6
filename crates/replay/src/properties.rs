//! Whatever the schedule, an identifier is first once.

use crate::tests::{at, table};
use crate::{Failure, Seen, Table};
use gatehouse_host_fake::{FakeHost, Shared};
use proptest::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;

/// A presentation of an identifier, and those that other workers make between its read and its swap.
#[derive(Debug, Clone)]
struct Step {
    id: u8,
    now: u64,
    between: Vec<Step>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let leaf = (0..4_u8, 0..50_u64).prop_map(|(id, now)| Step {
        id,
        now,
        between: Vec::new(),
    });
    let step = leaf.prop_recursive(4, 32, 4, |inner| {
        let between = prop::collection::vec(inner, 0..4);
        (0..4_u8, 0..50_u64, between).prop_map(|(id, now, between)| Step { id, now, between })
    });
    prop::collection::vec(step, 1..12)
}

type Log = Rc<RefCell<Vec<(u8, Result<Seen, Failure>)>>>;

/// Each step is a worker of its own, with a VM of its own. What happens between happens at its first
/// swap.
fn run(step: Step, shared: &Shared, slots: u32, log: &Log) {
    let host = FakeHost::new(shared.clone());
    let table: Table = table(slots);
    let mut between = Some(step.between);
    let inner = (shared.clone(), log.clone());
    host.before_swap(move || {
        for step in between.take().into_iter().flatten() {
            run(step, &inner.0, slots, &inner.1);
        }
    });
    let seen = table.first_time(&[&[step.id]], at(100), at(step.now), &host);
    log.borrow_mut().push((step.id, seen));
}

proptest! {
    #[test]
    fn exactly_one_is_the_first(steps in steps(), slots in 1..4_u32) {
        let shared = Shared::default();
        let log = Log::default();
        for step in steps {
            run(step, &shared, slots, &log);
        }
        let log = log.borrow();
        for id in 0..4 {
            let of = log.iter().filter(|(other, _)| *other == id).map(|(_, seen)| *seen);
            let all: Vec<_> = of.collect();
            let first = all.iter().filter(|seen| **seen == Ok(Seen::First)).count();
            prop_assert_eq!(first, usize::from(!all.is_empty()), "{}: {:?}", id, all);
            prop_assert!(all.iter().all(Result::is_ok), "{}: {:?}", id, all);
        }
    }

    /// However crowded the slots are and wherever the clock jumps, none is the first twice.
    #[test]
    fn never_twice(
        presented in prop::collection::vec((0..80_u16, 0..400_u64), 1..600),
        slots in 1..3_u32,
    ) {
        let host = FakeHost::default();
        let table = table(slots);
        let mut first = std::collections::BTreeSet::new();
        for (id, now) in presented {
            // As a signature has it: its end does not depend on when it is presented.
            let until = 50 + u64::from(id) * 3;
            let seen = table.first_time(&[&id.to_le_bytes()], at(until), at(now), &host);
            if seen == Ok(Seen::First) {
                prop_assert!(first.insert(id), "{} twice", id);
            }
        }
    }
}
