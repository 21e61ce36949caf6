//! Regular expressions, always matched against the whole text: one that is found somewhere inside
//! is the classic hole in a rule.
//!
//! `.` also matches line breaks: a rule about `/admin/.*` must hold for `/admin/%0A`. An expression
//! compiles to at most 1 MiB, and matching takes linear time (the `regex` crate).

use gatehouse_config::Context;
use regex::Error;
use regex::bytes::{Regex, RegexBuilder};

/// How much memory a compiled expression may take, in bytes.
const SIZE_LIMIT: usize = 1 << 20;

/// How much memory its matcher may take for what it has seen so far, in bytes.
const CACHE_LIMIT: usize = 512 << 10;

/// An expression over bytes, as they are in UTF-8: `.` is any byte, `\w` and its like are ASCII, and so
/// is `(?i)`. The tables of Unicode would be 100 KB of every module.
pub fn whole(pattern: &str, context: &mut Context<'_>) -> Option<Regex> {
    // On its own first: `a)|(b` must not become good by what is put around it.
    let anchored = build(pattern).and_then(|_| {
        // With `(?x)` it may end in a comment, which the second way ends before the parenthesis.
        build(&format!(r"\A(?:{pattern})\z")).or_else(|_| build(&format!("\\A(?:{pattern}\n)\\z")))
    });
    match anchored {
        Ok(regex) => Some(regex),
        Err(Error::CompiledTooBig(limit)) => context.problem(format!(
            "the regular expression takes more than {limit} bytes when compiled"
        )),
        Err(error) => {
            // The crate draws the position over several lines; a problem is one line.
            let error = error.to_string();
            let reason = error.lines().next_back().unwrap_or_default();
            let reason = reason.strip_prefix("error: ").unwrap_or(reason);
            context.problem(format!("{pattern:?} is not a regular expression: {reason}"))
        }
    }
}

fn build(pattern: &str) -> Result<Regex, Error> {
    RegexBuilder::new(pattern)
        .unicode(false)
        .dot_matches_new_line(true)
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(CACHE_LIMIT)
        .build()
}
