//! What would get somebody in who is to stay out.

use super::*;

/// The bytes of a denied client reach nobody, whatever the pieces, and however it goes on.
#[test]
fn not_one_byte_of_who_is_denied() {
    let config = rules(json!([
        {"name": "no", "match": {"sni": ["secret.test"]}, "action": "deny"},
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
        ("two extensions", two_names, "default"),
        ("two names", two_in_one, "default"),
        (
            "with a NUL",
            hello("open.test\0.secret.test", &[]),
            "default",
        ),
        (
            "an alert first",
            [&[21, 3, 1, 0, 2, 1, 0][..], &hello("secret.test", &[])].concat(),
            "default",
        ),
        (
            "an empty record first",
            [&[22, 3, 1, 0, 0][..], &hello("secret.test", &[])].concat(),
            "default",
        ),
        (
            "SSLv2's hello",
            vec![0x80, 0x2e, 1, 3, 1, 0, 0x15, 0, 0, 0, 0x10],
            "default",
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
