//! connection-guard's real module in the test kit alone: what Envoy does in its own time, or by chance, at the time that the test says.

use gatehouse_differential::built;
use gatehouse_differential::connections::hello;
use gatehouse_integration::repository;
use gatehouse_testkit::{
    Behind, Connection, End, Engine, Envoy, Headers, Module, Reply, SharedData, TcpClient, Tls,
};
use std::time::Duration;

fn module() -> Module {
    let engine = Engine::options().cache(repository().join("target/testkit"));
    let path = repository().join(built("dist/gatehouse_connection_guard.wasm"));
    Module::from_file(&engine.build().unwrap(), path).unwrap()
}

fn guard(configuration: &str, workers: usize, shared: &SharedData) -> Envoy {
    Envoy::builder(&module())
        .configuration(configuration)
        .vm_id("guard")
        .workers(workers)
        .clusters(["lists"])
        .behind(Behind::TcpProxyOnData)
        .shared_data(shared)
        .build()
        .unwrap_or_else(|error| panic!("{error}"))
}

fn alone(configuration: &str) -> Envoy {
    guard(configuration, 1, &SharedData::new())
}

fn counted(envoy: &Envoy, name: &str) -> u64 {
    envoy.metric(&format!("gatehouse.connection_guard.{name}"))
}

fn reason(connection: &Connection<'_>) -> Option<String> {
    let state = connection.filter_state();
    let reason = state.get("gatehouse.denial")?;
    Some(String::from_utf8_lossy(reason).into_owned())
}

fn milliseconds(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// One count for all workers, given back however a connection ends.
#[test]
fn places_are_those_of_all_workers() {
    let envoy = guard(
        r#"{"default": "allow", "limits": {"concurrent": {"total": 3}}}"#,
        4,
        &SharedData::new(),
    );
    type Ending = fn(&mut Connection<'_>);
    let endings: [(&str, Ending); 3] = [
        ("the client resets", |connection| connection.close()),
        ("the upstream is gone", |connection| {
            connection.close_locally();
        }),
        ("both end", |connection| {
            connection.send("bye", true);
            connection.receive("bye", true);
        }),
    ];
    for (name, end) in endings {
        let mut open: Vec<_> = (0..3)
            .map(|number| envoy.worker(number).tcp(&TcpClient::new()))
            .collect();
        assert!(open.iter().all(Connection::is_passed), "{name}");
        let refused = envoy.worker(3).tcp(&TcpClient::new());
        assert_eq!(
            reason(&refused).as_deref(),
            Some("connection_guard.limit.concurrent_total"),
            "{name}"
        );
        open.iter_mut().for_each(end);
        assert!(
            open.iter().all(|connection| connection.end().is_some()),
            "{name}"
        );
    }
    assert_eq!(counted(&envoy, "denied.limit.concurrent_total"), 3);
    assert_eq!(counted(&envoy, "allowed.reason.default"), 9);
    assert_eq!(counted(&envoy, "not_released"), 0);
}

/// A process that is gone gives nothing back: its places expire.
#[test]
fn places_of_an_envoy_that_is_gone() {
    let shared = SharedData::new();
    let configuration =
        r#"{"default": "allow", "limits": {"concurrent": {"total": 1, "expires": "10s"}}}"#;
    let gone = guard(configuration, 1, &shared);
    // Its VM is lost, with a connection in it.
    std::mem::forget(gone.worker(0).tcp(&TcpClient::new()));
    let envoy = guard(configuration, 1, &shared);
    for (passes, expected) in [(0, false), (9_000, false), (12_000, true)] {
        envoy.advance(milliseconds(passes));
        let connection = envoy.worker(0).tcp(&TcpClient::new());
        assert_eq!(connection.is_passed(), expected, "after {passes} ms more");
    }
}

#[test]
fn a_rate_is_that_of_all_workers_by_source() {
    let envoy = guard(
        r#"{"default": "allow", "limits": {"connection_rate": {"rate": "4/1m", "ipv4": 24}}}"#,
        2,
        &SharedData::new(),
    );
    let cases = [
        ("192.0.2.1:1", true),
        ("192.0.2.2:1", true),
        ("192.0.2.3:1", true),
        ("192.0.2.4:1", true),
        ("192.0.2.5:1", false),
        ("192.0.3.1:1", true),
        ("[::ffff:192.0.2.9]:1", false),
        ("[2001:db8::1]:1", true),
    ];
    for (number, (source, allowed)) in cases.into_iter().enumerate() {
        let connection = envoy.worker(number).tcp(&TcpClient::from(source));
        assert_eq!(connection.is_passed(), allowed, "{source}");
    }
    envoy.advance(Duration::from_secs(15));
    assert!(
        envoy
            .worker(0)
            .tcp(&TcpClient::from("192.0.2.6:1"))
            .is_passed()
    );
    assert!(
        !envoy
            .worker(1)
            .tcp(&TcpClient::from("192.0.2.6:1"))
            .is_passed()
    );
}

/// To the tenth of a second that the README promises.
#[test]
fn deadlines() {
    let rules = r#""rules": [{"name": "web", "match": {"protocol": ["http1"]}, "action": "allow"},
        {"name": "redis", "match": {"protocol": ["redis"]}, "action": {"tarpit": {"delay": "3s"}}}], "default": "deny", "first_data": {"within": "2s"}"#;
    let held = format!("{{{rules}}}");
    let open = r#"{"default": "allow", "limits": {"duration": "4s", "idle": "2s"}}"#;
    let cases = [
        (
            "says nothing",
            held.as_str(),
            "",
            2_000,
            2_100,
            "limit.first_data_time",
        ),
        (
            "says too little",
            &held,
            "GE",
            2_000,
            2_100,
            "limit.first_data_time",
        ),
        (
            "is held to be closed",
            &held,
            "PING\r\n",
            3_000,
            3_100,
            "rule.redis",
        ),
        ("passes nothing", open, "x", 2_000, 2_500, "limit.idle"),
    ];
    for (name, configuration, sent, from, to, expected) in cases {
        let envoy = alone(configuration);
        let mut connection = envoy.worker(0).tcp(&TcpClient::new());
        connection.send(sent, false);
        envoy.advance(milliseconds(from - 1));
        assert_eq!(connection.end(), None, "{name}");
        envoy.advance(milliseconds(to - from + 1));
        assert_eq!(connection.end(), Some(End::Local), "{name}");
        let denial = Some(format!("connection_guard.{expected}"));
        assert_eq!(reason(&connection), denial, "{name}");
    }
    // One that is never idle.
    let envoy = alone(open);
    let mut connection = envoy.worker(0).tcp(&TcpClient::new());
    for _ in 0..3 {
        connection.receive("x", false);
        envoy.advance(milliseconds(1_300));
    }
    assert_eq!(connection.end(), None);
    envoy.advance(milliseconds(300));
    assert_eq!(
        reason(&connection).as_deref(),
        Some("connection_guard.limit.duration")
    );
}

const LISTED: &str = r#"{"rules": [{"name": "out", "match": {"source": [{"feed": "list"}]}, "action": "deny"}], "default": "allow",
    "feeds": {"list": {"uri": "http://lists.test/out.txt", "cluster": "lists", "timeout": "1s", "refresh": "1m", "min_refresh": "1s"}}}"#;

fn list(addresses: &str) -> Reply {
    Reply::http(200, Headers::from([("etag", "\"1\"")]), addresses)
}

/// Lets time pass until there is a fetch.
fn until_a_fetch(envoy: &Envoy) {
    for _ in 0..700 {
        if !envoy.callouts().is_empty() {
            return;
        }
        envoy.advance(milliseconds(100));
    }
    panic!("nothing is fetched");
}

/// One fetch for all workers; who comes before it is there waits for it.
#[test]
fn a_list_is_waited_for_and_fetched_once() {
    let envoy = guard(LISTED, 3, &SharedData::new());
    envoy.advance(milliseconds(200));
    let callouts = envoy.callouts();
    assert_eq!(callouts.len(), 1);
    let sent = callouts[0].sent();
    assert_eq!(sent.headers.text(":path").as_deref(), Some("/out.txt"));
    assert_eq!(
        sent.headers.text(":authority").as_deref(),
        Some("lists.test")
    );
    assert_eq!(sent.timeout, Some(Duration::from_secs(1)));
    let source = |number: usize| {
        TcpClient::from(if number == 0 {
            "192.0.2.1:1"
        } else {
            "198.51.100.1:1"
        })
    };
    let waiting: Vec<_> = (0..3)
        .map(|number| envoy.worker(number).tcp(&source(number)))
        .collect();
    for connection in &waiting {
        assert!(!connection.is_passed());
        assert_eq!(connection.end(), None);
    }
    envoy.answer_callouts(|_| Some(list("192.0.2.0/24")));
    envoy.advance(milliseconds(200));
    assert_eq!(
        reason(&waiting[0]).as_deref(),
        Some("connection_guard.rule.out")
    );
    assert!(waiting[1].is_passed() && waiting[2].is_passed());
    // Again ahead of its end, by its tag.
    until_a_fetch(&envoy);
    let again = envoy.callouts();
    assert_eq!(again.len(), 1);
    assert_eq!(
        again[0].sent().headers.text("if-none-match").as_deref(),
        Some("\"1\"")
    );
    envoy.answer_callouts(|_| Some(Reply::http(304, Headers::new(), "")));
    assert!(envoy.worker(2).tcp(&source(0)).end().is_some());
    assert_eq!(counted(&envoy, "feed_fetched.feed.list"), 1);
    assert_eq!(counted(&envoy, "feed_not_modified.feed.list"), 1);
}

/// The last good list stays, whatever comes of the next fetches.
#[test]
fn fetches_that_fail() {
    let answers: [(&str, Option<Reply>); 6] = [
        ("no answer", None),
        (
            "an error",
            Some(Reply::http(500, Headers::new(), "192.0.2.0/24")),
        ),
        ("no list", Some(Reply::http(200, Headers::new(), "<html>"))),
        ("an empty one", Some(Reply::http(200, Headers::new(), ""))),
        ("refused", Some(Reply::refused())),
        ("reset", Some(Reply::reset())),
    ];
    for (name, answer) in answers {
        let envoy = alone(LISTED);
        envoy.advance(milliseconds(200));
        envoy.answer_callouts(|_| Some(list("192.0.2.0/24")));
        until_a_fetch(&envoy);
        if let Some(answer) = answer {
            envoy.answer_callouts(|_| Some(answer.clone()));
        }
        envoy.advance(Duration::from_secs(2));
        assert!(counted(&envoy, "feed_failed.feed.list") >= 1, "{name}");
        let denied = envoy.worker(0).tcp(&TcpClient::from("192.0.2.1:1"));
        assert_eq!(
            reason(&denied).as_deref(),
            Some("connection_guard.rule.out"),
            "{name}"
        );
        assert!(
            envoy
                .worker(0)
                .tcp(&TcpClient::from("198.51.100.1:1"))
                .is_passed(),
            "{name}"
        );
    }
}

/// Where Envoy ends TLS, what it shows of certificates decides, once there is data.
#[test]
fn certificates() {
    let digest = "6f3ad8d95d8b0cbd5d3c6e7a3a9b6b0c5d1e2f30415263748596a7b8c9daebfc";
    let configuration = r#"{"rules": [
        {"name": "uri", "match": {"certificate": {"uri_san": ["spiffe://example.com/*"]}}, "action": "allow"},
        {"name": "dns", "match": {"certificate": {"dns_san": ["*.mesh.example"]}}, "action": "allow"},
        {"name": "digest", "match": {"certificate": {"sha256": ["@digest"]}}, "action": "allow"},
        {"name": "named", "match": {"sni": ["open.example"], "tls_version": {"at_least": "TLSv1.3"}}, "action": "allow", "cluster": "open"}
        ], "default": "deny"}"#
        .replace("@digest", digest);
    let tls = || Tls {
        mutual: true,
        version: "TLSv1.3".to_owned(),
        ..Tls::default()
    };
    let cases = [
        (
            "uri",
            Tls {
                uri_sans: vec!["spiffe://example.com/a".to_owned()],
                ..tls()
            },
            true,
        ),
        (
            "another uri",
            Tls {
                uri_sans: vec!["spiffe://example.org/a".to_owned()],
                ..tls()
            },
            false,
        ),
        (
            "dns",
            Tls {
                dns_sans: vec!["A.mesh.example".to_owned()],
                ..tls()
            },
            true,
        ),
        (
            "only the first name",
            Tls {
                dns_sans: vec!["a.test".to_owned(), "a.mesh.example".to_owned()],
                ..tls()
            },
            false,
        ),
        (
            "digest",
            Tls {
                sha256_digest: digest.to_owned(),
                ..tls()
            },
            true,
        ),
        (
            "no certificate",
            Tls {
                mutual: false,
                ..tls()
            },
            false,
        ),
    ];
    for (name, tls, allowed) in cases {
        let envoy = alone(&configuration);
        let mut connection = envoy.worker(0).tcp(&TcpClient::new().tls(tls));
        assert!(!connection.is_passed(), "{name}: it is held");
        connection.send("GET / HTTP/1.1\r\n", false);
        assert_eq!(
            connection.is_passed(),
            allowed,
            "{name}: {:?}",
            reason(&connection)
        );
    }
    for (version, allowed) in [("TLSv1.2", None), ("TLSv1.3", Some("open"))] {
        let envoy = alone(&configuration);
        let client = TcpClient::new()
            .tls(Tls {
                version: version.to_owned(),
                ..Tls::default()
            })
            .server_name("open.example");
        let mut connection = envoy.worker(0).tcp(&client);
        connection.send("x", false);
        assert_eq!(connection.cluster().as_deref(), allowed, "{version}");
    }
}

/// Whatever the pieces, what is decided is the same, and what was held goes on whole.
#[test]
fn byte_by_byte() {
    let configuration = r#"{"rules": [{"name": "a", "match": {"sni": ["a.test"], "alpn": ["h2"]}, "action": "allow", "cluster": "a"}], "default": "deny"}"#;
    let hello = hello("a.test", "h2");
    for size in [1, 2, 7, hello.len()] {
        let envoy = alone(configuration);
        let mut connection = envoy.worker(0).tcp(&TcpClient::new());
        for piece in hello.chunks(size) {
            assert!(!connection.is_passed());
            connection.send(piece, false);
        }
        assert_eq!(connection.upstream(), hello, "pieces of {size}");
        assert_eq!(connection.cluster().as_deref(), Some("a"));
    }
}

/// What a connection costs in host calls, from its first callback to its last.
#[test]
fn host_calls() {
    let cases = [
        (
            "the default",
            r#"{"default": "deny", "denial_log": "none"}"#,
        ),
        (
            "a source",
            r#"{"rules": [{"name": "a", "match": {"source": ["10.0.0.0/8"]}, "action": "deny"}], "default": "allow"}"#,
        ),
        (
            "a rate",
            r#"{"default": "allow", "limits": {"connection_rate": {"rate": "100/1s"}}}"#,
        ),
        (
            "places",
            r#"{"default": "allow", "limits": {"concurrent": {"per_source": 100}}}"#,
        ),
        (
            "what is spoken",
            r#"{"rules": [{"name": "a", "match": {"protocol": ["ssh"]}, "action": "deny"}], "default": "allow"}"#,
        ),
    ];
    let expected = [
        ("the default", 4),
        ("a source", 2),
        ("a rate", 5),
        ("places", 8),
        ("what is spoken", 7),
    ];
    let mut seen = Vec::new();
    for (name, configuration) in cases {
        let envoy = alone(configuration);
        let mut connection = envoy.worker(0).tcp(&TcpClient::new());
        connection.send("hi", false);
        connection.receive("ho", true);
        connection.send("", true);
        assert!(connection.end().is_some(), "{name}");
        seen.push((name, connection.host_calls()));
    }
    assert_eq!(seen, expected);
}
