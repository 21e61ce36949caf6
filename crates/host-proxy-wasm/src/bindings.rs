//! The host calls of ABI 0.2.1, one function each, none of which panics.
//!
//! Statuses are numbers here: an enum would be undefined behaviour for a number it does not
//! declare. What the host returns by pointer it has allocated through the module's
//! `proxy_on_memory_allocate` ([`crate::memory`]), a boxed slice of exactly that size;
//! [`Returned::take`] makes it a `Vec` again.
//!
//! Here are those that are about no stream, and properties; the others stand in the modules beside.

mod callout;
mod import;
mod message;
mod metric;
mod shared_data;
mod stream;

pub use callout::{answer_header_pairs, grpc_call, http_call, status_text};
pub use message::{append_header, header_pairs, remove_header, send_local_response, set_header};
pub use metric::{define_counter, increment};
pub use shared_data::{shared_data, swap_shared_data};
pub use stream::{close_connection, continue_connection, continue_request, set_effective_context};

use gatehouse_host::{HostError, Level, Result, Status};
use std::ptr::null_mut;

const OK: u32 = 0;
const NOT_FOUND: u32 = 1;

/// Which buffer [`buffer`] reads.
#[derive(Debug, Clone, Copy)]
#[repr(u32)]
pub enum Buffer {
    /// What is held of the body of the current stream's request.
    RequestBody = 0,
    /// The chunk of the body of the current stream's response that is on its way.
    ResponseBody = 1,
    /// What is held of the data from the client of the current connection, with what has come.
    NetworkDownstreamData = 2,
    /// The data on its way to the client of the current connection.
    NetworkUpstreamData = 3,
    /// The body of the answer to a callout.
    CalloutAnswer = 4,
    /// The message that answers a gRPC callout.
    GrpcMessage = 5,
    /// The configuration of the plugin.
    PluginConfiguration = 7,
}

fn done(call: &'static str, status: u32) -> Result<()> {
    match status {
        OK => Ok(()),
        code => Err(HostError {
            call,
            status: Status::Code(code),
        }),
    }
}

/// Bytes that the host returns by pointer.
struct Returned {
    data: *mut u8,
    size: usize,
}

impl Returned {
    const fn nothing() -> Self {
        Self {
            data: null_mut(),
            size: 0,
        }
    }

    fn take(self) -> Vec<u8> {
        if self.data.is_null() {
            return Vec::new();
        }
        // SAFETY: the host got the pointer from `proxy_on_memory_allocate(size)`, which gave up a
        // boxed slice of that size, and has given up the pointer in turn.
        unsafe { Vec::from_raw_parts(self.data, self.size, self.size) }
    }
}

/// `proxy_log`
pub fn log(level: Level, message: &str) -> Result<()> {
    let level = match level {
        Level::Debug => 1,
        Level::Info => 2,
        Level::Warn => 3,
        Level::Error => 4,
    };
    // SAFETY: the host reads the message before it returns.
    let status = unsafe { import::proxy_log(level, message.as_ptr(), message.len()) };
    done("proxy_log", status)
}

/// `proxy_get_current_time_nanoseconds`
pub fn now() -> Result<u64> {
    let mut time = 0;
    // SAFETY: the host writes one u64.
    let status = unsafe { import::proxy_get_current_time_nanoseconds(&raw mut time) };
    done("proxy_get_current_time_nanoseconds", status).map(|()| time)
}

/// `proxy_get_buffer_bytes`, at most `size` from `start` on.
pub fn buffer(buffer: Buffer, start: usize, size: usize) -> Result<Vec<u8>> {
    const CALL: &str = "proxy_get_buffer_bytes";
    let mut out = Returned::nothing();
    // SAFETY: the host writes pointer and size of what it allocated in this module.
    let status = unsafe {
        import::proxy_get_buffer_bytes(
            buffer as u32,
            start,
            size,
            &raw mut out.data,
            &raw mut out.size,
        )
    };
    match status {
        NOT_FOUND => Ok(Vec::new()),
        status => done(CALL, status).map(|()| out.take()),
    }
}

/// `proxy_get_property`; nothing where there is no such property.
pub fn property(path: &[u8]) -> Result<Option<Vec<u8>>> {
    let mut out = Returned::nothing();
    // SAFETY: as in `buffer`.
    let status = unsafe {
        import::proxy_get_property(
            path.as_ptr(),
            path.len(),
            &raw mut out.data,
            &raw mut out.size,
        )
    };
    match status {
        NOT_FOUND => Ok(None),
        status => done("proxy_get_property", status).map(|()| Some(out.take())),
    }
}

/// `proxy_set_property`
pub fn set_property(path: &[u8], value: &[u8]) -> Result<()> {
    // SAFETY: the host copies path and value before it returns.
    let status = unsafe {
        import::proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len())
    };
    done("proxy_set_property", status)
}

/// `proxy_call_foreign_function`
pub fn foreign_function(name: &str, arguments: &[u8]) -> Result<Vec<u8>> {
    let mut out = Returned::nothing();
    // SAFETY: as in `buffer`.
    let status = unsafe {
        import::proxy_call_foreign_function(
            name.as_ptr(),
            name.len(),
            arguments.as_ptr(),
            arguments.len(),
            &raw mut out.data,
            &raw mut out.size,
        )
    };
    done("proxy_call_foreign_function", status).map(|()| out.take())
}

/// `proxy_set_tick_period_milliseconds`
pub fn set_tick_period(milliseconds: u32) -> Result<()> {
    // SAFETY: no pointers.
    let status = unsafe { import::proxy_set_tick_period_milliseconds(milliseconds) };
    done("proxy_set_tick_period_milliseconds", status)
}
