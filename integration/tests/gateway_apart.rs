//! The gateway does what its filters do as modules of their own, in the same order: the same requests to two Envoys, one
//! with the gateway and one with a plugin for each filter. What clients get, what the upstream saw, the access log, the
//! filters' own log lines and all their metrics are the same to the letter.
//!
//! What differs, and is meant to, is in `differs`.

#![allow(
    clippy::disallowed_methods,
    reason = "native test machinery: it has a clock of its own"
)]

#[path = "gateway_apart/answered.rs"]
mod answered;
#[path = "gateway_apart/differs.rs"]
mod differs;
#[path = "gateway_apart/orders.rs"]
mod orders;
#[path = "gateway_apart/pair.rs"]
mod pair;
#[path = "gateway_apart/routes.rs"]
mod routes;
#[path = "auth_callouts/service.rs"]
#[allow(dead_code, reason = "shared by tests that need parts of it")]
mod service;
#[path = "gateway_apart/streams.rs"]
mod streams;
#[path = "host/upstream.rs"]
#[allow(dead_code, reason = "shared by tests that need parts of it")]
mod upstream;
#[path = "gateway_apart/waits.rs"]
mod waits;
