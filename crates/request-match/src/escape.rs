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
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        let (byte, tail) = match byte {
            b'%' => octet(tail).unwrap_or((byte, tail)),
            _ => (byte, tail),
        };
        decoded.push(byte);
        rest = tail;
    }
    Cow::Owned(decoded)
}
