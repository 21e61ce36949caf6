//! One thing that a match asks of a request.

use crate::authority::HostPattern;
use crate::field::{HeaderField, QueryField};
use crate::method::Method;
use crate::pattern::PathPattern;
use crate::{Match, Subject};
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
    ClientIp(Vec<Cidr>),
    Consumer(Vec<String>),
    Groups(Vec<String>),
    Not(Match),
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
}

impl Condition {
    pub(crate) fn cost(&self) -> Cost {
        match self {
            Self::Methods(_)
            | Self::Path(_)
            | Self::Hosts(_)
            | Self::Header(_)
            | Self::Query(_) => Cost::Headers,
            Self::ClientIp(_) => Cost::Address,
            Self::Consumer(_) | Self::Groups(_) => Cost::Consumer,
            Self::Not(inner) => inner.cost(),
        }
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
            Self::Header(field) => field.test.holds(request.headers()?.all(&field.name)),
            Self::Query(field) => {
                let named = subject
                    .query(request)?
                    .filter(|pair| *pair.name == *field.name.as_bytes());
                field.test.holds(named.map(|pair| pair.value))
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
            Self::Not(inner) => !inner.matches(subject, request)?,
        })
    }
}
