//! The services that filters ask, and the time that passes while they answer.

use crate::callout::{Answer, Answers, Failure};
use gatehouse_rate_limit_service::RateLimitRequest;
use gatehouse_testkit::{Callout, CalloutKind, Cluster, Envoy, Headers, Reply, SentCallout};
use prost::Message as _;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// What the clusters of a chain answer.
pub(crate) struct Services {
    clusters: BTreeSet<String>,
    answers: Vec<(String, Arc<Answers>)>,
    /// How often each answer was given: by cluster, and its place there.
    given: BTreeMap<(String, usize), u64>,
    waiting: Vec<Waiting>,
    /// The last callout of each filter that was seen.
    seen: Vec<u64>,
    /// How many callouts each cluster got.
    pub(crate) counted: BTreeMap<String, u64>,
    /// Callouts that there is no answer for.
    pub(crate) unanswered: Vec<String>,
}

/// A callout that has its answer and waits for its time.
struct Waiting {
    filter: usize,
    sequence: u64,
    due: Duration,
    reply: Reply,
}

impl Services {
    /// Of these clusters, which know no answers yet, for so many filters.
    pub(crate) fn new(clusters: BTreeSet<String>, filters: usize) -> Self {
        Self {
            clusters,
            answers: Vec::new(),
            given: BTreeMap::new(),
            waiting: Vec::new(),
            seen: vec![0; filters],
            counted: BTreeMap::new(),
            unanswered: Vec::new(),
        }
    }

    /// How many callouts each cluster got since this was last asked, those with none among them.
    pub(crate) fn take_counted(&mut self) -> BTreeMap<String, u64> {
        let mut counted = std::mem::take(&mut self.counted);
        for cluster in &self.clusters {
            counted.entry(cluster.clone()).or_default();
        }
        counted
    }

    /// From now on, clusters answer so.
    pub(crate) fn answer_with(&mut self, answers: &[(String, Arc<Answers>)], envoys: &[Envoy]) {
        for (cluster, new) in answers {
            let old = self.answers.iter().find(|(name, _)| name == cluster);
            if old.is_some_and(|(_, old)| Arc::ptr_eq(old, new)) {
                continue;
            }
            self.given.retain(|(name, _), _| name != cluster);
            if self.clusters.contains(cluster) {
                let state = state(new);
                envoys
                    .iter()
                    .for_each(|envoy| envoy.set_cluster(cluster, state));
            }
        }
        self.answers = answers.to_vec();
    }

    /// Lets time pass up to `time`; timers tick, and services answer in their time.
    pub(crate) fn advance_to(&mut self, time: Duration, envoys: &[Envoy]) {
        self.serve(envoys);
        while now(envoys) < time {
            self.advance_once(time, envoys);
        }
    }

    /// Lets time pass up to the next thing that happens, but not beyond `limit`.
    pub(crate) fn advance_once(&mut self, limit: Duration, envoys: &[Envoy]) {
        let events = envoys.iter().filter_map(Envoy::next_event);
        let answers = self.waiting.iter().map(|waiting| waiting.due);
        let next = events.chain(answers).min().unwrap_or(limit).min(limit);
        let by = next.saturating_sub(now(envoys));
        envoys.iter().for_each(|envoy| envoy.advance(by));
        self.serve(envoys);
    }

    /// Answers the callouts that are due, and those that come of the answers.
    pub(crate) fn serve(&mut self, envoys: &[Envoy]) {
        loop {
            self.schedule(envoys);
            let now = now(envoys);
            let due = |waiting: &Waiting| waiting.due <= now;
            let Some(next) = self.waiting.iter().position(due) else {
                return;
            };
            let waiting = self.waiting.remove(next);
            // It may have timed out in the meantime.
            if let Some(callout) = callout(envoys, waiting.filter, waiting.sequence) {
                callout.reply(waiting.reply);
            }
        }
    }

    /// Finds the answers of callouts that are new.
    fn schedule(&mut self, envoys: &[Envoy]) {
        for (filter, envoy) in envoys.iter().enumerate() {
            let last = self.seen.get(filter).copied().unwrap_or_default();
            for callout in envoy.callouts() {
                let sent = callout.sent().clone();
                if sent.sequence <= last {
                    continue;
                }
                if let Some(seen) = self.seen.get_mut(filter) {
                    *seen = (*seen).max(sent.sequence);
                }
                *self.counted.entry(sent.cluster.clone()).or_default() += 1;
                self.schedule_one(filter, &sent, callout, now(envoys));
            }
        }
    }

    fn schedule_one(
        &mut self,
        filter: usize,
        sent: &SentCallout,
        callout: Callout<'_>,
        now: Duration,
    ) {
        let (method, path) = target(sent);
        let Some(answer) = self.choose(sent, &method, &path) else {
            self.unanswered.push(format!(
                "no answer for {} {} to {:?}",
                String::from_utf8_lossy(&method),
                String::from_utf8_lossy(&path),
                sent.cluster
            ));
            return;
        };
        let delay = answer.spec.delay.map_or(0, |delay| delay.as_nanos());
        let reply = match answer.spec.fails {
            // A cluster that is down only for some calls is one that refuses them.
            Some(Failure::Refused | Failure::Down) => Reply::refused(),
            Some(Failure::Reset) => Reply::reset(),
            // The proxy says so when the time is up.
            Some(Failure::Timeout) => return,
            Some(Failure::Never) => return callout.lose(),
            None => reply(&answer, sent),
        };
        self.waiting.push(Waiting {
            filter,
            sequence: sent.sequence,
            due: now.saturating_add(Duration::from_nanos(delay)),
            reply,
        });
    }

    /// The first answer that is for this call and is not used up.
    fn choose(&mut self, sent: &SentCallout, method: &[u8], path: &[u8]) -> Option<Arc<Answer>> {
        let (cluster, answers) = self
            .answers
            .iter()
            .find(|(cluster, _)| *cluster == sent.cluster)?;
        for (place, answer) in answers.0.iter().enumerate() {
            let given = self.given.entry((cluster.clone(), place)).or_default();
            let left = answer.spec.times.is_none_or(|times| *given < times);
            if left && answer.is_for(method, path, &sent.body) {
                *given += 1;
                return Some(answer.clone());
            }
        }
        None
    }
}

/// The time of all filters of a chain.
pub(crate) fn now(envoys: &[Envoy]) -> Duration {
    envoys.first().map(Envoy::now).unwrap_or_default()
}

fn callout(envoys: &[Envoy], filter: usize, sequence: u64) -> Option<Callout<'_>> {
    let mut callouts = envoys.get(filter)?.callouts().into_iter();
    callouts.find(|callout| callout.sent().sequence == sequence)
}

/// Method and path of a callout.
fn target(sent: &SentCallout) -> (Vec<u8>, Vec<u8>) {
    let header = |name: &str| sent.headers.get(name).unwrap_or_default().to_vec();
    match &sent.kind {
        CalloutKind::Http => (header(":method"), header(":path")),
        CalloutKind::Grpc { service, method } | CalloutKind::GrpcStream { service, method } => (
            b"POST".to_vec(),
            format!("/{service}/{method}").into_bytes(),
        ),
    }
}

fn reply(answer: &Answer, sent: &SentCallout) -> Reply {
    let spec = &answer.spec;
    if sent.kind != CalloutKind::Http {
        if let Some(status) = spec.grpc_status.filter(|status| *status != 0) {
            return Reply::status(status, "");
        }
        let asked = RateLimitRequest::decode(sent.body.as_slice());
        let descriptors = asked
            .map(|asked| asked.descriptors.len())
            .unwrap_or_default();
        return Reply::message(answer.grpc_message(descriptors));
    }
    let mut headers = Headers::new();
    for (name, value) in crate::request::pairs(&spec.headers) {
        headers.push(&name, value);
    }
    let body = spec.body.as_ref().map(crate::request::Body::whole);
    Reply::http(spec.status, headers, body.unwrap_or_default())
}

/// A cluster of which every call fails at once is one without a healthy host.
fn state(answers: &Answers) -> Cluster {
    let down = |answer: &Arc<Answer>| {
        answer.spec.fails == Some(Failure::Down) && answer.spec.r#match.is_none()
    };
    match answers.0.first().is_some_and(down) {
        true => Cluster::NoHealthyHost,
        false => Cluster::Healthy,
    }
}
