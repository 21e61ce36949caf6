//! Callouts under way: one for all requests that need the same answer.
//!
//! 1. A request that needs an answer joins the flight of its key, or begins one. There are at most so
//!    many at once: what needs one more is told so, and sends nothing.
//! 2. A flight ends when its callout is answered, or, where an Envoy fails to say what came of it, a
//!    second after its timeout.
//! 3. All requests of a flight are woken, and find what it [`landed`](Flights::landed), also where that
//!    is not to be remembered. They are asked at once; what they leave is dropped at the next event.
//! 4. Should the clock go back, a flight begins anew, so that it does not last as long as the clock
//!    went back.
//! 5. A service that fails is logged once, and once more when it works again; that at most once a minute:
//!    a client may have requests that bring the service down and others that do not.
//!
//! A request that is gone stays in its flight until that ends; waking it does nothing.

use crate::stats::ProviderStats;
use gatehouse_host::{
    Callout, CalloutId, Host, HostError, Log, Request, Result, StreamId, Timestamp,
};
use gatehouse_outage::Outage;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// Which answer is needed: a digest, since what it stands for may be a secret.
pub(crate) type Key = [u8; 32];

/// How often flights that are overdue are looked for.
pub(crate) const TICK: Duration = Duration::from_millis(500);

/// Each provider of callouts counts these first: sent, come to nothing, not sent as there were too many.
const SENT: usize = 0;
const FAILED: usize = 1;
const REFUSED: usize = 2;
pub(crate) const COUNTERS: usize = 3;

/// How much longer than its timeout a callout may take.
const GRACE: Duration = Duration::from_secs(1);

/// How much longer than its flight a request waits: woken by the flight, it can still be decided on.
const PATIENCE: Duration = Duration::from_secs(2);

/// The callouts of one provider, in one worker.
pub(crate) struct Flights<T> {
    timeout: Duration,
    most: usize,
    outage: Outage,
    /// Never borrowed across a host call. Few: searched one by one.
    under_way: RefCell<Vec<Flight>>,
    landed: RefCell<Vec<Landed<T>>>,
}

/// A callout, and who waits for it.
pub(crate) struct Flight {
    pub(crate) key: Key,
    callout: CalloutId,
    began: Timestamp,
    /// In their order: a stream's number is higher than those before it.
    streams: Vec<StreamId>,
}

struct Landed<T> {
    key: Key,
    outcome: T,
    /// They are asked from the first to the last, so each is taken from the front.
    streams: VecDeque<StreamId>,
}

/// What became of a request that needs an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joined {
    /// It waits, no longer than until then. Whether it is the first.
    Waits { until: Timestamp, first: bool },
    /// There are too many flights.
    Full,
    /// The callout could not be sent.
    NotSent(HostError),
}

/// Why a callout told us nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It could not be sent: 10 where the cluster has no healthy host, 2 where there is none.
    NotSent(HostError),
    /// It was reset, or timed out.
    Reset,
    /// It was never answered.
    Overdue,
    /// The answer, or the clock, could not be read.
    Host(HostError),
    /// The status says nothing.
    Status(u16),
    /// What is wrong with the answer.
    Answer(&'static str),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent(error) => write!(f, "not sent: {error}"),
            Self::Reset => f.write_str("reset, or timed out"),
            Self::Overdue => f.write_str("never answered"),
            Self::Host(error) => write!(f, "not read: {error}"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::Answer(what) => f.write_str(what),
        }
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

impl<T: Clone> Flights<T> {
    /// None under way.
    pub(crate) fn new(provider: &str, timeout: Duration, most: usize) -> Self {
        Self {
            timeout,
            most,
            outage: Outage::new(format!("auth: provider {provider}: callouts")),
            under_way: RefCell::default(),
            landed: RefCell::new(Vec::new()),
        }
    }

    /// What the flight that this request waited for came to. Once: what is left is for the others.
    pub(crate) fn landed(&self, key: &Key, stream: StreamId) -> Option<T> {
        let mut landed = self.landed.borrow_mut();
        for ours in landed.iter_mut().filter(|landed| landed.key == *key) {
            let place = ours
                .streams
                .binary_search_by_key(&stream.0, |known| known.0);
            if let Ok(place) = place {
                ours.streams.remove(place);
                return Some(ours.outcome.clone());
            }
        }
        None
    }

    /// Lets a request wait for the answer to this callout, and says how long at most; nothing where no
    /// answer will come. Counts that.
    pub(crate) fn ask(
        &self,
        key: Key,
        request: &mut Request<'_>,
        stats: &ProviderStats,
        callout: impl FnOnce() -> Callout,
    ) -> Result<Option<Timestamp>> {
        let joined = self.join(key, request, callout)?;
        let host = request.host();
        Ok(match joined {
            Joined::Waits { until, first } => {
                if first {
                    stats.count(host, SENT);
                }
                Some(until)
            }
            Joined::Full => {
                stats.count(host, REFUSED);
                None
            }
            Joined::NotSent(error) => {
                stats.count(host, FAILED);
                self.outage.failed(&Failure::NotSent(error), host);
                None
            }
        })
    }

    /// Ends a flight that came to nothing, which is `outcome` to its requests.
    pub(crate) fn fall(
        &self,
        flight: Flight,
        why: Failure,
        outcome: T,
        (host, stats): (&dyn Host, &ProviderStats),
        wake: &mut Vec<StreamId>,
    ) {
        stats.count(host, FAILED);
        self.outage.failed(&why, host);
        self.land(flight, outcome, wake);
    }

    /// Lets a request wait for the answer to this callout, which is sent unless it is under way.
    fn join(
        &self,
        key: Key,
        request: &mut Request<'_>,
        callout: impl FnOnce() -> Callout,
    ) -> Result<Joined> {
        let stream = request.stream();
        if let Some(flight) = self
            .under_way
            .borrow_mut()
            .iter_mut()
            .find(|flight| flight.key == key)
        {
            flight.board(stream);
            return Ok(Joined::Waits {
                until: self.deadline(flight.began).after(PATIENCE),
                first: false,
            });
        }
        if self.under_way.borrow().len() >= self.most {
            return Ok(Joined::Full);
        }
        let began = request.now()?;
        let callout = match request.host().call_out(&callout()) {
            Ok(callout) => callout,
            Err(error) => return Ok(Joined::NotSent(error)),
        };
        self.under_way.borrow_mut().push(Flight {
            key,
            callout,
            began,
            streams: vec![stream],
        });
        Ok(Joined::Waits {
            until: self.deadline(began).after(PATIENCE),
            first: true,
        })
    }

    /// Ends the flight of a callout; nothing for somebody else's.
    pub(crate) fn answered(&self, callout: CalloutId) -> Option<Flight> {
        self.landed.borrow_mut().clear();
        let mut under_way = self.under_way.borrow_mut();
        let place = under_way
            .iter()
            .position(|flight| flight.callout == callout)?;
        Some(under_way.swap_remove(place))
    }

    /// Ends the flights that should have been answered.
    pub(crate) fn overdue(&self, host: &dyn Host) -> Vec<Flight> {
        self.landed.borrow_mut().clear();
        if self.under_way.borrow().is_empty() {
            return Vec::new();
        }
        let Ok(now) = host.now() else {
            return Vec::new();
        };
        let mut under_way = self.under_way.borrow_mut();
        for flight in under_way.iter_mut() {
            flight.began = flight.began.min(now);
        }
        let (over, rest) = std::mem::take(&mut *under_way)
            .into_iter()
            .partition(|flight| self.deadline(flight.began) <= now);
        *under_way = rest;
        over
    }

    /// Hands what a flight came to to all that wait for it.
    pub(crate) fn land(&self, flight: Flight, outcome: T, wake: &mut Vec<StreamId>) {
        wake.extend_from_slice(&flight.streams);
        self.landed.borrow_mut().push(Landed {
            key: flight.key,
            outcome,
            streams: flight.streams.into(),
        });
    }

    /// Notes that the service told us something.
    pub(crate) fn works(&self, host: &dyn Log) {
        self.outage.over(host);
    }

    fn deadline(&self, began: Timestamp) -> Timestamp {
        began.after(self.timeout).after(GRACE)
    }
}

impl Flight {
    /// The first of its requests, and the others.
    pub(crate) fn split(self) -> (Self, Self) {
        let mut streams = self.streams.into_iter();
        let first = Self {
            streams: streams.next().into_iter().collect(),
            ..self
        };
        let others = Self {
            streams: streams.collect(),
            ..first
        };
        (first, others)
    }

    fn board(&mut self, stream: StreamId) {
        let place = self
            .streams
            .binary_search_by_key(&stream.0, |known| known.0);
        if let Err(place) = place {
            self.streams.insert(place, stream);
        }
    }
}
