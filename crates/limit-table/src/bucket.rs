//! What the table has of one key: read, decided on, charged.

use crate::algorithm::{Algorithm, Decision, Standing, counts, stored};
use crate::{ATTEMPTS, Address, Failure, Key};
use gatehouse_host::{Cas, Host, HostError, SharedData, Status};
use gatehouse_limit_slot::{Lost, Slot, State};
use gatehouse_window_counter::{Capacity, Permit};

/// So many windows a limit has at most. All windows of a key are in one slot of the table, and take the
/// places of other keys in it.
pub const MOST_WINDOWS: usize = 4;

/// One window of a limit.
pub trait Metered {
    /// How it is counted.
    fn algorithm(&self) -> &Algorithm;

    /// Tells the entries of a key from one another, and those of another algorithm or period from
    /// both: they mean something else.
    fn salt(&self) -> u64;
}

/// What a limit gives each key: one window or several, all of which must have room.
pub trait Windows {
    /// One of them.
    type Window: Metered;

    /// The first, and the others: no more than [`MOST_WINDOWS`] together.
    fn windows(&self) -> (&Self::Window, &[Self::Window]);
}

/// A key as it was read for one decision, and the slot around it.
pub struct Bucket {
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
#[derive(Debug, PartialEq, Eq)]
pub struct Found<'l, W> {
    /// That window.
    pub window: &'l W,
    /// What it says.
    pub decision: Decision,
}

// Not derived, which would ask the window to be copied.
impl<W> Clone for Found<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for Found<'_, W> {}

impl<'l, W> Found<'l, W> {
    /// What somebody else decided, who says what is left.
    pub fn of(window: &'l W, standing: Standing) -> Self {
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
pub struct Charged<'l, W> {
    /// What was decided.
    pub found: Found<'l, W>,
    /// What it cost other keys.
    pub lost: Lost,
}

impl Bucket {
    /// Reads a key for a decision at `now`, in nanoseconds since the epoch.
    pub fn read(address: Address, now: u64, shared: &dyn SharedData) -> Result<Self, Failure> {
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
    pub fn address(&self) -> Address {
        self.address
    }

    /// Where the entry of one window is.
    pub fn address_of(&self, window: &impl Metered) -> Address {
        Address {
            fingerprint: self.address.fingerprint ^ window.salt(),
            ..self.address
        }
    }

    /// What is left, going by what was read.
    pub fn look<'l, A: Windows>(&self, allowance: &'l A) -> Found<'l, A::Window> {
        let (first, others) = allowance.windows();
        let look = |window: &'l A::Window| Found {
            window,
            decision: window.algorithm().decide(self.state(window), self.now, 0),
        };
        others.iter().map(look).fold(look(first), stricter)
    }

    /// Whether a request of this cost fits into all windows, going by what was read. Charges nothing.
    pub fn check<'l, A: Windows>(
        &mut self,
        allowance: &'l A,
        cost: u64,
        host: &dyn Host,
    ) -> Result<Found<'l, A::Window>, Failure> {
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
    pub fn charge<'l, A: Windows>(
        &mut self,
        mut found: Found<'l, A::Window>,
        allowance: &'l A,
        cost: u64,
        host: &dyn Host,
    ) -> Result<Charged<'l, A::Window>, Failure> {
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
    pub fn owe<'l, A: Windows>(
        &mut self,
        allowance: &'l A,
        cost: u64,
        host: &dyn Host,
    ) -> Result<Charged<'l, A::Window>, Failure> {
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
    pub fn release(
        &mut self,
        capacity: &Capacity,
        permit: Permit,
        host: &dyn Host,
    ) -> Result<(), Failure> {
        // What is given back replaces its own entry.
        self.settle(capacity, host, &mut |state, now| {
            Some(capacity.release(Some(counts(state?)), now, permit))
        })
        .map(|_| ())
    }

    /// Goes on counting what is still in flight, at the address of its window; says by which permit.
    /// What that cost other keys comes with it: an entry that was lost is put in anew.
    pub fn renew(
        &mut self,
        capacity: &Capacity,
        permit: Permit,
        host: &dyn Host,
    ) -> Result<(Permit, Lost), Failure> {
        let mut renewed = permit;
        let lost = self.settle(capacity, host, &mut |state, now| {
            let (next, permit) = capacity.renew(state.map(counts), now, permit)?;
            renewed = permit;
            Some(Some(next))
        })?;
        Ok((renewed, lost))
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
    ) -> Result<Lost, Failure> {
        let fingerprint = self.address.fingerprint;
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                self.refresh(host)?;
            }
            let mut state = self.slot.find(fingerprint);
            if state.is_some_and(|state| capacity.is_ahead(counts(state), self.now)) {
                self.now = host.now().map_err(Failure::Host)?.as_nanos();
                state = self.slot.find(fingerprint);
            }
            let mut lost = Lost::Nothing;
            match change(state, self.now) {
                None => return Ok(lost),
                Some(Some(next)) => lost = self.slot.put(fingerprint, stored(next), self.now),
                Some(None) => self.slot.remove(fingerprint),
            }
            if self.swap(host)? {
                return Ok(lost);
            }
        }
        Err(Failure::Contended)
    }

    fn state(&self, window: &impl Metered) -> Option<State> {
        self.slot.find(self.address.fingerprint ^ window.salt())
    }

    /// A state that lies ahead is one of a clock that was set back; or this worker was held up between
    /// the clock and the table, while others charged it. A reading of the clock that is newer than
    /// that of the table tells which.
    fn check_clock<A: Windows>(&mut self, allowance: &A, host: &dyn Host) -> Result<(), Failure> {
        let is_ahead = |window: &A::Window| {
            let state = self.state(window);
            state.is_some_and(|state| window.algorithm().is_ahead(state, self.now))
        };
        let (first, others) = allowance.windows();
        if is_ahead(first) || others.iter().any(is_ahead) {
            self.now = host.now().map_err(Failure::Host)?.as_nanos();
        }
        Ok(())
    }

    /// The strictest decision; what all of them want stored is kept for [`Bucket::store`].
    fn decide<'l, A: Windows>(
        &mut self,
        allowance: &'l A,
        decide: impl Fn(&Algorithm, Option<State>, u64) -> Decision,
    ) -> Found<'l, A::Window> {
        let (first, others) = allowance.windows();
        let decide = |window: &'l A::Window, bucket: &Self| Found {
            window,
            decision: decide(window.algorithm(), bucket.state(window), bucket.now),
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

    /// Stores what was decided; nothing where another worker came first. In a full slot entries of other keys
    /// go: should its own go, whose long window ends before theirs, a key would have its short windows only.
    fn store(
        &mut self,
        allowance: &impl Windows,
        host: &dyn Host,
    ) -> Result<Option<Lost>, Failure> {
        let mut lost = Lost::Nothing;
        let mut changed = false;
        let (first, others) = allowance.windows();
        let key = self.address.fingerprint;
        let is_own = |print: u64| {
            let mut windows = [first].into_iter().chain(others);
            windows.any(|window| key ^ window.salt() == print)
        };
        for (window, next) in [first].into_iter().chain(others).zip(self.next) {
            if let Some(next) = next {
                let fingerprint = key ^ window.salt();
                let put = self.slot.put_beside(fingerprint, next, self.now, &is_own);
                lost = lost.max(put);
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
    fn repair(&mut self, allowance: &impl Windows, cost: u64, host: &dyn Host) {
        let mut slot = self.slot.clone();
        let mut changed = false;
        let (first, others) = allowance.windows();
        for (window, next) in [first].into_iter().chain(others).zip(self.next) {
            let Some(next) = next else { continue };
            let decision = window
                .algorithm()
                .decide(self.state(window), self.now, cost);
            if decision.refused.is_some() {
                slot.put(self.address.fingerprint ^ window.salt(), next, self.now);
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
            .map_err(Failure::Store)
    }

    fn refresh(&mut self, shared: &dyn SharedData) -> Result<(), Failure> {
        let stored = shared.shared(self.key.as_str()).map_err(Failure::Store)?;
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
        Err(Failure::Store(HostError {
            call: "proxy_get_shared_data",
            status: Status::Malformed,
        }))
    }
}

impl<'l, W> Charged<'l, W> {
    fn nothing(found: Found<'l, W>) -> Self {
        Self {
            found,
            lost: Lost::Nothing,
        }
    }
}

/// Of two that are as strict, the first.
fn stricter<'l, W>(first: Found<'l, W>, second: Found<'l, W>) -> Found<'l, W> {
    match second.decision.is_stricter_than(&first.decision) {
        true => second,
        false => first,
    }
}
