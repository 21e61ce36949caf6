//! What came of a run, for people and for machines.

mod json;
mod junit;
mod text;

pub use json::json;
pub use junit::junit;
pub use text::{failures, lines, list, summary};

use crate::check::Mismatch;
use gatehouse_located_yaml::Position;
use std::time::Duration;

/// What came of the cases of a file.
#[derive(Debug, Clone)]
pub struct SuiteReport {
    /// The file, as it was named.
    pub file: String,
    /// Of the cases that were run, in the order of the file.
    pub cases: Vec<CaseReport>,
    /// How many cases the filter left out.
    pub filtered_out: usize,
}

/// What came of a case.
#[derive(Debug, Clone)]
pub struct CaseReport {
    /// Its name.
    pub name: String,
    /// Where in the file it stands.
    pub position: Position,
    /// What was not as expected; empty where all was.
    pub failures: Vec<StepFailure>,
    /// How long it took.
    pub elapsed: Duration,
}

/// What was not as expected in a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepFailure {
    /// Which step: `step 2 of 3, request 6 of 6, at +10s`; empty where the case has only one.
    pub step: String,
    /// The request: `GET /orders`.
    pub request: String,
    /// What happened: `denied with 401 (…)`.
    pub happened: String,
    /// What was not as expected.
    pub mismatches: Vec<Mismatch>,
}

impl CaseReport {
    /// Whether all was as expected.
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }
}

/// How many cases passed, and how many did not.
pub(crate) fn counts(suites: &[SuiteReport]) -> (usize, usize, usize) {
    let cases = || suites.iter().flat_map(|suite| &suite.cases);
    let passed = cases().filter(|case| case.passed()).count();
    let filtered_out = suites.iter().map(|suite| suite.filtered_out).sum();
    (passed, cases().count() - passed, filtered_out)
}
