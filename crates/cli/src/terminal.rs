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

/// An output of which whoever reads it may have read enough: `gatehouse … | head`. What more there is goes nowhere, and the
/// exit code is what it would be.
pub(crate) struct ReadAsFarAsWanted<'w>(pub(crate) &'w mut dyn Write);

impl Write for ReadAsFarAsWanted<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(bytes.len()),
            written => written,
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self.0.flush() {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            flushed => flushed,
        }
    }
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

/// What a request or a file has in it must not steer the terminal.
pub(crate) fn shown(text: &str) -> String {
    text.chars()
        .map(|letter| {
            if letter.is_control() {
                '\u{fffd}'
            } else {
                letter
            }
        })
        .collect()
}
