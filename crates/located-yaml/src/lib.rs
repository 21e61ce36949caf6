//! YAML to a [`Value`], and where in the text each part of it stands.
//!
//! Problems are found in values, by path (`rules[1].match`, as `gatehouse-config` writes them); people
//! look for them in files, by line and column. [`Document`] goes from one to the other.
//!
//! JSON is YAML, so JSON is read too. What is decided:
//!
//! 1. Plain scalars are what the core schema of YAML 1.2 (section 10.3) makes of them; quoted ones and blocks
//!    are text.
//! 2. A key twice in a mapping is refused, and so is a key that is not a scalar: what readers make of either
//!    differs. `<<` is a key like any other.
//! 3. An alias stands for what its anchor names; a problem inside is located at the anchor. Aliases that would
//!    make more than [`MAX_NODES`] of a document are refused, and so is nesting deeper than [`MAX_DEPTH`].
//! 4. Tags are refused, other than those of the core schema that say what is there anyway.

mod path;
mod read;
mod scalar;

#[cfg(test)]
mod tests;

pub use path::{index, key};
pub use read::parse;

use serde_json::Value;
use std::collections::HashMap;
use std::fmt;

/// The deepest nesting of lists and mappings that is read.
pub const MAX_DEPTH: usize = 64;

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

/// One document of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// What it says.
    pub value: Value,
    positions: HashMap<String, Place>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    /// Of the key, for what stands in a mapping.
    key: Option<Position>,
    value: Position,
}

impl Document {
    /// Where the value at a path stands: `rules[1].match`, empty for all of it. For a path that is not in
    /// the document, where the nearest part around it stands.
    pub fn value_position(&self, path: &str) -> Position {
        self.nearest(path).value
    }

    /// As [`Document::value_position`], but where the key stands, for what has one.
    pub fn key_position(&self, path: &str) -> Position {
        let place = self.nearest(path);
        place.key.unwrap_or(place.value)
    }

    fn nearest(&self, path: &str) -> Place {
        let mut path = path;
        loop {
            if let Some(place) = self.positions.get(path) {
                return *place;
            }
            match path::parent(path) {
                Some(parent) => path = parent,
                None => {
                    return Place {
                        key: None,
                        value: Position { line: 1, column: 1 },
                    };
                }
            }
        }
    }
}
