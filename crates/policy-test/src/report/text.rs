//! In the manner of `cargo test`.

use super::{CaseReport, StepFailure, SuiteReport, counts};
use crate::Suite;
use crate::check::Mismatch;
use std::fmt::Write as _;
use std::time::Duration;

/// The longest of expected and got that stand in one line.
const SHORT: usize = 60;

const GREEN: &str = "\x1b[32m";
const RED: &str = "\x1b[31m";
const RESET: &str = "\x1b[0m";

fn colored(text: &str, code: &str, color: bool) -> String {
    match color {
        true => format!("{code}{text}{RESET}"),
        false => text.to_owned(),
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// The names of the cases that a filter lets through, and how many they are.
pub fn list<'s>(
    suites: impl IntoIterator<Item = &'s Suite>,
    chosen: impl Fn(&str) -> bool,
) -> String {
    let mut text = String::new();
    let mut count = 0;
    for name in suites
        .into_iter()
        .flat_map(Suite::names)
        .filter(|name| chosen(name))
    {
        count += 1;
        text.push_str(&format!("{name}: test\n"));
    }
    text.push_str(&format!("\n{count} test{}\n", plural(count)));
    text
}

/// The cases of a file, a line each.
pub fn lines(suite: &SuiteReport, color: bool) -> String {
    let count = suite.cases.len();
    let mut text = format!("running {count} test{} of {}\n", plural(count), suite.file);
    for case in &suite.cases {
        let result = match case.passed() {
            true => colored("ok", GREEN, color),
            false => colored("FAILED", RED, color),
        };
        text.push_str(&format!("test {} ... {result}\n", case.name));
    }
    text.push('\n');
    text
}

/// What was not as expected, and the names of the cases; empty where all passed.
pub fn failures(suites: &[SuiteReport], color: bool) -> String {
    let failed: Vec<_> = suites
        .iter()
        .flat_map(|suite| suite.cases.iter().map(move |case| (suite, case)))
        .filter(|(_, case)| !case.passed())
        .collect();
    if failed.is_empty() {
        return String::new();
    }
    let mut text = "failures:\n\n".to_owned();
    for (suite, case) in &failed {
        text.push_str(&format!(
            "---- {} ({}:{})\n",
            case.name, suite.file, case.position
        ));
        text.push_str(&details(case, color));
        text.push('\n');
    }
    text.push_str("failures:\n");
    for (_, case) in &failed {
        text.push_str(&format!("    {}\n", case.name));
    }
    text.push('\n');
    text
}

/// What was not as expected in a case.
pub(super) fn details(case: &CaseReport, color: bool) -> String {
    let mut text = String::new();
    for StepFailure {
        step,
        request,
        happened,
        mismatches,
    } in &case.failures
    {
        let step = match step.is_empty() {
            true => String::new(),
            false => format!("{step}: "),
        };
        text.push_str(&format!("{step}{request}: {happened}\n"));
        for mismatch in mismatches {
            text.push_str(&difference(mismatch, color));
        }
    }
    text
}

fn difference(mismatch: &Mismatch, color: bool) -> String {
    let Mismatch {
        what,
        expected,
        got,
    } = mismatch;
    let short = |text: &str| text.chars().count() <= SHORT && !text.contains('\n');
    if short(expected) && short(got) {
        let expected = colored(expected, GREEN, color);
        let got = colored(got, RED, color);
        return format!("  {what}: expected {expected}, got {got}\n");
    }
    let mut text = format!("  {what}:\n");
    for (sign, code, side) in [("-", GREEN, expected), ("+", RED, got)] {
        for line in side.lines() {
            let line = colored(&format!("{sign} {line}"), code, color);
            // Writing to a String cannot fail.
            let _ = writeln!(text, "    {line}");
        }
    }
    text
}

/// The last line.
pub fn summary(suites: &[SuiteReport], elapsed: Duration, color: bool) -> String {
    let (passed, failed, filtered_out) = counts(suites);
    let result = match failed {
        0 => colored("ok", GREEN, color),
        _ => colored("FAILED", RED, color),
    };
    format!(
        "test result: {result}. {passed} passed; {failed} failed; {filtered_out} filtered out; finished in {:.2}s\n",
        elapsed.as_secs_f64()
    )
}
