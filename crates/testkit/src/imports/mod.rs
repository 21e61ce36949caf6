//! The host calls, by the modules of the ABI's text: what they check and answer is what Envoy does
//! (`src/exports.cc` of proxy-wasm-cpp-host, `source/extensions/common/wasm/context.cc`).

mod callouts;
mod headers;
mod memory;
mod metrics;
mod properties;
mod shared;
mod streams;
mod wasi;

use crate::vm::State;
use memory::Guest;
use wasmtime::{Caller, Error, Linker, Result};

pub(crate) const OK: u32 = 0;
pub(crate) const NOT_FOUND: u32 = 1;
pub(crate) const BAD_ARGUMENT: u32 = 2;
pub(crate) const SERIALIZATION_FAILURE: u32 = 3;
pub(crate) const PARSE_FAILURE: u32 = 4;
pub(crate) const INVALID_MEMORY_ACCESS: u32 = 6;
pub(crate) const EMPTY: u32 = 7;
pub(crate) const CAS_MISMATCH: u32 = 8;
pub(crate) const INTERNAL_FAILURE: u32 = 10;
pub(crate) const UNIMPLEMENTED: u32 = 12;

/// What a host call comes to: a status by itself, or one that ends it early.
type Outcome = std::result::Result<(), Stop>;

/// A host call that did not come to Ok.
enum Stop {
    Status(u32),
    Trap(Error),
}

impl From<u32> for Stop {
    fn from(status: u32) -> Self {
        Self::Status(status)
    }
}

/// Adds all that a module may import.
pub(crate) fn link(linker: &mut Linker<State>) -> Result<()> {
    streams::link(linker)?;
    headers::link(linker)?;
    properties::link(linker)?;
    shared::link(linker)?;
    metrics::link(linker)?;
    callouts::link(linker)?;
    wasi::link(linker)
}

/// Runs a host call: counts and traces it, and turns its outcome into a status.
fn host_call(
    caller: Caller<'_, State>,
    name: &'static str,
    arguments: &[u32],
    call: impl FnOnce(&mut Guest<'_>) -> Outcome,
) -> Result<u32> {
    let mut guest = Guest::new(caller);
    *guest.state().callback.calls.entry(name).or_default() += 1;
    if guest.state().restricted
        && name != "proxy_log"
        && name != "proxy_get_current_time_nanoseconds"
    {
        return Err(Error::msg(format!(
            "restricted_callback: {name} is not allowed while the module initializes"
        )));
    }
    let status = match call(&mut guest) {
        Ok(()) => OK,
        Err(Stop::Status(status)) => status,
        Err(Stop::Trap(error)) => return Err(error),
    };
    guest.trace(name, arguments, status);
    Ok(status)
}
