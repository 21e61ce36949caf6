//! The host calls of ABI 0.2.1, one function each, none of which panics.
//!
//! Statuses are numbers here: an enum would be undefined behaviour for a number it does not
//! declare. What the host returns by pointer it has allocated through the module's
//! `proxy_on_memory_allocate` ([`crate::memory`]), a boxed slice of exactly that size;
//! [`Returned::take`] makes it a `Vec` again.

use gatehouse_host::{Cas, Counter, HeaderMap, HostError, Level, Result, Status};
use std::ptr::null_mut;

const OK: u32 = 0;
const NOT_FOUND: u32 = 1;
const CAS_MISMATCH: u32 = 8;

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

/// A counter, as `proxy_define_metric` knows it.
const COUNTER: u32 = 0;

mod import {
    #[link(wasm_import_module = "env")]
    unsafe extern "C" {
        pub(super) fn proxy_log(level: u32, text: *const u8, size: usize) -> u32;
        pub(super) fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
        pub(super) fn proxy_get_buffer_bytes(
            buffer: u32,
            start: usize,
            most: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) fn proxy_get_header_map_pairs(
            map: u32,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) fn proxy_replace_header_map_value(
            map: u32,
            name: *const u8,
            name_size: usize,
            value: *const u8,
            value_size: usize,
        ) -> u32;
        pub(super) fn proxy_add_header_map_value(
            map: u32,
            name: *const u8,
            name_size: usize,
            value: *const u8,
            value_size: usize,
        ) -> u32;
        pub(super) fn proxy_remove_header_map_value(
            map: u32,
            name: *const u8,
            name_size: usize,
        ) -> u32;
        pub(super) fn proxy_get_property(
            path: *const u8,
            path_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) fn proxy_set_property(
            path: *const u8,
            path_size: usize,
            value: *const u8,
            value_size: usize,
        ) -> u32;
        pub(super) fn proxy_get_shared_data(
            key: *const u8,
            key_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
            cas: *mut u32,
        ) -> u32;
        pub(super) fn proxy_set_shared_data(
            key: *const u8,
            key_size: usize,
            value: *const u8,
            value_size: usize,
            cas: u32,
        ) -> u32;
        pub(super) fn proxy_send_local_response(
            status: u32,
            details: *const u8,
            details_size: usize,
            body: *const u8,
            body_size: usize,
            headers: *const u8,
            headers_size: usize,
            grpc_status: i32,
        ) -> u32;
        pub(super) fn proxy_define_metric(
            kind: u32,
            name: *const u8,
            name_size: usize,
            id: *mut u32,
        ) -> u32;
        pub(super) fn proxy_increment_metric(id: u32, by: i64) -> u32;
        pub(super) fn proxy_http_call(
            cluster: *const u8,
            cluster_size: usize,
            headers: *const u8,
            headers_size: usize,
            body: *const u8,
            body_size: usize,
            trailers: *const u8,
            trailers_size: usize,
            timeout_milliseconds: u32,
            callout: *mut u32,
        ) -> u32;
        pub(super) fn proxy_grpc_call(
            service: *const u8,
            service_size: usize,
            service_name: *const u8,
            service_name_size: usize,
            method: *const u8,
            method_size: usize,
            metadata: *const u8,
            metadata_size: usize,
            message: *const u8,
            message_size: usize,
            timeout_milliseconds: u32,
            callout: *mut u32,
        ) -> u32;
        pub(super) fn proxy_get_status(code: *mut u32, text: *mut *mut u8, size: *mut usize)
        -> u32;
        pub(super) fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
        pub(super) fn proxy_set_effective_context(context: u32) -> u32;
        pub(super) fn proxy_continue_stream(stream_type: u32) -> u32;
        pub(super) fn proxy_close_stream(stream_type: u32) -> u32;
        pub(super) fn proxy_call_foreign_function(
            name: *const u8,
            name_size: usize,
            arguments: *const u8,
            arguments_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
    }
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

fn map_type(map: HeaderMap) -> u32 {
    match map {
        HeaderMap::Request => 0,
        HeaderMap::RequestTrailers => 1,
        HeaderMap::Response => 2,
        HeaderMap::ResponseTrailers => 3,
    }
}

/// The headers of the answer to a callout.
const CALLOUT_ANSWER: u32 = 6;

/// `proxy_get_header_map_pairs`
pub fn header_pairs(map: HeaderMap) -> Result<Vec<u8>> {
    map_pairs(map_type(map))
}

/// `proxy_get_header_map_pairs`, of the answer to a callout.
pub fn answer_header_pairs() -> Result<Vec<u8>> {
    map_pairs(CALLOUT_ANSWER)
}

fn map_pairs(map: u32) -> Result<Vec<u8>> {
    let mut out = Returned::nothing();
    // SAFETY: as in `buffer`.
    let status =
        unsafe { import::proxy_get_header_map_pairs(map, &raw mut out.data, &raw mut out.size) };
    done("proxy_get_header_map_pairs", status).map(|()| out.take())
}

/// `proxy_replace_header_map_value`
pub fn set_header(map: HeaderMap, name: &str, value: &[u8]) -> Result<()> {
    // SAFETY: the host copies name and value before it returns.
    let status = unsafe {
        import::proxy_replace_header_map_value(
            map_type(map),
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
        )
    };
    done("proxy_replace_header_map_value", status)
}

/// `proxy_add_header_map_value`
pub fn append_header(map: HeaderMap, name: &str, value: &[u8]) -> Result<()> {
    // SAFETY: as in `set_header`.
    let status = unsafe {
        import::proxy_add_header_map_value(
            map_type(map),
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
        )
    };
    done("proxy_add_header_map_value", status)
}

/// `proxy_remove_header_map_value`
pub fn remove_header(map: HeaderMap, name: &str) -> Result<()> {
    // SAFETY: as in `set_header`.
    let status =
        unsafe { import::proxy_remove_header_map_value(map_type(map), name.as_ptr(), name.len()) };
    done("proxy_remove_header_map_value", status)
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
    // SAFETY: as in `set_header`.
    let status = unsafe {
        import::proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len())
    };
    done("proxy_set_property", status)
}

/// `proxy_get_shared_data`; nothing where the key does not exist.
pub fn shared_data(key: &str) -> Result<Option<(Vec<u8>, Cas)>> {
    let mut out = Returned::nothing();
    let mut cas = 0;
    // SAFETY: as in `buffer`, and one u32.
    let status = unsafe {
        import::proxy_get_shared_data(
            key.as_ptr(),
            key.len(),
            &raw mut out.data,
            &raw mut out.size,
            &raw mut cas,
        )
    };
    match status {
        NOT_FOUND => Ok(None),
        status => done("proxy_get_shared_data", status).map(|()| Some((out.take(), Cas(cas)))),
    }
}

/// `proxy_set_shared_data`; whether the version was still the given one.
pub fn swap_shared_data(key: &str, value: &[u8], cas: Cas) -> Result<bool> {
    // SAFETY: as in `set_header`.
    let status = unsafe {
        import::proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas.0)
    };
    match status {
        CAS_MISMATCH => Ok(false),
        status => done("proxy_set_shared_data", status).map(|()| true),
    }
}

/// `proxy_send_local_response`; `headers` as [`crate::wire::pairs`] writes them.
pub fn send_local_response(
    status: u16,
    details: &str,
    body: &[u8],
    headers: &[u8],
    grpc_status: Option<u32>,
) -> Result<()> {
    let grpc_status = grpc_status
        .and_then(|code| i32::try_from(code).ok())
        .unwrap_or(-1);
    // SAFETY: the host copies everything before it returns.
    let status = unsafe {
        import::proxy_send_local_response(
            u32::from(status),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            grpc_status,
        )
    };
    done("proxy_send_local_response", status)
}

/// `proxy_define_metric`, for a counter.
pub fn define_counter(name: &str) -> Result<Counter> {
    let mut id = 0;
    // SAFETY: the host writes one u32.
    let status =
        unsafe { import::proxy_define_metric(COUNTER, name.as_ptr(), name.len(), &raw mut id) };
    done("proxy_define_metric", status).map(|()| Counter(id))
}

/// `proxy_increment_metric`
pub fn increment(counter: Counter, by: u64) -> Result<()> {
    let by = i64::try_from(by).unwrap_or(i64::MAX);
    // SAFETY: no pointers.
    let status = unsafe { import::proxy_increment_metric(counter.0, by) };
    done("proxy_increment_metric", status)
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

/// `proxy_http_call`; `headers` as [`crate::wire::pairs`] writes them, without trailers.
pub fn http_call(
    cluster: &str,
    headers: &[u8],
    body: &[u8],
    timeout_milliseconds: u32,
) -> Result<u32> {
    let mut callout = 0;
    // No pairs.
    let trailers = [0; 4];
    // SAFETY: the host copies everything before it returns, and writes one u32.
    let status = unsafe {
        import::proxy_http_call(
            cluster.as_ptr(),
            cluster.len(),
            headers.as_ptr(),
            headers.len(),
            body.as_ptr(),
            body.len(),
            trailers.as_ptr(),
            trailers.len(),
            timeout_milliseconds,
            &raw mut callout,
        )
    };
    done("proxy_http_call", status).map(|()| callout)
}

/// `proxy_grpc_call`; `service` is a serialized `envoy.config.core.v3.GrpcService`, `metadata` as
/// [`crate::wire::pairs`] writes them.
pub fn grpc_call(
    service: &[u8],
    service_name: &str,
    method: &str,
    metadata: &[u8],
    message: &[u8],
    timeout_milliseconds: u32,
) -> Result<u32> {
    let mut callout = 0;
    // SAFETY: as in `http_call`.
    let status = unsafe {
        import::proxy_grpc_call(
            service.as_ptr(),
            service.len(),
            service_name.as_ptr(),
            service_name.len(),
            method.as_ptr(),
            method.len(),
            metadata.as_ptr(),
            metadata.len(),
            message.as_ptr(),
            message.len(),
            timeout_milliseconds,
            &raw mut callout,
        )
    };
    done("proxy_grpc_call", status).map(|()| callout)
}

/// `proxy_get_status`: the text of the gRPC status that is being handed over.
pub fn status_text() -> Result<Vec<u8>> {
    let mut out = Returned::nothing();
    let mut code = 0;
    // SAFETY: as in `buffer`, and one u32.
    let status =
        unsafe { import::proxy_get_status(&raw mut code, &raw mut out.data, &raw mut out.size) };
    done("proxy_get_status", status).map(|()| out.take())
}

/// `proxy_set_tick_period_milliseconds`
pub fn set_tick_period(milliseconds: u32) -> Result<()> {
    // SAFETY: no pointers.
    let status = unsafe { import::proxy_set_tick_period_milliseconds(milliseconds) };
    done("proxy_set_tick_period_milliseconds", status)
}

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
