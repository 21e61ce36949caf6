//! What a text, a header or a body may be expected to be.

use gatehouse_config::{Context, Decode, NonEmpty, Value, only_key};
use gatehouse_regex::Search;
use serde_json::Map;

/// One text or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Texts(pub Vec<String>);

impl Decode for Texts {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        match value {
            Value::Array(_) => {
                NonEmpty::<String>::decode(value, context).map(|texts| Self(texts.0))
            }
            _ => scalar_text(value, context).map(|text| Self(vec![text])),
        }
    }
}

/// A text; a number or a boolean as it is written, for nobody quotes `retry-after: 1`.
pub(crate) fn scalar_text(value: &Value, context: &mut Context<'_>) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        other => context.expected("a text", other),
    }
}

/// A regular expression that is searched for. It is compiled where it is needed: what it is compiled to stays in
/// its thread.
#[derive(Debug)]
pub(crate) struct Pattern(String);

impl Decode for Pattern {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        match Search::new(&text) {
            Ok(_) => Some(Self(text)),
            Err(error) => context.problem(format!("not a regular expression: {error}")),
        }
    }
}

/// What a text is expected to be.
#[derive(Debug)]
pub(crate) enum TextMatcher {
    Exact(String),
    Contains(Texts),
    StartsWith(String),
    EndsWith(String),
    Matches(Pattern),
}

const KEYS: &[&str] = &["contains", "starts_with", "ends_with", "matches"];

impl Decode for TextMatcher {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        if !value.is_object() {
            return scalar_text(value, context).map(Self::Exact);
        }
        let (key, inner) = only_key(value, KEYS, context)?;
        let inner = inner?;
        context.at_key(key, |context| match key {
            "contains" => Texts::decode(inner, context).map(Self::Contains),
            "starts_with" => String::decode(inner, context).map(Self::StartsWith),
            "ends_with" => String::decode(inner, context).map(Self::EndsWith),
            _ => Pattern::decode(inner, context).map(Self::Matches),
        })
    }
}

impl TextMatcher {
    pub(crate) fn accepts(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Exact(text) => bytes == text.as_bytes(),
            Self::Contains(texts) => texts.0.iter().all(|text| contains(bytes, text)),
            Self::StartsWith(text) => bytes.starts_with(text.as_bytes()),
            Self::EndsWith(text) => bytes.ends_with(text.as_bytes()),
            Self::Matches(pattern) => {
                Search::new(&pattern.0).is_ok_and(|search| search.is_match(bytes))
            }
        }
    }

    /// For people: `"a"`, `something that starts with "a"`.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Exact(text) => format!("{text:?}"),
            Self::Contains(texts) => {
                let texts: Vec<_> = texts.0.iter().map(|text| format!("{text:?}")).collect();
                format!("something that contains {}", texts.join(" and "))
            }
            Self::StartsWith(text) => format!("something that starts with {text:?}"),
            Self::EndsWith(text) => format!("something that ends with {text:?}"),
            Self::Matches(pattern) => format!("something that matches {:?}", pattern.0),
        }
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    text.is_empty()
        || bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
}

/// What the values of a header are expected to be.
#[derive(Debug)]
pub(crate) enum HeaderMatcher {
    /// These and no other, in this order.
    Values(Vec<String>),
    /// There is exactly one, and it is like this.
    One(TextMatcher),
}

impl Decode for HeaderMatcher {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        match value {
            Value::Object(_) => TextMatcher::decode(value, context).map(Self::One),
            Value::Null => context.problem_hint(
                "expected a text, found null",
                "name a header that must not be there under absent",
            ),
            _ => Texts::decode(value, context).map(|texts| Self::Values(texts.0)),
        }
    }
}

/// What a body is expected to be.
#[derive(Debug)]
pub(crate) enum BodyMatcher {
    Text(TextMatcher),
    /// Members and elements that must be there, among others.
    Json(Value),
    Empty,
}

impl Decode for BodyMatcher {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        const ALL: &[&str] = &["contains", "starts_with", "ends_with", "matches", "json"];
        match value {
            Value::Null => Some(Self::Empty),
            Value::String(text) if text.is_empty() => Some(Self::Empty),
            Value::Object(map) => match map.get("json") {
                Some(json) if map.len() == 1 => Some(Self::Json(json.clone())),
                _ => {
                    only_key(value, ALL, context)?;
                    TextMatcher::decode(value, context).map(Self::Text)
                }
            },
            _ => TextMatcher::decode(value, context).map(Self::Text),
        }
    }
}

/// Where a JSON value lacks what is expected of it: the path, what was expected there, what is there.
/// Objects may have more members; lists have as many elements, each as expected.
pub(crate) fn lacks(expected: &Value, got: &Value) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    compare(expected, Some(got), "", &mut found);
    found
}

fn compare(
    expected: &Value,
    got: Option<&Value>,
    path: &str,
    found: &mut Vec<(String, String, String)>,
) {
    let mut differs = |got: String| found.push((path.to_owned(), expected.to_string(), got));
    let Some(got) = got else {
        return differs("nothing".to_owned());
    };
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => members(expected, got, path, found),
        (Value::Array(wanted), Value::Array(items)) if wanted.len() == items.len() => {
            for (index, (wanted, item)) in wanted.iter().zip(items).enumerate() {
                let path = gatehouse_located_yaml::index(path, index);
                compare(wanted, Some(item), &path, found);
            }
        }
        (expected, got) if same(expected, got) => {}
        (_, got) => differs(got.to_string()),
    }
}

fn members(
    expected: &Map<String, Value>,
    got: &Map<String, Value>,
    path: &str,
    found: &mut Vec<(String, String, String)>,
) {
    for (name, value) in expected {
        let path = gatehouse_located_yaml::key(path, name);
        compare(value, got.get(name), &path, found);
    }
}

/// Numbers are the same where their values are: 1 and 1.0.
fn same(expected: &Value, got: &Value) -> bool {
    match (expected, got) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => expected == got,
    }
}
