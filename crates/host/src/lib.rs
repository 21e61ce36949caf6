//! What a filter may touch, without proxy-wasm.
//!
//! - [`Host`] is the proxy as a filter sees it: small traits, one a capability, implemented by
//!   `host-proxy-wasm` (Envoy) and `host-fake` (tests). Everything that can go wrong is a
//!   [`HostError`]; nothing panics.
//! - [`HttpFilter`] is a configured filter. It gets a [`Request`] or a [`Response`]: views that offer
//!   only what the phase allows, take the header snapshot when first asked for it, at most once,
//!   and share it between the filters of a module.
//! - [`NetworkFilter`] is a configured filter of connections. It gets a [`Connection`], and
//!   [`ConnectionData`] as it passes.
//! - [`Consumer`] is who sent the request, once `auth` knows.
//!
//! Header names and values are bytes. Turning them into text is a decision of each place.

mod answer;
mod capability;
mod chunk;
mod connection;
mod consumer;
mod exchange;
mod filter;
mod foresight;
mod headers;
mod local_reply;
mod network;
mod request;
mod response;
mod trailers;

#[cfg(test)]
mod tests;

pub use answer::Answer;
pub use capability::{
    Bodies, Callout, CalloutId, Callouts, Cas, Clock, Connections, Counter, Entropy, Expression,
    Expressions, GrpcCallout, HeaderMap, HeaderMaps, Host, HostError, Level, LocalReplies, Log,
    Metrics, NetworkHost, Properties, Result, SharedData, Side, Signatures, Status, Timestamp,
};
pub use chunk::ResponseChunk;
pub use connection::{Connection, ConnectionData, Peer};
pub use consumer::Consumer;
pub use exchange::Exchange;
pub use filter::{ConfigureError, HttpFilter, Module, Verdict, log_failure};
pub use foresight::Reads;
pub use headers::{Headers, Malformed, Only};
pub use local_reply::LocalReply;
pub use network::{Closure, Flow, NetworkFilter, NetworkModule};
pub use request::{Audience, Body, IDENTITY_STATE, NAME_STATE, Request, StreamId};
pub use response::Response;
pub use trailers::Trailers;
