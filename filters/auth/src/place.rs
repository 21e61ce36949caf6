//! Hashing of what is as good as random already.

use std::hash::Hasher;

/// A number that stands for itself, mixed with what it began with. Only for numbers that nobody outside
/// can choose: digests, and what came of a keyed hash.
#[derive(Default)]
pub(crate) struct Place(u64);

impl Place {
    /// Places that differ with this.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }
}

impl Hasher for Place {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte).rotate_left(56));
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 ^= value;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
