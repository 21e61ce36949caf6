//! The keys that were presented before, so that SHA-256 is made of each only once.
//!
//! A key is known again by a SipHash-2-4 of 128 bits, a message authentication code, under a key that
//! each worker draws at its start. Who does not know that cannot make two keys with one code, and finds
//! none with the code of another but by trying 2^128. Only keys that are somebody's are remembered, so
//! there are never more than were configured.

use crate::place::Place;
use gatehouse_host::{Entropy, Result};
use siphasher::sip128::{Hasher128 as _, SipHasher24};
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// Values by the keys that were presented.
pub(super) struct Seen<V> {
    keyed: SipHasher24,
    values: RefCell<HashMap<Mark, V, BuildHasherDefault<Place>>>,
}

/// What stands for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark(u64, u64);

impl Hash for Mark {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

impl<V: Clone> Seen<V> {
    /// None was presented yet.
    ///
    /// # Errors
    /// Where there is no randomness to be had.
    pub(super) fn new(entropy: &(impl Entropy + ?Sized)) -> Result<Self> {
        let mut key = [0; 16];
        entropy.fill_random(&mut key)?;
        Ok(Self {
            keyed: SipHasher24::new_with_key(&key),
            values: RefCell::default(),
        })
    }

    /// What stands for this key.
    pub(super) fn mark(&self, key: &[u8]) -> Mark {
        let mut keyed = self.keyed;
        keyed.write(key);
        let code = keyed.finish128();
        Mark(code.h1, code.h2)
    }

    /// What is known of a key that was presented before.
    pub(super) fn find(&self, mark: &Mark) -> Option<V> {
        self.values.borrow().get(mark).cloned()
    }

    /// Remembers what is known of a key.
    pub(super) fn remember(&self, mark: Mark, value: V) {
        self.values.borrow_mut().insert(mark, value);
    }

    /// How many are known.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.values.borrow().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_apart() {
        let host = gatehouse_host_fake::FakeHost::default();
        let seen = Seen::new(&host).unwrap();
        let other = Seen::<u8>::new(&host).unwrap();
        let keys: [&[u8]; 6] = [b"", b"a", b"b", b"ab", &[0; 7], &[0; 8]];
        for (value, key) in (0..).zip(keys) {
            assert_eq!(seen.find(&seen.mark(key)), None, "{key:?}");
            seen.remember(seen.mark(key), value);
            assert_ne!(seen.mark(key), other.mark(key), "{key:?}");
        }
        for (value, key) in (0..).zip(keys) {
            assert_eq!(seen.find(&seen.mark(key)), Some(value), "{key:?}");
        }
        assert_eq!(seen.len(), keys.len());
        let mark = seen.mark(b"a");
        assert_eq!(seen.find(&Mark(mark.0, mark.1 ^ 1)), None, "half of a code");
    }

    /// The first and the last vector of `vectors.h` of the reference implementation of SipHash.
    #[test]
    fn it_is_siphash_2_4_of_128_bits() {
        let key: [u8; 16] = std::array::from_fn(|byte| byte as u8);
        let message: [u8; 63] = std::array::from_fn(|byte| byte as u8);
        let seen = Seen::<()> {
            keyed: SipHasher24::new_with_key(&key),
            values: RefCell::default(),
        };
        let cases: [(&[u8], [u8; 16]); 2] = [
            (
                b"",
                [
                    0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6, 0x6d, 0xf6, 0x72, 0x14, 0xc7,
                    0x55, 0x02, 0x93,
                ],
            ),
            (
                &message,
                [
                    0x51, 0x50, 0xd1, 0x77, 0x2f, 0x50, 0x83, 0x4a, 0x50, 0x3e, 0x06, 0x9a, 0x97,
                    0x3f, 0xbd, 0x7c,
                ],
            ),
        ];
        for (message, code) in cases {
            let Mark(low, high) = seen.mark(message);
            assert_eq!([low.to_le_bytes(), high.to_le_bytes()].concat(), code);
        }
    }
}
