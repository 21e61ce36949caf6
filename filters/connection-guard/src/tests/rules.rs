//! Which rule a connection is under.

use super::*;

#[test]
fn by_what_is_known_when_it_comes() {
    let config = rules(json!([
        {"name": "bad", "match": {"source": ["198.51.100.0/24", "2001:db8:bad::/48"]}, "action": "deny"},
        {"name": "office", "match": {"source": ["192.0.2.0/24", "2001:db8::/32"], "destination_port": [443, "8000-8099"]}, "action": "allow"},
        {"name": "other-port", "match": {"source": ["203.0.113.0/24"], "destination_port": [80]}, "action": "allow"},
    ]));
    let cases = [
        ("in the office", "192.0.2.7", "open"),
        ("IPv6 in the office", "2001:db8::1", "open"),
        ("mapped", "::ffff:192.0.2.7", "open"),
        ("bad", "198.51.100.1", "rule.bad"),
        ("bad and mapped", "::ffff:198.51.100.1", "rule.bad"),
        ("the first rule", "2001:db8:bad::1", "rule.bad"),
        ("another port", "203.0.113.1", "default"),
        ("nobody", "10.9.9.9", "default"),
    ];
    let worker = Worker::alone(&config);
    for (name, source, expected) in cases {
        let client = worker.connect(source);
        assert_eq!(client.fate(), expected, "{name}");
        client.end();
    }
    assert_eq!(
        worker.counts(),
        counts([
            ("allowed.rule.office", 3),
            ("denied.rule.bad", 3),
            ("denied.reason.default", 2)
        ])
    );
}

#[test]
fn by_what_the_client_says() {
    let config = rules(json!([
        {"name": "legacy", "match": {"tls_version": {"at_most": "TLSv1.1"}}, "action": "deny"},
        {"name": "web", "match": {"sni": ["example.com", "*.example.com"], "alpn": ["h2", "http/*"]}, "action": "allow"},
        {"name": "ssh", "match": {"source": ["192.0.2.0/24"], "protocol": ["ssh"]}, "action": "allow"},
        {"name": "plain", "match": {"protocol": ["http1", "http2"]}, "action": "allow"},
        {"name": "rest", "match": {"protocol": ["unknown"]}, "action": "deny"},
    ]));
    let old = hello_in(&[
        (0, sni("example.com")),
        (16, protocols(&["h2"])),
        (43, versions(&[0x0302, 0x0301])),
    ]);
    let cases: [(&str, &str, &[u8], &str); 15] = [
        ("exact", "10.0.0.9", &hello("example.com", &["h2"]), "open"),
        (
            "below",
            "10.0.0.9",
            &hello("a.b.Example.COM", &["http/1.1"]),
            "open",
        ),
        (
            "with a dot",
            "10.0.0.9",
            &hello("example.com.", &["h2"]),
            "open",
        ),
        (
            "not below",
            "10.0.0.9",
            &hello("badexample.com", &["h2"]),
            "default",
        ),
        (
            "beneath",
            "10.0.0.9",
            &hello("example.com.evil.test", &["h2"]),
            "default",
        ),
        (
            "one of the protocols",
            "10.0.0.9",
            &hello("example.com", &["spdy", "h2"]),
            "open",
        ),
        (
            "another protocol",
            "10.0.0.9",
            &hello("example.com", &["smtp"]),
            "default",
        ),
        (
            "no protocol",
            "10.0.0.9",
            &hello("example.com", &[]),
            "default",
        ),
        ("no name", "10.0.0.9", &hello("", &["h2"]), "default"),
        ("an old version", "10.0.0.9", &old, "rule.legacy"),
        ("SSH", "192.0.2.1", b"SSH-2.0-x\r\n", "open"),
        (
            "SSH from elsewhere",
            "10.0.0.9",
            b"SSH-2.0-x\r\n",
            "default",
        ),
        ("HTTP/1", "10.0.0.9", b"GET / HTTP/1.1\r\n", "open"),
        (
            "HTTP/2",
            "10.0.0.9",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "open",
        ),
        ("nothing known", "10.0.0.9", b"\xff\xff\xff", "rule.rest"),
    ];
    for (name, source, bytes, expected) in cases {
        for of in [usize::MAX, 1, 3] {
            let worker = Worker::alone(&config);
            let mut client = worker.connect(source);
            assert_eq!(client.fate(), "held", "{name}");
            for piece in bytes.chunks(of) {
                client.send(piece);
            }
            assert_eq!(client.fate(), expected, "{name} in pieces of {of}");
            match expected {
                "open" => assert_eq!(client.passed, bytes, "{name}"),
                _ => assert!(client.passed.is_empty() && !client.is_let_on, "{name}"),
            }
        }
    }
}

/// A rule that may be about a connection stops the search, and one that is not does not.
#[test]
fn what_is_decided_when() {
    let config = rules(json!([
        {"name": "elsewhere", "match": {"source": ["10.0.0.0/8"], "sni": ["a.test"]}, "action": "deny"},
        {"name": "office", "match": {"source": ["192.0.2.0/24"]}, "action": "allow"},
        {"name": "web", "match": {"sni": ["a.test"]}, "action": "allow"},
    ]));
    let worker = Worker::alone(&config);
    assert_eq!(
        worker.connect("192.0.2.1").fate(),
        "open",
        "no data is needed"
    );
    assert_eq!(worker.connect("203.0.113.1").fate(), "held");
    let mut client = worker.connect("10.0.0.1");
    assert_eq!(client.send(&hello("a.test", &[])).fate(), "rule.elsewhere");
}

#[test]
fn where_envoy_ends_tls() {
    let digest = "ab".repeat(32);
    let config = rules(json!([
        {"name": "old", "match": {"tls_version": {"at_most": "TLSv1.2"}}, "action": "deny"},
        {"name": "mesh", "match": {"certificate": {"uri_san": ["spiffe://a.test/ns/*"]}}, "action": "allow"},
        {"name": "host", "match": {"certificate": {"dns_san": ["*.a.test"]}}, "action": "allow"},
        {"name": "key", "match": {"certificate": {"sha256": [digest]}}, "action": "allow"},
        {"name": "web", "match": {"sni": ["a.test"], "protocol": ["http1"]}, "action": "allow"},
    ]));
    let uri = (
        "connection.uri_san_peer_certificate",
        &b"spiffe://a.test/ns/x"[..],
    );
    let dns = ("connection.dns_san_peer_certificate", &b"Db.A.test"[..]);
    let tls = ("connection.tls_version", &b"TLSv1.3"[..]);
    let sni = ("connection.requested_server_name", &b"A.test"[..]);
    let sha = (
        "connection.sha256_peer_certificate_digest",
        digest.as_bytes(),
    );
    let upper = digest.to_ascii_uppercase();
    let sha_upper = (
        "connection.sha256_peer_certificate_digest",
        upper.as_bytes(),
    );
    let http = b"GET / HTTP/1.1\r\n";
    type Attributes<'a> = &'a [(&'static str, &'a [u8])];
    let cases: [(&str, Attributes<'_>, &[u8], &str); 12] = [
        ("a URI", &[tls, uri], http, "open"),
        ("a name", &[tls, dns], http, "open"),
        ("a digest", &[tls, sha], http, "open"),
        ("a digest in upper case", &[tls, sha_upper], http, "open"),
        ("a server and a protocol", &[tls, sni], http, "open"),
        (
            "another protocol inside",
            &[tls, sni],
            b"SSH-2.0-x\r\n",
            "default",
        ),
        ("TLS inside", &[tls], &hello("a.test", &[]), "default"),
        ("no certificate", &[tls], http, "default"),
        (
            "an old version",
            &[("connection.tls_version", b"TLSv1.2"), uri],
            http,
            "rule.old",
        ),
        (
            "a version nobody knows",
            &[("connection.tls_version", b"TLSv9"), uri],
            http,
            "open",
        ),
        (
            "a certificate without TLS is none",
            &[uri, dns, sha],
            http,
            "default",
        ),
        (
            "the inspector's name, where TLS is passed on",
            &[sni],
            http,
            "default",
        ),
    ];
    for (name, attributes, bytes, expected) in cases {
        let worker = Worker::alone(&config);
        let mut client = worker.connect_with("10.0.0.1", attributes);
        assert_eq!(client.send(bytes).fate(), expected, "{name}");
    }
}

#[test]
fn clusters() {
    let config = rules(json!([
        {"name": "office", "match": {"source": ["192.0.2.0/24"]}, "action": "allow", "cluster": "internal"},
        {"name": "web", "match": {"sni": ["a.test"]}, "action": "allow", "cluster": "web"},
        {"name": "db", "match": {"protocol": ["postgresql"]}, "action": "allow"},
    ]));
    let cases: [(&str, &str, &[u8], Option<&str>); 3] = [
        ("by source", "192.0.2.1", b"", Some("internal")),
        ("by name", "10.0.0.1", &hello("a.test", &[]), Some("web")),
        (
            "that of tcp_proxy",
            "10.0.0.1",
            b"\0\0\0\x08\x04\xd2\x16\x2f",
            None,
        ),
    ];
    for (name, source, bytes, expected) in cases {
        let worker = Worker::alone(&config);
        let mut client = worker.connect(source);
        client.send(bytes);
        assert_eq!(client.fate(), "open", "{name}");
        let cluster = worker.host.filter_state("envoy.tcp_proxy.cluster");
        assert_eq!(cluster.as_deref(), expected, "{name}");
    }
}

#[test]
fn tarpit() {
    let config = json!({"rules": [
        {"name": "bad", "match": {"source": ["198.51.100.0/24"]}, "action": {"tarpit": {"delay": "10s"}}},
        {"name": "ssh", "match": {"protocol": ["ssh"]}, "action": {"tarpit": {"delay": "10s"}}},
    ], "default": "allow", "limits": {"tarpitted": 2, "concurrent": {"total": 2}}});
    let worker = Worker::alone(&config);
    let mut held = [worker.connect("198.51.100.1"), worker.connect("10.0.0.1")];
    held[1].send(b"SSH-2.0-x\r\n");
    assert_eq!(held.each_ref().map(Client::fate), ["held", "held"]);
    assert_eq!(
        worker.connect("198.51.100.2").fate(),
        "rule.bad",
        "a third is closed at once"
    );
    // Who is held to be closed takes no place.
    let mut others = [worker.connect("10.0.0.2"), worker.connect("10.0.0.3")];
    for client in &mut others {
        client.send(b"x\n");
    }
    assert_eq!(others.each_ref().map(Client::fate), ["open", "open"]);
    worker.advance(9.9);
    held[0].send(b"more").tick();
    assert_eq!(held[0].fate(), "held");
    worker.advance(0.1);
    assert_eq!(held[0].tick().fate(), "rule.bad");
    assert_eq!(held[1].tick().fate(), "rule.ssh");
    assert_eq!(held[1].passed, b"");
    held.into_iter().for_each(Client::end);
    assert_eq!(
        worker.connect("198.51.100.2").fate(),
        "held",
        "there is room again"
    );
    let gone = worker.connect("198.51.100.3");
    gone.end();
    assert_eq!(
        worker.connect("198.51.100.3").fate(),
        "held",
        "who leaves makes room"
    );
    let counts = worker.counts();
    assert_eq!(counts["tarpitted.rule.bad"], 4);
    assert_eq!(counts["denied.rule.bad"], 5, "each once");
}
