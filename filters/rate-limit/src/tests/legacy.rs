//! The headers that clients knew before there was a draft.

use super::*;
use std::time::Duration;

const NAMES: [&str; 3] = [
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
];

fn legacy(limits: Value) -> Worker {
    Worker::alone(&json!({"limits": limits, "response_headers": "legacy"}))
}

/// Limit, remaining and reset, each of which is there once at most.
fn told(answer: &Answer) -> [Option<&str>; 3] {
    NAMES.map(|name| {
        let values = answer.header(name);
        assert!(values.len() < 2, "{name}: {values:?}");
        values.first().copied()
    })
}

#[test]
fn over_time() {
    let worker = legacy(json!([limit("a", json!({}))]));
    // Seconds that pass before a request, and what its response says; with `retry-after` if refused.
    let steps = [
        (0, [Some("3"), Some("2"), Some("60")], None),
        (0, [Some("3"), Some("1"), Some("60")], None),
        (0, [Some("3"), Some("0"), Some("60")], None),
        (0, [Some("3"), Some("0"), Some("60")], Some("60")),
        (59, [Some("3"), Some("0"), Some("1")], Some("1")),
        (1, [Some("3"), Some("0"), Some("60")], None),
    ];
    for (index, (seconds, expected, retry)) in steps.into_iter().enumerate() {
        worker.host.advance(Duration::from_secs(seconds));
        let answer = worker.request("acme");
        assert_eq!(told(&answer), expected, "step {index}");
        assert_eq!(
            answer.header("retry-after").first().copied(),
            retry,
            "step {index}"
        );
        assert_eq!(answer.is_admitted(), retry.is_none(), "step {index}");
        assert!(answer.header("ratelimit").is_empty(), "step {index}");
        assert!(answer.header("ratelimit-policy").is_empty(), "step {index}");
    }
}

#[test]
fn of_several_limits_the_strictest_is_told() {
    let worker = legacy(json!([
        limit("minute", json!({"burst": 3})),
        limit("day", json!({"rate": "1/1d", "burst": 2})),
        limit("second", json!({"rate": "1/1s", "burst": 2})),
        limit("watched", json!({"burst": 1, "mode": "report"})),
    ]));
    let expected = [
        // Of two with as much left, the one where it takes longer until there is more.
        (true, [Some("2"), Some("1"), Some("86400")]),
        (true, [Some("2"), Some("0"), Some("86400")]),
        (false, [Some("2"), Some("0"), Some("86400")]),
    ];
    for (index, (admitted, headers)) in expected.into_iter().enumerate() {
        let answer = worker.request("acme");
        assert_eq!(answer.is_admitted(), admitted, "request {index}");
        assert_eq!(told(&answer), headers, "request {index}");
    }
}

#[test]
fn every_algorithm() {
    let cases = [
        (
            json!({"algorithm": "fixed_window", "rate": "5/1h"}),
            [Some("5"), Some("4"), Some("3600")],
        ),
        (
            json!({"algorithm": "concurrency", "limit": 5}),
            [Some("5"), Some("4"), None],
        ),
    ];
    for (changes, expected) in cases {
        let mut one = json!({"name": "a", "key": [{"header": "x-tenant"}]});
        for (key, value) in changes.as_object().unwrap() {
            one[key] = value.clone();
        }
        let worker = legacy(json!([one]));
        assert_eq!(told(&worker.request("acme")), expected, "{changes}");
    }
}

/// An upstream that limits too says nothing that could be mistaken for what is said here.
#[test]
fn what_the_upstream_says_is_replaced() {
    let theirs = [
        ("x-ratelimit-limit", &b"1000"[..]),
        ("x-ratelimit-remaining", b"999"),
        ("x-ratelimit-remaining", b"998"),
        ("x-ratelimit-reset", b"1767225600"),
        ("x-ratelimit-resource", b"core"),
    ];
    let worker = legacy(json!([limit("a", json!({}))]));
    let answer = worker.send(&[("x-tenant", b"acme")], |host| host.respond(theirs));
    assert_eq!(told(&answer), [Some("3"), Some("2"), Some("60")]);
    assert_eq!(answer.header("x-ratelimit-resource"), ["core"]);

    // Nobody knows when there is more: then theirs goes too.
    let in_flight = json!({"name": "a", "key": [{"header": "x-tenant"}], "algorithm": "concurrency", "limit": 2});
    let worker = legacy(json!([in_flight]));
    let answer = worker.send(&[("x-tenant", b"acme")], |host| host.respond(theirs));
    assert_eq!(told(&answer), [Some("2"), Some("1"), None]);

    let report = legacy(json!([limit("a", json!({"mode": "report"}))]));
    let answer = report.send(&[("x-tenant", b"acme")], |host| host.respond(theirs));
    assert_eq!(answer.header("x-ratelimit-remaining"), ["999", "998"]);
}

#[test]
fn host_calls() {
    let worker = legacy(json!([limit("a", json!({})), limit("b", json!({}))]));
    assert!(worker.request("acme").is_admitted());
    assert_eq!(
        worker.host.calls().get("proxy_replace_header_map_value"),
        Some(&3)
    );
    assert_eq!(
        worker.host.calls().get("proxy_remove_header_map_value"),
        None
    );
}
