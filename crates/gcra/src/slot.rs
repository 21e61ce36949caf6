//! One slot of a table of buckets in shared memory: up to eight in 128 bytes.
//!
//! An entry is 16 bytes: the fingerprint of its key and its theoretical arrival time, both 64 bits,
//! little-endian. Entries stand in the order of their arrival; there are no gaps.

use crate::Tat;

/// How many entries a slot holds.
pub const ENTRIES: usize = 8;

const ENTRY_BYTES: usize = 16;

/// A slot, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Slot(Vec<u8>);

/// What was lost for an entry to be put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// Nothing that says anything about the time of the decision.
    Nothing,
    /// A bucket that was not full yet: its key will be taken for one never seen.
    Bucket,
}

impl Slot {
    /// The slot that was stored as these bytes; nothing where no slot was.
    pub fn decode(bytes: Vec<u8>) -> Option<Self> {
        let valid = bytes.len().is_multiple_of(ENTRY_BYTES) && bytes.len() <= ENTRIES * ENTRY_BYTES;
        valid.then_some(Self(bytes))
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// When the bucket with this fingerprint is full; nothing where it is not here.
    pub fn find(&self, fingerprint: u64) -> Option<Tat> {
        let (entries, _) = self.0.as_chunks();
        let entry = entries.iter().find(|entry| print(entry) == fingerprint)?;
        Some(Tat::from_bits(tat(entry)))
    }

    /// Forgets the bucket with this fingerprint.
    pub fn remove(&mut self, fingerprint: u64) {
        let (entries, _) = self.0.as_chunks();
        let others = entries.iter().filter(|entry| print(entry) != fingerprint);
        self.0 = others.flatten().copied().collect();
    }

    /// Remembers when the bucket with this fingerprint is full. A bucket that is here is replaced; a
    /// new one takes the next free place; where none is free, the one that constrains least, that
    /// is full the soonest. A bucket that has long been full is the first to go, and one that
    /// *just* became full is kept as long as there is room: a worker whose reading of the clock is
    /// older may still need it.
    pub fn put(&mut self, fingerprint: u64, full_at: Tat, now: u64) -> Lost {
        let new = encode(fingerprint, full_at.to_bits());
        let has_room = self.0.len() < ENTRIES * ENTRY_BYTES;
        let (entries, _) = self.0.as_chunks_mut();
        if let Some(entry) = entries.iter_mut().find(|entry| print(entry) == fingerprint) {
            *entry = new;
            return Lost::Nothing;
        }
        if has_room {
            self.0.extend_from_slice(&new);
            return Lost::Nothing;
        }
        let Some(entry) = entries.iter_mut().min_by_key(|entry| tat(entry)) else {
            return Lost::Nothing;
        };
        let lost = if tat(entry) > now {
            Lost::Bucket
        } else {
            Lost::Nothing
        };
        *entry = new;
        lost
    }
}

fn encode(fingerprint: u64, tat: u64) -> [u8; ENTRY_BYTES] {
    (u128::from(fingerprint) | u128::from(tat) << 64).to_le_bytes()
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
        let bytes = entries.iter().flat_map(|(print, tat)| encode(*print, *tat));
        Slot::decode(bytes.collect()).unwrap()
    }

    #[test]
    fn an_entry_is_removed() {
        type Entries<'a> = &'a [(u64, u64)];
        let cases: [(&str, Entries<'_>, u64, Entries<'_>); 4] = [
            ("of none", &[], 1, &[]),
            ("the only one", &[(1, 5)], 1, &[]),
            (
                "one between others",
                &[(1, 5), (2, 6), (3, 7)],
                2,
                &[(1, 5), (3, 7)],
            ),
            ("one that is not there", &[(1, 5)], 2, &[(1, 5)]),
        ];
        for (name, before, fingerprint, after) in cases {
            let mut removed = slot(before);
            removed.remove(fingerprint);
            assert_eq!(removed, slot(after), "{name}");
            assert_eq!(removed.find(fingerprint), None, "{name}");
        }
    }

    #[test]
    fn an_entry_is_put_where_it_costs_least() {
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
            entries
        };
        type Entries<'a> = &'a [(u64, u64)];
        type Case<'a> = (&'a str, Entries<'a>, (u64, u64, u64), Entries<'a>, Lost);
        let cases: [Case<'_>; 7] = [
            ("empty", &[], (1, 5, 4), &[(1, 5)], Lost::Nothing),
            (
                "update",
                &[(1, 5), (2, 6)],
                (1, 9, 8),
                &[(1, 9), (2, 6)],
                Lost::Nothing,
            ),
            (
                "one that is full already is kept while there is room",
                &[(1, 5)],
                (2, 9, 8),
                &[(1, 5), (2, 9)],
                Lost::Nothing,
            ),
            (
                "the one that is full already",
                &full,
                (9, 41, 30),
                &with(6, (9, 41)),
                Lost::Nothing,
            ),
            (
                "the one that is full the soonest",
                &full,
                (9, 41, 29),
                &with(6, (9, 41)),
                Lost::Bucket,
            ),
            (
                "update of a slot without room",
                &full,
                (8, 110, 29),
                &with(7, (8, 110)),
                Lost::Nothing,
            ),
            (
                "the ends of 64 bits",
                &[],
                (u64::MAX, u64::MAX, u64::MAX),
                &[(u64::MAX, u64::MAX)],
                Lost::Nothing,
            ),
        ];
        for (name, before, (print, tat, now), after, lost) in cases {
            let mut slot_ = slot(before);
            assert_eq!(slot_.put(print, Tat::from_bits(tat), now), lost, "{name}");
            assert_eq!(slot_, slot(after), "{name}");
            assert_eq!(slot_.find(print), Some(Tat::from_bits(tat)), "{name}");
        }
    }

    #[test]
    fn an_entry_is_found_by_its_whole_fingerprint() {
        let slot = slot(&[(1, 5), (1 << 63 | 1, 6)]);
        assert_eq!(slot.find(1), Some(Tat::from_bits(5)));
        assert_eq!(slot.find(1 << 63 | 1), Some(Tat::from_bits(6)));
        assert_eq!(slot.find(0), None);
    }

    #[test]
    fn bytes() {
        let bytes = [1, 0, 0, 0, 0, 0, 0, 0xff, 2, 0, 0, 0, 0, 0, 0, 0xfe];
        let slot = Slot::decode(bytes.to_vec()).unwrap();
        assert_eq!(
            slot.find(0xff00_0000_0000_0001),
            Some(Tat::from_bits(0xfe00_0000_0000_0002))
        );
        assert_eq!(slot.as_bytes(), bytes);
        for (length, valid) in [
            (0, true),
            (1, false),
            (15, false),
            (16, true),
            (17, false),
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
