//! What a connection speaks, by the first bytes of it.
//!
//! Bytes are fed as they come, in whatever pieces; what is decided does not depend on the pieces. What is decided:
//!
//! 1. **How much.** [`Inspector::new`] says how many bytes are looked at. Whoever has not said what it speaks by
//!    then has said too much ([`Verdict::TooLong`]). No more than that is kept, whatever lengths the bytes themselves claim.
//! 2. **Who.** From the client: TLS, HTTP/1, HTTP/2 (the preface of a client that knows it beforehand), SSH,
//!    PostgreSQL, Redis, MQTT, AMQP. From the server, where it speaks first: MySQL ([`Greeting`]).
//! 3. **When.** As soon as no other protocol can be meant and what is said of it is complete: of TLS the whole
//!    ClientHello, of HTTP, SSH and Redis' inline commands the line, of all others 4 to 13 bytes.
//! 4. **Shape, not sense.** What counts is what some server of the protocol takes, not what clients should say: being
//!    strict would only help those who want to be taken for something else. What no server takes is unknown. Of TLS,
//!    what some servers read and others refuse is [`Verdict::Malformed`], but for SSLv2's form of a hello, which is read.
//! 5. **Both.** Where two protocols take the same line it is either: the version of SSH that is a request line too
//!    (`SSH-2.0-x / HTTP/1.1`), a command of Redis that is one (`EVAL 1 0 HTTP/1.1`), and `GET /`, which is HTTP/0.9.
//!
//! What servers do after the first line is not known here: Redis answers to a line that it doesn't know with an error
//! and reads on, as some SSH servers (Go's, paramiko, Twisted's) do without a word. Such a line is unknown.
//!
//! Nothing here is verified: anybody can say these bytes. It tells what an upstream of that protocol would make
//! of them.

mod greeting;
mod hello;
mod lenient;
mod line;
mod probe;
mod record;

#[cfg(test)]
mod tests;

pub use greeting::Greeting;
pub use hello::{ClientHello, TlsVersion, host_name};

use line::Line;
use record::Records;

/// What is spoken, and what is said in the first bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spoken {
    /// A ClientHello.
    Tls(ClientHello),
    /// A request line, of HTTP/0.9 too.
    Http1,
    /// The preface of a connection (RFC 9113, 3.4).
    Http2,
    /// The client's version (RFC 4253, 4.2).
    Ssh,
    /// A startup packet, a request for TLS or GSSAPI encryption, or one to cancel.
    Postgresql,
    /// A command in RESP, or an inline one.
    Redis,
    /// CONNECT.
    Mqtt,
    /// A protocol header.
    Amqp,
}

/// What the bytes so far come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// This is spoken.
    Is(Spoken),
    /// One of these is, and servers of both would take it.
    Either(Spoken, Spoken),
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
    /// How far its first line was looked at.
    line: Line,
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
    Either(Spoken, Spoken),
    /// TLS that only some servers read.
    Malformed(&'static str),
}

impl Inspector {
    /// Looks at so many bytes at most.
    pub fn new(most: usize) -> Self {
        Self {
            left: most,
            head: Vec::new(),
            line: Line::default(),
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
                self.head.extend_from_slice(taken);
                self.probe()
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

    fn probe(&mut self) -> Verdict {
        if record::may_begin(&self.head) {
            if self.head.len() < 2 {
                return Verdict::NotYet { most: usize::MAX };
            }
            let head = std::mem::take(&mut self.head);
            let room = head.len().saturating_add(self.left);
            return self.records.insert(Records::new(room)).feed(&head);
        }
        let old_hello = lenient::sslv2(&self.head);
        // Nobody else has those three bytes, but a line might end before the hello does.
        if self.head.len() >= 3 && old_hello != Probe::No {
            return old_hello.into();
        }
        let line = self.line.feed(&self.head);
        let command = self.head.get(self.line.begin()..).unwrap_or_default();
        let fixed = probe::FIXED.iter().map(|probe| probe(&self.head));
        let mut need = Probe::No;
        for probe in [old_hello, probe::resp(command), line]
            .into_iter()
            .chain(fixed)
        {
            need = match (need, probe) {
                (need, Probe::No) => need,
                (Probe::Maybe(one), Probe::Maybe(other)) => Probe::Maybe(one.max(other)),
                (_, maybe @ Probe::Maybe(_)) => maybe,
                (_, decided) => return decided.into(),
            };
        }
        need.into()
    }
}

impl From<Probe> for Verdict {
    fn from(probe: Probe) -> Self {
        match probe {
            Probe::No => Self::Unknown("nothing known"),
            Probe::Maybe(most) => Self::NotYet { most },
            Probe::Yes(spoken) => Self::Is(spoken),
            Probe::Either(one, other) => Self::Either(one, other),
            Probe::Malformed(why) => Self::Malformed(why),
        }
    }
}
