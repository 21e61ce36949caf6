//! An answer that comes from the proxy itself.

/// What is sent to the client in place of what the upstream would have said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalReply {
    /// The HTTP status.
    pub status: u16,
    /// Additional headers; `content-type` among them where there is a body.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
    /// On gRPC requests Envoy answers with this status in trailers, and the body as its message.
    pub grpc_status: Option<u32>,
    /// Envoy's response-code details: `gatehouse.auth.no_credential`.
    pub details: String,
}
