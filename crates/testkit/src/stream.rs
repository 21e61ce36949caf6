//! A stream and a connection as a test drives them.

use crate::record::Callback;
use crate::stream_state::{Http, Iteration, Stream as StreamState, Way};
use crate::tcp_filter::Tcp;
use crate::vm::{Call, Vm};
use crate::{Envoy, Headers, Message, Request, Response};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What became of a request or a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on: to the upstream, or to the client.
    Continue(Message),
    /// It waits for the filter.
    Paused(Phase),
    /// The filter, or Envoy for it, answered.
    LocalReply(LocalReply),
    /// The stream was reset.
    Reset,
}

/// Where a message waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing of it has gone on.
    Headers,
    /// Its headers have gone on.
    Body,
}

/// An answer that did not come from the upstream, as the client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalReply {
    /// 200 for a gRPC request, whose status is in the headers.
    pub status: u16,
    /// Headers, `:status` too.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
    /// Why: `%RESPONSE_CODE_DETAILS%`.
    pub details: String,
    /// The gRPC status that was given with it.
    pub grpc_status: Option<u32>,
}

impl LocalReply {
    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// An HTTP request and its response. When it is dropped, it ends.
pub struct Stream<'e> {
    envoy: &'e Envoy,
    vm: Rc<RefCell<Vm>>,
    id: u32,
    /// What there was when it ended.
    ended: Option<StreamState>,
}

impl<'e> Stream<'e> {
    pub(crate) fn open(envoy: &'e Envoy, vm: Rc<RefCell<Vm>>, request: &Request) -> Self {
        let id = vm.borrow_mut().create(StreamState::of(request));
        Self {
            envoy,
            vm,
            id,
            ended: None,
        }
    }

    /// Sends the headers of a request, for a test that does something before the rest follows.
    pub fn begin(&mut self, request: &Request) -> Outcome {
        let has_body = !request.chunks.is_empty() || request.is_upgrade();
        let has_more = has_body || request.trailers.is_some();
        self.send_headers(request.headers.clone(), !has_more)
    }

    /// Sends what follows the headers of a request.
    pub fn finish(&mut self, request: &Request) -> Outcome {
        self.send_rest(
            Way::Request,
            &request.chunks,
            request.trailers.clone(),
            request.http1,
        );
        self.outcome()
    }

    fn send_rest(&mut self, way: Way, chunks: &[Vec<u8>], trailers: Option<Headers>, http1: bool) {
        let count = chunks.len();
        for (index, chunk) in chunks.iter().enumerate() {
            let last = index + 1 == count && trailers.is_none() && !http1;
            self.act(|vm, id| vm.http_data(id, way, chunk, last));
        }
        match trailers {
            Some(trailers) => self.act(|vm, id| vm.http_trailers(id, way, trailers)),
            // The end of a body is known only after its last chunk.
            None if http1 && count > 0 => self.act(|vm, id| vm.http_data(id, way, b"", true)),
            None => {}
        }
    }

    fn act<R>(&self, act: impl FnOnce(&mut Vm, u32) -> R) -> R {
        let result = act(&mut self.vm.borrow_mut(), self.id);
        self.envoy.settle();
        result
    }

    /// Sends the headers of the request. Trailers follow only if `end` is false.
    pub fn send_headers(&mut self, headers: impl Into<Headers>, end: bool) -> Outcome {
        let headers = headers.into();
        self.act(|vm, id| {
            if let Some(stream) = vm.stream(id) {
                stream.http.grpc = is_grpc(&headers);
                stream.http.head = headers.get(":method") == Some(b"HEAD");
            }
            vm.http_headers(id, Way::Request, headers, end);
        });
        self.outcome()
    }

    /// Sends a chunk of the request's body.
    pub fn send_body(&mut self, chunk: impl AsRef<[u8]>, end: bool) -> Outcome {
        self.act(|vm, id| vm.http_data(id, Way::Request, chunk.as_ref(), end));
        self.outcome()
    }

    /// Sends the request's trailers, which end it.
    pub fn send_trailers(&mut self, trailers: impl Into<Headers>) -> Outcome {
        self.act(|vm, id| vm.http_trailers(id, Way::Request, trailers.into()));
        self.outcome()
    }

    /// What has become of the request so far.
    pub fn outcome(&self) -> Outcome {
        self.look(|stream| stream.outcome(Way::Request))
            .unwrap_or(Outcome::Reset)
    }

    /// Sends the response of the upstream through the filter. One that comes after a local reply is dropped.
    pub fn respond(&mut self, response: Response) -> Outcome {
        let has_more = !response.chunks.is_empty() || response.trailers.is_some();
        self.respond_headers(response.headers, !has_more);
        self.send_rest(
            Way::Response,
            &response.chunks,
            response.trailers,
            response.http1,
        );
        self.response()
    }

    /// Sends the headers of the response.
    pub fn respond_headers(&mut self, headers: impl Into<Headers>, end: bool) -> Outcome {
        self.act(|vm, id| {
            let Some(stream) = vm.stream(id) else { return };
            if stream.http.local_reply || stream.http.reset {
                stream.http.response.aborted = true;
                return;
            }
            stream
                .details
                .get_or_insert_with(|| "via_upstream".to_owned());
            vm.http_headers(id, Way::Response, headers.into(), end);
        });
        self.response()
    }

    /// Sends a chunk of the response's body.
    pub fn respond_body(&mut self, chunk: impl AsRef<[u8]>, end: bool) -> Outcome {
        self.act(|vm, id| vm.http_data(id, Way::Response, chunk.as_ref(), end));
        self.response()
    }

    /// Sends the response's trailers, which end it.
    pub fn respond_trailers(&mut self, trailers: impl Into<Headers>) -> Outcome {
        self.act(|vm, id| vm.http_trailers(id, Way::Response, trailers.into()));
        self.response()
    }

    /// What has become of the response so far.
    pub fn response(&self) -> Outcome {
        self.look(|stream| stream.outcome(Way::Response))
            .unwrap_or(Outcome::Reset)
    }

    /// The client goes away: the stream ends as it is.
    pub fn disconnect(&mut self) {
        self.act(|vm, id| {
            if let Some(stream) = vm.stream(id) {
                stream.details = Some("downstream_remote_disconnect".to_owned());
                stream.http.reset |= !stream.http.response.out.complete;
            }
        });
        self.end();
    }

    /// Ends the stream: log, done, delete. What was recorded of it can still be asked for.
    pub fn end(&mut self) {
        if self.ended.is_some() {
            return;
        }
        let ended = self.act(|vm, id| {
            if let Some(stream) = vm.stream(id) {
                stream.logging = true;
                stream.http.request.aborted = true;
                stream.http.response.aborted = true;
            }
            vm.call(id, Call::Log);
            if let Some(stream) = vm.stream(id) {
                stream.logging = false;
            }
            vm.call(id, Call::Done);
            vm.call(id, Call::Delete);
            vm.state().streams.remove(&id)
        });
        self.ended = ended;
    }

    /// The response-code details so far.
    pub fn details(&self) -> Option<String> {
        self.look(|stream| stream.details.clone()).flatten()
    }

    /// Filter state that modules have set, by names without `wasm.`.
    pub fn filter_state(&self) -> BTreeMap<String, Vec<u8>> {
        self.look(|stream| stream.filter_state.clone())
            .unwrap_or_default()
    }

    /// Objects that `set_envoy_filter_state` has set.
    pub fn envoy_filter_state(&self) -> BTreeMap<String, String> {
        self.look(|stream| stream.envoy_filter_state.clone())
            .unwrap_or_default()
    }

    /// How often the choice of a route was undone, so that it is made again.
    pub fn route_cache_cleared(&self) -> usize {
        self.look(|stream| stream.route_cache_cleared)
            .unwrap_or_default()
    }

    /// The callbacks for this stream so far, with their host calls.
    pub fn callbacks(&self) -> Vec<Callback> {
        self.look(|stream| stream.callbacks.clone())
            .unwrap_or_default()
    }

    /// How many host calls the callbacks for this stream have made, without those that log.
    pub fn host_calls(&self) -> usize {
        self.callbacks().iter().map(Callback::host_calls).sum()
    }

    /// WebAssembly instructions that the callbacks for this stream have executed, where the engine counts them.
    pub fn fuel(&self) -> u64 {
        self.callbacks().iter().map(|callback| callback.fuel).sum()
    }

    /// The number of its context.
    pub fn context(&self) -> u32 {
        self.id
    }

    fn look<R>(&self, look: impl FnOnce(&StreamState) -> R) -> Option<R> {
        if let Some(ended) = &self.ended {
            return Some(look(ended));
        }
        let mut vm = self.vm.borrow_mut();
        vm.stream(self.id).map(|stream| look(stream))
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

/// As Envoy tells gRPC requests.
fn is_grpc(headers: &Headers) -> bool {
    let kind = headers.get("content-type").unwrap_or_default();
    kind == b"application/grpc" || kind.starts_with(b"application/grpc+")
}

impl StreamState {
    pub(crate) fn of(request: &Request) -> Self {
        Self {
            attributes: request.attributes.clone(),
            filter_state: request.filter_state.clone(),
            envoy_filter_state: BTreeMap::new(),
            callbacks: Vec::new(),
            began: 0,
            bypassed: false,
            details: None,
            route_cache_cleared: 0,
            logging: false,
            http: Http::default(),
            tcp: Tcp::default(),
        }
    }

    fn outcome(&self, way: Way) -> Outcome {
        let http = &self.http;
        let side = match way {
            Way::Request if http.local_reply => &http.response,
            Way::Request => &http.request,
            Way::Response => &http.response,
        };
        if http.reset {
            return Outcome::Reset;
        }
        if http.local_reply && side.headers_continued {
            return Outcome::LocalReply(LocalReply {
                status: side.out.status(),
                headers: side.out.headers.clone(),
                body: side.out.body.clone(),
                details: self.details.clone().unwrap_or_default(),
                grpc_status: http.local_grpc_status,
            });
        }
        match (side.headers_continued, side.iteration) {
            (true, Iteration::Continue) => Outcome::Continue(side.out.clone()),
            (true, _) => Outcome::Paused(Phase::Body),
            (false, _) => Outcome::Paused(Phase::Headers),
        }
    }
}
