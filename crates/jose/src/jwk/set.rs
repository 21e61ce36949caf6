//! Sets of keys (RFC 7517, section 5).

use serde_json::Value;

use super::{JwkError, Key, Usage};
use crate::Algorithm;

/// The keys of an issuer.
#[derive(Debug, Clone)]
pub struct JwkSet {
    keys: Vec<Key>,
}

impl JwkSet {
    /// Reads a set that an operator wrote down: anything wrong with it is an error, all errors are
    /// reported.
    ///
    /// Beyond what is wrong with single keys: two keys of one type and one `kid`, and a set of which
    /// no key verifies signatures.
    pub fn from_value(set: &Value) -> Result<Self, Vec<JwkError>> {
        let (keys, mut errors) = read(set)?;
        for (index, key) in &keys {
            let earlier = keys
                .iter()
                .take_while(|(other, _)| other < index)
                .find(|(_, other)| {
                    key.kid.is_some() && other.kid == key.kid && other.kty() == key.kty()
                });
            if let (Some((earlier, _)), Some(kid)) = (earlier, &key.kid) {
                let message = format!("keys[{earlier}] of the same type is named {kid:?} too");
                errors.push(JwkError::new(format!("keys[{index}].kid"), message));
            }
        }
        if errors.is_empty() && keys.iter().all(|(_, key)| key.usage == Usage::Other) {
            errors.push(JwkError::new("keys", "no key verifies signatures"));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            keys: keys.into_iter().map(|(_, key)| key).collect(),
        })
    }

    /// Reads a set that an issuer publishes: a key that can't be used is left out and reported, since
    /// an issuer may at any time add keys for others (RFC 7517, section 5).
    ///
    /// Left out too are HMAC secrets: what is published is no secret. An error means that it is not
    /// a set of keys at all.
    pub fn from_published(set: &Value) -> Result<(Self, Vec<JwkError>), JwkError> {
        let (keys, mut errors) = match read(set) {
            Ok(read) => read,
            Err(errors) => {
                let unknown = || JwkError::new("", "is not a set of keys");
                return Err(errors.into_iter().next().unwrap_or_else(unknown));
            }
        };
        let mut published = Vec::with_capacity(keys.len());
        for (index, key) in keys {
            if key.kty() == "oct" {
                let message = "a secret (kty oct) in a published set is no secret";
                errors.push(JwkError::new(format!("keys[{index}].kty"), message));
            } else {
                published.push(key);
            }
        }
        Ok((Self { keys: published }, errors))
    }

    /// All keys, in the order of the document.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The keys that may have made a signature by `algorithm` under the name `kid`: those that
    /// accept the algorithm and have that name, then those that have none: a caller who tries only so
    /// many has tried the likeliest. If the token names no key, all that accept the algorithm.
    pub fn candidates<'s>(
        &'s self,
        algorithm: Algorithm,
        kid: Option<&'s str>,
    ) -> impl Iterator<Item = &'s Key> {
        let fitting = self.keys.iter().filter(move |key| key.accepts(algorithm));
        let named = fitting
            .clone()
            .filter(move |key| kid.is_none() || key.kid() == kid);
        let nameless = fitting.filter(move |key| kid.is_some() && key.kid.is_none());
        named.chain(nameless)
    }
}

/// The good keys with their places, and what is wrong with the others.
type Read = (Vec<(usize, Key)>, Vec<JwkError>);

fn read(set: &Value) -> Result<Read, Vec<JwkError>> {
    let Value::Object(members) = set else {
        return Err(vec![JwkError::new("", "must be an object with \"keys\"")]);
    };
    let Some(elements) = members.get("keys") else {
        return Err(vec![JwkError::new("keys", "missing")]);
    };
    let Value::Array(elements) = elements else {
        return Err(vec![JwkError::new("keys", "must be an array")]);
    };
    let (mut keys, mut errors) = (Vec::new(), Vec::new());
    for (index, element) in elements.iter().enumerate() {
        match Key::at(element, &format!("keys[{index}]")) {
            Ok(key) => keys.push((index, key)),
            Err(of_key) => errors.extend(of_key),
        }
    }
    Ok((keys, errors))
}
