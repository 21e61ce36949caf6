//! The provider `introspection`: tokens that an authorization server is asked about (RFC 7662).
//!
//! A token is decided on in this order:
//!
//! 1. One with a character that no token has (RFC 6750, 2.1: `b64token`) is refused, and nobody is
//!    asked.
//! 2. What was said of it before is remembered: for a good token until its `exp`, and no longer than
//!    `cache.positive`; for one that is not, for `cache.negative`, in a memory of its own, so that a
//!    flood of tokens that are none does not drive good ones out. Tokens are remembered as their
//!    SHA-256 digests.
//! 3. The endpoint is asked, once for all requests that present the token, and for at most
//!    `max_in_flight` tokens at once ([`crate::flight`]).
//! 4. Its answer counts if it is 200 and a JSON object with a boolean `active` ([`answer`]). `false`
//!    is a refusal. `true` is good if `exp`, `nbf`, `iat`, `iss` and `aud`, as far as they are there or
//!    asked for, hold too, and the claims that name the consumer are there and can be sent on.
//! 5. Where there is no answer that counts, the request is denied; or, with `on_error: {stale: …}`,
//!    what was last said of a good token holds for so much longer, but not beyond its `exp`. Once the
//!    endpoint says otherwise, it no longer does.

mod answer;
mod config;
mod form;

use crate::challenge::Challenge;
use crate::credential::{Location, Presented};
use crate::flight::{self, Failure, Flights, Key};
use crate::identity::{ClaimHeader, Identity};
use crate::provider::{Kind, Opinion, Wait};
use crate::reason::Reason;
use crate::stats::ProviderStats;
use answer::Said;
pub(crate) use config::IntrospectionConfig;
use gatehouse_expiring_map::{ExpiringMap, Found, digest};
use gatehouse_host::{Answer, Callout, CalloutId, Host, Request, Result, StreamId, Timestamp};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// A longer answer is none.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// One provider, with what it remembers.
pub(crate) struct Introspection {
    provider: String,
    config: IntrospectionConfig,
    claim_headers: Vec<ClaimHeader>,
    flights: Flights<Outcome>,
    /// Neither is ever borrowed across a host call.
    good: RefCell<ExpiringMap<Known>>,
    bad: RefCell<ExpiringMap<Reason>>,
}

/// A good token.
#[derive(Clone)]
struct Known {
    identity: Rc<Identity>,
    /// From then on it only counts where the endpoint says nothing.
    stale_from: Timestamp,
}

/// What an introspection came to.
#[derive(Clone)]
enum Outcome {
    Checked(std::result::Result<Rc<Identity>, Reason>),
    Failed,
}

/// The place of [`Kind::counters`] after those of the flights.
const STALE: usize = flight::COUNTERS;

impl Kind for Introspection {
    fn from(&self) -> &[Location] {
        &self.config.from
    }

    fn check(
        &self,
        presented: &Presented,
        request: &mut Request<'_>,
        stats: &ProviderStats,
    ) -> Result<Opinion> {
        let token = match presented {
            Presented::Absent => return Ok(Opinion::Missing),
            Presented::Several => return Ok(Opinion::Bad(Reason::CredentialAmbiguous)),
            Presented::TooLong => return Ok(Opinion::Bad(Reason::TokenTooLong)),
            Presented::One(token) => token,
        };
        if !is_token(token) {
            return Ok(Opinion::Bad(Reason::TokenMalformed));
        }
        let key = digest([token.as_slice()]);
        match self.flights.landed(&key, request.stream()) {
            Some(Outcome::Checked(checked)) => return Ok(checked.into()),
            Some(Outcome::Failed) => {
                return self.failed(&key, request, stats, Reason::IntrospectionFailed);
            }
            None => {}
        }
        if let Some(checked) = self.remembered(&key, request.now()?) {
            return Ok(checked.into());
        }
        if request.wait_is_over() {
            return self.failed(&key, request, stats, Reason::WaitTimeout);
        }
        let asked = self
            .flights
            .ask(key, request, stats, || self.callout(token))?;
        match asked {
            Some(until) => Ok(Opinion::Wait(Wait::Callout(until))),
            None => self.failed(&key, request, stats, Reason::IntrospectionFailed),
        }
    }

    fn challenge(&self, refused: Option<Reason>) -> Option<Cow<'static, str>> {
        Some(Challenge::bearer(self.config.realm.as_ref(), refused).into())
    }

    fn insufficient_scope(&self, scopes: &[String]) -> Option<Cow<'static, str>> {
        Some(Challenge::insufficient_scope(self.config.realm.as_ref(), scopes).into())
    }

    fn counters(&self) -> &'static [&'static str] {
        &[
            "callouts",
            "callouts_failed",
            "callouts_refused",
            "stale_served",
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
        let said = answer::read(answer, MAX_ANSWER_BYTES)
            .and_then(|said| Ok((said, host.now().map_err(Failure::Host)?)));
        match said {
            Ok((said, now)) => {
                self.flights.works(host);
                let checked = self.learn(&flight.key, said, now);
                self.flights.land(flight, Outcome::Checked(checked), wake);
            }
            Err(failure) => {
                self.flights
                    .fall(flight, failure, Outcome::Failed, (host, stats), wake)
            }
        }
    }

    fn tick(&self, host: &dyn Host, stats: &ProviderStats, wake: &mut Vec<StreamId>) {
        for flight in self.flights.overdue(host) {
            self.flights.fall(
                flight,
                Failure::Overdue,
                Outcome::Failed,
                (host, stats),
                wake,
            );
        }
    }

    fn tick_period(&self) -> Option<Duration> {
        Some(flight::TICK)
    }
}

impl Introspection {
    /// The provider of this name.
    pub(crate) fn new(
        config: IntrospectionConfig,
        provider: &str,
        claim_headers: &[ClaimHeader],
    ) -> Self {
        Self {
            provider: provider.to_owned(),
            claim_headers: claim_headers.to_vec(),
            flights: Flights::new(provider, config.timeout, config.max_in_flight),
            good: RefCell::new(ExpiringMap::new(config.cache.good)),
            bad: RefCell::new(ExpiringMap::new(config.cache.bad)),
            config,
        }
    }

    /// What is known of a token that need not be asked about.
    fn remembered(
        &self,
        key: &Key,
        now: Timestamp,
    ) -> Option<std::result::Result<Rc<Identity>, Reason>> {
        match self.good.borrow_mut().find(key, now.as_nanos()) {
            Found::Valid(known) if now < known.stale_from => return Some(Ok(known.identity)),
            // It may just be bad; but not both.
            Found::Valid(_) => return None,
            Found::Expired | Found::Unknown => {}
        }
        match self.bad.borrow_mut().find(key, now.as_nanos()) {
            Found::Valid(reason) => Some(Err(reason)),
            Found::Expired | Found::Unknown => None,
        }
    }

    /// What is to be said of a token that the endpoint said nothing of.
    fn failed(
        &self,
        key: &Key,
        request: &mut Request<'_>,
        stats: &ProviderStats,
        reason: Reason,
    ) -> Result<Opinion> {
        if self.config.stale.is_none() {
            return Ok(Opinion::Bad(reason));
        }
        let now = request.now()?;
        let found = self.good.borrow_mut().find(key, now.as_nanos());
        Ok(match found {
            Found::Valid(known) => {
                stats.count(request.host(), STALE);
                Opinion::Good(known.identity)
            }
            Found::Expired | Found::Unknown => Opinion::Bad(reason),
        })
    }

    /// Remembers what was said of a token.
    fn learn(
        &self,
        key: &Key,
        said: Said,
        now: Timestamp,
    ) -> std::result::Result<Rc<Identity>, Reason> {
        let checked = match said {
            Said::Inactive => Err(Reason::TokenInactive),
            Said::Active(claims) => self.checked(claims, now),
        };
        match &checked {
            Ok((identity, expiry)) => {
                let end = |at: Timestamp| expiry.map_or(at, |expiry| at.min(expiry));
                let stale_from = end(now.after(self.config.cache.positive));
                let stale = self.config.stale.unwrap_or_default();
                let until = end(stale_from.after(stale));
                let known = Known {
                    identity: identity.clone(),
                    stale_from,
                };
                let when = now.as_nanos()..until.as_nanos();
                // As JSON, as a tree, and as what is sent on.
                let weight = identity.json.len().saturating_mul(4);
                self.good.borrow_mut().insert(key, known, weight, when);
                self.bad.borrow_mut().remove(key);
            }
            Err(reason) => {
                let until = now.after(self.config.cache.negative);
                let when = now.as_nanos()..until.as_nanos();
                self.good.borrow_mut().remove(key);
                self.bad.borrow_mut().insert(key, *reason, 0, when);
            }
        }
        checked.map(|(identity, _)| identity)
    }

    /// Whose token it is, and when it expires.
    fn checked(
        &self,
        claims: Map<String, Value>,
        now: Timestamp,
    ) -> std::result::Result<(Rc<Identity>, Option<Timestamp>), Reason> {
        gatehouse_jose::validate(&claims, &self.config.rules, now.as_nanos())
            .map_err(crate::jwt::reason_of_claim)?;
        let expiry = gatehouse_jose::expiry_ns(&claims).map_err(crate::jwt::reason_of_claim)?;
        let consumer = self.config.consumer.consumer(&self.provider, claims)?;
        let identity = Identity::new(consumer, &self.claim_headers)?;
        Ok((Rc::new(identity), expiry.map(Timestamp::from_nanos)))
    }

    fn callout(&self, token: &[u8]) -> Callout {
        let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        let url = &self.config.url;
        let mut headers = vec![
            header(":method", "POST"),
            header(":path", &url.path),
            header(":authority", &url.authority),
            header("content-type", "application/x-www-form-urlencoded"),
            header("accept", "application/json"),
        ];
        if let Some(authorization) = &self.config.authorization {
            headers.push(header("authorization", authorization));
        }
        let token = form::encoded(token);
        let mut body = format!("token={token}&token_type_hint=access_token").into_bytes();
        body.extend_from_slice(self.config.form.as_bytes());
        Callout {
            cluster: self.config.cluster.clone(),
            headers,
            body,
            timeout: self.config.timeout,
        }
    }
}

/// RFC 6750, 2.1: `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`.
fn is_token(token: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
    let length = token.iter().take_while(|byte| fits(byte)).count();
    length > 0 && token.iter().skip(length).all(|byte| *byte == b'=')
}
