//! What is kept of a connection.

use crate::limiter::Tickets;
use crate::traffic::Traffic;
use gatehouse_first_bytes::{Greeting, Inspector};
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

    /// Whether anything of it is still to be counted, given back or watched.
    pub(super) fn wants_more(&self) -> bool {
        match self.phase {
            Phase::New | Phase::Feed | Phase::First | Phase::Tarpit => true,
            Phase::Open => {
                !self.tickets.is_empty() || self.traffic.is_some() || self.deadline().is_some()
            }
            Phase::Over => !self.tickets.is_empty() || self.traffic.is_some(),
        }
    }
}
