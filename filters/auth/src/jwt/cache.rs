//! The tokens that were good, remembered.
//!
//! Bounded by two generations: a new token goes into the young one; when that is full it becomes the
//! old one, and what was old is forgotten. A token that is met again in the old one moves to the
//! young. So a token in use stays, and a flood of others costs one verification each, no memory.
//!
//! The key is the token, all of it: anything shorter would let one token pass for another. Its place in
//! the map is found by its end alone ([`EndHasher`]), since a token is long: that is its signature,
//! which nobody chooses, and only tokens that were good are ever there.

use crate::identity::Identity;
use gatehouse_host::Timestamp;
use std::collections::HashMap;
use std::hash::{BuildHasher, DefaultHasher, Hasher, RandomState};
use std::rc::Rc;

/// Longer tokens are not remembered.
pub(super) const MAX_TOKEN_BYTES: usize = 4 * 1024;

type Generation = HashMap<Box<[u8]>, Entry, Ends>;

/// Tokens that were verified.
pub(super) struct Cache {
    /// How many a generation holds.
    room: usize,
    young: Generation,
    old: Generation,
}

/// What is remembered of a token.
#[derive(Clone)]
pub(super) struct Entry {
    identity: Rc<Identity>,
    from: Timestamp,
    until: Timestamp,
}

/// What is known of a token at a time.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// It was verified before, and is still valid.
    Valid(Rc<Identity>),
    /// It was verified before, and has expired.
    Expired,
    /// Nothing.
    Unknown,
}

impl Entry {
    /// Good from when it was verified until it expires. Should the clock go back, the token is
    /// verified anew, with its `nbf`.
    pub(super) fn new(identity: Rc<Identity>, from: Timestamp, until: Timestamp) -> Self {
        Self {
            identity,
            from,
            until,
        }
    }
}

impl Cache {
    /// Holds at most `size` tokens; with zero, none.
    pub(super) fn new(size: usize) -> Self {
        Self {
            room: size / 2,
            young: Generation::default(),
            old: Generation::default(),
        }
    }

    pub(super) fn find(&mut self, token: &[u8], now: Timestamp) -> Found {
        let found = match self.young.get(token) {
            Some(entry) => Self::at(entry, now),
            None => match self.old.remove(token) {
                Some(entry) => {
                    let found = Self::at(&entry, now);
                    self.remember(token, entry);
                    found
                }
                None => Found::Unknown,
            },
        };
        if found == Found::Expired {
            self.young.remove(token);
        }
        found
    }

    fn at(entry: &Entry, now: Timestamp) -> Found {
        if now >= entry.until {
            return Found::Expired;
        }
        if now < entry.from {
            return Found::Unknown;
        }
        Found::Valid(entry.identity.clone())
    }

    pub(super) fn remember(&mut self, token: &[u8], entry: Entry) {
        if self.room == 0 || token.len() > MAX_TOKEN_BYTES {
            return;
        }
        if self.young.len() >= self.room && !self.young.contains_key(token) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(token.into(), entry);
    }

    /// How many tokens are held.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

/// Makes an [`EndHasher`] with the keys of this map.
#[derive(Default)]
struct Ends(RandomState);

/// Hashes the last bytes of a token, and how long it is.
struct EndHasher(DefaultHasher);

/// So many are the last bytes.
const END: usize = 32;

impl BuildHasher for Ends {
    type Hasher = EndHasher;

    fn build_hasher(&self) -> EndHasher {
        EndHasher(self.0.build_hasher())
    }
}

impl Hasher for EndHasher {
    fn finish(&self) -> u64 {
        self.0.finish()
    }

    fn write(&mut self, bytes: &[u8]) {
        let end = bytes.len().checked_sub(END);
        self.0
            .write(end.and_then(|end| bytes.get(end..)).unwrap_or(bytes));
    }

    fn write_usize(&mut self, length: usize) {
        self.0.write_usize(length);
    }
}
