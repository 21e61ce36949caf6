//! The headers filter: what requests look like to the upstream, and responses to the client.
//!
//! What is decided, in this order:
//!
//! 1. **Which rule.** The first whose `match` fits the request; no other applies. A rule without
//!    `match` fits every request. Where none fits, nothing is changed.
//! 2. **What its operations ask of the request** (`when: {request: …}`), as it came here.
//! 3. **Its `cors`**: a preflight is answered, and goes no further.
//! 4. **Its `request` operations**, in the order written. Each sees what those before it did. Captures,
//!    the client's address and the route are those of the request as it came here.
//! 5. **What its later operations will need** of the request is kept: the values of their variables, as
//!    the request looks after step 4. Nothing else of the request is.
//! 6. **Its `cors`, then its `response` operations**, in the order written, when the response's headers
//!    arrive, where their `when` fits. Where a filter before this one answered, Envoy does not hand the
//!    answer to this one. From a host that does, a response whose request this filter never saw gets
//!    those of the first rule without `match`: no other is known to apply.
//! 7. **`request_trailers` and `response_trailers`**, when trailers arrive. Where there are none, none can
//!    be added.
//!
//! What fails closed:
//!
//! - A value is sent only if it is sound: no control character but the tab (so no CR, LF or NUL), no
//!   white space around it, at most 64 KiB. One that is not, or that has a variable without a value,
//!   is not sent, and a `set` then **removes** the header: after `set: {name: x-user, value:
//!   "${consumer.name}"}` an anonymous request has no `x-user`, whatever the client sent. Parameters of
//!   the query, cookies and `location` are removed in the same way.
//! - A path or host that cannot be made as it was meant **denies** the request with status 400.
//! - Where the host fails in the request phase, the request is denied with status 500: it would reach
//!   the upstream with headers that were to be removed. A response goes on; those of its operations
//!   that can be done are done.
//!
//! Pseudo-headers have operations of their own; headers of the connection and `content-length` are never
//! changed. All of this is in the crate `header-operations`; here is what is done when.

mod config;
mod filter;
mod sides;
mod stats;

#[cfg(test)]
mod tests;

pub use config::{Config, Mode};
pub use filter::{Filter, Pending};

#[cfg(all(target_arch = "wasm32", feature = "module"))]
gatehouse_host_proxy_wasm::http_module!(
    crate::Filter,
    callbacks: [request_headers, request_trailers, response_headers, response_trailers, delete]
);
