//! What can stand between `${` and `}`.

use crate::TimeFormat;
use gatehouse_config::{Context, HeaderName, nearest};
use gatehouse_host::{Consumer, Headers, Only};
use gatehouse_request_match::query;
use serde_json::{Map, Value};

/// The variables as an operator writes them; those with a part of their own choice in capitals.
const KNOWN: [&str; 21] = [
    "consumer.name",
    "consumer.provider",
    "claim.NAME",
    "metadata.NAME",
    "request.header.NAME",
    "response.header.NAME",
    "query.NAME",
    "client_ip",
    "method",
    "host",
    "path",
    "route",
    "uuid",
    "uuid.v7",
    "now",
    "now.ms",
    "now.http",
    "now.unix",
    "now.unix_ms",
    "now:FORMAT",
    "env:NAME",
];

/// A variable of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Variable {
    /// Something about who sent the request.
    Consumer(ConsumerPart),
    /// Something that the request's headers say.
    Header(HeaderPart),
    /// `response.header.NAME`: the value of a header of the response that is there exactly once.
    ResponseHeader(HeaderName),
    /// `client_ip`: the address of the client, beyond the trusted proxies.
    ClientIp,
    /// `path.NAME`: what the path template of the rule's `match` captured under this name.
    Capture(Box<str>),
    /// `route`: the name of Envoy's route, as the request came to the filter.
    Route,
    /// `uuid`: a random UUID of version 4, another one each time.
    Uuid,
    /// `uuid.v7`: a UUID of version 7, which begins with the time.
    UuidV7,
    /// `now`, `now.NAME` or `now:FORMAT`: the time.
    Now(TimeFormat),
}

/// What a template can say of a consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsumerPart {
    /// `consumer.name`
    Name,
    /// `consumer.provider`
    Provider,
    /// `claim.NAME`: a claim of its token.
    Claim(ClaimPath),
    /// `metadata.NAME`: what the operator's configuration says of it.
    Metadata(ClaimPath),
}

/// What a template can say of a request's headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderPart {
    /// `request.header.NAME`: the value of a header that is there exactly once.
    Named(HeaderName),
    /// `method`
    Method,
    /// `host`: the `:authority`, with its port if it has one.
    Host,
    /// `path`: the `:path` up to the query, as Envoy's own normalisation left it.
    Path,
    /// `query.NAME`: the value, decoded, of a parameter that is there exactly once.
    Parameter(Box<[u8]>),
}

/// The name of a member of an object, or of one further down: `org.id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimPath(Box<str>);

impl Variable {
    /// Whether it is of the request, so that a response can only use it if it was kept.
    pub fn is_of_request(&self) -> bool {
        !matches!(
            self,
            Self::Uuid | Self::UuidV7 | Self::Now(_) | Self::ResponseHeader(_)
        )
    }

    /// Whether a client says what it is, with nothing but its request.
    pub fn is_chosen_by_client(&self) -> bool {
        matches!(self, Self::Header(_) | Self::Capture(_))
    }

    /// A variable by its name. `captures` are the names that the `match` of the rule captures;
    /// nothing where that is not known, since the `match` itself is wrong.
    pub(crate) fn read(
        name: &str,
        captures: Option<&[&str]>,
        context: &mut Context<'_>,
    ) -> Option<Self> {
        let plain = match name {
            "consumer.name" => Some(Self::Consumer(ConsumerPart::Name)),
            "consumer.provider" => Some(Self::Consumer(ConsumerPart::Provider)),
            "client_ip" => Some(Self::ClientIp),
            "method" => Some(Self::Header(HeaderPart::Method)),
            "host" => Some(Self::Header(HeaderPart::Host)),
            "path" => Some(Self::Header(HeaderPart::Path)),
            "route" => Some(Self::Route),
            "uuid" => Some(Self::Uuid),
            "uuid.v7" => Some(Self::UuidV7),
            "now" => Some(Self::Now(TimeFormat::RFC3339)),
            "now.ms" => Some(Self::Now(TimeFormat::RFC3339_MILLIS)),
            "now.http" => Some(Self::Now(TimeFormat::HTTP)),
            "now.unix" => Some(Self::Now(TimeFormat::UNIX)),
            "now.unix_ms" => Some(Self::Now(TimeFormat::UNIX_MILLIS)),
            _ => None,
        };
        if plain.is_some() {
            return plain;
        }
        if let Some(format) = name.strip_prefix("now:") {
            return TimeFormat::read(format, context).map(Self::Now);
        }
        if let Some(path) = name.strip_prefix("claim.").and_then(ClaimPath::new) {
            return Some(Self::Consumer(ConsumerPart::Claim(path)));
        }
        if let Some(path) = name.strip_prefix("metadata.").and_then(ClaimPath::new) {
            return Some(Self::Consumer(ConsumerPart::Metadata(path)));
        }
        let of_request = name.strip_prefix("request.header.");
        if let Some(header) = of_request.or_else(|| name.strip_prefix("response.header.")) {
            return match HeaderName::new(header) {
                Some(header) if of_request.is_some() && header.as_str() == "host" => context
                    .problem_hint(
                        "the proxy keeps \"host\" as \":authority\", so no request has it",
                        "write ${host}",
                    ),
                Some(header) if of_request.is_some() => {
                    Some(Self::Header(HeaderPart::Named(header)))
                }
                Some(header) => Some(Self::ResponseHeader(header)),
                None => context.problem(format!("{header:?} in {name:?} is not a header name")),
            };
        }
        if let Some(parameter) = name.strip_prefix("query.").filter(|name| !name.is_empty()) {
            let part = HeaderPart::Parameter(parameter.as_bytes().into());
            return Some(Self::Header(part));
        }
        if let Some(capture) = name.strip_prefix("path.") {
            return capture_named(capture, captures, context);
        }
        unknown(name, context)
    }
}

fn capture_named(
    capture: &str,
    captures: Option<&[&str]>,
    context: &mut Context<'_>,
) -> Option<Variable> {
    let found = Some(Variable::Capture(capture.into()));
    match captures {
        None => found,
        Some(names) if names.contains(&capture) => found,
        Some([]) => context.problem_hint(
            format!("no variable \"path.{capture}\": the match of this rule captures nothing"),
            "write match: {path: {template: \"/users/{id}\"}} for path.id",
        ),
        Some(names) => {
            let names: Vec<String> = names.iter().map(|name| format!("path.{name}")).collect();
            let name = format!("path.{capture}");
            let names = names.iter().map(String::as_str);
            context.unknown(format!("no variable {name:?}"), &name, names)
        }
    }
}

fn unknown(name: &str, context: &mut Context<'_>) -> Option<Variable> {
    // A mistake before the part of the operator's own choice: `claims.email`.
    let candidates: Vec<String> = KNOWN
        .iter()
        .map(|known| {
            let depth = known.matches('.').count();
            let own = name.splitn(depth + 1, '.').nth(depth);
            known.replace("NAME", own.filter(|own| !own.is_empty()).unwrap_or("NAME"))
        })
        .filter(|candidate| candidate != name)
        .collect();
    let suggestion = match nearest(name, candidates.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => format!("known: {}, path.NAME", KNOWN.join(", ")),
    };
    context.problem_hint(format!("no variable {name:?}"), suggestion)
}

impl ConsumerPart {
    /// Appends what it is of this consumer; says whether there is such a thing.
    pub fn write(&self, consumer: &Consumer, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Name => out.extend_from_slice(consumer.name.as_bytes()),
            Self::Provider => out.extend_from_slice(consumer.provider.as_bytes()),
            Self::Claim(path) => return path.write(&consumer.claims, out),
            Self::Metadata(path) => return path.write(&consumer.metadata, out),
        }
        true
    }
}

impl HeaderPart {
    /// Appends what it is in these headers; says whether there is such a thing. A header that is
    /// there twice has no value: which one counts is anybody's guess.
    pub fn write(&self, headers: &Headers, out: &mut Vec<u8>) -> bool {
        let name = match self {
            Self::Named(name) => name.as_str(),
            Self::Method => ":method",
            Self::Host => ":authority",
            Self::Path | Self::Parameter(_) => ":path",
        };
        let Only::One(value) = headers.only(name) else {
            return false;
        };
        let value = match self {
            Self::Path => value.split(|byte| *byte == b'?').next().unwrap_or_default(),
            Self::Parameter(name) => return write_parameter(value, name, out),
            _ => value,
        };
        out.extend_from_slice(value);
        true
    }
}

/// As with headers: a parameter that is there twice has no value.
fn write_parameter(target: &[u8], name: &[u8], out: &mut Vec<u8>) -> bool {
    let mut named = query::pairs(target).filter(|pair| pair.is(name));
    let (Some(pair), None) = (named.next(), named.next()) else {
        return false;
    };
    out.extend_from_slice(&pair.value());
    true
}

impl ClaimPath {
    fn new(path: &str) -> Option<Self> {
        let valid = path.split('.').all(|part| !part.is_empty());
        valid.then(|| Self(path.into()))
    }

    /// Appends the text, number or boolean that stands there; says whether one does. At each level a
    /// member whose name is all that remains of the path comes before one whose name ends at the
    /// next dot: names of claims can be URLs.
    fn write(&self, map: &Map<String, Value>, out: &mut Vec<u8>) -> bool {
        match self.find(map) {
            Some(Value::String(text)) => out.extend_from_slice(text.as_bytes()),
            Some(Value::Number(number)) => out.extend_from_slice(number.to_string().as_bytes()),
            Some(Value::Bool(value)) => out.extend_from_slice(value.to_string().as_bytes()),
            Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => return false,
        }
        true
    }

    fn find<'m>(&self, map: &'m Map<String, Value>) -> Option<&'m Value> {
        let mut map = map;
        let mut rest = &*self.0;
        loop {
            if let Some(value) = map.get(rest) {
                return Some(value);
            }
            let (first, further) = rest.split_once('.')?;
            map = map.get(first)?.as_object()?;
            rest = further;
        }
    }
}
