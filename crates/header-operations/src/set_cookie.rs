//! The attributes of the cookies that a response sets: `cookie: {name: session, secure: true}`.
//!
//! A `set-cookie` is taken apart at each `;` (RFC 6265, 5.2); the first piece is the cookie, the others
//! its attributes, whose names count in any case. What is not named here stays as it was sent, and so
//! does all of a cookie to which nothing is to be done. A cookie without a name (`=a`, `a`) has an empty
//! one: only an operation for all cookies is for it.

use crate::cookie::CookieName;
use crate::edit::{replace_all, values};
use crate::operation::{Outcome, Side};
use crate::rewrite::trimmed;
use crate::target::{Prefixed, is_host, prefixed};
use gatehouse_config::{Context, Decode, Duration, NonEmpty, Value, keywords, object};
use gatehouse_host::Result;

const NANOS_IN_A_SECOND: u64 = 1_000_000_000;

keywords! {
    /// Whether other sites' requests bring the cookie (RFC 6265bis, 4.1.2.7).
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum SameSite {
        Strict = "strict",
        Lax = "lax",
        None = "none",
    }
}

keywords! {
    /// Attributes that can be taken away.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Attribute {
        Domain = "domain",
        Path = "path",
        Expires = "expires",
        MaxAge = "max_age",
        SameSite = "same_site",
    }
}

keywords! {
    /// Whether attributes that a cookie has are changed.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Which {
        Always = "always",
        Absent = "absent",
    }
}

/// What is done to some cookies.
#[derive(Debug, Clone)]
pub(crate) struct SetCookie {
    cookies: Cookies,
    /// Attributes without a value, and whether they are there afterwards.
    flags: Vec<(&'static str, bool)>,
    /// Attributes and their values.
    values: Vec<(&'static str, String)>,
    removed: Vec<&'static str>,
    domain: Option<(String, String)>,
    path: Option<Prefixed>,
    which: Which,
}

#[derive(Debug, Clone)]
enum Cookies {
    All,
    Named(CookieName),
    Prefix(CookieName),
}

/// `domain: a.test`, or `domain: {from: a.test, to: b.test}`.
enum Change {
    To(String),
    Rewrite(Rewrite),
}

object! {
    struct Rewrite { from: String, to: String }
}

object! {
    struct Raw {
        name: Option<CookieName>,
        prefix: Option<CookieName>,
        secure: Option<bool>,
        http_only: Option<bool>,
        partitioned: Option<bool>,
        same_site: Option<SameSite>,
        domain: Option<Change>,
        path: Option<Change>,
        max_age: Option<Duration>,
        remove: Option<NonEmpty<Attribute>>,
        which as "if": Which = Which::Always,
    }
}

impl Decode for Change {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::To(text.clone())),
            Value::Object(_) => Rewrite::decode(value, context).map(Self::Rewrite),
            other => context.expected("a text, or {from: …, to: …}", other),
        }
    }

    gatehouse_config::described!(|schemas| gatehouse_config::schema::any_of([
        schemas.of::<String>(),
        schemas.of::<Rewrite>()
    ]));
}

impl Decode for SetCookie {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let raw = Raw::decode(value, context)?;
        let cookies = match (raw.name, raw.prefix) {
            (Some(_), Some(_)) => {
                return context
                    .problem("name and prefix at once, but only one of them can stand here");
            }
            (Some(name), None) => Cookies::Named(name),
            (None, Some(prefix)) => Cookies::Prefix(prefix),
            (None, None) => Cookies::All,
        };
        if raw.secure != Some(true) {
            if raw.same_site == Some(SameSite::None) {
                return context.problem_hint(
                    "same_site: none without secure: true, which browsers refuse",
                    "write secure: true too",
                );
            }
            if raw.partitioned == Some(true) {
                return context.problem_hint(
                    "partitioned: true without secure: true, which browsers refuse",
                    "write secure: true too",
                );
            }
        }
        let mut edit = Self {
            cookies,
            flags: Vec::new(),
            values: Vec::new(),
            removed: Vec::new(),
            domain: None,
            path: None,
            which: raw.which,
        };
        let (domain, path) = (
            edit.domain(raw.domain, context),
            edit.path(raw.path, context),
        );
        domain?;
        path?;
        if let Some(age) = raw.max_age {
            let seconds = age.as_nanos() / NANOS_IN_A_SECOND;
            if seconds == 0 {
                return context.at_key("max_age", |context| context.problem("less than a second"));
            }
            edit.values.push(("Max-Age", seconds.to_string()));
        }
        if let Some(same_site) = raw.same_site {
            let value = match same_site {
                SameSite::Strict => "Strict",
                SameSite::Lax => "Lax",
                SameSite::None => "None",
            };
            edit.values.push(("SameSite", value.to_owned()));
        }
        for (name, flag) in [
            ("Secure", raw.secure),
            ("HttpOnly", raw.http_only),
            ("Partitioned", raw.partitioned),
        ] {
            edit.flags.extend(flag.map(|flag| (name, flag)));
        }
        for attribute in raw.remove.map(|remove| remove.0).unwrap_or_default() {
            edit.removed.push(match attribute {
                Attribute::Domain => "Domain",
                Attribute::Path => "Path",
                Attribute::Expires => "Expires",
                Attribute::MaxAge => "Max-Age",
                Attribute::SameSite => "SameSite",
            });
        }
        let contradiction = edit
            .removed
            .iter()
            .find(|removed| edit.values.iter().any(|(name, _)| name == *removed));
        if let Some(name) = contradiction {
            return context.problem(format!("{name} is removed and set"));
        }
        let idle = edit.flags.is_empty() && edit.values.is_empty() && edit.removed.is_empty();
        if idle && edit.domain.is_none() && edit.path.is_none() {
            return context.problem_hint(
                "changes nothing",
                "write an attribute, such as secure: true",
            );
        }
        Some(edit)
    }

    gatehouse_config::described!(as Raw);
}

impl SetCookie {
    fn domain(&mut self, change: Option<Change>, context: &mut Context<'_>) -> Option<()> {
        let check = |text: &str, context: &mut Context<'_>| {
            let name = text.strip_prefix('.').unwrap_or(text);
            match is_host(name.as_bytes()) && !name.contains(':') {
                true => Some(name.to_ascii_lowercase()),
                false => context.problem(format!("{text:?} is not a domain")),
            }
        };
        context.at_key("domain", |context| {
            match change {
                None => {}
                Some(Change::To(domain)) => self.values.push(("Domain", check(&domain, context)?)),
                Some(Change::Rewrite(Rewrite { from, to })) => {
                    self.domain = Some((check(&from, context)?, check(&to, context)?));
                }
            }
            Some(())
        })
    }

    fn path(&mut self, change: Option<Change>, context: &mut Context<'_>) -> Option<()> {
        context.at_key("path", |context| {
            match change {
                None => {}
                Some(Change::To(path)) => {
                    let fits = |b: u8| b.is_ascii_graphic() && b != b';';
                    if !path.starts_with('/') || !path.bytes().all(fits) {
                        return context.problem(format!("{path:?} is not the path of a cookie"));
                    }
                    self.values.push(("Path", path));
                }
                Some(Change::Rewrite(Rewrite { from, to })) => {
                    self.path = Some(prefixed(&from, &to, ["from", "to"], context)?);
                }
            }
            Some(())
        })
    }

    fn is_for(&self, cookie: &[u8]) -> bool {
        // Without a `=` there is no name, but a value (RFC 6265bis, 5.6).
        let has_name = cookie.contains(&b'=');
        match &self.cookies {
            Cookies::All => true,
            Cookies::Named(name) => has_name && name.is(cookie),
            Cookies::Prefix(prefix) => has_name && prefix.begins(cookie),
        }
    }

    pub(crate) fn apply(&self, side: &mut dyn Side) -> Result<Outcome> {
        let before = values("set-cookie", side)?;
        let after: Vec<Vec<u8>> = before.iter().map(|line| self.changed(line)).collect();
        if after != before {
            replace_all("set-cookie", &after, side)?;
        }
        Ok(Outcome::Done)
    }

    fn changed(&self, line: &[u8]) -> Vec<u8> {
        let mut pieces = line.split(|byte| *byte == b';');
        let cookie = pieces.next().unwrap_or_default();
        if !self.is_for(cookie) {
            return line.to_vec();
        }
        let begins = |prefix: &[u8]| {
            let front = trimmed(cookie).get(..prefix.len());
            front.is_some_and(|front| front.eq_ignore_ascii_case(prefix))
        };
        // Browsers take such a cookie only with `Secure`, and one of the host only with `Path=/` and
        // without `Domain` (RFC 6265bis, 4.1.3).
        let of_host = begins(b"__Host-");
        let must_be_secure = of_host || begins(b"__Secure-");
        let mut attributes: Vec<Vec<u8>> = pieces.map(<[u8]>::to_vec).collect();
        if !of_host {
            for attribute in &mut attributes {
                self.rewrite(attribute);
            }
        }
        for removed in &self.removed {
            if !(of_host && *removed == "Path") {
                attributes.retain(|attribute| !is_named(attribute, removed));
            }
        }
        for (name, value) in &self.values {
            if !(of_host && matches!(*name, "Domain" | "Path")) {
                self.put(name, Some(value), &mut attributes);
            }
        }
        for (name, there) in &self.flags {
            match there {
                true => self.put(name, None, &mut attributes),
                false if must_be_secure && *name == "Secure" => {}
                false => attributes.retain(|attribute| !is_named(attribute, name)),
            }
        }
        let mut changed = cookie.to_vec();
        for attribute in attributes {
            changed.push(b';');
            changed.extend_from_slice(&attribute);
        }
        changed
    }

    /// Makes it the only attribute of its name, at the end; with `if: absent` only where there is none.
    fn put(&self, name: &str, value: Option<&str>, attributes: &mut Vec<Vec<u8>>) {
        let there = attributes.iter().any(|attribute| is_named(attribute, name));
        // A flag that is there says all it can.
        if there && (value.is_none() || self.which == Which::Absent) {
            return;
        }
        // `Max-Age` comes before `Expires` for browsers, but not for all that read cookies.
        let lifetime = name == "Max-Age";
        if lifetime
            && self.which == Which::Absent
            && attributes.iter().any(|a| is_named(a, "Expires"))
        {
            return;
        }
        let goes = |attribute: &[u8]| {
            is_named(attribute, name) || (lifetime && is_named(attribute, "Expires"))
        };
        attributes.retain(|attribute| !goes(attribute));
        let mut attribute = format!(" {name}");
        if let Some(value) = value {
            attribute.push('=');
            attribute.push_str(value);
        }
        attributes.push(attribute.into_bytes());
    }

    /// Another domain or path for the one it has.
    fn rewrite(&self, attribute: &mut Vec<u8>) {
        let equals = attribute.iter().position(|byte| *byte == b'=');
        let value = equals.and_then(|equals| attribute.get(equals + 1..));
        let value = trimmed(value.unwrap_or_default());
        let new = match (&self.domain, &self.path) {
            (Some((from, to)), _) if is_named(attribute, "Domain") => {
                // A dot in front means nothing (RFC 6265, 5.2.3).
                let domain = value.strip_prefix(b".").unwrap_or(value);
                let same = domain.eq_ignore_ascii_case(from.as_bytes());
                same.then(|| [b" Domain=", to.as_bytes()].concat())
            }
            (_, Some(path)) if is_named(attribute, "Path") => {
                let new = path.apply(value);
                new.map(|new| [b" Path=", &*new].concat())
            }
            _ => None,
        };
        if let Some(new) = new {
            *attribute = new;
        }
    }
}

fn is_named(attribute: &[u8], name: &str) -> bool {
    let given = attribute.split(|byte| *byte == b'=').next();
    trimmed(given.unwrap_or_default()).eq_ignore_ascii_case(name.as_bytes())
}
