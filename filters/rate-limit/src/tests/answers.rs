//! What clients get, what is counted, and what it costs.

use super::*;
use gatehouse_host::Status;
use std::time::Duration;

#[test]
fn a_bucket_over_time() {
    let worker = Worker::alone(&one(json!({})));
    let policy = "\"a\";q=1;w=60";
    // Seconds that pass before a request, and what its response says.
    let steps: [(u64, std::result::Result<&str, &str>); 9] = [
        (0, Ok("\"a\";r=2;t=60")),
        (0, Ok("\"a\";r=1;t=60")),
        (0, Ok("\"a\";r=0;t=60")),
        (0, Err("60")),
        (59, Err("1")),
        (1, Ok("\"a\";r=0;t=60")),
        (0, Err("60")),
        (119, Ok("\"a\";r=0;t=1")),
        (600, Ok("\"a\";r=2;t=60")),
    ];
    for (index, (seconds, expected)) in steps.into_iter().enumerate() {
        worker.host.advance(Duration::from_secs(seconds));
        let answer = worker.request("acme");
        assert_eq!(answer.header("ratelimit-policy"), [policy], "step {index}");
        match expected {
            Ok(limits) => {
                assert!(answer.is_admitted(), "step {index}");
                assert_eq!(answer.header("ratelimit"), [limits], "step {index}");
                assert!(answer.header("retry-after").is_empty(), "step {index}");
            }
            Err(retry) => {
                let limits = format!("\"a\";r=0;t={retry}");
                assert_eq!(answer.header("ratelimit"), [&*limits], "step {index}");
                assert_eq!(answer.header("retry-after"), [retry], "step {index}");
                assert_eq!(
                    answer.refusal(),
                    (
                        429,
                        "gatehouse.rate_limit.over_limit.a".to_owned(),
                        format!("limit \"a\": retry in {retry} s")
                    ),
                    "step {index}"
                );
                assert_eq!(answer.reply().grpc_status, Some(8), "step {index}");
            }
        }
    }
    assert_eq!(
        worker.counts("a"),
        counts([("admitted", 6), ("refused", 3)])
    );
}

#[test]
fn what_the_upstream_says_of_limits_is_replaced() {
    let worker = Worker::alone(&one(json!({})));
    let answer = worker.send(&[("x-tenant", b"acme")], |host| {
        let theirs = [
            ("ratelimit", &b"\"theirs\";r=9"[..]),
            ("ratelimit", b"\"more\";r=9"),
            ("x-other", b"1"),
        ];
        host.respond(theirs);
    });
    let expected = [
        ("x-other", "1"),
        ("ratelimit-policy", "\"a\";q=1;w=60"),
        ("ratelimit", "\"a\";r=2;t=60"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(answer.headers, expected);
}

#[test]
fn nothing_on_responses() {
    let mut config = one(json!({"burst": 1}));
    config["response_headers"] = json!("none");
    let worker = Worker::alone(&config);
    assert_eq!(worker.request("acme").headers, []);
    let answer = worker.request("acme");
    assert_eq!(answer.reply().status, 429);
    let names: Vec<_> = answer.headers.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["content-type"]);
}

/// Envoy runs it once more where a local reply replaces the response.
#[test]
fn a_second_response_of_a_stream_is_left_alone() {
    let worker = Worker::alone(&one(json!({})));
    let (mut exchange, mut snapshot) = (Exchange::default(), None);
    let mut pending = Pending::default();
    worker.host.begin([]);
    let mut request = Request::new(&worker.host, &mut exchange);
    let verdict = worker.filter.request(&mut request, &mut pending);
    assert_eq!(verdict, Ok(Verdict::Continue));
    for expected in [2, 0] {
        worker.host.respond([]);
        let mut response = Response::new(&worker.host, &exchange, &mut snapshot);
        worker.filter.response(&mut response, &mut pending).unwrap();
        assert_eq!(worker.host.response_headers().len(), expected);
    }
}

/// A response whose request was denied by a filter before this one.
#[test]
fn a_response_without_its_request() {
    let worker = Worker::alone(&one(json!({})));
    worker.host.begin([]);
    worker.host.respond([(":status", &b"401"[..])]);
    let (exchange, mut snapshot) = (Exchange::default(), None);
    let mut response = Response::new(&worker.host, &exchange, &mut snapshot);
    let answered = worker
        .filter
        .response(&mut response, &mut Pending::default());
    assert_eq!(answered, Ok(()));
    assert_eq!(worker.host.call_count(), 0);
}

#[test]
fn several_limits() {
    let config = json!({"limits": [
        limit("minute", json!({"burst": 3})),
        limit("day", json!({"rate": "1/1d", "burst": 2})),
        limit("watched", json!({"burst": 1, "mode": "report"})),
    ]});
    let worker = Worker::alone(&config);
    let policy = "\"minute\";q=1;w=60, \"day\";q=1;w=86400";
    let expected = [
        (true, "\"minute\";r=2;t=60, \"day\";r=1;t=86400"),
        (true, "\"minute\";r=1;t=60, \"day\";r=0;t=86400"),
        // Refused by the day: the minute keeps its last one.
        (false, "\"minute\";r=1;t=60, \"day\";r=0;t=86400"),
        (false, "\"minute\";r=1;t=60, \"day\";r=0;t=86400"),
    ];
    for (index, (admitted, limits)) in expected.into_iter().enumerate() {
        let answer = worker.request("acme");
        assert_eq!(answer.is_admitted(), admitted, "request {index}");
        assert_eq!(answer.header("ratelimit"), [limits], "request {index}");
        assert_eq!(answer.header("ratelimit-policy"), [policy], "{index}");
        if !admitted {
            let (_, details, detail) = answer.refusal();
            assert_eq!(details, "gatehouse.rate_limit.over_limit.day");
            assert_eq!(detail, "limit \"day\": retry in 86400 s");
        }
    }
    assert_eq!(worker.counts("minute"), counts([("admitted", 2)]));
    assert_eq!(
        worker.counts("day"),
        counts([("admitted", 2), ("refused", 2)])
    );
    assert_eq!(
        worker.counts("watched"),
        counts([("admitted", 1), ("would_refuse", 3)])
    );
}

#[test]
fn of_several_that_refuse_the_longest_wait_is_told() {
    let config = json!({"limits": [
        limit("second", json!({"rate": "1/1s", "burst": 1})),
        limit("hour", json!({"rate": "1/1h", "burst": 1})),
        limit("minute", json!({"burst": 1})),
    ]});
    let worker = Worker::alone(&config);
    assert!(worker.request("acme").is_admitted());
    let answer = worker.request("acme");
    assert_eq!(answer.refusal().2, "limit \"hour\": retry in 3600 s");
    assert_eq!(answer.header("retry-after"), ["3600"]);
    for name in ["second", "hour", "minute"] {
        assert_eq!(
            worker.counts(name),
            counts([("admitted", 1), ("refused", 1)]),
            "{name}"
        );
    }
}

#[test]
fn of_several_that_wait_as_long_the_first_is_told() {
    let names = ["a", "b", "c"];
    let limits = names.map(|name| limit(name, json!({"burst": 1})));
    let worker = Worker::alone(&json!({"limits": limits}));
    assert!(worker.request("acme").is_admitted());
    let (_, details, _) = worker.request("acme").refusal();
    assert_eq!(details, "gatehouse.rate_limit.over_limit.a");
}

/// What waiting does not help with comes before what it does, and both before what failed.
#[test]
fn of_several_reasons_the_gravest_is_told() {
    let over = || limit("over", json!({"burst": 1}));
    let keyless = || {
        limit(
            "keyless",
            json!({"key": [{"header": "x-none"}], "if_absent": "deny"}),
        )
    };
    let failed = || limit("failed", json!({"key": ["client_ip"]}));
    let cases = [
        (json!([failed(), over(), keyless()]), "key_missing.keyless"),
        (json!([failed(), over()]), "over_limit.over"),
        (json!([failed()]), "host_failed.failed"),
    ];
    for (limits, expected) in cases {
        let worker = Worker::alone(&json!({"limits": limits}));
        let emptied = Worker::new(worker.host.shared_data(), &json!({"limits": [over()]}));
        assert!(emptied.request("acme").is_admitted());
        let answer = worker.send(&[("x-tenant", b"acme")], |host| {
            host.fail("proxy_get_property", Status::Code(10));
        });
        let (_, details, _) = answer.refusal();
        assert_eq!(details, format!("gatehouse.rate_limit.{expected}"));
    }
}

#[test]
fn report_refuses_nothing_and_says_nothing() {
    let per_limit = one(json!({"mode": "report"}));
    let mut per_filter = one(json!({}));
    per_filter["mode"] = json!("report");
    for config in [per_limit, per_filter] {
        let worker = Worker::alone(&config);
        for _ in 0..5 {
            let answer = worker.request("acme");
            assert!(answer.is_admitted());
            assert_eq!(answer.headers, []);
        }
        assert_eq!(
            worker.counts("a"),
            counts([("admitted", 3), ("would_refuse", 2)])
        );
    }
}

#[test]
fn the_shape_of_a_denial_is_the_operators() {
    let mut config = one(json!({"burst": 1}));
    config["denial"] = json!({"status": 503, "body": "text", "headers": {"x-why": "limits"}});
    let worker = Worker::alone(&config);
    worker.request("acme");
    let reply = worker.request("acme").reply().clone();
    assert_eq!(reply.status, 503);
    assert_eq!(
        String::from_utf8(reply.body).unwrap(),
        "503 Service Unavailable: limit \"a\": retry in 60 s\n"
    );
    let names: Vec<_> = reply.headers.iter().map(|(name, _)| &**name).collect();
    assert_eq!(
        names,
        [
            "retry-after",
            "ratelimit-policy",
            "ratelimit",
            "content-type",
            "x-why"
        ]
    );
}

#[test]
fn host_calls() {
    let calls = |worker: &Worker, prepare: fn(&FakeHost)| {
        worker.send(&[("x-tenant", b"acme")], prepare);
        let calls = worker.host.calls().into_iter();
        calls
            .map(|(call, count)| format!("{call} {count}"))
            .collect::<Vec<_>>()
    };
    let admitted = [
        "proxy_get_current_time_nanoseconds 1",
        "proxy_get_header_map_pairs 1",
        "proxy_get_shared_data 1",
        "proxy_increment_metric 1",
        "proxy_replace_header_map_value 2",
        "proxy_set_shared_data 1",
    ];
    let worker = Worker::alone(&one(json!({"burst": 2})));
    assert_eq!(calls(&worker, |_| {}), admitted, "a slot that is not there");
    assert_eq!(calls(&worker, |_| {}), admitted, "a slot that is");
    let refused = [
        "proxy_get_current_time_nanoseconds 1",
        "proxy_get_header_map_pairs 1",
        "proxy_get_shared_data 1",
        "proxy_increment_metric 1",
    ];
    assert_eq!(calls(&worker, |_| {}), refused, "refused");

    let by_address = Worker::alone(&one(json!({"key": ["client_ip"]})));
    let expected = [
        "proxy_get_current_time_nanoseconds 1",
        "proxy_get_property 1",
        "proxy_get_shared_data 1",
        "proxy_increment_metric 1",
        "proxy_replace_header_map_value 2",
        "proxy_set_shared_data 1",
    ];
    let prepare = |host: &FakeHost| host.property_is("source.address", "192.0.2.1:4711");
    assert_eq!(calls(&by_address, prepare), expected, "by address");

    let four = ["b", "c", "d", "e"].map(|name| limit(name, json!({})));
    let four = Worker::alone(&json!({"limits": four, "response_headers": "none"}));
    let expected = [
        "proxy_get_current_time_nanoseconds 1",
        "proxy_get_header_map_pairs 1",
        "proxy_get_shared_data 4",
        "proxy_increment_metric 4",
        "proxy_set_shared_data 4",
    ];
    assert_eq!(calls(&four, |_| {}), expected, "four limits");

    let skipped = Worker::alone(&one(json!({"key": ["consumer"], "if_absent": "skip"})));
    assert_eq!(
        calls(&skipped, |_| {}),
        ["proxy_get_property 1"],
        "a limit that does not apply"
    );
}

#[test]
fn the_metrics() {
    let worker = Worker::alone(&one(json!({})));
    let expected = [
        "admitted",
        "refused",
        "would_refuse",
        "key_missing",
        "key_ambiguous",
        "contended",
        "store_failed",
        "host_failed",
        "expression_failed",
        "evicted",
        "not_released",
    ];
    let expected = expected.map(|what| format!("gatehouse.rate_limit.{what}.limit.a"));
    assert_eq!(worker.host.defined_counters(), expected);
}
