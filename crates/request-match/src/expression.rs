//! Regular expressions, as all filters read them.
//!
//! A condition's expression is always matched against the whole text: one that is found somewhere inside
//! is the classic hole in a rule. `.` also matches line breaks: a rule about `/admin/.*` must hold for
//! `/admin/%0A`. An expression is over bytes, as they are in UTF-8: `.` is any byte, `\w` and its like are
//! ASCII, and so is `(?i)`. It becomes a table of at most 1 MiB while the configuration is read, and
//! one that would take more is refused; so matching takes one step a byte, whatever a client sends.

use gatehouse_config::Context;
use gatehouse_regex::{Error, Search, Whole};

/// An expression that must match the whole of a text.
pub fn whole(pattern: &str, context: &mut Context<'_>) -> Option<Whole> {
    checked(pattern, Whole::new(pattern), context)
}

/// An expression that is searched for within a text.
pub fn search(pattern: &str, context: &mut Context<'_>) -> Option<Search> {
    checked(pattern, Search::new(pattern), context)
}

fn checked<T>(pattern: &str, built: Result<T, Error>, context: &mut Context<'_>) -> Option<T> {
    match built {
        Ok(built) => Some(built),
        Err(Error::TooBig) => context.problem_hint(
            "the regular expression takes more than 1 MiB when compiled",
            "write smaller counts than in \".{20}\", or several expressions",
        ),
        Err(Error::Syntax(reason)) => {
            context.problem(format!("{pattern:?} is not a regular expression: {reason}"))
        }
    }
}
