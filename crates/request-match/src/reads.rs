//! What an expression (CEL) looks at, as far as filters can change it.
//!
//! Found out from its text, for expressions that are evaluated before a request waits. Only what is known to be
//! harmless counts as such; whatever else an expression has in it, it may look at anything:
//!
//! 1. `request.headers['x-a']` looks at that header, and so does `'x-a' in request.headers`.
//! 2. `request.path` and its like look at the header that they are made of; `request.protocol` and
//!    `request.time` at none, nor does `source`, `destination` and `connection`.
//! 3. Texts, numbers, operators, `true`, `false`, `null`, and calls of functions look at nothing beside what stands
//!    between them.

use gatehouse_host::Reads;

/// What an expression looks at.
pub(crate) fn of(expression: &str) -> Reads {
    let Some(tokens) = tokens(expression) else {
        return Reads::Anything;
    };
    let mut headers = Vec::new();
    for place in 0..tokens.len() {
        match seen(&tokens, place) {
            Some(Seen::Nothing) => {}
            Some(Seen::Header(name)) => headers.push(name),
            None => return Reads::Anything,
        }
    }
    Reads::Headers(headers)
}

/// A piece of an expression.
#[derive(Debug, PartialEq, Eq)]
enum Token<'e> {
    Name(&'e str),
    Number,
    /// A text; nothing where its value is not what stands there.
    Text(Option<&'e str>),
    Sign(u8),
}

/// What a token adds to what is looked at.
enum Seen {
    Nothing,
    Header(String),
}

/// What the token at this place looks at; nothing where that cannot be told.
fn seen(tokens: &[Token<'_>], place: usize) -> Option<Seen> {
    let at = |place: usize| tokens.get(place);
    let before = |back: usize| place.checked_sub(back).and_then(at);
    let Some(Token::Name(name)) = at(place) else {
        return Some(Seen::Nothing);
    };
    if before(1) == Some(&Token::Sign(b'.')) {
        // Of something that has been looked at. A dot may also stand before the first name of all.
        return match before(2) {
            Some(Token::Name("in")) => None,
            Some(Token::Name(_) | Token::Text(_) | Token::Sign(b')' | b']')) => Some(Seen::Nothing),
            _ => None,
        };
    }
    let is_member = at(place + 1) == Some(&Token::Sign(b'.'));
    match *name {
        "true" | "false" | "null" | "in" => Some(Seen::Nothing),
        "source" | "destination" | "connection" if is_member => Some(Seen::Nothing),
        "request" if is_member => {
            let Some(Token::Name(member)) = at(place + 2) else {
                return None;
            };
            let header = match *member {
                "protocol" | "time" => return Some(Seen::Nothing),
                "path" | "url_path" | "query" => ":path",
                "host" => ":authority",
                "method" => ":method",
                "scheme" => ":scheme",
                "referer" => "referer",
                "useragent" => "user-agent",
                "id" => "x-request-id",
                "size" => "content-length",
                "headers" => return header(tokens, place).map(Seen::Header),
                _ => return None,
            };
            Some(Seen::Header(header.to_owned()))
        }
        _ if at(place + 1) == Some(&Token::Sign(b'(')) => Some(Seen::Nothing),
        _ => None,
    }
}

/// The header that `request.headers`, which begins at this place, is about.
fn header(tokens: &[Token<'_>], place: usize) -> Option<String> {
    let at = |place: usize| tokens.get(place);
    let before = |back: usize| place.checked_sub(back).and_then(at);
    let name = match (at(place + 3), at(place + 4), at(place + 5)) {
        (Some(Token::Sign(b'[')), Some(Token::Text(name)), Some(Token::Sign(b']'))) => *name,
        // Of more than that: a header by another way, or all of them.
        (Some(Token::Sign(b'[' | b'.' | b'(')), ..) => None,
        _ => match (before(3), before(2), before(1)) {
            // Nothing must bind the text to what stands before it.
            (
                None | Some(Token::Sign(b'(' | b'&' | b'|' | b',')),
                Some(Token::Text(name)),
                Some(Token::Name("in")),
            ) => *name,
            _ => None,
        },
    }?;
    Some(match name.to_ascii_lowercase().as_str() {
        "host" => ":authority".to_owned(),
        name => name.to_owned(),
    })
}

/// The pieces of an expression; nothing where it has one that is not known here.
fn tokens(expression: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    let mut rest = expression;
    while let Some(first) = rest.bytes().next() {
        let letters = |rest: &str| {
            let other = |letter: char| !(letter.is_ascii_alphanumeric() || letter == '_');
            rest.find(other).unwrap_or(rest.len())
        };
        let length = match first {
            b' ' | b'\t' | b'\n' | b'\r' => 1,
            b'/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            b'\'' | b'"' => {
                let (text, length) = text(rest, first)?;
                tokens.push(Token::Text(text));
                length
            }
            b'0'..=b'9' => {
                tokens.push(Token::Number);
                letters(rest)
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                let (name, after) = rest.split_at_checked(letters(rest))?;
                // A text of bytes, or one without escapes: `b'…'`, `r'…'`.
                if after.starts_with(['\'', '"']) {
                    return None;
                }
                tokens.push(Token::Name(name));
                name.len()
            }
            sign @ (b'.' | b',' | b'(' | b')' | b'[' | b']' | b'&' | b'|' | b'!' | b'=' | b'<'
            | b'>' | b'+' | b'-' | b'*' | b'/' | b'%' | b'?' | b':') => {
                tokens.push(Token::Sign(sign));
                1
            }
            _ => return None,
        };
        rest = rest.get(length..)?;
    }
    Some(tokens)
}

/// The text that stands at the beginning, where it is what is written, and the bytes that it takes.
fn text(rest: &str, quote: u8) -> Option<(Option<&str>, usize)> {
    let quote = char::from(quote);
    let inner = rest.get(1..)?;
    // In three quotes other quotes may stand.
    if inner.starts_with(quote) && inner.get(1..)?.starts_with(quote) {
        return None;
    }
    let mut escaped = false;
    for (end, letter) in inner.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' | '\r' => return None,
            letter if letter == quote => {
                let text = inner.get(..end)?;
                return Some((Some(text).filter(|text| !text.contains('\\')), end + 2));
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests;
