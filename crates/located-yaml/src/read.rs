//! Events of the parser to documents.

use crate::{Document, Error, MAX_DEPTH, MAX_NODES, Place, Position, path, scalar};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// Reads all documents of a text; none where there is nothing but comments.
///
/// # Errors
/// Where it is not YAML, or refused by the rules of the crate's documentation.
pub fn parse(text: &str) -> Result<Vec<Document>, Error> {
    let mut reader = Reader {
        anchors: HashMap::new(),
        nodes: 0,
        open: Vec::new(),
        root: None,
        documents: Vec::new(),
    };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| Error {
            position: position(error.marker()),
            message: format!("not YAML: {}", error.info()),
        })?;
        reader.take(event, position(&span.start))?;
    }
    Ok(reader.documents)
}

fn position(marker: &Marker) -> Position {
    Position {
        line: marker.line().max(1),
        column: marker.col() + 1,
    }
}

/// A part of a document. What an alias names is shared.
#[derive(Clone)]
struct Node {
    position: Position,
    content: Rc<Content>,
    /// How many nodes it is, itself and aliases within it expanded.
    size: usize,
    /// How deep lists and mappings are nested in it.
    depth: usize,
}

enum Content {
    Scalar(Value),
    List(Vec<Node>),
    Mapping(Vec<(String, Position, Node)>),
}

/// A list or mapping of which more is to come.
struct Open {
    position: Position,
    anchor: usize,
    size: usize,
    depth: usize,
    content: OpenContent,
}

enum OpenContent {
    List(Vec<Node>),
    /// The entries, their keys, and the key that waits for its value.
    Mapping(
        Vec<(String, Position, Node)>,
        HashSet<String>,
        Option<(String, Position)>,
    ),
}

struct Reader {
    anchors: HashMap<usize, Node>,
    nodes: usize,
    open: Vec<Open>,
    root: Option<Node>,
    documents: Vec<Document>,
}

impl Reader {
    fn take(&mut self, event: Event<'_>, at: Position) -> Result<(), Error> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {
                Ok(())
            }
            Event::DocumentEnd => {
                self.anchors.clear();
                if let Some(root) = self.root.take() {
                    let mut positions = HashMap::new();
                    let value = resolve(&root, String::new(), None, &mut positions);
                    self.documents.push(Document { value, positions });
                }
                Ok(())
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(node) => self.place(node.clone(), at),
                None => refuse(at, "an alias inside of what it names"),
            },
            Event::Scalar(text, style, anchor, tag) => {
                let value = read_scalar(&text, style, tag.as_deref(), at)?;
                let node = Node {
                    position: at,
                    content: Rc::new(Content::Scalar(value)),
                    size: 1,
                    depth: 0,
                };
                self.finished(node, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(OpenContent::List(Vec::new()), anchor, tag, "seq", at)
            }
            Event::MappingStart(anchor, tag) => {
                let content = OpenContent::Mapping(Vec::new(), HashSet::new(), None);
                self.open(content, anchor, tag, "map", at)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else {
                    return refuse(at, "an end of what never began");
                };
                let content = match open.content {
                    OpenContent::List(items) => Content::List(items),
                    OpenContent::Mapping(entries, _, _) => Content::Mapping(entries),
                };
                let node = Node {
                    position: open.position,
                    content: Rc::new(content),
                    size: open.size,
                    depth: open.depth + 1,
                };
                self.finished(node, open.anchor)
            }
        }
    }

    fn open(
        &mut self,
        content: OpenContent,
        anchor: usize,
        tag: Option<Cow<'_, Tag>>,
        kind: &str,
        at: Position,
    ) -> Result<(), Error> {
        if let Some(tag) = tag
            && !(tag.is_yaml_core_schema() && tag.suffix == kind)
        {
            return refuse(at, "a tag, which nothing here has a use for");
        }
        if let Some(Open {
            content: OpenContent::Mapping(_, _, None),
            ..
        }) = self.open.last()
        {
            return refuse(at, "a key that is a list or a mapping");
        }
        if self.open.len() >= MAX_DEPTH {
            return refuse(at, format!("nested deeper than {MAX_DEPTH}"));
        }
        self.open.push(Open {
            position: at,
            anchor,
            size: 1,
            depth: 0,
            content,
        });
        Ok(())
    }

    fn finished(&mut self, node: Node, anchor: usize) -> Result<(), Error> {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let at = node.position;
        self.place(node, at)
    }

    /// Puts a node where it belongs: it is a key, a value, an element, or all of the document.
    fn place(&mut self, node: Node, at: Position) -> Result<(), Error> {
        let nested = self.open.len();
        let Some(open) = self.open.last_mut() else {
            self.nodes = self.nodes.saturating_add(node.size);
            if self.nodes > MAX_NODES {
                return refuse(at, format!("more than {MAX_NODES} values"));
            }
            self.root = Some(node);
            return Ok(());
        };
        open.size = open.size.saturating_add(node.size);
        open.depth = open.depth.max(node.depth);
        if open.size > MAX_NODES {
            return refuse(
                at,
                format!("more than {MAX_NODES} values, aliases expanded"),
            );
        }
        if nested + node.depth > MAX_DEPTH {
            return refuse(
                at,
                format!("nested deeper than {MAX_DEPTH}, aliases expanded"),
            );
        }
        match &mut open.content {
            OpenContent::List(items) => items.push(node),
            OpenContent::Mapping(entries, keys, waiting) => match waiting.take() {
                Some((key, position)) => entries.push((key, position, node)),
                None => {
                    let key = read_key(&node, at)?;
                    if !keys.insert(key.clone()) {
                        return refuse(at, format!("the key {key:?} is here twice"));
                    }
                    *waiting = Some((key, at));
                }
            },
        }
        Ok(())
    }
}

fn read_key(node: &Node, at: Position) -> Result<String, Error> {
    match &*node.content {
        Content::Scalar(Value::String(text)) => Ok(text.clone()),
        Content::Scalar(Value::Null) => Ok("null".to_owned()),
        Content::Scalar(value) => Ok(value.to_string()),
        Content::List(_) | Content::Mapping(_) => refuse(at, "a key that is a list or a mapping"),
    }
}

fn read_scalar(
    text: &str,
    style: ScalarStyle,
    tag: Option<&Tag>,
    at: Position,
) -> Result<Value, Error> {
    let text_of = || Value::String(text.to_owned());
    let Some(tag) = tag else {
        return Ok(match style {
            ScalarStyle::Plain => scalar::plain(text),
            _ => text_of(),
        });
    };
    let value = match (tag.is_yaml_core_schema(), tag.suffix.as_str()) {
        (true, "str") => return Ok(text_of()),
        (true, "int" | "float" | "bool" | "null") => scalar::plain(text),
        _ => return refuse(at, "a tag, which nothing here has a use for"),
    };
    match (tag.suffix.as_str(), &value) {
        ("int", Value::Number(number)) if !number.is_f64() => Ok(value),
        ("float", Value::Number(_)) | ("bool", Value::Bool(_)) | ("null", Value::Null) => Ok(value),
        (kind, _) => refuse(at, format!("tagged as {kind}, but it is something else")),
    }
}

fn resolve(
    node: &Node,
    path: String,
    key: Option<Position>,
    positions: &mut HashMap<String, Place>,
) -> Value {
    let value = match &*node.content {
        Content::Scalar(value) => value.clone(),
        Content::List(items) => Value::Array(
            items
                .iter()
                .enumerate()
                .map(|(index, item)| resolve(item, path::index(&path, index), None, positions))
                .collect(),
        ),
        Content::Mapping(entries) => Value::Object(
            entries
                .iter()
                .map(|(name, at, value)| {
                    let inner = path::key(&path, name);
                    (name.clone(), resolve(value, inner, Some(*at), positions))
                })
                .collect::<Map<_, _>>(),
        ),
    };
    positions.insert(
        path,
        Place {
            key,
            value: node.position,
        },
    );
    value
}

fn refuse<T>(position: Position, message: impl Into<String>) -> Result<T, Error> {
    Err(Error {
        position,
        message: message.into(),
    })
}
