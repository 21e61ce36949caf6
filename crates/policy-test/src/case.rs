//! A case, ready to be run: nothing is left of defaults, tables and names.

use crate::callout::Answers;
use crate::expect::{Expect, ExpectSpec};
use crate::request::{Address, Basic, Body, RequestSpec, Tls, UpstreamSpec, laid_over, pairs};
use crate::token::{Mint, TokenSpec};
use base64ct::{Base64, Encoding as _};
use gatehouse_config::{Context, Decode as _, Duration, Entries, Time, Value, object};
use gatehouse_located_yaml::Position;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// The most requests that a step may stand for.
const MAX_REPEAT: u32 = 100_000;

/// The longest that a case may take, in nanoseconds: a week. A filter's timer may tick ten times a second, and each tick
/// is run.
const LONGEST: u64 = 7 * 24 * 60 * 60 * 1_000_000_000;

/// Where requests come from that do not say: TEST-NET-1 (RFC 5737).
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

object! {
    /// What all cases of a suite have that do not say otherwise.
    pub(crate) struct Defaults {
        pub time: Option<Time>,
        pub request: RequestSpec = RequestSpec::default(),
        pub upstream: UpstreamSpec = UpstreamSpec::default(),
        pub callouts: Entries<String, Answers> = Entries::default(),
        pub expect: Option<ExpectSpec>,
    }
}

object! {
    /// A case as it is declared; of its steps, or one step itself.
    pub(crate) struct CaseSpec {
        name: String,
        // Read before everything else.
        time as "time": Option<Value>,
        environment: Entries<String, String> = Entries::default(),
        request: RequestSpec = RequestSpec::default(),
        upstream: UpstreamSpec = UpstreamSpec::default(),
        callouts: Entries<String, Answers> = Entries::default(),
        expect: Option<ExpectSpec>,
        repeat: Option<u32>,
        steps: Option<Vec<StepSpec>>,
    }
}

object! {
    /// A step as it is declared.
    pub(crate) struct StepSpec {
        name: Option<String>,
        after: Option<Duration>,
        at: Option<Duration>,
        repeat: Option<u32>,
        request: RequestSpec = RequestSpec::default(),
        upstream: UpstreamSpec = UpstreamSpec::default(),
        callouts: Entries<String, Answers> = Entries::default(),
        expect: Option<ExpectSpec>,
    }
}

/// A case.
pub(crate) struct Case {
    pub name: String,
    pub position: Position,
    /// When it begins, in nanoseconds since the epoch.
    pub time: u64,
    pub environment: Vec<(String, String)>,
    pub steps: Vec<Step>,
}

/// One request of a case, or the same several times.
pub(crate) struct Step {
    pub name: Option<String>,
    /// How long after the beginning of the case at the earliest; time does not go back.
    pub at: u64,
    pub repeat: u32,
    pub request: Request,
    pub upstream: UpstreamAnswer,
    /// By cluster, in the order in which they are tried.
    pub callouts: Vec<(String, Arc<Answers>)>,
    pub expect: Option<Arc<Expect>>,
}

/// A request as the first filter sees it.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Pseudo-headers first.
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Body,
    pub trailers: Vec<(String, Vec<u8>)>,
    pub client_ip: IpAddr,
    pub tls: Option<Tls>,
    pub route: Option<String>,
    /// Attributes of Envoy by path, parts joined by dots.
    pub properties: Vec<(String, Value)>,
}

/// What upstream answers.
#[derive(Debug, Clone)]
pub(crate) struct UpstreamAnswer {
    pub status: u16,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Body,
    pub trailers: Vec<(String, Vec<u8>)>,
}

impl CaseSpec {
    /// The case with the defaults under it.
    pub(crate) fn into_case(
        self,
        defaults: Defaults,
        now: u64,
        position: Position,
        suite: &OfSuite<'_>,
        context: &mut Context<'_>,
    ) -> Option<Case> {
        let OfSuite {
            mint,
            environment,
            clusters,
        } = *suite;
        known(&self.callouts, clusters, context);
        context.at_key("steps", |context| {
            for (index, step) in self.steps.iter().flatten().enumerate() {
                context.at_index(index, |context| known(&step.callouts, clusters, context));
            }
        });
        let request = self.request.over(&defaults.request);
        let upstream = self.upstream.over(&defaults.upstream);
        let callouts = shared(self.callouts, &shared_of(defaults.callouts));
        let default = defaults.expect.map(|expect| Arc::new(expect.0));
        let expect = self.expect.map(|expect| Arc::new(expect.0));
        let mut steps = Vec::new();
        match self.steps {
            Some(declared) => {
                if self.repeat.is_some() {
                    return context.at_key("repeat", |context| {
                        context
                            .problem_hint("a case with steps", "each step has a repeat of its own")
                    });
                }
                let base = Base {
                    request,
                    upstream,
                    callouts,
                    expect: expect.or(default),
                    mint,
                    now,
                };
                context.at_key("steps", |context| {
                    if declared.is_empty() {
                        return context.problem("empty, but needs at least one element");
                    }
                    let mut at = 0;
                    for (index, step) in declared.into_iter().enumerate() {
                        let step =
                            context.at_index(index, |context| base.step(step, at, context))?;
                        at = step.at;
                        steps.push(step);
                    }
                    Some(())
                })?;
            }
            None => steps.push(Step {
                name: None,
                at: 0,
                repeat: repeat(self.repeat, context)?,
                request: context.at_key("request", |context| {
                    request.resolve(mint, now, now, context)
                })?,
                upstream: upstream.resolve(),
                callouts,
                expect: expect.or(default),
            }),
        }
        if steps.iter().all(|step| step.expect.is_none()) {
            return context.problem_hint(
                "expects nothing, so it cannot fail",
                "add expect: allowed or expect: denied",
            );
        }
        let mut variables = environment.to_vec();
        variables.retain(|(name, _)| self.environment.0.iter().all(|(other, _)| other != name));
        variables.extend(self.environment.0);
        Some(Case {
            name: self.name,
            position,
            time: now,
            environment: variables,
            steps,
        })
    }
}

/// What the cases of a suite have in common, beside its defaults.
#[derive(Clone, Copy)]
pub(crate) struct OfSuite<'s> {
    pub mint: &'s Mint,
    pub environment: &'s [(String, String)],
    /// The clusters that there are, where that is known.
    pub clusters: Option<&'s BTreeSet<String>>,
}

/// What the steps of a case have in common.
struct Base<'m> {
    request: RequestSpec,
    upstream: UpstreamSpec,
    callouts: Vec<(String, Arc<Answers>)>,
    expect: Option<Arc<Expect>>,
    mint: &'m Mint,
    now: u64,
}

impl Base<'_> {
    fn step(&self, spec: StepSpec, before: u64, context: &mut Context<'_>) -> Option<Step> {
        let at = match (spec.after, spec.at) {
            (Some(_), Some(_)) => return context.problem("after and at at once"),
            (Some(after), None) => before.saturating_add(after.as_nanos()),
            (None, Some(at)) if at.as_nanos() < before => {
                return context.at_key("at", |context| {
                    context.problem("before the step that comes before it")
                });
            }
            (None, Some(at)) => at.as_nanos(),
            (None, None) => before,
        };
        if at > LONGEST {
            return context.problem("more than 7d after the beginning of the case");
        }
        let request = spec.request.over(&self.request);
        let request = context.at_key("request", |context| {
            request.resolve(self.mint, self.now, self.now.saturating_add(at), context)
        })?;
        Some(Step {
            name: spec.name,
            at,
            repeat: repeat(spec.repeat, context)?,
            request,
            upstream: spec.upstream.over(&self.upstream).resolve(),
            callouts: shared(spec.callouts, &self.callouts),
            expect: spec
                .expect
                .map(|expect| Arc::new(expect.0))
                .or_else(|| self.expect.clone()),
        })
    }
}

/// Tells of answers that nobody would ask for.
pub(crate) fn known(
    answers: &Entries<String, Answers>,
    clusters: Option<&BTreeSet<String>>,
    context: &mut Context<'_>,
) {
    let Some(clusters) = clusters else { return };
    context.at_key("callouts", |context| {
        for (name, _) in &answers.0 {
            if clusters.contains(name) {
                continue;
            }
            context.at_key(name, |context| {
                let known = clusters.iter().map(String::as_str);
                context.unknown::<()>(format!("no cluster named {name:?}"), name, known)
            });
        }
    });
}

fn repeat(given: Option<u32>, context: &mut Context<'_>) -> Option<u32> {
    match given {
        None => Some(1),
        Some(times @ 1..=MAX_REPEAT) => Some(times),
        Some(times) => context.at_key("repeat", |context| {
            context.problem(format!("{times} is not from 1 to {MAX_REPEAT}"))
        }),
    }
}

fn shared_of(answers: Entries<String, Answers>) -> Vec<(String, Arc<Answers>)> {
    let answers = answers.0.into_iter();
    answers
        .map(|(name, answers)| (name, Arc::new(answers)))
        .collect()
}

fn shared(
    over: Entries<String, Answers>,
    base: &[(String, Arc<Answers>)],
) -> Vec<(String, Arc<Answers>)> {
    laid_over(Entries(shared_of(over)), &Entries(base.to_vec())).0
}

impl RequestSpec {
    /// The request as it is sent at `at`, in a case that began at `now`: tokens are minted when the case
    /// begins, so that they can expire; what is signed is signed when it is sent.
    fn resolve(self, mint: &Mint, now: u64, at: u64, context: &mut Context<'_>) -> Option<Request> {
        let Some(path) = self.path else {
            return context.at_key("path", |context| context.problem("required, but missing"));
        };
        let body = self.body.unwrap_or_default();
        let default_method = if body.0.is_empty() { "GET" } else { "POST" };
        let scheme = match (&self.scheme, &self.tls) {
            (Some(scheme), _) => scheme.clone(),
            (None, Some(_)) => "https".to_owned(),
            (None, None) => "http".to_owned(),
        };
        let text = |text: String| text.into_bytes();
        let mut headers: Vec<(String, Vec<u8>)> = vec![
            (
                ":authority".to_owned(),
                text(
                    self.authority
                        .unwrap_or_else(|| "gateway.example".to_owned()),
                ),
            ),
            (":path".to_owned(), text(path)),
            (
                ":method".to_owned(),
                text(self.method.unwrap_or_else(|| default_method.to_owned())),
            ),
            (":scheme".to_owned(), text(scheme)),
        ];
        headers.extend(pairs(&self.headers));
        if let Some(jwt) = self.jwt.filter(|jwt| !jwt.is_null()) {
            let token = context.at_key("jwt", |context| match &jwt {
                Value::String(name) => mint.named(name, now, context),
                _ => {
                    let spec = TokenSpec::decode(&jwt, context)?;
                    mint.token(&spec, now, context)
                }
            })?;
            headers.push(("authorization".to_owned(), text(format!("Bearer {token}"))));
        }
        if let Some(Basic { user, password }) = self.basic {
            let credentials = Base64::encode_string(format!("{user}:{password}").as_bytes());
            let value = text(format!("Basic {credentials}"));
            headers.push(("authorization".to_owned(), value));
        }
        if let Some(webhook) = self.webhook {
            let Some(signed) = webhook.headers(&body.whole(), at) else {
                return context.at_key("webhook", |context| {
                    context.at_key("secret", |context| {
                        context.problem_hint(
                            "no secret of Standard Webhooks",
                            "write whsec_ and base64",
                        )
                    })
                });
            };
            let signed = signed.into_iter();
            headers.extend(signed.map(|(name, value)| (name.to_owned(), text(value))));
        }
        Some(Request {
            headers,
            body,
            trailers: pairs(&self.trailers),
            client_ip: self.client_ip.map_or(CLIENT, |Address(address)| address),
            tls: self.tls,
            route: self.route,
            properties: self.properties.0,
        })
    }
}

impl UpstreamSpec {
    fn resolve(self) -> UpstreamAnswer {
        UpstreamAnswer {
            status: self.status.unwrap_or(200),
            headers: pairs(&self.headers),
            body: self.body.unwrap_or_default(),
            trailers: pairs(&self.trailers),
        }
    }
}
