//! The rules of connection-guard on stock Envoy: who a source is, and where connections go.

#![allow(
    clippy::disallowed_methods,
    reason = "native test machinery: clients take their time"
)]

#[path = "connection_guard/guarded.rs"]
mod guarded;
#[path = "connection_guard/hello.rs"]
mod hello;

use gatehouse_integration::TcpServer;
use gatehouse_integration::envoy::reads_too_late;
use guarded::{bootstrap, counter, dials_at_once, listener};
use hello::hello;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What comes back for these bytes, as many as `size`.
fn exchange(to: SocketAddr, bytes: &[u8], size: u64) -> Vec<u8> {
    let mut stream = TcpStream::connect(to).unwrap();
    let patience = Some(Duration::from_secs(60));
    stream.set_read_timeout(patience).unwrap();
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.take(size).read_to_end(&mut answer);
    answer
}

/// Connections go to the cluster of the rule that lets them in, whatever that goes by.
#[test]
fn a_cluster_by_source_port_and_protocol() {
    if reads_too_late("a_cluster_by_source_port_and_protocol") {
        return;
    }
    let servers =
        ["own", "source", "port", "protocol", "sni"].map(|name| (name, TcpServer::greeting(name)));
    let mut listeners: Vec<_> = servers
        .iter()
        .zip(10010..)
        .map(|((name, server), port)| (listener(name, port, "{default: deny}"), server.address()))
        .collect();
    let guarded = |port: u16, configuration: &str| {
        let mut listener = listener("own", port, configuration);
        listener["name"] = json!(format!("guarded-{port}"));
        listener
    };
    let of = |matches: &str, cluster: &str| {
        format!(
            "{{rules: [{{name: to, match: {matches}, action: allow, cluster: {cluster}}}, {{name: rest, action: allow}}], default: deny}}"
        )
    };
    let configurations = [
        of("{source: [127.0.0.0/8]}", "source"),
        of("{source: [192.0.2.0/24]}", "source"),
        of("{destination_port: ['1-65535']}", "port"),
        of("{protocol: [redis]}", "protocol"),
        of("{sni: ['*.test']}", "sni"),
    ];
    let own = servers[0].1.address();
    for (configuration, port) in configurations.iter().zip(10000..) {
        listeners.push((guarded(port, configuration), own));
    }
    // The clusters are those of the first listeners.
    let config = bootstrap(&listeners).edit(|root: &mut Value| {
        let clusters = root.pointer_mut("/static_resources/clusters").unwrap();
        clusters.as_array_mut().unwrap().truncate(servers.len());
    });
    let envoy = config.start();
    let redis = b"PING\r\n".to_vec();
    let cases = [
        ("its source", 10000, &redis, "source"),
        ("another source", 10001, &redis, "own"),
        ("its port", 10002, &redis, "port"),
        ("what it speaks", 10003, &redis, "protocol"),
        ("speaks something else", 10003, &hello("a.test"), "own"),
        ("whom it asks for", 10004, &hello("a.test"), "sni"),
        ("asks for another", 10004, &hello("a.example"), "own"),
    ];
    for (name, port, bytes, expected) in cases {
        let size = expected.len() as u64;
        let greeting = exchange(envoy.address_of(port), bytes, size);
        assert_eq!(String::from_utf8_lossy(&greeting), expected, "{name}");
    }
}

/// Behind a load balancer that says who is behind it; who that is is looked up in a list of ten thousand.
#[test]
fn a_source_by_the_proxy_protocol_in_a_long_list() {
    let upstream = TcpServer::echo();
    let lists = TcpServer::start(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let mut list = String::new();
        for number in 0..5_000_u32 {
            // Every other /24 from 11.0.0.0 on, and as many of IPv6.
            let [_, a, b, _] = (number << 9).to_be_bytes();
            writeln!(list, "11.{a}.{b}.0/24 ; {number}\n2001:db8:{number:x}::/48").unwrap();
        }
        let length = list.len();
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
        let _ = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(list.as_bytes()));
    });
    let rules = "{rules: [{name: listed, match: {source: [{feed: list}]}, action: deny}, {name: inner, match: {source: [192.0.2.0/24]}, action: deny}], \
        default: allow, feeds: {list: {uri: 'http://lists.test/', cluster: lists, timeout: 30s}}}";
    let mut proxied = dials_at_once(listener("guarded", 10000, rules));
    proxied["listener_filters"] = json!([{"name": "proxy", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol"}}]);
    let config = bootstrap(&[(proxied, upstream.address())]).edit(|root: &mut Value| {
        let clusters = root.pointer_mut("/static_resources/clusters").unwrap();
        let mut lists_cluster = clusters[0].clone();
        lists_cluster["name"] = json!("lists");
        lists_cluster["load_assignment"]["cluster_name"] = json!("lists");
        let port = lists_cluster.pointer_mut("/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address/port_value");
        *port.unwrap() = json!(lists.address().port());
        clusters.as_array_mut().unwrap().push(lists_cluster);
    });
    let envoy = config.start();
    let cases = [
        (
            "who the balancer is does not count",
            "TCP4 198.51.100.1 127.0.0.1",
            true,
        ),
        ("in a range", "TCP4 192.0.2.77 127.0.0.1", false),
        ("the first of the list", "TCP4 11.0.0.1 127.0.0.1", false),
        ("between two of it", "TCP4 11.0.1.1 127.0.0.1", true),
        ("its last but one", "TCP4 11.39.14.255 127.0.0.1", false),
        ("after it", "TCP4 11.39.16.0 127.0.0.1", true),
        ("IPv6", "TCP6 2001:db8:1387::1 ::1", false),
        ("after it in IPv6", "TCP6 2001:db8:1388::1 ::1", true),
        ("mapped", "TCP6 ::ffff:11.0.2.9 ::1", false),
    ];
    for (name, addresses, allowed) in cases {
        let bytes = format!("PROXY {addresses} 1234 443\r\nhello");
        let answer = exchange(envoy.address(), bytes.as_bytes(), 5);
        assert_eq!(answer == b"hello", allowed, "{name}");
    }
    let denied = ["denied.rule.listed", "denied.rule.inner"].map(|name| envoy.stat(&counter(name)));
    assert_eq!(denied, [4, 1]);
}
