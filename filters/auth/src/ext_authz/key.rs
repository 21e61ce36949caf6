//! For which requests one decision holds.

use super::config::{Cache, Part};
use crate::flight::Key;
use gatehouse_expiring_map::digest;
use gatehouse_host::{Headers, StreamId};

/// The key of a request: the digest of the parts that are configured, each with how many values it
/// has, so that no two lists of values are one. All values of a header count. Without a cache, the
/// request is alone.
pub(super) fn of(cache: Option<&Cache>, headers: &Headers, stream: StreamId) -> Key {
    let Some(cache) = cache else {
        return digest([&b"stream"[..], &stream.0.to_be_bytes()]);
    };
    let mut counts = Vec::with_capacity(cache.key.len());
    let mut values = Vec::new();
    for part in &cache.key {
        let before = values.len();
        values.extend(headers.all(part.header()));
        // A length in memory fits 64 bits.
        counts.extend_from_slice(&((values.len() - before) as u64).to_be_bytes());
    }
    digest(std::iter::once(counts.as_slice()).chain(values))
}

impl Part {
    /// The header that it stands in.
    pub(super) fn header(&self) -> &str {
        match self {
            Self::Header(name) => name,
            Self::Path => ":path",
            Self::Method => ":method",
            Self::Host => ":authority",
        }
    }
}
