//! One limit.

use crate::Mode;
use crate::allowance::{Allowance, Rates, Reaches, Terms};
use crate::cost::Cost;
use crate::overrides::{Base, Overrides, RawOverride};
use crate::part::Part;
use gatehouse_config::{Context, Decode, Duration, Identifier, NonEmpty, Value, keywords, object};
use gatehouse_host::{Request, Result};
use gatehouse_request_match::{Match, Subject};
use std::rc::Rc;

keywords! {
    /// How it is counted.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Counting {
        /// The generic cell rate algorithm: a bucket that refills continuously.
        Gcra = "gcra",
        /// Windows of the clock; of the one before, the part that the last period covers.
        SlidingWindow = "sliding_window",
        /// Windows of the clock.
        FixedWindow = "fixed_window",
        /// What is in flight at once.
        Concurrency = "concurrency",
    }
}

keywords! {
    /// What holds where a limit cannot be decided on.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum OnError {
        /// The request is refused.
        Deny = "deny",
        /// The limit lets the request through.
        Allow = "allow",
    }
}

keywords! {
    /// What a missing part of the key does.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum IfAbsent {
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
        rate: Option<Rates>,
        burst: Option<u64>,
        limit: Option<u32>,
        expires: Option<Duration>,
        algorithm: Counting = Counting::Gcra,
        overrides: Vec<RawOverride> = Vec::new(),
        cost: Cost = Cost::default(),
        if_absent: IfAbsent = IfAbsent::Empty,
        on_error: OnError = OnError::Deny,
        mode: Mode = Mode::Enforce,
    }
}

/// How often each key may come.
#[derive(Debug, Clone)]
pub struct Limit {
    /// Unique; a part of the key, and of the metrics.
    pub name: Identifier,
    /// Which requests it is about.
    pub matches: Match,
    /// What is told apart. Never empty.
    pub key: Vec<Part>,
    /// How much each key has.
    pub allowance: Rc<Allowance>,
    /// What some keys have in its place.
    pub overrides: Overrides,
    /// What a request takes.
    pub cost: Cost,
    /// What a missing part of the key does.
    pub if_absent: IfAbsent,
    /// What holds where it cannot be decided on.
    pub on_error: OnError,
    /// What becomes of refusals.
    pub mode: Mode,
}

impl Decode for Limit {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let raw = Raw::decode(value, context)?;
        let NonEmpty(key) = raw.key;
        let before = context.problem_count();
        context.at_key("key", |context| check_key(&key, &raw.matches, context));
        let terms = Terms {
            rates: raw.rate,
            burst: raw.burst,
            limit: raw.limit,
            expires: raw.expires,
        };
        terms.check(raw.algorithm, context);
        let allowance = terms.allowance(&raw.name, raw.algorithm, context);
        let overrides = context.at_key("overrides", |context| {
            let limit = Base {
                name: &raw.name,
                key: &key,
                counting: raw.algorithm,
                terms: &terms,
                is_sound: allowance.is_some(),
            };
            limit.overrides(raw.overrides, context)
        });
        context.at_key("cost", |context| {
            let (allowance, overrides) = (allowance.as_ref(), overrides.as_ref());
            raw.cost.check(raw.algorithm, allowance, overrides, context);
        });
        if context.problem_count() > before {
            return None;
        }
        let (mut allowance, mut overrides) = (allowance?, overrides?);
        if raw.cost.comes_later() {
            allowance = allowance.with_debt();
            overrides = overrides.with_debt();
        }
        // A consumer may be in a group with one token and not with another: then two rates go by one bucket.
        let mut reaches = Reaches::default();
        allowance.note_reach(&mut reaches);
        overrides.note_reach(&mut reaches);
        allowance = allowance.reaching(&reaches);
        overrides = overrides.reaching(&reaches);
        Some(Self {
            allowance: Rc::new(allowance),
            overrides,
            cost: raw.cost,
            name: raw.name,
            matches: raw.matches,
            key,
            if_absent: raw.if_absent,
            on_error: raw.on_error,
            mode: raw.mode,
        })
    }

    gatehouse_config::described!(as Raw);
}

impl Limit {
    /// The quota of a request's key: that of the first override that is about it, or the limit's.
    ///
    /// # Errors
    /// Where the host does not say what a part of the key is. All were asked for before, for the key.
    pub fn allowance_for(
        &self,
        subject: &mut Subject,
        request: &mut Request<'_>,
    ) -> Result<&Rc<Allowance>> {
        if self.overrides.is_empty() {
            return Ok(&self.allowance);
        }
        let found = self.overrides.find(&self.matches, subject, request)?;
        Ok(found.unwrap_or(&self.allowance))
    }
}

/// Reports what is wrong with the parts of a key.
fn check_key(key: &[Part], matches: &Match, context: &mut Context<'_>) {
    for (index, part) in key.iter().enumerate() {
        context.at_index(index, |context| {
            if let Some(first) = key.iter().take(index).position(|other| other == part) {
                context.problem::<()>(format!("the same as key[{first}]"));
            }
            match part {
                // Envoy keeps it as a pseudo-header, so it would be missing from every request.
                Part::Header(name) if name.as_str() == "host" => {
                    context.at_key("header", |context| {
                        context.problem_hint::<()>(
                            "the host is not a header in Envoy",
                            "write \"host\"",
                        )
                    });
                }
                Part::Header(name) if name.as_str() == "cookie" => {
                    context.at_key("header", |context| {
                        context.problem_hint::<()>(
                            "cookies are read one by one",
                            "write {cookie: NAME}",
                        )
                    });
                }
                Part::PathParam(name) => {
                    let names: Vec<&str> = matches.capture_names().collect();
                    if !names.contains(&&**name) {
                        context.at_key("path_param", |context| match names.is_empty() {
                            true => context.problem_hint::<()>(
                                "nothing names a segment of the path",
                                format!("write match: {{path: {{template: \"/…/{{{name}}}\"}}}}"),
                            ),
                            false => {
                                let message =
                                    format!("match.path.template has no segment {name:?}");
                                context.unknown::<()>(message, name, names.iter().copied())
                            }
                        });
                    }
                }
                _ => {}
            }
        });
    }
}
