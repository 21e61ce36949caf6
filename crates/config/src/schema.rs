//! What may stand in a configuration, as JSON Schema (2020-12), out of the types that decode it.
//!
//! It is built on the machine of the operator only: nothing of it is compiled for a proxy. The shapes of
//! [`object!`](crate::object), [`one_of!`](crate::one_of) and [`keywords!`](crate::keywords) describe themselves; what decodes by
//! hand says with [`described!`](crate::described) what it takes.
//!
//! A schema says which shape a configuration has. What must hold between its parts (a provider that a rule names is
//! there, two limits have two names) only the filter's own code can say.

use crate::{Context, Decode};
use serde_json::{Map, Value, json};
use std::any::type_name;
use std::collections::BTreeMap;

pub use serde_json::json as value;

/// The schema of a whole configuration.
pub fn document<T: Decode>(title: &str) -> Value {
    let mut schemas = Schemas::default();
    let root = T::schema(&mut schemas);
    let mut document = Map::new();
    document.insert(
        "$schema".to_owned(),
        json!("https://json-schema.org/draft/2020-12/schema"),
    );
    document.insert("title".to_owned(), json!(title));
    if let Value::Object(root) = root {
        document.extend(root);
    }
    document.insert("$defs".to_owned(), json!(schemas.definitions));
    Value::Object(document)
}

/// The shapes that are described so far, each once: they may contain themselves.
#[derive(Default)]
pub struct Schemas {
    definitions: BTreeMap<String, Value>,
}

impl Schemas {
    /// What a type takes.
    pub fn of<T: Decode>(&mut self) -> Value {
        T::schema(self)
    }

    /// A shape of its own, which is referred to by its type's name.
    pub fn define<T>(&mut self, about: &str, shape: impl FnOnce(&mut Self) -> Value) -> Value {
        let name = definition_name(type_name::<T>());
        let reference = json!({"$ref": format!("#/$defs/{name}")});
        if self.definitions.contains_key(&name) {
            return reference;
        }
        // It may come up in itself.
        self.definitions.insert(name.clone(), Value::Null);
        let shape = shape(self);
        self.definitions
            .insert(name, with_description(shape, about));
        reference
    }

    /// An object with the fields that `fields` adds, and no others.
    pub fn object(&mut self, fields: impl FnOnce(&mut Fields<'_>)) -> Value {
        let mut object = Fields {
            schemas: self,
            properties: Map::new(),
            required: Vec::new(),
        };
        fields(&mut object);
        let Fields {
            properties,
            required,
            ..
        } = object;
        let mut schema = json!({
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
        });
        if let (Value::Object(schema), false) = (&mut schema, required.is_empty()) {
            schema.insert("required".to_owned(), Value::Array(required));
        }
        schema
    }
}

/// The fields of an object that is being described.
pub struct Fields<'s> {
    schemas: &'s mut Schemas,
    properties: Map<String, Value>,
    required: Vec<Value>,
}

impl Fields<'_> {
    /// A field that may be missing where its type may be, or where it has a default.
    pub fn field<T: Decode>(&mut self, key: &str, has_default: bool, about: &str) {
        let schema = T::schema(self.schemas);
        self.add(key, with_description(schema, about));
        if !has_default && !may_be_missing::<T>() {
            self.required.push(json!(key));
        }
    }

    /// A field that may be missing.
    pub fn optional<T: Decode>(&mut self, key: &str) {
        self.field::<T>(key, true, "");
    }

    /// A field with a schema of its own, which may be missing.
    pub fn add(&mut self, key: &str, schema: Value) {
        self.properties.insert(key.to_owned(), schema);
    }

    /// A field with a schema of its own, which has to be there.
    pub fn require(&mut self, key: &str, schema: Value) {
        self.add(key, schema);
        self.required.push(json!(key));
    }

    /// The schemas, for the types of fields.
    pub fn schemas(&mut self) -> &mut Schemas {
        self.schemas
    }
}

fn may_be_missing<T: Decode>() -> bool {
    T::missing(&mut Context::new(&|_: &str| None)).is_some()
}

/// Where one of several things can stand.
pub fn any_of(schemas: impl IntoIterator<Item = Value>) -> Value {
    json!({"anyOf": schemas.into_iter().collect::<Vec<_>>()})
}

/// A list with at least one element.
pub fn non_empty_list(items: Value) -> Value {
    json!({"type": "array", "items": items, "minItems": 1})
}

/// A text that matches a regular expression (ECMA-262).
pub fn text(pattern: &str) -> Value {
    json!({"type": "string", "pattern": pattern})
}

/// A whole number.
pub fn whole_number(least: u64, most: u64) -> Value {
    json!({"type": "integer", "minimum": least, "maximum": most})
}

/// A schema with something more that must hold.
pub fn and(schema: Value, more: Value) -> Value {
    json!({"allOf": [schema, more]})
}

/// An object that has exactly one of these fields.
pub fn exactly_one(schema: Value, keys: &[&str]) -> Value {
    let ways: Vec<Value> = keys.iter().map(|key| json!({"required": [key]})).collect();
    and(schema, json!({"oneOf": ways}))
}

/// An object that has at least one field.
pub fn not_empty(schema: Value) -> Value {
    and(schema, json!({"minProperties": 1}))
}

/// One of several things, told apart by its only key, or by a word; for [`one_of!`](crate::one_of).
#[doc(hidden)]
pub fn one_key(ways: Vec<(&str, &str, Option<Value>, bool)>) -> Value {
    let mut choices = Vec::new();
    let words = ways.iter().filter(|(.., is_bare)| *is_bare);
    let words: Vec<&str> = words.map(|(key, ..)| *key).collect();
    if !words.is_empty() {
        choices.push(json!({"enum": words}));
    }
    for (key, about, value, _) in ways {
        if let Some(value) = value {
            choices.push(json!({
                "type": "object",
                "properties": {key: with_description(value, about)},
                "required": [key],
                "additionalProperties": false,
            }));
        }
    }
    match choices.len() {
        1 => choices.remove(0),
        _ => json!({"oneOf": choices}),
    }
}

fn with_description(schema: Value, about: &str) -> Value {
    match schema {
        Value::Object(mut schema) if !about.is_empty() => {
            schema
                .entry("description")
                .or_insert_with(|| json!(about.trim()));
            Value::Object(schema)
        }
        schema => schema,
    }
}

/// `gatehouse_auth::jwt::config::RawJwt` is `auth.jwt.config.Jwt`, and `gatehouse_auth::jwt::config::Raw` is `auth.jwt.config`.
fn definition_name(type_name: &str) -> String {
    let name = type_name.strip_prefix("gatehouse_").unwrap_or(type_name);
    let parts = name.split("::");
    let parts = parts.map(|part| part.strip_prefix("Raw").unwrap_or(part));
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    parts.join(".")
}
