//! What is measured: `integration/bench/variants.yaml`.

use serde::Deserialize;
use serde_json::{Value, json};

use gatehouse_integration::{config::yaml, repository};

use crate::credentials::Credentials;
use crate::ground::{Ground, Route};
use crate::requests::Kind;

/// A listener with its filters, and what it is sent. The fields are explained in the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variant {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) requests: Kind,
    #[serde(default = "one")]
    pub(crate) workers: u32,
    #[serde(default)]
    pub(crate) route: Route,
    pub(crate) budget: Option<f64>,
    pub(crate) proof: Proof,
    filters: Vec<Value>,
}

fn one() -> u32 {
    1
}

/// What shows that a filter is at work.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Proof {
    /// The status that a request without a credential gets.
    Refuses(u16),
    /// A header of an answer.
    ResponseHeader(String),
    /// A counter of Envoy that is not zero after an answer.
    Stat(String),
    /// Nothing does, and why.
    #[expect(dead_code, reason = "the reason is for who reads the file")]
    Nothing(String),
}

/// All variants of the file.
pub(crate) fn load() -> Vec<Variant> {
    let path = repository().join("integration/bench/variants.yaml");
    let text = std::fs::read_to_string(&path).expect("integration/bench/variants.yaml");
    serde_json::from_value(yaml(&text))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Keeps those with these names, or all where there are none.
pub(crate) fn select(variants: &mut Vec<Variant>, only: &[String]) -> Result<(), String> {
    let known = |name: &String| variants.iter().any(|variant| variant.name == *name);
    if let Some(unknown) = only.iter().find(|name| !known(name)) {
        let names: Vec<_> = variants
            .iter()
            .map(|variant| variant.name.as_str())
            .collect();
        return Err(format!(
            "no variant {unknown}; there are: {}",
            names.join(" ")
        ));
    }
    variants.retain(|variant| only.is_empty() || only.contains(&variant.name));
    Ok(())
}

impl Variant {
    /// What it is measured on.
    pub(crate) fn ground(&self) -> Ground {
        Ground {
            workers: self.workers,
            route: self.route,
            requests: self.requests,
        }
    }

    /// The filters as Envoy wants them.
    pub(crate) fn http_filters(&self, credentials: &Credentials) -> Vec<Value> {
        let filters = self.filters.iter().enumerate();
        filters
            .map(|(index, filter)| {
                let mut filter = match filter.get("wasm") {
                    Some(wasm) => plugin(&format!("bench_{}_{index}", self.name), wasm),
                    None => filter.clone(),
                };
                fill_in(&mut filter, credentials);
                filter
            })
            .collect()
    }

    /// The first of its modules that has not been built.
    pub(crate) fn missing_module(&self) -> Option<&str> {
        let modules = self
            .filters
            .iter()
            .filter_map(|filter| filter.pointer("/wasm/module")?.as_str());
        modules
            .into_iter()
            .find(|module| !repository().join(module).exists())
    }
}

/// A plugin in a VM that it shares with no other variant.
fn plugin(id: &str, wasm: &Value) -> Value {
    json!({
        "name": id,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
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

/// Puts credentials in the place of their names.
fn fill_in(value: &mut Value, credentials: &Credentials) {
    match value {
        Value::String(text) => {
            if let Some(credential) = credentials.named(text) {
                *value = credential;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill_in(item, credentials)),
        Value::Object(object) => object
            .values_mut()
            .for_each(|item| fill_in(item, credentials)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The commands above the tables of the documentation.
    #[test]
    fn the_documented_commands_name_variants_that_there_are() {
        let text = std::fs::read_to_string(repository().join("docs/performance.md")).unwrap();
        let commands: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("scripts/bench --markdown --only "))
            .collect();
        assert_eq!(commands.len(), 5);
        for command in commands {
            let names: Vec<String> = command.split(',').map(str::to_owned).collect();
            let mut variants = load();
            assert_eq!(select(&mut variants, &names), Ok(()));
            assert_eq!(variants.len(), names.len(), "{command}");
        }
        let names = crate::latency::DEFAULT.map(str::to_owned);
        assert_eq!(select(&mut load(), &names), Ok(()));
    }
}
