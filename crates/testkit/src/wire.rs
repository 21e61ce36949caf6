//! How header maps cross the border: a count, the lengths, then names and values with a NUL after each.

use crate::Headers;

/// Over this many pairs Envoy reads a map from a module as empty (`PairsUtil`).
const MAX_PAIRS: usize = 1024;

/// And over this many bytes.
const MAX_BYTES: usize = 1024 * 1024;

/// A map as a module reads it; nothing at all for an empty one.
pub(crate) fn encode<'p>(pairs: impl Iterator<Item = (&'p [u8], &'p [u8])> + Clone) -> Vec<u8> {
    let count = pairs.clone().count();
    if count == 0 {
        return Vec::new();
    }
    let mut bytes = length(count).to_vec();
    for (name, value) in pairs.clone() {
        bytes.extend(length(name.len()));
        bytes.extend(length(value.len()));
    }
    for part in pairs.flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(part);
        bytes.push(0);
    }
    bytes
}

/// The map that a module wrote; empty where it is malformed or too large, as in Envoy.
pub(crate) fn decode(bytes: &[u8]) -> Headers {
    let headers = if bytes.len() > MAX_BYTES {
        None
    } else {
        read(bytes)
    };
    headers.unwrap_or_default()
}

fn read(bytes: &[u8]) -> Option<Headers> {
    let (count, rest) = number(bytes)?;
    if count > MAX_PAIRS {
        return None;
    }
    let (mut lengths, mut text) = rest.split_at_checked(count.checked_mul(8)?)?;
    let mut headers = Headers::new();
    while !lengths.is_empty() {
        let (name, rest) = number(lengths)?;
        let (value, rest) = number(rest)?;
        lengths = rest;
        let (name, rest) = terminated(text, name)?;
        let (value, rest) = terminated(rest, value)?;
        text = rest;
        headers.push(&String::from_utf8_lossy(name), value);
    }
    Some(headers)
}

fn terminated(text: &[u8], size: usize) -> Option<(&[u8], &[u8])> {
    let (part, rest) = text.split_at_checked(size)?;
    let (end, rest) = rest.split_first()?;
    (*end == 0).then_some((part, rest))
}

fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*number) as usize, rest))
}

fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

impl Headers {
    pub(crate) fn encode(&self) -> Vec<u8> {
        encode(self.iter().map(|(name, value)| (name.as_bytes(), value)))
    }
}
