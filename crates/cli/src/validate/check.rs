//! The findings of one file.

use super::files::File;
use super::lint::{self, Lint};
use super::{CONFIGURATION, Checked, Finding, Severity};
use crate::filter::OwnCode as _;
use gatehouse_config::Problem;
use gatehouse_located_yaml::{Document, Kind, Node, Position, parse};
use gatehouse_plugins::{Declared, Delivered, Filter, Plugin, Variable, config_maps, find};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

const TOP: Position = Position { line: 1, column: 1 };

pub(super) fn file(
    file: File,
    as_filter: Option<Filter>,
    environment: &dyn Fn(&str) -> Option<String>,
    allowed: &[Lint],
) -> Checked {
    let mut checked = Checked {
        name: file.name,
        files: 1,
        ..Checked::default()
    };
    let documents = file
        .text
        .map_err(|why| unreadable(TOP, why))
        .and_then(|text| {
            parse(&text).map_err(|error| {
                let finding = unreadable(error.position, error.message);
                match text.contains("{{") {
                    true => finding.advice(
                        "a template is read once it is filled in: helm template . | gatehouse validate -",
                    ),
                    false => finding,
                }
            })
        });
    match documents {
        Ok(documents) => {
            for found in &documents {
                document(found, as_filter, environment, allowed, &mut checked);
                let (texts, broken) = config_maps(found);
                let broken = broken.into_iter();
                let broken = broken.map(|error| unreadable(error.position, error.message));
                checked.findings.extend(broken);
                for text in &texts {
                    document(text, None, environment, allowed, &mut checked);
                }
            }
        }
        Err(finding) => {
            checked.unreadable = true;
            checked.findings.push(finding);
        }
    }
    checked.findings.sort_by_key(|finding| finding.at);
    checked
}

fn unreadable(at: Position, problem: String) -> Finding {
    Finding {
        at,
        severity: Severity::Error,
        code: "unreadable",
        filter: None,
        path: String::new(),
        problem,
        suggestion: None,
    }
}

/// What is said of a file, or a folder, without any filter.
pub(super) fn nothing_found(name: &str) -> Checked {
    let finding = Lint::NoFilter
        .finding(TOP, None, "no Gatehouse filter is in it")
        .advice("filters are found by root_id or module, such as gatehouse_auth; for a configuration alone, say --filter");
    Checked {
        name: name.to_owned(),
        findings: vec![finding],
        ..Checked::default()
    }
}

fn document(
    document: &Document,
    as_filter: Option<Filter>,
    environment: &dyn Fn(&str) -> Option<String>,
    allowed: &[Lint],
    checked: &mut Checked,
) {
    let found = find(document, as_filter);
    checked.filters += found.plugins.len();
    for (at, name) in &found.strangers {
        checked.findings.push(stranger(*at, name));
    }
    for plugin in &found.plugins {
        checked
            .findings
            .extend(configuration(plugin, environment, allowed));
    }
    if !found.plugins.is_empty() {
        checked
            .findings
            .extend(lint::document(document, &found.plugins, allowed));
    }
}

fn stranger(at: Position, name: &str) -> Finding {
    let known = Filter::ALL.iter().map(|filter| filter.name());
    let name = name.replace('-', "_");
    Finding {
        at,
        severity: Severity::Error,
        code: CONFIGURATION,
        filter: None,
        path: String::new(),
        problem: format!("no filter of Gatehouse is called {name:?}"),
        suggestion: Some(match gatehouse_config::nearest(&name, known.clone()) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => format!("known: {}", known.collect::<Vec<_>>().join(", ")),
        }),
    }
}

/// What the filter's own code says of its configuration.
fn configuration(
    plugin: &Plugin<'_>,
    environment: &dyn Fn(&str) -> Option<String>,
    allowed: &[Lint],
) -> Vec<Finding> {
    let said = |at, path, problem, suggestion| Finding {
        at,
        severity: Severity::Error,
        code: CONFIGURATION,
        filter: Some(plugin.filter),
        path,
        problem,
        suggestion,
    };
    let delivered = match &plugin.delivered {
        Ok(delivered) => delivered,
        Err(refused) => {
            let suggestion = refused.suggestion.clone();
            return vec![said(
                refused.at,
                String::new(),
                refused.problem.clone(),
                suggestion,
            )];
        }
    };
    let unknown = RefCell::new(BTreeSet::new());
    let variables = |name: &str| match plugin.declared.variable(name, environment) {
        Variable::Is(value) => Some(value),
        Variable::Undeclared => None,
        Variable::Unknown => {
            unknown.borrow_mut().insert(name.to_owned());
            None
        }
    };
    let value = delivered.value();
    let mut problems = plugin.filter.problems(&value, &variables);
    let unknown = unknown.into_inner();
    let mut findings = repeated(delivered, plugin.filter);
    if !unknown.is_empty() {
        let missing = |problem: &Problem| {
            let message =
                |name: &&String| problem.message == format!("no environment variable {name}");
            unknown.iter().find(message)
        };
        let not_known = problems
            .iter()
            .filter_map(|problem| Some((problem, missing(problem)?)));
        let not_known: Vec<(&Problem, &String)> = not_known.collect();
        let places: Vec<String> = not_known
            .iter()
            .map(|(problem, _)| problem.path.clone())
            .collect();
        if !allowed.contains(&Lint::Environment) {
            findings.extend(not_known.into_iter().map(|(problem, name)| Finding {
                path: problem.path.clone(),
                ..not_set(plugin, delivered.locate(&problem.path, false), name)
            }));
        }
        // What comes after a missing value is looked at too, as if it were there.
        let stand_in = |name: &str| variables_with_stand_ins(plugin, environment, name);
        problems = plugin.filter.problems(&value, &stand_in);
        problems.retain(|problem| !places.contains(&problem.path));
    }
    for problem in problems {
        let at = delivered.locate(&problem.path, problem.message == "unknown field");
        let suggestion = match problem.suggestion {
            None if delivered.is_text_to_envoy_only(&problem.path) => Some(
                "in Envoy's YAML this number is a text: deliver the configuration as a StringValue with JSON"
                    .to_owned(),
            ),
            suggestion => suggestion,
        };
        findings.push(said(at, problem.path, problem.message, suggestion));
    }
    findings
}

/// A value for a variable that is not known here: another for each name, and long enough for any secret.
fn variables_with_stand_ins(
    plugin: &Plugin<'_>,
    environment: &dyn Fn(&str) -> Option<String>,
    name: &str,
) -> Option<String> {
    match plugin.declared.variable(name, environment) {
        Variable::Is(value) => Some(value),
        Variable::Undeclared => None,
        Variable::Unknown => {
            let mut hasher = DefaultHasher::new();
            name.hash(&mut hasher);
            Some(format!("{:016x}", hasher.finish()).repeat(4))
        }
    }
}

fn not_set(plugin: &Plugin<'_>, at: Position, name: &str) -> Finding {
    let whose = match plugin.declared {
        Declared::Anything => "",
        Declared::These(_) => ", and the proxy's own is to be used",
    };
    Lint::Environment
        .finding(
            at,
            Some(plugin.filter),
            &format!("the environment variable {name} is not set here{whose}"),
        )
        .advice(&format!(
            "set it where this runs, or give --env {name}=… or --env-file; without it the filter refuses to start"
        ))
}

/// Keys that a configuration has twice. JSON with such keys is refused as a whole; of YAML, Envoy takes the last.
fn repeated(delivered: &Delivered<'_>, filter: Filter) -> Vec<Finding> {
    fn visit(node: &Node, found: &mut Vec<(Position, String)>) {
        let mut known = HashSet::new();
        for entry in node.entries() {
            if !known.insert(&entry.key) {
                found.push((entry.key_at, entry.key.clone()));
            }
            visit(&entry.value, found);
        }
        if let Kind::List(items) = &node.kind {
            items.iter().for_each(|item| visit(item, found));
        }
    }
    let mut found = Vec::new();
    if let Delivered::Tree(tree, _) = delivered {
        visit(tree, &mut found);
    }
    let finding = |(at, key)| Finding {
        at,
        severity: Severity::Error,
        code: CONFIGURATION,
        filter: Some(filter),
        path: String::new(),
        problem: format!("the key {key:?} is here twice, and only the last one counts"),
        suggestion: None,
    };
    found.into_iter().map(finding).collect()
}
