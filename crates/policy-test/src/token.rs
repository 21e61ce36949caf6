//! Tokens that are minted when a case begins, so that none goes stale.

use crate::key::{AlgorithmName, TestKey};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use gatehouse_config::{Context, Decode, Duration, Time, Value, keywords, object};
use serde_json::{Map, json};
use std::collections::{BTreeMap, BTreeSet};

/// How long a token is good that does not say.
const LIFETIME_SECONDS: i64 = 300;

/// How many tokens may stand on one another with `like`.
const MAX_LIKE: usize = 16;

keywords! {
    /// What becomes of a token's signature.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Signature {
        /// It is good.
        Good = "good",
        /// A bit of it is another one.
        Broken = "broken",
        /// There is none, after the last dot.
        Missing = "missing",
    }
}

/// `algorithm`: what the token's header says, and how it is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenAlgorithm {
    /// The header says `none`, and there is no signature.
    None,
    Signed(AlgorithmName),
}

impl Decode for TokenAlgorithm {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        match value.as_str() {
            Some("none") => Some(Self::None),
            _ => AlgorithmName::decode(value, context).map(Self::Signed),
        }
    }
}

object! {
    /// A token as a suite declares it.
    #[derive(Debug, Clone)]
    pub(crate) struct TokenSpec {
        pub like: Option<String>,
        pub key: Option<String>,
        pub algorithm: Option<TokenAlgorithm>,
        pub header: Value = json!({}),
        pub claims: Value = json!({}),
        pub signature: Option<Signature>,
    }
}

/// What tokens are made of.
#[derive(Default)]
pub(crate) struct Mint {
    pub(crate) keys: BTreeMap<String, TestKey>,
    pub(crate) tokens: BTreeMap<String, TokenSpec>,
    /// Tokens that are declared and cannot be minted, which was told.
    pub(crate) refused: BTreeSet<String>,
}

impl Mint {
    /// The token of that name, as text, at a time in nanoseconds since the epoch.
    pub(crate) fn named(&self, name: &str, now: u64, context: &mut Context<'_>) -> Option<String> {
        if self.refused.contains(name) {
            return None;
        }
        match self.tokens.get(name) {
            Some(token) => self.token(token, now, context),
            None => context.unknown(
                format!("no token named {name:?}"),
                name,
                self.tokens.keys().map(String::as_str),
            ),
        }
    }

    /// A token, as text, at a time in nanoseconds since the epoch.
    pub(crate) fn token(
        &self,
        token: &TokenSpec,
        now: u64,
        context: &mut Context<'_>,
    ) -> Option<String> {
        let token = self.whole(token, 0, context)?;
        let Some(name) = &token.key else {
            return context
                .problem_hint("no key signs it", "give it a key, or like: another token");
        };
        let Some(key) = self.keys.get(name) else {
            return context.at_key("key", |context| {
                context.unknown(
                    format!("no key named {name:?}"),
                    name,
                    self.keys.keys().map(String::as_str),
                )
            });
        };
        let algorithm = match token.algorithm {
            Some(TokenAlgorithm::None) => None,
            Some(TokenAlgorithm::Signed(AlgorithmName(algorithm))) => Some(algorithm),
            None => Some(key.algorithm()),
        };
        let mut header = json!({
            "alg": algorithm.map_or("none", |algorithm| algorithm.as_str()),
            "typ": "JWT",
            "kid": key.kid(),
        });
        let seconds = i64::try_from(now / 1_000_000_000).unwrap_or(i64::MAX);
        let mut claims = json!({"iat": seconds, "exp": seconds.saturating_add(LIFETIME_SECONDS)});
        let given = context.at_key("claims", |context| times(&token.claims, seconds, context))?;
        laid_over(&mut header, &token.header);
        laid_over(&mut claims, &given);
        let part = |value: &Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let mut signature = match algorithm {
            None => Vec::new(),
            Some(algorithm) => match key.sign(algorithm, signed.as_bytes()) {
                Some(signature) => signature,
                None => {
                    return context.problem(format!("the key {name:?} cannot sign by {algorithm}"));
                }
            },
        };
        match token.signature {
            Some(Signature::Missing) => signature.clear(),
            Some(Signature::Broken) => {
                // In the middle: the ends of some encodings have bits that nobody looks at.
                let middle = signature.len() / 2;
                if let Some(byte) = signature.get_mut(middle) {
                    *byte ^= 1;
                }
            }
            Some(Signature::Good) | None => {}
        }
        Some(format!(
            "{signed}.{}",
            Base64UrlUnpadded::encode_string(&signature)
        ))
    }

    /// The token with what it is like laid under it.
    fn whole(
        &self,
        token: &TokenSpec,
        depth: usize,
        context: &mut Context<'_>,
    ) -> Option<TokenSpec> {
        let Some(like) = &token.like else {
            return Some(token.clone());
        };
        if depth >= MAX_LIKE {
            return context.at_key("like", |context| {
                context.problem("more than 16 tokens stand on one another, or it is like itself")
            });
        }
        if self.refused.contains(like) {
            return None;
        }
        let Some(base) = self.tokens.get(like) else {
            return context.at_key("like", |context| {
                context.unknown(
                    format!("no token named {like:?}"),
                    like,
                    self.tokens.keys().map(String::as_str),
                )
            });
        };
        let mut whole = self.whole(base, depth + 1, context)?;
        if token.key.is_some() {
            whole.key.clone_from(&token.key);
            // Another key is of another algorithm.
            whole.algorithm = None;
        }
        whole.algorithm = token.algorithm.or(whole.algorithm);
        whole.signature = token.signature.or(whole.signature);
        overlaid(&mut whole.header, &token.header);
        overlaid(&mut whole.claims, &token.claims);
        Some(whole)
    }
}

/// Lays members over others; null removes.
fn laid_over(base: &mut Value, over: &Value) {
    overlaid(base, over);
    if let Value::Object(map) = base {
        map.retain(|_, value| !value.is_null());
    }
}

/// Lays members over others; null stays, to remove what comes later.
fn overlaid(base: &mut Value, over: &Value) {
    if let (Value::Object(base), Value::Object(over)) = (base, over) {
        for (name, value) in over {
            base.insert(name.clone(), value.clone());
        }
    }
}

/// The claims with `iat`, `nbf` and `exp` as NumericDate (RFC 7519, section 2), where they are written as
/// times or relative to now: `+5m`, `-1h`, `now`, `2026-01-01T00:00:00Z`.
fn times(claims: &Value, now: i64, context: &mut Context<'_>) -> Option<Value> {
    let Value::Object(claims) = claims else {
        return context.expected("an object", claims);
    };
    let mut resolved = Map::new();
    for (name, value) in claims {
        let value = match (name.as_str(), value) {
            ("iat" | "nbf" | "exp", Value::String(text)) => {
                json!(context.at_key(name, |context| numeric_date(text, now, context))?)
            }
            _ => value.clone(),
        };
        resolved.insert(name.clone(), value);
    }
    Some(Value::Object(resolved))
}

fn numeric_date(text: &str, now: i64, context: &mut Context<'_>) -> Option<i64> {
    if text == "now" {
        return Some(now);
    }
    let seconds = |nanos: u64| i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MAX);
    let length = |rest: &str, context: &mut Context<'_>| {
        Duration::decode(&json!(rest), context).map(|length| seconds(length.as_nanos()))
    };
    if let Some(rest) = text.strip_prefix('+') {
        return Some(now.saturating_add(length(rest, context)?));
    }
    if let Some(rest) = text.strip_prefix('-') {
        return Some(now.saturating_sub(length(rest, context)?));
    }
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return Time::decode(&json!(text), context).map(|time| seconds(time.as_nanos()));
    }
    context.problem_hint(
        format!("{text:?} is not a time of a token"),
        "write \"now\", \"+5m\", \"-1h\", a time or seconds since the epoch",
    )
}

#[cfg(test)]
mod tests;
