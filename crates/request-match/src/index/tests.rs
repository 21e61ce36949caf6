//! The index finds what asking every rule would find.

use super::*;
use crate::pattern::PathPattern;
use gatehouse_config::{Value, load_value};
use gatehouse_host::{Exchange, Request};
use gatehouse_host_fake::FakeHost;
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

/// The candidates for a request, and those of them and of the others that match it.
fn ask(rules: &[Option<Match>], path: &str, host: &str) -> (Vec<usize>, Vec<usize>) {
    ask_index(
        &Index::new(rules.iter().map(Option::as_ref)),
        rules,
        path,
        host,
    )
}

fn ask_index(
    index: &Index,
    rules: &[Option<Match>],
    path: &str,
    host: &str,
) -> (Vec<usize>, Vec<usize>) {
    let fake = FakeHost::default();
    let encoded = path
        .replace('%', "%25")
        .replace(' ', "%20")
        .replace('é', "%C3%A9");
    fake.begin([
        (":method", &b"GET"[..]),
        (":path", encoded.as_bytes()),
        (":authority", host.as_bytes()),
    ]);
    let mut exchange = Exchange::default();
    let mut request = Request::new(&fake, &mut exchange);
    let mut subject = Subject::new(0);
    let candidates = index
        .candidates(&mut subject, &mut request)
        .unwrap()
        .collect();
    let matches = |rule: &Option<Match>| match rule {
        None => true,
        Some(rule) => rule.matches(&mut Subject::new(0), &mut request).unwrap(),
    };
    let matching: Vec<bool> = rules.iter().map(matches).collect();
    let matching = (0..rules.len()).filter(|place| matching[*place]).collect();
    (candidates, matching)
}

fn found(rules: &[(&str, &str)], path: &str) -> Vec<usize> {
    let rules: Vec<Option<Match>> = rules
        .iter()
        .map(|(kind, path)| Some(rule(kind, path).1))
        .collect();
    ask(&rules, path, "a.test").0
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
    let mut rules: Vec<Option<Match>> = vec![Some(exact); 10];
    rules.insert(0, Some(regex));
    rules.insert(6, None);
    assert_eq!(ask(&rules, "/z", "a.test").0, [0, 6]);
    assert_eq!(ask(&rules, "*", "a.test").0, [0, 6]);
    assert_eq!(ask(&rules, "/y", "a.test").0.len(), 12);
}

#[test]
fn each_host_finds_its_rules() {
    let hosts = [
        r#"["a.test"]"#,
        r#"["*.a.test"]"#,
        r#"["b.test", "*.test", "*.a.test"]"#,
        r#"["[2001:db8:0::1]"]"#,
        r#"["10.0.0.1"]"#,
        r#"["*.b.a.test"]"#,
        r#"["*.1"]"#,
    ];
    let mut rules: Vec<Option<Match>> = hosts
        .iter()
        .map(|hosts| format!(r#"{{"hosts": {hosts}, "path": {{"prefix": "/p"}}}}"#))
        .map(|json| Some(gatehouse_config::load(json.as_bytes(), &nothing).unwrap()))
        .collect();
    rules.extend([
        Some(rule("exact", "/p").1),
        Some(rule("exact", "/q").1),
        None,
    ]);
    let cases: [(&str, &[usize]); 14] = [
        ("a.test", &[0, 2, 7, 9]),
        ("A.Test.:80", &[0, 2, 7, 9]),
        ("x.a.test", &[1, 2, 7, 9]),
        ("x.b.a.test", &[1, 2, 5, 7, 9]),
        ("b.test", &[2, 7, 9]),
        ("test", &[7, 9]),
        (".a.test", &[7, 9]),
        ("a..test", &[7, 9]),
        ("[2001:DB8::1]:443", &[3, 7, 9]),
        ("2001:db8::1", &[7, 9]),
        ("10.0.0.1", &[4, 6, 7, 9]),
        ("u@a.test", &[7, 9]),
        ("a.test,b.test", &[7, 9]),
        ("", &[7, 9]),
    ];
    for (host, expected) in cases {
        assert_eq!(ask(&rules, "/p", host).0, expected, "{host}");
    }
}

#[test]
fn expressions_that_are_large_together_stay_single() {
    // Each remembers where its letter was, one place apart: together they would remember all of them.
    let patterns: Vec<String> = ('j'..='q')
        .map(|letter| format!("/.*{letter}.{{6}}"))
        .collect();
    let rules: Vec<Option<Match>> = patterns
        .iter()
        .map(|pattern| Some(rule("regex", pattern).1))
        .collect();
    let (candidates, matching) = ask(&rules, "/xxq123456", "a.test");
    assert_eq!(matching, [7]);
    assert!(matching.iter().all(|place| candidates.contains(place)));
}

#[test]
fn ten_thousand_rules() {
    let rules: Vec<Option<Match>> = (0..10_000)
        .map(|n| match n % 4 {
            0 => json(&format!(r#"{{"path": {{"exact": "/p/{n}"}}}}"#)),
            1 => json(&format!(r#"{{"path": {{"regex": "/r/{n}/[a-z]+"}}}}"#)),
            2 => json(&format!(r#"{{"hosts": ["h{n}.test"]}}"#)),
            _ => json(&format!(
                r#"{{"hosts": ["*.h{n}.test"], "path": {{"template": "/t/{{id}}"}}}}"#
            )),
        })
        .map(Some)
        .collect();
    let cases: [(&str, &str, &[usize]); 5] = [
        ("/p/4000", "a.test", &[4000]),
        ("/r/4001/abc", "a.test", &[4001]),
        ("/r/4001/abc", "h4002.test", &[4001, 4002]),
        ("/t/7", "x.h9999.test", &[9999]),
        ("/t/7/8", "x.h9999.test", &[]),
    ];
    let index = Index::new(rules.iter().map(Option::as_ref));
    for (path, host, expected) in cases {
        let found = ask_index(&index, &rules, path, host);
        assert_eq!(found.0, expected, "{path} {host}");
        assert_eq!(found.1, expected, "{path} {host}");
    }
}

fn json(text: &str) -> Match {
    gatehouse_config::load(text.as_bytes(), &nothing).unwrap()
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

/// A rule of any kind: with or without hosts, with any kind of path or none.
fn mixed_rule() -> impl Strategy<Value = Option<Match>> {
    let hosts = prop::sample::select(vec![
        "",
        r#""a.test""#,
        r#""*.a.test""#,
        r#""b.test", "*.test""#,
        r#""[::1]", "a.test""#,
        r#""*.x.a.test""#,
    ]);
    let path = prop_oneof![
        1 => Just(None),
        3 => any_rule().prop_map(|(path, _)| Some(path)),
        3 => prop::sample::select(vec![
            "/a.*", "/(a|b)+", "/[^/]*/b", ".*b", "/a/.{2}", "/é?", "", "/.*a.{3}", "(?i)/A/B",
        ]).prop_map(|text| gatehouse_config::load_value(&serde_json::json!({"regex": text}), &nothing).ok()),
    ];
    (hosts, path, prop::bool::weighted(0.05)).prop_map(|(hosts, path, all)| {
        if all {
            return None;
        }
        let mut rule = match hosts {
            "" => Match::default(),
            hosts => json(&format!(r#"{{"hosts": [{hosts}]}}"#)),
        };
        rule.add_path(path);
        Some(rule)
    })
}

proptest! {
    /// The first rule that matches is the first candidate that does, and so are all others.
    #[test]
    fn what_matches_is_a_candidate(
        rules in prop::collection::vec(mixed_rule(), 0..40),
        path in path(),
        host in prop::sample::select(vec![
            "a.test", "A.test:8", "x.a.test", "y.x.a.test", "b.test", "test", "[::1]:1", "u@a.test", "",
        ]),
    ) {
        let (candidates, matching) = ask(&rules, &path.replace("{x}", "x"), host);
        prop_assert!(candidates.is_sorted());
        for place in &matching {
            prop_assert!(candidates.contains(place), "{} is missed", place);
        }
    }

    #[test]
    fn no_rule_is_missed_and_none_is_there_for_nothing(
        rules in prop::collection::vec(any_rule(), 9..40),
        path in path(),
    ) {
        let path = path.replace("{x}", "x");
        let whole: Vec<Option<Match>> = rules.iter().map(|(_, rule)| Some(rule.clone())).collect();
        let found = ask(&whole, &path, "a.test").0;
        let asked: Vec<usize> = (0..rules.len())
            .filter(|place| rules[*place].0.matches(&path))
            .collect();
        prop_assert_eq!(found, asked);
    }
}
