//! The gateway does what its filters do as modules of their own, in the same order: one script of streams, one
//! Envoy with the gateway, one with three plugins, and the same answers to the letter.

#![allow(
    clippy::disallowed_methods,
    reason = "native test machinery: it has a clock of its own"
)]

#[path = "host/upstream.rs"]
mod upstream;

use gatehouse_integration::{Config, Envoy, config::yaml};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use upstream::Upstream;

/// A limit on what is in flight before the filter that denies, so that a denial must give the place back; one
/// that reads bodies of responses; and a filter that changes trailers.
const FILTERS: &str = r#"
- rate_limit:
    limits:
    - {name: flight, key: [{header: x-key}], algorithm: concurrency, limit: 1, expires: 1m}
    - {name: spent, key: [{header: x-key}], rate: 9/1h, burst: 9, cost: {response_json: /usage, default: 3}}
    response_headers: none
- auth:
    providers: {keys: {api_key: {from: [{header: x-api-key}], consumers: [{name: dev, key: "${env:DEV_KEY}"}]}}}
    rules: [{require: keys}]
- headers:
    rules:
    - request: [{set: {name: x-user, value: "${consumer.name}"}}]
      request_trailers: [{remove: {name: x-secret}}]
      response: [{set: {name: x-served-by, value: "gatehouse for ${consumer.name}"}}]
      response_trailers: [{remove: {name: x-secret}}, {set: {name: x-seen, value: "yes"}}]
"#;

const BOOTSTRAP: &str = r#"
static_resources:
  listeners:
  - name: http
    address: {socket_address: {address: 127.0.0.1, port_value: 10000}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: http
          generate_request_id: false
          http_protocol_options: {enable_trailers: true}
          route_config:
            virtual_hosts:
            - {name: all, domains: ['*'], routes: [{match: {prefix: /}, route: {cluster: upstream, timeout: 60s}}]}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router, suppress_envoy_headers: true}
  clusters:
  - name: upstream
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        '@type': type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http_protocol_options: {enable_trailers: true}}
    load_assignment:
      cluster_name: upstream
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 18080}}}}]}]
"#;

fn plugin(filter: &str, configuration: &Value) -> Value {
    json!({"name": filter, "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {
            "name": filter,
            "root_id": format!("gatehouse_{filter}"),
            "vm_config": {
                "vm_id": filter,
                "runtime": "envoy.wasm.runtime.v8",
                "code": {"local": {"filename": format!("dist/gatehouse_{filter}.wasm")}},
                "environment_variables": {"host_env_keys": ["DEV_KEY"]},
            },
            "configuration": {"@type": "type.googleapis.com/google.protobuf.Struct", "value": configuration},
        },
    }})
}

fn envoy(plugins: &[Value], upstream: &Upstream) -> Envoy {
    let config = Config::parse(BOOTSTRAP)
        .endpoint(18080, upstream.address())
        .env("DEV_KEY", "dev-key-1");
    let config = config.edit(|root| {
        let manager =
            &mut root["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0];
        let filters = manager["typed_config"]["http_filters"].as_array_mut();
        let filters = filters.expect("filters");
        for plugin in plugins.iter().rev() {
            filters.insert(0, plugin.clone());
        }
    });
    config.start()
}

fn open(to: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(to).unwrap();
    let patience = Some(Duration::from_secs(30));
    stream.set_read_timeout(patience).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// All of the answer but the time of day.
fn answer(to: SocketAddr, request: &str) -> String {
    let mut text = String::new();
    open(to, request).read_to_string(&mut text).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("date: "));
    lines.collect::<Vec<_>>().join("\n")
}

fn get(path: &str, key: &str, credential: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\nx-key: {key}\r\nx-api-key: {credential}\r\n\r\n"
    )
}

/// The script: streams of every kind, one after the other.
fn answers(envoy: &Envoy) -> Vec<String> {
    const KEY: &str = "dev-key-1";
    let to = envoy.address();
    let chunked = format!(
        "POST /echo HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\nx-key: echo\r\nx-api-key: {KEY}\r\n\
         transfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nx-secret: 1\r\nx-checksum: 2\r\n\r\n"
    );
    let mut answers: Vec<_> = [
        get("/", "denied", "wrong"),
        get("/", "denied", "wrong"),
        get("/", "denied", "wrong"),
        get("/", "plain", KEY),
        get("/empty", "plain", KEY),
        get("/trailers", "trailers", KEY),
        chunked,
        get("/reset", "reset", KEY),
        get("/", "reset", KEY),
        // Three by three, until nine are spent.
        get("/", "spent", KEY),
        get("/", "spent", KEY),
        get("/", "spent", KEY),
        get("/", "spent", KEY),
    ]
    .iter()
    .map(|request| answer(to, request))
    .collect();
    // One while another is in flight, and one when that is gone.
    let request = get("/", "busy", KEY);
    let first = open(to, &get("/hang", "busy", KEY));
    std::thread::sleep(Duration::from_millis(300));
    answers.push(answer(to, &request));
    first.shutdown(Shutdown::Both).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let text = answer(to, &request);
        if !text.contains(" 429 ") || Instant::now() > deadline {
            answers.push(text);
            return answers;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn fused_and_apart_are_the_same() {
    let upstream = Upstream::start();
    let filters = yaml(FILTERS);
    let apart: Vec<_> = filters
        .as_array()
        .expect("a list")
        .iter()
        .flat_map(|filter| filter.as_object().expect("one filter"))
        .map(|(name, configuration)| plugin(name, configuration))
        .collect();
    assert_eq!(apart.len(), 3);
    let fused = [plugin("gateway", &json!({"filters": filters}))];
    let apart = answers(&envoy(&apart, &upstream));
    let fused = answers(&envoy(&fused, &upstream));

    let statuses: Vec<_> = apart
        .iter()
        .map(|text| text.split(' ').nth(1).unwrap_or("none"))
        .collect();
    assert_eq!(
        statuses,
        [
            "401", "401", "401", "200", "204", "200", "200", "503", "200", "200", "200", "200",
            "429", "429", "200"
        ]
    );
    for (number, (apart, fused)) in apart.iter().zip(&fused).enumerate() {
        assert_eq!(apart, fused, "{number}");
    }
    let has = |number: usize, what: &str| {
        let text = apart.get(number).expect("an answer");
        assert!(text.contains(what), "{number}: {what}: {text}");
    };
    has(3, "x-served-by: gatehouse for dev");
    has(5, "x-checksum: 2\nx-seen: yes");
    has(6, "\n0\nx-checksum: 2");
    assert!(!apart.iter().any(|text| text.contains("x-secret")));
}
