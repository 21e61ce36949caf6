//! The environment variables that `${env:NAME}` stands for, as the command line gives them.

use crate::terminal::Failure;
use clap::Args;
use std::collections::BTreeMap;

/// Where variables come from. A later one counts rather than an earlier: the process, the files, the options.
#[derive(Debug, Args)]
pub(crate) struct Variables {
    /// An environment variable of the proxy's; may be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,

    /// A file with the proxy's environment variables, a line NAME=VALUE for each
    #[arg(long = "env-file", value_name = "FILE")]
    env_files: Vec<String>,
}

/// The variables of the proxy, as far as they are known here.
pub(crate) struct Environment<'p> {
    given: BTreeMap<String, String>,
    process: &'p dyn Fn(&str) -> Option<String>,
}

impl Environment<'_> {
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        self.given
            .get(name)
            .cloned()
            .or_else(|| (self.process)(name))
    }
}

impl Variables {
    pub(crate) fn read<'p>(
        &self,
        process: &'p dyn Fn(&str) -> Option<String>,
    ) -> Result<Environment<'p>, Failure> {
        let mut given = BTreeMap::new();
        for file in &self.env_files {
            let text = std::fs::read_to_string(file)
                .map_err(|error| Failure::Told(format!("{file} cannot be read: {error}")))?;
            for (line, number) in text.lines().zip(1..) {
                let line = line.trim();
                if line.is_empty() || line.starts_with('#') {
                    continue;
                }
                let (name, value) = split(line)
                    .ok_or_else(|| Failure::Told(format!("{file}:{number}: not NAME=VALUE")))?;
                given.insert(name, value);
            }
        }
        for variable in &self.env {
            let (name, value) = split(variable)
                .ok_or_else(|| Failure::Told("--env wants NAME=VALUE".to_owned()))?;
            given.insert(name, value);
        }
        Ok(Environment { given, process })
    }
}

fn split(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once('=')?;
    (!name.is_empty()).then(|| (name.to_owned(), value.to_owned()))
}
