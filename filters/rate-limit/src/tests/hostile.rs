//! What clients, other writers, the clock and the host can do.

use super::*;
use gatehouse_host::{Cas, HostError, Status, Timestamp};
use std::time::Duration;

#[test]
fn large_values_are_keys_too() {
    let worker = Worker::alone(&one(json!({"burst": 1})));
    let big = vec![b'x'; 1 << 20];
    let mut other = big.clone();
    *other.last_mut().unwrap() = b'y';
    for (value, admitted) in [(&big, true), (&big, false), (&other, true)] {
        let answer = worker.send(&[("x-tenant", value)], |_| {});
        assert_eq!(answer.is_admitted(), admitted);
    }
    assert!(worker.host.shared_data().bytes() <= 16 + 2 * 24);
}

#[test]
fn an_identity_that_cannot_be_read_is_no_anonymous_request() {
    let worker = Worker::alone(&one(json!({"key": ["consumer"], "if_absent": "skip"})));
    let answer = worker.send(&[], |host| host.property_is("gatehouse.identity", "\u{0}"));
    assert_eq!(
        answer.refusal(),
        (
            503,
            "gatehouse.rate_limit.host_failed.a".to_owned(),
            "limit \"a\": not available".to_owned()
        )
    );
}

#[test]
fn a_condition_that_cannot_be_evaluated() {
    // Whether the limit applies is not known: `on_error` says what becomes of the request.
    for (holds, on_error, admitted, failed) in [
        (Some(true), "deny", true, 0),
        (Some(false), "deny", true, 0),
        (None, "deny", false, 1),
        (None, "allow", true, 1),
    ] {
        let changes = json!({"match": {"not": {"when": "w"}}, "on_error": on_error});
        let worker = Worker::alone(&one(changes));
        let answer = worker.send(&[("x-tenant", b"a")], |host| host.expression_is("w", holds));
        assert_eq!(answer.is_admitted(), admitted, "{holds:?} {on_error}");
        let counted = worker.host.counters();
        let name = "gatehouse.rate_limit.expression_failed.limit.a";
        let counted = counted.get(name).copied().unwrap_or_default();
        assert_eq!(counted, failed, "{holds:?} {on_error}");
    }
}

#[test]
fn a_condition_that_is_no_expression() {
    let config = json!({"limits": [limit("a", json!({})), limit("b", json!({"match": {"any": [{"when": "f("}]}}))]});
    let config: Config = gatehouse_config::load_value(&config, &|_: &str| None).unwrap();
    let refused = Filter::new(config, &FakeHost::default()).err().unwrap();
    assert_eq!(
        refused.to_string(),
        "configuration refused:\nlimits[1].match.any[0].when: \"f(\" is not a CEL expression \
         (over Envoy's attributes, such as \"request.method == 'GET' && request.headers['x-tenant'] == 'a'\")"
    );
}

#[test]
fn the_clock_jumps() {
    const HOUR: u64 = 3_600_000_000_000;
    let start = FakeHost::START.as_nanos();
    // When the bucket is emptied, when the clock jumps to, when one more and a whole burst fit.
    let cases = [
        ("forward", start, start + HOUR, 0, 0),
        ("back by an hour", start, start - HOUR, 60, 180),
        ("to the epoch", start, 0, 60, 180),
        ("back by half a second", start, start - 500_000_000, 61, 181),
        ("to the end", start, u64::MAX - 1_000_000_000_000, 0, 0),
    ];
    for (name, before, after, one_more, all) in cases {
        let worker = Worker::alone(&one(json!({})));
        worker.host.set_now(Timestamp::from_nanos(before));
        assert_eq!(worker.admitted("acme", 5), 3, "{name}");
        worker.host.set_now(Timestamp::from_nanos(after));
        if one_more > 0 {
            assert_eq!(worker.admitted("acme", 1), 0, "{name}");
            worker.host.advance(Duration::from_secs(one_more));
            assert_eq!(worker.admitted("acme", 5), 1, "{name}");
            worker.host.advance(Duration::from_secs(all));
        }
        assert_eq!(worker.admitted("acme", 5), 3, "{name}");
    }
}

#[test]
fn the_end_of_time_refuses() {
    let worker = Worker::alone(&one(json!({})));
    worker.host.set_now(Timestamp::from_nanos(u64::MAX));
    let answer = worker.request("acme");
    assert_eq!(answer.refusal().2, "limit \"a\": exceeded");
    assert!(answer.header("retry-after").is_empty());
}

fn one_slot(changes: Value) -> Value {
    let mut config = one(changes);
    config["store"] = json!({"local": {"slots": 1}});
    config
}

/// Another writer with the same `vm_id`. One decision fails as configured, then the slot begins anew.
#[test]
fn a_slot_that_is_none() {
    let cases: [(&str, &[u8]); 3] = [
        ("one byte", b"x"),
        ("half an entry", &[0; 36]),
        ("too long", &[0; 216]),
    ];
    for (name, bytes) in cases {
        for (on_error, status) in [("deny", Some(503)), ("allow", None)] {
            let worker = Worker::alone(&one_slot(json!({"on_error": on_error})));
            let shared = worker.host.shared_data();
            assert!(shared.swap("gatehouse.limit.0", bytes, Cas(0)));
            let answer = worker.request("acme");
            let refused = (!answer.is_admitted()).then(|| answer.reply().status);
            assert_eq!(refused, status, "{name}, {on_error}");
            assert_eq!(worker.counts("a")["store_failed"], 1, "{name}");
            assert_eq!(worker.admitted("acme", 5), 3, "{name}, {on_error}");
            assert_eq!(worker.counts("a")["store_failed"], 1, "{name}");
        }
    }
}

/// What looks like a slot is one: no value of an entry is a trap.
#[test]
fn a_slot_of_any_entries() {
    for byte in [0, 0x7f, 0xff] {
        let worker = Worker::alone(&one_slot(json!({})));
        let shared = worker.host.shared_data();
        assert!(shared.swap("gatehouse.limit.0", &[byte; 192], Cas(0)));
        assert_eq!(worker.admitted("acme", 5), 3, "{byte}");
    }
}

#[test]
fn a_seed_that_is_none() {
    for seed in [&b""[..], b"short", &[0; 17]] {
        let shared = Shared::default();
        assert!(shared.swap("gatehouse.limit.seed", seed, Cas(0)));
        let refused = Worker::try_new(&shared, &one(json!({}))).err();
        let error = HostError {
            call: "proxy_get_shared_data",
            status: Status::Malformed,
        };
        assert_eq!(refused, Some(ConfigureError::Host(error)));
    }
}

#[test]
fn a_host_that_fails() {
    let everything = json!({
        "key": [{"header": "x-tenant"}, "client_ip", "consumer"],
    });
    let cases = [
        ("proxy_get_header_map_pairs", "host_failed"),
        ("proxy_get_property", "host_failed"),
        ("proxy_get_current_time_nanoseconds", "host_failed"),
        ("proxy_get_shared_data", "store_failed"),
        ("proxy_set_shared_data", "store_failed"),
    ];
    for (call, cause) in cases {
        for (on_error, mode) in [
            ("deny", "enforce"),
            ("allow", "enforce"),
            ("deny", "report"),
            ("allow", "report"),
        ] {
            let name = format!("{call}, {on_error}, {mode}");
            let mut changes = everything.clone();
            changes["on_error"] = json!(on_error);
            changes["mode"] = json!(mode);
            let worker = Worker::alone(&one(changes));
            for _ in 0..2 {
                let answer = worker.send(&[("x-tenant", b"acme")], |host| {
                    host.fail(call, Status::Code(10));
                });
                if (on_error, mode) == ("deny", "enforce") {
                    assert_eq!(
                        answer.refusal(),
                        (
                            503,
                            format!("gatehouse.rate_limit.{cause}.a"),
                            "limit \"a\": not available".to_owned()
                        ),
                        "{name}"
                    );
                    assert_eq!(answer.reply().grpc_status, Some(14), "{name}");
                } else {
                    assert_eq!(answer.verdict, Verdict::Continue, "{name}");
                }
                assert!(answer.header("ratelimit").is_empty(), "{name}");
            }
            let fate = match (on_error, mode) {
                ("allow", _) => "admitted",
                (_, "enforce") => "refused",
                _ => "would_refuse",
            };
            assert_eq!(
                worker.counts("a"),
                counts([(cause, 2), (fate, 2)]),
                "{name}"
            );
            let line = format!("Error: limit \"a\": {call} answered status 10");
            assert_eq!(worker.host.log_lines(), [line], "{name}: once");
            worker.host.heal(call);
            let admitted = if mode == "enforce" { 3 } else { 5 };
            assert_eq!(worker.admitted("acme", 5), admitted, "{name}: healed");
        }
    }
}

/// An error of one limit does not hide that another one refuses for good reason.
#[test]
fn an_error_beside_a_refusal() {
    let config = json!({"limits": [
        limit("by-address", json!({"key": ["client_ip"]})),
        limit("a", json!({"burst": 1})),
    ]});
    let worker = Worker::alone(&config);
    assert!(worker.request("acme").is_admitted());
    let answer = worker.send(&[("x-tenant", b"acme")], |host| {
        host.fail("proxy_get_property", Status::Code(10));
    });
    assert_eq!(answer.refusal().1, "gatehouse.rate_limit.over_limit.a");
    assert_eq!(worker.counts("by-address")["refused"], 1);
    assert_eq!(worker.counts("a")["refused"], 1);
}

#[test]
fn a_response_that_cannot_be_changed_says_so() {
    let worker = Worker::alone(&one(json!({})));
    let answer = worker.try_send(&[("x-tenant", b"acme")], |host| {
        host.fail("proxy_replace_header_map_value", Status::Code(2));
    });
    let error = HostError {
        call: "proxy_replace_header_map_value",
        status: Status::Code(2),
    };
    assert_eq!(answer, Err(error));
}

#[test]
fn a_host_that_refuses_the_start() {
    let calls = [
        "proxy_get_shared_data",
        "proxy_set_shared_data",
        "random_get",
        "proxy_define_metric",
    ];
    for call in calls {
        let host = FakeHost::default();
        host.fail(call, Status::Code(12));
        let bytes = one(json!({})).to_string();
        let refused = Filter::configure(bytes.as_bytes(), &|_: &str| None, &host).err();
        let error = HostError {
            call,
            status: Status::Code(12),
        };
        assert_eq!(refused, Some(ConfigureError::Host(error)));
    }
}

#[test]
fn a_wrong_configuration_is_refused_with_its_problems() {
    let refused = Worker::try_new(&Shared::default(), &one(json!({"rate": "1"}))).err();
    assert_eq!(
        refused.unwrap().to_string(),
        "configuration refused:\nlimits[0].rate: \"1\" is not a rate (write a whole number, a slash and a duration, such as \"100/1m\")"
    );
}
