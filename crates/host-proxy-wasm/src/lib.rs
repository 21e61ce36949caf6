//! The proxy-wasm side of the host traits: the only crate that knows the ABI.
//!
//! 1. `bindings` declares the imports, with the status as the number it is, and returns a `Result`
//!    for every one: nothing that a client or the host can send is a panic.
//! 2. [`Dispatcher`] turns Envoy's callbacks into those of a filter, and holds what waits.
//! 3. [`NetworkDispatcher`] does the same for filters of connections.
//! 4. [`http_module!`] and [`network_module!`] export the callbacks that a module needs, and no others.
//!
//! The proxy-wasm SDK is not used. Its host calls unwrap the UTF-8 of header values and panic on
//! statuses that they do not expect, so that a client's byte can trap the VM; and its dispatcher boxes
//! a context for each stream, of which most need none.
//!
//! On a native target only what is pure is there; host calls would not link.

mod begun;
#[cfg(target_arch = "wasm32")]
#[expect(unsafe_code, reason = "host calls are imports; here and nowhere else")]
pub mod bindings;
mod dispatcher;
mod entrypoint;
#[cfg(target_arch = "wasm32")]
mod envoy;
#[doc(hidden)]
pub mod memory;
mod network;
mod plugins;
mod stream;
pub mod wire;

pub use dispatcher::{Action, Control, Dispatcher};
#[cfg(target_arch = "wasm32")]
pub use envoy::Envoy;
pub use network::{NetworkControl, NetworkDispatcher};

/// What [`http_module!`] expands to; not for use by hand.
#[doc(hidden)]
pub use entrypoint::{bytes, check};
#[doc(hidden)]
pub use network::check as check_network;
