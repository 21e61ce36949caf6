//! One thing that a match asks of a request.

use crate::authority::HostPattern;
use crate::field::{CookieField, HeaderField, MetadataField, QueryField};
use crate::method::Method;
use crate::pattern::PathPattern;
use crate::{Match, Subject, When, cookie};
use gatehouse_config::Cidr;
use gatehouse_host::{Only, Request, Result};

/// One condition. A match holds them in the order of [`Condition::cost`].
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    Methods(Vec<Method>),
    Path(PathPattern),
    Hosts(Vec<HostPattern>),
    Header(HeaderField),
    Query(QueryField),
    Cookie(CookieField),
    Route(Vec<String>),
    Metadata(MetadataField),
    ClientIp(Vec<Cidr>),
    Consumer(Vec<String>),
    Groups(Vec<String>),
    Not(Match),
    Any(Vec<Match>),
    When(When),
}

/// What a condition makes the host do, where nothing before it has. The cheapest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cost {
    /// It reads the header snapshot, which filters take anyway.
    Headers,
    /// It reads the peer's address.
    Address,
    /// It reads the consumer, and decodes JSON where another module established it.
    Consumer,
    /// It reads the route.
    Route,
    /// It has the proxy evaluate an expression.
    Expression,
}

impl Condition {
    pub(crate) fn cost(&self) -> Cost {
        match self {
            Self::Methods(_)
            | Self::Path(_)
            | Self::Hosts(_)
            | Self::Header(_)
            | Self::Query(_)
            | Self::Cookie(_) => Cost::Headers,
            Self::ClientIp(_) => Cost::Address,
            Self::Consumer(_) | Self::Groups(_) => Cost::Consumer,
            Self::Route(_) | Self::Metadata(_) => Cost::Route,
            Self::Not(inner) => inner.cost(),
            Self::Any(several) => {
                let costs = several.iter().map(Match::cost);
                costs.max().unwrap_or(Cost::Headers)
            }
            Self::When(_) => Cost::Expression,
        }
    }

    /// Whether it is about what is asked for: the method, the path, the host.
    pub(crate) fn is_of_target(&self) -> bool {
        matches!(self, Self::Methods(_) | Self::Path(_) | Self::Hosts(_))
    }

    /// As it is called in the configuration.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn name(&self) -> String {
        let name = match self {
            Self::Methods(_) => "methods",
            Self::Path(_) => "path",
            Self::Hosts(_) => "hosts",
            Self::Header(field) => return format!("headers: {}", field.name),
            Self::Query(field) => return format!("query: {}", field.name),
            Self::Cookie(field) => return format!("cookies: {}", field.name.0),
            Self::Route(_) => "route",
            Self::Metadata(field) => return format!("metadata: {}", field.filter),
            Self::ClientIp(_) => "client_ip",
            Self::Consumer(_) => "consumer",
            Self::Groups(_) => "groups",
            Self::Not(_) => "not",
            Self::Any(_) => "any",
            Self::When(_) => "when",
        };
        name.to_owned()
    }

    pub(crate) fn holds(&self, subject: &mut Subject, request: &mut Request<'_>) -> Result<bool> {
        Ok(match self {
            Self::Methods(methods) => match request.headers()?.only(":method") {
                Only::One(given) => methods.iter().any(|method| method.as_bytes() == given),
                Only::Absent | Only::Several => false,
            },
            Self::Path(pattern) => pattern.matches(subject.path(request)?.as_str()),
            Self::Hosts(hosts) => match request.headers()?.only(":authority") {
                Only::One(given) => hosts.iter().any(|host| host.matches(given)),
                Only::Absent | Only::Several => false,
            },
            Self::Header(field) => field.holds(request.headers()?),
            Self::Query(field) => {
                let query = subject.query(request)?;
                field.test.holds(&mut query.all(field.name.as_bytes()))
            }
            Self::Cookie(field) => {
                let mut values = cookie::values(request.headers()?, &field.name.0);
                field.test.holds(&mut values)
            }
            Self::ClientIp(ranges) => subject
                .client_ip(request)?
                .is_some_and(|address| ranges.iter().any(|range| range.contains(address))),
            Self::Consumer(names) => request
                .consumer()?
                .is_some_and(|consumer| names.contains(&consumer.name)),
            Self::Groups(groups) => request
                .consumer()?
                .is_some_and(|consumer| consumer.groups.iter().any(|group| groups.contains(group))),
            Self::Route(names) => request
                .route_name()?
                .is_some_and(|route| names.iter().any(|name| *name.as_bytes() == *route)),
            Self::Metadata(field) => {
                let keys: Vec<&str> = field.key.iter().map(String::as_str).collect();
                let value = request.route_metadata(&field.filter, &keys)?;
                field.test.holds(&mut value.iter().map(|value| &**value))
            }
            Self::Not(inner) => !inner.matches(subject, request)?,
            Self::Any(several) => {
                for inner in several {
                    if inner.matches(subject, request)? {
                        return Ok(true);
                    }
                }
                false
            }
            Self::When(when) => when
                .holds(request)
                .inspect_err(|_| subject.note_failed_expression())?,
        })
    }
}
