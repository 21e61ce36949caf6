//! Which headers Envoy keeps one line of, for hosts that take its place in tests.
//!
//! Envoy calls them inline headers. A value that is added to one is joined to what is there with a comma, where any
//! other header would get a line of its own. Those of `envoy/http/header_map.h`, and those that extensions of a stock
//! Envoy register (CORS, cache, compression, OAuth): the list is that of 1.40, and no filter goes by it.

/// What a header map is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// A request.
    Request,
    /// A response.
    Response,
    /// Either side's trailers.
    Trailers,
}

impl Of {
    /// By the number of the ABI.
    pub fn map(map: u32) -> Self {
        match map {
            0 => Self::Request,
            2 => Self::Response,
            _ => Self::Trailers,
        }
    }

    /// Whether Envoy keeps one line of a header, whose name is in lower case.
    pub fn keeps_one(self, name: &str) -> bool {
        match self {
            Self::Request => BOTH.contains(&name) || REQUEST.contains(&name),
            Self::Response => BOTH.contains(&name) || RESPONSE.contains(&name),
            Self::Trailers => ["grpc-message", "grpc-status"].contains(&name),
        }
    }
}

/// What such a header says once a value was added: what it said, a comma and the value, without the comma where one of
/// the two is empty.
pub fn joined(present: &[u8], added: &[u8]) -> Vec<u8> {
    let comma: &[u8] = match present.is_empty() || added.is_empty() {
        true => b"",
        false => b",",
    };
    [present, comma, added].concat()
}

const BOTH: &[&str] = &[
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-request-id",
];

const REQUEST: &[&str] = &[
    ":authority",
    ":method",
    ":path",
    ":protocol",
    ":scheme",
    "accept",
    "accept-encoding",
    "access-control-request-headers",
    "access-control-request-method",
    "authorization",
    "expect",
    "grpc-accept-encoding",
    "grpc-timeout",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "origin",
    "pragma",
    "referer",
    "te",
    "user-agent",
    "x-client-trace-id",
    "x-forwarded-client-cert",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
];

const RESPONSE: &[&str] = &[
    ":status",
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-max-age",
    "age",
    "date",
    "etag",
    "expires",
    "grpc-message",
    "grpc-status",
    "last-modified",
    "location",
    "proxy-status",
    "server",
    "vary",
];
