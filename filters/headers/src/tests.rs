//! The filter on a host in memory.

mod conditions;
mod configuration;
mod cookies;
mod cors;
mod documents;
mod hostile;
mod locations;
mod operations;
mod presets;
mod properties;
mod streams;
mod targets;
mod trailers;
mod variables;

use crate::{Filter, Pending};
use gatehouse_host::{
    Consumer, Exchange, HttpFilter as _, Module as _, Request, Response, StreamId, Verdict,
};
use gatehouse_host_fake::FakeHost;

type Pairs<'a> = &'a [(&'a str, &'a [u8])];

fn environment(name: &str) -> Option<String> {
    match name {
        "TOKEN" => Some("s3cret".to_owned()),
        "LINES" => Some("a\nb".to_owned()),
        _ => None,
    }
}

/// A configuration written in YAML, as JSON.
fn json(yaml: &str) -> Vec<u8> {
    let value: serde_json::Value = serde_yaml_ng::from_str(yaml).unwrap();
    value.to_string().into_bytes()
}

/// The filter, or the message with which it refuses its configuration.
fn configure(yaml: &str, host: &FakeHost) -> Result<Filter, String> {
    Filter::configure(&json(yaml), &environment, host).map_err(|error| error.to_string())
}

/// Consumer `acme` with some claims, as a module before this one establishes it.
fn consumer() -> Consumer {
    let claims = serde_json::json!({
        "email": "a@b.test", "n": 7, "crlf": "a\r\nx-admin: 1", "nul": "a\0b", "lf": "a\nb",
        "del": "\u{7f}", "spaced": " admin ", "empty": "", "utf8": "\u{e9}\u{10d}",
        "big": "x".repeat(1 << 20), "most": "x".repeat(64 << 10),
    });
    Consumer {
        name: "acme".to_owned(),
        provider: "partners".to_owned(),
        claims: claims.as_object().unwrap().clone(),
        metadata: serde_json::json!({"plan": "gold"})
            .as_object()
            .unwrap()
            .clone(),
        ..Consumer::default()
    }
}

fn establish(host: &FakeHost) {
    host.property_is(gatehouse_host::IDENTITY_STATE, consumer().to_json());
}

/// Sends the request of the host's stream, which has no body, through the filter.
fn request(filter: &Filter, host: &FakeHost) -> (gatehouse_host::Result<Verdict>, Pending) {
    let mut exchange = Exchange::new(StreamId::default(), true);
    let mut pending = Pending::default();
    let verdict = filter.request(&mut Request::new(host, &mut exchange), &mut pending);
    (verdict, pending)
}

/// Sends the response of the host's stream through the filter.
fn response(filter: &Filter, host: &FakeHost, mut pending: Pending) -> gatehouse_host::Result<()> {
    let exchange = Exchange::default();
    let mut headers = None;
    let mut response = Response::new(host, &exchange, &mut headers);
    filter.response(&mut response, &mut pending)
}

/// By name; the values of one name stay in order.
fn sorted(headers: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut headers = headers;
    headers.sort_by(|(one, _), (other, _)| one.cmp(other));
    headers
}

/// Headers written in lines, by name: `a: 1`.
fn lines(headers: Vec<(String, String)>) -> Vec<String> {
    let line = |(name, value)| format!("{name}: {value}");
    sorted(headers).into_iter().map(line).collect()
}

fn pairs<'a>(headers: &[(&'a str, &'a [u8])]) -> Vec<(&'a str, &'a [u8])> {
    headers.to_vec()
}

/// What becomes of a request that these operations are done to; the details of its denial, if it is denied.
#[expect(
    clippy::unwrap_in_result,
    clippy::panic_in_result_fn,
    reason = "the error is what the test looks at"
)]
fn sent(rule: &str, headers: Pairs<'_>) -> Result<Vec<String>, String> {
    let host = FakeHost::default();
    let filter = configure(&format!("rules: [{{{rule}}}]"), &host).unwrap();
    host.begin(headers.iter().copied());
    establish(&host);
    match request(&filter, &host).0.unwrap() {
        Verdict::Continue => Ok(lines(host.request_headers())),
        Verdict::Deny(reply) => Err(format!("{} {}", reply.status, reply.details)),
        other => panic!("{other:?}"),
    }
}

/// What becomes of the response to a request.
fn answered(rule: &str, headers: Pairs<'_>, response_headers: Pairs<'_>) -> Vec<String> {
    let host = FakeHost::default();
    let filter = configure(&format!("rules: [{{{rule}}}]"), &host).unwrap();
    host.begin(headers.iter().copied());
    establish(&host);
    let (verdict, pending) = request(&filter, &host);
    assert_eq!(verdict, Ok(Verdict::Continue));
    host.respond(response_headers.iter().copied());
    response(&filter, &host, pending).unwrap();
    lines(host.response_headers())
}
