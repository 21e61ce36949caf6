//! The provider's configuration.

use super::table::{Digest, Table};
use super::{ApiKeyConfig, HeldKey, Holder, Label, Window};
use crate::challenge::Realm;
use crate::credential::{Location, MAX_BYTES};
use gatehouse_config::{
    Context, Decode, Entries, NonEmpty, Secret, Sha256Digest, Time, Value, object,
};
use gatehouse_host::Consumer;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;

object! {
    struct RawApiKey {
        from: NonEmpty<Location>,
        realm: Option<Realm>,
        consumers: NonEmpty<WrittenHolder>,
    }
}

object! {
    struct RawHolder {
        name: Label,
        key_sha256: Option<Sha256Digest>,
        key: Option<Secret>,
        keys: Option<NonEmpty<RawKey>>,
        groups: Vec<Label> = Vec::new(),
        scopes: Vec<Label> = Vec::new(),
        metadata: Entries<String, String> = Entries::default(),
        not_before: Option<Time>,
        expires_at: Option<Time>,
    }
}

object! {
    struct RawKey {
        sha256: Option<Sha256Digest>,
        key: Option<Secret>,
        not_before: Option<Time>,
        expires_at: Option<Time>,
    }
}

/// What a key is, and where that stands, for messages.
struct Written {
    key: HeldKey,
    field: &'static str,
    /// The place under `keys`.
    place: Option<usize>,
}

/// A consumer with its keys as they are written.
struct WrittenHolder {
    consumer: Consumer,
    keys: Vec<Written>,
}

impl Decode for ApiKeyConfig {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let raw = RawApiKey::decode(value, context)?;
        let before = context.problem_count();
        let holders = raw.consumers.0;
        context.at_key("consumers", |context| {
            let mut names = HashMap::with_capacity(holders.len());
            let mut keys = Table::with_capacity(holders.len());
            for (index, holder) in holders.iter().enumerate() {
                context.at_index(index, |context| {
                    let name = &holder.consumer.name;
                    if let Some(first) = names.insert(name, index) {
                        context.at_key("name", |context| {
                            context
                                .problem::<()>(format!("consumers[{first}] is named {name:?} too"))
                        });
                    }
                    for written in &holder.keys {
                        if let Some(first) = keys.insert(written.key.digest, index) {
                            let message = format!("consumers[{first}] has the same key");
                            written.problem(message, context);
                        }
                    }
                });
            }
        });
        if context.problem_count() > before {
            return None;
        }
        let holders = holders.into_iter().map(|holder| Holder {
            consumer: holder.consumer,
            keys: holder.keys.iter().map(|written| written.key).collect(),
        });
        Some(Self {
            from: raw.from.0,
            realm: raw.realm,
            holders: holders.collect(),
        })
    }

    gatehouse_config::described!(as RawApiKey);
}

impl Written {
    fn problem(&self, message: String, context: &mut Context<'_>) {
        let at_field = |context: &mut Context<'_>| {
            context.at_key(self.field, |context| context.problem::<()>(message))
        };
        match self.place {
            None => at_field(context),
            Some(place) => context.at_key("keys", |context| context.at_index(place, at_field)),
        };
    }
}

impl Decode for WrittenHolder {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let raw = RawHolder::decode(value, context)?;
        let texts = |labels: Vec<Label>| labels.into_iter().map(|label| label.0).collect();
        let metadata = raw.metadata.0.into_iter();
        let consumer = Consumer {
            name: raw.name.0,
            groups: texts(raw.groups),
            scopes: texts(raw.scopes),
            metadata: metadata.map(|(key, value)| (key, value.into())).collect(),
            ..Consumer::default()
        };
        let alone = raw.key_sha256.is_none() && raw.key.is_none();
        let window = Window {
            not_before: raw.not_before,
            expires_at: raw.expires_at,
        };
        let keys = match raw.keys {
            None => {
                let digest = ("key_sha256", raw.key_sha256);
                let hints = ["set key_sha256 or key, or keys", "put them under keys"];
                vec![written(digest, raw.key, window, None, hints, context)?]
            }
            Some(_) if !alone => {
                return context
                    .problem_hint("has one key and several", "put all of them under keys");
            }
            Some(_) if window.is_bounded() => {
                return context.problem_hint(
                    "has several keys and one time",
                    "put not_before and expires_at beside each key",
                );
            }
            Some(keys) => context.at_key("keys", |context| several(keys.0, context))?,
        };
        Some(Self { consumer, keys })
    }

    gatehouse_config::described!(as RawHolder);
}

fn several(keys: Vec<RawKey>, context: &mut Context<'_>) -> Option<Vec<Written>> {
    let keys = keys.into_iter().enumerate();
    let keys: Vec<Option<Written>> = keys
        .map(|(place, raw)| {
            let window = Window {
                not_before: raw.not_before,
                expires_at: raw.expires_at,
            };
            let digest = ("sha256", raw.sha256);
            let hints = ["set sha256 or key", "make them two elements"];
            context.at_index(place, |context| {
                written(digest, raw.key, window, Some(place), hints, context)
            })
        })
        .collect();
    keys.into_iter().collect()
}

/// A key, by its digest or as it is. `none` and `both`: what to do where there is neither, or both.
fn written(
    (name, digest): (&'static str, Option<Sha256Digest>),
    key: Option<Secret>,
    window: Window,
    place: Option<usize>,
    [none, both]: [&'static str; 2],
    context: &mut Context<'_>,
) -> Option<Written> {
    let (digest, field) = match (&digest, &key) {
        (Some(digest), None) => (*digest.bytes(), name),
        (None, Some(key)) => (digest_of_secret(key, context)?, "key"),
        (None, None) => return context.problem_hint("needs a key", none),
        (Some(_), Some(_)) => return context.problem_hint("has two keys", both),
    };
    if digest == *Sha256::digest(b"") {
        return context.at_key(field, |context| {
            context.problem("is the digest of an empty key, which anybody has")
        });
    }
    if let (Some(from), Some(until)) = (window.not_before, window.expires_at)
        && from >= until
    {
        return context.at_key("expires_at", |context| {
            context.problem("is not after not_before: the key would never be valid")
        });
    }
    Some(Written {
        key: HeldKey { digest, window },
        field,
        place,
    })
}

fn digest_of_secret(key: &Secret, context: &mut Context<'_>) -> Option<Digest> {
    if key.expose().len() > MAX_BYTES {
        return context.at_key("key", |context| {
            context.problem(format!("is longer than {MAX_BYTES} bytes"))
        });
    }
    Some(Sha256::digest(key.expose()).into())
}
