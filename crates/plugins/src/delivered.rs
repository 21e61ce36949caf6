//! The configuration of a filter, as it will be delivered.
//!
//! Envoy hands over the text of a `StringValue`, the bytes of a `BytesValue`, and the message of everything else. A
//! filter understands a `Struct`. Istio and Envoy Gateway make JSON text of whatever the resource has.

use base64ct::{Base64, Encoding as _};
use gatehouse_config::document;
use gatehouse_located_yaml::{Document, Kind, Node, Position, Reader, parse_within};
use serde_json::{Map, Value};

/// What the filter gets, and where it comes from.
#[derive(Debug)]
pub enum Delivered<'d> {
    /// A tree of the document.
    Tree(&'d Node, Reader),
    /// JSON text in the document.
    Text {
        /// What it says.
        value: Value,
        /// The tree of the text, where it could be located.
        document: Option<Document>,
        /// Where it begins.
        at: Position,
    },
    /// No configuration, which is an empty one.
    Nothing(Position),
}

/// Why the filter gets nothing that it could read.
#[derive(Debug, PartialEq, Eq)]
pub struct NotDelivered {
    /// Where.
    pub at: Position,
    /// Why.
    pub problem: String,
    /// What to do about it.
    pub suggestion: Option<String>,
}

impl<'d> Delivered<'d> {
    /// What Envoy makes of `configuration`, an `Any`.
    pub(crate) fn by_envoy(
        any: Option<&'d Node>,
        reader: Reader,
        otherwise: Position,
    ) -> Result<Self, NotDelivered> {
        let Some(any) = any else {
            return Ok(Self::Nothing(otherwise));
        };
        let value = any.get("value");
        let kind = any.get("@type").and_then(Node::text).unwrap_or_default();
        match kind.rsplit('/').next().unwrap_or_default() {
            "google.protobuf.Struct" => match value {
                Some(value) => Ok(Self::Tree(value, reader)),
                None if any.entries().len() > 1 => Err(NotDelivered {
                    at: any.at,
                    problem: "the configuration stands beside \"@type\", and not under value"
                        .to_owned(),
                    suggestion: Some("write value: before it, and move it to the right".to_owned()),
                }),
                None => Ok(Self::Nothing(any.at)),
            },
            "google.protobuf.StringValue" => match value {
                Some(value) => Self::text(value),
                None => Ok(Self::Nothing(any.at)),
            },
            "google.protobuf.BytesValue" => match value {
                Some(value) => Self::bytes(value),
                None => Ok(Self::Nothing(any.at)),
            },
            "" => Err(NotDelivered {
                at: any.at,
                problem: "configuration has no \"@type\"".to_owned(),
                suggestion: Some(
                    "write \"@type\": type.googleapis.com/google.protobuf.Struct, and the configuration under value"
                        .to_owned(),
                ),
            }),
            other => Err(NotDelivered {
                at: any.get("@type").map_or(any.at, |kind| kind.at),
                problem: format!("the filter cannot read a {other}"),
                suggestion: Some(
                    "use google.protobuf.Struct, or google.protobuf.StringValue with JSON".to_owned(),
                ),
            }),
        }
    }

    /// What is turned into JSON on the way.
    pub(crate) fn as_json(
        tree: Option<&'d Node>,
        otherwise: Position,
    ) -> Result<Self, NotDelivered> {
        Ok(tree.map_or(Self::Nothing(otherwise), |tree| {
            Self::Tree(tree, Reader::Json)
        }))
    }

    fn text(scalar: &Node) -> Result<Self, NotDelivered> {
        let text = scalar.text().ok_or_else(|| NotDelivered {
            at: scalar.at,
            problem: "the value of a StringValue is a text".to_owned(),
            suggestion: Some("write the configuration as a Struct".to_owned()),
        })?;
        let value = Self::parsed(text.as_bytes(), scalar.at)?;
        let documents = parse_within(scalar).unwrap_or_default();
        Ok(Self::Text {
            value,
            document: documents.into_iter().next(),
            at: scalar.at,
        })
    }

    /// Base64, as all bytes are in YAML and JSON; what they hold has no place in the file.
    fn bytes(scalar: &Node) -> Result<Self, NotDelivered> {
        let bytes = scalar.text().and_then(|text| Base64::decode_vec(text).ok());
        let bytes = bytes.ok_or_else(|| NotDelivered {
            at: scalar.at,
            problem: "the value of a BytesValue is base64".to_owned(),
            suggestion: Some("write the configuration as a Struct".to_owned()),
        })?;
        Ok(Self::Text {
            value: Self::parsed(&bytes, scalar.at)?,
            document: None,
            at: scalar.at,
        })
    }

    fn parsed(bytes: &[u8], at: Position) -> Result<Value, NotDelivered> {
        document::parse(bytes).map_err(|problems| {
            let first = problems.iter().next();
            NotDelivered {
                at,
                problem: first.map(|first| first.message.clone()).unwrap_or_default(),
                suggestion: first.and_then(|first| first.suggestion.clone()),
            }
        })
    }

    /// What the filter decodes.
    pub fn value(&self) -> Value {
        match self {
            Self::Tree(tree, reader) => match tree.value(*reader) {
                Value::Null => Value::Object(Map::new()),
                value => value,
            },
            Self::Text { value, .. } => value.clone(),
            Self::Nothing(_) => Value::Object(Map::new()),
        }
    }

    /// The tree of it, where there is one.
    pub fn tree(&self) -> Option<&Node> {
        match self {
            Self::Tree(tree, _) => Some(tree),
            Self::Text { document, .. } => document.as_ref().map(|document| &document.root),
            Self::Nothing(_) => None,
        }
    }

    /// Where a path in it leads to; to the name of a field where `key` says so.
    pub fn locate(&self, path: &str, key: bool) -> Position {
        match (self.tree(), self) {
            (Some(tree), _) => tree.locate(path, key),
            (None, Self::Text { at, .. } | Self::Nothing(at)) => *at,
            (None, Self::Tree(tree, _)) => tree.at,
        }
    }

    /// Whether what stands at a path is a number to everybody but Envoy.
    pub fn is_text_to_envoy_only(&self, path: &str) -> bool {
        let Self::Tree(tree, Reader::Envoy) = self else {
            return false;
        };
        match tree.find(path).map(|node| &node.kind) {
            Some(Kind::Scalar(scalar)) => scalar.is_text_to_envoy_only(),
            _ => false,
        }
    }
}
