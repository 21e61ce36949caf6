//! Requests that Envoy answers by itself while a filter has them wait: the filters that have decided change the answer,
//! the one that waits and those after it do not, and what the request waited for comes too late to matter.

use super::pair::{Endpoints, Pair, manager, open, rest, whole};
use super::service::{Asked, Does, Service};
use gatehouse_integration::{Echo, Envoy};
use serde_json::json;
use std::time::Duration;

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
        introspection: {cluster: service, uri: "https://idp.test/i", client_id: gateway, client_secret: "${env:DEV_KEY}", timeout: 8s}
      hook:
        hmac: {scheme: github, keys: [{consumer: hub, secret: "${env:HOOK_KEY}"}], body: {max: 1MiB, timeout: 20s}}
    rules:
    - {match: {path: {prefix: /hook}}, require: hook}
    - {require: opaque}
- headers:
    rules:
    - response: [{set: {name: x-last, value: "yes"}}]
"#;

/// How long the authorization server takes about tokens that it is slow about.
const SLOW: Duration = Duration::from_millis(2_500);

fn knows(asked: &Asked) -> Does {
    let answer = match asked.body.contains("token=slow-bad") || asked.body.contains("token=held") {
        true => r#"{"active":false}"#,
        false => r#"{"active":true,"sub":"ann"}"#,
    };
    match asked.path.as_str() {
        // A filter that holds responses for as long as this takes.
        "/hold" => Does::AnswersAfter(2 * SLOW, Box::new(Does::json("{}"))),
        _ => Does::AnswersAfter(SLOW, Box::new(Does::json(answer))),
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
    let service = Service::start(knows);
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
    std::thread::sleep(SLOW + Duration::from_secs(1));
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
    let service = Service::start(knows);
    let to = Endpoints {
        service: Some(service.address()),
        ..Endpoints::of(&echo)
    };
    let hold = "function envoy_on_response(handle)
      if handle:headers():get(':status') == '504' then
        handle:httpCall('service', {[':method'] = 'GET', [':path'] = '/hold', [':authority'] = 'a'}, '', 20000)
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
    let (apart, fused) = pair.each(|envoy| rest(open(envoy.address(), &request)));
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
