//! One limit.

use super::Mode;
use super::overrides::{Base, Facts, Override, RawOverride};
use crate::fields;
use crate::key::Part;
use gatehouse_config::{Context, Decode, Identifier, NonEmpty, Rate, Value, keywords, object};
use gatehouse_gcra::{Quota, QuotaError};
use gatehouse_host::{Request, Result};
use gatehouse_request_match::{Match, Subject};
use std::time::Duration;

keywords! {
    /// How it is counted.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Algorithm {
        /// The generic cell rate algorithm: a bucket that refills continuously.
        Gcra = "gcra",
    }
}

keywords! {
    /// What holds where a limit cannot be decided on.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum OnError {
        /// The request is refused.
        Deny = "deny",
        /// The limit lets the request through.
        Allow = "allow",
    }
}

keywords! {
    /// What a missing part of the key does.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum IfAbsent {
        /// All requests that lack it share a bucket.
        Empty = "empty",
        /// The limit does not apply.
        Skip = "skip",
        /// The request is refused.
        Deny = "deny",
    }
}

object! {
    struct Raw {
        name: Identifier,
        matches as "match": Match = Match::default(),
        key: NonEmpty<Part>,
        rate: Rate,
        burst: Option<u64>,
        algorithm: Algorithm = Algorithm::Gcra,
        overrides: Vec<RawOverride> = Vec::new(),
        if_absent: IfAbsent = IfAbsent::Empty,
        on_error: OnError = OnError::Deny,
        mode: Mode = Mode::Enforce,
    }
}

/// How often each key may come.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    pub(crate) name: Identifier,
    pub(crate) matches: Match,
    pub(crate) key: Vec<Part>,
    pub(crate) allowance: Allowance,
    pub(crate) overrides: Vec<Override>,
    pub(crate) if_absent: IfAbsent,
    pub(crate) on_error: OnError,
    pub(crate) mode: Mode,
}

/// A quota, and how responses put it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(crate) quota: Quota,
    /// The item of `RateLimit-Policy`.
    pub(crate) policy: Box<str>,
}

impl Decode for Limit {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let raw = Raw::decode(value, context)?;
        // The only one there is.
        let Algorithm::Gcra = raw.algorithm;
        let NonEmpty(key) = raw.key;
        let before = context.problem_count();
        context.at_key("key", |context| {
            for (index, part) in key.iter().enumerate() {
                if let Some(first) = key.iter().take(index).position(|other| other == part) {
                    context.at_index(index, |context| {
                        context.problem::<()>(format!("the same as key[{first}]"))
                    });
                }
                // Envoy keeps it as a pseudo-header, so it would be missing from every request.
                if matches!(part, Part::Header(name) if name.as_str() == "host") {
                    context.at_index(index, |context| {
                        context.at_key("header", |context| {
                            context.problem::<()>("the host is not a header in Envoy")
                        })
                    });
                }
            }
        });
        let burst = raw.burst.unwrap_or(raw.rate.count());
        let allowance = Allowance::new(&raw.name, raw.rate, burst, context);
        let overrides = context.at_key("overrides", |context| {
            let limit = Base {
                name: &raw.name,
                key: &key,
                rate: raw.rate,
                burst: raw.burst,
                is_sound: allowance.is_some(),
            };
            limit.overrides(raw.overrides, context)
        });
        if context.problem_count() > before {
            return None;
        }
        Some(Self {
            allowance: allowance?,
            overrides: overrides?,
            name: raw.name,
            matches: raw.matches,
            key,
            if_absent: raw.if_absent,
            on_error: raw.on_error,
            mode: raw.mode,
        })
    }
}

impl Limit {
    /// The quota of a request's key: that of the first override that is about it, or the limit's.
    ///
    /// # Errors
    /// Where the host does not say what a part of the key is. All were asked for before, for the key.
    pub(crate) fn allowance_for(
        &self,
        subject: &mut Subject,
        request: &mut Request<'_>,
    ) -> Result<&Allowance> {
        if self.overrides.is_empty() {
            return Ok(&self.allowance);
        }
        let has = |wanted: fn(&Part) -> bool| self.key.iter().any(wanted);
        let consumer = match has(|part| matches!(part, Part::Consumer)) {
            true => request.consumer()?,
            false => None,
        };
        let client_ip = match has(|part| matches!(part, Part::ClientIp(_))) {
            true => subject.client_ip(request)?,
            false => None,
        };
        let headers = match has(|part| matches!(part, Part::Header(_))) {
            true => Some(request.headers()?),
            false => None,
        };
        let facts = Facts {
            consumer: consumer.as_ref().map(|consumer| &*consumer.name),
            client_ip,
            headers,
        };
        let chosen = self.overrides.iter().find(|other| other.is_for(&facts));
        Ok(chosen.map_or(&self.allowance, |other| &other.allowance))
    }
}

impl Allowance {
    /// Problems are reported at the `rate` or the `burst` beside it.
    pub(super) fn new(
        limit: &Identifier,
        rate: Rate,
        burst: u64,
        context: &mut Context<'_>,
    ) -> Option<Self> {
        let period = Duration::from_nanos(rate.period().as_nanos());
        match Quota::new(rate.count(), period, burst) {
            Ok(quota) => Some(Self {
                policy: fields::policy(limit, &quota).into(),
                quota,
            }),
            Err(error) => {
                let key = match error {
                    QuotaError::ZeroBurst | QuotaError::BurstTooLarge => "burst",
                    _ => "rate",
                };
                context.at_key(key, |context| context.problem(error.to_string()))
            }
        }
    }
}
