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

use crate::{Declared, Delivered, Filter, NotDelivered, bare};
use gatehouse_located_yaml::{Document, Node, Position, Reader};

/// A Gatehouse filter somewhere in a document.
#[derive(Debug)]
pub struct Plugin<'d> {
    /// Which one.
    pub filter: Filter,
    /// Where it is named.
    pub at: Position,
    /// What it will get.
    pub delivered: Result<Delivered<'d>, NotDelivered>,
    /// Which environment variables its VM will have.
    pub declared: Declared,
    /// What it stands in.
    pub surroundings: Surroundings<'d>,
}

/// What a plugin stands in.
#[derive(Debug, Clone, Copy)]
pub enum Surroundings<'d> {
    /// Envoy's own configuration.
    Envoy {
        /// Its `PluginConfig`.
        config: &'d Node,
        /// The HTTP connection manager around it, where there is one.
        manager: Option<&'d Node>,
        /// The listener around it.
        listener: Option<&'d Node>,
        /// The filter chain of that which it is in.
        filter_chain: Option<&'d Node>,
        /// What has a name and the filter as its `typed_config`: an entry of `http_filters`, an extension that is served apart.
        entry: Option<&'d Node>,
        /// Whether it stands in a matcher, so that only some requests see it.
        is_conditional: bool,
    },
    /// The `spec` of a `WasmPlugin`.
    Istio(&'d Node),
    /// An element of `spec.wasm` of an `EnvoyExtensionPolicy`.
    EnvoyGateway(&'d Node),
    /// Nothing: a configuration alone.
    None,
}

/// A list of HTTP filters, of Gatehouse and others.
#[derive(Debug, Clone, Copy)]
pub struct Chain<'d> {
    /// The listener around it, where there is one.
    pub listener: Option<&'d Node>,
    /// `http_filters`.
    pub filters: &'d Node,
}

/// What was found in a document.
#[derive(Debug, Default)]
pub struct Found<'d> {
    /// The filters, in the order of the file.
    pub plugins: Vec<Plugin<'d>>,
    /// All lists of HTTP filters.
    pub chains: Vec<Chain<'d>>,
    /// What calls itself Gatehouse's, and is no filter of ours: where, and what it is called.
    pub strangers: Vec<(Position, String)>,
}

/// The filters of a document. `as_filter` says what a configuration alone is for.
pub fn find(document: &Document, as_filter: Option<Filter>) -> Found<'_> {
    let root = &document.root;
    let mut found = Found::default();
    let mut walk = Walk {
        reader: document.reader(),
        found: &mut found,
    };
    walk.visit(root, Around::default());
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

/// Whether an entry of `http_filters` is left out, unless a route wants it.
pub fn is_disabled(entry: &Node) -> bool {
    let disabled = entry.field("disabled");
    disabled.is_some_and(|disabled| disabled.is_true(Reader::Envoy))
}

/// What a place of a document is in.
#[derive(Clone, Copy, Default)]
struct Around<'d> {
    manager: Option<&'d Node>,
    listener: Option<&'d Node>,
    filter_chain: Option<&'d Node>,
    entry: Option<&'d Node>,
    is_conditional: bool,
}

struct Walk<'d, 'f> {
    reader: Reader,
    found: &'f mut Found<'d>,
}

impl<'d> Walk<'d, '_> {
    fn visit(&mut self, node: &'d Node, mut around: Around<'d>) {
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
            return self.envoy(node, around);
        }
        let is = |message: &str| {
            node.get("@type")
                .and_then(Node::text)
                .is_some_and(|name| name.ends_with(message))
        };
        if is(".HttpConnectionManager") {
            around.manager = Some(node);
        }
        around.is_conditional |= is(".ExtensionWithMatcher") || is(".Composite");
        // Only listeners have filter chains, and a name beside them.
        if node.get("name").is_some() && node.field("filter_chains").is_some() {
            around.listener = Some(node);
        }
        // A filter chain, and nothing else in a listener, has `filters`.
        if around.listener.is_some() && node.field("filters").is_some() {
            around.filter_chain = Some(node);
        }
        let is_entry = ["typed_config", "config_discovery"]
            .iter()
            .any(|field| node.field(field).is_some());
        if node.get("name").is_some() && is_entry {
            around.entry = Some(node);
        }
        if let Some(filters) = node.field("http_filters") {
            self.found.chains.push(Chain {
                listener: around.listener,
                filters,
            });
        }
        node.items()
            .iter()
            .for_each(|item| self.visit(item, around));
        let values = node.entries().iter().map(|entry| &entry.value);
        values.for_each(|value| self.visit(value, around));
    }

    fn envoy(&mut self, config: &'d Node, around: Around<'d>) {
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
            surroundings: Surroundings::Envoy {
                config,
                manager: around.manager,
                listener: around.listener,
                filter_chain: around.filter_chain,
                entry: around.entry,
                is_conditional: around.is_conditional,
            },
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
/// `file:///opt/gatehouse_auth.wasm`, `oci://registry.example/gatehouse-auth-v1.2:latest`. Also where `gatehouse` is the folder around
/// a filter: `oci://registry.example/gatehouse/auth:1.2`.
pub(crate) fn own_name(text: &str) -> Option<&str> {
    let mut parts = text.rsplit('/');
    let (file, folder) = (parts.next()?, parts.next());
    let rest = match file.strip_prefix("gatehouse") {
        Some(rest) => rest.strip_prefix(['_', '-', '.'])?,
        None if folder == Some("gatehouse") => file,
        None => return None,
    };
    let end = rest
        .find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_' || letter == '-'))
        .unwrap_or(rest.len());
    let name = rest.get(..end)?;
    let name = without_version(name).unwrap_or(name);
    // Of what else there is in a folder of that name, nothing is said.
    let is_ours = file.starts_with("gatehouse") || Filter::named(name).is_some();
    is_ours.then_some(name)
}

/// `auth` of `auth-v1` and `auth_2`.
fn without_version(name: &str) -> Option<&str> {
    let (before, last) = name.rsplit_once(['-', '_'])?;
    let version = last.strip_prefix('v').unwrap_or(last);
    version
        .starts_with(|first: char| first.is_ascii_digit())
        .then_some(before)
}
