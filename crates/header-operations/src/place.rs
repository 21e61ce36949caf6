//! Where operations stand, and reading them there.

use crate::condition::When;
use crate::cookie::CookieEdit;
use crate::location::Location;
use crate::map::Map;
use crate::names::{Editable, Prefix, commands_envoy};
use crate::operation::{Keep, Operation, Presence, Selection, Step};
use crate::preset;
use crate::rewrite::Rewrite;
use crate::set_cookie::SetCookie;
use crate::target::{HostEdit, PathEdit, QueryEdit};
use gatehouse_config::values::is_field_value;
use gatehouse_config::{Context, Decode as _, Fields, HeaderName, Value, object, one_of};
use gatehouse_request_match::Match;
use gatehouse_template::{Destination, Template, Variable};
use std::cell::RefCell;

/// The longest value that is made, in bytes; what a message brings with it may be longer.
pub(crate) const MOST: usize = 64 << 10;

/// What can be done, by the key that says so.
const OPERATIONS: [&str; 14] = [
    "set", "append", "remove", "rename", "copy", "replace", "dedupe", "map", "path", "host",
    "query", "cookie", "location", "preset",
];

/// Which headers the operations are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Request,
    Response,
    RequestTrailers,
    ResponseTrailers,
}

/// What [`Place::steps`] takes.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn steps_schema(phase: Phase, schemas: &mut gatehouse_config::schema::Schemas) -> Value {
    use gatehouse_config::schema::{exactly_one, value};
    let here = OPERATIONS
        .into_iter()
        .filter(|operation| phase.refuses(operation).is_none());
    let here: Vec<&str> = here.collect();
    let when = crate::condition::When::schema(phase, schemas);
    let schema = schemas.object(|fields| {
        for operation in &here {
            let schema = operation_schema(phase, operation, fields.schemas());
            fields.add(operation, schema);
        }
        fields.add("when", when);
    });
    value!({"type": "array", "items": exactly_one(schema, &here)})
}

/// What [`Place::operation`] takes.
#[cfg(not(target_arch = "wasm32"))]
fn operation_schema(
    phase: Phase,
    operation: &str,
    schemas: &mut gatehouse_config::schema::Schemas,
) -> Value {
    use gatehouse_config::schema::any_of;
    match operation {
        "set" => set_schema::<Editable>(true, schemas),
        "append" => set_schema::<Editable>(false, schemas),
        "remove" => any_of([schemas.of::<Editable>(), schemas.of::<RawRemove>()]),
        "rename" | "copy" => schemas.of::<RawMove>(),
        "replace" => schemas.of::<RawReplace>(),
        "dedupe" => any_of([schemas.of::<Editable>(), schemas.of::<RawDedupe>()]),
        "map" => Map::schema(schemas),
        "path" => PathEdit::schema(schemas),
        "host" => HostEdit::schema(schemas),
        "query" => QueryEdit::schema(schemas),
        "location" => Location::schema(schemas),
        "preset" => preset::schema(phase, schemas),
        _ if phase == Phase::Request => CookieEdit::schema(schemas),
        _ => schemas.of::<SetCookie>(),
    }
}

/// A name and a template, and perhaps when.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn set_schema<N: gatehouse_config::Decode>(
    conditional: bool,
    schemas: &mut gatehouse_config::schema::Schemas,
) -> Value {
    schemas.object(|fields| {
        fields.field::<N>("name", false, "");
        fields.field::<String>("value", false, "A template.");
        if conditional {
            fields.optional::<Presence>("if");
        }
    })
}

/// What is known where an operation stands.
#[derive(Clone, Copy)]
pub(crate) struct Place<'m> {
    pub(crate) phase: Phase,
    /// The names that the rule's `match` captures; nothing where the `match` is wrong.
    pub(crate) captures: Option<&'m [&'m str]>,
    /// The one of them that captures the rest of the path.
    pub(crate) rest: Option<&'m str>,
    /// What the operations of the rule ask of its request.
    pub(crate) asked: &'m RefCell<Vec<Match>>,
}

object! {
    struct RawMove { from: Editable, to: Editable }
}

object! {
    struct RawReplace { name: Editable, regex: String, with: String }
}

object! {
    struct RawDedupe { name: Editable, keep: Keep = Keep::Unique }
}

one_of! {
    enum RawRemove {
        Name(Editable) = "name",
        Prefix(Prefix) = "prefix",
        Regex(String) = "regex",
    }
}

impl Phase {
    /// Where an operation can be done, if not here.
    fn refuses(self, operation: &str) -> Option<&'static str> {
        let trailers = matches!(self, Self::RequestTrailers | Self::ResponseTrailers);
        match operation {
            "path" | "host" | "query" if self != Self::Request => Some("requests"),
            "location" if self != Self::Response => Some("responses"),
            "cookie" | "preset" if trailers => Some("headers, not for trailers"),
            _ => None,
        }
    }
}

impl Place<'_> {
    /// All operations of a list.
    pub(crate) fn steps(self, value: &Value, context: &mut Context<'_>) -> Option<Vec<Step>> {
        let Value::Array(items) = value else {
            return context.expected("a list of operations", value);
        };
        let mut steps = Vec::with_capacity(items.len());
        let mut sound = true;
        for (index, item) in items.iter().enumerate() {
            match context.at_index(index, |context| self.step(item, context)) {
                Some(several) => steps.extend(several),
                None => sound = false,
            }
        }
        sound.then_some(steps)
    }

    /// One element of the list; a preset is several.
    fn step(self, value: &Value, context: &mut Context<'_>) -> Option<Vec<Step>> {
        let Value::Object(map) = value else {
            return context.expected("an operation such as {set: {name: …, value: …}}", value);
        };
        let mut known = OPERATIONS.to_vec();
        known.push("when");
        context.object(value, &known)?;
        let given: Vec<&str> = OPERATIONS
            .into_iter()
            .filter(|operation| map.contains_key(*operation))
            .collect();
        let when = match map.get("when") {
            None => Some(None),
            Some(when) => context
                .at_key("when", |context| When::read(when, self, context))
                .map(|when| Some(Box::new(when))),
        };
        let operations = match given.as_slice() {
            [operation] => {
                let inner = map.get(*operation)?;
                context.at_key(operation, |context| {
                    self.operations(operation, inner, context)
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
        let (when, operations) = (when?, operations?);
        let step = |operation| Step::new(when.clone(), operation);
        Some(operations.into_iter().map(step).collect())
    }

    fn operations(
        self,
        operation: &str,
        value: &Value,
        context: &mut Context<'_>,
    ) -> Option<Vec<Operation>> {
        if let Some(elsewhere) = self.phase.refuses(operation) {
            return context.problem(format!("only for {elsewhere}"));
        }
        if operation == "preset" {
            return preset::read(self, value, context);
        }
        self.operation(operation, value, context)
            .map(|operation| vec![operation])
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
            "remove" => remove(value, context),
            "rename" => self.relocate(value, false, context),
            "copy" => self.relocate(value, true, context),
            "replace" => {
                let raw = RawReplace::decode(value, context)?;
                Rewrite::read(&raw.regex, &raw.with, context).map(|rewrite| Operation::Replace {
                    name: raw.name.0,
                    rewrite,
                })
            }
            "dedupe" => {
                let raw = match value {
                    Value::String(_) => RawDedupe {
                        name: Editable::decode(value, context)?,
                        keep: Keep::Unique,
                    },
                    _ => RawDedupe::decode(value, context)?,
                };
                Some(Operation::Dedupe {
                    name: raw.name.0,
                    keep: raw.keep,
                })
            }
            "map" => Map::read(self, value, context).map(|map| Operation::Map(Box::new(map))),
            "path" => {
                PathEdit::read(self, value, context).map(|path| Operation::Path(Box::new(path)))
            }
            "host" => HostEdit::read(self, value, context).map(Operation::Host),
            "query" => {
                QueryEdit::read(self, value, context).map(|query| Operation::Query(Box::new(query)))
            }
            "location" => Location::read(self, value, context)
                .map(|location| Operation::Location(Box::new(location))),
            _ => match self.phase {
                Phase::Request => CookieEdit::read(self, value, context)
                    .map(|cookie| Operation::Cookie(Box::new(cookie))),
                _ => SetCookie::decode(value, context)
                    .map(|cookie| Operation::SetCookie(Box::new(cookie))),
            },
        }
    }

    fn relocate(self, value: &Value, copy: bool, context: &mut Context<'_>) -> Option<Operation> {
        let RawMove { from, to } = RawMove::decode(value, context)?;
        if from == to {
            let done = if copy { "copied" } else { "renamed" };
            return context.problem(format!("\"{}\" would be {done} to itself", from.0));
        }
        if self.phase == Phase::Request && commands_envoy(&to.0) {
            return context.at_key("to", |context| commanded(&to.0, "another header", context));
        }
        Some(Operation::Move {
            from: from.0,
            to: to.0,
            copy,
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
        let value = fields.required("value", context).and_then(|value| {
            context.at_key("value", |context| {
                self.value(name.as_deref(), value, context)
            })
        });
        (name, value)
    }

    /// A template of a header's value.
    pub(crate) fn value(
        self,
        name: Option<&str>,
        value: &Value,
        context: &mut Context<'_>,
    ) -> Option<Template> {
        let template = self.template(value, Destination::Header, context)?;
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
        if template.constant().is_some_and(|text| text.len() > MOST) {
            return context.problem(format!("a header value of more than {MOST} bytes"));
        }
        let client_chooses = template.variables().any(Variable::is_chosen_by_client);
        let commanding = name.filter(|name| self.phase == Phase::Request && commands_envoy(name));
        if let Some(name) = commanding.filter(|_| client_chooses) {
            return commanded(name, "a variable that the client chooses", context);
        }
        Some(template)
    }

    /// A template of what goes elsewhere.
    pub(crate) fn template(
        self,
        value: &Value,
        destination: Destination,
        context: &mut Context<'_>,
    ) -> Option<Template> {
        let mut template = Template::read(value, destination, self.captures, context)?;
        let of_response = |variable: &Variable| matches!(variable, Variable::ResponseHeader(_));
        if self.phase != Phase::Response && template.variables().any(of_response) {
            return context.problem_hint(
                "what is in the response's headers is only known there",
                "use \"response.header\" under \"response\"",
            );
        }
        if destination == Destination::Path
            && let Some(rest) = self.rest
        {
            template.keep_slashes_of(rest);
        }
        Some(template)
    }

    /// The template that stands under a required key.
    pub(crate) fn template_at(
        self,
        key: &str,
        fields: &Fields<'_>,
        destination: Destination,
        context: &mut Context<'_>,
    ) -> Option<Template> {
        let value = fields.required(key, context)?;
        context.at_key(key, |context| self.template(value, destination, context))
    }
}

fn remove(value: &Value, context: &mut Context<'_>) -> Option<Operation> {
    if value.is_string() {
        return Editable::decode(value, context).map(|name| Operation::Remove(name.0));
    }
    match RawRemove::decode(value, context)? {
        RawRemove::Name(name) => Some(Operation::Remove(name.0)),
        RawRemove::Prefix(prefix) => Some(Operation::RemoveAll(Selection::Prefix(prefix))),
        RawRemove::Regex(regex) => context
            .at_key("regex", |context| Selection::regex(&regex, context))
            .map(Operation::RemoveAll),
    }
}

fn commanded<T>(name: &str, source: &str, context: &mut Context<'_>) -> Option<T> {
    context.problem_hint(
        format!("\"{name}\" tells Envoy what to do, so its value cannot come from {source}"),
        "write the value, or take another header",
    )
}
