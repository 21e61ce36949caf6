//! Merge keys of YAML 1.1 (`<<`), which Kubernetes follows and Envoy does not.

use crate::{Entry, Error, Kind, Node, refuse};
use std::collections::HashSet;

/// The tree with its merge keys followed. A field that is there counts rather than one that is merged, and of several
/// merged ones the first. There are never more nodes than before: those that are merged are copies already.
pub(crate) fn merged(node: Node) -> Result<Node, Error> {
    let kind = match node.kind {
        Kind::Scalar(scalar) => Kind::Scalar(scalar),
        Kind::List(items) => Kind::List(items.into_iter().map(merged).collect::<Result<_, _>>()?),
        Kind::Object(entries) => Kind::Object(merge(entries)?),
    };
    Ok(Node { at: node.at, kind })
}

fn merge(entries: Vec<Entry>) -> Result<Vec<Entry>, Error> {
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for entry in entries {
        let value = merged(entry.value)?;
        if entry.key != "<<" || !entry.is_plain {
            own.push(Entry { value, ..entry });
            continue;
        }
        match value.kind {
            Kind::Object(entries) => others.push(entries),
            Kind::List(items) => {
                for item in items {
                    match item.kind {
                        Kind::Object(entries) => others.push(entries),
                        _ => return refuse(item.at, NO_MAPPING),
                    }
                }
            }
            Kind::Scalar(_) => return refuse(value.at, NO_MAPPING),
        }
    }
    let mut known: HashSet<String> = own.iter().map(|entry| entry.key.clone()).collect();
    for entry in others.into_iter().flatten() {
        if known.insert(entry.key.clone()) {
            own.push(entry);
        }
    }
    Ok(own)
}

const NO_MAPPING: &str = "a merge key (<<) of something else than mappings";
