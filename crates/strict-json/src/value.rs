//! A serde visitor that builds a [`Value`] under the rules of this crate.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::ErrorKind;

/// Where a visitor leaves the reason of its refusal: serde's errors carry only text.
pub(crate) type Refusal = Cell<Option<ErrorKind>>;

fn refuse<E: Error>(refusal: &Refusal, kind: ErrorKind) -> E {
    refusal.set(Some(kind));
    // The text is never shown. It has no "at line": serde_json would take that for a position.
    E::custom("refused")
}

/// Reads one value that stands inside `depth` arrays and objects.
#[derive(Clone, Copy)]
pub(crate) struct StrictValue<'r> {
    depth: usize,
    most_depth: usize,
    refusal: &'r Refusal,
}

impl<'r> StrictValue<'r> {
    pub(crate) fn document(most_depth: usize, refusal: &'r Refusal) -> Self {
        Self {
            depth: 0,
            most_depth,
            refusal,
        }
    }

    fn inner<E: Error>(self) -> Result<Self, E> {
        if self.depth >= self.most_depth {
            return Err(refuse(self.refusal, ErrorKind::TooDeep));
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }
}

impl<'de> DeserializeSeed<'de> for StrictValue<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictValue<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut elements = Vec::new();
        while let Some(element) = access.next_element_seed(inner)? {
            elements.push(element);
        }
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut members = Map::new();
        loop {
            let key = NewKey {
                members: &members,
                refusal: self.refusal,
            };
            let Some(key) = access.next_key_seed(key)? else {
                return Ok(Value::Object(members));
            };
            let value = access.next_value_seed(inner)?;
            members.insert(key, value);
        }
    }
}

/// Reads the name of a member that the object must not have yet.
///
/// Checked while the name is read, not after its value, so that the error is located at the name.
struct NewKey<'m, 'r> {
    members: &'m Map<String, Value>,
    refusal: &'r Refusal,
}

impl<'de> DeserializeSeed<'de> for NewKey<'_, '_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NewKey<'_, '_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<String, E> {
        if self.members.contains_key(key) {
            return Err(refuse(
                self.refusal,
                ErrorKind::DuplicateKey(key.to_owned()),
            ));
        }
        Ok(key.to_owned())
    }
}
