//! Which keys an override is for.
//!
//! A pattern names parts of the limit's key and what each must be: a value, or how it begins (of a path:
//! its first segments). All that is named must hold. A pattern must say the same of all requests that
//! share a bucket, so it can only name what the key has, and no narrower a range of addresses. The one
//! exception is `group`, which a key with `consumer` has too: a consumer's groups are its own.

use crate::part::{Part, Reading};
use gatehouse_claim::ClaimRef;
use gatehouse_config::{
    Cidr, Context, Decode, Entries, HeaderName, HeaderValue, Value, object, one_of,
};
use gatehouse_host::{Request, Result};
use gatehouse_request_match::{Host, Match, Method, Subject, check_normal, cookie, query};

object! {
    /// As it is written.
    pub(crate) struct RawPattern {
        consumer: Option<Wanted>,
        group: Option<Wanted>,
        claim: Entries<ClaimRef, Wanted> = Entries::default(),
        header: Entries<HeaderName, Wanted> = Entries::default(),
        cookie: Entries<cookie::Name, Wanted> = Entries::default(),
        query: Entries<query::Name, Wanted> = Entries::default(),
        method: Option<Wanted>,
        path: Option<Wanted>,
        path_param: Entries<String, Wanted> = Entries::default(),
        host: Option<Wanted>,
        route: Option<Wanted>,
        client_ip: Option<Cidr>,
    }
}

/// A value, or how it begins: `acme`, `{prefix: test-}`.
struct Wanted(Test);

one_of! {
    enum RawWanted {
        Exact(String) = "exact",
        Prefix(String) = "prefix",
    }
}

/// What a value must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Test {
    Exact(Box<str>),
    Prefix(Box<str>),
    /// Of a path: it, or one of which it is the first segments.
    Below(Box<str>),
}

/// What is asked of one part.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ask {
    Value(Part, Test),
    /// The client's address is one of these.
    Within(Cidr),
}

/// Which keys: all must hold. Never empty.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pattern(Vec<Ask>);

impl Decode for Wanted {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let wanted = match value {
            Value::String(text) => RawWanted::Exact(text.clone()),
            Value::Object(_) => RawWanted::decode(value, context)?,
            other => return context.expected("a text, or {prefix: …}", other),
        };
        match wanted {
            RawWanted::Exact(text) if text.is_empty() => {
                context.problem("empty, which counts as missing")
            }
            RawWanted::Prefix(text) if text.is_empty() => {
                context.problem("empty, so any value has it")
            }
            RawWanted::Exact(text) => Some(Self(Test::Exact(text.into()))),
            RawWanted::Prefix(text) => Some(Self(Test::Prefix(text.into()))),
        }
    }

    gatehouse_config::described!(|schemas| gatehouse_config::schema::any_of([
        gatehouse_config::schema::value!({"type": "string", "minLength": 1}),
        schemas.of::<RawWanted>(),
    ]));
}

impl Test {
    pub(crate) fn holds(&self, value: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => exact.as_bytes() == value,
            Self::Prefix(prefix) => value.starts_with(prefix.as_bytes()),
            Self::Below(path) if &**path == "/" => value.starts_with(b"/"),
            Self::Below(path) => value
                .strip_prefix(path.as_bytes())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/")),
        }
    }

    /// Whether it holds for every value that the other holds for.
    fn covers(&self, other: &Self) -> bool {
        match other {
            Self::Exact(text) => self.holds(text.as_bytes()),
            Self::Prefix(text) | Self::Below(text) => {
                !matches!(self, Self::Exact(_)) && self.holds(text.as_bytes())
            }
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Exact(text) | Self::Prefix(text) | Self::Below(text) => text,
        }
    }
}

impl Ask {
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Value(part, test), Self::Value(of, other)) => part == of && test.covers(other),
            (Self::Within(range), Self::Within(inner)) => range.covers(inner),
            _ => false,
        }
    }

    fn holds(
        &self,
        matches: &Match,
        subject: &mut Subject,
        request: &mut Request<'_>,
    ) -> Result<bool> {
        match self {
            Self::Within(range) => {
                let address = subject.client_ip(request)?;
                Ok(address.is_some_and(|address| range.contains(address)))
            }
            Self::Value(part, test) => {
                part.decides(request)?;
                let mut holds = false;
                let reading = part.read(matches, subject, request, &mut |value| {
                    holds |= test.holds(value);
                })?;
                Ok(holds && reading == Reading::There)
            }
        }
    }
}

impl Pattern {
    /// The values that it asks for, whole.
    pub(crate) fn exact(&self) -> impl Iterator<Item = (&Part, &str)> {
        self.0.iter().filter_map(|ask| match ask {
            Ask::Value(part, Test::Exact(text)) => Some((part, &**text)),
            _ => None,
        })
    }

    /// Whether it is about all keys that the other is about.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let mut asks = self.0.iter();
        asks.all(|ask| other.0.iter().any(|other| ask.covers(other)))
    }

    /// Whether it is about this request's key.
    pub(crate) fn holds(
        &self,
        matches: &Match,
        subject: &mut Subject,
        request: &mut Request<'_>,
    ) -> Result<bool> {
        for ask in &self.0 {
            if !ask.holds(matches, subject, request)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl RawPattern {
    /// Reports what is wrong with it, for a limit with this key.
    pub(crate) fn check(self, key: &[Part], context: &mut Context<'_>) -> Option<Pattern> {
        let before = context.problem_count();
        let mut asks = Asks {
            key,
            asks: Vec::new(),
            context,
        };
        asks.one("consumer", Part::Consumer, self.consumer);
        asks.one("group", Part::Group, self.group);
        asks.all("claim", self.claim, Part::Claim);
        asks.all("header", self.header, Part::Header);
        asks.all("cookie", self.cookie, Part::Cookie);
        asks.all("query", self.query, Part::Query);
        asks.one("method", Part::Method, self.method);
        asks.one("path", Part::Path, self.path);
        asks.all("path_param", self.path_param, Part::PathParam);
        asks.one("host", Part::Host, self.host);
        asks.one("route", Part::Route, self.route);
        asks.range(self.client_ip);
        let asks = asks.asks;
        if context.problem_count() > before {
            return None;
        }
        if asks.is_empty() {
            return context.problem_hint(
                "empty, but needs at least one part of the limit's key",
                format!("its parts: {}", parts(key)),
            );
        }
        Some(Pattern(asks))
    }
}

/// A pattern that is being checked.
struct Asks<'a, 'c> {
    key: &'a [Part],
    asks: Vec<Ask>,
    context: &'a mut Context<'c>,
}

impl Asks<'_, '_> {
    fn one(&mut self, field: &str, part: Part, wanted: Option<Wanted>) {
        if let Some(Wanted(test)) = wanted {
            self.ask(&[field], part, test);
        }
    }

    /// Of these, a key has several.
    fn all<K: ToString>(&mut self, field: &str, wanted: Entries<K, Wanted>, part: fn(K) -> Part) {
        for (name, Wanted(test)) in wanted.0 {
            let written = name.to_string();
            self.ask(&[field, &written], part(name), test);
        }
    }

    fn ask(&mut self, path: &[&str], part: Part, test: Test) {
        let key = self.key;
        let has = |wanted: &Part| key.contains(wanted);
        if !(has(&part) || part == Part::Group && has(&Part::Consumer)) {
            let (message, hint) = (
                format!("the limit's key has no {part}"),
                format!("its parts: {}", parts(key)),
            );
            at(path, self.context, |context| {
                context.problem_hint::<()>(message, hint)
            });
        }
        let test = at(path, self.context, |context| checked(&part, test, context));
        if let Some(test) = test {
            self.asks.push(Ask::Value(part, test));
        }
    }

    fn range(&mut self, range: Option<Cidr>) {
        let Some(range) = range else {
            return;
        };
        let bits = self.key.iter().filter_map(|part| match part {
            Part::ClientIp(prefixes) => Some(prefixes.bits(range.network())),
            _ => None,
        });
        let problem = match bits.max() {
            None => Some((
                "the limit's key has no client_ip".to_owned(),
                format!("its parts: {}", parts(self.key)),
            )),
            // Who shares a bucket has one quota: what the clients of the larger one take would shut
            // the others out.
            Some(bits) if range.prefix_length() > bits => Some((
                format!(
                    "{range} is a part of what shares a bucket: the key has {bits} bits of an address"
                ),
                format!("write a range of /{bits} or wider, or put more bits into the key"),
            )),
            Some(_) => None,
        };
        if let Some((message, hint)) = problem {
            at(&["client_ip"], self.context, |context| {
                context.problem_hint::<()>(message, hint)
            });
        }
        self.asks.push(Ask::Within(range));
    }
}

/// A test that some request could pass: values are compared in the one spelling that the key has.
fn checked(part: &Part, test: Test, context: &mut Context<'_>) -> Option<Test> {
    match (part, test) {
        (Part::Path, test) => {
            check_normal(test.text(), context)?;
            Some(match test {
                Test::Prefix(path) => Test::Below(path),
                test => test,
            })
        }
        (Part::Host, Test::Exact(text)) => match Host::of(text.as_bytes()) {
            Host::One(host) if *host == *text => Some(Test::Exact(text)),
            Host::One(host) => context.problem_hint(
                format!("{text:?} is not how a key has a host"),
                format!("did you mean {host:?}?"),
            ),
            Host::Absent | Host::Ambiguous => context.problem(format!("{text:?} is not a host")),
        },
        (Part::Host, test) if test.text().bytes().any(|byte| byte.is_ascii_uppercase()) => context
            .problem_hint(
                format!("{:?} is not how a key has a host", test.text()),
                format!("did you mean {:?}?", test.text().to_ascii_lowercase()),
            ),
        (Part::Method, Test::Exact(text)) => {
            let method = Method::decode(&Value::from(&*text), context)?;
            Some(Test::Exact((*method).into()))
        }
        (Part::Header(_), Test::Exact(text)) => {
            let value = HeaderValue::decode(&Value::from(&*text), context)?;
            Some(Test::Exact((*value).into()))
        }
        (_, test) => Some(test),
    }
}

fn parts(key: &[Part]) -> String {
    let parts: Vec<String> = key.iter().map(Part::to_string).collect();
    parts.join(", ")
}

/// Does something at the end of a path.
fn at<T>(path: &[&str], context: &mut Context<'_>, work: impl FnOnce(&mut Context<'_>) -> T) -> T {
    match path {
        [] => work(context),
        [key, rest @ ..] => context.at_key(key, |context| at(rest, context, work)),
    }
}
