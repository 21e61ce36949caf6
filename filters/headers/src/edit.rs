//! Doing one operation, whatever side it is on.

use crate::operation::{Operation, Presence};
use crate::rewrite::trimmed;
use gatehouse_config::values::is_field_value;
use gatehouse_host::{Headers, HostError, Result, Status};
use gatehouse_template::{Scope, Template};
use std::borrow::Cow;

/// The longest value that is made, in bytes; what a message brings with it may be longer.
pub(crate) const MOST: usize = 64 << 10;

/// Headers that operations are done to, with the variables they need.
pub(crate) trait Side: Scope {
    /// The headers as they are now.
    fn headers(&mut self) -> Result<&Headers>;

    /// Makes this the only value of a header.
    fn set(&mut self, name: &str, value: &[u8]) -> Result<()>;

    /// Adds a value to those a header has.
    fn append(&mut self, name: &str, value: &[u8]) -> Result<()>;

    /// Removes all values of a header.
    fn remove(&mut self, name: &str) -> Result<()>;
}

/// Why an operation did not do what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It did, or there was nothing to do.
    Done,
    /// A variable has no value.
    Missing,
    /// The value cannot be sent.
    Unsafe,
}

impl Operation {
    /// Does it.
    ///
    /// # Errors
    /// Where the host fails.
    pub(crate) fn apply(&self, side: &mut impl Side) -> Result<Outcome> {
        match self {
            Self::Set { name, value, when } => {
                let there = match when {
                    Presence::Always => true,
                    Presence::Absent => !side.headers()?.contains(name),
                    Presence::Present => side.headers()?.contains(name),
                };
                if !there {
                    return Ok(Outcome::Done);
                }
                match rendered(value, side)? {
                    Ok(value) => side.set(name, &value).map(|()| Outcome::Done),
                    Err(outcome) => side.remove(name).map(|()| outcome),
                }
            }
            Self::Append { name, value } => match rendered(value, side)? {
                Ok(value) => side.append(name, &value).map(|()| Outcome::Done),
                Err(outcome) => Ok(outcome),
            },
            Self::Remove(name) => side.remove(name).map(|()| Outcome::Done),
            Self::RemovePrefix(prefix) => remove_all(|name| prefix.covers(name), side),
            Self::Rename { from, to } => {
                let values: Vec<Vec<u8>> = side.headers()?.all(from).map(<[u8]>::to_vec).collect();
                if !values.is_empty() {
                    side.remove(from)?;
                    replace_all(to, &values, side)?;
                }
                Ok(Outcome::Done)
            }
            Self::Replace { name, rewrite } => {
                let mut changed = false;
                let mut outcome = Outcome::Done;
                let mut values = Vec::new();
                for value in side.headers()?.all(name) {
                    let Some(new) = rewrite.apply(value, MOST) else {
                        values.push(value.to_vec());
                        continue;
                    };
                    changed = true;
                    match is_sound(&new) {
                        true => values.push(new),
                        false => outcome = Outcome::Unsafe,
                    }
                }
                if changed {
                    replace_all(name, &values, side)?;
                }
                Ok(outcome)
            }
        }
    }
}

/// Whether a value can be sent as it is meant: the receiver cuts off white space around it, so that
/// it would be another value.
fn is_sound(value: &[u8]) -> bool {
    value.len() <= MOST && is_field_value(value) && trimmed(value) == value
}

fn rendered<'t>(
    template: &'t Template,
    side: &mut impl Side,
) -> Result<std::result::Result<Cow<'t, [u8]>, Outcome>> {
    Ok(match template.render(side)? {
        None => Err(Outcome::Missing),
        Some(value) if is_sound(&value) => Ok(value),
        Some(_) => Err(Outcome::Unsafe),
    })
}

fn remove_all(covered: impl Fn(&str) -> bool, side: &mut impl Side) -> Result<Outcome> {
    let mut names: Vec<String> = Vec::new();
    for (name, _) in side.headers()?.iter() {
        // Envoy lets no such name in. If it did, it could not be removed, and must not stay.
        let name = std::str::from_utf8(name).map_err(|_| HostError {
            call: "proxy_get_header_map_pairs",
            status: Status::Malformed,
        })?;
        if covered(name) && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    for name in names {
        side.remove(&name)?;
    }
    Ok(Outcome::Done)
}

/// Gives a header exactly these values.
fn replace_all(name: &str, values: &[Vec<u8>], side: &mut impl Side) -> Result<()> {
    let Some((first, further)) = values.split_first() else {
        return side.remove(name);
    };
    side.set(name, first)?;
    further
        .iter()
        .try_for_each(|value| side.append(name, value))
}
