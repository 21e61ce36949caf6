//! Findings for people and for programs.

use super::{Checked, Finding, Severity};
use crate::terminal::{Terminal, shown};
use serde_json::{Value, json};

struct Style {
    bold: &'static str,
    error: &'static str,
    warning: &'static str,
    advice: &'static str,
    plain: &'static str,
}

const COLORS: Style = Style {
    bold: "\x1b[1m",
    error: "\x1b[1;31m",
    warning: "\x1b[1;33m",
    advice: "\x1b[36m",
    plain: "\x1b[0m",
};
const NONE: Style = Style {
    bold: "",
    error: "",
    warning: "",
    advice: "",
    plain: "",
};

/// `FILE:LINE:COLUMN: error: PATH: PROBLEM`, the suggestion on a line of its own, and a count at the end.
pub(super) fn text(files: &[Checked], terminal: &mut Terminal<'_>) -> std::io::Result<()> {
    let Style {
        bold,
        error,
        warning,
        advice,
        plain,
    } = if terminal.color { COLORS } else { NONE };
    for (file, finding) in findings(files) {
        let (color, severity) = match finding.severity {
            Severity::Error => (error, "error"),
            Severity::Warning => (warning, "warning"),
        };
        let (line, column) = (finding.at.line, finding.at.column);
        let name = shown(&file.name);
        write!(
            terminal.output,
            "{bold}{name}:{line}:{column}:{plain} {color}{severity}[{}]{plain}: ",
            finding.code
        )?;
        if !finding.path.is_empty() {
            write!(terminal.output, "{}: ", shown(&finding.path))?;
        }
        writeln!(terminal.output, "{}", shown(&finding.problem))?;
        if let Some(suggestion) = &finding.suggestion {
            writeln!(terminal.output, "  {advice}{}{plain}", shown(suggestion))?;
        }
    }
    writeln!(terminal.output, "{}", summary(files))
}

fn summary(files: &[Checked]) -> String {
    let count = |number: usize, what: &str| match number {
        1 => format!("1 {what}"),
        number => format!("{number} {what}s"),
    };
    let of = |severity| {
        let same = |(_, finding): &(&Checked, &Finding)| finding.severity == severity;
        findings(files).filter(same).count()
    };
    let filters = files.iter().map(|file| file.filters).sum();
    let found = match (of(Severity::Error), of(Severity::Warning)) {
        (0, 0) => "all is good".to_owned(),
        (errors, 0) => count(errors, "error"),
        (0, warnings) => count(warnings, "warning"),
        (errors, warnings) => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
    };
    format!(
        "{} in {}: {found}",
        count(filters, "filter"),
        count(files.iter().map(|file| file.files).sum(), "file")
    )
}

/// `{files, filters, errors, warnings, findings: [{file, line, column, severity, code, filter, path, problem, suggestion}]}`.
pub(super) fn json(files: &[Checked], terminal: &mut Terminal<'_>) -> std::io::Result<()> {
    let of = |severity| {
        let same = |(_, finding): &(&Checked, &Finding)| finding.severity == severity;
        findings(files).filter(same).count()
    };
    let report = json!({
        "files": files.iter().map(|file| file.files).sum::<usize>(),
        "filters": files.iter().map(|file| file.filters).sum::<usize>(),
        "errors": of(Severity::Error),
        "warnings": of(Severity::Warning),
        "findings": findings(files).map(|(file, finding)| entry(&file.name, finding)).collect::<Vec<_>>(),
    });
    writeln!(terminal.output, "{report:#}")
}

fn entry(file: &str, finding: &Finding) -> Value {
    json!({
        "file": file,
        "line": finding.at.line,
        "column": finding.at.column,
        "severity": match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "code": finding.code,
        "filter": finding.filter.map(|filter| filter.name()),
        "path": finding.path,
        "problem": finding.problem,
        "suggestion": finding.suggestion,
    })
}

fn findings(files: &[Checked]) -> impl Iterator<Item = (&Checked, &Finding)> {
    let of_file = |file| Checked::findings_of(file);
    files.iter().flat_map(of_file)
}

impl Checked {
    fn findings_of(&self) -> impl Iterator<Item = (&Self, &Finding)> {
        self.findings.iter().map(move |finding| (self, finding))
    }
}
