//! What the table has of one key: read, decided on, charged.

use super::{ATTEMPTS, Address, Failure, Key, host_failed, store_failed};
use crate::algorithm::{Algorithm, Decision, Standing, counts, stored};
use crate::config::{Allowance, MOST_WINDOWS, Metered};
use gatehouse_host::{Cas, Host, HostError, SharedData, Status};
use gatehouse_limit_slot::{Lost, Slot, State};
use gatehouse_window_counter::{Capacity, Permit};

/// A key as it was read for one decision, and the slot around it.
pub(crate) struct Bucket {
    address: Address,
    key: Key,
    /// Of the decision. It stays the same when the decision is made anew: a state that another worker
    /// wrote later is no trouble for the algorithms, unless it is later by more than a second.
    now: u64,
    slot: Slot,
    version: Cas,
    /// What the last decision wants stored, window by window.
    next: [Option<State>; MOST_WINDOWS],
}

/// What is decided on a limit, by its strictest window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found<'l> {
    pub(crate) window: &'l Metered,
    pub(crate) decision: Decision,
}

impl<'l> Found<'l> {
    /// What somebody else decided, who says what is left.
    pub(crate) fn of(window: &'l Metered, standing: Standing) -> Self {
        Self {
            window,
            decision: Decision {
                refused: None,
                standing,
                store: None,
                permit: None,
            },
        }
    }
}

/// What a charge comes to.
pub(crate) struct Charged<'l> {
    pub(crate) found: Found<'l>,
    /// What it cost other keys.
    pub(crate) lost: Lost,
}

impl Bucket {
    /// Reads a key for a decision at `now`, in nanoseconds since the epoch.
    pub(crate) fn read(
        address: Address,
        now: u64,
        shared: &dyn SharedData,
    ) -> Result<Self, Failure> {
        let mut bucket = Self {
            address,
            key: address.key(),
            now,
            slot: Slot::default(),
            version: Cas::CREATE,
            next: [None; MOST_WINDOWS],
        };
        bucket.refresh(shared)?;
        Ok(bucket)
    }

    /// Where the key is.
    pub(crate) fn address(&self) -> Address {
        self.address
    }

    /// Where the entry of one window is.
    pub(crate) fn address_of(&self, window: &Metered) -> Address {
        Address {
            fingerprint: self.address.fingerprint ^ window.salt,
            ..self.address
        }
    }

    /// What is left, going by what was read.
    pub(crate) fn look<'l>(&self, allowance: &'l Allowance) -> Found<'l> {
        let (first, others) = allowance.windows();
        let look = |window: &'l Metered| Found {
            window,
            decision: window.algorithm.decide(self.state(window), self.now, 0),
        };
        others.iter().map(look).fold(look(first), stricter)
    }

    /// Whether a request of this cost fits into all windows, going by what was read. Charges nothing.
    pub(crate) fn check<'l>(
        &mut self,
        allowance: &'l Allowance,
        cost: u64,
        host: &dyn Host,
    ) -> Result<Found<'l>, Failure> {
        self.check_clock(allowance, host)?;
        let found = self.decide(allowance, |algorithm, state, now| {
            algorithm.decide(state, now, cost)
        });
        if found.decision.refused.is_some() {
            self.repair(allowance, cost, host);
        }
        Ok(found)
    }

    /// Takes the cost of a request from all windows, going by what [`Bucket::check`] found for it: decided
    /// anew whenever another worker came between.
    pub(crate) fn charge<'l>(
        &mut self,
        mut found: Found<'l>,
        allowance: &'l Allowance,
        cost: u64,
        host: &dyn Host,
    ) -> Result<Charged<'l>, Failure> {
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                self.refresh(host)?;
                found = self.check(allowance, cost, host)?;
            }
            if found.decision.refused.is_some() {
                return Ok(Charged::nothing(found));
            }
            if let Some(lost) = self.store(allowance, host)? {
                return Ok(Charged { found, lost });
            }
        }
        Err(Failure::Contended)
    }

    /// Takes from all windows what has been used already, though it may not be there: what is missing
    /// is owed. The windows are ones with room for debts.
    pub(crate) fn owe<'l>(
        &mut self,
        allowance: &'l Allowance,
        cost: u64,
        host: &dyn Host,
    ) -> Result<Charged<'l>, Failure> {
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                self.refresh(host)?;
            }
            self.check_clock(allowance, host)?;
            let found = self.decide(allowance, |algorithm, state, now| {
                algorithm.owe(state, now, cost)
            });
            if let Some(lost) = self.store(allowance, host)? {
                return Ok(Charged { found, lost });
            }
        }
        Err(Failure::Contended)
    }

    /// Gives back what is no longer in flight, at the address of its window. A permit that has expired is nobody's.
    pub(crate) fn release(
        &mut self,
        capacity: &Capacity,
        permit: Permit,
        host: &dyn Host,
    ) -> Result<(), Failure> {
        self.settle(capacity, host, &mut |state, now| {
            Some(capacity.release(Some(counts(state?)), now, permit))
        })
    }

    /// Goes on counting what is still in flight, at the address of its window; says by which permit.
    pub(crate) fn renew(
        &mut self,
        capacity: &Capacity,
        permit: Permit,
        host: &dyn Host,
    ) -> Result<Permit, Failure> {
        let mut renewed = permit;
        self.settle(capacity, host, &mut |state, now| {
            let (next, permit) = capacity.renew(state.map(counts), now, permit)?;
            renewed = permit;
            Some(Some(next))
        })?;
        Ok(renewed)
    }

    /// Changes what is in flight: nothing for no change, and nothing in that for nothing in flight.
    fn settle(
        &mut self,
        capacity: &Capacity,
        host: &dyn Host,
        change: &mut dyn FnMut(
            Option<State>,
            u64,
        ) -> Option<Option<gatehouse_window_counter::Counts>>,
    ) -> Result<(), Failure> {
        let fingerprint = self.address.fingerprint;
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                self.refresh(host)?;
            }
            let mut state = self.slot.find(fingerprint);
            if state.is_some_and(|state| capacity.is_ahead(counts(state), self.now)) {
                self.now = host.now().map_err(host_failed)?.as_nanos();
                state = self.slot.find(fingerprint);
            }
            match change(state, self.now) {
                None => return Ok(()),
                Some(Some(next)) => {
                    self.slot.put(fingerprint, stored(next), self.now);
                }
                Some(None) => self.slot.remove(fingerprint),
            }
            if self.swap(host)? {
                return Ok(());
            }
        }
        Err(Failure::Contended)
    }

    fn state(&self, window: &Metered) -> Option<State> {
        self.slot.find(self.address.fingerprint ^ window.salt)
    }

    /// A state that lies ahead is one of a clock that was set back; or this worker was held up between
    /// the clock and the table, while others charged it. A reading of the clock that is newer than
    /// that of the table tells which.
    fn check_clock(&mut self, allowance: &Allowance, host: &dyn Host) -> Result<(), Failure> {
        let is_ahead = |window: &Metered| {
            let state = self.state(window);
            state.is_some_and(|state| window.algorithm.is_ahead(state, self.now))
        };
        let (first, others) = allowance.windows();
        if is_ahead(first) || others.iter().any(is_ahead) {
            self.now = host.now().map_err(host_failed)?.as_nanos();
        }
        Ok(())
    }

    /// The strictest decision; what all of them want stored is kept for [`Bucket::store`].
    fn decide<'l>(
        &mut self,
        allowance: &'l Allowance,
        decide: impl Fn(&Algorithm, Option<State>, u64) -> Decision,
    ) -> Found<'l> {
        let (first, others) = allowance.windows();
        let decide = |window: &'l Metered, bucket: &Self| Found {
            window,
            decision: decide(&window.algorithm, bucket.state(window), bucket.now),
        };
        let mut strictest = decide(first, self);
        let mut next = [None; MOST_WINDOWS];
        let mut places = next.iter_mut();
        if let Some(place) = places.next() {
            *place = strictest.decision.store;
        }
        for (window, place) in others.iter().zip(places) {
            let found = decide(window, self);
            *place = found.decision.store;
            strictest = stricter(strictest, found);
        }
        self.next = next;
        strictest
    }

    /// Stores what was decided; nothing where another worker came first. The last window first: the
    /// longest comes last where operators write them, and in a full slot the one that is put later
    /// stays.
    fn store(&mut self, allowance: &Allowance, host: &dyn Host) -> Result<Option<Lost>, Failure> {
        let mut lost = Lost::Nothing;
        let mut changed = false;
        let (first, others) = allowance.windows();
        let [next, further @ ..] = self.next;
        let windows = others.iter().zip(further).rev();
        for (window, next) in windows.chain([(first, next)]) {
            if let Some(next) = next {
                let fingerprint = self.address.fingerprint ^ window.salt;
                lost = lost.max(self.slot.put(fingerprint, next, self.now));
                changed = true;
            }
        }
        match !changed || self.swap(host)? {
            true => Ok(Some(lost)),
            false => Ok(None),
        }
    }

    /// Stores what a refusal found to be of a clock that was set back. If this fails, the next decision
    /// asks for it again.
    fn repair(&mut self, allowance: &Allowance, cost: u64, host: &dyn Host) {
        let mut slot = self.slot.clone();
        let mut changed = false;
        let (first, others) = allowance.windows();
        for (window, next) in [first].into_iter().chain(others).zip(self.next) {
            let Some(next) = next else { continue };
            let decision = window.algorithm.decide(self.state(window), self.now, cost);
            if decision.refused.is_some() {
                slot.put(self.address.fingerprint ^ window.salt, next, self.now);
                changed = true;
            }
        }
        if changed {
            let _ = host.swap_shared(self.key.as_str(), slot.as_bytes(), self.version);
        }
    }

    fn swap(&self, shared: &dyn SharedData) -> Result<bool, Failure> {
        shared
            .swap_shared(self.key.as_str(), self.slot.as_bytes(), self.version)
            .map_err(store_failed)
    }

    fn refresh(&mut self, shared: &dyn SharedData) -> Result<(), Failure> {
        let stored = shared.shared(self.key.as_str()).map_err(store_failed)?;
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
        let _ = shared.swap_shared(self.key.as_str(), Slot::default().as_bytes(), version);
        Err(store_failed(HostError {
            call: "proxy_get_shared_data",
            status: Status::Malformed,
        }))
    }
}

impl<'l> Charged<'l> {
    fn nothing(found: Found<'l>) -> Self {
        Self {
            found,
            lost: Lost::Nothing,
        }
    }
}

/// Of two that are as strict, the first.
fn stricter<'l>(first: Found<'l>, second: Found<'l>) -> Found<'l> {
    match second.decision.is_stricter_than(&first.decision) {
        true => second,
        false => first,
    }
}
