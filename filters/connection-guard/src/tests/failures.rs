//! A host that fails.

use super::*;
use gatehouse_host::{Cas, Status};

#[test]
fn on_error() {
    let config = |on_error: &str| {
        json!({
            "rules": [
                {"name": "pass", "match": {"protocol": ["http1"], "sni": ["a.test"]}, "action": "deny"},
                {"name": "office", "match": {"source": ["192.0.2.0/24"]}, "action": "allow", "cluster": "x"},
            ],
            "default": "allow", "on_error": on_error,
            "limits": {"concurrent": {"total": 5}, "connection_rate": {"rate": "100/1s"}},
        })
    };
    let office = json!({
        "rules": [{"name": "office", "match": {"source": ["192.0.2.0/24"]}, "action": "allow", "cluster": "x"}],
        "default": "deny",
    });
    let cases = [
        ("the source", "proxy_get_property", "host_failed"),
        (
            "the clock",
            "proxy_get_current_time_nanoseconds",
            "host_failed",
        ),
        (
            "reading the table",
            "proxy_get_shared_data",
            "limit_failed.connection_rate",
        ),
        (
            "writing it",
            "proxy_set_shared_data",
            "limit_failed.connection_rate",
        ),
        ("the first bytes", "proxy_get_buffer_bytes", "host_failed"),
    ];
    for (name, call, reason) in cases {
        for (on_error, expected) in [("deny", reason), ("allow", "open")] {
            let worker = Worker::alone(&config(on_error));
            worker.host.fail(call, Status::Code(10));
            let mut client = worker.connect("10.0.0.1");
            client.send(b"x\n");
            assert_eq!(client.fate(), expected, "{name}, {on_error}");
            worker.host.heal(call);
            let all: u64 = worker
                .counts()
                .iter()
                .filter(|(name, _)| name.starts_with("denied") || name.starts_with("allowed"))
                .map(|(_, count)| count)
                .sum();
            assert_eq!(all, 1, "{name}, {on_error}: {:?}", worker.counts());
            client.end();
        }
    }
    let worker = Worker::alone(&office);
    worker
        .host
        .fail("proxy_call_foreign_function", Status::Code(1));
    assert_eq!(
        worker.connect("192.0.2.1").fate(),
        "host_failed",
        "a cluster that cannot be set"
    );
    let lines = worker.host.log_lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with(
        "Error: gatehouse connection_guard: cannot decide: proxy_call_foreign_function"
    ));
}

/// Something else wrote over the slot: one decision fails, and the slot begins anew.
#[test]
fn a_slot_that_is_lost() {
    let mut config = json!({"default": "allow", "limits": {"concurrent": {"per_source": 5}}});
    config["slots"] = json!(1);
    let worker = Worker::alone(&config);
    let held = worker.connect("192.0.2.1");
    assert!(
        worker
            .host
            .shared_data()
            .swap("gatehouse.limit.0", b"x", Cas(0))
    );
    assert_eq!(
        worker.connect("192.0.2.1").fate(),
        "limit_failed.concurrent_per_source"
    );
    assert_eq!(worker.connect("192.0.2.1").fate(), "open");
    held.end();
}

#[test]
fn what_cannot_be_given_back_is_counted() {
    let config = json!({"default": "allow", "limits": {
        "concurrent": {"total": 1, "expires": "10s"}, "bytes": {"per_source": {"received": "1MiB/1h"}},
    }});
    let worker = Worker::alone(&config);
    let mut client = worker.connect("192.0.2.1");
    client.send(b"x");
    worker.host.fail("proxy_set_shared_data", Status::Code(10));
    client.end();
    worker.host.heal("proxy_set_shared_data");
    let counted = worker.counts();
    assert_eq!((counted["not_released"], counted["not_charged"]), (1, 1));
    assert_eq!(worker.connect("192.0.2.1").fate(), "limit.concurrent_total");
    worker.advance(20.0);
    assert_eq!(worker.connect("192.0.2.1").fate(), "open");
}

/// Another worker comes between a read and its swap, each time.
#[test]
fn contention() {
    let config =
        json!({"default": "allow", "limits": {"concurrent": {"per_source": 1000}}, "slots": 1});
    let worker = Worker::alone(&config);
    let shared = worker.host.shared_data().clone();
    let count = std::cell::Cell::new(0);
    worker.host.before_swap(move || {
        if count.replace(count.get() + 1) < 65
            && let Some((value, _)) = shared.read("gatehouse.limit.0")
        {
            shared.swap("gatehouse.limit.0", &value, Cas(0));
        }
    });
    let held = worker.connect("192.0.2.1");
    assert_eq!(held.fate(), "open", "the slot is new");
    assert_eq!(
        worker.connect("192.0.2.1").fate(),
        "limit_failed.concurrent_per_source"
    );
    assert_eq!(worker.connect("192.0.2.1").fate(), "open");
}

#[test]
fn lines_about_denials_are_sampled() {
    let mut config =
        rules(json!([{"name": "tls", "match": {"sni": ["a.test"]}, "action": "allow"}]));
    config["denial_log"] = json!({"rate": "2/1m"});
    let worker = Worker::alone(&config);
    for _ in 0..5 {
        worker.connect("192.0.2.1").send(&hello("b.test", &[]));
    }
    worker.advance(30.0);
    worker.connect("192.0.2.1").send(b"x\n");
    assert_eq!(
        worker.host.log_lines(),
        [
            "Info: gatehouse connection_guard: denied 192.0.2.1:5000, tls, server name \"b.test\": default",
            "Info: gatehouse connection_guard: denied 192.0.2.1:5000, tls, server name \"b.test\": default",
            "Info: gatehouse connection_guard: denied 192.0.2.1:5000, unknown: default (3 more since the last line)",
        ]
    );
    config["denial_log"] = json!("none");
    let worker = Worker::alone(&config);
    worker.connect("192.0.2.1").send(b"x\n");
    assert!(worker.host.log_lines().is_empty());
}

/// Who goes on since the host failed is counted and watched as far as it goes.
#[test]
fn limits_of_who_goes_on_all_the_same() {
    let config = json!({
        "rules": [{"name": "no", "match": {"source": ["198.51.100.0/24"]}, "action": "deny"}],
        "default": "allow", "on_error": "allow",
        "limits": {"duration": "10s", "bytes": {"per_connection": {"received": "10B"}}},
    });
    for (call, expected) in [
        ("proxy_get_property", "limit.duration"),
        ("proxy_get_current_time_nanoseconds", "open"),
    ] {
        let worker = Worker::alone(&config);
        worker.host.fail(call, Status::Code(10));
        let (mut long, mut large) = (worker.connect("192.0.2.1"), worker.connect("192.0.2.1"));
        worker.host.heal(call);
        assert_eq!((long.fate(), large.fate()), ("open", "open"), "{call}");
        assert_eq!(
            large.send(&[0; 11]).fate(),
            "limit.received_per_connection",
            "{call}"
        );
        worker.advance(10.0);
        assert_eq!(long.tick().fate(), expected, "{call}");
    }
}
