//! One slot: the latest time of what made room in it, and its entries.
//!
//! A byte that names the layout, the time (32 bits), then entries of 12 bytes: the fingerprint (64 bits)
//! and the last second at which it is good (32 bits). All little-endian, without gaps.

/// How many entries a slot holds.
pub const ENTRIES: usize = 32;

/// A module with another layout does not read it.
const LAYOUT: u8 = 1;
const HEAD_BYTES: usize = 5;
const ENTRY_BYTES: usize = 12;

/// A slot that is being changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot(Vec<u8>);

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    Done,
    Full,
    Forgotten,
}

impl Default for Slot {
    fn default() -> Self {
        Self::forgotten_until(0)
    }
}

impl Slot {
    /// A slot in which there is nothing, and may have been all that is good no longer than that.
    pub(crate) fn forgotten_until(until: u32) -> Self {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + ENTRY_BYTES);
        bytes.push(LAYOUT);
        bytes.extend(until.to_le_bytes());
        Self(bytes)
    }

    /// The slot that was stored as these bytes; nothing where no slot was.
    pub(crate) fn decode(bytes: Vec<u8>) -> Option<Self> {
        let entries = bytes.len().checked_sub(HEAD_BYTES)?;
        let valid = bytes.first() == Some(&LAYOUT)
            && entries.is_multiple_of(ENTRY_BYTES)
            && entries <= ENTRIES * ENTRY_BYTES;
        valid.then_some(Self(bytes))
    }

    /// The bytes to store.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether a fingerprint is here.
    pub(crate) fn has(&self, fingerprint: u64) -> bool {
        let print = fingerprint.to_le_bytes();
        self.entries().iter().any(|entry| entry.starts_with(&print))
    }

    /// Puts down one that is not here.
    pub(crate) fn put(&mut self, fingerprint: u64, until: u32, now: u32) -> Put {
        if until <= self.horizon() {
            return Put::Forgotten;
        }
        let new = encode(fingerprint, until);
        if self.entries().len() < ENTRIES {
            self.0.extend(new);
            return Put::Done;
        }
        let (_, entries) = self.0.split_at_mut_checked(HEAD_BYTES).unwrap_or_default();
        let (entries, _) = entries.as_chunks_mut();
        let oldest = entries.iter_mut().min_by_key(|entry| good_until(entry));
        let Some(oldest) = oldest.filter(|entry| good_until(entry) < now) else {
            return Put::Full;
        };
        let horizon = good_until(oldest);
        *oldest = new;
        self.raise_horizon(horizon);
        Put::Done
    }

    /// The latest time of what made room.
    fn horizon(&self) -> u32 {
        let head = self.0.get(1..HEAD_BYTES);
        head.and_then(|bytes| bytes.try_into().ok())
            .map_or(u32::MAX, u32::from_le_bytes)
    }

    fn raise_horizon(&mut self, to: u32) {
        let to = to.max(self.horizon());
        if let Some(head) = self.0.get_mut(1..HEAD_BYTES) {
            head.copy_from_slice(&to.to_le_bytes());
        }
    }

    fn entries(&self) -> &[[u8; ENTRY_BYTES]] {
        let entries = self.0.get(HEAD_BYTES..).unwrap_or_default();
        entries.as_chunks().0
    }
}

fn encode(fingerprint: u64, until: u32) -> [u8; ENTRY_BYTES] {
    let [a, b, c, d, e, f, g, h] = fingerprint.to_le_bytes();
    let [i, j, k, l] = until.to_le_bytes();
    [a, b, c, d, e, f, g, h, i, j, k, l]
}

fn good_until(entry: &[u8; ENTRY_BYTES]) -> u32 {
    let [.., a, b, c, d] = *entry;
    u32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(until: impl Fn(usize) -> u32) -> Slot {
        let mut slot = Slot::default();
        for index in 0..ENTRIES {
            assert_eq!(slot.put(index as u64, until(index), 0), Put::Done);
        }
        slot
    }

    #[test]
    fn what_still_protects_stays() {
        let all = |slot: &Slot| {
            let range = 0..ENTRIES as u64;
            range.filter(|print| slot.has(*print)).count()
        };
        // The entry of the fingerprint 7 ends first, at 100.
        let slot = full(|index| if index == 7 { 100 } else { 200 });
        let cases: &[(&str, u32, u32, Put, bool)] = &[
            ("none is over", 99, 300, Put::Full, true),
            ("its last second", 100, 300, Put::Full, true),
            ("over", 101, 300, Put::Done, false),
            ("over for long", 1000, 2000, Put::Done, false),
        ];
        for (name, now, until, expected, kept) in cases {
            let mut slot = slot.clone();
            assert_eq!(slot.put(99, *until, *now), *expected, "{name}");
            assert_eq!(slot.has(7), *kept, "{name}");
            assert_eq!(slot.has(99), !kept, "{name}");
            assert_eq!(all(&slot), ENTRIES - usize::from(!kept), "{name}");
        }
    }

    #[test]
    fn what_may_have_been_there_is_refused() {
        let mut slot = full(|index| 100 + index as u32);
        assert_eq!(slot.put(99, 500, 110), Put::Done);
        assert_eq!(slot.put(98, 500, 110), Put::Done);
        // 100 and 101 made room. The clock goes back, and they come again.
        assert_eq!(slot.put(0, 100, 90), Put::Forgotten);
        assert_eq!(slot.put(1, 101, 90), Put::Forgotten);
        assert_eq!(slot.put(97, 102, 90), Put::Full);
        let mut slot = Slot::forgotten_until(50);
        assert_eq!(slot.put(1, 50, 0), Put::Forgotten);
        assert_eq!(slot.put(1, 51, 0), Put::Done);
    }

    #[test]
    fn bytes() {
        let mut slot = Slot::forgotten_until(0x0403_0201);
        assert_eq!(slot.put(0x1817_1615_1413_1211, 0x2423_2221, 0), Put::Done);
        let stored = b"\x01\x01\x02\x03\x04\x11\x12\x13\x14\x15\x16\x17\x18\x21\x22\x23\x24";
        assert_eq!(slot.as_bytes(), stored);
        assert_eq!(Slot::decode(stored.to_vec()), Some(slot));
        let of = |layout: u8, length: usize| {
            let mut bytes = vec![0; length];
            if let Some(first) = bytes.first_mut() {
                *first = layout;
            }
            Slot::decode(bytes).is_some()
        };
        #[rustfmt::skip]
        let cases = [
            (1, 0, false), (1, 4, false), (1, 5, true), (1, 6, false), (1, 17, true), (1, 18, false),
            (1, 5 + 32 * 12, true), (1, 5 + 33 * 12, false), (0, 5, false), (2, 17, false),
        ];
        for (layout, length, valid) in cases {
            assert_eq!(of(layout, length), valid, "layout {layout}, {length} bytes");
        }
    }
}
