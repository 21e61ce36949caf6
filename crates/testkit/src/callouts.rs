//! Callouts: what modules send to clusters, and what tests answer.

use crate::local_reply::grpc_status;
use crate::vm::{Call, State, Vm, length};
use crate::{Cluster, Headers};
use std::time::Duration;

/// The reply of a cluster to an HTTP callout.
#[derive(Clone, Debug, Default)]
pub(crate) struct HttpAnswer {
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<Headers>,
}

/// What can be read of the answer while its callback runs.
#[derive(Default)]
pub(crate) struct Answering {
    pub(crate) http: Option<HttpAnswer>,
    pub(crate) message: Option<Vec<u8>>,
    pub(crate) initial_metadata: Option<Headers>,
    pub(crate) trailing_metadata: Option<Headers>,
}

/// A callout that was sent and is not answered yet.
#[derive(Clone, Debug)]
pub struct SentCallout {
    /// Counts up over all workers.
    pub sequence: u64,
    /// Where it goes.
    pub cluster: String,
    /// What kind it is.
    pub kind: CalloutKind,
    /// Headers of an HTTP callout, metadata of a gRPC call.
    pub headers: Headers,
    /// The body, or the messages of a gRPC call, one after the other.
    pub body: Vec<u8>,
    /// Trailers of an HTTP callout.
    pub trailers: Option<Headers>,
    /// Nothing for no limit.
    pub timeout: Option<Duration>,
    /// When it was sent, in nanoseconds since 1970.
    pub sent_at: u64,
}

/// What a callout speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CalloutKind {
    /// `proxy_http_call`
    Http,
    /// `proxy_grpc_call`
    Grpc {
        /// `envoy.service.ratelimit.v3.RateLimitService`
        service: String,
        /// `ShouldRateLimit`
        method: String,
    },
    /// `proxy_grpc_stream`
    GrpcStream {
        /// As of a call.
        service: String,
        /// As of a call.
        method: String,
    },
}

/// A callout in the VM that sent it.
pub(crate) struct Pending {
    pub(crate) sent: SentCallout,
    pub(crate) deadline: Option<u64>,
    /// The headers of the answer have come, and the rest has not.
    pub(crate) begun: bool,
}

/// What a test makes of a callout.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Http(HttpAnswer),
    /// A response that Envoy makes in the place of a cluster: its body, and the details that a gRPC call is told with it.
    Local(&'static str, &'static str),
    /// The connection was cut: no headers.
    Reset,
    TimedOut,
    InitialMetadata(Headers),
    TrailingMetadata(Headers),
    /// A message; of a call, the answer.
    Message(Vec<u8>),
    Messages(Vec<Vec<u8>>),
    Status(u32, String),
}

impl State {
    /// Takes a number: the lowest bits say what it is of.
    pub(crate) fn token(&mut self, kind: &CalloutKind) -> u32 {
        let (counter, bits) = match kind {
            CalloutKind::Http => (&mut self.next_http, 0),
            CalloutKind::Grpc { .. } => (&mut self.next_grpc_call, 1),
            CalloutKind::GrpcStream { .. } => (&mut self.next_grpc_stream, 2),
        };
        *counter += 4;
        *counter | bits
    }

    pub(crate) fn send(&mut self, token: u32, sent: SentCallout) {
        let deadline = sent
            .timeout
            .map(|timeout| sent.sent_at.saturating_add(nanos(timeout)));
        self.pending.insert(
            token,
            Pending {
                sent,
                deadline,
                begun: false,
            },
        );
    }
}

impl Vm {
    /// The callout that was sent as this one of all, if it is pending.
    pub(crate) fn token_of(&mut self, sequence: u64) -> Option<u32> {
        let mut pending = self.state().pending.iter();
        pending
            .find(|(_, pending)| pending.sent.sequence == sequence)
            .map(|(token, _)| *token)
    }

    pub(crate) fn answer(&mut self, token: u32, answer: Answer) {
        let Some(pending) = self.state().pending.get(&token) else {
            return;
        };
        let is_stream = matches!(pending.sent.kind, CalloutKind::GrpcStream { .. });
        let begun = pending.begun;
        match (pending.sent.kind.clone(), answer) {
            (CalloutKind::Http, Answer::Http(answer)) => self.http_answer(token, Some(answer)),
            (CalloutKind::Http, Answer::Local(body, _)) => {
                self.http_answer(token, Some(local_answer(503, body)));
            }
            (CalloutKind::Http, Answer::TimedOut) if !begun => {
                self.http_answer(token, Some(local_answer(504, TIMED_OUT)))
            }
            (CalloutKind::Http, _) => self.http_answer(token, None),
            (_, Answer::InitialMetadata(headers)) => {
                let count = length(headers.len());
                self.state().answering.initial_metadata = Some(headers);
                self.root_call(Call::GrpcInitialMetadata(token, count));
                self.state().answering.initial_metadata = None;
            }
            (_, Answer::TrailingMetadata(headers)) => {
                let count = length(headers.len());
                self.state().answering.trailing_metadata = Some(headers);
                self.root_call(Call::GrpcTrailingMetadata(token, count));
                self.state().answering.trailing_metadata = None;
            }
            (_, Answer::Message(message)) => self.grpc_message(token, message, is_stream),
            (_, Answer::Messages(messages)) if is_stream => {
                for message in messages {
                    self.grpc_message(token, message, is_stream);
                }
            }
            (_, Answer::Messages(mut messages)) => match messages.pop() {
                Some(message) => self.grpc_message(token, message, is_stream),
                None => self.grpc_close(token, INTERNAL, ""),
            },
            (_, Answer::Local(body, details)) => {
                self.grpc_close(token, UNAVAILABLE, &format!("{body}{{{details}}}"));
            }
            // An answer without a message is none.
            (_, Answer::Status(0, _)) if !is_stream => self.grpc_close(token, INTERNAL, ""),
            (_, Answer::Status(status, message)) if message.is_empty() => {
                self.grpc_close(token, status, VIA_UPSTREAM);
            }
            (_, Answer::Status(status, message)) => self.grpc_close(token, status, &message),
            (_, Answer::TimedOut) => {
                let message = format!("{TIMED_OUT}{{response_timeout}}");
                self.grpc_close(token, UNAVAILABLE, &message);
            }
            (_, Answer::Http(answer)) => {
                let status = answer.headers.text(":status");
                let status = status.and_then(|status| status.parse().ok());
                let status = grpc_status(status.unwrap_or_default());
                self.grpc_close(token, status, VIA_UPSTREAM);
            }
            (_, Answer::Reset) => self.grpc_close(token, UNAVAILABLE, ""),
        }
    }

    fn grpc_message(&mut self, token: u32, message: Vec<u8>, is_stream: bool) {
        if !is_stream {
            self.state().pending.remove(&token);
        }
        let size = length(message.len());
        self.state().answering.message = Some(message);
        self.root_call(Call::GrpcReceive(token, size));
        self.state().answering.message = None;
    }

    fn http_answer(&mut self, token: u32, answer: Option<HttpAnswer>) {
        self.state().pending.remove(&token);
        let sizes = answer.as_ref().map(|answer| {
            let trailers = answer
                .trailers
                .as_ref()
                .map(Headers::len)
                .unwrap_or_default();
            [answer.headers.len(), answer.body.len(), trailers].map(length)
        });
        let state = self.state();
        if answer.is_none() {
            // WasmResult::BrokenConnection
            state.status = (11, "reset".to_owned());
        }
        state.answering.http = answer;
        self.root_call(Call::HttpCallResponse(token, sizes.unwrap_or_default()));
        let state = self.state();
        state.answering.http = None;
        state.status.1.clear();
    }

    pub(crate) fn grpc_close(&mut self, token: u32, status: u32, message: &str) {
        self.state().pending.remove(&token);
        self.state().status = (status, message.to_owned());
        self.root_call(Call::GrpcClose(token, status));
        self.state().status.1.clear();
    }

    fn root_call(&mut self, call: Call) {
        let root = self.state().root;
        self.call(root, call);
    }
}

/// Envoy's words where a service gives a status and no message.
const VIA_UPSTREAM: &str = "via_upstream";

/// Envoy's words for a callout whose time is over.
const TIMED_OUT: &str = "upstream request timeout";

/// gRPC's INTERNAL.
const INTERNAL: u32 = 13;

/// gRPC's UNAVAILABLE.
pub(crate) const UNAVAILABLE: u32 = 14;

/// An answer that Envoy makes in the place of a cluster.
fn local_answer(status: u16, body: &str) -> HttpAnswer {
    let headers = Headers::from([
        (":status", status.to_string()),
        ("content-length", body.len().to_string()),
        ("content-type", "text/plain".to_owned()),
    ]);
    HttpAnswer {
        headers,
        body: body.as_bytes().to_vec(),
        trailers: None,
    }
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// What comes of a cluster's state when a callout is to be sent.
pub(crate) fn reachable(cluster: Cluster) -> bool {
    matches!(cluster, Cluster::Healthy)
}
