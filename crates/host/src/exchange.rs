//! What is known of one request and its response, shared by the filters of a module.

use crate::capability::{Host, Timestamp};
use crate::foresight::Foresight;
use crate::{Body, Consumer, Headers, Request, StreamId};
use std::net::IpAddr;
use std::rc::Rc;

/// Whether a request may be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Waits {
    /// It may.
    #[default]
    Possible,
    /// Not by who is asked, a filter or a part of one: it had its time.
    TimeIsUp,
    /// By no filter.
    Over,
}

/// Whether a request's path and host are those that Envoy has chosen its route by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Target {
    /// They are.
    #[default]
    Same,
    /// The filter that is asked has changed them.
    ChangedHere,
    /// One before it has.
    Changed,
}

/// What has been read from the host so far. Nothing is read twice.
#[derive(Debug, Default)]
pub struct Exchange {
    pub(crate) stream: StreamId,
    pub(crate) body: Body,
    /// The headers were all of the request.
    pub(crate) without_body: bool,
    pub(crate) waits: Waits,
    pub(crate) target: Target,
    pub(crate) request: Option<Headers>,
    pub(crate) now: Option<Timestamp>,
    pub(crate) peer: Option<Option<IpAddr>>,
    pub(crate) consumer: Option<Option<Rc<Consumer>>>,
    /// By their path, whose parts are joined by NUL.
    pub(crate) attributes: Vec<(String, Option<Rc<[u8]>>)>,
    /// Since the request has begun to wait.
    pub(crate) foresight: Option<Foresight>,
}

impl Exchange {
    /// The exchange of a stream whose request headers have arrived. `without_body` where they are all
    /// of the request.
    pub fn new(stream: StreamId, without_body: bool) -> Self {
        Self {
            stream,
            without_body,
            body: match without_body {
                true => Body::Complete(0),
                false => Body::Coming,
            },
            ..Self::default()
        }
    }

    /// The stream.
    pub fn stream(&self) -> StreamId {
        self.stream
    }

    /// Says what has become of the body.
    pub fn body_is(&mut self, body: Body) {
        self.body = body;
    }

    /// Lets filters have evaluated what they may want to know when a request that is to wait is woken
    /// ([`crate::HttpFilter::foresee`]). Nothing where it has waited before: then it is too late.
    pub fn foresee(&mut self, host: &dyn Host, foresee: impl FnOnce(&mut Request<'_>)) {
        if self.foresight.is_none() {
            self.foresight = Some(Foresight::default());
            foresee(&mut Request::new(host, self));
        }
    }

    /// Says that the request is asked about in a callback of its own.
    pub fn is_current(&mut self) {
        self.foresight = None;
    }

    /// Says that who let the request wait has had its time. Those after it have theirs.
    pub fn end_wait(&mut self) {
        self.waits = Waits::TimeIsUp;
    }

    /// Says that the request can wait no more, whichever filter asks for it.
    pub fn end_all_waits(&mut self) {
        self.waits = Waits::Over;
    }

    /// Whether who is asked has to decide now.
    pub fn wait_is_over(&self) -> bool {
        self.waits != Waits::Possible
    }

    /// Says that who let the request wait has decided.
    pub(crate) fn next_turn(&mut self) {
        if self.waits == Waits::TimeIsUp {
            self.waits = Waits::Possible;
        }
    }

    /// Says that the next filter of the module is asked.
    pub(crate) fn next_filter(&mut self) {
        self.next_turn();
        if self.target == Target::ChangedHere {
            self.target = Target::Changed;
        }
    }

    /// Lets go of what is old or large before a request waits: when it goes on, the time has changed,
    /// and of ten thousand that wait with 60 KiB of headers each the VM would be full. The headers are
    /// then read again.
    pub fn begin_waiting(&mut self) {
        self.request = None;
        self.now = None;
    }

    /// Lets go of what only the request phase may use. A stream can live for days, and headers of
    /// 60 KiB a stream would fill the VM; what a filter needs later it keeps itself.
    pub fn end_request_phase(&mut self) {
        self.request = None;
        self.now = None;
        self.attributes = Vec::new();
        self.foresight = None;
    }
}
