//! Sets of addresses by prefix: which of many sets an address is in, by one walk down a radix tree.
//!
//! Each prefix has labels, one for each set that it was put in. What is decided here:
//!
//! 1. An address is in a set if any prefix of the set covers it. Labels are handed down when the tree is
//!    finished, so the longest prefix that covers an address has the labels of all that do, and a lookup
//!    ends there.
//! 2. IPv4 and IPv6 are two trees. An IPv4-mapped address (`::ffff:192.0.2.1`) is the IPv4 address, and a
//!    prefix within `::ffff:0:0/96` is the IPv4 prefix. No IPv6 prefix holds an IPv4 address: not `::/0` either.
//! 3. A node is 20 bytes (IPv4) or 32 (IPv6), and there are two for each prefix at most. Combinations of labels are
//!    kept once.
//!
//! [`document`] reads the lists that others publish.

pub mod document;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;
use tree::Tree;

/// Sets of addresses.
#[derive(Debug, Clone, Default)]
pub struct AddressSets {
    ipv4: Tree<u32>,
    ipv6: Tree<u128>,
    labels: Combinations,
    prefixes: usize,
}

/// The combinations of labels that there are. The first is none.
#[derive(Debug, Clone)]
struct Combinations {
    all: Vec<Box<[u64]>>,
    /// Only while the tree grows.
    known: HashMap<Box<[u64]>, u32>,
}

/// The sets that an address is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Labels<'s>(&'s [u64]);

impl AddressSets {
    /// Puts a prefix in a set. The bits after `length` don't count, and a length that is too large is that of
    /// one address. Only before [`AddressSets::finish`].
    pub fn insert(&mut self, network: IpAddr, length: u8, label: u32) {
        self.prefixes = self.prefixes.saturating_add(1);
        let labels = &mut self.labels;
        let mut add = |before: u32| labels.with(before, label);
        match network {
            IpAddr::V4(network) => self
                .ipv4
                .insert(network.to_bits(), length.min(32), &mut add),
            IpAddr::V6(network) => match (network.to_ipv4_mapped(), length.checked_sub(96)) {
                (Some(network), Some(length)) => {
                    self.ipv4
                        .insert(network.to_bits(), length.min(32), &mut add);
                }
                _ => self
                    .ipv6
                    .insert(network.to_bits(), length.min(128), &mut add),
            },
        }
    }

    /// The sets with everything in them, ready to be asked.
    #[must_use]
    pub fn finish(mut self) -> Self {
        let mut kept = Combinations::default();
        let before = &self.labels;
        let mut hand_down = |from: u32, own: u32| kept.union(from, before.words(own));
        self.ipv4.hand_down(&mut hand_down);
        self.ipv6.hand_down(&mut hand_down);
        kept.known = HashMap::new();
        kept.all.shrink_to_fit();
        self.labels = kept;
        self
    }

    /// The sets that an address is in.
    pub fn labels(&self, address: IpAddr) -> Labels<'_> {
        let found = match address.to_canonical() {
            IpAddr::V4(address) => self.ipv4.find(address.to_bits()),
            IpAddr::V6(address) => self.ipv6.find(address.to_bits()),
        };
        Labels(self.labels.words(found))
    }

    /// How many prefixes were put in.
    pub fn len(&self) -> usize {
        self.prefixes
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.prefixes == 0
    }

    /// The bytes that it holds, but for what an allocator adds.
    pub fn bytes(&self) -> usize {
        let words = self.labels.all.iter();
        let labels: usize = words.map(|words| size_of_val(&**words)).sum();
        self.ipv4.bytes() + self.ipv6.bytes() + labels + size_of_val(&*self.labels.all)
    }
}

impl Labels<'_> {
    /// Whether the set is among them.
    pub fn has(&self, label: u32) -> bool {
        let word = self.0.get((label / 64) as usize);
        word.is_some_and(|word| word & (1 << (label % 64)) != 0)
    }

    /// Whether it is in none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Default for Combinations {
    fn default() -> Self {
        let none: Box<[u64]> = Box::default();
        Self {
            all: vec![none.clone()],
            known: HashMap::from([(none, 0)]),
        }
    }
}

impl Combinations {
    fn words(&self, number: u32) -> &[u64] {
        self.all.get(number as usize).map_or(&[], |words| words)
    }

    /// One label more.
    fn with(&mut self, number: u32, label: u32) -> u32 {
        let mut added = vec![0; (label / 64) as usize + 1];
        if let Some(word) = added.last_mut() {
            *word = 1 << (label % 64);
        }
        self.union(number, &added)
    }

    /// These labels and those.
    fn union(&mut self, number: u32, others: &[u64]) -> u32 {
        let mut words = self.words(number).to_vec();
        words.resize(words.len().max(others.len()), 0);
        for (word, other) in words.iter_mut().zip(others) {
            *word |= other;
        }
        let words = words.into_boxed_slice();
        if let Some(known) = self.known.get(&words) {
            return *known;
        }
        let new = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push(words.clone());
        self.known.insert(words, new);
        new
    }
}
