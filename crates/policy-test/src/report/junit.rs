//! JUnit XML, as Jenkins, GitLab and others read it (github.com/testmoapp/junitxml).

use super::{SuiteReport, counts, text::details};
use std::fmt::Write as _;
use std::time::Duration;

/// The report as an XML document.
pub fn junit(suites: &[SuiteReport], elapsed: Duration) -> String {
    let (passed, failed, _) = counts(suites);
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    // Writing to a String cannot fail.
    let _ = writeln!(
        xml,
        "<testsuites name=\"gatehouse\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" time=\"{}\">",
        passed + failed,
        seconds(elapsed)
    );
    for suite in suites {
        write_suite(&mut xml, suite);
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn write_suite(xml: &mut String, suite: &SuiteReport) {
    let failed = suite.cases.iter().filter(|case| !case.passed()).count();
    let elapsed = suite.cases.iter().map(|case| case.elapsed).sum();
    let file = escaped(&suite.file);
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{file}\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" skipped=\"0\" time=\"{}\">",
        suite.cases.len(),
        seconds(elapsed)
    );
    for case in &suite.cases {
        let _ = write!(
            xml,
            "    <testcase name=\"{}\" classname=\"{file}\" file=\"{file}\" line=\"{}\" time=\"{}\"",
            escaped(&case.name),
            case.position.line,
            seconds(case.elapsed)
        );
        if case.passed() {
            xml.push_str("/>\n");
            continue;
        }
        let first = case
            .failures
            .iter()
            .flat_map(|failure| &failure.mismatches)
            .next();
        let message = first.map_or(String::new(), |mismatch| {
            format!(
                "{}: expected {}, got {}",
                mismatch.what, mismatch.expected, mismatch.got
            )
        });
        let _ = write!(
            xml,
            ">\n      <failure message=\"{}\" type=\"mismatch\">{}</failure>\n    </testcase>\n",
            escaped(&message),
            escaped(&details(case, false)).replace("&#10;", "\n")
        );
    }
    xml.push_str("  </testsuite>\n");
}

fn seconds(elapsed: Duration) -> String {
    format!("{:.3}", elapsed.as_secs_f64())
}

/// Text for an attribute or an element. What XML 1.0 has no way to say (2.2) is the replacement character.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            '\r' => escaped.push_str("&#13;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}
