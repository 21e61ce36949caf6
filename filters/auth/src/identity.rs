//! A consumer, with everything that is said of it to others worked out beforehand.

use crate::reason::Reason;
use gatehouse_claim::ClaimRef;
use gatehouse_config::{HeaderName, object};
use gatehouse_host::Consumer;
use serde_json::{Map, Value};
use std::rc::Rc;

object! {
    /// One element of `forward.claim_headers`.
    #[derive(Debug, Clone, PartialEq)]
    pub(crate) struct ClaimHeader {
        /// Where the claim stands.
        pub(crate) claim: ClaimRef,
        /// The header that carries it upstream.
        pub(crate) header: HeaderName,
    }
}

/// A consumer as filters, filter state and the upstream get to see it.
#[derive(Debug, PartialEq)]
pub(crate) struct Identity {
    pub(crate) consumer: Rc<Consumer>,
    /// [`Consumer::to_json`].
    pub(crate) json: Vec<u8>,
    /// The values of `forward.claim_headers`, in their order.
    pub(crate) claim_headers: Vec<Option<Vec<u8>>>,
    /// What its provider itself sets for the upstream.
    pub(crate) upstream: Vec<(HeaderName, Vec<u8>)>,
}

impl Identity {
    /// Refused where the name or a claim cannot be sent in a header as it is: a control character
    /// would end the header, and white space around a value is lost on the way, so that `" ann"`
    /// would arrive as `ann`.
    pub(crate) fn new(consumer: Consumer, claim_headers: &[ClaimHeader]) -> Result<Self, Reason> {
        if consumer.name.is_empty() {
            return Err(Reason::ClaimMissing);
        }
        if !is_safe(&consumer.name) {
            return Err(Reason::ClaimUnsafe);
        }
        let claim_headers = claim_headers
            .iter()
            .map(|wanted| header_value(wanted.claim.find(&consumer.claims)))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            json: consumer.to_json(),
            consumer: Rc::new(consumer),
            claim_headers,
            upstream: Vec::new(),
        })
    }

    /// The same, with headers for the upstream.
    pub(crate) fn with_upstream(mut self, upstream: Vec<(HeaderName, Vec<u8>)>) -> Self {
        self.upstream = upstream;
        self
    }

    /// What several credentials say together: the name, provider and place of the first; claims and
    /// metadata of the first that has any; groups, scopes and headers of all.
    pub(crate) fn together(
        identities: &[&Self],
        claim_headers: &[ClaimHeader],
    ) -> Result<Self, Reason> {
        let mut consumer = Consumer::default();
        for (index, other) in identities
            .iter()
            .map(|identity| &*identity.consumer)
            .enumerate()
        {
            if index == 0 {
                consumer.name.clone_from(&other.name);
                consumer.provider.clone_from(&other.provider);
            }
            adopt(&mut consumer.claims, &other.claims);
            adopt(&mut consumer.metadata, &other.metadata);
            join(&mut consumer.groups, &other.groups);
            join(&mut consumer.scopes, &other.scopes);
        }
        let upstream = identities.iter().flat_map(|identity| &identity.upstream);
        let upstream = upstream.cloned().collect();
        Ok(Self::new(consumer, claim_headers)?.with_upstream(upstream))
    }
}

fn adopt(ours: &mut Map<String, Value>, theirs: &Map<String, Value>) {
    if ours.is_empty() {
        ours.clone_from(theirs);
    }
}

fn join(ours: &mut Vec<String>, theirs: &[String]) {
    for item in theirs {
        if !ours.contains(item) {
            ours.push(item.clone());
        }
    }
}

/// A claim as a header's value: texts as they are, numbers and booleans as JSON has them, lists of
/// those joined by commas. Nothing for a claim that is missing, null, or an empty text or list.
fn header_value(claim: Option<&Value>) -> Result<Option<Vec<u8>>, Reason> {
    let text = match claim {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(items)) => {
            let items: Vec<String> = items.iter().map(element).collect::<Result<_, _>>()?;
            items.join(",")
        }
        Some(value) => scalar(value)?,
    };
    if !is_safe(&text) {
        return Err(Reason::ClaimUnsafe);
    }
    Ok((!text.is_empty()).then(|| text.into_bytes()))
}

/// A comma within an element would make two of it.
fn element(value: &Value) -> Result<String, Reason> {
    let text = scalar(value)?;
    let whole = !text.is_empty() && !text.contains(',') && is_safe(&text);
    whole.then_some(text).ok_or(Reason::ClaimUnsafe)
}

fn scalar(value: &Value) -> Result<String, Reason> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(Reason::ClaimUnsafe),
    }
}

/// Of the control characters Unicode has more than headers care for: in a log, U+009B begins a
/// terminal's command as ESC does, and U+0085 is a new line. Of white space too: who reads `ann` and a
/// U+00A0 and trims it, as most languages do, has `ann`.
pub(crate) fn is_safe(text: &str) -> bool {
    !text.chars().any(char::is_control) && text.trim() == text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_said_of_a_consumer() {
        let cases = [
            ("a name", "ann", None),
            ("inside it", "Ann B.\u{a0}Änne, \"x\"", None),
            ("empty", "", Some(Reason::ClaimMissing)),
            ("line break", "a\nb", Some(Reason::ClaimUnsafe)),
            ("tab", "a\tb", Some(Reason::ClaimUnsafe)),
            ("escape", "a\u{1b}[2J", Some(Reason::ClaimUnsafe)),
            ("escape of C1", "a\u{9b}2J", Some(Reason::ClaimUnsafe)),
            ("next line", "a\u{85}b", Some(Reason::ClaimUnsafe)),
            ("delete", "a\u{7f}", Some(Reason::ClaimUnsafe)),
            ("space in front", " a", Some(Reason::ClaimUnsafe)),
            ("space of Unicode", "ann\u{a0}", Some(Reason::ClaimUnsafe)),
            ("wide space", "\u{3000}ann", Some(Reason::ClaimUnsafe)),
        ];
        for (name, text, expected) in cases {
            let consumer = Consumer {
                name: text.to_owned(),
                ..Consumer::default()
            };
            assert_eq!(Identity::new(consumer, &[]).err(), expected, "{name}");
            if text.is_empty() {
                continue;
            }
            let email = Value::String(text.to_owned());
            assert_eq!(header_value(Some(&email)).err(), expected, "{name}, claim");
        }
    }
}
