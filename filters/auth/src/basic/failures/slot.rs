//! One slot: up to eight counts of failures in 128 bytes.
//!
//! An entry is 16 bytes: the fingerprint of what is counted and its theoretical arrival time, both 64
//! bits, little-endian.

use gatehouse_gcra::Tat;

/// How many entries a slot holds.
pub(super) const ENTRIES: usize = 8;

const ENTRY_BYTES: usize = 16;

/// A slot, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Slot(Vec<u8>);

impl Slot {
    /// The slot that was stored as these bytes; nothing where no slot was.
    pub(super) fn decode(bytes: Vec<u8>) -> Option<Self> {
        let valid = bytes.len().is_multiple_of(ENTRY_BYTES) && bytes.len() <= ENTRIES * ENTRY_BYTES;
        valid.then_some(Self(bytes))
    }

    /// The bytes to store.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// When no failure of this fingerprint counts any more; nothing where it is not here.
    pub(super) fn find(&self, fingerprint: u64) -> Option<Tat> {
        let (entries, _) = self.0.as_chunks();
        let entry = entries.iter().find(|entry| print(entry) == fingerprint)?;
        Some(Tat::from_bits(tat(entry)))
    }

    /// The slot without the entry of this fingerprint.
    pub(super) fn without(&self, fingerprint: u64) -> Self {
        let (entries, _) = self.0.as_chunks();
        let others = entries.iter().filter(|entry| print(entry) != fingerprint);
        Self(others.flatten().copied().collect())
    }

    /// The slot with this entry: in place of the one with its fingerprint, in a free place, or else in
    /// place of the one whose failures are forgotten the soonest.
    pub(super) fn with(&self, fingerprint: u64, until: Tat) -> Self {
        let Self(mut bytes) = self.clone();
        let new = (u128::from(fingerprint) | u128::from(until.to_bits()) << 64).to_le_bytes();
        let has_room = bytes.len() < ENTRIES * ENTRY_BYTES;
        let (entries, _) = bytes.as_chunks_mut();
        let same = entries.iter().position(|entry| print(entry) == fingerprint);
        let place = match same {
            None if has_room => None,
            None => (0..)
                .zip(entries.iter())
                .min_by_key(|(_, entry)| tat(entry))
                .map(|(at, _)| at),
            same => same,
        };
        match place.and_then(|place| entries.get_mut(place)) {
            Some(entry) => *entry = new,
            None => bytes.extend_from_slice(&new),
        }
        Self(bytes)
    }
}

/// The fingerprint: the low half.
fn print(entry: &[u8; ENTRY_BYTES]) -> u64 {
    u128::from_le_bytes(*entry) as u64
}

fn tat(entry: &[u8; ENTRY_BYTES]) -> u64 {
    (u128::from_le_bytes(*entry) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(entries: &[(u64, u64)]) -> Slot {
        let add = |slot: Slot, entry: &(u64, u64)| slot.with(entry.0, Tat::from_bits(entry.1));
        entries.iter().fold(Slot::default(), add)
    }

    #[test]
    fn where_an_entry_goes() {
        let full = [
            (1, 50),
            (2, 90),
            (3, 40),
            (4, 60),
            (5, 70),
            (6, 80),
            (7, 30),
            (8, 100),
        ];
        let with = |at: usize, entry: (u64, u64)| {
            let mut entries = full;
            entries[at] = entry;
            slot(&entries)
        };
        let cases = [
            ("the first", slot(&[]), (1, 5), slot(&[(1, 5)])),
            (
                "its own place",
                slot(&[(1, 5), (2, 6)]),
                (1, 9),
                slot(&[(1, 9), (2, 6)]),
            ),
            (
                "a free place",
                slot(&[(1, 5)]),
                (2, 1),
                slot(&[(1, 5), (2, 1)]),
            ),
            (
                "that of the soonest",
                slot(&full),
                (9, 41),
                with(6, (9, 41)),
            ),
            (
                "its own, of a full slot",
                slot(&full),
                (2, 1),
                with(1, (2, 1)),
            ),
        ];
        for (name, before, (print, tat), after) in cases {
            let slot = before.with(print, Tat::from_bits(tat));
            assert_eq!(slot, after, "{name}");
            assert_eq!(slot.find(print), Some(Tat::from_bits(tat)), "{name}");
            assert_eq!(slot.find(99), None, "{name}");
            assert_eq!(slot.without(99), slot, "{name}");
            let without = slot.without(print);
            assert_eq!(without.find(print), None, "{name}");
            assert_eq!(without.0.len(), slot.0.len() - ENTRY_BYTES, "{name}");
        }
    }

    #[test]
    fn bytes() {
        let bytes = [1, 0, 0, 0, 0, 0, 0, 0xff, 2, 0, 0, 0, 0, 0, 0, 0xfe];
        let slot = slot(&[(0xff00_0000_0000_0001, 0xfe00_0000_0000_0002)]);
        assert_eq!(slot.as_bytes(), bytes);
        for (length, valid) in [
            (0, true),
            (1, false),
            (15, false),
            (16, true),
            (128, true),
            (144, false),
        ] {
            assert_eq!(
                Slot::decode(vec![0; length]).is_some(),
                valid,
                "{length} bytes"
            );
        }
    }
}
