//! What is kept of a connection.

use crate::limiter::Tickets;
use crate::rules::Said;
use crate::traffic::Traffic;
use gatehouse_first_bytes::{Greeting, Inspector, Verdict};
use gatehouse_host::Timestamp;
use std::net::SocketAddr;

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Phase {
    /// Nothing is decided.
    #[default]
    New,
    /// It waits for a list of addresses.
    Feed,
    /// It is undecided until there is data.
    First,
    /// It is held to be closed.
    Tarpit,
    /// It goes on.
    Open,
    /// Nothing more is wanted of it but its end: it is closed, or would have been.
    Over,
}

/// What this filter keeps of a connection between callbacks.
#[derive(Debug, Default)]
pub struct State {
    pub(super) phase: Phase,
    pub(super) source: Option<SocketAddr>,
    /// Of the destination, where a rule asks.
    pub(super) port: Option<u16>,
    /// The end of a wait.
    pub(super) until: Option<Timestamp>,
    /// The lists it waits for or has waited for, by the feed's place, and until when at most.
    pub(super) waits: Vec<(usize, Timestamp)>,
    /// What the connection is closed for at the end of its tarpit.
    pub(super) rule: usize,
    pub(super) tickets: Tickets,
    pub(super) hearing: Option<Box<Hearing>>,
    pub(super) traffic: Option<Box<Traffic>>,
    /// How many bytes of the client went on before it was decided on, in report mode.
    pub(super) passed_before: usize,
    /// How many bytes of it are held.
    pub(super) held: usize,
    /// When the client must have said something, while it goes on.
    pub(super) silent_until: Option<Timestamp>,
    /// When it has lasted too long.
    pub(super) ends: Option<Timestamp>,
    /// When it is looked at whether it is idle.
    pub(super) idle_check: Option<Timestamp>,
    /// How many looks there were without data.
    pub(super) quiet: u8,
    /// Whether there was data since the last look.
    pub(super) is_active: bool,
}

/// Who speaks first, and what.
#[derive(Debug)]
pub(crate) struct Hearing {
    pub(super) inspector: Inspector,
    /// What the client's bytes come to, by the inspector; nothing where it has seen none.
    pub(super) verdict: Option<Verdict>,
    /// What Envoy says of TLS; nothing before the client has said something.
    pub(super) shown: Option<Said>,
    /// Whether the client says nothing more.
    pub(super) is_last: bool,
    /// All that a decision needs of it, where that waits for a list.
    pub(super) said: Option<Said>,
    pub(super) greeting: Greeting,
    /// How many bytes of it went on already, though nothing was decided: in report mode.
    pub(super) passed: usize,
}

impl State {
    /// When it is to be asked about, while it is not held.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Open => {
                let all = [self.silent_until, self.ends, self.idle_check];
                all.into_iter().flatten().min()
            }
            Phase::First | Phase::Tarpit | Phase::Feed => self.until,
            Phase::New | Phase::Over => None,
        }
    }

    /// What it has said, where only a list is missing to decide on it.
    pub(super) fn take_said(&mut self) -> Option<Said> {
        self.hearing.as_mut()?.said.take()
    }

    /// Until when it waits for a list at most: at first until then, and no longer at the next time.
    pub(super) fn wait_for(&mut self, list: usize, until: Timestamp) -> Timestamp {
        let mut known = self.waits.iter();
        if let Some((_, end)) = known.find(|(known, _)| *known == list) {
            return *end;
        }
        self.waits.push((list, until));
        until
    }

    /// Whether anything of it is still to be counted, given back or watched.
    pub(super) fn wants_more(&self) -> bool {
        if self.held > 0 {
            return true;
        }
        match self.phase {
            Phase::New | Phase::Feed | Phase::First | Phase::Tarpit => true,
            Phase::Open => {
                !self.tickets.is_empty() || self.traffic.is_some() || self.deadline().is_some()
            }
            Phase::Over => !self.tickets.is_empty() || self.traffic.is_some(),
        }
    }
}
