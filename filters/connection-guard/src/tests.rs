//! The filter over the fake host.

mod attacks;
mod calls;
mod documents;
mod failures;
mod feeds;
mod first_data;
mod limits;
mod parsing;
mod report;
mod rules;
mod watching;

use crate::{Filter, State};
use gatehouse_host::{Flow, NetworkFilter as _, NetworkModule as _, Side, StreamId, Timestamp};
use gatehouse_host_fake::{FakeHost, Shared};
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::Duration;

/// A worker of the proxy with the filter in it.
struct Worker {
    host: FakeHost,
    filter: Filter,
    /// The host's clock, for the test: to ask the host is a call, which tests count.
    now: Cell<Timestamp>,
}

/// A connection, as Envoy treats it.
struct Client<'w> {
    worker: &'w Worker,
    source: SocketAddr,
    state: State,
    /// What was sent and is held.
    held: Vec<u8>,
    /// The end of its wait.
    until: Option<Timestamp>,
    /// Why it is closed.
    closed: Option<String>,
    /// What went on to the filters behind.
    passed: Vec<u8>,
    is_let_on: bool,
    /// What Envoy says of it, beside its addresses.
    attributes: Vec<(&'static str, Vec<u8>)>,
}

const DESTINATION: &str = "10.0.0.1:443";

impl Worker {
    fn new(shared: &Shared, config: &Value) -> Self {
        let host = FakeHost::new(shared.clone());
        let bytes = config.to_string();
        match Filter::configure(bytes.as_bytes(), &|_: &str| None, &host) {
            Ok(filter) => Self {
                host,
                filter,
                now: Cell::new(FakeHost::START),
            },
            Err(error) => panic!("{error}"),
        }
    }

    fn alone(config: &Value) -> Self {
        Self::new(&Shared::default(), config)
    }

    /// A new connection from an address.
    fn connect(&self, source: &str) -> Client<'_> {
        self.connect_with(source, &[])
    }

    fn connect_with(&self, source: &str, attributes: &[(&'static str, &[u8])]) -> Client<'_> {
        let source = match source.contains("]:") || source.matches(':').count() == 1 {
            true => source.parse().unwrap(),
            false => SocketAddr::new(source.parse().unwrap(), 5000),
        };
        let attributes = attributes
            .iter()
            .map(|(name, value)| (*name, value.to_vec()));
        let mut client = Client {
            worker: self,
            source,
            state: State::default(),
            held: Vec::new(),
            until: None,
            closed: None,
            passed: Vec::new(),
            is_let_on: false,
            attributes: attributes.collect(),
        };
        client.enter();
        let flow = self
            .filter
            .connection(&self.host.connection(7), &mut client.state);
        client.take(flow.unwrap());
        client
    }

    fn tick(&self) -> Vec<StreamId> {
        let mut wake = Vec::new();
        self.filter.tick(&self.host, &mut wake);
        wake
    }

    /// The counters, without what all names have in common.
    fn counts(&self) -> BTreeMap<String, u64> {
        let counters = self.host.counters().into_iter();
        counters
            .map(|(name, count)| {
                let name = name.strip_prefix("gatehouse.connection_guard.").unwrap();
                (name.to_owned(), count)
            })
            .collect()
    }

    fn advance(&self, seconds: f64) {
        let duration = Duration::from_secs_f64(seconds);
        self.host.advance(duration);
        self.now.set(self.now.get().after(duration));
    }
}

impl Client<'_> {
    fn enter(&self) {
        let host = &self.worker.host;
        host.connect(self.source, DESTINATION.parse().unwrap());
        for (name, value) in &self.attributes {
            host.property_is(name, value.clone());
        }
    }

    fn take(&mut self, flow: Flow) {
        match flow {
            Flow::Continue => {
                self.until = None;
                self.is_let_on = true;
                self.passed.append(&mut self.held);
            }
            Flow::Wait { until } => {
                assert!(until > self.worker.now.get());
                self.until = Some(until);
            }
            Flow::Close(closure) => self.closed = Some(closure.reason),
        }
    }

    fn send(&mut self, bytes: &[u8]) -> &mut Self {
        self.send_with_end(bytes, false)
    }

    fn send_with_end(&mut self, bytes: &[u8], is_last: bool) -> &mut Self {
        if self.closed.is_some() || !self.worker.filter.wants_more(&self.state) {
            self.passed
                .extend_from_slice(if self.closed.is_none() { bytes } else { b"" });
            return self;
        }
        let host = &self.worker.host;
        let before = self.held.len();
        self.held.extend_from_slice(bytes);
        let data = host.data(Side::Downstream, self.held.clone(), before, is_last);
        let flow = self
            .worker
            .filter
            .downstream_data(&host.connection(7), &data, &mut self.state);
        self.take(flow.unwrap());
        self
    }

    /// What the upstream sends; whether it gets through.
    fn receive(&mut self, bytes: &[u8]) -> bool {
        if self.closed.is_some() {
            return false;
        }
        if !self.worker.filter.wants_more(&self.state) {
            return true;
        }
        let host = &self.worker.host;
        let data = host.data(Side::Upstream, bytes, 0, false);
        let passage = self
            .worker
            .filter
            .upstream_data(&host.connection(7), &data, &mut self.state);
        match passage.unwrap() {
            ControlFlow::Continue(()) => true,
            ControlFlow::Break(closure) => {
                self.closed = Some(closure.reason);
                false
            }
        }
    }

    /// What the dispatcher does on a tick.
    fn tick(&mut self) -> &mut Self {
        let due = self.until.or(self.worker.filter.deadline(&self.state));
        if self.closed.is_none() && due.is_some_and(|due| due <= self.worker.now.get()) {
            self.ask();
        }
        self
    }

    /// What the dispatcher does when it is woken.
    fn ask(&mut self) {
        let host = &self.worker.host;
        let was_held = self.until.is_some();
        let flow = self
            .worker
            .filter
            .due(&host.connection(7), &mut self.state)
            .unwrap();
        match flow {
            Flow::Wait { .. } if !was_held => {}
            flow => self.take(flow),
        }
    }

    /// It is over.
    fn end(self) {
        if self.worker.filter.wants_more(&self.state) {
            let host = &self.worker.host;
            self.worker.filter.ended(&host.connection(7), self.state);
        }
    }

    /// In a word: `open`, `held`, or why it is closed.
    fn fate(&self) -> &str {
        match (&self.closed, self.until) {
            (Some(reason), _) => reason,
            (None, Some(_)) => "held",
            (None, None) => "open",
        }
    }
}

/// A configuration of these rules that denies the rest.
fn rules(rules: Value) -> Value {
    json!({"rules": rules, "default": "deny"})
}

fn counts<const N: usize>(expected: [(&str, u64); N]) -> BTreeMap<String, u64> {
    let owned = expected.map(|(what, count)| (what.to_owned(), count));
    owned.into_iter().collect()
}

/// A ClientHello of one record, with a server name and protocols.
fn hello(server_name: &str, alpn: &[&str]) -> Vec<u8> {
    hello_in(&[(0, sni(server_name)), (16, protocols(alpn))])
}

fn hello_in(extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let message = message(extensions);
    [&[22, 3, 1][..], &counted(&message)].concat()
}

fn message(extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 1, 1, 0]);
    let extensions = extensions.iter().filter(|(_, value)| value.len() > 2);
    let extensions: Vec<u8> = extensions
        .flat_map(|(kind, value)| [&kind.to_be_bytes()[..], &counted(value)].concat())
        .collect();
    body.extend(counted(&extensions));
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[1], &length[1..], &body].concat()
}

fn counted(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
    [&length, bytes].concat()
}

fn sni(name: &str) -> Vec<u8> {
    match name {
        "" => Vec::new(),
        name => counted(&[&[0], &*counted(name.as_bytes())].concat()),
    }
}

fn protocols(names: &[&str]) -> Vec<u8> {
    let names = names.iter();
    let names: Vec<u8> = names
        .flat_map(|name| [&[u8::try_from(name.len()).unwrap()], name.as_bytes()].concat())
        .collect();
    counted(&names)
}

fn versions(numbers: &[u16]) -> Vec<u8> {
    let list: Vec<u8> = numbers
        .iter()
        .flat_map(|number| number.to_be_bytes())
        .collect();
    [&[u8::try_from(list.len()).unwrap()], &*list].concat()
}
