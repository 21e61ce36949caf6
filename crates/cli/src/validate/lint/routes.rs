//! Rules about Envoy's route, beside a filter that has Envoy choose another one.

use super::super::Finding;
use super::{Lint, parts};
use gatehouse_located_yaml::{Node, key as field};
use gatehouse_plugins::{Filter, Plugin, Surroundings};
use serde_json::Value;
use std::ptr;

const ADVICE: &str = "decide by path and hosts, in a filter after it; or leave the change to the route (prefix_rewrite)";

/// Something in the configuration of a filter.
struct Place<'p> {
    plugin: &'p Plugin<'p>,
    /// Of the filter in the plugin: empty, or `filters[0].auth.`.
    part: String,
    /// In the plugin's configuration.
    path: String,
}

impl Place<'_> {
    /// Whether one request sees both, in different filters.
    fn meets(&self, other: &Self) -> bool {
        match ptr::eq(self.plugin, other.plugin) {
            true => self.part != other.part,
            false => manager(self.plugin)
                .zip(manager(other.plugin))
                .is_some_and(|(one, other)| ptr::eq(one, other)),
        }
    }
}

/// A filter that decides by the route goes by the one that Envoy chose for what the client sent; another one changes
/// what Envoy will choose by. The first such condition of each filter.
pub(super) fn stale(plugins: &[Plugin<'_>]) -> Vec<Finding> {
    let changes: Vec<Place<'_>> = plugins.iter().flat_map(changes).collect();
    let asks = plugins.iter().flat_map(asks);
    let found = asks.filter_map(|ask| {
        let change = changes.iter().find(|change| ask.meets(change))?;
        let delivered = ask.plugin.delivered.as_ref().ok()?;
        let whose = match ptr::eq(ask.plugin, change.plugin) {
            true => String::new(),
            false => {
                let (filter, at) = (change.plugin.filter.name(), change.plugin.at);
                format!(" of the {filter} filter at {}:{}", at.line, at.column)
            }
        };
        let path = &change.path;
        let problem =
            format!("the route is that of what the client sent, and {path}{whose} changes it");
        let at = delivered.locate(&ask.path, true);
        let mut finding = Lint::Route.finding(at, Some(ask.plugin.filter), &problem);
        finding.path = ask.path;
        Some(finding.advice(ADVICE))
    });
    found.collect()
}

/// Where `headers` changes paths or hosts: the first such operation of each filter.
fn changes<'p>(plugin: &'p Plugin<'p>) -> Vec<Place<'p>> {
    let of = |(part, headers): (String, Value)| {
        if headers.get("mode").and_then(Value::as_str) == Some("report") {
            return None;
        }
        let rules = headers.get("rules")?.as_array()?;
        let path = rules.iter().enumerate().find_map(|(rule, value)| {
            let operations = value.get("request")?.as_array()?;
            operations
                .iter()
                .enumerate()
                .find_map(|(index, operation)| {
                    let name = ["path", "host"]
                        .into_iter()
                        .find(|name| operation.get(name).is_some())?;
                    Some(format!("{part}rules[{rule}].request[{index}].{name}"))
                })
        })?;
        Some(Place { plugin, part, path })
    };
    let filters = parts(plugin, Filter::Headers).into_iter();
    filters.filter_map(of).collect()
}

/// Where a filter has a condition on the route: the first one of each.
fn asks<'p>(plugin: &'p Plugin<'p>) -> Vec<Place<'p>> {
    let of = |(part, config): (String, Value)| {
        let path = format!("{part}{}", condition(&config, "", false)?);
        Some(Place { plugin, part, path })
    };
    let filters = [Filter::Auth, Filter::RateLimit, Filter::Headers];
    let filters = filters.into_iter().flat_map(|filter| parts(plugin, filter));
    filters.filter_map(of).collect()
}

/// `route` and `metadata` of a `match`, which may stand in others (`any`, `not`), or be what a response is matched by
/// (`when: {request: …}`), or what an override is for (`key: {route: …}`).
fn condition(value: &Value, path: &str, is_match: bool) -> Option<String> {
    match value {
        Value::Array(items) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(index, item)| condition(item, &format!("{path}[{index}]"), is_match))
        }
        Value::Object(map) => map.iter().find_map(|(key, value)| {
            let at = field(path, key);
            match key.as_str() {
                "route" | "metadata" if is_match => Some(at),
                "any" | "not" if is_match => condition(value, &at, true),
                "match" => condition(value, &at, true),
                // Not that of a rule, which is a list of operations; nor that of a limit, a list of parts.
                "request" | "key" if value.is_object() => condition(value, &at, true),
                _ if is_match => None,
                _ => condition(value, &at, false),
            }
        }),
        _ => None,
    }
}

fn manager<'p>(plugin: &Plugin<'p>) -> Option<&'p Node> {
    match plugin.surroundings {
        Surroundings::Envoy { manager, .. } => manager,
        _ => None,
    }
}
