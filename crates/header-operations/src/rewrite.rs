//! Replacing what a regular expression finds in a header's value.
//!
//! Values are bytes, so expressions are about bytes: `.` is any byte, `\w` and `(?i)` are about ASCII,
//! as in the `match` of a rule. Unlike there, an expression is searched for anywhere in the value, and
//! every match is replaced. Searching takes time linear in the value's length.

use gatehouse_config::Context;
use gatehouse_config::values::is_field_value;
use gatehouse_regex::Search;
use gatehouse_request_match::expression;

/// A regular expression and what to put in place of what it finds.
#[derive(Debug, Clone)]
pub(crate) struct Rewrite {
    regex: Search,
    with: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(Box<[u8]>),
    Group(usize),
}

impl Rewrite {
    /// From the `regex` and `with` of an operation, which is where `context` stands.
    pub(crate) fn read(regex: &str, with: &str, context: &mut Context<'_>) -> Option<Self> {
        let regex = context.at_key("regex", |context| expression::search(regex, context))?;
        let with = context.at_key("with", |context| pieces(with, &regex, context))?;
        Some(Self { regex, with })
    }

    /// The value with all matches replaced, without white space around it; nothing where there was
    /// no match. It is cut short soon after it got longer than `most` bytes: one that long is not
    /// used anyway.
    pub(crate) fn apply(&self, value: &[u8], most: usize) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut copied = 0;
        let mut found = false;
        for captures in self.regex.matches(value) {
            let Some(whole) = captures.group(0) else {
                continue;
            };
            out.extend_from_slice(value.get(copied..whole.start).unwrap_or_default());
            copied = whole.end;
            found = true;
            for piece in &self.with {
                out.extend_from_slice(match piece {
                    Piece::Literal(literal) => literal,
                    // A group that took no part is empty, as everywhere.
                    Piece::Group(group) => captures
                        .group(*group)
                        .and_then(|found| value.get(found))
                        .unwrap_or_default(),
                });
            }
            if out.len() > most {
                return Some(out);
            }
        }
        if !found {
            return None;
        }
        out.extend_from_slice(value.get(copied..).unwrap_or_default());
        Some(trimmed(&out).to_vec())
    }
}

/// Without the optional white space that is not part of a value (RFC 9110, 5.5).
pub(crate) fn trimmed(value: &[u8]) -> &[u8] {
    let mut value = value;
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

fn pieces(with: &str, regex: &Search, context: &mut Context<'_>) -> Option<Vec<Piece>> {
    let before = context.problem_count();
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = with;
    while let Some((text, after)) = rest.split_once('$') {
        literal.push_str(text);
        if let Some(after) = after.strip_prefix('$') {
            literal.push('$');
            rest = after;
            continue;
        }
        let (name, after) = match after.strip_prefix('{') {
            Some(opened) => match opened.split_once('}') {
                Some(parts) => parts,
                None => return context.problem("a \"${\" without its \"}\""),
            },
            None => after
                .find(|c: char| !c.is_ascii_digit())
                .map_or((after, ""), |end| after.split_at(end)),
        };
        rest = after;
        if name.is_empty() {
            context.problem_hint::<()>(
                "a \"$\" that begins no group",
                "write \"$1\" or \"${name}\" for a group, \"$$\" for a dollar sign",
            );
            continue;
        }
        if let Some(group) = group(name, regex, context) {
            pieces.push(Piece::Literal(
                std::mem::take(&mut literal).into_bytes().into(),
            ));
            pieces.push(Piece::Group(group));
        }
    }
    literal.push_str(rest);
    pieces.push(Piece::Literal(literal.into_bytes().into()));
    pieces.retain(|piece| !matches!(piece, Piece::Literal(literal) if literal.is_empty()));
    let sound = pieces.iter().all(|piece| match piece {
        Piece::Literal(literal) => is_field_value(literal),
        Piece::Group(_) => true,
    });
    if !sound {
        return context.problem("a header value cannot have control characters such as CR or LF");
    }
    (context.problem_count() == before).then_some(pieces)
}

fn group(name: &str, regex: &Search, context: &mut Context<'_>) -> Option<usize> {
    if let Ok(number) = name.parse::<usize>() {
        let last = regex.group_names().len();
        if number > last {
            return context.problem(format!(
                "no group {number}: the last one of the regular expression is {last}"
            ));
        }
        return Some(number);
    }
    let found = regex.group_names().position(|known| known == Some(name));
    match found {
        Some(place) => Some(place + 1),
        None => {
            let names: Vec<&str> = regex.group_names().flatten().collect();
            context.unknown(format!("no group named {name:?}"), name, names)
        }
    }
}
