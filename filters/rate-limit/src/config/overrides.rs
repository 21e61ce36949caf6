//! Other rates for some keys.

use super::allowance::{Allowance, Rates, Terms};
use super::limit::Counting;
use crate::key::Part;
use gatehouse_config::{Cidr, Context, Entries, HeaderName, HeaderValue, Identifier, object};
use gatehouse_host::Headers;
use std::net::IpAddr;

object! {
    pub(super) struct RawOverride {
        key: Pattern,
        rate: Option<Rates>,
        burst: Option<u64>,
        limit: Option<u32>,
    }
}

object! {
    /// Which keys: all parts that are named must be so.
    #[derive(Debug, Clone, PartialEq)]
    pub(crate) struct Pattern {
        consumer: Option<String>,
        header: Entries<HeaderName, HeaderValue> = Entries::default(),
        client_ip: Option<Cidr>,
    }
}

impl Pattern {
    fn is_empty(&self) -> bool {
        self.consumer.is_none() && self.header.0.is_empty() && self.client_ip.is_none()
    }

    /// Whether it is about all requests that the other is about.
    fn covers(&self, other: &Self) -> bool {
        let consumer = self.consumer.is_none() || self.consumer == other.consumer;
        let mut headers = self.header.0.iter();
        let client_ip = self.client_ip.is_none_or(|range| {
            let inner = other.client_ip.as_ref();
            inner.is_some_and(|inner| range.covers(inner))
        });
        consumer && headers.all(|pair| other.header.0.contains(pair)) && client_ip
    }
}

/// A quota for some keys of a limit.
#[derive(Debug, Clone)]
pub(crate) struct Override {
    pattern: Pattern,
    pub(crate) allowance: Allowance,
}

/// What the parts of a key are on a request.
pub(crate) struct Facts<'r> {
    /// The consumer's name.
    pub(crate) consumer: Option<&'r str>,
    pub(crate) client_ip: Option<IpAddr>,
    /// Nothing where no part of the key is a header.
    pub(crate) headers: Option<&'r Headers>,
}

impl Override {
    /// Whether it is about this request's key.
    pub(crate) fn is_for(&self, facts: &Facts<'_>) -> bool {
        let Pattern {
            consumer,
            header,
            client_ip,
        } = &self.pattern;
        let says = |name: &HeaderName, value: &HeaderValue| {
            let headers = facts.headers.into_iter();
            // A key has one value of a header, or the request was refused.
            let mut values = headers.flat_map(|headers| headers.all(name.as_str()));
            values.next() == Some(value.as_bytes())
        };
        consumer
            .as_deref()
            .is_none_or(|name| facts.consumer == Some(name))
            && client_ip.is_none_or(|range| facts.client_ip.is_some_and(|ip| range.contains(ip)))
            && header.0.iter().all(|(name, value)| says(name, value))
    }
}

/// The limit whose overrides are checked.
pub(super) struct Base<'l> {
    pub(super) name: &'l Identifier,
    pub(super) key: &'l [Part],
    pub(super) counting: Counting,
    pub(super) terms: &'l Terms,
    /// Whether its terms are. What an override takes over from them is else reported twice.
    pub(super) is_sound: bool,
}

impl Base<'_> {
    pub(super) fn overrides(
        &self,
        raw: Vec<RawOverride>,
        context: &mut Context<'_>,
    ) -> Option<Vec<Override>> {
        let mut patterns = Vec::new();
        let mut overrides = Vec::new();
        let mut sound = true;
        for (index, raw) in raw.into_iter().enumerate() {
            let checked = context.at_index(index, |context| {
                context.at_key("key", |context| self.check(&raw.key, &patterns, context));
                let terms = Terms {
                    rates: raw.rate,
                    burst: raw.burst,
                    limit: raw.limit,
                    expires: None,
                };
                self.allowance(terms, context)
            });
            patterns.push(raw.key.clone());
            match checked {
                Some(allowance) => overrides.push(Override {
                    pattern: raw.key,
                    allowance,
                }),
                None => sound = false,
            }
        }
        sound.then_some(overrides)
    }

    fn allowance(&self, terms: Terms, context: &mut Context<'_>) -> Option<Allowance> {
        if terms.is_empty() {
            return context.problem(match self.counting {
                Counting::Concurrency => "changes nothing: needs limit",
                _ => "changes nothing: needs rate, burst, or both",
            });
        }
        let before = context.problem_count();
        terms.check(self.counting, context);
        if !self.is_sound || context.problem_count() > before {
            return None;
        }
        let terms = terms.or(self.terms);
        terms.allowance(self.name, self.counting, context)
    }

    /// Reports what is wrong with a pattern.
    fn check(&self, pattern: &Pattern, earlier: &[Pattern], context: &mut Context<'_>) {
        let Pattern {
            consumer,
            header,
            client_ip,
        } = pattern;
        if pattern.is_empty() {
            context.problem::<()>("empty, but needs at least one of consumer, header, client_ip");
        }
        let holds = |other: &Pattern| !other.is_empty() && other.covers(pattern);
        if let Some(first) = earlier.iter().position(holds) {
            context.problem::<()>(format!(
                "never reached: overrides[{first}] holds wherever this does"
            ));
        }
        if consumer.as_ref().is_some_and(String::is_empty) {
            context.at_key("consumer", |context| {
                context.problem::<()>("empty, but needs a name")
            });
        }
        for (name, _) in header.0.iter().filter(|(_, value)| value.is_empty()) {
            let message = "empty, which counts as missing";
            context.at_key("header", |context| {
                context.at_key(name, |context| context.problem::<()>(message))
            });
        }
        let mut foreign = |path: &[&str], what: &str| {
            let parts: Vec<String> = self.key.iter().map(Part::to_string).collect();
            report(
                path,
                format!("the limit's key has no {what}"),
                format!("its parts: {}", parts.join(", ")),
                context,
            );
        };
        if consumer.is_some() && !self.key.contains(&Part::Consumer) {
            foreign(&["consumer"], "consumer");
        }
        for (name, _) in &header.0 {
            if !self.key.contains(&Part::Header(name.clone())) {
                foreign(&["header", name], &format!("header {name}"));
            }
        }
        let Some(range) = client_ip else {
            return;
        };
        let bits = self.key.iter().filter_map(|part| match part {
            Part::ClientIp(prefixes) => Some(prefixes.bits(range.network())),
            Part::Consumer | Part::Header(_) | Part::Const(_) => None,
        });
        match bits.max() {
            None => foreign(&["client_ip"], "client_ip"),
            // Of two quotas over one bucket, the one with the shorter refill would take what the
            // other one charged for a clock that was set back.
            Some(bits) if range.prefix_length() > bits => report(
                &["client_ip"],
                format!(
                    "{range} is a part of what shares a bucket: the key has {bits} bits of an address"
                ),
                format!("write a range of /{bits} or wider, or put more bits into the key"),
                context,
            ),
            Some(_) => {}
        }
    }
}

fn report(path: &[&str], message: String, hint: String, context: &mut Context<'_>) {
    match path {
        [] => {
            context.problem_hint::<()>(message, hint);
        }
        [key, rest @ ..] => context.at_key(key, |context| report(rest, message, hint, context)),
    }
}
