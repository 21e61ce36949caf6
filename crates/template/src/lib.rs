//! Values with variables: `Bearer ${claim.sub}`.
//!
//! A [`Template`] is parsed once, at configuration, by these rules:
//!
//! 1. `${NAME}` is a [`Variable`]. A name that is not known is a problem of the configuration, never
//!    an empty text later.
//! 2. `$$` is a dollar sign. A `$` before anything else is a problem.
//! 3. `${env:NAME}` is replaced at configuration by that variable of the VM's environment, and what
//!    it holds is not looked at for further variables. One that is not set, or empty, is a problem.
//! 4. Everything else stands for itself.
//!
//! Rendering asks a [`Scope`] for each variable, in order. If one of them has no value, the template
//! has none: half a value is worth nothing. An empty value is a value.
//!
//! What a value may hold depends on where it goes, so whoever sends it checks it: this crate
//! escapes nothing, and a claim can hold any character.

mod generated;
mod template;
mod variable;

#[cfg(test)]
mod tests;

pub use generated::{write_time, write_uuid_v4};
pub use template::{Scope, Template};
pub use variable::{ClaimPath, ConsumerPart, HeaderPart, Variable};
