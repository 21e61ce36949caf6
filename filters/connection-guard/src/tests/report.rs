//! `mode: report` changes nothing, and counts.

use super::*;

#[test]
fn nothing_is_held_closed_or_routed() {
    let config = json!({
        "mode": "report", "default": "deny", "first_data": {"within": "2s", "max_size": "1KiB"},
        "rules": [
            {"name": "office", "match": {"source": ["192.0.2.0/24"]}, "action": "allow", "cluster": "x"},
            {"name": "bad", "match": {"source": ["198.51.100.0/24"]}, "action": {"tarpit": {"delay": "1s"}}},
            {"name": "web", "match": {"protocol": ["http1"]}, "action": "allow"},
        ],
        "limits": {"concurrent": {"per_source": 1}, "bytes": {"per_connection": {"received": "1KiB"}}},
    });
    let worker = Worker::alone(&config);
    let office = worker.connect("192.0.2.1");
    assert_eq!(office.fate(), "open");
    assert_eq!(worker.host.filter_state("envoy.tcp_proxy.cluster"), None);
    let over = worker.connect("192.0.2.1");
    assert_eq!(over.fate(), "open");
    let state = worker.host.property_value("gatehouse.would_deny").unwrap();
    assert_eq!(state, b"connection_guard.limit.concurrent_per_source");
    over.end();
    office.end();

    let mut bad = worker.connect("198.51.100.1");
    bad.send(b"anything").receive(b"anything");
    assert_eq!((bad.fate(), &*bad.passed), ("open", &b"anything"[..]));
    bad.end();

    let mut web = worker.connect("10.0.0.1");
    assert!(web.is_let_on && web.receive(b"the server may speak"));
    for byte in b"GET / HTTP/1.1\r\n" {
        web.send(&[*byte]);
    }
    assert_eq!(web.passed, b"GET / HTTP/1.1\r\n", "as it comes");
    web.send(&[0; 1008]);
    assert_eq!(
        worker
            .counts()
            .get("would_close.limit.received_per_connection"),
        None
    );
    web.send(&[0; 1]).send(&[0; 1]);
    assert_eq!(web.passed.len(), 16 + 1010);
    web.end();

    let mut other = worker.connect("10.0.0.1");
    other.send(b"SSH-2.0-x\n");
    other.end();
    let mut long = worker.connect("10.0.0.1");
    long.send(&[b'\n'; 2000]);
    long.end();
    let mut silent = worker.connect("10.0.0.1");
    worker.advance(2.0);
    silent.tick();
    worker.advance(2.0);
    silent.tick().send(b"GET / HTTP/1.1\r\n");
    assert_eq!(silent.fate(), "open");
    silent.end();
    let expected = counts([
        ("allowed.rule.office", 1),
        ("would_deny.limit.concurrent_per_source", 1),
        ("would_deny.rule.bad", 1),
        ("allowed.rule.web", 1),
        ("would_close.limit.received_per_connection", 1),
        ("would_deny.reason.default", 1),
        ("would_deny.limit.first_data_size", 1),
        ("would_deny.limit.first_data_time", 1),
        ("spoken.protocol.http1", 1),
        ("spoken.protocol.ssh", 1),
    ]);
    assert_eq!(worker.counts(), expected, "each once");
    let enforced = Worker::new(
        worker.host.shared_data(),
        &json!({
            "default": "allow", "limits": {"concurrent": {"per_source": 1}},
        }),
    );
    assert_eq!(
        enforced.connect("10.0.0.1").fate(),
        "open",
        "nothing is left of them"
    );
    assert!(
        worker.host.log_lines()[0]
            .starts_with("Info: gatehouse connection_guard: would deny 192.0.2.1:5000")
    );
}
