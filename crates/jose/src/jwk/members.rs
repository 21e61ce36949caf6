//! Reading the members of a JWK, collecting what is wrong with them.

use std::fmt;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::base64url;

/// What is wrong with a JWK, and where. Displayed as `keys[0].n: missing`; shows no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwkError {
    /// Where in the document: `keys[0].n`. Empty for the whole.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

impl JwkError {
    pub(super) fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for JwkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for JwkError {}

/// `text` as errors show it: in quotes, and cut, since who publishes a key chooses its length.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 32;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => {
            let start = text.split_at_checked(end).map_or("", |(start, _)| start);
            format!("{start:?}…")
        }
        None => format!("{text:?}"),
    }
}

/// The members of one JWK.
pub(super) struct Members<'v> {
    object: &'v Map<String, Value>,
    path: &'v str,
    errors: Vec<JwkError>,
}

impl<'v> Members<'v> {
    pub(super) fn new(object: &'v Map<String, Value>, path: &'v str) -> Self {
        Self {
            object,
            path,
            errors: Vec::new(),
        }
    }

    pub(super) fn into_errors(self) -> Vec<JwkError> {
        self.errors
    }

    /// Notes what is wrong with member `name`.
    pub(super) fn error(&mut self, name: &str, message: impl Into<String>) {
        let separator = if self.path.is_empty() { "" } else { "." };
        let path = format!("{}{separator}{name}", self.path);
        self.errors.push(JwkError::new(path, message));
    }

    /// Notes what is wrong with the JWK as a whole.
    pub(super) fn error_of_key(&mut self, message: impl Into<String>) {
        self.errors.push(JwkError::new(self.path, message));
    }

    /// A member that may be missing.
    pub(super) fn string(&mut self, name: &str) -> Option<&'v str> {
        let value = self.object.get(name)?;
        if value.as_str().is_none() {
            self.error(name, "must be a string");
        }
        value.as_str()
    }

    /// A member that must be there.
    pub(super) fn required_string(&mut self, name: &str) -> Option<&'v str> {
        if !self.object.contains_key(name) {
            self.error(name, "missing");
        }
        self.string(name)
    }

    /// An array of strings that may be missing; empty if it is not one.
    pub(super) fn strings(&mut self, name: &str) -> Option<Vec<&'v str>> {
        let value = self.object.get(name)?;
        let strings: Option<Vec<_>> = value
            .as_array()
            .and_then(|elements| elements.iter().map(Value::as_str).collect());
        if strings.is_none() {
            self.error(name, "must be an array of strings");
        }
        Some(strings.unwrap_or_default())
    }

    /// Bytes in base64url that must be there. Wiped when dropped: they may be a secret.
    pub(super) fn bytes(&mut self, name: &str) -> Option<Zeroizing<Vec<u8>>> {
        let text = self.required_string(name)?;
        let bytes = base64url::decode(text.as_bytes());
        if bytes.is_none() {
            self.error(name, "is not base64url without padding");
        }
        bytes.map(Zeroizing::new)
    }

    /// Bytes in base64url of exactly this length that must be there.
    pub(super) fn exact_bytes(&mut self, name: &str, length: usize) -> Option<Zeroizing<Vec<u8>>> {
        let bytes = self.bytes(name)?;
        if bytes.len() != length {
            let message = format!("must be {length} bytes long, and is {}", bytes.len());
            self.error(name, message);
            return None;
        }
        Some(bytes)
    }

    /// What came of member `name`; if nothing did, notes what is wrong with it.
    pub(super) fn good<T>(&mut self, name: &str, outcome: Result<T, String>) -> Option<T> {
        outcome.map_err(|message| self.error(name, message)).ok()
    }

    /// Refuses the members that only a private key has.
    pub(super) fn refuse_private(&mut self, names: &[&str]) {
        for name in names {
            if self.object.contains_key(*name) {
                self.error(
                    name,
                    "a private key stands where a public key belongs: remove it, and replace the key \
                     if others may have seen it",
                );
            }
        }
    }
}
