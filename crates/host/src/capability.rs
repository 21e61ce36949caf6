//! The capabilities of the proxy, one trait each.

use crate::LocalReply;
use std::fmt;
use std::time::Duration;

/// A host call's result.
pub type Result<T> = std::result::Result<T, HostError>;

/// A host call that did not do what it should. For the operator's log: never shown to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostError {
    /// The host function: `proxy_get_property`.
    pub call: &'static str,
    /// What it answered.
    pub status: Status,
}

/// What a host call answered, other than "done".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// A status of the ABI: 1 not found, 2 bad argument, 8 compare-and-swap mismatch, 10 internal
    /// failure, 12 unimplemented; or one that it does not define.
    Code(u32),
    /// The status was Ok, but what came with it cannot be decoded.
    Malformed,
    /// The call was not made: it would say what was so before the request waited, or before a filter changed it.
    Stale,
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Status::Code(code) => write!(f, "{} answered status {code}", self.call),
            Status::Malformed => write!(f, "{} answered malformed data", self.call),
            Status::Stale => write!(f, "{} is not possible", self.call),
        }
    }
}

impl std::error::Error for HostError {}

/// Nanoseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// So many nanoseconds since the epoch.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// In nanoseconds since the epoch.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// So much later; at the end of time, no later.
    pub const fn after(self, duration: Duration) -> Self {
        let nanos = duration.as_nanos();
        match nanos > u64::MAX as u128 {
            true => Self(u64::MAX),
            #[expect(clippy::cast_possible_truncation, reason = "compared just now")]
            false => Self(self.0.saturating_add(nanos as u64)),
        }
    }
}

/// The wall clock, the same for all workers of a proxy.
pub trait Clock {
    /// The time now.
    fn now(&self) -> Result<Timestamp>;
}

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "Envoy's own levels")]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// The proxy's log.
pub trait Log {
    /// Writes a line. A line that cannot be written is lost.
    fn log(&self, level: Level, message: &str);
}

/// A counter that was defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Counter(pub u32);

/// The proxy's metrics.
pub trait Metrics {
    /// Defines a counter, or finds the one of that name. Envoy shows it as `wasmcustom.<name>`.
    fn define_counter(&self, name: &str) -> Result<Counter>;

    /// Counts. A count that cannot be made is lost: it is no reason to fail a request.
    fn increment(&self, counter: Counter, by: u64);
}

/// The version of a value in shared data, for compare-and-swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cas(pub u32);

impl Cas {
    /// Succeeds only where the key does not exist yet: a number that no version has (Envoy counts
    /// versions up from 1; a test on stock Envoy pins that a version given for a missing key
    /// creates it, and that this one never matches an existing key).
    pub const CREATE: Self = Self(u32::MAX);
}

/// One map for all workers of the proxy, keyed by `vm_id`. It has no delete and no expiry: the
/// number of keys must be bounded by configuration.
pub trait SharedData {
    /// A value and its version, where the key exists.
    fn shared(&self, key: &str) -> Result<Option<(Vec<u8>, Cas)>>;

    /// Replaces the value if its version is still the given one; says whether it was.
    fn swap_shared(&self, key: &str, value: &[u8], cas: Cas) -> Result<bool>;
}

/// Which headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "their names say it")]
pub enum HeaderMap {
    Request,
    RequestTrailers,
    Response,
    ResponseTrailers,
}

/// The headers of the current stream.
pub trait HeaderMaps {
    /// All of a map, serialized; see [`crate::Headers::decode`].
    fn header_pairs(&self, map: HeaderMap) -> Result<Vec<u8>>;

    /// Makes this the only value of a header.
    fn set_header(&self, map: HeaderMap, name: &str, value: &[u8]) -> Result<()>;

    /// Adds a value to those a header has.
    fn append_header(&self, map: HeaderMap, name: &str, value: &[u8]) -> Result<()>;

    /// Removes all values of a header; none is fine.
    fn remove_header(&self, map: HeaderMap, name: &str) -> Result<()>;
}

/// What Envoy calls attributes, and its filter state.
pub trait Properties {
    /// An attribute, such as `["source", "address"]`; nothing where it is not there.
    fn property(&self, path: &[&str]) -> Result<Option<Vec<u8>>>;

    /// Writes the filter state `wasm.<name>`.
    fn set_property(&self, name: &str, value: &[u8]) -> Result<()>;
}

/// Answers that come from the proxy itself.
pub trait LocalReplies {
    /// Answers the current request. At most once for a stream.
    fn send_local_reply(&self, reply: &LocalReply) -> Result<()>;
}

/// Randomness fit for keys.
pub trait Entropy {
    /// Fills the bytes.
    fn fill_random(&self, bytes: &mut [u8]) -> Result<()>;
}

/// Signature checks by the proxy's own cryptography, many times faster than in wasm.
pub trait Signatures {
    /// Whether a signature is good. `hash` is `sha256`, `sha384` or `sha512`, the key a DER
    /// SubjectPublicKeyInfo. RSA is PKCS#1 v1.5; ECDSA signatures are ASN.1 DER.
    ///
    /// # Errors
    /// Where the host cannot check it; that says nothing about the signature.
    fn verify_signature(
        &self,
        hash: &str,
        spki_der: &[u8],
        signature: &[u8],
        message: &[u8],
    ) -> Result<bool>;
}

/// A request of our own to a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callout {
    /// The name of a cluster of the proxy's configuration.
    pub cluster: String,
    /// The headers, `:method`, `:path` and `:authority` among them.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// After so long, the proxy gives up.
    pub timeout: Duration,
}

/// A gRPC call of our own to a cluster, with one message there and one back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrpcCallout {
    /// The name of a cluster of the proxy's configuration, with HTTP/2.
    pub cluster: String,
    /// The service's full name: `envoy.service.ratelimit.v3.RateLimitService`.
    pub service: String,
    /// The method: `ShouldRateLimit`.
    pub method: String,
    /// Metadata beside what the proxy sets itself, names in lower case.
    pub metadata: Vec<(String, Vec<u8>)>,
    /// The message, serialized.
    pub message: Vec<u8>,
    /// After so long, the proxy gives up.
    pub timeout: Duration,
}

/// A callout that is under way, HTTP or gRPC. One number for all filters of a plugin: Envoy counts both
/// kinds so that no number is one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CalloutId(pub u32);

/// Requests of our own.
pub trait Callouts {
    /// Sends one. What comes of it goes to [`crate::HttpFilter::answered`], or, where an Envoy fails
    /// to say, nowhere: who waits for it needs a deadline.
    ///
    /// # Errors
    /// Where it was not sent, and no answer will come: status 10 where the cluster has no healthy
    /// host, 2 where there is no such cluster.
    fn call_out(&self, callout: &Callout) -> Result<CalloutId>;

    /// Sends a gRPC call. What comes of it goes to [`crate::HttpFilter::answered`], as for an HTTP
    /// callout.
    ///
    /// # Errors
    /// Where it was not sent: status 10 where the cluster has no healthy host or does not exist. Envoy
    /// may then hand over a failure of a call by a number that nobody was told; who goes by the numbers
    /// it knows is not misled.
    fn call_grpc(&self, callout: &GrpcCallout) -> Result<CalloutId>;

    /// The headers of the answer that is being handed over, serialized; see
    /// [`crate::Headers::decode`].
    fn answer_headers(&self) -> Result<Vec<u8>>;

    /// The first bytes of the body of the answer that is being handed over.
    fn answer_body(&self, most: usize) -> Result<Vec<u8>>;

    /// The first bytes of the gRPC message that is being handed over.
    fn grpc_message(&self, most: usize) -> Result<Vec<u8>>;

    /// What came with the gRPC status that is being handed over, for people.
    fn grpc_status_text(&self) -> Result<Vec<u8>>;
}

/// The bodies of the current stream.
pub trait Bodies {
    /// The first bytes of what has arrived of the request's body, while it is held.
    fn request_body(&self, most: usize) -> Result<Vec<u8>>;

    /// Bytes of the chunk of the response's body that is on its way.
    fn response_body(&self, start: usize, length: usize) -> Result<Vec<u8>>;
}

/// A CEL expression that was compiled, in this VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Expression(pub u32);

/// CEL over the proxy's attributes, evaluated by the proxy.
pub trait Expressions {
    /// Compiles an expression. Envoy takes names that it does not know: they fail when evaluated.
    ///
    /// # Errors
    /// Status 2 where the text is no expression.
    fn compile(&self, expression: &str) -> Result<Expression>;

    /// Whether it holds for the stream whose callback this is; filters ask [`crate::Request::holds`]. Costs
    /// more than all headers do.
    ///
    /// # Errors
    /// Where it cannot be evaluated (a key that a map lacks), or is not a boolean.
    fn holds(&self, expression: Expression) -> Result<bool>;
}

/// Everything a filter may touch.
pub trait Host:
    Clock
    + Log
    + Metrics
    + SharedData
    + HeaderMaps
    + Properties
    + LocalReplies
    + Entropy
    + Signatures
    + Callouts
    + Bodies
    + Expressions
{
}

impl<T> Host for T where
    T: Clock
        + Log
        + Metrics
        + SharedData
        + HeaderMaps
        + Properties
        + LocalReplies
        + Entropy
        + Signatures
        + Callouts
        + Bodies
        + Expressions
{
}

/// Which way data of a connection goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// It comes from the client.
    Downstream,
    /// It goes to the client.
    Upstream,
}

/// The connection of a network filter.
pub trait Connections {
    /// Bytes of the data that is on its way, or held.
    fn network_data(&self, side: Side, start: usize, length: usize) -> Result<Vec<u8>>;

    /// Writes a filter state of Envoy's own, such as `envoy.tcp_proxy.cluster`, for as long as the connection
    /// lives. Once for each: they cannot be changed.
    ///
    /// # Errors
    /// Where Envoy knows none of that name (status 1), or cannot read the value.
    fn set_filter_state(&self, key: &str, value: &str) -> Result<()>;
}

/// Everything a network filter may touch. Headers, bodies and local replies are not there for it: what is
/// asked of them fails.
pub trait NetworkHost: Host + Connections {}

impl<T> NetworkHost for T where T: Host + Connections {}
