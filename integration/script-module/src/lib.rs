//! A module that makes the host calls that a request asks for, and logs what came of each: the same module in Envoy and
//! in the test kit shows whether they are of one mind.
//!
//! The header `x-id` names a request. `x-on-PHASE` has the orders for a callback, separated by `;`, their words by spaces;
//! phases are `request`, `body`, `trailers`, `response`, `response-body`, `response-trailers`, `answer` (of a callout), `log`.
//! A connection has the orders of its plugin's configuration: a line with an ID, then lines of `PHASE=ORDERS`. Its phases are `new`,
//! `data`, `upstream`, `upstream-closed`, `closed-by`, `answer`, `done` and `log`. A root context has `configure` and `tick`; where
//! it has none for `tick`, those of the latest stream hold.
//! `message` and `closed` are what comes of a callout over gRPC. `data2` is what is done the second time.
//! Each order leaves the line `script ID PHASE: ORDER -> STATUS RESULT` in the log.

#![cfg_attr(
    not(all(target_arch = "wasm32", feature = "module")),
    expect(dead_code, reason = "outside of a module there is nothing to call it")
)]

#[cfg(all(target_arch = "wasm32", feature = "module"))]
mod abi;
#[cfg(all(target_arch = "wasm32", feature = "module"))]
mod callbacks;
#[cfg(all(target_arch = "wasm32", feature = "module"))]
mod connections;
#[cfg(all(target_arch = "wasm32", feature = "module"))]
mod orders;
mod pairs;
