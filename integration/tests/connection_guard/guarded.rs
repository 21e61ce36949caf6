//! Listeners with connection-guard.

use gatehouse_integration::config::yaml;
use gatehouse_integration::{Config, repository};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// The name of a counter of the filter.
pub(crate) fn counter(name: &str) -> String {
    format!("wasmcustom.gatehouse.connection_guard.{name}")
}

/// A listener with the filter before `tcp_proxy`, which dials its upstream when it has data.
pub(crate) fn listener(name: &str, port: u16, configuration: &str) -> Value {
    let module = "dist/gatehouse_connection_guard.wasm";
    assert!(
        repository().join(module).exists(),
        "{module} is missing: scripts/build connection-guard makes it"
    );
    let log = "%DOWNSTREAM_REMOTE_ADDRESS% denied=%FILTER_STATE(wasm.gatehouse.denial:PLAIN)% cluster=%UPSTREAM_CLUSTER%";
    let mut listener = yaml(
        r#"
        per_connection_buffer_limit_bytes: 65536
        access_log:
        - name: out
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog
            log_format: {text_format_source: {}}
        filter_chains:
        - filters:
          - name: guard
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm
              config:
                failure_policy: FAIL_RELOAD
                vm_config:
                  runtime: envoy.wasm.runtime.v8
                  code: {local: {filename: dist/gatehouse_connection_guard.wasm}}
                configuration: {"@type": type.googleapis.com/google.protobuf.Struct}
          - name: tcp
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
              upstream_connect_mode: ON_DOWNSTREAM_DATA
              max_early_data_bytes: 65536
        "#,
    );
    listener["name"] = json!(name);
    listener["stat_prefix"] = json!(name);
    listener["address"] = json!({"socket_address": {"address": "127.0.0.1", "port_value": port}});
    listener["access_log"][0]["typed_config"]["log_format"]["text_format_source"]["inline_string"] =
        json!(format!("ACCESS {name}: {log}\n"));
    let chain = &mut listener["filter_chains"][0]["filters"];
    let plugin = &mut chain[0]["typed_config"]["config"];
    plugin["name"] = json!(name);
    plugin["root_id"] = json!(name);
    plugin["vm_config"]["vm_id"] = json!(name);
    plugin["configuration"]["value"] = yaml(configuration);
    chain[1]["typed_config"]["stat_prefix"] = json!(name);
    chain[1]["typed_config"]["cluster"] = json!(name);
    listener
}

/// The same, but its upstream is dialled at once.
pub(crate) fn dials_at_once(mut listener: Value) -> Value {
    let tcp = listener
        .pointer_mut("/filter_chains/0/filters/1/typed_config")
        .and_then(Value::as_object_mut)
        .unwrap();
    tcp.remove("upstream_connect_mode");
    tcp.remove("max_early_data_bytes");
    listener
}

/// A bootstrap of listeners and where each goes.
pub(crate) fn bootstrap(listeners: &[(Value, SocketAddr)]) -> Config {
    let clusters = listeners.iter().map(|(listener, to)| {
        json!({"name": listener["name"], "connect_timeout": "5s",
            "circuit_breakers": {"thresholds": [{"max_connections": 100_000, "max_pending_requests": 100_000}]},
            "load_assignment": {"cluster_name": listener["name"], "endpoints": [{"lb_endpoints": [{"endpoint":
                {"address": {"socket_address": {"address": to.ip().to_string(), "port_value": to.port()}}}}]}]}})
    });
    let root = json!({"static_resources": {
        "listeners": listeners.iter().map(|(listener, _)| listener).collect::<Vec<_>>(),
        "clusters": clusters.collect::<Vec<_>>(),
    }});
    Config::parse(&root.to_string())
}
