//! What can go wrong with a fetch.

use gatehouse_host::{HostError, Status};
use std::fmt;

/// Why a fetch failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It was not sent.
    NotSent(HostError),
    /// The answer never came.
    Overdue,
    /// The connection was reset, or the callout timed out.
    NoAnswer,
    /// Another status than 200.
    Status(u16),
    /// So many bytes.
    TooLong(usize),
    /// The owner cannot read it.
    Unreadable(String),
    /// It goes on and on.
    TooManySteps,
    /// A host call failed.
    Host(HostError),
}

impl Trouble {
    /// A number for shared data: while it stays, nothing new is to be said. Zero is no trouble.
    pub(crate) fn number(&self) -> u32 {
        match self {
            Self::NotSent(error) => match error.status {
                Status::Code(code) => 10_000_u32.saturating_add(code),
                Status::Malformed | Status::Stale => 1,
            },
            Self::Overdue => 2,
            Self::NoAnswer => 3,
            Self::Status(status) => 100_u32.saturating_add(u32::from(*status)),
            Self::TooLong(_) => 4,
            Self::Unreadable(_) => 5,
            Self::TooManySteps => 6,
            Self::Host(_) => 7,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent(error) => match error.status {
                Status::Code(2) => f.write_str("there is no such cluster"),
                Status::Code(10) => f.write_str("the cluster has no healthy host"),
                _ => error.fmt(f),
            },
            Self::Overdue => f.write_str("the answer never came"),
            Self::NoAnswer => f.write_str("no answer: connection reset, or timeout"),
            Self::Status(status @ 300..=399) => {
                write!(f, "answered {status}, and redirects are not followed")
            }
            Self::Status(0) => f.write_str("answered without a status"),
            Self::Status(status) => write!(f, "answered {status}"),
            Self::TooLong(bytes) => write!(f, "{bytes} bytes are too many"),
            Self::Unreadable(why) => f.write_str(why),
            Self::TooManySteps => f.write_str("points to yet another document"),
            Self::Host(error) => error.fmt(f),
        }
    }
}
