//! From the tree to typed values.

use crate::context::Context;
use serde_json::Value;

/// A type that can stand in a configuration.
pub trait Decode: Sized {
    /// The value, or `None` with at least one problem reported to `context`.
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self>;

    /// What a missing field of this type is: by default a problem.
    fn missing(context: &mut Context<'_>) -> Option<Self> {
        missing(context)
    }

    /// What it takes, as JSON Schema. What does not say it takes anything, and a test of `crates/cli` finds it.
    #[cfg(not(target_arch = "wasm32"))]
    fn schema(_: &mut crate::schema::Schemas) -> Value {
        serde_json::json!({"$comment": format!("not described: {}", std::any::type_name::<Self>())})
    }
}

/// The problem of a required field that is not there.
pub(crate) fn missing<T>(context: &mut Context<'_>) -> Option<T> {
    context.problem("required, but missing")
}

/// What a value is, for messages: `the text "ten"`, `a list`. Never a long or secret text.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => format!("{value}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.chars().count() <= 40 => format!("the text {text:?}"),
        Value::String(_) => "a long text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        T::decode(value, context).map(Some)
    }

    fn missing(_: &mut Context<'_>) -> Option<Self> {
        Some(None)
    }

    crate::described!(as T);
}

impl<T: Decode> Decode for Box<T> {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        T::decode(value, context).map(Box::new)
    }

    crate::described!(as T);
}

impl Decode for Value {
    fn decode(value: &Value, _: &mut Context<'_>) -> Option<Self> {
        Some(value.clone())
    }

    crate::described!(|_schemas| serde_json::json!({}));
}

impl Decode for bool {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        match value {
            Value::Bool(value) => Some(*value),
            other => context.expected("true or false", other),
        }
    }

    crate::described!(|_schemas| serde_json::json!({"type": "boolean"}));
}

impl Decode for String {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        match value {
            Value::String(text) => Some(text.clone()),
            other => context.expected("a text", other),
        }
    }

    crate::described!(text);
}

macro_rules! whole_numbers {
    ($($type:ty),*) => {$(
        impl Decode for $type {
            fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
                let Some(number) = value.as_u64() else {
                    return context.expected("a whole number", value);
                };
                match <$type>::try_from(number) {
                    Ok(number) => Some(number),
                    Err(_) => context.problem(format!("{number} is more than {}", <$type>::MAX)),
                }
            }

            crate::described!(|_schemas| crate::schema::whole_number(0, <$type>::MAX as u64));
        }
    )*};
}
whole_numbers!(u8, u16, u32, u64, usize);

/// A list; missing is a problem, empty is not ([`NonEmpty`] where it is).
impl<T: Decode> Decode for Vec<T> {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let Value::Array(items) = value else {
            return context.expected("a list", value);
        };
        let mut decoded = Self::with_capacity(items.len());
        let mut sound = true;
        for (index, item) in items.iter().enumerate() {
            match context.at_index(index, |context| T::decode(item, context)) {
                Some(value) => decoded.push(value),
                None => sound = false,
            }
        }
        sound.then_some(decoded)
    }

    crate::described!(|schemas| serde_json::json!({"type": "array", "items": schemas.of::<T>()}));
}

/// A list with at least one element: an empty one would allow, deny or do nothing at all, which is
/// never what was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NonEmpty<T>(pub Vec<T>);

impl<T: Decode> Decode for NonEmpty<T> {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let items = Vec::decode(value, context)?;
        if items.is_empty() {
            return context.problem("empty, but needs at least one element");
        }
        Some(Self(items))
    }

    crate::described!(|schemas| crate::schema::non_empty_list(schemas.of::<T>()));
}

/// An object with keys that the operator chooses, in the order of the document. Keys that are written
/// in two ways and are the same (header names in another case) are a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entries<K, V>(pub Vec<(K, V)>);

impl<K, V> Default for Entries<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Decode + PartialEq, V: Decode> Decode for Entries<K, V> {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let Value::Object(map) = value else {
            return context.expected("an object", value);
        };
        let mut entries = Vec::with_capacity(map.len());
        let mut sound = true;
        for (key, value) in map {
            let entry = context.at_key(key, |context| {
                let name = K::decode(&Value::String(key.clone()), context);
                let value = V::decode(value, context);
                Some((name?, value?))
            });
            match entry {
                Some(entry) => entries.push(entry),
                None => sound = false,
            }
        }
        if !sound {
            return None;
        }
        for (index, ((name, _), key)) in entries.iter().zip(map.keys()).enumerate() {
            if entries.iter().take(index).any(|(other, _)| other == name) {
                context.at_key(key, |context| {
                    context.problem::<()>(format!("{key:?} is here twice"))
                });
            }
        }
        Some(Self(entries))
    }

    crate::described!(|schemas| serde_json::json!({
        "type": "object",
        "propertyNames": schemas.of::<K>(),
        "additionalProperties": schemas.of::<V>(),
    }));
}
