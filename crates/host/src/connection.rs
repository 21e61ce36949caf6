//! A connection, as a network filter sees it.

use crate::StreamId;
use crate::capability::{HostError, NetworkHost, Result, Side, Status};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// The filter state by which a filter tells `tcp_proxy` its cluster
/// (`source/common/tcp_proxy/tcp_proxy.cc`, `PerConnectionCluster`).
const CLUSTER_STATE: &str = "envoy.tcp_proxy.cluster";

/// The one by which it tells it another `idle_timeout` (`PerConnectionIdleTimeoutMs` there).
const IDLE_STATE: &str = "envoy.tcp_proxy.per_connection_idle_timeout_ms";

/// A connection in one callback. Nothing is remembered here: each reading is one host call, and what a
/// filter needs again it keeps in its state.
///
/// What is known of TLS and when:
///
/// - the server name: from the beginning, with the listener filter `tls_inspector`, whoever ends TLS; without it never;
/// - version and client certificate: from the first data on, where Envoy ends TLS itself;
/// - of ALPN nothing: a filter chain can be chosen by it (`filter_chain_match.application_protocols`).
///
/// Who forwards TLS as it is finds all but the certificate in the ClientHello.
pub struct Connection<'a> {
    host: &'a dyn NetworkHost,
    id: StreamId,
}

/// Who ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// The host does not say.
    Unknown,
    /// The proxy: this filter, another one, or a timeout.
    Local,
    /// The client.
    Remote,
}

impl<'a> Connection<'a> {
    /// The view of one callback.
    pub fn new(host: &'a dyn NetworkHost, id: StreamId) -> Self {
        Self { host, id }
    }

    /// The capabilities that are not about this connection.
    pub fn host(&self) -> &'a dyn NetworkHost {
        self.host
    }

    /// Which connection, to name it when it is to be asked about anew.
    pub fn id(&self) -> StreamId {
        self.id
    }

    /// Where it comes from. What a listener filter (`proxy_protocol`, `original_src`) has found out takes the
    /// place of the peer. An IPv4 address in IPv6's clothes is an IPv4 address. Nothing where it is no IP address (a Unix socket).
    ///
    /// # Errors
    /// Where the host refuses to say.
    pub fn source(&self) -> Result<Option<SocketAddr>> {
        self.address("source")
    }

    /// Where it was meant to go: this listener, or what `original_dst` has found out.
    ///
    /// # Errors
    /// Where the host refuses to say.
    pub fn destination(&self) -> Result<Option<SocketAddr>> {
        self.address("destination")
    }

    /// Envoy writes `address` with the port: `192.0.2.1:443`, `[2001:db8::1]:443`.
    fn address(&self, of: &str) -> Result<Option<SocketAddr>> {
        let bytes = self.host.property(&[of, "address"])?;
        let address: Option<SocketAddr> =
            bytes.and_then(|bytes| std::str::from_utf8(&bytes).ok()?.parse().ok());
        Ok(address.map(|address| match address.ip().to_canonical() {
            ip @ IpAddr::V4(_) => SocketAddr::new(ip, address.port()),
            IpAddr::V6(_) => address,
        }))
    }

    /// The name of the server that the client asks for (SNI), in lower case. Nothing
    /// where it names none, and where nobody has read it.
    ///
    /// # Errors
    /// Where the host refuses to say.
    pub fn server_name(&self) -> Result<Option<Vec<u8>>> {
        self.text("requested_server_name")
    }

    /// `TLSv1.2`, `TLSv1.3`, where Envoy ends TLS. **Not for a new connection**: before the handshake Envoy makes one up
    /// (`TLSv1.2`), and stays with what it said first (`ConnectionInfoImplBase::tlsVersion` in
    /// `source/common/tls/connection_info_impl_base.cc`).
    ///
    /// # Errors
    /// Where the host refuses to say.
    pub fn tls_version(&self) -> Result<Option<Vec<u8>>> {
        self.text("tls_version")
    }

    /// Whether the client has shown a certificate, and Envoy has not refused it. Envoy verifies it only where
    /// its `validation_context` says so.
    ///
    /// # Errors
    /// Where the host refuses to say.
    pub fn has_client_certificate(&self) -> Result<bool> {
        let mutual = self.host.property(&["connection", "mtls"])?;
        Ok(mutual.is_some_and(|mutual| *mutual == [1]))
    }

    /// The first URI among the names of the client's certificate; Envoy shows no other.
    ///
    /// # Errors
    /// Where the host refuses to say.
    pub fn certificate_uri(&self) -> Result<Option<Vec<u8>>> {
        self.text("uri_san_peer_certificate")
    }

    /// The first DNS name among the names of the client's certificate; Envoy shows no other.
    ///
    /// # Errors
    /// Where the host refuses to say.
    pub fn certificate_dns_name(&self) -> Result<Option<Vec<u8>>> {
        self.text("dns_san_peer_certificate")
    }

    /// SHA-256 of the client's certificate, in 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// Where the host refuses to say.
    pub fn certificate_digest(&self) -> Result<Option<Vec<u8>>> {
        self.text("sha256_peer_certificate_digest")
    }

    fn text(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let text = self.host.property(&["connection", name])?;
        Ok(text.filter(|text| !text.is_empty()))
    }

    /// Leaves a text in the filter state `wasm.<name>`: for access logs, and for the HTTP filters of this
    /// connection, of whose requests it is the same.
    ///
    /// # Errors
    /// Where the host refuses it.
    pub fn set_state(&self, name: &str, value: &[u8]) -> Result<()> {
        self.host.set_property(name, value)
    }

    /// Tells `tcp_proxy` which cluster this connection goes to, in place of that of its configuration. Only
    /// before the connection has been let on; once.
    ///
    /// # Errors
    /// Where the host refuses it.
    pub fn set_cluster(&self, cluster: &str) -> Result<()> {
        self.host.set_filter_state(CLUSTER_STATE, cluster)
    }

    /// Tells `tcp_proxy` when it is to close this connection for its being idle, in place of its `idle_timeout`. It does so
    /// without waiting for a client that does not read, which [`Flow::Close`](crate::Flow::Close) cannot; and it counts what
    /// the client has taken, not what is on its way there. Only before the connection has been let on; once.
    ///
    /// # Errors
    /// Where the host refuses it.
    pub fn set_idle_timeout(&self, timeout: Duration) -> Result<()> {
        let milliseconds = timeout.as_millis().max(1).to_string();
        self.host.set_filter_state(IDLE_STATE, &milliseconds)
    }
}

/// Data of a connection, on its way or held.
pub struct ConnectionData<'a> {
    host: &'a dyn NetworkHost,
    side: Side,
    length: usize,
    held: usize,
    is_last: bool,
}

impl<'a> ConnectionData<'a> {
    /// The view of one callback: `held` bytes at its beginning were there before.
    pub fn new(
        host: &'a dyn NetworkHost,
        side: Side,
        length: usize,
        held: usize,
        is_last: bool,
    ) -> Self {
        Self {
            host,
            side,
            length,
            held: held.min(length),
            is_last,
        }
    }

    /// How many bytes there are. May be none, with the end.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// How many bytes at the beginning were held, and handed over before.
    pub fn held(&self) -> usize {
        self.held
    }

    /// How many bytes have come since the last callback of this side.
    pub fn fresh(&self) -> usize {
        self.length.saturating_sub(self.held)
    }

    /// Whether the side that sends it sends no more: it has half closed the connection.
    pub fn is_last(&self) -> bool {
        self.is_last
    }

    /// At most `most` bytes from `start` on: one host call, which copies them; none where there are no
    /// bytes there. Who reads much reads it in pieces.
    ///
    /// # Errors
    /// Where the host does not hand them over, or not all.
    pub fn bytes(&self, start: usize, most: usize) -> Result<Vec<u8>> {
        let length = self.length.saturating_sub(start).min(most);
        if length == 0 {
            return Ok(Vec::new());
        }
        let bytes = self.host.network_data(self.side, start, length)?;
        match bytes.len() == length {
            true => Ok(bytes),
            false => Err(HostError {
                call: "proxy_get_buffer_bytes",
                status: Status::Malformed,
            }),
        }
    }
}
