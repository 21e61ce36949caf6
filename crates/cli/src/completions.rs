//! `gatehouse completions`: what a shell needs to complete the command line.

use crate::command::Gatehouse;
use crate::terminal::{Failure, Outcome, Terminal};
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "Example:
  gatehouse completions bash > /etc/bash_completion.d/gatehouse")]
pub(crate) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments, terminal: &mut Terminal<'_>) -> Result<Outcome, Failure> {
    // Written at once: the generator panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Gatehouse::command(),
        "gatehouse",
        &mut script,
    );
    terminal.output.write_all(&script)?;
    Ok(Outcome::Good)
}
