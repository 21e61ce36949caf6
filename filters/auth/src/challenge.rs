//! What to present: values of `www-authenticate` (RFC 9110, 11.6.1). Each is a line of its own.
//!
//! Parameters are quoted strings, also where a token would do (RFC 6750, 3, asks for it). The client
//! learns which of the errors of RFC 6750, 3.1 it is, and which scopes are needed; not what was wrong
//! with its credential.

use crate::reason::{Class, Reason};
use gatehouse_config::{Context, Decode, Value};

/// A longer one is not a name for something.
const MAX_REALM_BYTES: usize = 256;

/// What a credential is for (RFC 9110, 11.5): text that can stand in quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Realm(Box<str>);

/// A challenge that is being written: a scheme and its parameters.
#[derive(Debug)]
pub(crate) struct Challenge(String);

impl Challenge {
    /// Of this scheme, with the realm if there is one.
    pub(crate) fn new(scheme: &str, realm: Option<&Realm>) -> Self {
        let challenge = Self(scheme.to_owned());
        match realm {
            Some(realm) => challenge.with("realm", &realm.0),
            None => challenge,
        }
    }

    /// Of the scheme `Bearer`, with the error of RFC 6750, 3.1 that the reason is.
    pub(crate) fn bearer(realm: Option<&Realm>, refused: Option<Reason>) -> Self {
        let challenge = Self::new("Bearer", realm);
        match refused.map(Reason::class) {
            Some(Class::Rejected) => challenge.with("error", "invalid_token"),
            Some(Class::Malformed) => challenge.with("error", "invalid_request"),
            _ => challenge,
        }
    }

    /// Of the scheme `Bearer`, for a good token without the scopes that are needed.
    pub(crate) fn insufficient_scope(realm: Option<&Realm>, scopes: &[String]) -> Self {
        let challenge = Self::new("Bearer", realm).with("error", "insufficient_scope");
        // Others cannot be told apart in a list.
        match scopes.iter().all(|scope| is_scope_token(scope)) {
            true => challenge.with("scope", &scopes.join(" ")),
            false => challenge,
        }
    }

    /// With another parameter. What cannot stand in quotes is left out.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        if !value.bytes().all(is_printable) {
            return self;
        }
        // The scheme has no space in it, each parameter has one in front.
        self.0.push_str(match self.0.contains(' ') {
            true => ", ",
            false => " ",
        });
        self.0.push_str(name);
        self.0.push_str("=\"");
        for char in value.chars() {
            // RFC 9110, 5.6.4.
            if matches!(char, '"' | '\\') {
                self.0.push('\\');
            }
            self.0.push(char);
        }
        self.0.push('"');
        self
    }
}

impl From<Challenge> for std::borrow::Cow<'_, str> {
    fn from(challenge: Challenge) -> Self {
        challenge.0.into()
    }
}

fn is_printable(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e)
}

/// RFC 6749, 3.3.
fn is_scope_token(scope: &str) -> bool {
    let fits = |byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    !scope.is_empty() && scope.bytes().all(fits)
}

impl Decode for Realm {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        if text.is_empty() {
            return context.problem_hint("a realm cannot be empty", "leave it out for none");
        }
        if text.len() > MAX_REALM_BYTES {
            return context.problem(format!("is longer than {MAX_REALM_BYTES} bytes"));
        }
        if !text.bytes().all(is_printable) {
            return context.problem(format!(
                "{text:?} cannot be sent to clients: a realm is printable ASCII"
            ));
        }
        Some(Self(text.into()))
    }

    gatehouse_config::described!(text "^[ -~]+$");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    fn realm(text: &str) -> Result<Realm, String> {
        let value = Value::String(text.to_owned());
        gatehouse_config::load_value(&value, &|_: &str| None)
            .map_err(|problems| problems.to_string())
    }

    #[test]
    fn challenges() {
        let api = realm("api").unwrap();
        let odd = realm("a \"b\" \\ c, Basic realm=\"x\"").unwrap();
        let scopes = |scopes: &[&str]| -> Vec<String> {
            scopes.iter().map(|scope| (*scope).to_owned()).collect()
        };
        let cases = [
            (Challenge::new("ApiKey", None), "ApiKey"),
            (Challenge::new("ApiKey", Some(&api)), "ApiKey realm=\"api\""),
            (
                Challenge::new("ApiKey", Some(&odd)),
                "ApiKey realm=\"a \\\"b\\\" \\\\ c, Basic realm=\\\"x\\\"\"",
            ),
            (Challenge::bearer(None, None), "Bearer"),
            (
                Challenge::bearer(None, Some(Reason::TokenExpired)),
                "Bearer error=\"invalid_token\"",
            ),
            (
                Challenge::bearer(Some(&api), Some(Reason::TokenExpired)),
                "Bearer realm=\"api\", error=\"invalid_token\"",
            ),
            (
                Challenge::bearer(Some(&api), Some(Reason::CredentialAmbiguous)),
                "Bearer realm=\"api\", error=\"invalid_request\"",
            ),
            (
                Challenge::bearer(Some(&api), Some(Reason::KeysUnavailable)),
                "Bearer realm=\"api\"",
            ),
            (
                Challenge::insufficient_scope(Some(&api), &scopes(&["read", "a:b/c"])),
                "Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"read a:b/c\"",
            ),
            (
                Challenge::insufficient_scope(None, &scopes(&["read", "two words"])),
                "Bearer error=\"insufficient_scope\"",
            ),
            (
                Challenge::insufficient_scope(None, &scopes(&["a\"b"])),
                "Bearer error=\"insufficient_scope\"",
            ),
            (
                Challenge::new("X", None).with("a", "b\r\nc").with("d", "é"),
                "X",
            ),
        ];
        for (challenge, expected) in cases {
            assert_eq!(Cow::from(challenge), expected);
        }
    }

    #[test]
    fn realms() {
        let cases = [
            ("", "a realm cannot be empty (leave it out for none)"),
            (
                "a\nb",
                "\"a\\nb\" cannot be sent to clients: a realm is printable ASCII",
            ),
            (
                "é",
                "\"é\" cannot be sent to clients: a realm is printable ASCII",
            ),
            (&"a".repeat(257), "is longer than 256 bytes"),
        ];
        for (text, expected) in cases {
            assert_eq!(realm(text).unwrap_err(), expected, "{text:?}");
        }
    }
}
