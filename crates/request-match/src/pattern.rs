//! What a rule asks of a path.

use crate::expression;
use crate::index::Step;
use crate::path;
use crate::template::Template;
use gatehouse_config::{Context, Decode, Value, one_of};
use gatehouse_regex::Whole;

one_of! {
    /// The `path` of a match. All are about the normal form of the path.
    #[derive(Debug, Clone)]
    pub(crate) enum PathPattern {
        /// The whole path.
        Exact(Normal) = "exact",
        /// The whole path, or its first segments.
        Prefix(Normal) = "prefix",
        /// An expression that must match the whole path.
        Regex(PathRegex) = "regex",
        /// Segments, some of which are named.
        Template(Template) = "template",
    }
}

impl PathPattern {
    pub(crate) fn matches(&self, path: &str) -> bool {
        match self {
            Self::Exact(exact) => exact.0 == path,
            Self::Prefix(prefix) if prefix.0 == "/" => path.starts_with('/'),
            Self::Prefix(prefix) => path
                .strip_prefix(prefix.0.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
            Self::Regex(regex) => regex.regex.is_match(path.as_bytes()),
            Self::Template(template) => template.matches(path),
        }
    }
}

impl PathPattern {
    /// Its path, in steps; nothing for an expression.
    pub(crate) fn steps(&self) -> Option<Vec<Step<'_>>> {
        Some(match self {
            Self::Exact(path) => path.steps().collect(),
            Self::Prefix(path) => path.steps().chain([Step::Rest]).collect(),
            Self::Template(template) => template.steps().collect(),
            Self::Regex(_) => return None,
        })
    }
}

impl Normal {
    fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        let segments = self.0.split('/').filter(|segment| !segment.is_empty());
        segments.map(Step::Literal)
    }
}

/// A path that is written in normal form: any other would silently match nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Normal(String);

impl Decode for Normal {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        check_normal(&text, context)?;
        Some(Self(text))
    }

    gatehouse_config::described!(text);
}

/// Reports what keeps a configured path from being one in normal form.
pub fn check_normal(text: &str, context: &mut Context<'_>) -> Option<()> {
    if !text.starts_with('/') {
        return context.problem_hint(
            format!("{text:?} is not a path"),
            "a path begins with \"/\"",
        );
    }
    if text.contains('?') {
        return context.problem_hint(
            format!("{text:?} has a query, and the path ends before it"),
            "match parameters with \"query\"",
        );
    }
    if text.contains('#') {
        return context.problem(format!("{text:?} has a fragment, which is never sent"));
    }
    if text.chars().any(char::is_control) {
        return context.problem(format!("{text:?} has a control character"));
    }
    let path = path::configured(text);
    if path.as_str() != text {
        return context.problem_hint(
            format!("{text:?} is not in normal form, so no request would match it"),
            format!("did you mean {:?}?", path.as_str()),
        );
    }
    Some(())
}

/// An expression over whole paths.
#[derive(Debug, Clone)]
pub(crate) struct PathRegex {
    text: Box<str>,
    regex: Whole,
}

impl PathRegex {
    /// The expression, and the bytes that its table takes.
    pub(crate) fn source(&self) -> (&str, usize) {
        (&self.text, self.regex.size())
    }
}

impl Decode for PathRegex {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        if text.starts_with(|first: char| first.is_ascii_alphanumeric()) {
            return context.problem_hint(
                format!("{text:?} matches no path: it must match the whole of it"),
                "a path begins with \"/\"",
            );
        }
        let regex = expression::whole(&text, context)?;
        Some(Self {
            text: text.into(),
            regex,
        })
    }

    gatehouse_config::described!(text);
}
