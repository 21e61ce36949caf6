//! How many host calls there are for what.

use super::*;

fn calls(worker: &Worker) -> Vec<String> {
    let calls = worker.host.calls().into_iter();
    calls
        .map(|(call, count)| format!("{} {count}", call.strip_prefix("proxy_").unwrap_or(call)))
        .collect()
}

#[test]
fn of_a_new_connection() {
    let office =
        json!([{"name": "office", "match": {"source": ["192.0.2.0/24"]}, "action": "allow"}]);
    let cases = [
        (
            "rules by source",
            rules(office.clone()),
            &["get_property 1", "increment_metric 1"][..],
        ),
        (
            "limits of all kinds",
            json!({"default": "allow", "limits": {
                "connection_rate": {"rate": "100/1s"}, "concurrent": {"per_source": 10, "total": 100},
                "bytes": {"per_source": {"received": "1GiB/1h"}}, "duration": "1h", "idle": "1m",
            }}),
            &[
                // Tells `tcp_proxy` its idle time.
                "call_foreign_function 1",
                "get_current_time_nanoseconds 1",
                "get_property 1",
                "get_shared_data 4",
                "increment_metric 1",
                "set_shared_data 3",
            ],
        ),
        (
            "held",
            rules(json!([{"name": "a", "match": {"sni": ["a.test"]}, "action": "allow"}])),
            &["get_current_time_nanoseconds 1", "get_property 1"],
        ),
    ];
    for (name, config, expected) in cases {
        let worker = Worker::alone(&config);
        let client = worker.connect("192.0.2.1");
        assert_eq!(calls(&worker), expected, "{name}");
        client.end();
    }
}

/// A connection that is decided on and not limited is let go at once: the rest of it costs nothing.
#[test]
fn of_what_goes_on_without_limits() {
    let worker = Worker::alone(&rules(
        json!([{"name": "office", "match": {"source": ["192.0.2.0/24"]}, "action": "allow"}]),
    ));
    let client = worker.connect("192.0.2.1");
    assert!(!worker.filter.wants_more(&client.state));
}

#[test]
fn of_the_first_data() {
    let worker = Worker::alone(&rules(
        json!([{"name": "a", "match": {"sni": ["a.test"]}, "action": "allow"}]),
    ));
    let mut client = worker.connect("192.0.2.1");
    worker.host.begin([]);
    client.send(&hello("a.test", &[]));
    assert_eq!(client.fate(), "open");
    assert_eq!(
        calls(&worker),
        ["get_buffer_bytes 1", "get_property 1", "increment_metric 2"]
    );
}

/// Bytes are counted without a host call, but for one batch in each 64th of a window.
#[test]
fn of_data() {
    let config = json!({"default": "allow", "limits": {
        "bytes": {"per_connection": {"received": "1GiB"}, "per_source": {"received": "64MiB/1h", "sent": "64MiB/1h"}},
        "idle": "1m", "duration": "1h",
    }});
    let worker = Worker::alone(&config);
    let mut client = worker.connect("192.0.2.1");
    worker.host.begin([]);
    for _ in 0..63 {
        client.send(&[0; 16 << 10]).receive(&[0; 16 << 10]);
    }
    assert_eq!(calls(&worker), [""; 0], "not one");
    client.send(&[0; 16 << 10]);
    assert_eq!(
        calls(&worker),
        [
            "get_current_time_nanoseconds 1",
            "get_shared_data 1",
            "set_shared_data 1"
        ],
        "a batch"
    );
}

#[test]
fn of_ends_and_ticks() {
    let config = json!({"default": "allow", "limits": {
        "concurrent": {"per_source": 10, "total": 100}, "bytes": {"per_source": {"received": "1GiB/1h"}},
    }});
    let worker = Worker::alone(&config);
    let mut client = worker.connect("192.0.2.1");
    client.send(b"x");
    worker.host.begin([]);
    client.end();
    assert_eq!(
        calls(&worker),
        [
            "get_current_time_nanoseconds 3",
            "get_shared_data 3",
            "set_shared_data 3"
        ],
        "two places and a charge"
    );
    worker.host.begin([]);
    worker.tick();
    worker.tick();
    assert_eq!(calls(&worker), ["get_current_time_nanoseconds 2"]);
    let without = Worker::alone(&rules(json!([])));
    without.host.begin([]);
    without.tick();
    assert_eq!(calls(&without), [""; 0]);
}
