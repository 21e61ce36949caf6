//! The machinery of a feed, which knows its document as bytes alone.
//!
//! 1. What all workers know is looked at, and the document taken over where it is another one.
//! 2. Where it is time, and nobody else does, this worker fetches ([`fetch`]).
//! 3. An answer is a document, the next step, or the document that is known ([`evaluate`]).
//! 4. What came of it is told to all workers ([`end`]), and who waits is woken.

mod end;
mod evaluate;
mod fetch;

use crate::shared::{Lease, State, Stored, has_come};
use crate::trouble::Trouble;
use crate::{Address, Event, Settings};
use evaluate::Outcome;
use gatehouse_host::{Answer, CalloutId, Host, Level, StreamId, Timestamp};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

/// As many requests as a dispatcher holds at all.
const MAX_WAITING: usize = 16 * 1024;

/// How much longer than its timeout a callout may take, until it counts as lost.
const GRACE: Duration = Duration::from_secs(1);

/// The longest pause after a failure, with its jitter.
const LONGEST_PAUSE: Duration = Duration::from_secs(80);

/// What the owner makes of the bytes of a step: the document, or where to fetch next.
pub(crate) type Read<'r> =
    dyn Fn(usize, &[u8]) -> std::result::Result<Option<Address>, String> + 'r;

/// One call from outside.
pub(crate) struct Call<'c> {
    pub(crate) host: &'c dyn Host,
    pub(crate) now: Timestamp,
    pub(crate) read: &'c Read<'c>,
    pub(crate) count: &'c dyn Fn(Event),
}

/// One worker's part. Nothing of it is borrowed across a host call.
pub(crate) struct Core {
    pub(crate) settings: Settings,
    state_key: String,
    document_key: String,
    /// The state as it was last seen.
    state: Cell<State>,
    /// The document that was looked at last, by the state's number; zero for none.
    seen: Cell<u64>,
    /// The document that is held; zero for none.
    held: Cell<u64>,
    /// Whether it was said that shared data fails.
    said: Cell<bool>,
    flight: RefCell<Option<Flight>>,
    waiting: RefCell<BTreeSet<u32>>,
}

/// The step that is under way.
#[derive(Debug, Clone)]
struct Flight {
    callout: CalloutId,
    step: usize,
    address: Address,
    /// Whether the server was told which version is known.
    conditional: bool,
    until: Timestamp,
    lease: Lease,
    on_demand: bool,
    /// Jitter.
    random: u8,
}

impl Core {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            state_key: format!("{}.state", settings.key),
            document_key: format!("{}.document", settings.key),
            settings,
            state: Cell::default(),
            seen: Cell::new(0),
            held: Cell::new(0),
            said: Cell::new(false),
            flight: RefCell::default(),
            waiting: RefCell::default(),
        }
    }

    /// Whether the document that is held may still be used.
    pub(crate) fn is_usable(&self, now: Timestamp) -> bool {
        let Some(max_stale) = self.settings.max_stale else {
            return true;
        };
        let until = Timestamp::from_nanos(self.state.get().fresh_until).after(max_stale);
        now < until
    }

    /// Looks at the state, and reads the document where it is another one.
    pub(crate) fn look(&self, call: &Call<'_>) {
        let Ok((state, _)) = State::read(call.host, &self.state_key) else {
            return;
        };
        self.state.set(state);
        if state.document == 0 || state.document == self.seen.get() {
            return;
        }
        if self.held.get() == 0 && self.is_forsaken(&state, call.now) {
            return;
        }
        // Whatever comes of it, once is enough.
        self.seen.set(state.document);
        let read = match Stored::read(call.host, &self.document_key) {
            Ok(Some(stored)) => match (call.read)(stored.step, &stored.bytes) {
                Ok(_) => return self.held.set(stored.document),
                Err(why) => why,
            },
            Ok(None) => "what another worker fetched is not there".to_owned(),
            Err(error) => error.to_string(),
        };
        self.log(call.host, Level::Error, &format!("not taken over: {read}"));
    }

    /// Whether nobody has tried to fetch it for longer than any worker lets pass: it was left there by
    /// workers that are gone, and may be of long ago.
    fn is_forsaken(&self, state: &State, now: Timestamp) -> bool {
        let tried = Timestamp::from_nanos(state.due).after(LONGEST_PAUSE);
        tried.after(self.lease_length()) < now
    }

    /// Whether somebody fetches, as far as is known.
    pub(crate) fn is_fetching(&self, now: Timestamp) -> bool {
        self.flight.borrow().is_some() || self.is_leased(&self.state.get(), now)
    }

    fn is_leased(&self, state: &State, now: Timestamp) -> bool {
        !has_come(state.lease.until, now.as_nanos(), self.lease_length())
    }

    fn is_due(&self, state: &State, now: Timestamp) -> bool {
        let furthest = self.settings.refresh.max(LONGEST_PAUSE);
        has_come(state.due, now.as_nanos(), furthest)
    }

    fn lease_length(&self) -> Duration {
        let steps = u32::try_from(self.settings.steps).unwrap_or(u32::MAX);
        let step = self.settings.timeout.saturating_add(GRACE);
        step.saturating_mul(steps).saturating_add(GRACE)
    }

    /// Lets a stream wait for the fetch that is under way. Nothing where too many wait.
    pub(crate) fn wait(&self, stream: StreamId) -> Option<Timestamp> {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.len() >= MAX_WAITING && !waiting.contains(&stream.0) {
            return None;
        }
        waiting.insert(stream.0);
        let until = self.state.get().lease.until;
        Some(Timestamp::from_nanos(until).after(GRACE))
    }

    pub(crate) fn tick(&self, call: &Call<'_>, wake: &mut Vec<StreamId>) {
        self.look(call);
        let overdue = {
            let mut flight = self.flight.borrow_mut();
            flight.take_if(|flight| call.now > flight.until)
        };
        if let Some(flight) = overdue {
            self.failed(call, &flight, &Trouble::Overdue);
        }
        self.fetch_if_due(call);
        self.wake(call.now, wake);
    }

    /// Takes what came of a callout, if it is the one that is under way.
    pub(crate) fn answered(
        &self,
        call: &Call<'_>,
        callout: CalloutId,
        answer: &Answer<'_>,
        wake: &mut Vec<StreamId>,
    ) {
        let Some(flight) = self.landed(callout) else {
            return;
        };
        if self.is_lost(call.host, &flight) {
            // Whoever fetches now has a newer one.
            self.failed(call, &flight, &Trouble::Overdue);
            return self.wake(call.now, wake);
        }
        match self.evaluate(call, &flight, answer) {
            Ok(Outcome::Next(address)) => self.send(call, flight.step + 1, address, &flight),
            Ok(Outcome::Known(lifetime)) => {
                let document = self.held.get();
                self.succeeded(call, &flight, document, lifetime, Event::NotModified);
            }
            Ok(Outcome::Document(stored, lifetime)) => {
                let document = stored.document;
                match self.store(call.host, &stored) {
                    Ok(()) => {
                        self.seen.set(document);
                        self.held.set(document);
                        self.succeeded(call, &flight, document, lifetime, Event::Fetched);
                    }
                    Err(trouble) => self.failed(call, &flight, &trouble),
                }
            }
            Err(trouble) => self.failed(call, &flight, &trouble),
        }
        self.wake(call.now, wake);
    }

    /// The flight that this callout was.
    pub(crate) fn is_ours(&self, callout: CalloutId) -> bool {
        let flight = self.flight.borrow();
        flight
            .as_ref()
            .is_some_and(|flight| flight.callout == callout)
    }

    fn landed(&self, callout: CalloutId) -> Option<Flight> {
        let mut flight = self.flight.borrow_mut();
        flight.take_if(|flight| flight.callout == callout)
    }

    /// Whether another worker has the lease by now.
    fn is_lost(&self, host: &dyn Host, flight: &Flight) -> bool {
        let read = State::read(host, &self.state_key);
        read.is_ok_and(|(state, _)| state.lease != flight.lease)
    }

    /// All that wait, once nobody fetches any more.
    fn wake(&self, now: Timestamp, wake: &mut Vec<StreamId>) {
        if self.is_fetching(now) {
            return;
        }
        let waiting = self.waiting.take();
        wake.extend(waiting.into_iter().map(StreamId));
    }

    fn log(&self, host: &dyn Host, level: Level, message: &str) {
        host.log(level, &format!("{}: {message}", self.settings.label));
    }
}
