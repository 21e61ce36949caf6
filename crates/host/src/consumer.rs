//! Who sent a request.

use serde_json::{Map, Value};

/// An authenticated caller. Established by `auth`; limits key on it, templates name it, logs see it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Consumer {
    /// The name, unique among the consumers of a provider.
    pub name: String,
    /// The provider that vouched for it.
    pub provider: String,
    /// What it belongs to.
    pub groups: Vec<String>,
    /// What its token was granted.
    pub scopes: Vec<String>,
    /// The claims of its token.
    pub claims: Map<String, Value>,
    /// What the operator's configuration says of it.
    pub metadata: Map<String, Value>,
}

impl Consumer {
    /// As it is handed from one module to the next: JSON.
    pub fn to_json(&self) -> Vec<u8> {
        let list = |items: &[String]| items.iter().cloned().map(Value::String).collect();
        let mut map = Map::new();
        map.insert("name".to_owned(), Value::String(self.name.clone()));
        map.insert("provider".to_owned(), Value::String(self.provider.clone()));
        map.insert("groups".to_owned(), Value::Array(list(&self.groups)));
        map.insert("scopes".to_owned(), Value::Array(list(&self.scopes)));
        map.insert("claims".to_owned(), Value::Object(self.claims.clone()));
        map.insert("metadata".to_owned(), Value::Object(self.metadata.clone()));
        Value::Object(map).to_string().into_bytes()
    }

    /// What [`Consumer::to_json`] wrote; nothing where the bytes are something else.
    pub fn from_json(bytes: &[u8]) -> Option<Self> {
        let Ok(Value::Object(mut map)) = serde_json::from_slice(bytes) else {
            return None;
        };
        Some(Self {
            name: text(map.remove("name"))?,
            provider: text(map.remove("provider"))?,
            groups: texts(map.remove("groups"))?,
            scopes: texts(map.remove("scopes"))?,
            claims: object(map.remove("claims"))?,
            metadata: object(map.remove("metadata"))?,
        })
    }
}

fn text(value: Option<Value>) -> Option<String> {
    match value {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

fn texts(value: Option<Value>) -> Option<Vec<String>> {
    match value {
        Some(Value::Array(items)) => items.into_iter().map(|item| text(Some(item))).collect(),
        _ => None,
    }
}

fn object(value: Option<Value>) -> Option<Map<String, Value>> {
    match value {
        Some(Value::Object(map)) => Some(map),
        _ => None,
    }
}
