//! What is known of one request and its response, shared by the filters of a module.

use crate::capability::Timestamp;
use crate::{Body, Consumer, Headers, StreamId};
use std::net::IpAddr;
use std::rc::Rc;

/// What has been read from the host so far. Nothing is read twice.
#[derive(Debug, Default)]
pub struct Exchange {
    pub(crate) stream: StreamId,
    pub(crate) body: Body,
    pub(crate) wait_is_over: bool,
    pub(crate) request: Option<Headers>,
    pub(crate) now: Option<Timestamp>,
    pub(crate) peer: Option<Option<IpAddr>>,
    pub(crate) consumer: Option<Option<Rc<Consumer>>>,
    /// By their path, whose parts are joined by NUL.
    pub(crate) attributes: Vec<(String, Option<Rc<[u8]>>)>,
}

impl Exchange {
    /// The exchange of a stream whose request headers have arrived. `without_body` where they are all
    /// of the request.
    pub fn new(stream: StreamId, without_body: bool) -> Self {
        Self {
            stream,
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

    /// Says that the request can wait no longer.
    pub fn end_wait(&mut self) {
        self.wait_is_over = true;
    }

    /// Whether [`Exchange::end_wait`] was said.
    pub fn wait_is_over(&self) -> bool {
        self.wait_is_over
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
    }
}
