//! What would get somebody in who is to stay out.

use super::*;

/// The bytes of a denied client reach nobody, whatever the pieces, and however it goes on.
#[test]
fn not_one_byte_of_who_is_denied() {
    let config = rules(json!([
        {"name": "no", "match": {"sni": ["secret.test"]}, "action": "deny"},
        {"name": "old", "match": {"tls_version": {"at_most": "TLSv1"}}, "action": "deny"},
        {"name": "yes", "match": {"protocol": ["tls"]}, "action": "allow"},
    ]));
    let two_records = {
        let message = message(&[(0, sni("secret.test"))]);
        let (one, two) = message.split_at(30);
        [&[22, 3, 1][..], &counted(one), &[22, 3, 3], &counted(two)].concat()
    };
    // The first name is allowed, the second is what a lenient server may go by.
    let two_names = hello_in(&[(0, sni("open.test")), (0, sni("secret.test"))]);
    let two_in_one = hello_in(&[(
        0,
        counted(
            &[
                &[0][..],
                &counted(b"open.test"),
                &[0],
                &counted(b"secret.test"),
            ]
            .concat(),
        ),
    )]);
    let cases = [
        ("whole", hello("secret.test", &[]), "rule.no"),
        ("in another case", hello("SeCrEt.TeSt", &[]), "rule.no"),
        ("with a dot", hello("secret.test.", &[]), "rule.no"),
        ("in two records", two_records, "rule.no"),
        ("two extensions", two_names, "malformed_tls"),
        ("two names", two_in_one, "malformed_tls"),
        (
            "with a NUL",
            hello("open.test\0.secret.test", &[]),
            "malformed_tls",
        ),
        (
            "an alert first",
            [&[21, 3, 1, 0, 2, 1, 0][..], &hello("secret.test", &[])].concat(),
            "malformed_tls",
        ),
        (
            "an empty record first",
            [&[22, 3, 1, 0, 0][..], &hello("secret.test", &[])].concat(),
            "rule.no",
        ),
        (
            "SSLv2's hello, which names none",
            vec![0x80, 13, 1, 3, 1, 0, 3, 0, 0, 0, 1, 0, 0, 4, 7],
            "rule.old",
        ),
    ];
    for (name, bytes, expected) in cases {
        for of in [1, 4, usize::MAX] {
            let worker = Worker::alone(&config);
            let mut client = worker.connect("192.0.2.1");
            for piece in bytes.chunks(of) {
                client.send(piece);
                // A tick, and a callback of the other side, in between.
                client.tick();
                worker.advance(0.0001);
            }
            client.send(b"and more");
            assert_eq!(client.fate(), expected, "{name} by {of}");
            assert!(
                !client.is_let_on && client.passed.is_empty(),
                "{name} by {of}"
            );
        }
    }
}

/// Being asked early, often, or after the end lets nobody on.
#[test]
fn being_asked_at_odd_times() {
    let config = json!({
        "rules": [
            {"name": "pit", "match": {"source": ["198.51.100.0/24"]}, "action": {"tarpit": {"delay": "10s"}}},
            {"name": "yes", "match": {"protocol": ["tls"]}, "action": "allow"},
        ],
        "default": "deny",
    });
    let worker = Worker::alone(&config);
    for source in ["198.51.100.1", "192.0.2.1"] {
        let mut client = worker.connect(source);
        for byte in hello("a.test", &[]).iter().take(20) {
            client.ask();
            client.send(&[*byte]);
            assert_eq!(client.fate(), "held", "{source}");
        }
        assert!(!client.is_let_on);
        // Nobody can speak for an upstream that was never connected.
        assert!(!client.receive(b"220 hello\r\n"), "{source}");
        assert!(client.closed.is_some() && client.passed.is_empty());
        client.end();
    }
    // The tarpit is empty again, though it was left by its side door.
    let mut config = config.clone();
    config["limits"] = json!({"tarpitted": 1});
    let worker = Worker::alone(&config);
    for _ in 0..5 {
        let mut client = worker.connect("198.51.100.1");
        assert_eq!(client.fate(), "held");
        client.receive(b"x");
        client.end();
    }
}

/// A rule about a list must not be passed by while the list is on its way.
#[test]
fn a_list_that_is_missing_when_data_comes() {
    let config = json!({
        "rules": [
            {"name": "bad", "match": {"source": [{"feed": "list"}], "protocol": ["tls"]}, "action": "deny"},
            {"name": "all", "action": "allow"},
        ],
        "default": "deny",
        "feeds": {"list": {"uri": "http://lists.test/", "cluster": "lists"}},
    });
    let worker = Worker::alone(&config);
    let mut client = worker.connect("192.0.2.1");
    assert_eq!(client.fate(), "held");
    client.send(&hello("a.test", &[]));
    assert_eq!(client.fate(), "held", "the list first");
    worker.advance(10.0);
    client.tick();
    // No list came: what the client said is still to be heard.
    client.send(b"");
    assert!(client.passed.is_empty());
    assert_ne!(client.fate(), "open");
}

/// Sources that differ only in bits that do not count share their limits.
#[test]
fn addresses_in_other_clothes() {
    let config = json!({"default": "allow", "limits": {"concurrent": {"per_source": 1}}});
    let worker = Worker::alone(&config);
    let cases = [
        ("mapped", "192.0.2.1", "::ffff:192.0.2.1"),
        ("another port", "192.0.2.2:1", "192.0.2.2:2"),
        ("the same /64", "2001:db8::1", "2001:db8::ffff:0:0:1"),
    ];
    for (name, one, other) in cases {
        let held = worker.connect(one);
        assert_eq!(
            worker.connect(other).fate(),
            "limit.concurrent_per_source",
            "{name}"
        );
        held.end();
    }
}

/// Where the default is to allow, a hello that cannot be read is not let past a rule about what it says.
#[test]
fn a_hello_that_only_others_can_read() {
    let deny = |matches: Value| json!({"rules": [{"name": "no", "match": matches, "action": "deny"}], "default": "allow"});
    let other_first = [&[1, 0, 1, b'x', 0][..], &counted(b"secret.test")].concat();
    let odd = [
        (
            "another type of name first",
            hello_in(&[(0, counted(&other_first))]),
        ),
        ("a name that is none", hello("secret.test:443", &[])),
        (
            "twice",
            hello_in(&[(0, sni("a.test")), (0, sni("secret.test"))]),
        ),
        (
            "an alert in between",
            [&[22, 3, 1, 0, 1, 1][..], &[21, 3, 1, 0, 2, 1, 0]].concat(),
        ),
    ];
    for (name, bytes) in odd {
        for (matches, expected) in [
            (json!({"sni": ["secret.test"]}), "malformed_tls"),
            (json!({"alpn": ["h2"]}), "malformed_tls"),
            (
                json!({"tls_version": {"at_most": "TLSv1.2"}}),
                "malformed_tls",
            ),
            (json!({"protocol": ["unknown"]}), "rule.no"),
        ] {
            let worker = Worker::alone(&deny(matches.clone()));
            let mut client = worker.connect("192.0.2.1");
            assert_eq!(client.send(&bytes).fate(), expected, "{name}: {matches}");
        }
    }
    let worker = Worker::alone(&deny(json!({"sni": ["secret.test"]})));
    let mut half = worker.connect("192.0.2.1");
    let bytes = hello("secret.test", &[]);
    assert_eq!(
        half.send_with_end(&bytes[..40], true).fate(),
        "malformed_tls"
    );
    assert_eq!(worker.counts()["denied.reason.malformed_tls"], 1);
    // An offer of the future is one of TLS 1.2.
    let worker = Worker::alone(&deny(json!({"tls_version": {"at_most": "TLSv1.2"}})));
    let mut future = hello("a.test", &[]);
    future[9..11].copy_from_slice(&[3, 9]);
    assert_eq!(worker.connect("192.0.2.1").send(&future).fate(), "rule.no");
}

/// One byte of the client does not get the greeting out of a server that is to be denied.
#[test]
fn a_greeting_is_not_had_for_a_byte() {
    let config = json!({
        "rules": [{"name": "db", "match": {"protocol": ["mysql"]}, "action": "allow"}],
        "default": "deny", "server_speaks_first": true,
        "limits": {"bytes": {"per_connection": {"received": "10B"}}},
    });
    let worker = Worker::alone(&config);
    let mut client = worker.connect("192.0.2.1");
    client.send(b"G");
    assert!(!client.receive(b"220 mail.test ESMTP\r\n"));
    assert_eq!((client.fate(), &*client.passed), ("default", &b""[..]));
    let mut client = worker.connect("192.0.2.1");
    client.send(b"G");
    assert!(client.receive(b"\x4a\0\0\0\x0a8.0.36\0\x08\0\0\0"));
    client.send(b"123456789");
    assert_eq!(
        (client.fate(), &*client.passed),
        ("open", &b"G123456789"[..])
    );
    assert_eq!(
        client.send(b"x").fate(),
        "limit.received_per_connection",
        "what was held counts"
    );
}

/// What all held connections have sent is bounded together.
#[test]
fn what_fills_memory() {
    let mut config = rules(json!([
        {"name": "web", "match": {"protocol": ["http1"]}, "action": "allow"},
        {"name": "pit", "match": {"protocol": ["ssh"]}, "action": "tarpit"},
    ]));
    config["limits"] = json!({"held_bytes": "2KiB"});
    let worker = Worker::alone(&config);
    let begin = [&b"GET /"[..], &[b'a'; 995]].concat();
    let mut held = [worker.connect("192.0.2.1"), worker.connect("192.0.2.2")];
    for client in &mut held {
        assert_eq!(client.send(&begin).fate(), "held");
    }
    assert_eq!(
        worker.connect("192.0.2.3").send(&begin).fate(),
        "limit.held_bytes"
    );
    let mut pit = worker.connect("192.0.2.4");
    assert_eq!(pit.send(b"SSH-2.0-x\n").fate(), "held");
    assert_eq!(
        pit.send(&[0; 100]).fate(),
        "rule.pit",
        "the tarpit is no way around"
    );
    let [mut goes_on, leaves] = held;
    assert_eq!(goes_on.send(b" HTTP/1.1\r\n").fate(), "open");
    leaves.end();
    for source in ["192.0.2.5", "192.0.2.6"] {
        let mut client = worker.connect(source);
        assert_eq!(client.send(&begin).fate(), "held", "there is room again");
        worker.advance(5.0);
        assert_eq!(client.tick().fate(), "limit.first_data_time");
    }
    assert_eq!(worker.filter.held.get(), 0);
}

/// Who is denied in a tarpit does not fill the memory that is there for those who are heard.
#[test]
fn a_tarpit_is_not_filled() {
    let mut config = rules(json!([
        {"name": "pit", "match": {"source": ["198.51.100.0/24"]}, "action": "tarpit"},
        {"name": "web", "match": {"protocol": ["http1"]}, "action": "allow"},
    ]));
    config["first_data"] = json!({"max_size": "1KiB"});
    config["limits"] = json!({"held_bytes": "64KiB"});
    let worker = Worker::alone(&config);
    let mut says_little = worker.connect("198.51.100.1");
    assert_eq!(says_little.send(&[0; 1024]).fate(), "held");
    for _ in 0..100 {
        let mut floods = worker.connect("198.51.100.1");
        assert_eq!(floods.send(&[0; 1025]).fate(), "rule.pit");
        floods.end();
    }
    let mut heard = worker.connect("192.0.2.1");
    assert_eq!(heard.send(b"GET / HTTP/1.1").fate(), "held");
    assert_eq!(worker.filter.held.get(), 1024 + 14);
}

/// A host that fails lets nobody out of the tarpit.
#[test]
fn a_tarpit_whose_clock_fails() {
    let config = json!({
        "rules": [{"name": "pit", "match": {"source": ["198.51.100.0/24"]}, "action": "tarpit"}],
        "default": "allow", "on_error": "allow", "limits": {"tarpitted": 1},
    });
    let worker = Worker::alone(&config);
    for _ in 0..3 {
        let mut client = worker.connect("198.51.100.1");
        assert_eq!(client.fate(), "held");
        worker.advance(10.0);
        let clock = "proxy_get_current_time_nanoseconds";
        worker.host.fail(clock, gatehouse_host::Status::Code(10));
        client.tick();
        worker.host.heal(clock);
        assert_eq!(client.fate(), "rule.pit");
        client.end();
    }
}

/// What was held counts as held no longer than it is, also where the server decides and nothing more is wanted of a connection.
#[test]
fn what_was_held_when_the_server_spoke() {
    for (greeting, expected) in [
        (&b"220 mail.test ESMTP\r\n"[..], "open"),
        (&b"\x4a\0\0\0\x0a8.0.36\0"[..], "rule.db"),
    ] {
        let config = json!({
            "rules": [{"name": "db", "match": {"protocol": ["mysql"]}, "action": "deny"}],
            "default": "allow", "server_speaks_first": true, "limits": {"held_bytes": "2KiB"},
        });
        let worker = Worker::alone(&config);
        let begin = [&b"GET /"[..], &[b'a'; 1000]].concat();
        for _ in 0..5 {
            let mut client = worker.connect("192.0.2.1");
            assert_eq!(client.send(&begin).fate(), "held");
            client.receive(greeting);
            assert_eq!(client.closed.as_deref().unwrap_or("open"), expected);
            let still = worker.filter.held.get();
            assert_eq!(still, if expected == "open" { begin.len() } else { 0 });
            client.end();
            assert_eq!(worker.filter.held.get(), 0, "{expected}");
        }
    }
    // It goes on with what comes next, or when its time is over.
    let config = json!({
        "rules": [{"name": "db", "match": {"protocol": ["mysql"]}, "action": "deny"}],
        "default": "allow", "server_speaks_first": true,
        "limits": {"bytes": {"per_connection": {"received": "10B"}}},
    });
    for (size, expected) in [(10, "open"), (11, "limit.received_per_connection")] {
        let worker = Worker::alone(&config);
        let mut client = worker.connect("192.0.2.1");
        client.send(&vec![b'G'; size]);
        assert!(client.receive(b"220 mail.test ESMTP\r\n"));
        worker.advance(5.0);
        assert_eq!(client.tick().fate(), expected);
        assert_eq!(worker.filter.held.get(), 0);
    }
}
