//! Every documented configuration is one that works.

use super::{configure, request};
use gatehouse_host::Verdict;
use gatehouse_host_fake::FakeHost;
use serde_json::Value;

fn loads(config: &str, what: &str) {
    let host = FakeHost::default();
    let filter = configure(config, &host).unwrap_or_else(|problems| panic!("{what}: {problems}"));
    host.begin([(":method", &b"GET"[..]), (":path", b"/")]);
    assert_eq!(request(&filter, &host).0, Ok(Verdict::Continue), "{what}");
}

#[test]
fn the_readme() {
    let readme = include_str!("../../README.md");
    let blocks: Vec<&str> = readme
        .split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert_eq!(blocks.len(), 12);
    for block in blocks {
        assert!(block.starts_with("# gatehouse: headers\n"), "{block}");
        loads(block, block);
    }
}

#[test]
fn the_bootstrap() {
    let text = include_str!("../../../../envoy/headers.yaml");
    let parsed: Value = serde_yaml_ng::from_str(text).unwrap();
    let manager = &parsed["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0];
    let plugin = &manager["typed_config"]["http_filters"][0]["typed_config"]["config"];
    assert_eq!(plugin["vm_config"]["vm_id"], "gatehouse_headers");
    assert_eq!(plugin["failure_policy"], "FAIL_RELOAD");
    loads(
        &plugin["configuration"]["value"].to_string(),
        "envoy/headers.yaml",
    );
}
