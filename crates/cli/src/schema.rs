//! `gatehouse schema`: which shape a filter's configuration has.

use crate::filter::{self, OwnCode as _};
use crate::terminal::{Failure, Outcome, Terminal};
use clap::Args;
use gatehouse_plugins::Filter;

/// Print the JSON Schema (2020-12) of a filter's configuration
///
/// For editors, and for CI that has no gatehouse. It says which shape a configuration has; what must hold between its parts, only
/// the filter's own code knows: see gatehouse validate.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  gatehouse schema auth > auth.schema.json

An editor with yaml-language-server takes it from a comment at the top of a file:
  # yaml-language-server: $schema=auth.schema.json")]
pub(crate) struct Arguments {
    /// The filter
    #[arg(value_parser = filter::parser())]
    filter: Filter,
}

pub(crate) fn run(arguments: &Arguments, terminal: &mut Terminal<'_>) -> Result<Outcome, Failure> {
    writeln!(terminal.output, "{:#}", arguments.filter.schema())?;
    Ok(Outcome::Good)
}

#[cfg(test)]
mod tests;
