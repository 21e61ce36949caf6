//! The graph to a table: a state of the table is a set of states of the graph.
//!
//! A condition on a place asks for the bytes on both of its sides, of which a table that reads one byte
//! after the other has seen one. So a set is kept as it was reached by the last byte, together with the
//! [`Side`] which that byte was, and grows by what needs no byte once the next one is known.
//!
//! The table can be read from the beginning of a text to its end or from the end to the beginning: then
//! the graph's ways are gone backwards.

use crate::class::ByteSet;
use crate::look::{Look, Side};
use crate::nfa::{Nfa, State, StateId};
use crate::{Error, Result};
use std::collections::{BinaryHeap, HashMap};
use std::rc::Rc;

/// Bounds of one table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Entries of the table: 4 bytes each.
    pub(crate) entries: usize,
    /// Steps to build it, of some nanoseconds each.
    pub(crate) steps: usize,
}

/// The state from which nothing can be reached any more.
pub(crate) const DEAD: u32 = 0;

/// A table.
#[derive(Debug, Clone)]
pub(crate) struct Dfa {
    /// The class of each byte.
    classes: Box<[u8; 256]>,
    /// How many classes there are.
    stride: usize,
    next: Vec<u32>,
    pub(crate) start: u32,
}

impl Dfa {
    /// The state after a byte.
    pub(crate) fn step(&self, state: u32, byte: u8) -> u32 {
        // The array has a place for every byte, and the table for every state and class.
        let class = self
            .classes
            .get(usize::from(byte))
            .map_or(0, |class| usize::from(*class));
        let place = state as usize * self.stride + class;
        self.next.get(place).copied().unwrap_or(DEAD)
    }

    pub(crate) fn entries(&self) -> usize {
        self.next.len()
    }
}

#[derive(Debug, Clone, Copy)]
enum Label {
    Nothing,
    Look(Look),
    Set(usize),
}

/// The ways of a graph, forwards or backwards.
pub(crate) struct Ways<'n> {
    nfa: &'n Nfa,
    from: Vec<Vec<(Label, StateId)>>,
    backwards: bool,
}

impl<'n> Ways<'n> {
    pub(crate) fn new(nfa: &'n Nfa, backwards: bool) -> Self {
        let mut from = vec![Vec::new(); nfa.states().len()];
        let mut add = |start: usize, label: Label, end: StateId| {
            let (start, end) = match (backwards, StateId::try_from(start)) {
                (true, Ok(start)) => (end as usize, start),
                _ => (start, end),
            };
            if let Some(ways) = from.get_mut(start) {
                ways.push((label, end));
            }
        };
        for (id, state) in nfa.states().iter().enumerate() {
            match state {
                State::Byte(set, next) => add(id, Label::Set(*set), *next),
                State::Look(look, next) => add(id, Label::Look(*look), *next),
                State::Save(_, next) => add(id, Label::Nothing, *next),
                State::Split(ways) => ways.iter().for_each(|next| add(id, Label::Nothing, *next)),
                State::Match(_) => {}
            }
        }
        Self {
            nfa,
            from,
            backwards,
        }
    }

    fn of(&self, state: StateId) -> &[(Label, StateId)] {
        self.from.get(state as usize).map_or(&[], Vec::as_slice)
    }

    /// All that is reached from here without a byte, in a place between a byte that has been read and
    /// one that has not.
    fn closure(
        &self,
        from: &[StateId],
        read: Side,
        coming: Side,
        marks: &mut Marks,
    ) -> Vec<StateId> {
        let (before, after) = match self.backwards {
            true => (coming, read),
            false => (read, coming),
        };
        marks.clear();
        let mut reached = Vec::with_capacity(from.len());
        let mut stack = from.to_vec();
        while let Some(state) = stack.pop() {
            if !marks.mark(state) {
                continue;
            }
            reached.push(state);
            for (label, to) in self.of(state) {
                let open = match label {
                    Label::Nothing => true,
                    Label::Look(look) => look.holds(before, after),
                    Label::Set(_) => false,
                };
                if open {
                    stack.push(*to);
                }
            }
        }
        reached
    }
}

/// Which states were seen, forgotten in no time.
#[derive(Debug)]
pub(crate) struct Marks {
    seen: Vec<u32>,
    turn: u32,
}

impl Marks {
    pub(crate) fn new(states: usize) -> Self {
        Self {
            seen: vec![0; states],
            turn: 0,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.turn = self.turn.wrapping_add(1);
        if self.turn == 0 {
            self.seen.fill(0);
            self.turn = 1;
        }
    }

    /// Whether it was not marked before.
    pub(crate) fn mark(&mut self, state: StateId) -> bool {
        let turn = self.turn;
        let seen = self.seen.get_mut(state as usize);
        seen.is_some_and(|seen| std::mem::replace(seen, turn) != turn)
    }
}

/// Bytes that the expression treats alike.
struct Classes {
    of: Box<[u8; 256]>,
    /// A byte of each class, and what it is to conditions on places.
    samples: Vec<(u8, Side)>,
}

impl Classes {
    fn new(nfa: &Nfa) -> Self {
        let mut sets: Vec<ByteSet> = nfa.sets().to_vec();
        if nfa.has_looks() {
            sets.push(ByteSet::of(&[(b'\n', b'\n')]));
            sets.push(crate::class::perl('w'));
        }
        let mut of = Box::new([0; 256]);
        let mut samples: Vec<(u8, Side)> = Vec::new();
        for (byte, class) in (0..=u8::MAX).zip(of.iter_mut()) {
            let alike = |sample: u8| {
                sets.iter()
                    .all(|set| set.contains(byte) == set.contains(sample))
            };
            let known = samples.iter().position(|(sample, _)| alike(*sample));
            let place = known.unwrap_or(samples.len());
            if known.is_none() {
                samples.push((
                    byte,
                    if nfa.has_looks() {
                        Side::of(byte)
                    } else {
                        Side::Other
                    },
                ));
            }
            // There are at most as many classes as bytes.
            *class = u8::try_from(place).unwrap_or_default();
        }
        Self { of, samples }
    }
}

/// What is told of each state, for each thing that can come next: what it is without a byte more.
pub(crate) type Reached<'r> = dyn FnMut(u32, Side, &[StateId]) -> Result<()> + 'r;

/// Builds the table that begins with the states `start` at the edge of the text; the states `always`
/// are in each set.
pub(crate) fn build(
    ways: &Ways<'_>,
    start: &[StateId],
    always: &[StateId],
    limits: Limits,
    reached: &mut Reached<'_>,
) -> Result<Dfa> {
    let classes = Classes::new(ways.nfa);
    let stride = classes.samples.len();
    let mut sets = Sets::default();
    let dead = sets.id(Vec::new(), Side::Other)?;
    debug_assert_eq!(dead, DEAD);
    let start = sets.id([start, always].concat(), Side::Edge)?;
    let mut next = vec![DEAD; stride];
    let mut marks = Marks::new(ways.from.len());
    let mut steps = 0;
    let mut at = 1;
    while let Some((set, read)) = sets.all.get(at).cloned() {
        let id = u32::try_from(at).map_err(|_| Error::TooBig)?;
        at += 1;
        let row = next.len();
        next.resize(row + stride, DEAD);
        if next.len() > limits.entries {
            return Err(Error::TooBig);
        }
        for coming in Side::ALL {
            let of_side = |(_, (_, side)): &(usize, &(u8, Side))| *side == coming;
            let coming_classes = classes.samples.iter().enumerate().filter(of_side);
            if coming != Side::Edge && coming_classes.clone().next().is_none() {
                continue;
            }
            let closure = ways.closure(&set, read, coming, &mut marks);
            reached(id, coming, &closure)?;
            for (class, (sample, _)) in coming_classes {
                steps += closure.len() + 1;
                if steps > limits.steps {
                    return Err(Error::TooBig);
                }
                let mut targets = always.to_vec();
                for (label, to) in closure.iter().flat_map(|state| ways.of(*state)) {
                    if let Label::Set(set) = label
                        && ways
                            .nfa
                            .sets()
                            .get(*set)
                            .is_some_and(|set| set.contains(*sample))
                    {
                        targets.push(*to);
                    }
                }
                let target = match targets.is_empty() {
                    true => DEAD,
                    false => sets.id(targets, coming)?,
                };
                if let Some(entry) = next.get_mut(row + class) {
                    *entry = target;
                }
            }
        }
    }
    next.shrink_to_fit();
    Ok(Dfa {
        classes: classes.of,
        stride,
        next,
        start,
    })
}

/// The sets found so far, by their numbers, and the numbers.
#[derive(Default)]
struct Sets {
    all: Vec<(Rc<[StateId]>, Side)>,
    ids: HashMap<(Rc<[StateId]>, u8), u32>,
}

impl Sets {
    fn id(&mut self, set: Vec<StateId>, side: Side) -> Result<u32> {
        // A heap's sort is a tenth of the code of the other one.
        let mut set = BinaryHeap::from(set).into_sorted_vec();
        set.dedup();
        let set: Rc<[StateId]> = set.into();
        let new = u32::try_from(self.all.len()).map_err(|_| Error::TooBig)?;
        let id = *self.ids.entry((set.clone(), side as u8)).or_insert(new);
        if id == new {
            self.all.push((set, side));
        }
        Ok(id)
    }
}
