//! Where a claim stands in what a token says of its subject.
//!
//! A [`ClaimRef`] is a claim's name (`email`, `https://example.com/roles`), or, where it begins with
//! `/`, a JSON pointer (RFC 6901): `/realm_access/roles`, `/addresses/0/country`. A claim that is null
//! is one that is not there.

#[cfg(test)]
mod tests;

use gatehouse_config::{Context, Decode, Value};
use gatehouse_json_pointer::{Pointer, index};
use serde_json::Map;
use std::fmt;

/// Where a claim stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRef {
    /// The claim's name.
    name: Box<str>,
    /// What stands after it in a pointer.
    below: Vec<Box<str>>,
}

impl ClaimRef {
    /// The claim of this name, which is never a pointer.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.into(),
            below: Vec::new(),
        }
    }

    /// The names on the way to it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        [&self.name]
            .into_iter()
            .chain(&self.below)
            .map(|name| &**name)
    }

    /// The claim, if it is there and not null.
    pub fn find<'c>(&self, claims: &'c Map<String, Value>) -> Option<&'c Value> {
        let mut found = claims.get(&*self.name)?;
        for token in &self.below {
            found = match found {
                Value::Object(map) => map.get(&**token)?,
                Value::Array(items) => items.get(usize::try_from(index(token)?).ok()?)?,
                _ => return None,
            };
        }
        (!found.is_null()).then_some(found)
    }
}

/// As operators write it.
impl fmt::Display for ClaimRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.below.is_empty() {
            return f.write_str(&self.name);
        }
        for name in self.names() {
            write!(f, "/{}", name.replace('~', "~0").replace('/', "~1"))?;
        }
        Ok(())
    }
}

impl Decode for ClaimRef {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        if !text.starts_with('/') {
            return match text.is_empty() {
                true => context.problem("a claim's name cannot be empty"),
                false => Some(Self::named(&text)),
            };
        }
        let Some(pointer) = Pointer::parse(&text) else {
            return context.problem_hint(
                format!("{text:?} is not a JSON pointer"),
                "write \"~0\" for \"~\" and \"~1\" for \"/\" within a name",
            );
        };
        let tokens = pointer.into_tokens();
        if tokens.iter().any(|token| token.is_empty()) {
            return context.problem_hint(
                format!("{text:?} has an empty name"),
                "a pointer is \"/\" and a name, as often as needed",
            );
        }
        let mut tokens = tokens.into_iter();
        Some(Self {
            name: tokens.next()?,
            below: tokens.collect(),
        })
    }

    gatehouse_config::described!(text not empty);
}
