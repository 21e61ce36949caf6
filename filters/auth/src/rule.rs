//! One element of `rules`: for which requests, and what they need.

mod authorize;

use gatehouse_config::{Context, NonEmpty, Value, keywords, one_of};
use gatehouse_host::Request;
use gatehouse_request_match::{Match, Subject};

pub(crate) use authorize::Authorize;

/// A rule.
pub(crate) struct Rule {
    /// Without one, the rule is about every request.
    pub(crate) matching: Option<Match>,
    pub(crate) access: Access,
}

/// What a request needs.
pub(crate) enum Access {
    /// Nothing.
    Anonymous,
    /// Credentials.
    Require(Box<Requirement>),
}

/// Which credentials, and what must be true of their consumer.
pub(crate) struct Requirement {
    pub(crate) needed: Needed,
    /// The providers that `needed` names, by their place, once each.
    pub(crate) providers: Vec<usize>,
    pub(crate) authorize: Authorize,
}

/// Which credentials.
#[derive(Debug, PartialEq)]
pub(crate) enum Needed {
    /// The one of the provider at this place.
    Provider(usize),
    /// One of these.
    AnyOf(Vec<Needed>),
    /// All of these.
    AllOf(Vec<Needed>),
}

keywords! {
    enum Allow {
        Anonymous = "anonymous",
    }
}

one_of! {
    enum Several {
        AnyOf(NonEmpty<Value>) = "any_of",
        AllOf(NonEmpty<Value>) = "all_of",
    }
}

impl Rule {
    gatehouse_config::described!(pub |schemas| {
        let needed = needed_schema(schemas);
        let rule = schemas.object(|fields| {
            fields.optional::<Match>("match");
            fields.optional::<Allow>("allow");
            fields.add("require", needed);
            fields.optional::<Authorize>("authorize");
        });
        let contradiction = gatehouse_config::schema::value!(
            {"not": {"required": ["allow", "authorize"]}}
        );
        let rule = gatehouse_config::schema::and(rule, contradiction);
        gatehouse_config::schema::exactly_one(rule, &["allow", "require"])
    });

    /// Has its expressions evaluated for a request that is about to wait.
    pub(crate) fn foresee(&self, subject: &mut Subject, request: &mut Request<'_>) {
        let matching = self.matching.as_ref();
        let may_apply = matching.is_none_or(|matching| matching.foresee(subject, request));
        if let Access::Require(requirement) = &self.access
            && may_apply
        {
            requirement.authorize.foresee(request);
        }
    }

    /// Decodes a rule. `names` are those of the providers, in their order.
    pub(crate) fn decode(value: &Value, names: &[&str], context: &mut Context<'_>) -> Option<Self> {
        let before = context.problem_count();
        let fields = context.object(value, &["match", "allow", "require", "authorize"])?;
        let matching: Option<Option<Match>> = fields.field("match", context);
        let allow: Option<Option<Allow>> = fields.field("allow", context);
        let authorize: Option<Option<Authorize>> = fields.field("authorize", context);
        let required = value
            .get("require")
            .map(|required| context.at_key("require", |context| needed(required, names, context)));
        if value.get("allow").is_some() && value.get("authorize").is_some() {
            context.at_key("authorize", |context| {
                context.problem_hint::<()>(
                    "an anonymous request has no consumer to authorize",
                    "use require in place of allow",
                )
            });
        }
        let access = match (required, allow?) {
            (Some(_), Some(Allow::Anonymous)) => context.problem_hint(
                "has allow and require, which contradict each other",
                "keep one of them",
            ),
            (None, None) => context.problem_hint(
                "says neither who may pass nor that anybody may",
                "set require, or allow: anonymous",
            ),
            (None, Some(Allow::Anonymous)) => Some(Access::Anonymous),
            (Some(needed), None) => {
                let needed = needed?;
                let mut providers = Vec::new();
                needed.collect(&mut providers);
                Some(Access::Require(Box::new(Requirement {
                    needed,
                    providers,
                    authorize: authorize?.unwrap_or_default(),
                })))
            }
        };
        if context.problem_count() > before {
            return None;
        }
        Some(Self {
            matching: matching?,
            access: access?,
        })
    }
}

fn needed(value: &Value, names: &[&str], context: &mut Context<'_>) -> Option<Needed> {
    match value {
        Value::String(name) => match names.iter().position(|known| known == name) {
            Some(place) => Some(Needed::Provider(place)),
            None => context.unknown(
                format!("no provider named {name:?}"),
                name,
                names.iter().copied(),
            ),
        },
        Value::Object(_) => match one_of_several(value, context)? {
            Several::AnyOf(items) => context
                .at_key("any_of", |context| list(&items.0, names, context))
                .map(Needed::AnyOf),
            Several::AllOf(items) => context
                .at_key("all_of", |context| list(&items.0, names, context))
                .map(Needed::AllOf),
        },
        _ => context.problem("expected a provider's name, {any_of: […]} or {all_of: […]}"),
    }
}

/// What [`needed`] takes: the names of providers are known to it alone.
#[cfg(not(target_arch = "wasm32"))]
fn needed_schema(schemas: &mut gatehouse_config::schema::Schemas) -> Value {
    use gatehouse_config::schema::{any_of, non_empty_list, value};
    schemas.define::<Needed>("Which credentials.", |schemas| {
        let inner = schemas.define::<Needed>("", |_| Value::Null);
        let several = |key: &str| {
            value!({
                "type": "object",
                "properties": {key: non_empty_list(inner.clone())},
                "required": [key],
                "additionalProperties": false,
            })
        };
        any_of([
            value!({"type": "string"}),
            several("any_of"),
            several("all_of"),
        ])
    })
}

fn one_of_several(value: &Value, context: &mut Context<'_>) -> Option<Several> {
    <Several as gatehouse_config::Decode>::decode(value, context)
}

fn list(items: &[Value], names: &[&str], context: &mut Context<'_>) -> Option<Vec<Needed>> {
    let decoded: Vec<Option<Needed>> = items
        .iter()
        .enumerate()
        .map(|(index, item)| {
            context.at_index(index, |context| {
                let first = items.iter().position(|other| other == item);
                match first.filter(|first| *first < index) {
                    Some(first) => context.problem(format!("the same as [{first}]")),
                    None => needed(item, names, context),
                }
            })
        })
        .collect();
    decoded.into_iter().collect()
}

impl Needed {
    fn collect(&self, providers: &mut Vec<usize>) {
        match self {
            Self::Provider(place) if providers.contains(place) => {}
            Self::Provider(place) => providers.push(*place),
            Self::AnyOf(items) | Self::AllOf(items) => {
                for item in items {
                    item.collect(providers);
                }
            }
        }
    }
}
