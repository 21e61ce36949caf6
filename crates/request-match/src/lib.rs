//! Which requests a rule is about: the match language shared by all filters.

use gatehouse_config::{Context, Decode, Value};
use gatehouse_host::{Request, Result};
use std::net::IpAddr;

/// What is known of one request, found out at most once. One a filter and request.
pub struct Subject {
    trusted_hops: u32,
}

impl Subject {
    /// Nothing is known yet. `trusted_hops` proxies are trusted in `x-forwarded-for`.
    pub fn new(trusted_hops: u32) -> Self {
        Self { trusted_hops }
    }

    /// Who is at the other end, beyond the trusted proxies.
    ///
    /// # Errors
    /// Where the host refuses to say.
    pub fn client_ip(&mut self, request: &mut Request<'_>) -> Result<Option<IpAddr>> {
        let _ = self.trusted_hops;
        request.peer()
    }
}

/// The `match` of a rule. The default matches everything.
#[derive(Debug, Clone, Default)]
pub struct Match {}

impl Decode for Match {
    fn decode(_: &Value, _: &mut Context<'_>) -> Option<Self> {
        Some(Self {})
    }
}

impl Match {
    /// Whether the rule is about this request.
    ///
    /// # Errors
    /// Where the host refuses to say what must be known for it.
    pub fn matches(&self, _: &mut Subject, _: &mut Request<'_>) -> Result<bool> {
        Ok(true)
    }
}
