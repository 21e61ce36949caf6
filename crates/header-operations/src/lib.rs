//! What can be done to a message: operations on headers, trailers, cookies, the path, the query and the host.
//!
//! A [`Rule`] is read from a configuration; its [`Step`]s are done to a [`Side`]: the headers of a
//! request or response, or trailers, with the variables that can be named there. Who does them in which
//! phase is the filter's business.
//!
//! It is a crate of its own, beside the filter, so that it can be compiled for size: most of it only
//! runs while a configuration is read.

mod condition;
mod cookie;
mod cors;
mod edit;
mod identifier;
mod location;
mod map;
mod names;
mod operation;
mod place;
mod preset;
mod rewrite;
mod rule;
mod set_cookie;
mod target;

pub use condition::Answers;
pub use cors::{Asked, Cors};
pub use operation::{Outcome, Side, Step};
pub use rule::Rule;
