//! The proxy-wasm side of the host traits: the only crate that knows proxy-wasm.
//!
//! What the proxy-wasm SDK is used for, and what not:
//!
//! 1. Its dispatcher: the exports, and the contexts of a VM. It keeps one boxed context a stream
//!    and calls it, which cannot panic for ids that Envoy made.
//! 2. Not its host calls. They unwrap the UTF-8 of header values and panic on statuses that they
//!    do not expect, so that a client's byte can trap the VM. `bindings` declares the imports
//!    anew, with the status as the number it is, and returns a `Result` for every one.
//! 3. Callbacks that a module does not need are removed after linking (`module-trim`):
//!    [`http_module!`] leaves the list in a custom section.
//!
//! On a native target only what is pure is there ([`wire`]); host calls would not link.

#[cfg(target_arch = "wasm32")]
#[expect(unsafe_code, reason = "host calls are imports; here and nowhere else")]
pub mod bindings;
#[cfg(target_arch = "wasm32")]
mod context;
mod entrypoint;
#[cfg(target_arch = "wasm32")]
mod envoy;
pub mod wire;

#[cfg(target_arch = "wasm32")]
pub use context::Root;
#[cfg(target_arch = "wasm32")]
pub use envoy::Envoy;

/// What [`http_module!`] expands to; not for use by hand.
#[doc(hidden)]
pub use entrypoint::bytes;
#[doc(hidden)]
pub use proxy_wasm;
