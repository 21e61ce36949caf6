//! The one shape of a denial: status, headers, body, gRPC status, reason.
