//! What is refused of files that nobody but Gatehouse reads: what other readers would read otherwise.

use crate::{Entry, Error, Kind, Position, Reader, Scalar, refuse};
use saphyr_parser::Tag;
use serde_json::Value;
use std::collections::HashSet;

/// Refuses tags, other than those of the core schema that say what is there anyway.
pub(crate) fn tag(tag: &Tag, kind: &Kind, at: Position) -> Result<(), Error> {
    const USELESS: &str = "a tag, which nothing here has a use for";
    if !tag.is_yaml_core_schema() {
        return refuse(at, USELESS);
    }
    let scalar = match (kind, tag.suffix.as_str()) {
        (Kind::Scalar(_), "str") | (Kind::List(_), "seq") | (Kind::Object(_), "map") => {
            return Ok(());
        }
        (Kind::Scalar(scalar), "int" | "float" | "bool" | "null") => scalar,
        _ => return refuse(at, USELESS),
    };
    match (tag.suffix.as_str(), scalar.value(Reader::Core)) {
        ("int", Value::Number(number)) if !number.is_f64() => Ok(()),
        ("float", Value::Number(_)) | ("bool", Value::Bool(_)) | ("null", Value::Null) => Ok(()),
        (kind, _) => refuse(at, format!("tagged as {kind}, but it is something else")),
    }
}

/// The entries with keys as everybody reads them, each once.
pub(crate) fn entries(entries: &mut [Entry]) -> Result<(), Error> {
    let mut known = HashSet::new();
    for entry in entries {
        let key = Scalar {
            text: std::mem::take(&mut entry.key),
            is_plain: entry.is_plain,
            is_block: false,
        };
        entry.key = match key.value(Reader::Core) {
            Value::String(text) => text,
            other => other.to_string(),
        };
        if !known.insert(entry.key.clone()) {
            return refuse(
                entry.key_at,
                format!("the key {:?} is here twice", entry.key),
            );
        }
    }
    Ok(())
}
