//! `x-forwarded-client-cert`: what a proxy says of the certificate that its client presented.
//!
//! The grammar is the one of Envoy's documentation of its HTTP connection manager's headers: elements
//! separated by commas, one for each proxy, each of pairs `key=value` separated by semicolons, where a
//! value is quoted if there is a comma, a semicolon or `=` in it. What is decided here, in this order:
//!
//! 1. More than [`MAX_BYTES`], bytes that are not UTF-8, and control characters are refused.
//! 2. Around an element there may be spaces and tabs, which joining lists puts there. Nowhere else.
//! 3. A key is letters, without regard to case. Of `URI` and `DNS` there may be several, and of `By`;
//!    of `Hash`, `Subject`, `Cert` and `Chain` one. Keys that are not known are passed over.
//! 4. A value in quotes ends at the next quote without a backslash in front, and after it comes `;`,
//!    `,` or the end. It is kept as it is written: the backslashes in a subject are those of RFC 2253
//!    (Envoy puts none of its own in), so that it compares to what a connection's subject is.
//! 5. A value without quotes ends at `;` or `,` and has no quote in it. It may have `=`: Envoy does not
//!    quote URIs (`source/common/http/conn_manager_utility.cc`).
//! 6. `Hash` is 64 hexadecimal digits. A value may be empty, which is as if it were not there.
//!
//! What comes of it says nothing about who wrote it.

#[cfg(test)]
mod tests;

/// A longer header is refused. A whole chain in `Chain` takes some 10 KiB.
pub const MAX_BYTES: usize = 64 << 10;

/// The header is not in the form that Envoy writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// What one proxy says of its client's certificate. `By`, `Cert` and `Chain` are checked and left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Element<'h> {
    /// SHA-256 of the certificate in DER.
    pub hash: Option<[u8; 32]>,
    /// The subject, as RFC 2253 writes it.
    pub subject: Option<&'h str>,
    /// The URIs among its alternative names.
    pub uris: Vec<&'h str>,
    /// The DNS names among them.
    pub dns: Vec<&'h str>,
}

/// All elements of a header's value, in their order; the last is the nearest proxy's. Never empty.
///
/// # Errors
/// Where any of it is not in form.
pub fn parse(header: &[u8]) -> Result<Vec<Element<'_>>, Malformed> {
    if header.len() > MAX_BYTES {
        return Err(Malformed);
    }
    let text = std::str::from_utf8(header).map_err(|_| Malformed)?;
    if text.chars().any(|char| char.is_control() && char != '\t') {
        return Err(Malformed);
    }
    let mut elements = Vec::new();
    let mut rest = text;
    loop {
        let (element, after) = element(rest.trim_start_matches(BLANKS))?;
        elements.push(element);
        match after.trim_start_matches(BLANKS) {
            "" => return Ok(elements),
            after => rest = after.strip_prefix(',').ok_or(Malformed)?,
        }
    }
}

const BLANKS: [char; 2] = [' ', '\t'];

/// An element, and what follows it.
fn element(text: &str) -> Result<(Element<'_>, &str), Malformed> {
    let mut element = Element::default();
    let mut once = Once::default();
    let mut rest = text;
    loop {
        let (key, after) = rest.split_once('=').ok_or(Malformed)?;
        let (value, after) = value(after)?;
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return Err(Malformed);
        }
        let given = (!value.is_empty()).then_some(value);
        match &*key.to_ascii_lowercase() {
            "uri" => element.uris.extend(given),
            "dns" => element.dns.extend(given),
            "hash" => {
                once.first(Once::HASH)?;
                element.hash = given.map(hash).transpose()?;
            }
            "subject" => {
                once.first(Once::SUBJECT)?;
                element.subject = given;
            }
            "cert" => once.first(Once::CERT)?,
            "chain" => once.first(Once::CHAIN)?,
            _ => {}
        }
        match after.strip_prefix(';') {
            Some(after) => rest = after,
            None => return Ok((element, after)),
        }
    }
}

/// A value without its quotes, and what follows it.
fn value(text: &str) -> Result<(&str, &str), Malformed> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',']).unwrap_or(text.len());
        let (value, after) = text.split_at_checked(end).ok_or(Malformed)?;
        let value = match after.starts_with(';') {
            true => value,
            false => value.trim_end_matches(BLANKS),
        };
        let plain = !value.contains(['"', ' ', '\t']);
        return plain.then_some((value, after)).ok_or(Malformed);
    };
    let mut escaped = false;
    for (place, char) in quoted.char_indices() {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => {
                let (value, after) = quoted.split_at_checked(place).ok_or(Malformed)?;
                let after = after.strip_prefix('"').ok_or(Malformed)?;
                return Ok((value, after));
            }
            _ => {}
        }
    }
    Err(Malformed)
}

/// Which of the keys that may be there once have been.
#[derive(Default)]
struct Once(u8);

impl Once {
    const HASH: u8 = 1;
    const SUBJECT: u8 = 2;
    const CERT: u8 = 4;
    const CHAIN: u8 = 8;

    fn first(&mut self, key: u8) -> Result<(), Malformed> {
        let known = self.0 & key != 0;
        self.0 |= key;
        (!known).then_some(()).ok_or(Malformed)
    }
}

fn hash(text: &str) -> Result<[u8; 32], Malformed> {
    digest(text).ok_or(Malformed)
}

/// The bytes of a SHA-256 digest in 64 hexadecimal digits.
pub fn digest(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(digest)
}

fn nibble(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}
