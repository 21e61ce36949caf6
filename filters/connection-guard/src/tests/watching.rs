//! How long connections may last, and be idle.

use super::*;

#[test]
fn idle_and_duration() {
    let config = json!({"default": "allow", "limits": {"idle": "4s", "duration": "20s"}});
    let worker = Worker::alone(&config);
    let (mut idle, mut busy, mut served) = (
        worker.connect("192.0.2.1"),
        worker.connect("192.0.2.2"),
        worker.connect("192.0.2.3"),
    );
    let mut closed = BTreeMap::new();
    for tenth in 1..=200 {
        worker.advance(0.1);
        if tenth % 30 == 0 {
            busy.send(b"x");
            served.receive(b"x");
        }
        for (name, client) in [
            ("idle", &mut idle),
            ("busy", &mut busy),
            ("served", &mut served),
        ] {
            if client.tick().closed.is_some() {
                closed
                    .entry(name)
                    .or_insert((tenth, client.fate().to_owned()));
            }
        }
    }
    let expected = [
        ("busy", (200, "limit.duration".to_owned())),
        ("idle", (40, "limit.idle".to_owned())),
        ("served", (200, "limit.duration".to_owned())),
    ];
    assert_eq!(closed, expected.into());
    assert_eq!(
        worker.counts(),
        counts([
            ("allowed.reason.default", 3),
            ("closed.limit.duration", 2),
            ("closed.limit.idle", 1)
        ])
    );
}

/// A connection that speaks right after a look is closed within one and a quarter of the idle time after it.
#[test]
fn how_exact_idle_is() {
    let worker = Worker::alone(&json!({"default": "allow", "limits": {"idle": "4s"}}));
    for at in [0, 1, 5, 9] {
        let mut client = worker.connect("192.0.2.1");
        let (mut spoke, mut closed) = (0, None);
        for tenth in 0..100 {
            if tenth == at {
                client.send(b"x");
                spoke = tenth;
            }
            worker.advance(0.1);
            if client.tick().closed.is_some() {
                closed = Some(tenth + 1);
                break;
            }
        }
        let after = closed.unwrap() - spoke;
        assert!((40..=50).contains(&after), "{at}: {after}");
    }
}

/// What is closed by this filter lasts until its client has read all; `tcp_proxy` does not wait for that.
#[test]
fn tcp_proxy_is_told_the_idle_time() {
    const TOLD: &str = "envoy.tcp_proxy.per_connection_idle_timeout_ms";
    let rules = json!([
        {"name": "no", "match": {"source": ["198.51.100.0/24"]}, "action": "deny"},
        {"name": "web", "match": {"source": ["192.0.2.0/24"], "protocol": ["http1"]}, "action": "allow"},
    ]);
    for (name, source, more, expected) in [
        ("goes on", "10.0.0.1", json!({}), Some("3000")),
        ("is held", "192.0.2.1", json!({}), Some("3000")),
        ("denied", "198.51.100.1", json!({}), None),
        ("report", "10.0.0.1", json!({"mode": "report"}), None),
        (
            "a short idle time",
            "10.0.0.1",
            json!({"limits": {"idle": "1s"}}),
            Some("2000"),
        ),
        (
            "a long idle time",
            "10.0.0.1",
            json!({"limits": {"idle": "10m"}}),
            Some("900000"),
        ),
        (
            "no idle time",
            "10.0.0.1",
            json!({"limits": {"duration": "1m"}}),
            None,
        ),
    ] {
        let mut config = json!({"rules": rules, "default": "allow", "limits": {"idle": "2s"}});
        for (key, value) in more.as_object().unwrap() {
            config[key] = value.clone();
        }
        let worker = Worker::alone(&config);
        worker.connect(source);
        assert_eq!(
            worker.host.filter_state(TOLD).as_deref(),
            expected,
            "{name}"
        );
    }
}
