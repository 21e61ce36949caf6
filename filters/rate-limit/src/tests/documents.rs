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
    assert_eq!((blocks.len(), configurations), (10, 9));
}

#[test]
fn the_bootstrap() {
    let text = include_str!("../../../../envoy/rate-limit.yaml");
    let parsed: Value = serde_yaml_ng::from_str(text).unwrap();
    let mut plugins = Vec::new();
    objects_with(&parsed, "vm_config", &mut plugins);
    let [plugin] = *plugins else {
        panic!("one plugin");
    };
    loads(&plugin["configuration"]["value"], "envoy/rate-limit.yaml");
}
