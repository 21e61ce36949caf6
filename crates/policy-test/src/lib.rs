//! Policy tests: what a configuration decides, shown by the real modules, without Envoy. The format is in README.md.
//!
//! What is decided, in this order:
//!
//! 1. [`Suite::read`] (module `suite`): YAML becomes a value with the place of each part. Keys are made or read, tokens
//!    minted once to see that they can be, the filters under test found (modules `chain`, `envoy_file`).
//! 2. Each case becomes as many as its table has rows; columns, tokens and keys take the place of their names (modules
//!    `rows`, `substitute`); defaults go under it (module `case`). Everything that is wrong is told at once, with file, line, column
//!    and path. Nothing of YAML is left after that.
//! 3. [`run()`]: each case has filters of its own (module `gateway`) and services that answer them as the case says (module
//!    `services`). Time passes as the case says, from one event to the next.
//! 4. What happened is laid beside what was expected (module `check`); all that differs is told ([`report`]).
//!
//! A request passes the filters one after the other, each in a VM of its own: what one lets go, with the filter state that
//! it left, is what the next one sees. A response goes back through those that saw the request.
//!
//! Without the feature `run`, suites are only read.

#![cfg_attr(
    not(feature = "run"),
    allow(dead_code, reason = "what is read is not run")
)]

mod callout;
mod case;
mod chain;
#[cfg(feature = "run")]
mod check;
mod envoy_file;
mod expect;
#[cfg(feature = "run")]
mod gateway;
mod key;
mod matcher;
#[cfg(feature = "run")]
mod modules;
#[cfg(feature = "run")]
mod outcome;
#[cfg(feature = "run")]
mod properties;
#[cfg(feature = "run")]
pub mod report;
mod request;
mod rows;
#[cfg(feature = "run")]
mod run;
#[cfg(feature = "run")]
mod services;
mod sign;
mod substitute;
mod suite;
mod token;

#[cfg(feature = "run")]
pub use check::Mismatch;
#[cfg(feature = "run")]
pub use modules::Modules;
#[cfg(feature = "run")]
pub use run::run;
pub use suite::{Suite, SuiteProblem};
