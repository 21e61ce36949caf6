//! An issuer that does what a test tells it, and counts who asks.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// What is answered at a path.
#[derive(Clone)]
pub(crate) enum Answer {
    /// Status, headers, body.
    With(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// The same, after so long.
    Late(Duration, Box<Answer>),
    /// The connection is cut.
    Cut,
}

impl Answer {
    /// 200 and this document.
    pub(crate) fn document(document: impl ToString) -> Self {
        Self::With(200, Vec::new(), document.to_string().into_bytes())
    }

    /// Another status, and nothing.
    pub(crate) fn status(status: u16) -> Self {
        Self::With(status, Vec::new(), Vec::new())
    }
}

struct State {
    answers: BTreeMap<String, Answer>,
    /// When each path was asked for.
    asked: BTreeMap<String, Vec<Instant>>,
}

/// A running issuer; it ends when dropped.
pub(crate) struct Issuer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    runtime: Option<Runtime>,
}

impl Issuer {
    /// Starts one on a free port. It answers 404 to what it was not told of.
    pub(crate) fn start() -> Self {
        Self::listen(SocketAddr::from(([127, 0, 0, 1], 0)), &[])
    }

    /// Starts one on this address. That it answers so is known before anybody can ask.
    pub(crate) fn listen(address: SocketAddr, answers: &[(&str, Answer)]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime
            .block_on(TcpListener::bind(address))
            .expect("the port");
        let answers = answers.iter();
        let state = Arc::new(Mutex::new(State {
            answers: answers
                .map(|(path, answer)| ((*path).to_owned(), answer.clone()))
                .collect(),
            asked: BTreeMap::new(),
        }));
        let address = listener.local_addr().expect("an address");
        runtime.spawn(accept(listener, state.clone()));
        Self {
            address,
            state,
            runtime: Some(runtime),
        }
    }

    /// An address at which nobody ever listens.
    pub(crate) fn nowhere() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 1))
    }

    /// An address at which nobody listens yet. All other sockets are at another one, so its port stays free.
    pub(crate) fn to_come() -> SocketAddr {
        let listener = std::net::TcpListener::bind(("127.0.0.2", 0)).expect("a free port");
        listener.local_addr().expect("an address")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says what is answered at a path from now on.
    pub(crate) fn says(&self, path: &str, answer: Answer) {
        let mut state = self.state.lock().expect("no panic");
        state.answers.insert(path.to_owned(), answer);
    }

    /// How often a path was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.asked_at(path).len()
    }

    /// When a path was asked for.
    pub(crate) fn asked_at(&self, path: &str) -> Vec<Instant> {
        let state = self.state.lock().expect("no panic");
        state.asked.get(path).cloned().unwrap_or_default()
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let state = state.clone();
        let service = service_fn(move |request| answer(request, state.clone()));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
    state: Arc<Mutex<State>>,
) -> Result<hyper::Response<Full<Bytes>>, &'static str> {
    let path = request.uri().path().to_owned();
    let mut answer = {
        let mut state = state.lock().expect("no panic");
        let asked = state.asked.entry(path.clone()).or_default();
        asked.push(Instant::now());
        state
            .answers
            .get(&path)
            .cloned()
            .unwrap_or(Answer::status(404))
    };
    if let Answer::Late(after, late) = answer {
        tokio::time::sleep(after).await;
        answer = *late;
    }
    let Answer::With(status, headers, body) = answer else {
        return Err("cut");
    };
    let known = request.headers().get("if-none-match");
    let etag = headers.iter().find(|(name, _)| *name == "etag");
    let is_known = match (known, etag) {
        (Some(known), Some((_, etag))) => known.as_bytes() == etag.as_bytes(),
        _ => false,
    };
    let (status, body) = if is_known {
        (304, Vec::new())
    } else {
        (status, body)
    };
    let mut response = hyper::Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(Full::from(body)).map_err(|_| "no response")
}
