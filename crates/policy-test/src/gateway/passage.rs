//! A request on its way through the filters, and the answer on its way back.

use crate::case::{Request, UpstreamAnswer};
use crate::outcome::{Ending, Outcome, Seen};
use crate::properties;
use crate::services::{Services, now};
use gatehouse_testkit::{Envoy, Headers, LocalReply, Message, Outcome as Fate, Response, Stream};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a request is waited for that a filter holds.
const PATIENCE: Duration = Duration::from_secs(600);

/// A request on its way through the filters.
pub(super) struct Passage<'e, 's> {
    pub(super) envoys: &'e [Envoy],
    pub(super) services: &'s mut Services,
    /// Of the filters that have seen it.
    pub(super) streams: Vec<Stream<'e>>,
    pub(super) filter_state: BTreeMap<String, Vec<u8>>,
}

/// What came out of a filter.
enum Out {
    Message(Message),
    Reply(LocalReply),
    Held,
    Reset,
}

impl<'e> Passage<'e, '_> {
    pub(super) fn run(&mut self, request: &Request, upstream: &UpstreamAnswer) -> Outcome {
        let mut message = Message {
            headers: headers(&request.headers),
            body: Vec::new(),
            trailers: (!request.trailers.is_empty()).then(|| headers(&request.trailers)),
            complete: true,
        };
        let mut chunks = request.body.0.clone();
        for envoy in self.envoys {
            let sent = properties::request(request, message.headers, &chunks, message.trailers);
            let state = std::mem::take(&mut self.filter_state);
            let sent = state
                .iter()
                .fold(sent, |sent, (name, value)| sent.filter_state(name, value));
            self.filter_state = state;
            self.streams.push(envoy.http(sent));
            let out = self.settle(self.streams.len() - 1, |stream| stream.outcome());
            self.keep_state();
            match out {
                Out::Message(next) => {
                    chunks = match next.body.is_empty() {
                        true => Vec::new(),
                        false => vec![next.body.clone()],
                    };
                    message = next;
                }
                Out::Reply(reply) => {
                    let asker = self.streams.len() - 1;
                    return self.answered(reply, asker, None);
                }
                Out::Held => return self.nothing(Ending::Held, None),
                Out::Reset => {
                    let why = Ending::Failed("the stream was reset".to_owned());
                    return self.nothing(why, None);
                }
            }
        }
        let seen = Seen {
            headers: pairs(&message.headers),
            body: chunks.concat(),
            trailers: message.trailers.as_ref().map(pairs).unwrap_or_default(),
        };
        let mut response = Response::new(upstream.status);
        for (name, value) in &upstream.headers {
            response = response.header(name, value);
        }
        for chunk in &upstream.body.0 {
            response = response.chunk(chunk);
        }
        if !upstream.trailers.is_empty() {
            response = response.trailers(headers(&upstream.trailers));
        }
        self.back(response, self.streams.len(), Ending::Upstream, Some(seen))
    }

    /// A response goes back through the filters before `from`.
    fn back(
        &mut self,
        response: Response,
        from: usize,
        ending: Ending,
        seen: Option<Seen>,
    ) -> Outcome {
        let mut response = Some(response);
        let mut message = Message::default();
        for filter in (0..from).rev() {
            let Some(stream) = self.streams.get_mut(filter) else {
                continue;
            };
            stream.respond(response.take().unwrap_or_else(|| again(&message)));
            let out = self.settle(filter, |stream| stream.response());
            self.keep_state();
            match out {
                Out::Message(next) => message = next,
                Out::Reply(reply) => return self.answered(reply, filter, seen),
                Out::Held => return self.nothing(Ending::Held, seen),
                Out::Reset => {
                    let why = Ending::Failed("the stream was reset".to_owned());
                    return self.nothing(why, seen);
                }
            }
        }
        let mut outcome = self.nothing(ending, seen);
        outcome.status = Some(message.status());
        outcome.headers = without_pseudo(&message.headers);
        outcome.trailers = message.trailers.as_ref().map(pairs).unwrap_or_default();
        outcome.body = message.body;
        outcome
    }

    /// A filter answered in the place of upstream: those before it see that as the response.
    fn answered(&mut self, reply: LocalReply, filter: usize, seen: Option<Seen>) -> Outcome {
        let details = reply.details.clone();
        let ending = match details.as_str() {
            "wasm_fail_stream" => Ending::Failed(self.trap(filter)),
            _ => Ending::LocalReply,
        };
        let message = Message {
            headers: reply.headers,
            body: reply.body,
            trailers: None,
            complete: true,
        };
        let mut outcome = match filter {
            0 => {
                let mut outcome = self.nothing(ending, seen);
                outcome.status = Some(message.status());
                outcome.headers = without_pseudo(&message.headers);
                outcome.body = message.body;
                outcome
            }
            _ => self.back(again(&message), filter, ending, seen),
        };
        outcome.details = Some(details);
        outcome
    }

    fn nothing(&self, ending: Ending, upstream: Option<Seen>) -> Outcome {
        Outcome {
            ending,
            status: None,
            headers: Vec::new(),
            body: Vec::new(),
            trailers: Vec::new(),
            details: self.streams.last().and_then(Stream::details),
            upstream,
            filter_state: self.filter_state.clone(),
            metrics: BTreeMap::new(),
            host_calls: 0,
            callouts: BTreeMap::new(),
            unanswered: Vec::new(),
            log: Vec::new(),
        }
    }

    /// Why a filter failed: how its VM trapped.
    fn trap(&self, filter: usize) -> String {
        let callbacks = self
            .streams
            .get(filter)
            .map(Stream::callbacks)
            .unwrap_or_default();
        let trap = callbacks
            .into_iter()
            .rev()
            .find_map(|callback| callback.trap);
        trap.map_or_else(
            || "the VM had failed before".to_owned(),
            |trap| format!("the VM trapped: {trap}"),
        )
    }

    /// What came out of a filter once the services have answered that it waits for.
    fn settle(&mut self, filter: usize, look: fn(&Stream<'e>) -> Fate) -> Out {
        let limit = now(self.envoys).saturating_add(PATIENCE);
        self.services.serve(self.envoys);
        loop {
            match self.streams.get(filter).map(look) {
                Some(Fate::Continue(message)) if message.complete => return Out::Message(message),
                Some(Fate::LocalReply(reply)) => return Out::Reply(reply),
                Some(Fate::Reset) | None => return Out::Reset,
                Some(_) if now(self.envoys) >= limit => return Out::Held,
                Some(_) => self.services.advance_once(limit, self.envoys),
            }
        }
    }

    fn keep_state(&mut self) {
        for stream in &self.streams {
            self.filter_state.extend(stream.filter_state());
        }
    }
}

/// A message that a filter let go, as the next one sees it.
fn again(message: &Message) -> Response {
    let mut response = Response::new(message.status());
    for (name, value) in message.headers.iter() {
        if !name.starts_with(':') {
            response = response.header(name, value);
        }
    }
    if !message.body.is_empty() {
        response = response.chunk(&message.body);
    }
    match &message.trailers {
        Some(trailers) => response.trailers(trailers.clone()),
        None => response,
    }
}

fn headers(pairs: &[(String, Vec<u8>)]) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in pairs {
        headers.push(name, value);
    }
    headers
}

fn pairs(headers: &Headers) -> Vec<(String, Vec<u8>)> {
    headers
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_vec()))
        .collect()
}

fn without_pseudo(headers: &Headers) -> Vec<(String, Vec<u8>)> {
    let mut pairs = pairs(headers);
    pairs.retain(|(name, _)| !name.starts_with(':'));
    pairs
}
