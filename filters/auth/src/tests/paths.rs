//! No spelling of a protected path passes: paths put together from what means something in a path,
//! all that there are, decided by the filter and read as servers may read them.
//!
//! What becomes of single spellings is in a table, on Envoy: `integration/tests/auth_paths`.

mod readings;

use super::*;
use readings::may_begin_with;

/// The dangerous way round: what no rule names is open.
const OPEN: &str = "
rules:
- {match: {path: {prefix: /admin}}, require: partners}
- {match: {path: {prefix: /public}}, allow: anonymous}
- {allow: anonymous}
";

/// How many of the paths went on, and how many did not that some server takes for a protected one.
#[derive(Debug, Default)]
struct Count {
    passed: usize,
    stopped: usize,
}

/// Decides on all paths of so many of these parts, after the parts in front.
fn check(gate: &Gate, path: &mut String, parts: &[&str], more: usize, count: &mut Count) {
    let read = || may_begin_with(path.as_bytes(), "admin");
    match gate.outcome(path, &[]).as_str() {
        "anonymous" => {
            assert!(!read(), "{path} passes");
            count.passed += 1;
        }
        "credential_missing" | "path_ambiguous" => count.stopped += usize::from(read()),
        other => panic!("{path}: {other}"),
    }
    let Some(more) = more.checked_sub(1) else {
        return;
    };
    for part in parts {
        let length = path.len();
        path.push_str(part);
        check(gate, path, parts, more, count);
        path.truncate(length);
    }
}

#[test]
fn no_spelling_of_a_protected_path_passes() {
    let gate = Gate::new(PARTNERS, OPEN);
    let all = [
        "/", "admin", "%61dmin", "public", ".", "..", "%2e", "%2F", "\\", "%5c", ";", "%3b", "%25",
        "2e", "?", "#", "%00", "%c0%af", "http://x",
    ];
    let few = ["/", "admin", "x", ".", ";"];
    let slashes = ["/", "admin", ".", "%2f", "%", "25"];
    let cases: [(&str, &[&str], usize); 5] = [
        ("", &all, 3),
        ("/", &all, 4),
        ("/public/", &all, 4),
        ("/", &few, 6),
        ("/", &slashes, 6),
    ];
    for (first, parts, depth) in cases {
        let mut count = Count::default();
        check(&gate, &mut first.to_owned(), parts, depth, &mut count);
        assert!(count.passed > 100, "{parts:?}: {count:?}");
        assert!(count.stopped > 100, "{parts:?}: {count:?}");
    }
}
