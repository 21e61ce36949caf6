//! Feeds of several workers over one shared data.

mod faults;
mod lifetimes;
mod urls;
mod workers;

use crate::{Address, Current, Event, Feed, Settings, Step, TICK, Wanted};
use gatehouse_host::{CalloutId, Clock as _, StreamId};
use gatehouse_host_fake::{FakeHost, SentCallout, Shared};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

fn address(path: &str) -> Address {
    Address {
        cluster: "idp".to_owned(),
        authority: "idp.test".to_owned(),
        path: path.to_owned(),
    }
}

fn settings() -> Settings {
    Settings {
        key: "feed".to_owned(),
        label: "feed".to_owned(),
        first: address("/keys"),
        steps: 2,
        timeout: Duration::from_secs(2),
        refresh: Duration::from_secs(600),
        min_refresh: Duration::from_secs(10),
        max_stale: None,
        max_bytes: 100,
        on_demand: Duration::from_secs(30),
    }
}

/// `next` leads to `/next`; a text of letters is a document.
fn read(_: usize, bytes: &[u8]) -> Result<Step<String>, String> {
    match std::str::from_utf8(bytes) {
        Ok("next") => Ok(Step::Next(address("/next"))),
        Ok(text) if !text.is_empty() && text.chars().all(char::is_alphabetic) => {
            Ok(Step::Done(text.to_owned()))
        }
        _ => Err("is no document".to_owned()),
    }
}

/// Headers of an answer.
type Pairs<'p> = &'p [(&'p str, &'p str)];

struct Worker {
    host: FakeHost,
    feed: Feed<String>,
    events: RefCell<Vec<Event>>,
}

impl Worker {
    fn new(shared: &Shared, settings: Settings) -> Self {
        Self {
            host: FakeHost::new(shared.clone()),
            feed: Feed::new(settings, read),
            events: RefCell::default(),
        }
    }

    fn alone() -> Self {
        Self::new(&Shared::default(), settings())
    }

    fn count(&self, event: Event) {
        self.events.borrow_mut().push(event);
    }

    /// Who is woken.
    fn tick(&self) -> Vec<u32> {
        let mut wake = Vec::new();
        self.feed
            .tick(&self.host, &|event| self.count(event), &mut wake);
        wake.into_iter().map(|stream| stream.0).collect()
    }

    /// The documents, or why there is none.
    fn ask(&self, stream: u32) -> String {
        let now = self.host.now().unwrap();
        let count = |event| self.count(event);
        match self.feed.current(&self.host, now, StreamId(stream), &count) {
            Current::Ready(text) => (*text).clone(),
            Current::Wait(until) => {
                assert!(until > now);
                "waits".to_owned()
            }
            Current::Unavailable => "unavailable".to_owned(),
        }
    }

    fn want(&self, stream: u32) -> String {
        let now = self.host.now().unwrap();
        let count = |event| self.count(event);
        let known = self.feed.document(now).unwrap();
        match self
            .feed
            .want(&self.host, now, StreamId(stream), &known, &count)
        {
            Wanted::Ready(text) => (*text).clone(),
            Wanted::Wait(until) => {
                assert!(until > now);
                "waits".to_owned()
            }
            Wanted::Refused => "refused".to_owned(),
        }
    }

    fn sent(&self) -> Option<SentCallout> {
        let mut sent = self.host.take_callouts();
        assert!(sent.len() <= 1, "{sent:?}");
        sent.pop()
    }

    fn answer(&self, callout: CalloutId, headers: &[(&str, &str)], body: &[u8]) -> Vec<u32> {
        let mut wake = Vec::new();
        let headers = headers
            .iter()
            .map(|(name, value)| (*name, value.as_bytes()));
        let answer = self.host.answer(headers, body);
        self.feed
            .answered(callout, &answer, &|event| self.count(event), &mut wake);
        wake.into_iter().map(|stream| stream.0).collect()
    }

    /// Answers what was just sent.
    fn serve(&self, headers: &[(&str, &str)], body: &str) -> Vec<u32> {
        let sent = self.sent().expect("something was sent");
        self.answer(
            sent.id,
            &[&[(":status", "200")], headers].concat(),
            body.as_bytes(),
        )
    }

    /// Ticks for so long, and says after how many milliseconds something was sent.
    fn until_sent(&self, most: Duration) -> Option<(u64, SentCallout)> {
        let ticks = most.as_millis() / TICK.as_millis();
        for tick in 0..=ticks {
            self.tick();
            if let Some(sent) = self.sent() {
                let after = u64::try_from(tick * TICK.as_millis()).unwrap();
                return Some((after, sent));
            }
            self.host.advance(TICK);
        }
        None
    }

    fn lines(&self) -> Vec<String> {
        self.host.log_lines()
    }
}
