//! YAML as trees that know where each value stands.
//!
//! Problems are found in values, by path (`rules[1].match`, as `gatehouse-config` writes them); people look for them in
//! files, by line and column. A [`Node`] goes from one to the other.
//!
//! 1. A text is YAML, of which JSON is a part; it may hold several documents. Every document becomes a tree of [`Node`]s.
//! 2. What a plain scalar means is up to who reads the file (module `scalar`): Envoy and Kubernetes read it differently.
//!    Merge keys (`<<`) are followed where Kubernetes reads, which does, and are keys like any other elsewhere (module `merge`).
//! 3. Of what others read ([`parse`]), a key may be there twice, and tags may stand anywhere: that is for the reader to refuse, and
//!    for `gatehouse validate` to tell.
//! 4. What Gatehouse alone reads is strict ([`parse_strict`]): where readers differ, it is refused. A key twice, a tag other than those of
//!    the core schema that say what is there anyway.
//! 5. A tree within a text within a tree (a `StringValue` with JSON) has the positions of the file ([`parse_within`]).
//! 6. An alias stands for what its anchor names; a problem inside is located at the anchor. Aliases that would make more
//!    than [`MAX_NODES`] of a text are refused, and so is nesting deeper than [`MAX_DEPTH`].

mod locate;
mod merge;
mod node;
mod parse;
mod path;
mod scalar;
mod strict;

#[cfg(test)]
mod tests;

pub use node::{Entry, Kind, Node, Scalar};
pub use parse::{Document, parse, parse_strict, parse_within};
pub use path::{index, key};
pub use scalar::Reader;

use std::fmt;

/// The deepest nesting of lists and mappings that is read: what protobuf's JSON parser takes, with which Envoy reads.
pub const MAX_DEPTH: usize = 100;

/// The most scalars, lists and mappings that are read from one text, aliases expanded.
pub const MAX_NODES: usize = 1_000_000;

/// A place in a text. Both count from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Why a text could not be read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Where.
    pub position: Position,
    /// Why.
    pub message: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.position, self.message)
    }
}

impl std::error::Error for Error {}

fn refuse<T>(position: Position, message: impl Into<String>) -> Result<T, Error> {
    Err(Error {
        position,
        message: message.into(),
    })
}
