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
        let Ok(Value::Object(map)) = gatehouse_strict_json::parse_around(bytes) else {
            return None;
        };
        let [
            mut name,
            mut provider,
            mut groups,
            mut scopes,
            mut claims,
            mut metadata,
        ] = [const { None }; 6];
        for (key, value) in map {
            let place = match key.as_str() {
                "name" => &mut name,
                "provider" => &mut provider,
                "groups" => &mut groups,
                "scopes" => &mut scopes,
                "claims" => &mut claims,
                "metadata" => &mut metadata,
                _ => continue,
            };
            *place = Some(value);
        }
        Some(Self {
            name: text(name)?,
            provider: text(provider)?,
            groups: texts(groups)?,
            scopes: texts(scopes)?,
            claims: object(claims)?,
            metadata: object(metadata)?,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_as_deep_as_a_token_can_have_them_are_read_back() {
        let deepest = format!(
            r#"{{"a":{}{}}}"#,
            "[".repeat(gatehouse_strict_json::MAX_DEPTH - 1),
            "]".repeat(gatehouse_strict_json::MAX_DEPTH - 1)
        );
        let claims = gatehouse_strict_json::parse(deepest.as_bytes()).unwrap();
        let consumer = Consumer {
            name: "acme".to_owned(),
            groups: vec!["gold".to_owned()],
            claims: object(Some(claims)).unwrap(),
            ..Consumer::default()
        };
        assert_eq!(Consumer::from_json(&consumer.to_json()), Some(consumer));
    }

    #[test]
    fn what_is_no_consumer() {
        let cases = [
            ("nothing", ""),
            ("no object", "[]"),
            (
                "a member is missing",
                r#"{"name":"a","provider":"p","groups":[],"scopes":[],"claims":{}}"#,
            ),
            (
                "a member of another type",
                r#"{"name":1,"provider":"p","groups":[],"scopes":[],"claims":{},"metadata":{}}"#,
            ),
            (
                "a group that is no text",
                r#"{"name":"a","provider":"p","groups":[1],"scopes":[],"claims":{},"metadata":{}}"#,
            ),
            (
                "a name twice",
                r#"{"name":"a","name":"b","provider":"p","groups":[],"scopes":[],"claims":{},"metadata":{}}"#,
            ),
        ];
        for (name, text) in cases {
            assert_eq!(Consumer::from_json(text.as_bytes()), None, "{name}");
        }
    }
}
