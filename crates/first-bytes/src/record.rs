//! The records of TLS (RFC 8446, 5.1), as far as the ClientHello goes.

use crate::hello::ClientHello;
use crate::{Spoken, Verdict};

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;

/// The longest record that is not encrypted.
const LONGEST_RECORD: usize = 1 << 14;

/// As many as OpenSSL takes (`MAX_EMPTY_RECORDS`).
const MOST_EMPTY: u8 = 32;

/// The type and the length of a message.
const MESSAGE_HEADER: usize = 4;

/// Whether these can be the first bytes of a record of the handshake: its type, and the major version, which
/// never changed.
pub(crate) fn may_begin(head: &[u8]) -> bool {
    !head.is_empty()
        && head
            .iter()
            .zip([HANDSHAKE, 3])
            .all(|(byte, first)| *byte == first)
}

/// The records so far.
#[derive(Debug, Clone)]
pub(crate) struct Records {
    /// A longer message is not waited for.
    room: usize,
    header: Vec<u8>,
    /// How many records had nothing in them.
    empty: u8,
    /// How many bytes of the record are missing.
    left: usize,
    /// The handshake message, as far as it has come.
    message: Vec<u8>,
}

impl Records {
    pub(crate) fn new(room: usize) -> Self {
        Self {
            room,
            header: Vec::with_capacity(5),
            empty: 0,
            left: 0,
            message: Vec::new(),
        }
    }

    pub(crate) fn feed(&mut self, mut bytes: &[u8]) -> Verdict {
        while !bytes.is_empty() {
            let wanted = match self.left {
                0 => 5_usize.saturating_sub(self.header.len()),
                left => left,
            };
            let (taken, rest) = bytes.split_at(wanted.min(bytes.len()));
            bytes = rest;
            if self.left == 0 {
                self.header.extend_from_slice(taken);
                if let Err(why) = self.begin() {
                    return Verdict::Malformed(why);
                }
                continue;
            }
            self.left = self.left.saturating_sub(taken.len());
            self.message.extend_from_slice(taken);
            match self.message() {
                Verdict::NotYet { .. } => {}
                decided => return decided,
            }
        }
        self.message()
    }

    /// Begins a record whose header is complete. A handshake may be cut into records, but not mixed with others
    /// (RFC 8446, 5.1). There should be no empty ones, but servers pass over some.
    fn begin(&mut self) -> Result<(), &'static str> {
        if !may_begin(&self.header) {
            return Err("another record before the ClientHello is complete");
        }
        let [_, _, _, high, low] = *self.header else {
            return Ok(());
        };
        self.left = usize::from(u16::from_be_bytes([high, low]));
        self.header.clear();
        match self.left {
            0 if self.empty < MOST_EMPTY => {
                self.empty = self.empty.saturating_add(1);
                Ok(())
            }
            1..=LONGEST_RECORD => Ok(()),
            _ => Err("the length of a record"),
        }
    }

    /// The message, where it is complete.
    fn message(&self) -> Verdict {
        if self
            .message
            .first()
            .is_some_and(|kind| *kind != CLIENT_HELLO)
        {
            return Verdict::Malformed("no ClientHello");
        }
        let [_, a, b, c, ref rest @ ..] = *self.message else {
            return Verdict::NotYet { most: usize::MAX };
        };
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        if length.saturating_add(MESSAGE_HEADER) > self.room {
            return Verdict::TooLong;
        }
        match rest.get(..length) {
            None => Verdict::NotYet { most: usize::MAX },
            Some(body) => match ClientHello::parse(body) {
                Some(hello) => Verdict::Is(Spoken::Tls(hello)),
                None => Verdict::Malformed("a ClientHello that cannot be read"),
            },
        }
    }
}
