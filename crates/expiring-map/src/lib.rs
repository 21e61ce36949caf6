//! A map with a bound on its entries, a bound on their bytes, and a time on each.
//!
//! 1. An entry is found from `from` until just before `until`. At `until` it is [`Found::Expired`],
//!    and gone. Before `from` (the clock went back) nothing is known of its key: what was true at one
//!    time says nothing of an earlier one. It is found again once the clock is there.
//! 2. The bounds hold by two generations: a new entry goes into the young one; when that is full, in
//!    number or in bytes, it becomes the old one, and what was old is forgotten. An entry that is met
//!    in the old one moves to the young. So an entry in use stays, and a flood of others costs their
//!    work once each, no memory.
//! 3. Each generation has half of each bound. An entry that is larger than that is not kept.
//! 4. Nothing happens by itself: what has expired and is not asked for stays until the generations
//!    change. Memory is bounded by the bounds, not by time.
//!
//! Keys are bytes, compared whole: a shorter key, such as a hash that collides, would let one secret
//! pass for another. A key that is a secret itself can be given as its [`digest`]: SHA-256, for which
//! no collision is known, at some microseconds in wasm for a kilobyte. Then a dump of the memory does
//! not hold what a client presented.
//!
//! The map's hash is SipHash with a key that std draws for each VM (WASI's `random_get`), so that a
//! client cannot aim at one bucket.
//!
//! ```
//! use gatehouse_expiring_map::{Bounds, ExpiringMap, Found};
//!
//! let mut map = ExpiringMap::new(Bounds { entries: 100, bytes: 64 * 1024 });
//! map.insert(b"token", "ann", 3, 10..20);
//! assert_eq!(map.find(b"token", 15), Found::Valid("ann"));
//! assert_eq!(map.find(b"token", 20), Found::Expired);
//! assert_eq!(map.find(b"token", 15), Found::Unknown);
//! ```

mod digest;
#[cfg(test)]
mod tests;

pub use digest::digest;

use std::collections::HashMap;
use std::ops::Range;

/// What an entry takes beside its key and its value: the map's own room for it.
const OVERHEAD: usize = 96;

/// How much a map holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// So many entries; with zero or one, none.
    pub entries: usize,
    /// So many bytes, of keys, values as their owner weighs them, and the map's own.
    pub bytes: usize,
}

/// What is known of a key at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<V> {
    /// This.
    Valid(V),
    /// It was known, and no longer is.
    Expired,
    /// Nothing.
    Unknown,
}

/// A bounded map of what is true for a time.
pub struct ExpiringMap<V> {
    /// Of one generation.
    bounds: Bounds,
    young: HashMap<Box<[u8]>, Entry<V>>,
    /// Of the young generation.
    bytes: usize,
    old: HashMap<Box<[u8]>, Entry<V>>,
}

struct Entry<V> {
    value: V,
    bytes: usize,
    from: u64,
    until: u64,
}

impl<V: Clone> ExpiringMap<V> {
    /// An empty map. It takes memory as it fills.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds: Bounds {
                entries: bounds.entries / 2,
                bytes: bounds.bytes / 2,
            },
            young: HashMap::new(),
            bytes: 0,
            old: HashMap::new(),
        }
    }

    /// What is known of a key at this time.
    pub fn find(&mut self, key: &[u8], now: u64) -> Found<V> {
        if let Some(entry) = self.young.get(key) {
            let found = entry.at(now);
            if matches!(found, Found::Expired) {
                self.remove(key);
            }
            return found;
        }
        let Some((key, entry)) = self.old.remove_entry(key) else {
            return Found::Unknown;
        };
        let found = entry.at(now);
        if !matches!(found, Found::Expired) {
            self.keep(key, entry);
        }
        found
    }

    /// Remembers a value, in place of what was known of the key. `weight` is what the value takes, in
    /// bytes; `when` is in the caller's unit of time.
    ///
    /// A value that is too large, or true at no time, is not kept; what was known of the key is
    /// forgotten all the same.
    pub fn insert(&mut self, key: &[u8], value: V, weight: usize, when: Range<u64>) {
        self.remove(key);
        let bytes = weight.saturating_add(key.len()).saturating_add(OVERHEAD);
        if self.bounds.entries == 0 || bytes > self.bounds.bytes || when.is_empty() {
            return;
        }
        let entry = Entry {
            value,
            bytes,
            from: when.start,
            until: when.end,
        };
        self.keep(key.into(), entry);
    }

    /// Forgets a key.
    pub fn remove(&mut self, key: &[u8]) {
        if let Some(entry) = self.young.remove(key) {
            self.bytes = self.bytes.saturating_sub(entry.bytes);
        }
        self.old.remove(key);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.young.clear();
        self.bytes = 0;
        self.old.clear();
    }

    /// How many entries are held, expired ones among them.
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes are held, as the bound counts them.
    pub fn weight(&self) -> usize {
        let old: usize = self.old.values().map(|entry| entry.bytes).sum();
        self.bytes.saturating_add(old)
    }

    /// Puts an entry that is in neither generation, and is not too large, into the young one.
    fn keep(&mut self, key: Box<[u8]>, entry: Entry<V>) {
        let full = self.young.len() >= self.bounds.entries
            || self.bytes.saturating_add(entry.bytes) > self.bounds.bytes;
        if full {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        self.bytes = self.bytes.saturating_add(entry.bytes);
        self.young.insert(key, entry);
    }
}

impl<V: Clone> Entry<V> {
    fn at(&self, now: u64) -> Found<V> {
        if now >= self.until {
            return Found::Expired;
        }
        if now < self.from {
            return Found::Unknown;
        }
        Found::Valid(self.value.clone())
    }
}
