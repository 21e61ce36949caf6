//! The operations, and doing them, whatever side they are on.

use crate::condition::{Answers, When};
use crate::cookie::CookieEdit;
use crate::edit;
use crate::identifier;
use crate::location::Location;
use crate::map::Map;
use crate::names::{Prefix, is_editable};
use crate::preset::INTERNAL;
use crate::rewrite::Rewrite;
use crate::set_cookie::SetCookie;
use crate::target::{HostEdit, PathEdit, QueryEdit};
use gatehouse_config::{Context, HeaderName, keywords};
use gatehouse_host::{Headers, Result};
use gatehouse_regex::Search;
use gatehouse_request_match::expression;
use gatehouse_template::{Scope, Template};

/// Something that is done to a message.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    /// Makes this the only value.
    Set {
        name: HeaderName,
        value: Template,
        when: Presence,
    },
    /// Adds a value.
    Append { name: HeaderName, value: Template },
    /// Removes all values.
    Remove(HeaderName),
    /// Removes all headers with such names.
    RemoveAll(Selection),
    /// Gives all values of one header to another, which loses its own.
    Move {
        from: HeaderName,
        to: HeaderName,
        /// The one keeps them.
        copy: bool,
    },
    /// Replaces what a regular expression finds, in each value.
    Replace { name: HeaderName, rewrite: Rewrite },
    /// Leaves each value once, or only one.
    Dedupe { name: HeaderName, keep: Keep },
    /// Sets a header to what stands for a value in a table.
    Map(Box<Map>),
    /// Changes the path, and leaves the query.
    Path(Box<PathEdit>),
    /// Changes the host.
    Host(HostEdit),
    /// Changes the query, and leaves the path.
    Query(Box<QueryEdit>),
    /// Changes the cookies of a request.
    Cookie(Box<CookieEdit>),
    /// Changes the attributes of the cookies that a response sets.
    SetCookie(Box<SetCookie>),
    /// Changes where a response leads to.
    Location(Box<Location>),
    /// Makes a trace context where there is no good one.
    TraceContext { sampled: bool },
    /// Makes an identifier where there is no good one.
    RequestId(identifier::RequestId),
}

/// An operation, and for which requests and responses it is.
#[derive(Debug, Clone)]
pub struct Step {
    when: Option<Box<When>>,
    operation: Operation,
    /// The name and the value, where all there is to do is to set the one to the other.
    constant: Option<(Box<str>, Box<[u8]>)>,
}

/// Headers by their names.
#[derive(Debug, Clone)]
pub(crate) enum Selection {
    /// Whose names begin so.
    Prefix(Prefix),
    /// In whose names this is found.
    Regex(Search),
    /// That are for internal use, by the preset.
    Internal,
}

keywords! {
    /// Whether a header that is there, or one that is not, is set.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Presence {
        Always = "always",
        Absent = "absent",
        Present = "present",
    }
}

keywords! {
    /// Which values stay.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Keep {
        /// Each once, the first of them.
        Unique = "unique",
        First = "first",
        Last = "last",
    }
}

/// Headers or trailers that operations are done to, with the variables they need.
pub trait Side: Scope {
    /// The headers as they are now.
    ///
    /// # Errors
    /// Here and below: where the host fails.
    fn headers(&mut self) -> Result<&Headers>;

    /// Makes this the only value of a header.
    ///
    /// # Errors
    /// Where the host refuses it.
    fn set(&mut self, name: &str, value: &[u8]) -> Result<()>;

    /// Adds a value to those a header has.
    ///
    /// # Errors
    /// Where the host refuses it.
    fn append(&mut self, name: &str, value: &[u8]) -> Result<()>;

    /// Removes all values of a header.
    ///
    /// # Errors
    /// Where the host refuses it.
    fn remove(&mut self, name: &str) -> Result<()>;

    /// Fills the bytes with randomness.
    ///
    /// # Errors
    /// Where the host has none.
    fn fill_random(&mut self, bytes: &mut [u8]) -> Result<()>;
}

/// Why an operation did not do what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It did, or there was nothing to do.
    Done,
    /// A variable has no value.
    Missing,
    /// The value cannot be sent.
    Unsafe,
    /// The request cannot go on: it would go where it was not meant to. The reason, in lower snake
    /// case.
    Denied(&'static str),
}

impl Step {
    pub(crate) fn new(when: Option<Box<When>>, operation: Operation) -> Self {
        let constant = match &operation {
            Operation::Set {
                name,
                value,
                when: Presence::Always,
            } if when.is_none() => {
                let value = value.constant();
                value.map(|value| (name.as_str().into(), value.as_bytes().into()))
            }
            _ => None,
        };
        Self {
            when,
            operation,
            constant,
        }
    }

    pub(crate) fn template(&self) -> Option<&Template> {
        self.operation.template()
    }

    /// The name and the value of a header, where all there is to do is to set the one to the other:
    /// what most steps do, without going through [`Step::apply`].
    #[inline]
    pub fn constant(&self) -> Option<(&str, &[u8])> {
        let (name, value) = self.constant.as_ref()?;
        Some((name, value))
    }

    /// The header that it gives a value, where it does.
    pub fn written(&self) -> Option<&str> {
        self.operation.written()
    }

    /// Does the operation, where it is for this message.
    ///
    /// # Errors
    /// Where the host fails.
    pub fn apply(&self, answers: Answers, side: &mut dyn Side) -> Result<Outcome> {
        if let Some(when) = &self.when {
            let fits = when.fits_request(answers)
                && (when.is_of_request() || when.fits_response(side.headers()?));
            if !fits {
                return Ok(Outcome::Done);
            }
        }
        self.operation.apply(side)
    }
}

impl Presence {
    /// Whether it is set, where it is there or not.
    pub(crate) fn fits(self, is_there: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Absent => !is_there,
            Self::Present => is_there,
        }
    }
}

impl Selection {
    /// An expression that stands where `context` does.
    pub(crate) fn regex(regex: &str, context: &mut Context<'_>) -> Option<Self> {
        if regex.is_empty() {
            return context.problem_hint(
                "empty, so it is found in every name",
                "write \".\" to say so",
            );
        }
        expression::search(regex, context).map(Self::Regex)
    }

    /// Whether a header of this name is one of them.
    pub(crate) fn covers(&self, name: &str) -> bool {
        match self {
            Self::Prefix(prefix) => prefix.covers(name),
            Self::Regex(regex) => is_editable(name) && regex.is_match(name.as_bytes()),
            Self::Internal => INTERNAL.covers(name),
        }
    }
}

impl Operation {
    /// Does it.
    ///
    /// # Errors
    /// Where the host fails.
    pub(crate) fn apply(&self, side: &mut dyn Side) -> Result<Outcome> {
        match self {
            Self::Set { name, value, when } => edit::set(name, value, *when, side),
            Self::Append { name, value } => edit::append(name, value, side),
            Self::Remove(name) => side.remove(name).map(|()| Outcome::Done),
            Self::RemoveAll(selection) => edit::remove_all(selection, side),
            Self::Move { from, to, copy } => edit::relocate(from, to, *copy, side),
            Self::Replace { name, rewrite } => edit::replace(name, rewrite, side),
            Self::Dedupe { name, keep } => edit::dedupe(name, *keep, side),
            Self::Map(map) => map.apply(side),
            Self::Path(path) => path.apply(side),
            Self::Host(host) => host.apply(side),
            Self::Query(query) => query.apply(side),
            Self::Cookie(cookie) => cookie.apply(side),
            Self::SetCookie(cookie) => cookie.apply(side),
            Self::Location(location) => location.apply(side),
            Self::TraceContext { sampled } => identifier::trace_context(*sampled, side),
            Self::RequestId(request_id) => request_id.apply(side),
        }
    }

    /// The header that it gives a value.
    fn written(&self) -> Option<&str> {
        Some(match self {
            Self::Set { name, .. } | Self::Append { name, .. } => name,
            Self::Move { to, .. } => to,
            Self::Map(map) => &map.name,
            Self::TraceContext { .. } => "traceparent",
            Self::RequestId(request_id) => &request_id.header,
            Self::Cookie(edit) if matches!(**edit, CookieEdit::Set { .. }) => "cookie",
            Self::Remove(_)
            | Self::RemoveAll(_)
            | Self::Replace { .. }
            | Self::Dedupe { .. }
            | Self::Path(_)
            | Self::Host(_)
            | Self::Query(_)
            | Self::Cookie(_)
            | Self::SetCookie(_)
            | Self::Location(_) => return None,
        })
    }

    /// The template that it renders, where it has one.
    pub(crate) fn template(&self) -> Option<&Template> {
        match self {
            Self::Set { value, .. } | Self::Append { value, .. } => Some(value),
            Self::Map(map) => map.template(),
            Self::Path(path) => path.template(),
            Self::Host(host) => Some(host.template()),
            Self::Query(query) => query.template(),
            Self::Cookie(cookie) => cookie.template(),
            Self::Location(location) => location.template(),
            Self::Remove(_)
            | Self::RemoveAll(_)
            | Self::Move { .. }
            | Self::Replace { .. }
            | Self::Dedupe { .. }
            | Self::SetCookie(_)
            | Self::TraceContext { .. }
            | Self::RequestId(_) => None,
        }
    }
}
