//! `query: {set: {name: v, value: "1"}}`, `append`, `remove`, `rename`.
//!
//! Names are compared decoded, case and all, as the `match` of a rule does; a `+` is a plus there. What
//! is written is percent-encoded: all but letters, digits and `-._~`. Other parameters stay as they
//! were sent, in their order.

use super::{set_target, split, target};
use crate::operation::{Outcome, Presence, Side};
use crate::place::{MOST, Place};
use gatehouse_config::{Context, Decode, Value, object, one_of};
use gatehouse_host::Result;
use gatehouse_request_match::escape;
use gatehouse_template::{Destination, Rendered, Template, is_unreserved, percent_encode};

/// How the query is changed.
#[derive(Debug, Clone)]
pub(crate) enum QueryEdit {
    /// Makes this the only parameter of its name, at the end.
    Set {
        name: Parameter,
        value: Template,
        when: Presence,
    },
    /// Adds a parameter at the end.
    Append { name: Parameter, value: Template },
    /// Removes all of this name.
    Remove(Parameter),
    /// Removes all whose names begin so.
    RemovePrefix(Parameter),
    /// Gives another name to those of the one; the other's own go.
    Rename { from: Parameter, to: Parameter },
}

/// The name of a parameter, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameter(String);

object! {
    struct RawRename { from: Parameter, to: Parameter }
}

one_of! {
    enum Raw {
        Set(Value) = "set",
        Append(Value) = "append",
        Remove(Value) = "remove",
        Rename(RawRename) = "rename",
    }
}

one_of! {
    enum RawRemove {
        Name(Parameter) = "name",
        Prefix(Parameter) = "prefix",
    }
}

impl Decode for Parameter {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        if text.is_empty() {
            return context.problem("empty, but needs the name of a parameter");
        }
        if text.chars().any(char::is_control) {
            return context.problem("a name cannot have control characters such as CR or LF");
        }
        Some(Self(text))
    }

    gatehouse_config::described!(text not empty);
}

impl QueryEdit {
    gatehouse_config::described!(pub |schemas| {
        let set = crate::place::set_schema::<Parameter>(true, schemas);
        let append = crate::place::set_schema::<Parameter>(false, schemas);
        let removes = [schemas.of::<Parameter>(), schemas.of::<RawRemove>()];
        gatehouse_config::schema::one_key(vec![
            ("set", "", Some(set), false),
            ("append", "", Some(append), false),
            ("remove", "", Some(gatehouse_config::schema::any_of(removes)), false),
            ("rename", "", Some(schemas.of::<RawRename>()), false),
        ])
    });

    pub(crate) fn read(place: Place<'_>, value: &Value, context: &mut Context<'_>) -> Option<Self> {
        match Raw::decode(value, context)? {
            Raw::Set(value) => context.at_key("set", |context| {
                let fields = context.object(&value, &["name", "value", "if"])?;
                let when = fields.field_or("if", || Presence::Always, context);
                let name = fields.field("name", context);
                let value = place.template_at("value", &fields, Destination::Query, context);
                Some(Self::Set {
                    name: name?,
                    value: value?,
                    when: when?,
                })
            }),
            Raw::Append(value) => context.at_key("append", |context| {
                let fields = context.object(&value, &["name", "value"])?;
                let name = fields.field("name", context);
                let value = place.template_at("value", &fields, Destination::Query, context);
                Some(Self::Append {
                    name: name?,
                    value: value?,
                })
            }),
            Raw::Remove(value) => context.at_key("remove", |context| match &value {
                Value::String(_) => Parameter::decode(&value, context).map(Self::Remove),
                _ => RawRemove::decode(&value, context).map(|raw| match raw {
                    RawRemove::Name(name) => Self::Remove(name),
                    RawRemove::Prefix(prefix) => Self::RemovePrefix(prefix),
                }),
            }),
            Raw::Rename(RawRename { from, to }) => match from == to {
                true => context.at_key("rename", |context| {
                    context.problem(format!("{:?} would be renamed to itself", from.0))
                }),
                false => Some(Self::Rename { from, to }),
            },
        }
    }

    pub(crate) fn template(&self) -> Option<&Template> {
        match self {
            Self::Set { value, .. } | Self::Append { value, .. } => Some(value),
            Self::Remove(_) | Self::RemovePrefix(_) | Self::Rename { .. } => None,
        }
    }

    pub(crate) fn apply(&self, side: &mut dyn Side) -> Result<Outcome> {
        let Some(old) = target(side)? else {
            return Ok(Outcome::Done);
        };
        let mut outcome = Outcome::Done;
        let mut query = Query::of(&old);
        match self {
            Self::Set { name, value, when } => {
                if !when.fits(query.contains(name)) {
                    return Ok(Outcome::Done);
                }
                query.remove(|given| given == name.0.as_bytes());
                match rendered(value, side)? {
                    Ok(value) => query.append(name, &value),
                    Err(missing) => outcome = missing,
                }
            }
            Self::Append { name, value } => match rendered(value, side)? {
                Ok(value) => query.append(name, &value),
                Err(missing) => return Ok(missing),
            },
            Self::Remove(name) => query.remove(|given| given == name.0.as_bytes()),
            Self::RemovePrefix(prefix) => {
                query.remove(|given| given.starts_with(prefix.0.as_bytes()));
            }
            Self::Rename { from, to } if query.contains(from) => {
                query.remove(|given| given == to.0.as_bytes());
                query.rename(from, to);
            }
            Self::Rename { .. } => {}
        }
        if query.changed {
            set_target(&query.target(), &old, side)?;
        }
        Ok(outcome)
    }
}

fn rendered(
    value: &Template,
    side: &mut dyn Side,
) -> Result<std::result::Result<Vec<u8>, Outcome>> {
    Ok(match value.render(side)? {
        Rendered::Value(value) if value.len() <= MOST => Ok(value.into_owned()),
        Rendered::Missing => Err(Outcome::Missing),
        Rendered::Value(_) | Rendered::Unsafe => Err(Outcome::Unsafe),
    })
}

/// A request target, with its query taken apart.
struct Query<'t> {
    path: &'t [u8],
    pieces: Vec<std::borrow::Cow<'t, [u8]>>,
    fragment: &'t [u8],
    changed: bool,
}

impl<'t> Query<'t> {
    fn of(target: &'t [u8]) -> Self {
        let (path, rest) = split(target);
        let hash = rest.iter().position(|byte| *byte == b'#');
        let (query, fragment) = hash
            .and_then(|hash| rest.split_at_checked(hash))
            .unwrap_or((rest, b""));
        let pieces = match query.strip_prefix(b"?") {
            Some(query) if !query.is_empty() => query
                .split(|byte| *byte == b'&')
                .map(std::borrow::Cow::Borrowed)
                .collect(),
            _ => Vec::new(),
        };
        Self {
            path,
            pieces,
            fragment,
            changed: false,
        }
    }

    fn contains(&self, name: &Parameter) -> bool {
        let mut names = self.pieces.iter().map(|piece| name_of(piece));
        names.any(|given| *given == *name.0.as_bytes())
    }

    fn remove(&mut self, goes: impl Fn(&[u8]) -> bool) {
        let before = self.pieces.len();
        // Empty pieces, as in `?&&`, have no name.
        self.pieces
            .retain(|piece| piece.is_empty() || !goes(&name_of(piece)));
        self.changed |= self.pieces.len() < before;
    }

    /// `value` is encoded.
    fn append(&mut self, name: &Parameter, value: &[u8]) {
        let mut piece = encoded(name);
        piece.push(b'=');
        piece.extend_from_slice(value);
        self.pieces.push(piece.into());
        self.changed = true;
    }

    fn rename(&mut self, from: &Parameter, to: &Parameter) {
        let to = encoded(to);
        for piece in &mut self.pieces {
            if *name_of(piece) != *from.0.as_bytes() || piece.is_empty() {
                continue;
            }
            let equals = piece.iter().position(|byte| *byte == b'=');
            let value = equals.and_then(|equals| piece.get(equals..));
            let renamed = [&*to, value.unwrap_or_default()].concat();
            *piece = renamed.into();
            self.changed = true;
        }
    }

    fn target(&self) -> Vec<u8> {
        let mut target = self.path.to_vec();
        for (index, piece) in self.pieces.iter().enumerate() {
            target.push(if index == 0 { b'?' } else { b'&' });
            target.extend_from_slice(piece);
        }
        target.extend_from_slice(self.fragment);
        target
    }
}

fn name_of(piece: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    escape::decode(piece.split(|byte| *byte == b'=').next().unwrap_or_default())
}

fn encoded(name: &Parameter) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.0.len());
    percent_encode(name.0.as_bytes(), is_unreserved, &mut out);
    out
}
