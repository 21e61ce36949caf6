//! The headers filter: what requests look like to the upstream, and responses to the client.
//!
//! What is decided, in this order:
//!
//! 1. **Which rule.** The first whose `match` fits the request; no other applies. A rule without
//!    `match` fits every request. Where none fits, nothing is changed.
//! 2. **Its `request` operations**, in the order written. Each sees what those before it did.
//! 3. **What its `response` operations will need** of the request is kept: the values of their
//!    variables, as the request looks after step 2. Nothing else of the request is.
//! 4. **Its `response` operations**, in the order written, when the response's headers arrive, where
//!    their `when` fits. Where a filter before this one answered, Envoy does not hand the answer to
//!    this one. From a host that does, a response whose request this filter never saw gets those of
//!    the first rule without `match`: no other is known to apply.
//!
//! What fails closed:
//!
//! - A value is sent only if it is sound: no control character but the tab (so no CR, LF or NUL), no
//!   white space around it, at most 64 KiB. One that is not, or that has a variable without a value,
//!   is not sent, and a `set` then **removes** the header: after `set: {name: x-user, value:
//!   "${consumer.name}"}` an anonymous request has no `x-user`, whatever the client sent.
//! - Where the host fails in the request phase, the request is denied with status 500: it would reach
//!   the upstream with headers that were to be removed. A response goes on; those of its operations
//!   that can be done are done.
//!
//! Pseudo-headers, `host`, headers of the connection and `content-length` are never changed
//! (`names.rs`).

mod config;
mod edit;
mod filter;
mod names;
mod operation;
mod rewrite;
mod sides;
mod stats;
mod status;

#[cfg(test)]
mod tests;

pub use config::{Config, Mode};
pub use filter::{Filter, Pending};

#[cfg(all(target_arch = "wasm32", feature = "module"))]
gatehouse_host_proxy_wasm::http_module!(crate::Filter, callbacks: [request_headers, response_headers, delete]);
