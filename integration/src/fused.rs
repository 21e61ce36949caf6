//! The same suites through the fused module: with `GATEHOUSE_FUSED=1` in the environment, every plugin of a test that
//! is `auth`, `rate_limit` or `headers` becomes a gateway with that one filter, and plugins that stand beside each other
//! become one gateway with several. What a test asserts of statuses, headers, bodies, logs and metrics stays as it is:
//! so whole suites say whether the fused module does what the separate ones do.
//!
//! Only in messages about a configuration a path begins deeper, and the module has another name: logs are read as if
//! neither were so.

use serde_json::{Value, json};

/// The filters that a gateway can have.
const FILTERS: [&str; 3] = ["auth", "rate_limit", "headers"];

const GATEWAY: &str = "dist/gatehouse_gateway.wasm";

/// How many filters one after the other may be looked for in messages.
const MOST: usize = 4;

/// Whether this run is one of the fused module.
pub(crate) fn is_asked_for() -> bool {
    std::env::var_os("GATEHOUSE_FUSED").is_some_and(|value| value == "1")
}

/// Replaces the plugins of a listener.
pub(crate) fn fuse(listener: &mut Value) {
    match listener {
        Value::Array(items) => items.iter_mut().for_each(fuse),
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::Array(filters) if key == "http_filters" => fuse_chain(filters),
                    value => fuse(value),
                }
            }
        }
        _ => {}
    }
}

fn fuse_chain(filters: &mut Vec<Value>) {
    let mut fused: Vec<Value> = Vec::with_capacity(filters.len());
    let mut last_is_gateway = false;
    for mut filter in filters.drain(..) {
        let is_gateway = wrap(&mut filter);
        let united = is_gateway
            && last_is_gateway
            && fused.last_mut().is_some_and(|last| unite(last, &filter));
        if !united {
            fused.push(filter);
        }
        last_is_gateway = is_gateway;
    }
    *filters = fused;
}

/// Makes a plugin a gateway with the filter that it was; false where it is none of ours.
fn wrap(filter: &mut Value) -> bool {
    let Some(plugin) = filter.pointer_mut("/typed_config/config") else {
        return false;
    };
    let file = plugin.pointer("/vm_config/code/local/filename");
    let file = file.and_then(Value::as_str).unwrap_or_default();
    let is_it = |name: &&&str| file.ends_with(&format!("dist/gatehouse_{name}.wasm"));
    let Some(name) = FILTERS.iter().find(is_it) else {
        return false;
    };
    let configuration = &mut plugin["configuration"];
    let inner = configuration["value"].take();
    configuration["value"] = match inner {
        // As it is: what is wrong with the text is for the module to find.
        Value::String(text) => json!(format!("{{\"filters\":[{{\"{name}\":{text}}}]}}")),
        Value::Null => json!({"filters": [{*name: {}}]}),
        inner => json!({"filters": [{*name: inner}]}),
    };
    if configuration.get("@type").is_none() {
        configuration["@type"] = json!("type.googleapis.com/google.protobuf.Struct");
    }
    plugin["vm_config"]["code"]["local"]["filename"] = json!(GATEWAY);
    true
}

/// Puts the filters of one gateway after those of the one before it. A gateway has one limit of a name, and one
/// configuration, which a text is hard to be part of: those stay apart.
fn unite(first: &mut Value, second: &Value) -> bool {
    const FILTERS: &str = "/typed_config/config/configuration/value/filters";
    const VARIABLES: &str = "/typed_config/config/vm_config/environment_variables";
    let Some(more) = second.pointer(FILTERS).and_then(Value::as_array) else {
        return false;
    };
    let limits = |filters: &[Value]| -> Vec<Value> {
        let all = filters
            .iter()
            .filter_map(|filter| filter.pointer("/rate_limit/limits")?.as_array());
        all.flatten().map(|limit| limit["name"].clone()).collect()
    };
    let theirs = limits(more);
    let Some(filters) = first.pointer_mut(FILTERS).and_then(Value::as_array_mut) else {
        return false;
    };
    if limits(filters).iter().any(|name| theirs.contains(name)) {
        return false;
    }
    filters.extend(more.iter().cloned());
    if let Some(Value::Object(variables)) = second.pointer(VARIABLES) {
        let ours = &mut first["typed_config"]["config"]["vm_config"]["environment_variables"];
        for (kind, value) in variables {
            match (&mut ours[kind], value) {
                (Value::Array(names), Value::Array(more)) => names.extend(more.iter().cloned()),
                (Value::Object(values), Value::Object(more)) => values.extend(more.clone()),
                (nothing, value) => *nothing = value.clone(),
            }
        }
    }
    true
}

/// A log as the separate modules would have written it.
pub(crate) fn as_apart(mut log: String) -> String {
    for name in FILTERS {
        for place in 0..MOST {
            let path = format!("filters[{place}].{name}");
            if !log.contains(&path) {
                continue;
            }
            log = log.replace(
                &format!("gatehouse gateway: configuration refused:\n{path}"),
                &format!("gatehouse {name}: configuration refused:\n{path}"),
            );
            log = log
                .replace(&format!("{path}."), "")
                .replace(&format!("{path}: "), "");
        }
    }
    log
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(name: &str, value: Value) -> Value {
        json!({"name": name, "typed_config": {"config": {
            "vm_config": {
                "code": {"local": {"filename": format!("dist/gatehouse_{name}.wasm")}},
                "environment_variables": {"host_env_keys": [name]},
            },
            "configuration": {"@type": "type", "value": value},
        }}})
    }

    fn fused(filters: Value) -> Value {
        let mut listener = json!({"chain": [{"http_filters": filters}]});
        fuse(&mut listener);
        listener["chain"][0]["http_filters"].take()
    }

    fn value(filter: &Value) -> &Value {
        &filter["typed_config"]["config"]["configuration"]["value"]
    }

    #[test]
    fn neighbours_become_one() {
        let chain = fused(json!([
            plugin("auth", json!({"a": 1})),
            plugin("rate_limit", json!({"limits": [{"name": "x"}]})),
            plugin("rate_limit", json!({"limits": [{"name": "x"}]})),
            {"name": "router"},
            plugin("headers", json!({"h": 1})),
            plugin("empty", json!({"e": 1})),
        ]));
        let chain = chain.as_array().unwrap();
        assert_eq!(chain.len(), 5);
        assert_eq!(
            value(&chain[0]),
            &json!({"filters": [{"auth": {"a": 1}}, {"rate_limit": {"limits": [{"name": "x"}]}}]})
        );
        let config = &chain[0]["typed_config"]["config"];
        assert_eq!(config["vm_config"]["code"]["local"]["filename"], GATEWAY);
        let names = &config["vm_config"]["environment_variables"]["host_env_keys"];
        assert_eq!(names, &json!(["auth", "rate_limit"]));
        assert_eq!(value(&chain[1])["filters"].as_array().unwrap().len(), 1);
        assert_eq!(
            value(&chain[3]),
            &json!({"filters": [{"headers": {"h": 1}}]})
        );
        assert_eq!(value(&chain[4]), &json!({"e": 1}));
    }

    #[test]
    fn texts_stay_texts() {
        let chain = fused(json!([plugin("auth", json!("{\"a\":"))]));
        assert_eq!(
            value(&chain[0]),
            &json!("{\"filters\":[{\"auth\":{\"a\":}]}")
        );
    }

    #[test]
    fn messages_of_one_filter() {
        let log = "wasm log a: gatehouse gateway: configuration refused:\nfilters[0].auth.rules[0]: no\nfilters[0].auth: x";
        assert_eq!(
            as_apart(log.to_owned()),
            "wasm log a: gatehouse auth: configuration refused:\nrules[0]: no\nx"
        );
    }
}
