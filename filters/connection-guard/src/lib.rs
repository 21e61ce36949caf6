//! Which connections may be, in front of `tcp_proxy` or of an HTTP connection manager.
//!
//! What becomes of a connection, in this order:
//!
//! 1. **When it comes**, nothing but its addresses is known. The rules are gone through in order, and the first that
//!    is about the connection says what becomes of it (`rules.rs`); where none is, `default` does. A rule that asks for
//!    what only the client can say stops the search: the connection is *undecided*. Nothing further down decides before.
//! 2. What is denied is closed. What is not, allowed or undecided, is asked of the limits (`limiter.rs`): the bytes,
//!    the rates and the places of its source, and the places there are in all. What is over one is closed.
//! 3. What is undecided is **held**: no filter behind this one is told of it, no upstream is connected. It may say
//!    what it has to say within `first_data.within`, and in `first_data.max_size` bytes; else it is closed.
//! 4. **On data**, the rules are gone through once more, from the beginning, with everything there is to know: what is
//!    spoken, by the first bytes (`gatehouse_first_bytes`); of TLS, what Envoy says of it where Envoy ends it, and
//!    else the ClientHello; the client's certificate, where Envoy ends TLS. Nothing is undecided then: a condition
//!    about what is not there does not hold.
//! 5. **Where the server speaks first** (MySQL), its client waits for it, and a held connection would wait for both. With
//!    `server_speaks_first` the upstream is connected at once. Data of the client is still held until it is
//!    decided on; data of the server that comes before any of the client decides: it is `mysql` or `unknown`. It cannot be
//!    held, so the connection goes on, or ends before the client has a byte of it.
//! 6. Who is to be **tarpitted** is held for a while, and closed. Where too many are, it is closed at once. Neither takes
//!    a place of a limit.
//! 7. What goes on is counted as it passes (`traffic.rs`), and closed over its bytes, its duration or its idle time; also
//!    where its client has said nothing by `first_data.within`, if the operator wrote `first_data`.
//! 8. Where a limit or a fact cannot be had since the host fails, `on_error` holds. A list that was never fetched
//!    does what its `on_missing` says; a connection waits for those that are being fetched, for each once. What its client says
//!    meanwhile is heard as it comes: nothing that is held is handed over a second time.
//! 9. In `mode: report` nothing is held, closed or routed. Limits are charged; what would have been denied is counted.
//!
//! What a connection holds is given back when it ends, in whichever way; what a VM held that is gone expires.

mod config;
mod denial_log;
mod filter;
mod limiter;
mod rules;
mod stats;
mod traffic;

#[cfg(test)]
mod tests;

pub use config::Config;
pub use filter::{Filter, State};

#[cfg(all(target_arch = "wasm32", feature = "module"))]
gatehouse_host_proxy_wasm::network_module!(
    crate::Filter,
    callbacks: [downstream_data, upstream_data, http_call_response, tick, delete]
);
