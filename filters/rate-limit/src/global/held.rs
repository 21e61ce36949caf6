//! The table of leases, in Envoy's shared data: all workers serve from one lease of a key.
//!
//! The slots are those of `gatehouse_limit_table`, under keys of their own, with fewer and larger entries.

use crate::stats::Cause;
use crate::store::{ATTEMPTS, Address, Failure, store_failed};
use gatehouse_host::{Cas, HostError, SharedData, Status};
use gatehouse_lease::{Lease, Lost, Slot};

/// How the keys of its slots begin.
const LEASE_PREFIX: &[u8; 16] = b"gatehouse.leases";

/// A lease as it was read for one decision, and the slot around it.
pub(crate) struct Held {
    address: Address,
    now: u64,
    slot: Slot,
    version: Cas,
}

impl Held {
    /// Reads the lease of a key.
    pub(crate) fn read(
        address: Address,
        now: u64,
        shared: &dyn SharedData,
    ) -> Result<Self, Failure> {
        let mut held = Self {
            address,
            now,
            slot: Slot::default(),
            version: Cas::CREATE,
        };
        held.refresh(shared)?;
        Ok(held)
    }

    /// The lease.
    pub(crate) fn lease(&self) -> Lease {
        self.slot.find(self.address.fingerprint())
    }

    /// The time of the decision, in nanoseconds since the epoch.
    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    /// Stores a lease, unless another worker stored one since this was read: nothing then. Else what was
    /// lost for it.
    pub(crate) fn store(
        &mut self,
        lease: &Lease,
        shared: &dyn SharedData,
    ) -> Result<Option<Lost>, Failure> {
        let lost = self.slot.put(self.address.fingerprint(), lease, self.now);
        let key = self.address.key_in(LEASE_PREFIX);
        let swapped = shared
            .swap_shared(key.as_str(), self.slot.as_bytes(), self.version)
            .map_err(store_failed)?;
        Ok(swapped.then_some(lost))
    }

    /// Reads it again.
    pub(crate) fn refresh(&mut self, shared: &dyn SharedData) -> Result<(), Failure> {
        let key = self.address.key_in(LEASE_PREFIX);
        let stored = shared.shared(key.as_str()).map_err(store_failed)?;
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
        // Something that shares the `vm_id` wrote over the slot: as for buckets, it begins anew.
        let _ = shared.swap_shared(key.as_str(), Slot::default().as_bytes(), version);
        Err(store_failed(HostError {
            call: "proxy_get_shared_data",
            status: Status::Malformed,
        }))
    }
}

/// Changes the lease of a key, by compare-and-swap. Says what was lost for it.
pub(crate) fn update(
    address: Address,
    now: u64,
    shared: &dyn SharedData,
    change: &dyn Fn(&Lease) -> Lease,
) -> Result<Lost, Failure> {
    let mut held = Held::read(address, now, shared)?;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            held.refresh(shared)?;
        }
        let lease = change(&held.lease());
        if let Some(lost) = held.store(&lease, shared)? {
            return Ok(lost);
        }
    }
    Err(Failure::Contended)
}

/// How what was lost for a lease is counted.
pub(crate) fn cause(lost: Lost) -> Option<Cause> {
    match lost {
        Lost::Nothing => None,
        Lost::Lease(_) => Some(Cause::Evicted),
    }
}
