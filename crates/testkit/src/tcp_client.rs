//! A client that connects, as a test describes it.

use crate::stream_state::Stream as State;
use crate::{Request, Tls, Value};
use std::collections::BTreeMap;

/// A client of a TCP connection: where it is, what it connects to, and what Envoy knows of its TLS.
#[derive(Clone, Debug)]
pub struct TcpClient {
    /// Of what there is to say of connections, requests and connections have the same.
    connection: Request,
    handshake: Option<BTreeMap<Vec<String>, Value>>,
}

impl Default for TcpClient {
    fn default() -> Self {
        Self::new()
    }
}

impl TcpClient {
    /// From 127.0.0.1:40000 to 127.0.0.1:10000, without TLS.
    pub fn new() -> Self {
        let request = Request::get("/");
        Self {
            connection: request
                .without_attribute(["request", "protocol"])
                .without_attribute(["xds", "route_name"]),
            handshake: None,
        }
    }

    /// One of this address and port.
    pub fn from(address: &str) -> Self {
        Self::new().source(address)
    }

    fn with(mut self, change: impl FnOnce(Request) -> Request) -> Self {
        self.connection = change(self.connection);
        self
    }

    /// Where it is: address and port.
    #[must_use]
    pub fn source(self, address: &str) -> Self {
        self.with(|connection| connection.source(address))
    }

    /// What it connects to: address and port.
    #[must_use]
    pub fn destination(self, address: &str) -> Self {
        let port = address
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse::<i64>().ok());
        self.attribute(["destination", "address"], address)
            .attribute(["destination", "port"], port.unwrap_or_default())
    }

    /// The server name in its ClientHello, where the listener filter `tls_inspector` has read it: it is known from the
    /// beginning.
    #[must_use]
    pub fn server_name(self, name: &str) -> Self {
        self.attribute(["connection", "requested_server_name"], name)
    }

    /// TLS that Envoy ends, and what its handshake shows. All of it is known only once the handshake is over, which
    /// is before the first data comes; but a version that is asked for before it is `TLSv1.2`, and stays so. The server name
    /// is not shown unless [`TcpClient::server_name`] says that somebody has read it.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        let mut shown = Request::get("/").tls(tls).attributes;
        shown.retain(|path, _| path.first().is_some_and(|first| first == "connection"));
        shown.remove(&["connection", "requested_server_name"].map(str::to_owned)[..]);
        self.handshake = Some(shown);
        self
    }

    /// Any attribute by its path.
    #[must_use]
    pub fn attribute<const LENGTH: usize>(
        self,
        path: [&str; LENGTH],
        value: impl Into<Value>,
    ) -> Self {
        self.with(|connection| connection.attribute(path, value))
    }

    /// Takes an attribute away.
    #[must_use]
    pub fn without_attribute<const LENGTH: usize>(self, path: [&str; LENGTH]) -> Self {
        self.with(|connection| connection.without_attribute(path))
    }

    /// Filter state that a filter before this one has left under `wasm.<name>`.
    #[must_use]
    pub fn filter_state(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.with(|connection| connection.filter_state(name, value))
    }

    pub(crate) fn state(&self) -> State {
        let mut state = State::of(&self.connection);
        state.tcp.handshake = self.handshake.clone();
        state
    }
}
