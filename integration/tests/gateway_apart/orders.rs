//! One script of requests through several orders of filters: HTTP/1, HTTP/2 and gRPC, preflights, HEAD, upgrades,
//! denials of every filter, tokens that are asked about, trailers.

use super::pair::{Endpoints, Pair, http2, open, rest, whole};
use super::service::{Asked, Does, Service};
use super::upstream::Upstream;
use gatehouse_integration::{Echo, Envoy, RateLimitServer, Reply, Request};
use gatehouse_rate_limit_service::{
    CODE_OK, CODE_OVER_LIMIT, DescriptorStatus, Duration, Limit, RateLimitRequest,
    RateLimitResponse,
};
use std::collections::BTreeMap;
use std::sync::Mutex;

const AUTH: &str = r#"
- auth:
    providers:
      keys: {api_key: {from: [{header: x-api-key}], consumers: [{name: dev, key: "${env:DEV_KEY}", groups: [gold]}]}}
      opaque: {introspection: {cluster: service, uri: "https://idp.test/i", client_id: gateway, client_secret: "${env:DEV_KEY}", timeout: 20s, cache: {positive: 1h, negative: 1h}}}
    rules:
    - {match: {path: {prefix: /public}}, allow: anonymous}
    - {match: {path: {prefix: /admin}}, require: keys, authorize: {groups: [admin]}}
    - {require: {any_of: [keys, opaque]}}
    forward: {consumer_header: x-consumer, strip_credentials: true}
"#;

const LIMIT: &str = r#"
- rate_limit:
    limits:
    - {name: per-key, key: [{header: x-key}], rate: 2/1h, burst: 2}
    - {name: per-consumer, key: [consumer], rate: 100/24h, burst: 100}
"#;

/// The same, kept elsewhere: each request waits.
const GLOBAL: &str = r#"
- rate_limit:
    limits:
    - {name: per-key, key: [{header: x-key}], rate: 2/1h}
    store: {global: {cluster: limits, domain: gatehouse, timeout: 10s}}
"#;

const HEADERS: &str = r#"
- headers:
    rules:
    - match: {path: {prefix: /to}}
      request: [{path: {with: "/v2/${request.header.x-to}"}}]
      response: [{set: {name: x-served-by, value: "to"}}]
    - match: {path: {prefix: /host}}
      request: [{host: {with: "${request.header.x-to}"}}]
    - cors: {origins: ["https://app.test"], methods: [GET, PUT], credentials: true}
      request: [{set: {name: x-user, value: "${consumer.name}"}}, {remove: {prefix: x-internal-}}]
      request_trailers: [{remove: {name: x-secret}}]
      response: [{set: {name: x-served-by, value: "gatehouse for ${consumer.name | default(\"nobody\")}"}}, {remove: {name: x-powered-by}}, {preset: security_headers}]
      response_trailers: [{remove: {name: x-secret}}, {set: {name: x-seen, value: "yes"}}]
"#;

/// Another one, in front of or behind those.
const MORE: &str = r#"
- headers: {rules: [{response: [{append: {name: x-served-by, value: "more"}}], request: [{set: {name: x-more, value: "${client_ip}"}}]}]}
"#;

fn knows(asked: &Asked) -> Does {
    Does::json(match asked.body.contains("token=ann") {
        true => r#"{"active":true,"sub":"ann","scope":"read"}"#,
        false => r#"{"active":false}"#,
    })
}

/// Counts to two for each key, of each Envoy.
fn service_of_limits() -> RateLimitServer {
    let counts: Mutex<BTreeMap<String, u32>> = Mutex::default();
    RateLimitServer::start(move |request: RateLimitRequest| {
        let key = format!("{:?}", request.descriptors);
        let mut counts = counts.lock().unwrap();
        let count = counts.entry(key).or_default();
        *count += 1;
        let (code, left) = match 2u32.checked_sub(*count) {
            Some(left) => (CODE_OK, left),
            None => (CODE_OVER_LIMIT, 0),
        };
        let status = DescriptorStatus {
            code,
            current_limit: Some(Limit {
                requests_per_unit: 2,
                unit: 3,
            }),
            limit_remaining: left,
            duration_until_reset: Some(Duration {
                seconds: 1_800,
                nanos: 0,
            }),
        };
        Reply::Answer(RateLimitResponse {
            overall_code: code,
            statuses: vec![status],
        })
    })
}

const KEY: (&str, &str) = ("x-api-key", "dev-key-1");
const ORIGIN: (&str, &str) = ("origin", "https://app.test");
const PREFLIGHT: (&str, &str) = ("access-control-request-method", "PUT");

/// What is sent.
enum Sent {
    /// Over HTTP/1: method, target, headers.
    Http1(
        &'static str,
        &'static str,
        Vec<(&'static str, &'static str)>,
    ),
    /// Over HTTP/2, by curl: path, arguments.
    Http2(&'static str, Vec<&'static str>),
    /// Bytes, until Envoy closes.
    Bytes(&'static str),
}

impl Sent {
    fn answer(&self, envoy: &Envoy, case: &str) -> String {
        match self {
            Self::Http1(method, target, headers) => {
                let mut request: Request = envoy.request(method, target).header("x-case", case);
                if !headers.iter().any(|(name, _)| *name == "x-key") {
                    request = request.header("x-key", case);
                }
                for (name, value) in headers {
                    request = request.header(name, value);
                }
                whole(&request.send())
            }
            Self::Http2(path, arguments) => {
                let (name, key) = (format!("x-case: {case}"), format!("x-key: {case}"));
                let mut all = vec!["--header", &name];
                if !arguments
                    .iter()
                    .any(|argument| argument.starts_with("x-key: "))
                {
                    all.extend(["--header", &key]);
                }
                all.extend(arguments);
                http2(envoy, path, &all)
            }
            Self::Bytes(text) => {
                let text = text.replacen("\r\n", &format!("\r\nx-case: {case}\r\n"), 1);
                rest(open(envoy.address(), &text))
            }
        }
    }
}

fn script() -> Vec<(&'static str, Sent)> {
    use Sent::{Bytes, Http1, Http2};
    let over = || Http1("GET", "/over", vec![KEY, ("x-key", "over")]);
    let grpc = [
        "--header",
        "content-type: application/grpc",
        "--header",
        "te: trailers",
        "--data",
        "",
    ];
    let grpc = |more: &[&'static str]| [&grpc[..], more].concat();
    vec![
        (
            "good",
            Http1(
                "GET",
                "/orders?a=b",
                vec![
                    KEY,
                    ("x-consumer", "root"),
                    ("x-user", "root"),
                    ("x-internal-role", "root"),
                    ("x-echo-set-x-powered-by", "php"),
                ],
            ),
        ),
        (
            "wrong",
            Http1("GET", "/orders", vec![("x-api-key", "wrong")]),
        ),
        ("none", Http1("GET", "/orders", vec![ORIGIN])),
        ("twice", Http1("GET", "/orders", vec![KEY, KEY])),
        (
            "no-text",
            Http1("GET", "/orders", vec![KEY, ("x-odd", "\u{fe}\u{ff}")]),
        ),
        ("public", Http1("GET", "/public/a", vec![ORIGIN])),
        ("forbidden", Http1("GET", "/admin", vec![KEY])),
        ("path", Http1("GET", "/public/..%2fadmin", vec![])),
        (
            "preflight",
            Http1("OPTIONS", "/orders", vec![ORIGIN, PREFLIGHT]),
        ),
        (
            "preflight-refused",
            Http1(
                "OPTIONS",
                "/orders",
                vec![("origin", "https://evil.test"), PREFLIGHT],
            ),
        ),
        ("cors", Http1("GET", "/orders", vec![KEY, ORIGIN])),
        ("head", Http1("HEAD", "/orders", vec![KEY])),
        ("head-denied", Http1("HEAD", "/orders", vec![])),
        (
            "fails",
            Http1("GET", "/orders", vec![KEY, ("x-echo-status", "503")]),
        ),
        (
            "ann",
            Http1("GET", "/orders", vec![("authorization", "Bearer ann")]),
        ),
        (
            "bob",
            Http1("GET", "/orders", vec![("authorization", "Bearer bob")]),
        ),
        (
            "ann-known",
            Http1(
                "GET",
                "/orders",
                vec![("authorization", "Bearer ann"), ORIGIN],
            ),
        ),
        ("to", Http1("GET", "/to", vec![KEY, ("x-to", "a")])),
        ("to-nowhere", Http1("GET", "/to", vec![KEY])),
        (
            "host-nowhere",
            Http1("GET", "/host", vec![KEY, ("x-to", "a b")]),
        ),
        ("over-1", over()),
        ("over-2", over()),
        ("over-3", over()),
        (
            "h2",
            Http2("/orders", vec!["--header", "x-api-key: dev-key-1"]),
        ),
        (
            "h2-head",
            Http2(
                "/orders",
                vec!["--head", "--header", "x-api-key: dev-key-1"],
            ),
        ),
        (
            "h2-trailers",
            Http2("/raw/trailers", vec!["--header", "x-api-key: dev-key-1"]),
        ),
        ("grpc-denied", Http2("/orders", grpc(&[]))),
        (
            "grpc-token-denied",
            Http2("/orders", grpc(&["--header", "authorization: Bearer bob"])),
        ),
        (
            "grpc-over",
            Http2(
                "/orders",
                grpc(&[
                    "--header",
                    "x-api-key: dev-key-1",
                    "--header",
                    "x-key: over",
                ]),
            ),
        ),
        (
            "grpc-only-trailers",
            Http2(
                "/orders",
                grpc(&[
                    "--header",
                    "x-api-key: dev-key-1",
                    "--header",
                    "x-echo-set-grpc-status: 5",
                    "--header",
                    "x-echo-set-content-type: application/grpc",
                ]),
            ),
        ),
        (
            "grpc-forbidden",
            Http2("/admin", grpc(&["--header", "x-api-key: dev-key-1"])),
        ),
        (
            "trailers",
            Bytes(
                "GET /raw/trailers HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\nx-key: t\r\nx-api-key: dev-key-1\r\n\r\n",
            ),
        ),
        (
            "request-trailers",
            Bytes(
                "POST /raw/echo HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\nx-key: r\r\nx-api-key: dev-key-1\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nx-secret: 1\r\nx-checksum: 2\r\n\r\n",
            ),
        ),
        (
            "token-trailers",
            Bytes(
                "POST /raw/echo HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\nx-key: r\r\nauthorization: Bearer ann\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nx-secret: 1\r\nx-checksum: 2\r\n\r\n",
            ),
        ),
        (
            "reset",
            Bytes(
                "GET /raw/reset HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\nx-key: s\r\nx-api-key: dev-key-1\r\n\r\n",
            ),
        ),
        (
            "upgrade",
            Bytes(
                "GET /raw/upgrade HTTP/1.1\r\nhost: a.test\r\nconnection: upgrade\r\nupgrade: websocket\r\nx-key: u\r\nx-api-key: dev-key-1\r\n\r\nend",
            ),
        ),
        (
            "upgrade-denied",
            Bytes(
                "GET /raw/upgrade HTTP/1.1\r\nhost: a.test\r\nconnection: upgrade\r\nupgrade: websocket\r\nx-key: v\r\n\r\nend",
            ),
        ),
        ("not-http", Bytes("GET /orders HTTP/9.9\r\n\r\n")),
    ]
}

/// The status of an answer, however it came.
fn status(answer: &str) -> &str {
    let line = answer.lines().next().unwrap_or_default();
    line.split(' ')
        .find(|word| word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit()))
        .unwrap_or("none")
}

/// What came of the script.
struct Outcome {
    answers: BTreeMap<&'static str, String>,
    metrics: BTreeMap<String, u64>,
}

/// Runs the script through both; what came of it is the same.
fn run(filters: &[&str]) -> Outcome {
    let (echo, raw, service) = (Echo::start(), Upstream::start(), Service::start(knows));
    let limits = [service_of_limits(), service_of_limits()];
    let to = Endpoints {
        raw: Some(raw.address()),
        service: Some(service.address()),
        limits: Some([limits[0].address(), limits[1].address()]),
        ..Endpoints::of(&echo)
    };
    let pair = Pair::start(&filters.concat(), to, |_| {});
    let script = script();
    let answers = script
        .iter()
        .map(|(name, sent)| (*name, pair.both(name, |envoy| sent.answer(envoy, name))))
        .collect();
    let (_, metrics) = pair.compare("all of it", script.len());
    Outcome { answers, metrics }
}

impl Outcome {
    /// The statuses are those of [`STATUSES`], but for these.
    fn are(&self, but: &[(&str, &str)]) {
        let mut expected: BTreeMap<&str, &str> = STATUSES.into_iter().collect();
        expected.extend(but.iter().copied());
        let answers = self.answers.iter();
        let statuses: BTreeMap<&str, &str> = answers
            .map(|(name, answer)| (*name, status(answer)))
            .collect();
        assert_eq!(statuses, expected, "{:#?}", self.answers);
    }

    /// The answers of these have a header line, and no others of these names have.
    fn says(&self, line: &str, there: &[&str], not_there: &[&str]) {
        for name in there {
            assert!(
                self.answers[name].contains(line),
                "{name}: {line}: {}",
                self.answers[name]
            );
        }
        for name in not_there {
            assert!(
                !self.answers[name].contains(line),
                "{name}: {line}: {}",
                self.answers[name]
            );
        }
    }
}

/// Where `auth` is first, and `headers` last.
const STATUSES: [(&str, &str); 38] = [
    ("good", "200"),
    ("wrong", "401"),
    ("none", "401"),
    ("twice", "400"),
    ("no-text", "200"),
    ("public", "200"),
    ("forbidden", "403"),
    ("path", "400"),
    ("preflight", "401"),
    ("preflight-refused", "401"),
    ("cors", "200"),
    ("head", "200"),
    ("head-denied", "401"),
    ("fails", "503"),
    ("ann", "200"),
    ("bob", "401"),
    ("ann-known", "200"),
    ("to", "200"),
    ("to-nowhere", "400"),
    ("host-nowhere", "400"),
    ("over-1", "200"),
    ("over-2", "200"),
    ("over-3", "429"),
    ("h2", "200"),
    ("h2-head", "200"),
    ("h2-trailers", "200"),
    ("grpc-denied", "200"),
    ("grpc-token-denied", "200"),
    ("grpc-over", "200"),
    ("grpc-only-trailers", "200"),
    ("grpc-forbidden", "200"),
    ("trailers", "200"),
    ("request-trailers", "200"),
    ("token-trailers", "200"),
    ("reset", "503"),
    ("upgrade", "101"),
    ("upgrade-denied", "401"),
    ("not-http", "426"),
];

const SERVED: &str = "x-served-by: gatehouse for ";

#[test]
fn auth_then_limits_then_headers() {
    let outcome = run(&[AUTH, LIMIT, HEADERS]);
    outcome.are(&[]);
    outcome.says(
        SERVED,
        &["good", "ann", "h2", "upgrade", "trailers"],
        &["wrong", "bob", "over-3"],
    );
    outcome.says(
        "grpc-status: 16",
        &["grpc-denied", "grpc-token-denied"],
        &["grpc-over"],
    );
    outcome.says("grpc-status: 8", &["grpc-over"], &["grpc-forbidden"]);
    outcome.says("grpc-status: 7", &["grpc-forbidden"], &[]);
    outcome.says("grpc-status: 5", &["grpc-only-trailers"], &[]);
    outcome.says("x-seen: yes", &["trailers", "h2-trailers"], &["good"]);
    assert_eq!(outcome.metrics["auth.allowed.provider.opaque"], 3);
}

#[test]
fn headers_first() {
    let outcome = run(&[HEADERS, AUTH, LIMIT]);
    outcome.are(&[("preflight", "204"), ("preflight-refused", "403")]);
    let all = [
        "good",
        "ann",
        "wrong",
        "bob",
        "over-3",
        "grpc-denied",
        "upgrade-denied",
        "preflight",
    ];
    outcome.says("x-content-type-options: nosniff", &all, &["to"]);
}

#[test]
fn limits_first() {
    let outcome = run(&[LIMIT, AUTH, HEADERS]);
    outcome.are(&[]);
    outcome.says(
        "ratelimit: \"per-key\"",
        &["good", "wrong", "bob", "head-denied"],
        &[],
    );
}

#[test]
fn filters_that_stand_there_twice() {
    let outcome = run(&[MORE, LIMIT, HEADERS, MORE, AUTH]);
    outcome.are(&[("preflight", "204"), ("preflight-refused", "403")]);
    outcome.says("x-served-by: more", &["good", "wrong", "over-3"], &[]);
}

#[test]
fn filters_that_only_report() {
    let report = |filter: &str| {
        let (first, rest) = filter.trim_start().split_once('\n').expect("lines");
        format!("\n{first}\n    mode: report\n{rest}")
    };
    let filters = [AUTH, LIMIT, HEADERS].map(report);
    let outcome = run(&filters.each_ref().map(String::as_str));
    let passed = [
        "wrong",
        "none",
        "twice",
        "forbidden",
        "path",
        "preflight",
        "preflight-refused",
        "head-denied",
        "bob",
        "to-nowhere",
        "host-nowhere",
        "over-3",
    ];
    let mut but: Vec<_> = passed.iter().map(|name| (*name, "200")).collect();
    but.push(("upgrade-denied", "101"));
    outcome.are(&but);
    outcome.says("x-content-type-options", &[], &["good", "wrong"]);
}

/// Each request waits for the authorization server, unless it knows the token, and then for the service of limits.
#[test]
fn requests_that_wait_twice() {
    let outcome = run(&[AUTH, GLOBAL, HEADERS]);
    outcome.are(&[]);
    outcome.says(SERVED, &["good", "ann", "h2", "upgrade"], &["over-3"]);
    assert_eq!(outcome.metrics["auth.allowed.provider.opaque"], 3);
}
