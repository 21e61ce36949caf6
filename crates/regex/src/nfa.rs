//! The tree to a graph: states, and ways from one to the next in order of preference.

use crate::class::ByteSet;
use crate::look::Look;
use crate::syntax::Node;
use crate::{Error, Result};

/// A state, by its place.
pub(crate) type StateId = u32;

/// What a state is.
#[derive(Debug, Clone)]
pub(crate) enum State {
    /// Takes a byte of the set with this number.
    Byte(usize, StateId),
    /// Holds at this place, and goes on.
    Look(Look, StateId),
    /// Remembers the place, and goes on: the beginning of group n is 2n, its end 2n + 1.
    Save(usize, StateId),
    /// The first of these that leads to a match.
    Split(Vec<StateId>),
    /// The end of the expression with this number.
    Match(usize),
}

/// A graph.
#[derive(Debug, Default)]
pub(crate) struct Nfa {
    states: Vec<State>,
    sets: Vec<ByteSet>,
    most_states: usize,
    looks: bool,
    empty_loops: bool,
}

impl Nfa {
    /// An empty one, of which no more than so many states become.
    pub(crate) fn new(most_states: usize) -> Self {
        Self {
            most_states,
            ..Self::default()
        }
    }

    /// Adds an expression that ends in [`State::Match`] with this number. The state it begins at.
    pub(crate) fn add(&mut self, node: &Node, number: usize) -> Result<StateId> {
        let end = self.push(State::Match(number))?;
        self.compile(node, end)
    }

    pub(crate) fn states(&self) -> &[State] {
        &self.states
    }

    pub(crate) fn state(&self, id: StateId) -> Option<&State> {
        self.states.get(id as usize)
    }

    pub(crate) fn sets(&self) -> &[ByteSet] {
        &self.sets
    }

    /// Whether there is a condition on a place.
    pub(crate) fn has_looks(&self) -> bool {
        self.looks
    }

    /// Whether there is a way from a state to itself that takes no byte.
    pub(crate) fn has_empty_loops(&self) -> bool {
        self.empty_loops
    }

    fn push(&mut self, state: State) -> Result<StateId> {
        if self.states.len() >= self.most_states {
            return Err(Error::TooBig);
        }
        let id = StateId::try_from(self.states.len()).map_err(|_| Error::TooBig)?;
        self.states.push(state);
        Ok(id)
    }

    fn set(&mut self, set: ByteSet) -> usize {
        let known = self.sets.iter().position(|known| *known == set);
        known.unwrap_or_else(|| {
            self.sets.push(set);
            self.sets.len() - 1
        })
    }

    /// The state at which a node begins that goes on at `next`.
    fn compile(&mut self, node: &Node, next: StateId) -> Result<StateId> {
        match node {
            Node::Empty => Ok(next),
            Node::Bytes(set) => {
                let set = self.set(*set);
                self.push(State::Byte(set, next))
            }
            Node::Look(look) => {
                self.looks = true;
                self.push(State::Look(*look, next))
            }
            Node::Concat(nodes) => {
                let mut next = next;
                for node in nodes.iter().rev() {
                    next = self.compile(node, next)?;
                }
                Ok(next)
            }
            Node::Either(nodes) => {
                let branches: Result<Vec<_>> =
                    nodes.iter().map(|node| self.compile(node, next)).collect();
                self.push(State::Split(branches?))
            }
            Node::Group(number, node) => {
                let end = self.push(State::Save(number * 2 + 1, next))?;
                let inside = self.compile(node, end)?;
                self.push(State::Save(number * 2, inside))
            }
            Node::Repeat {
                node,
                least,
                most,
                greedy,
            } => self.repeat(node, (*least, *most), *greedy, next),
        }
    }

    fn repeat(
        &mut self,
        node: &Node,
        (least, most): (u32, Option<u32>),
        greedy: bool,
        next: StateId,
    ) -> Result<StateId> {
        let mut entry = next;
        let mut required = least;
        match most {
            Some(most) => {
                for _ in least..most {
                    let again = self.compile(node, entry)?;
                    if again == entry {
                        break;
                    }
                    entry = self.split(again, next, greedy)?;
                }
            }
            None => {
                let back = self.split(next, next, greedy)?;
                let body = self.compile(node, back)?;
                self.replace(back, body, next, greedy);
                self.empty_loops |= node.can_be_empty();
                // Where the body can be empty, going back is not yet a choice to leave it out.
                entry = match (least, node.can_be_empty()) {
                    (0, false) => back,
                    (0, true) => self.split(body, next, greedy)?,
                    _ => body,
                };
                required = least.saturating_sub(1);
            }
        }
        for _ in 0..required {
            let again = self.compile(node, entry)?;
            if again == entry {
                break;
            }
            entry = again;
        }
        Ok(entry)
    }

    fn split(&mut self, again: StateId, next: StateId, greedy: bool) -> Result<StateId> {
        self.push(State::Split(ways(again, next, greedy)))
    }

    fn replace(&mut self, place: StateId, again: StateId, next: StateId, greedy: bool) {
        if let Some(state) = self.states.get_mut(place as usize) {
            *state = State::Split(ways(again, next, greedy));
        }
    }
}

fn ways(again: StateId, next: StateId, greedy: bool) -> Vec<StateId> {
    match greedy {
        true => vec![again, next],
        false => vec![next, again],
    }
}
