//! A serialized `google.protobuf.Struct` to the tree that it stands for.
//!
//! ```text
//! Struct    { map<string, Value> fields = 1; }         an entry is { key = 1; value = 2; }
//! Value     { null = 1; double = 2; string = 3; bool = 4; Struct = 5; ListValue = 6; }
//! ListValue { repeated Value values = 1; }
//! ```
//!
//! Read here, over prost's primitives, and not by the message of prost-types: that is a second tree beside the one
//! that is wanted, and 15 KB in every module. Members are in the order of their names, since a map has no order of
//! its own on the wire; of two with one name the last counts, as protobuf has it.

use gatehouse_strict_json::MAX_DEPTH;
use prost::encoding::{WireType, decode_key, decode_varint};
use serde_json::{Map, Number, Value};

/// Numbers of a `Struct` are doubles, exact for whole numbers up to here (2^53).
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

/// The object that a `Struct` is; nothing where the bytes are none, or nested deeper than JSON may be.
pub(super) fn object(bytes: &[u8]) -> Option<Value> {
    object_at(1, bytes)
}

/// What a field of a message holds.
enum Content<'b> {
    Varint(u64),
    Fixed([u8; 8]),
    Bytes(&'b [u8]),
    /// Nothing that any of these messages has.
    Other,
}

/// The fields of a message, in the order of the wire; broken ones are a `None` at the end.
struct Message<'b>(&'b [u8]);

impl<'b> Iterator for Message<'b> {
    type Item = Option<(u32, Content<'b>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'b> Message<'b> {
    fn field(&mut self) -> Option<(u32, Content<'b>)> {
        let (tag, wire_type) = decode_key(&mut self.0).ok()?;
        let content = match wire_type {
            WireType::Varint => Content::Varint(decode_varint(&mut self.0).ok()?),
            WireType::SixtyFourBit => Content::Fixed(self.take(8)?.try_into().ok()?),
            WireType::ThirtyTwoBit => self.take(4).map(|_| Content::Other)?,
            WireType::LengthDelimited => {
                let length = decode_varint(&mut self.0).ok()?;
                Content::Bytes(self.take(usize::try_from(length).ok()?)?)
            }
            WireType::StartGroup | WireType::EndGroup => return None,
        };
        Some((tag, content))
    }

    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

fn object_at(depth: usize, bytes: &[u8]) -> Option<Value> {
    if depth > MAX_DEPTH {
        return None;
    }
    let mut members: Vec<(String, Value)> = Vec::new();
    for field in Message(bytes) {
        let (1, content) = field? else { continue };
        let Content::Bytes(entry) = content else {
            return None;
        };
        members.push(member(depth, entry)?);
    }
    // Of a name that is there twice the last value stays, as protobuf has it.
    Some(Value::Object(members.into_iter().collect::<Map<_, _>>()))
}

fn member(depth: usize, bytes: &[u8]) -> Option<(String, Value)> {
    let (mut name, mut value) = (String::new(), None);
    for field in Message(bytes) {
        match field? {
            (1, Content::Bytes(bytes)) => name = text(bytes)?,
            (2, Content::Bytes(bytes)) => value = Some(tree(depth, bytes)?),
            (1 | 2, _) => return None,
            _ => {}
        }
    }
    Some((name, value?))
}

fn tree(depth: usize, bytes: &[u8]) -> Option<Value> {
    let mut value = None;
    for field in Message(bytes) {
        value = Some(match field? {
            (1, Content::Varint(_)) => Value::Null,
            (2, Content::Fixed(bytes)) => {
                Value::Number(whole_or_double(f64::from_le_bytes(bytes))?)
            }
            (3, Content::Bytes(bytes)) => Value::String(text(bytes)?),
            (4, Content::Varint(value)) => Value::Bool(value != 0),
            (5, Content::Bytes(bytes)) => object_at(depth + 1, bytes)?,
            (6, Content::Bytes(bytes)) => list(depth + 1, bytes)?,
            (1..=6, _) => return None,
            _ => continue,
        });
    }
    value
}

fn list(depth: usize, bytes: &[u8]) -> Option<Value> {
    if depth > MAX_DEPTH {
        return None;
    }
    let mut values = Vec::new();
    for field in Message(bytes) {
        match field? {
            (1, Content::Bytes(bytes)) => values.push(tree(depth, bytes)?),
            (1, _) => return None,
            _ => {}
        }
    }
    Some(Value::Array(values))
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "whole and within 2^53, checked just before"
)]
fn whole_or_double(number: f64) -> Option<Number> {
    if number.fract() == 0.0 && number.abs() <= LARGEST_EXACT {
        return Some(Number::from(number as i64));
    }
    Number::from_f64(number)
}

#[cfg(test)]
mod tests;
