//! The provider `ext_authz`: a service that is asked about requests, over HTTP as Envoy's own filter of
//! that name asks it, with a memory of what it said.
//!
//! A request is decided on in this order:
//!
//! 1. What the service said of a request with the same key is remembered ([`key`], [`lifetime`]).
//!    Refusals have a memory of their own, so that a flood of them does not drive the others out.
//!    One that sets a cookie is not remembered, and the cookie goes to one client.
//! 2. The service is asked ([`question`]), once for all requests with the same key, and for at most
//!    `max_in_flight` keys at once ([`crate::flight`]). Without `cache`, each request is asked about
//!    on its own.
//! 3. 200 is a yes, with what is to be sent on. 5xx, no answer, and a yes that cannot be used are no
//!    decision. All else is a no, which the client gets to see ([`verdict`]).
//! 4. Where there is no decision, the request is denied with `status_on_error`; or, with
//!    `on_error: allow`, goes on, from a consumer that is named as the provider is. That is counted.
//!    A request that the service cannot be asked about at all is denied even so: its client has that
//!    in its hands.

mod config;
mod key;
mod lifetime;
mod question;
mod verdict;

use crate::credential::{Location, Presented};
use crate::decision::OwnReply;
use crate::flight::{self, Failure, Flights, Key};
use crate::identity::{ClaimHeader, Identity};
use crate::provider::{Kind, Opinion, Wait};
use crate::reason::Reason;
use crate::stats::ProviderStats;
pub(crate) use config::ExtAuthzConfig;
use gatehouse_expiring_map::{ExpiringMap, Found};
use gatehouse_host::{
    Answer, CalloutId, Consumer, Headers, Host, Request, Result, StreamId, Timestamp,
};
use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use verdict::Said;

/// One provider, with what it remembers.
pub(crate) struct ExtAuthz {
    provider: String,
    config: ExtAuthzConfig,
    claim_headers: Vec<ClaimHeader>,
    /// Who goes on where there is no decision; nobody with `on_error: deny`.
    undecided: Option<Rc<Identity>>,
    flights: Flights<Option<Decided>>,
    /// Neither is ever borrowed across a host call.
    allowed: RefCell<ExpiringMap<Decided>>,
    denied: RefCell<ExpiringMap<Decided>>,
}

/// What the service decided.
#[derive(Clone)]
pub(super) enum Decided {
    Allowed(Rc<Identity>),
    Denied(Rc<OwnReply>),
}

/// The place of [`Kind::counters`] after those of the flights.
const ERRORS_ALLOWED: usize = flight::COUNTERS;

impl Kind for ExtAuthz {
    fn from(&self) -> &[Location] {
        &[]
    }

    fn check(
        &self,
        _: &Presented,
        request: &mut Request<'_>,
        stats: &ProviderStats,
    ) -> Result<Opinion> {
        let stream = request.stream();
        let key = key::of(self.config.cache.as_ref(), request.headers()?, stream);
        match self.flights.landed(&key, stream) {
            Some(Some(decided)) => return Ok(decided.into()),
            Some(None) => return Ok(self.undecided(request, stats, Reason::DecisionFailed)),
            None => {}
        }
        if self.config.cache.is_some() {
            let now = request.now()?;
            if let Some(decided) = self.remembered(&key, now) {
                return Ok(decided.into());
            }
        }
        if request.wait_is_over() {
            return Ok(self.undecided(request, stats, Reason::WaitTimeout));
        }
        let Some(callout) = question::about(&self.config, request.headers()?) else {
            return Ok(self.refusal(Reason::DecisionFailed));
        };
        Ok(match self.flights.ask(key, request, stats, || callout)? {
            Some(until) => Opinion::Wait(Wait::Callout(until)),
            None => self.undecided(request, stats, Reason::DecisionFailed),
        })
    }

    /// What to present, the service says itself.
    fn challenge(&self, _: Option<Reason>) -> Option<Cow<'static, str>> {
        None
    }

    fn counters(&self) -> &'static [&'static str] {
        &[
            "callouts",
            "callouts_failed",
            "callouts_refused",
            "errors_allowed",
        ]
    }

    fn answered(
        &self,
        callout: CalloutId,
        answer: &Answer<'_>,
        stats: &ProviderStats,
        wake: &mut Vec<StreamId>,
    ) {
        let Some(flight) = self.flights.answered(callout) else {
            return;
        };
        let host = answer.host();
        match self.decided(&flight.key, answer) {
            Ok(decided) => {
                self.flights.works(host);
                match decided.without_cookies() {
                    None => self.flights.land(flight, Some(decided), wake),
                    Some(others) => {
                        let (first, rest) = flight.split();
                        self.flights.land(first, Some(decided), wake);
                        self.flights.land(rest, Some(others), wake);
                    }
                }
            }
            Err(failure) => self
                .flights
                .fall(flight, failure, None, (host, stats), wake),
        }
    }

    fn tick(&self, host: &dyn Host, stats: &ProviderStats, wake: &mut Vec<StreamId>) {
        for flight in self.flights.overdue(host) {
            self.flights
                .fall(flight, Failure::Overdue, None, (host, stats), wake);
        }
    }

    fn tick_period(&self) -> Option<Duration> {
        Some(flight::TICK)
    }
}

impl ExtAuthz {
    /// The provider of this name.
    pub(crate) fn new(
        config: ExtAuthzConfig,
        provider: &str,
        claim_headers: &[ClaimHeader],
    ) -> Self {
        let bounds = config.cache.as_ref().map(|cache| cache.bounds);
        let map = || RefCell::new(ExpiringMap::new(bounds.unwrap_or(config::NOTHING)));
        let consumer = Consumer {
            name: provider.to_owned(),
            provider: provider.to_owned(),
            ..Consumer::default()
        };
        // The name is an identifier, and there are no claims: never refused.
        let identity = Identity::new(consumer, claim_headers).ok();
        Self {
            provider: provider.to_owned(),
            claim_headers: claim_headers.to_vec(),
            undecided: identity.filter(|_| config.allow_on_error).map(Rc::new),
            flights: Flights::new(provider, config.timeout, config.max_in_flight),
            allowed: map(),
            denied: map(),
            config,
        }
    }

    fn remembered(&self, key: &Key, now: Timestamp) -> Option<Decided> {
        for map in [&self.allowed, &self.denied] {
            if let Found::Valid(decided) = map.borrow_mut().find(key, now.as_nanos()) {
                return Some(decided);
            }
        }
        None
    }

    /// What is to become of a request that the service said nothing of.
    fn undecided(&self, request: &Request<'_>, stats: &ProviderStats, reason: Reason) -> Opinion {
        match &self.undecided {
            Some(identity) => {
                stats.count(request.host(), ERRORS_ALLOWED);
                Opinion::Good(identity.clone())
            }
            None => self.refusal(reason),
        }
    }

    fn refusal(&self, reason: Reason) -> Opinion {
        match &self.config.status_on_error {
            Some(reply) => Opinion::Refused(reason, reply.clone()),
            None => Opinion::Bad(reason),
        }
    }

    /// What the service decided, which is remembered for as long as it may be.
    fn decided(&self, key: &Key, answer: &Answer<'_>) -> std::result::Result<Decided, Failure> {
        let headers = answer.headers()?;
        let decided = match verdict::read(&self.config, answer, &headers)? {
            Said::Yes(yes) => {
                let name = yes.name.unwrap_or_else(|| self.provider.clone());
                let consumer = Consumer {
                    name,
                    provider: self.provider.clone(),
                    ..Consumer::default()
                };
                let identity = Identity::new(consumer, &self.claim_headers);
                let identity = identity
                    .map_err(|_| Failure::Answer("the consumer's name cannot be sent on"))?;
                Decided::Allowed(Rc::new(identity.with_upstream(yes.upstream)))
            }
            Said::No(reply) => Decided::Denied(Rc::new(reply)),
        };
        self.remember(key, &decided, &headers, answer.host())?;
        Ok(decided)
    }

    fn remember(
        &self,
        key: &Key,
        decided: &Decided,
        headers: &Headers,
        host: &dyn Host,
    ) -> Result<()> {
        let Some(cache) = &self.config.cache else {
            return Ok(());
        };
        let (map, other, lifetime) = match decided {
            Decided::Allowed(_) => (
                &self.allowed,
                &self.denied,
                lifetime::of(headers, cache.ttl, cache.max_ttl),
            ),
            Decided::Denied(_) => (
                &self.denied,
                &self.allowed,
                match decided.without_cookies() {
                    Some(_) => Duration::ZERO,
                    None => lifetime::of(headers, cache.negative_ttl, cache.negative_ttl),
                },
            ),
        };
        let now = host.now()?;
        let when = now.as_nanos()..now.after(lifetime).as_nanos();
        other.borrow_mut().remove(key);
        let (value, weight) = (decided.clone(), decided.weight());
        map.borrow_mut().insert(key, value, weight, when);
        Ok(())
    }
}

impl Decided {
    /// What all but one get of a refusal that sets a cookie: the session that begins with it is one
    /// client's. Nothing where it sets none.
    fn without_cookies(&self) -> Option<Self> {
        let Self::Denied(reply) = self else {
            return None;
        };
        let headers = reply.headers.iter();
        let headers: Vec<_> = headers
            .filter(|(name, _)| name != "set-cookie")
            .cloned()
            .collect();
        (headers.len() < reply.headers.len()).then(|| {
            Self::Denied(Rc::new(OwnReply {
                status: reply.status,
                headers,
                body: reply.body.clone(),
            }))
        })
    }

    /// About what it takes, in bytes.
    fn weight(&self) -> usize {
        match self {
            Self::Allowed(identity) => {
                let upstream = identity.upstream.iter();
                let upstream: usize = upstream.map(|(name, value)| name.len() + value.len()).sum();
                identity
                    .json
                    .len()
                    .saturating_mul(2)
                    .saturating_add(upstream)
            }
            Self::Denied(reply) => {
                let headers = reply.headers.iter();
                let headers: usize = headers.map(|(name, value)| name.len() + value.len()).sum();
                let body = reply.body.as_ref().map_or(0, Vec::len);
                headers.saturating_add(body)
            }
        }
    }
}

impl From<Decided> for Opinion {
    fn from(decided: Decided) -> Self {
        match decided {
            Decided::Allowed(identity) => Self::Good(identity),
            Decided::Denied(reply) => Self::Refused(Reason::DecisionDenied, reply),
        }
    }
}
