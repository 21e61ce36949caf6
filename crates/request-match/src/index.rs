//! Which of many rules a request can concern.
//!
//! Rules are asked in their order, and the first that matches decides. With hundreds of them most are
//! about other hosts or paths, and need not be asked. What a rule says of hosts and of the path finds it:
//!
//! 1. Exact hosts stand in a table, `*.example.com` in another, by what a name ends with. A rule without
//!    hosts is about all of them.
//! 2. For each host, exact paths, prefixes and templates stand in one tree of segments.
//! 3. For each host, expressions about the path are one automaton, which reads the path once; or several,
//!    where one would take more than the single ones do together.
//! 4. All other rules can be about any request to the host.
//!
//! What it finds still has to be asked: hosts and a path are two conditions of several. What it does not
//! find cannot match. `tree` is step 2.

mod tree;

pub(crate) use tree::Step;

use crate::{Host, Match, Subject};
use gatehouse_host::{Request, Result};
use gatehouse_regex::Set;
use std::collections::{BinaryHeap, HashMap};
use tree::Tree;

/// So few rules are asked one by one sooner than looked up.
const FEW: usize = 8;

/// So few expressions are asked one by one sooner than all at once.
const FEW_EXPRESSIONS: usize = 2;

/// The rules that a request can concern, for all requests.
#[derive(Debug, Default)]
pub struct Index {
    count: usize,
    hosts: Option<Hosts>,
}

/// Rules by their hosts.
#[derive(Debug, Default)]
struct Hosts {
    any: Paths,
    exact: HashMap<Box<str>, Paths>,
    /// By what a name below ends with: `.example.com`.
    below: HashMap<Box<str>, Paths>,
}

/// Rules about a host, by their paths.
#[derive(Debug, Default)]
struct Paths {
    tree: Tree,
    sets: Vec<(Set, Vec<usize>)>,
    /// The rules that can be about any path.
    any: Vec<usize>,
}

/// A host that a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum HostKey {
    /// As [`Host::One`] has it.
    Exact(String),
    /// What a name below ends with.
    Below(String),
}

/// An expression about the path: whose it is, its text, and the bytes that its table takes.
type Expression<'m> = (usize, &'m str, usize);

impl Index {
    /// The index of rules, in their order; nothing for a rule about every request.
    pub fn new<'m>(rules: impl IntoIterator<Item = Option<&'m Match>>) -> Self {
        let rules: Vec<Option<&Match>> = rules.into_iter().collect();
        let hosts = (rules.len() > FEW).then(|| Hosts::new(&rules));
        Self {
            count: rules.len(),
            hosts,
        }
    }

    /// The places of the rules that a request can concern, in order; maybe more.
    ///
    /// # Errors
    /// Where the host does not hand over the headers.
    pub fn candidates(
        &self,
        subject: &mut Subject,
        request: &mut Request<'_>,
    ) -> Result<impl Iterator<Item = usize> + use<>> {
        let (all, found) = match &self.hosts {
            None => (0..self.count, Vec::new()),
            Some(hosts) => {
                let host = match hosts.are_told_apart() {
                    true => subject.host(request)?,
                    false => Host::Absent,
                };
                (0..0, hosts.find(&host, subject.path(request)?.as_str()))
            }
        };
        Ok(all.chain(found))
    }
}

impl Hosts {
    fn new(rules: &[Option<&Match>]) -> Self {
        let mut hosts = Self::default();
        let mut expressions: HashMap<Option<HostKey>, Vec<Expression<'_>>> = HashMap::new();
        for (place, rule) in rules.iter().enumerate() {
            let keys: Vec<Option<HostKey>> = match rule.and_then(|rule| rule.host_keys()) {
                Some(keys) => keys.into_iter().map(Some).collect(),
                None => vec![None],
            };
            for key in keys {
                if let Some((text, size)) = rule.and_then(Match::path_expression) {
                    expressions
                        .entry(key)
                        .or_default()
                        .push((place, text, size));
                    continue;
                }
                let paths = hosts.paths(key.as_ref());
                match rule.and_then(Match::path_steps) {
                    Some(steps) => paths.tree.insert(&steps, place),
                    None => paths.any.push(place),
                }
            }
        }
        for (key, expressions) in expressions {
            hosts.paths(key.as_ref()).unite(&expressions);
        }
        hosts
    }

    fn paths(&mut self, key: Option<&HostKey>) -> &mut Paths {
        match key {
            None => &mut self.any,
            Some(HostKey::Exact(host)) => self.exact.entry(host.as_str().into()).or_default(),
            Some(HostKey::Below(end)) => self.below.entry(end.as_str().into()).or_default(),
        }
    }

    fn are_told_apart(&self) -> bool {
        !self.exact.is_empty() || !self.below.is_empty()
    }

    fn find(&self, host: &Host, path: &str) -> Vec<usize> {
        let mut found = Vec::new();
        self.any.find(path, &mut found);
        // A host that can be read in several ways is no host of a rule.
        if let Host::One(host) = host {
            if let Some(paths) = self.exact.get(host.as_str()) {
                paths.find(path, &mut found);
            }
            let mut rest = host.as_str();
            while let Some((_, end)) = rest.split_once('.').filter(|_| !self.below.is_empty()) {
                let suffix = host
                    .len()
                    .checked_sub(end.len() + 1)
                    .and_then(|at| host.get(at..));
                if let Some(paths) = suffix.and_then(|suffix| self.below.get(suffix)) {
                    paths.find(path, &mut found);
                }
                rest = end;
            }
        }
        // Mostly they are in order already. A heap's sort is a tenth of the code of the other one.
        if !found.is_sorted() {
            found = BinaryHeap::from(found).into_sorted_vec();
        }
        found.dedup();
        found
    }
}

impl Paths {
    fn find(&self, path: &str, found: &mut Vec<usize>) {
        found.extend(&self.any);
        self.tree.find(path, found);
        for (set, places) in &self.sets {
            let matched = set.matches(path.as_bytes());
            found.extend(matched.iter().filter_map(|number| places.get(*number)));
        }
    }

    /// Makes one automaton of expressions, or one of each half of them. Where that takes more than they do
    /// one by one, they stay rules about any path.
    fn unite(&mut self, expressions: &[Expression<'_>]) {
        let alone: usize = expressions.iter().map(|(_, _, size)| size).sum();
        if expressions.len() <= FEW_EXPRESSIONS {
            self.any.extend(expressions.iter().map(|(place, ..)| place));
            return;
        }
        let texts: Vec<&str> = expressions.iter().map(|(_, text, _)| *text).collect();
        match Set::new(&texts, alone * 4 + (16 << 10)) {
            Ok(set) => {
                let places = expressions.iter().map(|(place, ..)| *place);
                self.sets.push((set, places.collect()));
            }
            Err(_) => {
                let (first, second) = expressions.split_at(expressions.len() / 2);
                self.unite(first);
                self.unite(second);
            }
        }
    }
}

#[cfg(test)]
mod tests;
