//! One script of streams of every kind: a limit on what is in flight before the filter that denies, so that a denial must
//! give the place back; one that reads bodies of responses; and a filter that changes trailers.

use super::pair::{Endpoints, Pair, open, rest};
use super::upstream::Upstream;
use gatehouse_integration::{Echo, Envoy};
use std::net::Shutdown;
use std::time::{Duration, Instant};

const FILTERS: &str = r#"
- rate_limit:
    limits:
    - {name: flight, key: [{header: x-key}], algorithm: concurrency, limit: 1, expires: 1m}
    - {name: spent, key: [{header: x-key}], rate: 9/1h, burst: 9, cost: {response_json: /usage, default: 3}}
    response_headers: none
- auth:
    providers: {keys: {api_key: {from: [{header: x-api-key}], consumers: [{name: dev, key: "${env:DEV_KEY}"}]}}}
    rules: [{require: keys}]
- headers:
    rules:
    - request: [{set: {name: x-user, value: "${consumer.name}"}}]
      request_trailers: [{remove: {name: x-secret}}]
      response: [{set: {name: x-served-by, value: "gatehouse for ${consumer.name}"}}]
      response_trailers: [{remove: {name: x-secret}}, {set: {name: x-seen, value: "yes"}}]
"#;

fn get(path: &str, key: &str, credential: &str) -> String {
    format!(
        "GET /raw{path} HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\nx-case: {key}\r\nx-key: {key}\r\nx-api-key: {credential}\r\n\r\n"
    )
}

fn answer(envoy: &Envoy, request: &str) -> String {
    rest(open(envoy.address(), request))
}

/// The script: streams of every kind, one after the other.
fn answers(envoy: &Envoy) -> Vec<String> {
    const KEY: &str = "dev-key-1";
    let chunked = format!(
        "POST /raw/echo HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\nx-case: echo\r\nx-key: echo\r\nx-api-key: {KEY}\r\n\
         transfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nx-secret: 1\r\nx-checksum: 2\r\n\r\n"
    );
    let mut answers: Vec<_> = [
        get("/", "denied", "wrong"),
        get("/", "denied", "wrong"),
        get("/", "denied", "wrong"),
        get("/", "plain", KEY),
        get("/empty", "plain", KEY),
        get("/trailers", "trailers", KEY),
        chunked,
        get("/reset", "reset", KEY),
        get("/", "reset", KEY),
        // Three by three, until nine are spent.
        get("/", "spent", KEY),
        get("/", "spent", KEY),
        get("/", "spent", KEY),
        get("/", "spent", KEY),
    ]
    .iter()
    .map(|request| answer(envoy, request))
    .collect();
    // One while another is in flight, and one when that is gone.
    let request = get("/", "busy", KEY);
    let first = open(envoy.address(), &get("/hang", "busy", KEY));
    envoy.await_stat("cluster.raw.upstream_rq_active", 1);
    answers.push(answer(envoy, &request));
    first.shutdown(Shutdown::Both).unwrap();
    envoy.await_log("STREAM busy", 2);
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let text = answer(envoy, &request);
        if !text.contains(" 429 ") || Instant::now() > deadline {
            answers.push(text);
            return answers;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn fused_and_apart_are_the_same() {
    let (echo, upstream) = (Echo::start(), Upstream::start());
    let to = Endpoints {
        raw: Some(upstream.address()),
        ..Endpoints::of(&echo)
    };
    let pair = Pair::start(FILTERS, to, |_| {});
    let answers = pair.both("all answers", answers);
    pair.compare("streams", answers.len() + 1);

    let statuses: Vec<_> = answers
        .iter()
        .map(|text| text.split(' ').nth(1).unwrap_or("none"))
        .collect();
    assert_eq!(
        statuses,
        [
            "401", "401", "401", "200", "204", "200", "200", "503", "200", "200", "200", "200",
            "429", "429", "200"
        ]
    );
    let has = |number: usize, what: &str| {
        let text = answers.get(number).expect("an answer");
        assert!(text.contains(what), "{number}: {what}: {text}");
    };
    has(3, "x-served-by: gatehouse for dev");
    has(5, "x-checksum: 2\nx-seen: yes");
    has(6, "\n0\nx-checksum: 2");
    assert!(!answers.iter().any(|text| text.contains("x-secret")));
}
