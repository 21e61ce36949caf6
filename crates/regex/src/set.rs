//! Many expressions against whole texts, all at once.

use crate::dfa::{self, DEAD, Dfa, Limits, Ways};
use crate::look::Side;
use crate::nfa::{Nfa, State};
use crate::{Result, syntax};
use std::collections::BinaryHeap;

/// The bounds of one expression: a table of 1 MiB.
pub(crate) const LIMITS: Limits = Limits {
    entries: 256 << 10,
    steps: 20_000_000,
};

/// The states of a graph.
const MOST_STATES: usize = 32 << 10;

/// Expressions, one of which or several match a text from its first byte to its last.
#[derive(Debug, Clone)]
pub struct Set {
    dfa: Dfa,
    /// The expressions that match a text that ends in a state, by the state.
    ends: Vec<Box<[usize]>>,
}

impl Set {
    /// Compiles patterns that are good each on its own. Together they may take so many bytes.
    ///
    /// # Errors
    /// Where one is no regular expression, or they take more together.
    pub fn new(patterns: &[&str], bytes: usize) -> Result<Self> {
        let entries = bytes / size_of::<u32>();
        let steps = entries.saturating_mul(LIMITS.steps / LIMITS.entries);
        Self::compile(patterns, Limits { entries, steps })
    }

    pub(crate) fn compile(patterns: &[&str], limits: Limits) -> Result<Self> {
        let mut nfa = Nfa::new(MOST_STATES);
        let mut start = Vec::with_capacity(patterns.len());
        for (number, pattern) in patterns.iter().enumerate() {
            start.push(nfa.add(&syntax::parse(pattern)?.node, number)?);
        }
        let mut ends: Vec<Box<[usize]>> = Vec::new();
        let dfa = dfa::build(
            &Ways::new(&nfa, false),
            &start,
            &[],
            limits,
            &mut |id, coming, set| {
                if coming == Side::Edge {
                    let matched: BinaryHeap<usize> = set
                        .iter()
                        .filter_map(|state| match nfa.state(*state) {
                            Some(State::Match(number)) => Some(*number),
                            _ => None,
                        })
                        .collect();
                    let matched = matched.into_sorted_vec();
                    ends.resize(id as usize, Box::default());
                    ends.push(matched.into());
                }
                Ok(())
            },
        )?;
        Ok(Self { dfa, ends })
    }

    /// The places of the patterns that match this text, in order.
    pub fn matches(&self, text: &[u8]) -> &[usize] {
        let mut state = self.dfa.start;
        for byte in text {
            state = self.dfa.step(state, *byte);
            if state == DEAD {
                return &[];
            }
        }
        self.ends.get(state as usize).map_or(&[], |ends| ends)
    }

    /// The bytes that its table takes.
    pub fn size(&self) -> usize {
        self.dfa.entries() * size_of::<u32>()
    }
}
