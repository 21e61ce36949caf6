//! The headers of a message, and an answer in the place of one.

use super::{Returned, done, import};
use gatehouse_host::{HeaderMap, Result};

fn map_type(map: HeaderMap) -> u32 {
    match map {
        HeaderMap::Request => 0,
        HeaderMap::RequestTrailers => 1,
        HeaderMap::Response => 2,
        HeaderMap::ResponseTrailers => 3,
    }
}

/// `proxy_get_header_map_pairs`
pub fn header_pairs(map: HeaderMap) -> Result<Vec<u8>> {
    map_pairs(map_type(map))
}

pub(super) fn map_pairs(map: u32) -> Result<Vec<u8>> {
    let mut out = Returned::nothing();
    // SAFETY: the host writes pointer and size of what it allocated in this module.
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
