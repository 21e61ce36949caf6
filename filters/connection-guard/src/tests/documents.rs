//! The configurations of the README and of `envoy/` load.

use super::*;
use crate::Config;

fn loads(value: &Value, place: &str) {
    let loaded = gatehouse_config::load_value::<Config>(value, &|_: &str| None);
    if let Err(problems) = loaded {
        panic!("{problems}\n{place}");
    }
}

#[test]
fn the_readme() {
    let readme = include_str!("../../README.md");
    let blocks = readme.split("```yaml\n").skip(1);
    let blocks = blocks.filter_map(|block| block.split("```").next());
    let ours: Vec<&str> = blocks
        .filter(|block| block.starts_with("# gatehouse: connection_guard"))
        .collect();
    assert!(ours.len() >= 5, "{}", ours.len());
    for block in ours {
        loads(&serde_yaml_ng::from_str(block).unwrap(), block);
    }
}

#[test]
fn the_file_of_envoy() {
    let text = include_str!("../../../../envoy/connection-guard.yaml");
    let root: Value = serde_yaml_ng::from_str(text).unwrap();
    let mut found = Vec::new();
    find(&root, &mut found);
    assert_eq!(found.len(), 2);
    for value in found {
        loads(value, text);
    }
}

fn find<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| find(item, found)),
        Value::Object(object) => {
            if object.contains_key("vm_config") {
                found.push(&object["configuration"]["value"]);
            }
            object.values().for_each(|item| find(item, found));
        }
        _ => {}
    }
}
