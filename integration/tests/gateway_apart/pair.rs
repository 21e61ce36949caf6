//! Two Envoys with the same filters, as modules of their own and fused in one, and what is compared of them: what
//! clients get, the access log (response-code details, denial, consumer, gRPC status), what the filters log, and
//! every metric of Gatehouse.

use gatehouse_integration::{Config, Echo, Envoy, Response, config::yaml, log::plugin_messages};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

/// What each line of the access log begins with.
const MARK: &str = "STREAM ";

/// `/raw/…` goes to an upstream that answers byte by byte, all else to one that says what it received.
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
          upgrade_configs: [{upgrade_type: websocket}]
          access_log:
          - name: envoy.access_loggers.stdout
            typed_config:
              '@type': type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog
              log_format:
                text_format_source:
                  inline_string: "STREAM %REQ(X-CASE)% %PROTOCOL% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %RESPONSE_FLAGS% grpc=%GRPC_STATUS% bytes=%BYTES_SENT% denial=%FILTER_STATE(wasm.gatehouse.denial:PLAIN)% consumer=%FILTER_STATE(wasm.gatehouse.consumer:PLAIN)% route=%ROUTE_NAME%\n"
          route_config:
            virtual_hosts:
            - name: all
              domains: ['*']
              routes:
              - {name: raw, match: {prefix: /raw/}, route: {cluster: raw, prefix_rewrite: /, timeout: 60s}}
              - {name: gold, match: {prefix: /, headers: [{name: x-plan, string_match: {exact: gold}}]}, route: {cluster: echo, timeout: 60s}}
              - {name: rest, match: {prefix: /}, route: {cluster: echo, timeout: 60s}}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router, suppress_envoy_headers: true}
  clusters:
  - name: raw
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        '@type': type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http_protocol_options: {enable_trailers: true}}
    load_assignment:
      cluster_name: raw
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 18081}}}}]}]
  - name: echo
    load_assignment:
      cluster_name: echo
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 18080}}}}]}]
  - name: service
    load_assignment:
      cluster_name: service
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 18082}}}}]}]
  - name: limits
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        '@type': type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
    load_assignment:
      cluster_name: limits
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 18083}}}}]}]
"#;

/// Where the clusters lead.
#[derive(Clone, Copy)]
pub(crate) struct Endpoints {
    pub(crate) raw: Option<SocketAddr>,
    pub(crate) echo: SocketAddr,
    pub(crate) service: Option<SocketAddr>,
    /// One for each Envoy: it counts.
    pub(crate) limits: Option<[SocketAddr; 2]>,
}

impl Endpoints {
    pub(crate) fn of(echo: &Echo) -> Self {
        Self {
            raw: None,
            echo: echo.address(),
            service: None,
            limits: None,
        }
    }
}

/// The connection manager, to change something of it.
pub(crate) fn manager(root: &mut Value) -> &mut Value {
    &mut root["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
}

fn plugin(filter: &str, place: usize, configuration: &Value) -> Value {
    json!({"name": filter, "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {
            "name": filter,
            "root_id": format!("gatehouse_{filter}_{place}"),
            // For bodies. A module `rate_limit` of its own has no callback for those: with a shared store it must not have it.
            "allow_on_headers_stop_iteration": matches!(filter, "auth" | "gateway"),
            "vm_config": {
                "vm_id": format!("{filter}_{place}"),
                "runtime": "envoy.wasm.runtime.v8",
                "code": {"local": {"filename": format!("dist/gatehouse_{filter}.wasm")}},
                "environment_variables": {"host_env_keys": ["DEV_KEY", "HOOK_KEY"]},
            },
            "configuration": {"@type": "type.googleapis.com/google.protobuf.Struct", "value": configuration},
        },
    }})
}

/// The filters as modules of their own, and fused.
pub(crate) struct Pair {
    apart: Envoy,
    fused: Envoy,
}

impl Pair {
    pub(crate) fn start(filters: &str, to: Endpoints, edit: impl Fn(&mut Value)) -> Self {
        let filters = yaml(filters);
        let apart: Vec<_> = filters
            .as_array()
            .expect("a list")
            .iter()
            .flat_map(|filter| filter.as_object().expect("one filter"))
            .enumerate()
            .map(|(place, (name, configuration))| plugin(name, place, configuration))
            .collect();
        let fused = [plugin("gateway", 0, &json!({"filters": filters}))];
        Self {
            apart: start(&apart, to, to.limits.map(|limits| limits[0]), &edit),
            fused: start(&fused, to, to.limits.map(|limits| limits[1]), &edit),
        }
    }

    /// What both do, which is the same.
    pub(crate) fn both<T: PartialEq + Debug>(&self, name: &str, what: impl Fn(&Envoy) -> T) -> T {
        let (apart, fused) = (what(&self.apart), what(&self.fused));
        assert_eq!(apart, fused, "{name}: apart, and fused");
        apart
    }

    /// What each does, where it is not the same.
    pub(crate) fn each<T>(&self, what: impl Fn(&Envoy) -> T) -> (T, T) {
        (what(&self.apart), what(&self.fused))
    }

    /// Compares what both wrote and counted, after so many streams; says what that is.
    pub(crate) fn compare(
        &self,
        name: &str,
        streams: usize,
    ) -> (Vec<String>, BTreeMap<String, u64>) {
        let lines = self.both(name, |envoy| {
            let mut lines = envoy.await_log(MARK, streams);
            lines.sort();
            lines
        });
        self.both(name, |envoy| {
            let mut said = plugin_messages(&envoy.log());
            said.sort();
            said
        });
        (lines, self.both(name, metrics))
    }
}

/// Every metric of Gatehouse. None has another name in the gateway.
fn metrics(envoy: &Envoy) -> BTreeMap<String, u64> {
    let all = envoy.stats().into_iter();
    let ours: BTreeMap<_, _> = all
        .filter_map(|(name, value)| {
            Some((
                name.strip_prefix("wasmcustom.gatehouse.")?.to_owned(),
                value,
            ))
        })
        .collect();
    assert!(!ours.is_empty());
    ours
}

fn start(
    plugins: &[Value],
    to: Endpoints,
    limits: Option<SocketAddr>,
    edit: &impl Fn(&mut Value),
) -> Envoy {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    let config = Config::parse(BOOTSTRAP)
        .endpoint(18080, to.echo)
        .endpoint(18081, to.raw.unwrap_or(nowhere))
        .endpoint(18082, to.service.unwrap_or(nowhere))
        .endpoint(18083, limits.unwrap_or(nowhere))
        .env("DEV_KEY", "dev-key-1")
        .env("HOOK_KEY", "0123456789abcdef0123456789abcdef");
    let config = config.edit(|root| {
        let filters = manager(root)["http_filters"].as_array_mut();
        let filters = filters.expect("filters");
        for plugin in plugins.iter().rev() {
            filters.insert(0, plugin.clone());
        }
        edit(root);
    });
    config.start()
}

/// All of an answer, but for the time of day and for how long a client is to wait.
pub(crate) fn whole(response: &Response) -> String {
    let mut text = format!("{}\n", response.status);
    for (name, value) in &response.headers {
        if name != "date" {
            let value = String::from_utf8_lossy(value);
            writeln!(text, "{name}: {}", untimed(name, &value)).expect("room");
        }
    }
    text.push('\n');
    text.push_str(&response.text());
    text
}

/// Seconds until a limit has room again differ with the time at which each Envoy is asked.
fn untimed(name: &str, value: &str) -> String {
    if name == "retry-after" {
        return "SOON".to_owned();
    }
    // The message of a denial over gRPC says it too.
    if let (Some((before, _)), "grpc-message") = (value.split_once("retry in "), name) {
        return format!("{before}retry SOON");
    }
    let parts = value.split(";t=").enumerate();
    let parts = parts.map(|(place, part)| match place {
        0 => part.to_owned(),
        _ => format!(
            "SOON{}",
            part.trim_start_matches(|digit: char| digit.is_ascii_digit())
        ),
    });
    parts.collect::<Vec<_>>().join(";t=")
}

fn lines_untimed(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("date: "));
    let lines = lines.map(|line| match line.split_once(": ") {
        Some((name, value)) => format!("{name}: {}", untimed(name, value)),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Opens a connection and sends these bytes.
pub(crate) fn open(to: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(to).unwrap();
    let patience = Some(Duration::from_secs(60));
    stream.set_read_timeout(patience).unwrap();
    // Envoy may answer before it has read everything.
    let _ = stream.write_all(request.as_bytes());
    stream
}

/// What comes back until Envoy closes the connection.
pub(crate) fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset after the answer is an end like another.
    let _ = stream.read_to_end(&mut bytes);
    lines_untimed(&String::from_utf8_lossy(&bytes))
}

/// The answer to a request over HTTP/2, with its trailers, as curl writes it down.
pub(crate) fn http2(envoy: &Envoy, path: &str, arguments: &[&str]) -> String {
    let url = format!("{}{path}", envoy.url());
    let output = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--http2-prior-knowledge",
            "--max-time",
            "60",
        ])
        .args(["--user-agent", "test", "--header", "host: gatehouse.test"])
        .args(["--dump-header", "-"])
        .args(arguments)
        .arg(url)
        .output()
        .expect("curl");
    assert!(output.status.success(), "{output:?}");
    lines_untimed(&String::from_utf8_lossy(&output.stdout))
}
