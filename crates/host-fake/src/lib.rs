//! A deterministic host in memory, for unit tests of filters and for `gatehouse explain`.
//!
//! Tests look at what came of it (headers, replies, counters, shared data) and at how many host
//! calls it took, never at their order. Several [`FakeHost`]s over one [`Shared`] are the workers of
//! one proxy; [`FakeHost::before_swap`] lets another worker come between a read and its swap.

#![expect(
    clippy::expect_used,
    reason = "native only, and what it expects is what its own calls have seen to: a broken test may stop"
)]

mod callouts;
mod capabilities;
mod network;
mod shared;

pub use callouts::{SentCallout, SentGrpcCallout};
use gatehouse_host::{Cas, HeaderMap, Headers, LocalReply, ResponseChunk, Status, Timestamp};
pub use shared::Shared;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// Verifies a signature as the proxy would: hash, key, signature, message.
pub type Verifier = Box<dyn Fn(&str, &[u8], &[u8], &[u8]) -> bool>;

/// One worker of a proxy, with one stream at a time.
pub struct FakeHost {
    now: Cell<u64>,
    shared: Shared,
    request: RefCell<Headers>,
    request_trailers: RefCell<Headers>,
    response: RefCell<Headers>,
    response_trailers: RefCell<Headers>,
    properties: RefCell<BTreeMap<String, Vec<u8>>>,
    replies: RefCell<Vec<LocalReply>>,
    log: RefCell<Vec<String>>,
    counters: RefCell<Vec<(String, u64)>>,
    calls: RefCell<BTreeMap<&'static str, usize>>,
    failing: RefCell<BTreeMap<&'static str, Status>>,
    before_swap: RefCell<Option<Box<dyn FnMut()>>>,
    verifier: RefCell<Option<Verifier>>,
    random: Cell<u64>,
    body: RefCell<Vec<u8>>,
    chunk: RefCell<Vec<u8>>,
    network: network::Network,
    callouts: RefCell<Vec<SentCallout>>,
    grpc_callouts: RefCell<Vec<SentGrpcCallout>>,
    /// The number of the last callout.
    callout: Cell<u32>,
    answer: RefCell<(Headers, Vec<u8>)>,
    /// A message, or what is said of a status.
    grpc_answer: RefCell<(Vec<u8>, String)>,
    /// By the number of their expression.
    expressions: RefCell<Vec<(String, Option<bool>)>>,
}

impl Default for FakeHost {
    fn default() -> Self {
        Self::new(Shared::default())
    }
}

impl FakeHost {
    /// The time at which the clock stands at first: 2026-01-01T00:00:00Z.
    pub const START: Timestamp = Timestamp::from_nanos(1_767_225_600_000_000_000);

    /// A worker over shared data.
    pub fn new(shared: Shared) -> Self {
        Self {
            now: Cell::new(Self::START.as_nanos()),
            shared,
            request: RefCell::default(),
            request_trailers: RefCell::default(),
            response: RefCell::default(),
            response_trailers: RefCell::default(),
            properties: RefCell::default(),
            replies: RefCell::default(),
            log: RefCell::default(),
            counters: RefCell::default(),
            calls: RefCell::default(),
            failing: RefCell::default(),
            before_swap: RefCell::default(),
            verifier: RefCell::default(),
            random: Cell::new(1),
            body: RefCell::default(),
            chunk: RefCell::default(),
            network: network::Network::default(),
            callouts: RefCell::default(),
            grpc_callouts: RefCell::default(),
            callout: Cell::new(0),
            answer: RefCell::default(),
            grpc_answer: RefCell::default(),
            expressions: RefCell::default(),
        }
    }

    /// Begins a new stream: these request headers, no response, no properties, no calls counted.
    pub fn begin<'p>(&self, headers: impl IntoIterator<Item = (&'p str, &'p [u8])>) {
        *self.request.borrow_mut() = headers.into_iter().collect();
        for map in [
            &self.request_trailers,
            &self.response,
            &self.response_trailers,
        ] {
            *map.borrow_mut() = Headers::default();
        }
        self.chunk.borrow_mut().clear();
        self.body.borrow_mut().clear();
        self.properties.borrow_mut().clear();
        self.replies.borrow_mut().clear();
        self.calls.borrow_mut().clear();
    }

    /// The response whose headers arrive next.
    pub fn respond<'p>(&self, headers: impl IntoIterator<Item = (&'p str, &'p [u8])>) {
        *self.response.borrow_mut() = headers.into_iter().collect();
    }

    /// Gives an attribute a value; the path's parts are joined by dots.
    pub fn property_is(&self, path: &str, value: impl Into<Vec<u8>>) {
        self.properties
            .borrow_mut()
            .insert(path.to_owned(), value.into());
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: std::time::Duration) {
        let nanos = u64::try_from(by.as_nanos()).expect("a test's time fits 64 bits");
        self.now.set(self.now.get().saturating_add(nanos));
    }

    /// Sets the clock, also back.
    pub fn set_now(&self, now: Timestamp) {
        self.now.set(now.as_nanos());
    }

    /// Makes a host call, by its ABI name, answer a status from now on.
    pub fn fail(&self, call: &'static str, status: Status) {
        self.failing.borrow_mut().insert(call, status);
    }

    /// Makes a host call work again.
    pub fn heal(&self, call: &'static str) {
        self.failing.borrow_mut().remove(call);
    }

    /// Runs something before each swap of shared data: where another worker would come between.
    pub fn before_swap(&self, work: impl FnMut() + 'static) {
        *self.before_swap.borrow_mut() = Some(Box::new(work));
    }

    /// The body of the request, once it has arrived.
    pub fn body_is(&self, body: impl Into<Vec<u8>>) {
        *self.body.borrow_mut() = body.into();
    }

    /// A piece of the response's body, for [`gatehouse_host::HttpFilter::response_body`].
    pub fn chunk(&self, bytes: impl Into<Vec<u8>>, is_last: bool) -> ResponseChunk<'_> {
        let bytes = bytes.into();
        let length = bytes.len();
        *self.chunk.borrow_mut() = bytes;
        ResponseChunk::new(self, length, is_last)
    }

    /// The trailers of the request or of the response, as they arrive.
    pub fn trailers_are<'p>(
        &self,
        map: HeaderMap,
        fields: impl IntoIterator<Item = (&'p str, &'p [u8])>,
    ) {
        *self.map(map).borrow_mut() = fields.into_iter().collect();
    }

    /// The trailers of the request or of the response as the other side would see them, with values as
    /// text.
    pub fn trailers(&self, map: HeaderMap) -> Vec<(String, String)> {
        text(&self.map(map).borrow())
    }

    /// What an expression comes to, compiled before or later; nothing for one that cannot be
    /// evaluated, as is the case for all that no test speaks of.
    pub fn expression_is(&self, expression: &str, holds: Option<bool>) {
        let mut expressions = self.expressions.borrow_mut();
        match expressions
            .iter_mut()
            .find(|(known, _)| known == expression)
        {
            Some((_, value)) => *value = holds,
            None => expressions.push((expression.to_owned(), holds)),
        }
    }

    /// Lets the host verify signatures. Without it, the host says that it cannot.
    pub fn verifies(&self, verifier: Verifier) {
        *self.verifier.borrow_mut() = Some(verifier);
    }

    /// The request headers as the upstream would see them, with values as text.
    pub fn request_headers(&self) -> Vec<(String, String)> {
        text(&self.request.borrow())
    }

    /// The response headers as the client would see them, with values as text.
    pub fn response_headers(&self) -> Vec<(String, String)> {
        text(&self.response.borrow())
    }

    /// An attribute or filter state; the path's parts are joined by dots.
    pub fn property_value(&self, path: &str) -> Option<Vec<u8>> {
        self.properties.borrow().get(path).cloned()
    }

    /// The local replies sent for this stream.
    pub fn replies(&self) -> Vec<LocalReply> {
        self.replies.borrow().clone()
    }

    /// The lines of the log.
    pub fn log_lines(&self) -> Vec<String> {
        self.log.borrow().clone()
    }

    /// The counters that are not zero, by name.
    pub fn counters(&self) -> BTreeMap<String, u64> {
        self.counters
            .borrow()
            .iter()
            .filter(|(_, count)| *count > 0)
            .cloned()
            .collect()
    }

    /// The names of all counters that were defined.
    pub fn defined_counters(&self) -> Vec<String> {
        self.counters
            .borrow()
            .iter()
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// How many host calls there were since the stream began.
    pub fn call_count(&self) -> usize {
        self.calls.borrow().values().sum()
    }

    /// How many of each host call there were since the stream began, by ABI name.
    pub fn calls(&self) -> BTreeMap<&'static str, usize> {
        self.calls.borrow().clone()
    }

    /// The shared data.
    pub fn shared_data(&self) -> &Shared {
        &self.shared
    }

    fn map(&self, map: HeaderMap) -> &RefCell<Headers> {
        match map {
            HeaderMap::Request => &self.request,
            HeaderMap::RequestTrailers => &self.request_trailers,
            HeaderMap::Response => &self.response,
            HeaderMap::ResponseTrailers => &self.response_trailers,
        }
    }

    fn swap(&self, key: &str, value: &[u8], cas: Cas) -> bool {
        // Taken out while it runs: what it does may swap too.
        let work = self.before_swap.borrow_mut().take();
        if let Some(mut work) = work {
            work();
            self.before_swap.borrow_mut().get_or_insert(work);
        }
        self.shared.swap(key, value, cas)
    }
}

fn text(headers: &Headers) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    headers
        .iter()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}
