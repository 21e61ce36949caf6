//! `gatehouse explain`: what becomes of a request, and why.
//!
//! 1. The filters of the file are configured, by their own code, on a host in memory (module `host`). Those of one HTTP
//!    connection manager see a request one after the other; those of another are explained apart.
//! 2. The request goes through them (module `run`), and they say what they look at (`gatehouse-trace`). Nothing is matched
//!    or decided here.
//! 3. Nobody answers callouts. What hangs on one is said to be open.

mod host;
mod report;
mod request;
mod run;
mod signature;

use crate::environment::Variables;
use crate::filter::{self, OwnCode as _};
use crate::terminal::{Failure, Outcome, Terminal};
use clap::{Args, ValueEnum};
use gatehouse_located_yaml::parse;
use gatehouse_plugins::{Filter, Plugin, Surroundings, Variable, config_maps, find, is_disabled};
use request::Asked;
use run::{Chain, Fate};

/// Say what becomes of a request, and why
///
/// The filters' own code decides, on a host in memory: which rule applies, what each provider and each limit finds, what the client
/// or the upstream gets. Nobody answers callouts.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gatehouse explain envoy.yaml --request 'GET /orders host=api.example x-api-key=acme-key-1'
  gatehouse explain envoy.yaml --path /admin --header \"authorization: Bearer $TOKEN\" --client-ip 203.0.113.7
  gatehouse explain limits.yaml --path /api --repeat 100 --time 2026-01-01T00:00:00Z

Exit codes: 0 the request goes on, 1 it is denied, 2 that cannot be said.")]
pub(crate) struct Arguments {
    /// The file with the filters, as gatehouse validate takes it; or -
    file: String,

    #[command(flatten)]
    asked: Asked,

    /// How often the request is made, one after the other; the last is explained
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
    /// A JSON list with an object for each connection manager
    Json,
}

pub(crate) fn run(arguments: &Arguments, terminal: &mut Terminal<'_>) -> Result<Outcome, Failure> {
    let environment = arguments.environment.read(terminal.environment)?;
    let variable = |name: &str| environment.variable(name);
    let asked = arguments.asked.read()?;
    let file = &arguments.file;
    let text = crate::validate::read_one(file, terminal.input).map_err(Failure::Told)?;
    let mut documents = parse(&text).map_err(|error| Failure::Told(format!("{file}:{error}")))?;
    let within: Vec<_> = documents
        .iter()
        .flat_map(|document| config_maps(document).0)
        .collect();
    documents.extend(within);
    let mut all = Vec::new();
    for document in &documents {
        let found = find(document, arguments.filter);
        for group in together(&found.plugins) {
            let chain = configured(file, &group, &variable, &asked)?;
            let at = group.first().map(|plugin| plugin.at);
            all.push((at, chain.explain(&asked, arguments.repeat)));
        }
    }
    if all.is_empty() {
        return Err(Failure::Told(format!(
            "{file}: no Gatehouse filter for HTTP requests is in it"
        )));
    }
    match arguments.format {
        Format::Text => report::text(file, &asked, &all, terminal)?,
        Format::Json => report::json(file, &all, terminal)?,
    }
    let some = |is: fn(&Fate) -> bool| all.iter().any(|(_, explained)| is(&explained.fate));
    Ok(if some(|fate| matches!(fate, Fate::Open)) {
        Outcome::Unreadable
    } else if some(|fate| matches!(fate, Fate::Denied { .. })) {
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
        .filter(|plugin| plugin.filter != Filter::ConnectionGuard);
    for plugin in http {
        let of = manager(plugin);
        match groups.iter_mut().find(|(other, _)| *other == of) {
            Some((_, group)) => group.push(plugin),
            None => groups.push((of, vec![plugin])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
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
        let (line, column) = (plugin.at.line, plugin.at.column);
        let told = |problems: &str| {
            Failure::Told(format!(
                "{file}:{line}:{column}: the {} filter would not start; gatehouse validate says more:\n{problems}",
                plugin.filter.name()
            ))
        };
        let delivered = plugin
            .delivered
            .as_ref()
            .map_err(|refused| told(&refused.problem))?;
        let variables = |name: &str| match plugin.declared.variable(name, environment) {
            Variable::Is(value) => Some(value),
            Variable::Unknown | Variable::Undeclared => None,
        };
        let value = delivered.value();
        let problems = plugin.filter.problems(&value, &variables);
        if !problems.is_empty() {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            return Err(told(&problems.join("\n")));
        }
        chain
            .add(plugin.filter, &value, &variables)
            .map_err(|error| told(&error))?;
    }
    Ok(chain)
}

#[cfg(test)]
mod tests;
