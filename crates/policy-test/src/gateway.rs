//! The filters of a chain, running, and what becomes of a request in them.

use crate::callout::Answers;
use crate::case::{Request, UpstreamAnswer};
use crate::chain::{Chain, Plugin};
use crate::modules::Modules;
use crate::outcome::{Ending, Outcome, Seen};
use crate::properties;
use crate::services::{Services, now};
use gatehouse_testkit::{
    Envoy, Headers, LocalReply, Message, Metric, Outcome as Fate, Response, Stream,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// How long the filters run before the first request: what they fetch ahead of time is there then.
const WARM_UP: Duration = Duration::from_secs(2);

/// How long a request is waited for that a filter holds.
const PATIENCE: Duration = Duration::from_secs(600);

/// The filters of a chain, each in a VM of its own, and the services that they ask.
pub(crate) struct Gateway {
    envoys: Vec<Envoy>,
    services: Services,
}

impl Gateway {
    /// Starts the filters so that they have run for a while at `time`, in nanoseconds since the epoch.
    pub(crate) fn start(
        chain: &Chain,
        modules: &Modules,
        environment: &[(String, String)],
        answers: &[(String, Arc<Answers>)],
        time: u64,
    ) -> Result<Self, String> {
        let mut clusters: BTreeSet<String> = BTreeSet::new();
        match &chain.clusters {
            Some(there) => clusters.extend(there.iter().cloned()),
            None => {
                clusters.extend(chain.named_clusters());
                clusters.extend(answers.iter().map(|(cluster, _)| cluster.clone()));
            }
        }
        let time = Duration::from_nanos(time);
        let begin = time.saturating_sub(WARM_UP);
        let envoys = chain
            .plugins
            .iter()
            .map(|plugin| start(plugin, modules, environment, &clusters, begin))
            .collect::<Result<Vec<_>, _>>()?;
        let mut services = Services::new(clusters, envoys.len());
        services.answer_with(answers, &envoys);
        services.advance_to(time, &envoys);
        Ok(Self { envoys, services })
    }

    /// Lets time pass up to `time`, in nanoseconds since the epoch, with services that answer so.
    pub(crate) fn advance_to(&mut self, time: u64, answers: &[(String, Arc<Answers>)]) {
        self.services.answer_with(answers, &self.envoys);
        self.services
            .advance_to(Duration::from_nanos(time), &self.envoys);
    }

    /// Sends a request through the filters, and the answer of upstream back.
    pub(crate) fn send(&mut self, request: &Request, upstream: &UpstreamAnswer) -> Outcome {
        let Self { envoys, services } = self;
        services.counted.clear();
        let before = Counts::of(envoys);
        let mut passage = Passage {
            envoys,
            services,
            streams: Vec::new(),
            filter_state: BTreeMap::new(),
        };
        let mut outcome = passage.run(request, upstream);
        let mut streams = std::mem::take(&mut passage.streams);
        drop(passage);
        streams.iter_mut().for_each(Stream::end);
        let stream_calls: usize = streams.iter().map(Stream::host_calls).sum();
        let after = Counts::of(envoys);
        outcome.host_calls = u64::try_from(stream_calls).unwrap_or(u64::MAX)
            + after.answer_calls.saturating_sub(before.answer_calls);
        outcome.metrics = after
            .metrics
            .into_iter()
            .map(|(name, value)| {
                let earlier = before.metrics.get(&name).copied().unwrap_or_default();
                (name, value.saturating_sub(earlier))
            })
            .collect();
        outcome.log = envoys
            .iter()
            .zip(before.logged)
            .flat_map(|(envoy, logged)| envoy.logs().into_iter().skip(logged))
            .map(|line| line.text)
            .collect();
        outcome.callouts = services.take_counted();
        outcome.unanswered = std::mem::take(&mut services.unanswered);
        outcome
    }
}

/// What has been counted so far.
struct Counts {
    metrics: BTreeMap<String, u64>,
    /// Host calls in callbacks for answers.
    answer_calls: u64,
    /// Lines in the log of each filter.
    logged: Vec<usize>,
}

impl Counts {
    fn of(envoys: &[Envoy]) -> Self {
        let mut metrics = BTreeMap::new();
        let mut answer_calls = 0;
        for envoy in envoys {
            for (name, metric) in envoy.metrics() {
                let value = match metric {
                    Metric::Counter(value) | Metric::Gauge(value) => value,
                    Metric::Histogram(values) => u64::try_from(values.len()).unwrap_or(u64::MAX),
                };
                *metrics.entry(name).or_default() += value;
            }
            let totals = envoy.worker(0).totals();
            let answers = totals
                .iter()
                .filter(|(name, _)| name.contains("http_call") || name.contains("grpc"));
            let calls: usize = answers.map(|(_, total)| total.host_calls).sum();
            answer_calls += u64::try_from(calls).unwrap_or(u64::MAX);
        }
        Self {
            metrics,
            answer_calls,
            logged: envoys.iter().map(|envoy| envoy.logs().len()).collect(),
        }
    }
}

/// A request on its way through the filters.
struct Passage<'e, 's> {
    envoys: &'e [Envoy],
    services: &'s mut Services,
    /// Of the filters that have seen it.
    streams: Vec<Stream<'e>>,
    filter_state: BTreeMap<String, Vec<u8>>,
}

/// What came out of a filter.
enum Out {
    Message(Message),
    Reply(LocalReply),
    Held,
    Reset,
}

impl<'e> Passage<'e, '_> {
    fn run(&mut self, request: &Request, upstream: &UpstreamAnswer) -> Outcome {
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

fn start(
    plugin: &Plugin,
    modules: &Modules,
    environment: &[(String, String)],
    clusters: &BTreeSet<String>,
    begin: Duration,
) -> Result<Envoy, String> {
    let module = modules.of(plugin)?;
    let mut builder = Envoy::builder(&module)
        .name(&plugin.name)
        .root_id(&plugin.root_id)
        .vm_id(&plugin.vm_id)
        .vm_configuration(&plugin.vm_configuration)
        .configuration(plugin.configuration.to_string())
        .allow_on_headers_stop_iteration(plugin.allow_on_headers_stop_iteration)
        .clusters(clusters.iter().map(String::as_str))
        .clock(begin);
    for (name, value) in environment {
        let seen = plugin
            .environment
            .as_ref()
            .is_none_or(|environment| environment.host_keys.contains(name));
        if seen {
            builder = builder.environment(name, value);
        }
    }
    for (name, value) in plugin
        .environment
        .iter()
        .flat_map(|environment| &environment.key_values)
    {
        builder = builder.environment(name, value);
    }
    builder.build().map_err(|error| error.to_string())
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
