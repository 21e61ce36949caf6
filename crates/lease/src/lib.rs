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
//! 3. Else the service has to be asked, and the request waits: for a share if nobody asks for one
//!    right now, or for what the request costs alone, if somebody does, or if the service has said that
//!    a share is not to be had, or that there is not so much left. So the last of a quota is handed out one by one.
//! 4. A grant ([`Lease::granted`]) adds to what is held, or replaces what was held of an earlier window.
//!    It lasts until the service's window ends; where the service does not say when that is, one period
//!    of the limit, from the first of the grants that are held together.
//! 5. A refusal ([`Lease::refused`]) is remembered until the window ends, with how much was asked for:
//!    who wants less may still ask. Where the service does not say when it ends, for a second.
//! 6. Whoever asks and is never answered is forgotten after [`Terms::patience_ns`].
//! 7. A clock that was set back ends every lease: what is held is lost.
//!
//! **What a quota can be off by.** Of each key, at no time is more held than was granted: on no
//! schedule is more served than the service charged for. What is held when its window ends is
//! lost, up to [`Terms::most_held`] for each proxy. And what is served within a window may have been charged
//! to the one before, where the service says when a window ends in whole seconds, or not at all: no more than
//! is held, again at most that for each proxy.
//!
//! A [`Slot`] keeps several leases in shared memory of a fixed size, as those of `gatehouse-gcra` do.
//!
//! ```
//! use gatehouse_lease::{Lease, Taken, Terms};
//!
//! let terms = Terms { share: 10, period_ns: 60_000_000_000, patience_ns: 1_000_000_000 };
//! let Taken::Short { ask: 10, lease } = Lease::default().take(&terms, 5, 1) else { panic!() };
//! let lease = lease.granted(&terms, 5, 10, Some(30_000_000_000), Some(90));
//! let Taken::Served { lease, .. } = lease.take(&terms, 6, 1) else { panic!() };
//! assert_eq!(lease.held(&terms, 6), 9);
//! ```

mod lease;
mod slot;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use lease::{Lease, Taken, Terms};
pub use slot::{ENTRIES, Lost, Slot};
