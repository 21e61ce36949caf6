//! The connection-guard filter on stock Envoy: who gets through `envoy/connection-guard.yaml`, and who does not.

#![allow(
    clippy::disallowed_methods,
    reason = "native test machinery: clients take their time"
)]

#[path = "connection_guard/hello.rs"]
mod hello;

use gatehouse_integration::{Config, Echo, Envoy, TcpServer, envoy};
use hello::hello;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const FILE: &str = "envoy/connection-guard.yaml";
const TCP: u16 = 10000;
const HTTP: u16 = 10001;

/// The file with another configuration of the plugin, in front of servers that say what they get.
fn guard(plugin: &str, upstream: &TcpServer, secure: &TcpServer) -> Config {
    let config = Config::load(FILE)
        .endpoint(18080, upstream.address())
        .endpoint(18443, secure.address())
        .workers(4);
    let config = match plugin {
        "" => config,
        plugin => config.plugin(plugin),
    };
    config.edit(as_old_versions_have_it)
}

/// What the README says for Envoy 1.36: `tcp_proxy` cannot wait for data there, so that the upstream is connected first.
fn as_old_versions_have_it(root: &mut Value) {
    if envoy::envoy_version() >= (1, 37) {
        return;
    }
    let filters = "/static_resources/listeners/0/filter_chains/0/filters";
    let filters = root.pointer_mut(filters).unwrap();
    let tcp = filters[1]["typed_config"].as_object_mut().unwrap();
    tcp.remove("upstream_connect_mode");
    tcp.remove("max_early_data_bytes");
    let guard = &mut filters[0]["typed_config"]["config"]["configuration"]["value"];
    guard["server_speaks_first"] = json!(true);
    let rules = guard.get_mut("rules").and_then(Value::as_array_mut);
    for rule in rules.into_iter().flatten() {
        rule.as_object_mut().unwrap().remove("cluster");
    }
}

struct Client(TcpStream);

impl Client {
    fn connect(envoy: &Envoy, port: u16) -> Self {
        let stream = TcpStream::connect(envoy.address_of(port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    fn send(mut self, bytes: &[u8]) -> Self {
        // Envoy may have closed it.
        let _ = self.0.write_all(bytes);
        self
    }

    /// So many bytes, or as many as come before the end.
    fn receive(&mut self, size: usize) -> Vec<u8> {
        let mut bytes = vec![0; size];
        let mut got = 0;
        while got < size {
            match self.0.read(&mut bytes[got..]) {
                Ok(0) | Err(_) => break,
                Ok(more) => got += more,
            }
        }
        bytes.truncate(got);
        bytes
    }

    fn is_closed(&mut self) -> bool {
        self.receive(1).is_empty()
    }
}

fn stat(envoy: &Envoy, name: &str) -> u64 {
    envoy.stat(&format!("wasmcustom.gatehouse.connection_guard.{name}"))
}

#[test]
fn the_file() {
    let (upstream, secure) = (TcpServer::echo(), TcpServer::greeting("secure"));
    let envoy = guard("", &upstream, &secure).start();
    let request = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut client = Client::connect(&envoy, TCP).send(request);
    assert_eq!(
        client.receive(request.len()),
        request,
        "HTTP/1 gets through"
    );

    // One byte at a time.
    let hello = hello("a.test");
    let mut client = hello
        .iter()
        .fold(Client::connect(&envoy, TCP), |client, byte| {
            client.send(&[*byte])
        });
    assert_eq!(
        client.receive(hello.len()),
        hello,
        "TLS gets through, whole"
    );

    if envoy::envoy_version() >= (1, 37) {
        let accepted = upstream.accepted();
        let mut client =
            Client::connect(&envoy, TCP).send(&crate::hello::hello("db.secure.example"));
        assert_eq!(client.receive(6), b"secure", "another cluster");
        assert!(Client::connect(&envoy, TCP).send(b"PING\r\n").is_closed());
        assert_eq!(upstream.accepted(), accepted, "no upstream was connected");
    } else {
        assert!(Client::connect(&envoy, TCP).send(b"PING\r\n").is_closed());
    }
    let begin = Instant::now();
    assert!(
        Client::connect(&envoy, TCP)
            .send(b"SSH-2.0-x\r\n")
            .is_closed()
    );
    assert!(begin.elapsed() >= Duration::from_secs(5), "it is held");
    assert!(Client::connect(&envoy, TCP).is_closed(), "who says nothing");
    for (name, count) in [
        ("denied.reason.default", 1),
        ("denied.rule.ssh", 1),
        ("tarpitted.rule.ssh", 1),
        ("denied.limit.first_data_time", 1),
    ] {
        assert_eq!(stat(&envoy, name), count, "{name}");
    }
    envoy.await_log("denied=connection_guard.rule.ssh", 1);
    envoy.await_log("denied=connection_guard.limit.first_data_time", 1);
}

#[test]
fn in_front_of_http() {
    let echo = Echo::start();
    let secure = TcpServer::echo();
    let config = Config::load(FILE)
        .upstream(&echo)
        .endpoint(18443, secure.address())
        .edit(as_old_versions_have_it);
    let envoy = config.start();
    let request = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let mut client = Client::connect(&envoy, HTTP).send(&request[..3]);
    std::thread::sleep(Duration::from_millis(50));
    client = client.send(&request[3..]);
    assert!(client.receive(12).starts_with(b"HTTP/1.1 200"));
    assert!(
        Client::connect(&envoy, HTTP)
            .send(b"\x16\x03\x01")
            .send(&[0; 20])
            .is_closed()
    );
    assert!(
        Client::connect(&envoy, HTTP)
            .send(b"*1\r\n$4\r\nPING\r\n")
            .is_closed()
    );
    assert_eq!(stat(&envoy, "allowed.rule.web"), 1);
    assert_eq!(stat(&envoy, "denied.reason.default"), 2);
}

/// Exact over four workers, and nothing is left when all are gone.
#[test]
fn places_over_all_workers() {
    let (upstream, secure) = (TcpServer::echo(), TcpServer::echo());
    let plugin = "{default: allow, limits: {concurrent: {per_source: 20, total: 30}}}";
    let envoy = guard(plugin, &upstream, &secure)
        .edit(|root| root["static_resources"]["listeners"][0]["stat_prefix"] = json!("tcp"))
        .start();
    for round in 1..=3 {
        let mut clients: Vec<Client> = (0..60)
            .map(|_| Client::connect(&envoy, TCP).send(b"x"))
            .collect();
        let open = clients
            .iter_mut()
            .filter_map(|client| (client.receive(1) == b"x").then_some(()))
            .count();
        assert_eq!(open, 20, "round {round}");
        drop(clients);
        // All places are given back once Envoy has seen all of them go.
        envoy.await_stat("listener.tcp.downstream_cx_active", 0);
    }
    assert_eq!(stat(&envoy, "not_released"), 0);
    assert_eq!(stat(&envoy, "denied.limit.concurrent_per_source"), 120);
}

#[test]
fn a_server_that_speaks_first() {
    const GREETING: &str = "\u{4a}\0\0\0\u{a}8.0.36\0\u{8}\0\0\0";
    let (mysql, other) = (
        TcpServer::greeting(GREETING),
        TcpServer::greeting("220 ESMTP\r\n"),
    );
    let plugin = "{rules: [{name: db, match: {protocol: [mysql]}, action: allow}], default: deny, server_speaks_first: true}";
    let secure = TcpServer::echo();
    let at_once = |root: &mut Value| {
        let tcp = "/static_resources/listeners/0/filter_chains/0/filters/1/typed_config";
        let tcp = root.pointer_mut(tcp).unwrap().as_object_mut().unwrap();
        tcp.remove("upstream_connect_mode");
        tcp.remove("max_early_data_bytes");
    };
    let envoy = guard(plugin, &mysql, &secure).edit(at_once).start();
    let mut client = Client::connect(&envoy, TCP);
    assert_eq!(client.receive(GREETING.len()), GREETING.as_bytes());
    client = client.send(b"login");
    assert_eq!(client.receive(5), b"login");

    let envoy = guard(plugin, &other, &secure).edit(at_once).start();
    assert!(
        Client::connect(&envoy, TCP).is_closed(),
        "not one byte of it"
    );
    assert_eq!(stat(&envoy, "denied.reason.default"), 1);
}

/// The bytes of a connection and of a source, as Envoy hands them over.
#[test]
fn bytes() {
    let (upstream, secure) = (TcpServer::echo(), TcpServer::echo());
    let plugin = "{default: allow, limits: {bytes: {per_connection: {received: 64KiB}, per_source: {sent: 1MiB/1h}}}}";
    let envoy = guard(plugin, &upstream, &secure).start();
    let mut client = Client::connect(&envoy, TCP).send(&[b'x'; 64 << 10]);
    assert_eq!(client.receive(64 << 10).len(), 64 << 10, "all there may be");
    assert!(client.send(b"x").is_closed());
    for _ in 0..15 {
        let mut client = Client::connect(&envoy, TCP).send(&[b'x'; 60 << 10]);
        client.receive(60 << 10);
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let mut client = Client::connect(&envoy, TCP).send(&[b'x'; 60 << 10]);
        if client.receive(60 << 10).len() < 60 << 10 {
            break;
        }
        assert!(Instant::now() < deadline, "a source has no end");
    }
    let denied = stat(&envoy, "denied.limit.sent_per_source");
    let closed = stat(&envoy, "closed.limit.sent_per_source");
    assert!(denied + closed >= 1, "{denied} {closed}");
    assert_eq!(stat(&envoy, "closed.limit.received_per_connection"), 1);
}

#[test]
fn report_mode_changes_nothing() {
    let (upstream, secure) = (TcpServer::echo(), TcpServer::echo());
    let plugin = "{rules: [{name: ssh, match: {protocol: [ssh]}, action: deny}, {name: web, match: {protocol: [http1]}, action: allow}], default: deny, mode: report}";
    let envoy = guard(plugin, &upstream, &secure).start();
    let mut client = Client::connect(&envoy, TCP).send(b"SSH-2.0-x\r\n");
    assert_eq!(client.receive(11), b"SSH-2.0-x\r\n");
    assert_eq!(stat(&envoy, "would_deny.rule.ssh"), 1);
    assert_eq!(stat(&envoy, "denied.rule.ssh"), 0);
}

/// A list that is fetched over HTTP, by a cluster of Envoy's.
#[test]
fn a_feed() {
    let upstream = TcpServer::echo();
    let lists = TcpServer::start(|mut stream| {
        let mut request = [0; 4096];
        let read = stream.read(&mut request).unwrap_or_default();
        let text = String::from_utf8_lossy(&request[..read]).into_owned();
        let answer = match text.contains("if-none-match: \"1\"") {
            true => "HTTP/1.1 304 Not Modified\r\nconnection: close\r\n\r\n".to_owned(),
            false => {
                let list = "# who is out\n127.0.0.0/8\n";
                let length = list.len();
                format!(
                    "HTTP/1.1 200 OK\r\netag: \"1\"\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{list}"
                )
            }
        };
        let _ = stream.write_all(answer.as_bytes());
    });
    let plugin = "{rules: [{name: out, match: {source: [{feed: list}]}, action: deny}], default: allow, \
        feeds: {list: {uri: 'http://lists.test/out.txt', cluster: secure, timeout: 30s, refresh: 1s, min_refresh: 1s}}}";
    let envoy = guard(plugin, &upstream, &lists).start();
    // Also one that comes before the list is there.
    for _ in 0..8 {
        assert!(Client::connect(&envoy, TCP).send(b"x").is_closed());
    }
    assert_eq!(stat(&envoy, "denied.rule.out"), 8);
    // One for all workers of each of the two listeners' plugins.
    envoy.await_stat(
        "wasmcustom.gatehouse.connection_guard.feed_fetched.feed.list",
        2,
    );
    let deadline = Instant::now() + Duration::from_secs(60);
    while stat(&envoy, "feed_not_modified.feed.list") == 0 {
        assert!(Instant::now() < deadline, "it is not fetched again");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(Client::connect(&envoy, TCP).send(b"x").is_closed());
    assert_eq!(stat(&envoy, "feed_failed.feed.list"), 0);
}

/// A configuration with mistakes does not start, and says all of them.
#[test]
fn a_configuration_that_is_refused() {
    let (upstream, secure) = (TcpServer::echo(), TcpServer::echo());
    let plugin = "{rules: [{name: a, match: {sni: ['*']}, action: allow}]}";
    let Err(refused) = guard(plugin, &upstream, &secure).try_start() else {
        panic!("it starts");
    };
    for problem in [
        r#"rules[0].match.sni[0]: "*" is not a host name (write "example.com", or "*.example.com" for all below it)"#,
        "default: required, but missing",
    ] {
        assert!(refused.log.contains(problem), "{}", refused.log);
    }
}

/// Behind the guard an HTTP connection manager leaves requests in the buffer that it has no time for yet, and Envoy hands them
/// over once more with what comes next: nobody can tell them from new ones, so they count again. One at a time they count once.
#[test]
fn requests_that_wait_for_others_count_again() {
    const REQUESTS: usize = 20;
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    let (echo, secure) = (Echo::start(), TcpServer::echo());
    let plugin = format!(
        "{{default: allow, limits: {{bytes: {{per_connection: {{received: {}B}}}}}}}}",
        REQUEST.len() * REQUESTS
    );
    let envoy = Config::load(FILE)
        .upstream(&echo)
        .endpoint(18443, secure.address())
        .plugin(&plugin)
        .start();
    let answers = |bytes: &[u8]| {
        bytes
            .windows(13)
            .filter(|window| window == b"HTTP/1.1 200 ")
            .count()
    };
    let mut client = Client::connect(&envoy, HTTP);
    for request in 0..REQUESTS {
        client = client.send(REQUEST);
        let mut answer = Vec::new();
        while !is_whole(&answer) {
            let more = client.receive(1);
            assert!(!more.is_empty(), "request {request}");
            answer.extend(more);
        }
        assert_eq!(answers(&answer), 1);
    }
    assert_eq!(stat(&envoy, "closed.limit.received_per_connection"), 0);
    assert!(client.send(REQUEST).is_closed());
    assert_eq!(stat(&envoy, "closed.limit.received_per_connection"), 1);

    let mut client = Client::connect(&envoy, HTTP).send(&REQUEST.repeat(REQUESTS));
    let all = client.receive(1 << 20);
    assert!(answers(&all) < REQUESTS);
    assert_eq!(stat(&envoy, "closed.limit.received_per_connection"), 2);
}

/// Whether an answer is there with all of its body.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let mut lines = head.lines();
    let length = lines.find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    length == Some(body.len())
}
