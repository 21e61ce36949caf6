//! Files as trees that know where each value stands.
//!
//! 1. A text is YAML, of which JSON is a part; it may hold several documents.
//! 2. Every document becomes a tree of [`Node`]s. What a plain scalar means is left open: Envoy and
//!    Kubernetes read it differently (module `scalar`).
//!    So a key may be there twice, and tags may stand anywhere: that is for the reader to refuse, and for
//!    `validate` to tell. (What Gatehouse alone reads is strict, and read by `gatehouse-located-yaml`.)
//! 3. A tree within a text within a tree (a `StringValue` with JSON) has the positions of the file.

mod locate;
mod parse;
mod scalar;

pub(crate) use parse::{Document, parse, parse_within};
pub(crate) use scalar::Reader;

/// Where something stands in a file; both count from one, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// A value and where it begins.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Scalar(Scalar),
    List(Vec<Node>),
    Object(Vec<Entry>),
}

/// A value that is written in one piece.
#[derive(Debug, Clone)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    /// Written without quotes and not as a block: it may be a number, a truth value, or null.
    pub(crate) is_plain: bool,
    /// Written as a block that keeps its lines (`|`).
    pub(crate) is_block: bool,
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_at: Position,
    pub(crate) value: Node,
}

impl Node {
    /// The entries of an object; none of anything else.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Object(entries) => entries,
            _ => &[],
        }
    }

    /// The elements of a list; none of anything else.
    pub(crate) fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// The text of a scalar, however it is written.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    /// The entry of an object with this key: the last, as Envoy takes it.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().rev().find(|entry| entry.key == key)
    }

    /// The value of an object's field.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The value of a field of a protobuf message, which has two names in JSON: `root_id`, `rootId`.
    pub(crate) fn field(&self, name: &str) -> Option<&Node> {
        self.get(name).or_else(|| self.get(&lower_camel(name)))
    }

    /// The value some fields further down.
    pub(crate) fn path(&self, names: &[&str]) -> Option<&Node> {
        names.iter().try_fold(self, |node, name| node.field(name))
    }

    /// Whether a scalar is plainly true.
    pub(crate) fn is_true(&self, reader: Reader) -> bool {
        self.value(reader) == serde_json::Value::Bool(true)
    }
}

fn lower_camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut name, word| {
        let mut letters = word.chars();
        name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        name.push_str(letters.as_str());
        name
    })
}

#[cfg(test)]
mod tests;
