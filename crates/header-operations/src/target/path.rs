//! `path: {with: "/users/${path.id}"}`, `path: {prefix: /v1, with: /v2}`, `path: {regex: …, with: …}`.

use super::{set_target, split, target};
use crate::operation::{Outcome, Side};
use crate::place::{MOST, Place};
use crate::rewrite::Rewrite;
use gatehouse_config::{Context, Value};
use gatehouse_host::Result;
use gatehouse_request_match::{escape, path};
use gatehouse_template::{Destination, Rendered, Template};

/// How the path is changed.
#[derive(Debug, Clone)]
pub(crate) enum PathEdit {
    /// To this.
    With(Template),
    /// A path below the one becomes one below the other.
    Prefix(Prefixed),
    /// What is found is replaced.
    Regex(Rewrite),
}

/// What a path begins with, and will begin with. Neither ends with a slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prefixed {
    from: Box<str>,
    to: Box<str>,
}

impl PathEdit {
    gatehouse_config::described!(pub |schemas| {
        let path = schemas.object(|fields| {
            fields.field::<String>("with", false, "");
            fields.optional::<String>("prefix");
            fields.optional::<String>("regex");
        });
        let both = gatehouse_config::schema::value!({"not": {"required": ["prefix", "regex"]}});
        gatehouse_config::schema::and(path, both)
    });

    pub(crate) fn read(place: Place<'_>, value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let fields = context.object(value, &["with", "prefix", "regex"])?;
        let prefix: Option<Option<String>> = fields.field("prefix", context);
        let regex: Option<Option<String>> = fields.field("regex", context);
        match (prefix?, regex?) {
            (Some(_), Some(_)) => {
                context.problem("prefix and regex at once, but only one of them can stand here")
            }
            (Some(from), None) => {
                let to: String = fields.field("with", context)?;
                prefixed(&from, &to, ["prefix", "with"], context).map(Self::Prefix)
            }
            (None, Some(regex)) => {
                let with: String = fields.field("with", context)?;
                Rewrite::read(&regex, &with, context).map(Self::Regex)
            }
            (None, None) => {
                let template = place.template_at("with", &fields, Destination::Path, context)?;
                context.at_key("with", |context| {
                    let (first, _) = template.ends();
                    if !first.starts_with('/') {
                        return context.problem("a path begins with \"/\"");
                    }
                    template.literals().try_for_each(|text| check(text, context))?;
                    if template
                        .constant()
                        .is_some_and(|path| !is_path(path.as_bytes()))
                    {
                        return context.problem("has dot segments or two slashes in front, which servers read in different ways");
                    }
                    Some(())
                })?;
                Some(Self::With(template))
            }
        }
    }

    pub(crate) fn template(&self) -> Option<&Template> {
        match self {
            Self::With(template) => Some(template),
            Self::Prefix(_) | Self::Regex(_) => None,
        }
    }

    pub(crate) fn apply(&self, side: &mut dyn Side) -> Result<Outcome> {
        let Some(old) = target(side)? else {
            return Ok(Outcome::Done);
        };
        let (path, rest) = split(&old);
        let mut new = match self {
            Self::With(template) => match template.render(side)? {
                Rendered::Value(path) => path.into_owned(),
                Rendered::Missing => return Ok(Outcome::Denied("path_missing")),
                Rendered::Unsafe => return Ok(Outcome::Denied("path_unsafe")),
            },
            Self::Prefix(prefixed) => match prefixed.apply(path) {
                Some(path) => path,
                None => return Ok(Outcome::Done),
            },
            Self::Regex(rewrite) => match rewrite.apply(path, MOST) {
                Some(path) => path,
                None => return Ok(Outcome::Done),
            },
        };
        if new.len() > MOST || !is_path(&new) {
            return Ok(Outcome::Denied("path_unsafe"));
        }
        new.extend_from_slice(rest);
        set_target(&new, &old, side).map(|()| Outcome::Done)
    }
}

/// Two prefixes, under these keys.
pub(crate) fn prefixed(
    from: &str,
    to: &str,
    keys: [&str; 2],
    context: &mut Context<'_>,
) -> Option<Prefixed> {
    let mut read = |text: &str, key: &str| {
        context.at_key(key, |context| {
            if !text.starts_with('/') {
                return context.problem("a path begins with \"/\"");
            }
            check(text, context)?;
            if !is_path(text.as_bytes()) {
                return context.problem(
                    "has dot segments or two slashes in front, which servers read in different ways",
                );
            }
            Some(text.strip_suffix('/').unwrap_or(text).into())
        })
    };
    let [from_key, to_key] = keys;
    let (from, to) = (read(from, from_key), read(to, to_key));
    Some(Prefixed {
        from: from?,
        to: to?,
    })
}

impl Prefixed {
    /// The path with the other prefix; nothing where it does not begin with the one, as a whole
    /// segment.
    pub(crate) fn apply(&self, path: &[u8]) -> Option<Vec<u8>> {
        let rest = path.strip_prefix(self.from.as_bytes())?;
        if !rest.is_empty() && !rest.starts_with(b"/") {
            return None;
        }
        let mut new = self.to.as_bytes().to_vec();
        new.extend_from_slice(rest);
        if new.is_empty() {
            new.push(b'/');
        }
        Some(new)
    }
}

/// Whether a text can stand in a path as it is (RFC 3986, 3.3).
fn check(text: &str, context: &mut Context<'_>) -> Option<()> {
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if matches!(byte, b'?' | b'#') {
            return context.problem_hint(
                format!("a path has no {:?}", char::from(byte)),
                "use {query: …} for the query",
            );
        }
        let fits = byte.is_ascii_alphanumeric()
            || b"-._~!$&'()*+,;=:@/".contains(&byte)
            || (byte == b'%' && escape::octet(after).is_some());
        if !fits {
            return context.problem_hint(
                format!("{text:?} cannot stand in a path"),
                "percent-encode what is no letter, digit or one of -._~!$&'()*+,;=:@/",
            );
        }
    }
    Some(())
}

/// Whether servers read it as the path that it is: one slash in front (after two, some read a host, also
/// where they are two only once escapes, dots and parameters are gone), no dot segments, nothing that ends a
/// path or a line. Backslashes are slashes to some.
fn is_path(path: &[u8]) -> bool {
    let ends = |byte: &u8| byte.is_ascii_control() || matches!(byte, b' ' | b'?' | b'#' | b'\\');
    // As servers read it that decode before they take segments apart, or take `..;a` for `..`.
    let decoded = escape::decode(path);
    let mut segments = decoded.split(|byte| matches!(byte, b'/' | b'\\'));
    let is_dots = |segment: &[u8]| {
        let name = segment.split(|byte| *byte == b';').next();
        matches!(name, Some(b"." | b".."))
    };
    path.starts_with(b"/")
        && !path::begins_like_a_host(path)
        && !path.iter().any(ends)
        && !segments.any(is_dots)
}
