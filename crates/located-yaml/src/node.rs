//! A value, and what is in it.

use crate::{Position, Reader};

/// A value and where it begins.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where.
    pub at: Position,
    /// What.
    pub kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A text, a number, a truth value, or nothing.
    Scalar(Scalar),
    /// Values in an order.
    List(Vec<Node>),
    /// Values by their names, in the order of the file.
    Object(Vec<Entry>),
}

/// A value that is written in one piece.
#[derive(Debug, Clone)]
pub struct Scalar {
    /// Without quotes, and with escapes resolved.
    pub text: String,
    /// Written without quotes and not as a block: it may be a number, a truth value, or null.
    pub is_plain: bool,
    /// Written as a block that keeps its lines (`|`).
    pub is_block: bool,
}

/// A key and its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key, as text.
    pub key: String,
    /// Where it stands.
    pub key_at: Position,
    /// Whether it is written without quotes.
    pub is_plain: bool,
    /// Its value.
    pub value: Node,
}

impl Node {
    /// The entries of an object; none of anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Object(entries) => entries,
            _ => &[],
        }
    }

    /// The elements of a list; none of anything else.
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// The text of a scalar, however it is written.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    /// The entry of an object with this key: the last, as Envoy takes it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().rev().find(|entry| entry.key == key)
    }

    /// The value of an object's field.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The value of a field of a protobuf message, which has two names in JSON: `root_id`, `rootId`.
    pub fn field(&self, name: &str) -> Option<&Node> {
        self.get(name).or_else(|| self.get(&lower_camel(name)))
    }

    /// The value some fields further down.
    pub fn path(&self, names: &[&str]) -> Option<&Node> {
        names.iter().try_fold(self, |node, name| node.field(name))
    }

    /// Whether a scalar is plainly true.
    pub fn is_true(&self, reader: Reader) -> bool {
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
