//! Which pages of other origins may read responses: CORS, as the Fetch standard has it.
//!
//! 1. A preflight (`OPTIONS` with `origin` and `access-control-request-method`) is answered here and goes
//!    no further: with 204 and what is allowed, or with 403 where the origin is not. The browser compares
//!    what it wants with what is allowed.
//! 2. Any other request goes on, whatever its origin: CORS keeps pages from reading responses, not
//!    clients from sending requests.
//! 3. Of its response all `access-control-` headers are removed: what the upstream allows does not count.
//!    Where the origin is one of `origins`, it is named in `access-control-allow-origin`.
//! 4. Every response says `vary: origin`, since another origin would get another one. Only where any
//!    origin is allowed, all get `*`, also those to requests without an origin, and nothing varies.
//!
//! Any origin with credentials is refused at configuration: every page could read what its visitor may.
//! So is `null`, the origin of every sandboxed page. Several `origin` lines, or one with several in it,
//! are no origin. Origins are compared as a whole, so that `https://evilexample.com` is not
//! `https://example.com`, and `https://example.com.evil.test` is not below it.

mod origin;

use crate::operation::Side;
use gatehouse_config::{Context, Decode, Duration, HeaderName, NonEmpty, Value, object};
use gatehouse_host::{Headers, LocalReply, Only, Result};
use origin::Origin;

/// The time that a browser may take a preflight's answer for good.
const NANOS_IN_A_SECOND: u64 = 1_000_000_000;

const ALLOW_ORIGIN: &str = "access-control-allow-origin";
const ALLOW_CREDENTIALS: &str = "access-control-allow-credentials";

/// The `cors` of a rule.
#[derive(Debug, Clone)]
pub struct Cors {
    /// Nothing where any may.
    origins: Option<Vec<Origin>>,
    credentials: bool,
    /// For the answer to a preflight.
    preflight: Vec<(&'static str, String)>,
    expose: Option<String>,
}

/// What a request is to the `cors` of its rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Asked {
    /// Nothing is known of it, or its origin is not allowed.
    #[default]
    Other,
    /// Its origin is allowed; this one.
    Allowed(Box<[u8]>),
    /// A preflight, answered by this filter.
    Preflight,
}

/// A method, or all: `*`.
struct Method(String);

/// A header, or all: `*`.
struct Name(String);

object! {
    struct Raw {
        origins: NonEmpty<String>,
        methods: Option<NonEmpty<Method>>,
        headers: Option<NonEmpty<Name>>,
        expose: Option<NonEmpty<Name>>,
        credentials: bool = false,
        max_age: Option<Duration>,
    }
}

impl Decode for Method {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        // A method is a token, as the name of a header is, but case counts (RFC 9110, 9.1).
        match HeaderName::new(&text) {
            Some(_) => Some(Self(text)),
            None => context.problem(format!("{text:?} is not a method")),
        }
    }

    gatehouse_config::described!(text "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$");
}

impl Decode for Name {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        HeaderName::decode(value, context).map(|name| Self(name.as_str().to_owned()))
    }

    gatehouse_config::described!(as HeaderName);
}

impl Decode for Cors {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let raw = Raw::decode(value, context)?;
        let origins = context.at_key("origins", |context| origins(&raw.origins.0, context))?;
        let list = |names: Vec<String>, key: &str, context: &mut Context<'_>| {
            if raw.credentials && names.iter().any(|name| name == "*") {
                return context.at_key(key, |context| {
                    context.problem_hint(
                        "\"*\" with credentials: true, where it means nothing",
                        "name them",
                    )
                });
            }
            Some(names.join(", "))
        };
        let methods = match raw.methods {
            Some(methods) => methods.0.into_iter().map(|method| method.0).collect(),
            None => ["GET", "HEAD", "POST"].map(str::to_owned).to_vec(),
        };
        let texts = |names: Option<NonEmpty<Name>>| -> Vec<String> {
            let names = names.map(|names| names.0).unwrap_or_default();
            names.into_iter().map(|name| name.0).collect()
        };
        let methods = list(methods, "methods", context);
        let headers = list(texts(raw.headers), "headers", context);
        let expose = list(texts(raw.expose), "expose", context);
        if raw.credentials && origins.is_none() {
            return context.problem_hint(
                "any origin with credentials: true: every page could read what its visitor may",
                "name the origins",
            );
        }
        let mut preflight = vec![("access-control-allow-methods", methods?)];
        preflight.push(("access-control-allow-headers", headers?));
        if let Some(age) = raw.max_age {
            let seconds = age.as_nanos() / NANOS_IN_A_SECOND;
            preflight.push(("access-control-max-age", seconds.to_string()));
        }
        preflight.retain(|(_, value)| !value.is_empty());
        Some(Self {
            origins,
            credentials: raw.credentials,
            preflight,
            expose: Some(expose?).filter(|expose| !expose.is_empty()),
        })
    }

    gatehouse_config::described!(as Raw);
}

/// Nothing inside where any is allowed.
#[expect(
    clippy::option_option,
    reason = "the outer one is the one of every decoder"
)]
fn origins(texts: &[String], context: &mut Context<'_>) -> Option<Option<Vec<Origin>>> {
    if let Some(any) = texts.iter().position(|text| text == "*") {
        return match texts.len() {
            1 => Some(None),
            _ => context.at_index(any, |context| {
                context.problem("\"*\" is any origin, so no other can stand beside it")
            }),
        };
    }
    let read = |(index, text): (usize, &String)| {
        context.at_index(index, |context| Origin::read(text, context))
    };
    let origins: Vec<Option<Origin>> = texts.iter().enumerate().map(read).collect();
    origins.into_iter().collect::<Option<Vec<_>>>().map(Some)
}

impl Cors {
    /// What a request is. With a reply, it is answered with that.
    pub fn asked(&self, headers: &Headers) -> (Asked, Option<LocalReply>) {
        let origin = match headers.only("origin") {
            Only::One(origin) if self.allows(origin) => Some(origin),
            _ => None,
        };
        let is_preflight = headers.only(":method") == Only::One(b"OPTIONS")
            && headers.contains("origin")
            && headers.contains("access-control-request-method");
        if is_preflight {
            return (Asked::Preflight, Some(self.answer(origin)));
        }
        match origin {
            Some(origin) => (Asked::Allowed(origin.into()), None),
            None => (Asked::Other, None),
        }
    }

    fn allows(&self, origin: &[u8]) -> bool {
        match &self.origins {
            None => true,
            Some(origins) => origins.iter().any(|allowed| allowed.is(origin)),
        }
    }

    fn answer(&self, origin: Option<&[u8]>) -> LocalReply {
        let mut headers = Vec::new();
        let mut add = |name: &str, value: &[u8]| headers.push((name.to_owned(), value.to_vec()));
        let vary = "origin, access-control-request-method, access-control-request-headers";
        add("vary", vary.as_bytes());
        if let Some(origin) = origin {
            add(ALLOW_ORIGIN, self.allowed(origin));
            if self.credentials {
                add(ALLOW_CREDENTIALS, b"true");
            }
            for (name, value) in &self.preflight {
                add(name, value.as_bytes());
            }
        }
        let (status, details) = match origin {
            Some(_) => (204, "gatehouse.headers.cors_preflight"),
            None => (403, "gatehouse.headers.cors_origin"),
        };
        LocalReply {
            status,
            headers,
            body: Vec::new(),
            grpc_status: None,
            details: details.to_owned(),
        }
    }

    /// What `access-control-allow-origin` says: never an origin, where any is allowed.
    fn allowed<'o>(&self, origin: &'o [u8]) -> &'o [u8] {
        match self.origins {
            None => b"*",
            Some(_) => origin,
        }
    }

    /// Changes a response.
    ///
    /// # Errors
    /// Where the host fails.
    pub fn apply(&self, asked: &Asked, side: &mut dyn Side) -> Result<()> {
        if *asked == Asked::Preflight {
            return Ok(());
        }
        let headers = side.headers()?;
        let upstream: Vec<String> = headers
            .iter()
            .filter(|(name, _)| name.starts_with(b"access-control-"))
            .map(|(name, _)| String::from_utf8_lossy(name).into_owned())
            .collect();
        let varies = headers.all("vary").any(|value| {
            let mut names = value.split(|byte| *byte == b',');
            names.any(|name| {
                let name = name.trim_ascii();
                name == b"*" || name.eq_ignore_ascii_case(b"origin")
            })
        });
        for name in upstream {
            side.remove(&name)?;
        }
        if self.origins.is_some() && !varies {
            side.append("vary", b"origin")?;
        }
        let allowed = match asked {
            Asked::Allowed(origin) => Some(self.allowed(origin)),
            // A cache may give this response to a page, since nothing varies.
            _ if self.origins.is_none() => Some(&b"*"[..]),
            _ => None,
        };
        if let Some(allowed) = allowed {
            side.set(ALLOW_ORIGIN, allowed)?;
            if self.credentials {
                side.set(ALLOW_CREDENTIALS, b"true")?;
            }
            if let Some(expose) = &self.expose {
                side.set("access-control-expose-headers", expose.as_bytes())?;
            }
        }
        Ok(())
    }
}
