//! One slot of a table of limits in shared data: up to eight entries in 192 bytes.
//!
//! An entry is 24 bytes, little-endian: the fingerprint of its key, the instant until which it
//! constrains anything, in nanoseconds since the epoch, both 64 bits, and two counters of 32 bits.
//! What the counters say is the algorithm's. That instant is the same thing for all algorithms, so
//! entries of all of them share slots: where a ninth entry comes, the one goes that constrains least,
//! which is the one whose instant comes, or came, first. Windows of the clock end for all keys at once; of
//! entries with one instant the one goes that has counted least, so that many keys with a request each
//! don't drive out one that is at its limit. Entries stand in the order of their arrival; there are no
//! gaps.

#[cfg(test)]
mod tests;

/// How many entries a slot holds.
pub const ENTRIES: usize = 8;

const ENTRY_BYTES: usize = 24;

/// What a limit knows of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// From this instant on it says no more than no state at all, in nanoseconds since the epoch.
    pub until: u64,
    /// What the algorithm counts beside that.
    pub counts: [u32; 2],
}

/// A slot, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Slot(Vec<u8>);

/// What was lost for an entry to be put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lost {
    /// Nothing that says anything about the time of the decision.
    Nothing,
    /// An entry that still constrained: its key will be taken for one never seen.
    Entry,
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

    /// What is known of the key with this fingerprint; nothing where it is not here.
    pub fn find(&self, fingerprint: u64) -> Option<State> {
        let (entries, _) = self.0.as_chunks();
        let entry = entries.iter().find(|entry| print(entry) == fingerprint)?;
        let counts = word(entry, 2);
        Some(State {
            until: until(entry),
            counts: [counts as u32, (counts >> 32) as u32],
        })
    }

    /// Forgets the key with this fingerprint.
    pub fn remove(&mut self, fingerprint: u64) {
        let (entries, _) = self.0.as_chunks();
        let others = entries.iter().filter(|entry| print(entry) != fingerprint);
        self.0 = others.flatten().copied().collect();
    }

    /// Remembers the key with this fingerprint. An entry that is here is replaced; a new one takes the
    /// next free place; where none is free, that of the one that constrains least. One that has long
    /// ceased to is the first to go, and one that *just* did is kept as long as there is room: a worker
    /// whose reading of the clock is older may still need it.
    pub fn put(&mut self, fingerprint: u64, state: State, now: u64) -> Lost {
        self.put_beside(fingerprint, state, now, &|_| false)
    }

    /// The same, where some entries are not to go: those of the same key, of which there are fewer than
    /// [`ENTRIES`].
    pub fn put_beside(
        &mut self,
        fingerprint: u64,
        state: State,
        now: u64,
        stays: &dyn Fn(u64) -> bool,
    ) -> Lost {
        let new = encode(fingerprint, state);
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
        let others = entries.iter_mut().filter(|entry| !stays(print(entry)));
        let Some(entry) = others.min_by_key(|entry| weight(entry)) else {
            return Lost::Nothing;
        };
        let lost = if until(entry) > now {
            Lost::Entry
        } else {
            Lost::Nothing
        };
        *entry = new;
        lost
    }
}

fn encode(fingerprint: u64, state: State) -> [u8; ENTRY_BYTES] {
    let [low, high] = state.counts;
    let words = [
        fingerprint,
        state.until,
        u64::from(low) | u64::from(high) << 32,
    ];
    let mut entry = [0; ENTRY_BYTES];
    let (places, _) = entry.as_chunks_mut();
    for (place, word) in places.iter_mut().zip(words) {
        *place = word.to_le_bytes();
    }
    entry
}

fn word(entry: &[u8; ENTRY_BYTES], index: usize) -> u64 {
    let (words, _) = entry.as_chunks();
    words.get(index).map_or(0, |word| u64::from_le_bytes(*word))
}

/// How much an entry constrains.
fn weight(entry: &[u8; ENTRY_BYTES]) -> (u64, u64) {
    let counts = word(entry, 2);
    (
        until(entry),
        (counts & u64::from(u32::MAX)) + (counts >> 32),
    )
}

fn print(entry: &[u8; ENTRY_BYTES]) -> u64 {
    word(entry, 0)
}

fn until(entry: &[u8; ENTRY_BYTES]) -> u64 {
    word(entry, 1)
}
