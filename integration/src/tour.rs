//! The tour of the demo: the command lines that `scripts/run` prints, as a test runs them.

use std::process::Command;

use crate::{Envoy, repository};

/// A command line of `envoy/tour.txt`, with the comment before it.
#[derive(Debug)]
pub struct Step {
    /// What it shows.
    pub comment: String,
    /// The line for the shell.
    pub command: String,
}

/// The steps of `envoy/tour.txt`, in order.
pub fn steps() -> Vec<Step> {
    let text =
        std::fs::read_to_string(repository().join("envoy/tour.txt")).expect("envoy/tour.txt");
    let mut comment = String::new();
    let mut steps = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix('#') {
            Some(text) => comment = text.trim().to_owned(),
            None => steps.push(Step {
                comment: comment.clone(),
                command: line.to_owned(),
            }),
        }
    }
    steps
}

impl Step {
    /// Runs the line against this Envoy, whose ports take the place of 10000 and 9901, and returns what it
    /// prints. Panics when the shell fails.
    pub fn run(&self, envoy: &Envoy) -> String {
        let command = self
            .command
            .replace("127.0.0.1:10000", &envoy.address_of(10000).to_string())
            .replace("127.0.0.1:9901", &envoy.admin_address().to_string());
        let output = Command::new("bash")
            .args(["-c", &command])
            .output()
            .expect("bash");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            output.status.success(),
            "{command}: {}",
            text(&output.stderr)
        );
        text(&output.stdout)
    }
}
