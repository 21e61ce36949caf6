//! Runs cases, several at once.

use crate::case::{Case, Step};
use crate::chain::Chain;
use crate::check::{Mismatch, check, failed};
use crate::gateway::Gateway;
use crate::modules::Modules;
use crate::report::{CaseReport, StepFailure, SuiteReport};
use crate::suite::Suite;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Runs the cases of a suite whose names are chosen, `jobs` at once. Each has filters of its own, freshly started,
/// with a clock, random numbers and shared data of their own.
#[expect(
    clippy::disallowed_methods,
    reason = "how long a case took is for people, and decides nothing"
)]
pub fn run(
    suite: &Suite,
    file: &str,
    modules: &Modules,
    jobs: usize,
    chosen: impl Fn(&str) -> bool,
) -> SuiteReport {
    let cases: Vec<&Case> = suite
        .cases
        .iter()
        .filter(|case| chosen(&case.name))
        .collect();
    let next = AtomicUsize::new(0);
    let reports = Mutex::new(Vec::with_capacity(cases.len()));
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = cases.get(index) else { return };
            let begin = Instant::now();
            let failures = run_case(&suite.chain, case, modules);
            let report = CaseReport {
                name: case.name.clone(),
                position: case.position,
                failures,
                elapsed: begin.elapsed(),
            };
            // A lock that a panic has poisoned still guards whole reports.
            let mut reports = reports
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            reports.push((index, report));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..jobs.clamp(1, cases.len().max(1)) {
            scope.spawn(work);
        }
        work();
    });
    let mut reports = reports
        .into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    reports.sort_by_key(|(index, _)| *index);
    SuiteReport {
        file: file.to_owned(),
        filtered_out: suite.cases.len() - cases.len(),
        cases: reports.into_iter().map(|(_, report)| report).collect(),
    }
}

fn run_case(chain: &Chain, case: &Case, modules: &Modules) -> Vec<StepFailure> {
    let Some(first) = case.steps.first() else {
        return Vec::new();
    };
    let started = Gateway::start(
        chain,
        modules,
        &case.environment,
        &first.callouts,
        case.time,
    );
    let mut gateway = match started {
        Ok(gateway) => gateway,
        Err(why) => {
            return vec![StepFailure {
                step: String::new(),
                request: "before the first request".to_owned(),
                happened: "the filters did not start".to_owned(),
                mismatches: vec![Mismatch {
                    what: "configuration".to_owned(),
                    expected: "filters that start".to_owned(),
                    got: why,
                }],
            }];
        }
    };
    let mut failures = Vec::new();
    for (index, step) in case.steps.iter().enumerate() {
        gateway.advance_to(case.time.saturating_add(step.at), &step.callouts);
        for round in 1..=step.repeat {
            let outcome = gateway.send(&step.request, &step.upstream);
            let mismatches = match &step.expect {
                Some(expect) => check(expect, &outcome),
                None => failed(&outcome),
            };
            if mismatches.is_empty() {
                continue;
            }
            failures.push(StepFailure {
                step: label(case, step, index, round),
                request: request_line(step),
                happened: outcome.summary(),
                mismatches,
            });
            // What follows of the same would say the same.
            break;
        }
    }
    failures
}

/// `step 2 of 3 (a name), request 6 of 6, at +10s`
fn label(case: &Case, step: &Step, index: usize, round: u32) -> String {
    let mut parts = Vec::new();
    if case.steps.len() > 1 {
        let name = step.name.as_ref().map(|name| format!(" ({name})"));
        let name = name.unwrap_or_default();
        parts.push(format!("step {} of {}{name}", index + 1, case.steps.len()));
    }
    if step.repeat > 1 {
        parts.push(format!("request {round} of {}", step.repeat));
    }
    if step.at > 0 {
        parts.push(format!("at +{}", length(step.at)));
    }
    parts.join(", ")
}

/// Nanoseconds in the largest unit that they are a whole number of.
fn length(nanos: u64) -> String {
    const UNITS: [(&str, u64); 6] = [
        ("h", 3_600_000_000_000),
        ("m", 60_000_000_000),
        ("s", 1_000_000_000),
        ("ms", 1_000_000),
        ("us", 1_000),
        ("ns", 1),
    ];
    let unit = UNITS.iter().find(|(_, scale)| nanos.is_multiple_of(*scale));
    unit.map_or(String::new(), |(name, scale)| {
        format!("{}{name}", nanos / scale)
    })
}

fn request_line(step: &Step) -> String {
    let header = |name: &str| {
        let headers = step.request.headers.iter();
        let value = headers
            .filter(|(other, _)| other == name)
            .map(|(_, value)| value)
            .next();
        String::from_utf8_lossy(value.map(Vec::as_slice).unwrap_or_default()).into_owned()
    };
    format!("{} {}", header(":method"), header(":path"))
}
