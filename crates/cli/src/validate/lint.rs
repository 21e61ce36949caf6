//! What surrounds a filter: mistakes that the filter itself cannot see.
//!
//! Each has a name, by which it can be allowed.

mod network;
mod routes;
mod runtime;

use super::{Finding, Severity};
use clap::ValueEnum;
use gatehouse_located_yaml::{Document, Position};
use gatehouse_plugins::{Filter, Plugin};
use serde_json::Value;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Lint {
    /// A file has no Gatehouse filter in it
    NoFilter,
    /// An environment variable that a configuration names is not known here
    Environment,
    /// A plugin has no vm_id, or one that another plugin has too
    VmId,
    /// After a trap, requests pass a filter that says who may come in
    FailOpen,
    /// After a trap, a filter answers 503, or closes connections, until Envoy is restarted
    FailReload,
    /// A configuration names a cluster that the bootstrap does not have
    Cluster,
    /// Bodies are needed, and not handed over; or handed over too early
    Body,
    /// Clients can choose the address that the filter believes
    ClientAddress,
    /// A header with a client certificate is not handed on, or can be forged
    ClientCertificate,
    /// A filter decides by the route, and another one changes the path or the host that it was chosen for
    Route,
}

impl Lint {
    const fn code(self) -> &'static str {
        match self {
            Self::NoFilter => "no-filter",
            Self::Environment => "environment",
            Self::VmId => "vm-id",
            Self::FailOpen => "fail-open",
            Self::FailReload => "fail-reload",
            Self::Cluster => "cluster",
            Self::Body => "body",
            Self::ClientAddress => "client-address",
            Self::ClientCertificate => "client-certificate",
            Self::Route => "route",
        }
    }

    pub(super) fn finding(self, at: Position, filter: Option<Filter>, problem: &str) -> Finding {
        Finding {
            at,
            severity: Severity::Warning,
            code: self.code(),
            filter,
            path: String::new(),
            problem: problem.to_owned(),
            suggestion: None,
        }
    }
}

impl Finding {
    pub(super) fn advice(mut self, suggestion: &str) -> Self {
        self.suggestion = Some(suggestion.to_owned());
        self
    }
}

/// All that is to be said of the plugins of a document.
pub(super) fn document(
    document: &Document,
    plugins: &[Plugin<'_>],
    allowed: &[Lint],
) -> Vec<Finding> {
    let mut findings = runtime::shared_vm(plugins);
    findings.extend(routes::stale(plugins));
    for plugin in plugins {
        findings.extend(runtime::missing_vm_id(plugin));
        findings.extend(runtime::failure(plugin));
        findings.extend(network::clusters(plugin, &document.root));
        findings.extend(network::bodies(plugin));
        findings.extend(network::client_address(plugin));
        findings.extend(network::client_certificate(plugin));
    }
    findings.retain(|finding| !allowed.iter().any(|lint| lint.code() == finding.code));
    findings
}

/// The configurations of one kind in a plugin, with their paths: the plugin's own, or those in a gateway.
fn parts(plugin: &Plugin<'_>, filter: Filter) -> Vec<(String, Value)> {
    let Ok(delivered) = &plugin.delivered else {
        return Vec::new();
    };
    let value = delivered.value();
    if plugin.filter == filter {
        return vec![(String::new(), value)];
    }
    let filters = value.get("filters").and_then(Value::as_array);
    let filters = filters.into_iter().flatten().enumerate();
    filters
        .filter_map(|(index, part)| {
            let name = filter.name();
            Some((format!("filters[{index}].{name}."), part.get(name)?.clone()))
        })
        .collect()
}
