//! How Envoy treats connections where network filters rely on it. The module `integration/network-probe-module` does what its
//! configuration says and logs what it is told.

#![allow(
    clippy::disallowed_methods,
    reason = "native test machinery: clients and upstreams take their time"
)]

use gatehouse_integration::config::yaml;
use gatehouse_integration::envoy::envoy_version;
use gatehouse_integration::{Config, Envoy, TcpServer, Update, repository};
use serde_json::{Value, json};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where nobody ever listens.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

const LOG: &str = "\
    ACCESS WHERE NAME: details=%CONNECTION_TERMINATION_DETAILS% flags=%RESPONSE_FLAGS% \
    denial=%FILTER_STATE(wasm.gatehouse.denial:PLAIN)% probe=%FILTER_STATE(wasm.gatehouse.probe:PLAIN)% \
    close=%DOWNSTREAM_LOCAL_CLOSE_REASON% cluster=%UPSTREAM_CLUSTER% received=%BYTES_RECEIVED% sent=%BYTES_SENT%\n";

const CLOSE: &str = " close=%DOWNSTREAM_LOCAL_CLOSE_REASON%";

/// Envoy 1.36 does not log who closed, and has no `upstream_connect_mode`.
fn is_older() -> bool {
    envoy_version() < (1, 37)
}

/// An access log of a listener, or of the filter behind the probe.
fn access_log(of: &str, name: &str) -> Value {
    let mut format = LOG.replace("WHERE", of).replace("NAME", name);
    if is_older() {
        format = format.replace(CLOSE, "");
    }
    yaml(&format!(
        r#"
        - name: out
          typed_config:
            '@type': type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog
            log_format: {{text_format_source: {{inline_string: {}}}}}
        "#,
        json!(format)
    ))
}

fn probe(name: &str, words: &str) -> Value {
    let module = repository().join("dist/test/network_probe.wasm");
    assert!(
        module.exists(),
        "{} is missing: scripts/test build makes it",
        module.display()
    );
    json!({
        "name": "probe",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm",
            "config": {
                "name": "probe",
                "root_id": name,
                "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": format!("name={name} {words}")},
                "vm_config": {
                    "runtime": "envoy.wasm.runtime.v8",
                    "vm_id": "probe",
                    "code": {"local": {"filename": "dist/test/network_probe.wasm"}},
                },
            },
        },
    })
}

fn tcp_proxy(name: &str) -> Value {
    json!({
        "name": "tcp",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
            "stat_prefix": name,
            "cluster": "echo",
            "access_log": access_log("tcp", name),
        },
    })
}

/// A listener with the probe before `tcp_proxy`.
fn listener(port: u16, name: &str, words: &str) -> Value {
    json!({
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "access_log": access_log("listener", name),
        "filter_chains": [{"filters": [probe(name, words), tcp_proxy(name)]}],
    })
}

/// The same, but `tcp_proxy` reads before it dials its upstream.
fn reads_first(mut listener: Value) -> Value {
    if is_older() {
        return listener;
    }
    let tcp = &mut listener["filter_chains"][0]["filters"][1]["typed_config"];
    tcp["upstream_connect_mode"] = json!("ON_DOWNSTREAM_DATA");
    tcp["max_early_data_bytes"] = json!(65536);
    listener
}

/// A listener with the probe before an HTTP connection manager, which answers by itself.
fn http_listener(port: u16, name: &str, words: &str) -> Value {
    let mut listener = listener(port, name, words);
    listener["filter_chains"][0]["filters"][1] = json!({
        "name": "http",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": name,
            "access_log": access_log("http", name),
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{
                "match": {"prefix": "/"},
                "direct_response": {"status": 200},
                "response_headers_to_add": [{"header": {"key": "x-probe", "value": "%FILTER_STATE(wasm.gatehouse.probe:PLAIN)%"}}],
            }]}]},
            "http_filters": [{
                "name": "router",
                "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
            }],
        },
    });
    listener
}

fn bootstrap(listeners: &[Value]) -> Config {
    let cluster = |name: &str, port: u16| {
        json!({"name": name, "connect_timeout": "1s", "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}]}]}})
    };
    let root = json!({"static_resources": {
        "listeners": listeners,
        "clusters": [cluster("echo", 18080), cluster("greeting", 18081), cluster("refused", 18082)],
    }});
    Config::parse(&root.to_string())
}

/// Envoy, and what is behind it.
struct Stage {
    envoy: Envoy,
    echo: TcpServer,
    _greeting: TcpServer,
}

impl Stage {
    fn new(listeners: &[Value]) -> Self {
        Self::with(listeners, Config::start)
    }

    fn with(listeners: &[Value], start: impl FnOnce(&Config) -> Envoy) -> Self {
        let (echo, greeting) = (TcpServer::echo(), TcpServer::greeting("hello\n"));
        let config = bootstrap(listeners)
            .endpoint(18080, echo.address())
            .endpoint(18081, greeting.address())
            .endpoint(18082, NOWHERE);
        Self {
            envoy: start(&config),
            echo,
            _greeting: greeting,
        }
    }

    fn connect(&self, port: u16) -> Client {
        Client::connect(self.envoy.address_of(port))
    }

    /// What the probe logged, its ticks left out, once there is this line, or, without one, so far.
    fn told(&self, name: &str, until: &str) -> Vec<String> {
        if !until.is_empty() {
            self.envoy.await_log(&format!("probe {name}: {until}"), 1);
        }
        let marker = format!("probe {name}: ");
        let log = self.envoy.log();
        let lines = log
            .lines()
            .filter_map(|line| Some(line.split_once(&marker)?.1));
        lines
            .filter(|line| !line.starts_with("tick"))
            .map(str::to_owned)
            .collect()
    }

    /// The line of an access log.
    fn logged(&self, of: &str, name: &str) -> String {
        let marker = format!("ACCESS {of} {name}: ");
        let line = self.envoy.await_log(&marker, 1).remove(0);
        line.split_once(&marker).unwrap().1.to_owned()
    }
}

/// A client that speaks plain TCP.
struct Client(TcpStream);

/// How a connection ended for its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Closed,
    Reset,
}

impl Client {
    fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }

    /// So many bytes.
    fn receive(&mut self, size: usize) -> String {
        let mut bytes = vec![0; size];
        self.0.read_exact(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// All that comes, and how it ends.
    fn end(&mut self) -> (String, End) {
        let mut bytes = Vec::new();
        let end = match self.0.read_to_end(&mut bytes) {
            Ok(_) => End::Closed,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => End::Reset,
            Err(error) => panic!("{error}"),
        };
        (String::from_utf8(bytes).unwrap(), end)
    }

    /// What comes up to so many bytes, or until it ends.
    fn end_after(&mut self, most: usize) -> (String, bool) {
        let mut bytes = Vec::new();
        let ended = (&self.0).take(most as u64).read_to_end(&mut bytes).is_err();
        (String::from_utf8(bytes).unwrap(), ended)
    }

    /// Whether nothing comes for a while.
    fn hears_nothing(&mut self, milliseconds: u64) -> bool {
        let patience = Duration::from_millis(milliseconds);
        self.0.set_read_timeout(Some(patience)).unwrap();
        let read = self.0.read(&mut [0; 1]);
        self.0.set_read_timeout(Some(PATIENCE)).unwrap();
        read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// Waits until something is there, and leaves it unread.
    fn leaves_unread(&self) {
        assert!(self.0.peek(&mut [0]).unwrap() > 0);
    }

    fn half_close(&self) {
        self.0.shutdown(Shutdown::Write).unwrap();
    }
}

#[test]
fn what_comes_while_a_new_connection_waits() {
    // The first one waits until that is over, and for long enough to see it wait. What the others get ends it.
    let stage = Stage::new(&[
        listener(10000, "dials", "new=wait:3000"),
        reads_first(listener(10001, "reads", "new=wait:60000")),
        http_listener(10002, "http", "new=wait:60000"),
    ]);
    let request = "GET / HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n";
    for (port, name, sent) in [
        (10000, "dials", "hi"),
        (10001, "reads", "hi"),
        (10002, "http", request),
    ] {
        let mut client = stage.connect(port);
        client.send(sent);
        if name == "reads" && is_older() {
            continue;
        }
        if name == "dials" {
            assert!(client.hears_nothing(150));
            assert_eq!(stage.echo.accepted(), 0, "nothing is dialled");
        }
        let received = client.receive(2);
        let data = format!("data {} with", sent.len());
        let told = stage.told(name, &data);
        let position = |line: &str| told.iter().position(|told| told.starts_with(line));
        match name {
            // It stops reading until its upstream is there, which it dials when the wait is over.
            "dials" => assert!(
                position("due").unwrap() < position("data").unwrap(),
                "{told:?}"
            ),
            // Data is handed over, and ends the wait.
            _ => assert_eq!(
                (position("due"), position("data")),
                (None, Some(1)),
                "{told:?}"
            ),
        }
        assert_eq!(received, if name == "http" { "HT" } else { "hi" });
    }
}

#[test]
fn what_is_held_goes_on_whole() {
    let stage = Stage::new(&[
        listener(10000, "dials", "data=until:please"),
        reads_first(listener(10001, "reads", "new=wait:60000 data=until:please")),
    ]);
    for (port, name) in [(10000, "dials"), (10001, "reads")] {
        if name == "reads" && is_older() {
            continue;
        }
        let mut client = stage.connect(port);
        for part in ["p", "l", "e", "a"] {
            client.send(part);
            stage.told(
                name,
                &format!("data {} with 1 fresh", "plea".find(part).unwrap() + 1),
            );
        }
        assert!(client.hears_nothing(50), "{name}");
        client.send("se, and more");
        assert_eq!(client.receive(16), "please, and more", "{name}");
        client.send("please");
        assert_eq!(client.receive(6), "please", "{name}");
        drop(client);
        assert_eq!(
            stage.told(name, "ended"),
            [
                "new",
                "data 1 with 1 fresh, …p",
                "data 2 with 1 fresh, …pl",
                "data 3 with 1 fresh, …ple",
                "data 4 with 1 fresh, …plea",
                "data 16 with 12 fresh, …, and more",
                "upstream 16 with 16 fresh, …, and more",
                "data 6 with 6 fresh, …please",
                "upstream 6 with 6 fresh, …please",
                "data 0 with 0 fresh, …, the last",
                "upstream 0 with 0 fresh, …, the last",
                "upstream closed",
                "closed by Local",
                "ended, clock true",
            ],
            "{name}"
        );
    }
    assert_eq!(stage.echo.accepted(), if is_older() { 1 } else { 2 });
}

#[test]
fn no_more_is_held_than_the_buffer_limit_and_a_bit() {
    const ALL: usize = 1_000_000;
    let mut small = listener(10000, "small", "data=wait:200");
    small["per_connection_buffer_limit_bytes"] = json!(32768);
    let stage = Stage::new(&[small]);
    let mut client = stage.connect(10000);
    let mut other = client.0.try_clone().unwrap();
    // More than all sockets on the way take: it is not all sent before the wait is over.
    let writer = std::thread::spawn(move || other.write_all(&vec![b'x'; ALL]));
    let received = client.receive(ALL);
    assert!(received.bytes().all(|byte| byte == b'x'));
    writer.join().unwrap().unwrap();
    let told = stage.told("small", "");
    let most = told
        .iter()
        .filter_map(|line| line.strip_prefix("data ")?.split(' ').next()?.parse().ok());
    let most: usize = most.max().unwrap();
    assert!((32768..=2 * 32768).contains(&most), "{most}");
}

#[test]
fn closing() {
    let cases = [
        // Name, words, whether data is sent before it is closed, and how the client sees it end.
        ("new", "new=close", false, End::Closed),
        // Envoy has not read it.
        ("unread", "new=wait:3000 due=close", true, End::Reset),
        ("data", "data=close", true, End::Closed),
        ("upstream", "upstream=close", true, End::Closed),
        ("held", "data=wait:100 due=close", true, End::Closed),
        ("tick", "new=deadline:100 due=close", false, End::Closed),
    ];
    let listeners: Vec<_> = cases
        .iter()
        .zip(10000..)
        .map(|((name, words, ..), port)| listener(port, name, words))
        .collect();
    let stage = Stage::new(&listeners);
    for ((name, words, sends, end), port) in cases.iter().zip(10000..) {
        let mut client = stage.connect(port);
        if *sends {
            client.send("hi");
        }
        assert_eq!(client.end(), (String::new(), *end), "{name}");
        let told = stage.told(name, "ended");
        assert_eq!(
            told[told.len() - 2..],
            ["closed by Local", "ended, clock true"],
            "{name}"
        );
        let reason = words
            .split(' ')
            .find_map(|word| word.strip_suffix("=close"))
            .unwrap();
        // Both logs, also of a tcp_proxy that was never told of the connection.
        for of in ["listener", "tcp"] {
            let line = stage.logged(of, name);
            let expected = format!("details=- flags=- denial=probe.{reason} probe=- ");
            assert!(line.starts_with(&expected), "{name}: {line}");
            let closed = line.contains(" close=wasm_downstream_close ");
            assert!(closed || is_older(), "{name}: {line}");
        }
    }
}

#[test]
fn a_connection_ends_once_however_it_ends() {
    let listeners: Vec<_> = [
        "half", "reset", "gone", "idle", "refused", "unknown", "held", "left",
    ]
    .into_iter()
    .zip(10000..)
    .map(|(name, port)| {
        let words = match name {
            "refused" => "cluster=refused",
            "unknown" => "cluster=nowhere",
            "held" => "data=wait:60000 cluster=greeting",
            "left" => "data=wait:4000",
            _ => "",
        };
        let mut listener = listener(port, name, words);
        if name == "idle" {
            listener["filter_chains"][0]["filters"][1]["typed_config"]["idle_timeout"] =
                json!("0.3s");
        }
        listener
    })
    .collect();
    let stage = Stage::new(&listeners);
    // Who ended it, and whether the upstream is said to have.
    let cases = [
        ("half", "Local", true),
        ("reset", "Remote", false),
        ("gone", "Local", true),
        ("idle", "Local", false),
        ("refused", "Local", false),
        ("unknown", "Local", false),
        ("held", "Remote", false),
        ("left", "Local", true),
    ];
    for ((name, by, upstream), port) in cases.into_iter().zip(10000..) {
        let mut client = stage.connect(port);
        match name {
            "half" => {
                client.send("hi");
                client.half_close();
                assert_eq!(client.end(), ("hi".to_owned(), End::Closed));
            }
            "gone" => {
                client.send("hi");
                assert_eq!(client.receive(2), "hi");
                drop(client);
            }
            "reset" => {
                client.send("hi");
                assert_eq!(client.receive(2), "hi");
                client.send("more");
                stage.told(name, "upstream 4");
                // What is left unread makes the kernel send a reset.
                client.leaves_unread();
                drop(client);
            }
            "held" => {
                stage.told(name, "upstream 6");
                client.leaves_unread();
                client.send("hi");
                stage.told(name, "data 2");
                drop(client);
            }
            // That it sends no more is all that is seen of a client that goes: it is held on.
            "left" => {
                client.send("hi");
                stage.told(name, "data 2");
                drop(client);
                stage.told(name, "data 2 with 0 fresh, …hi, the last");
                stage.told(name, "due");
            }
            _ => assert_eq!(client.end().0, "", "{name}"),
        }
        let told = stage.told(name, "ended");
        let tail = [format!("closed by {by}"), "ended, clock true".to_owned()];
        assert_eq!(told[told.len() - 2..], tail, "{name}: {told:?}");
        let ended = told.iter().filter(|line| line.starts_with("ended"));
        assert_eq!(ended.count(), 1, "{name}");
        assert_eq!(
            told.contains(&"upstream closed".to_owned()),
            upstream,
            "{name}: {told:?}"
        );
    }
}

#[test]
fn what_is_left_for_others() {
    let stage = Stage::new(&[
        listener(10000, "new", "state=gold cluster=greeting"),
        listener(
            10001,
            "later",
            "data=until:please when=data state=gold cluster=greeting",
        ),
        reads_first(listener(
            10002,
            "first",
            "new=wait:60000 data=until:please state=gold cluster=greeting",
        )),
        http_listener(10003, "http", "state=gold"),
        listener(10004, "unknown", "envoy=envoy.no_such_state"),
        listener(10005, "twice", "cluster=greeting cluster=echo"),
    ]);
    // On a new connection, before it is let on.
    assert_eq!(stage.connect(10000).receive(6), "hello\n");
    let line = stage.logged("tcp", "new");
    assert!(
        line.contains("probe=gold") && line.contains("cluster=greeting"),
        "{line}"
    );
    // By then tcp_proxy has chosen.
    let mut client = stage.connect(10001);
    client.send("please");
    assert_eq!(client.receive(6), "please");
    drop(client);
    let line = stage.logged("listener", "later");
    assert!(
        line.contains("probe=gold") && line.contains("cluster=echo"),
        "{line}"
    );
    // It chooses when it is told of the connection.
    if !is_older() {
        let mut client = stage.connect(10002);
        client.send("please");
        assert_eq!(client.receive(12), "hello\nplease");
        drop(client);
        let line = stage.logged("tcp", "first");
        assert!(
            line.contains("probe=gold") && line.contains("cluster=greeting"),
            "{line}"
        );
    }
    // Requests have the state of their connection.
    let response =
        gatehouse_integration::Request::new(stage.envoy.address_of(10003), "GET", "/").send();
    assert_eq!(response.header("x-probe"), ["gold"]);
    assert!(stage.logged("http", "http").contains("probe=gold"));
    drop(stage.connect(10004));
    let told = stage.told("unknown", "envoy: ");
    assert_eq!(
        told[1],
        "envoy: proxy_call_foreign_function answered status 1"
    );
    // The last one counts.
    let mut client = stage.connect(10005);
    client.send("hi");
    assert_eq!(client.receive(2), "hi");
}

/// A key and a certificate in a directory.
struct Certificate(tempfile::TempDir);

impl Certificate {
    fn make() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=probe", "-addext"])
            .arg("subjectAltName=URI:spiffe://example/first,URI:spiffe://example/second,DNS:first.test,DNS:second.test")
            .args(["-keyout", "key.pem", "-out", "cert.pem"])
            .current_dir(&directory)
            .output()
            .expect("openssl runs");
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        Self(directory)
    }

    fn path(&self, file: &str) -> String {
        self.0.path().join(file).to_str().unwrap().to_owned()
    }

    /// The transport socket of a listener that ends TLS and asks for this certificate.
    fn transport_socket(&self) -> Value {
        let file = |name: &str| json!({"filename": self.path(name)});
        json!({
            "name": "tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                "common_tls_context": {
                    "alpn_protocols": ["h2", "http/1.1"],
                    "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
                    "tls_certificates": [{"certificate_chain": file("cert.pem"), "private_key": file("key.pem")}],
                    "validation_context": {"trusted_ca": file("cert.pem")},
                },
            },
        })
    }
}

const INSPECTOR: &str = r#"{"name": "tls_inspector", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"}}"#;

#[test]
fn what_is_known_of_tls_and_when() {
    let certificate = Certificate::make();
    let names = [
        "mtls",
        "requested_server_name",
        "tls_version",
        "uri_san_peer_certificate",
        "dns_san_peer_certificate",
        "sha256_peer_certificate_digest",
        "alpn",
        "requested_application_protocols",
    ];
    let read = format!(
        "read={}",
        names.map(|name| format!("connection/{name}")).join(",")
    );
    let inspected = |mut listener: Value| {
        listener["listener_filters"] = json!([INSPECTOR.parse::<Value>().unwrap()]);
        listener
    };
    let ends = |mut listener: Value| {
        listener["filter_chains"][0]["transport_socket"] = certificate.transport_socket();
        listener
    };
    let stage = Stage::new(&[
        ends(listener(10000, "ends", &read)),
        inspected(ends(listener(10001, "both", &read))),
        inspected(listener(10002, "inspects", &read)),
        listener(10003, "neither", &read),
        ends(listener(10004, "late", &format!("late=yes {read}"))),
    ]);
    for port in 10000..10005 {
        let mut client = Command::new("openssl")
            .args([
                "s_client",
                "-quiet",
                "-servername",
                "A.test",
                "-alpn",
                "h2",
                "-connect",
            ])
            .arg(stage.envoy.address_of(port).to_string())
            .args([
                "-cert",
                &certificate.path("cert.pem"),
                "-key",
                &certificate.path("key.pem"),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl runs");
        let mut input = client.stdin.take().unwrap();
        // That it arrives is seen below.
        let _ = input.write_all(b"hi\n");
        let name = ["ends", "both", "inspects", "neither", "late"][usize::from(port) - 10000];
        stage.told(name, "data ");
        stage.told(name, "connection/requested_application_protocols");
        client.kill().unwrap();
        client.wait().unwrap();
        stage.told(name, "ended");
    }
    // The name is there from the beginning with the listener filter, and never without. The rest comes with the
    // handshake, which is over when the first data comes. Of several names the first is shown. Of ALPN nothing ever is.
    let secure = [
        "mtls is \"\\x01\"",
        "uri_san_peer_certificate is \"spiffe://example/first\"",
        "dns_san_peer_certificate is \"first.test\"",
    ];
    let plain = [
        "mtls is \"\\x00\"",
        "tls_version is not there",
        "uri_san_peer_certificate is not there",
        "dns_san_peer_certificate is not there",
        "sha256_peer_certificate_digest is not there",
    ];
    let named = "requested_server_name is \"a.test\"";
    for name in ["ends", "both", "inspects", "neither", "late"] {
        let told = stage.told(name, "");
        let data = told
            .iter()
            .position(|line| line.starts_with("data"))
            .unwrap();
        let (new, later) = told.split_at(data);
        let says = |lines: &[String], what: &str| {
            lines
                .iter()
                .any(|line| line.strip_prefix("connection/") == Some(what))
        };
        assert_eq!(
            says(new, named),
            name == "both" || name == "inspects",
            "{name}: {new:?}"
        );
        assert_eq!(
            says(later, named),
            name == "both" || name == "inspects",
            "{name}: {later:?}"
        );
        let ends = matches!(name, "ends" | "both" | "late");
        for what in plain {
            assert!(says(later, what) != ends, "{name}: {what} {later:?}");
        }
        // The version is asked for before the handshake, told wrongly, and remembered so.
        let version = match name {
            "ends" | "both" => "tls_version is \"TLSv1.2\"",
            "late" => "tls_version is \"TLSv1.3\"",
            _ => "tls_version is not there",
        };
        assert!(says(later, version), "{name}: {later:?}");
        for what in secure {
            assert_eq!(says(later, what), ends, "{name}: {what} {later:?}");
        }
        for what in [
            "alpn is not there",
            "requested_application_protocols is not there",
        ] {
            assert!(says(later, what), "{name}");
        }
    }
}

/// A listener whose module traps when it gets to see a certain word.
fn trapping(port: u16, name: &str, policy: &str) -> Value {
    let mut listener = listener(port, name, "data=trap");
    let config = &mut listener["filter_chains"][0]["filters"][0]["typed_config"]["config"];
    config["failure_policy"] = json!(policy);
    if policy == "FAIL_RELOAD" {
        // No new VM so soon after the last one was loaded.
        config["reload_config"] = json!({"backoff": {"base_interval": "5s"}});
    }
    // A VM of its own: it takes the others with it.
    config["vm_config"]["vm_id"] = json!(name);
    listener
}

#[test]
fn a_trap_closes_the_connections_of_its_worker() {
    let stage = Stage::new(&[
        trapping(10000, "closed", "FAIL_CLOSED"),
        trapping(10001, "reload", "FAIL_RELOAD"),
    ]);
    for (port, name) in [(10000, "closed"), (10001, "reload")] {
        let mut other = stage.connect(port);
        other.send("hi");
        assert_eq!(other.receive(2), "hi");
        let mut client = stage.connect(port);
        client.send("TRAP");
        assert_eq!(client.end().0, "", "{name}");
        // Another connection of that VM: with its next data.
        other.send("hi");
        assert_eq!(other.end().0, "", "{name}");
        // New ones: never again, or as soon as there is a new VM. That may be at once, on a machine that takes long to get here.
        let mut next = stage.connect(port);
        let _ = next.0.write_all(b"hi");
        let (said, _) = next.end_after(2);
        let reloaded = || stage.envoy.stat("wasm.probe.vm_reload_success");
        let expected = if reloaded() > 0 { "hi" } else { "" };
        assert_eq!(said, expected, "{name}");
        if name == "closed" {
            assert_eq!(said, "", "{name}");
            continue;
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut next = stage.connect(port);
            let _ = next.0.write_all(b"hi");
            if next.end_after(2).0 == "hi" {
                break;
            }
            assert!(Instant::now() < deadline, "{name}: never again");
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(reloaded(), 1, "{name}");
    }
}

#[test]
fn connections_outlive_the_configuration_they_came_with() {
    // A slow machine may not come so far before the time of the first connection does.
    assert!(outlives_its_configuration(3_000) || outlives_its_configuration(30_000));
}

/// Whether an old connection was let on before something was due, so many milliseconds after it came.
fn outlives_its_configuration(due: u64) -> bool {
    let words = format!("data=until:please new=deadline:{due} due=close state=old");
    let (first, second) = (
        listener(10000, "old", &words),
        listener(10000, "old", "state=new"),
    );
    let stage = Stage::with(&[first], Config::start_dynamic);
    let mut envoy = stage.envoy;
    let echo = stage.echo.address();
    let mut held = Client::connect(envoy.address());
    held.send("plea");
    envoy.await_log("probe old: data 4", 1);
    let config = bootstrap(&[second])
        .endpoint(18080, echo)
        .endpoint(18081, NOWHERE)
        .endpoint(18082, NOWHERE);
    assert!(matches!(envoy.update(&config), Update::Accepted));
    // New connections have the new one.
    let mut client = Client::connect(envoy.address());
    client.send("hi");
    assert_eq!(client.receive(2), "hi");
    drop(client);
    // The other one goes on as it was, with its ticks: it is let on, and its time comes.
    let _ = held.0.write_all(b"se");
    let (said, _) = held.end_after(6);
    let is_let_on = said == "please";
    if is_let_on {
        assert_eq!(held.end(), (String::new(), End::Closed));
    }
    let lines = envoy.await_log("ACCESS listener old: ", 2);
    for left in ["denial=- probe=new", "denial=probe.due probe=old"] {
        let logged = lines.iter().filter(|line| line.contains(left));
        assert_eq!(logged.count(), 1, "{left}: {lines:?}");
    }
    is_let_on
}
