//! The tours of the demos: the command lines that `scripts/run` prints, as tests run them.

use std::process::Command;

use crate::{Envoy, repository};

/// A command line of a tour, with the comment before it.
#[derive(Debug)]
pub struct Step {
    /// What it shows.
    pub comment: String,
    /// The line for the shell.
    pub command: String,
}

/// The steps of `envoy/tour.txt`, in order.
pub fn steps() -> Vec<Step> {
    steps_of("envoy/tour.txt")
}

/// The steps of a tour, in order.
pub fn steps_of(file: &str) -> Vec<Step> {
    let text = std::fs::read_to_string(repository().join(file)).expect(file);
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
    /// Runs the line against this Envoy, whose ports take the place of 10000, 10001 and 9901, and returns what it
    /// prints. Panics when the shell fails.
    pub fn run(&self, envoy: &Envoy) -> String {
        let mut command = self
            .command
            .replace("127.0.0.1:9901", &envoy.admin_address().to_string());
        for port in [10000, 10001] {
            let written = format!("127.0.0.1:{port}");
            if command.contains(&written) {
                command = command.replace(&written, &envoy.address_of(port).to_string());
            }
        }
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
