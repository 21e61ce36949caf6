//! What came of a call.

use gatehouse_host::{Answer, HostError};
use gatehouse_limit_config::{Metered, rate_policy};
use gatehouse_limit_table::{Algorithm, Standing};
use gatehouse_rate_limit_service::{self as service, Malformed};
use gatehouse_window_counter::{Kind, Window};
use std::fmt;
use std::time::Duration;

/// A longer answer is not copied. Envoy's own limits on what a service may add to requests are of this
/// size, and we ask for none of it.
const LONGEST: usize = 64 * 1024;

const SECOND_NS: u64 = 1_000_000_000;

/// What a call told a request of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// It is charged; or, where another one of the same call refuses, not.
    Admitted(Option<Stated>),
    /// There is no room; with the nanoseconds until there is, as far as is known.
    Over(Option<Stated>, Option<u64>),
    /// It was charged to a lease.
    Leased(Standing),
    /// Nothing.
    Failed,
}

/// What a service says of one of its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stated {
    count: u64,
    window_s: Option<u64>,
    pub(crate) standing: Standing,
}

/// What a response says of one of a service's limits.
pub(crate) struct Shown {
    /// As the service has it.
    pub(crate) window: Option<Metered>,
    pub(crate) standing: Standing,
}

/// Why a call told us nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It could not be sent: no healthy host, or no such cluster.
    NotSent(HostError),
    /// Too many are under way.
    Full,
    /// It was not answered in time.
    TimedOut,
    /// The service, or Envoy for it, answered with a gRPC status.
    Status(u32, String),
    /// The answer says nothing that could be gone by.
    Malformed(Malformed),
    /// It is too long to be one.
    TooLong(usize),
    /// It could not be read.
    Host(HostError),
}

/// DEADLINE_EXCEEDED
const GRPC_TIMED_OUT: u32 = 4;

/// UNAVAILABLE
pub(crate) const GRPC_UNAVAILABLE: u32 = 14;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent(error) => write!(f, "not sent: {error}"),
            Self::Full => f.write_str("not sent: too many are under way"),
            Self::TimedOut => f.write_str("not answered in time"),
            // Whatever a service says there: on one line, and not too much of it.
            Self::Status(status, text) => {
                let text: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
                write!(f, "gRPC status {status} {text:?}")
            }
            Self::Malformed(malformed) => write!(f, "{malformed}"),
            Self::TooLong(bytes) => write!(f, "the answer has {bytes} bytes"),
            Self::Host(error) => write!(f, "not read: {error}"),
        }
    }
}

/// Reads the answer to a call about so many descriptors.
pub(crate) fn read(answer: &Answer<'_>, asked: usize) -> Result<service::Answer, Failure> {
    match answer.grpc_status() {
        Some(0) => {}
        Some(GRPC_TIMED_OUT) => return Err(Failure::TimedOut),
        status => {
            let text = answer.grpc_status_text().unwrap_or_default();
            return Err(Failure::Status(status.unwrap_or_default(), text));
        }
    }
    match answer.body(LONGEST).map_err(Failure::Host)? {
        Some(bytes) => service::read(&bytes, asked).map_err(Failure::Malformed),
        None => Err(Failure::TooLong(answer.body_size())),
    }
}

impl Stated {
    /// What a standing says; nothing where the service has no limit for it.
    pub(crate) fn of(standing: &service::Standing) -> Option<Self> {
        let limit = standing.limit?;
        Some(Self {
            count: limit.count.into(),
            window_s: limit.window_s,
            standing: Standing {
                remaining: limit.remaining.into(),
                more_in_ns: standing.reset_ns,
            },
        })
    }

    /// For a response.
    pub(crate) fn shown(self, limit: &str) -> Shown {
        Shown {
            window: self.window(limit),
            standing: self.standing,
        }
    }

    /// Nothing where the service's window has no length that is known, or admits more than any of ours.
    fn window(self, limit: &str) -> Option<Metered> {
        let seconds = self.window_s?;
        let period_ns = seconds.checked_mul(SECOND_NS)?;
        let window = Window::new(Kind::Fixed, self.count, Duration::from_secs(seconds));
        Some(Metered {
            algorithm: Algorithm::Window(window.ok()?),
            salt: 0,
            policy: rate_policy(limit, self.count, period_ns).into(),
        })
    }
}

/// What an answer tells of the descriptor at this place.
pub(crate) fn of(answer: &service::Answer, place: usize) -> Told {
    match answer.standings.get(place) {
        Some(standing) if standing.is_over => Told::Over(Stated::of(standing), standing.reset_ns),
        Some(standing) => Told::Admitted(Stated::of(standing)),
        // Which one is over, the service does not say: the first one tells the client.
        None if !answer.is_admitted && place == 0 => Told::Over(None, None),
        None => Told::Admitted(None),
    }
}
