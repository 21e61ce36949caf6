//! The HTTP filters of Gatehouse in one module: one VM, one crossing for each callback, one
//! snapshot of the request headers.
//!
//! What is decided here:
//!
//! 1. The filters run on a request in the configured order. Each sees what those before it did.
//! 2. A denial by one ends it: the filters after it do not see the request.
//! 3. On a response those that saw the request run in reverse order, as Envoy runs separate
//!    filters: the one that denied and those before it, not those after.
//!    Also where Envoy answers by itself while one of them has the request wait.
//! 4. A host call that fails in one filter's response phase does not keep the others from theirs. Whichever fails is
//!    named, in log lines and reasons, as its own module would be.
//! 5. What follows of a stream goes to those that saw its request and want it: trailers of the request in
//!    order, chunks and trailers of the response in reverse, its end to all.
//!
//! Each filter is the same code, with the same configuration and the same metrics, as its own
//! module. Who the consumer is goes from `auth` to the others as a value.

mod chain;
mod config;
mod filter;
mod link;
#[cfg(test)]
mod tests;

pub use config::{Config, FilterConfig};
pub use filter::{Filter, Pending};

#[cfg(all(target_arch = "wasm32", feature = "module"))]
gatehouse_host_proxy_wasm::http_module!(
    crate::Filter,
    callbacks: [
        request_headers,
        request_body,
        request_trailers,
        response_headers,
        response_body,
        response_trailers,
        delete,
        http_call_response,
        grpc_receive,
        grpc_close,
        tick,
    ]
);
