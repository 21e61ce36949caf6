//! The provider `jwt`: tokens that an issuer signed.
//!
//! A token is good if all of:
//!
//! 1. it has three parts and is understood wholly (`gatehouse-jose`, `Jws::parse`);
//! 2. its `alg` is one of `algorithms`;
//! 3. a key of the set that fits that algorithm, and has the token's `kid` or none, verifies the
//!    signature: by the proxy's own verifier where the key is for RSA or ECDSA, in Rust otherwise
//!    and where the proxy cannot. At most [`MAX_KEYS_TRIED`] keys are tried;
//! 4. `iss` is `issuer`, `aud` has one of `audiences`, `exp` is there and has not passed, `nbf` and
//!    `iat` have come, give or take `clock_skew`;
//! 5. the claims that name the consumer are there and can be sent on.
//!
//! A good token is remembered ([`cache`]): the same bytes again skip all but the time.

mod cache;
mod config;
mod keys;
#[cfg(test)]
mod tests;

use crate::challenge::{Challenge, Realm};
use crate::credential::{Location, Presented};
use crate::identity::{ClaimHeader, Identity};
use crate::provider::{Kind, Opinion};
use crate::reason::Reason;
use crate::stats::ProviderStats;
use cache::{Cache, Found};
use gatehouse_host::{Consumer, Host, Request, Timestamp};
use gatehouse_jose::{Algorithm, ClaimError, ClaimRules, JwkSet, Jws, JwsError, Key};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

/// A token that names no key is tried with so many: each costs a verification.
pub(crate) const MAX_KEYS_TRIED: usize = 4;

/// A provider of this kind as it is configured.
pub(crate) struct JwtConfig {
    pub(crate) from: Vec<Location>,
    realm: Option<Realm>,
    algorithms: Vec<Algorithm>,
    keys: JwkSet,
    rules: ClaimRules,
    claims: ConsumerClaims,
    cache_size: usize,
}

/// Which claims say who the consumer is.
#[derive(Debug, Clone, PartialEq)]
struct ConsumerClaims {
    name: String,
    groups: String,
    scopes: String,
}

/// One provider, with the tokens that it remembers.
pub(crate) struct Tokens {
    provider: String,
    config: JwtConfig,
    claim_headers: Vec<ClaimHeader>,
    /// Never borrowed across a host call.
    cache: RefCell<Cache>,
}

/// The places of [`Kind::counters`].
const CACHE_MISS: usize = 0;
const HOST_VERIFY_UNAVAILABLE: usize = 1;

impl Kind for Tokens {
    fn from(&self) -> &[Location] {
        &self.config.from
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
        let now = request.now()?;
        Ok(self.identity(token, now, request.host(), stats).into())
    }

    fn challenge(&self, refused: Option<Reason>) -> Option<Cow<'static, str>> {
        Some(Challenge::bearer(self.config.realm.as_ref(), refused).into())
    }

    fn insufficient_scope(&self, scopes: &[String]) -> Option<Cow<'static, str>> {
        Some(Challenge::insufficient_scope(self.config.realm.as_ref(), scopes).into())
    }

    fn counters(&self) -> &'static [&'static str] {
        &["token_cache_miss", "host_verify_unavailable"]
    }
}

impl Tokens {
    /// The provider of this name.
    pub(crate) fn new(config: JwtConfig, provider: &str, claim_headers: &[ClaimHeader]) -> Self {
        Self {
            provider: provider.to_owned(),
            claim_headers: claim_headers.to_vec(),
            cache: RefCell::new(Cache::new(config.cache_size)),
            config,
        }
    }

    /// Whose token this is.
    fn identity(
        &self,
        token: &[u8],
        now: Timestamp,
        host: &dyn Host,
        stats: &ProviderStats,
    ) -> Result<Rc<Identity>, Reason> {
        let found = self.cache.borrow_mut().find(token, now);
        match found {
            Found::Valid(identity) => return Ok(identity),
            Found::Expired => return Err(Reason::TokenExpired),
            Found::Unknown => stats.count(host, CACHE_MISS),
        }
        let jws = Jws::parse(token).map_err(|error| reason_of_jws(&error))?;
        self.verify(&jws, host, stats)?;
        let claims = jws.claims().map_err(|error| reason_of_jws(&error))?;
        gatehouse_jose::validate(&claims, &self.config.rules, now.as_nanos())
            .map_err(reason_of_claim)?;
        let until = gatehouse_jose::expiry_ns(&claims).map_err(reason_of_claim)?;
        let identity = Rc::new(Identity::new(self.consumer(claims)?, &self.claim_headers)?);
        if let Some(until) = until {
            let skew = u64::try_from(self.config.rules.clock_skew.as_nanos()).unwrap_or(u64::MAX);
            let until = Timestamp::from_nanos(until.saturating_add(skew));
            let entry = cache::Entry::new(identity.clone(), now, until);
            self.cache.borrow_mut().remember(token, entry);
        }
        Ok(identity)
    }

    fn verify(&self, jws: &Jws<'_>, host: &dyn Host, stats: &ProviderStats) -> Result<(), Reason> {
        let algorithm = jws.algorithm();
        if !self.config.algorithms.contains(&algorithm) {
            return Err(Reason::TokenAlgorithm);
        }
        let mut refusal = Reason::TokenKeyUnknown;
        let candidates = self.config.keys.candidates(algorithm, jws.kid());
        for key in candidates.take(MAX_KEYS_TRIED) {
            if verifies(key, jws, host, stats) {
                return Ok(());
            }
            refusal = Reason::TokenSignature;
        }
        Err(refusal)
    }

    fn consumer(&self, claims: Map<String, Value>) -> Result<Consumer, Reason> {
        let names = &self.config.claims;
        let name = match claims.get(&names.name) {
            Some(Value::String(name)) => name.clone(),
            None => return Err(Reason::ClaimMissing),
            Some(_) => return Err(Reason::ClaimMalformed),
        };
        Ok(Consumer {
            name,
            provider: self.provider.clone(),
            groups: list(claims.get(&names.groups), |text| vec![text.to_owned()])?,
            // RFC 8693, 4.2: one text, separated by spaces.
            scopes: list(claims.get(&names.scopes), |text| {
                text.split_ascii_whitespace().map(str::to_owned).collect()
            })?,
            claims,
            metadata: Map::new(),
        })
    }
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

/// A claim that is a list of texts, or one text.
fn list(claim: Option<&Value>, one: impl Fn(&str) -> Vec<String>) -> Result<Vec<String>, Reason> {
    match claim {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(one(text)),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or(Reason::ClaimMalformed),
        Some(_) => Err(Reason::ClaimMalformed),
    }
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

fn reason_of_claim(error: ClaimError) -> Reason {
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
