//! A gRPC service whose answer is what the message asks for.

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// What the service does.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// A message.
    Message(String),
    /// A status, and no message.
    Status(u32, &'static str),
    /// No gRPC at all.
    Http(u16),
    Hangs,
    /// Cuts the connection.
    Cuts,
}

/// As the message asks for it.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(text) => write!(f, "message {text}"),
            Self::Status(status, text) => write!(f, "status {status} {text}"),
            Self::Http(status) => write!(f, "http {status}"),
            Self::Hangs => write!(f, "hang"),
            Self::Cuts => write!(f, "cut"),
        }
    }
}

/// A running service; it ends when dropped.
pub(crate) struct Grpc {
    address: SocketAddr,
    _runtime: Runtime,
}

impl Grpc {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("a free port");
        let address = listener.local_addr().expect("an address");
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let builder = auto::Builder::new(TokioExecutor::new());
                    // A connection that breaks is the peer's business, or what was asked for.
                    let _ = builder
                        .serve_connection(TokioIo::new(stream), service_fn(answer))
                        .await;
                });
            }
        });
        Self {
            address,
            _runtime: runtime,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

type Body = http_body_util::combinators::BoxBody<Bytes, std::convert::Infallible>;

async fn answer(request: hyper::Request<Incoming>) -> Result<Response<Body>, std::io::Error> {
    let (head, body) = request.into_parts();
    assert_eq!(head.uri.path(), "/probe.v1.Probe/Ask");
    assert!(head.headers.contains_key("x-probe-id"), "metadata");
    assert_eq!(head.headers["content-type"], "application/grpc");
    let body = body.collect().await.map_err(std::io::Error::other)?;
    let frame = body.to_bytes();
    let message = String::from_utf8_lossy(frame.get(5..).unwrap_or_default()).into_owned();
    let (order, rest) = message.split_once(' ').unwrap_or((&message, ""));
    let (status, data, trailers) = match order {
        "message" => (200, framed(rest.as_bytes()), vec![("grpc-status", "0")]),
        "status" => {
            let (status, text) = rest.split_once(' ').unwrap_or((rest, ""));
            let trailers = vec![("grpc-status", status), ("grpc-message", text)];
            (200, Vec::new(), trailers)
        }
        "http" => (rest.parse().unwrap_or(500), b"no gRPC".to_vec(), Vec::new()),
        "cut" => return Err(std::io::Error::other("as asked for")),
        _ => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            (200, Vec::new(), Vec::new())
        }
    };
    let trailers: HeaderMap = trailers
        .into_iter()
        .map(|(name, value)| {
            let value = HeaderValue::from_str(value).expect("a value");
            (HeaderName::from_static(name), value)
        })
        .collect();
    let body = Full::new(Bytes::from(data)).with_trailers(async move { Some(Ok(trailers)) });
    let mut response = Response::new(body.boxed());
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    let kind = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", kind);
    Ok(response)
}

/// A message as gRPC frames it: not compressed, its length, its bytes.
fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a short message");
    let mut frame = vec![0];
    frame.extend(length.to_be_bytes());
    frame.extend_from_slice(message);
    frame
}
