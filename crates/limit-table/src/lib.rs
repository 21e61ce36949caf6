//! The table of limits that all workers share, in Envoy's shared data.
//!
//! Shared data has neither delete nor expiry, so there is a fixed number of keys: one for each slot
//! that was ever used, one for each bucket apart, and one for the seed. A bucket's slot and its fingerprint in it come from a
//! SipHash-1-3 of 128 bits over the limit's name and the key, keyed by the seed: 128 random bits
//! that the first worker to start leaves for the others. Nobody outside knows them, so nobody can
//! aim at a slot.
//!
//! Each window of a limit has an entry of its own; all those of a key are in one slot, so that they
//! are checked and charged together, by one compare-and-swap. Limits of all algorithms share slots:
//! an entry says until when it constrains anything, and where a slot is full the one goes that says
//! the earliest instant ([`gatehouse_limit_slot`]). A bucket that must not go, since there is one of its kind and not one for
//! each client, has a slot of its own ([`Table::address_apart`]).
//!
//! Times are absolute, so a table outlives changes of the configuration and reloads of the VM: a
//! bucket is full when its entry says, whatever the rate was when it was written. The number of
//! slots decides where a bucket is looked for; where it changes, all keys begin anew.

mod algorithm;
mod bucket;
mod permits;

pub use algorithm::{Algorithm, Decision, Retry, Standing};
pub use bucket::{Bucket, Charged, Found, MOST_WINDOWS, Metered, Windows};
pub use gatehouse_limit_slot::Lost;
pub use permits::{Held, Permits, Ticket};

use gatehouse_host::{Cas, Entropy, Host, HostError, SharedData, Status};
use siphasher::sip128::{Hasher128 as _, SipHasher13};
use std::hash::Hasher as _;

/// How often a charge is tried against other workers. For each lost attempt another worker's
/// succeeded.
pub const ATTEMPTS: usize = 64;

/// The last of the slots apart, counted from the end of all numbers. Tables are smaller than what is before them.
const SLOTS_APART: u32 = 0xffff;

const SEED_KEY: &str = "gatehouse.limit.seed";

/// The table.
pub struct Table {
    slots: u32,
    seed: [u8; 16],
}

/// Where a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address {
    slot: u32,
    fingerprint: u64,
}

/// The key of a slot in shared data.
///
/// On the stack, and up to slot 999999 no longer than what Envoy's strings hold without an allocation
/// (22 bytes): there are two host calls with it for each charge.
#[derive(Clone, Copy)]
pub struct Key {
    bytes: [u8; PREFIX.len() + DIGITS],
    start: usize,
}

const PREFIX: [u8; 16] = *b"gatehouse.limit.";

/// Of the largest number of a slot.
const DIGITS: usize = 10;

impl Address {
    /// What tells its key from others in its slot.
    pub fn fingerprint(self) -> u64 {
        self.fingerprint
    }

    /// The key of its slot.
    pub fn key(self) -> Key {
        self.key_in(&PREFIX)
    }

    /// The key of its slot in another table, whose keys begin so: ASCII.
    pub fn key_in(self, prefix: &[u8; 16]) -> Key {
        // From the end: the digits, and the prefix before them.
        let mut bytes = [0; PREFIX.len() + DIGITS];
        let mut start = bytes.len();
        let mut rest = self.slot;
        let mut write = |byte: u8| {
            start = start.saturating_sub(1);
            if let Some(place) = bytes.get_mut(start) {
                *place = byte;
            }
        };
        loop {
            write(b'0' + (rest % 10) as u8);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        for byte in prefix.iter().rev() {
            write(*byte);
        }
        Key { bytes, start }
    }
}

impl Key {
    /// The key itself.
    pub fn as_str(&self) -> &str {
        let text = self
            .bytes
            .get(self.start..)
            .and_then(|bytes| std::str::from_utf8(bytes).ok());
        debug_assert!(text.is_some(), "letters and digits");
        text.unwrap_or_default()
    }
}

/// Why a bucket cannot be read or charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Other workers came first, every time.
    Contended,
    /// A call of shared data failed.
    Store(HostError),
    /// Another host call did: the clock.
    Host(HostError),
}

impl Table {
    /// Finds the table, or begins it.
    ///
    /// # Errors
    /// Where shared data or randomness is not to be had, or where something else wrote the seed.
    pub fn open(slots: u32, host: &dyn Host) -> Result<Self, HostError> {
        let seed = match host.shared(SEED_KEY)? {
            Some((seed, _)) => seed,
            None => create_seed(host, host)?,
        };
        let seed = seed.try_into().map_err(|_| HostError {
            call: "proxy_get_shared_data",
            status: Status::Malformed,
        })?;
        Ok(Self { slots, seed })
    }

    /// A hasher for [`Table::address`], with the seed in it.
    pub fn hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_key(&self.seed)
    }

    /// Where the bucket is whose key was written to a hasher of this table.
    pub fn address(&self, hasher: &SipHasher13) -> Address {
        let hash = hasher.finish128();
        // The upper bits of a product, in place of a remainder: as even, and no division.
        let slot = ((hash.h2 >> 32) * u64::from(self.slots)) >> 32;
        Address {
            slot: slot as u32,
            fingerprint: hash.h1,
        }
    }

    /// Where a bucket is that nothing drives out: in a slot beyond those of the table. Only for keys that a configuration
    /// names, never for those that clients bring; there are as many slots apart as there have been such keys, 65,536 at most.
    pub fn address_apart(&self, hasher: &SipHasher13) -> Address {
        let hash = hasher.finish128();
        Address {
            slot: u32::MAX - (hash.h2 as u32 & SLOTS_APART),
            fingerprint: hash.h1,
        }
    }
}

/// Leaves a seed for all workers, unless another one was faster.
fn create_seed(entropy: &dyn Entropy, shared: &dyn SharedData) -> Result<Vec<u8>, HostError> {
    let mut seed = [0; 16];
    entropy.fill_random(&mut seed)?;
    if shared.swap_shared(SEED_KEY, &seed, Cas::CREATE)? {
        return Ok(seed.to_vec());
    }
    match shared.shared(SEED_KEY)? {
        Some((seed, _)) => Ok(seed),
        None => Err(HostError {
            call: "proxy_set_shared_data",
            status: Status::Malformed,
        }),
    }
}

/// Writes a part of a key so that no other sequence of parts writes the same: its length, then it.
pub fn write_part(hasher: &mut SipHasher13, part: &[u8]) {
    hasher.write(&(part.len() as u64).to_le_bytes());
    hasher.write(part);
}
