//! Attributes: what `proxy_get_property` and CEL expressions read, and how values are serialized.

use crate::{Headers, wire};
use std::collections::BTreeMap;

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text.
    String(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Eight bytes, little-endian.
    Int(i64),
    /// Eight bytes, little-endian.
    Uint(u64),
    /// Eight bytes, little-endian.
    Double(f64),
    /// One byte.
    Bool(bool),
    /// Nanoseconds since 1970, as eight bytes.
    Timestamp(i64),
    /// Nanoseconds, as eight bytes.
    Duration(i64),
    /// A map with names.
    Map(BTreeMap<String, Value>),
    /// A list.
    List(Vec<Value>),
    /// A protobuf message, by its serialized form, with the fields that can be read by name.
    Message(Vec<u8>, BTreeMap<String, Value>),
    /// Nothing, as in a `google.protobuf.Struct`.
    Null,
}

impl Value {
    /// A map from pairs.
    pub fn map<N: Into<String>, V: Into<Self>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        Self::Map(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }

    /// The value further down a path.
    pub(crate) fn at(&self, part: &str) -> Option<&Self> {
        match self {
            Self::Map(map) | Self::Message(_, map) => map.get(part),
            Self::List(items) => items.get(part.parse::<usize>().ok()?),
            _ => None,
        }
    }

    /// As it crosses the border (`serializeValue` in Envoy's `context.cc`); nothing where it cannot.
    pub(crate) fn serialize(&self) -> Option<Vec<u8>> {
        Some(match self {
            Self::String(text) => text.clone().into_bytes(),
            Self::Bytes(bytes) | Self::Message(bytes, _) => bytes.clone(),
            Self::Int(number) | Self::Timestamp(number) | Self::Duration(number) => {
                number.to_le_bytes().to_vec()
            }
            Self::Uint(number) => number.to_le_bytes().to_vec(),
            Self::Double(number) => number.to_le_bytes().to_vec(),
            Self::Bool(value) => vec![u8::from(*value)],
            Self::Map(map) => {
                let pairs: Option<Vec<_>> = map
                    .iter()
                    .map(|(name, value)| Some((name, value.serialize()?)))
                    .collect();
                let pairs = pairs?;
                marshal(
                    pairs
                        .iter()
                        .map(|(name, value)| (name.as_bytes(), value.as_slice())),
                )
            }
            Self::List(items) => {
                let items: Option<Vec<_>> = items.iter().map(Self::serialize).collect();
                let items = items?;
                marshal(items.iter().map(|item| (item.as_slice(), &[][..])))
            }
            Self::Null => return None,
        })
    }
}

/// As a header map, but an empty one has its count.
fn marshal<'p>(pairs: impl Iterator<Item = (&'p [u8], &'p [u8])> + Clone) -> Vec<u8> {
    let bytes = wire::encode(pairs);
    if bytes.is_empty() { vec![0; 4] } else { bytes }
}

/// Headers as CEL sees them: several values of a name joined by commas.
impl From<&Headers> for Value {
    fn from(headers: &Headers) -> Self {
        let mut map = BTreeMap::<String, Vec<u8>>::new();
        for (name, value) in headers.iter() {
            map.entry(name.to_owned())
                .and_modify(|joined| {
                    joined.push(b',');
                    joined.extend_from_slice(value);
                })
                .or_insert_with(|| value.to_vec());
        }
        Self::Map(
            map.into_iter()
                .map(|(name, value)| (name, text_or_bytes(value)))
                .collect(),
        )
    }
}

/// Text where it is text: CEL knows headers as strings.
fn text_or_bytes(bytes: Vec<u8>) -> Value {
    match String::from_utf8(bytes) {
        Ok(text) => Value::String(text),
        Err(error) => Value::Bytes(error.into_bytes()),
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Uint(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Double(number)
    }
}

impl<V: Into<Self>> From<Vec<V>> for Value {
    fn from(items: Vec<V>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}
