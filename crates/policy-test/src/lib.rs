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

mod callout;
mod case;
mod chain;
mod check;
mod envoy_file;
mod expect;
mod gateway;
mod key;
mod matcher;
mod modules;
mod outcome;
mod properties;
pub mod report;
mod request;
mod rows;
mod run;
mod services;
mod sign;
mod substitute;
mod suite;
mod token;

pub use check::Mismatch;
pub use modules::Modules;
pub use run::run;
pub use suite::{Suite, SuiteProblem};
