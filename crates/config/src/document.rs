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

mod message;

use crate::problem::Problems;
use serde_json::{Map, Value};

/// The tag of field 1, length-delimited: how every non-empty `Struct` begins.
const STRUCT_TAG: u8 = 0x0a;

/// The tree that the bytes stand for.
///
/// # Errors
/// One problem: where the text is not JSON, or has a key twice.
pub fn parse(bytes: &[u8]) -> Result<Value, Problems> {
    if bytes.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    if bytes.first() == Some(&STRUCT_TAG)
        && let Some(value) = message::object(bytes)
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
