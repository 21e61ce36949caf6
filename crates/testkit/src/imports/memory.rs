//! The module's memory: what is read there, what is written, and what is allocated by the module for what it gets.

use super::{INVALID_MEMORY_ACCESS, Outcome, Stop};
use crate::record::HostCall;
use crate::vm::State;
use wasmtime::Caller;

/// The module that makes a host call.
pub(super) struct Guest<'c> {
    caller: Caller<'c, State>,
    /// What was read, for the trace.
    read: Vec<String>,
}

impl<'c> Guest<'c> {
    pub(super) fn new(caller: Caller<'c, State>) -> Self {
        Self {
            caller,
            read: Vec::new(),
        }
    }

    pub(super) fn state(&mut self) -> &mut State {
        self.caller.data_mut()
    }

    /// Bytes that the module points to.
    pub(super) fn bytes(&mut self, pointer: u32, size: u32) -> Result<Vec<u8>, Stop> {
        let memory = self.caller.data().memory.ok_or(INVALID_MEMORY_ACCESS)?;
        let data = memory.data(&self.caller);
        let start = pointer as usize;
        let bytes = start
            .checked_add(size as usize)
            .and_then(|end| data.get(start..end));
        let bytes = bytes.ok_or(INVALID_MEMORY_ACCESS)?.to_vec();
        if self.caller.data().world.tracing.get() {
            self.read.push(shown(&bytes));
        }
        Ok(bytes)
    }

    pub(super) fn text(&mut self, pointer: u32, size: u32) -> Result<String, Stop> {
        let bytes = self.bytes(pointer, size)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(super) fn write(&mut self, pointer: u32, bytes: &[u8]) -> Outcome {
        let memory = self.caller.data().memory.ok_or(INVALID_MEMORY_ACCESS)?;
        let written = memory.write(&mut self.caller, pointer as usize, bytes);
        written.map_err(|_| Stop::Status(INVALID_MEMORY_ACCESS))
    }

    pub(super) fn write_u32(&mut self, pointer: u32, number: u32) -> Outcome {
        self.write(pointer, &number.to_le_bytes())
    }

    pub(super) fn write_u64(&mut self, pointer: u32, number: u64) -> Outcome {
        self.write(pointer, &number.to_le_bytes())
    }

    /// Has the module allocate room, fills it, and writes where it is. For nothing nothing is allocated.
    pub(super) fn give(&mut self, bytes: &[u8], pointer: u32, size: u32) -> Outcome {
        let place = if bytes.is_empty() {
            0
        } else {
            self.allocate(bytes)?
        };
        self.write_u32(pointer, place)?;
        self.write_u32(
            size,
            u32::try_from(bytes.len()).map_err(|_| INVALID_MEMORY_ACCESS)?,
        )
    }

    fn allocate(&mut self, bytes: &[u8]) -> Result<u32, Stop> {
        let size = u32::try_from(bytes.len()).map_err(|_| INVALID_MEMORY_ACCESS)?;
        let allocate = self
            .caller
            .data()
            .allocate
            .clone()
            .ok_or(INVALID_MEMORY_ACCESS)?;
        let place = allocate.call(&mut self.caller, size).map_err(Stop::Trap)?;
        if place == 0 {
            return Err(INVALID_MEMORY_ACCESS.into());
        }
        self.write(place, bytes)?;
        Ok(place)
    }

    pub(super) fn trace(&mut self, name: &'static str, numbers: &[u32], status: u32) {
        if !self.state().world.tracing.get() {
            return;
        }
        let numbers = numbers.iter().map(u32::to_string);
        let arguments = numbers
            .chain(std::mem::take(&mut self.read))
            .collect::<Vec<_>>()
            .join(", ");
        self.state().callback.trace.push(HostCall {
            name,
            arguments,
            status,
        });
    }
}

/// Bytes for a person, the first of them.
fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 120;
    let (start, more) = match bytes.split_at_checked(MOST) {
        Some((start, rest)) if !rest.is_empty() => (start, "…"),
        _ => (bytes, ""),
    };
    format!("\"{}{more}\"", start.escape_ascii())
}
