//! What is found, and as what.

use crate::find::own_name;
use crate::{Filter, Found, Surroundings, find};
use gatehouse_located_yaml::parse;

#[test]
fn names() {
    for (text, name) in [
        ("gatehouse_auth", Some("auth")),
        ("gatehouse-rate-limit", Some("rate-limit")),
        ("dist/gatehouse_rate_limit.wasm", Some("rate_limit")),
        ("oci://r.example:5000/x/gatehouse_auth:1.2", Some("auth")),
        ("https://r.example/gatehouse_auth.wasm?x=/gatehouse", None),
        ("oci://r.example/gatehouse.auth@sha256:00", Some("auth")),
        ("oci://r.example/gatehouse_auth-v1.2.0:latest", Some("auth")),
        ("gatehouse_rate_limit_2.wasm", Some("rate_limit")),
        ("oci://r.example/gatehouse/auth:1.0", Some("auth")),
        ("oci://r.example/gatehouse/other:1.0", None),
        ("/opt/gatehouse/envoy.yaml", None),
        ("auth", None),
        ("gatehouse", None),
        ("my_gatehouse_auth", None),
        ("", None),
    ] {
        assert_eq!(own_name(text), name, "{text}");
    }
}

fn found(text: &str) -> Vec<String> {
    let documents = parse(text).unwrap();
    let describe = |found: Found<'_>| {
        let plugins = found.plugins.iter().map(|plugin| {
            let place = match plugin.surroundings {
                Surroundings::Envoy {
                    manager: Some(_), ..
                } => "envoy, managed",
                Surroundings::Envoy { manager: None, .. } => "envoy",
                Surroundings::Istio(_) => "istio",
                Surroundings::EnvoyGateway(_) => "envoy gateway",
                Surroundings::None => "bare",
            };
            let value = plugin.delivered.as_ref().map(|delivered| delivered.value());
            let value =
                value.map_or_else(|refused| refused.problem.clone(), |value| value.to_string());
            format!("{} in {place} with {value}", plugin.filter.name())
        });
        let strangers = found
            .strangers
            .iter()
            .map(|(_, name)| format!("stranger {name}"));
        plugins.chain(strangers).collect::<Vec<_>>()
    };
    documents
        .iter()
        .flat_map(|document| describe(find(document, None)))
        .collect()
}

#[test]
fn plugins() {
    for (name, text, expected) in [
        (
            "by root id",
            "config: {root_id: gatehouse_auth, configuration: {'@type': x/google.protobuf.Struct, value: {a: 1}}}",
            vec!["auth in envoy with {\"a\":1}"],
        ),
        (
            "in lower camel case",
            "config: {rootId: gatehouse_auth, vmConfig: {}}",
            vec!["auth in envoy with {}"],
        ),
        (
            "by its module, whatever the root id",
            "{root_id: x, vm_config: {code: {local: {filename: /a/gatehouse_headers.wasm}}}}",
            vec!["headers in envoy with {}"],
        ),
        (
            "the module rather than the root id",
            "{root_id: gatehouse_auth, vm_config: {code: {remote: {http_uri: {uri: 'http://x/gatehouse_headers.wasm'}}}}}",
            vec!["headers in envoy with {}"],
        ),
        (
            "bytes",
            "{root_id: gatehouse_auth, configuration: {'@type': x/google.protobuf.BytesValue, value: eyJhIjogMX0=}}",
            vec!["auth in envoy with {\"a\":1}"],
        ),
        (
            "bytes that are none",
            "{root_id: gatehouse_auth, configuration: {'@type': x/google.protobuf.BytesValue, value: '{}'}}",
            vec!["auth in envoy with the value of a BytesValue is base64"],
        ),
        (
            "text",
            "{root_id: gatehouse_auth, configuration: {'@type': x/google.protobuf.StringValue, value: '{\"a\": 1.5}'}}",
            vec!["auth in envoy with {\"a\":1.5}"],
        ),
        (
            "text that is no JSON",
            "{root_id: gatehouse_auth, configuration: {'@type': x/google.protobuf.StringValue, value: 'a: 1'}}",
            vec![
                "auth in envoy with neither JSON nor a google.protobuf.Struct: expected value at line 1 column 1",
            ],
        ),
        (
            "another message",
            "{root_id: gatehouse_auth, configuration: {'@type': x/google.protobuf.Any, value: 1}}",
            vec!["auth in envoy with the filter cannot read a google.protobuf.Any"],
        ),
        (
            "a Struct without its value",
            "{root_id: gatehouse_auth, configuration: {'@type': x/google.protobuf.Struct, providers: {}}}",
            vec![
                "auth in envoy with the configuration stands beside \"@type\", and not under value",
            ],
        ),
        (
            "no message",
            "{root_id: gatehouse_auth, configuration: {a: 1}}",
            vec!["auth in envoy with configuration has no \"@type\""],
        ),
        (
            "in a TypedStruct in a connection manager",
            "{'@type': x.HttpConnectionManager, http_filters: [{typed_config: {'@type': xds.type.v3.TypedStruct, value: {config: {root_id: gatehouse_auth}}}}]}",
            vec!["auth in envoy, managed with {}"],
        ),
        (
            "an EnvoyFilter",
            "{apiVersion: n/v1, kind: EnvoyFilter, spec: {configPatches: [{patch: {value: {typed_config: {config: {root_id: gatehouse_auth, configuration: {'@type': x/google.protobuf.Struct, value: {a: 0.5}}}}}}}]}}",
            vec!["auth in envoy with {\"a\":0.5}"],
        ),
        (
            "a WasmPlugin",
            "{apiVersion: e/v1, kind: WasmPlugin, spec: {url: 'oci://r/gatehouse_rate_limit:1', pluginConfig: {a: 0.5}}}",
            vec!["rate_limit in istio with {\"a\":0.5}"],
        ),
        (
            "an EnvoyExtensionPolicy, in a list",
            "{apiVersion: v1, kind: List, items: [{kind: EnvoyExtensionPolicy, spec: {wasm: [{name: x, rootID: gatehouse_auth, config: {a: 1}}, {name: other}]}}]}",
            vec!["auth in envoy gateway with {\"a\":1}"],
        ),
        (
            "of another kind",
            "{root_id: gatehouse_oauth}",
            vec!["stranger oauth"],
        ),
        ("somebody else's", "{root_id: other, vm_config: {}}", vec![]),
        ("none", "a: 1", vec![]),
        ("a list", "[1, 2]", vec![]),
        (
            "providers of somebody else's",
            "apiVersion: 1\nproviders: [{name: default, type: file}]",
            vec![],
        ),
        (
            "auth",
            "providers: {}",
            vec!["auth in bare with {\"providers\":{}}"],
        ),
        (
            "a guard",
            "{rules: [{name: a, action: deny}], limits: {}}",
            vec![
                "connection_guard in bare with {\"rules\":[{\"name\":\"a\",\"action\":\"deny\"}],\"limits\":{}}",
            ],
        ),
        (
            "said",
            "# gatehouse: rate-limit\na: 1",
            vec!["rate_limit in bare with {\"a\":1}"],
        ),
        (
            "gateway",
            "filters: [{rate_limit: {}}]",
            vec!["gateway in bare with {\"filters\":[{\"rate_limit\":{}}]}"],
        ),
        (
            "two documents",
            "limits: []\n---\nrules: [{request: []}]",
            vec![
                "rate_limit in bare with {\"limits\":[]}",
                "headers in bare with {\"rules\":[{\"request\":[]}]}",
            ],
        ),
    ] {
        assert_eq!(found(text), expected, "{name}");
    }
    let documents = parse("a: 1").unwrap();
    let plugins = find(&documents[0], Some(Filter::Headers)).plugins;
    assert_eq!(
        plugins[0].filter,
        Filter::Headers,
        "what the command line says"
    );
}
