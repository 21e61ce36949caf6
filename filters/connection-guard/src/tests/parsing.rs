//! First bytes that servers take and that rules must not miss.

use super::*;

fn denied(matches: Value) -> Value {
    json!({"rules": [{"name": "no", "match": matches, "action": "deny"}], "default": "allow"})
}

/// In pieces, so that nothing is decided by a byte that comes later.
fn fate_of(config: &Value, bytes: &[u8], of: usize) -> String {
    let worker = Worker::alone(config);
    let mut client = worker.connect("192.0.2.1");
    for piece in bytes.chunks(of) {
        client.send(piece);
    }
    client.fate().to_owned()
}

/// Where the default is to allow, nobody gets past a rule about TLS by what only some servers read.
#[test]
fn tls_that_only_some_servers_read() {
    let hello = hello("secret.test", &["h2"]);
    let after = |first: &[u8]| [first, &hello].concat();
    let of_version = |major: u8| {
        let mut bytes = hello.clone();
        bytes[1] = major;
        bytes
    };
    let two_versions = {
        let mut bytes = hello_in(&[(43, versions(&[0x0304]))]);
        bytes[9..11].copy_from_slice(&[3, 1]);
        bytes
    };
    let cases = [
        ("TLS 1.3, or 1.0 for old servers", two_versions),
        ("a warning first", after(&[21, 3, 1, 0, 2, 1, 0x70])),
        ("a warning of version 2", after(&[21, 2, 0, 0, 2, 1, 0])),
        ("a change of ciphers", after(&[20, 3, 3, 0, 1, 1])),
        ("a heartbeat", after(&[24, 3, 1, 0, 3, 1, 0, 0])),
        ("a record of version 2", of_version(2)),
        ("a record of version 0", of_version(0)),
        ("a record of version 16", of_version(16)),
    ];
    for (name, bytes) in cases {
        for of in [1, usize::MAX] {
            for matches in [
                json!({"sni": ["secret.test"]}),
                json!({"alpn": ["h2"]}),
                json!({"tls_version": {"at_most": "TLSv1.1"}}),
                json!({"protocol": ["tls"]}),
            ] {
                let fate = fate_of(&denied(matches.clone()), &bytes, of);
                assert_eq!(fate, "malformed_tls", "{name} by {of}: {matches}");
            }
            // Where no rule is about TLS it is nothing that is known.
            let fate = fate_of(&denied(json!({"protocol": ["unknown"]})), &bytes, of);
            assert_eq!(fate, "rule.no", "{name} by {of}");
        }
    }
}

/// The oldest clients offer TLS in SSLv2's form.
#[test]
fn the_oldest_clients() {
    let hello = |major: u8, minor: u8| {
        [
            &[0x80, 28, 1, major, minor, 0, 3, 0, 0, 0, 16][..],
            &[0, 0, 0x2f],
            &[7; 16],
        ]
        .concat()
    };
    let at_most = |version: &str| denied(json!({"tls_version": {"at_most": version}}));
    let cases = [
        ("TLS 1.0", hello(3, 1), "TLSv1.1", "rule.no"),
        ("SSL 3.0", hello(3, 0), "TLSv1", "rule.no"),
        ("TLS 1.2", hello(3, 3), "TLSv1.1", "open"),
        ("SSL 2.0 itself", hello(0, 2), "TLSv1.1", "malformed_tls"),
    ];
    for (name, bytes, version, expected) in cases {
        for of in [1, usize::MAX] {
            assert_eq!(fate_of(&at_most(version), &bytes, of), expected, "{name}");
        }
    }
    // It names no server, and is TLS.
    let named = rules(json!([{"name": "yes", "match": {"sni": ["a.test"]}, "action": "allow"}]));
    assert_eq!(fate_of(&named, &hello(3, 1), 1), "default");
    let tls = rules(json!([{"name": "yes", "match": {"protocol": ["tls"]}, "action": "allow"}]));
    assert_eq!(fate_of(&tls, &hello(3, 1), 1), "open");
}

/// A name that is none is one for nobody to have a rule about, whoever has read it.
#[test]
fn a_server_name_that_is_none() {
    let tls = ("connection.tls_version", &b"TLSv1.3"[..]);
    let request = b"GET / HTTP/1.1\r\n";
    let cases: [(&str, &[u8], &str); 6] = [
        ("a name", b"secret.test", "rule.no"),
        ("another", b"open.test", "open"),
        ("not UTF-8", b"\xff.secret.test", "malformed_tls"),
        ("not UTF-8 at its end", b"secret.test\xff", "malformed_tls"),
        ("with a NUL", b"secret.test\0", "malformed_tls"),
        ("with a port", b"secret.test:443", "malformed_tls"),
    ];
    for (name, value, expected) in cases {
        let sni = ("connection.requested_server_name", value);
        let config = denied(json!({"sni": ["secret.test", "*.secret.test"]}));
        let worker = Worker::alone(&config);
        let mut client = worker.connect_with("192.0.2.1", &[tls, sni]);
        assert_eq!(client.send(request).fate(), expected, "{name}");
        // Where no rule asks for it, nobody reads it.
        let worker = Worker::alone(&denied(json!({"tls_version": {"at_most": "TLSv1.2"}})));
        let mut client = worker.connect_with("192.0.2.1", &[tls, sni]);
        assert_eq!(client.send(request).fate(), "open", "{name}");
    }
}

/// What two protocols take is both to who keeps one of them out, and neither to who lets one in.
#[test]
fn what_two_protocols_take() {
    let cases: [(&str, &[u8], [&str; 2]); 3] = [
        (
            "a version of SSH that is a request",
            b"SSH-2.0-x / HTTP/1.1\r\n",
            ["ssh", "http1"],
        ),
        (
            "a command that is one",
            b"EVAL 1 0 HTTP/1.1\r\n",
            ["http1", "redis"],
        ),
        ("HTTP/0.9", b"GET /\r\n", ["http1", "redis"]),
    ];
    for (name, bytes, [one, other]) in cases {
        for action in ["deny", "allow", "tarpit"] {
            let config = |protocols: Value| {
                json!({
                    "rules": [{"name": "it", "match": {"protocol": protocols}, "action": action}],
                    "default": if action == "allow" { "deny" } else { "allow" },
                })
            };
            let [alone, both] = match action {
                "deny" => ["rule.it"; 2],
                "tarpit" => ["held"; 2],
                _ => ["default", "open"],
            };
            for protocols in [json!([one]), json!([other])] {
                assert_eq!(
                    fate_of(&config(protocols), bytes, 1),
                    alone,
                    "{name}: {action}"
                );
            }
            let fate = fate_of(&config(json!([other, one])), bytes, 1);
            assert_eq!(fate, both, "{name}: {action}");
        }
        let worker = Worker::alone(&denied(json!({"protocol": ["unknown"]})));
        assert_eq!(
            worker.connect("192.0.2.1").send(bytes).fate(),
            "open",
            "{name}"
        );
        for protocol in [one, other] {
            let counter = format!("spoken.protocol.{protocol}");
            assert_eq!(worker.counts().get(&counter), Some(&1), "{name}: {counter}");
        }
    }
}
