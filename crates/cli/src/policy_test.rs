//! `gatehouse test`: policy tests, run by the real modules without Envoy.
//!
//! 1. All suites are read before any case is run. One that cannot be read is told of, and nothing runs: exit code 2.
//! 2. The cases that are chosen run, several at once; what came of them is written in the order of the files.
//! 3. A case that is not as expected makes the exit code 1. So does it that no case was chosen: a filter with a typing
//!    error would pass for good otherwise.

use crate::terminal::{Failure, Outcome, Terminal};
use clap::{Args, ValueEnum};
use gatehouse_policy_test::{Modules, Suite, report, run as run_suite};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Run policy tests: what a configuration decides, shown by the real modules
///
/// FILEs are suites of cases in YAML; their format is documented in crates/policy-test/README.md. Each case has filters
/// of its own, freshly started, with a clock, random numbers and shared state of their own.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gatehouse test examples/policy-tests
  gatehouse test --filter 'expired' --format junit policy/ > report.xml

Exit codes: 0 all is as expected, 1 something is not, 2 a suite could not be read.")]
pub(crate) struct Arguments {
    /// Suites; or folders, for all .yaml and .yml files in them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Only cases whose name has this in it; may be given several times
    #[arg(long, value_name = "NAME")]
    filter: Vec<String>,

    /// --filter is the whole name
    #[arg(long)]
    exact: bool,

    /// Only the names of the cases
    #[arg(long)]
    list: bool,

    /// Where the modules are; else where the Envoy file names them, or in dist
    #[arg(long, value_name = "DIR")]
    modules: Option<PathBuf>,

    /// How many cases run at once; else as many as there are processors
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,

    /// How results are written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// In the manner of cargo test
    #[default]
    Text,
    /// One JSON object
    Json,
    /// JUnit XML
    Junit,
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long it took is for people, and decides nothing"
)]
pub(crate) fn run(arguments: &Arguments, terminal: &mut Terminal<'_>) -> Result<Outcome, Failure> {
    let begin = Instant::now();
    let mut suites = Vec::new();
    let mut readable = true;
    for path in files(&arguments.files)? {
        match Suite::read(&path) {
            Ok(suite) => suites.push((path.display().to_string(), suite)),
            Err(problems) => {
                readable = false;
                for problem in problems {
                    writeln!(terminal.errors, "{problem}")?;
                }
            }
        }
    }
    if !readable {
        return Ok(Outcome::Unreadable);
    }
    let chosen = |name: &str| {
        let is_it = |filter: &String| match arguments.exact {
            true => name == filter,
            false => name.contains(filter.as_str()),
        };
        arguments.filter.is_empty() || arguments.filter.iter().any(is_it)
    };
    if arguments.list {
        let list = report::list(suites.iter().map(|(_, suite)| suite), chosen);
        terminal.output.write_all(list.as_bytes())?;
        return Ok(Outcome::Good);
    }
    let modules = Modules::new(arguments.modules.clone(), cache(terminal.environment))
        .map_err(|error| Failure::Told(error.to_string()))?;
    let jobs = match arguments.jobs {
        Some(jobs) => usize::from(jobs),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let mut reports = Vec::new();
    for (file, suite) in &suites {
        let report = run_suite(suite, file, &modules, jobs, chosen);
        if arguments.format == Format::Text {
            let lines = report::lines(&report, terminal.color);
            terminal.output.write_all(lines.as_bytes())?;
        }
        reports.push(report);
    }
    let written = match arguments.format {
        Format::Text => {
            report::failures(&reports, terminal.color)
                + &report::summary(&reports, begin.elapsed(), terminal.color)
        }
        Format::Json => report::json(&reports, begin.elapsed()),
        Format::Junit => report::junit(&reports, begin.elapsed()),
    };
    terminal.output.write_all(written.as_bytes())?;
    if reports.iter().all(|report| report.cases.is_empty()) {
        writeln!(terminal.errors, "gatehouse: no case has such a name")?;
        return Ok(Outcome::Findings);
    }
    let passed = reports
        .iter()
        .flat_map(|report| &report.cases)
        .all(report::CaseReport::passed);
    Ok(if passed {
        Outcome::Good
    } else {
        Outcome::Findings
    })
}

/// The suites that the arguments stand for: of a folder all, also in folders in it, in the order of their names.
fn files(arguments: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for argument in arguments {
        if !argument.is_dir() {
            files.push(argument.clone());
            continue;
        }
        let before = files.len();
        list(argument, &mut files)
            .map_err(|error| Failure::Told(format!("{}: {error}", argument.display())))?;
        if files.len() == before {
            return Err(Failure::Told(format!(
                "{}: no .yaml file is in it",
                argument.display()
            )));
        }
    }
    Ok(files)
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        // Not through links: they may lead around in a circle.
        if entry.file_type()?.is_dir() {
            list(&path, files)?;
        } else if path
            .extension()
            .is_some_and(|ending| ending == "yaml" || ending == "yml")
        {
            files.push(path);
        }
    }
    Ok(())
}

/// Where compiled modules are kept: with what the scripts keep.
fn cache(environment: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let given = |name: &str| {
        environment(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let cache = given("GATEHOUSE_CACHE")
        .or_else(|| Some(given("XDG_CACHE_HOME")?.join("gatehouse")))
        .or_else(|| Some(given("HOME")?.join(".cache/gatehouse")))?;
    Some(cache.join("modules"))
}
