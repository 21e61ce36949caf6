//! A parsed template, and rendering it.

use crate::Variable;
use gatehouse_config::{Context, Value};
use gatehouse_host::Result;
use std::borrow::Cow;
use std::fmt;

/// Where variables get their values.
pub trait Scope {
    /// Appends the value of a variable; says whether it has one. What is appended when it has none
    /// does not matter.
    ///
    /// # Errors
    /// Where the host refuses to say.
    fn value(&mut self, variable: &Variable, out: &mut Vec<u8>) -> Result<bool>;
}

/// A value with variables.
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, PartialEq, Eq)]
enum Part {
    Literal(Box<str>),
    Variable(Variable),
}

impl Template {
    /// Parses a template where it stands in a configuration. `captures` are the names that the
    /// `match` of its rule captures; nothing where that is not known, since the `match` is wrong.
    pub fn read(
        value: &Value,
        captures: Option<&[&str]>,
        context: &mut Context<'_>,
    ) -> Option<Self> {
        let Value::String(text) = value else {
            return context.expected("a text", value);
        };
        let before = context.problem_count();
        let mut parts = Parts::default();
        let mut rest = text.as_str();
        while let Some((literal, after)) = rest.split_once('$') {
            parts.literal(literal);
            rest = after;
            if let Some(after) = after.strip_prefix('$') {
                parts.literal("$");
                rest = after;
                continue;
            }
            let Some(opened) = after.strip_prefix('{') else {
                context.problem_hint::<()>(
                    "a \"$\" that begins no variable",
                    "write \"$$\" for a dollar sign",
                );
                continue;
            };
            let Some((name, after)) = opened.split_once('}') else {
                return context.problem("a \"${\" without its \"}\"");
            };
            rest = after;
            if let Some(name) = name.strip_prefix("env:") {
                parts.literal(&environment(name, context).unwrap_or_default());
            } else if let Some(variable) = Variable::read(name, captures, context) {
                parts.variable(variable);
            }
        }
        parts.literal(rest);
        (context.problem_count() == before).then(|| parts.finish())
    }

    /// The value itself, if it has no variable.
    pub fn constant(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(literal)] => Some(literal),
            _ => None,
        }
    }

    /// The texts between the variables, those from the environment among them.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Literal(literal) => Some(&**literal),
            Part::Variable(_) => None,
        })
    }

    /// The text that every value begins with, and the one that it ends with; empty where a variable
    /// stands there.
    pub fn ends(&self) -> (&str, &str) {
        (text(self.parts.first()), text(self.parts.last()))
    }

    /// The variables, in order; one that stands there twice, twice.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.parts.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Variable(variable) => Some(variable),
        })
    }

    /// The value, or nothing where a variable has none. Nothing in it has been checked.
    ///
    /// # Errors
    /// What the scope says.
    pub fn render(&self, scope: &mut dyn Scope) -> Result<Option<Cow<'_, [u8]>>> {
        if let Some(constant) = self.constant() {
            return Ok(Some(Cow::Borrowed(constant.as_bytes())));
        }
        let mut out = Vec::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => out.extend_from_slice(literal.as_bytes()),
                Part::Variable(variable) => {
                    if !scope.value(variable, &mut out)? {
                        return Ok(None);
                    }
                }
            }
        }
        Ok(Some(Cow::Owned(out)))
    }
}

fn text(part: Option<&Part>) -> &str {
    match part {
        Some(Part::Literal(literal)) => literal,
        Some(Part::Variable(_)) | None => "",
    }
}

/// Only variables: a literal may be a secret from the environment.
impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template")?;
        f.debug_list().entries(self.variables()).finish()
    }
}

fn environment(name: &str, context: &mut Context<'_>) -> Option<String> {
    match context.environment().var(name) {
        Some(value) if !value.is_empty() => Some(value),
        Some(_) => context.problem(format!("the environment variable {name} is empty")),
        None => context.problem_hint(
            format!("no environment variable {name}"),
            "set it in vm_config.environment_variables",
        ),
    }
}

/// Parts in the making: literals that stand together become one.
#[derive(Default)]
struct Parts {
    done: Vec<Part>,
    literal: String,
}

impl Parts {
    fn literal(&mut self, text: &str) {
        self.literal.push_str(text);
    }

    fn variable(&mut self, variable: Variable) {
        self.end_literal();
        self.done.push(Part::Variable(variable));
    }

    fn end_literal(&mut self) {
        if !self.literal.is_empty() {
            let literal = std::mem::take(&mut self.literal);
            self.done.push(Part::Literal(literal.into_boxed_str()));
        }
    }

    fn finish(mut self) -> Template {
        self.end_literal();
        Template { parts: self.done }
    }
}
