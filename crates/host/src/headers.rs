//! A snapshot of a header map, taken in one host call.

use std::fmt;

/// Headers in the order of the wire, names in lower case, as Envoy keeps them. Pseudo-headers such
/// as `:path` are among them.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Entry {
    name: Span,
    value: Span,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Span {
    start: usize,
    end: usize,
}

impl Span {
    fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }
}

/// The bytes are not a header map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// The values of a header of which there should be at most one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only<'h> {
    /// The header is not there.
    Absent,
    /// There is one; it may be empty.
    One(&'h [u8]),
    /// There is more than one: which of them counts is anybody's guess, so none does.
    Several,
}

impl Headers {
    /// Decodes what `proxy_get_header_map_pairs` answers: a count, for each pair the lengths of name
    /// and value (all 32 bits, little-endian), then the names and values, each with a NUL after it
    /// (proxy-wasm-cpp-host `src/pairs_util.cc`).
    ///
    /// # Errors
    /// Where lengths do not fit the bytes.
    pub fn decode(bytes: Vec<u8>) -> Result<Self, Malformed> {
        let count = word(&bytes, 0).ok_or(Malformed)?;
        let mut position = count
            .checked_mul(8)
            .and_then(|sizes| sizes.checked_add(4))
            .filter(|start| *start <= bytes.len())
            .ok_or(Malformed)?;
        let mut entries = Vec::with_capacity(count);
        for index in 0..count {
            let at = 4 + index * 8;
            let mut take = |length: usize| {
                let end = position.checked_add(length)?;
                // The NUL after it must be there too.
                (bytes.get(end) == Some(&0)).then(|| {
                    let span = Span {
                        start: position,
                        end,
                    };
                    position = end + 1;
                    span
                })
            };
            let name = word(&bytes, at).and_then(&mut take).ok_or(Malformed)?;
            let value = word(&bytes, at + 4).and_then(&mut take).ok_or(Malformed)?;
            entries.push(Entry { name, value });
        }
        Ok(Self { bytes, entries })
    }

    /// How many header lines there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.entries
            .iter()
            .map(|entry| (self.slice(entry.name), self.slice(entry.value)))
    }

    /// All values of a header, in order. `name` is in lower case.
    pub fn all<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h [u8]> {
        self.as_long_as(name)
            .filter(|entry| self.slice(entry.name) == name.as_bytes())
            .map(|entry| self.slice(entry.value))
    }

    /// All names that are as long as this one, and their values.
    pub fn with_names_as_long_as<'h>(
        &'h self,
        name: &'h str,
    ) -> impl Iterator<Item = (&'h [u8], &'h [u8])> {
        self.as_long_as(name)
            .map(|entry| (self.slice(entry.name), self.slice(entry.value)))
    }

    /// Names differ in length more often than not, and lengths are at hand.
    fn as_long_as<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h Entry> {
        self.entries
            .iter()
            .filter(|entry| entry.name.len() == name.len())
    }

    /// The value of a header of which there should be at most one.
    pub fn only<'h>(&'h self, name: &'h str) -> Only<'h> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (None, _) => Only::Absent,
            (Some(value), None) => Only::One(value),
            _ => Only::Several,
        }
    }

    /// Whether a header is there.
    pub fn contains(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// Makes this the only value of a header.
    pub fn set(&mut self, name: &str, value: &[u8]) {
        self.remove(name);
        self.append(name, value);
    }

    /// Adds a value.
    pub fn append(&mut self, name: &str, value: &[u8]) {
        let name = self.store(name.as_bytes());
        let value = self.store(value);
        self.entries.push(Entry { name, value });
    }

    /// What a snapshot becomes once the host has added a value. Of some headers Envoy keeps one line and joins what
    /// is added with a comma (its inline headers: `via`, `content-type`, …); which, its version and extensions
    /// decide. So where there was a value, there is no snapshot any more: who asks again reads what Envoy has.
    #[inline(never)]
    pub(crate) fn appended(snapshot: &mut Option<Self>, name: &str, value: &[u8]) {
        match snapshot {
            Some(headers) if !headers.contains(name) => headers.append(name, value),
            _ => *snapshot = None,
        }
    }

    /// Removes all values of a header.
    pub fn remove(&mut self, name: &str) {
        let Self { bytes, entries } = self;
        entries.retain(|entry| {
            entry.name.len() != name.len()
                || bytes.get(entry.name.start..entry.name.end) != Some(name.as_bytes())
        });
    }

    fn store(&mut self, bytes: &[u8]) -> Span {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        Span {
            start,
            end: self.bytes.len(),
        }
    }

    fn slice(&self, span: Span) -> &[u8] {
        // Every span was made by `decode` or `store`, so the slice is always there.
        self.bytes.get(span.start..span.end).unwrap_or_default()
    }
}

impl<'p> FromIterator<(&'p str, &'p [u8])> for Headers {
    fn from_iter<I: IntoIterator<Item = (&'p str, &'p [u8])>>(pairs: I) -> Self {
        let mut headers = Self::default();
        for (name, value) in pairs {
            headers.append(name, value);
        }
        headers
    }
}

/// Only names: values may be secrets.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|(name, _)| String::from_utf8_lossy(name)))
            .finish()
    }
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    let word: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(word)).ok()
}
