//! The provider `api_key`: keys that the operator hands out.
//!
//! Keys are held as SHA-256 digests only. A presented key is hashed and looked up ([`table`]), so how
//! long it takes says nothing about which keys are near. A good one is known again by a cheaper keyed hash
//! ([`seen`]). A key longer than `credential::MAX_BYTES` is nobody's, and is not hashed. A consumer may have several keys, each with its own time: that is how one is
//! replaced by another without a moment at which neither is good.

mod config;
mod seen;
mod table;

use crate::challenge::{Challenge, Realm};
use crate::credential::{Location, Presented};
use crate::identity::{ClaimHeader, Identity, is_safe};
use crate::provider::{Kind, Opinion};
use crate::reason::{Class, Reason};
use crate::stats::ProviderStats;
use gatehouse_config::{Context, Decode, HeaderValue, Time, Value};
use gatehouse_host::{Consumer, Host, Request, Timestamp};
use seen::Seen;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::rc::Rc;
use table::{Digest, Table};

/// A name that can stand in a header.
#[derive(PartialEq)]
pub(crate) struct Label(pub(crate) String);

impl Decode for Label {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = HeaderValue::decode(value, context)?;
        if text.is_empty() {
            return context.problem("a name cannot be empty");
        }
        // Beyond what a header's value may have: it would be refused with every request.
        if !is_safe(&text) {
            return context
                .problem("a name cannot have control characters, or white space around it");
        }
        Some(Self(text.to_string()))
    }

    gatehouse_config::described!(|schemas| gatehouse_config::schema::and(
        schemas.of::<HeaderValue>(),
        gatehouse_config::schema::value!({"minLength": 1})
    ));
}

/// A consumer and its keys, before it is known what the provider is called.
struct Holder {
    consumer: Consumer,
    keys: Vec<HeldKey>,
}

/// One key of a consumer.
#[derive(Clone, Copy)]
struct HeldKey {
    digest: Digest,
    window: Window,
}

/// When a key is valid: from `not_before` on, and no longer at `expires_at`.
#[derive(Clone, Copy)]
struct Window {
    not_before: Option<Time>,
    expires_at: Option<Time>,
}

/// A provider of this kind as it is configured.
pub(crate) struct ApiKeyConfig {
    pub(crate) from: Vec<Location>,
    realm: Option<Realm>,
    holders: Vec<Holder>,
}

/// The keys of one provider.
pub(crate) struct ApiKeys {
    from: Vec<Location>,
    realm: Option<Realm>,
    by_digest: Table<Known>,
    /// From [`Kind::start`] on.
    seen: Option<Seen<Known>>,
}

/// Whose key it is, and when.
#[derive(Clone)]
struct Known {
    identity: Rc<Identity>,
    window: Window,
}

impl ApiKeys {
    /// The keys of the provider of this name.
    pub(crate) fn new(config: ApiKeyConfig, provider: &str, headers: &[ClaimHeader]) -> Self {
        let keys = config.holders.iter().map(|holder| holder.keys.len());
        let mut by_digest = Table::with_capacity(keys.sum());
        for holder in config.holders {
            let mut consumer = holder.consumer;
            provider.clone_into(&mut consumer.provider);
            // A configured name is safe, and there are no claims: never refused.
            let Ok(identity) = Identity::new(consumer, headers) else {
                continue;
            };
            let identity = Rc::new(identity);
            for key in holder.keys {
                let known = Known {
                    identity: identity.clone(),
                    window: key.window,
                };
                by_digest.insert(key.digest, known);
            }
        }
        Self {
            from: config.from,
            realm: config.realm,
            by_digest,
            seen: None,
        }
    }

    /// Whose key this is. Says nothing about whether it is valid now: [`Window::check`].
    fn find(&self, key: &[u8]) -> Option<Known> {
        let by_digest = || self.by_digest.find(&Sha256::digest(key).into()).cloned();
        let Some(seen) = &self.seen else {
            return by_digest();
        };
        let mark = seen.mark(key);
        seen.find(&mark).or_else(|| {
            let known = by_digest()?;
            seen.remember(mark, known.clone());
            Some(known)
        })
    }
}

impl Kind for ApiKeys {
    fn start(&mut self, _: u32, host: &dyn Host) -> gatehouse_host::Result<()> {
        self.seen = Some(Seen::new(host)?);
        Ok(())
    }

    fn from(&self) -> &[Location] {
        &self.from
    }

    fn check(
        &self,
        presented: &Presented,
        request: &mut Request<'_>,
        _: &ProviderStats,
    ) -> gatehouse_host::Result<Opinion> {
        let key = match presented {
            Presented::Absent => return Ok(Opinion::Missing),
            Presented::Several => return Ok(Opinion::Bad(Reason::CredentialAmbiguous)),
            Presented::TooLong => return Ok(Opinion::Bad(Reason::KeyUnknown)),
            Presented::One(key) => key,
        };
        let Some(known) = self.find(key) else {
            return Ok(Opinion::Bad(Reason::KeyUnknown));
        };
        if known.window.is_bounded()
            && let Err(reason) = known.window.check(request.now()?)
        {
            return Ok(Opinion::Bad(reason));
        }
        Ok(Opinion::Good(known.identity))
    }

    fn challenge(&self, refused: Option<Reason>) -> Option<Cow<'static, str>> {
        match refused.map(Reason::class) {
            // The scheme has no way to say that.
            Some(Class::Malformed) => None,
            _ => Some(Challenge::new("ApiKey", self.realm.as_ref()).into()),
        }
    }
}

impl Window {
    /// Whether what is to be said of the key depends on the time.
    fn is_bounded(&self) -> bool {
        self.not_before.is_some() || self.expires_at.is_some()
    }

    fn check(&self, now: Timestamp) -> Result<(), Reason> {
        let now = now.as_nanos();
        if self.not_before.is_some_and(|from| now < from.as_nanos()) {
            return Err(Reason::KeyNotYetValid);
        }
        if self.expires_at.is_some_and(|until| now >= until.as_nanos()) {
            return Err(Reason::KeyExpired);
        }
        Ok(())
    }
}
