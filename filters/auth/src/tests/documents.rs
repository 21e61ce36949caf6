//! The configurations that the documentation shows.

use super::*;

/// The blocks of the README in YAML.
fn blocks() -> Vec<String> {
    let readme = include_str!("../../README.md");
    let blocks = readme.split("```yaml\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn every_configuration_of_the_readme_is_accepted() {
    let mut configurations = 0;
    for block in blocks() {
        let parsed = value(&block);
        if !block.starts_with("# gatehouse: auth\n") {
            assert!(parsed.is_object(), "{block}");
            continue;
        }
        configurations += 1;
        if let Err(problems) = load(&block) {
            panic!("{problems} in:\n{block}");
        }
    }
    assert!(configurations >= 3, "{configurations}");
}

#[test]
fn the_configuration_for_envoy_is_accepted() {
    let bootstrap = value(include_str!("../../../../envoy/auth.yaml"));
    let filters = bootstrap
        .pointer(
            "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters",
        )
        .unwrap();
    let configuration = filters
        .pointer("/0/typed_config/config/configuration/value")
        .unwrap();
    let config = gatehouse_config::load_value::<Config>(configuration, &environment);
    assert_eq!(config.err(), None);
}

/// The table of options names each option that exists, and the table of reasons each reason.
#[test]
fn every_reason_is_in_the_readme() {
    let readme = include_str!("../../README.md");
    for reason in crate::reason::Reason::ALL {
        let cell = format!("| `{}` |", reason.as_str());
        assert!(readme.contains(&cell), "{cell}");
    }
}
