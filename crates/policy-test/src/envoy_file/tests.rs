//! Files, and which filters of them are under test.

use super::Found;
use crate::chain::Chain;
use gatehouse_config::Context;
use std::path::Path;

/// The chain of a file: its filters with their configurations, or every problem.
fn chosen(text: &str, listener: Option<&str>, filter: Option<&str>) -> String {
    let folder = std::env::temp_dir().join(format!("gatehouse-envoy-file-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{:p}.yaml", text.as_ptr()));
    std::fs::write(&path, text).unwrap();
    let nothing = |_: &str| None;
    let mut context = Context::new(&nothing);
    let chain = super::read(Path::new(&path), "x.yaml", &mut context)
        .and_then(|found: Found| found.choose(listener, filter, &mut context));
    std::fs::remove_file(&path).unwrap();
    match chain {
        Some(chain) => shown(&chain),
        None => {
            let problems = context.into_problems();
            let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
            problems.join("; ")
        }
    }
}

fn shown(chain: &Chain) -> String {
    let plugins: Vec<_> = chain
        .plugins
        .iter()
        .map(|plugin| format!("{} {}", plugin.name, plugin.configuration))
        .collect();
    plugins.join(", ")
}

/// A plugin of Gatehouse's in an entry of `http_filters`.
fn entry(name: &str, value: &str) -> String {
    format!(
        "{{name: {name}, typed_config: {{config: {{root_id: gatehouse_{name}, configuration: {{'@type': x/google.protobuf.Struct, value: {value}}}}}}}}}"
    )
}

fn listener(name: &str, entries: &[String]) -> String {
    format!(
        "{{name: {name}, filter_chains: [{{filters: [{{name: m, typed_config: {{'@type': x.HttpConnectionManager, http_filters: [{}]}}}}]}}]}}",
        entries.join(", ")
    )
}

fn bootstrap(listeners: &[String]) -> String {
    format!(
        "static_resources: {{listeners: [{}]}}",
        listeners.join(", ")
    )
}

#[test]
fn no_filter_is_left_out_in_silence() {
    let auth = entry("auth", "{a: 1}");
    let typed_struct = "{name: headers, typed_config: {'@type': type.googleapis.com/xds.type.v3.TypedStruct, type_url: x/envoy.extensions.filters.http.wasm.v3.Wasm, value: {config: {root_id: gatehouse_headers}}}}";
    let camel = "{name: headers, typedConfig: {config: {rootId: gatehouse_headers, vmConfig: {code: {local: {filename: a.wasm}}}}}}";
    let with_hyphen =
        "{name: headers, typed_config: {config: {name: '', root_id: gatehouse-headers}}}";
    let disabled =
        "{name: headers, disabled: true, typed_config: {config: {root_id: gatehouse_headers}}}";
    let conditional = "{name: headers, typed_config: {'@type': x.ExtensionWithMatcher, extension_config: {name: inner, typed_config: {config: {root_id: gatehouse_headers}}}}}";
    let apart = "{name: headers, config_discovery: {config_source: {ads: {}}, type_urls: [type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm]}}";
    let by_default = "{name: headers, config_discovery: {default_config: {config: {root_id: gatehouse_headers}}, type_urls: [x.Wasm]}}";
    let other = "{name: router, config_discovery: {type_urls: [x.Router]}}";
    let with = |second: &str| bootstrap(&[listener("l", &[auth.clone(), second.to_owned()])]);
    let resource = "\n---\nresources: [{'@type': x.TypedExtensionConfig, name: headers, typed_config: {'@type': x.Wasm, config: {root_id: gatehouse_headers, configuration: {'@type': x/google.protobuf.Struct, value: {b: 2}}}}}]\n";
    let first = "auth {\"a\":1}";
    let problem = "x.yaml has not all filters of the chain: headers is served apart (config_discovery) (choose one that it has by filter)";
    for (name, text, filter, expected) in [
        ("a TypedStruct", with(typed_struct), None, format!("{first}, headers {{}}")),
        ("in camel case", with(camel), None, format!("{first}, headers {{}}")),
        ("with a hyphen", with(with_hyphen), None, format!("{first}, headers {{}}")),
        ("disabled", with(disabled), None, first.to_owned()),
        (
            "disabled, and chosen",
            with(disabled),
            Some("headers"),
            "filter: x.yaml has \"headers\" disabled".to_owned(),
        ),
        (
            "nothing but disabled",
            bootstrap(&[listener("l", &[disabled.to_owned()])]),
            None,
            "envoy: x.yaml has no filter of Gatehouse's for requests that is not disabled: headers".to_owned(),
        ),
        (
            "in a matcher",
            with(conditional),
            None,
            "x.yaml: the filter headers stands in a matcher, and who sees it is not known here".to_owned(),
        ),
        ("served apart", with(apart), None, problem.to_owned()),
        ("served apart, and another is chosen", with(apart), Some("auth"), first.to_owned()),
        (
            "served apart, in the file",
            with(apart) + resource,
            None,
            format!("{first}, headers {{\"b\":2}}"),
        ),
        ("a default of what is served apart", with(by_default), None, format!("{first}, headers {{}}")),
        ("another extension that is served apart", with(other), None, first.to_owned()),
        (
            "a network filter is none for requests",
            "{name: l, filter_chains: [{filters: [{name: g, typed_config: {config: {root_id: gatehouse_connection_guard}}}]}]}".to_owned(),
            None,
            "envoy: x.yaml has no filter of Gatehouse's for requests".to_owned(),
        ),
    ] {
        assert_eq!(chosen(&text, None, filter), expected, "{name}");
    }
}

/// As its reader reads it, and nobody else.
#[test]
fn values() {
    let bare = |value: &str| bootstrap(&[listener("l", &[entry("auth", value)])]);
    let plugin = |value: &str| {
        format!(
            "apiVersion: e/v1\nkind: WasmPlugin\nspec: {{url: 'oci://r/gatehouse_auth:1', pluginConfig: {value}}}\n"
        )
    };
    for (name, text, expected) in [
        (
            "Envoy's YAML",
            bare("{a: yes, b: 0.5, c: 4294967296, !ignore d: 1}"),
            "auth {\"a\":true,\"b\":\"0.5\",\"c\":\"4294967296\"}",
        ),
        (
            "Kubernetes'",
            plugin("{a: yes, b: 0.5, <<: {c: 1}}"),
            "gatehouse_auth {\"a\":true,\"b\":0.5,\"c\":1}",
        ),
        (
            "an EnvoyFilter",
            format!(
                "apiVersion: n/v1\nkind: EnvoyFilter\nspec: {{configPatches: [{{patch: {{value: {}}}}}]}}\n",
                entry("auth", "{b: 0.5}")
            ),
            "auth {\"b\":0.5}",
        ),
        (
            "a ConfigMap in a List",
            format!(
                "apiVersion: v1\nkind: List\nitems: [{{kind: ConfigMap, data: {{envoy.yaml: {:?}}}}}]\n",
                bare("{b: 0.5}")
            ),
            "auth {\"b\":\"0.5\"}",
        ),
        (
            "a configuration alone",
            "limits: []".to_owned(),
            "gatehouse_rate_limit {\"limits\":[]}",
        ),
    ] {
        assert_eq!(chosen(&text, None, None), expected, "{name}");
    }
}

#[test]
fn chains_are_chosen() {
    let (one, two) = (entry("auth", "{a: 1}"), entry("auth", "{a: 2}"));
    let both = bootstrap(&[listener("first", &[one]), listener("second", &[two])]);
    let plugin = |name: &str| {
        format!(
            "---\napiVersion: e/v1\nkind: WasmPlugin\nspec: {{url: 'oci://r/gatehouse_auth:1', pluginName: {name}}}\n"
        )
    };
    let plugins = plugin("a") + &plugin("b");
    for (name, text, listener, filter, expected) in [
        (
            "two listeners",
            &both,
            None,
            None,
            "x.yaml has 2 chains with filters of Gatehouse's (choose one by listener: first, second)",
        ),
        ("one of them", &both, Some("second"), None, "auth {\"a\":2}"),
        (
            "none of them",
            &both,
            Some("secund"),
            None,
            "listener: x.yaml has no listener \"secund\" with a filter of Gatehouse's (did you mean \"second\"?)",
        ),
        (
            "no such filter",
            &both,
            None,
            Some("outh"),
            "filter: x.yaml has no filter \"outh\" of Gatehouse's (did you mean \"auth\"?)",
        ),
        (
            "two plugins",
            &plugins,
            None,
            None,
            "x.yaml has 2 chains with filters of Gatehouse's (choose one by filter: a, b)",
        ),
        ("one plugin", &plugins, None, Some("b"), "b {}"),
    ] {
        assert_eq!(chosen(text, listener, filter), expected, "{name}");
    }
}

/// Where a file does not say which clusters there are, there are those that the configurations name.
#[test]
fn clusters() {
    let plugin = entry("auth", "{x: {cluster: idp}, y: {jwks_cluster: keys}}");
    let listener = listener("l", &[plugin]);
    let known = |text: &str| {
        let documents = gatehouse_located_yaml::parse(text).unwrap();
        super::clusters(&documents)
    };
    for (name, text, expected) in [
        ("a listener", listener.clone(), None),
        (
            "a bootstrap",
            format!("static_resources: {{listeners: [{listener}], clusters: [{{name: idp}}]}}"),
            Some(vec!["idp".to_owned()]),
        ),
        (
            "with others by CDS",
            format!(
                "dynamic_resources: {{cds_config: {{}}}}\nstatic_resources: {{listeners: [{listener}], clusters: [{{name: idp}}]}}"
            ),
            None,
        ),
    ] {
        assert_eq!(known(&text), expected, "{name}");
    }
    let chain = Chain {
        plugins: vec![],
        clusters: None,
    };
    assert!(chain.named_clusters().is_empty());
}
