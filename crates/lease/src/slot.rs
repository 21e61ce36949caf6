//! One slot of a table of leases in shared memory: up to four in 264 bytes.
//!
//! An entry is 64 bytes: the fingerprint of its key and the lease, eight numbers of 64 bits,
//! little-endian. Entries stand in the order of their arrival; there are no gaps.

use crate::Lease;

/// How many leases a slot holds.
pub const ENTRIES: usize = 4;

const ENTRY_BYTES: usize = 64;

/// A slot, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Slot(Vec<u8>);

/// What was lost for a lease to be put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// Nothing that matters any more.
    Nothing,
    /// So much that was held, or that a window's quota is used up: the service will be asked again.
    Lease(u64),
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

    /// The lease with this fingerprint; a new one where it is not here.
    pub fn find(&self, fingerprint: u64) -> Lease {
        let (entries, _) = self.0.as_chunks();
        let mut found = entries.iter().map(decode);
        found
            .find(|(print, _)| *print == fingerprint)
            .map_or_else(Lease::default, |(_, lease)| lease)
    }

    /// Remembers a lease. One that is here is replaced; a new one takes the next free place; where none is
    /// free, that of the lease which ends first, which is one that has ended if there is one.
    pub fn put(&mut self, fingerprint: u64, lease: &Lease, now: u64) -> Lost {
        let new = encode(fingerprint, lease);
        let has_room = self.0.len() < ENTRIES * ENTRY_BYTES;
        let (entries, _) = self.0.as_chunks_mut();
        if let Some(entry) = entries
            .iter_mut()
            .find(|entry| decode(entry).0 == fingerprint)
        {
            *entry = new;
            return Lost::Nothing;
        }
        if has_room {
            self.0.extend_from_slice(&new);
            return Lost::Nothing;
        }
        let Some(entry) = entries.iter_mut().min_by_key(|entry| decode(entry).1.until) else {
            return Lost::Nothing;
        };
        let (_, old) = decode(entry);
        *entry = new;
        match old.until > now {
            true => Lost::Lease(old.held),
            false => Lost::Nothing,
        }
    }
}

fn encode(fingerprint: u64, lease: &Lease) -> [u8; ENTRY_BYTES] {
    let [first, second] = lease.asked;
    let numbers = [
        fingerprint,
        lease.until,
        lease.held,
        lease.refused,
        lease.told,
        first,
        second,
        lease.asked_for,
    ];
    let mut bytes = [0; ENTRY_BYTES];
    let (places, _) = bytes.as_chunks_mut::<8>();
    for (place, number) in places.iter_mut().zip(numbers) {
        *place = number.to_le_bytes();
    }
    bytes
}

fn decode(entry: &[u8; ENTRY_BYTES]) -> (u64, Lease) {
    let (places, _) = entry.as_chunks::<8>();
    let mut numbers = places.iter().map(|place| u64::from_le_bytes(*place));
    // Eight numbers: none is missing.
    let mut next = || numbers.next().unwrap_or_default();
    let fingerprint = next();
    let lease = Lease {
        until: next(),
        held: next(),
        refused: next(),
        told: next(),
        asked: [next(), next()],
        asked_for: next(),
    };
    (fingerprint, lease)
}
