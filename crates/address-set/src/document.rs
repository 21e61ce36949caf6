//! Lists of addresses that others publish.
//!
//! 1. A document whose first character is `[` is a JSON array of texts. Any other is lines: one prefix or address
//!    each, blanks around it; what follows `#` or `;`, and lines with nothing else, are comments.
//! 2. A prefix is as configurations have it: `192.0.2.0/24`, `2001:db8::/32`, or an address. One with bits set
//!    after its length is bad: who wrote it meant another one.
//! 3. A bad entry refuses the document, or is left out and counted ([`Bad`]). A document that leaves nothing, or
//!    more than a certain number, is refused: what was there before is better than an empty list.

use crate::AddressSets;
use ipnet::IpNet;
use serde_json::Value;
use std::net::IpAddr;

/// What becomes of an entry that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bad {
    /// The document is refused.
    Refuse,
    /// The entry is left out.
    Skip,
}

/// What is taken of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// So many prefixes at most.
    pub most: usize,
    /// What becomes of bad entries.
    pub bad: Bad,
    /// Whether a document without any prefix is taken.
    pub may_be_empty: bool,
}

/// A document.
#[derive(Debug, Clone)]
pub struct List {
    /// One set, label 0.
    pub addresses: AddressSets,
    /// What was left out; nothing where nothing was: `2 bad entries: line 3: "x", line 9: "y"`.
    pub left_out: Option<String>,
}

/// So many bad entries are named.
const NAMED: usize = 3;

/// The bad entries of a document.
#[derive(Default)]
struct BadEntries {
    count: usize,
    named: Vec<String>,
}

/// Reads a document.
///
/// # Errors
/// Why it is refused, for the log.
pub fn read(bytes: &[u8], terms: Terms) -> Result<List, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut addresses = AddressSets::default();
    let mut bad = BadEntries::default();
    let mut take = |entry: &str, place: &dyn Fn() -> String| {
        match parse(entry) {
            Some(prefix) => addresses.insert(prefix.addr(), prefix.prefix_len(), 0),
            None => bad.note(place, entry),
        }
        match addresses.len() > terms.most {
            true => Err(format!("more than {} prefixes", terms.most)),
            false => Ok(()),
        }
    };
    match bytes.trim_ascii_start().first() {
        Some(b'[') => {
            let value = gatehouse_strict_json::parse(bytes).map_err(|error| error.to_string())?;
            for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                let place = || format!("[{index}]");
                match item {
                    Value::String(text) => take(text.trim_ascii(), &place)?,
                    // No prefix is written so.
                    other => take(&other.to_string(), &place)?,
                }
            }
        }
        _ => {
            for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
                let comment = line.iter().position(|byte| matches!(byte, b'#' | b';'));
                let line = comment.and_then(|end| line.get(..end)).unwrap_or(line);
                let line = String::from_utf8_lossy(line.trim_ascii());
                if !line.is_empty() {
                    take(&line, &|| format!("line {}", index + 1))?;
                }
            }
        }
    }
    let left_out = bad.sentence();
    if let (Some(bad), Bad::Refuse) = (&left_out, terms.bad) {
        return Err(bad.clone());
    }
    if addresses.is_empty() && !terms.may_be_empty {
        return Err("no prefix in it".to_owned());
    }
    Ok(List {
        addresses: addresses.finish(),
        left_out,
    })
}

impl BadEntries {
    fn note(&mut self, place: &dyn Fn() -> String, entry: &str) {
        self.count = self.count.saturating_add(1);
        if self.named.len() < NAMED {
            let shown: String = entry.chars().take(40).collect();
            self.named.push(format!("{}: {shown:?}", place()));
        }
    }

    fn sentence(&self) -> Option<String> {
        let named = self.named.join(", ");
        let more = match self.count > self.named.len() {
            true => ", …",
            false => "",
        };
        match self.count {
            0 => None,
            1 => Some(format!("1 bad entry: {named}")),
            count => Some(format!("{count} bad entries: {named}{more}")),
        }
    }
}

fn parse(entry: &str) -> Option<IpNet> {
    let prefix: IpNet = match entry.contains('/') {
        true => entry.parse().ok()?,
        false => entry.parse::<IpAddr>().ok()?.into(),
    };
    (prefix.addr() == prefix.network()).then_some(prefix)
}
