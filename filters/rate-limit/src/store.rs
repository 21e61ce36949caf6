//! The table that all workers share, in Envoy's shared data.
//!
//! Shared data has neither delete nor expiry, so there is a fixed number of keys: one for each slot
//! that was ever used, and one for the seed. A bucket's slot and its fingerprint in it come from a
//! SipHash-1-3 of 128 bits over the limit's name and the key, keyed by the seed: 128 random bits
//! that the first worker to start leaves for the others. Nobody outside knows them, so nobody can
//! aim at a slot.
//!
//! Times are absolute, so a table outlives changes of the configuration and reloads of the VM: a
//! bucket is full when its entry says, whatever the rate was when it was written. The number of
//! slots decides where a bucket is looked for; where it changes, all keys begin anew.

use crate::stats::Cause;
use gatehouse_gcra::{Decision, Lost, Quota, Slot, Tat, decide, owe};
use gatehouse_host::{Cas, Entropy, Host, HostError, SharedData, Status};
use siphasher::sip128::{Hasher128 as _, SipHasher13};
use std::hash::Hasher as _;

/// How often a charge is tried against other workers. For each lost attempt another worker's
/// succeeded.
pub(crate) const ATTEMPTS: usize = 64;

const SEED_KEY: &str = "gatehouse.rate_limit.seed";

/// The table.
pub(crate) struct Table {
    slots: u32,
    seed: [u8; 16],
}

/// Where a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    slot: u32,
    fingerprint: u64,
}

/// A bucket as it was read for one decision, and the slot around it.
pub(crate) struct Bucket {
    /// Of the decision. It stays the same when the decision is made anew: a state that another
    /// worker wrote later is no trouble for the GCRA, unless it is later by more than a second.
    now: u64,
    name: String,
    fingerprint: u64,
    slot: Slot,
    version: Cas,
}

/// Why a bucket cannot be read or charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Other workers came first, every time.
    Contended,
    /// A host call failed: of shared data, or another one that the limit needs.
    Host(Cause, HostError),
}

impl Table {
    /// Finds the table, or begins it.
    ///
    /// # Errors
    /// Where shared data or randomness is not to be had, or where something else wrote the seed.
    pub(crate) fn open(slots: u32, host: &dyn Host) -> Result<Self, HostError> {
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
    pub(crate) fn hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_key(&self.seed)
    }

    /// Where the bucket is whose key was written to a hasher of this table.
    pub(crate) fn address(&self, hasher: &SipHasher13) -> Address {
        let hash = hasher.finish128();
        // The upper bits of a product, in place of a remainder: as even, and no division.
        let slot = ((hash.h2 >> 32) * u64::from(self.slots)) >> 32;
        Address {
            slot: slot as u32,
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

impl Bucket {
    /// Reads a bucket for a decision at `now`, in nanoseconds since the epoch.
    pub(crate) fn read(
        address: Address,
        now: u64,
        shared: &dyn SharedData,
    ) -> Result<Self, Failure> {
        let mut bucket = Self {
            now,
            name: format!("gatehouse.rate_limit.{}", address.slot),
            fingerprint: address.fingerprint,
            slot: Slot::default(),
            version: Cas::CREATE,
        };
        bucket.refresh(shared)?;
        Ok(bucket)
    }

    /// When it is full; nothing for a key never seen.
    fn tat(&self) -> Option<Tat> {
        self.slot.find(self.fingerprint)
    }

    /// What is in it, going by what was read.
    pub(crate) fn look(&self, quota: &Quota) -> Decision {
        decide(quota, self.tat(), self.now, 0)
    }

    /// Whether a request of this cost fits, going by what was read. Charges nothing.
    pub(crate) fn check(
        &mut self,
        quota: &Quota,
        cost: u64,
        host: &dyn Host,
    ) -> Result<Decision, Failure> {
        let mut decision = decide(quota, self.tat(), self.now, cost);
        if repaired(&decision).is_some() {
            // The clock was set back; or this worker was held up between the clock and the bucket,
            // while others charged it. A reading of the clock that is newer than that of the bucket
            // tells which.
            self.now = host.now().map_err(host_failed)?.as_nanos();
            decision = decide(quota, self.tat(), self.now, cost);
        }
        if let Some(repaired) = repaired(&decision) {
            // The request is refused either way: if this fails, the next decision asks for it again.
            let mut slot = self.slot.clone();
            slot.put(self.fingerprint, repaired, self.now);
            let _ = host.swap_shared(&self.name, slot.as_bytes(), self.version);
        }
        Ok(decision)
    }

    /// Takes the cost of a request from it, if it fits: decided anew whenever another worker came
    /// between. Says what was lost for it.
    pub(crate) fn charge(
        &mut self,
        quota: &Quota,
        cost: u64,
        host: &dyn Host,
    ) -> Result<(Decision, Lost), Failure> {
        self.settle(host, |bucket| bucket.check(quota, cost, host))
    }

    /// Takes from it what has been used already, though it may not be in it: what is missing is owed.
    /// `quota` is one with room for debts. Says what was lost for it.
    #[allow(dead_code, reason = "for costs that are known only from responses")]
    pub(crate) fn owe(
        &mut self,
        quota: &Quota,
        cost: u64,
        host: &dyn Host,
    ) -> Result<(Decision, Lost), Failure> {
        self.settle(host, |bucket| {
            Ok(owe(quota, bucket.tat(), bucket.now, cost))
        })
    }

    /// Stores what is decided, by compare-and-swap; nothing where that changes nothing.
    fn settle(
        &mut self,
        host: &dyn Host,
        mut decide: impl FnMut(&mut Self) -> Result<Decision, Failure>,
    ) -> Result<(Decision, Lost), Failure> {
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                self.refresh(host)?;
            }
            let decision = decide(self)?;
            let Decision::Admitted { next, .. } = decision else {
                return Ok((decision, Lost::Nothing));
            };
            if decision.to_store(self.tat()).is_none() {
                return Ok((decision, Lost::Nothing));
            }
            let lost = self.slot.put(self.fingerprint, next, self.now);
            let swapped = host
                .swap_shared(&self.name, self.slot.as_bytes(), self.version)
                .map_err(store_failed)?;
            if swapped {
                return Ok((decision, lost));
            }
        }
        Err(Failure::Contended)
    }

    fn refresh(&mut self, shared: &dyn SharedData) -> Result<(), Failure> {
        let stored = shared.shared(&self.name).map_err(store_failed)?;
        let Some((bytes, version)) = stored else {
            self.slot = Slot::default();
            self.version = Cas::CREATE;
            return Ok(());
        };
        self.version = version;
        if let Some(slot) = Slot::decode(bytes) {
            self.slot = slot;
            return Ok(());
        }
        // Something that shares the `vm_id` wrote over the slot. What it held is lost, so this one
        // decision fails, and the slot begins anew: refusing for good would need a restart to mend.
        let _ = shared.swap_shared(&self.name, Slot::default().as_bytes(), version);
        Err(store_failed(HostError {
            call: "proxy_get_shared_data",
            status: Status::Malformed,
        }))
    }
}

/// What is to be stored since the clock was set back.
fn repaired(decision: &Decision) -> Option<Tat> {
    match decision {
        Decision::Refused { repaired, .. } => *repaired,
        Decision::Admitted { .. } => None,
    }
}

fn store_failed(error: HostError) -> Failure {
    Failure::Host(Cause::StoreFailed, error)
}

/// Another call than those of shared data failed.
pub(crate) fn host_failed(error: HostError) -> Failure {
    Failure::Host(Cause::HostFailed, error)
}

/// Writes a part of a key so that no other sequence of parts writes the same: its length, then it.
pub(crate) fn write_part(hasher: &mut SipHasher13, part: &[u8]) {
    hasher.write(&(part.len() as u64).to_le_bytes());
    hasher.write(part);
}
