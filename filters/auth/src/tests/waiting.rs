//! Requests that wait, several at once.

use super::*;
use gatehouse_host::{Body, CalloutId, StreamId};
use gatehouse_host_fake::SentCallout;
use std::time::Duration;

/// A client whose request is held, or has been decided on.
pub(super) struct Client {
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    stream: Stream,
    /// What has become of it, as [`Gate::outcome`] has it.
    pub(super) outcome: String,
    /// The denial that it got.
    pub(super) reply: Option<LocalReply>,
}

impl Client {
    fn headers(&self) -> Vec<(&str, &[u8])> {
        let own = self.headers.iter();
        own.map(|(name, value)| (name.as_str(), value.as_slice()))
            .collect()
    }

    /// Its body has come.
    pub(super) fn has_body(&mut self, size: usize) {
        self.stream.exchange.body_is(Body::Complete(size));
    }
}

impl Gate {
    /// A request of its own stream arrives.
    pub(super) fn arrives(&self, number: u32, path: &str, headers: &[(&str, &[u8])]) -> Client {
        let own = |(name, value): &(&str, &[u8])| ((*name).to_owned(), value.to_vec());
        let mut client = Client {
            path: path.to_owned(),
            headers: headers.iter().map(own).collect(),
            stream: Stream {
                exchange: Exchange::new(StreamId(number), false),
                memo: Memo::default(),
            },
            outcome: String::new(),
            reply: None,
        };
        self.again(&mut client);
        client
    }

    /// The same with a token.
    pub(super) fn bearer_arrives(&self, number: u32, token: &str) -> Client {
        let value = format!("Bearer {token}");
        self.arrives(number, "/", &[("authorization", value.as_bytes())])
    }

    /// It is asked about anew.
    pub(super) fn again(&self, client: &mut Client) {
        let verdict = {
            let path = client.path.clone();
            let headers = client.headers();
            let own = [
                (":method", &b"GET"[..]),
                (":path", path.as_bytes()),
                (":authority", b"gatehouse.test"),
            ];
            let own = own
                .into_iter()
                .filter(|(name, _)| headers.iter().all(|(other, _)| other != name));
            self.host.begin(own.chain(headers.iter().copied()));
            self.ask(&mut client.stream).unwrap()
        };
        client.outcome = match &verdict {
            Verdict::Deny(reply) => reason(reply),
            Verdict::Continue => self.consumer().unwrap_or_else(|| "anonymous".to_owned()),
            Verdict::Wait { .. } => "waits".to_owned(),
            Verdict::WaitForBody { .. } => "waits for its body".to_owned(),
        };
        client.reply = match verdict {
            Verdict::Deny(reply) => Some(reply),
            _ => None,
        };
    }

    /// Its wait is over: it is asked about for the last time.
    pub(super) fn gives_up(&self, client: &mut Client) {
        client.stream.exchange.end_wait();
        self.again(client);
    }

    /// No request may be held any more: it is asked about for the last time.
    pub(super) fn may_not_wait(&self, client: &mut Client) {
        client.stream.exchange.end_all_waits();
        self.again(client);
    }

    /// The only callout that was sent since this was last asked.
    pub(super) fn only_callout(&self) -> SentCallout {
        let mut sent = self.host.take_callouts();
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent.remove(0)
    }

    /// A callout is answered; says which streams are woken.
    pub(super) fn answer_callout(
        &self,
        callout: CalloutId,
        headers: &[(&str, &[u8])],
        body: impl Into<Vec<u8>>,
    ) -> Vec<u32> {
        let answer = self.host.answer(headers.iter().copied(), body);
        let mut wake = Vec::new();
        self.filter.answered(callout, &answer, &mut wake);
        wake.into_iter().map(|stream| stream.0).collect()
    }

    /// Time passes, and a tick comes; says which streams are woken.
    pub(super) fn tick_after(&self, duration: Duration) -> Vec<u32> {
        self.host.advance(duration);
        let mut wake = Vec::new();
        self.filter.tick(&self.host, &mut wake);
        wake.into_iter().map(|stream| stream.0).collect()
    }

    /// A counter of a provider.
    pub(super) fn counted(&self, what: &str, provider: &str) -> u64 {
        let name = format!("gatehouse.auth.{what}.provider.{provider}");
        let defined = self.host.defined_counters();
        assert!(defined.contains(&name), "{name} in {defined:?}");
        self.host.counters().get(&name).copied().unwrap_or_default()
    }
}
