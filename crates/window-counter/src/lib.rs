//! Counters over two consecutive windows of time, in 16 bytes a key.
//!
//! [`Window`] limits a rate, and [`Capacity`] what is in flight at once. Nothing here reads a clock,
//! uses floating point, or holds state: decisions are functions, made to be repeated when a
//! compare-and-swap of the state fails.
//!
//! # Windows
//!
//! Windows begin at whole multiples of the period since the epoch: those of an hour at the full hour,
//! UTC. With `count` requests per period,
//!
//! - a **fixed window** admits `count` in each: never more in one window, and up to twice as many in a
//!   short time around the turn of two;
//! - a **sliding window** counts the window before as well, by the part of it that the last `period`
//!   still covers: at a quarter of a window it admits while `current + 3/4 · previous` is less than
//!   `count`. Never more than `count` in a window, and never more than `count` by that measure. It
//!   is exact for a client that came evenly in the window before; where all of that came at its
//!   very end, as many as `count · (1 + f)` lie in one period that ends at the fraction `f` of a
//!   window.
//!
//! What is charged after the fact ([`Window::owe`]) may exceed `count`: each later window pays off
//! `count` of it, and admits nothing until what is left is less than that.
//!
//! # Permits
//!
//! What is in flight has taken a [`Permit`], and gives it back when it ends. Permits that are never
//! given back must not be counted forever, so they are counted by *generation*: one begins when the
//! generation before is as old as the lifetime, and what was taken in the last but one is forgotten.
//! Who still holds a permit of the generation before [renews](Capacity::renew) it. So one that is
//! lost is counted for at most twice the lifetime, and one that is held and renewed at least once a
//! lifetime is counted throughout.
//!
//! # When the clock jumps
//!
//! Forward: windows end, permits expire until they are renewed. Backward: a window that begins more
//! than [`CLOCK_TOLERANCE_NS`] from now is one of a clock that was set back; its counts are taken over
//! into the window that is now, so that no key is shut out for longer than two periods and nothing is
//! given back. By less, it is taken for the window that is now: workers that share the state read the
//! clock at slightly different times.
//!
//! # At the ends of numbers
//!
//! Nothing wraps or panics. Counters stay at their ends; a window that ends after the year 2554 admits
//! nothing.

mod permits;
mod window;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use permits::{Capacity, Grant, Permit};
pub use window::{Decision, Kind, MAX_COUNT, Window, WindowError};

/// How far ahead of now a window may begin before the clock is taken to have been set back: one
/// second.
pub const CLOCK_TOLERANCE_NS: u64 = 1_000_000_000;

/// What is counted of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Counts {
    /// From this instant on it constrains nothing, in nanoseconds since the epoch. Says which windows
    /// the counters are of.
    pub until: u64,
    /// Of the window before.
    pub previous: u32,
    /// Of the window that is now.
    pub current: u32,
}
