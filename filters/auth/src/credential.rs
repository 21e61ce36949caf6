//! Where a credential stands in a request, and reading it there.
//!
//! Everything that could be a value is looked at: a header given twice, or in another spelling
//! beside it, a parameter and a cookie at once. More than one value is [`Presented::Several`], even if they are equal: the upstream might
//! read the other one.

mod strip;

use crate::spelling;
use gatehouse_config::{Context, Decode, HeaderName, Value};
use gatehouse_host::Headers;
use gatehouse_request_match::{cookie, query};
use std::fmt;

pub(crate) use strip::Strip;

/// The longest value that is looked at. As long as the longest token of `gatehouse-jose`.
pub(crate) const MAX_BYTES: usize = gatehouse_jose::MAX_TOKEN_BYTES;

/// What a request has of a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Presented {
    /// Nothing.
    Absent,
    /// One value, which may be empty.
    One(Vec<u8>),
    /// One value of more than [`MAX_BYTES`].
    TooLong,
    /// More than one value.
    Several,
}

/// One element of `from`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Location {
    /// A header's value, after a prefix if one is configured.
    Header {
        name: HeaderName,
        prefix: Option<Prefix>,
    },
    /// A parameter of the query, decoded as `gatehouse-request-match` does.
    Query(Box<str>),
    /// A cookie.
    Cookie(Box<str>),
}

/// What stands before the credential in a header: `Bearer `. Compared without case (RFC 9110, 11.1);
/// where it ends in a space, more spaces may follow (RFC 9110, 11.4: `1*SP`), and a value that is the
/// prefix without its space holds an empty credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prefix(Box<str>);

/// What is presented at any of the locations.
pub(crate) fn read(locations: &[Location], headers: &Headers) -> Presented {
    let mut presented = Presented::Absent;
    for location in locations {
        match location.read(headers) {
            Presented::Absent => {}
            Presented::Several => return Presented::Several,
            found if presented == Presented::Absent => presented = found,
            _ => return Presented::Several,
        }
    }
    presented
}

impl Presented {
    fn one(value: &[u8]) -> Self {
        if value.len() > MAX_BYTES {
            return Self::TooLong;
        }
        Self::One(value.to_vec())
    }
}

impl Location {
    fn read(&self, headers: &Headers) -> Presented {
        match self {
            Self::Header { name, prefix } => {
                let presented = match prefix {
                    None => only(headers.all(name)),
                    Some(prefix) => after_prefix(headers, name, prefix),
                };
                match presented {
                    Presented::Absent => Presented::Absent,
                    _ if spelling::others(headers, name).next().is_some() => Presented::Several,
                    presented => presented,
                }
            }
            Self::Query(name) => {
                let path = headers.all(":path").next().unwrap_or_default();
                only(
                    query::pairs(path)
                        .filter(|pair| pair.is(name.as_bytes()))
                        .map(|pair| pair.value()),
                )
            }
            Self::Cookie(name) => only(cookie::values(headers, name)),
        }
    }

    /// Whether one value could stand at both.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Header { name, prefix },
                Self::Header {
                    name: other,
                    prefix: before,
                },
            ) => {
                let overlap = match (prefix, before) {
                    (Some(a), Some(b)) => a.starts_with(b) || b.starts_with(a),
                    _ => true,
                };
                name == other && overlap
            }
            _ => self == other,
        }
    }
}

fn after_prefix(headers: &Headers, name: &str, prefix: &Prefix) -> Presented {
    let mut ours = headers.all(name).filter(|value| prefix.stands_in(value));
    match (ours.next(), headers.all(name).nth(1)) {
        (None, _) => Presented::Absent,
        (Some(value), None) => match prefix.strip(value) {
            Some(credential) if !value.contains(&b',') => Presented::one(credential),
            _ => Presented::Several,
        },
        // Also where the other has another prefix: which of them counts?
        (Some(_), Some(_)) => Presented::Several,
    }
}

fn only<V: AsRef<[u8]>>(mut values: impl Iterator<Item = V>) -> Presented {
    match (values.next(), values.next()) {
        (None, _) => Presented::Absent,
        (Some(value), None) => Presented::one(value.as_ref()),
        _ => Presented::Several,
    }
}

impl Prefix {
    /// `Bearer `.
    pub(crate) fn bearer() -> Self {
        Self("Bearer ".into())
    }

    /// `Basic `.
    pub(crate) fn basic() -> Self {
        Self("Basic ".into())
    }

    /// What follows the prefix, if the value has it.
    pub(crate) fn strip<'v>(&self, value: &'v [u8]) -> Option<&'v [u8]> {
        let Some(scheme) = self.0.strip_suffix(' ') else {
            return strip_prefix(value, &self.0);
        };
        let rest = strip_prefix(value, scheme)?;
        let credential = rest.trim_ascii_start();
        (rest.is_empty() || credential.len() < rest.len()).then_some(credential)
    }

    /// Whether the value has the prefix, or one of several values that were joined has it: Envoy makes
    /// one header with commas of two `authorization` headers. No credential has a comma in it
    /// (RFC 9110, 11.2: `token68`).
    pub(crate) fn stands_in(&self, value: &[u8]) -> bool {
        // Most often it is the whole of it, and the value is long.
        if self.strip(value).is_some() {
            return true;
        }
        value
            .split(|byte| *byte == b',')
            .any(|part| self.strip(part.trim_ascii()).is_some())
    }

    fn starts_with(&self, other: &Self) -> bool {
        strip_prefix(self.0.as_bytes(), &other.0).is_some()
    }
}

fn strip_prefix<'v>(value: &'v [u8], prefix: &str) -> Option<&'v [u8]> {
    let (head, rest) = value.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix.as_bytes()).then_some(rest)
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header { name, .. } => write!(f, "header {name}"),
            Self::Query(name) => write!(f, "query parameter {name}"),
            Self::Cookie(name) => write!(f, "cookie {name}"),
        }
    }
}

impl Decode for Location {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let fields = context.object(value, &["header", "prefix", "query", "cookie"])?;
        let header: Option<HeaderName> = fields.field("header", context)?;
        let prefix: Option<Prefix> = fields.field("prefix", context)?;
        let query: Option<query::Name> = fields.field("query", context)?;
        let cookie: Option<cookie::Name> = fields.field("cookie", context)?;
        match (header, query, cookie) {
            (Some(name), None, None) if name.as_str() == "cookie" => {
                context.at_key("header", |context| {
                    context.problem_hint("cookies are read one by one", "write {cookie: NAME}")
                })
            }
            (Some(name), None, None) if name.as_str() == "host" => {
                context.at_key("header", |context| {
                    context.problem(
                        "host is Envoy's :authority, by which it routes, and holds no credential",
                    )
                })
            }
            (Some(name), None, None) => Some(Self::Header { name, prefix }),
            (None, Some(_), None) | (None, None, Some(_)) if prefix.is_some() => context
                .at_key("prefix", |context| {
                    context.problem("only a header has a prefix")
                }),
            (None, Some(query::Name(name)), None) => Some(Self::Query(name)),
            (None, None, Some(cookie::Name(name))) => Some(Self::Cookie(name)),
            _ => context.problem("needs exactly one of header, query, cookie"),
        }
    }

    gatehouse_config::described!(|schemas| {
        let schema = schemas.object(|fields| {
            fields.optional::<HeaderName>("header");
            fields.optional::<Prefix>("prefix");
            fields.optional::<query::Name>("query");
            fields.optional::<cookie::Name>("cookie");
        });
        gatehouse_config::schema::exactly_one(schema, &["header", "query", "cookie"])
    });
}

impl Decode for Prefix {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        let printable = text.bytes().all(|byte| matches!(byte, 0x20..=0x7e));
        if text.trim_start() != text || text.is_empty() || !printable {
            return context.problem_hint(
                format!("{text:?} is not a prefix"),
                "an authentication scheme and a space, such as \"Bearer \"",
            );
        }
        Some(Self(text.into()))
    }

    gatehouse_config::described!(text "^[!-~][ -~]*$");
}
