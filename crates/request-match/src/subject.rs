//! What is known of one request.

use crate::authority;
use crate::client_ip;
use crate::path::Path;
use crate::query::Query;
use gatehouse_host::{Only, Request, Result};
use std::net::IpAddr;

/// What is known of one request, found out at most once. One a filter and request: a filter that
/// changes what it looks at (`:path`) sees what was there before.
#[derive(Debug)]
pub struct Subject {
    trusted_hops: u32,
    path: Option<Path>,
    query: Option<Query>,
    client_ip: Option<Option<IpAddr>>,
    expression_failed: bool,
}

/// The host that a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// There is none.
    Absent,
    /// The name or address in lower case, without a port and a dot at its end; an IPv6 address in
    /// brackets and as RFC 5952 writes it.
    One(String),
    /// Servers may read it in different ways; see [`Subject::is_host_ambiguous`].
    Ambiguous,
}

impl Host {
    /// The host of an authority.
    pub fn of(authority: &[u8]) -> Self {
        match authority {
            b"" => Self::Absent,
            given => authority::normal(given).map_or(Self::Ambiguous, Self::One),
        }
    }
}

impl Subject {
    /// Nothing is known yet. `trusted_hops` proxies are trusted in `x-forwarded-for`.
    pub fn new(trusted_hops: u32) -> Self {
        Self {
            trusted_hops,
            path: None,
            query: None,
            client_ip: None,
            expression_failed: false,
        }
    }

    /// The path in normal form.
    ///
    /// # Errors
    /// Where the host does not hand over the headers.
    pub fn path(&mut self, request: &mut Request<'_>) -> Result<&Path> {
        let path = match self.path.take() {
            Some(path) => path,
            None => {
                let headers = request.headers()?;
                let method = headers.all(":method").next().unwrap_or_default();
                match headers.only(":path") {
                    Only::Absent => Path::of(method, b""),
                    Only::One(target) => Path::of(method, target),
                    Only::Several => {
                        let first = headers.all(":path").next().unwrap_or_default();
                        let mut path = Path::of(method, first);
                        path.make_ambiguous();
                        path
                    }
                }
            }
        };
        Ok(self.path.insert(path))
    }

    /// Whether servers may read the request's host in different ways: there are several, or what is
    /// there is not a name or an address and perhaps a port.
    ///
    /// # Errors
    /// Where the host does not hand over the headers.
    pub fn is_host_ambiguous(&mut self, request: &mut Request<'_>) -> Result<bool> {
        Ok(match request.headers()?.only(":authority") {
            Only::Absent => false,
            Only::One(authority) => authority::is_ambiguous(authority),
            Only::Several => true,
        })
    }

    /// The request's host in one spelling, however it was sent: see [`Host`].
    ///
    /// # Errors
    /// Where the host does not hand over the headers.
    pub fn host(&mut self, request: &mut Request<'_>) -> Result<Host> {
        Ok(match request.headers()?.only(":authority") {
            Only::Absent => Host::Absent,
            Only::One(given) => Host::of(given),
            Only::Several => Host::Ambiguous,
        })
    }

    /// The parameters of the query.
    ///
    /// # Errors
    /// Where the host does not hand over the headers.
    pub fn query(&mut self, request: &mut Request<'_>) -> Result<&Query> {
        let query = match self.query.take() {
            Some(query) => query,
            None => {
                let target = request.headers()?.all(":path").next();
                Query::of(target.unwrap_or_default())
            }
        };
        Ok(self.query.insert(query))
    }

    pub(crate) fn note_failed_expression(&mut self) {
        self.expression_failed = true;
    }

    /// Whether the error that a match has just answered is that an expression (`when`) could not be
    /// evaluated. Says so once.
    pub fn take_failed_expression(&mut self) -> bool {
        std::mem::take(&mut self.expression_failed)
    }

    /// Who is at the other end, beyond the trusted proxies; see the crate's documentation.
    /// An IPv4-mapped address is the IPv4 address.
    ///
    /// # Errors
    /// Where the host refuses to say.
    pub fn client_ip(&mut self, request: &mut Request<'_>) -> Result<Option<IpAddr>> {
        if let Some(known) = self.client_ip {
            return Ok(known);
        }
        let peer = request.peer()?;
        let client = match usize::try_from(self.trusted_hops).unwrap_or(usize::MAX) {
            0 => peer,
            hops => client_ip::beyond(hops, peer, request.headers()?.all("x-forwarded-for")),
        };
        self.client_ip = Some(client);
        Ok(client)
    }
}
