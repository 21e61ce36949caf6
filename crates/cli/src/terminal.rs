//! What a subcommand may touch, and how it ends.

use std::fmt;
use std::io::{Read, Write};

/// What a subcommand reads from and writes to.
pub struct Terminal<'t> {
    /// Where `-` is read from.
    pub input: &'t mut dyn Read,
    /// Where results go.
    pub output: &'t mut dyn Write,
    /// Where it goes why there are none.
    pub errors: &'t mut dyn Write,
    /// Whether results are read by somebody who sees colours.
    pub color: bool,
    /// The environment of the process.
    pub environment: &'t dyn Fn(&str) -> Option<String>,
}

/// How a subcommand ends that could do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All is good: exit code 0.
    Good,
    /// Something was found wrong, and said: exit code 1.
    Findings,
    /// Some of what it was to work with could not be read, and that was said: exit code 2.
    Unreadable,
}

/// Why a subcommand could not do its work: exit code 2.
#[derive(Debug)]
pub enum Failure {
    /// In the user's words.
    Told(String),
    /// The result could not be written.
    Output(std::io::Error),
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Output(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Told(message) => f.write_str(message),
            Self::Output(error) => write!(f, "the result cannot be written: {error}"),
        }
    }
}
