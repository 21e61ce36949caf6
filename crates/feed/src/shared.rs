//! What all workers know: the state, and the document.

use gatehouse_host::{Cas, Host, Result};
use std::time::Duration;

/// The first byte of the state: a module with another layout does not read it.
const LAYOUT: u8 = 1;

/// More workers than this at one state at once, and the next tick has to do.
const MAX_SWAPS: usize = 16;

/// The times are nanoseconds since the epoch, zero for never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct State {
    /// Which document it is; zero for none.
    pub(crate) document: u64,
    /// The end of its lifetime.
    pub(crate) fresh_until: u64,
    /// When to fetch.
    pub(crate) due: u64,
    /// No fetch on demand before.
    pub(crate) want_after: u64,
    pub(crate) lease: Lease,
    /// Failures since the last success.
    pub(crate) failures: u32,
    /// The number of the last one.
    pub(crate) trouble: u32,
}

/// Who fetches, and until when it is believed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Lease {
    pub(crate) token: u64,
    pub(crate) until: u64,
}

impl State {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![LAYOUT];
        for number in [
            self.document,
            self.fresh_until,
            self.due,
            self.want_after,
            self.lease.token,
            self.lease.until,
        ] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(self.failures.to_le_bytes());
        bytes.extend(self.trouble.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes.strip_prefix(&[LAYOUT])?);
        let state = Self {
            document: u64::from_le_bytes(reader.take()?),
            fresh_until: u64::from_le_bytes(reader.take()?),
            due: u64::from_le_bytes(reader.take()?),
            want_after: u64::from_le_bytes(reader.take()?),
            lease: Lease {
                token: u64::from_le_bytes(reader.take()?),
                until: u64::from_le_bytes(reader.take()?),
            },
            failures: u32::from_le_bytes(reader.take()?),
            trouble: u32::from_le_bytes(reader.take()?),
        };
        reader.0.is_empty().then_some(state)
    }

    /// Reads the state; the first one where there is none, or none that can be read.
    pub(crate) fn read(host: &dyn Host, key: &str) -> Result<(Self, Cas)> {
        Ok(match host.shared(key)? {
            None => (Self::default(), Cas::CREATE),
            Some((bytes, cas)) => (Self::decode(&bytes).unwrap_or_default(), cas),
        })
    }

    /// Changes the state, and says what it was before and is now. Nothing where the change is not
    /// wanted any more, or other workers come between too often.
    pub(crate) fn change(
        host: &dyn Host,
        key: &str,
        change: &dyn Fn(&mut Self) -> bool,
    ) -> Result<Option<(Self, Self)>> {
        for _ in 0..MAX_SWAPS {
            let (before, cas) = Self::read(host, key)?;
            let mut after = before;
            if !change(&mut after) {
                return Ok(None);
            }
            if host.swap_shared(key, &after.encode(), cas)? {
                return Ok(Some((before, after)));
            }
        }
        Ok(None)
    }
}

/// How far the readings of two workers may differ that write and read at one time: one of them may have been held up
/// since it read the clock. A clock that was set back by less delays a fetch by as much.
const TOLERANCE: Duration = Duration::from_secs(10);

/// Whether a time has come. One further ahead than it can have been set was set by a clock that has
/// gone back since: it has come too.
pub(crate) fn has_come(time: u64, now: u64, furthest: Duration) -> bool {
    let furthest = furthest.saturating_add(TOLERANCE).as_nanos();
    let furthest = u64::try_from(furthest).unwrap_or(u64::MAX);
    time <= now || time - now > furthest
}

/// A document as it lies in shared data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) document: u64,
    /// Which step of the fetch it came from.
    pub(crate) step: usize,
    pub(crate) etag: Option<Etag>,
    pub(crate) bytes: Vec<u8>,
}

/// What a server calls this version of what is at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Etag {
    /// Authority and path.
    pub(crate) of: String,
    pub(crate) value: Vec<u8>,
}

impl Stored {
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(self.bytes.len().saturating_add(256));
        bytes.push(LAYOUT);
        bytes.extend(self.document.to_le_bytes());
        bytes.push(u8::try_from(self.step).ok()?);
        let (of, value) = match &self.etag {
            Some(etag) => (etag.of.as_bytes(), etag.value.as_slice()),
            None => Default::default(),
        };
        for part in [of, value] {
            bytes.extend(u16::try_from(part.len()).ok()?.to_le_bytes());
            bytes.extend(part);
        }
        bytes.extend(&self.bytes);
        Some(bytes)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes.strip_prefix(&[LAYOUT])?);
        let document = u64::from_le_bytes(reader.take()?);
        let [step] = reader.take()?;
        let of = reader.part()?;
        let value = reader.part()?;
        let of = std::str::from_utf8(of).ok()?;
        Some(Self {
            document,
            step: step.into(),
            etag: (!value.is_empty()).then(|| Etag {
                of: of.to_owned(),
                value: value.to_vec(),
            }),
            bytes: reader.0.to_vec(),
        })
    }

    pub(crate) fn read(host: &dyn Host, key: &str) -> Result<Option<Self>> {
        let stored = host.shared(key)?;
        Ok(stored.and_then(|(bytes, _)| Self::decode(&bytes)))
    }
}

struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn part(&mut self) -> Option<&'b [u8]> {
        let length = u16::from_le_bytes(self.take()?);
        let (part, rest) = self.0.split_at_checked(length.into())?;
        self.0 = rest;
        Some(part)
    }
}
