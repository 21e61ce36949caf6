//! connection-guard on stock Envoy: who waits for what, and who makes others wait.

#![allow(
    clippy::disallowed_methods,
    reason = "native test machinery: lists and clients take their time"
)]

#[path = "connection_guard/guarded.rs"]
mod guarded;
#[path = "connection_guard/hello.rs"]
mod hello;

use gatehouse_integration::envoy::reads_too_late;
use gatehouse_integration::{Config, Envoy, TcpServer};
use guarded::{bootstrap, counter, dials_at_once, listener};
use hello::hello;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// So many bytes, or as many as come before the end.
fn receive(stream: &mut TcpStream, size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = stream.take(size as u64).read_to_end(&mut bytes);
    bytes
}

/// A server of a list that holds nobody of this machine, which takes its time.
fn list(after: Duration) -> TcpServer {
    TcpServer::start(move |mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        std::thread::sleep(after);
        let list = "198.51.100.0/24\n";
        let length = list.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{list}"
        );
        let _ = stream.write_all(answer.as_bytes());
    })
}

/// A bootstrap with clusters of these names beside those of its listeners.
fn with_clusters(config: Config, clusters: &[(&str, SocketAddr)]) -> Config {
    config.edit(|root: &mut Value| {
        let all = root.pointer_mut("/static_resources/clusters").unwrap();
        for (name, to) in clusters {
            let address = json!({"address": to.ip().to_string(), "port_value": to.port()});
            all.as_array_mut().unwrap().push(json!({"name": name, "connect_timeout": "5s",
                "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"socket_address": address}}}]}]}}));
        }
    })
}

fn await_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn active(envoy: &Envoy, name: &str) -> u64 {
    envoy.stat(&format!("listener.{name}.downstream_cx_active"))
}

/// What comes while the list is on its way is heard when it is there, and the client of it goes on with all it has said.
#[test]
fn what_is_said_while_a_list_is_awaited() {
    if reads_too_late("what_is_said_while_a_list_is_awaited") {
        return;
    }
    let (upstream, lists) = (TcpServer::echo(), list(Duration::from_secs(2)));
    let rules = "{rules: [{name: listed, match: {source: [{feed: list}]}, action: deny}, {name: secret, match: {sni: [secret.test]}, action: deny}], \
        default: allow, feeds: {list: {uri: 'http://lists.test/', cluster: lists, timeout: 30s}}, first_data: {within: 30s}}";
    let config = bootstrap(&[(listener("guarded", 10000, rules), upstream.address())]);
    let envoy = with_clusters(config, &[("lists", lists.address())]).start();
    let (secret, open) = (hello("secret.test"), hello("open.test"));
    let mut clients =
        [&secret, &secret, &open, &open].map(|hello| (connect(envoy.address()), hello));
    for ((stream, hello), at) in clients.iter_mut().zip([secret.len(), 30, open.len(), 30]) {
        stream.write_all(&hello[..at]).unwrap();
    }
    envoy.await_stat(&counter("feed_fetched.feed.list"), 1);
    // A whole hello decides without another byte; what follows it is nothing that TLS 1.3 would stumble over.
    let [mut whole, mut half, mut other, mut others_half] = clients.map(|(stream, _)| stream);
    assert_eq!(receive(&mut other, open.len()), open);
    let _ = whole.write_all(&[20, 3, 3, 0, 1, 1]);
    assert_eq!(receive(&mut whole, 1), b"");
    half.write_all(&secret[30..]).unwrap();
    assert_eq!(receive(&mut half, 1), b"");
    others_half.write_all(&open[30..]).unwrap();
    assert_eq!(receive(&mut others_half, open.len()), open);
    assert_eq!(envoy.stat(&counter("denied.rule.secret")), 2);
    assert_eq!(envoy.stat(&counter("allowed.reason.default")), 2);
    assert_eq!(upstream.accepted(), 2, "nobody else got to it");
}

/// A rule of two lists is decided by both.
#[test]
fn two_lists() {
    if reads_too_late("two_lists") {
        return;
    }
    let upstream = TcpServer::echo();
    let (fast, slow) = (list(Duration::from_secs(1)), list(Duration::from_secs(4)));
    let rules = "{rules: [{name: listed, match: {source: [{feed: fast}, {feed: slow}]}, action: deny}], default: allow, feeds: {\
        fast: {uri: 'http://lists.test/', cluster: fast, timeout: 30s}, slow: {uri: 'http://lists.test/', cluster: slow, timeout: 30s}}}";
    let config = bootstrap(&[(listener("guarded", 10000, rules), upstream.address())]);
    let clusters = [("fast", fast.address()), ("slow", slow.address())];
    let envoy = with_clusters(config, &clusters).start();
    let mut client = connect(envoy.address());
    client.write_all(b"hello").unwrap();
    assert_eq!(receive(&mut client, 5), b"hello");
    assert_eq!(envoy.stat(&counter("feed_fetched.feed.slow")), 1);
    assert_eq!(envoy.stat(&counter("denied.reason.feed_missing")), 0);
}

/// Sends without end, whatever it is asked; the first bytes are an answer in HTTP.
fn flood() -> TcpServer {
    TcpServer::start(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let mut more = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while more.is_ok() {
            more = stream.write_all(&[b'x'; 64 << 10]);
        }
    })
}

/// A client that does not read cannot be told that its connection is over: what is on its way to it would have to be read
/// before. It loses its place all the same.
#[test]
fn who_does_not_read() {
    // Idle for long enough: `tcp_proxy` closes by half of it later, and who is held up that long finds nobody to close.
    let limits = [
        ("idle", "{concurrent: {total: 3}, idle: 8s}"),
        (
            "duration",
            "{concurrent: {total: 3}, idle: 6s, duration: 1s}",
        ),
        (
            "sent_per_connection",
            "{concurrent: {total: 3}, idle: 6s, bytes: {per_connection: {sent: 256KiB}}}",
        ),
    ];
    let upstream = flood();
    let listeners: Vec<_> = limits
        .iter()
        .zip(10000..)
        .map(|((name, limits), port)| {
            let configuration = format!("{{default: allow, limits: {limits}}}");
            (
                dials_at_once(listener(name, port, &configuration)),
                upstream.address(),
            )
        })
        .collect();
    let envoy = bootstrap(&listeners).start();
    let clients: Vec<_> = (10000..10003)
        .flat_map(|port| [port; 3])
        .map(|port| {
            let mut client = connect(envoy.address_of(port));
            client
                .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
                .unwrap();
            client
        })
        .collect();
    for (name, _) in limits {
        envoy.await_stat(&counter(&format!("closed.limit.{name}")), 3);
        await_until(name, || active(&envoy, name) == 0);
    }
    for port in 10000..10003 {
        await_until("the places are free again", || {
            let mut next = connect(envoy.address_of(port));
            let _ = next.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n");
            receive(&mut next, 4) == b"HTTP"
        });
    }
    drop(clients);
}

/// An HTTP connection manager closes who does not read by itself, a second after it was told to.
#[test]
fn who_does_not_read_over_http() {
    let (upstream, secure) = (flood(), TcpServer::echo());
    let limits = "{default: allow, limits: {concurrent: {total: 3}, duration: 2s}}";
    let config = Config::load("envoy/connection-guard.yaml")
        .endpoint(18080, upstream.address())
        .endpoint(18443, secure.address())
        .plugin(limits)
        .edit(|root: &mut Value| {
            let listeners = root.pointer_mut("/static_resources/listeners").unwrap();
            listeners.as_array_mut().unwrap().remove(0);
            listeners[0]["stat_prefix"] = json!("http");
        });
    let envoy = config.start();
    let clients: Vec<_> = (0..3)
        .map(|_| {
            let mut client = connect(envoy.address_of(10001));
            client
                .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
                .unwrap();
            client
        })
        .collect();
    envoy.await_stat("listener.http.downstream_cx_total", 3);
    envoy.await_stat(&counter("closed.limit.duration"), 3);
    await_until("they are gone", || active(&envoy, "http") == 0);
    drop(clients);
}
