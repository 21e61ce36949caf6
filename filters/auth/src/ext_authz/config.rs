//! The provider's configuration.

use crate::api_key::Label;
use crate::config::RESERVED;
use crate::decision::OwnReply;
use crate::flight::Failure;
use crate::service::{self, Text};
use gatehouse_config::{
    Context, Decode, Duration, Entries, HeaderName, HeaderValue, NonEmpty, Size, Value, keywords,
    object, one_of,
};
use gatehouse_expiring_map::Bounds;
use gatehouse_host::{Headers, Only};
use std::rc::Rc;

/// For so long, what the service no longer says may still hold.
const MAX_TTL: Duration = Duration::from_secs(24 * 3600);

/// What Envoy's filter has.
const TIMEOUT: std::time::Duration = std::time::Duration::from_millis(200);

/// Room for nothing.
pub(super) const NOTHING: Bounds = Bounds {
    entries: 0,
    bytes: 0,
};

/// A provider of this kind as it is configured.
pub(crate) struct ExtAuthzConfig {
    pub(super) cluster: String,
    pub(super) path_prefix: String,
    pub(super) timeout: std::time::Duration,
    pub(super) send: Vec<HeaderName>,
    pub(super) add: Vec<(HeaderName, HeaderValue)>,
    pub(super) to_upstream: Vec<HeaderName>,
    pub(super) to_client: Vec<HeaderName>,
    pub(super) consumer: Option<Named>,
    pub(super) cache: Option<Cache>,
    pub(super) allow_on_error: bool,
    /// Where it is not the usual one.
    pub(super) status_on_error: Option<Rc<OwnReply>>,
    pub(super) max_in_flight: usize,
}

/// What is remembered, and for how long.
pub(super) struct Cache {
    pub(super) key: Vec<Part>,
    pub(super) ttl: std::time::Duration,
    pub(super) max_ttl: std::time::Duration,
    pub(super) negative_ttl: std::time::Duration,
    /// Of either memory.
    pub(super) bounds: Bounds,
}

one_of! {
    /// A part of the key.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(super) enum Part {
        Header(HeaderName) = "header",
        Path = "path",
        Method = "method",
        Host = "host",
    }
}

one_of! {
    /// Who the service says it is.
    pub(super) enum Named {
        Header(HeaderName) = "header",
        Always(Label) = "name",
    }
}

keywords! {
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum OnError {
        Deny = "deny",
        Allow = "allow",
    }
}

object! {
    struct Raw {
        cluster: Text,
        path_prefix: PathPrefix = PathPrefix(String::new()),
        timeout: Option<Duration>,
        headers: RawHeaders = RawHeaders::default(),
        consumer: Option<Named>,
        cache: Option<RawCache>,
        on_error: OnError = OnError::Deny,
        status_on_error: u16 = 503,
        max_in_flight: usize = 100,
    }
}

object! {
    #[derive(Default)]
    struct RawHeaders {
        send: Option<Vec<HeaderName>>,
        add: Entries<HeaderName, HeaderValue> = Entries::default(),
        to_upstream: Vec<HeaderName> = Vec::new(),
        to_client_on_denial: Option<Vec<HeaderName>>,
    }
}

object! {
    struct RawCache {
        key: Option<NonEmpty<Part>>,
        ignore: Vec<HeaderName> = Vec::new(),
        ttl: Duration = Duration::from_secs(30),
        max_ttl: Option<Duration>,
        negative_ttl: Duration = Duration::from_secs(5),
        size: usize = 10_000,
        bytes: Size = Size::from_bytes(16 << 20),
    }
}

impl Named {
    pub(super) fn read(&self, headers: &Headers) -> Result<String, Failure> {
        let name = match self {
            Self::Always(label) => return Ok(label.0.clone()),
            Self::Header(name) => name,
        };
        let text = match headers.only(name) {
            Only::Absent | Only::One(b"") => {
                return Err(Failure::Answer("the consumer's header is missing"));
            }
            Only::Several => return Err(Failure::Answer("the consumer's header is there twice")),
            Only::One(value) => std::str::from_utf8(value),
        };
        text.map(str::to_owned)
            .map_err(|_| Failure::Answer("the consumer's name is not UTF-8"))
    }
}

/// What stands before the request's own path.
struct PathPrefix(String);

impl Decode for PathPrefix {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        let plain = |byte: u8| matches!(byte, 0x21..=0x7e) && !b"?#%\\".contains(&byte);
        if !text.starts_with('/') || text.ends_with('/') || !text.bytes().all(plain) {
            return context.problem_hint(
                format!("{text:?} cannot stand before a path"),
                "such as \"/check\", without \"/\" at its end",
            );
        }
        Some(Self(text))
    }

    gatehouse_config::described!(text "^/[!-~]*[^/]$");
}

impl Decode for ExtAuthzConfig {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let before = context.problem_count();
        let raw = Raw::decode(value, context)?;
        if let Some(timeout) = raw.timeout {
            service::at_most(context, "timeout", timeout, service::MAX_TIMEOUT);
        }
        service::check_in_flight(context, raw.max_in_flight);
        if !(400..=599).contains(&raw.status_on_error) {
            context.at_key("status_on_error", |context| {
                context.problem::<()>(format!(
                    "{} is not the status of a denial: 400 to 599",
                    raw.status_on_error
                ))
            });
        }
        let send = raw
            .headers
            .send
            .unwrap_or_else(|| names(&["authorization"]));
        let to_client = raw
            .headers
            .to_client_on_denial
            .unwrap_or_else(|| names(&["www-authenticate", "location"]));
        context.at_key("headers", |context| {
            // A cookie is the client's to send, though no header to set.
            check(
                context,
                "send",
                send.iter().filter(|name| &***name != "cookie"),
            );
            check(
                context,
                "add",
                raw.headers.add.0.iter().map(|(name, _)| name),
            );
            check(context, "to_upstream", &raw.headers.to_upstream);
            check(context, "to_client_on_denial", &to_client);
            for (name, _) in &raw.headers.add.0 {
                if send.contains(name) {
                    context.at_key("add", |context| {
                        context.at_key(name, |context| {
                            context
                                .problem::<()>("is in send too, so the client could send another")
                        })
                    });
                }
            }
        });
        let cache = raw
            .cache
            .and_then(|cache| context.at_key("cache", |context| checked(cache, &send, context)));
        if context.problem_count() > before {
            return None;
        }
        let status = OwnReply {
            status: raw.status_on_error,
            headers: Vec::new(),
            body: None,
        };
        Some(Self {
            cluster: raw.cluster.0,
            path_prefix: raw.path_prefix.0,
            timeout: raw.timeout.map_or(TIMEOUT, service::std),
            send,
            add: raw.headers.add.0,
            to_upstream: raw.headers.to_upstream,
            to_client,
            consumer: raw.consumer,
            cache,
            allow_on_error: raw.on_error == OnError::Allow,
            status_on_error: (raw.status_on_error != 503).then(|| Rc::new(status)),
            max_in_flight: raw.max_in_flight,
        })
    }

    gatehouse_config::described!(as Raw);
}

impl ExtAuthzConfig {
    /// The headers that the service sets for the upstream.
    pub(crate) fn sets(&self) -> &[HeaderName] {
        &self.to_upstream
    }

    /// The headers of the client that the service gets.
    pub(crate) fn sends(&self) -> &[HeaderName] {
        &self.send
    }
}

fn names(names: &[&str]) -> Vec<HeaderName> {
    names
        .iter()
        .filter_map(|name| HeaderName::new(name))
        .collect()
}

/// Reports headers that have a meaning of their own, between proxies or to Envoy.
fn check<'n>(
    context: &mut Context<'_>,
    key: &str,
    names: impl IntoIterator<Item = &'n HeaderName>,
) {
    context.at_key(key, |context| {
        for name in names {
            if RESERVED.contains(&name.as_str()) {
                context.problem::<()>(format!("{name} cannot stand here"));
            }
        }
    });
}

/// A header that the service gets and that is no part of the key would let the decision on one client
/// be the decision on another.
fn checked(raw: RawCache, send: &[HeaderName], context: &mut Context<'_>) -> Option<Cache> {
    let before = context.problem_count();
    let max_ttl = raw.max_ttl.unwrap_or(raw.ttl);
    service::at_most(context, "ttl", raw.ttl, MAX_TTL);
    service::at_most(context, "max_ttl", max_ttl, MAX_TTL);
    service::at_most(context, "negative_ttl", raw.negative_ttl, MAX_TTL);
    service::check_cache(context, raw.size, raw.bytes);
    if max_ttl < raw.ttl {
        context.at_key("max_ttl", |context| {
            context.problem::<()>(format!("is less than ttl, {}", raw.ttl))
        });
    }
    let all = || {
        let headers = send.iter().filter(|name| !raw.ignore.contains(name));
        let rest = [Part::Method, Part::Host, Part::Path];
        rest.into_iter()
            .chain(headers.cloned().map(Part::Header))
            .collect()
    };
    let given = raw.key.is_some();
    let key: Vec<Part> = raw.key.map_or_else(all, |key| key.0);
    let in_key = |name: &HeaderName| {
        let is = |part: &Part| matches!(part, Part::Header(known) if known == name);
        key.iter().any(is)
    };
    if given {
        for name in send {
            if !in_key(name) && !raw.ignore.contains(name) {
                context.at_key("key", |context| {
                    context.problem_hint::<()>(
                        format!("has no {name}, which the service gets: what it says of one client would hold for another"),
                        format!("add {{header: {name}}}, or, where the decision does not depend on it, add it to ignore"),
                    )
                });
            }
        }
    }
    context.at_key("ignore", |context| {
        for (index, name) in raw.ignore.iter().enumerate() {
            let message = match (send.contains(name), in_key(name)) {
                (false, _) => format!("{name} is not in headers.send"),
                (true, true) => format!("{name} is in key"),
                (true, false) => continue,
            };
            context.at_index(index, |context| context.problem::<()>(message));
        }
    });
    (context.problem_count() == before).then_some(Cache {
        key,
        ttl: service::std(raw.ttl),
        max_ttl: service::std(max_ttl),
        negative_ttl: service::std(raw.negative_ttl),
        bounds: Bounds {
            entries: raw.size,
            bytes: raw.bytes.bytes(),
        },
    })
}
