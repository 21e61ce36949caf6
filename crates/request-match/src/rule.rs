//! The `match` of a rule.

use crate::authority::HostPattern;
use crate::condition::{Condition, Cost};
use crate::field::{CookieField, HeaderField, MetadataField, QueryField};
use crate::index::{HostKey, Step};
use crate::method::Method;
use crate::pattern::PathPattern;
use crate::{Subject, When};
use gatehouse_config::{Cidr, Context, Decode, NonEmpty, Problem, Value, object};
use gatehouse_host::{Expressions, Request, Result};

/// The `match` of a rule. The default matches everything.
#[derive(Debug, Clone, Default)]
pub struct Match {
    conditions: Vec<Condition>,
}

object! {
    struct Raw {
        path: Option<PathPattern>,
        methods: Option<NonEmpty<Method>>,
        hosts: Option<NonEmpty<HostPattern>>,
        headers: Option<NonEmpty<HeaderField>>,
        query: Option<NonEmpty<QueryField>>,
        cookies: Option<NonEmpty<CookieField>>,
        client_ip: Option<NonEmpty<Cidr>>,
        consumer: Option<NonEmpty<Name>>,
        groups: Option<NonEmpty<Name>>,
        route: Option<NonEmpty<Name>>,
        metadata: Option<NonEmpty<MetadataField>>,
        not: Option<Negated>,
        any: Option<NonEmpty<Alternative>>,
        when: Option<When>,
    }
}

/// What stands under `not`.
struct Negated(Match);

impl Decode for Match {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        if is_empty(value) {
            return context.problem_hint(
                "empty, so it matches everything",
                "leave \"match\" out to say so",
            );
        }
        let matching = Raw::decode(value, context).map(Self::from)?;
        if matching.depth() > MOST_DEPTH {
            return context.problem_hint(
                format!("\"not\" and \"any\" are nested more than {MOST_DEPTH} deep"),
                "write it as several rules",
            );
        }
        Some(matching)
    }

    gatehouse_config::described!(|schemas| gatehouse_config::schema::not_empty(
        schemas.of::<Raw>()
    ));
}

/// How deep `not` and `any` can be nested.
const MOST_DEPTH: usize = 8;

/// One of `any`.
struct Alternative(Match);

impl Decode for Alternative {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        if is_empty(value) {
            return context.problem_hint("empty, so anything would match", "leave \"any\" out");
        }
        Match::decode(value, context).map(Self)
    }

    gatehouse_config::described!(as Match);
}

impl Decode for Negated {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        if is_empty(value) {
            return context.problem_hint("empty, so nothing would match", "leave \"not\" out");
        }
        Match::decode(value, context).map(Self)
    }

    gatehouse_config::described!(as Match);
}

/// The name of a consumer, of a group, of a route or of something in metadata.
pub(crate) struct Name(pub(crate) String);

impl Decode for Name {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        if text.is_empty() {
            return context.problem("empty, but needs a name");
        }
        Some(Self(text))
    }

    gatehouse_config::described!(text not empty);
}

fn texts(names: NonEmpty<Name>) -> Vec<String> {
    names.0.into_iter().map(|name| name.0).collect()
}

fn all<T>(fields: Option<NonEmpty<T>>) -> Vec<T> {
    fields.map_or_else(Vec::new, |fields| fields.0)
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(|map| map.is_empty())
}

impl From<Raw> for Match {
    fn from(raw: Raw) -> Self {
        let mut conditions = Vec::new();
        conditions.extend(raw.methods.map(|methods| Condition::Methods(methods.0)));
        conditions.extend(raw.path.map(Condition::Path));
        conditions.extend(raw.hosts.map(|hosts| Condition::Hosts(hosts.0)));
        for field in all(raw.headers) {
            conditions.push(Condition::Header(field));
        }
        for field in all(raw.query) {
            conditions.push(Condition::Query(field));
        }
        for field in all(raw.cookies) {
            conditions.push(Condition::Cookie(field));
        }
        conditions.extend(raw.client_ip.map(|ranges| Condition::ClientIp(ranges.0)));
        conditions.extend(raw.consumer.map(|names| Condition::Consumer(texts(names))));
        conditions.extend(raw.groups.map(|names| Condition::Groups(texts(names))));
        conditions.extend(raw.route.map(|names| Condition::Route(texts(names))));
        for field in all(raw.metadata) {
            conditions.push(Condition::Metadata(field));
        }
        conditions.extend(raw.not.map(|not| Condition::Not(not.0)));
        conditions.extend(raw.any.map(|any| {
            let several = any.0.into_iter().map(|alternative| alternative.0);
            Condition::Any(several.collect())
        }));
        conditions.extend(raw.when.map(Condition::When));
        // Cheapest first, among conditions of one cost in the order above. Put in place one by one: the code of
        // a stable sort would be in every module for a handful of conditions.
        let mut sorted = Vec::with_capacity(conditions.len());
        for condition in conditions {
            let cost = condition.cost();
            let place = sorted.partition_point(|other: &Condition| other.cost() <= cost);
            sorted.insert(place, condition);
        }
        Self { conditions: sorted }
    }
}

impl Match {
    /// Whether the rule is about this request: all its conditions hold. The host is asked for
    /// nothing that no condition needs, nor for what comes after a condition that does not hold.
    ///
    /// # Errors
    /// Where the host refuses to say what must be known for it.
    pub fn matches(&self, subject: &mut Subject, request: &mut Request<'_>) -> Result<bool> {
        for condition in &self.conditions {
            if !condition.holds(subject, request)? {
                gatehouse_trace::because!("{} does not match", condition.name());
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Has the proxy compile its expressions. What is no expression is a problem of the configuration.
    ///
    /// # Errors
    /// Where the host does not compile expressions.
    pub fn compile(&mut self, host: &dyn Expressions) -> Result<Vec<Problem>> {
        let mut problems = Vec::new();
        for condition in &mut self.conditions {
            match condition {
                Condition::When(when) => problems.extend(when.compile(host)?),
                Condition::Not(inner) => problems.extend(inner.compile(host)?),
                Condition::Any(several) => {
                    for inner in several {
                        problems.extend(inner.compile(host)?);
                    }
                }
                _ => {}
            }
        }
        Ok(problems)
    }

    /// Has its expressions evaluated for a request that is about to wait ([`gatehouse_host::HttpFilter::foresee`]),
    /// and says whether it may hold by then. Not where it asks for another method, path or host: what many rules
    /// are told apart by, so that a request that waits costs an evaluation for each `when` that may be about it.
    pub fn foresee(&self, subject: &mut Subject, request: &mut Request<'_>) -> bool {
        let mut told_apart = self.conditions.iter().filter(|of| of.is_of_target());
        if told_apart.any(|condition| condition.holds(subject, request) == Ok(false)) {
            return false;
        }
        for condition in &self.conditions {
            match condition {
                Condition::When(when) => when.foresee(request),
                Condition::Not(inner) => {
                    inner.foresee(subject, request);
                }
                Condition::Any(several) => {
                    for inner in several {
                        inner.foresee(subject, request);
                    }
                }
                _ => {}
            }
        }
        true
    }

    /// How many `not` and `any` stand within each other.
    fn depth(&self) -> usize {
        let depths = self.conditions.iter().map(|condition| match condition {
            Condition::Not(inner) => inner.depth() + 1,
            Condition::Any(several) => several.iter().map(Self::depth).max().unwrap_or(0) + 1,
            _ => 0,
        });
        depths.max().unwrap_or(0)
    }

    #[cfg(test)]
    pub(crate) fn add_path(&mut self, path: Option<PathPattern>) {
        self.conditions.extend(path.map(Condition::Path));
    }

    /// The names of the segments that the path template names, in order.
    pub fn capture_names(&self) -> impl Iterator<Item = &str> {
        self.template()
            .into_iter()
            .flat_map(|template| template.names())
    }

    /// The named segments of a request's path, decoded, in the order of
    /// [`Match::capture_names`]; none where the path does not match the template. A value is the
    /// client's text: any character but `/`, line breaks and NUL among them, and in `{name=**}` `/`
    /// too.
    ///
    /// # Errors
    /// Where the host does not hand over the headers.
    pub fn captures(
        &self,
        subject: &mut Subject,
        request: &mut Request<'_>,
    ) -> Result<Vec<(&str, String)>> {
        let Some(template) = self.template() else {
            return Ok(Vec::new());
        };
        let path = subject.path(request)?;
        Ok(template.captures(path.as_str()).unwrap_or_default())
    }

    /// The path that it asks for, in steps; nothing where it asks for none, or for an expression.
    pub(crate) fn path_steps(&self) -> Option<Vec<Step<'_>>> {
        self.conditions
            .iter()
            .find_map(|condition| match condition {
                Condition::Path(pattern) => pattern.steps(),
                _ => None,
            })
    }

    /// The expression about the path, and the bytes that it takes.
    pub(crate) fn path_expression(&self) -> Option<(&str, usize)> {
        self.conditions
            .iter()
            .find_map(|condition| match condition {
                Condition::Path(PathPattern::Regex(regex)) => Some(regex.source()),
                _ => None,
            })
    }

    /// The hosts that it is about; nothing where it is about all.
    pub(crate) fn host_keys(&self) -> Option<Vec<HostKey>> {
        self.conditions
            .iter()
            .find_map(|condition| match condition {
                Condition::Hosts(hosts) => Some(hosts.iter().map(HostPattern::key).collect()),
                _ => None,
            })
    }

    fn template(&self) -> Option<&crate::template::Template> {
        self.conditions
            .iter()
            .find_map(|condition| match condition {
                Condition::Path(PathPattern::Template(template)) => Some(template),
                _ => None,
            })
    }

    pub(crate) fn cost(&self) -> Cost {
        let costs = self.conditions.iter().map(Condition::cost);
        costs.max().unwrap_or(Cost::Headers)
    }
}
