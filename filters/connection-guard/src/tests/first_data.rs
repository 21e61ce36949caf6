//! Who says nothing, too much, too slowly, or second.

use super::*;

fn config(more: Value) -> Value {
    let mut config = rules(json!([
        {"name": "web", "match": {"protocol": ["tls", "http1"]}, "action": "allow"},
        {"name": "rest", "match": {"protocol": ["unknown"]}, "action": "allow"},
    ]));
    config["first_data"] = json!({"within": "2s", "max_size": "1KiB"});
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    config
}

#[test]
fn in_time_and_in_size() {
    let worker = Worker::alone(&config(json!({})));
    let mut silent = worker.connect("10.0.0.1");
    let mut slow = worker.connect("10.0.0.2");
    for _ in 0..19 {
        worker.advance(0.1);
        assert_eq!(slow.send(b"G").tick().fate(), "held");
        assert_eq!(silent.tick().fate(), "held");
    }
    worker.advance(0.1);
    assert_eq!(silent.tick().fate(), "limit.first_data_time");
    assert_eq!(
        slow.tick().fate(),
        "limit.first_data_time",
        "each byte gives no more time"
    );
    let mut long = worker.connect("10.0.0.3");
    long.send(b"GET /");
    for _ in 0..1018 {
        assert_eq!(long.send(b"a").fate(), "held");
    }
    assert_eq!(long.send(b"a").fate(), "limit.first_data_size");
    assert_eq!(long.passed, b"");
    let mut whole = worker.connect("10.0.0.3");
    let bytes = [&b"GET / HTTP/1.1\r\n"[..], &[b'x'; 100_000]].concat();
    assert_eq!(
        whole.send(&bytes).fate(),
        "open",
        "what follows is not looked at"
    );
    let mut gone = worker.connect("10.0.0.4");
    assert_eq!(
        gone.send_with_end(b"GE", true).fate(),
        "open",
        "half of it is unknown"
    );
    let mut gone = worker.connect("10.0.0.4");
    assert_eq!(
        gone.send_with_end(b"", true).fate(),
        "open",
        "nothing is unknown"
    );
    let left = worker.connect("10.0.0.5");
    left.end();
    let expected = counts([
        ("allowed.rule.web", 1),
        ("allowed.rule.rest", 2),
        ("denied.limit.first_data_time", 2),
        ("denied.limit.first_data_size", 1),
        ("spoken.protocol.http1", 1),
        ("spoken.protocol.unknown", 2),
        ("undecided", 1),
    ]);
    assert_eq!(worker.counts(), expected);
}

/// 16 MiB of nothing in particular.
#[test]
fn nothing_is_kept_of_what_is_too_long() {
    let worker = Worker::alone(&config(json!({})));
    let mut client = worker.connect("10.0.0.1");
    assert_eq!(
        client.send(&vec![b'\n'; 16 << 20]).fate(),
        "limit.first_data_size"
    );
}

#[test]
fn a_server_that_speaks_first() {
    let config = |default: &str| {
        json!({
            "rules": [
                {"name": "mysql", "match": {"protocol": ["mysql"]}, "action": "allow"},
                {"name": "tls", "match": {"protocol": ["tls"]}, "action": "allow"},
                {"name": "rest", "match": {"protocol": ["http1"]}, "action": "deny"},
            ],
            "default": default, "server_speaks_first": true, "first_data": {"within": "2s"},
        })
    };
    const GREETING: &[u8] = b"\x4a\0\0\0\x0a8.0.36\0\x08\0\0\0";
    let worker = Worker::alone(&config("deny"));
    let mut client = worker.connect("10.0.0.1");
    assert!(client.is_let_on, "the upstream is connected");
    assert!(client.receive(GREETING));
    client.send(b"anything");
    assert_eq!((client.fate(), &*client.passed), ("open", &b"anything"[..]));

    let mut other = worker.connect("10.0.0.1");
    assert!(
        !other.receive(b"220 mail.test ESMTP\r\n"),
        "no byte of it gets through"
    );
    assert_eq!(other.fate(), "default");

    let mut pieces = worker.connect("10.0.0.1");
    assert!(pieces.receive(&GREETING[..7]) && pieces.receive(&GREETING[7..]));
    assert_eq!(pieces.fate(), "open");

    let mut tls = worker.connect("10.0.0.1");
    let bytes = hello("a.test", &[]);
    tls.send(&bytes[..20]);
    assert_eq!(
        (tls.fate(), tls.passed.len()),
        ("held", 0),
        "the client's bytes are held"
    );
    tls.send(&bytes[20..]);
    assert_eq!((tls.fate(), &tls.passed), ("open", &bytes));

    let mut silent = worker.connect("10.0.0.1");
    worker.advance(2.0);
    assert_eq!(silent.tick().fate(), "limit.first_data_time");

    let worker = Worker::alone(&config("allow"));
    let mut other = worker.connect("10.0.0.1");
    assert!(other.receive(b"220 mail.test ESMTP\r\n"));
    assert_eq!(worker.counts()["spoken.protocol.unknown"], 1);
}

/// Where no rule asks for data, who goes on must still say something if that is configured.
#[test]
fn silence_of_who_goes_on() {
    let config = json!({"default": "allow", "first_data": {"within": "2s"}});
    let worker = Worker::alone(&config);
    let (mut silent, mut speaks) = (worker.connect("10.0.0.1"), worker.connect("10.0.0.2"));
    assert_eq!((silent.fate(), speaks.fate()), ("open", "open"));
    assert!(silent.receive(b"the server does not count"));
    speaks.send(b"x");
    worker.advance(2.0);
    assert_eq!(silent.tick().fate(), "limit.first_data_time");
    assert_eq!(speaks.tick().fate(), "open");
    assert!(
        !worker.filter.wants_more(&speaks.state),
        "nothing more of it"
    );
    assert_eq!(
        worker.counts(),
        counts([
            ("allowed.reason.default", 2),
            ("closed.limit.first_data_time", 1)
        ])
    );
}

/// Who is decided on without a word need not speak, whatever other rules ask for, unless `first_data` is there.
#[test]
fn silence_of_who_is_decided_on() {
    let mut config = rules(json!([
        {"name": "office", "match": {"source": ["10.0.0.0/8"]}, "action": "allow"},
        {"name": "web", "match": {"protocol": ["http1"]}, "action": "allow"},
    ]));
    let worker = Worker::alone(&config);
    let (mut office, mut other) = (worker.connect("10.0.0.1"), worker.connect("192.0.2.1"));
    assert!(
        !worker.filter.wants_more(&office.state),
        "nothing more of it"
    );
    worker.advance(5.0);
    assert_eq!(
        (office.tick().fate(), other.tick().fate()),
        ("open", "limit.first_data_time")
    );
    config["first_data"] = json!({"within": "5s"});
    let worker = Worker::alone(&config);
    let mut office = worker.connect("10.0.0.1");
    worker.advance(5.0);
    assert_eq!(office.tick().fate(), "limit.first_data_time");
}
