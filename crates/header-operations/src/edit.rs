//! Setting, removing and moving headers.

use crate::operation::{Keep, Outcome, Presence, Selection, Side};
use crate::place::MOST;
use crate::rewrite::{Rewrite, trimmed};
use gatehouse_config::values::is_field_value;
use gatehouse_host::{HostError, Result, Status};
use gatehouse_template::{Rendered, Template};
use std::borrow::Cow;

pub(crate) fn set(
    name: &str,
    value: &Template,
    when: Presence,
    side: &mut dyn Side,
) -> Result<Outcome> {
    if when != Presence::Always && !when.fits(side.headers()?.contains(name)) {
        return Ok(Outcome::Done);
    }
    match rendered(value, side)? {
        Ok(value) => side.set(name, &value).map(|()| Outcome::Done),
        Err(outcome) => side.remove(name).map(|()| outcome),
    }
}

pub(crate) fn append(name: &str, value: &Template, side: &mut dyn Side) -> Result<Outcome> {
    match rendered(value, side)? {
        Ok(value) => side.append(name, &value).map(|()| Outcome::Done),
        Err(outcome) => Ok(outcome),
    }
}

/// The value, if it can be sent.
pub(crate) fn rendered<'t>(
    template: &'t Template,
    side: &mut dyn Side,
) -> Result<std::result::Result<Cow<'t, [u8]>, Outcome>> {
    Ok(match template.render(side)? {
        Rendered::Missing => Err(Outcome::Missing),
        // Looked at when it was configured.
        Rendered::Value(Cow::Borrowed(constant)) => Ok(Cow::Borrowed(constant)),
        Rendered::Value(value) if is_sound(&value) => Ok(value),
        Rendered::Value(_) | Rendered::Unsafe => Err(Outcome::Unsafe),
    })
}

/// Whether a value can be sent as it is meant: the receiver cuts off white space around it, so that
/// it would be another value.
pub(crate) fn is_sound(value: &[u8]) -> bool {
    value.len() <= MOST && is_field_value(value) && trimmed(value) == value
}

pub(crate) fn remove_all(selection: &Selection, side: &mut dyn Side) -> Result<Outcome> {
    let mut names: Vec<String> = Vec::new();
    for (name, _) in side.headers()?.iter() {
        // Envoy lets no such name in. If it did, it could not be removed, and must not stay.
        let name = std::str::from_utf8(name).map_err(|_| HostError {
            call: "proxy_get_header_map_pairs",
            status: Status::Malformed,
        })?;
        if selection.covers(name) && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    for name in names {
        side.remove(&name)?;
    }
    Ok(Outcome::Done)
}

pub(crate) fn relocate(from: &str, to: &str, copy: bool, side: &mut dyn Side) -> Result<Outcome> {
    let values = values(from, side)?;
    if !values.is_empty() {
        if !copy {
            side.remove(from)?;
        }
        replace_all(to, &values, side)?;
    }
    Ok(Outcome::Done)
}

pub(crate) fn replace(name: &str, rewrite: &Rewrite, side: &mut dyn Side) -> Result<Outcome> {
    let mut changed = false;
    let mut outcome = Outcome::Done;
    let mut values = Vec::new();
    for value in side.headers()?.all(name) {
        let Some(new) = rewrite.apply(value, MOST) else {
            values.push(value.to_vec());
            continue;
        };
        // What stays as it was is no reason to write it again.
        changed |= new != value;
        match is_sound(&new) {
            true => values.push(new),
            false => {
                changed = true;
                outcome = Outcome::Unsafe;
            }
        }
    }
    if changed {
        replace_all(name, &values, side)?;
    }
    Ok(outcome)
}

pub(crate) fn dedupe(name: &str, keep: Keep, side: &mut dyn Side) -> Result<Outcome> {
    let all = values(name, side)?;
    let mut kept: Vec<Vec<u8>> = Vec::with_capacity(all.len());
    match keep {
        Keep::Unique => {
            // Sorted, since a client may send many: comparing each with each would take long.
            let mut seen: Vec<&[u8]> = Vec::with_capacity(all.len());
            for value in &all {
                if let Err(at) = seen.binary_search(&&**value) {
                    seen.insert(at, value);
                    kept.push(value.clone());
                }
            }
        }
        Keep::First => kept.extend(all.first().cloned()),
        Keep::Last => kept.extend(all.last().cloned()),
    }
    if kept.len() < all.len() {
        replace_all(name, &kept, side)?;
    }
    Ok(Outcome::Done)
}

/// All values of a header.
pub(crate) fn values(name: &str, side: &mut dyn Side) -> Result<Vec<Vec<u8>>> {
    Ok(side.headers()?.all(name).map(<[u8]>::to_vec).collect())
}

/// Gives a header exactly these values.
pub(crate) fn replace_all(name: &str, values: &[Vec<u8>], side: &mut dyn Side) -> Result<()> {
    let Some((first, further)) = values.split_first() else {
        return side.remove(name);
    };
    side.set(name, first)?;
    further
        .iter()
        .try_for_each(|value| side.append(name, value))
}
