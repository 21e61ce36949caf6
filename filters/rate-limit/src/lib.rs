//! How often each key may come: one limit for all workers of an Envoy, exact, in fixed memory.
//!
//! What becomes of a request, in this order:
//!
//! 1. Each limit whose `match` is about the request applies to it, in the order of the configuration.
//! 2. The limit's `key` is read off the request (`key.rs`). A part that has several values refuses the
//!    request (400, `key_ambiguous`). What a missing part does is the limit's `if_absent`. The first of
//!    its `overrides` that is about the key says how much there is.
//! 3. What is known of the key is looked up in the table that all workers share (`crates/limit-table`), and the
//!    limit's algorithm says whether the request fits, into each of the limit's
//!    windows. Nothing is charged yet.
//! 4. If any limit in force has no room, the request is refused (429, `over_limit`) and **no** limit
//!    is charged. Of several, the one with the longest wait is the one that is told. A key that can't
//!    be read comes before that, a store that failed after it.
//! 5. Otherwise every limit is charged, by compare-and-swap against what was read. Where another
//!    worker came between, the bucket is read and decided on again. If by then it has no room the
//!    request is refused after all, and the limits charged before stay charged: too little is
//!    admitted then, never too much.
//! 6. Where a limit can't be decided on (other workers came first 64 times,
//!    or a host call fails) its `on_error` says what holds: refuse (503), or admit, and a counter
//!    says that it did.
//! 7. A limit in `mode: report`, or all with the filter in it, is charged and counted but refuses
//!    nothing and puts nothing on the response.
//! 8. What a request holds of limits on what is in flight it holds until its stream is over, or until
//!    another limit refuses it (`crates/limit-table`).
//! 9. The response says what is left: `RateLimit-Policy` and `RateLimit`
//!    (draft-ietf-httpapi-ratelimit-headers-10) or `X-RateLimit-…`, and `Retry-After` on a 429.
//! 10. What a request costs by its response is charged when that is known (`cost.rs`), whether there
//!     is room for it or not.
//! 11. With a global store, a service that several Envoys share is asked in place of the table, and the
//!     request waits for it (`global.rs`).

mod cost;
mod decision;
mod fields;
mod filter;
mod global;
mod key;
mod stats;
mod store;

#[cfg(test)]
mod tests;

pub use filter::{Filter, Pending};
pub use gatehouse_limit_config::Config;

#[cfg(all(target_arch = "wasm32", feature = "module"))]
gatehouse_host_proxy_wasm::http_module!(
    crate::Filter,
    callbacks: [
        request_headers,
        response_headers,
        response_body,
        response_trailers,
        grpc_receive,
        grpc_close,
        tick,
        delete,
    ]
);
