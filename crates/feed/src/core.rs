//! The machinery of a feed, which knows its document as bytes alone.

use crate::lifetime;
use crate::shared::{Etag, Lease, State, Stored, has_come};
use crate::trouble::Trouble;
use crate::{Address, Event, Settings};
use gatehouse_host::{Answer, Callout, CalloutId, Cas, Headers, Host, Level, StreamId, Timestamp};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

/// As many requests as a dispatcher holds at all.
const MAX_WAITING: usize = 16 * 1024;

/// How much longer than its timeout a callout may take, until it counts as lost.
const GRACE: Duration = Duration::from_secs(1);

/// The longest pause after a failure, with its jitter.
const LONGEST_PAUSE: Duration = Duration::from_secs(80);

/// A longer `etag` is not kept.
const MAX_ETAG_BYTES: usize = 256;

/// Overwrites what is there.
const OVERWRITE: Cas = Cas(0);

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

/// What an answer is good for.
enum Outcome {
    /// It is the document that is known, for so long.
    Known(Duration),
    /// A document, for so long.
    Document(Stored, Duration),
    Next(Address),
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

    pub(crate) fn fetch_if_due(&self, call: &Call<'_>) {
        let state = self.state.get();
        if self.is_due(&state, call.now) && !self.is_leased(&state, call.now) {
            self.fetch(call, false, &|state| self.is_due(state, call.now));
        }
    }

    /// Fetches although it is not time yet, unless it was done just now.
    pub(crate) fn fetch_on_demand(&self, call: &Call<'_>) {
        let (now, period) = (call.now, self.settings.on_demand);
        let allowed = |state: &State| has_come(state.want_after, now.as_nanos(), period);
        if allowed(&self.state.get()) {
            self.fetch(call, true, &|state| {
                let allowed = allowed(state);
                state.want_after = now.after(period).as_nanos();
                allowed
            });
        }
    }

    /// Takes the lease and sends the first step. `wanted` may change the state too.
    fn fetch(&self, call: &Call<'_>, on_demand: bool, wanted: &dyn Fn(&mut State) -> bool) {
        let mut random = [0; 9];
        // Without randomness there is no jitter, and the lease is told by its time alone.
        let _ = call.host.fill_random(&mut random);
        let [jitter, token @ ..] = random;
        let lease = Lease {
            token: u64::from_le_bytes(token),
            until: call.now.after(self.lease_length()).as_nanos(),
        };
        let taken = State::change(call.host, &self.state_key, &|state| {
            let wanted = !self.is_leased(state, call.now) && wanted(state);
            state.lease = lease;
            wanted
        });
        match taken {
            Ok(Some((_, state))) => self.state.set(state),
            // Somebody else took it: who waits must know until when.
            Ok(None) => return self.look(call),
            // It comes again with the next tick.
            Err(error) if !self.said.replace(true) => {
                return self.log(call.host, Level::Error, &error.to_string());
            }
            Err(_) => return,
        }
        self.said.set(false);
        let before = Flight {
            callout: CalloutId(0),
            step: 0,
            address: self.settings.first.clone(),
            conditional: false,
            until: call.now,
            lease,
            on_demand,
            random: jitter,
        };
        self.send(call, 0, self.settings.first.clone(), &before);
    }

    fn send(&self, call: &Call<'_>, step: usize, address: Address, before: &Flight) {
        if step >= self.settings.steps {
            return self.failed(call, before, &Trouble::TooManySteps);
        }
        let etag = self.etag(call.host, step, &address);
        let conditional = etag.is_some();
        let mut headers = vec![
            (":method".to_owned(), b"GET".to_vec()),
            (":path".to_owned(), address.path.clone().into_bytes()),
            (
                ":authority".to_owned(),
                address.authority.clone().into_bytes(),
            ),
            ("accept".to_owned(), b"application/json, */*;q=0.5".to_vec()),
            ("user-agent".to_owned(), b"gatehouse".to_vec()),
        ];
        headers.extend(etag.map(|etag| ("if-none-match".to_owned(), etag)));
        let sent = call.host.call_out(&Callout {
            cluster: address.cluster.clone(),
            headers,
            body: Vec::new(),
            timeout: self.settings.timeout,
        });
        match sent {
            Err(error) => self.failed(call, before, &Trouble::NotSent(error)),
            Ok(callout) => {
                let until = call.now.after(self.settings.timeout.saturating_add(GRACE));
                *self.flight.borrow_mut() = Some(Flight {
                    callout,
                    step,
                    address,
                    conditional,
                    until,
                    lease: before.lease,
                    on_demand: before.on_demand,
                    random: before.random,
                });
            }
        }
    }

    /// What the server called the document that is held, if that came from this address.
    fn etag(&self, host: &dyn Host, step: usize, address: &Address) -> Option<Vec<u8>> {
        let stored = self.stored(host, step)?;
        let etag = stored.etag?;
        (etag.of == name_of(address)).then_some(etag.value)
    }

    /// The document in shared data, where it is the one that is held and comes from this step.
    fn stored(&self, host: &dyn Host, step: usize) -> Option<Stored> {
        let held = self.held.get();
        if held == 0 {
            return None;
        }
        let stored = Stored::read(host, &self.document_key).ok()??;
        (stored.document == held && stored.step == step).then_some(stored)
    }

    fn evaluate(
        &self,
        call: &Call<'_>,
        flight: &Flight,
        answer: &Answer<'_>,
    ) -> std::result::Result<Outcome, Trouble> {
        let headers = answer.headers().map_err(Trouble::Host)?;
        if headers.is_empty() {
            return Err(Trouble::NoAnswer);
        }
        let lifetime = lifetime::of(&headers, &self.settings);
        match headers.status() {
            Some(200) => {}
            Some(304) if flight.conditional => return Ok(Outcome::Known(lifetime)),
            status => return Err(Trouble::Status(status.unwrap_or(0))),
        }
        let body = answer
            .body(self.settings.max_bytes)
            .map_err(Trouble::Host)?;
        let bytes = body.ok_or(Trouble::TooLong(answer.body_size()))?;
        let stored = self.stored(call.host, flight.step);
        if stored.is_some_and(|stored| stored.bytes == bytes) {
            return Ok(Outcome::Known(lifetime));
        }
        if let Some(next) = (call.read)(flight.step, &bytes).map_err(Trouble::Unreadable)? {
            return Ok(Outcome::Next(next));
        }
        let mut number = [0; 8];
        let _ = call.host.fill_random(&mut number);
        // Also by the time, since it may have no randomness; and never the number of the one before.
        let number = (u64::from_le_bytes(number) ^ call.now.as_nanos()).max(1);
        let document = match number == self.held.get() {
            true => number.wrapping_add(1).max(1),
            false => number,
        };
        let stored = Stored {
            document,
            step: flight.step,
            etag: etag_of(&headers, &flight.address),
            bytes,
        };
        Ok(Outcome::Document(stored, lifetime))
    }

    fn store(&self, host: &dyn Host, stored: &Stored) -> std::result::Result<(), Trouble> {
        let Some(bytes) = stored.encode() else {
            return Err(Trouble::TooManySteps);
        };
        host.swap_shared(&self.document_key, &bytes, OVERWRITE)
            .map_err(Trouble::Host)?;
        Ok(())
    }

    fn succeeded(
        &self,
        call: &Call<'_>,
        flight: &Flight,
        document: u64,
        lifetime: Duration,
        event: Event,
    ) {
        let due = call.now.after(lifetime::ahead(lifetime, flight.random));
        let ended = self.end(call, flight, &|state| {
            state.document = document;
            state.fresh_until = call.now.after(lifetime).as_nanos();
            state.due = due.as_nanos();
            state.failures = 0;
            state.trouble = 0;
        });
        (call.count)(event);
        match ended {
            Some(before) if before.failures > 0 => {
                let failures = before.failures;
                let line = format!("fetched, after {failures} failures");
                self.log(call.host, Level::Info, &line);
            }
            Some(before) if before.document == 0 => self.log(call.host, Level::Info, "fetched"),
            _ => {}
        }
    }

    fn failed(&self, call: &Call<'_>, flight: &Flight, trouble: &Trouble) {
        let number = trouble.number();
        let ended = self.end(call, flight, &|state| {
            state.failures = state.failures.saturating_add(1);
            state.trouble = number;
            let pause = lifetime::pause(state.failures, flight.random);
            state.due = call.now.after(pause).as_nanos();
        });
        (call.count)(Event::Failed);
        if ended.is_some_and(|before| before.trouble != number) {
            let rest = match ended.map(|before| before.document) {
                Some(0) | None => "there is none yet",
                Some(_) => "the last good one stays",
            };
            let line = format!("cannot be fetched: {trouble}; {rest}");
            self.log(call.host, Level::Warn, &line);
        }
    }

    /// Gives the lease back with what came of the fetch, and says what the state was before. Nothing
    /// where the lease has gone to somebody else, who then says more.
    fn end(&self, call: &Call<'_>, flight: &Flight, change: &dyn Fn(&mut State)) -> Option<State> {
        let ended = State::change(call.host, &self.state_key, &|state| {
            let ours = state.lease == flight.lease;
            // The period of fetches on demand begins with their end.
            let (now, period) = (call.now, self.settings.on_demand);
            if flight.on_demand || !has_come(state.want_after, now.as_nanos(), period) {
                state.want_after = now.after(period).as_nanos();
            }
            change(state);
            state.lease = Lease::default();
            ours
        });
        match ended {
            Ok(Some((before, after))) => {
                self.state.set(after);
                Some(before)
            }
            Ok(None) => {
                self.look(call);
                None
            }
            Err(error) => {
                self.log(call.host, Level::Error, &error.to_string());
                None
            }
        }
    }

    fn log(&self, host: &dyn Host, level: Level, message: &str) {
        host.log(level, &format!("{}: {message}", self.settings.label));
    }
}

fn name_of(address: &Address) -> String {
    format!("{}{}", address.authority, address.path)
}

fn etag_of(headers: &Headers, address: &Address) -> Option<Etag> {
    let value = headers.all("etag").next()?;
    let of = name_of(address);
    let fits =
        !value.is_empty() && value.len() <= MAX_ETAG_BYTES && u16::try_from(of.len()).is_ok();
    fits.then(|| Etag {
        of,
        value: value.to_vec(),
    })
}
