//! Tests on stock Envoy, and the servers they need.
//!
//! A test loads one of the files in `envoy/`, starts it, and talks to it:
//!
//! ```no_run
//! use gatehouse_integration::{Config, Echo};
//!
//! let echo = Echo::start();
//! let envoy = Config::load("envoy/auth.yaml").upstream(&echo).workers(4).start();
//! let response = envoy.request("GET", "/orders").header("x-api-key", "secret").send();
//! assert_eq!(response.status, 200);
//! assert_eq!(response.echoed().header("x-consumer"), ["acme"]);
//! assert_eq!(envoy.stat("wasmcustom.gatehouse_auth_allowed"), 1);
//! ```
//!
//! Nothing has a fixed port: Envoy and the echo upstream take free ones, so tests run side by side. The binary is
//! `$GATEHOUSE_ENVOY`, or else the default version in the cache, where `scripts/test` puts it.

#![allow(
    clippy::disallowed_methods,
    reason = "native test machinery: it has a clock and an environment of its own"
)]

pub mod config;
pub mod echo;
pub mod envoy;
mod fused;
pub mod http;
pub mod load;
pub mod log;
pub mod rate_limit_service;
pub mod tcp;
pub mod tour;
pub mod upgrade;

pub use config::Config;
pub use echo::Echo;
pub use envoy::{Envoy, Refused, Update, envoy_version};
pub use http::{Request, Response};
pub use rate_limit_service::{RateLimitServer, Reply};
pub use tcp::{Refusing, TcpServer, free_port};

use std::path::{Path, PathBuf};

/// The root of the repository: Envoy's working directory, to which the paths of modules in `envoy/` are relative.
pub fn repository() -> PathBuf {
    let Some(root) = Path::new(env!("CARGO_MANIFEST_DIR")).parent() else {
        panic!("the crate is a folder of the repository");
    };
    root.to_owned()
}
