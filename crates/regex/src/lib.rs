//! Regular expressions over bytes: small, compiled beforehand, linear time.
//!
//! What is decided, in this order:
//!
//! 1. `syntax`: the pattern becomes a tree. The syntax is that of the `regex` crate without Unicode:
//!    `.` is any byte, also a line break (`(?-s)` turns that off); `\d`, `\w`, `\s`, `\b` and `(?i)`
//!    are ASCII; text beyond ASCII is its bytes in UTF-8. What that crate knows besides, and nobody
//!    writes about a header, is refused: `\p{…}`, classes within classes and their operators.
//! 2. `nfa`: the tree becomes a graph of bounded size.
//! 3. `dfa`: the graph becomes a table, in which one look-up a byte is all that a request costs.
//!    All of it is built here: an expression whose table would grow beyond its bound is refused, and
//!    nothing that a client sends makes anything grow.
//!
//! [`Whole`] tells whether a text is matched from its first byte to its last, [`Set`] which of many
//! expressions do that, [`Search`] finds all matches within a text, with their groups. Each takes time
//! linear in the text, also [`Search`] with all of its matches, where backtracking and also the
//! repeated searches of automata can take quadratic time.
//!
//! # Why not the regex crate
//!
//! It is 345 KB of a module of 700, in its smallest useful shape (one full automaton) still 265:
//! more than everything else that a filter is. Here it is what the tests compare with: the same
//! patterns over the same texts must give the same matches and groups.

mod class;
mod dfa;
mod look;
mod nfa;
mod search;
mod set;
mod syntax;
mod whole;

#[cfg(test)]
mod tests;

pub use search::{Captures, Matches, Search};
pub use set::Set;
pub use whole::Whole;

/// What keeps a pattern from being used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// It is no regular expression; why.
    Syntax(&'static str),
    /// Its table would take more than this crate's bounds.
    TooBig,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Syntax(reason) => reason,
            Self::TooBig => "it grows too big",
        })
    }
}

impl std::error::Error for Error {}

type Result<T> = std::result::Result<T, Error>;
