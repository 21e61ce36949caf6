//! A share of a quota that is kept elsewhere, served here.
//!
//! A quota that a service keeps for several proxies costs a question for each request. A lease asks for
//! a share of it at once, and serves the share without a question until it runs out. What is decided
//! here, for one key, in this order:
//!
//! 1. What is held is served, as long as its window lasts ([`Lease::take`]). Less than a quarter of a
//!    share left, and one worker, the first to see it, asks for the next share ahead of need.
//! 2. Where less is held than a request costs, and the service said that so much is not to be had in
//!    this window, the request is over the limit; nobody is asked.
//! 3. A request that a share would not be enough for either is asked about alone.
//! 4. Else the request waits. **A worker has one question of a key under way at a time**, and all its requests that
//!    are short wait for that. The first worker asks for a share; another one that is short before that is answered, for
//!    half a share; a third and further ones, for what their requests need. More than that is asked for where those cost
//!    more that wait since an answer was not enough for them; and no more than the service said was left. Who asks
//!    does not wait for what another worker asked for, so that no one slow answer holds up all, and asks for enough
//!    that the others need not ask for each request meanwhile: two workers ask at most twice for each share.
//! 5. Once the service refused a share, a quarter of what it refused last is asked for. So the last of a quota
//!    is found with few questions: four for each quarter at most.
//! 6. A grant ([`Lease::granted`]) adds to what is held, or replaces what was held of an earlier window.
//!    It lasts until the service's window ends; where the service does not say when that is, one period
//!    of the limit, from the first of the grants that are held together.
//! 7. A refusal ([`Lease::refused`]) is remembered until the window ends, with how much was asked for:
//!    who wants less may still ask. Where the service does not say when it ends, for a second.
//! 8. Whoever asks and is never answered is forgotten after [`Terms::patience_ns`].
//! 9. A clock that was set back ends every lease: what is held is lost.
//!
//! **What a quota can be off by.** Of each key, at no time is more held than was granted: on no
//! schedule is more served than the service charged for. What is held when its window ends is
//! lost, up to [`Terms::most_held`] for each proxy, and what those requests cost that waited when it was asked for.
//! And what is served within a window may have been charged
//! to the one before, where the service says when a window ends in whole seconds, or not at all: no more than
//! is held, again at most that for each proxy.
//!
//! A [`Slot`] keeps several leases in shared memory of a fixed size, as those of `gatehouse-gcra` do.
//!
//! ```
//! use gatehouse_lease::{Lease, Taken, Terms};
//!
//! let terms = Terms { share: 10, period_ns: 60_000_000_000, patience_ns: 1_000_000_000 };
//! let Taken::Short { ask, lease } = Lease::default().take(&terms, 5, 1, 0) else { panic!() };
//! assert_eq!(ask.units, 10);
//! let lease = lease.granted(&terms, 5, ask, Some(30_000_000_000), Some(90));
//! let Taken::Served { lease, .. } = lease.take(&terms, 6, 1, 0) else { panic!() };
//! assert_eq!(lease.held(&terms, 6), 9);
//! ```

mod lease;
mod slot;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use lease::{Ask, Lease, Taken, Terms, Turn};
pub use slot::{ENTRIES, Lost, Slot};
