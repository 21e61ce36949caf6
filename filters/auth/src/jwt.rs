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
//!    and where the proxy cannot. At most [`verify::MAX_KEYS_TRIED`] keys are tried. Where none does, and the
//!    set has no key of the token's name, the keys are fetched anew, at most once per
//!    `unknown_key_interval`, and the request waits for that;
//! 6. `aud` has one of `audiences`, `exp` is there and has not passed, `nbf` and `iat` have come, give or
//!    take `clock_skew`;
//! 7. it fulfils all of `claims`;
//! 8. the claims that name the consumer are there and can be sent on;
//! 9. it is not on the `denylist`, which the request waits for where it has not come.
//!
//! A good token is remembered (modules `memory`, `cache`): the same bytes again skip all but the time and the
//! denylist. When other keys come, all is forgotten: a token whose key is gone is not good any more.

mod cache;
mod config;
mod denylist;
mod fetch;
mod keys;
mod kind;
mod memory;
mod reasons;
mod remote;
#[cfg(test)]
mod tests;
mod verify;

use crate::challenge::Realm;
use crate::claim::ClaimRequirement;
use crate::consumer_claims::ConsumerClaims;
use crate::credential::Location;
use crate::identity::{ClaimHeader, Identity};
use crate::reason::Reason;
use crate::stats::ProviderStats;
use cache::Found;
use denylist::{Denylist, DenylistConfig, OnError};
use gatehouse_feed::Feed;
use gatehouse_host::{Host, StreamId, Timestamp};
use gatehouse_jose::{Algorithm, ClaimRules, JwkSet, Jws};
use keys::Keys;
use kind::CACHE_MISS;
use memory::Memory;
use reasons::reason_of_jws;
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::rc::Rc;

pub(crate) use reasons::reason_of_claim;

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
            memory: RefCell::new(Memory::new(config.cache_size)),
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
}
