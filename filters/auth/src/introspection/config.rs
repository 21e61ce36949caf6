//! The provider's configuration.

use super::form;
use crate::challenge::Realm;
use crate::consumer_claims::ConsumerClaims;
use crate::credential::{Location, Prefix};
use crate::service::{self, Text};
use base64ct::{Base64, Encoding as _};
use gatehouse_config::{
    Context, Decode, Duration, HeaderName, NonEmpty, Secret, Size, Value, keywords, object, one_of,
};
use gatehouse_expiring_map::Bounds;
use gatehouse_feed::Url;
use gatehouse_jose::ClaimRules;
use zeroize::Zeroizing;

/// A longer skew is not a skew: it would make expired tokens good.
const MAX_SKEW: Duration = Duration::from_secs(3600);

/// For so long, a token that was revoked may still be good.
const MAX_POSITIVE: Duration = Duration::from_secs(24 * 3600);
const MAX_STALE: Duration = Duration::from_secs(24 * 3600);

const MAX_NEGATIVE: Duration = Duration::from_secs(3600);

/// What stands for a token that is not good takes so many bytes, at most.
const NEGATIVE_BYTES: usize = 192;

/// A provider of this kind as it is configured.
pub(crate) struct IntrospectionConfig {
    pub(crate) from: Vec<Location>,
    pub(super) realm: Option<Realm>,
    pub(super) cluster: String,
    pub(super) url: Url,
    /// What goes into `authorization`.
    pub(super) authorization: Option<Zeroizing<String>>,
    /// What follows the token in the form.
    pub(super) form: Zeroizing<String>,
    pub(super) timeout: std::time::Duration,
    pub(super) cache: Cache,
    pub(super) stale: Option<std::time::Duration>,
    pub(super) rules: ClaimRules,
    pub(super) consumer: ConsumerClaims,
    pub(super) max_in_flight: usize,
}

/// What is remembered, and for how long.
pub(super) struct Cache {
    pub(super) positive: std::time::Duration,
    pub(super) negative: std::time::Duration,
    pub(super) good: Bounds,
    pub(super) bad: Bounds,
}

keywords! {
    /// How the gateway says to the endpoint who it is.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Method {
        Basic = "basic",
        Post = "post",
        None = "none",
    }
}

one_of! {
    enum OnError {
        Deny = "deny",
        Stale(Duration) = "stale",
    }
}

object! {
    struct Raw {
        cluster: Text,
        uri: Endpoint,
        client_id: Option<Text>,
        client_secret: Option<Secret>,
        auth: Option<Method>,
        from: Option<NonEmpty<Location>>,
        realm: Option<Realm>,
        timeout: Duration = Duration::from_secs(2),
        cache: RawCache = RawCache::default(),
        on_error: OnError = OnError::Deny,
        issuer: Option<Text>,
        audiences: Option<NonEmpty<Text>>,
        clock_skew: Duration = Duration::from_secs(30),
        consumer: ConsumerClaims = ConsumerClaims::default(),
        max_in_flight: usize = 100,
    }
}

object! {
    struct FullCache {
        positive: Duration = Duration::from_secs(60),
        negative: Duration = Duration::from_secs(10),
        size: usize = 10_000,
        bytes: Size = Size::from_bytes(16 << 20),
    }
}

/// `60s`, or all of it.
struct RawCache(FullCache);

impl Default for RawCache {
    fn default() -> Self {
        Self(FullCache {
            positive: Duration::from_secs(60),
            negative: Duration::from_secs(10),
            size: 10_000,
            bytes: Size::from_bytes(16 << 20),
        })
    }
}

impl Decode for RawCache {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        if value.is_object() {
            return FullCache::decode(value, context).map(Self);
        }
        let positive = Duration::decode(value, context)?;
        let mut cache = Self::default();
        cache.0.positive = positive;
        Some(cache)
    }

    gatehouse_config::described!(|schemas| gatehouse_config::schema::any_of([
        schemas.of::<FullCache>(),
        schemas.of::<Duration>()
    ]));
}

struct Endpoint(Url);

impl Decode for Endpoint {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        match Url::parse(&text) {
            Ok(url) => Some(Self(url)),
            Err(what) => context.problem_hint(
                format!("{text:?} {what}"),
                "such as \"https://idp.example/oauth2/introspect\"",
            ),
        }
    }

    gatehouse_config::described!(text "^[Hh][Tt][Tt][Pp][Ss]?://");
}

impl Decode for IntrospectionConfig {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let before = context.problem_count();
        let raw = Raw::decode(value, context)?;
        service::at_most(context, "timeout", raw.timeout, service::MAX_TIMEOUT);
        service::at_most(context, "clock_skew", raw.clock_skew, MAX_SKEW);
        service::check_in_flight(context, raw.max_in_flight);
        let stale = match raw.on_error {
            OnError::Deny => None,
            OnError::Stale(stale) => {
                context.at_key("on_error", |context| {
                    service::at_most(context, "stale", stale, MAX_STALE);
                });
                Some(service::std(stale))
            }
        };
        let cache = raw.cache.0;
        context.at_key("cache", |context| {
            service::at_most(context, "positive", cache.positive, MAX_POSITIVE);
            service::at_most(context, "negative", cache.negative, MAX_NEGATIVE);
            service::check_cache(context, cache.size, cache.bytes);
        });
        if cache.size == 0 && stale.is_some() {
            context.at_key("on_error", |context| {
                context.problem_hint::<()>(
                    "nothing is remembered that could be stale",
                    "set cache.size",
                )
            });
        }
        let client = client(raw.client_id, raw.client_secret, raw.auth, context);
        if context.problem_count() > before {
            return None;
        }
        let (authorization, form) = client?;
        let audiences = raw.audiences.map(|audiences| audiences.0);
        Some(Self {
            from: match raw.from {
                Some(from) => from.0,
                None => vec![Location::Header {
                    name: HeaderName::new("authorization")?,
                    prefix: Some(Prefix::bearer()),
                }],
            },
            realm: raw.realm,
            cluster: raw.cluster.0,
            url: raw.uri.0,
            authorization,
            form,
            timeout: service::std(raw.timeout),
            cache: Cache {
                positive: service::std(cache.positive),
                negative: service::std(cache.negative),
                good: Bounds {
                    entries: cache.size,
                    bytes: cache.bytes.bytes(),
                },
                bad: Bounds {
                    entries: cache.size,
                    bytes: cache.size.saturating_mul(NEGATIVE_BYTES),
                },
            },
            stale,
            rules: ClaimRules {
                issuer: raw.issuer.map(|text| text.0),
                audiences: audiences.into_iter().flatten().map(|text| text.0).collect(),
                clock_skew: service::std(raw.clock_skew),
                require_exp: false,
            },
            consumer: raw.consumer.or_scopes(&["scope"]),
            max_in_flight: raw.max_in_flight,
        })
    }

    gatehouse_config::described!(as Raw);
}

type Client = (Option<Zeroizing<String>>, Zeroizing<String>);

/// What goes into `authorization`, and into the form.
fn client(
    id: Option<Text>,
    secret: Option<Secret>,
    method: Option<Method>,
    context: &mut Context<'_>,
) -> Option<Client> {
    let id = id.map(|id| form::encoded(id.0.as_bytes()));
    let secret = secret.map(|secret| Zeroizing::new(form::encoded(secret.expose())));
    match (method.unwrap_or(Method::Basic), id, secret) {
        (Method::None, id, None) => {
            let form = id.map(|id| format!("&client_id={id}"));
            Some((None, Zeroizing::new(form.unwrap_or_default())))
        }
        (Method::None, _, Some(_)) => context.at_key("client_secret", |context| {
            context.problem_hint("is never sent", "remove it, or set auth to basic or post")
        }),
        // RFC 6749, 2.3.1: both are encoded as in a form before they are put together.
        (Method::Basic, Some(id), Some(secret)) => {
            let pair = Zeroizing::new(format!("{id}:{}", *secret));
            let encoded = Zeroizing::new(Base64::encode_string(pair.as_bytes()));
            let authorization = Zeroizing::new(format!("Basic {}", *encoded));
            Some((Some(authorization), Zeroizing::default()))
        }
        (Method::Post, Some(id), Some(secret)) => {
            let form = format!("&client_id={id}&client_secret={}", *secret);
            Some((None, Zeroizing::new(form)))
        }
        (_, id, _) => {
            let missing = match id {
                None => "client_id",
                Some(_) => "client_secret",
            };
            context.at_key(missing, |context| {
                context.problem_hint(
                    "required, but missing",
                    "for an endpoint that asks for neither, write \"auth: none\"",
                )
            })
        }
    }
}
