//! The cookies of a request: `cookie: {set: {name, value}}`, `cookie: {remove: name}`.
//!
//! A `cookie` header is taken apart at each `;`, as RFC 6265 (4.2.1) has it, also within quotes: they
//! mean nothing there. A cookie's name ends at the first `=`, and case counts; white space around it
//! does not. What is left stays as it was sent. HTTP/2 clients may send several lines: each is looked
//! at.

use crate::edit::{replace_all, values};
use crate::operation::{Outcome, Presence, Side};
use crate::place::{MOST, Place};
use crate::rewrite::trimmed;
use gatehouse_config::{Context, Decode, HeaderName, Value, one_of};
use gatehouse_host::Result;
use gatehouse_template::{Destination, Rendered, Template};

/// How the cookies are changed.
#[derive(Debug, Clone)]
pub(crate) enum CookieEdit {
    /// Makes this the only cookie of its name, the last one.
    Set {
        name: CookieName,
        value: Template,
        when: Presence,
    },
    /// Removes all of this name.
    Remove(CookieName),
    /// Removes all whose names begin so.
    RemovePrefix(CookieName),
}

/// The name of a cookie: a token (RFC 6265, 4.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CookieName(Box<str>);

one_of! {
    enum Raw {
        Set(Value) = "set",
        Remove(Value) = "remove",
    }
}

one_of! {
    enum RawRemove {
        Name(CookieName) = "name",
        Prefix(CookieName) = "prefix",
    }
}

impl Decode for CookieName {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        // The same characters as the name of a header, but case counts.
        match HeaderName::new(&text) {
            Some(_) => Some(Self(text.into())),
            None => context.problem_hint(
                format!("{text:?} is not the name of a cookie"),
                "letters, digits and !#$%&'*+-.^_`|~ (RFC 6265, 4.1.1)",
            ),
        }
    }

    gatehouse_config::described!(text "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$");
}

impl CookieName {
    /// Whether it is the name at the front of this.
    pub(crate) fn is(&self, cookie: &[u8]) -> bool {
        name_of(cookie) == self.0.as_bytes()
    }

    /// Whether the name at the front of this begins so.
    pub(crate) fn begins(&self, cookie: &[u8]) -> bool {
        name_of(cookie).starts_with(self.0.as_bytes())
    }
}

/// What stands before the first `=`. Where there is none, all of it: servers take that for a name
/// with no value.
fn name_of(cookie: &[u8]) -> &[u8] {
    trimmed(
        cookie
            .split(|byte| *byte == b'=')
            .next()
            .unwrap_or_default(),
    )
}

impl CookieEdit {
    gatehouse_config::described!(pub |schemas| {
        let set = crate::place::set_schema::<CookieName>(true, schemas);
        let removes = [schemas.of::<CookieName>(), schemas.of::<RawRemove>()];
        gatehouse_config::schema::one_key(vec![
            ("set", "", Some(set), false),
            ("remove", "", Some(gatehouse_config::schema::any_of(removes)), false),
        ])
    });

    pub(crate) fn read(place: Place<'_>, value: &Value, context: &mut Context<'_>) -> Option<Self> {
        match Raw::decode(value, context)? {
            Raw::Set(value) => context.at_key("set", |context| {
                let fields = context.object(&value, &["name", "value", "if"])?;
                let when = fields.field_or("if", || Presence::Always, context);
                let name = fields.field("name", context);
                let value = place.template_at("value", &fields, Destination::Cookie, context);
                Some(Self::Set {
                    name: name?,
                    value: value?,
                    when: when?,
                })
            }),
            Raw::Remove(value) => context.at_key("remove", |context| match &value {
                Value::String(_) => CookieName::decode(&value, context).map(Self::Remove),
                _ => RawRemove::decode(&value, context).map(|raw| match raw {
                    RawRemove::Name(name) => Self::Remove(name),
                    RawRemove::Prefix(prefix) => Self::RemovePrefix(prefix),
                }),
            }),
        }
    }

    pub(crate) fn template(&self) -> Option<&Template> {
        match self {
            Self::Set { value, .. } => Some(value),
            Self::Remove(_) | Self::RemovePrefix(_) => None,
        }
    }

    pub(crate) fn apply(&self, side: &mut dyn Side) -> Result<Outcome> {
        let before = values("cookie", side)?;
        let goes = |cookie: &[u8]| match self {
            Self::Set { name, .. } | Self::Remove(name) => name.is(cookie),
            Self::RemovePrefix(prefix) => prefix.begins(cookie),
        };
        let mut lines: Vec<Vec<u8>> = before
            .iter()
            .filter_map(|line| without(line, goes))
            .collect();
        let mut outcome = Outcome::Done;
        if let Self::Set { name, value, when } = self {
            if !when.fits(lines != before) {
                return Ok(Outcome::Done);
            }
            match value.render(side)? {
                Rendered::Value(value) if value.len() <= MOST => {
                    add(name, &value, &mut lines);
                }
                Rendered::Missing => outcome = Outcome::Missing,
                Rendered::Value(_) | Rendered::Unsafe => outcome = Outcome::Unsafe,
            }
        }
        if lines != before {
            replace_all("cookie", &lines, side)?;
        }
        Ok(outcome)
    }
}

/// A line without some of its cookies; as it is, where none of them goes, and nothing where all do.
fn without(line: &[u8], goes: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let cookies = line.split(|byte| *byte == b';');
    if !cookies.clone().any(&goes) {
        return Some(line.to_vec());
    }
    let stay: Vec<&[u8]> = cookies
        .filter(|cookie| !goes(cookie))
        .map(trimmed)
        .filter(|cookie| !cookie.is_empty())
        .collect();
    (!stay.is_empty()).then(|| stay.join(&b"; "[..]))
}

fn add(name: &CookieName, value: &[u8], lines: &mut Vec<Vec<u8>>) {
    let mut line = lines.pop().unwrap_or_default();
    // `a=1; ` and `a=1` are the same.
    while line
        .pop_if(|last| matches!(last, b' ' | b'\t' | b';'))
        .is_some()
    {}
    if !line.is_empty() {
        line.extend_from_slice(b"; ");
    }
    line.extend_from_slice(name.0.as_bytes());
    line.push(b'=');
    line.extend_from_slice(value);
    lines.push(line);
}
