//! What is around a filter in Envoy: clusters, and the HTTP connection manager.

use super::super::Finding;
use super::{Lint, parts};
use gatehouse_located_yaml::{Node, Reader, key as field};
use gatehouse_plugins::{Delivered, Filter, Plugin, Surroundings};
use serde_json::Value;

/// Values that are the operator's own, in which a field of ours would mean nothing.
const FREE: &[&str] = &["metadata", "claims", "const", "description"];

/// The same for clusters: tables of values, and the parts of a limit's key.
const FREE_OF_CLUSTERS: &[&str] = &[
    "metadata",
    "claims",
    "const",
    "description",
    "values",
    "key",
];

/// Clusters that a configuration names and the bootstrap lacks. Where clusters can come from elsewhere too, nothing
/// can be said.
pub(super) fn clusters(plugin: &Plugin<'_>, root: &Node) -> Vec<Finding> {
    let is_dynamic = root.path(&["dynamic_resources", "cds_config"]).is_some();
    let clusters = root
        .path(&["static_resources", "clusters"])
        .map(Node::items);
    let (Some(clusters), false, Ok(delivered)) = (clusters, is_dynamic, &plugin.delivered) else {
        return Vec::new();
    };
    let names = clusters
        .iter()
        .filter_map(|cluster| cluster.get("name")?.text());
    let names: Vec<&str> = names.collect();
    let mut named = Vec::new();
    let value = delivered.value();
    walk(
        &value,
        String::new(),
        FREE_OF_CLUSTERS,
        &mut |path, key, value| {
            if let (Some("cluster" | "jwks_cluster"), Value::String(cluster)) = (key, value) {
                named.push((path.to_owned(), cluster.clone()));
            }
        },
    );
    let unknown = named
        .into_iter()
        .filter(|(_, name)| !names.contains(&name.as_str()));
    unknown
        .map(|(path, name)| {
            let problem = format!("no cluster named {name:?} in static_resources.clusters");
            let mut finding = Lint::Cluster.finding(
                delivered.locate(&path, false),
                Some(plugin.filter),
                &problem,
            );
            finding.suggestion = match gatehouse_config::nearest(&name, names.iter().copied()) {
                Some(meant) => Some(format!("did you mean \"{meant}\"?")),
                None => Some(format!("known: {}", names.join(", "))),
            };
            finding.path = path;
            finding
        })
        .collect()
}

/// Everything in a configuration that is not the operator's own: its path, its key where it has one, itself.
fn walk(
    value: &Value,
    path: String,
    free: &[&str],
    visit: &mut dyn FnMut(&str, Option<&str>, &Value),
) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let path = format!("{path}[{index}]");
                visit(&path, None, item);
                walk(item, path, free, visit);
            }
        }
        Value::Object(map) => {
            for (key, value) in map {
                let path = field(&path, key);
                visit(&path, Some(key), value);
                if !free.contains(&key.as_str()) {
                    walk(value, path, free, visit);
                }
            }
        }
        _ => {}
    }
}

/// Bodies that a filter has to see are handed over only where Envoy is told to; a filter that holds requests for an answer
/// must not have Envoy told so.
pub(super) fn bodies(plugin: &Plugin<'_>) -> Option<Finding> {
    let Surroundings::Envoy { config, .. } = plugin.surroundings else {
        return None;
    };
    const FLAG: &str = "allow_on_headers_stop_iteration";
    let flag = config.field(FLAG);
    // A BoolValue is written as a bare value.
    let is_set = flag.is_some_and(|flag| flag.is_true(Reader::Envoy));
    let asks = parts(plugin, Filter::RateLimit)
        .into_iter()
        .find(|(_, limits)| limits.pointer("/store/global").is_some());
    let signed = parts(plugin, Filter::Auth)
        .into_iter()
        .find_map(|(path, auth)| signed_body(&auth).map(|provider| format!("{path}{provider}")));
    let filter = Some(plugin.filter);
    match (is_set, signed, asks) {
        (false, Some(path), _) => {
            let delivered = plugin.delivered.as_ref().ok()?;
            let problem = "the body is signed, and Envoy does not hand it over: every request with one gets 503";
            let mut finding = Lint::Body.finding(delivered.locate(&path, true), filter, problem);
            finding.path = path;
            Some(finding.advice(&format!(
                "set {FLAG}: true beside vm_config (Envoy 1.35 or later)"
            )))
        }
        (true, _, Some((path, _))) => {
            let problem = format!(
                "with it, bodies go on before {path}store.global has answered, and headers with them"
            );
            let finding = Lint::Body.finding(flag?.at, filter, &problem);
            Some(finding.advice("leave it out for this plugin"))
        }
        _ => None,
    }
}

/// The provider of signed requests whose body has to be checked.
fn signed_body(auth: &Value) -> Option<String> {
    let providers = auth.get("providers")?.as_object()?;
    providers.iter().find_map(|(name, provider)| {
        let hmac = provider.get("hmac")?;
        // Every scheme signs the body, but for one that the operator spells out, which has to say so.
        let unsigned = hmac.pointer("/body/insecure_unsigned") == Some(&Value::Bool(true));
        let is_spelled = hmac.get("scheme").and_then(Value::as_str) == Some("canonical");
        let path = field("providers", name);
        (!(is_spelled && unsigned)).then(|| format!("{path}.hmac"))
    })
}

/// Without `use_remote_address` the client's address is what the client says.
pub(super) fn client_address(plugin: &Plugin<'_>) -> Option<Finding> {
    let (manager, delivered) = managed(plugin)?;
    let is_set = |name: &str| {
        manager
            .field(name)
            .is_some_and(|value| value.is_true(Reader::Envoy))
    };
    // Somebody thought about where addresses come from.
    let has_detection = manager.field("original_ip_detection_extensions").is_some();
    if is_set("use_remote_address") || has_detection {
        return None;
    }
    let mut used: Option<String> = None;
    walk(
        &delivered.value(),
        String::new(),
        FREE,
        &mut |path, key, value| {
            let is_text = value
                .as_str()
                .is_some_and(|text| text == "client_ip" || text.contains("${client_ip}"));
            let is_key = matches!(key, Some("client_ip" | "trusted_hops" | "trusted_peers"));
            if is_text || is_key {
                used.get_or_insert_with(|| path.to_owned());
            }
        },
    );
    let used = used?;
    let problem = format!("clients choose their address in x-forwarded-for, which {used} believes");
    let finding = Lint::ClientAddress.finding(manager.at, Some(plugin.filter), &problem);
    Some(finding.advice("set use_remote_address: true in the HTTP connection manager"))
}

/// `from: xfcc` reads a header that Envoy removes unless told otherwise.
pub(super) fn client_certificate(plugin: &Plugin<'_>) -> Option<Finding> {
    let (manager, _) = managed(plugin)?;
    let from_header = parts(plugin, Filter::Auth)
        .into_iter()
        .find_map(|(path, auth)| {
            let providers = auth.get("providers")?.as_object()?.clone();
            providers.into_iter().find_map(|(name, provider)| {
                let from = provider.pointer("/mtls/from")?;
                let is_header = from.as_str() == Some("xfcc") || from.get("xfcc").is_some();
                is_header.then(|| format!("{path}{}.mtls.from", field("providers", &name)))
            })
        })?;
    let details = manager.field("forward_client_cert_details");
    let problem = match details.and_then(Node::text).unwrap_or("SANITIZE") {
        "FORWARD_ONLY" | "ALWAYS_FORWARD_ONLY" | "1" | "4" => return None,
        "SANITIZE" | "0" => {
            format!("Envoy removes x-forwarded-client-cert, which {from_header} reads")
        }
        other => format!(
            "with {other}, x-forwarded-client-cert, which {from_header} reads, is about this connection too"
        ),
    };
    let at = details.map_or(manager.at, |details| details.at);
    let finding = Lint::ClientCertificate.finding(at, Some(plugin.filter), &problem);
    Some(finding.advice(
        "set forward_client_cert_details: ALWAYS_FORWARD_ONLY in the HTTP connection manager",
    ))
}

fn managed<'p>(plugin: &'p Plugin<'_>) -> Option<(&'p Node, &'p Delivered<'p>)> {
    match (plugin.surroundings, &plugin.delivered) {
        (
            Surroundings::Envoy {
                manager: Some(manager),
                ..
            },
            Ok(delivered),
        ) => Some((manager, delivered)),
        _ => None,
    }
}
