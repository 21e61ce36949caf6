//! Which requests a rule is about: the match language shared by all filters.

mod authority;
mod client_ip;
mod condition;
mod escape;
mod expression;
mod field;
mod method;
pub mod path;
mod pattern;
pub mod query;
mod rule;
mod subject;
mod template;

#[cfg(test)]
mod tests;

pub use path::Path;
pub use rule::Match;
pub use subject::Subject;
