//! The index finds what asking every rule would find.

use super::*;
use crate::pattern::PathPattern;
use gatehouse_config::{Value, load_value};
use proptest::prelude::*;

fn nothing(_: &str) -> Option<String> {
    None
}

/// The path condition of a rule, and the rule.
fn rule(kind: &str, path: &str) -> (PathPattern, Match) {
    let pattern = serde_json::json!({ kind: path });
    let path: PathPattern = load_value(&pattern, &nothing).unwrap();
    let whole: Value = serde_json::json!({ "path": pattern });
    (path, load_value(&whole, &nothing).unwrap())
}

fn found(rules: &[(&str, &str)], path: &str) -> Vec<usize> {
    let rules: Vec<Match> = rules
        .iter()
        .map(|(kind, path)| rule(kind, path).1)
        .collect();
    Index::new(rules.iter().map(Some))
        .candidates(path)
        .collect()
}

const RULES: &[(&str, &str)] = &[
    ("exact", "/"),
    ("prefix", "/a"),
    ("exact", "/a"),
    ("template", "/a/{id}"),
    ("template", "/{x}/b"),
    ("template", "/a/{rest=**}"),
    ("prefix", "/a/b"),
    ("exact", "/ab"),
    ("prefix", "/a/c"),
    ("prefix", "/ab/c"),
    ("template", "/{x}/{y}/{z}"),
];

#[test]
fn each_path_finds_its_rules() {
    let cases: [(&str, &[usize]); 12] = [
        ("/", &[0]),
        ("/a", &[1, 2, 5]),
        ("/ab", &[7]),
        ("/a/b", &[1, 3, 4, 5, 6]),
        ("/a/b/c", &[1, 5, 6, 10]),
        ("/a/b/c/d", &[1, 5, 6]),
        ("/x/b", &[4]),
        ("/x", &[]),
        ("/A", &[]),
        ("*", &[]),
        ("", &[]),
        ("/ab/c/x", &[9, 10]),
    ];
    for (path, expected) in cases {
        assert_eq!(found(RULES, path), expected, "{path}");
    }
}

#[test]
fn rules_about_any_path_stay_in_their_order() {
    let (_, regex) = rule("regex", "/x.*");
    let (_, exact) = rule("exact", "/y");
    let mut rules: Vec<Option<&Match>> = vec![Some(&exact); 10];
    rules.insert(0, Some(&regex));
    rules.insert(6, None);
    let index = Index::new(rules);
    assert_eq!(index.candidates("/z").collect::<Vec<_>>(), [0, 6]);
    assert_eq!(index.candidates("*").collect::<Vec<_>>(), [0, 6]);
    assert_eq!(index.candidates("/y").count(), 12);
}

#[test]
fn few_rules_are_all_candidates() {
    assert_eq!(found(&RULES[..3], "/zzz"), [0, 1, 2]);
    assert_eq!(found(&[], "/"), [0; 0]);
}

fn segment() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "ab", "é", "{x}", "a b"])
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(segment(), 0..4).prop_map(|segments| format!("/{}", segments.join("/")))
}

/// A rule's path; the names of a template's segments are made different.
fn any_rule() -> impl Strategy<Value = (PathPattern, Match)> {
    let kind = prop::sample::select(vec!["exact", "prefix", "template"]);
    (kind, path()).prop_map(|(kind, path)| {
        let mut name = 0;
        let segments = path.split('/').map(|segment| match (kind, segment) {
            ("template", "{x}") => {
                name += 1;
                format!("{{x{name}}}")
            }
            (_, "{x}") => "x".to_owned(),
            (_, other) => other.to_owned(),
        });
        let path = segments.collect::<Vec<_>>().join("/");
        match kind {
            "template" if name == 0 => rule("exact", &path),
            kind => rule(kind, &path),
        }
    })
}

proptest! {
    #[test]
    fn no_rule_is_missed_and_none_is_there_for_nothing(
        rules in prop::collection::vec(any_rule(), 9..40),
        path in path(),
    ) {
        let path = path.replace("{x}", "x");
        let index = Index::new(rules.iter().map(|(_, rule)| Some(rule)));
        let found: Vec<usize> = index.candidates(&path).collect();
        let asked: Vec<usize> = (0..rules.len())
            .filter(|place| rules[*place].0.matches(&path))
            .collect();
        prop_assert_eq!(found, asked);
    }
}
