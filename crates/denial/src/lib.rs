//! The one shape of a denial.
//!
//! A filter says why it denies ([`Denial`]); the operator says what clients get to see of it
//! ([`DenialShape`], the `denial` field of every filter). What is decided here:
//!
//! 1. The status is the denial's, or the configured one.
//! 2. The body is RFC 9457 `application/problem+json`, plain text, the operator's own, or empty. It
//!    says the status, its phrase and what the filter offers as `detail`: never why a credential
//!    was refused.
//! 3. The reason goes into Envoy's response-code details as `gatehouse.<filter>.<reason>`.
//! 4. The operator's `headers` are added; one that the denial has too (`retry-after`) is replaced.
//! 5. On gRPC requests Envoy turns the reply into trailers with the denial's gRPC status.

mod shape;

#[cfg(test)]
mod tests;

pub use shape::{Body, DenialShape, Own};

/// gRPC status codes that denials use.
pub mod grpc {
    /// INVALID_ARGUMENT
    pub const INVALID_ARGUMENT: u32 = 3;
    /// PERMISSION_DENIED
    pub const PERMISSION_DENIED: u32 = 7;
    /// RESOURCE_EXHAUSTED
    pub const RESOURCE_EXHAUSTED: u32 = 8;
    /// INTERNAL
    pub const INTERNAL: u32 = 13;
    /// UNAVAILABLE
    pub const UNAVAILABLE: u32 = 14;
    /// UNAUTHENTICATED
    pub const UNAUTHENTICATED: u32 = 16;
}

/// Why a filter denies a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial<'a> {
    /// The filter: `auth`.
    pub filter: &'a str,
    /// For the operator, in lower snake case: `credential_missing`.
    pub reason: &'a str,
    /// The HTTP status.
    pub status: u16,
    /// The gRPC status; one of [`grpc`].
    pub grpc_status: u32,
    /// For the client: what it can do about it. Nothing secret.
    pub detail: Option<&'a str>,
    /// Headers that belong to the status: `www-authenticate`, `retry-after`.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// The phrase of a status (RFC 9110, 15).
pub(crate) fn phrase(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ if status < 500 => "Client Error",
        _ => "Server Error",
    }
}
