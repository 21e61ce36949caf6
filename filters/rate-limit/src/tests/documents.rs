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

    let root = theirs.as_object().unwrap();
    assert_eq!(root.keys().collect::<Vec<_>>(), ["domain", "descriptors"]);
    check_descriptors(&theirs["descriptors"]).unwrap();
    let asked = [
        ("per-tenant", "x", Some(100)),
        ("per-tenant", "acme", Some(1000)),
        ("reports", "acme", Some(5)),
        ("another", "x", None),
    ];
    for (limit, tenant, expected) in asked {
        let entries = [("limit", limit), ("header.x-tenant", tenant)];
        let found = look_up(&theirs["descriptors"], &entries);
        assert_eq!(found, expected, "{limit} {tenant}");
    }
}

/// What envoyproxy/ratelimit refuses when it loads descriptors (its `src/config/config_impl.go`).
fn check_descriptors(descriptors: &Value) -> std::result::Result<(), String> {
    let known = [
        "key",
        "value",
        "rate_limit",
        "descriptors",
        "shadow_mode",
        "detailed_metric",
    ];
    let known_of_rates = ["requests_per_unit", "unit", "unlimited", "name", "replaces"];
    let units = ["second", "minute", "hour", "day", "week", "month", "year"];
    let mut composite = Vec::new();
    for descriptor in descriptors.as_array().ok_or("no list")? {
        let fields = descriptor.as_object().ok_or("no map")?;
        if let Some(key) = fields.keys().find(|key| !known.contains(&&***key)) {
            return Err(format!("unknown key {key}"));
        }
        let text = |name: &str| match &descriptor[name] {
            Value::Null => Ok(""),
            Value::String(text) => Ok(&**text),
            other => Err(format!("{name} is {other}")),
        };
        let (key, value) = (text("key")?, text("value")?);
        if key.is_empty() {
            return Err("empty key".to_owned());
        }
        if composite.contains(&(key, value)) {
            return Err(format!("duplicate {key}_{value}"));
        }
        composite.push((key, value));
        if let Some(rate) = fields.get("rate_limit") {
            let rate = rate.as_object().ok_or("no rate")?;
            if let Some(key) = rate.keys().find(|key| !known_of_rates.contains(&&***key)) {
                return Err(format!("unknown key {key}"));
            }
            let unit = rate["unit"].as_str().unwrap_or_default().to_lowercase();
            if !units.contains(&&*unit) {
                return Err(format!("invalid unit {unit}"));
            }
            let count = rate["requests_per_unit"].as_u64();
            if count.is_none_or(|count| count > u32::MAX.into()) {
                return Err("no count".to_owned());
            }
        }
        if let Some(inner) = fields.get("descriptors") {
            check_descriptors(inner)?;
        }
    }
    Ok(())
}

/// What it finds for a descriptor (`GetLimit` there): at each level the key with the value, or else the key alone; and
/// only a rate at the depth of the last entry counts.
fn look_up(descriptors: &Value, entries: &[(&str, &str)]) -> Option<u64> {
    let [(key, value), rest @ ..] = entries else {
        return None;
    };
    let named = |value: Option<&str>| {
        let all = descriptors.as_array()?;
        let mut found = all.iter().filter(|descriptor| {
            descriptor["key"] == *key && descriptor["value"].as_str() == value
        });
        found.next()
    };
    let found = named(Some(value)).or_else(|| named(None))?;
    match rest {
        [] => found["rate_limit"]["requests_per_unit"].as_u64(),
        rest => look_up(&found["descriptors"], rest),
    }
}

#[test]
fn what_envoyproxy_ratelimit_refuses() {
    let rate = |unit: &str, count: Value| json!({"unit": unit, "requests_per_unit": count});
    let cases = [
        (
            "another key",
            json!([{"key": "a", "limit": {}}]),
            "unknown key limit",
        ),
        ("no key", json!([{"value": "a"}]), "empty key"),
        (
            "twice",
            json!([{"key": "a", "value": "b"}, {"key": "a", "value": "b"}]),
            "duplicate a_b",
        ),
        (
            "a unit",
            json!([{"key": "a", "rate_limit": rate("fortnight", json!(1))}]),
            "invalid unit fortnight",
        ),
        (
            "a count",
            json!([{"key": "a", "rate_limit": rate("day", json!(4_294_967_296_u64))}]),
            "no count",
        ),
        (
            "within",
            json!([{"key": "a", "descriptors": [{"key": ""}]}]),
            "empty key",
        ),
        ("a number", json!([{"key": "a", "value": 1}]), "value is 1"),
    ];
    for (name, descriptors, expected) in cases {
        assert_eq!(
            check_descriptors(&descriptors).unwrap_err(),
            expected,
            "{name}"
        );
    }
}
