//! The options of all other schemes, by which bodies are signed as a whole, with one secret or several.

use super::scheme::Name;
use super::{MAX_AGE, Raw, Times, each_key, seconds};
use crate::hmac::canonical::{RawCanonical, Spelled};
use crate::hmac::keys::RawKey;
use crate::hmac::webhook::{Webhook, WebhookScheme};
use gatehouse_config::{Context, Duration, HeaderName};

/// What the options come to.
pub(super) struct Signed {
    pub(super) webhook: Option<Webhook>,
    pub(super) times: Times,
    /// The header with the signature, where it is the configuration that names it.
    pub(super) header: Option<HeaderName>,
}

/// The scheme, and when its signatures end. Nothing where it is not known what is signed.
pub(super) fn webhook(
    raw: &Raw,
    canonical: Option<RawCanonical>,
    context: &mut Context<'_>,
) -> Option<Signed> {
    let name = raw.scheme;
    let spelled = match (name, canonical) {
        (Name::Canonical, canonical) => context.at_key("canonical", |context| match canonical {
            Some(canonical) => canonical.check(context).map(Some),
            None => context.problem("required, but missing"),
        })?,
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
    let headers = match &spelled {
        Some(spelled) => spelled.headers.clone(),
        None => name.reads(),
    };
    let header = spelled.as_ref().and_then(|_| headers.first().cloned());
    let webhook = secrets.zip(tolerance).map(|(secrets, tolerance)| Webhook {
        secrets,
        tolerance,
        ids: raw
            .keys
            .0
            .iter()
            .map(|key| Some(key.id.as_ref()?.0.clone()))
            .collect(),
        headers,
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
    Some(Signed {
        webhook,
        times: Times {
            longest: tolerance.unwrap_or_default().saturating_mul(2),
            ..times
        },
        header,
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
