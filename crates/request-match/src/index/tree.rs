//! Paths in one tree of segments.

use std::collections::HashMap;

/// One step of a rule's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step<'p> {
    Literal(&'p str),
    /// Any one segment.
    One,
    /// All that follows, which may be nothing.
    Rest,
}

/// The rules about paths.
#[derive(Debug, Default)]
pub(super) struct Tree(Node);

/// The paths that begin with the same segments.
#[derive(Debug, Default)]
struct Node {
    /// The rules about the path that ends here.
    exact: Vec<usize>,
    /// The rules about that path and all below.
    below: Vec<usize>,
    literals: HashMap<Box<str>, Node>,
    /// Any one segment.
    one: Option<Box<Node>>,
}

impl Tree {
    pub(super) fn insert(&mut self, steps: &[Step<'_>], place: usize) {
        self.0.insert(steps, place);
    }

    pub(super) fn find(&self, path: &str, found: &mut Vec<usize>) {
        if let Some(inside) = path.strip_prefix('/') {
            let segments = inside.split('/').filter(|segment| !segment.is_empty());
            self.0.find(segments, found);
        }
    }
}

impl Node {
    fn insert(&mut self, steps: &[Step<'_>], place: usize) {
        match steps.split_first() {
            None => self.exact.push(place),
            Some((Step::Rest, _)) => self.below.push(place),
            Some((Step::One, rest)) => self.one.get_or_insert_default().insert(rest, place),
            Some((Step::Literal(text), rest)) => {
                let next = self.literals.entry((*text).into()).or_default();
                next.insert(rest, place);
            }
        }
    }

    /// All ways down that the segments leave open, side by side: there are never more of them than
    /// rules with templates.
    fn find<'p>(&self, segments: impl Iterator<Item = &'p str>, found: &mut Vec<usize>) {
        let mut here = vec![self];
        for segment in segments {
            let mut next = Vec::with_capacity(here.len());
            for node in here {
                found.extend(&node.below);
                next.extend(node.literals.get(segment));
                next.extend(node.one.as_deref());
            }
            if next.is_empty() {
                return;
            }
            here = next;
        }
        for node in here {
            found.extend(&node.below);
            found.extend(&node.exact);
        }
    }
}
