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
mod callouts;
mod engine;
mod envoy;
mod foreign;
mod headers;
mod http_filter;
mod imports;
mod message;
mod metrics;
mod record;
mod shared_data;
mod stream;
mod stream_state;
mod tcp_filter;
mod value;
mod vm;
mod wire;
mod world;

pub use callouts::{CalloutKind, SentCallout};
pub use engine::{Engine, EngineOptions, LoadError, Module};
pub use envoy::{
    Builder, Callout, Cluster, ConfigureError, Envoy, FailurePolicy, Level, LogLine, Reply, START,
    Worker,
};
pub use headers::Headers;
pub use message::{Message, Request, Response, Tls};
pub use metrics::Metric;
pub use record::{Callback, HostCall};
pub use shared_data::SharedData;
pub use stream::{Connection, LocalReply, Outcome, Phase, Stream};
pub use value::Value;

#[cfg(test)]
mod tests;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
