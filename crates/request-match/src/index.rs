//! Which of many rules a request's path can concern.
//!
//! Rules are asked in their order, and the first that matches decides. With hundreds of them most are
//! about other paths, and need not be asked: their paths stand in one tree of segments. A rule's path
//! is exact, a prefix or a template; a rule with an expression, or without a path, can be about any
//! request.
//!
//! What it finds still has to be asked: a path is one condition of several.

use crate::Match;
use std::collections::HashMap;

/// So few rules are asked one by one sooner than looked up.
const FEW: usize = 8;

/// The rules that a path can concern, for all paths.
#[derive(Debug, Default)]
pub struct Index {
    count: usize,
    tree: Option<Tree>,
}

#[derive(Debug, Default)]
struct Tree {
    root: Node,
    /// The rules that can be about any request.
    any_path: Vec<usize>,
}

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

/// One step of a rule's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step<'p> {
    Literal(&'p str),
    /// Any one segment.
    One,
    /// All that follows, which may be nothing.
    Rest,
}

impl Index {
    /// The index of rules, in their order; nothing for a rule about every request.
    pub fn new<'m>(rules: impl IntoIterator<Item = Option<&'m Match>>) -> Self {
        let mut tree = Tree::default();
        let mut count = 0;
        for (place, rule) in rules.into_iter().enumerate() {
            count = place + 1;
            match rule.and_then(Match::path_steps) {
                Some(steps) => tree.root.insert(&steps, place),
                None => tree.any_path.push(place),
            }
        }
        Self {
            count,
            tree: (count > FEW).then_some(tree),
        }
    }

    /// The places of the rules that a path in normal form can concern, in order; maybe more.
    pub fn candidates(&self, path: &str) -> impl Iterator<Item = usize> + use<> {
        let found = self.tree.as_ref().map(|tree| tree.find(path));
        let all = match found {
            Some(_) => 0..0,
            None => 0..self.count,
        };
        all.chain(found.unwrap_or_default())
    }
}

impl Tree {
    fn find(&self, path: &str) -> Vec<usize> {
        let mut found = self.any_path.clone();
        if let Some(inside) = path.strip_prefix('/') {
            let segments = inside.split('/').filter(|segment| !segment.is_empty());
            self.root.find(segments, &mut found);
        }
        found.sort_unstable();
        found
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

#[cfg(test)]
mod tests;
