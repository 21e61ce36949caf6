//! One object, for machines.

use super::{SuiteReport, counts};
use gatehouse_config::Value;
use serde_json::json;
use std::time::Duration;

/// The report as JSON text, with a line break at its end.
pub fn json(suites: &[SuiteReport], elapsed: Duration) -> String {
    let (passed, failed, filtered_out) = counts(suites);
    let files: Vec<Value> = suites.iter().map(file).collect();
    let report = json!({
        "passed": passed,
        "failed": failed,
        "filtered_out": filtered_out,
        "seconds": elapsed.as_secs_f64(),
        "files": files,
    });
    format!("{report:#}\n")
}

fn file(suite: &SuiteReport) -> Value {
    let cases: Vec<Value> = suite
        .cases
        .iter()
        .map(|case| {
            let failures: Vec<Value> = case
                .failures
                .iter()
                .map(|failure| {
                    let mismatches: Vec<Value> = failure
                        .mismatches
                        .iter()
                        .map(|mismatch| {
                            json!({
                                "what": mismatch.what,
                                "expected": mismatch.expected,
                                "got": mismatch.got,
                            })
                        })
                        .collect();
                    json!({
                        "step": failure.step,
                        "request": failure.request,
                        "happened": failure.happened,
                        "mismatches": mismatches,
                    })
                })
                .collect();
            json!({
                "name": case.name,
                "line": case.position.line,
                "column": case.position.column,
                "passed": case.passed(),
                "seconds": case.elapsed.as_secs_f64(),
                "failures": failures,
            })
        })
        .collect();
    json!({"file": suite.file, "cases": cases})
}
