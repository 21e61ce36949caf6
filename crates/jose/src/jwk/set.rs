//! Sets of keys (RFC 7517, section 5).

use serde_json::Value;
use std::collections::HashMap;
use std::fmt;

use super::members::quoted;
use super::{JwkError, read};
use crate::Algorithm;
use crate::key::{Key, Unusable, Usage};

/// Of a published set, only the first so many keys are read: who publishes a set does not choose
/// what reading and keeping it costs.
pub const MAX_PUBLISHED_KEYS: usize = 100;

/// The keys of an issuer.
#[derive(Clone)]
pub struct JwkSet {
    keys: Vec<Key>,
    /// The places of the keys of each name, in order.
    named: HashMap<String, Vec<usize>>,
    /// The places of those without one.
    nameless: Vec<usize>,
}

impl fmt::Debug for JwkSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwkSet").field("keys", &self.keys).finish()
    }
}

impl JwkSet {
    /// Reads a set that an operator wrote down: anything wrong with it is an error, all errors are
    /// reported.
    ///
    /// Beyond what is wrong with single keys: two keys of one type and one `kid`, and a set of which
    /// no key verifies signatures.
    pub fn from_value(set: &Value) -> Result<Self, Vec<JwkError>> {
        let (mut keys, mut errors): (Vec<(usize, Key)>, Vec<JwkError>) = Default::default();
        for (index, element) in elements(set)?.iter().enumerate() {
            match read(element, &format!("keys[{index}]")) {
                Ok(key) => keys.push((index, key)),
                Err(of_key) => errors.extend(of_key),
            }
        }
        let mut known: HashMap<(&str, &str), usize> = HashMap::new();
        for (index, key) in &keys {
            let Some(kid) = &key.kid else {
                continue;
            };
            let earlier = *known.entry((kid, key.kty())).or_insert(*index);
            if earlier != *index {
                let kid = quoted(kid);
                let message = format!("keys[{earlier}] of the same type is named {kid} too");
                errors.push(JwkError::new(format!("keys[{index}].kid"), message));
            }
        }
        if errors.is_empty() && keys.iter().all(|(_, key)| unusable(key).is_some()) {
            errors.push(none_usable());
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self::from_keys(
            keys.into_iter().map(|(_, key)| key).collect(),
        ))
    }

    /// Reads a set that an issuer publishes: a key that can't be used is left out, since an issuer
    /// may at any time add keys for others (RFC 7517, section 5). What is left out is told beside the
    /// set, in the order of the document:
    ///
    /// 1. a key of an unknown type, curve or algorithm, or with anything wrong with it;
    /// 2. a key that is not for verifying signatures (`use`, `key_ops`);
    /// 3. an HMAC secret: what is published is no secret;
    /// 4. all behind the first [`MAX_PUBLISHED_KEYS`].
    ///
    /// An error means that it is not a set of keys, or has no key that can be used; then the reasons
    /// follow.
    pub fn from_published(set: &Value) -> Result<(Self, Vec<JwkError>), Vec<JwkError>> {
        let elements = elements(set)?;
        let (mut keys, mut left_out) = (Vec::new(), Vec::new());
        for (index, element) in elements.iter().take(MAX_PUBLISHED_KEYS).enumerate() {
            let path = format!("keys[{index}]");
            match read(element, &path).map(|key| (unpublishable(&key), key)) {
                Ok((None, key)) => keys.push(key),
                Ok((Some((member, why)), _)) => {
                    left_out.push(JwkError::new(format!("{path}.{member}"), why));
                }
                Err(errors) => left_out.extend(errors),
            }
        }
        if elements.len() > MAX_PUBLISHED_KEYS {
            let count = elements.len();
            let message = format!("only the first {MAX_PUBLISHED_KEYS} of {count} keys are read");
            left_out.push(JwkError::new("keys", message));
        }
        if keys.is_empty() {
            left_out.insert(0, none_usable());
            return Err(left_out);
        }
        Ok((Self::from_keys(keys), left_out))
    }

    /// The set of these keys, which came one by one.
    pub fn from_keys(keys: Vec<Key>) -> Self {
        let (mut named, mut nameless): (HashMap<String, Vec<usize>>, Vec<usize>) =
            Default::default();
        for (place, key) in keys.iter().enumerate() {
            match &key.kid {
                Some(kid) => named.entry(kid.clone()).or_default().push(place),
                None => nameless.push(place),
            }
        }
        Self {
            keys,
            named,
            nameless,
        }
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
        let all = match kid {
            None => 0..self.keys.len(),
            Some(_) => 0..0,
        };
        let named = kid.and_then(|kid| self.named.get(kid)).into_iter();
        let nameless = kid.is_some().then_some(&self.nameless).into_iter();
        all.chain(named.chain(nameless).flatten().copied())
            .filter_map(|place| self.keys.get(place))
            .filter(move |key| key.accepts(algorithm))
    }
}

fn elements(set: &Value) -> Result<&[Value], Vec<JwkError>> {
    let error = |path, message| Err(vec![JwkError::new(path, message)]);
    let Value::Object(members) = set else {
        return error("", "must be an object with \"keys\"");
    };
    match members.get("keys") {
        Some(Value::Array(elements)) => Ok(elements),
        Some(_) => error("keys", "must be an array"),
        None => error("keys", "missing"),
    }
}

fn none_usable() -> JwkError {
    JwkError::new("keys", "no key verifies signatures")
}

/// The member that says that a key does not verify signatures, and what is wrong with it.
type Reason = (&'static str, &'static str);

fn unpublishable(key: &Key) -> Option<Reason> {
    if key.kty() == "oct" {
        return Some(("kty", "a secret (kty oct) in a published set is no secret"));
    }
    unusable(key)
}

fn unusable(key: &Key) -> Option<Reason> {
    let Usage::Other(unusable) = key.usage else {
        return None;
    };
    Some(match unusable {
        Unusable::Use => ("use", "is not sig"),
        Unusable::Operations => ("key_ops", "has no verify"),
        Unusable::Algorithm => ("alg", "is not a supported algorithm"),
    })
}
