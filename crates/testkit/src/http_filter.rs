//! The filter in Envoy's filter chain: which callback comes when, and what becomes of what it returns
//! (`source/common/http/filter_manager.cc`, `source/extensions/common/wasm/context.cc`).
//!
//! 1. Headers go on where the callback returns Continue. Pause holds them and all that follows (`StopAllIteration`):
//!    no callback until the module resumes. With `allow_on_headers_stop_iteration` the callbacks go on.
//! 2. A chunk of a body goes on, or, after Pause, is kept with those before it; the module then sees all of them. Continue
//!    lets everything go that is held, headers too.
//! 3. Trailers likewise.
//! 4. A local reply ends the request and goes through the callbacks of the response, unless the response has begun:
//!    then it takes its place without callbacks, or, once the headers are gone, the stream is reset.

use crate::Headers;
use crate::stream_state::{Iteration, Side, Stream, Way};
use crate::vm::{Action, Call, LocalReplyArguments, Vm, length};

/// What a callback asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Continue,
    /// `StopIteration` for headers and trailers, `StopIterationAndBuffer` for bodies.
    Stop,
    StopAll,
    /// `StopIterationAndWatermark`
    StopStreaming,
    /// `StopIterationNoBuffer`
    StopNoBuffer,
}

const FAIL_STREAM: &str = "wasm_fail_stream";

impl Vm {
    /// Headers of a request or a response reach the filter.
    pub(crate) fn http_headers(&mut self, id: u32, way: Way, headers: Headers, end: bool) {
        let Some(stream) = self.stream(id) else {
            return;
        };
        let side = stream.side(way);
        side.started = true;
        side.headers = headers;
        side.headers_shown = true;
        side.ended = end;
        side.last = end;
        let count = length(side.headers.len());
        let call = match way {
            Way::Request => Call::RequestHeaders(count, end),
            Way::Response => Call::ResponseHeaders(count, end),
        };
        let verdict = match self.ask(id, way, call) {
            Asked::Open => Verdict::Continue,
            Asked::Failed => Verdict::StopAll,
            Asked::Answered(0) => Verdict::Continue,
            Asked::Answered(1) if self.state().world.plugin.allow_on_headers_stop_iteration => {
                Verdict::Stop
            }
            Asked::Answered(_) => Verdict::StopAll,
        };
        let Some(stream) = self.stream(id) else {
            return;
        };
        let side = stream.side(way);
        if side.aborted {
            return;
        }
        match verdict {
            Verdict::Continue => {
                side.headers_shown = false;
                side.release_headers();
            }
            Verdict::Stop => side.iteration = Iteration::Stopped,
            _ => side.iteration = Iteration::StoppedAll,
        }
    }

    /// A chunk of a body reaches the filter.
    pub(crate) fn http_data(&mut self, id: u32, way: Way, data: &[u8], end: bool) {
        let Some(side) = self.open_side(id, way) else {
            return;
        };
        side.ended |= end;
        side.received += data.len();
        if side.iteration == Iteration::StoppedAll {
            // Over the limit the rest would be left with the sender; a test's sender has no such patience.
            side.buffered
                .get_or_insert_default()
                .extend_from_slice(data);
            return;
        }
        self.deliver(id, way, data.to_vec(), end);
    }

    fn deliver(&mut self, id: u32, way: Way, data: Vec<u8>, end: bool) {
        let Some(side) = self.open_side(id, way) else {
            return;
        };
        let mut too_large = false;
        side.last = end;
        side.chunk_shown = true;
        if side.buffering {
            side.buffered
                .get_or_insert_default()
                .extend_from_slice(&data);
            side.chunk = Vec::new();
            too_large = self.over_limit(id, way);
            // A request's callback comes all the same.
            if too_large && way == Way::Response {
                self.too_large(id, way);
                return;
            }
        } else {
            side.chunk = data;
        }
        let Some(stream) = self.stream(id) else {
            return;
        };
        let size = length(stream.body(way).map(|body| body.len()).unwrap_or_default());
        let call = match way {
            Way::Request => Call::RequestBody(size, end),
            Way::Response => Call::ResponseBody(size, end),
        };
        let verdict = match self.ask(id, way, call) {
            Asked::Open => Verdict::Continue,
            Asked::Failed => Verdict::StopNoBuffer,
            Asked::Answered(0) => Verdict::Continue,
            Asked::Answered(1) => Verdict::Stop,
            Asked::Answered(2) => Verdict::StopStreaming,
            Asked::Answered(_) => Verdict::StopNoBuffer,
        };
        let Some(side) = self.open_side(id, way) else {
            return;
        };
        side.buffering = false;
        if too_large {
            self.too_large(id, way);
            return;
        }
        let Some(side) = self.open_side(id, way) else {
            return;
        };
        let data = std::mem::take(&mut side.chunk);
        match verdict {
            Verdict::Continue => {
                side.chunk_shown = false;
                if side.iteration == Iteration::Stopped {
                    side.hold(data);
                    self.http_resume(id, way);
                } else {
                    side.release_data(&data, end);
                }
            }
            Verdict::Stop | Verdict::StopStreaming | Verdict::StopAll => {
                side.iteration = Iteration::Stopped;
                side.hold(data);
                side.buffering = verdict == Verdict::Stop;
                if verdict == Verdict::Stop && self.over_limit(id, way) {
                    self.too_large(id, way);
                }
            }
            Verdict::StopNoBuffer => {
                side.iteration = Iteration::Stopped;
                side.chunk_shown = false;
            }
        }
    }

    /// Trailers reach the filter.
    pub(crate) fn http_trailers(&mut self, id: u32, way: Way, trailers: Headers) {
        let Some(side) = self.open_side(id, way) else {
            return;
        };
        side.ended = true;
        side.trailers = Some(trailers);
        if side.iteration == Iteration::StoppedAll {
            side.trailers_held = true;
            return;
        }
        self.deliver_trailers(id, way);
    }

    fn deliver_trailers(&mut self, id: u32, way: Way) {
        let Some(side) = self.open_side(id, way) else {
            return;
        };
        side.trailers_held = false;
        side.trailers_shown = true;
        let count = length(side.trailers.as_ref().map(Headers::len).unwrap_or_default());
        let call = match way {
            Way::Request => Call::RequestTrailers(count),
            Way::Response => Call::ResponseTrailers(count),
        };
        let goes_on = match self.ask(id, way, call) {
            Asked::Open | Asked::Answered(0) => true,
            Asked::Failed | Asked::Answered(_) => false,
        };
        let Some(side) = self.open_side(id, way) else {
            return;
        };
        if !goes_on {
            side.iteration = Iteration::Stopped;
            return;
        }
        side.trailers_shown = false;
        match side.iteration {
            Iteration::Continue => side.release_trailers(),
            Iteration::Stopped | Iteration::StoppedAll => self.http_resume(id, way),
        }
    }

    /// Lets go what is held (`commonContinue`).
    pub(crate) fn http_resume(&mut self, id: u32, way: Way) {
        let Some(side) = self.open_side(id, way) else {
            return;
        };
        if !side.started {
            return;
        }
        let stopped_all = side.iteration == Iteration::StoppedAll;
        side.iteration = Iteration::Continue;
        side.release_headers();
        // The filter has not seen what came after its headers.
        if stopped_all {
            let end = side.ended && side.trailers.is_none();
            if let Some(data) = side.buffered.take() {
                self.deliver(id, way, data, end);
            }
            let Some(side) = self.open_side(id, way) else {
                return;
            };
            if side.trailers_held && side.iteration != Iteration::StoppedAll {
                self.deliver_trailers(id, way);
            }
            return;
        }
        if let Some(data) = side.buffered.take() {
            let end = side.ended;
            side.release_data(&data, end);
        }
        if side.trailers.is_some() {
            side.release_trailers();
        }
    }

    /// The filter of a stream that can still go on.
    fn open_side(&mut self, id: u32, way: Way) -> Option<&mut Side> {
        let side = self.stream(id)?.side(way);
        (!side.aborted).then_some(side)
    }

    fn over_limit(&mut self, id: u32, way: Way) -> bool {
        let limit = self.state().world.plugin.buffer_limit;
        let Some(side) = self.open_side(id, way) else {
            return false;
        };
        side.buffered
            .as_ref()
            .is_some_and(|buffered| buffered.len() > limit)
    }

    fn too_large(&mut self, id: u32, way: Way) {
        let (status, body, details) = match way {
            Way::Request => (413, "Payload Too Large", "request_payload_too_large"),
            Way::Response => (500, "Internal Server Error", "response_payload_too_large"),
        };
        let reply = LocalReplyArguments {
            status,
            details: details.to_owned(),
            body: body.as_bytes().to_vec(),
            headers: Headers::new(),
            grpc_status: None,
        };
        self.local_reply(id, reply);
    }

    /// Calls the module about an HTTP stream, unless it is not to be called any more.
    fn ask(&mut self, id: u32, way: Way, call: Call) -> Asked {
        let silent =
            |stream: &Stream| stream.bypassed || way == Way::Response && stream.http.failed;
        if self.stream(id).is_none_or(|stream| silent(stream)) {
            return Asked::Open;
        }
        match self.call(id, call) {
            Some(Some(number)) => Asked::Answered(number),
            Some(None) => Asked::Open,
            None => self.fail_http(id),
        }
    }

    /// What becomes of a stream whose VM has failed (`CHECK_FAIL`, `failStream`).
    fn fail_http(&mut self, id: u32) -> Asked {
        let Some(stream) = self.stream(id) else {
            return Asked::Failed;
        };
        if !std::mem::replace(&mut stream.http.failed, true) {
            let reply = LocalReplyArguments {
                status: 503,
                details: FAIL_STREAM.to_owned(),
                body: Vec::new(),
                headers: Headers::new(),
                grpc_status: Some(14),
            };
            self.local_reply(id, reply);
        }
        Asked::Failed
    }

    /// Does what a host call has left to be done.
    pub(crate) fn act(&mut self, action: Action) {
        match action {
            Action::ContinueRequest(id) => self.http_resume(id, Way::Request),
            Action::ContinueResponse(id) => self.http_resume(id, Way::Response),
            Action::ContinueDownstream(id) => self.tcp_resume(id),
            Action::LocalReply(id, reply) => self.local_reply(id, reply),
            Action::Reset(id) => {
                if let Some(stream) = self.stream(id) {
                    stream.http.reset = true;
                    stream.http.request.aborted = true;
                    stream.http.response.aborted = true;
                    stream
                        .details
                        .get_or_insert_with(|| "wasm_close_stream".to_owned());
                }
            }
            Action::Close(id, details) => self.tcp_close(id, details),
            Action::GrpcClose {
                token,
                status,
                message,
            } => self.grpc_close(token, status, &message),
            Action::QueueReady(token) => {
                let root = self.state().root;
                self.call(root, Call::QueueReady(token));
            }
        }
    }
}

/// What came of asking the module.
enum Asked {
    /// It is not to be asked, or does not want to know.
    Open,
    Failed,
    Answered(u32),
}

impl Side {
    fn release_headers(&mut self) {
        if !self.headers_continued {
            self.headers_continued = true;
            self.out.headers = self.headers.clone();
            self.out.complete = self.ended && self.buffered.is_none() && self.trailers.is_none();
        }
    }

    fn release_data(&mut self, data: &[u8], end: bool) {
        self.out.body.extend_from_slice(data);
        match &self.trailers {
            // Those that the module added to the last chunk.
            Some(_) if end => self.release_trailers(),
            _ => self.out.complete |= end && self.trailers.is_none(),
        }
    }

    fn release_trailers(&mut self) {
        self.out.trailers = self.trailers.clone();
        self.out.complete = true;
    }

    fn hold(&mut self, data: Vec<u8>) {
        self.buffered.get_or_insert_default().extend(data);
    }
}
