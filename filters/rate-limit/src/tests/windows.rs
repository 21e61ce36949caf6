//! Limits with several rates, and the windowed algorithms, as clients see them.

use super::*;
use std::time::Duration;

fn rates(changes: Value) -> Value {
    let mut limit = json!({"name": "a", "key": [{"header": "x-tenant"}], "rate": ["3/1s", "5/1m"]});
    for (key, value) in changes.as_object().unwrap() {
        limit[key] = value.clone();
    }
    json!({"limits": [limit]})
}

/// All windows have room, or none is charged; what is told is the strictest.
#[test]
fn several_rates() {
    let fast = "\"a\";q=3;w=1";
    let slow = "\"a\";q=5;w=60";
    let sliding_wait = |seconds: u64| Err(seconds);
    // Seconds that pass, the policy that is told, and what is left of it, or the wait.
    type Steps<'a> = &'a [(u64, &'a str, std::result::Result<&'a str, u64>)];
    #[rustfmt::skip]
    let cases: [(&str, Steps<'_>); 3] = [
        ("gcra", &[
            (0, fast, Ok("\"a\";r=2;t=1")),
            (0, fast, Ok("\"a\";r=1;t=1")),
            (0, fast, Ok("\"a\";r=0;t=1")),
            (0, fast, Err(1)),
            (1, slow, Ok("\"a\";r=1;t=11")),
            (0, slow, Ok("\"a\";r=0;t=11")),
            // Only the slow one refuses, and the fast one keeps what it has.
            (0, slow, Err(11)),
            (0, slow, Err(11)),
            (11, slow, Ok("\"a\";r=0;t=12")),
        ]),
        ("fixed_window", &[
            (0, fast, Ok("\"a\";r=2;t=1")),
            (0, fast, Ok("\"a\";r=1;t=1")),
            (0, fast, Ok("\"a\";r=0;t=1")),
            (0, fast, Err(1)),
            (1, slow, Ok("\"a\";r=1;t=59")),
            (0, slow, Ok("\"a\";r=0;t=59")),
            (0, slow, Err(59)),
            (58, slow, Err(1)),
            (1, fast, Ok("\"a\";r=2;t=1")),
        ]),
        ("sliding_window", &[
            (0, fast, Ok("\"a\";r=2;t=2")),
            (0, fast, Ok("\"a\";r=1;t=2")),
            (0, fast, Ok("\"a\";r=0;t=2")),
            (0, fast, sliding_wait(2)),
            (2, slow, Ok("\"a\";r=1;t=73")),
            (0, slow, Ok("\"a\";r=0;t=70")),
            (0, slow, sliding_wait(70)),
            (58, slow, sliding_wait(12)),
            (12, slow, Ok("\"a\";r=0;t=12")),
        ]),
    ];
    for (algorithm, steps) in cases {
        let worker = Worker::alone(&rates(json!({"algorithm": algorithm})));
        for (index, (seconds, policy, expected)) in steps.iter().enumerate() {
            let name = format!("{algorithm}, step {index}");
            worker.host.advance(Duration::from_secs(*seconds));
            let answer = worker.request("acme");
            assert_eq!(answer.header("ratelimit-policy"), [*policy], "{name}");
            match expected {
                Ok(left) => {
                    assert_eq!(answer.header("ratelimit"), [*left], "{name}");
                    assert!(answer.is_admitted(), "{name}");
                }
                Err(wait) => {
                    assert_eq!(answer.header("retry-after"), [wait.to_string()], "{name}");
                    let detail = format!("limit \"a\": retry in {wait} s");
                    assert_eq!(answer.refusal().2, detail, "{name}");
                }
            }
        }
        assert_eq!(
            worker.host.shared_data().len(),
            2,
            "one slot for all windows"
        );
    }
}

/// Several windows cost no more host calls than one.
#[test]
fn host_calls() {
    let worker = Worker::alone(&rates(json!({})));
    worker.request("acme");
    let calls = worker.host.calls();
    assert_eq!(calls["proxy_get_shared_data"], 1);
    assert_eq!(calls["proxy_set_shared_data"], 1);
    assert_eq!(calls["proxy_get_current_time_nanoseconds"], 1);
}

/// Windows of one key take places of a slot from others. Of a full one those go that end the soonest.
#[test]
fn windows_in_a_full_slot() {
    let mut config = rates(json!({}));
    config["store"] = json!({"local": {"slots": 1}});
    let worker = Worker::alone(&config);
    for key in 0..4 {
        assert_eq!(worker.admitted(&key.to_string(), 5), 3);
    }
    assert_eq!(worker.counts("a").get("evicted"), None);
    // Each of the four has two; the fifth takes the seconds of two of them.
    assert_eq!(worker.admitted("fifth", 5), 3);
    assert_eq!(worker.counts("a")["evicted"], 1);
    // A minute's worth is five, whoever was forgotten by the second.
    for key in 0..4 {
        assert!(worker.admitted(&key.to_string(), 10) <= 2, "{key}");
    }
    worker.host.advance(Duration::from_secs(1));
    assert!(worker.admitted("fifth", 10) <= 2);
}

/// A slot that is full of what lasts longer: a key's short window does not drive out its own long one.
#[test]
fn beside_longer_ones_in_a_full_slot() {
    for (algorithm, others) in [
        ("gcra", 8),
        ("fixed_window", 8),
        ("sliding_window", 8),
        ("gcra", 7),
    ] {
        let config = json!({
            "limits": [
                limit("daily", json!({
                    "match": {"headers": [{"name": "x-daily", "present": true}]},
                    "rate": "1/1d", "burst": null, "algorithm": algorithm,
                })),
                limit("a", json!({
                    "match": {"headers": [{"name": "x-daily", "present": false}]},
                    "rate": ["10/1s", "20/1h"], "burst": null, "algorithm": algorithm,
                })),
            ],
            "store": {"local": {"slots": 1}},
        });
        let worker = Worker::alone(&config);
        for tenant in 0..others {
            let tenant = tenant.to_string();
            let headers = [("x-tenant", tenant.as_bytes()), ("x-daily", b"1")];
            assert!(worker.send(&headers, |_| {}).is_admitted());
        }
        let mut admitted = 0;
        for _ in 0..60 {
            admitted += worker.admitted("acme", 20);
            worker.host.advance(Duration::from_secs(1));
        }
        assert_eq!(admitted, 20, "{algorithm} {others}");
        // One request took the places of others.
        assert_eq!(worker.counts("a")["evicted"], 1, "{algorithm} {others}");
    }
}

/// What is told apart by algorithm and period does not meet.
#[test]
fn a_change_of_the_algorithm_begins_anew() {
    let shared = Shared::default();
    let configs = [
        one(json!({})),
        one(json!({"algorithm": "fixed_window", "rate": "3/1m", "burst": null})),
        one(json!({"algorithm": "sliding_window", "rate": "3/1m", "burst": null})),
        one(json!({"algorithm": "fixed_window", "rate": "3/2m", "burst": null})),
    ];
    for config in &configs {
        assert_eq!(Worker::new(&shared, config).admitted("acme", 5), 3);
    }
    for config in &configs {
        assert_eq!(Worker::new(&shared, config).admitted("acme", 5), 0);
    }
}

/// The clock goes back for a limit with windows: as full as before, and no longer than a window.
#[test]
fn the_clock_is_set_back() {
    for algorithm in ["fixed_window", "sliding_window"] {
        let changes = json!({"algorithm": algorithm, "rate": "3/1m", "burst": null});
        let worker = Worker::alone(&one(changes));
        assert_eq!(worker.admitted("acme", 5), 3);
        let hour_ago = FakeHost::START.as_nanos() - 3_600_000_000_000;
        worker
            .host
            .set_now(gatehouse_host::Timestamp::from_nanos(hour_ago));
        assert_eq!(worker.admitted("acme", 5), 0, "{algorithm}");
        worker.host.advance(Duration::from_secs(120));
        assert_eq!(worker.admitted("acme", 5), 3, "{algorithm}");
    }
}
