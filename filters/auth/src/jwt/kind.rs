//! What the filter asks of the provider, and what is counted.

use super::{Asked, Source, Tokens, Undecided};
use crate::challenge::Challenge;
use crate::credential::{Location, Presented};
use crate::provider::{Kind, Opinion, Wait};
use crate::reason::Reason;
use crate::stats::ProviderStats;
use gatehouse_feed::Event;
use gatehouse_host::{Answer, CalloutId, Host, Request, StreamId};
use std::borrow::Cow;
use std::time::Duration;

const COUNTERS: [&str; 8] = [
    "token_cache_miss",
    "host_verify_unavailable",
    "keys_fetched",
    "keys_not_modified",
    "keys_fetch_failed",
    "denylist_fetched",
    "denylist_not_modified",
    "denylist_fetch_failed",
];

/// The places of [`Kind::counters`].
pub(super) const CACHE_MISS: usize = 0;
pub(super) const HOST_VERIFY_UNAVAILABLE: usize = 1;
pub(super) const KEYS: usize = 2;
pub(super) const DENYLIST: usize = 5;

/// What is counted of a fetched document, from this place on.
pub(super) const fn place(first: usize, event: Event) -> usize {
    match event {
        Event::Fetched => first,
        Event::NotModified => first + 1,
        Event::Failed => first + 2,
    }
}

impl Kind for Tokens {
    fn from(&self) -> &[Location] {
        &self.from
    }

    fn check(
        &self,
        presented: &Presented,
        request: &mut Request<'_>,
        stats: &ProviderStats,
    ) -> gatehouse_host::Result<Opinion> {
        let token = match presented {
            Presented::Absent => return Ok(Opinion::Missing),
            Presented::Several => return Ok(Opinion::Bad(Reason::CredentialAmbiguous)),
            Presented::TooLong => return Ok(Opinion::Bad(Reason::TokenTooLong)),
            Presented::One(token) => token,
        };
        let asked = Asked {
            now: request.now()?,
            host: request.host(),
            stats,
            stream: request.stream(),
            may_wait: !request.wait_is_over(),
        };
        let identity = self.identity(token, &asked);
        let checked = identity.and_then(|identity| {
            self.check_denylist(&identity, &asked)?;
            Ok(identity)
        });
        Ok(match checked {
            Ok(identity) => Opinion::Good(identity),
            Err(Undecided::Bad(reason)) => Opinion::Bad(reason),
            Err(Undecided::Wait(until)) => Opinion::Wait(Wait::Callout(until)),
        })
    }

    fn challenge(&self, refused: Option<Reason>) -> Option<Cow<'static, str>> {
        Some(Challenge::bearer(self.realm.as_ref(), refused).into())
    }

    fn insufficient_scope(&self, scopes: &[String]) -> Option<Cow<'static, str>> {
        Some(Challenge::insufficient_scope(self.realm.as_ref(), scopes).into())
    }

    fn counters(&self) -> &'static [&'static str] {
        let count = match (&self.keys, &self.denylist) {
            (_, Some(_)) => COUNTERS.len(),
            (Source::Fetched(_), None) => DENYLIST,
            (Source::Written(_), None) => KEYS,
        };
        COUNTERS.get(..count).unwrap_or_default()
    }

    fn answered(
        &self,
        callout: CalloutId,
        answer: &Answer<'_>,
        stats: &ProviderStats,
        wake: &mut Vec<StreamId>,
    ) {
        let host = answer.host();
        if let Source::Fetched(feed) = &self.keys {
            let count = |event| stats.count(host, place(KEYS, event));
            feed.answered(callout, answer, &count, wake);
        }
        if let Some((feed, _)) = &self.denylist {
            let count = |event| stats.count(host, place(DENYLIST, event));
            feed.answered(callout, answer, &count, wake);
        }
    }

    fn tick(&self, host: &dyn Host, stats: &ProviderStats, wake: &mut Vec<StreamId>) {
        if let Source::Fetched(feed) = &self.keys {
            feed.tick(host, &|event| stats.count(host, place(KEYS, event)), wake);
        }
        if let Some((feed, _)) = &self.denylist {
            feed.tick(
                host,
                &|event| stats.count(host, place(DENYLIST, event)),
                wake,
            );
        }
    }

    fn tick_period(&self) -> Option<Duration> {
        let fetches = matches!(self.keys, Source::Fetched(_)) || self.denylist.is_some();
        fetches.then_some(gatehouse_feed::TICK)
    }
}
