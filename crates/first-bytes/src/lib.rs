//! What a connection speaks, by the first bytes of it.
//!
//! Bytes are fed as they come, in whatever pieces; what is decided does not depend on the pieces. What is decided:
//!
//! 1. **How much.** [`Inspector::new`] says how many bytes are looked at. Whoever has not said what it speaks by
//!    then has said too much ([`Verdict::TooLong`]). No more than that is kept, whatever lengths the bytes themselves claim.
//! 2. **Who.** From the client: TLS, HTTP/1, HTTP/2 (the preface of a client that knows it beforehand), SSH,
//!    PostgreSQL, Redis, MQTT, AMQP. From the server, where it speaks first: MySQL ([`Greeting`]).
//! 3. **When.** As soon as no other protocol can be meant and what is said of it is complete: of TLS the whole
//!    ClientHello, of HTTP/1 and of Redis' inline commands the line, of all others 4 to 24 bytes.
//! 4. **Shape, not sense.** What begins as a protocol and breaks its framing is unknown; of TLS it is
//!    [`Verdict::Malformed`], since what a server would make of it is unknown too. Where servers are
//!    lenient so is this: empty lines before a line, several blanks between words, a line that ends without CR.
//!    Being strict there would only help those who want to be taken for something else.
//! 5. A line of three words that ends in `HTTP/1.x` is HTTP/1. Any other whose first word is a command of Redis is
//!    Redis, which a request of HTTP/0.9 (`GET /`) is too.
//!
//! Nothing here is verified: anybody can say these bytes. It tells what an upstream of that protocol would make
//! of them.

mod greeting;
mod hello;
mod line;
mod probe;
mod record;

#[cfg(test)]
mod tests;

pub use greeting::Greeting;
pub use hello::{ClientHello, TlsVersion};

use record::Records;

/// What is spoken, and what is said in the first bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spoken {
    /// A ClientHello.
    Tls(ClientHello),
    /// A request line.
    Http1,
    /// The preface of a connection (RFC 9113, 3.4).
    Http2,
    /// The client's version (RFC 4253, 4.2).
    Ssh,
    /// A startup packet, a request for TLS or GSSAPI encryption, or one to cancel.
    Postgresql,
    /// A command in RESP, or an inline one.
    Redis,
    /// CONNECT of version 3.1 to 5.
    Mqtt,
    /// A protocol header of 0-8 to 1.0.
    Amqp,
}

/// What the bytes so far come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// This is spoken.
    Is(Spoken),
    /// It can be told after so many bytes more, or before.
    NotYet {
        /// At most.
        most: usize,
    },
    /// Nothing that is known here: why, in a word or two.
    Unknown(&'static str),
    /// It begins as TLS, and no ClientHello comes of it that can be read: why, in a word or two. A server that is more
    /// lenient may read another one.
    Malformed(&'static str),
    /// As many bytes as there may be do not tell, or a message says that it is longer.
    TooLong,
}

/// The first bytes of a client.
#[derive(Debug, Clone)]
pub struct Inspector {
    /// So many more are looked at.
    left: usize,
    /// All so far, but of TLS.
    head: Vec<u8>,
    /// Whether it may still be a line of text.
    may_be_line: bool,
    /// Of TLS, what is taken out of its records.
    records: Option<Records>,
}

/// How the bytes so far look to one protocol.
#[derive(Debug, PartialEq, Eq)]
enum Probe {
    No,
    /// So many more, at most.
    Maybe(usize),
    Yes(Spoken),
}

impl Inspector {
    /// Looks at so many bytes at most.
    pub fn new(most: usize) -> Self {
        Self {
            left: most,
            head: Vec::new(),
            may_be_line: true,
            records: None,
        }
    }

    /// Whether it begins as TLS.
    pub fn is_tls(&self) -> bool {
        self.records.is_some()
    }

    /// How many more bytes it may look at: to feed it more is no use.
    pub fn wants(&self) -> usize {
        self.left
    }

    /// Takes what comes next. Once it has decided there is nothing more to feed.
    pub fn feed(&mut self, fresh: &[u8]) -> Verdict {
        let taken = fresh.get(..fresh.len().min(self.left)).unwrap_or(fresh);
        self.left = self.left.saturating_sub(taken.len());
        let verdict = match &mut self.records {
            Some(records) => records.feed(taken),
            None => {
                let before = self.head.len();
                self.head.extend_from_slice(taken);
                self.probe(before)
            }
        };
        match verdict {
            Verdict::NotYet { .. } if self.left == 0 => Verdict::TooLong,
            Verdict::NotYet { most } => Verdict::NotYet {
                most: most.min(self.left),
            },
            decided => decided,
        }
    }

    fn probe(&mut self, before: usize) -> Verdict {
        if record::may_begin(&self.head) {
            if self.head.len() < 2 {
                return Verdict::NotYet { most: usize::MAX };
            }
            let head = std::mem::take(&mut self.head);
            let room = head.len().saturating_add(self.left);
            return self.records.insert(Records::new(room)).feed(&head);
        }
        let mut need = None;
        let fixed = probe::FIXED.iter().map(|probe| probe(&self.head));
        let line = match self.may_be_line {
            true => line::probe(&self.head, before),
            false => Probe::No,
        };
        // Only what is new is looked at, so what an earlier byte ruled out stays so.
        self.may_be_line = line != Probe::No;
        for probe in fixed.chain([line]) {
            match probe {
                Probe::No => {}
                Probe::Maybe(most) => need = need.max(Some(most)),
                Probe::Yes(spoken) => return Verdict::Is(spoken),
            }
        }
        match need {
            Some(most) => Verdict::NotYet { most },
            None => Verdict::Unknown("nothing known"),
        }
    }
}
