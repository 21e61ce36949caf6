//! Where decoding stands, and what it has found wrong so far.

use crate::decode::{Decode, describe, missing};
use crate::problem::{Problem, nearest};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt::Write as _;

/// The environment of the VM, where `${env:NAME}` is looked up.
pub trait Environment {
    /// The variable's value; nothing where it is not set.
    fn var(&self, name: &str) -> Option<String>;
}

impl<F: Fn(&str) -> Option<String>> Environment for F {
    fn var(&self, name: &str) -> Option<String> {
        self(name)
    }
}

enum Segment {
    Key(String),
    Index(usize),
}

/// The position in the document, the environment, and the problems found.
pub struct Context<'e> {
    environment: &'e dyn Environment,
    path: Vec<Segment>,
    problems: Vec<Problem>,
}

impl<'e> Context<'e> {
    /// At the root of a document.
    pub fn new(environment: &'e dyn Environment) -> Self {
        Self {
            environment,
            path: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// The environment of the VM.
    pub fn environment(&self) -> &'e dyn Environment {
        self.environment
    }

    /// Whether anything has been found wrong.
    pub fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    /// How many problems there are so far: equal before and after a step that found none.
    pub fn problem_count(&self) -> usize {
        self.problems.len()
    }

    /// The problems, in the order they were found.
    pub fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Does something one key further down.
    pub fn at_key<T>(&mut self, key: &str, work: impl FnOnce(&mut Self) -> T) -> T {
        self.enter_key(key);
        let result = work(self);
        self.leave();
        result
    }

    /// Does something at one element of a list.
    pub fn at_index<T>(&mut self, index: usize, work: impl FnOnce(&mut Self) -> T) -> T {
        self.enter_index(index);
        let result = work(self);
        self.leave();
        result
    }

    // One copy of each in a module, in place of one for each field of each shape.
    #[inline(never)]
    fn enter_key(&mut self, key: &str) {
        self.path.push(Segment::Key(key.to_owned()));
    }

    #[inline(never)]
    fn enter_index(&mut self, index: usize) {
        self.path.push(Segment::Index(index));
    }

    #[inline(never)]
    fn leave(&mut self) {
        self.path.pop();
    }

    /// Reports a problem here. Returns `None`, so that a decoder can end with it.
    pub fn problem<'m, T>(&mut self, message: impl Into<Cow<'m, str>>) -> Option<T> {
        self.report(message.into(), None);
        None
    }

    /// Reports a problem here and what to do about it.
    pub fn problem_hint<'m, T>(
        &mut self,
        message: impl Into<Cow<'m, str>>,
        suggestion: impl Into<Cow<'m, str>>,
    ) -> Option<T> {
        self.report(message.into(), Some(suggestion.into()));
        None
    }

    /// Reports a name that is not among the known ones, and the one that was probably meant.
    pub fn unknown<'n, T>(
        &mut self,
        message: impl Into<Cow<'n, str>>,
        given: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) -> Option<T> {
        self.report_unknown(message.into(), given, known.into_iter().collect());
        None
    }

    /// Reports that something else was expected here.
    pub fn expected<T>(&mut self, what: &str, found: &Value) -> Option<T> {
        self.report_expected(what, found);
        None
    }

    // What follows is in a module once, whatever the types that end with a problem.

    #[inline(never)]
    fn report(&mut self, message: Cow<'_, str>, suggestion: Option<Cow<'_, str>>) {
        let path = self.path();
        self.problems.push(Problem {
            path,
            message: message.into_owned(),
            suggestion: suggestion.map(Cow::into_owned),
        });
    }

    #[inline(never)]
    fn report_unknown(&mut self, message: Cow<'_, str>, given: &str, known: Vec<&str>) {
        let suggestion = match nearest(given, known.iter().copied()) {
            Some(name) => Some(format!("did you mean \"{name}\"?")),
            None => {
                let names: Vec<&str> = known.into_iter().take(24).collect();
                (!names.is_empty()).then(|| format!("known: {}", names.join(", ")))
            }
        };
        self.report(message, suggestion.map(Cow::Owned));
    }

    #[inline(never)]
    fn report_expected(&mut self, what: &str, found: &Value) {
        let message = format!("expected {what}, found {}", describe(found));
        self.report(Cow::Owned(message), None);
    }

    /// Where decoding stands: `rules[1].match`, for problems that are found later.
    pub fn path(&self) -> String {
        let mut path = String::new();
        for segment in &self.path {
            let written = match segment {
                Segment::Index(index) => write!(path, "[{index}]"),
                Segment::Key(key) if !is_plain(key) => write!(path, "[{key:?}]"),
                Segment::Key(key) if path.is_empty() => write!(path, "{key}"),
                Segment::Key(key) => write!(path, ".{key}"),
            };
            debug_assert!(written.is_ok(), "writing to a String cannot fail");
        }
        path
    }

    /// Opens an object whose fields are the named ones; unknown fields are reported here.
    pub fn object<'v>(&mut self, value: &'v Value, known: &[&str]) -> Option<Fields<'v>> {
        let Value::Object(map) = value else {
            return self.expected("an object", value);
        };
        for key in map.keys() {
            if !known.contains(&key.as_str()) {
                self.at_key(key, |context| {
                    context.unknown::<()>("unknown field", key, known.iter().copied())
                });
            }
        }
        Some(Fields { map })
    }
}

/// The fields of an object that is being decoded.
pub struct Fields<'v> {
    map: &'v Map<String, Value>,
}

impl<'v> Fields<'v> {
    /// What stands there, where something does.
    #[inline(never)]
    pub fn given(&self, key: &str) -> Option<&'v Value> {
        self.map.get(key)
    }

    /// What stands there; a problem where nothing does.
    pub fn required(&self, key: &str, context: &mut Context<'_>) -> Option<&'v Value> {
        match self.given(key) {
            None => context.at_key(key, missing),
            given => given,
        }
    }

    /// Decodes one field; a missing one is what its type says of missing ones.
    pub fn field<T: Decode>(&self, key: &str, context: &mut Context<'_>) -> Option<T> {
        context.at_key(key, |context| match self.given(key) {
            Some(value) => T::decode(value, context),
            None => T::missing(context),
        })
    }

    /// Decodes one field that has a default.
    pub fn field_or<T: Decode>(
        &self,
        key: &str,
        default: impl FnOnce() -> T,
        context: &mut Context<'_>,
    ) -> Option<T> {
        match self.given(key) {
            Some(value) => context.at_key(key, |context| T::decode(value, context)),
            None => Some(default()),
        }
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty()
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}
