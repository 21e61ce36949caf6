//! The options of `rfc9421`: what must be covered, and when signatures end.

use super::super::message::Message;
use super::{MAX_AGE, Raw, Times, each_key, seconds};
use crate::hmac::keys::RawKey;
use gatehouse_config::{Context, Decode, Duration, Value};
use gatehouse_http_signature::{Component, Policy};

/// A longer skew is not a skew.
const MAX_SKEW: Duration = Duration::from_secs(3600);

/// What must be covered, if nothing else is said.
const COMPONENTS: [&str; 4] = ["@method", "@authority", "@path", "@query"];

pub(super) struct Covered(Component);

/// A key of a structured field (RFC 9651, section 3.1.2).
pub(super) struct Label(String);

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

/// The scheme, and when its signatures end.
pub(super) fn message(raw: &Raw, context: &mut Context<'_>) -> (Option<Message>, Times) {
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
