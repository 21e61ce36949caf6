//! The filters under test: written in the suite, or found in a configuration of Envoy.

use crate::envoy_file;
use gatehouse_config::{Context, Decode, Entries, NonEmpty, Value, object};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A filter with its configuration.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plugin {
    pub name: String,
    pub root_id: String,
    pub vm_id: String,
    pub vm_configuration: String,
    /// The module's file as it is named where the filter is configured.
    pub module: PathBuf,
    /// Where that is, for file names that are relative to it.
    pub directory: PathBuf,
    pub configuration: Value,
    /// Whether body callbacks go on while the headers are held.
    pub allow_on_headers_stop_iteration: bool,
    /// Which variables of the environment the VM sees, and what it has of its own; all where nothing says.
    pub environment: Option<VmEnvironment>,
}

/// `environment_variables` of a VM.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct VmEnvironment {
    pub host_keys: Vec<String>,
    pub key_values: Vec<(String, String)>,
}

/// The filters that a request passes, in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chain {
    pub plugins: Vec<Plugin>,
    /// The clusters there are; nothing where any may be.
    pub clusters: Option<Vec<String>>,
}

object! {
    /// `config`, of which exactly one source is given.
    struct ChainSpec {
        envoy: Option<String>,
        listener: Option<String>,
        filter: Option<String>,
        auth: Option<Value>,
        rate_limit: Option<Value>,
        headers: Option<Value>,
        gateway: Option<Value>,
        chain: Option<NonEmpty<PluginSpec>>,
        set: Entries<String, Value> = Entries::default(),
    }
}

object! {
    /// A filter of a chain that is written in the suite.
    struct PluginSpec {
        module: String,
        name: Option<String>,
        root_id: Option<String>,
        vm_id: Option<String>,
        vm_configuration: String = String::new(),
        configuration: Value,
        allow_on_headers_stop_iteration: bool = true,
    }
}

impl Chain {
    /// The chain of a suite in `directory`.
    pub(crate) fn load(value: &Value, directory: &Path, context: &mut Context<'_>) -> Option<Self> {
        let spec = ChainSpec::decode(value, context)?;
        let inline = [
            ("auth", spec.auth),
            ("rate_limit", spec.rate_limit),
            ("headers", spec.headers),
            ("gateway", spec.gateway),
        ];
        let given: Vec<_> = inline
            .into_iter()
            .filter_map(|(name, configuration)| Some((name, configuration?)))
            .collect();
        let sources =
            given.len() + usize::from(spec.envoy.is_some()) + usize::from(spec.chain.is_some());
        if sources != 1 {
            return context.problem(format!(
                "{sources} of envoy, auth, rate_limit, headers, gateway and chain, but needs exactly one"
            ));
        }
        if spec.envoy.is_none() && (spec.listener.is_some() || spec.filter.is_some()) {
            return context
                .problem("listener and filter choose from an envoy file, which is not given");
        }
        let mut chain = match (spec.envoy, spec.chain) {
            (Some(file), _) => {
                let path = directory.join(&file);
                let found =
                    context.at_key("envoy", |context| envoy_file::read(&path, &file, context))?;
                found.choose(spec.listener.as_deref(), spec.filter.as_deref(), context)?
            }
            (None, Some(NonEmpty(plugins))) => Self {
                plugins: plugins
                    .into_iter()
                    .map(|plugin| plugin.into_plugin(directory))
                    .collect(),
                clusters: None,
            },
            (None, None) => Self {
                plugins: given
                    .into_iter()
                    .map(|(name, configuration)| {
                        PluginSpec::of(&format!("gatehouse_{name}"), configuration)
                            .into_plugin(directory)
                    })
                    .collect(),
                clusters: None,
            },
        };
        context.at_key("set", |context| {
            let applied: Vec<_> = spec
                .set
                .0
                .iter()
                .map(|(path, value)| {
                    context.at_key(path, |context| chain.set(path, value, context))
                })
                .collect();
            applied.into_iter().collect::<Option<Vec<()>>>()
        })?;
        Some(chain)
    }

    /// The clusters that there are, or that the configurations name; nothing where others may be asked too.
    pub(crate) fn known_clusters(&self) -> Option<BTreeSet<String>> {
        if let Some(clusters) = &self.clusters {
            return Some(clusters.iter().cloned().collect());
        }
        let is_ours = |plugin: &Plugin| {
            let name = plugin.module.file_name().unwrap_or_default();
            name.to_string_lossy().starts_with("gatehouse_")
        };
        let named = self.named_clusters();
        let is_known = |name: &String| !name.contains("${");
        (self.plugins.iter().all(is_ours) && named.iter().all(is_known)).then_some(named)
    }

    /// Everything that the configurations call a cluster.
    pub(crate) fn named_clusters(&self) -> BTreeSet<String> {
        let mut clusters = BTreeSet::new();
        for plugin in &self.plugins {
            named_clusters(&plugin.configuration, &mut clusters);
        }
        clusters
    }

    /// Puts a value into the configuration of the only filter, or of the one that the path begins with:
    /// `gatehouse_auth:rules[0].mode`.
    fn set(&mut self, path: &str, value: &Value, context: &mut Context<'_>) -> Option<()> {
        let names: Vec<_> = self
            .plugins
            .iter()
            .map(|plugin| plugin.name.clone())
            .collect();
        let (plugin, path) = match (self.plugins.as_mut_slice(), path.split_once(':')) {
            ([plugin], None) => (plugin, path),
            (_, None) => {
                return context.problem_hint(
                    "the chain has several filters",
                    format!(
                        "begin with the name of one, such as {:?}",
                        format!("{}:{path}", names.first()?)
                    ),
                );
            }
            (plugins, Some((name, rest))) => {
                match plugins.iter_mut().find(|plugin| plugin.name == name) {
                    Some(plugin) => (plugin, rest),
                    None => {
                        return context.unknown(
                            format!("no filter named {name:?}"),
                            name,
                            names.iter().map(String::as_str),
                        );
                    }
                }
            }
        };
        match place(&mut plugin.configuration, path) {
            Some(there) => {
                *there = value.clone();
                Some(())
            }
            None => context.problem_hint(
                "the configuration has no such place",
                "all but the last step of the path must be there",
            ),
        }
    }
}

/// What stands at a path such as `filters[0].auth.rules`; its last step may be a new key.
fn place<'v>(value: &'v mut Value, path: &str) -> Option<&'v mut Value> {
    let mut at = value;
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (index, after) = inner.split_once(']')?;
            at = at.get_mut(index.parse::<usize>().ok()?)?;
            rest = after.strip_prefix('.').unwrap_or(after);
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (key, after) = rest.split_at_checked(end)?;
            let map = at.as_object_mut()?;
            at = match after.is_empty() {
                true => map.entry(key).or_insert(Value::Null),
                false => map.get_mut(key)?,
            };
            rest = after.strip_prefix('.').unwrap_or(after);
        }
    }
    Some(at)
}

/// Everything that a configuration calls a cluster.
fn named_clusters(configuration: &Value, clusters: &mut BTreeSet<String>) {
    match configuration {
        Value::Array(items) => items.iter().for_each(|item| named_clusters(item, clusters)),
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(name) if key == "cluster" || key == "jwks_cluster" => {
                        clusters.insert(name.clone());
                    }
                    inner => named_clusters(inner, clusters),
                }
            }
        }
        _ => {}
    }
}

impl PluginSpec {
    fn of(module: &str, configuration: Value) -> Self {
        Self {
            module: module.to_owned(),
            name: None,
            root_id: None,
            vm_id: None,
            vm_configuration: String::new(),
            configuration,
            allow_on_headers_stop_iteration: true,
        }
    }

    fn into_plugin(self, directory: &Path) -> Plugin {
        // A bare name is a module of Gatehouse's, or of another's beside them.
        let file = match self.module.ends_with(".wasm") {
            true => self.module.clone(),
            false => format!("{}.wasm", self.module),
        };
        let stem = Path::new(&file).file_stem().unwrap_or_default();
        let stem = stem.to_string_lossy().into_owned();
        let root_id = self.root_id.unwrap_or_else(|| stem.clone());
        Plugin {
            name: self.name.unwrap_or_else(|| root_id.clone()),
            vm_id: self.vm_id.unwrap_or_else(|| stem.clone()),
            root_id,
            vm_configuration: self.vm_configuration,
            module: PathBuf::from(file),
            directory: directory.to_owned(),
            configuration: match self.configuration {
                Value::Null => json!({}),
                given => given,
            },
            allow_on_headers_stop_iteration: self.allow_on_headers_stop_iteration,
            environment: None,
        }
    }
}
