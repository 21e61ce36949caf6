//! connection-guard between real clients and real servers: each client gets to the servers of its protocol, and no other
//! server hears of it.

#![allow(
    clippy::disallowed_methods,
    reason = "native test machinery: clients and servers take their time"
)]

#[path = "connection_guard/guarded.rs"]
mod guarded;
#[path = "connection_guard/servers.rs"]
mod servers;

use gatehouse_integration::envoy::reads_too_late;
use gatehouse_integration::{Echo, Envoy};
use guarded::{bootstrap, counter, dials_at_once, listener};
use serde_json::json;
use servers::{Said, Server, curl, echo, mariadb, mosquitto_pub, plain, psql, redis_cli, s_client};
use std::net::SocketAddr;

/// Servers, each behind a listener that lets its protocol in and nothing else.
const PROTOCOLS: [&str; 8] = [
    "mqtt",
    "ssh",
    "postgresql",
    "redis",
    "tls",
    "http1",
    "http2",
    "unknown",
];

type Client<'a> = (&'a str, Box<dyn Fn(SocketAddr) -> Said + 'a>);

fn only(protocol: &str) -> String {
    format!(
        "{{rules: [{{name: spoken, match: {{protocol: [{protocol}]}}, action: allow}}], default: deny}}"
    )
}

#[test]
fn each_client_gets_to_the_servers_of_its_protocol() {
    if reads_too_late("each_client_gets_to_the_servers_of_its_protocol") {
        return;
    }
    let (mqtt, ssh, postgresql, redis, tls) = (
        Server::mosquitto(),
        Server::ssh(),
        Server::postgresql(),
        Server::redis(),
        Server::tls(),
    );
    let (http, plain_server) = (Echo::start(), echo());
    let servers = [
        mqtt.address,
        ssh.address,
        postgresql.address,
        redis.address,
        tls.address,
        http.address(),
        http.address(),
        plain_server.address(),
    ];
    let listeners: Vec<_> = PROTOCOLS
        .iter()
        .zip(10000..)
        .zip(servers)
        .map(|((protocol, port), server)| (listener(protocol, port, &only(protocol)), server))
        .collect();
    let envoy = bootstrap(&listeners).workers(2).start();
    // In the order of the protocols.
    let clients: [Client<'_>; 8] = [
        ("mosquitto_pub", Box::new(mosquitto_pub)),
        ("ssh", Box::new(|to| ssh.ssh_client(to))),
        ("psql", Box::new(|to| psql(to, "disable"))),
        ("redis-cli", Box::new(redis_cli)),
        (
            "openssl s_client",
            Box::new(|to| s_client(to, &["-servername", "allowed.test"])),
        ),
        ("curl", Box::new(|to| curl(to, &["--http1.1"]))),
        (
            "curl, HTTP/2",
            Box::new(|to| curl(to, &["--http2-prior-knowledge"])),
        ),
        ("plain TCP", Box::new(plain)),
    ];
    let dialled = |name: &str| envoy.stat(&format!("cluster.{name}.upstream_cx_total"));
    for (place, (client, speak)) in clients.iter().enumerate() {
        for (protocol, port) in PROTOCOLS.iter().zip(10000..) {
            let before = dialled(protocol);
            let Said { is_well, text } = speak(envoy.address_of(port));
            let allowed = PROTOCOLS[place] == *protocol;
            assert_eq!(is_well, allowed, "{client} to {protocol}: {text}");
            let reached = dialled(protocol) - before;
            match allowed {
                true => assert!(reached > 0, "{client} to {protocol}"),
                false => assert_eq!(reached, 0, "{client} to {protocol}: the server hears of it"),
            }
        }
    }
    // Every denial says why.
    for protocol in PROTOCOLS {
        let denied = "denied=connection_guard.default cluster=-";
        let marker = format!("ACCESS {protocol}: ");
        let lines = envoy.await_log(&marker, PROTOCOLS.len());
        let count = lines.iter().filter(|line| line.contains(denied)).count();
        assert!(count >= PROTOCOLS.len() - 1, "{protocol}: {lines:#?}");
    }
    assert_eq!(envoy.stat(&counter("undecided")), 0);
    assert_at_rest(&envoy);
}

#[test]
fn psql_with_tls_is_postgresql_at_first() {
    if reads_too_late("psql_with_tls_is_postgresql_at_first") {
        return;
    }
    let postgresql = Server::postgresql();
    let envoy = bootstrap(&[
        (
            listener("postgresql", 10000, &only("postgresql")),
            postgresql.address,
        ),
        (listener("tls", 10001, &only("tls")), postgresql.address),
    ])
    .start();
    // The server has no TLS, says so, and psql goes on without.
    let Said { is_well, text } = psql(envoy.address_of(10000), "prefer");
    assert!(is_well, "{text}");
    let Said { is_well, text } = psql(envoy.address_of(10001), "prefer");
    assert!(!is_well, "{text}");
    assert_eq!(envoy.stat("cluster.tls.upstream_cx_total"), 0);
}

#[test]
fn what_a_client_hello_says() {
    if reads_too_late("what_a_client_hello_says") {
        return;
    }
    let tls = Server::tls();
    let rules = r#"
        rules:
        - {name: old, match: {tls_version: {at_most: TLSv1.2}}, action: deny}
        - {name: named, match: {sni: [allowed.test, "*.allowed.test"], alpn: [http/1.1]}, action: allow}
        default: deny"#;
    let cluster = r#"
        rules: [{name: routed, match: {sni: [allowed.test]}, action: allow, cluster: tls}]
        default: allow"#;
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    let envoy = bootstrap(&[
        (listener("tls", 10000, rules), tls.address),
        (listener("nowhere", 10001, cluster), nowhere),
    ])
    .start();
    let cases: [(&str, &[&str], bool, &str); 8] = [
        (
            "a name",
            &["-servername", "allowed.test", "-alpn", "h2,http/1.1"],
            true,
            "-",
        ),
        (
            "in other case",
            &["-servername", "ALLOWED.Test", "-alpn", "http/1.1"],
            true,
            "-",
        ),
        (
            "below it",
            &["-servername", "a.b.allowed.test", "-alpn", "http/1.1"],
            true,
            "-",
        ),
        (
            "TLS 1.3 alone",
            &[
                "-tls1_3",
                "-servername",
                "allowed.test",
                "-alpn",
                "http/1.1",
            ],
            true,
            "-",
        ),
        (
            "another name",
            &["-servername", "other.test", "-alpn", "http/1.1"],
            false,
            "default",
        ),
        (
            "no name",
            &["-noservername", "-alpn", "http/1.1"],
            false,
            "default",
        ),
        (
            "another protocol",
            &["-servername", "allowed.test", "-alpn", "h2"],
            false,
            "default",
        ),
        (
            "TLS 1.2",
            &[
                "-tls1_2",
                "-servername",
                "allowed.test",
                "-alpn",
                "http/1.1",
            ],
            false,
            "rule.old",
        ),
    ];
    for ((name, options, allowed, reason), count) in cases.into_iter().zip(1..) {
        let Said { is_well, text } = s_client(envoy.address_of(10000), options);
        assert_eq!(is_well, allowed, "{name}: {text}");
        let lines = envoy.await_log("ACCESS tls: ", count);
        let expected = match reason {
            "-" => "denied=- cluster=tls".to_owned(),
            reason => format!("denied=connection_guard.{reason} cluster=-"),
        };
        assert!(lines[count - 1].contains(&expected), "{name}: {lines:?}");
    }
    // The name chooses the cluster; another name goes where nobody listens.
    let to = envoy.address_of(10001);
    assert!(s_client(to, &["-servername", "allowed.test"]).is_well);
    assert!(!s_client(to, &["-servername", "other.test"]).is_well);
}

#[test]
fn where_envoy_ends_tls() {
    if reads_too_late("where_envoy_ends_tls") {
        return;
    }
    let (tls, http) = (Server::tls(), Echo::start());
    let file = |name: &str| json!({"filename": tls.path(name)});
    let listener = |name: &str, port: u16, rules: &str, inspects: bool| {
        let mut listener = listener(name, port, rules);
        listener["filter_chains"][0]["transport_socket"] = json!({
            "name": "tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                "common_tls_context": {
                    "tls_params": {"tls_maximum_protocol_version": "TLSv1_3"},
                    "tls_certificates": [{"certificate_chain": file("certificate"), "private_key": file("key")}],
                    "validation_context": {"trusted_ca": file("certificate")},
                },
            },
        });
        if inspects {
            listener["listener_filters"] = json!([{"name": "tls_inspector", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"}}]);
        }
        (listener, http.address())
    };
    let named = "{rules: [{name: named, match: {sni: [allowed.test], protocol: [http1]}, action: allow}], default: deny}";
    let client = "{rules: [{name: client, match: {certificate: {uri_san: ['spiffe://example/*']}}, action: allow}], default: deny}";
    let certificate_of = |what: &str, is: &str| {
        format!(
            "{{rules: [{{name: client, match: {{certificate: {{{what}: [{is}]}}}}, action: allow}}], default: deny}}"
        )
    };
    let digest = tls.certificate_digest();
    let newest = "{rules: [{name: newest, match: {tls_version: {at_least: TLSv1.3}}, action: allow}], default: deny}";
    let envoy = bootstrap(&[
        listener("inspects", 10000, named, true),
        listener("blind", 10001, named, false),
        listener("client", 10002, client, false),
        listener("newest", 10003, newest, false),
        listener(
            "dns",
            10004,
            &certificate_of("dns_san", "'allowed.test'"),
            false,
        ),
        listener(
            "other-dns",
            10005,
            &certificate_of("dns_san", "'*.allowed.test'"),
            false,
        ),
        listener(
            "digest",
            10006,
            &certificate_of("sha256", &format!("'{digest}'")),
            false,
        ),
        listener(
            "other-digest",
            10007,
            &certificate_of("sha256", &format!("'{}'", "0".repeat(64))),
            false,
        ),
    ])
    .start();
    let name = ["-servername", "allowed.test"];
    let (certificate, key) = (tls.path("certificate"), tls.path("key"));
    let certified = ["-cert", certificate.as_str(), "-key", key.as_str()];
    let cases: [(&str, u16, &[&str], bool); 14] = [
        ("a name", 10000, &name, true),
        ("another name", 10000, &["-servername", "other.test"], false),
        ("no name", 10000, &["-noservername"], false),
        // Envoy does not say it, though it has ended TLS: it has no tls_inspector.
        ("a name that nobody reads", 10001, &name, false),
        ("a certificate", 10002, &certified, true),
        ("no certificate", 10002, &name, false),
        ("its DNS name", 10004, &certified, true),
        ("no DNS name", 10004, &name, false),
        ("another DNS name", 10005, &certified, false),
        ("its digest", 10006, &certified, true),
        ("no digest", 10006, &name, false),
        ("another digest", 10007, &certified, false),
        ("TLS 1.3", 10003, &["-tls1_3"], true),
        ("TLS 1.2", 10003, &["-tls1_2"], false),
    ];
    for (name, port, options, allowed) in cases {
        let Said { text, .. } = s_client(envoy.address_of(port), options);
        assert_eq!(text.contains("HTTP/1.0 200 OK"), allowed, "{name}: {text}");
    }
}

/// A client of MySQL's protocol waits for its server, and begins TLS only after the greeting.
#[test]
fn a_database_whose_server_speaks_first() {
    let database = Server::mariadb();
    let only = |protocol: &str| {
        format!(
            "{{rules: [{{name: spoken, match: {{protocol: [{protocol}]}}, action: allow}}], default: deny, server_speaks_first: true}}"
        )
    };
    let source = "{rules: [{name: elsewhere, match: {source: [192.0.2.0/24], protocol: [mysql]}, action: allow}], default: deny, server_speaks_first: true}";
    let report = only("tls").replace("default: deny", "default: deny, mode: report");
    let listeners = [
        ("mysql", only("mysql")),
        ("tls", only("tls")),
        ("elsewhere", source.to_owned()),
        ("report", report),
    ];
    let listeners: Vec<_> = listeners
        .iter()
        .zip(10000..)
        .map(|((name, rules), port)| {
            let listener = dials_at_once(listener(name, port, rules));
            (listener, database.address)
        })
        .collect();
    let envoy = bootstrap(&listeners).workers(2).start();
    for (tls, version) in [
        ("--skip-ssl", "Ssl_version\t\n"),
        ("--ssl", "Ssl_version\tTLSv1."),
    ] {
        for (port, allowed) in [(10000, true), (10001, false), (10002, false), (10003, true)] {
            let Said { is_well, text } = mariadb(envoy.address_of(port), tls);
            assert_eq!(is_well, allowed, "{port}, {tls}: {text}");
            assert_eq!(text.contains(version), allowed, "{port}, {tls}: {text}");
            // Not a byte of the greeting: the client tells its version in an error that comes later.
            assert!(
                allowed || text.contains("reading initial communication packet"),
                "{text}"
            );
        }
    }
    for (name, reason) in [
        ("mysql", "-"),
        ("tls", "connection_guard.default"),
        ("elsewhere", "connection_guard.default"),
    ] {
        for line in envoy.await_log(&format!("ACCESS {name}: "), 2) {
            assert!(
                line.contains(&format!("denied={reason} ")),
                "{name}: {line}"
            );
        }
    }
    assert_eq!(envoy.stat(&counter("spoken.protocol.mysql")), 6);
    assert_eq!(envoy.stat(&counter("would_deny.reason.default")), 2);
    assert_at_rest(&envoy);
}

/// What OpenSSL, BoringSSL or Go would read as TLS, and what is no hello of TLS 1.3, does not get past rules that deny.
#[test]
fn what_only_some_servers_read() {
    if reads_too_late("what_only_some_servers_read") {
        return;
    }
    let server = echo();
    let rules = r#"
        rules:
        - {name: secret, match: {sni: [secret.test]}, action: deny}
        - {name: old, match: {tls_version: {at_most: TLSv1.1}}, action: deny}
        - {name: shell, match: {protocol: [ssh, postgresql, redis]}, action: deny}
        default: allow"#;
    let envoy = bootstrap(&[(listener("open", 10000, rules), server.address())]).start();
    let old = [
        &[0x80, 28, 1, 3, 1, 0, 3, 0, 0, 0, 16, 0, 0, 0x2f][..],
        &[7; 16],
    ]
    .concat();
    let cases: [(&str, &[u8], &str); 8] = [
        (
            "a warning first",
            &[21, 3, 1, 0, 2, 1, 0x70, 22, 3, 1],
            "malformed_tls",
        ),
        (
            "another version",
            &[22, 2, 0, 0, 5, 1, 0, 0, 1, 0],
            "malformed_tls",
        ),
        ("SSLv2's form", &old, "rule.old"),
        ("a version of SSH", b"SSH-002.0-x\r\n", "rule.shell"),
        (
            "a long packet",
            b"\0\0\x27\x12\0\x03\0\0user\0x\0",
            "rule.shell",
        ),
        ("RESP later", b"\r\n*1\r\n$4\r\nPING\r\n", "rule.shell"),
        ("a command in quotes", b"P\"ING\"\r\n", "rule.shell"),
        ("nothing known", b"\x02anything\n", "-"),
    ];
    for ((name, bytes, reason), count) in cases.into_iter().zip(1..) {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(envoy.address_of(10000)).unwrap();
        stream
            .set_read_timeout(Some(std::time::Duration::from_secs(20)))
            .unwrap();
        stream.write_all(bytes).unwrap();
        let mut back = vec![0; bytes.len()];
        let is_back = stream.read_exact(&mut back).is_ok();
        assert_eq!(is_back, reason == "-", "{name}");
        drop(stream);
        let lines = envoy.await_log("ACCESS open: ", count);
        let expected = match reason {
            "-" => "denied=- ".to_owned(),
            reason => format!("denied=connection_guard.{reason} "),
        };
        assert!(lines[count - 1].contains(&expected), "{name}: {lines:?}");
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn a_server_that_speaks_first() {
    // The greeting of MySQL, protocol 10.
    let greeting = "J\0\0\0\x0a8.0.36\0\x08\0\0\0abcdefgh\0\x7f\x7f\x21\x02\0\x7f\x7f\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0mysql_native_password\0";
    let greeting: &'static str = Box::leak(
        format!(
            "{}{}",
            char::from(u8::try_from(greeting.len() - 4).unwrap()),
            &greeting[1..]
        )
        .into_boxed_str(),
    );
    let mysql = gatehouse_integration::TcpServer::greeting(greeting);
    let smtp = gatehouse_integration::TcpServer::greeting("220 mail.test ESMTP\r\n");
    let rules = "{rules: [{name: database, match: {protocol: [mysql]}, action: allow}], default: deny, server_speaks_first: true}";
    let held = "{rules: [{name: database, match: {protocol: [tls]}, action: allow}], default: deny, first_data: {within: 1s}}";
    let envoy = bootstrap(&[
        (
            dials_at_once(listener("mysql", 10000, rules)),
            mysql.address(),
        ),
        (
            dials_at_once(listener("smtp", 10001, rules)),
            smtp.address(),
        ),
        (
            dials_at_once(listener("held", 10002, held)),
            mysql.address(),
        ),
    ])
    .start();
    let read = |port| {
        let mut stream = std::net::TcpStream::connect(envoy.address_of(port)).unwrap();
        stream
            .set_read_timeout(Some(std::time::Duration::from_secs(20)))
            .unwrap();
        let mut bytes = vec![0; greeting.len()];
        let read = std::io::Read::read_exact(&mut stream, &mut bytes);
        read.map(|()| bytes)
    };
    assert_eq!(read(10000).unwrap(), greeting.as_bytes());
    assert!(read(10001).is_err(), "SMTP is not MySQL");
    assert_eq!(envoy.stat(&counter("denied.reason.default")), 1);
    // Both wait for each other, until its time is over.
    let accepted = mysql.accepted();
    assert!(read(10002).is_err());
    assert_eq!(mysql.accepted(), accepted, "not dialled");
    let lines = envoy.await_log("ACCESS held: ", 1);
    assert!(
        lines[0].contains("denied=connection_guard.limit.first_data_time"),
        "{lines:?}"
    );
    assert_at_rest(&envoy);
}

/// Nothing failed, and no connection is left.
fn assert_at_rest(envoy: &Envoy) {
    let stats = envoy.stats();
    for failure in [
        "not_released",
        "not_charged",
        "unlimited",
        "denied.reason.host_failed",
        "denied.reason.limit_failed",
    ] {
        assert_eq!(
            stats.get(&counter(failure)).copied().unwrap_or_default(),
            0,
            "{failure}"
        );
    }
}
