//! Percent-escapes (RFC 3986, 2.1).

use std::borrow::Cow;

/// The octet that two hexadecimal digits after a `%` stand for, and what follows them; nothing
/// where there are no two.
pub fn octet(after_percent: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, rest) = after_percent.split_first_chunk::<2>()?;
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    let octet = u8::try_from(high? * 16 + low?).ok()?;
    Some((octet, rest))
}

/// Decodes once. A `%` that begins no escape stays, and so does `+`.
pub fn decode(bytes: &[u8]) -> Cow<'_, [u8]> {
    if !bytes.contains(&b'%') {
        return Cow::Borrowed(bytes);
    }
    let mut decoded = Vec::with_capacity(bytes.len());
    decode_into(bytes, &mut decoded);
    Cow::Owned(decoded)
}

/// Appends what [`decode`] makes of bytes.
pub(crate) fn decode_into(bytes: &[u8], out: &mut Vec<u8>) {
    let mut rest = bytes;
    while let Some((byte, tail)) = first(rest) {
        out.push(byte);
        rest = tail;
    }
}

/// Whether [`decode`] makes this of bytes. Nothing is allocated: a client can send many that are not what is looked for.
pub(crate) fn is(bytes: &[u8], decoded: &[u8]) -> bool {
    let mut rest = bytes;
    let same = decoded.iter().all(|expected| {
        let Some((byte, tail)) = first(rest) else {
            return false;
        };
        rest = tail;
        byte == *expected
    });
    same && rest.is_empty()
}

/// The first byte that bytes stand for, and what follows it.
fn first(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (&byte, tail) = bytes.split_first()?;
    match byte {
        b'%' => octet(tail).or(Some((byte, tail))),
        _ => Some((byte, tail)),
    }
}
