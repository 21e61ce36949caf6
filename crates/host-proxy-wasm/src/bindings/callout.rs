//! Callouts, and what they are answered with.

use super::message::map_pairs;
use super::{Returned, done, import};
use gatehouse_host::Result;

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
    // SAFETY: the host writes pointer and size of what it allocated in this module, and one u32.
    let status =
        unsafe { import::proxy_get_status(&raw mut code, &raw mut out.data, &raw mut out.size) };
    done("proxy_get_status", status).map(|()| out.take())
}

/// The headers of the answer to a callout.
const CALLOUT_ANSWER: u32 = 6;

/// `proxy_get_header_map_pairs`, of the answer to a callout.
pub fn answer_header_pairs() -> Result<Vec<u8>> {
    map_pairs(CALLOUT_ANSWER)
}
