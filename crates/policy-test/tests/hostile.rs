//! Whatever is in a suite, reading it ends, and not in a panic.

use gatehouse_policy_test::Suite;
use std::path::Path;

const EXAMPLE: &str = include_str!("../../../examples/policy-tests/gateway.yaml");

/// The suite of the example, with keys that are made in no time.
fn example() -> String {
    let file = "RS256, kid: demo, file: ../../integration/testdata/demo-issuer.pem}";
    EXAMPLE
        .replace("RS256, kid: demo}", "EdDSA, kid: demo}")
        .replace(file, "EdDSA, kid: demo}")
}

fn read(text: &str) -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/policy-tests/x.yaml");
    Suite::parse(text, &path).is_ok()
}

#[test]
fn halves_of_a_suite() {
    let example = example();
    assert!(read(&example));
    let halves = (0..example.len()).step_by(997);
    for half in halves.filter_map(|end| example.get(..end)) {
        read(half);
    }
}

#[test]
fn suites_with_other_values_in_them() {
    let example = example();
    let (head, tail) = example.split_once("defaults:").expect("defaults");
    let others = [
        "[]",
        "{}",
        "~",
        "-1",
        "\"${\"",
        "\"${a}${b}\"",
        "18446744073709551615",
        "\"\\u0000\"",
        "{a: {a: {a: [[[]]]}}}",
    ];
    let words: Vec<(usize, &str)> = tail.match_indices(": ").collect();
    for (index, (at, _)) in words.iter().enumerate().step_by(23) {
        let (Some(before), Some(rest)) = (tail.get(..*at), tail.get(*at..)) else {
            continue;
        };
        let Some(after) = rest.find(['\n', ',', '}']).and_then(|end| rest.get(end..)) else {
            continue;
        };
        let other = others[index % others.len()];
        let text = format!("{head}defaults:{before}: {other}{after}");
        read(&text);
    }
}

#[test]
fn what_is_too_much() {
    let suite = |case: &str| format!("config: {{headers: {{rules: []}}}}\ncases: [{case}]");
    let many = |text: &str, count| text.repeat(count);
    let cases = [
        (
            "nesting",
            suite(&format!("{}{}", many("[", 500), many("]", 500))),
        ),
        ("flow nesting", many("{a: ", 5000)),
        (
            "a long name",
            suite(&format!(
                "{{name: {}, request: {{path: /}}, expect: []}}",
                many("x", 1 << 20)
            )),
        ),
        (
            "rows",
            suite(&format!(
                "{{name: a, table: [{}], request: {{path: /}}, expect: []}}",
                many("{a: 1},", 5000)
            )),
        ),
        (
            "a repeat",
            suite("{name: a, repeat: 4294967295, request: {path: /}, expect: allowed}"),
        ),
        (
            "a long time",
            suite(
                "{name: a, request: {path: /}, expect: allowed, steps: [{after: 99999999999999d}]}",
            ),
        ),
    ];
    for (name, text) in cases {
        assert!(!read(&text), "{name}");
    }
}
