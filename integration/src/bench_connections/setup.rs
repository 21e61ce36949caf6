//! One Envoy with a listener for each variant.

use crate::load;
use gatehouse_integration::{Config, Envoy, config::yaml, repository};
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::SocketAddr;

/// In the bootstrap, before Envoy takes free ports: that of the upstream, and of the first listener.
const UPSTREAM_PORT: u16 = 18080;
const FIRST_PORT: u16 = 1;

/// How many lines of Envoy's log tell why it refused a variant.
const REASON_LINES: usize = 3;

/// The name of the listener without a filter.
pub(crate) const BARE: &str = "bare";

/// A listener with its filters. The fields are explained in `integration/bench/connections.yaml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variant {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) budget: Option<f64>,
    pub(crate) stream: Option<f64>,
    proof: Proof,
    #[serde(default)]
    reads_first: bool,
    filters: Vec<Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Proof {
    Stat(String),
    #[expect(dead_code, reason = "the reason is for who reads the file")]
    Nothing(String),
}

/// A variant, and its listener or why it has none.
pub(crate) struct Listener {
    pub(crate) variant: Variant,
    pub(crate) address: Result<SocketAddr, String>,
}

/// A running Envoy; the first listener is the one without a filter.
pub(crate) struct Setup {
    pub(crate) envoy: Envoy,
    pub(crate) listeners: Vec<Listener>,
}

/// Starts Envoy with these variants, or all. Those that it refuses alone are left out.
pub(crate) fn start(only: &[String], upstream: SocketAddr) -> Result<Setup, String> {
    let variants = variants(only)?;
    let start = |variants: &[&Variant]| bootstrap(variants, upstream).try_start();
    let mut faults: Vec<Option<String>> = variants.iter().map(Variant::missing).collect();
    let sound = |faults: &[Option<String>]| -> Vec<&Variant> {
        let both = variants.iter().zip(faults);
        both.filter_map(|(variant, fault)| fault.is_none().then_some(variant))
            .collect()
    };
    eprintln!("starting Envoy with {} variants", variants.len());
    let mut started = start(&sound(&faults));
    if started.is_err() {
        for (variant, fault) in variants.iter().zip(&mut faults) {
            if fault.is_none() {
                *fault = start(&[variant]).err().map(|refused| reason(&refused.log));
            }
        }
        started = start(&sound(&faults));
    }
    let envoy = started.map_err(|refused| format!("Envoy does not start:\n{}", refused.log))?;
    let mut port = FIRST_PORT;
    let addresses = faults.into_iter().map(|fault| match fault {
        Some(fault) => Err(fault),
        None => {
            let address = envoy.address_of(port);
            port += 1;
            Ok(address)
        }
    });
    let listeners = addresses.zip(variants.iter().cloned());
    let listeners = listeners
        .map(|(address, variant)| Listener { variant, address })
        .collect();
    Ok(Setup { envoy, listeners })
}

/// Those of the file with these names, or all, after the one without a filter.
fn variants(only: &[String]) -> Result<Vec<Variant>, String> {
    let path = repository().join("integration/bench/connections.yaml");
    let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
    let all: Vec<Variant> = serde_json::from_value(yaml(&text))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    if let Some(unknown) = only
        .iter()
        .find(|name| all.iter().all(|variant| variant.name != **name))
    {
        let names: Vec<_> = all.iter().map(|variant| variant.name.as_str()).collect();
        return Err(format!(
            "no variant {unknown}; there are: {}",
            names.join(" ")
        ));
    }
    let bare = Variant {
        name: BARE.to_owned(),
        title: "no filter".to_owned(),
        budget: None,
        stream: None,
        proof: Proof::Nothing(String::new()),
        reads_first: false,
        filters: Vec::new(),
    };
    let chosen = all
        .into_iter()
        .filter(|variant| only.is_empty() || only.contains(&variant.name));
    Ok(std::iter::once(bare).chain(chosen).collect())
}

impl Variant {
    /// Why it cannot be measured: the first of its modules that has not been built.
    fn missing(&self) -> Option<String> {
        let modules = self
            .filters
            .iter()
            .filter_map(|filter| filter.pointer("/wasm/module")?.as_str());
        let missing = modules
            .into_iter()
            .find(|module| !repository().join(module).exists());
        missing.map(|module| format!("{module} has not been built"))
    }

    fn listener(&self, port: u16) -> Value {
        let mut filters: Vec<Value> = self.filters.clone();
        for (index, filter) in filters.iter_mut().enumerate() {
            if let Some(wasm) = filter.get("wasm") {
                *filter = plugin(&format!("bench_{}_{index}", self.name), wasm);
            }
        }
        let mut tcp = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
            "stat_prefix": self.name,
            "cluster": "upstream",
        });
        if self.reads_first {
            tcp["upstream_connect_mode"] = json!("ON_DOWNSTREAM_DATA");
            tcp["max_early_data_bytes"] = json!(65536);
        }
        filters.push(json!({"name": "envoy.filters.network.tcp_proxy", "typed_config": tcp}));
        json!({
            "name": self.name,
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
            "filter_chains": [{"filters": filters}],
        })
    }
}

/// A plugin in a VM that it shares with no other variant.
fn plugin(id: &str, wasm: &Value) -> Value {
    json!({
        "name": id,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm",
            "config": {
                "name": id,
                "root_id": id,
                "failure_policy": "FAIL_RELOAD",
                "vm_config": {
                    "vm_id": id,
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": wasm["module"]}},
                },
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.Struct",
                    "value": wasm["configuration"],
                },
            },
        },
    })
}

fn bootstrap(variants: &[&Variant], upstream: SocketAddr) -> Config {
    let listeners: Vec<_> = variants
        .iter()
        .zip(FIRST_PORT..)
        .map(|(variant, port)| variant.listener(port))
        .collect();
    let endpoint = json!({"socket_address": {"address": "127.0.0.1", "port_value": UPSTREAM_PORT}});
    let root = json!({"static_resources": {
        "listeners": listeners,
        "clusters": [{
            "name": "upstream",
            // As many as a round has: those that were closed just now still count for a while.
            "circuit_breakers": {"thresholds": [{"max_connections": 1_000_000, "max_pending_requests": 1_000_000}]},
            "load_assignment": {"cluster_name": "upstream", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": endpoint}}]}]},
        }],
    }});
    Config::parse(&root.to_string()).endpoint(UPSTREAM_PORT, upstream)
}

impl Setup {
    /// Looks whether the filter is at work.
    pub(crate) fn prove(&self, listener: &Listener, address: SocketAddr) -> Result<(), String> {
        load::connect(address, 1)?;
        match &listener.variant.proof {
            Proof::Nothing(_) => Ok(()),
            Proof::Stat(name) => match self.envoy.stat(name) {
                0 => Err(format!("the counter {name} is zero")),
                _ => Ok(()),
            },
        }
    }
}

/// The end of what Envoy logged when it gave up.
fn reason(log: &str) -> String {
    let telling = |line: &&str| line.contains("[critical]") || line.contains("[error]");
    let lines: Vec<_> = log.lines().filter(telling).take(REASON_LINES).collect();
    format!("Envoy refuses it: {}", lines.join(" / "))
}
