//! The provider's configuration: which options a scheme has, and what must hold between them.
//!
//! 1. An option that the scheme does not have is a problem ([`scheme`]).
//! 2. What is of the scheme is read: [`mod@message`] for RFC 9421, [`mod@webhook`] for all others. Both say when
//!    signatures end.
//! 3. By that it is known what is remembered, and for how long ([`mod@replay`]).

mod body;
mod message;
mod replay;
mod scheme;
mod webhook;

use super::BodyLimits;
use super::canonical::RawCanonical;
use super::keys::RawKey;
use super::message::Message;
use super::webhook::{Webhook, WebhookScheme};
use crate::credential::Location;
use body::RawBody;
use gatehouse_config::{Context, Decode, Duration, NonEmpty, Value, object};
use gatehouse_host::Consumer;
use message::{Covered, Label, message};
use replay::{RawReplay, replay};
use scheme::Name;
use webhook::webhook;

pub(super) use replay::Replay;

/// A longer one would have to be remembered for as long.
const MAX_AGE: Duration = Duration::from_secs(24 * 3600);

/// A provider of this kind as it is configured.
pub(crate) struct HmacConfig {
    pub(super) scheme: Scheme,
    /// Whose the keys are.
    pub(super) consumers: Vec<Consumer>,
    pub(super) body: BodyLimits,
    pub(super) replay: Option<Replay>,
    /// What is taken out before the request goes on.
    pub(crate) stripped: Vec<Location>,
}

/// How requests are signed.
pub(super) enum Scheme {
    Message(Box<Message>),
    Webhook(Box<Webhook>),
}

impl Scheme {
    pub(super) fn may_need_body(&self) -> bool {
        match self {
            Self::Message(_) => true,
            Self::Webhook(webhook) => match webhook.scheme {
                WebhookScheme::Canonical { signs_body, .. } => signs_body,
                _ => true,
            },
        }
    }
}

object! {
    struct Raw {
        scheme: Name,
        keys: NonEmpty<RawKey>,
        components: Option<NonEmpty<Covered>>,
        max_age: Option<Duration>,
        skew: Option<Duration>,
        label: Option<Label>,
        tag: Option<String>,
        require_nonce: bool = false,
        tolerance: Option<Duration>,
        canonical: Option<RawCanonical>,
        replay: Option<RawReplay>,
        body: RawBody = RawBody::default(),
        keep_signature: bool = false,
    }
}

impl Decode for HmacConfig {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let mut raw = Raw::decode(value, context)?;
        let canonical = raw.canonical.take();
        let before = context.problem_count();
        let name = raw.scheme;
        for option in value.as_object()?.keys() {
            if !name.has(option) {
                context.at_key(option, |context| {
                    let name = name.as_str();
                    context.problem::<()>(format!("the scheme {name} has no such option"))
                });
            }
        }
        let consumers = raw.keys.0.iter().map(RawKey::consumer).collect();
        check_ids(&raw.keys.0, context);
        let body = raw.body.check(context);
        let mut headers = name.signature();
        let (scheme, times) = match name {
            Name::Rfc9421 => {
                let (message, times) = message(&raw, context);
                (
                    message.map(|message| Scheme::Message(Box::new(message))),
                    times,
                )
            }
            _ => {
                let signed = webhook(&raw, canonical, context)?;
                headers.extend(signed.header);
                let webhook = signed.webhook;
                (
                    webhook.map(|webhook| Scheme::Webhook(Box::new(webhook))),
                    signed.times,
                )
            }
        };
        let replay = replay(raw.replay, &times, context);
        if context.problem_count() > before {
            return None;
        }
        let strip = |name| Location::Header { name, prefix: None };
        Some(Self {
            scheme: scheme?,
            consumers,
            body: body?,
            replay: replay?,
            stripped: match raw.keep_signature {
                true => Vec::new(),
                false => headers.into_iter().map(strip).collect(),
            },
        })
    }

    gatehouse_config::described!(as Raw);
}

fn check_ids(keys: &[RawKey], context: &mut Context<'_>) {
    let id = |key: &RawKey| key.id.as_ref().map(|id| id.0.clone());
    for (index, key) in keys.iter().enumerate() {
        let mut earlier = keys.iter().take(index);
        let first = earlier.position(|other| key.id.is_some() && id(other) == id(key));
        if let Some(first) = first {
            at_key_of(context, index, "id", |context| {
                context.problem::<()>(format!("keys[{first}] has the same id"))
            });
        }
    }
}

fn at_key_of<T>(
    context: &mut Context<'_>,
    index: usize,
    field: &str,
    work: impl FnOnce(&mut Context<'_>) -> T,
) -> T {
    context.at_key("keys", |context| {
        context.at_index(index, |context| context.at_key(field, work))
    })
}

/// When signatures end.
struct Times {
    has_time: bool,
    has_nonce: bool,
    /// In seconds, from when one is presented.
    longest: u64,
}

fn each_key<T>(
    keys: &[RawKey],
    context: &mut Context<'_>,
    read: impl Fn(&RawKey, &mut Context<'_>) -> Option<T>,
) -> Vec<Option<T>> {
    context.at_key("keys", |context| {
        let keys = keys.iter().enumerate();
        keys.map(|(index, key)| context.at_index(index, |context| read(key, context)))
            .collect()
    })
}

/// A time that signatures have in whole seconds.
fn seconds(
    field: &str,
    duration: Duration,
    most: Duration,
    context: &mut Context<'_>,
) -> Option<u64> {
    context.at_key(field, |context| {
        let nanos = duration.as_nanos();
        if duration > most {
            return context.problem(format!("is more than {most}"));
        }
        if !nanos.is_multiple_of(1_000_000_000) {
            return context.problem("must be whole seconds");
        }
        Some(nanos / 1_000_000_000)
    })
}
