//! What is asked of a claim.
//!
//! A [`ClaimRequirement`] is fulfilled if all of:
//!
//! 1. the claim is there;
//! 2. its test holds for it, or, where it is a list, for at least one of the list's elements:
//!    - `exact`, `one_of`: the value is this one, or one of these. Texts, numbers and booleans compare
//!      as JSON values: the text `"1"` is not the number 1;
//!    - `prefix`, `suffix`, `regex`: the value is a text that begins so, ends so, or is matched wholly;
//!    - `present: true`: the value is not an empty text, an empty list or an empty object.
//!
//! An object fulfils nothing but `present`, a list within a list nothing at all.

#[cfg(test)]
mod tests;

use gatehouse_claim::ClaimRef;
use gatehouse_config::{Context, Decode, NonEmpty, Value, object};
use gatehouse_regex::Whole;
use gatehouse_request_match::expression;
use serde_json::{Map, Number};

/// From there on, two whole numbers can be one `double`, which is how Envoy hands numbers over.
const MAX_NUMBER: f64 = 9_007_199_254_740_992.0;

/// What is asked of a claim.
#[derive(Debug, Clone)]
pub(crate) struct ClaimRequirement {
    claim: ClaimRef,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    OneOf(Vec<Scalar>),
    Prefix(String),
    Suffix(String),
    Regex(Whole),
    Present,
}

impl ClaimRequirement {
    /// Whether the claims fulfil it.
    pub(crate) fn holds(&self, claims: &Map<String, Value>) -> bool {
        match self.claim.find(claims) {
            None => false,
            Some(Value::Array(items)) => items.iter().any(|item| self.test.holds(item)),
            Some(value) => self.test.holds(value),
        }
    }
}

impl Test {
    fn holds(&self, value: &Value) -> bool {
        match (self, value) {
            (_, Value::Null | Value::Array(_)) => false,
            (Self::Present, Value::Object(map)) => !map.is_empty(),
            (_, Value::Object(_)) => false,
            (Self::Present, Value::String(text)) => !text.is_empty(),
            (Self::Present, _) => true,
            (Self::OneOf(known), value) => known.iter().any(|known| known.is(value)),
            (Self::Prefix(prefix), Value::String(text)) => text.starts_with(prefix),
            (Self::Suffix(suffix), Value::String(text)) => text.ends_with(suffix),
            (Self::Regex(regex), Value::String(text)) => regex.is_match(text.as_bytes()),
            _ => false,
        }
    }
}

/// A text, a number or a boolean.
#[derive(Debug, Clone)]
struct Scalar(Value);

impl Scalar {
    fn is(&self, other: &Value) -> bool {
        match (&self.0, other) {
            (Value::Number(one), Value::Number(other)) => is_same_number(one, other),
            (one, other) => one == other,
        }
    }
}

/// Whole numbers are the same to the last digit; `1.0` is 1.
fn is_same_number(one: &Number, other: &Number) -> bool {
    if one.is_f64() || other.is_f64() {
        return one.as_f64().is_some() && one.as_f64() == other.as_f64();
    }
    one == other
}

object! {
    struct Raw {
        claim: ClaimRef,
        exact: Option<Scalar>,
        prefix: Option<Part>,
        suffix: Option<Part>,
        regex: Option<WholeValue>,
        one_of: Option<NonEmpty<Scalar>>,
        present: Option<bool>,
    }
}

impl Decode for ClaimRequirement {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        const KNOWN: &str = "exact, prefix, suffix, regex, one_of, present";
        let before = context.problem_count();
        let raw = Raw::decode(value, context)?;
        // A test with a wrong name is there all the same.
        if context.problem_count() > before {
            return None;
        }
        let given = [
            raw.exact
                .map(|exact| ("exact", Some(Test::OneOf(vec![exact])))),
            raw.prefix
                .map(|prefix| ("prefix", Some(Test::Prefix(prefix.0)))),
            raw.suffix
                .map(|suffix| ("suffix", Some(Test::Suffix(suffix.0)))),
            raw.regex.map(|regex| ("regex", Some(Test::Regex(regex.0)))),
            raw.one_of
                .map(|known| ("one_of", Some(Test::OneOf(known.0)))),
            raw.present
                .map(|present| ("present", present.then_some(Test::Present))),
        ];
        let mut given: Vec<(&str, Option<Test>)> = given.into_iter().flatten().collect();
        if given.len() > 1 {
            let names: Vec<&str> = given.iter().map(|(name, _)| *name).collect();
            return context.problem(format!(
                "{} at once, but only one of {KNOWN} can stand here",
                names.join(" and ")
            ));
        }
        let Some((_, test)) = given.pop() else {
            return context.problem(format!("needs one of {KNOWN}"));
        };
        let Some(test) = test else {
            return context.at_key("present", |context| {
                context.problem("a claim cannot be required to be missing")
            });
        };
        Some(Self {
            claim: raw.claim,
            test,
        })
    }

    gatehouse_config::described!(|schemas| gatehouse_config::schema::exactly_one(
        schemas.of::<Raw>(),
        &["exact", "prefix", "suffix", "regex", "one_of", "present"]
    ));
}

impl Decode for Scalar {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        match value {
            Value::Number(number) if number.as_f64().is_none_or(|n| n.abs() >= MAX_NUMBER) => {
                context.problem_hint(
                    format!("{number} is too large to be told from its neighbours"),
                    "have the issuer send a text",
                )
            }
            Value::String(_) | Value::Number(_) | Value::Bool(_) => Some(Self(value.clone())),
            other => context.expected("a text, a number or a boolean", other),
        }
    }

    gatehouse_config::described!(
        |_schemas| gatehouse_config::schema::value!({"type": ["string", "number", "boolean"]})
    );
}

/// How a value begins or ends.
struct Part(String);

impl Decode for Part {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        if text.is_empty() {
            return context.problem_hint("empty, so any text has it", "write \"present: true\"");
        }
        Some(Self(text))
    }

    gatehouse_config::described!(text not empty);
}

/// An expression that must match a whole text.
struct WholeValue(Whole);

impl Decode for WholeValue {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        expression::whole(&text, context).map(Self)
    }

    gatehouse_config::described!(text);
}
