//! Files of YAML or JSON: whatever they hold, they are trees or refused, all that is in them has its place, and JSON is what it is.

#![no_main]

use gatehouse_located_yaml::{Node, Reader, key, parse, parse_strict, parse_within};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    // A carriage return alone ends a line of YAML too (YAML 1.2.2, 5.4).
    let breaks = text.replace("\r\n", "\n").matches(['\r', '\n']).count();
    // What is left out at the end stands after the last line.
    let lines = breaks + 2;
    let strict = parse_strict(text);
    let lenient = parse(text);
    // What is strict is read by others too, though perhaps as something else.
    assert!(strict.is_err() || lenient.is_ok(), "{:?}", lenient.err());
    for document in strict.iter().flatten().chain(lenient.iter().flatten()) {
        visit(&document.root, &document.root, String::new(), lines);
        for reader in [Reader::Envoy, Reader::Json, Reader::Core] {
            document.root.value(reader);
        }
        let at = document.root.locate(text, false);
        assert!(at.line >= 1 && at.column >= 1);
    }
    let Ok(json) = serde_json::from_str::<Value>(text) else {
        return;
    };
    // Deeper than Envoy reads, or with a mark that YAML leaves out.
    let (Ok(documents), false) = (lenient, text.contains('\u{feff}')) else {
        return;
    };
    if let [document] = documents.as_slice() {
        let read = document.root.value(Reader::Json);
        assert!(same(&read, &json), "{read} is not {json}");
    }
});

/// Every part is found by its path, where it stands.
fn visit(root: &Node, node: &Node, path: String, lines: usize) {
    assert!(node.at.line <= lines, "{} of {lines}", node.at);
    // Of a key that is there twice, the last is found.
    let mut known = std::collections::HashSet::new();
    let is_ambiguous = |text: &str| text.is_empty() || text.contains(['.', '[', '"', ']']);
    if path.len() < 1_000 && !node.entries().iter().any(|entry| is_ambiguous(&entry.key)) {
        assert!(root.find(&path).is_some() || path.contains(['.', '[']), "{path}");
    }
    for entry in node.entries().iter().rev() {
        if known.insert(&entry.key) {
            visit(root, &entry.value, key(&path, &entry.key), lines);
        }
    }
    for (index, item) in node.items().iter().enumerate() {
        visit(root, item, gatehouse_located_yaml::index(&path, index), lines);
    }
    if node.text().is_some_and(|text| text.len() < 10_000) {
        let _ = parse_within(node);
    }
}

/// Whether numbers are the same too, which YAML reads from texts.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => match (one.as_f64(), other.as_f64()) {
            // The last bits of long numbers serde_json reads otherwise than std, without `float_roundtrip`.
            (Some(one), Some(other)) => (one - other).abs() <= 1e-15 * one.abs(),
            (one, other) => one == other,
        },
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, one)| other.get(key).is_some_and(|other| same(one, other)))
        }
        _ => one == other,
    }
}
