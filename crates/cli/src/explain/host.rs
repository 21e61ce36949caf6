//! The host in memory that a request meets.

use super::request::Request;
use gatehouse_host::Timestamp;
use gatehouse_host_fake::FakeHost;
use std::net::SocketAddr;

/// A host at the time of the request.
pub(super) fn host(request: &Request) -> FakeHost {
    let host = FakeHost::default();
    host.set_now(Timestamp::from_nanos(request.now));
    host.verifies(Box::new(gatehouse_testkit::verify_signature));
    for (expression, holds) in &request.expressions {
        host.expression_is(expression, Some(*holds));
    }
    host
}

/// The request arrives.
pub(super) fn begin(host: &FakeHost, request: &Request) {
    let headers = request.headers.iter();
    host.begin(headers.map(|(name, value)| (name.as_str(), value.as_bytes())));
    host.body_is(request.body.clone());
    // As Envoy writes it, with a port that nobody looks at.
    let peer = SocketAddr::new(request.client_ip, 50_000).to_string();
    host.property_is("source.address", peer);
    for (name, value) in &request.properties {
        // A truth value is one byte, as Envoy writes it.
        let bytes = match value.as_str() {
            "true" => vec![1],
            "false" => vec![0],
            text => text.as_bytes().to_vec(),
        };
        host.property_is(name, bytes);
    }
}
