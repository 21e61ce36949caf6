//! Attributes (`Context::getProperty`, `setProperty`).

use super::{NOT_FOUND, SERIALIZATION_FAILURE, host_call};
use crate::Value;
use crate::vm::State;
use wasmtime::{Caller, Linker, Result};

/// What has attributes and can be read only by their names.
const WRAPPERS: &[&str] = &[
    "connection",
    "destination",
    "filter_state",
    "request",
    "response",
    "source",
    "upstream",
    "xds",
];

pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_property",
        |caller: Caller<'_, State>, path: u32, path_size: u32, data: u32, size: u32| {
            host_call(caller, "proxy_get_property", &[], |guest| {
                let path = guest.text(path, path_size)?;
                let has_stream = guest.state().stream().is_some();
                if has_stream && WRAPPERS.contains(&path.as_str()) {
                    return Err(SERIALIZATION_FAILURE.into());
                }
                // A message, and none in it is no reason that it is not there.
                let value = match guest.state().attribute(&path) {
                    None if has_stream && path == "metadata" => Value::Bytes(Vec::new()),
                    value => value.ok_or(NOT_FOUND)?,
                };
                let bytes = value.serialize().ok_or(SERIALIZATION_FAILURE)?;
                guest.give(&bytes, data, size)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_property",
        |caller: Caller<'_, State>, path: u32, path_size: u32, value: u32, value_size: u32| {
            host_call(caller, "proxy_set_property", &[], |guest| {
                let path = guest.text(path, path_size)?;
                let value = guest.bytes(value, value_size)?;
                let stream = guest.state().stream().ok_or(NOT_FOUND)?;
                stream.filter_state.insert(path, value);
                Ok(())
            })
        },
    )?;
    Ok(())
}
