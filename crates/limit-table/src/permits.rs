//! What this worker's streams and connections hold of limits on what is in flight.
//!
//! 1. What is admitted holds a permit of each such limit until it ends, in whichever way, or until
//!    another limit refuses it.
//! 2. The table forgets permits of which nothing was heard for `expires` to twice that, so that those
//!    of a VM that is gone don't count forever. For streams that live longer this worker renews them:
//!    it looks [`TICKS`] times in each `expires`, and renews those whose generation is over, in at
//!    most half of these, so that no tick has all the work.
//! 3. A permit that could not be given back is one of a VM that is gone: it expires. A counter says so.

use crate::{Address, Bucket, Failure, Lost};
use gatehouse_host::Host;
use gatehouse_window_counter::{Capacity, Permit};
use std::cell::RefCell;
use std::time::Duration;

/// How often permits are looked at in the time in which they expire.
const TICKS: u64 = 16;

/// Not so rarely that a permit waits for more than a few minutes to be renewed, nor so often that ticks
/// cost anything.
const TICK_NS: std::ops::RangeInclusive<u64> = 100_000_000..=60_000_000_000;

/// So many are renewed in a tick whenever so many are due.
const FEW: usize = 64;

/// A permit, and where it is counted.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    /// Of the entry of its window: [`Bucket::address_of`].
    pub address: Address,
    /// Of which it is one.
    pub capacity: Capacity,
    /// Itself.
    pub permit: Permit,
    /// The place of its limit in the configuration.
    pub limit: usize,
}

impl Held {
    /// Gives it back.
    ///
    /// # Errors
    /// Where it could not be: it expires then.
    pub fn release(&self, host: &dyn Host) -> Result<(), Failure> {
        let now = host.now().map_err(Failure::Host)?;
        let mut bucket = Bucket::read(self.address, now.as_nanos(), host)?;
        bucket.release(&self.capacity, self.permit, host)
    }
}

/// The place of a permit in [`Permits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket(usize);

/// All permits that this worker holds.
#[derive(Default)]
pub struct Permits(RefCell<Places>);

#[derive(Default)]
struct Places {
    /// As many as there have been at once.
    places: Vec<Option<Held>>,
    free: Vec<usize>,
    /// Where the next tick goes on.
    next: usize,
}

impl Permits {
    /// Remembers a permit for as long as its request goes on.
    pub fn hold(&self, held: Held) -> Ticket {
        let mut all = self.0.borrow_mut();
        let free = all.free.pop();
        if let Some(index) = free
            && let Some(place) = all.places.get_mut(index)
        {
            *place = Some(held);
            return Ticket(index);
        }
        all.places.push(Some(held));
        Ticket(all.places.len().saturating_sub(1))
    }

    /// Forgets it: who asks gives it back.
    pub fn take(&self, Ticket(index): Ticket) -> Option<Held> {
        let mut all = self.0.borrow_mut();
        let held = all.places.get_mut(index)?.take()?;
        all.free.push(index);
        Some(held)
    }

    /// How often [`Permits::renew`] is wanted for these limits; nothing where none is on what is in
    /// flight.
    pub fn tick_period(capacities: impl Iterator<Item = Capacity>) -> Option<Duration> {
        let periods = capacities.map(|capacity| capacity.lifetime_ns() / TICKS);
        let period = periods.min()?;
        let (least, most) = (*TICK_NS.start(), *TICK_NS.end());
        Some(Duration::from_nanos(period.clamp(least, most)))
    }

    /// Renews what is due. What fails is due the next time again. Says of which limits permits were renewed at
    /// the cost of a key that still constrained, once for each such key.
    pub fn renew(&self, host: &dyn Host) -> Vec<usize> {
        let mut evicted = Vec::new();
        let mut all = self.0.borrow_mut();
        let held = all.places.len().saturating_sub(all.free.len());
        if held == 0 {
            return evicted;
        }
        let Ok(now) = host.now() else { return evicted };
        let now = now.as_nanos();
        let mut left = FEW.max(held.div_ceil(TICKS as usize / 2));
        let Places { places, next, .. } = &mut *all;
        let start = (*next).min(places.len());
        let (before, after) = places.split_at_mut(start);
        let after = after.iter_mut().zip(start..);
        for (place, index) in after.chain(before.iter_mut().zip(0..)) {
            let Some(held) = place else { continue };
            if !held.capacity.is_due(held.permit, now) {
                continue;
            }
            if left == 0 {
                *next = index;
                return evicted;
            }
            left = left.saturating_sub(1);
            let renewed = Bucket::read(held.address, now, host)
                .and_then(|mut bucket| bucket.renew(&held.capacity, held.permit, host));
            if let Ok((permit, lost)) = renewed {
                held.permit = permit;
                if lost == Lost::Entry {
                    evicted.push(held.limit);
                }
            }
        }
        evicted
    }
}
