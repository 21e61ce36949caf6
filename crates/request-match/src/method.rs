//! Methods.

use gatehouse_config::{Context, Decode, Value};
use std::ops::Deref;

/// The methods of RFC 9110, 9.3, and PATCH (RFC 5789).
const KNOWN: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
];

/// A method as it is sent: case counts (RFC 9110, 9.1), and `GET` is not `HEAD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Method(Box<str>);

impl Deref for Method {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Decode for Method {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        // Methods and header names are both tokens (RFC 9110, 9.1 and 5.1).
        if gatehouse_config::HeaderName::new(&text).is_none() {
            return context.problem_hint(format!("{text:?} is not a method"), "such as \"GET\"");
        }
        let meant = KNOWN
            .iter()
            .find(|known| known.eq_ignore_ascii_case(&text) && **known != text);
        if let Some(meant) = meant {
            return context.problem_hint(
                format!("{text:?} is not a method: case counts"),
                format!("did you mean {meant:?}?"),
            );
        }
        Some(Self(text.into()))
    }

    gatehouse_config::described!(text "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$");
}
