//! The provider's configuration: which options a scheme has, and what must hold between them.

use super::BodyLimits;
use super::canonical::{RawCanonical, Spelled};
use super::keys::RawKey;
use super::message::Message;
use super::webhook::{Webhook, WebhookScheme};
use crate::credential::Location;
use gatehouse_config::{
    Context, Decode, Duration, HeaderName, NonEmpty, Size, Value, keywords, object,
};
use gatehouse_host::Consumer;
use gatehouse_http_signature::{Component, Policy};
use std::time;

/// A longer one would have to be remembered for as long.
const MAX_AGE: Duration = Duration::from_secs(24 * 3600);
/// A longer skew is not a skew.
const MAX_SKEW: Duration = Duration::from_secs(3600);
/// What has no time is remembered for so long at most.
const MAX_KEEP: Duration = Duration::from_secs(30 * 24 * 3600);
/// Some 570 MB.
const MAX_SLOTS: u32 = 1 << 20;
/// A body is held by Envoy, and once more here while it is checked.
const MAX_BODY: Size = Size::from_bytes(64 << 20);
/// A request that is held holds memory.
const MAX_TIMEOUT: Duration = Duration::from_secs(600);

/// What must be covered, if nothing else is said.
const COMPONENTS: [&str; 4] = ["@method", "@authority", "@path", "@query"];

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

/// How replays are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Replay {
    pub(super) slots: u32,
    /// The longest time for which something is remembered.
    pub(super) longest: time::Duration,
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

keywords! {
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Name {
        Rfc9421 = "rfc9421",
        GitHub = "github",
        Stripe = "stripe",
        StandardWebhooks = "standard_webhooks",
        Canonical = "canonical",
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

object! {
    #[derive(Default)]
    struct RawBody {
        max: Option<Size>,
        timeout: Option<Duration>,
        insecure_unsigned: bool = false,
    }
}

object! {
    struct RawTable {
        slots: Option<u32>,
        keep: Option<Duration>,
    }
}

/// `off`, which YAML also reads as `false`, or a table.
enum RawReplay {
    Off,
    On(RawTable),
}

struct Covered(Component);

/// A key of a structured field (RFC 9651, section 3.1.2).
struct Label(String);

impl Decode for RawReplay {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        match value {
            Value::Bool(false) => Some(Self::Off),
            Value::String(word) if word == "off" => Some(Self::Off),
            Value::Object(_) => RawTable::decode(value, context).map(Self::On),
            other => context.expected("off or {slots: …}", other),
        }
    }

    gatehouse_config::described!(|schemas| gatehouse_config::schema::any_of([
        gatehouse_config::schema::value!({"enum": ["off", false]}),
        schemas.of::<RawTable>(),
    ]));
}

impl Decode for Covered {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        match Component::parse(&text) {
            Ok(component) => Some(Self(component)),
            Err(error) => context.problem(format!("{text:?} {error}")),
        }
    }

    gatehouse_config::described!(text not empty);
}

impl Decode for Label {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        let begins = text.starts_with(|first: char| first.is_ascii_lowercase() || first == '*');
        let fits = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte)
        };
        if !begins || !text.bytes().all(fits) {
            return context.problem_hint(
                format!("{text:?} is not a label"),
                "lower-case letters, digits, \"_\", \"-\", \".\" and \"*\", such as \"sig1\"",
            );
        }
        Some(Self(text))
    }

    gatehouse_config::described!(text "^[a-z*][a-z0-9_.*-]*$");
}

impl Name {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Rfc9421 => "rfc9421",
            Self::GitHub => "github",
            Self::Stripe => "stripe",
            Self::StandardWebhooks => "standard_webhooks",
            Self::Canonical => "canonical",
        }
    }

    /// Options that not every scheme has.
    const fn has(self, option: &str) -> bool {
        match option.as_bytes() {
            b"components" | b"max_age" | b"skew" | b"label" | b"tag" | b"require_nonce" => {
                matches!(self, Self::Rfc9421)
            }
            b"tolerance" => matches!(
                self,
                Self::Stripe | Self::StandardWebhooks | Self::Canonical
            ),
            b"canonical" => matches!(self, Self::Canonical),
            _ => true,
        }
    }

    /// The headers with the signature, and others that the scheme reads.
    const fn headers(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Rfc9421 => (&["signature", "signature-input"], &[]),
            // The other one is by the same secret.
            Self::GitHub => (&["x-hub-signature-256", "x-hub-signature"], &[]),
            Self::Stripe => (&["stripe-signature"], &[]),
            Self::StandardWebhooks => {
                (&["webhook-signature"], &["webhook-id", "webhook-timestamp"])
            }
            Self::Canonical => (&[], &[]),
        }
    }
}

impl Decode for HmacConfig {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let raw = Raw::decode(value, context)?;
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
        let (own, others) = name.headers();
        let mut headers = named(own);
        let mut read = named(own);
        read.extend(named(others));
        let (scheme, times) = match name {
            Name::Rfc9421 => {
                let (message, times) = message(&raw, context);
                (
                    message.map(|message| Scheme::Message(Box::new(message))),
                    times,
                )
            }
            _ => {
                let spelled = match (name, raw.canonical) {
                    (Name::Canonical, Some(canonical)) => {
                        let spelled =
                            context.at_key("canonical", |context| canonical.check(context))?;
                        headers.extend(spelled.headers.first().cloned());
                        read.clone_from(&spelled.headers);
                        Some(spelled)
                    }
                    (Name::Canonical, None) => {
                        return context.at_key("canonical", |context| {
                            context.problem("required, but missing")
                        });
                    }
                    _ => None,
                };
                let times = Times {
                    has_time: match &spelled {
                        Some(spelled) => spelled.has_time,
                        None => name != Name::GitHub,
                    },
                    has_nonce: spelled.as_ref().is_some_and(|spelled| spelled.has_nonce),
                    longest: 0,
                };
                check_signed(spelled.as_ref(), raw.body.insecure_unsigned, context);
                let tolerance = tolerance(raw.tolerance, name, times.has_time, context);
                let secrets = secrets(&raw.keys.0, name, spelled.as_ref(), context);
                let webhook = secrets.zip(tolerance).map(|(secrets, tolerance)| Webhook {
                    secrets,
                    tolerance,
                    ids: raw
                        .keys
                        .0
                        .iter()
                        .map(|key| Some(key.id.as_ref()?.0.clone()))
                        .collect(),
                    headers: read,
                    scheme: match (name, spelled) {
                        (_, Some(spelled)) => WebhookScheme::Canonical {
                            canonical: spelled.canonical,
                            key_id: spelled.key_id,
                            signs_body: spelled.signs_body,
                        },
                        (Name::GitHub, _) => WebhookScheme::GitHub,
                        (Name::Stripe, _) => WebhookScheme::Stripe,
                        _ => WebhookScheme::StandardWebhooks,
                    },
                });
                let times = Times {
                    longest: tolerance.unwrap_or_default().saturating_mul(2),
                    ..times
                };
                (
                    webhook.map(|webhook| Scheme::Webhook(Box::new(webhook))),
                    times,
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

fn named(names: &[&str]) -> Vec<HeaderName> {
    names
        .iter()
        .filter_map(|name| HeaderName::new(name))
        .collect()
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

fn message(raw: &Raw, context: &mut Context<'_>) -> (Option<Message>, Times) {
    let keys: Vec<_> = each_key(&raw.keys.0, context, RawKey::message);
    let five_minutes = Duration::from_secs(300);
    let max_age = seconds(
        "max_age",
        raw.max_age.unwrap_or(five_minutes),
        MAX_AGE,
        context,
    );
    let half_a_minute = Duration::from_secs(30);
    let skew = seconds("skew", raw.skew.unwrap_or(half_a_minute), MAX_SKEW, context);
    let required = match &raw.components {
        Some(components) => {
            let components: Vec<_> = components
                .0
                .iter()
                .map(|covered| covered.0.clone())
                .collect();
            check_twice(&components, context);
            components
        }
        None => COMPONENTS
            .iter()
            .filter_map(|name| Component::parse(name).ok())
            .collect(),
    };
    let times = Times {
        has_time: true,
        has_nonce: false,
        longest: max_age
            .unwrap_or_default()
            .saturating_add(skew.unwrap_or_default().saturating_mul(2)),
    };
    let message = || {
        Some(Message {
            keys: keys.into_iter().collect::<Option<_>>()?,
            policy: Policy {
                required,
                max_age: Some(max_age?),
                tolerance: skew?,
                require_nonce: raw.require_nonce,
                tag: raw.tag.clone(),
                ..Policy::default()
            },
            label: raw.label.as_ref().map(|label| label.0.clone()),
            content_digest: Component::parse("content-digest").ok()?,
        })
    };
    (message(), times)
}

fn check_twice(components: &[Component], context: &mut Context<'_>) {
    context.at_key("components", |context| {
        for (index, component) in components.iter().enumerate() {
            let earlier = components
                .iter()
                .take(index)
                .position(|other| other == component);
            if let Some(first) = earlier {
                context.at_index(index, |context| {
                    context.problem::<()>(format!("the same as [{first}]"))
                });
            }
        }
    });
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

fn secrets(
    keys: &[RawKey],
    name: Name,
    spelled: Option<&Spelled>,
    context: &mut Context<'_>,
) -> Option<Vec<gatehouse_webhook_signature::Secret>> {
    let needs_id = spelled.is_some_and(|spelled| spelled.key_id.is_some());
    let secrets = each_key(keys, context, |key, context| {
        if needs_id {
            key.required_id(context);
        }
        key.webhook(name == Name::StandardWebhooks, context)
    });
    secrets.into_iter().collect()
}

fn tolerance(
    given: Option<Duration>,
    name: Name,
    has_time: bool,
    context: &mut Context<'_>,
) -> Option<u64> {
    if given.is_some() && name == Name::Canonical && !has_time {
        return context.at_key("tolerance", |context| {
            context.problem("there is no timestamp that it could be about")
        });
    }
    let tolerance = given.unwrap_or(Duration::from_secs(300));
    seconds("tolerance", tolerance, MAX_AGE, context)
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

/// A body that nobody signed goes on only where that is said.
fn check_signed(spelled: Option<&Spelled>, unsigned: bool, context: &mut Context<'_>) {
    let signs_body = spelled.is_none_or(|spelled| spelled.signs_body);
    if signs_body && unsigned {
        context.at_key("body", |context| {
            context.at_key("insecure_unsigned", |context| {
                context.problem::<()>("contradicts the scheme, which signs the body")
            })
        });
    }
    if !signs_body && !unsigned {
        context.at_key("canonical", |context| {
            context.at_key("parts", |context| {
                context.problem_hint::<()>(
                    "the body is not signed: anybody on the way could change it",
                    "add body or body_sha256, or set body: {insecure_unsigned: true}",
                )
            })
        });
    }
}

fn replay(
    given: Option<RawReplay>,
    times: &Times,
    context: &mut Context<'_>,
) -> Option<Option<Replay>> {
    context.at_key("replay", |context| {
        let table = match given {
            Some(RawReplay::Off) => return Some(None),
            Some(RawReplay::On(table)) => table,
            None if times.has_time => RawTable {
                slots: None,
                keep: None,
            },
            None if times.has_nonce => {
                return context.problem_hint(
                    "required, but missing: there is a nonce and no timestamp",
                    "say how long nonces are remembered, such as {keep: 24h}, or off",
                );
            }
            None => return Some(None),
        };
        let slots = table.slots.unwrap_or(4096);
        if !(1..=MAX_SLOTS).contains(&slots) {
            context.at_key("slots", |context| {
                context.problem::<()>(format!("must be 1 to {MAX_SLOTS}"))
            });
        }
        let longest = context.at_key("keep", |context| match (table.keep, times.has_time) {
            (None, true) => Some(time::Duration::from_secs(times.longest)),
            (Some(keep), false) if keep > MAX_KEEP => {
                context.problem(format!("is more than {MAX_KEEP}"))
            }
            (Some(keep), false) => Some(time::Duration::from_nanos(keep.as_nanos())),
            (None, false) => context.problem_hint(
                "required, but missing: what is signed has no timestamp",
                "how long it is remembered, such as 1h",
            ),
            (Some(_), true) => context.problem_hint(
                "what is signed has a timestamp, which says how long it is remembered",
                "leave it out",
            ),
        });
        Some(Some(Replay {
            slots,
            longest: longest?,
        }))
    })
}

impl RawBody {
    fn check(&self, context: &mut Context<'_>) -> Option<BodyLimits> {
        context.at_key("body", |context| {
            let before = context.problem_count();
            let most = self.max.unwrap_or(Size::from_bytes(1 << 20));
            if most > MAX_BODY {
                context.at_key("max", |context| context.problem::<()>("is more than 64MiB"));
            }
            let timeout = self.timeout.unwrap_or(Duration::from_secs(10));
            if timeout > MAX_TIMEOUT {
                context.at_key("timeout", |context| {
                    context.problem::<()>(format!("is more than {MAX_TIMEOUT}"))
                });
            }
            (context.problem_count() == before).then_some(BodyLimits {
                most: most.bytes(),
                timeout: time::Duration::from_nanos(timeout.as_nanos()),
                unsigned: self.insecure_unsigned,
            })
        })
    }
}
