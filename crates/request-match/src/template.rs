//! Paths with named segments: `/users/{id}/files/{rest=**}`.
//!
//! `{name}` is exactly one segment, `{name=**}` the rest of the path, which may be nothing; it can
//! only stand at the end. Both are written as in Envoy's `uri_template`.

use crate::index::Step;
use crate::pattern::check_normal;
use gatehouse_config::{Context, Decode, Value};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    One(String),
    Rest(String),
}

/// A path with named segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Segment>);

impl Template {
    /// The names, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(Segment::name)
    }

    /// The steps of the path.
    pub(crate) fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        self.0.iter().map(|segment| match segment {
            Segment::Literal(text) => Step::Literal(text),
            Segment::One(_) => Step::One,
            Segment::Rest(_) => Step::Rest,
        })
    }

    pub(crate) fn matches(&self, path: &str) -> bool {
        self.walk(path, |_, _| ())
    }

    /// The names and what they stand for in a path that matches.
    pub(crate) fn captures<'t>(&'t self, path: &str) -> Option<Vec<(&'t str, String)>> {
        let mut captured = Vec::new();
        self.walk(path, |name, value| captured.push((name, value.to_owned())))
            .then_some(captured)
    }

    fn walk<'t, 'p>(&'t self, path: &'p str, mut capture: impl FnMut(&'t str, &'p str)) -> bool {
        let Some(inside) = path.strip_prefix('/') else {
            return false;
        };
        // The root has no segment.
        let mut rest = (!inside.is_empty()).then_some(inside);
        for segment in &self.0 {
            if let Segment::Rest(name) = segment {
                capture(name, rest.unwrap_or_default());
                return true;
            }
            let Some(remaining) = rest else {
                return false;
            };
            let (value, after) = match remaining.split_once('/') {
                Some((value, after)) => (value, Some(after)),
                None => (remaining, None),
            };
            match segment {
                Segment::Literal(literal) if literal != value => return false,
                Segment::One(name) => capture(name, value),
                Segment::Literal(_) | Segment::Rest(_) => {}
            }
            rest = after;
        }
        rest.is_none()
    }
}

impl Segment {
    fn name(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::One(name) | Self::Rest(name) => Some(name),
        }
    }
}

impl Decode for Template {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        check_normal(&text, context)?;
        let mut segments: Vec<Segment> = Vec::new();
        for part in text.split('/').filter(|part| !part.is_empty()) {
            if let Some(Segment::Rest(name)) = segments.last() {
                return context.problem(format!(
                    "\"{{{name}=**}}\" takes the rest of the path, so nothing can follow it"
                ));
            }
            let segment = segment(part, context)?;
            let twice = segment
                .name()
                .filter(|name| segments.iter().any(|earlier| earlier.name() == Some(*name)));
            if let Some(name) = twice {
                return context.problem(format!("{name:?} names two segments"));
            }
            segments.push(segment);
        }
        let template = Self(segments);
        if template.names().next().is_none() {
            return context.problem_hint(
                format!("{text:?} names no segment"),
                "write a name in braces, such as \"/users/{id}\", or use \"exact\"",
            );
        }
        Some(template)
    }

    gatehouse_config::described!(text);
}

fn segment(part: &str, context: &mut Context<'_>) -> Option<Segment> {
    let Some(inside) = part
        .strip_prefix('{')
        .and_then(|part| part.strip_suffix('}'))
    else {
        if part.contains(['{', '}', '*']) {
            return context.problem_hint(
                format!("{part:?} is not a segment of a template"),
                "a segment is either text without braces and \"*\", or \"{name}\", or \"{name=**}\"",
            );
        }
        return Some(Segment::Literal(part.to_owned()));
    };
    let (name, is_rest) = match inside.strip_suffix("=**") {
        Some(name) => (name, true),
        None => (inside, false),
    };
    let valid = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !valid {
        return context.problem_hint(
            format!("{name:?} is not a name of a segment"),
            "letters, digits and \"_\", not a digit first; \"{name=**}\" for the rest of the path",
        );
    }
    let name = name.to_owned();
    Some(if is_rest {
        Segment::Rest(name)
    } else {
        Segment::One(name)
    })
}
