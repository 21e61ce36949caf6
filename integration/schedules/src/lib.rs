//! Threads that take turns: one runs, the others wait, and who is next is said by a schedule.
//!
//! A worker of a proxy can be held up between any two host calls, and whatever others do in between it finds done. So
//! each access to shared data asks whose turn it is ([`Turns::pass`]); between two of them nothing that a worker does
//! concerns another one. The schedule is a sequence of numbers that follows from a seed: a schedule that failed fails again.

use std::cell::Cell;
use std::sync::{Condvar, Mutex, PoisonError};

thread_local! {
    /// The number of this thread among those that take turns; nothing for others, such as the one that sets them up.
    static NUMBER: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Whose turn it is.
#[derive(Debug)]
pub struct Turns {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// The threads that have not ended.
    running: Vec<usize>,
    /// That have not begun. Nobody runs before all are there.
    missing: usize,
    turn: usize,
    seed: u64,
    /// How often it was another thread's turn than before.
    switches: usize,
}

impl Turns {
    /// For so many threads, in an order that follows from the seed.
    pub fn new(threads: usize, seed: u64) -> Self {
        Self {
            state: Mutex::new(State {
                running: (0..threads).collect(),
                missing: threads,
                turn: 0,
                seed,
                switches: 0,
            }),
            changed: Condvar::new(),
        }
    }

    /// Does the work of a thread, in its turns.
    pub fn run<T>(&self, number: usize, work: impl FnOnce() -> T) -> T {
        self.state().missing -= 1;
        self.changed.notify_all();
        self.wait(number);
        NUMBER.set(Some(number));
        let result = work();
        NUMBER.set(None);
        let mut state = self.state();
        state.running.retain(|running| *running != number);
        state.choose();
        self.changed.notify_all();
        result
    }

    /// Lets another thread go on, if the schedule says so, and comes back when it is this one's turn again.
    pub fn pass(&self) {
        let Some(number) = NUMBER.get() else { return };
        self.state().choose();
        self.changed.notify_all();
        self.wait(number);
    }

    /// How often it was another thread's turn than before.
    pub fn switches(&self) -> usize {
        self.state().switches
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, number: usize) {
        let mut state = self.state();
        while state.missing > 0 || state.turn != number {
            let woken = self.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl State {
    fn choose(&mut self) {
        // SplitMix64.
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.seed ^ (self.seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let Some(next) = usize::try_from(mixed >> 32)
            .unwrap_or_default()
            .checked_rem(self.running.len())
        else {
            return;
        };
        let next = self.running.get(next).copied().unwrap_or_default();
        self.switches += usize::from(next != self.turn);
        self.turn = next;
    }
}
