//! `gatehouse validate`: what is wrong with configurations, and where.
//!
//! Of every file, in this order:
//!
//! 1. It is read (module `files`); what cannot be read, or is no YAML, is said, and the others are still read.
//! 2. The Gatehouse filters in it are found (module `plugin`). A file that was named and has none is a finding:
//!    somebody thinks that it has.
//! 3. Each filter's own code decodes its configuration, and every problem gets its place in the file (module
//!    `check`).
//! 4. What surrounds the filters is looked at (module `lint`).

mod check;
mod files;
mod lint;
mod report;

use crate::filter;
use crate::terminal::{Failure, Outcome, Terminal};
use clap::{Args, ValueEnum};
use gatehouse_located_yaml::Position;
use gatehouse_plugins::Filter;
use lint::Lint;

/// Find what is wrong with configurations, by the filters' own code
///
/// FILEs are Envoy bootstraps or listeners, Istio WasmPlugins and EnvoyFilters, EnvoyExtensionPolicies of Envoy Gateway,
/// or a filter's configuration alone, in YAML or JSON. Every Gatehouse filter in them is found by its module or root id.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gatehouse validate envoy.yaml
  gatehouse validate --format json deploy/ > findings.json
  gatehouse validate --env-file prod.env --allow client-address envoy.yaml
  helm template . | gatehouse validate -

Exit codes: 0 all is good, 1 something was found, 2 something could not be read.")]
pub(crate) struct Arguments {
    /// Files; folders, for all .yaml, .yml and .json files in them; or - for the standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,

    /// What a configuration alone is for, where neither its fields nor a comment "# gatehouse: FILTER" say it
    #[arg(long, value_name = "FILTER", value_parser = filter::parser())]
    filter: Option<Filter>,

    #[command(flatten)]
    environment: crate::environment::Variables,

    /// Do not look for these; may be given several times, or separated by commas
    #[arg(long, value_name = "LINT", value_delimiter = ',')]
    allow: Vec<Lint>,

    /// How findings are written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A line for each, for people
    #[default]
    Text,
    /// One JSON object, for CI
    Json,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Severity {
    /// Envoy or the filter refuses it.
    Error,
    /// It works, and is probably not what was meant.
    Warning,
}

/// The code of what is refused: by the filter itself, or by Envoy.
const CONFIGURATION: &str = "configuration";

/// What is wrong somewhere.
#[derive(Debug)]
struct Finding {
    at: Position,
    severity: Severity,
    /// The name of a lint, or [`CONFIGURATION`], or `unreadable`.
    code: &'static str,
    filter: Option<Filter>,
    /// In the filter's configuration; empty for what is not in it.
    path: String,
    problem: String,
    suggestion: Option<String>,
}

/// What was found in one file.
#[derive(Debug, Default)]
struct Checked {
    name: String,
    /// One, or none for what is said of all files of an argument together.
    files: usize,
    filters: usize,
    findings: Vec<Finding>,
    unreadable: bool,
}

/// The text of one file, or why there is none.
pub(crate) fn read_one(file: &str, input: &mut dyn std::io::Read) -> Result<String, String> {
    let mut files = files::read(file, input).into_iter();
    match (files.next(), files.next()) {
        (Some(read), None) => read.text.map_err(|why| format!("{file}: {why}")),
        _ => Err(format!("{file}: it is a folder, but one file is wanted")),
    }
}

pub(crate) fn run(arguments: &Arguments, terminal: &mut Terminal<'_>) -> Result<Outcome, Failure> {
    let environment = arguments.environment.read(terminal.environment)?;
    let variable = |name: &str| environment.variable(name);
    let mut all = Vec::new();
    for file in &arguments.files {
        let mut checked: Vec<Checked> = files::read(file, terminal.input)
            .into_iter()
            .map(|file| check::file(file, arguments.filter, &variable, &arguments.allow))
            .collect();
        let is_empty = |file: &Checked| file.filters == 0 && file.findings.is_empty();
        if checked.iter().all(is_empty) && !arguments.allow.contains(&Lint::NoFilter) {
            checked.push(check::nothing_found(file));
        }
        all.append(&mut checked);
    }
    match arguments.format {
        Format::Text => report::text(&all, terminal)?,
        Format::Json => report::json(&all, terminal)?,
    }
    Ok(if all.iter().any(|file| file.unreadable) {
        Outcome::Unreadable
    } else if all.iter().any(|file| !file.findings.is_empty()) {
        Outcome::Findings
    } else {
        Outcome::Good
    })
}

#[cfg(test)]
mod tests;
