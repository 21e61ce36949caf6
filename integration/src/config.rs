//! A bootstrap of Envoy as a test wants it: a file of `envoy/` with free ports, the test's upstreams, and the
//! change under test. Everything else stays as the file says.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::echo::Echo;
use crate::{Envoy, Refused, fused, repository};

/// The port that the files of `envoy/` expect the echo upstream on.
const ECHO_PORT: u16 = 18080;

/// The secrets of the demo, `NAME=value` lines, that the files of `envoy/` refer to.
const DEMO_ENVIRONMENT: &str = "envoy/demo.env";

/// A bootstrap and what to start Envoy with.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) root: Value,
    pub(crate) workers: u32,
    pub(crate) environment: BTreeMap<String, String>,
}

impl Config {
    /// Reads a file, by its path in the repository, with one worker and the environment of the demo.
    pub fn load(path: impl AsRef<Path>) -> Self {
        let path = repository().join(path);
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("can't read {}: {error}", path.display()));
        Self::parse(&text)
    }

    /// The same for YAML that is at hand.
    pub fn parse(text: &str) -> Self {
        let environment = std::fs::read_to_string(repository().join(DEMO_ENVIRONMENT));
        let environment = environment.unwrap_or_default();
        let variables = environment.lines().filter(|line| !line.starts_with('#'));
        Self {
            root: yaml(text),
            workers: 1,
            environment: variables
                .filter_map(|line| line.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        }
    }

    /// Puts the echo upstream where the file expects it.
    #[must_use]
    pub fn upstream(self, echo: &Echo) -> Self {
        self.endpoint(ECHO_PORT, echo.address())
    }

    /// Sends what the clusters send to this port to another address.
    #[must_use]
    pub fn endpoint(mut self, port: u16, to: SocketAddr) -> Self {
        if let Some(clusters) = self.root.pointer_mut("/static_resources/clusters") {
            let mut found = false;
            each_object(clusters, &mut |object| {
                if object.get("port_value") == Some(&json!(port)) {
                    object.insert("address".to_owned(), json!(to.ip().to_string()));
                    object.insert("port_value".to_owned(), json!(to.port()));
                    found = true;
                }
            });
            assert!(found, "no cluster has an endpoint with port {port}");
        }
        self
    }

    /// The number of worker threads.
    #[must_use]
    pub fn workers(mut self, workers: u32) -> Self {
        self.workers = workers;
        self
    }

    /// Sets a variable of Envoy's environment, which has nothing else in it but the demo's.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Takes a variable out of Envoy's environment.
    #[must_use]
    pub fn without_env(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    /// Replaces the configuration of the wasm plugin by this YAML, delivered as `google.protobuf.Struct`.
    /// With several plugins, of each.
    #[must_use]
    pub fn plugin(self, text: &str) -> Self {
        let value = yaml(text);
        self.plugin_any(
            &json!({"@type": "type.googleapis.com/google.protobuf.Struct", "value": value}),
        )
    }

    /// Replaces the configuration of the wasm plugin by this text, delivered as `google.protobuf.StringValue`.
    #[must_use]
    pub fn plugin_text(self, text: &str) -> Self {
        self.plugin_any(
            &json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": text}),
        )
    }

    fn plugin_any(mut self, any: &Value) -> Self {
        let mut found = false;
        each_object(&mut self.root, &mut |object| {
            if object.contains_key("vm_config") {
                object.insert("configuration".to_owned(), any.clone());
                found = true;
            }
        });
        assert!(found, "no wasm plugin in the bootstrap");
        self
    }

    /// Any other change to the bootstrap.
    #[must_use]
    pub fn edit(mut self, change: impl FnOnce(&mut Value)) -> Self {
        change(&mut self.root);
        self
    }

    /// Starts Envoy and waits until it serves. Panics with Envoy's log if it refuses.
    #[must_use]
    pub fn start(&self) -> Envoy {
        self.try_start()
            .unwrap_or_else(|refused| panic!("Envoy refused the configuration:\n{}", refused.log))
    }

    /// Starts Envoy and waits until it serves or gives up.
    pub fn try_start(&self) -> Result<Envoy, Refused> {
        Envoy::start(self, false)
    }

    /// The same as [`Config::start`], but Envoy reads the listeners from a file that it watches, so that
    /// [`Envoy::update`] can replace them.
    #[must_use]
    pub fn start_dynamic(&self) -> Envoy {
        Envoy::start(self, true)
            .unwrap_or_else(|refused| panic!("Envoy refused the configuration:\n{}", refused.log))
    }

    /// The listeners with free ports, and the port of the file for each name.
    pub(crate) fn listeners(&self) -> (Vec<Value>, BTreeMap<String, u16>) {
        let listeners = self
            .root
            .pointer("/static_resources/listeners")
            .and_then(Value::as_array);
        let mut listeners = listeners.expect("the bootstrap has listeners").clone();
        let mut ports = BTreeMap::new();
        for listener in &mut listeners {
            let port = listener
                .pointer_mut("/address/socket_address/port_value")
                .expect("a listener has a port");
            let number = port
                .as_u64()
                .and_then(|port| u16::try_from(port).ok())
                .expect("a port is a number");
            *port = json!(0);
            let name = listener
                .get("name")
                .and_then(Value::as_str)
                .map(str::to_owned);
            let name = name.unwrap_or_else(|| format!("listener_{number}"));
            listener["name"] = json!(name);
            ports.insert(name, number);
            if fused::is_asked_for() {
                fused::fuse(listener);
            }
        }
        (listeners, ports)
    }
}

/// YAML as JSON values: what a bootstrap is made of.
pub fn yaml(text: &str) -> Value {
    serde_yaml_ng::from_str(text).unwrap_or_else(|error| panic!("{error} in:\n{text}"))
}

fn each_object(value: &mut Value, visit: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| each_object(item, visit)),
        Value::Object(object) => {
            visit(object);
            object
                .values_mut()
                .for_each(|item| each_object(item, visit));
        }
        _ => {}
    }
}
