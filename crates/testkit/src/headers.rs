//! A header map as Envoy keeps it: names in lower case, in the order of arrival, a name as often as it came.

use gatehouse_inline_headers::{Of, joined};

/// Headers or trailers. Names are in lower case; values are bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    /// None at all.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The first value of a name, which is the one that `proxy_get_header_map_value` answers with.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// The first value of a name as text; what is not UTF-8 is replaced.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name)
            .map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// All values of a name, in order.
    pub fn all<'h>(&'h self, name: &str) -> impl Iterator<Item = &'h [u8]> + use<'h> {
        let name = name.to_ascii_lowercase();
        let named = self
            .0
            .iter()
            .filter(move |(candidate, _)| *candidate == name);
        named.map(|(_, value)| value.as_slice())
    }

    /// All values of a name as text, in order.
    pub fn texts(&self, name: &str) -> Vec<String> {
        self.all(name)
            .map(|value| String::from_utf8_lossy(value).into_owned())
            .collect()
    }

    /// Whether there is a value of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether they ask for another protocol in HTTP/1: to Envoy, all that follows is then a body. It does not know
    /// `h2c` (`handling_upgrade_` in `source/common/http/http1/codec_impl.cc`).
    pub fn ask_for_upgrade(&self) -> bool {
        let options = self.all("connection");
        let mut options = options.flat_map(|line| line.split(|byte| *byte == b','));
        options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
            && self
                .all("upgrade")
                .any(|to| !to.is_empty() && !to.eq_ignore_ascii_case(b"h2c"))
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> + Clone {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes of all names and values, as Envoy counts them.
    pub fn byte_size(&self) -> usize {
        self.0
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum()
    }

    /// Adds a pair after all others, a pseudo-header after the other pseudo-headers, whatever there is of that name.
    pub fn push(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let pair = (name.to_ascii_lowercase(), value.as_ref().to_vec());
        let place = match name.starts_with(':') {
            true => self.0.iter().position(|(known, _)| !known.starts_with(':')),
            false => None,
        };
        self.0.insert(place.unwrap_or(self.0.len()), pair);
    }

    /// Adds a value as Envoy's `addCopy` does: a header of which Envoy keeps one entry grows by a comma and the
    /// value; of any other there is one more.
    pub(crate) fn add(&mut self, of: Of, name: &str, value: impl AsRef<[u8]>) {
        let name = name.to_ascii_lowercase();
        let existing = self.0.iter_mut().find(|(known, _)| *known == name);
        match (existing, of.keeps_one(&name)) {
            (Some((_, present)), true) => *present = joined(present, value.as_ref()),
            _ => self.push(&name, value),
        }
    }

    /// Sets a name to one value as Envoy's `setCopy` does: what there is goes, and it is added after all others, a
    /// pseudo-header after the other pseudo-headers.
    pub fn set(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.remove(name);
        self.push(name, value);
    }

    /// Gives the first of a name another value, in its place.
    pub(crate) fn put(&mut self, name: &str, value: impl AsRef<[u8]>) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, present)) => *present = value.as_ref().to_vec(),
            None => self.push(name, value),
        }
    }

    /// Takes all values of a name away.
    pub fn remove(&mut self, name: &str) {
        let name = name.to_ascii_lowercase();
        self.0.retain(|(known, _)| *known != name);
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut headers = Self::new();
        for (name, value) in pairs {
            headers.push(name.as_ref(), value);
        }
        headers
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>, const COUNT: usize> From<[(N, V); COUNT]> for Headers {
    fn from(pairs: [(N, V); COUNT]) -> Self {
        pairs.into_iter().collect()
    }
}
