//! The filters of Gatehouse in a file: Envoy's own configuration, or a resource of Istio or Envoy Gateway. They are found and
//! read as `gatehouse validate` does (`gatehouse-plugins`).
//!
//! A chain is a list `http_filters` with at least one of them; a filter that stands in none, as in a `WasmPlugin`, is a chain of its
//! own. None is left out in silence:
//!
//! 1. An entry that is served apart (`config_discovery`) is the extension of that name in the file, or its default. Where it is neither,
//!    the chain is refused, for it may be one of Gatehouse's; a filter of it can be chosen.
//! 2. One that is `disabled` is left out, as it is where no route wants it; it cannot be chosen either.
//! 3. One in a matcher is refused: who sees it is not known here.

use crate::chain::{Chain, Plugin, VmEnvironment};
use gatehouse_config::Context;
use gatehouse_located_yaml::{Document, Node, Reader, parse};
use gatehouse_plugins as plugins;
use gatehouse_plugins::{Declared, Surroundings, config_maps, find, is_disabled};
use std::path::{Path, PathBuf};

/// The chains that were found in a file.
pub(crate) struct Found {
    file: String,
    chains: Vec<FoundChain>,
    /// The filters that are disabled, by name.
    disabled: Vec<String>,
    /// Nothing where they may come from elsewhere.
    clusters: Option<Vec<String>>,
}

#[derive(Default)]
struct FoundChain {
    listener: Option<String>,
    plugins: Vec<Plugin>,
    /// Modules that are served apart, and are not in the file.
    apart: Vec<String>,
}

/// Reads a file. Problems are located where the suite names it.
pub(crate) fn read(path: &Path, name: &str, context: &mut Context<'_>) -> Option<Found> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return context.problem(format!("{name}: {error}")),
    };
    let mut documents = match parse(&text) {
        Ok(documents) => documents,
        Err(error) => return context.problem(format!("{name}:{error}")),
    };
    let within: Vec<Document> = documents
        .iter()
        .flat_map(|document| config_maps(document).0)
        .collect();
    documents.extend(within);
    let all: Vec<plugins::Found<'_>> = documents
        .iter()
        .map(|document| find(document, None))
        .collect();
    let reader = Reading {
        directory: path.parent().unwrap_or(Path::new("")),
        plugins: all
            .iter()
            .flat_map(|found| &found.plugins)
            .filter(|plugin| plugin.filter.sees_requests())
            .collect(),
        used: Vec::new(),
        found: Found {
            file: name.to_owned(),
            chains: Vec::new(),
            disabled: Vec::new(),
            clusters: clusters(&documents),
        },
    };
    reader.read(all.iter().flat_map(|found| &found.chains), context)
}

/// The names of all clusters, where a document says which there are.
fn clusters(documents: &[Document]) -> Option<Vec<String>> {
    let mut names = None;
    for document in documents {
        let root = &document.root;
        if root.path(&["dynamic_resources", "cds_config"]).is_some() {
            return None;
        }
        if let Some(clusters) = root.path(&["static_resources", "clusters"]) {
            let of_it = clusters.items().iter();
            let of_it = of_it.filter_map(|cluster| Some(cluster.get("name")?.text()?.to_owned()));
            names.get_or_insert_with(Vec::new).extend(of_it);
        }
    }
    names
}

/// A file, half read.
struct Reading<'p, 'd> {
    directory: &'p Path,
    plugins: Vec<&'p plugins::Plugin<'d>>,
    /// Those that a chain has.
    used: Vec<&'p plugins::Plugin<'d>>,
    found: Found,
}

impl<'p, 'd: 'p> Reading<'p, 'd> {
    fn read(
        mut self,
        chains: impl Iterator<Item = &'p plugins::Chain<'d>>,
        context: &mut Context<'_>,
    ) -> Option<Found> {
        for chain in chains {
            let listener = chain.listener.and_then(|listener| listener.get("name"));
            let mut read = FoundChain {
                listener: listener.and_then(Node::text).map(str::to_owned),
                ..FoundChain::default()
            };
            for entry in chain.filters.items() {
                self.entry(entry, &mut read, context)?;
            }
            if !read.plugins.is_empty() || !read.apart.is_empty() {
                self.found.chains.push(read);
            }
        }
        for plugin in self.plugins.clone() {
            if self.used.iter().any(|used| std::ptr::eq(*used, plugin)) {
                continue;
            }
            let plugin = self.plugin(plugin, context)?;
            self.found.chains.push(FoundChain {
                plugins: vec![plugin],
                ..FoundChain::default()
            });
        }
        Some(self.found)
    }

    /// Adds the filters of Gatehouse in an entry of a chain: none or one, unless somebody is playing tricks.
    fn entry(
        &mut self,
        entry: &Node,
        chain: &mut FoundChain,
        context: &mut Context<'_>,
    ) -> Option<()> {
        let name = entry.get("name").and_then(Node::text).unwrap_or_default();
        let discovery = entry.field("config_discovery");
        let mut of_entry: Vec<_> = match discovery {
            Some(_) => self.extension(name),
            None => Vec::new(),
        };
        if of_entry.is_empty() {
            of_entry = self.within(entry);
        }
        let types = discovery.and_then(|discovery| discovery.field("type_urls"));
        let mut types = types.map(Node::items).unwrap_or_default().iter();
        let is_wasm = types.any(|kind| kind.text().is_some_and(|kind| kind.ends_with(".Wasm")));
        if of_entry.is_empty() && is_wasm {
            chain.apart.push(name.to_owned());
        }
        self.used.extend(&of_entry);
        for plugin in of_entry {
            let is_conditional = matches!(
                plugin.surroundings,
                Surroundings::Envoy {
                    is_conditional: true,
                    ..
                }
            );
            if is_disabled(entry) {
                self.found.disabled.push(name.to_owned());
            } else if is_conditional {
                return context.problem(format!(
                    "{}: the filter {name} stands in a matcher, and who sees it is not known here",
                    self.found.file
                ));
            } else {
                chain.plugins.push(self.plugin(plugin, context)?);
            }
        }
        Some(())
    }

    /// The filters that stand in an entry.
    fn within(&self, entry: &Node) -> Vec<&'p plugins::Plugin<'d>> {
        let is_in = |plugin: &&&plugins::Plugin<'_>| match plugin.surroundings {
            Surroundings::Envoy { config, .. } => contains(entry, config),
            _ => false,
        };
        self.plugins.iter().filter(is_in).copied().collect()
    }

    /// The filter in an extension of this name that is served apart.
    fn extension(&self, name: &str) -> Vec<&'p plugins::Plugin<'d>> {
        let is_it = |plugin: &&&plugins::Plugin<'_>| match plugin.surroundings {
            Surroundings::Envoy {
                manager: None,
                entry: Some(entry),
                ..
            } => entry.get("name").and_then(Node::text) == Some(name),
            _ => false,
        };
        self.plugins.iter().filter(is_it).copied().collect()
    }

    fn plugin(&self, plugin: &plugins::Plugin<'_>, context: &mut Context<'_>) -> Option<Plugin> {
        let text = |node: Option<&Node>| node.and_then(Node::text).unwrap_or_default().to_owned();
        let own = format!("gatehouse_{}", plugin.filter.name());
        let mut made = Plugin {
            name: own.clone(),
            root_id: own.clone(),
            vm_id: String::new(),
            vm_configuration: String::new(),
            // A module that is fetched from elsewhere is the one of that filter here.
            module: PathBuf::from(format!("{own}.wasm")),
            directory: self.directory.to_owned(),
            configuration: serde_json::Value::Null,
            allow_on_headers_stop_iteration: false,
            environment: environment(&plugin.declared),
        };
        match plugin.surroundings {
            Surroundings::Envoy { config, entry, .. } => {
                let root_id = text(config.field("root_id"));
                let of_entry = entry.and_then(|entry| entry.get("name"));
                made.name = [text(config.get("name")), text(of_entry), root_id.clone()]
                    .into_iter()
                    .find(|name| !name.is_empty())
                    .unwrap_or(own);
                made.root_id = root_id;
                made.vm_id = text(config.path(&["vm_config", "vm_id"]));
                made.vm_configuration = text(config.path(&["vm_config", "configuration", "value"]));
                if let Some(file) = config.path(&["vm_config", "code", "local", "filename"]) {
                    made.module = PathBuf::from(text(Some(file)));
                }
                made.allow_on_headers_stop_iteration = config
                    .field("allow_on_headers_stop_iteration")
                    .is_some_and(|flag| flag.is_true(Reader::Envoy));
            }
            Surroundings::Istio(spec) => {
                let name = text(spec.get("pluginName"));
                if !name.is_empty() {
                    (made.name, made.root_id) = (name.clone(), name);
                }
            }
            Surroundings::EnvoyGateway(wasm) => {
                let name = text(wasm.get("name"));
                if !name.is_empty() {
                    made.name = name;
                }
            }
            Surroundings::None => {}
        }
        match &plugin.delivered {
            Ok(delivered) => made.configuration = delivered.value(),
            Err(refused) => {
                return context.problem(format!("{}: {}", made.name, refused.problem));
            }
        }
        Some(made)
    }
}

/// Whether a node is somewhere in another.
fn contains(outer: &Node, inner: &Node) -> bool {
    let mut values = outer.entries().iter().map(|entry| &entry.value);
    std::ptr::eq(outer, inner)
        || outer.items().iter().any(|item| contains(item, inner))
        || values.any(|value| contains(value, inner))
}

fn environment(declared: &Declared) -> Option<VmEnvironment> {
    let Declared::These(variables) = declared else {
        return None;
    };
    let mut environment = VmEnvironment::default();
    for (name, value) in variables {
        match value {
            Some(value) => environment.key_values.push((name.clone(), value.clone())),
            None => environment.host_keys.push(name.clone()),
        }
    }
    Some(environment)
}

impl Found {
    /// The chain that is meant: of the listener, with the filter alone, or the only one there is.
    pub(crate) fn choose(
        self,
        listener: Option<&str>,
        filter: Option<&str>,
        context: &mut Context<'_>,
    ) -> Option<Chain> {
        let file = &self.file;
        if self.chains.is_empty() {
            let of_disabled = match self.disabled.as_slice() {
                [] => String::new(),
                names => format!(" that is not disabled: {}", names.join(", ")),
            };
            return context.at_key("envoy", |context| {
                context.problem(format!(
                    "{file} has no filter of Gatehouse's for requests{of_disabled}"
                ))
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
        let names: Vec<String> = chains
            .iter()
            .flat_map(|chain| chain.plugins.iter().map(|plugin| plugin.name.clone()))
            .collect();
        if let Some(wanted) = filter {
            let is_it = |plugin: &Plugin| plugin.name == wanted || plugin.root_id == wanted;
            for chain in &mut chains {
                chain.plugins.retain(is_it);
                chain.apart.clear();
            }
            chains.retain(|chain| !chain.plugins.is_empty());
            if chains.is_empty() {
                return context.at_key("filter", |context| {
                    if self.disabled.iter().any(|name| name == wanted) {
                        return context.problem(format!("{file} has {wanted:?} disabled"));
                    }
                    context.unknown(
                        format!("{file} has no filter {wanted:?} of Gatehouse's"),
                        wanted,
                        names.iter().map(String::as_str),
                    )
                });
            }
        }
        match chains.as_mut_slice() {
            [chain] if !chain.apart.is_empty() => context.problem_hint(
                format!(
                    "{file} has not all filters of the chain: {} is served apart (config_discovery)",
                    chain.apart.join(", ")
                ),
                "choose one that it has by filter",
            ),
            [chain] => Some(Chain {
                plugins: std::mem::take(&mut chain.plugins),
                clusters: self.clusters,
            }),
            several => context.problem_hint(
                format!(
                    "{file} has {} chains with filters of Gatehouse's",
                    several.len()
                ),
                match listeners.is_empty() {
                    true => format!("choose one by filter: {}", names.join(", ")),
                    false => format!("choose one by listener: {}", listeners.join(", ")),
                },
            ),
        }
    }
}

#[cfg(test)]
mod tests;
