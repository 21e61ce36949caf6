//! What was seen before, in shared data of a fixed size.
//!
//! A signature, a nonce or a token's `jti` is good once. [`Table::first_time`] says whether this is the
//! once, for all workers of a proxy:
//!
//! 1. An identifier is a sequence of byte strings. Its slot and its fingerprint of 64 bits come from a
//!    SipHash-2-4 of 128 bits, keyed by 128 random bits that the first worker leaves for the others:
//!    nobody outside knows them, so nobody can aim at a slot or look for two that collide.
//! 2. An identifier whose fingerprint is in its slot was seen before, whether its time is over or not.
//! 3. Otherwise it is put there, by compare-and-swap: of any number of workers that present the same at
//!    once, one is the first. Where other workers come between [`ATTEMPTS`] times, it is refused.
//! 4. Where the slot is full, the entry whose time has been over the longest makes room. Where no
//!    entry's time is over, the newcomer is refused ([`Failure::Full`]): what still protects stays.
//! 5. A slot keeps the latest time of what made room. An identifier that is good no longer than that
//!    may have been there, so it is refused ([`Failure::Forgotten`]). This happens only where a clock
//!    went forward and came back.
//!
//! A caller denies on every [`Failure`].
//!
//! # What it takes
//!
//! A slot holds [`ENTRIES`] entries of 12 bytes: at most 389 bytes, and some 150 for its key and Envoy's
//! own bookkeeping. Slots take no room until they are used. 4,096 of them are 2.2 MB at most, and hold
//! 49,000 identifiers at once (12 for each slot on average) with one newcomer in a million refused;
//! with 16 for each slot it is three in ten thousand. Two host calls for an identifier, three at a
//! worker's first.
//!
//! Two identifiers have one fingerprint in one slot by chance only: that something new is taken for
//! seen has a probability of 32 in 2⁶⁴ at most, with a slot that is full.
//!
//! # Where it ends
//!
//! It is one Envoy process. Several Envoys each have a table of their own, so what was presented to
//! one of them can be presented once to each of the others; so can what was presented before to a
//! process that has been restarted, hot restarts included, for as long as it is otherwise good. The
//! table outlives the VM and changes of the configuration, but for another name or number of slots.

#[cfg(test)]
mod properties;
mod slot;
#[cfg(test)]
mod tests;

use gatehouse_host::{Cas, Host, HostError, Status, Timestamp};
use siphasher::sip128::{Hasher128 as _, SipHasher24};
use slot::{Put, Slot};
use std::cell::Cell;
use std::fmt;
use std::hash::Hasher as _;
use std::time::Duration;

pub use slot::ENTRIES;

/// How often an identifier is put down against other workers. For each lost attempt another worker's
/// succeeded.
pub const ATTEMPTS: usize = 64;

const NANOS: u64 = 1_000_000_000;

/// A table, shared by all workers.
pub struct Table {
    name: String,
    slots: u32,
    longest: Duration,
    /// Read once in each VM: it does not change while the process lives.
    seed: Cell<Option<[u8; 16]>>,
}

/// Whether an identifier was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It was not. From now on it was.
    First,
    /// It was.
    Before,
}

/// Why that is not known. The identifier is not remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// There is no room: the slot is full of identifiers that are still good.
    Full,
    /// It may be one of those that made room for others.
    Forgotten,
    /// Other workers came first, every time.
    Contended,
    /// A host call failed, or something else wrote over the table.
    Host(HostError),
}

impl Table {
    /// The table whose keys in shared data begin with `name`: `gatehouse.auth.replay.partners`. It has
    /// at least one slot. No identifier is good for longer than `longest`, from when it is presented.
    pub fn new(name: impl Into<String>, slots: u32, longest: Duration) -> Self {
        Self {
            name: name.into(),
            slots: slots.max(1),
            longest,
            seed: Cell::new(None),
        }
    }

    /// Whether this is the first time that an identifier is presented. `until` is the last moment at
    /// which it would be good.
    ///
    /// # Errors
    /// Where that is not known. It is then not to be taken for the first.
    pub fn first_time(
        &self,
        id: &[&[u8]],
        until: Timestamp,
        now: Timestamp,
        host: &dyn Host,
    ) -> Result<Seen, Failure> {
        let (key, fingerprint) = self.place(id, host)?;
        let until = seconds(until.as_nanos().div_ceil(NANOS));
        let now = now.as_nanos() / NANOS;
        for _ in 0..ATTEMPTS {
            let (mut slot, version) = match host.shared(&key)? {
                None => (Slot::default(), Cas::CREATE),
                Some((bytes, version)) => match Slot::decode(bytes) {
                    Some(slot) => (slot, version),
                    None => return Err(self.begin_anew(&key, version, now, host)),
                },
            };
            if slot.has(fingerprint) {
                return Ok(Seen::Before);
            }
            match slot.put(fingerprint, until, seconds(now)) {
                Put::Done => {}
                Put::Full => return Err(Failure::Full),
                Put::Forgotten => return Err(Failure::Forgotten),
            }
            if host.swap_shared(&key, slot.as_bytes(), version)? {
                return Ok(Seen::First);
            }
        }
        Err(Failure::Contended)
    }

    /// Something that shares the `vm_id` wrote over the slot. What it held is lost, so nothing that may
    /// have been in it is let in until its time is over.
    fn begin_anew(&self, key: &str, version: Cas, now: u64, host: &dyn Host) -> Failure {
        let until = now.saturating_add(self.longest.as_secs()).saturating_add(1);
        let slot = Slot::forgotten_until(seconds(until));
        // Where another worker was faster, it did the same.
        let _ = host.swap_shared(key, slot.as_bytes(), version);
        Failure::Host(MALFORMED)
    }

    /// The key of the slot, and the fingerprint in it.
    fn place(&self, id: &[&[u8]], host: &dyn Host) -> Result<(String, u64), HostError> {
        let mut hasher = SipHasher24::new_with_key(&self.seed(host)?);
        for part in id {
            // Its length first, so that no other sequence of parts writes the same.
            hasher.write(&(part.len() as u64).to_le_bytes());
            hasher.write(part);
        }
        let hash = hasher.finish128();
        // The upper bits of a product, in place of a remainder: as even, and no division.
        let slot = ((hash.h2 >> 32) * u64::from(self.slots)) >> 32;
        Ok((format!("{}.{slot}", self.name), hash.h1))
    }

    fn seed(&self, host: &dyn Host) -> Result<[u8; 16], HostError> {
        if let Some(seed) = self.seed.get() {
            return Ok(seed);
        }
        let key = format!("{}.seed", self.name);
        let seed = match host.shared(&key)? {
            Some((seed, _)) => seed.try_into().map_err(|_| MALFORMED)?,
            None => create_seed(&key, host)?,
        };
        self.seed.set(Some(seed));
        Ok(seed)
    }
}

const MALFORMED: HostError = HostError {
    call: "proxy_get_shared_data",
    status: Status::Malformed,
};

/// Leaves a seed for all workers, unless another one was faster.
fn create_seed(key: &str, host: &dyn Host) -> Result<[u8; 16], HostError> {
    let mut seed = [0; 16];
    host.fill_random(&mut seed)?;
    if host.swap_shared(key, &seed, Cas::CREATE)? {
        return Ok(seed);
    }
    let stored = host.shared(key)?.ok_or(MALFORMED)?;
    stored.0.try_into().map_err(|_| MALFORMED)
}

/// 32 bits of seconds reach to 2106. What is good for longer is good until then.
fn seconds(seconds: u64) -> u32 {
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("there is no room: more slots are needed"),
            Self::Forgotten => f.write_str("it may have been forgotten"),
            Self::Contended => f.write_str("other workers came first every time"),
            Self::Host(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Failure {}
