//! Which environment variables a plugin's VM will have.

use gatehouse_located_yaml::{Node, Reader};
use std::collections::BTreeMap;

/// What is said about variables beside the configuration.
#[derive(Debug)]
pub enum Declared {
    /// Nothing could be said: a configuration alone.
    Anything,
    /// These, by name: with a value, or with that of the proxy's own environment.
    These(BTreeMap<String, Option<String>>),
}

/// What is known of a variable here.
#[derive(Debug, PartialEq, Eq)]
pub enum Variable {
    /// It will have this value.
    Is(String),
    /// The VM will have it if the proxy has it; it is not known here.
    Unknown,
    /// The VM will not have it.
    Undeclared,
}

impl Declared {
    pub(crate) fn by_envoy(variables: Option<&Node>) -> Self {
        let Some(variables) = variables else {
            return Self::These(BTreeMap::new());
        };
        let values = variables
            .field("key_values")
            .map(Node::entries)
            .unwrap_or_default();
        let values = values
            .iter()
            .map(|entry| (entry.key.clone(), Some(plain_text(&entry.value))));
        let keys = variables
            .field("host_env_keys")
            .map(Node::items)
            .unwrap_or_default();
        let keys = keys
            .iter()
            .filter_map(|key| Some((key.text()?.to_owned(), None)));
        // Envoy refuses a name in both.
        Self::These(keys.chain(values).collect())
    }

    pub(crate) fn by_istio(variables: Option<&Node>) -> Self {
        let variable = |variable: &Node| {
            let name = variable.get("name")?.text()?.to_owned();
            let is_host = variable.get("valueFrom").and_then(Node::text) == Some("HOST");
            let value = variable.get("value").map(plain_text).unwrap_or_default();
            Some((name, (!is_host).then_some(value)))
        };
        let variables = variables.map(Node::items).unwrap_or_default();
        Self::These(variables.iter().filter_map(variable).collect())
    }

    pub(crate) fn by_envoy_gateway(keys: Option<&Node>) -> Self {
        let keys = keys.map(Node::items).unwrap_or_default();
        let keys = keys
            .iter()
            .filter_map(|key| Some((key.text()?.to_owned(), None)));
        Self::These(keys.collect())
    }

    /// What a variable will be, where the proxy has `environment`.
    pub fn variable(&self, name: &str, environment: &dyn Fn(&str) -> Option<String>) -> Variable {
        let of_proxy = || environment(name).map_or(Variable::Unknown, Variable::Is);
        match self {
            Self::Anything => of_proxy(),
            Self::These(variables) => match variables.get(name) {
                None => Variable::Undeclared,
                Some(None) => of_proxy(),
                Some(Some(value)) => Variable::Is(value.clone()),
            },
        }
    }
}

/// As protobuf has it in a map of texts.
fn plain_text(node: &Node) -> String {
    match node.value(Reader::Envoy) {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}
