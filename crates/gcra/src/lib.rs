//! The generic cell rate algorithm over absolute nanoseconds.
//!
//! All that is known of a key is its *theoretical arrival time* ([`Tat`], 8 bytes): when its bucket
//! will be full again. A request of cost `c` at `now` moves it to `max(tat, now) + c·I` and is
//! admitted if that is no later than `now + burst·I`, where `I` is the emission interval. Nothing
//! here reads a clock, uses floating point, or holds state: [`decide`] is a function, made to be
//! repeated when a compare-and-swap of the state fails.
//!
//! # What is guaranteed
//!
//! `I` is `period / count` **rounded up** to whole nanoseconds. It follows, for every sequence of
//! decisions whose results were stored one after the other, that in every window of `e` nanoseconds
//! the admitted costs add up to
//!
//! ```text
//! at most burst + floor(e / I)  ≤  burst + floor(e · count / period)
//! ```
//!
//! so never more than configured, not by one, also when `now` differs between the deciders (each
//! admission moves the TAT by its cost and ends at most `burst·I` after its own `now`). The rounding
//! takes away less than one part in `period_ns / count` of the sustained rate: nothing if `count`
//! divides the period (`100/1m`, `1000/1s`, `1000000/1s`), `1` in 142 million at `7/1s`, less than
//! 0.1 % at any rate up to a million per second. A rate of more than one per nanosecond is refused.
//!
//! A key never seen, and a key whose TAT has passed, has a full bucket: `burst` requests of cost 1
//! are admitted at one instant and the next is refused.
//!
//! # Debt
//!
//! What a request costs may be known only when it is over ([`owe`]). It is then charged whether the
//! bucket has it or not, and moves the TAT past `now + burst·I`: nothing is admitted until that is
//! paid off. The bound above holds for the costs that were admitted by [`decide`]; of all costs
//! together, over any time, what exceeds `burst + e · count / period` is what is owed at its end, at
//! most an hour's worth ([`Quota::with_debt`]), and what was forgiven beyond that.
//!
//! # When the clock jumps
//!
//! Forward: buckets refill, as if the time had passed. Backward: a stored TAT may lie further ahead
//! than any admission at `now` could have put it. If by more than [`CLOCK_TOLERANCE_NS`], the clock
//! was set back, and the TAT is replaced by that of a bucket empty at `now`, so that no key is locked
//! out longer than one full refill and the tolerance. (With room for debts, they count as possible.) By less, it is left alone: workers that share
//! the state read the clock at slightly different times, and giving a late one credit would break
//! the guarantee above. The bound holds before such a replacement, and anew after it. Who may have
//! been held up since it read the clock reads it again, and decides again, before it stores one: a
//! reading that is newer than that of the state cannot be behind unless the clock was set back.
//!
//! # At the ends of `u64`
//!
//! Nothing wraps or panics. What can't be represented (a TAT beyond the year 2554) is refused.

mod decide;
mod quota;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use decide::{CLOCK_TOLERANCE_NS, Decision, Tat, decide, is_ahead, owe};
pub use quota::{Quota, QuotaError};
