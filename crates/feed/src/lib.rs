//! A document fetched from a cluster and kept fresh, with one fetch for all workers.
//!
//! What the document is, its owner knows: the owner's function reads the bytes, and says what they are
//! or where to fetch next ([`Step`]). What is decided here:
//!
//! 1. **When.** On the first tick, or for the first request if that comes before; then ahead of time,
//!    when 75 to 85 % of the document's lifetime have passed (module `lifetime`). After a failure, after
//!    1 s, 2 s, 4 s … 64 s, give or take a quarter, until one succeeds. On demand ([`Feed::want`]) at
//!    most once per [`Settings::on_demand`].
//! 2. **Who.** One worker: it takes a lease in shared data by compare-and-swap. The lease ends with the
//!    fetch, or by itself, so that a worker that dies does not stop the others.
//! 3. **What counts.** Status 200 (304 where the document is known by its `etag`), no more bytes than
//!    [`Settings::max_bytes`], and the owner can read it. Anything else is a failure: redirects are not
//!    followed, and what is too long is not even copied. The last good document stays.
//! 4. **Where it is.** In shared data under two keys: a small state that each worker looks at on each
//!    tick, and the document, which a worker reads only when the state names another one. A VM that is made anew finds
//!    it there. What nobody has tried to fetch for longer than any pause was left there by workers that
//!    are gone, with their configuration perhaps: it is not used before one attempt to fetch it has ended.
//! 5. **Who waits.** A request without a document waits for the fetch that is under way, or gets its
//!    refusal at once when none is and none is due. All that wait are woken when the fetch ends, well or not, or its lease does.
//! 6. **How long.** A document is used until a better one comes; with [`Settings::max_stale`], no longer
//!    than that beyond its lifetime.
//! 7. **What is said.** One line in the log when fetching begins to fail, when it fails in another way,
//!    and when it works (again); counts are the owner's ([`Event`]).
//!
//! A clock that goes back makes nothing wait longer than it would have at first, but for ten seconds.

mod core;
mod feed;
mod lifetime;
mod options;
mod shared;
mod trouble;
mod url;

#[cfg(test)]
mod tests;

pub use feed::{Current, Feed, Wanted};
pub use lifetime::max_age;
pub use options::{Fetch, FetchedFrom, OPTIONS, address};
pub use url::{Scheme, Url};

use std::time::Duration;

/// How often [`Feed::tick`] is wanted.
pub const TICK: Duration = Duration::from_millis(100);

/// What is fetched, from where, and how often.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The prefix of the keys in shared data. Who gives two feeds one name has one document for both:
    /// it must differ wherever address or meaning do.
    pub key: String,
    /// What it is, for the log: `gatehouse auth: provider sso: keys`.
    pub label: String,
    /// Where the first step is.
    pub first: Address,
    /// How many steps a fetch has at most.
    pub steps: usize,
    /// How long one step may take.
    pub timeout: Duration,
    /// The lifetime of a document that does not say a shorter one.
    pub refresh: Duration,
    /// The shortest lifetime, whatever the document says.
    pub min_refresh: Duration,
    /// How long a document is used beyond its lifetime; nothing: until there is a better one.
    pub max_stale: Option<Duration>,
    /// The longest document.
    pub max_bytes: usize,
    /// How often a fetch on demand may be, over all workers.
    pub on_demand: Duration,
}

/// Where a document is: a path on a host that a cluster leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The cluster of the proxy.
    pub cluster: String,
    /// `:authority`
    pub authority: String,
    /// `:path`
    pub path: String,
}

/// What the owner made of the bytes of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<T> {
    /// The document.
    Done(T),
    /// They say where to fetch next.
    Next(Address),
}

/// What there is to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A document came.
    Fetched,
    /// The document is the one that is known.
    NotModified,
    /// A fetch failed.
    Failed,
}
