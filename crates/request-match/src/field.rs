//! Conditions on named values: headers, parameters of the query, cookies, metadata of the route.
//!
//! A name may have several values. A test holds where it holds for any of them; `present: false`
//! where there is none. To ask for the contrary of a test, put it under `not`: then it holds for
//! none of them. Values compare as bytes, so they need not be UTF-8, and case counts. A header's
//! value is a whole line: one with commas is not taken apart.

use crate::rule::Name;
use crate::{cookie, expression};
use gatehouse_config::{Context, Decode, Fields, HeaderName, HeaderValue, NonEmpty, Value};
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
    pub(crate) fn holds(&self, values: &mut dyn Iterator<Item = &[u8]>) -> bool {
        if let Self::Present(present) = self {
            return values.next().is_some() == *present;
        }
        for value in values {
            let passes = match self {
                Self::Present(_) => true,
                Self::Exact(exact) => value == exact.as_bytes(),
                Self::Prefix(prefix) => value.starts_with(prefix.as_bytes()),
                Self::Suffix(suffix) => value.ends_with(suffix.as_bytes()),
                Self::Regex(regex) => regex.is_match(value),
            };
            if passes {
                return true;
            }
        }
        false
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
        self.test.holds(&mut headers.all(&self.name))
    }
}

/// A parameter and what is asked of it. The name is the decoded one.
#[derive(Debug, Clone)]
pub(crate) struct QueryField {
    pub(crate) name: String,
    pub(crate) test: Test,
}

/// A cookie and what is asked of it.
#[derive(Debug, Clone)]
pub(crate) struct CookieField {
    pub(crate) name: cookie::Name,
    pub(crate) test: Test,
}

/// A text of the route's metadata and what is asked of it.
#[derive(Debug, Clone)]
pub(crate) struct MetadataField {
    /// Whose metadata it is: in `filter_metadata`.
    pub(crate) filter: String,
    /// Where it stands there.
    pub(crate) key: Vec<String>,
    pub(crate) test: Test,
}

/// The tests, one of which stands beside a name.
const TESTS: [&str; 5] = ["exact", "prefix", "suffix", "regex", "present"];

impl Decode for HeaderField {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let exact: Exact =
            |value, context| HeaderValue::decode(value, context).map(|value| (*value).to_owned());
        let (name, test) = named::<HeaderName>(value, exact, context)?;
        if name.as_str() == "host" {
            return context.at_key("name", |context| {
                context.problem_hint(
                    "the proxy keeps \"host\" as \":authority\", so no request has it",
                    "match it with \"hosts\"",
                )
            });
        }
        Some(Self { name, test })
    }

    gatehouse_config::described!(|schemas| named_schema::<HeaderName, HeaderValue>(schemas));
}

impl Decode for QueryField {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let (name, test) = named(value, String::decode, context)?;
        Some(Self { name, test })
    }

    gatehouse_config::described!(|schemas| named_schema::<String, String>(schemas));
}

impl Decode for CookieField {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let (name, test) = named(value, String::decode, context)?;
        Some(Self { name, test })
    }

    gatehouse_config::described!(|schemas| named_schema::<cookie::Name, String>(schemas));
}

impl Decode for MetadataField {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let [exact, prefix, suffix, regex, present] = TESTS;
        let known = ["filter", "key", exact, prefix, suffix, regex, present];
        let fields = context.object(value, &known)?;
        let filter: Option<Name> = fields.field("filter", context);
        let key: Option<NonEmpty<Name>> = fields.field("key", context);
        let test = test(&fields, String::decode, context);
        let (filter, key) = (filter?, key?);
        Some(Self {
            filter: filter.0,
            key: key.0.into_iter().map(|name| name.0).collect(),
            test: test?,
        })
    }

    gatehouse_config::described!(|schemas| {
        let schema = schemas.object(|fields| {
            fields.field::<Name>("filter", false, "");
            fields.field::<NonEmpty<Name>>("key", false, "");
            tests_schema::<String>(fields);
        });
        gatehouse_config::schema::exactly_one(schema, &TESTS)
    });
}

/// How the value of `exact` is read.
type Exact = fn(&Value, &mut Context<'_>) -> Option<String>;

/// A name, and the one test beside it.
fn named<N: Decode>(value: &Value, exact: Exact, context: &mut Context<'_>) -> Option<(N, Test)> {
    let [a, b, c, d, e] = TESTS;
    let fields = context.object(value, &["name", a, b, c, d, e])?;
    let name: Option<N> = fields.field("name", context);
    let test = test(&fields, exact, context);
    Some((name?, test?))
}

/// What [`named`] takes.
#[cfg(not(target_arch = "wasm32"))]
fn named_schema<N: Decode, E: Decode>(schemas: &mut gatehouse_config::schema::Schemas) -> Value {
    let schema = schemas.object(|fields| {
        fields.field::<N>("name", false, "");
        tests_schema::<E>(fields);
    });
    gatehouse_config::schema::exactly_one(schema, &TESTS)
}

/// What [`test`] takes, each alone.
#[cfg(not(target_arch = "wasm32"))]
fn tests_schema<E: Decode>(fields: &mut gatehouse_config::schema::Fields<'_>) {
    fields.optional::<E>("exact");
    fields.optional::<Part>("prefix");
    fields.optional::<Part>("suffix");
    fields.optional::<ValueRegex>("regex");
    fields.optional::<bool>("present");
}

/// The one test that was given.
fn test(fields: &Fields<'_>, exact: Exact, context: &mut Context<'_>) -> Option<Test> {
    let before = context.problem_count();
    let exact = fields
        .given("exact")
        .map(|value| context.at_key("exact", |context| exact(value, context)));
    let prefix: Option<Option<Part>> = fields.field("prefix", context);
    let suffix: Option<Option<Part>> = fields.field("suffix", context);
    let regex: Option<Option<ValueRegex>> = fields.field("regex", context);
    let present: Option<Option<bool>> = fields.field("present", context);
    if context.problem_count() > before {
        return None;
    }
    let given = [
        exact.flatten().map(Test::Exact),
        prefix?.map(|prefix| Test::Prefix(prefix.0)),
        suffix?.map(|suffix| Test::Suffix(suffix.0)),
        regex?.map(|regex| Test::Regex(regex.0)),
        present?.map(Test::Present),
    ];
    let names = TESTS
        .iter()
        .zip(&given)
        .filter_map(|(name, test)| test.as_ref().map(|_| *name));
    let names: Vec<&str> = names.collect();
    if names.len() > 1 {
        return context.problem(format!(
            "{} at once, but only one of {} can stand here",
            names.join(" and "),
            TESTS.join(", "),
        ));
    }
    match given.into_iter().flatten().next() {
        Some(test) => Some(test),
        None => context.problem(format!("needs one of {}", TESTS.join(", "))),
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

    gatehouse_config::described!(text not empty);
}

/// An expression that must match a whole value.
struct ValueRegex(Whole);

impl Decode for ValueRegex {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        expression::whole(&text, context).map(Self)
    }

    gatehouse_config::described!(text);
}
