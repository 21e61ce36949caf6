//! The same connections through the test kit and through stock Envoy.
//!
//! A [`TcpCase`] is a plugin, what is behind it, and a script of what clients and the upstream do. It is gone through in the test
//! kit first, which takes no time. In Envoy each step is waited for until what is seen is what the test kit has seen, or
//! until it is clear that it will not be: a case that agrees takes as long as Envoy does.

mod case;
mod kit;
mod real;
mod side;

pub use case::{Step, TcpCase, TcpSeen, hello};

use crate::difference_of;
use crate::services::Services;
use gatehouse_integration::{Config, Envoy};
use gatehouse_testkit::{FailurePolicy, Metric};
use serde_json::{Value, json};
use side::Server;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many cases are in Envoy at once.
const THREADS: usize = 8;

/// What a case came to on one side: when a client has connected, and after each step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Run {
    steps: Vec<TcpSeen>,
}

/// Goes through each case in both, and compares; then the metrics of all together. Panics with all differences.
pub fn compare(cases: &[TcpCase]) {
    let mut metrics = BTreeMap::new();
    let runs: Vec<Run> = cases
        .iter()
        .map(|case| kit::run(case, &mut metrics))
        .collect();
    let services = Services::start();
    let servers: Vec<Server> = cases.iter().map(|_| Server::start()).collect();
    let envoy = start(cases, &servers, &services);
    let next = AtomicUsize::new(0);
    let report = Mutex::new(String::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS.min(cases.len()) {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::SeqCst);
                    let (Some(case), Some(run), Some(server)) =
                        (cases.get(place), runs.get(place), servers.get(place))
                    else {
                        return;
                    };
                    let seen = real::run(&envoy, port(place), case, server, run);
                    let mut report = report.lock().expect("a lock");
                    compare_runs(&mut report, case, run, &seen);
                }
            });
        }
    });
    let mut report = report.into_inner().expect("a lock");
    let stats = envoy.stats();
    for (name, value) in metrics {
        let real = stats.get(&format!("wasmcustom.{name}"));
        let real = real.copied().unwrap_or_default();
        // How often a fetch is tried again depends on how long Envoy has been there.
        let (value, real) = match name.contains("feed_failed") {
            true => (value.min(1), real.min(1)),
            false => (value, real),
        };
        if value != real {
            let _ = writeln!(report, "--- metric {name}: envoy {real}, test kit {value}");
        }
    }
    assert!(report.is_empty(), "they differ:\n{report}");
}

/// The first step at which they differ.
fn compare_runs(report: &mut String, case: &TcpCase, kit: &Run, envoy: &Run) {
    let steps = kit.steps.iter().zip(&envoy.steps);
    for (number, (kit, envoy)) in steps.enumerate() {
        if kit != envoy {
            let step = number.checked_sub(1).map(|place| &case.steps[place]);
            let _ = writeln!(report, "--- {}: step {number}, {step:?}", case.name);
            difference_of(report, "envoy", envoy, kit);
            difference_of(report, "test kit", kit, envoy);
            return;
        }
    }
}

fn port(place: usize) -> u16 {
    10_000 + u16::try_from(place).expect("not so many cases")
}

fn start(cases: &[TcpCase], servers: &[Server], services: &Services) -> Envoy {
    let mut listeners = Vec::new();
    let mut clusters = Services::clusters();
    for (place, case) in cases.iter().enumerate() {
        let upstream = format!("upstream-{place}");
        clusters.push(cluster(&upstream, 20_000 + port(place)));
        listeners.push(listener(port(place), &upstream, case));
    }
    let root = json!({"static_resources": {"listeners": listeners, "clusters": clusters}});
    let mut config = services.endpoints(Config::parse(&root.to_string()));
    for (place, server) in servers.iter().enumerate() {
        config = config.endpoint(20_000 + port(place), server.address());
    }
    config.start()
}

fn cluster(name: &str, port: u16) -> Value {
    json!({"name": name, "connect_timeout": "10s", "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [
        {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}]}]}})
}

/// What Envoy says of a connection that has ended.
const LOG: &str = "CONNECTION NAME: denial=%FILTER_STATE(wasm.gatehouse.denial:PLAIN)% state=%FILTER_STATE(wasm.color:PLAIN)% \
    close=%DOWNSTREAM_LOCAL_CLOSE_REASON% details=%CONNECTION_TERMINATION_DETAILS%\n";

fn listener(port: u16, upstream: &str, case: &TcpCase) -> Value {
    let policy = match case.failure_policy {
        FailurePolicy::FailClosed => "FAIL_CLOSED",
        FailurePolicy::FailOpen => "FAIL_OPEN",
        FailurePolicy::FailReload => "FAIL_RELOAD",
    };
    let plugin = json!({
        "name": "module",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm",
            "config": {
                "name": "some-plugin",
                "root_id": "some-root",
                "failure_policy": policy,
                "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": case.configuration},
                "vm_config": {
                    "runtime": "envoy.wasm.runtime.v8",
                    "vm_id": case.name,
                    "code": {"local": {"filename": case.module}},
                },
            },
        },
    });
    json!({
        "name": case.name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "access_log": [{
            "name": "out",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
                "log_format": {"text_format_source": {"inline_string": LOG.replace("NAME", &case.name)}},
            },
        }],
        "filter_chains": [{"filters": [plugin, behind(upstream, case)]}],
    })
}

fn behind(upstream: &str, case: &TcpCase) -> Value {
    use gatehouse_testkit::Behind;
    let mut tcp = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
        "stat_prefix": "tcp",
        "cluster": upstream,
    });
    match case.behind {
        Behind::TcpProxy => {}
        Behind::TcpProxyOnData => {
            tcp["upstream_connect_mode"] = json!("ON_DOWNSTREAM_DATA");
            tcp["max_early_data_bytes"] = json!(65536);
        }
        Behind::Http => {
            return json!({
                "name": "http",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                    "stat_prefix": "http",
                    "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
                        {"match": {"prefix": "/"}, "direct_response": {"status": 200}}]}]},
                    "http_filters": [{
                        "name": "router",
                        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
                    }],
                },
            });
        }
    }
    json!({"name": "tcp", "typed_config": tcp})
}

/// The values of counters and gauges, added to those of other cases.
fn add_metrics(sum: &mut BTreeMap<String, u64>, metrics: BTreeMap<String, Metric>) {
    for (name, metric) in metrics {
        if let Metric::Counter(value) | Metric::Gauge(value) = metric {
            *sum.entry(name).or_default() += value;
        }
    }
}
