//! What a server answers to a fetch, and what lies in shared data: taken or refused, and a good document comes
//! through after whatever came before.
#![no_main]

use gatehouse_feed::{Address, Current, Feed, Settings, Step, Url};
use gatehouse_host::{Cas, Clock as _, StreamId};
use gatehouse_host_fake::{FakeHost, Shared};
use std::time::Duration;

const NAMES: [&str; 4] = ["cache-control", "age", "etag", ":status"];

fn feed() -> Feed<Vec<u8>> {
    let settings = Settings {
        key: "feed".to_owned(),
        label: "feed".to_owned(),
        first: Address {
            cluster: "c".to_owned(),
            authority: "a.test".to_owned(),
            path: "/".to_owned(),
        },
        steps: 2,
        timeout: Duration::from_secs(1),
        refresh: Duration::from_secs(60),
        min_refresh: Duration::from_secs(10),
        max_stale: None,
        max_bytes: 64,
        on_demand: Duration::from_secs(30),
    };
    Feed::new(settings, |_, bytes| match std::str::from_utf8(bytes) {
        Ok("") | Err(_) => Err("is no document".to_owned()),
        Ok(text) => Ok(match Url::parse(text) {
            Err(_) => Step::Done(bytes.to_vec()),
            Ok(url) => Step::Next(Address {
                cluster: "c".to_owned(),
                authority: url.authority,
                path: url.path,
            }),
        }),
    })
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut texts = bytes.split(|byte| *byte == b'\n');
    let mut next = || texts.next().unwrap_or_default();
    let (state, document, body) = (next(), next(), next());
    let shared = Shared::default();
    shared.swap("feed.state", state, Cas(0));
    shared.swap("feed.document", document, Cas(0));
    let host = FakeHost::new(shared);
    let feed = feed();
    let mut wake = Vec::new();
    let mut answers = texts.filter_map(|text| {
        let (index, value) = text.split_first()?;
        Some((NAMES[usize::from(*index) % NAMES.len()], value))
    });
    // Whatever the state said, two minutes and a half later something is due.
    for _ in 0..40 {
        feed.tick(&host, &|_| {}, &mut wake);
        for sent in host.take_callouts() {
            let ok = (":status", &b"200"[..]);
            let (headers, body) = match answers.next() {
                Some(header) => (vec![ok, header], body),
                None => (vec![ok], &b"good"[..]),
            };
            let answer = host.answer(headers, body);
            feed.answered(sent.id, &answer, &|_| {}, &mut wake);
        }
        host.advance(Duration::from_secs(4));
    }
    let now = host.now().expect("the fake has a clock");
    if let Current::Ready(found) = feed.current(&host, now, StreamId(1), &|_| {}) {
        assert!(!found.is_empty() && found.len() <= 64.max(document.len()));
    }
});
