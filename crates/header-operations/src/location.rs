//! Where a response leads to: its `location`.
//!
//! ```yaml
//! location: {hosts: ["internal.test", "*.svc.test:8080"], scheme: https, host: www.example.com, path: {from: /app, to: /}}
//! location: {with: "https://login.example.com/?next=${path}"}
//! ```
//!
//! The first form changes a `location` that names one of `hosts` (`http`, `https`, or without a scheme:
//! `//internal.test/a`): its scheme, its host with the port, the front of its path. Of one that is only
//! a path (`/app/a`), which is on the host that was asked, the path is changed. Anything else stays: other
//! hosts and schemes, a relative path, one with a user, a backslash, which some read as a slash, or a
//! control character, which browsers drop.
//! The second form sets it; no variable can be part of its host.

use crate::edit::is_sound;
use crate::names::check_url;
use crate::operation::{Outcome, Side};
use crate::place::Place;
use crate::target::{HostEdit, Prefixed, prefixed};
use gatehouse_config::{Context, Decode, NonEmpty, Value, keywords, object};
use gatehouse_host::{Only, Result};
use gatehouse_request_match::{HostPattern, split_port};
use gatehouse_template::{Destination, Rendered, Template};

keywords! {
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Scheme {
        Http = "http",
        Https = "https",
    }
}

/// How it is changed.
#[derive(Debug, Clone)]
pub(crate) enum Location {
    /// To this.
    With(Template),
    /// Where it leads to one of these hosts.
    Of(Rewrite),
}

#[derive(Debug, Clone)]
pub(crate) struct Rewrite {
    hosts: Vec<Named>,
    scheme: Option<Scheme>,
    host: Option<HostEdit>,
    path: Option<Prefixed>,
}

/// A host, or all below one; with a port, or with any.
#[derive(Debug, Clone)]
struct Named {
    host: HostPattern,
    port: Option<u16>,
}

object! {
    struct RawPath { from: String, to: String }
}

impl Decode for Named {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        let (host, port) = split_port(&text);
        let port = port.map(str::parse);
        match (HostPattern::of(host), port.transpose()) {
            (Some(host), Ok(port)) => Some(Self { host, port }),
            _ => context.problem_hint(
                format!("{text:?} is not a host"),
                "write a name, \"*.\" and a name, or an address, and perhaps a port",
            ),
        }
    }

    gatehouse_config::described!(text not empty);
}

impl Named {
    /// Hosts are compared as those of a `match` are. Without a port it is that of the scheme; without a scheme too,
    /// it is that of the page, which may be either.
    fn is(&self, scheme: &[u8], authority: &str) -> bool {
        let (_, given) = split_port(authority);
        let fits = |port| match given {
            Some(given) if !given.is_empty() => given.parse() == Ok(port),
            _ => match port {
                80 => !scheme.eq_ignore_ascii_case(b"https:"),
                443 => !scheme.eq_ignore_ascii_case(b"http:"),
                _ => false,
            },
        };
        self.host.matches(authority.as_bytes()) && self.port.is_none_or(fits)
    }
}

impl Location {
    gatehouse_config::described!(pub |schemas| {
        let with = schemas.object(|fields| fields.field::<String>("with", false, "A template."));
        let rewrite = schemas.object(|fields| {
            fields.field::<NonEmpty<Named>>("hosts", false, "");
            fields.optional::<Scheme>("scheme");
            fields.optional::<String>("host");
            fields.optional::<RawPath>("path");
        });
        // More than the hosts that are meant.
        let more = gatehouse_config::schema::value!({"minProperties": 2});
        gatehouse_config::schema::any_of([with, gatehouse_config::schema::and(rewrite, more)])
    });

    pub(crate) fn read(place: Place<'_>, value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let fields = context.object(value, &["with", "hosts", "scheme", "host", "path"])?;
        let of_rewriting = ["hosts", "scheme", "host", "path"];
        let given = of_rewriting.iter().find(|key| value.get(**key).is_some());
        if value.get("with").is_some() {
            if let Some(given) = given {
                return context.problem(format!("with and {given} at once, but with is all of it"));
            }
            let template = place.template_at("with", &fields, Destination::Location, context)?;
            return context
                .at_key("with", |context| {
                    let (first, _) = template.ends();
                    let has_variables = template.constant().is_none();
                    check_url(first, has_variables, template.literals(), context)
                })
                .map(|()| Self::With(template));
        }
        let hosts: Option<NonEmpty<Named>> = fields.field("hosts", context);
        let scheme = fields.field("scheme", context);
        let host = value.get("host").map(|host| {
            context.at_key("host", |context| HostEdit::read_text(place, host, context))
        });
        let path: Option<Option<RawPath>> = fields.field("path", context);
        let path = path?.map(|RawPath { from, to }| {
            context.at_key("path", |context| {
                prefixed(&from, &to, ["from", "to"], context)
            })
        });
        let (hosts, scheme): (_, Option<Scheme>) = (hosts?.0, scheme?);
        // Nothing inside: there was a problem.
        let (host, path) = (
            host.map_or(Some(None), |h| h.map(Some))?,
            path.map_or(Some(None), |p| p.map(Some))?,
        );
        if scheme.is_none() && host.is_none() && path.is_none() {
            return context.problem_hint("changes nothing", "write scheme, host or path");
        }
        Some(Self::Of(Rewrite {
            hosts,
            scheme,
            host,
            path,
        }))
    }

    pub(crate) fn template(&self) -> Option<&Template> {
        match self {
            Self::With(template) => Some(template),
            Self::Of(rewrite) => rewrite.host.as_ref().map(HostEdit::template),
        }
    }

    /// Where a variable has no value, or the location cannot be made as it was meant, it is removed:
    /// better none than one that leads inside.
    pub(crate) fn apply(&self, side: &mut dyn Side) -> Result<Outcome> {
        let new = match self {
            Self::With(template) => match template.render(side)? {
                // Two slashes in front, around a variable that is empty, would begin a host.
                Rendered::Value(value) if is_sound(&value) && !value.starts_with(b"//") => {
                    Ok(value.into_owned())
                }
                Rendered::Missing => Err(Outcome::Missing),
                Rendered::Value(_) | Rendered::Unsafe => Err(Outcome::Unsafe),
            },
            Self::Of(rewrite) => {
                let Only::One(old) = side.headers()?.only("location") else {
                    return Ok(Outcome::Done);
                };
                let old = old.to_vec();
                match rewrite.changed(&old, side)? {
                    None => return Ok(Outcome::Done),
                    Some(new) => new,
                }
            }
        };
        match new {
            Ok(new) => side.set("location", &new).map(|()| Outcome::Done),
            Err(outcome) => side.remove("location").map(|()| outcome),
        }
    }
}

impl Rewrite {
    /// The new location; nothing where the old one stays.
    fn changed(
        &self,
        old: &[u8],
        side: &mut dyn Side,
    ) -> Result<Option<std::result::Result<Vec<u8>, Outcome>>> {
        let Some(parts) = Parts::of(old) else {
            return Ok(None);
        };
        let mut new = Vec::with_capacity(old.len());
        if let Some(authority) = parts.authority {
            if !self
                .hosts
                .iter()
                .any(|host| host.is(parts.scheme, authority))
            {
                return Ok(None);
            }
            match self.scheme {
                Some(Scheme::Http) => new.extend_from_slice(b"http:"),
                Some(Scheme::Https) => new.extend_from_slice(b"https:"),
                None => new.extend_from_slice(parts.scheme),
            }
            new.extend_from_slice(b"//");
            match &self.host {
                None => new.extend_from_slice(authority.as_bytes()),
                Some(host) => match host.rendered(side)? {
                    Ok(host) => new.extend_from_slice(&host),
                    Err(outcome) => return Ok(Some(Err(outcome))),
                },
            }
        }
        let end = parts
            .path
            .iter()
            .position(|byte| matches!(byte, b'?' | b'#'));
        let (path, rest) = end
            .and_then(|end| parts.path.split_at_checked(end))
            .unwrap_or((parts.path, b""));
        let prefixed = self.path.as_ref().and_then(|prefix| prefix.apply(path));
        match &prefixed {
            // Without a host, two slashes in front would begin one.
            Some(path) if parts.authority.is_none() && path.starts_with(b"//") => {
                return Ok(Some(Err(Outcome::Unsafe)));
            }
            Some(path) => new.extend_from_slice(path),
            None => new.extend_from_slice(path),
        }
        new.extend_from_slice(rest);
        Ok((new != old).then_some(Ok(new)))
    }
}

/// What a location consists of.
struct Parts<'l> {
    /// With its colon; empty where there is none.
    scheme: &'l [u8],
    authority: Option<&'l str>,
    path: &'l [u8],
}

impl<'l> Parts<'l> {
    /// Nothing where it is neither a URL of HTTP nor a path from the root.
    fn of(location: &'l [u8]) -> Option<Self> {
        // Browsers drop a tab or a line's end wherever it stands (URL Standard, 4.4): what follows it
        // could be a second slash.
        let is_odd = |byte: &u8| *byte == b'\\' || byte.is_ascii_control();
        if location.iter().any(is_odd) {
            return None;
        }
        let colon = location
            .iter()
            .position(|byte| !byte.is_ascii_alphanumeric())?;
        let (scheme, rest) = match location.split_at_checked(colon + 1) {
            Some((scheme, rest)) if scheme.ends_with(b":") => (scheme, rest),
            _ => (&b""[..], location),
        };
        let is_http =
            scheme.eq_ignore_ascii_case(b"http:") || scheme.eq_ignore_ascii_case(b"https:");
        if !scheme.is_empty() && !is_http {
            return None;
        }
        let Some(after) = rest.strip_prefix(b"//") else {
            // `http:/a` is on this host to some, and on the host `a` to others.
            let is_path = scheme.is_empty() && rest.starts_with(b"/");
            return is_path.then_some(Self {
                scheme,
                authority: None,
                path: rest,
            });
        };
        let end = after
            .iter()
            .position(|byte| matches!(byte, b'/' | b'?' | b'#'));
        let (authority, path) = end
            .and_then(|end| after.split_at_checked(end))
            .unwrap_or((after, b""));
        Some(Self {
            scheme,
            authority: Some(std::str::from_utf8(authority).ok()?),
            path,
        })
    }
}
