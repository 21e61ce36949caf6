//! A header map as Envoy keeps it: names in lower case, in the order of arrival, a name as often as it came.

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

    /// Adds a pair after all others, whatever there is of that name.
    pub fn push(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.0
            .push((name.to_ascii_lowercase(), value.as_ref().to_vec()));
    }

    /// Adds a value as Envoy's `addCopy` does: a header of which Envoy keeps one entry grows by a comma and the
    /// value (a semicolon for `cookie`); of any other there is one more.
    pub fn add(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let name = name.to_ascii_lowercase();
        let existing = self.0.iter_mut().find(|(known, _)| *known == name);
        match (existing, single_entry(&name)) {
            (Some((_, present)), true) => {
                if !present.is_empty() && !value.as_ref().is_empty() {
                    present.push(b',');
                }
                present.extend_from_slice(value.as_ref());
            }
            _ => self.push(&name, value),
        }
    }

    /// Sets a name to one value as Envoy's `setCopy` does: in the place of the first of that name, or else after
    /// all others.
    pub fn set(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let name = name.to_ascii_lowercase();
        match self.0.iter().position(|(known, _)| *known == name) {
            None => self.push(&name, value),
            Some(place) => {
                let mut index = 0;
                self.0.retain(|(known, _)| {
                    index += 1;
                    *known != name || index == place + 1
                });
                if let Some((_, present)) = self.0.get_mut(place) {
                    *present = value.as_ref().to_vec();
                }
            }
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

/// Headers of which Envoy keeps one entry (`INLINE_REQ_HEADERS` and its like in `envoy/http/header_map.h`).
fn single_entry(name: &str) -> bool {
    const NAMES: &[&str] = &[
        ":authority",
        ":method",
        ":path",
        ":protocol",
        ":scheme",
        ":status",
        "connection",
        "content-length",
        "content-type",
        "date",
        "expect",
        "grpc-message",
        "grpc-status",
        "grpc-timeout",
        "host",
        "keep-alive",
        "location",
        "proxy-connection",
        "proxy-status",
        "server",
        "te",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "via",
        "x-client-trace-id",
        "x-forwarded-client-cert",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-proto",
        "x-request-id",
    ];
    NAMES.contains(&name)
}
