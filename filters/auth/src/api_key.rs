//! The provider `api_key`: keys that the operator hands out.
//!
//! Keys are held as SHA-256 digests only. A presented key is hashed and looked up, so how long it
//! takes says nothing about which keys are near; the digest found is compared once more in constant
//! time. A key longer than [`MAX_BYTES`] is nobody's, and is not hashed.

use crate::challenge::{Challenge, Realm};
use crate::credential::{Location, MAX_BYTES, Presented};
use crate::identity::{ClaimHeader, Identity, is_safe};
use crate::provider::{Kind, Opinion};
use crate::reason::{Class, Reason};
use crate::stats::ProviderStats;
use gatehouse_config::{
    Context, Decode, Entries, HeaderValue, NonEmpty, Secret, Sha256Digest, Time, Value, object,
};
use gatehouse_host::{Consumer, Request, Timestamp};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;
use subtle::ConstantTimeEq as _;

type Digest = [u8; 32];

/// A name that can stand in a header.
pub(crate) struct Label(pub(crate) String);

impl Decode for Label {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = HeaderValue::decode(value, context)?;
        if text.is_empty() {
            return context.problem("a name cannot be empty");
        }
        // Beyond what a header's value may have: it would be refused with every request.
        if !is_safe(&text) {
            return context.problem("a name cannot have control characters");
        }
        Some(Self(text.to_string()))
    }
}

object! {
    struct RawApiKey {
        from: NonEmpty<Location>,
        realm: Option<Realm>,
        consumers: NonEmpty<Holder>,
    }
}

object! {
    struct RawHolder {
        name: Label,
        key_sha256: Option<Sha256Digest>,
        key: Option<Secret>,
        groups: Vec<Label> = Vec::new(),
        scopes: Vec<Label> = Vec::new(),
        metadata: Entries<String, String> = Entries::default(),
        not_before: Option<Time>,
        expires_at: Option<Time>,
    }
}

/// A consumer and its key, before it is known what the provider is called.
struct Holder {
    consumer: Consumer,
    digest: Digest,
    /// Where the key stands, for messages.
    field: &'static str,
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
    by_digest: HashMap<Digest, Known>,
}

/// Whose key it is, and when.
struct Known {
    digest: Digest,
    identity: Rc<Identity>,
    not_before: Option<Time>,
    expires_at: Option<Time>,
}

impl Decode for Holder {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let raw = RawHolder::decode(value, context)?;
        let (digest, field) = match (&raw.key_sha256, &raw.key) {
            (Some(digest), None) => (*digest.bytes(), "key_sha256"),
            (None, Some(key)) => (digest_of_secret(key, context)?, "key"),
            (None, None) => {
                return context.problem_hint("needs a key", "set key_sha256 or key");
            }
            (Some(_), Some(_)) => {
                return context.problem_hint("has two keys", "set key_sha256 or key, not both");
            }
        };
        if digest == *Sha256::digest(b"") {
            return context.at_key(field, |context| {
                context.problem("is the digest of an empty key, which anybody has")
            });
        }
        if let (Some(from), Some(until)) = (raw.not_before, raw.expires_at)
            && from >= until
        {
            return context.at_key("expires_at", |context| {
                context.problem("is not after not_before: the key would never be valid")
            });
        }
        let texts = |labels: Vec<Label>| labels.into_iter().map(|label| label.0).collect();
        let metadata = raw.metadata.0.into_iter();
        Some(Self {
            consumer: Consumer {
                name: raw.name.0,
                groups: texts(raw.groups),
                scopes: texts(raw.scopes),
                metadata: metadata.map(|(key, value)| (key, value.into())).collect(),
                ..Consumer::default()
            },
            digest,
            field,
            not_before: raw.not_before,
            expires_at: raw.expires_at,
        })
    }
}

fn digest_of_secret(key: &Secret, context: &mut Context<'_>) -> Option<Digest> {
    if key.expose().len() > MAX_BYTES {
        return context.at_key("key", |context| {
            context.problem(format!("is longer than {MAX_BYTES} bytes"))
        });
    }
    Some(Sha256::digest(key.expose()).into())
}

impl Decode for ApiKeyConfig {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let raw = RawApiKey::decode(value, context)?;
        let holders = raw.consumers.0;
        let before = context.problem_count();
        context.at_key("consumers", |context| {
            let mut names = HashMap::new();
            let mut digests = HashMap::new();
            for (index, holder) in holders.iter().enumerate() {
                if let Some(first) = names.insert(holder.consumer.name.clone(), index) {
                    let message =
                        format!("consumers[{first}] is named {:?} too", holder.consumer.name);
                    duplicate(context, index, "name", message);
                }
                if let Some(first) = digests.insert(holder.digest, index) {
                    let message = format!("consumers[{first}] has the same key");
                    duplicate(context, index, holder.field, message);
                }
            }
        });
        (context.problem_count() == before).then_some(Self {
            from: raw.from.0,
            realm: raw.realm,
            holders,
        })
    }
}

fn duplicate(context: &mut Context<'_>, index: usize, field: &str, message: String) {
    context.at_index(index, |context| {
        context.at_key(field, |context| context.problem::<()>(message))
    });
}

impl ApiKeys {
    /// The keys of the provider of this name.
    pub(crate) fn new(config: ApiKeyConfig, provider: &str, headers: &[ClaimHeader]) -> Self {
        let known = config.holders.into_iter().filter_map(|holder| {
            let mut consumer = holder.consumer;
            provider.clone_into(&mut consumer.provider);
            // A configured name is safe, and there are no claims: never refused.
            let identity = Identity::new(consumer, headers).ok()?;
            let known = Known {
                digest: holder.digest,
                identity: Rc::new(identity),
                not_before: holder.not_before,
                expires_at: holder.expires_at,
            };
            Some((holder.digest, known))
        });
        Self {
            from: config.from,
            realm: config.realm,
            by_digest: known.collect(),
        }
    }

    /// Whose key this is. Says nothing about whether it is valid now: [`Known::identity`].
    fn find(&self, key: &[u8]) -> Option<&Known> {
        let digest: Digest = Sha256::digest(key).into();
        let known = self.by_digest.get(&digest)?;
        bool::from(known.digest.ct_eq(&digest)).then_some(known)
    }
}

impl Kind for ApiKeys {
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
        let now = known.has_window().then(|| request.now()).transpose()?;
        Ok(known.identity(now).cloned().into())
    }

    fn challenge(&self, refused: Option<Reason>) -> Option<Cow<'static, str>> {
        match refused.map(Reason::class) {
            // The scheme has no way to say that.
            Some(Class::Malformed) => None,
            _ => Some(Challenge::new("ApiKey", self.realm.as_ref()).into()),
        }
    }
}

impl Known {
    /// Whether what is to be said of the key depends on the time.
    fn has_window(&self) -> bool {
        self.not_before.is_some() || self.expires_at.is_some()
    }

    /// Whose it is. Valid from `not_before` on, and no longer at `expires_at`. Without a time, where
    /// there is no window.
    fn identity(&self, now: Option<Timestamp>) -> Result<&Rc<Identity>, Reason> {
        let now = now.map_or(0, Timestamp::as_nanos);
        if self.not_before.is_some_and(|from| now < from.as_nanos()) {
            return Err(Reason::KeyNotYetValid);
        }
        if self.expires_at.is_some_and(|until| now >= until.as_nanos()) {
            return Err(Reason::KeyExpired);
        }
        Ok(&self.identity)
    }
}
