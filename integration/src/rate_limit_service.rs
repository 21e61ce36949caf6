//! A server of Envoy's RateLimitService: gRPC over HTTP/2 without TLS, with the answer in the hands of the test.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gatehouse_rate_limit_service::{METHOD, RateLimitRequest, RateLimitResponse, SERVICE};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// What the server does with a question.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Answers it.
    Answer(RateLimitResponse),
    /// Answers with these bytes in place of a message.
    Bytes(Vec<u8>),
    /// Answers with several messages, which no server of a method that returns one does.
    Messages(Vec<Vec<u8>>),
    /// Answers with a gRPC status and no message.
    Status(u32),
    /// Answers with an HTTP status that no gRPC server sends.
    Http(u16),
    /// Does that so much later.
    After(Duration, Box<Reply>),
}

/// A running server; it ends when dropped.
pub struct RateLimitServer {
    address: SocketAddr,
    _runtime: Runtime,
}

type Decide = dyn Fn(RateLimitRequest) -> Reply + Send + Sync;

impl RateLimitServer {
    /// Starts one on a free port of the loopback address. `decide` may block.
    pub fn start(decide: impl Fn(RateLimitRequest) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(SocketAddr::from(([127, 0, 0, 1], 0)), decide).expect("a free port")
    }

    /// Starts one on this address.
    pub fn listen(
        address: SocketAddr,
        decide: impl Fn(RateLimitRequest) -> Reply + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind(address))?;
        let address = listener.local_addr()?;
        runtime.spawn(accept(listener, Arc::new(decide)));
        Ok(Self {
            address,
            _runtime: runtime,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn accept(listener: TcpListener, decide: Arc<Decide>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        // As gRPC servers do: an answer is a few small writes, the last of which would wait for the peer's delayed
        // acknowledgement of the first.
        let _ = stream.set_nodelay(true);
        let decide = decide.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, decide.clone()));
            let builder = auto::Builder::new(TokioExecutor::new());
            // A connection that breaks is the peer's business.
            let _ = builder
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

type Body = BoxBody<Bytes, Infallible>;

async fn answer(
    request: hyper::Request<Incoming>,
    decide: Arc<Decide>,
) -> Result<hyper::Response<Body>, Infallible> {
    // UNIMPLEMENTED
    if request.uri().path() != format!("/{SERVICE}/{METHOD}") {
        return Ok(status(12));
    }
    let Ok(body) = request.into_body().collect().await else {
        return Ok(status(13));
    };
    let body = body.to_bytes();
    // One byte says that it is not compressed, four how long it is.
    let question = body.get(5..).map(RateLimitRequest::decode);
    let Some(Ok(question)) = question else {
        return Ok(status(3));
    };
    // UNAVAILABLE where the engine gives up.
    let decided = tokio::task::spawn_blocking(move || decide(question)).await;
    let mut reply = decided.unwrap_or(Reply::Status(14));
    while let Reply::After(delay, then) = reply {
        tokio::time::sleep(delay).await;
        reply = *then;
    }
    Ok(match reply {
        Reply::Answer(response) => message(&response.encode_to_vec()),
        Reply::Bytes(bytes) => message(&bytes),
        Reply::Messages(all) => messages(&all),
        Reply::Status(code) => status(code),
        Reply::Http(code) => {
            let mut response = hyper::Response::new(Empty::new().boxed());
            *response.status_mut() = hyper::StatusCode::from_u16(code).expect("a status");
            response
        }
        Reply::After(..) => status(13),
    })
}

fn message(bytes: &[u8]) -> hyper::Response<Body> {
    messages(&[bytes.to_vec()])
}

fn messages(all: &[Vec<u8>]) -> hyper::Response<Body> {
    let mut framed = Vec::new();
    for bytes in all {
        let length = u32::try_from(bytes.len()).expect("a message of 4 GiB at most");
        framed.push(0);
        framed.extend(length.to_be_bytes());
        framed.extend(bytes);
    }
    let trailers = async { Some(Ok(grpc_status(0))) };
    grpc(
        Full::new(Bytes::from(framed))
            .with_trailers(trailers)
            .boxed(),
    )
}

fn status(code: u32) -> hyper::Response<Body> {
    let mut response = grpc(Empty::new().boxed());
    response.headers_mut().extend(grpc_status(code));
    response
}

fn grpc(body: Body) -> hyper::Response<Body> {
    let mut response = hyper::Response::new(body);
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", grpc);
    response
}

fn grpc_status(code: u32) -> HeaderMap {
    HeaderMap::from_iter([(
        hyper::header::HeaderName::from_static("grpc-status"),
        code.into(),
    )])
}
