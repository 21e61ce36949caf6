//! Values with variables: `Bearer ${claim.sub | lower}`.
//!
//! A [`Template`] is parsed once, at configuration, by these rules:
//!
//! 1. `${NAME}` is a [`Variable`]. A name that is not known is a problem of the configuration, never
//!    an empty text later.
//! 2. `${NAME | function | function}` sends the variable's value through [`Function`]s, from left to
//!    right. `default("text")` is the value where there is none.
//! 3. `$$` is a dollar sign. A `$` before anything else is a problem.
//! 4. `${env:NAME}` is replaced at configuration by that variable of the VM's environment, and what
//!    it holds is not looked at for further variables. One that is not set, or empty, is a problem,
//!    unless it has a default.
//! 5. Everything else stands for itself.
//!
//! Rendering asks a [`Scope`] for each variable, in order. If one of them has no value, the template
//! has none: half a value is worth nothing. An empty value is a value.
//!
//! Where a value goes is known when it is parsed ([`Destination`]), and what a variable brings is
//! escaped for it, so that it cannot end the segment, parameter or cookie that it stands in. In a header
//! nothing is escaped: whoever sends one checks the whole of it.

mod destination;
mod function;
mod generated;
mod template;
mod variable;

#[cfg(test)]
mod tests;

pub use destination::{Destination, is_unreserved, percent_encode};
pub use function::Function;
pub use generated::{TimeFormat, write_time, write_uuid_v4, write_uuid_v7};
pub use template::{Rendered, Scope, Template};
pub use variable::{ClaimPath, ConsumerPart, HeaderPart, Variable};
