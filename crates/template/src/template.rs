//! A parsed template, and rendering it.

use crate::function::Unclosed;
use crate::{Destination, Function, Variable};
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

/// What a template becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rendered<'t> {
    /// A value. One without variables is borrowed.
    Value(Cow<'t, [u8]>),
    /// None, since a variable has none.
    Missing,
    /// None, since what a variable holds does not fit where the value goes.
    Unsafe,
}

/// A value with variables.
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    destination: Destination,
    parts: Vec<Part>,
}

#[derive(Clone, PartialEq, Eq)]
enum Part {
    Literal(Box<str>),
    Variable(Changed),
}

/// A variable and what is done to its value.
#[derive(Clone, PartialEq, Eq)]
struct Changed {
    variable: Variable,
    functions: Box<[Function]>,
}

impl Template {
    /// Parses a template where it stands in a configuration. `captures` are the names that the
    /// `match` of its rule captures; nothing where that is not known, since the `match` is wrong.
    pub fn read(
        value: &Value,
        destination: Destination,
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
            let Ok((name, functions, after)) = inside(opened, context) else {
                return context.problem("a \"${\" without its \"}\"");
            };
            rest = after;
            if destination != Destination::Path && functions.contains(&Function::Segments) {
                context.problem::<()>("segments are only in a path");
            }
            if let Some(name) = name.strip_prefix("env:") {
                parts.literal(&environment(name, &functions, context).unwrap_or_default());
            } else if let Some(variable) = Variable::read(name, captures, context) {
                parts.variable(Changed {
                    variable,
                    functions: functions.into(),
                });
            }
        }
        parts.literal(rest);
        let mut parts = parts.finish();
        if matches!(destination, Destination::Query | Destination::Cookie) {
            parts = escaped(parts, destination, context)?;
        }
        (context.problem_count() == before).then_some(Self { destination, parts })
    }

    /// The value itself, if it has no variable.
    pub fn constant(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(literal)] => Some(literal),
            _ => None,
        }
    }

    /// The texts that the operator wrote: those between the variables, those from the environment and
    /// those in place of a value that is not there.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().flat_map(|part| {
            let (literal, functions): (_, &[Function]) = match part {
                Part::Literal(literal) => (Some(&**literal), &[]),
                Part::Variable(changed) => (None, &changed.functions),
            };
            let defaults = functions.iter().filter_map(|function| match function {
                Function::Default(text) => Some(&**text),
                _ => None,
            });
            literal.into_iter().chain(defaults)
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
            Part::Variable(changed) => Some(&changed.variable),
        })
    }

    /// Lets the slashes of what is captured under this name be slashes of a path: several segments
    /// were asked for where they were captured.
    pub fn keep_slashes_of(&mut self, capture: &str) {
        for part in &mut self.parts {
            if let Part::Variable(changed) = part
                && matches!(&changed.variable, Variable::Capture(name) if **name == *capture)
            {
                let mut functions = changed.functions.to_vec();
                functions.push(Function::Segments);
                changed.functions = functions.into();
            }
        }
    }

    /// The value, with what its variables bring escaped for where it goes.
    ///
    /// # Errors
    /// What the scope says.
    pub fn render(&self, scope: &mut dyn Scope) -> Result<Rendered<'_>> {
        if let Some(constant) = self.constant() {
            return Ok(Rendered::Value(Cow::Borrowed(constant.as_bytes())));
        }
        let mut out = Vec::new();
        for part in &self.parts {
            let changed = match part {
                Part::Literal(literal) => {
                    out.extend_from_slice(literal.as_bytes());
                    continue;
                }
                Part::Variable(changed) => changed,
            };
            let start = out.len();
            let mut there = scope.value(&changed.variable, &mut out)?;
            for function in &changed.functions {
                there = function.apply(there, start, &mut out);
            }
            if !there {
                return Ok(Rendered::Missing);
            }
            if self.destination != Destination::Header {
                let value = out.split_off(start);
                let several = changed.functions.contains(&Function::Segments);
                let alone = self.parts.len() == 1;
                if !self.destination.escape(&value, several, alone, &mut out) {
                    return Ok(Rendered::Unsafe);
                }
            }
        }
        Ok(Rendered::Value(Cow::Owned(out)))
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

/// A parameter or a cookie is encoded as a whole: what the operator wrote is its value.
fn escaped(
    parts: Vec<Part>,
    destination: Destination,
    context: &mut Context<'_>,
) -> Option<Vec<Part>> {
    let escaped = |part| match part {
        Part::Variable(changed) => Some(Part::Variable(changed)),
        Part::Literal(literal) => {
            let mut out = Vec::new();
            let fits = destination.escape(literal.as_bytes(), false, false, &mut out);
            let text = String::from_utf8(out).ok().filter(|_| fits)?;
            Some(Part::Literal(text.into_boxed_str()))
        }
    };
    match parts.into_iter().map(escaped).collect() {
        Some(parts) => Some(parts),
        None => context.problem("a value cannot have control characters such as CR or LF"),
    }
}

/// What follows a `${`: the name, the functions that are known, and what stands after the `}`.
fn inside<'t>(
    text: &'t str,
    context: &mut Context<'_>,
) -> std::result::Result<(&'t str, Vec<Function>, &'t str), Unclosed> {
    let end = text.find(['|', '}']).ok_or(Unclosed)?;
    let (name, mut rest) = text.split_at(end);
    let mut functions = Vec::new();
    while let Some(after) = rest.strip_prefix('|') {
        let (function, after) = Function::read(after, context)?;
        functions.extend(function);
        rest = after;
    }
    let rest = rest.strip_prefix('}').ok_or(Unclosed)?;
    Ok((name.trim_matches(' '), functions, rest))
}

fn environment(name: &str, functions: &[Function], context: &mut Context<'_>) -> Option<String> {
    let value = context.environment().var(name);
    let has_default = functions
        .iter()
        .any(|function| matches!(function, Function::Default(_)));
    match value {
        Some(value) if value.is_empty() && !has_default => {
            return context.problem(format!("the environment variable {name} is empty"));
        }
        None if !has_default => {
            return context.problem_hint(
                format!("no environment variable {name}"),
                "set it in vm_config.environment_variables",
            );
        }
        _ => {}
    }
    let value = value.filter(|value| !value.is_empty());
    let mut there = value.is_some();
    let mut bytes = value.unwrap_or_default().into_bytes();
    for function in functions {
        there = function.apply(there, 0, &mut bytes);
    }
    // No function makes anything but text of a text.
    String::from_utf8(bytes).ok().filter(|_| there)
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

    fn variable(&mut self, variable: Changed) {
        self.end_literal();
        self.done.push(Part::Variable(variable));
    }

    fn end_literal(&mut self) {
        if !self.literal.is_empty() {
            let literal = std::mem::take(&mut self.literal);
            self.done.push(Part::Literal(literal.into_boxed_str()));
        }
    }

    fn finish(mut self) -> Vec<Part> {
        self.end_literal();
        self.done
    }
}
