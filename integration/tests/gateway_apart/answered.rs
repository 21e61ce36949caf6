//! Requests that Envoy answers by itself while a filter has them wait: the filters that have decided change the answer,
//! the one that waits and those after it do not, and what the request waited for comes too late to matter.

use super::pair::{Endpoints, Pair, manager, open, rest, whole};
use super::service::{Asked, Does, Service};
use gatehouse_integration::{Echo, Envoy};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// `headers` and a limit have decided when `auth` waits.
const FILTERS: &str = r#"
- headers:
    rules:
    - cors: {origins: ["https://app.test"], expose: [x-served-by]}
      response: [{set: {name: x-served-by, value: gatehouse}}, {preset: security_headers}]
- rate_limit:
    limits:
    - {name: flight, key: [{header: x-key}], algorithm: concurrency, limit: 1, expires: 1m}
    - {name: asks, key: [{header: x-key}], rate: 100/1h, burst: 100}
- auth:
    providers:
      opaque:
        introspection: {cluster: service, uri: "https://idp.test/i", client_id: gateway, client_secret: "${env:DEV_KEY}", timeout: 1m}
      hook:
        hmac: {scheme: github, keys: [{consumer: hub, secret: "${env:HOOK_KEY}"}], body: {max: 1MiB, timeout: 20s}}
    rules:
    - {match: {path: {prefix: /hook}}, require: hook}
    - {require: opaque}
- headers:
    rules:
    - response: [{set: {name: x-last, value: "yes"}}]
"#;

/// What the authorization server answers.
#[derive(Default)]
struct Answers {
    tokens: AtomicBool,
    /// A filter holds responses for as long as it is not answered.
    holds: AtomicBool,
}

impl Answers {
    /// The server, which answers what it may answer by now.
    fn start() -> (Service, Arc<Self>) {
        let may = Arc::<Self>::default();
        let ours = may.clone();
        let service = Service::start(move |asked| {
            let may = match asked.path.as_str() {
                "/hold" => &ours.holds,
                _ => &ours.tokens,
            };
            let deadline = Instant::now() + Duration::from_secs(60);
            while !may.load(Ordering::SeqCst) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(5));
            }
            knows(asked)
        });
        (service, may)
    }
}

fn knows(asked: &Asked) -> Does {
    match asked.body.contains("token=slow-bad") || asked.body.contains("token=held") {
        true => Does::json(r#"{"active":false}"#),
        false => Does::json(r#"{"active":true,"sub":"ann"}"#),
    }
}

const HEAD: &str = "host: a.test\r\norigin: https://app.test\r\nconnection: close\r\n";

/// A request, the status and details of Envoy's answer.
struct Case {
    name: &'static str,
    request: String,
    status: &'static str,
    details: &'static str,
}

fn cases(details: &'static str) -> Vec<Case> {
    let body = "x".repeat(256 * 1024);
    let signature = "0".repeat(64);
    let get = |name: &str, token: &str| {
        format!(
            "GET /{name} HTTP/1.1\r\n{HEAD}x-case: {name}\r\nx-key: {name}\r\nauthorization: Bearer {token}\r\n\r\n"
        )
    };
    vec![
        Case {
            name: "a signed body that Envoy has no room for",
            request: format!(
                "POST /hook HTTP/1.1\r\n{HEAD}x-case: body\r\nx-key: body\r\nx-hub-signature-256: sha256={signature}\r\n\
                 content-length: {}\r\n\r\n{body}",
                body.len()
            ),
            status: "413",
            details: "request_payload_too_large",
        },
        Case {
            name: "a callout that takes longer than the stream may",
            request: get("good", "slow-good"),
            status: "504",
            details,
        },
        Case {
            name: "one that would have been a denial",
            request: get("bad", "slow-bad"),
            status: "504",
            details,
        },
        Case {
            name: "a client that never sends all of its request",
            request: format!(
                "POST /post HTTP/1.1\r\n{HEAD}x-case: post\r\nx-key: post\r\nauthorization: Bearer slow-post\r\n\
                 content-length: 10\r\n\r\n"
            ),
            status: "408",
            details,
        },
    ]
}

#[test]
fn a_stream_that_is_idle_for_too_long() {
    the_filters_that_have_decided_change_the_answer("stream_idle_timeout", "stream_idle_timeout");
}

#[test]
fn a_request_that_takes_too_long() {
    the_filters_that_have_decided_change_the_answer("request_timeout", "request_overall_timeout");
}

/// `timeout` is the option of Envoy's that ends what takes too long, `details` what Envoy then says.
fn the_filters_that_have_decided_change_the_answer(timeout: &str, details: &'static str) {
    let echo = Echo::start();
    let (service, answers) = Answers::start();
    let to = Endpoints {
        service: Some(service.address()),
        ..Endpoints::of(&echo)
    };
    let pair = Pair::start(FILTERS, to, |root| {
        root["static_resources"]["listeners"][0]["per_connection_buffer_limit_bytes"] =
            json!(16384);
        manager(root)[timeout] = json!("1s");
    });
    let cases = cases(details);
    for case in &cases {
        let answer = pair.both(case.name, |envoy| {
            rest(open(envoy.address(), &case.request))
        });
        let name = case.name;
        assert_eq!(
            answer.split(' ').nth(1),
            Some(case.status),
            "{name}: {answer}"
        );
        for there in [
            "x-served-by: gatehouse",
            "access-control-allow-origin: https://app.test",
            "access-control-expose-headers: x-served-by",
            "x-content-type-options: nosniff",
            "\"asks\";q=100;w=3600",
        ] {
            assert!(answer.contains(there), "{name}: {there}: {answer}");
        }
        assert!(!answer.contains("x-last"), "{name}: {answer}");
    }
    // The answers of the authorization server, late. Three tokens, two Envoys.
    service.await_asked(6);
    answers.tokens.store(true, Ordering::SeqCst);
    pair.each(|envoy| envoy.await_stat("cluster.service.upstream_rq_active", 0));
    // The place in flight is free again, and the answer to the question is known: nobody is asked any more.
    let again = |name: &'static str, token: &'static str| {
        move |envoy: &Envoy| {
            let request = envoy.request("GET", format!("/{name}"));
            let request = request
                .header("x-key", name)
                .header("x-case", format!("{name}-again"));
            whole(
                &request
                    .header("authorization", format!("Bearer {token}"))
                    .send(),
            )
        }
    };
    let good = pair.both("the token is good", again("good", "slow-good"));
    assert!(
        good.starts_with("200\n") && good.contains("x-last: yes"),
        "{good}"
    );
    let bad = pair.both("the token is not good", again("bad", "slow-bad"));
    assert!(bad.starts_with("401\n"), "{bad}");
    assert_eq!(service.take_asked().len(), 6);

    let (lines, metrics) = pair.compare("answered", cases.len() + 2);
    for case in &cases {
        let (status, details) = (case.status, case.details);
        let found = lines.iter().any(|line| {
            line.contains(&format!(" {status} {details}")) && line.contains("denial=- consumer=-")
        });
        assert!(found, "{}: {lines:?}", case.name);
    }
    // Those that were answered while they waited count as neither.
    assert_eq!(metrics["auth.allowed.provider.opaque"], 1, "{metrics:?}");
    assert_eq!(
        metrics["auth.denied.reason.token_inactive"], 1,
        "{metrics:?}"
    );
}

/// A filter in front holds Envoy's answer for a while, so that the stream is still there when the token turns out not
/// to be good. The gateway is asked about it no more. A module `auth` of its own is not told of responses, which
/// would cost each of them: it is asked again, and its denial takes the place of Envoy's answer.
#[test]
fn a_late_answer_does_not_change_what_envoy_has_answered() {
    let echo = Echo::start();
    let (service, answers) = Answers::start();
    let to = Endpoints {
        service: Some(service.address()),
        ..Endpoints::of(&echo)
    };
    let hold = "function envoy_on_response(handle)
      if handle:headers():get(':status') == '504' then
        handle:httpCall('service', {[':method'] = 'GET', [':path'] = '/hold', [':authority'] = 'a'}, '', 60000)
      end
    end";
    let pair = Pair::start(FILTERS, to, |root| {
        let manager = manager(root);
        manager["common_http_protocol_options"] = json!({"max_stream_duration": "1s"});
        let filters = manager["http_filters"].as_array_mut().expect("filters");
        filters.insert(
            0,
            json!({"name": "lua", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
                "default_source_code": {"inline_string": hold},
            }}),
        );
    });
    let request = format!(
        "GET /held HTTP/1.1\r\n{HEAD}x-case: held\r\nx-key: held\r\nauthorization: Bearer held\r\n\r\n"
    );
    let (apart, fused) = pair.each(|envoy| {
        let stream = open(envoy.address(), &request);
        // The token is asked about; Envoy has answered, and its answer is held.
        service.await_asked(2);
        answers.tokens.store(true, Ordering::SeqCst);
        envoy.await_stat("cluster.service.upstream_rq_completed", 1);
        answers.holds.store(true, Ordering::SeqCst);
        let answer = rest(stream);
        service.take_asked();
        for may in [&answers.tokens, &answers.holds] {
            may.store(false, Ordering::SeqCst);
        }
        answer
    });
    assert_eq!(fused.split(' ').nth(1), Some("504"), "{fused}");
    assert_eq!(
        fused.matches("x-served-by: gatehouse").count(),
        1,
        "{fused}"
    );
    assert_eq!(apart.split(' ').nth(1), Some("401"), "{apart}");
    let (apart, fused) = pair.each(|envoy| envoy.await_log("STREAM held", 1));
    assert!(fused[0].contains(" 504 max_duration_timeout"), "{fused:?}");
    assert!(fused[0].contains("denial=-"), "{fused:?}");
    assert!(apart[0].contains("denial=auth.token_inactive"), "{apart:?}");
}
