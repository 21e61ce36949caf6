//! All matches of an expression within a text, and what its groups matched.
//!
//! 1. The text is read once from its end to its beginning, and of each place is written down which
//!    states of the graph lead to a match from there (their set is a state of a table).
//! 2. The first place from which the expression's beginning leads to a match is where the first match
//!    begins. From there the graph is followed forwards, at each fork by the first way that leads
//!    to a match: this is the match that a backtracking engine finds, and no way is gone back.
//! 3. The next match is looked for where that one ends, in what was written down.
//!
//! So all matches together take time linear in the text. Greedy parsing in two passes: A. Frisch,
//! L. Cardelli, Greedy Regular Expression Matching, 2004.

use crate::dfa::{self, Dfa, Limits, Marks, Ways};
use crate::look::Side;
use crate::nfa::{Nfa, State, StateId};
use crate::{Error, Result, syntax};
use std::ops::Range;

/// The bounds of one expression: with its sets, 1 MiB.
const LIMITS: Limits = Limits {
    entries: 128 << 10,
    steps: 20_000_000,
};

/// The states of a graph: following it can take as many steps a byte, though it mostly takes three.
const MOST_STATES: usize = 1 << 10;

/// The words of 32 bits that the sets of all table states may take.
const MOST_WORDS: usize = 128 << 10;

/// An expression that is searched for.
#[derive(Debug, Clone)]
pub struct Search {
    nfa: std::rc::Rc<Nfa>,
    names: Vec<Option<Box<str>>>,
    start: StateId,
    dfa: Dfa,
    /// The states that lead to a match: of each table state and each [`Side`] so many words of bits.
    viable: Vec<u32>,
    words: usize,
}

impl Search {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// Where it is no regular expression, or its table takes more than 1 MiB.
    pub fn new(pattern: &str) -> Result<Self> {
        let parsed = syntax::parse(pattern)?;
        let mut nfa = Nfa::new(MOST_STATES);
        let start = nfa.add(&parsed.node, 0)?;
        let words = nfa.states().len().div_ceil(32);
        let mut viable: Vec<u32> = Vec::new();
        // The end of the expression, which is the first state of the graph: a match can end anywhere.
        let end = [0];
        let dfa = dfa::build(
            &Ways::new(&nfa, true),
            &[],
            &end,
            LIMITS,
            &mut |id, coming, set| {
                if id > u32::from(u16::MAX) {
                    return Err(Error::TooBig);
                }
                let at = (id as usize * Side::ALL.len() + coming as usize) * words;
                if at + words > MOST_WORDS {
                    return Err(Error::TooBig);
                }
                viable.resize(viable.len().max(at + words), 0);
                for state in set {
                    if let Some(word) = viable.get_mut(at + *state as usize / 32) {
                        *word |= 1 << (state % 32);
                    }
                }
                Ok(())
            },
        )?;
        Ok(Self {
            nfa: std::rc::Rc::new(nfa),
            names: parsed.names,
            start,
            dfa,
            viable,
            words,
        })
    }

    /// The names of its groups, in order: the first is that of group 1. Nothing for one without.
    pub fn group_names(&self) -> impl ExactSizeIterator<Item = Option<&str>> {
        self.names.iter().map(Option::as_deref)
    }

    /// Whether a state leads to a match, where these bits stand for the place.
    fn leads_to_match(&self, state: StateId, viable: usize) -> bool {
        let word = self.viable.get(viable + state as usize / 32);
        word.is_some_and(|word| word >> (state % 32) & 1 == 1)
    }

    /// Whether it is found anywhere in a text.
    pub fn is_match(&self, text: &[u8]) -> bool {
        let mut state = self.dfa.start;
        let mut place = text.len();
        loop {
            let before = place.checked_sub(1).and_then(|place| text.get(place));
            let viable = self.bits(state, before.copied());
            if self.leads_to_match(self.start, viable) {
                return true;
            }
            let Some(byte) = before else {
                return false;
            };
            state = self.dfa.step(state, *byte);
            place -= 1;
        }
    }

    /// Where the bits stand of the states that lead to a match, from a place where the table is in a
    /// state and behind a byte.
    fn bits(&self, state: u32, before: Option<u8>) -> usize {
        let before = match before {
            None => Side::Edge,
            Some(_) if !self.nfa.has_looks() => Side::Other,
            Some(byte) => Side::of(byte),
        };
        (state as usize * Side::ALL.len() + before as usize) * self.words
    }

    /// All matches within a text that do not overlap, the leftmost first.
    pub fn matches<'s>(&'s self, text: &'s [u8]) -> Matches<'s> {
        let mut state = self.dfa.start;
        let mut states = vec![0; text.len() + 1];
        for (place, written) in states.iter_mut().enumerate().rev() {
            if let Some(byte) = text.get(place) {
                state = self.dfa.step(state, *byte);
            }
            // There are no more states than that.
            *written = u16::try_from(state).unwrap_or_default();
        }
        Matches {
            search: self,
            text,
            states,
            at: 0,
            last_end: None,
            marks: Marks::new(self.nfa.states().len()),
            left: Vec::new(),
        }
    }
}

/// What the groups of one match matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captures(Vec<Option<usize>>);

impl Captures {
    /// The place of a group; that of the whole match is 0. Nothing for a group that took no part.
    pub fn group(&self, number: usize) -> Option<Range<usize>> {
        let start = self.0.get(number.checked_mul(2)?).copied()??;
        let end = self.0.get(number * 2 + 1).copied()??;
        Some(start..end)
    }
}

/// The matches within a text.
#[derive(Debug)]
pub struct Matches<'s> {
    search: &'s Search,
    text: &'s [u8],
    /// The table's state at each place.
    states: Vec<u16>,
    at: usize,
    last_end: Option<usize>,
    marks: Marks,
    left: Vec<Left>,
}

/// What is left to do at a place, should the way that is tried come back to where it was.
#[derive(Debug)]
enum Left {
    Go(StateId),
    /// The way that was tried remembered a place.
    Forget(usize, Option<usize>),
}

impl Iterator for Matches<'_> {
    type Item = Captures;

    fn next(&mut self) -> Option<Captures> {
        loop {
            while !self
                .search
                .leads_to_match(self.search.start, self.viable(self.at))
            {
                if self.at >= self.text.len() {
                    return None;
                }
                self.at += 1;
            }
            let start = self.at;
            let found = self.follow(start)?;
            let end = found.group(0)?.end;
            // As everywhere, there is no empty match right behind another match.
            if start == end && self.last_end == Some(end) {
                if self.at >= self.text.len() {
                    return None;
                }
                self.at += 1;
                continue;
            }
            self.at = end;
            self.last_end = Some(end);
            return Some(found);
        }
    }
}

impl Matches<'_> {
    /// Where the bits stand of the states that lead to a match from a place.
    fn viable(&self, place: usize) -> usize {
        let before = place.checked_sub(1).and_then(|place| self.text.get(place));
        let state = self.states.get(place).map_or(0, |state| u32::from(*state));
        self.search.bits(state, before.copied())
    }

    /// Follows the graph from a place from where it leads to a match.
    ///
    /// Every state on the way leads to a match, so what is chosen is never taken back; but for ways that
    /// come back to a state without a byte in between, which match no more than they do without.
    fn follow(&mut self, start: usize) -> Option<Captures> {
        let search = self.search;
        let loops = search.nfa.has_empty_loops();
        let mut saved = vec![None; (search.names.len() + 1) * 2];
        let mut place = start;
        let mut viable = self.viable(place);
        let mut state = search.start;
        self.left.clear();
        self.marks.clear();
        loop {
            if loops && !self.marks.mark(state) {
                state = loop {
                    match self.left.pop()? {
                        Left::Go(state) => break state,
                        Left::Forget(slot, before) => *saved.get_mut(slot)? = before,
                    }
                };
                continue;
            }
            state = match search.nfa.state(state)? {
                State::Match(_) => {
                    for (slot, at) in saved.iter_mut().zip([start, place]) {
                        *slot = Some(at);
                    }
                    return Some(Captures(saved));
                }
                // It leads to a match from here, so the byte is of its set.
                State::Byte(_, next) => {
                    place += 1;
                    viable = self.viable(place);
                    if loops {
                        self.left.clear();
                        self.marks.clear();
                    }
                    *next
                }
                // So its condition holds.
                State::Look(_, next) => *next,
                State::Save(slot, next) => {
                    let before = saved.get_mut(*slot)?.replace(place);
                    if loops {
                        self.left.push(Left::Forget(*slot, before));
                    }
                    *next
                }
                State::Split(ways) => {
                    let mut good = ways
                        .iter()
                        .filter(|way| search.leads_to_match(**way, viable));
                    let first = *good.next()?;
                    if loops {
                        self.left.extend(good.rev().map(|way| Left::Go(*way)));
                    }
                    first
                }
            };
        }
    }
}
