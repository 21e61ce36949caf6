//! The tokens that were good, remembered.
//!
//! Bounded by two generations: a new token goes into the young one; when that is full it becomes the
//! old one, and what was old is forgotten. A token that is met again in the old one moves to the
//! young. So a token in use stays, and a flood of others costs one verification each, no memory.
//!
//! The key is the token, all of it: anything shorter would let one token pass for another. Its place in
//! the map is found by its end alone ([`Places`]), since a token is long: that is its signature,
//! which nobody chooses, and only tokens that were good are ever there. Of two tokens with one place the
//! later is remembered.

use crate::identity::Identity;
use crate::place::Place;
use gatehouse_host::Timestamp;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher as _, RandomState};
use std::rc::Rc;

/// Longer tokens are not remembered.
pub(super) const MAX_TOKEN_BYTES: usize = 4 * 1024;

/// By place.
type Generation = HashMap<u64, Remembered, BuildHasherDefault<Place>>;

/// Tokens that were verified.
pub(super) struct Cache {
    /// How many a generation holds.
    room: usize,
    places: Places,
    young: Generation,
    old: Generation,
}

/// A token and what is remembered of it.
struct Remembered {
    token: Box<[u8]>,
    entry: Entry,
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
            places: Places::default(),
            young: Generation::default(),
            old: Generation::default(),
        }
    }

    pub(super) fn find(&mut self, token: &[u8], now: Timestamp) -> Found {
        let place = self.places.of(token);
        let here = |known: Option<&Remembered>| known.is_some_and(|known| known.is_of(token));
        if !here(self.young.get(&place)) {
            if !here(self.old.get(&place)) {
                return Found::Unknown;
            }
            self.renew(place);
        }
        let Some(known) = self.young.get(&place) else {
            return Found::Unknown;
        };
        let found = Self::at(&known.entry, now);
        if found == Found::Expired {
            self.young.remove(&place);
        }
        found
    }

    /// Moves what is in the old generation to the young one.
    fn renew(&mut self, place: u64) {
        if let Some(known) = self.old.remove(&place) {
            self.put(place, known);
        }
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
        self.put(
            self.places.of(token),
            Remembered {
                token: token.into(),
                entry,
            },
        );
    }

    fn put(&mut self, place: u64, known: Remembered) {
        if self.young.len() >= self.room && !self.young.contains_key(&place) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(place, known);
    }

    /// How many tokens are held.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

impl Remembered {
    /// Whether it is of this token. Tokens are long and equal more often than not: eight bytes at a time,
    /// where the library for wasm takes one, and no look at the outcome before the end.
    fn is_of(&self, token: &[u8]) -> bool {
        let ((words, rest), (others, other_rest)) = (self.token.as_chunks(), token.as_chunks());
        let pairs = words.iter().zip(others);
        let word = |bytes: &[u8; 8]| u64::from_ne_bytes(*bytes);
        self.token.len() == token.len()
            && pairs.fold(0, |sum, (ours, other)| sum | (word(ours) ^ word(other))) == 0
            && rest == other_rest
    }
}

/// Finds places: a keyed hash of the last bytes of a token, and of how long it is.
#[derive(Default)]
struct Places(RandomState);

/// So many are the last bytes.
const END: usize = 32;

impl Places {
    fn of(&self, token: &[u8]) -> u64 {
        let mut hasher = self.0.build_hasher();
        let start = token.len().saturating_sub(END);
        hasher.write(token.get(start..).unwrap_or_default());
        hasher.write_usize(token.len());
        hasher.finish()
    }
}
