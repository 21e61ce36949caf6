//! Runs proxy-wasm modules in wasmtime as Envoy 1.40 runs them: the real module, without Envoy.
//!
//! ```no_run
//! use gatehouse_testkit::{Engine, Envoy, Module, Outcome, Request, Response};
//!
//! let engine = Engine::new()?;
//! let module = Module::from_file(&engine, "dist/gatehouse_headers.wasm")?;
//! let envoy = Envoy::builder(&module)
//!     .configuration(r#"{"rules": [{"request": [{"set": {"name": "x-hello", "value": "world"}}]}]}"#)
//!     .build()?;
//! let mut stream = envoy.http(Request::get("/").header("x-a", "1"));
//! let Outcome::Continue(upstream) = stream.outcome() else { panic!("it was not let through") };
//! assert_eq!(upstream.headers.text("x-hello").as_deref(), Some("world"));
//! stream.respond(Response::new(200).body("hello"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![allow(
    clippy::disallowed_methods,
    reason = "native test machinery: nothing of it is compiled to wasm"
)]

mod attributes;
mod builder;
mod callouts;
mod connection;
mod engine;
mod envoy;
mod foreign;
mod headers;
mod http_filter;
mod imports;
mod local_reply;
mod log;
mod message;
mod metrics;
mod plugin;
mod record;
mod reply;
mod shared_data;
mod stream;
mod stream_state;
mod tcp_client;
mod tcp_filter;
mod value;
mod vm;
mod wire;
mod worker;
mod world;

pub use builder::{Builder, ConfigureError, START};
pub use callouts::{CalloutKind, SentCallout};
pub use connection::{Connection, End};
pub use engine::{Engine, EngineOptions, LoadError, Module};
pub use envoy::Envoy;
pub use foreign::verify_signature;
pub use headers::Headers;
pub use log::{Level, LogLine};
pub use message::{Message, Request, Response, Tls};
pub use metrics::Metric;
pub use plugin::{Behind, Cluster, FailurePolicy};
pub use record::{Callback, HostCall, Total};
pub use reply::{Callout, Reply};
pub use shared_data::SharedData;
pub use stream::{LocalReply, Outcome, Phase, Stream};
pub use tcp_client::TcpClient;
pub use value::Value;
pub use worker::Worker;

#[cfg(test)]
mod tests;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
