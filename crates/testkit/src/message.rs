//! Requests and responses as tests write them, and messages as they come out on the other side.

use crate::{Headers, Value};
use std::collections::BTreeMap;

/// A request as it comes from a client.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) headers: Headers,
    pub(crate) chunks: Vec<Vec<u8>>,
    pub(crate) trailers: Option<Headers>,
    pub(crate) attributes: BTreeMap<Vec<String>, Value>,
    pub(crate) filter_state: BTreeMap<String, Vec<u8>>,
    pub(crate) http1: bool,
}

impl Request {
    /// Of a method and a path, for the host `gatehouse.test`, from 127.0.0.1:40000, in plain HTTP/1.1.
    pub fn new(method: &str, path: &str) -> Self {
        let headers = Headers::from([
            (":authority", "gatehouse.test"),
            (":path", path),
            (":method", method),
            (":scheme", "http"),
        ]);
        Self {
            headers,
            chunks: Vec::new(),
            trailers: None,
            attributes: BTreeMap::new(),
            filter_state: BTreeMap::new(),
            http1: true,
        }
        .source("127.0.0.1:40000")
        .attribute(["destination", "address"], "127.0.0.1:10000")
        .attribute(["destination", "port"], 10000_i64)
        .attribute(["request", "protocol"], "HTTP/1.1")
        .attribute(["connection", "mtls"], false)
        .attribute(["connection", "requested_server_name"], "")
        .attribute(["xds", "route_name"], "")
    }

    /// A GET.
    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// A POST with a body.
    pub fn post(path: &str, body: impl AsRef<[u8]>) -> Self {
        Self::new("POST", path).body(body)
    }

    /// Adds a header after all others. Pseudo-headers are replaced.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        match name.starts_with(':') {
            _ if name.eq_ignore_ascii_case("host") => self.headers.put(":authority", value),
            true => self.headers.put(name, value),
            false => self.headers.push(name, value),
        }
        self
    }

    /// The host it is for: `:authority`.
    #[must_use]
    pub fn host(self, host: &str) -> Self {
        self.header(":authority", host)
    }

    /// Replaces all headers, pseudo-headers too.
    #[must_use]
    pub fn headers(mut self, headers: impl Into<Headers>) -> Self {
        self.headers = headers.into();
        self
    }

    /// Adds a chunk of the body, and the header `content-length` where the body is one chunk.
    #[must_use]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.headers
            .set("content-length", body.as_ref().len().to_string());
        self.chunk(body)
    }

    /// Adds a chunk of the body.
    #[must_use]
    pub fn chunk(mut self, chunk: impl AsRef<[u8]>) -> Self {
        self.chunks.push(chunk.as_ref().to_vec());
        self
    }

    /// Adds trailers.
    #[must_use]
    pub fn trailers(mut self, trailers: impl Into<Headers>) -> Self {
        self.trailers = Some(trailers.into());
        self
    }

    /// Where the client is: address and port.
    #[must_use]
    pub fn source(self, address: &str) -> Self {
        let port = address
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse::<i64>().ok());
        self.attribute(["source", "address"], address)
            .attribute(["source", "port"], port.unwrap_or_default())
    }

    /// TLS, and what its handshake showed.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.headers.put(":scheme", "https");
        let texts = [
            (["connection", "tls_version"], tls.version),
            (["connection", "requested_server_name"], tls.server_name),
            (["connection", "subject_peer_certificate"], tls.subject),
            (
                ["connection", "sha256_peer_certificate_digest"],
                tls.sha256_digest,
            ),
            (
                ["connection", "uri_san_peer_certificate"],
                tls.uri_sans.first().cloned().unwrap_or_default(),
            ),
            (
                ["connection", "dns_san_peer_certificate"],
                tls.dns_sans.first().cloned().unwrap_or_default(),
            ),
        ];
        let given = texts.into_iter().filter(|(_, text)| !text.is_empty());
        let spec = given.fold(self, |spec, (path, text)| spec.attribute(path, text));
        spec.attribute(["connection", "mtls"], tls.mutual)
    }

    /// The name of the route that was chosen for it.
    #[must_use]
    pub fn route_name(self, name: &str) -> Self {
        self.attribute(["xds", "route_name"], name)
    }

    /// A value in the metadata of its route: `xds.route_metadata.filter_metadata.<filter>.<key>`.
    #[must_use]
    pub fn route_metadata(self, filter: &str, key: &str, value: impl Into<Value>) -> Self {
        self.attribute(
            ["xds", "route_metadata", "filter_metadata", filter, key],
            value,
        )
    }

    /// A value in its dynamic metadata: `metadata.filter_metadata.<filter>.<key>`.
    #[must_use]
    pub fn dynamic_metadata(self, filter: &str, key: &str, value: impl Into<Value>) -> Self {
        self.attribute(["metadata", "filter_metadata", filter, key], value)
    }

    /// Any attribute by its path.
    #[must_use]
    pub fn attribute<const LENGTH: usize>(
        mut self,
        path: [&str; LENGTH],
        value: impl Into<Value>,
    ) -> Self {
        let path = path.iter().map(|part| (*part).to_owned()).collect();
        self.attributes.insert(path, value.into());
        self
    }

    /// Takes an attribute away.
    #[must_use]
    pub fn without_attribute<const LENGTH: usize>(mut self, path: [&str; LENGTH]) -> Self {
        let path: Vec<_> = path.iter().map(|part| (*part).to_owned()).collect();
        self.attributes.remove(&path);
        self
    }

    /// Filter state that a filter before this one has left under `wasm.<name>`.
    #[must_use]
    pub fn filter_state(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.filter_state
            .insert(name.to_owned(), value.as_ref().to_vec());
        self
    }

    /// HTTP/2: the last chunk of a body says that it is the last. In HTTP/1.1 an empty one follows.
    #[must_use]
    pub fn http2(mut self) -> Self {
        self.http1 = false;
        self.attribute(["request", "protocol"], "HTTP/2")
    }

    /// Whether all that follows is its body, to Envoy.
    pub(crate) fn is_upgrade(&self) -> bool {
        self.http1 && self.headers.ask_for_upgrade()
    }
}

/// What is known of a TLS connection. What is empty is not there.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// Whether the client showed a certificate that was found good.
    pub mutual: bool,
    /// `TLSv1.3`.
    pub version: String,
    /// SNI.
    pub server_name: String,
    /// The subject of the client's certificate.
    pub subject: String,
    /// URIs in the client's certificate. The attribute `uri_san_peer_certificate` has the first.
    pub uri_sans: Vec<String>,
    /// DNS names in the client's certificate. The attribute `dns_san_peer_certificate` has the first.
    pub dns_sans: Vec<String>,
    /// The digest of the client's certificate in hex.
    pub sha256_digest: String,
}

/// A response as it comes from an upstream.
#[derive(Clone, Debug)]
pub struct Response {
    pub(crate) headers: Headers,
    pub(crate) chunks: Vec<Vec<u8>>,
    pub(crate) trailers: Option<Headers>,
    pub(crate) http1: bool,
}

impl Response {
    /// Of a status, without a body.
    pub fn new(status: u16) -> Self {
        Self {
            headers: Headers::from([(":status", status.to_string())]),
            chunks: Vec::new(),
            trailers: None,
            http1: true,
        }
    }

    /// Adds a header after all others.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push(name, value);
        self
    }

    /// Sets the body, and `content-length`.
    #[must_use]
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.headers
            .set("content-length", body.as_ref().len().to_string());
        self.chunk(body)
    }

    /// Adds a chunk of the body.
    #[must_use]
    pub fn chunk(mut self, chunk: impl AsRef<[u8]>) -> Self {
        self.chunks.push(chunk.as_ref().to_vec());
        self
    }

    /// Adds trailers.
    #[must_use]
    pub fn trailers(mut self, trailers: impl Into<Headers>) -> Self {
        self.trailers = Some(trailers.into());
        self
    }

    /// HTTP/2: the last chunk of a body says that it is the last.
    #[must_use]
    pub fn http2(mut self) -> Self {
        self.http1 = false;
        self
    }
}

/// A request or response as it comes out of the filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Headers, pseudo-headers first.
    pub headers: Headers,
    /// What has come out of the body.
    pub body: Vec<u8>,
    /// Trailers.
    pub trailers: Option<Headers>,
    /// Whether all of it has come out.
    pub complete: bool,
}

impl Message {
    /// The status of a response, 0 for a request.
    pub fn status(&self) -> u16 {
        let status = self.headers.text(":status");
        status
            .and_then(|status| status.parse().ok())
            .unwrap_or_default()
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
