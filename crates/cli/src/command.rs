//! The command line: one variant for each subcommand.

use crate::terminal::{Failure, Outcome, Terminal};
use crate::{completions, explain, policy_test, schema, validate};
use clap::{Parser, Subcommand};

/// What can be known of a Gatehouse configuration before it is rolled out, without Envoy.
#[derive(Debug, Parser)]
#[command(
    name = "gatehouse",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "Examples:
  gatehouse validate envoy.yaml
  gatehouse explain envoy.yaml --request 'GET /orders host=api.example x-api-key=acme-key-1'
  gatehouse schema auth > auth.schema.json
  gatehouse test policy/

Exit codes: 0 all is good, 1 something was found wrong, 2 the question could not be answered."
)]
pub(crate) struct Gatehouse {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Validate(validate::Arguments),
    Explain(Box<explain::Arguments>),
    Schema(schema::Arguments),
    Test(policy_test::Arguments),
    Completions(completions::Arguments),
}

impl Command {
    pub(crate) fn run(self, terminal: &mut Terminal<'_>) -> Result<Outcome, Failure> {
        match self {
            Self::Validate(arguments) => validate::run(&arguments, terminal),
            Self::Explain(arguments) => explain::run(&arguments, terminal),
            Self::Schema(arguments) => schema::run(&arguments, terminal),
            Self::Test(arguments) => policy_test::run(&arguments, terminal),
            Self::Completions(arguments) => completions::run(&arguments, terminal),
        }
    }
}
