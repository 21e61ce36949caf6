//! The streams of a VM, and what is known of each.

use gatehouse_host::{Exchange, HttpFilter, StreamId, Timestamp};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use crate::dispatcher::Action;

/// As many requests may wait at once, in one VM. Each takes some hundred bytes here, and Envoy holds
/// its headers.
pub(crate) const MAX_WAITING: usize = 16 * 1024;

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
}

/// What a filter wants to know of a request in the response phase.
pub(crate) struct Kept<F: HttpFilter> {
    pub(crate) filter: Rc<F>,
    pub(crate) exchange: Exchange,
    pub(crate) pending: F::Pending,
}

struct Stream<F: HttpFilter> {
    root: u32,
    phase: Phase<F>,
}

enum Phase<F: HttpFilter> {
    /// Its headers have not arrived, or a filter is being asked about it.
    Asked,
    Waiting(Box<Waiting<F>>),
    /// Its filter has decided. What follows goes on, or does not.
    Decided(Action, Option<Box<Kept<F>>>),
}

/// All streams of a VM, by their context.
pub(crate) struct Streams<F: HttpFilter> {
    streams: HashMap<u32, Stream<F>, BuildHasherDefault<ContextHasher>>,
    waiting: usize,
}

impl<F: HttpFilter> Streams<F> {
    pub(crate) const fn new() -> Self {
        Self {
            streams: HashMap::with_hasher(BuildHasherDefault::new()),
            waiting: 0,
        }
    }

    pub(crate) fn begin(&mut self, stream: u32, root: u32) {
        let phase = Phase::Asked;
        self.streams.insert(stream, Stream { root, phase });
    }

    /// Forgets a stream; says whether there was one.
    pub(crate) fn end(&mut self, stream: u32) -> bool {
        match self.streams.remove(&stream) {
            None => false,
            Some(ended) => {
                if matches!(ended.phase, Phase::Waiting(_)) {
                    self.waiting = self.waiting.saturating_sub(1);
                }
                true
            }
        }
    }

    /// The plugin that a stream belongs to.
    pub(crate) fn root(&self, stream: u32) -> Option<u32> {
        self.streams.get(&stream).map(|stream| stream.root)
    }

    /// What to do with what follows of a request that does not wait.
    pub(crate) fn action(&self, stream: u32) -> Action {
        match self.streams.get(&stream).map(|stream| &stream.phase) {
            Some(Phase::Decided(action, _)) => *action,
            _ => Action::Pause,
        }
    }

    /// Notes a decision. Nothing is kept for a filter that keeps nothing of a request.
    pub(crate) fn decided(&mut self, action: Action, kept: Kept<F>) {
        if let Some(stream) = self.streams.get_mut(&kept.exchange.stream().0) {
            stream.phase = Phase::Decided(action, F::WANTS_RESPONSE.then(|| Box::new(kept)));
        }
    }

    /// Notes that a request goes no further.
    pub(crate) fn refused(&mut self, stream: u32) {
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.phase = Phase::Decided(Action::Pause, None);
        }
    }

    /// Whether one more request can be held.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting < MAX_WAITING
    }

    /// Holds a request.
    pub(crate) fn hold(&mut self, waiting: Waiting<F>) {
        if let Some(stream) = self.streams.get_mut(&waiting.exchange.stream().0) {
            stream.phase = Phase::Waiting(Box::new(waiting));
            self.waiting += 1;
        }
    }

    pub(crate) fn waiting(&mut self, stream: u32) -> Option<&mut Waiting<F>> {
        match self
            .streams
            .get_mut(&stream)
            .map(|stream| &mut stream.phase)
        {
            Some(Phase::Waiting(waiting)) => Some(waiting),
            _ => None,
        }
    }

    /// Takes out a request that waits.
    pub(crate) fn wake(&mut self, stream: u32) -> Option<Waiting<F>> {
        let stream = self.streams.get_mut(&stream)?;
        if !matches!(stream.phase, Phase::Waiting(_)) {
            return None;
        }
        match std::mem::replace(&mut stream.phase, Phase::Asked) {
            Phase::Waiting(waiting) => {
                self.waiting = self.waiting.saturating_sub(1);
                Some(*waiting)
            }
            _ => None,
        }
    }

    pub(crate) fn any_waiting(&self) -> bool {
        self.waiting > 0
    }

    /// The requests whose wait is over, told so.
    pub(crate) fn end_waits(&mut self, now: Timestamp) -> Vec<StreamId> {
        let mut over = Vec::new();
        for (stream, known) in &mut self.streams {
            if let Phase::Waiting(waiting) = &mut known.phase
                && waiting.until <= now
            {
                waiting.exchange.end_wait();
                over.push(StreamId(*stream));
            }
        }
        over
    }

    /// Takes what was kept of a request.
    pub(crate) fn take_kept(&mut self, stream: u32) -> Option<Kept<F>> {
        match &mut self.streams.get_mut(&stream)?.phase {
            Phase::Decided(_, kept) => kept.take().map(|kept| *kept),
            _ => None,
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
