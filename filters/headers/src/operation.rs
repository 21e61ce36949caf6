//! The operations, as they are written and as they are kept.

use crate::names::{Editable, Prefix, commands_envoy};
use crate::rewrite::Rewrite;
use crate::status::When;
use gatehouse_config::values::is_field_value;
use gatehouse_config::{Context, Decode, Fields, HeaderName, Value, keywords, object, one_of};
use gatehouse_template::{Template, Variable};

/// What can be done, by the key that says so.
const OPERATIONS: [&str; 5] = ["set", "append", "remove", "rename", "replace"];

/// Something that is done to headers.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    /// Makes this the only value.
    Set {
        name: HeaderName,
        value: Template,
        when: Presence,
    },
    /// Adds a value.
    Append { name: HeaderName, value: Template },
    /// Removes all values.
    Remove(HeaderName),
    /// Removes all headers whose names begin so.
    RemovePrefix(Prefix),
    /// Gives all values of one header to another, which loses its own.
    Rename { from: HeaderName, to: HeaderName },
    /// Replaces what a regular expression finds, in each value.
    Replace { name: HeaderName, rewrite: Rewrite },
}

/// An operation, and for which responses it is.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) when: Option<When>,
    pub(crate) operation: Operation,
}

/// Which headers the operations are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Request,
    Response,
}

keywords! {
    /// Whether a header that is there, or one that is not, is set.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Presence {
        Always = "always",
        Absent = "absent",
        Present = "present",
    }
}

object! {
    struct RawRename { from: Editable, to: Editable }
}

object! {
    struct RawReplace { name: Editable, regex: String, with: String }
}

one_of! {
    enum RawRemove {
        Name(Editable) = "name",
        Prefix(Prefix) = "prefix",
    }
}

/// What is known where an operation stands.
#[derive(Clone, Copy)]
pub(crate) struct Place<'m> {
    pub(crate) phase: Phase,
    /// The names that the rule's `match` captures; nothing where the `match` is wrong.
    pub(crate) captures: Option<&'m [&'m str]>,
}

impl Place<'_> {
    /// All operations of a list.
    pub(crate) fn steps(self, value: &Value, context: &mut Context<'_>) -> Option<Vec<Step>> {
        let Value::Array(items) = value else {
            return context.expected("a list of operations", value);
        };
        let read = |(index, item)| context.at_index(index, |context| self.step(item, context));
        let steps: Vec<Option<Step>> = items.iter().enumerate().map(read).collect();
        steps.into_iter().collect()
    }

    fn step(self, value: &Value, context: &mut Context<'_>) -> Option<Step> {
        let Value::Object(map) = value else {
            return context.expected("an operation such as {set: {name: …, value: …}}", value);
        };
        let mut known = OPERATIONS.to_vec();
        if self.phase == Phase::Response || map.contains_key("when") {
            known.push("when");
        }
        let fields = context.object(value, &known)?;
        let given: Vec<&str> = OPERATIONS
            .into_iter()
            .filter(|operation| map.contains_key(*operation))
            .collect();
        let when: Option<Option<When>> = match (self.phase, map.contains_key("when")) {
            (Phase::Request, true) => context.at_key("when", |context| {
                context.problem_hint(
                    "only for responses",
                    "say which requests in the match of the rule",
                )
            }),
            _ => fields.field("when", context),
        };
        let operation = match given.as_slice() {
            [operation] => {
                let inner = map.get(*operation)?;
                context.at_key(operation, |context| {
                    self.operation(operation, inner, context)
                })
            }
            // What else stands there has been reported, if it was a mistyped operation.
            [] if map.keys().any(|key| key != "when") => None,
            [] => context.problem(format!(
                "no operation: needs one of {}",
                OPERATIONS.join(", ")
            )),
            several => context.problem_hint(
                format!("{} at once", several.join(" and ")),
                "write one list element for each: they are done in order",
            ),
        };
        Some(Step {
            when: when?,
            operation: operation?,
        })
    }

    fn operation(
        self,
        operation: &str,
        value: &Value,
        context: &mut Context<'_>,
    ) -> Option<Operation> {
        match operation {
            "set" => {
                let fields = context.object(value, &["name", "value", "if"])?;
                let when = fields.field_or("if", || Presence::Always, context);
                let (name, value) = self.name_and_value(&fields, context);
                Some(Operation::Set {
                    name: name?,
                    value: value?,
                    when: when?,
                })
            }
            "append" => {
                let fields = context.object(value, &["name", "value"])?;
                let (name, value) = self.name_and_value(&fields, context);
                Some(Operation::Append {
                    name: name?,
                    value: value?,
                })
            }
            "remove" if value.is_string() => {
                Editable::decode(value, context).map(|name| Operation::Remove(name.0))
            }
            "remove" => RawRemove::decode(value, context).map(|raw| match raw {
                RawRemove::Name(name) => Operation::Remove(name.0),
                RawRemove::Prefix(prefix) => Operation::RemovePrefix(prefix),
            }),
            "rename" => self.rename(RawRename::decode(value, context)?, context),
            _ => {
                let raw = RawReplace::decode(value, context)?;
                Rewrite::read(&raw.regex, &raw.with, context).map(|rewrite| Operation::Replace {
                    name: raw.name.0,
                    rewrite,
                })
            }
        }
    }

    fn rename(self, raw: RawRename, context: &mut Context<'_>) -> Option<Operation> {
        let RawRename { from, to } = raw;
        if from == to {
            return context.problem(format!("\"{}\" would be renamed to itself", from.0));
        }
        if self.phase == Phase::Request && commands_envoy(&to.0) {
            return context.at_key("to", |context| commanded(&to.0, "another header", context));
        }
        Some(Operation::Rename {
            from: from.0,
            to: to.0,
        })
    }

    /// Both, so that the problems of both are reported.
    fn name_and_value(
        self,
        fields: &Fields<'_>,
        context: &mut Context<'_>,
    ) -> (Option<HeaderName>, Option<Template>) {
        let name: Option<Editable> = fields.field("name", context);
        let name = name.map(|name| name.0);
        let value: Option<Value> = fields.field("value", context);
        let value = value.and_then(|value| {
            context.at_key("value", |context| {
                self.value(name.as_deref(), &value, context)
            })
        });
        (name, value)
    }

    fn value(
        self,
        name: Option<&str>,
        value: &Value,
        context: &mut Context<'_>,
    ) -> Option<Template> {
        let template = Template::read(value, self.captures, context)?;
        if !template
            .literals()
            .all(|text| is_field_value(text.as_bytes()))
        {
            return context
                .problem("a header value cannot have control characters such as CR or LF");
        }
        // Also where a variable follows: such a value would never be sound.
        let (first, last) = template.ends();
        if first.starts_with([' ', '\t']) || last.ends_with([' ', '\t']) {
            return context.problem("a header value cannot have white space around it");
        }
        let client_chooses = template.variables().any(Variable::is_chosen_by_client);
        let commanding = name.filter(|name| self.phase == Phase::Request && commands_envoy(name));
        if let Some(name) = commanding.filter(|_| client_chooses) {
            return commanded(name, "a variable that the client chooses", context);
        }
        Some(template)
    }
}

fn commanded<T>(name: &str, source: &str, context: &mut Context<'_>) -> Option<T> {
    context.problem_hint(
        format!("\"{name}\" tells Envoy what to do, so its value cannot come from {source}"),
        "write the value, or take another header",
    )
}
