//! The echo upstream: answers every request with what it received, as JSON.
//!
//! ```json
//! {"method": "GET", "path": "/a?b=c", "headers": [["host", "a.test"], ["x-a", "1"], ["x-a", "2"]], "body": ""}
//! ```
//!
//! Headers are in the order of arrival, but the values of one name stand together. Bytes that are not UTF-8 are shown as
//! `\xNN`, and then a backslash as `\\`. Over HTTP/2 `host` is the `:authority`.
//!
//! The request says what else the response is:
//! - `x-echo-status: 503` sets its status;
//! - `x-echo-set-NAME: VALUE` adds a response header NAME; repeated, it adds several.
//!
//! HTTP/1.1 and HTTP/2 without TLS (prior knowledge) on one port.

use std::convert::Infallible;
use std::net::SocketAddr;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{StatusCode, header};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

/// Past what any test sends: the limits under test are Envoy's.
const MAX_HEADERS: usize = 1024;
const MAX_HEADER_BYTES: u32 = 1024 * 1024;

/// A running echo upstream; it ends when dropped.
pub struct Echo {
    address: SocketAddr,
    runtime: Runtime,
}

/// What the echo upstream says it received.
#[derive(Debug, Serialize, Deserialize)]
pub struct Echoed {
    /// The method.
    pub method: String,
    /// Path and query as received.
    pub path: String,
    /// Names in lower case and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Echoed {
    /// All values of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Vec<&str> {
        let named = self
            .headers
            .iter()
            .filter(|(candidate, _)| candidate == name);
        named.map(|(_, value)| value.as_str()).collect()
    }
}

impl Echo {
    /// Starts one on a free port of the loopback address.
    pub fn start() -> Self {
        Self::listen(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port")
    }

    /// Starts one on this address.
    pub fn listen(address: SocketAddr) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind(address))?;
        let address = listener.local_addr()?;
        runtime.spawn(accept(listener));
        Ok(Self { address, runtime })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the process is told to end. In a container it is process 1, which no signal ends by itself.
    pub fn serve_until_signalled(self) -> std::io::Result<()> {
        self.runtime.block_on(async {
            let mut terminate = signal(SignalKind::terminate())?;
            let mut interrupt = signal(SignalKind::interrupt())?;
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            Ok(())
        })
    }
}

async fn accept(listener: TcpListener) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        tokio::spawn(async move {
            let mut builder = auto::Builder::new(TokioExecutor::new());
            builder.http1().max_headers(MAX_HEADERS);
            builder.http2().max_header_list_size(MAX_HEADER_BYTES);
            // A connection that breaks is the peer's business.
            let _ = builder
                .serve_connection(TokioIo::new(stream), service_fn(answer))
                .await;
        });
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return Ok(respond(
            StatusCode::BAD_REQUEST,
            HeaderMap::new(),
            "the body broke off",
        ));
    };
    let mut headers: Vec<_> = head
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), shown(value.as_bytes())))
        .collect();
    if let Some(authority) = head
        .uri
        .authority()
        .filter(|_| !head.headers.contains_key(header::HOST))
    {
        headers.insert(0, ("host".to_owned(), authority.to_string()));
    }
    let echoed = Echoed {
        method: head.method.to_string(),
        path: head
            .uri
            .path_and_query()
            .map_or_else(|| head.uri.to_string(), ToString::to_string),
        headers,
        body: shown(&body.to_bytes()),
    };

    let Some((status, headers)) = ordered(&head.headers) else {
        return Ok(respond(
            StatusCode::BAD_REQUEST,
            HeaderMap::new(),
            "bad x-echo header",
        ));
    };
    let text = serde_json::to_string(&echoed).expect("strings serialize");
    Ok(respond(status, headers, text))
}

/// The status and the headers that the `x-echo-` headers ask for; `None` if one of them is not valid.
fn ordered(request: &HeaderMap) -> Option<(StatusCode, HeaderMap)> {
    let mut status = StatusCode::OK;
    let mut headers = HeaderMap::new();
    for (name, value) in request {
        if name == "x-echo-status" {
            status = StatusCode::from_bytes(value.as_bytes()).ok()?;
        } else if let Some(name) = name.as_str().strip_prefix("x-echo-set-") {
            headers.append(HeaderName::try_from(name).ok()?, value.clone());
        }
    }
    Some((status, headers))
}

fn respond(
    status: StatusCode,
    headers: HeaderMap,
    body: impl Into<Bytes>,
) -> hyper::Response<Full<Bytes>> {
    let mut response = hyper::Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
        .headers_mut()
        .entry(header::CONTENT_TYPE)
        .or_insert(HeaderValue::from_static("application/json"));
    response
}

/// Bytes as text: UTF-8 as it is, anything else with escapes.
fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.escape_ascii().to_string(),
    }
}
