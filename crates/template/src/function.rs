//! What can be done to a variable's value: `${claim.email | lower | truncate(64)}`.

use crate::destination::{is_unreserved, percent_encode};
use base64ct::{Base64, Base64UrlUnpadded, Encoding as _};
use gatehouse_config::Context;
use sha2::{Digest as _, Sha256};

/// The functions as an operator writes them.
const KNOWN: [&str; 10] = [
    "lower",
    "upper",
    "trim",
    "truncate",
    "base64",
    "base64url",
    "url_encode",
    "sha256",
    "segments",
    "default",
];

/// Something that is done to a value. All but `default` leave a value that is not there not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Function {
    /// `lower`: ASCII letters in lower case.
    Lower,
    /// `upper`: ASCII letters in upper case.
    Upper,
    /// `trim`: without spaces and tabs around it.
    Trim,
    /// `truncate(N)`: at most the first N bytes, and no half character of UTF-8.
    Truncate(usize),
    /// `base64`: with padding (RFC 4648, 4).
    Base64,
    /// `base64url`: without padding (RFC 4648, 5).
    Base64Url,
    /// `url_encode`: all but letters, digits and `-._~` as `%XX`.
    UrlEncode,
    /// `sha256`: the digest, in hexadecimal digits.
    Sha256,
    /// `segments`: in a path, the slashes of the value are slashes of the path.
    Segments,
    /// `default("text")`: this where there is no value.
    Default(Box<str>),
}

impl Function {
    /// What stands between `|` and the next `|` or `}`, and what follows it from there on.
    pub(crate) fn read<'t>(
        text: &'t str,
        context: &mut Context<'_>,
    ) -> Result<(Option<Self>, &'t str), Unclosed> {
        let text = text.trim_start_matches(' ');
        let end = text
            .find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))
            .ok_or(Unclosed)?;
        let (name, rest) = text.split_at(end);
        let (argument, rest) = match rest.trim_start_matches(' ').strip_prefix('(') {
            Some(rest) => {
                let (argument, rest) = argument(rest)?;
                (Some(argument), rest)
            }
            None => (None, rest),
        };
        let rest = rest.trim_start_matches(' ');
        if !rest.starts_with(['|', '}']) {
            // Skipped up to where the next thing begins, so that further problems are found.
            let next = rest.find(['|', '}']).ok_or(Unclosed)?;
            let (wrong, rest) = rest.split_at(next);
            context.problem_hint::<()>(
                format!("{:?} is not a function", format!("{name}{wrong}")),
                format!("known: {}", KNOWN.join(", ")),
            );
            return Ok((None, rest));
        }
        Ok((Self::named(name, argument, context), rest))
    }

    fn named(name: &str, argument: Option<Argument>, context: &mut Context<'_>) -> Option<Self> {
        let plain = match name {
            "lower" => Self::Lower,
            "upper" => Self::Upper,
            "trim" => Self::Trim,
            "base64" => Self::Base64,
            "base64url" => Self::Base64Url,
            "url_encode" => Self::UrlEncode,
            "sha256" => Self::Sha256,
            "segments" => Self::Segments,
            "truncate" => {
                return match argument {
                    Some(Argument::Number(bytes)) if bytes > 0 => Some(Self::Truncate(bytes)),
                    _ => context
                        .problem_hint("truncate needs a number of bytes", "write truncate(64)"),
                };
            }
            "default" => {
                return match argument {
                    Some(Argument::Text(text)) => Some(Self::Default(text.into())),
                    _ => context.problem_hint(
                        "default needs a text in double quotes",
                        "write default(\"none\")",
                    ),
                };
            }
            _ => return context.unknown(format!("no function {name:?}"), name, KNOWN),
        };
        match argument {
            None => Some(plain),
            Some(_) => context.problem(format!("{name} takes nothing in parentheses")),
        }
    }

    /// Does it to the value that stands in `out` from `start` on, if there is one; says whether there
    /// is one now.
    pub(crate) fn apply(&self, there: bool, start: usize, out: &mut Vec<u8>) -> bool {
        if !there {
            out.truncate(start);
            let Self::Default(text) = self else {
                return false;
            };
            out.extend_from_slice(text.as_bytes());
            return true;
        }
        let value = out.get_mut(start..).unwrap_or_default();
        match self {
            Self::Default(_) | Self::Segments => {}
            Self::Lower => value.make_ascii_lowercase(),
            Self::Upper => value.make_ascii_uppercase(),
            Self::Trim => {
                let mut value = &*value;
                while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
                    value = rest;
                }
                let trimmed = value.to_vec();
                replace(start, &trimmed, out);
            }
            Self::Truncate(bytes) => {
                let cut = cut(value, *bytes);
                out.truncate(start + cut);
            }
            Self::Base64 => {
                let encoded = Base64::encode_string(value);
                replace(start, encoded.as_bytes(), out);
            }
            Self::Base64Url => {
                let encoded = Base64UrlUnpadded::encode_string(value);
                replace(start, encoded.as_bytes(), out);
            }
            Self::UrlEncode => {
                let mut encoded = Vec::with_capacity(value.len());
                percent_encode(value, is_unreserved, &mut encoded);
                replace(start, &encoded, out);
            }
            Self::Sha256 => {
                let digest = Sha256::digest(&*value);
                out.truncate(start);
                for byte in digest {
                    out.extend([byte >> 4, byte & 0x0f].map(|nibble| match nibble {
                        0..=9 => b'0' + nibble,
                        _ => b'a' + nibble - 10,
                    }));
                }
            }
        }
        true
    }
}

fn replace(start: usize, with: &[u8], out: &mut Vec<u8>) {
    out.truncate(start);
    out.extend_from_slice(with);
}

/// How many of the first bytes stay: where a character of UTF-8 would be cut in two, none of it.
fn cut(value: &[u8], most: usize) -> usize {
    if value.len() <= most {
        return value.len();
    }
    let continues = |at: usize| value.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    // A character has at most three bytes after its first; more are not UTF-8.
    let back = (0..=3).find(|back| *back <= most && !continues(most - back));
    most - back.unwrap_or_default()
}

/// The text ended before its `}`.
pub(crate) struct Unclosed;

enum Argument {
    Number(usize),
    Text(String),
    Neither,
}

/// What stands in parentheses, and what follows them.
fn argument(text: &str) -> Result<(Argument, &str), Unclosed> {
    let text = text.trim_start_matches(' ');
    let Some(quoted) = text.strip_prefix('"') else {
        let (inside, rest) = text.split_once(')').ok_or(Unclosed)?;
        let number = inside.trim_end_matches(' ').parse();
        return Ok((number.map_or(Argument::Neither, Argument::Number), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next().ok_or(Unclosed)? {
            '"' => break,
            '\\' => value.push(characters.next().ok_or(Unclosed)?),
            other => value.push(other),
        }
    }
    let (between, rest) = characters.as_str().split_once(')').ok_or(Unclosed)?;
    match between.trim_matches(' ') {
        "" => Ok((Argument::Text(value), rest)),
        _ => Ok((Argument::Neither, rest)),
    }
}
