//! Configuration bytes to validated values.
//!
//! Envoy hands a filter its configuration as bytes. What is decided here, in this order:
//!
//! 1. [`document`]: the bytes are a serialized `google.protobuf.Struct` (YAML written natively in
//!    Envoy's configuration) or JSON text (a `StringValue`, or what Istio sends). Either becomes
//!    one tree, and a JSON object with a key twice is refused.
//! 2. [`Decode`]: the tree becomes typed values. Every problem is collected in [`Context`] with the
//!    path it stands at; decoding goes on after a problem, so that an operator sees all of them at
//!    once. Unknown fields are problems.
//! 3. The values themselves ([`values`]) cannot be built wrong: a [`HeaderName`] is a valid name,
//!    a [`Rate`] is not zero.
//!
//! Deriving serde would stop at the first problem, so the filters declare their shapes with
//! [`object!`], [`one_of!`] and [`keywords!`] instead.

mod context;
mod decode;
pub mod document;
mod problem;
#[cfg(not(target_arch = "wasm32"))]
pub mod schema;
mod shapes;
pub mod values;

#[cfg(test)]
mod tests;

pub use context::{Context, Environment, Fields};
pub use decode::{Decode, Entries, NonEmpty};
pub use problem::{Problem, Problems, nearest};
pub use shapes::only_key;
pub use values::{
    Cidr, Duration, HeaderName, HeaderValue, Identifier, PrefixLengths, Rate, Secret, Sha256Digest,
    Size, Time, Volume,
};

/// What the macros of this crate expand to; not for use by hand.
#[doc(hidden)]
pub use serde_json::Value;

/// Decodes a whole configuration from the bytes Envoy handed over.
///
/// # Errors
/// Every problem found, in the order of the document.
pub fn load<T: Decode>(bytes: &[u8], environment: &dyn Environment) -> Result<T, Problems> {
    let value = document::parse(bytes)?;
    load_value(&value, environment)
}

/// Decodes a configuration that is a tree already.
///
/// # Errors
/// Every problem found, in the order of the document.
pub fn load_value<T: Decode>(value: &Value, environment: &dyn Environment) -> Result<T, Problems> {
    let mut context = Context::new(environment);
    let decoded = T::decode(value, &mut context);
    let problems = context.into_problems();
    match decoded {
        Some(decoded) if problems.is_empty() => Ok(decoded),
        _ => Err(Problems::from(problems)),
    }
}
