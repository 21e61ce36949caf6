//! What a filter may touch, without proxy-wasm.
//!
//! - [`Host`] is the proxy as a filter sees it: small traits, one a capability, implemented by
//!   `host-proxy-wasm` (Envoy) and `host-fake` (tests). Everything that can go wrong is a
//!   [`HostError`]; nothing panics.
//! - [`HttpFilter`] is a configured filter. It gets a [`Request`] or a [`Response`]: views that offer
//!   only what the phase allows, take the header snapshot when first asked for it, at most once,
//!   and share it between the filters of a module.
//! - [`Consumer`] is who sent the request, once `auth` knows.
//!
//! Header names and values are bytes. Turning them into text is a decision of each place.

mod capability;
mod consumer;
mod exchange;
mod filter;
mod headers;
mod local_reply;
mod request;
mod response;

#[cfg(test)]
mod tests;

pub use capability::{
    Cas, Clock, Counter, Entropy, HeaderMap, HeaderMaps, Host, HostError, Level, LocalReplies, Log,
    Metrics, Properties, Result, SharedData, Signatures, Status, Timestamp,
};
pub use consumer::Consumer;
pub use exchange::Exchange;
pub use filter::{ConfigureError, HttpFilter, Module, Verdict};
pub use headers::{Headers, Malformed, Only};
pub use local_reply::LocalReply;
pub use request::{IDENTITY_STATE, NAME_STATE, Request};
pub use response::Response;
