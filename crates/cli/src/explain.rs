//! `gatehouse explain`: what becomes of a request, or of a connection, and why.
//!
//! 1. The filters of the file are configured, by their own code, on a host in memory (module `host`). Those of one HTTP
//!    connection manager see a request one after the other; those of another are explained apart.
//! 2. The request goes through them (module `run`), and they say what they look at (`gatehouse-trace`). Nothing is matched
//!    or decided here.
//! 3. Nobody answers callouts. What hangs on one is said to be open.
//! 4. With `--connection`, the connection-guards of the file see a connection, each for itself (module `guard`).

mod connection;
mod guard;
mod guard_report;
mod hello;
mod host;
mod report;
mod request;
mod run;

use crate::environment::Variables;
use crate::filter::{self, OwnCode as _};
use crate::terminal::{Failure, Outcome, Terminal};
use clap::{Args, ValueEnum};
use gatehouse_located_yaml::parse;
use gatehouse_plugins::{Filter, Plugin, Surroundings, Variable, config_maps, find, is_disabled};
use request::Asked;
use run::{Chain, Fate};

/// Say what becomes of a request or a connection, and why
///
/// The filters' own code decides, on a host in memory: which rule applies, what each provider and each limit finds, what the client
/// or the upstream gets. Nobody answers callouts. Connections (--connection) are what connection-guard sees, requests what the others see.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gatehouse explain envoy.yaml --request 'GET /orders host=api.example x-api-key=acme-key-1'
  gatehouse explain envoy.yaml --path /admin --header \"authorization: Bearer $TOKEN\" --client-ip 203.0.113.7
  gatehouse explain limits.yaml --path /api --repeat 100 --time 2026-01-01T00:00:00Z
  gatehouse explain envoy.yaml --connection 'from=192.0.2.7 port=443 sni=api.example alpn=h2 tls=1.3'
  gatehouse explain envoy.yaml --connection 'from=192.0.2.7 speaks=ssh' --feed blocklist=drop.txt --repeat 51

Exit codes: 0 it goes on, 1 it is denied, or a filter fails, 2 that cannot be said.")]
pub(crate) struct Arguments {
    /// The file with the filters, as gatehouse validate takes it; or -
    file: String,

    #[command(flatten)]
    asked: Asked,

    #[command(flatten)]
    connection: connection::AskedConnection,

    /// How often the request is made, one after the other, or the connection, which all stay; the last is explained
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    repeat: u32,

    /// What a configuration alone is for, where neither its fields nor a comment "# gatehouse: FILTER" say it
    #[arg(long, value_name = "FILTER", value_parser = filter::parser())]
    filter: Option<Filter>,

    #[command(flatten)]
    environment: Variables,

    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Lines, for people
    #[default]
    Text,
    /// A JSON list with an object for each connection manager, or each connection-guard
    Json,
}

pub(crate) fn run(arguments: &Arguments, terminal: &mut Terminal<'_>) -> Result<Outcome, Failure> {
    let environment = arguments.environment.read(terminal.environment)?;
    let variable = |name: &str| environment.variable(name);
    let connection = arguments.connection.read()?;
    let asked = arguments.asked.read()?;
    let file = &arguments.file;
    let text = crate::validate::read_one(file, terminal.input).map_err(Failure::Told)?;
    let mut documents = parse(&text).map_err(|error| Failure::Told(format!("{file}:{error}")))?;
    let within: Vec<_> = documents
        .iter()
        .flat_map(|document| config_maps(document).0)
        .collect();
    documents.extend(within);
    let found: Vec<_> = documents
        .iter()
        .map(|document| find(document, arguments.filter))
        .collect();
    if let Some(connection) = connection {
        let plugins = found.iter().flat_map(|found| &found.plugins);
        let plugins: Vec<_> = plugins
            .filter(|plugin| !plugin.filter.sees_requests())
            .collect();
        return connections(
            arguments,
            &plugins,
            &connection,
            &variable,
            &asked,
            terminal,
        );
    }
    let mut all = Vec::new();
    for found in &found {
        for group in together(&found.plugins) {
            let chain = configured(file, &group, &variable, &asked)?;
            let at = group.first().map(|plugin| plugin.at);
            all.push((at, chain.explain(&asked, arguments.repeat)));
        }
    }
    if all.is_empty() {
        let mut plugins = found.iter().flat_map(|found| &found.plugins);
        let hint = match plugins.any(|plugin| !plugin.filter.sees_requests()) {
            true => "; connections are told with --connection",
            false => "",
        };
        return Err(Failure::Told(format!(
            "{file}: no Gatehouse filter for HTTP requests is in it{hint}"
        )));
    }
    match arguments.format {
        Format::Text => report::text(file, &asked, &all, terminal)?,
        Format::Json => report::json(file, &all, terminal)?,
    }
    let some = |is: fn(&Fate) -> bool| all.iter().any(|(_, explained)| is(&explained.fate));
    Ok(if some(|fate| matches!(fate, Fate::Open)) {
        Outcome::Unreadable
    } else if some(|fate| matches!(fate, Fate::Denied { .. } | Fate::Failed { .. })) {
        Outcome::Findings
    } else {
        Outcome::Good
    })
}

/// The plugins that see one request: those of one connection manager, and those that stand in none.
fn together<'p, 'd>(plugins: &'p [Plugin<'d>]) -> Vec<Vec<&'p Plugin<'d>>> {
    let manager = |plugin: &Plugin<'d>| match plugin.surroundings {
        Surroundings::Envoy { manager, .. } => manager.map(std::ptr::from_ref),
        _ => None,
    };
    let mut groups: Vec<(_, Vec<&Plugin<'d>>)> = Vec::new();
    // A network filter sees connections, and no requests.
    let http = plugins
        .iter()
        .filter(|plugin| plugin.filter.sees_requests());
    for plugin in http.filter(|plugin| !is_left_out(plugin)) {
        let of = manager(plugin);
        match groups.iter_mut().find(|(other, _)| *other == of) {
            Some((_, group)) => group.push(plugin),
            None => groups.push((of, vec![plugin])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// Whether it sees nothing, unless a route wants it.
fn is_left_out(plugin: &Plugin<'_>) -> bool {
    match plugin.surroundings {
        Surroundings::Envoy { entry, .. } => entry.is_some_and(is_disabled),
        _ => false,
    }
}

/// The port of the listener that a plugin is in.
fn port_of(plugin: &Plugin<'_>) -> Option<u16> {
    let Surroundings::Envoy { listener, .. } = plugin.surroundings else {
        return None;
    };
    let port = listener?.path(&["address", "socket_address", "port_value"])?;
    port.text()?.parse().ok()
}

/// What connection-guard makes of a connection.
fn connections(
    arguments: &Arguments,
    plugins: &[&Plugin<'_>],
    connection: &connection::Connection,
    environment: &dyn Fn(&str) -> Option<String>,
    asked: &request::Request,
    terminal: &mut Terminal<'_>,
) -> Result<Outcome, Failure> {
    let file = &arguments.file;
    if plugins.is_empty() {
        return Err(Failure::Told(format!(
            "{file}: no connection-guard is in it; requests are told with --request"
        )));
    }
    // To which listener it comes is known where one has that port.
    let is_there = |plugin: &&Plugin<'_>| port_of(plugin) == connection.port;
    let is_known = connection.port.is_some() && plugins.iter().any(is_there);
    let plugins = plugins
        .iter()
        .filter(|plugin| !is_known || is_there(plugin));
    let mut all = Vec::new();
    for plugin in plugins {
        let (value, variables) = accepted(file, plugin, environment)?;
        let has_not =
            |(name, _): &&(String, String)| value.pointer(&format!("/feeds/{name}")).is_none();
        if let Some((name, _)) = connection.feeds.iter().find(has_not) {
            return Err(Failure::Told(format!(
                "{file}:{}: the connection_guard has no feed named {name:?}",
                plugin.at
            )));
        }
        let guard = guard::Guard::new(&value, &variables, &connection.feeds, asked.now);
        let guard = guard.map_err(|error| refusing(file, plugin, &error))?;
        let filter_chain = match plugin.surroundings {
            Surroundings::Envoy { filter_chain, .. } => filter_chain,
            _ => None,
        };
        let port = connection.port.or_else(|| port_of(plugin)).unwrap_or(443);
        let has_socket =
            filter_chain.is_some_and(|chain| chain.field("transport_socket").is_some());
        let is_ended = connection.is_ended.unwrap_or(has_socket);
        let explained = guard.explain(
            connection,
            port,
            is_ended,
            &asked.properties,
            arguments.repeat,
        );
        all.push((plugin.at, port, explained));
    }
    match arguments.format {
        Format::Text => guard_report::text(file, connection.source(), &all, terminal)?,
        Format::Json => guard_report::json(file, &all, terminal)?,
    }
    let some =
        |is: fn(&guard::Fate) -> bool| all.iter().any(|(_, _, explained)| is(&explained.fate));
    Ok(if some(|fate| matches!(fate, guard::Fate::Open { .. })) {
        Outcome::Unreadable
    } else if some(|fate| !matches!(fate, guard::Fate::Passes { .. })) {
        Outcome::Findings
    } else {
        Outcome::Good
    })
}

/// The filters of these plugins. One that would refuse to start cannot be explained.
fn configured(
    file: &str,
    plugins: &[&Plugin<'_>],
    environment: &dyn Fn(&str) -> Option<String>,
    asked: &request::Request,
) -> Result<Chain, Failure> {
    let host = host::host(asked);
    let mut chain = Chain::new(host);
    for plugin in plugins {
        let (value, variables) = accepted(file, plugin, environment)?;
        chain
            .add(plugin.filter, &value, &variables)
            .map_err(|error| refusing(file, plugin, &error))?;
    }
    Ok(chain)
}

/// The configuration of a filter that would start with it, and its environment.
fn accepted<'p>(
    file: &str,
    plugin: &'p Plugin<'_>,
    environment: &'p dyn Fn(&str) -> Option<String>,
) -> Result<(serde_json::Value, impl Fn(&str) -> Option<String> + 'p), Failure> {
    let delivered = plugin
        .delivered
        .as_ref()
        .map_err(|refused| refusing(file, plugin, &refused.problem))?;
    let variables = |name: &str| match plugin.declared.variable(name, environment) {
        Variable::Is(value) => Some(value),
        Variable::Unknown | Variable::Undeclared => None,
    };
    let value = delivered.value();
    let problems = plugin.filter.problems(&value, &variables);
    if problems.is_empty() {
        return Ok((value, variables));
    }
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Err(refusing(file, plugin, &problems.join("\n")))
}

fn refusing(file: &str, plugin: &Plugin<'_>, problems: &str) -> Failure {
    Failure::Told(format!(
        "{file}:{}: the {} filter would not start; gatehouse validate says more:\n{problems}",
        plugin.at,
        plugin.filter.name()
    ))
}

#[cfg(test)]
mod tests;
