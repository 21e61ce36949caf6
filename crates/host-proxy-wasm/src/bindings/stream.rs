//! Which stream host calls are about, and what becomes of it.

use super::{done, import};
use gatehouse_host::Result;

/// `proxy_set_effective_context`
pub fn set_effective_context(context: u32) -> Result<()> {
    // SAFETY: no pointers.
    let status = unsafe { import::proxy_set_effective_context(context) };
    done("proxy_set_effective_context", status)
}

/// `proxy_continue_stream`, for the request.
pub fn continue_request() -> Result<()> {
    const REQUEST: u32 = 0;
    // SAFETY: no pointers.
    let status = unsafe { import::proxy_continue_stream(REQUEST) };
    done("proxy_continue_stream", status)
}

/// The client's side of a connection, as a kind of stream.
const DOWNSTREAM: u32 = 2;

/// `proxy_continue_stream`, for the connection.
pub fn continue_connection() -> Result<()> {
    // SAFETY: no pointers.
    let status = unsafe { import::proxy_continue_stream(DOWNSTREAM) };
    done("proxy_continue_stream", status)
}

/// `proxy_close_stream`, for the connection.
pub fn close_connection() -> Result<()> {
    // SAFETY: no pointers.
    let status = unsafe { import::proxy_close_stream(DOWNSTREAM) };
    done("proxy_close_stream", status)
}
