//! The parts of a key, and what a request has of each.
//!
//! Decided here:
//!
//! 1. A value counts with its bytes, whatever they are. One that is empty is taken for missing: a
//!    client that may choose between the two would have two buckets.
//! 2. A header, a cookie or a parameter of the query that is there more than once has no value to go
//!    by. Which of them the upstream takes is anybody's guess, so going by one, or by all, would let a
//!    client add values until it has a fresh bucket.
//! 3. A claim that is a number or a boolean counts as its text, a list of one as that one; a longer list
//!    or an object has no value to go by.
//! 4. The group is all groups of the consumer together, in whatever order: who is in the same groups
//!    shares a bucket.
//! 5. Path and host count in the one spelling that stands for all others, as in a `match`. A host that
//!    can be read in more than one way has no value to go by.
//! 6. An address counts with its first bits, an IPv4-mapped IPv6 address as the IPv4 address.

use gatehouse_claim::ClaimRef;
use gatehouse_config::{HeaderName, PrefixLengths, one_of};
use gatehouse_host::{Only, Request, Result};
use gatehouse_request_match::{Host, Match, Subject, cookie, query};
use serde_json::Value;
use std::collections::BinaryHeap;
use std::fmt;

one_of! {
    /// A part of a key.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Part {
        /// Who sent the request.
        Consumer = "consumer",
        /// The groups of who sent it.
        Group = "group",
        /// A claim of who sent it.
        Claim(ClaimRef) = "claim",
        /// The only value of a header.
        Header(HeaderName) = "header",
        /// The only value of a cookie.
        Cookie(cookie::Name) = "cookie",
        /// The only value of a parameter of the query, decoded.
        Query(query::Name) = "query",
        /// The method.
        Method = "method",
        /// The path in normal form.
        Path = "path",
        /// A segment that the path template of the limit's `match` names.
        PathParam(String) = "path_param",
        /// The host in lower case, without its port.
        Host = "host",
        /// The first bits of the client's address.
        ClientIp(PrefixLengths) = "client_ip" or PrefixLengths::default(),
        /// The name of Envoy's route.
        Route = "route",
        /// The same for every request.
        Const(String) = "const",
    }
}

/// What a request has of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// It has a value, which was handed over.
    There,
    /// It has none.
    Missing,
    /// Nothing that could be gone by.
    Ambiguous,
}

/// As operators write it, for messages; of a constant, only that it is one.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, name): (_, &dyn fmt::Display) = match self {
            Self::Consumer => ("consumer", &""),
            Self::Group => ("group", &""),
            Self::Claim(claim) => ("claim ", claim),
            Self::Header(name) => ("header ", name),
            Self::Cookie(name) => ("cookie ", name),
            Self::Query(name) => ("query parameter ", name),
            Self::Method => ("method", &""),
            Self::Path => ("path", &""),
            Self::PathParam(name) => ("path parameter ", name),
            Self::Host => ("host", &""),
            Self::ClientIp(_) => ("client_ip", &""),
            Self::Route => ("route", &""),
            Self::Const(_) => ("const", &""),
        };
        write!(f, "{word}{name}")
    }
}

impl Part {
    /// Says that something is decided by it, as by an override. A key tells requests apart by it, whatever filters have
    /// made of them since.
    ///
    /// # Errors
    /// Where the host refuses to say; where it is a route, and path or host were changed.
    pub(crate) fn decides(&self, request: &mut Request<'_>) -> Result<()> {
        match self {
            Self::Route => request.route_name().map(|_| ()),
            _ => Ok(()),
        }
    }

    /// Reads it off a request, and hands its value over: of groups each one, in the order of their
    /// names, and of an address nothing. The host is asked for what no part before has asked for.
    ///
    /// # Errors
    /// Where the host does not say what it is.
    pub fn read(
        &self,
        matches: &Match,
        subject: &mut Subject,
        request: &mut Request<'_>,
        see: &mut dyn FnMut(&[u8]),
    ) -> Result<Reading> {
        let mut only = |found: Only<'_>| match found {
            Only::Absent | Only::One(b"") => Reading::Missing,
            Only::One(value) => {
                see(value);
                Reading::There
            }
            Only::Several => Reading::Ambiguous,
        };
        Ok(match self {
            Self::Const(value) => {
                see(value.as_bytes());
                Reading::There
            }
            Self::Header(name) => only(request.headers()?.only(name)),
            Self::Method => only(request.headers()?.only(":method")),
            Self::Path => only(Only::One(subject.path(request)?.as_str().as_bytes())),
            Self::Host => match subject.host(request)? {
                Host::Absent => Reading::Missing,
                Host::One(host) => only(Only::One(host.as_bytes())),
                Host::Ambiguous => Reading::Ambiguous,
            },
            Self::Cookie(name) => {
                let mut values = cookie::values(request.headers()?, &name.0);
                match (values.next(), values.next()) {
                    (None, _) => Reading::Missing,
                    (Some(value), None) => only(Only::One(value)),
                    _ => Reading::Ambiguous,
                }
            }
            Self::Query(name) => {
                let mut values = subject.query(request)?.all(name.0.as_bytes());
                match (values.next(), values.next()) {
                    (None, _) => Reading::Missing,
                    (Some(value), None) => only(Only::One(value)),
                    _ => Reading::Ambiguous,
                }
            }
            Self::PathParam(name) => {
                let captures = matches.captures(subject, request)?;
                match captures.iter().find(|(captured, _)| captured == name) {
                    None => Reading::Missing,
                    Some((_, value)) => only(Only::One(value.as_bytes())),
                }
            }
            Self::Consumer => match request.consumer()? {
                None => Reading::Missing,
                Some(consumer) => {
                    see(consumer.name.as_bytes());
                    Reading::There
                }
            },
            Self::Group => {
                let consumer = request.consumer()?;
                let groups = consumer.iter().flat_map(|consumer| &consumer.groups);
                // A heap for its size: a sort of slices is four times the code, for a list of a few.
                let groups: BinaryHeap<&str> = groups.map(|group| &**group).collect();
                let mut groups = groups.into_sorted_vec();
                groups.dedup();
                groups.iter().for_each(|group| see(group.as_bytes()));
                match groups.is_empty() {
                    true => Reading::Missing,
                    false => Reading::There,
                }
            }
            Self::Claim(claim) => {
                let consumer = request.consumer()?;
                let found = consumer.as_ref().and_then(|who| claim.find(&who.claims));
                match found {
                    Some(Value::Array(items)) => match &**items {
                        [] => Reading::Missing,
                        [item] => scalar(item, &mut only),
                        _ => Reading::Ambiguous,
                    },
                    Some(value) => scalar(value, &mut only),
                    None => Reading::Missing,
                }
            }
            Self::Route => match request.first_route_name()? {
                None => Reading::Missing,
                Some(name) => only(Only::One(&name)),
            },
            Self::ClientIp(_) => match subject.client_ip(request)? {
                None => Reading::Missing,
                Some(_) => Reading::There,
            },
        })
    }
}

/// A claim's value as a text.
fn scalar(value: &Value, only: &mut dyn FnMut(Only<'_>) -> Reading) -> Reading {
    match value {
        Value::String(text) => only(Only::One(text.as_bytes())),
        Value::Number(number) => only(Only::One(number.to_string().as_bytes())),
        Value::Bool(true) => only(Only::One(b"true")),
        Value::Bool(false) => only(Only::One(b"false")),
        Value::Null => Reading::Missing,
        Value::Array(_) | Value::Object(_) => Reading::Ambiguous,
    }
}
