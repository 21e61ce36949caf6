//! What happened beside what was expected.

use crate::expect::{Count, Denied, Expect, ExpectConsumer, ExpectUpstream, Metric, Names};
use crate::matcher::{BodyMatcher, HeaderMatcher, TextMatcher, lacks};
use crate::outcome::{Ending, Outcome, Seen};
use gatehouse_config::{Entries, HeaderName, Value, nearest};

/// Filter state in which the identity is, and the name.
const IDENTITY: &str = "gatehouse.identity";
const NAME: &str = "gatehouse.consumer";

/// Something that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// What: `status`, `upstream.headers.x-consumer`.
    pub what: String,
    /// What was expected, for people.
    pub expected: String,
    /// What was found, for people.
    pub got: String,
}

/// Everything that is not as expected, in the order of the format's table.
pub(crate) fn check(expect: &Expect, outcome: &Outcome) -> Vec<Mismatch> {
    let mut found = Found(unasked(outcome));
    let denied = outcome.is_denied();
    let allowed = outcome.ending == Ending::Upstream;
    if (expect.allowed.is_some() || expect.upstream.is_some()) && !allowed {
        found.add("outcome", "allowed", outcome.summary());
    }
    if let Some(Denied(status)) = expect.denied {
        let wanted = match status {
            Some(status) => format!("denied with {status}"),
            None => "denied".to_owned(),
        };
        if !denied || status.is_some() && status != outcome.status {
            found.add("outcome", wanted, outcome.summary());
        }
    }
    if let Some(status) = expect.status
        && outcome.status != Some(status)
    {
        let got = outcome
            .status
            .map_or("none".to_owned(), |got| got.to_string());
        found.add("status", status.to_string(), got);
    }
    found.headers("headers", &expect.headers, &outcome.headers);
    found.present("headers", expect.present.as_ref(), &outcome.headers);
    found.absent("headers", expect.absent.as_ref(), &outcome.headers);
    if let Some(body) = &expect.body {
        found.body("body", body, &outcome.body);
    }
    found.headers("trailers", &expect.trailers, &outcome.trailers);
    if let Some(details) = &expect.details {
        let got = outcome.details.clone().unwrap_or_default();
        found.text("details", details, Some(got.as_bytes()));
    }
    if let (Some(expect), Some(seen)) = (&expect.upstream, &outcome.upstream) {
        found.upstream(expect, seen);
    }
    if let Some(consumer) = &expect.consumer {
        found.consumer(consumer, outcome);
    }
    for (name, matcher) in &expect.filter_state.0 {
        let name = name.strip_prefix("wasm.").unwrap_or(name);
        let got = outcome.filter_state.get(name).map(Vec::as_slice);
        found.text(&format!("filter_state.{name}"), matcher, got);
    }
    for (metric, expected) in &expect.metrics.0 {
        found.metric(metric, *expected, outcome);
    }
    if let Some(count) = expect.host_calls {
        found.count("host_calls", count, outcome.host_calls);
    }
    for (cluster, count) in &expect.callouts.0 {
        let what = format!("callouts.{cluster}");
        match outcome.callouts.get(cluster) {
            Some(got) => found.count(&what, *count, *got),
            None => {
                let known = outcome.callouts.keys().map(String::as_str);
                found.add(&what, count.describe(), absent("cluster", cluster, known));
            }
        }
    }
    for text in expect.log.iter().flat_map(|texts| &texts.0) {
        if !outcome.log.iter().any(|line| line.contains(text)) {
            let got = match outcome.log.is_empty() {
                true => "nothing".to_owned(),
                false => outcome.log.join("\n"),
            };
            found.add("log", format!("a line with {text:?}"), got);
        }
    }
    found.0
}

/// What is never as expected, also where nothing is.
pub(crate) fn unasked(outcome: &Outcome) -> Vec<Mismatch> {
    let mut found = Found(Vec::new());
    for callout in &outcome.unanswered {
        found.add("callouts", "an answer for each in the case", callout);
    }
    found.0
}

/// What must not become of a request of which nothing is expected: it is there for what it does to the filters.
pub(crate) fn failed(outcome: &Outcome) -> Vec<Mismatch> {
    let mut found = Found(unasked(outcome));
    if matches!(outcome.ending, Ending::Failed(_) | Ending::Held) {
        found.add("outcome", "allowed or denied", outcome.summary());
    }
    found.0
}

struct Found(Vec<Mismatch>);

impl Found {
    fn add(&mut self, what: &str, expected: impl Into<String>, got: impl Into<String>) {
        self.0.push(Mismatch {
            what: what.to_owned(),
            expected: expected.into(),
            got: got.into(),
        });
    }

    fn text(&mut self, what: &str, matcher: &TextMatcher, got: Option<&[u8]>) {
        if !got.is_some_and(|got| matcher.accepts(got)) {
            self.add(
                what,
                matcher.describe(),
                got.map_or("nothing".to_owned(), shown),
            );
        }
    }

    fn headers(
        &mut self,
        what: &str,
        expected: &Entries<HeaderName, HeaderMatcher>,
        got: &[(String, Vec<u8>)],
    ) {
        for (name, matcher) in &expected.0 {
            let values = values(got, name.as_str());
            let (good, wanted) = match matcher {
                HeaderMatcher::Values(wanted) => (
                    values.len() == wanted.len()
                        && values
                            .iter()
                            .zip(wanted)
                            .all(|(got, wanted)| *got == wanted.as_bytes()),
                    wanted
                        .iter()
                        .map(|value| format!("{value:?}"))
                        .collect::<Vec<_>>()
                        .join(", "),
                ),
                HeaderMatcher::One(matcher) => (
                    matches!(values.as_slice(), [value] if matcher.accepts(value)),
                    matcher.describe(),
                ),
            };
            if !good {
                self.add(&format!("{what}.{}", name.as_str()), wanted, list(&values));
            }
        }
    }

    fn present(&mut self, what: &str, names: Option<&Names>, got: &[(String, Vec<u8>)]) {
        for name in names.iter().flat_map(|names| &names.0) {
            let values = values(got, name.as_str());
            if values.is_empty() {
                self.add(
                    &format!("{what}.{}", name.as_str()),
                    "present",
                    list(&values),
                );
            }
        }
    }

    fn absent(&mut self, what: &str, names: Option<&Names>, got: &[(String, Vec<u8>)]) {
        for name in names.iter().flat_map(|names| &names.0) {
            let values = values(got, name.as_str());
            if !values.is_empty() {
                self.add(
                    &format!("{what}.{}", name.as_str()),
                    "absent",
                    list(&values),
                );
            }
        }
    }

    fn body(&mut self, what: &str, expected: &BodyMatcher, got: &[u8]) {
        match expected {
            BodyMatcher::Empty if got.is_empty() => {}
            BodyMatcher::Empty => self.add(what, "nothing", shown(got)),
            BodyMatcher::Text(matcher) => self.text(what, matcher, Some(got)),
            BodyMatcher::Json(expected) => match serde_json::from_slice::<Value>(got) {
                Err(_) => self.add(what, "JSON", shown(got)),
                Ok(got) => {
                    for (path, expected, got) in lacks(expected, &got) {
                        self.add(&joined(what, &path), expected, got);
                    }
                }
            },
        }
    }

    fn upstream(&mut self, expect: &ExpectUpstream, seen: &Seen) {
        let headers = seen.headers.as_slice();
        let pseudo = [
            ("method", &expect.method),
            ("path", &expect.path),
            ("authority", &expect.authority),
            ("scheme", &expect.scheme),
        ];
        for (name, matcher) in pseudo {
            if let Some(matcher) = matcher {
                let got = values(headers, &format!(":{name}"));
                self.text(&format!("upstream.{name}"), matcher, got.first().copied());
            }
        }
        self.headers("upstream.headers", &expect.headers, headers);
        self.present("upstream.headers", expect.present.as_ref(), headers);
        self.absent("upstream.headers", expect.absent.as_ref(), headers);
        if let Some(expected) = &expect.body {
            self.body("upstream.body", expected, &seen.body);
        }
        self.headers("upstream.trailers", &expect.trailers, &seen.trailers);
    }

    fn consumer(&mut self, expected: &ExpectConsumer, outcome: &Outcome) {
        let name = outcome.filter_state.get(NAME);
        match expected {
            ExpectConsumer::Nobody => {
                if let Some(name) = name {
                    self.add("consumer", "nobody", shown(name));
                }
            }
            ExpectConsumer::Name(expected) => {
                let matcher = TextMatcher::Exact(expected.clone());
                self.text("consumer", &matcher, name.map(Vec::as_slice));
            }
            ExpectConsumer::Identity(expected) => match outcome.filter_state.get(IDENTITY) {
                None => self.add(
                    "consumer",
                    expected.to_string(),
                    "nothing: the configuration keeps the identity to itself (forward.identity)",
                ),
                Some(identity) => {
                    let identity: Value = serde_json::from_slice(identity).unwrap_or_default();
                    for (path, expected, got) in lacks(expected, &identity) {
                        self.add(&joined("consumer", &path), expected, got);
                    }
                }
            },
        }
    }

    fn metric(&mut self, metric: &Metric, expected: u64, outcome: &Outcome) {
        let named: Vec<_> = outcome
            .metrics
            .iter()
            .filter(|(name, _)| metric.is(name))
            .collect();
        let got: u64 = named.iter().map(|(_, delta)| **delta).sum();
        // One that is not there is one that is misspelled, and was never counted either.
        if got == expected && !named.is_empty() {
            return;
        }
        let what = format!("metrics.{}", metric.describe());
        let known = outcome.metrics.keys().map(String::as_str);
        let got = match named.is_empty() {
            false => format!("+{got}"),
            true => absent("metric", &metric.name, known),
        };
        self.add(&what, format!("+{expected}"), got);
    }

    fn count(&mut self, what: &str, expected: Count, got: u64) {
        if !expected.accepts(got) {
            self.add(what, expected.describe(), got.to_string());
        }
    }
}

/// What is said of a name of nothing.
fn absent<'n>(what: &str, name: &str, known: impl IntoIterator<Item = &'n str>) -> String {
    match nearest(name, known) {
        Some(meant) => format!("no such {what} (did you mean {meant:?}?)"),
        None => format!("no such {what}"),
    }
}

fn joined(what: &str, path: &str) -> String {
    match path {
        "" => what.to_owned(),
        path if path.starts_with('[') => format!("{what}{path}"),
        path => format!("{what}.{path}"),
    }
}

fn values<'h>(headers: &'h [(String, Vec<u8>)], name: &str) -> Vec<&'h [u8]> {
    let same = headers
        .iter()
        .filter(|(other, _)| other.eq_ignore_ascii_case(name));
    same.map(|(_, value)| value.as_slice()).collect()
}

fn list(values: &[&[u8]]) -> String {
    match values {
        [] => "absent".to_owned(),
        values => values
            .iter()
            .map(|value| shown(value))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// Bytes as people read them: a text in quotes, others escaped.
pub(crate) fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => format!("{text:?}"),
        Err(_) => format!("b\"{}\"", bytes.escape_ascii()),
    }
}
