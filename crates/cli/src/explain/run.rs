//! A request on its way through filters.

use super::host::begin;
use super::request::Request as Given;
use gatehouse_host::{Body, Exchange, HttpFilter, LocalReply, Module, Request, StreamId, Verdict};
use gatehouse_host_fake::FakeHost;
use gatehouse_plugins::Filter;
use gatehouse_trace::{Step, traced};
use serde_json::Value;

/// More rounds than any filter waits: for its body, and then for an answer that does not come.
const ROUNDS: usize = 4;

/// The subject of a step that is about an expression which is not known here.
pub(super) const EXPRESSION: &str = "expression";

/// Filters that see requests one after the other.
pub(super) struct Chain {
    host: FakeHost,
    /// What was asked before any request.
    ahead: Vec<String>,
    filters: Vec<(Filter, Box<dyn Ask>)>,
}

/// What became of a request.
pub(super) struct Explained {
    pub(super) fate: Fate,
    /// What the filters looked at, each with the filter of the file that did.
    pub(super) steps: Vec<Step>,
    /// Who sent it, as far as later modules and logs are told.
    pub(super) consumer: Option<String>,
    /// As it arrived, and as it went on.
    pub(super) before: Vec<(String, String)>,
    pub(super) after: Vec<(String, String)>,
    /// What was asked elsewhere, and is not answered.
    pub(super) callouts: Vec<String>,
}

/// Where it ended.
pub(super) enum Fate {
    /// Upstream.
    Passes,
    /// Here.
    Denied { by: Filter, reply: LocalReply },
    /// That hangs on what somebody else would answer.
    Open,
    /// The host failed, and the module would answer 500.
    Failed { by: Filter, error: String },
}

/// What a filter of whichever kind does with one request.
trait Ask {
    fn ask(
        &self,
        host: &FakeHost,
        given: &Given,
    ) -> gatehouse_host::Result<(Verdict, Option<String>)>;
}

impl<F: Module> Ask for F {
    fn ask(
        &self,
        host: &FakeHost,
        given: &Given,
    ) -> gatehouse_host::Result<(Verdict, Option<String>)> {
        let body = &given.body;
        let without_body = body.is_empty() && !given.is_upgrade();
        let mut exchange = Exchange::new(StreamId(1), without_body);
        let mut pending = F::Pending::default();
        let mut verdict = Verdict::Continue;
        for _ in 0..ROUNDS {
            verdict =
                HttpFilter::request(self, &mut Request::new(host, &mut exchange), &mut pending)?;
            let Verdict::WaitForBody { most, .. } = verdict else {
                break;
            };
            exchange.begin_waiting();
            match given.is_upgrade() {
                // It does not end.
                true => exchange.end_wait(),
                false => exchange.body_is(match body.len() > most {
                    true => Body::TooLong,
                    false => Body::Complete(body.len()),
                }),
            }
        }
        // Who it is cannot be read: that is an error to a filter that asks, and to no other one.
        let consumer = Request::new(host, &mut exchange).consumer().ok().flatten();
        if F::WANTS_END && self.wants_end(&pending) {
            self.ended(host, pending);
        }
        Ok((verdict, consumer.map(|consumer| consumer.name.clone())))
    }
}

impl Chain {
    pub(super) fn new(host: FakeHost) -> Self {
        Self {
            host,
            ahead: Vec::new(),
            filters: Vec::new(),
        }
    }

    /// Configures a filter behind those that are there.
    pub(super) fn add(
        &mut self,
        filter: Filter,
        value: &Value,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(), String> {
        fn of<F: Module + 'static>(
            value: &Value,
            environment: &dyn Fn(&str) -> Option<String>,
            host: &FakeHost,
        ) -> Result<Box<dyn Ask>, String> {
            let filter = F::configure(value.to_string().as_bytes(), environment, host);
            let filter = filter.map_err(|error| error.to_string())?;
            // What is fetched ahead of requests is asked for now.
            filter.tick(host, &mut Vec::new());
            Ok(Box::new(filter))
        }
        let host = &self.host;
        let made = match filter {
            Filter::Auth => of::<gatehouse_auth::Filter>(value, environment, host),
            Filter::RateLimit => of::<gatehouse_rate_limit::Filter>(value, environment, host),
            Filter::Headers => of::<gatehouse_headers::Filter>(value, environment, host),
            Filter::Gateway => of::<gatehouse_gateway::Filter>(value, environment, host),
            Filter::ConnectionGuard => return Ok(()),
        };
        self.filters.push((filter, made?));
        self.ahead.extend(callouts(&self.host));
        Ok(())
    }

    /// Sends the request through so many times, and explains the last.
    pub(super) fn explain(&self, given: &Given, times: u32) -> Explained {
        for _ in 1..times {
            self.once(given);
        }
        self.once(given)
    }

    fn once(&self, given: &Given) -> Explained {
        begin(&self.host, given);
        let ((fate, consumer), steps) = traced(|| self.through(given));
        let mut callouts = callouts(&self.host);
        let is_open = match &fate {
            // Somebody was asked: without the answer this is not what becomes of it.
            Fate::Denied { .. } if !callouts.is_empty() => true,
            Fate::Denied { reply, .. } if reply.status == 503 && !self.ahead.is_empty() => {
                callouts.clone_from(&self.ahead);
                true
            }
            _ => steps.iter().any(|step| step.subject == EXPRESSION),
        };
        Explained {
            fate: if is_open { Fate::Open } else { fate },
            steps,
            consumer,
            before: given.headers.clone(),
            after: self.host.request_headers(),
            callouts,
        }
    }

    fn through(&self, given: &Given) -> (Fate, Option<String>) {
        let mut last = None;
        for (filter, asked) in &self.filters {
            let (verdict, consumer) = match asked.ask(&self.host, given) {
                Ok(said) => said,
                Err(error) => {
                    let error = error.to_string();
                    return (Fate::Failed { by: *filter, error }, last);
                }
            };
            last = consumer.or(last);
            match verdict {
                Verdict::Continue => {}
                Verdict::Deny(reply) => return (Fate::Denied { by: *filter, reply }, last),
                Verdict::Wait { .. } | Verdict::WaitForBody { .. } => return (Fate::Open, last),
            }
        }
        (Fate::Passes, last)
    }
}

/// What was asked of others since this was last called.
fn callouts(host: &FakeHost) -> Vec<String> {
    let http = host.take_callouts().into_iter().map(|sent| {
        let (method, path) = (sent.header(":method"), sent.header(":path"));
        let (host, cluster) = (sent.header(":authority"), &sent.callout.cluster);
        format!("{method} {host}{path} by way of cluster {cluster}")
    });
    let grpc = host.take_grpc_callouts().into_iter().map(|sent| {
        let callout = sent.callout;
        format!(
            "{}/{} by way of cluster {}",
            callout.service, callout.method, callout.cluster
        )
    });
    http.chain(grpc).collect()
}
