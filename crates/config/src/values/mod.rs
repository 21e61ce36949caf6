//! The values that stand in the configurations of several filters. None can be built wrong.

mod header;
mod identifier;
mod network;
mod prefixes;
mod quantity;
mod secret;
mod time;

pub use header::{HeaderName, HeaderValue, is_field_value};
pub use identifier::Identifier;
pub use network::Cidr;
pub use prefixes::PrefixLengths;
pub use quantity::{Duration, Rate, Size, Volume};
pub use secret::{Secret, Sha256Digest};
pub use time::Time;

use crate::{Context, Value};

/// The text of a value that is written as text, such as `30s`.
fn text<'v>(value: &'v Value, what: &str, context: &mut Context<'_>) -> Option<&'v str> {
    match value {
        Value::String(text) => Some(text),
        other => context.expected(what, other),
    }
}
