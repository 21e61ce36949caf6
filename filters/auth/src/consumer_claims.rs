//! `consumer`: which claims say who the consumer is, of a token or of an introspection.

use crate::reason::Reason;
use gatehouse_claim::ClaimRef;
use gatehouse_config::{Context, Decode, Value, object};
use gatehouse_host::Consumer;
use serde_json::Map;

/// Which claims say who the consumer is.
pub(crate) struct ConsumerClaims {
    name: ClaimRef,
    groups: ClaimRef,
    scopes: Vec<ClaimRef>,
}

object! {
    #[derive(Default)]
    struct Raw {
        name: Option<Place>,
        groups: Option<Place>,
        scopes: Option<Place>,
    }
}

object! {
    struct Place {
        claim: ClaimRef,
    }
}

impl Default for ConsumerClaims {
    fn default() -> Self {
        Self::from(Raw::default())
    }
}

impl Decode for ConsumerClaims {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        Raw::decode(value, context).map(Self::from)
    }

    gatehouse_config::described!(as Raw);
}

impl From<Raw> for ConsumerClaims {
    fn from(raw: Raw) -> Self {
        let place = |place: Option<Place>, usual: &str| match place {
            Some(place) => place.claim,
            None => ClaimRef::named(usual),
        };
        Self {
            name: place(raw.name, "sub"),
            groups: place(raw.groups, "groups"),
            scopes: raw.scopes.map(|place| place.claim).into_iter().collect(),
        }
    }
}

impl ConsumerClaims {
    /// With the claims that are looked at for scopes where none was configured: the first that is there.
    pub(crate) fn or_scopes(mut self, usual: &[&str]) -> Self {
        if self.scopes.is_empty() {
            self.scopes = usual.iter().map(|name| ClaimRef::named(name)).collect();
        }
        self
    }

    /// Whose claims these are.
    pub(crate) fn consumer(
        &self,
        provider: &str,
        claims: Map<String, Value>,
    ) -> Result<Consumer, Reason> {
        let name = match self.name.find(&claims) {
            Some(Value::String(name)) => name.clone(),
            None => return Err(Reason::ClaimMissing),
            Some(_) => return Err(Reason::ClaimMalformed),
        };
        let scopes = self.scopes.iter().find_map(|place| place.find(&claims));
        Ok(Consumer {
            name,
            provider: provider.to_owned(),
            groups: list(self.groups.find(&claims), |text| vec![text.to_owned()])?,
            // RFC 8693, 4.2 and RFC 7662, 2.2: one text, separated by spaces.
            scopes: list(scopes, |text| {
                text.split_ascii_whitespace().map(str::to_owned).collect()
            })?,
            claims,
            metadata: Map::new(),
        })
    }
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
