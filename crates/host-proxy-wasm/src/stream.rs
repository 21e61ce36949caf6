//! The streams of a VM, and what is known of each.

use gatehouse_host::{Exchange, Host, HttpFilter, StreamId, Timestamp};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use crate::begun::Begun;
use crate::dispatcher::Action;

/// As many requests may wait at once, in one VM. Each takes some hundred bytes here, and Envoy holds
/// its headers.
pub(crate) const MAX_WAITING: usize = 16 * 1024;

/// As many of them for their bodies. How long those take is up to clients, and must not keep filters from asking
/// their services.
pub(crate) const MAX_BODIES: usize = MAX_WAITING / 2;

/// A request that is held.
pub(crate) struct Waiting<F: HttpFilter> {
    pub(crate) filter: Rc<F>,
    pub(crate) exchange: Exchange,
    pub(crate) pending: F::Pending,
    pub(crate) until: Timestamp,
    /// It is held for its body, of at most so many bytes.
    pub(crate) most: Option<usize>,
    pub(crate) progress: Progress,
}

/// How far a request has come.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Progress {
    /// How often it has been asked about anew.
    pub(crate) waits: u32,
    /// How many bytes of its body have arrived while it was held.
    pub(crate) size: usize,
    /// Its trailers have arrived while it was held.
    pub(crate) trailers: bool,
}

/// What is known of a stream after its request.
pub(crate) struct Kept<F: HttpFilter> {
    pub(crate) filter: Rc<F>,
    pub(crate) exchange: Exchange,
    pub(crate) pending: F::Pending,
    /// Its filter has seen the response. It does so once, also where Envoy replaces a response that
    /// it has begun to send through the filters by one of its own.
    pub(crate) responded: bool,
    /// Nothing of its request may go on.
    pub(crate) stuck: bool,
}

impl<F: HttpFilter> Kept<F> {
    /// Whether its filter wants to know what follows.
    fn is_wanted(&self) -> bool {
        self.wants_response()
            || self.wants_response_body()
            || self.wants_trailers()
            || wants_end(&*self.filter, &self.pending)
    }

    pub(crate) fn wants_response(&self) -> bool {
        F::WANTS_RESPONSE && !self.responded && self.filter.wants_response(&self.pending)
    }

    pub(crate) fn wants_response_body(&self) -> bool {
        F::WANTS_RESPONSE_BODY && self.responded && self.filter.wants_response_body(&self.pending)
    }

    pub(crate) fn wants_trailers(&self) -> bool {
        F::WANTS_TRAILERS && self.filter.wants_trailers(&self.pending)
    }

    pub(crate) fn wants_request_trailers(&self) -> bool {
        !self.stuck && self.wants_trailers()
    }
}

fn wants_end<F: HttpFilter>(filter: &F, pending: &F::Pending) -> bool {
    F::WANTS_END && filter.wants_end(pending)
}

/// What a stream left that is over.
pub(crate) struct Ended<F: HttpFilter> {
    filter: Rc<F>,
    pending: F::Pending,
}

impl<F: HttpFilter> Ended<F> {
    /// Tells its filter, where that wants to know.
    pub(crate) fn tell(self, host: &dyn Host) {
        if wants_end(&*self.filter, &self.pending) {
            self.filter.ended(host, self.pending);
        }
    }
}

/// Of one that is answered while it waits: it goes no further.
impl<F: HttpFilter> From<Waiting<F>> for Kept<F> {
    fn from(mut waiting: Waiting<F>) -> Self {
        waiting.exchange.end_request_phase();
        Self {
            filter: waiting.filter,
            exchange: waiting.exchange,
            pending: waiting.pending,
            responded: false,
            stuck: true,
        }
    }
}

impl<F: HttpFilter> From<Waiting<F>> for Ended<F> {
    fn from(waiting: Waiting<F>) -> Self {
        Self {
            filter: waiting.filter,
            pending: waiting.pending,
        }
    }
}

enum Stream<F: HttpFilter> {
    Waiting(Box<Waiting<F>>),
    /// It waits no longer, and its filter wants to know what follows.
    Kept(Box<Kept<F>>),
    /// It goes no further, and its filter wants nothing.
    Stuck,
}

/// What [`Streams::end`] found.
pub(crate) enum Found<F: HttpFilter> {
    /// No stream that is known.
    Nothing,
    /// A stream of which its filter knows nothing.
    Stream,
    /// One of which it may.
    Ended(Ended<F>),
}

/// The streams of a VM of which something must be known, by their context. Of most, nothing.
pub(crate) struct Streams<F: HttpFilter> {
    begun: Begun,
    streams: HashMap<u32, Stream<F>, BuildHasherDefault<ContextHasher>>,
    waiting: usize,
    /// How many of them for their bodies.
    bodies: usize,
}

impl<F: HttpFilter> Streams<F> {
    pub(crate) const fn new() -> Self {
        Self {
            begun: Begun::new(),
            streams: HashMap::with_hasher(BuildHasherDefault::new()),
            waiting: 0,
            bodies: 0,
        }
    }

    pub(crate) fn begin(&mut self, stream: u32, root: u32) {
        self.begun.begin(stream, root);
    }

    /// The plugin of a stream of which nothing has come before.
    pub(crate) fn take_begun(&mut self, stream: u32) -> Option<u32> {
        self.begun.take(stream)
    }

    /// Forgets a stream.
    pub(crate) fn end(&mut self, stream: u32) -> Found<F> {
        match self.streams.remove(&stream) {
            None => match self.take_begun(stream) {
                None => Found::Nothing,
                Some(_) => Found::Stream,
            },
            Some(Stream::Waiting(waiting)) => {
                self.let_go(&waiting);
                Found::Ended((*waiting).into())
            }
            Some(Stream::Kept(kept)) => Found::Ended(Ended {
                filter: kept.filter,
                pending: kept.pending,
            }),
            Some(Stream::Stuck) => Found::Stream,
        }
    }

    /// What to do with what follows of a request that does not wait: nothing follows of one that was
    /// answered.
    pub(crate) fn action(&self, stream: u32) -> Action {
        match self.streams.get(&stream) {
            Some(Stream::Kept(kept)) if !kept.stuck => Action::Continue,
            Some(_) => Action::Pause,
            None => Action::Continue,
        }
    }

    /// Keeps what a filter wants to know later; nothing where it wants to know no more.
    pub(crate) fn keep(&mut self, kept: Kept<F>) {
        if kept.is_wanted() {
            let stream = kept.exchange.stream().0;
            self.streams.insert(stream, Stream::Kept(Box::new(kept)));
        }
    }

    /// Keeps what was taken out, where it is still wanted.
    pub(crate) fn put_back(&mut self, kept: Box<Kept<F>>) {
        let stream = kept.exchange.stream().0;
        if kept.is_wanted() {
            self.streams.insert(stream, Stream::Kept(kept));
        } else if kept.stuck {
            self.streams.insert(stream, Stream::Stuck);
        }
    }

    /// Notes that a request goes no further, though it could not be answered.
    #[cold]
    pub(crate) fn stuck(&mut self, stream: StreamId) {
        match self.streams.get_mut(&stream.0) {
            Some(Stream::Kept(kept)) => kept.stuck = true,
            _ => {
                self.streams.insert(stream.0, Stream::Stuck);
            }
        }
    }

    /// Whether one more request can be held, for its body or for something else.
    pub(crate) fn has_room(&self, for_body: bool) -> bool {
        self.waiting < MAX_WAITING && (!for_body || self.bodies < MAX_BODIES)
    }

    /// Holds a request.
    pub(crate) fn hold(&mut self, waiting: Waiting<F>) {
        let stream = waiting.exchange.stream().0;
        self.waiting += 1;
        self.bodies += usize::from(waiting.most.is_some());
        self.streams
            .insert(stream, Stream::Waiting(Box::new(waiting)));
    }

    /// Gives the room of a request back that is held no more.
    fn let_go(&mut self, waiting: &Waiting<F>) {
        self.waiting = self.waiting.saturating_sub(1);
        self.bodies = self
            .bodies
            .saturating_sub(usize::from(waiting.most.is_some()));
    }

    pub(crate) fn waiting(&mut self, stream: u32) -> Option<&mut Waiting<F>> {
        match self.streams.get_mut(&stream) {
            Some(Stream::Waiting(waiting)) => Some(waiting),
            _ => None,
        }
    }

    /// Takes out a request that waits.
    pub(crate) fn wake(&mut self, stream: u32) -> Option<Waiting<F>> {
        self.waiting(stream)?;
        match self.streams.remove(&stream) {
            Some(Stream::Waiting(waiting)) => {
                self.let_go(&waiting);
                Some(*waiting)
            }
            _ => None,
        }
    }

    /// The requests that wait, where they are so many that there may soon be no room.
    pub(crate) fn crowd(&self) -> Vec<StreamId> {
        if self.waiting < MAX_WAITING / 2 {
            return Vec::new();
        }
        let waiting = self.streams.iter();
        waiting
            .filter(|(_, stream)| matches!(stream, Stream::Waiting(_)))
            .map(|(stream, _)| StreamId(*stream))
            .collect()
    }

    pub(crate) fn any_waiting(&self) -> bool {
        self.waiting > 0
    }

    /// The requests whose wait is over, told so.
    pub(crate) fn end_waits(&mut self, now: Timestamp) -> Vec<StreamId> {
        let mut over = Vec::new();
        for (stream, known) in &mut self.streams {
            if let Stream::Waiting(waiting) = known
                && waiting.until <= now
            {
                waiting.exchange.end_wait();
                over.push(StreamId(*stream));
            }
        }
        over
    }

    /// Whether nothing is known of any stream.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.begun.is_empty() && self.streams.is_empty() && self.waiting == 0 && self.bodies == 0
    }

    /// How many streams something is known of.
    #[cfg(test)]
    pub(crate) fn known(&self) -> usize {
        self.streams.len()
    }

    /// Takes what was kept of a stream, where its filter wants to know what comes now.
    pub(crate) fn take_wanted(
        &mut self,
        stream: u32,
        wants: impl FnOnce(&Kept<F>) -> bool,
    ) -> Option<Box<Kept<F>>> {
        match self.streams.get(&stream) {
            Some(Stream::Kept(kept)) if wants(kept) => self.take_kept(stream),
            _ => None,
        }
    }

    fn take_kept(&mut self, stream: u32) -> Option<Box<Kept<F>>> {
        match self.streams.remove(&stream) {
            Some(Stream::Kept(kept)) => Some(kept),
            _ => None,
        }
    }

    /// Takes what is known of a stream that is answered; one that waits does so no longer.
    pub(crate) fn answer(&mut self, stream: u32) -> Option<Box<Kept<F>>> {
        match self.streams.remove(&stream)? {
            Stream::Kept(kept) => Some(kept),
            Stream::Waiting(waiting) => {
                self.let_go(&waiting);
                Some(Box::new((*waiting).into()))
            }
            Stream::Stuck => {
                self.stuck(StreamId(stream));
                None
            }
        }
    }
}

/// Contexts are numbers that Envoy counts up: no client chooses them.
#[derive(Default)]
pub(crate) struct ContextHasher(u64);

impl Hasher for ContextHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    /// Fibonacci hashing: the map takes its control byte from the upper bits.
    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
