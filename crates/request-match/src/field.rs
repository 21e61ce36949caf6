//! Conditions on named values: headers and parameters of the query.
//!
//! A name may have several values. A test holds where it holds for any of them; `present: false`
//! where there is none. To ask for the contrary of a test, put it under `not`: then it holds for
//! none of them. Values compare as bytes, so they need not be UTF-8, and case counts. A header's
//! value is a whole line: one with commas is not taken apart.

use crate::expression;
use gatehouse_config::{Context, Decode, HeaderName, HeaderValue, Value, object};
use gatehouse_host::Headers;
use gatehouse_regex::Whole;

/// What is asked of the values of a name.
#[derive(Debug, Clone)]
pub(crate) enum Test {
    Exact(String),
    Prefix(String),
    Suffix(String),
    Regex(Whole),
    Present(bool),
}

impl Test {
    pub(crate) fn holds<V: AsRef<[u8]>>(&self, mut values: impl Iterator<Item = V>) -> bool {
        match self {
            Self::Present(present) => values.next().is_some() == *present,
            Self::Exact(exact) => values.any(|value| value.as_ref() == exact.as_bytes()),
            Self::Prefix(prefix) => {
                values.any(|value| value.as_ref().starts_with(prefix.as_bytes()))
            }
            Self::Suffix(suffix) => values.any(|value| value.as_ref().ends_with(suffix.as_bytes())),
            Self::Regex(regex) => values.any(|value| regex.is_match(value.as_ref())),
        }
    }
}

/// A header and what is asked of it.
#[derive(Debug, Clone)]
pub struct HeaderField {
    pub(crate) name: HeaderName,
    pub(crate) test: Test,
}

impl HeaderField {
    /// Whether it holds for these headers; they may be a response's too.
    pub fn holds(&self, headers: &Headers) -> bool {
        self.test.holds(headers.all(&self.name))
    }
}

/// A parameter and what is asked of it. The name is the decoded one.
#[derive(Debug, Clone)]
pub(crate) struct QueryField {
    pub(crate) name: String,
    pub(crate) test: Test,
}

object! {
    struct RawHeader {
        name: HeaderName,
        exact: Option<HeaderValue>,
        prefix: Option<Part>,
        suffix: Option<Part>,
        regex: Option<ValueRegex>,
        present: Option<bool>,
    }
}

object! {
    struct RawQuery {
        name: String,
        exact: Option<String>,
        prefix: Option<Part>,
        suffix: Option<Part>,
        regex: Option<ValueRegex>,
        present: Option<bool>,
    }
}

impl Decode for HeaderField {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let raw = RawHeader::decode(value, context)?;
        if raw.name.as_str() == "host" {
            return context.at_key("name", |context| {
                context.problem_hint(
                    "the proxy keeps \"host\" as \":authority\", so no request has it",
                    "match it with \"hosts\"",
                )
            });
        }
        let test = only(
            [
                raw.exact
                    .map(|exact| ("exact", Test::Exact((*exact).to_owned()))),
                raw.prefix.map(|prefix| ("prefix", Test::Prefix(prefix.0))),
                raw.suffix.map(|suffix| ("suffix", Test::Suffix(suffix.0))),
                raw.regex.map(|regex| ("regex", Test::Regex(regex.0))),
                raw.present
                    .map(|present| ("present", Test::Present(present))),
            ],
            context,
        )?;
        Some(Self {
            name: raw.name,
            test,
        })
    }
}

impl Decode for QueryField {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let raw = RawQuery::decode(value, context)?;
        let test = only(
            [
                raw.exact.map(|exact| ("exact", Test::Exact(exact))),
                raw.prefix.map(|prefix| ("prefix", Test::Prefix(prefix.0))),
                raw.suffix.map(|suffix| ("suffix", Test::Suffix(suffix.0))),
                raw.regex.map(|regex| ("regex", Test::Regex(regex.0))),
                raw.present
                    .map(|present| ("present", Test::Present(present))),
            ],
            context,
        )?;
        Some(Self {
            name: raw.name,
            test,
        })
    }
}

/// The one test that was given.
fn only(given: [Option<(&str, Test)>; 5], context: &mut Context<'_>) -> Option<Test> {
    const KNOWN: &str = "exact, prefix, suffix, regex, present";
    let mut given: Vec<(&str, Test)> = given.into_iter().flatten().collect();
    let names: Vec<&str> = given.iter().map(|(name, _)| *name).collect();
    if names.len() > 1 {
        return context.problem(format!(
            "{} at once, but only one of {KNOWN} can stand here",
            names.join(" and ")
        ));
    }
    match given.pop() {
        Some((_, test)) => Some(test),
        None => context.problem(format!("needs one of {KNOWN}")),
    }
}

/// How a value begins or ends.
struct Part(String);

impl Decode for Part {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        if text.is_empty() {
            return context.problem_hint("empty, so any value has it", "write \"present: true\"");
        }
        Some(Self(text))
    }
}

/// An expression that must match a whole value.
struct ValueRegex(Whole);

impl Decode for ValueRegex {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        expression::whole(&text, context).map(Self)
    }
}
