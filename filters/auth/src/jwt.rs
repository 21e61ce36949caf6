//! The provider `jwt`: tokens that an issuer signed.
//!
//! A token is good if all of:
//!
//! 1. it has three parts and is understood wholly (`gatehouse-jose`, `Jws::parse`);
//! 2. its `alg` is one of `algorithms`, and its `typ` one of `types`, if there are any;
//! 3. its claims are a JSON object, in which `iss` is `issuer`. What another issuer signed costs no
//!    more than this: no signature is checked, no key fetched;
//! 4. there are keys. Where they are fetched (modules `keys`, `remote`) and have not come, the request
//!    waits for them; where they cannot be had, `keys_unavailable`;
//! 5. a key of the set that fits that algorithm, and has the token's `kid` or none, verifies the
//!    signature: by the proxy's own verifier where the key is for RSA or ECDSA, in Rust otherwise
//!    and where the proxy cannot. At most [`MAX_KEYS_TRIED`] keys are tried. Where none does, and the
//!    set has no key of the token's name, the keys are fetched anew, at most once per
//!    `unknown_key_interval`, and the request waits for that;
//! 6. `aud` has one of `audiences`, `exp` is there and has not passed, `nbf` and `iat` have come, give or
//!    take `clock_skew`;
//! 7. it fulfils all of `claims`;
//! 8. the claims that name the consumer are there and can be sent on;
//! 9. it is not on the `denylist`, which the request waits for where it has not come.
//!
//! A good token is remembered ([`cache`]): the same bytes again skip all but the time and the
//! denylist. When other keys come, all is forgotten: a token whose key is gone is not good any more.

mod cache;
mod config;
mod denylist;
mod fetch;
mod keys;
mod remote;
#[cfg(test)]
mod tests;

use crate::challenge::{Challenge, Realm};
use crate::claim::ClaimRequirement;
use crate::consumer_claims::ConsumerClaims;
use crate::credential::{Location, Presented};
use crate::identity::{ClaimHeader, Identity};
use crate::provider::{Kind, Opinion, Wait};
use crate::reason::Reason;
use crate::stats::ProviderStats;
use cache::{Cache, Found};
use denylist::{Denylist, DenylistConfig, OnError};
use gatehouse_feed::{Current, Event, Feed, Wanted};
use gatehouse_host::{Answer, CalloutId, Host, Request, StreamId, Timestamp};
use gatehouse_jose::{Algorithm, ClaimError, ClaimRules, JwkSet, Jws, JwsError, Key};
use keys::Keys;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// A token that names no key is tried with so many: each costs a verification.
pub(crate) const MAX_KEYS_TRIED: usize = 4;

/// A provider of this kind as it is configured.
pub(crate) struct JwtConfig {
    pub(crate) from: Vec<Location>,
    realm: Option<Realm>,
    issuer: String,
    algorithms: Vec<Algorithm>,
    keys: Keys,
    rules: ClaimRules,
    claims: ConsumerClaims,
    /// None for any.
    types: Vec<TokenType>,
    required: Vec<ClaimRequirement>,
    denylist: Option<DenylistConfig>,
    cache_size: usize,
}

/// A `typ`, in its shortest form.
struct TokenType(Box<str>);

impl TokenType {
    fn plain(text: &str) -> String {
        let text = text.to_ascii_lowercase();
        match text.strip_prefix("application/") {
            Some(rest) if !rest.contains('/') => rest.to_owned(),
            _ => text,
        }
    }
}

/// One provider, with the tokens that it remembers.
pub(crate) struct Tokens {
    provider: String,
    from: Vec<Location>,
    realm: Option<Realm>,
    issuer: String,
    algorithms: Vec<Algorithm>,
    keys: Source,
    rules: ClaimRules,
    claims: ConsumerClaims,
    types: Vec<TokenType>,
    required: Vec<ClaimRequirement>,
    denylist: Option<(Feed<Denylist>, OnError)>,
    claim_headers: Vec<ClaimHeader>,
    /// Never borrowed across a host call.
    memory: RefCell<Memory>,
}

/// Where keys are taken from.
enum Source {
    Written(Rc<JwkSet>),
    Fetched(Box<Feed<JwkSet>>),
}

/// What is remembered, and the keys that it was verified by.
struct Memory {
    size: usize,
    keys: Option<Rc<JwkSet>>,
    cache: Cache,
}

/// Who asks, and when.
struct Asked<'a> {
    host: &'a dyn Host,
    stats: &'a ProviderStats,
    now: Timestamp,
    stream: StreamId,
    may_wait: bool,
}

/// Why a token is not good, or not yet.
enum Undecided {
    Bad(Reason),
    Wait(Timestamp),
}

impl From<Reason> for Undecided {
    fn from(reason: Reason) -> Self {
        Self::Bad(reason)
    }
}

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
const CACHE_MISS: usize = 0;
const HOST_VERIFY_UNAVAILABLE: usize = 1;
const KEYS: usize = 2;
const DENYLIST: usize = 5;

/// What is counted of a fetched document, from this place on.
const fn place(first: usize, event: Event) -> usize {
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

impl Tokens {
    /// The provider of this name.
    pub(crate) fn new(config: JwtConfig, provider: &str, claim_headers: &[ClaimHeader]) -> Self {
        let denylist = config.denylist.as_ref();
        Self {
            provider: provider.to_owned(),
            from: config.from,
            realm: config.realm,
            algorithms: config.algorithms,
            denylist: denylist.map(|list| (list.feed(provider), list.on_error)),
            keys: match config.keys {
                Keys::Written(keys) => Source::Written(Rc::new(keys)),
                Keys::Remote(remote) => {
                    Source::Fetched(Box::new(remote.feed(provider, &config.issuer)))
                }
            },
            issuer: config.issuer,
            rules: config.rules,
            claims: config.claims,
            types: config.types,
            required: config.required,
            claim_headers: claim_headers.to_vec(),
            memory: RefCell::new(Memory {
                size: config.cache_size,
                keys: None,
                cache: Cache::new(config.cache_size),
            }),
        }
    }

    /// Whose token this is.
    fn identity(&self, token: &[u8], asked: &Asked<'_>) -> Result<Rc<Identity>, Undecided> {
        match self.recall(token, asked.now) {
            Found::Valid(identity) => return Ok(identity),
            Found::Expired => return Err(Reason::TokenExpired.into()),
            Found::Unknown => {}
        }
        let jws = Jws::parse(token).map_err(|error| reason_of_jws(&error))?;
        if !self.algorithms.contains(&jws.algorithm()) {
            return Err(Reason::TokenAlgorithm.into());
        }
        if !self.is_of_type(jws.typ()) {
            return Err(Reason::TokenType.into());
        }
        let claims = jws.claims().map_err(|error| reason_of_jws(&error))?;
        self.check_issuer(&claims)?;
        let keys = self.keys(asked)?;
        asked.stats.count(asked.host, CACHE_MISS);
        let keys = self.verify(&jws, keys, asked)?;
        let identity = self.establish(claims, asked.now)?;
        self.remember(token, &keys, &identity, asked.now);
        Ok(identity)
    }

    /// Who the claims of a token that was verified name, if all is well with them.
    fn establish(
        &self,
        claims: Map<String, Value>,
        now: Timestamp,
    ) -> Result<Rc<Identity>, Reason> {
        gatehouse_jose::validate(&claims, &self.rules, now.as_nanos()).map_err(reason_of_claim)?;
        if !self.required.iter().all(|claim| claim.holds(&claims)) {
            return Err(Reason::ClaimMismatch);
        }
        let identity = Identity::new(
            self.claims.consumer(&self.provider, claims)?,
            &self.claim_headers,
        )?;
        Ok(Rc::new(identity))
    }

    fn is_of_type(&self, typ: Option<&str>) -> bool {
        if self.types.is_empty() {
            return true;
        }
        let typ = typ.map(TokenType::plain);
        typ.is_some_and(|typ| self.types.iter().any(|known| *known.0 == *typ))
    }

    /// Whether the token says that it is this issuer's. That it is true, its signature says.
    fn check_issuer(&self, claims: &Map<String, Value>) -> Result<(), Reason> {
        match claims.get("iss") {
            Some(Value::String(issuer)) if *issuer == self.issuer => Ok(()),
            Some(Value::String(_)) => Err(Reason::TokenIssuer),
            Some(_) => Err(Reason::ClaimMalformed),
            None => Err(Reason::ClaimMissing),
        }
    }

    /// What is remembered of a token, by the keys of now.
    fn recall(&self, token: &[u8], now: Timestamp) -> Found {
        let keys = match &self.keys {
            Source::Written(keys) => Some(keys.clone()),
            Source::Fetched(feed) => feed.document(now),
        };
        match keys {
            Some(keys) => self.memory.borrow_mut().of(&keys).find(token, now),
            None => Found::Unknown,
        }
    }

    fn remember(&self, token: &[u8], keys: &Rc<JwkSet>, identity: &Rc<Identity>, now: Timestamp) {
        let Ok(Some(until)) = gatehouse_jose::expiry_ns(&identity.consumer.claims) else {
            return;
        };
        let until = Timestamp::from_nanos(until).after(self.rules.clock_skew);
        let entry = cache::Entry::new(identity.clone(), now, until);
        self.memory.borrow_mut().of(keys).remember(token, entry);
    }

    fn keys(&self, asked: &Asked<'_>) -> Result<Rc<JwkSet>, Undecided> {
        let feed = match &self.keys {
            Source::Written(keys) => return Ok(keys.clone()),
            Source::Fetched(feed) => feed,
        };
        let count = |event| asked.stats.count(asked.host, place(KEYS, event));
        match feed.current(asked.host, asked.now, asked.stream, &count) {
            Current::Ready(keys) => Ok(keys),
            Current::Wait(until) if asked.may_wait => Err(Undecided::Wait(until)),
            _ => Err(Reason::KeysUnavailable.into()),
        }
    }

    /// Checks the signature, and says by which set of keys.
    fn verify(
        &self,
        jws: &Jws<'_>,
        keys: Rc<JwkSet>,
        asked: &Asked<'_>,
    ) -> Result<Rc<JwkSet>, Undecided> {
        let refused = match try_keys(&keys, jws, asked) {
            Ok(()) => return Ok(keys),
            Err(refused) => refused,
        };
        let is_named = |key: &Key| key.kid() == jws.kid();
        let is_known = jws.kid().is_some() && keys.keys().iter().any(is_named);
        let feed = match &self.keys {
            Source::Fetched(feed) if !is_known && asked.may_wait => feed,
            _ => return Err(refused.into()),
        };
        let count = |event| asked.stats.count(asked.host, place(KEYS, event));
        match feed.want(asked.host, asked.now, asked.stream, &keys, &count) {
            Wanted::Ready(newer) => try_keys(&newer, jws, asked)
                .map(|()| newer)
                .map_err(Into::into),
            Wanted::Wait(until) => Err(Undecided::Wait(until)),
            Wanted::Refused => Err(refused.into()),
        }
    }

    fn check_denylist(&self, identity: &Identity, asked: &Asked<'_>) -> Result<(), Undecided> {
        let Some((feed, on_error)) = &self.denylist else {
            return Ok(());
        };
        let count = |event| asked.stats.count(asked.host, place(DENYLIST, event));
        match feed.current(asked.host, asked.now, asked.stream, &count) {
            Current::Ready(list) if list.has(&identity.consumer.claims) => {
                Err(Reason::TokenRevoked.into())
            }
            Current::Ready(_) => Ok(()),
            Current::Wait(until) if asked.may_wait => Err(Undecided::Wait(until)),
            _ if *on_error == OnError::Allow => Ok(()),
            _ => Err(Reason::DenylistUnavailable.into()),
        }
    }
}

impl Memory {
    /// What was verified by these keys; whatever others verified is forgotten.
    fn of(&mut self, keys: &Rc<JwkSet>) -> &mut Cache {
        let same = self
            .keys
            .as_ref()
            .is_some_and(|known| Rc::ptr_eq(known, keys));
        if !same {
            self.keys = Some(keys.clone());
            self.cache = Cache::new(self.size);
        }
        &mut self.cache
    }
}

fn try_keys(keys: &JwkSet, jws: &Jws<'_>, asked: &Asked<'_>) -> Result<(), Reason> {
    let mut refusal = Reason::TokenKeyUnknown;
    for key in keys
        .candidates(jws.algorithm(), jws.kid())
        .take(MAX_KEYS_TRIED)
    {
        if verifies(key, jws, asked.host, asked.stats) {
            return Ok(());
        }
        refusal = Reason::TokenSignature;
    }
    Err(refusal)
}

fn verifies(key: &Key, jws: &Jws<'_>, host: &dyn Host, stats: &ProviderStats) -> bool {
    let algorithm = jws.algorithm();
    if let Some(material) = key.host_material(algorithm) {
        let Some(signature) = key.host_signature(algorithm, jws.signature()) else {
            return false;
        };
        let answer = host.verify_signature(
            material.hash,
            material.spki_der,
            &signature,
            jws.signing_input(),
        );
        match answer {
            Ok(good) => return good,
            Err(_) => stats.count(host, HOST_VERIFY_UNAVAILABLE),
        }
    }
    key.verify(algorithm, jws.signing_input(), jws.signature())
}

fn reason_of_jws(error: &JwsError) -> Reason {
    match error {
        JwsError::TooLong => Reason::TokenTooLong,
        JwsError::MissingAlgorithm | JwsError::UnsupportedAlgorithm => Reason::TokenAlgorithm,
        JwsError::CriticalExtension | JwsError::UnencodedPayload | JwsError::Nested => {
            Reason::TokenExtension
        }
        _ => Reason::TokenMalformed,
    }
}

pub(crate) fn reason_of_claim(error: ClaimError) -> Reason {
    match error {
        ClaimError::Missing(_) => Reason::ClaimMissing,
        ClaimError::IssuerMismatch => Reason::TokenIssuer,
        ClaimError::AudienceMismatch => Reason::TokenAudience,
        ClaimError::Expired => Reason::TokenExpired,
        ClaimError::NotYetValid => Reason::TokenNotYetValid,
        ClaimError::IssuedInFuture => Reason::TokenIssuedInFuture,
        _ => Reason::ClaimMalformed,
    }
}
