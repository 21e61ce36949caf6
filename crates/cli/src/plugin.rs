//! The Gatehouse filters in a document, whoever it is written for.
//!
//! Looked for, in this order, at every object of the document:
//!
//! 1. an Istio `WasmPlugin`, an Envoy Gateway `EnvoyExtensionPolicy`;
//! 2. Envoy's `PluginConfig`, wherever it stands: in a bootstrap, a listener, an `EnvoyFilter`, a `TypedStruct`;
//! 3. where nothing of this is in the document, a filter's configuration alone: which filter it is for is what
//!    the command line says, or a comment (`# gatehouse: auth`), or what its fields are.
//!
//! A filter is Gatehouse's by its module (`gatehouse_auth.wasm`, `…/gatehouse_auth:1.0`), or by its root id.

mod bare;
mod delivered;
mod environment;

pub(crate) use delivered::{Delivered, NotDelivered};
pub(crate) use environment::{Declared, Variable};

use crate::filter::Filter;
use crate::source::{Document, Node, Position, Reader};

/// A Gatehouse filter somewhere in a document.
#[derive(Debug)]
pub(crate) struct Plugin<'d> {
    pub(crate) filter: Filter,
    /// Where it is named.
    pub(crate) at: Position,
    pub(crate) delivered: Result<Delivered<'d>, NotDelivered>,
    pub(crate) declared: Declared,
    pub(crate) surroundings: Surroundings<'d>,
}

/// What a plugin stands in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Surroundings<'d> {
    /// Envoy's `PluginConfig`, and the HTTP connection manager around it where there is one.
    Envoy {
        config: &'d Node,
        manager: Option<&'d Node>,
    },
    /// The `spec` of a `WasmPlugin`.
    Istio(&'d Node),
    /// An element of `spec.wasm` of an `EnvoyExtensionPolicy`.
    EnvoyGateway(&'d Node),
    /// Nothing: a configuration alone.
    None,
}

/// What was found in a document.
#[derive(Debug, Default)]
pub(crate) struct Found<'d> {
    pub(crate) plugins: Vec<Plugin<'d>>,
    /// What calls itself Gatehouse's, and is no filter of ours: where, and what it is called.
    pub(crate) strangers: Vec<(Position, String)>,
}

/// Who reads a document: what Kubernetes keeps is YAML of another kind than Envoy's own files.
fn reader(document: &Document) -> Reader {
    let has = |key| document.root.get(key).is_some();
    match document.is_json || (has("apiVersion") && has("kind")) {
        true => Reader::Json,
        false => Reader::Envoy,
    }
}

/// The filters of a document. `as_filter` says what a configuration alone is for.
pub(crate) fn find(document: &Document, as_filter: Option<Filter>) -> Found<'_> {
    let root = &document.root;
    let mut found = Found::default();
    let mut walk = Walk {
        reader: reader(document),
        found: &mut found,
    };
    walk.visit(root, None);
    if found.plugins.is_empty() && found.strangers.is_empty() {
        let declared = document.declared.as_deref().and_then(Filter::named);
        if let Some(filter) = as_filter.or(declared).or_else(|| bare::filter_of(root)) {
            found.plugins.push(Plugin {
                filter,
                at: root.at,
                delivered: Ok(Delivered::Tree(root, Reader::Json)),
                declared: Declared::Anything,
                surroundings: Surroundings::None,
            });
        }
    }
    found
}

struct Walk<'d, 'f> {
    reader: Reader,
    found: &'f mut Found<'d>,
}

impl<'d> Walk<'d, '_> {
    fn visit(&mut self, node: &'d Node, manager: Option<&'d Node>) {
        let kind = node.get("kind").and_then(Node::text).unwrap_or_default();
        let spec = node.get("spec");
        match (kind, spec) {
            ("WasmPlugin", Some(spec)) => return self.istio(spec),
            ("EnvoyExtensionPolicy", Some(spec)) => {
                let plugins = spec.get("wasm").map(Node::items).unwrap_or_default();
                return plugins.iter().for_each(|plugin| self.envoy_gateway(plugin));
            }
            _ => {}
        }
        if node.field("root_id").is_some() || node.field("vm_config").is_some() {
            return self.envoy(node, manager);
        }
        let is_manager = node
            .get("@type")
            .and_then(Node::text)
            .is_some_and(|name| name.ends_with(".HttpConnectionManager"));
        let manager = if is_manager { Some(node) } else { manager };
        node.items()
            .iter()
            .for_each(|item| self.visit(item, manager));
        let values = node.entries().iter().map(|entry| &entry.value);
        values.for_each(|value| self.visit(value, manager));
    }

    fn envoy(&mut self, config: &'d Node, manager: Option<&'d Node>) {
        let code = config.path(&["vm_config", "code"]);
        let local = code.and_then(|code| code.path(&["local", "filename"]));
        let remote = code.and_then(|code| code.path(&["remote", "http_uri", "uri"]));
        let names = [
            local.or(remote),
            config.field("root_id"),
            config.field("name"),
        ];
        let reader = self.reader;
        self.add(names, |filter, at| Plugin {
            filter,
            at,
            delivered: Delivered::by_envoy(config.field("configuration"), reader, at),
            declared: Declared::by_envoy(config.path(&["vm_config", "environment_variables"])),
            surroundings: Surroundings::Envoy { config, manager },
        });
    }

    fn istio(&mut self, spec: &'d Node) {
        let names = [spec.get("url"), spec.get("pluginName"), None];
        self.add(names, |filter, at| Plugin {
            filter,
            at,
            delivered: Delivered::as_json(spec.get("pluginConfig"), at),
            declared: Declared::by_istio(spec.path(&["vmConfig", "env"])),
            surroundings: Surroundings::Istio(spec),
        });
    }

    fn envoy_gateway(&mut self, plugin: &'d Node) {
        let url = |kind| plugin.path(&["code", kind, "url"]);
        let names = [
            url("image").or_else(|| url("http")),
            plugin.get("rootID"),
            plugin.get("name"),
        ];
        self.add(names, |filter, at| Plugin {
            filter,
            at,
            delivered: Delivered::as_json(plugin.get("config"), at),
            declared: Declared::by_envoy_gateway(plugin.path(&["env", "hostKeys"])),
            surroundings: Surroundings::EnvoyGateway(plugin),
        });
    }

    /// The first name that is one of ours says which filter it is.
    fn add(
        &mut self,
        names: [Option<&'d Node>; 3],
        plugin: impl FnOnce(Filter, Position) -> Plugin<'d>,
    ) {
        let ours = names.into_iter().flatten().filter_map(|node| {
            let name = own_name(node.text()?)?;
            Some((Filter::named(name), name, node.at))
        });
        let mut ours = ours.collect::<Vec<_>>().into_iter();
        let known = ours.clone().find_map(|(filter, _, at)| Some((filter?, at)));
        match (known, ours.next()) {
            (Some((filter, at)), _) => self.found.plugins.push(plugin(filter, at)),
            (None, Some((_, name, at))) => self.found.strangers.push((at, name.to_owned())),
            (None, None) => {}
        }
    }
}

/// What comes after `gatehouse_` in a root id, in the name of a module, or in an address that ends with one:
/// `file:///opt/gatehouse_auth.wasm`, `oci://registry.example/gatehouse-auth:1.2@sha256:…`.
fn own_name(text: &str) -> Option<&str> {
    let file = text.rsplit('/').next()?;
    let name = file
        .strip_prefix("gatehouse")?
        .strip_prefix(['_', '-', '.'])?;
    let end = name
        .find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_' || letter == '-'))
        .unwrap_or(name.len());
    name.get(..end)
}

#[cfg(test)]
mod tests;
