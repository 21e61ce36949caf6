//! What is known of one request and its response, shared by the filters of a module.

use crate::capability::Timestamp;
use crate::{Consumer, Headers};
use std::net::IpAddr;
use std::rc::Rc;

/// What has been read from the host so far. Nothing is read twice.
#[derive(Debug, Default)]
pub struct Exchange {
    pub(crate) request: Option<Headers>,
    pub(crate) now: Option<Timestamp>,
    pub(crate) peer: Option<Option<IpAddr>>,
    pub(crate) consumer: Option<Option<Rc<Consumer>>>,
}

impl Exchange {
    /// Lets go of what only the request phase may use. A stream can live for days, and headers of
    /// 60 KiB a stream would fill the VM; what a filter needs later it keeps itself.
    pub fn end_request_phase(&mut self) {
        self.request = None;
        self.now = None;
    }
}
