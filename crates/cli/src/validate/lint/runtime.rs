//! The VM that a filter runs in, and what becomes of requests when it fails.

use super::super::{Finding, Severity};
use super::{Lint, parts};
use gatehouse_located_yaml::{Node, Reader};
use gatehouse_plugins::{Filter, Plugin, Surroundings};
use serde_json::Value;

/// Shared data belongs to a `vm_id`; the empty one is shared with whoever has none either.
pub(super) fn missing_vm_id(plugin: &Plugin<'_>) -> Option<Finding> {
    let Surroundings::Envoy { config, .. } = plugin.surroundings else {
        // Istio and Envoy Gateway say it themselves.
        return None;
    };
    if vm_id(config).is_some() {
        return None;
    }
    let at = config.field("vm_config").map_or(plugin.at, |vm| vm.at);
    let name = plugin.filter.name();
    let finding = Lint::VmId.finding(
        at,
        Some(plugin.filter),
        "no vm_id: state is shared with every plugin without one",
    );
    Some(finding.advice(&format!("set vm_config.vm_id, such as gatehouse_{name}")))
}

fn vm_id(config: &Node) -> Option<&Node> {
    let vm_id = config.path(&["vm_config", "vm_id"])?;
    (!vm_id.text()?.is_empty()).then_some(vm_id)
}

/// One plugin on several listeners may share what it counts. Plugins that are configured differently would overwrite each
/// other's.
pub(super) fn shared_vm(plugins: &[Plugin<'_>]) -> Vec<Finding> {
    let known: Vec<(&Plugin<'_>, &Node)> = plugins
        .iter()
        .filter_map(|plugin| match plugin.surroundings {
            Surroundings::Envoy { config, .. } => Some((plugin, vm_id(config)?)),
            _ => None,
        })
        .collect();
    let value = |plugin: &Plugin<'_>| {
        plugin
            .delivered
            .as_ref()
            .map(|delivered| delivered.value())
            .ok()
    };
    let clash = |(index, (plugin, vm_id)): (usize, &(&Plugin<'_>, &Node))| {
        let (other, _) = known.iter().take(index).find(|(other, other_id)| {
            other_id.text() == vm_id.text()
                && (other.filter != plugin.filter || value(other) != value(plugin))
        })?;
        let problem = format!(
            "the {} filter at {}:{} has this vm_id too, and another configuration",
            other.filter.name(),
            other.at.line,
            other.at.column
        );
        let finding = Lint::VmId.finding(vm_id.at, Some(plugin.filter), &problem);
        Some(finding.advice("give each a vm_id of its own: what one counts, the other overwrites"))
    };
    known.iter().enumerate().filter_map(clash).collect()
}

/// What becomes of requests once the filter's VM failed.
pub(super) fn failure(plugin: &Plugin<'_>) -> Option<Finding> {
    let filter = Some(plugin.filter);
    let (open, policy) = match plugin.surroundings {
        Surroundings::Envoy { config, .. } => {
            (config.field("fail_open"), config.field("failure_policy"))
        }
        Surroundings::Istio(spec) => (None, spec.get("failStrategy")),
        Surroundings::EnvoyGateway(plugin) => (plugin.get("failOpen"), None),
        Surroundings::None => return None,
    };
    if let (Some(open), Some(_)) = (open, policy) {
        let problem = "fail_open beside failure_policy: Envoy refuses both at once";
        return Some(Finding {
            // Not to be allowed.
            severity: Severity::Error,
            code: super::super::CONFIGURATION,
            suggestion: Some("leave out fail_open".to_owned()),
            ..Lint::FailReload.finding(open.at, filter, problem)
        });
    }
    let policy_is = |name: &str, number: &str| {
        policy
            .and_then(Node::text)
            .is_some_and(|text| text == name || text == number)
    };
    let is_open = open.filter(|open| open.is_true(Reader::Envoy));
    let at = is_open.or(policy).map_or(plugin.at, |node| node.at);
    if is_open.is_some() || policy_is("FAIL_OPEN", "3") {
        return guards(plugin).then(|| {
            let problem = "when the filter fails, everybody is let in";
            Lint::FailOpen
                .finding(at, filter, problem)
                .advice(match plugin.surroundings {
                    Surroundings::EnvoyGateway(_) => "leave out failOpen",
                    Surroundings::Istio(_) => "failStrategy: FAIL_CLOSE",
                    _ => "failure_policy: FAIL_RELOAD",
                })
        });
    }
    match plugin.surroundings {
        Surroundings::Envoy { .. } if !policy_is("FAIL_RELOAD", "1") => {
            let problem = match plugin.filter.sees_requests() {
                true => "after a trap every request gets 503 until Envoy is restarted",
                false => "after a trap every connection is closed until Envoy is restarted",
            };
            Some(
                Lint::FailReload
                    .finding(at, filter, problem)
                    .advice("failure_policy: FAIL_RELOAD"),
            )
        }
        _ => None,
    }
}

/// Whether it says who may come in.
fn guards(plugin: &Plugin<'_>) -> bool {
    let enforces = |value: &Value| value.get("mode") != Some(&Value::from("report"));
    [Filter::Auth, Filter::ConnectionGuard]
        .into_iter()
        .flat_map(|filter| parts(plugin, filter))
        .any(|(_, value)| enforces(&value))
}
