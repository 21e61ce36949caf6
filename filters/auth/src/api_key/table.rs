//! What is known by a SHA-256 digest.
//!
//! A digest is as good as random already, so its first bytes are its place in the table, with a seed
//! that differs from start to start: nobody can choose a place. Digests compare in constant time. How long a look-up
//! takes therefore depends neither on how many there are nor on how near one is.

use crate::place::Place;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use subtle::ConstantTimeEq as _;

/// SHA-256 of something.
pub(super) type Digest = [u8; 32];

/// Values by digest.
pub(super) struct Table<V>(HashMap<Key, V, Seed>);

impl<V> Table<V> {
    /// An empty table with room for so many.
    pub(super) fn with_capacity(entries: usize) -> Self {
        let seed = Seed(RandomState::new().hash_one(0_u8));
        Self(HashMap::with_capacity_and_hasher(entries, seed))
    }

    /// Puts a value there; gives back the one that was.
    pub(super) fn insert(&mut self, digest: Digest, value: V) -> Option<V> {
        self.0.insert(Key(digest), value)
    }

    pub(super) fn find(&self, digest: &Digest) -> Option<&V> {
        self.0.get(&Key(*digest))
    }
}

struct Key(Digest);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (first, _) = self.0.split_first_chunk().unwrap_or((&[0; 8], &[]));
        state.write_u64(u64::from_le_bytes(*first));
    }
}

#[derive(Clone, Copy)]
struct Seed(u64);

impl BuildHasher for Seed {
    type Hasher = Place;

    fn build_hasher(&self) -> Place {
        Place::seeded(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// A digest with these bytes at both ends.
    fn digest(first: u8, last: u8) -> Digest {
        let mut digest = [7; 32];
        digest[0] = first;
        digest[31] = last;
        digest
    }

    #[test]
    fn digests_that_begin_alike_are_told_apart() {
        let mut table = Table::with_capacity(0);
        for last in 0..200 {
            assert_eq!(table.insert(digest(1, last), last), None);
        }
        for last in 0..200 {
            assert_eq!(table.find(&digest(1, last)), Some(&last));
        }
        assert_eq!(table.find(&digest(1, 200)), None);
        assert_eq!(table.find(&digest(2, 0)), None);
        assert_eq!(table.insert(digest(1, 5), 0), Some(5));
        assert_eq!(table.find(&digest(1, 5)), Some(&0));
    }

    #[test]
    fn places_differ_with_the_first_bytes_and_with_the_seed() {
        let place = |seed: u64, digest: Digest| Seed(seed).hash_one(Key(digest));
        let places: HashSet<u64> = (0..=255).map(|first| place(1, digest(first, 0))).collect();
        assert_eq!(places.len(), 256);
        assert_eq!(place(1, digest(1, 0)), place(1, digest(1, 9)));
        assert_ne!(place(1, digest(1, 0)), place(2, digest(1, 0)));
        let (one, other) = (Table::<()>::with_capacity(0), Table::<()>::with_capacity(0));
        assert_ne!(one.0.hasher().0, other.0.hasher().0);
    }
}
