//! The provider's configuration.

use super::denylist::DenylistConfig;
use super::keys::Keys;
use super::{JwtConfig, TokenType};
use crate::challenge::Realm;
use crate::claim::ClaimRequirement;
use crate::consumer_claims::ConsumerClaims;
use crate::credential::{Location, Prefix};
use crate::service::Text;
use gatehouse_config::{Context, Decode, Duration, HeaderName, NonEmpty, Value, object};
use gatehouse_jose::{Algorithm, ClaimRules};

/// A longer skew is not a skew: it would make expired tokens good.
const MAX_SKEW: Duration = Duration::from_secs(3600);

/// With tokens of 4 KiB and their claims, some 100 MB.
const MAX_CACHE_SIZE: usize = 10_000;

object! {
    struct Raw {
        issuer: Text,
        audiences: NonEmpty<Text>,
        algorithms: NonEmpty<Accepted>,
        jwks: Keys,
        from: Option<NonEmpty<Location>>,
        realm: Option<Realm>,
        clock_skew: Duration = Duration::from_secs(30),
        consumer: ConsumerClaims = ConsumerClaims::default(),
        cache: RawCache = RawCache::default(),
        types: Option<NonEmpty<TokenType>>,
        claims: Option<NonEmpty<ClaimRequirement>>,
        denylist: Option<DenylistConfig>,
    }
}

object! {
    struct RawCache {
        size: usize = 1000,
    }
}

impl Default for RawCache {
    fn default() -> Self {
        Self { size: 1000 }
    }
}

struct Accepted(Algorithm);

impl Decode for Accepted {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let name = String::decode(value, context)?;
        match name.parse() {
            Ok(algorithm) => Some(Self(algorithm)),
            Err(_) => context.unknown(
                format!("{name:?} is not a supported algorithm"),
                &name,
                Algorithm::ALL.iter().map(|algorithm| algorithm.as_str()),
            ),
        }
    }

    gatehouse_config::described!(|_schemas| {
        let names: Vec<&str> = Algorithm::ALL
            .iter()
            .map(|algorithm| algorithm.as_str())
            .collect();
        gatehouse_config::schema::value!({"enum": names})
    });
}

impl Decode for JwtConfig {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let raw = Raw::decode(value, context)?;
        let before = context.problem_count();
        let keys = raw.jwks;
        let algorithms: Vec<Algorithm> = raw.algorithms.0.into_iter().map(|a| a.0).collect();
        context.at_key("algorithms", |context| {
            for (index, algorithm) in algorithms.iter().enumerate() {
                if let Some(misfit) = keys.misfit(*algorithm) {
                    context.at_index(index, |context| context.problem::<()>(misfit));
                }
            }
        });
        if let Keys::Remote(remote) = &keys {
            remote.check_issuer(&raw.issuer.0, context);
        }
        if raw.clock_skew > MAX_SKEW {
            context.at_key("clock_skew", |context| {
                context.problem::<()>(format!("is more than {MAX_SKEW}"))
            });
        }
        // Half of it is a generation.
        if raw.cache.size == 1 || raw.cache.size > MAX_CACHE_SIZE {
            context.at_key("cache", |context| {
                context.at_key("size", |context| {
                    context.problem::<()>(format!("must be 0, or 2 to {MAX_CACHE_SIZE}"))
                })
            });
        }
        if context.problem_count() > before {
            return None;
        }
        Some(Self {
            from: match raw.from {
                Some(from) => from.0,
                None => vec![Location::Header {
                    name: HeaderName::new("authorization")?,
                    prefix: Some(Prefix::bearer()),
                }],
            },
            realm: raw.realm,
            issuer: raw.issuer.0.clone(),
            algorithms,
            keys,
            rules: ClaimRules {
                issuer: Some(raw.issuer.0),
                audiences: raw.audiences.0.into_iter().map(|text| text.0).collect(),
                clock_skew: std::time::Duration::from_nanos(raw.clock_skew.as_nanos()),
                require_exp: true,
            },
            claims: raw.consumer.or_scopes(&["scope", "scp"]),
            types: raw.types.map(|types| types.0).unwrap_or_default(),
            required: raw.claims.map(|claims| claims.0).unwrap_or_default(),
            denylist: raw.denylist,
            cache_size: raw.cache.size,
        })
    }

    gatehouse_config::described!(as Raw);
}

/// A media type without parameters, compared without case and without `application/` in front
/// (RFC 7515, 4.1.9).
impl Decode for TokenType {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+/".contains(&byte);
        if text.is_empty() || !text.bytes().all(letters) {
            return context.problem_hint(
                format!("{text:?} is not a type of tokens"),
                "such as \"at+jwt\" (RFC 9068)",
            );
        }
        Some(Self(TokenType::plain(&text).into()))
    }

    gatehouse_config::described!(text "^[A-Za-z0-9!#$&^_.+/-]+$");
}
