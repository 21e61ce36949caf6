//! What a token is checked against that may have to be fetched: the keys, and the denylist.

use super::denylist::OnError;
use super::kind::{DENYLIST, HOST_VERIFY_UNAVAILABLE, KEYS, place};
use super::{Asked, Source, Tokens, Undecided};
use crate::identity::Identity;
use crate::reason::Reason;
use crate::stats::ProviderStats;
use gatehouse_feed::{Current, Wanted};
use gatehouse_host::Host;
use gatehouse_jose::{JwkSet, Jws, Key};
use std::rc::Rc;

/// A token that names no key is tried with so many: each costs a verification.
const MAX_KEYS_TRIED: usize = 4;

impl Tokens {
    pub(super) fn keys(&self, asked: &Asked<'_>) -> Result<Rc<JwkSet>, Undecided> {
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
    pub(super) fn verify(
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

    pub(super) fn check_denylist(
        &self,
        identity: &Identity,
        asked: &Asked<'_>,
    ) -> Result<(), Undecided> {
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
