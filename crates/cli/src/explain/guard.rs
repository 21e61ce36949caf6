//! A connection on its way through connection-guard.
//!
//! 1. The lists of feeds are given to the filter as fetched, as far as the command line has them.
//! 2. The connection comes; then what its client says, or its server before it; then the time passes that the filter waits.
//! 3. With `--repeat`, all connections but the last come and stay.

use super::connection::{Connection as Given, FirstBytes};
use gatehouse_connection_guard::{Filter, State};
use gatehouse_host::{Flow, NetworkFilter as _, NetworkModule as _, Result, Side, Timestamp};
use gatehouse_host_fake::FakeHost;
use gatehouse_trace::{Step, traced};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::ControlFlow;
use std::time::Duration;

/// More rounds than a filter waits: for lists, for the client, for the end of a tarpit.
const ROUNDS: usize = 4;

/// What became of a connection.
pub(super) struct Explained {
    pub(super) fate: Fate,
    pub(super) steps: Vec<Step>,
    /// How long it was held before that.
    pub(super) after: Duration,
    /// What was asked elsewhere, and is not answered.
    pub(super) callouts: Vec<String>,
}

/// Where it ended.
pub(super) enum Fate {
    /// With the filters behind, in this cluster where a rule names one. In report mode, why it would have been closed.
    Passes {
        cluster: Option<String>,
        would_deny: Option<String>,
    },
    /// Here.
    Denied { reason: String },
    /// That hangs on what the client says, or on a list.
    Open { on: &'static str },
    /// The host failed.
    Failed { error: String },
}

/// The filter with its configuration.
pub(super) struct Guard {
    host: FakeHost,
    filter: Filter,
    asked: Vec<String>,
}

/// A connection that is there.
struct Client<'g> {
    guard: &'g Guard,
    state: State,
    begin: Timestamp,
}

impl Guard {
    /// The filter at a time, with the lists that are known.
    pub(super) fn new(
        value: &Value,
        environment: &dyn Fn(&str) -> Option<String>,
        feeds: &[(String, String)],
        now: u64,
    ) -> std::result::Result<Self, String> {
        let host = FakeHost::default();
        host.set_now(Timestamp::from_nanos(now));
        let filter = Filter::configure(value.to_string().as_bytes(), environment, &host)
            .map_err(|error| error.to_string())?;
        let declared = |name: &str| value.pointer(&format!("/feeds/{name}"));
        filter.tick(&host, &mut Vec::new());
        let mut asked = Vec::new();
        for sent in host.take_callouts() {
            let cluster = sent.callout.cluster.clone();
            let url = format!("{}{}", sent.header(":authority"), sent.header(":path"));
            let is_it = |(name, _): &&(String, String)| {
                declared(name).is_some_and(|feed| is_of(feed, &cluster, &url))
            };
            match feeds.iter().find(is_it) {
                Some((_, list)) => {
                    let answer = host.answer([(":status", &b"200"[..])], list.as_bytes());
                    filter.answered(sent.id, &answer, &mut Vec::new());
                }
                None => asked.push(format!("GET {url} by way of cluster {cluster}")),
            }
        }
        Ok(Self {
            host,
            filter,
            asked,
        })
    }

    /// What becomes of a connection to `port`, the last of so many that come at the same time.
    pub(super) fn explain(
        &self,
        given: &Given,
        port: u16,
        is_ended: bool,
        properties: &[(String, String)],
        times: u32,
    ) -> Explained {
        let mut there = Vec::new();
        for _ in 1..times {
            let mut client = self.client();
            client.enter(given, port, is_ended, properties);
            let closed = matches!(client.come(given, is_ended), Ok(Some(Flow::Close(_))));
            match closed {
                true => self.filter.ended(&self.host.connection(1), client.state),
                false => there.push(client),
            }
        }
        let mut client = self.client();
        client.enter(given, port, is_ended, properties);
        let (came, mut steps) = traced(|| client.come(given, is_ended));
        let on = steps.iter().rev().find_map(hangs_on);
        let (fate, later) = traced(|| came.and_then(|flow| client.fate(flow, on)));
        let fate = fate.unwrap_or_else(|error| Fate::Failed {
            error: error.to_string(),
        });
        steps.extend(later);
        let callouts = match fate {
            Fate::Open { .. } => self.asked.clone(),
            _ => Vec::new(),
        };
        let fate = match fate {
            // It was fetched, for all that is known here.
            Fate::Denied { reason }
                if reason.starts_with("feed_missing.") && !self.asked.is_empty() =>
            {
                Fate::Open { on: LIST }
            }
            fate => fate,
        };
        let after = between(client.begin, self.now());
        Explained {
            fate,
            steps,
            after,
            callouts,
        }
    }

    fn client(&self) -> Client<'_> {
        Client {
            guard: self,
            state: State::default(),
            begin: self.now(),
        }
    }

    fn now(&self) -> Timestamp {
        use gatehouse_host::Clock as _;
        self.host.now().unwrap_or(FakeHost::START)
    }
}

fn between(begin: Timestamp, end: Timestamp) -> Duration {
    Duration::from_nanos(end.as_nanos().saturating_sub(begin.as_nanos()))
}

/// Whether a feed is fetched from there.
fn is_of(feed: &Value, cluster: &str, url: &str) -> bool {
    let text = |name: &str| feed.get(name).and_then(Value::as_str).unwrap_or_default();
    let uri = text("uri");
    let uri = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    text("cluster") == cluster && uri.trim_end_matches('/') == url.trim_end_matches('/')
}

impl Client<'_> {
    fn enter(&self, given: &Given, port: u16, is_ended: bool, properties: &[(String, String)]) {
        let host = &self.guard.host;
        // Ports that nobody looks at, and an address of nobody's.
        let source = SocketAddr::new(given.source(), 50_000);
        let destination = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
        host.connect(source, destination);
        if is_ended {
            for (name, value) in given.attributes() {
                host.property_is(name, value);
            }
        }
        for (name, value) in properties {
            host.property_is(name, value.as_str());
        }
    }

    /// The connection comes, and says what it has to say; nothing where it was not told what that is.
    fn come(&mut self, given: &Given, is_ended: bool) -> Result<Option<Flow>> {
        let filter = &self.guard.filter;
        let flow = filter.connection(&self.guard.host.connection(1), &mut self.state)?;
        if matches!(flow, Flow::Close(_)) || !filter.wants_more(&self.state) {
            return Ok(Some(flow));
        }
        let Some(first) = given.first_bytes(is_ended) else {
            return Ok(None);
        };
        self.say(first, flow).map(Some)
    }

    fn say(&mut self, first: FirstBytes, flow: Flow) -> Result<Flow> {
        let (filter, host) = (&self.guard.filter, &self.guard.host);
        let connection = host.connection(1);
        match first {
            FirstBytes::Client(bytes) => {
                let data = host.data(Side::Downstream, bytes, 0, false);
                filter.downstream_data(&connection, &data, &mut self.state)
            }
            // A server is heard once its upstream is connected.
            FirstBytes::Server(bytes) if flow == Flow::Continue => {
                let data = host.data(Side::Upstream, bytes, 0, false);
                let passage = filter.upstream_data(&connection, &data, &mut self.state)?;
                Ok(match passage {
                    ControlFlow::Continue(()) => Flow::Continue,
                    ControlFlow::Break(closure) => Flow::Close(closure),
                })
            }
            FirstBytes::Server(_) | FirstBytes::None => Ok(flow),
        }
    }

    /// What comes of it in time. `on` is what it hangs on, if anything.
    fn fate(&mut self, came: Option<Flow>, on: Option<&'static str>) -> Result<Fate> {
        let mut flow = match (came, on) {
            (_, Some(on @ LIST)) => return Ok(Fate::Open { on }),
            (None, Some(on)) => return Ok(Fate::Open { on }),
            (Some(flow), _) => flow,
            (None, None) => Flow::Continue,
        };
        for _ in 0..ROUNDS {
            let until = match flow {
                Flow::Close(closure) => {
                    return Ok(Fate::Denied {
                        reason: closure.reason,
                    });
                }
                Flow::Wait { until } => until,
                Flow::Continue => break,
            };
            let wait = between(self.guard.now(), until);
            self.guard.host.advance(wait);
            let connection = self.guard.host.connection(1);
            flow = self.guard.filter.due(&connection, &mut self.state)?;
        }
        Ok(match flow {
            Flow::Close(closure) => Fate::Denied {
                reason: closure.reason,
            },
            Flow::Wait { .. } => Fate::Open { on: SAYS },
            Flow::Continue => self.passes(),
        })
    }

    fn passes(&self) -> Fate {
        let host = &self.guard.host;
        let would_deny = host.property_value("gatehouse.would_deny");
        Fate::Passes {
            cluster: host.filter_state("envoy.tcp_proxy.cluster"),
            would_deny: would_deny.map(|reason| String::from_utf8_lossy(&reason).into_owned()),
        }
    }
}

/// On what a decision hangs, by the words of the filter's trace.
pub(super) const LIST: &str =
    "a list that is not known here: say with --feed NAME=FILE what is in it";
pub(super) const SAYS: &str =
    "what the client says: tell it with speaks=PROTOCOL, sni=NAME, alpn=NAME or tls=VERSION";

fn hangs_on(step: &Step) -> Option<&'static str> {
    match step.finding.as_str() {
        "hangs on a list that is not there" => Some(LIST),
        "hangs on what the client says" => Some(SAYS),
        _ => None,
    }
}
