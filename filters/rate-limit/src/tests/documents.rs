//! Every configuration in the documentation loads.

use super::*;

fn loads(configuration: &Value, what: &str) {
    let started = Worker::try_new(&Shared::default(), configuration).err();
    assert_eq!(started, None, "{what}");
}

/// The objects that stand anywhere in a document and have this key.
fn objects_with<'v>(value: &'v Value, key: &str, found: &mut Vec<&'v Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| objects_with(item, key, found)),
        Value::Object(map) => {
            if map.contains_key(key) {
                found.push(value);
            }
            map.values().for_each(|item| objects_with(item, key, found));
        }
        _ => {}
    }
}

#[test]
fn the_blocks_of_the_readme() {
    let readme = include_str!("../../README.md");
    let blocks: Vec<&str> = readme
        .split("```yaml\n")
        .skip(1)
        .map(|block| block.split("```").next().unwrap())
        .collect();
    let mut configurations = 0;
    for block in &blocks {
        let parsed: Value = serde_yaml_ng::from_str(block).unwrap();
        if block.starts_with("# gatehouse: rate_limit\n") {
            loads(&parsed, block);
            configurations += 1;
        }
    }
    assert_eq!((blocks.len(), configurations), (13, 10));
}

#[test]
fn the_bootstrap() {
    let files = [
        include_str!("../../../../envoy/rate-limit.yaml"),
        include_str!("../../../../envoy/rate-limit-global.yaml"),
    ];
    for text in files {
        let parsed: Value = serde_yaml_ng::from_str(text).unwrap();
        let mut plugins = Vec::new();
        objects_with(&parsed, "vm_config", &mut plugins);
        let [plugin] = *plugins else {
            panic!("one plugin");
        };
        loads(&plugin["configuration"]["value"], text);
    }
}

/// The README's configuration of envoyproxy/ratelimit has the limits of ours: each with the entries of its descriptor, the
/// rate, and those of overrides.
#[test]
fn the_configuration_of_envoyproxy_ratelimit() {
    let readme = include_str!("../../README.md");
    let block = |mark: &str| -> Value {
        let blocks = readme.split("```yaml\n").skip(1);
        let mut blocks = blocks.filter_map(|block| block.split("```").next());
        serde_yaml_ng::from_str(blocks.find(|block| block.contains(mark)).unwrap()).unwrap()
    };
    let (ours, theirs) = (block("store: {global:"), block("# envoyproxy/ratelimit:"));
    assert_eq!(theirs["domain"], ours["store"]["global"]["domain"]);
    let rate = |rate: &Value| match rate.as_str().unwrap().split_once("/1m").unwrap() {
        (count, "") => {
            json!({"unit": "minute", "requests_per_unit": count.parse::<u64>().unwrap()})
        }
        other => panic!("{other:?}"),
    };
    let limits = ours["limits"].as_array().unwrap().iter().map(|limit| {
        let [part] = &**limit["key"].as_array().unwrap() else {
            panic!("one part");
        };
        let entry = format!("header.{}", part["header"].as_str().unwrap());
        let mut entries = vec![json!({"key": entry, "rate_limit": rate(&limit["rate"])})];
        for other in limit["overrides"].as_array().into_iter().flatten() {
            let value = &other["key"]["header"][part["header"].as_str().unwrap()];
            let rate = rate(&other["rate"]);
            entries.push(json!({"key": entry, "value": value, "rate_limit": rate}));
        }
        json!({"key": "limit", "value": limit["name"], "descriptors": entries})
    });
    let descriptors: Value = limits.collect();
    assert_eq!(theirs["descriptors"], descriptors);
}
