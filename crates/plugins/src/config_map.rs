//! The files in a `ConfigMap`, where they speak of Gatehouse.

use gatehouse_located_yaml::{Document, Error, Node, parse_within};

/// The documents that the files of a document's `ConfigMap`s hold, also of those in a `List`; and why some could not be read,
/// though their names say that they are YAML or JSON.
pub fn config_maps(document: &Document) -> (Vec<Document>, Vec<Error>) {
    let (mut documents, mut errors) = (Vec::new(), Vec::new());
    visit(&document.root, &mut documents, &mut errors);
    (documents, errors)
}

fn visit(resource: &Node, documents: &mut Vec<Document>, errors: &mut Vec<Error>) {
    let kind = resource
        .get("kind")
        .and_then(Node::text)
        .unwrap_or_default();
    // `List`, and `ConfigMapList`.
    if kind.ends_with("List") {
        let items = resource.get("items").map(Node::items).unwrap_or_default();
        return items.iter().for_each(|item| visit(item, documents, errors));
    }
    let data = resource.get("data").filter(|_| kind == "ConfigMap");
    for file in data.map(Node::entries).unwrap_or_default() {
        let text = file.value.text().unwrap_or_default();
        if !text.contains("gatehouse") {
            continue;
        }
        let endings = [".yaml", ".yml", ".json"];
        match parse_within(&file.value) {
            Ok(found) => documents.extend(found),
            Err(error) if endings.iter().any(|end| file.key.ends_with(end)) => errors.push(error),
            Err(_) => {}
        }
    }
}
