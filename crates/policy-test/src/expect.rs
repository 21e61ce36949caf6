//! What a step expects of what happens.

use crate::matcher::{BodyMatcher, HeaderMatcher, TextMatcher, Texts};
use gatehouse_config::{Context, Decode, Entries, HeaderName, Value, object};

object! {
    /// What upstream is expected to see.
    #[derive(Debug)]
    pub(crate) struct ExpectUpstream {
        pub method: Option<TextMatcher>,
        pub path: Option<TextMatcher>,
        pub authority: Option<TextMatcher>,
        pub scheme: Option<TextMatcher>,
        pub headers: Entries<HeaderName, HeaderMatcher> = Entries::default(),
        pub present: Option<Names>,
        pub absent: Option<Names>,
        pub body: Option<BodyMatcher>,
        pub trailers: Entries<HeaderName, HeaderMatcher> = Entries::default(),
    }
}

object! {
    /// What is expected.
    #[derive(Debug)]
    pub(crate) struct Expect {
        pub allowed: Option<Yes>,
        pub denied: Option<Denied>,
        pub status: Option<u16>,
        pub headers: Entries<HeaderName, HeaderMatcher> = Entries::default(),
        pub present: Option<Names>,
        pub absent: Option<Names>,
        pub body: Option<BodyMatcher>,
        pub trailers: Entries<HeaderName, HeaderMatcher> = Entries::default(),
        pub details: Option<TextMatcher>,
        pub upstream: Option<ExpectUpstream>,
        pub consumer: Option<ExpectConsumer>,
        pub filter_state: Entries<String, TextMatcher> = Entries::default(),
        pub metrics: Entries<Metric, u64> = Entries::default(),
        pub host_calls: Option<Count>,
        pub callouts: Entries<String, Count> = Entries::default(),
        pub log: Option<Texts>,
    }
}

/// An [`Expect`], or one of the words `allowed` and `denied`.
#[derive(Debug)]
pub(crate) struct ExpectSpec(pub Expect);

impl Decode for ExpectSpec {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let whole = match value {
            Value::String(word) if word == "allowed" || word == "denied" => {
                serde_json::json!({word: true})
            }
            Value::String(word) => {
                return context.unknown(
                    format!("unknown word {word:?}"),
                    word,
                    ["allowed", "denied"],
                );
            }
            other => other.clone(),
        };
        let expect = Expect::decode(&whole, context)?;
        if whole.as_object().is_some_and(serde_json::Map::is_empty) {
            return context.problem("empty, but needs something to expect");
        }
        if expect.denied.is_some() && (expect.allowed.is_some() || expect.upstream.is_some()) {
            return context.problem("denied, but also something of a request that is allowed");
        }
        if let (Some(Denied(Some(_))), Some(_)) = (&expect.denied, &expect.status) {
            return context.problem("denied with a status, and a status beside it");
        }
        Some(Self(expect))
    }
}

/// `true`; its opposite has a word of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Yes;

impl Decode for Yes {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        match value {
            Value::Bool(true) => Some(Self),
            Value::Bool(false) => {
                context.problem_hint("expected true, found false", "write denied: true")
            }
            other => context.expected("true", other),
        }
    }
}

/// `true`, or the status of the denial.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Denied(pub Option<u16>);

impl Decode for Denied {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        match value {
            Value::Bool(true) => Some(Self(None)),
            Value::Number(_) => u16::decode(value, context).map(|status| Self(Some(status))),
            other => context.expected("true or a status", other),
        }
    }
}

/// Names of headers.
#[derive(Debug)]
pub(crate) struct Names(pub Vec<HeaderName>);

impl Decode for Names {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        match value {
            Value::Array(_) => Vec::decode(value, context).map(Self),
            _ => HeaderName::decode(value, context).map(|name| Self(vec![name])),
        }
    }
}

/// A number, or a bound on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    Exactly(u64),
    AtMost(u64),
}

impl Count {
    pub(crate) fn accepts(self, got: u64) -> bool {
        match self {
            Self::Exactly(wanted) => got == wanted,
            Self::AtMost(most) => got <= most,
        }
    }

    pub(crate) fn describe(self) -> String {
        match self {
            Self::Exactly(wanted) => wanted.to_string(),
            Self::AtMost(most) => format!("at most {most}"),
        }
    }
}

impl Decode for Count {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        if !value.is_object() {
            return u64::decode(value, context).map(Self::Exactly);
        }
        let fields = context.object(value, &["at_most"])?;
        fields.field("at_most", context).map(Self::AtMost)
    }
}

/// Who the consumer is expected to be.
#[derive(Debug)]
pub(crate) enum ExpectConsumer {
    /// Nobody.
    Nobody,
    Name(String),
    /// Members of the identity, with `name` among them.
    Identity(Value),
}

impl Decode for ExpectConsumer {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        const KEYS: &[&str] = &["name", "provider", "groups", "scopes", "claims", "metadata"];
        match value {
            Value::Null => Some(Self::Nobody),
            Value::String(name) => Some(Self::Name(name.clone())),
            Value::Object(_) => {
                context.object(value, KEYS)?;
                Some(Self::Identity(value.clone()))
            }
            other => context.expected("a name, an object or null", other),
        }
    }
}

/// A metric by name, with any of its tags: `gatehouse.auth.denied{reason=key_unknown}`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Metric {
    pub name: String,
    pub tags: Vec<(String, String)>,
}

impl Decode for Metric {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        let text = text.strip_prefix("wasmcustom.").unwrap_or(&text);
        let Some((name, rest)) = text.split_once('{') else {
            return Some(Self {
                name: text.to_owned(),
                tags: Vec::new(),
            });
        };
        let tags = rest.strip_suffix('}').map(|tags| {
            tags.split(',')
                .map(|tag| {
                    let (key, value) = tag.split_once('=')?;
                    let value = value.trim().trim_matches('"');
                    Some((key.trim().to_owned(), value.to_owned()))
                })
                .collect::<Option<Vec<_>>>()
        });
        match tags.flatten() {
            Some(tags) if !name.is_empty() => Some(Self {
                name: name.to_owned(),
                tags,
            }),
            _ => context.problem_hint(
                format!("{text:?} is no metric"),
                "write name or name{tag=value,tag=value}",
            ),
        }
    }
}

impl Metric {
    /// Whether a metric of a module is this one. Its tags stand after the name, in pairs.
    pub(crate) fn is(&self, name: &str) -> bool {
        if self.tags.is_empty() {
            return name == self.name;
        }
        let Some(rest) = name
            .strip_prefix(&self.name)
            .and_then(|rest| rest.strip_prefix('.'))
        else {
            return false;
        };
        let rest = format!(".{rest}.");
        self.tags
            .iter()
            .all(|(key, value)| rest.contains(&format!(".{key}.{value}.")))
    }

    pub(crate) fn describe(&self) -> String {
        if self.tags.is_empty() {
            return self.name.clone();
        }
        let tags: Vec<_> = self
            .tags
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        format!("{}{{{}}}", self.name, tags.join(","))
    }
}
