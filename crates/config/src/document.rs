//! Configuration bytes to one tree.
//!
//! Envoy unwraps a `StringValue` and hands over its text, which is JSON. A `Struct`, which is what
//! YAML written natively becomes, is handed over as the *serialized message*
//! (`source/extensions/common/wasm`, `MessageUtil::anyToBytes`). Nothing says which of the two it
//! is, so:
//!
//! 1. No bytes at all are an empty object: a filter without configuration, or an empty `Struct`.
//! 2. Bytes that start with 0x0a and decode completely as a `Struct` are one. 0x0a is the tag of
//!    its only field, and also a newline; but JSON text cannot decode as a `Struct`, since every
//!    entry of one has the control character 0x12 in it, which JSON does not allow.
//! 3. Everything else is JSON text.

use crate::problem::Problems;
use prost::Message as _;
use prost_types::value::Kind;
use serde_json::{Map, Number, Value};

/// The tag of field 1, length-delimited: how every non-empty `Struct` begins.
const STRUCT_TAG: u8 = 0x0a;

/// Numbers of a `Struct` are doubles, exact for whole numbers up to here (2^53).
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

/// The tree that the bytes stand for.
///
/// # Errors
/// One problem: where the text is not JSON, or has a key twice.
pub fn parse(bytes: &[u8]) -> Result<Value, Problems> {
    if bytes.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    if bytes.first() == Some(&STRUCT_TAG)
        && let Some(value) = from_struct(bytes)
    {
        return Ok(value);
    }
    gatehouse_strict_json::parse(bytes).map_err(|error| {
        Problems::whole(
            format!("neither JSON nor a google.protobuf.Struct: {error}"),
            Some("write the configuration as a Struct in YAML, or as a StringValue holding JSON"),
        )
    })
}

fn from_struct(bytes: &[u8]) -> Option<Value> {
    let message = prost_types::Struct::decode(bytes).ok()?;
    object(message)
}

fn object(message: prost_types::Struct) -> Option<Value> {
    message
        .fields
        .into_iter()
        .map(|(key, value)| Some((key, tree(value)?)))
        .collect::<Option<Map<_, _>>>()
        .map(Value::Object)
}

fn tree(value: prost_types::Value) -> Option<Value> {
    Some(match value.kind? {
        Kind::NullValue(_) => Value::Null,
        Kind::BoolValue(value) => Value::Bool(value),
        Kind::StringValue(text) => Value::String(text),
        Kind::NumberValue(number) => Value::Number(whole_or_double(number)?),
        Kind::ListValue(list) => {
            Value::Array(list.values.into_iter().map(tree).collect::<Option<_>>()?)
        }
        Kind::StructValue(message) => object(message)?,
    })
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
