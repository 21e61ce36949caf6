//! The filters of Gatehouse in a configuration of Envoy: a bootstrap, a listener, or what an xDS server sends.
//!
//! A chain is a list `http_filters` with at least one of them. A filter is Gatehouse's by its module's file
//! name or its root id: `gatehouse_auth`, `gatehouse_gateway` …

use crate::chain::{Chain, Plugin, VmEnvironment};
use base64ct::{Base64, Encoding as _};
use gatehouse_config::{Context, Value};
use serde_json::json;
use std::path::{Path, PathBuf};

const PREFIX: &str = "gatehouse_";

/// The chains that were found in a file.
pub(crate) struct Found {
    file: String,
    chains: Vec<FoundChain>,
    clusters: Vec<String>,
}

struct FoundChain {
    listener: Option<String>,
    plugins: Vec<Plugin>,
}

/// Reads a file. Problems are located where the suite names it.
pub(crate) fn read(path: &Path, name: &str, context: &mut Context<'_>) -> Option<Found> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return context.problem(format!("{name}: {error}")),
    };
    let documents = match gatehouse_located_yaml::parse(&text) {
        Ok(documents) => documents,
        Err(error) => return context.problem(format!("{name}:{error}")),
    };
    let directory = path.parent().unwrap_or(Path::new(""));
    let mut found = Found {
        file: name.to_owned(),
        chains: Vec::new(),
        clusters: Vec::new(),
    };
    for document in &documents {
        found.walk(&document.value, None, directory, context)?;
    }
    Some(found)
}

impl Found {
    fn walk(
        &mut self,
        value: &Value,
        listener: Option<&str>,
        directory: &Path,
        context: &mut Context<'_>,
    ) -> Option<()> {
        match value {
            Value::Array(items) => {
                for item in items {
                    self.walk(item, listener, directory, context)?;
                }
            }
            Value::Object(map) => {
                // Only listeners have filter chains, and a name beside them.
                let listener = match (map.contains_key("filter_chains"), map.get("name")) {
                    (true, Some(Value::String(name))) => Some(name.as_str()),
                    _ => listener,
                };
                for (key, inner) in map {
                    match (key.as_str(), inner) {
                        ("http_filters", Value::Array(filters)) => {
                            self.chain(filters, listener, directory, context)?;
                        }
                        ("clusters", Value::Array(clusters)) => {
                            let names = clusters.iter().filter_map(|cluster| {
                                cluster
                                    .get("name")
                                    .and_then(Value::as_str)
                                    .map(str::to_owned)
                            });
                            self.clusters.extend(names);
                        }
                        _ => self.walk(inner, listener, directory, context)?,
                    }
                }
            }
            _ => {}
        }
        Some(())
    }

    fn chain(
        &mut self,
        filters: &[Value],
        listener: Option<&str>,
        directory: &Path,
        context: &mut Context<'_>,
    ) -> Option<()> {
        let mut plugins = Vec::new();
        for filter in filters {
            if let Some(config) = filter.pointer("/typed_config/config") {
                plugins.extend(plugin(filter, config, directory, context)?);
            }
        }
        if !plugins.is_empty() {
            self.chains.push(FoundChain {
                listener: listener.map(str::to_owned),
                plugins,
            });
        }
        Some(())
    }

    /// The chain that is meant: of the listener, with the filter alone, or the only one there is.
    pub(crate) fn choose(
        self,
        listener: Option<&str>,
        filter: Option<&str>,
        context: &mut Context<'_>,
    ) -> Option<Chain> {
        let file = &self.file;
        if self.chains.is_empty() {
            return context.at_key("envoy", |context| {
                context.problem(format!("{file} has no filter of Gatehouse's"))
            });
        }
        let listeners: Vec<String> = self
            .chains
            .iter()
            .filter_map(|chain| chain.listener.clone())
            .collect();
        let mut chains = self.chains;
        if let Some(wanted) = listener {
            chains.retain(|chain| chain.listener.as_deref() == Some(wanted));
            if chains.is_empty() {
                return context.at_key("listener", |context| {
                    context.unknown(
                        format!("{file} has no listener {wanted:?} with a filter of Gatehouse's"),
                        wanted,
                        listeners.iter().map(String::as_str),
                    )
                });
            }
        }
        if let Some(wanted) = filter {
            let is_it = |plugin: &Plugin| plugin.name == wanted || plugin.root_id == wanted;
            let names: Vec<String> = chains
                .iter()
                .flat_map(|chain| chain.plugins.iter().map(|plugin| plugin.name.clone()))
                .collect();
            for chain in &mut chains {
                chain.plugins.retain(is_it);
            }
            chains.retain(|chain| !chain.plugins.is_empty());
            if chains.is_empty() {
                return context.at_key("filter", |context| {
                    context.unknown(
                        format!("{file} has no filter {wanted:?} of Gatehouse's"),
                        wanted,
                        names.iter().map(String::as_str),
                    )
                });
            }
        }
        match chains.as_mut_slice() {
            [chain] => Some(Chain {
                plugins: std::mem::take(&mut chain.plugins),
                clusters: Some(self.clusters),
            }),
            several => context.problem_hint(
                format!(
                    "{file} has {} chains with filters of Gatehouse's",
                    several.len()
                ),
                format!("choose one by listener: {}", listeners.join(", ")),
            ),
        }
    }
}

/// A filter of Gatehouse's; nothing for other filters.
#[expect(
    clippy::option_option,
    reason = "the outer one is a problem that was told"
)]
fn plugin(
    filter: &Value,
    config: &Value,
    directory: &Path,
    context: &mut Context<'_>,
) -> Option<Option<Plugin>> {
    let text = |pointer: &str| config.pointer(pointer).and_then(Value::as_str);
    let file = text("/vm_config/code/local/filename").unwrap_or_default();
    let stem = Path::new(file).file_stem().unwrap_or_default();
    let stem = stem.to_string_lossy();
    let root_id = text("/root_id").unwrap_or_default();
    if !stem.starts_with(PREFIX) && !root_id.starts_with(PREFIX) {
        return Some(None);
    }
    let name = text("/name").or(filter.get("name").and_then(Value::as_str));
    let name = name.unwrap_or(root_id).to_owned();
    let configuration = match config.get("configuration") {
        None => json!({}),
        Some(any) => match configuration(any) {
            Some(value) => value,
            None => {
                return context.problem(format!(
                    "{name}: its configuration is neither a Struct nor a StringValue or BytesValue with JSON"
                ));
            }
        },
    };
    // A module that is fetched from elsewhere is the one of that root id here.
    let module = match file.is_empty() {
        true => PathBuf::from(format!("{root_id}.wasm")),
        false => PathBuf::from(file),
    };
    Some(Some(Plugin {
        name,
        root_id: root_id.to_owned(),
        vm_id: text("/vm_config/vm_id").unwrap_or_default().to_owned(),
        vm_configuration: text("/vm_config/configuration/value")
            .unwrap_or_default()
            .to_owned(),
        module,
        directory: directory.to_owned(),
        configuration,
        allow_on_headers_stop_iteration: config.get("allow_on_headers_stop_iteration")
            == Some(&Value::Bool(true)),
        environment: Some(environment(config)),
    }))
}

fn configuration(any: &Value) -> Option<Value> {
    let value = any.get("value")?;
    let kind = any.get("@type").and_then(Value::as_str).unwrap_or_default();
    match kind.rsplit('.').next() {
        Some("StringValue") => serde_json::from_str(value.as_str()?).ok(),
        Some("BytesValue") => {
            serde_json::from_slice(&Base64::decode_vec(value.as_str()?).ok()?).ok()
        }
        Some("Struct") => Some(value.clone()),
        _ => None,
    }
}

fn environment(config: &Value) -> VmEnvironment {
    let at = |pointer: &str| config.pointer(&format!("/vm_config/environment_variables{pointer}"));
    let text = |value: &Value| value.as_str().map(str::to_owned);
    VmEnvironment {
        host_keys: at("/host_env_keys")
            .and_then(Value::as_array)
            .map(|keys| keys.iter().filter_map(text).collect())
            .unwrap_or_default(),
        key_values: at("/key_values")
            .and_then(Value::as_object)
            .map(|map| {
                let entries = map.iter();
                entries
                    .filter_map(|(key, value)| Some((key.clone(), text(value)?)))
                    .collect()
            })
            .unwrap_or_default(),
    }
}
