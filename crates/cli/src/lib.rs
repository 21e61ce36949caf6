//! The command `gatehouse`: what can be known of a configuration before it is rolled out, without Envoy.
//!
//! Each subcommand is a module with its `Arguments` and a `run`: arguments and a [`Terminal`] in, an
//! [`Outcome`] out. A new one adds a module and a variant of `command::Command`.
//!
//! Exit codes, of every subcommand: 0 where all is good, 1 where something was found wrong, 2 where the
//! question could not be answered: arguments that make no sense, files that cannot be read.

mod command;
mod completions;
mod environment;
mod explain;
mod filter;
mod policy_test;
mod schema;
mod terminal;
mod validate;

pub use terminal::{Failure, Outcome, Terminal};

use clap::Parser as _;
use clap::error::ErrorKind;
use std::ffi::OsString;

/// Runs the command with these arguments, the first of which is its own name; returns the exit code.
pub fn run(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    terminal: &mut Terminal<'_>,
) -> u8 {
    let mut output = terminal::ReadAsFarAsWanted(&mut *terminal.output);
    let terminal = &mut Terminal {
        input: &mut *terminal.input,
        output: &mut output,
        errors: &mut *terminal.errors,
        color: terminal.color,
        environment: terminal.environment,
    };
    let ran = match command::Gatehouse::try_parse_from(arguments) {
        Ok(gatehouse) => gatehouse.command.run(terminal),
        Err(error) => return usage(&error, terminal),
    };
    match ran {
        Ok(Outcome::Good) => 0,
        Ok(Outcome::Findings) => 1,
        Ok(Outcome::Unreadable) => 2,
        Err(failure) => {
            // Where the errors cannot be written either, the exit code says it.
            let _ = writeln!(terminal.errors, "gatehouse: {failure}");
            2
        }
    }
}

/// What clap has to say: help that was asked for, or a complaint.
fn usage(error: &clap::Error, terminal: &mut Terminal<'_>) -> u8 {
    let text = error.render();
    let (asked, to): (bool, &mut dyn std::io::Write) = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => (true, terminal.output),
        _ => (false, terminal.errors),
    };
    let written = match terminal.color {
        true => write!(to, "{}", text.ansi()),
        false => write!(to, "{text}"),
    };
    if asked && written.is_ok() { 0 } else { 2 }
}

#[cfg(test)]
mod tests;
