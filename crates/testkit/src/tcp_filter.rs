//! The filter on a TCP connection (`Context::onNewConnection`, `onData`, `onWrite`, `onEvent`;
//! `source/common/network/filter_manager_impl.cc`).
//!
//! 1. `proxy_on_new_connection` comes first. Pause keeps the connection from the next filter, which is what dials the
//!    upstream, until data goes on or the module resumes; data from the client comes to this filter all the same.
//! 2. Data from the client comes with all that is held of it; Pause keeps it, Continue lets all of it go.
//! 3. Data from the upstream likewise, but what is paused there goes only with the next Continue: there is no resuming it.
//! 4. A closed connection is told once; then come done, log and delete, in this order.

use crate::vm::{Call, Vm, length};

/// A connection.
#[derive(Default)]
pub(crate) struct Tcp {
    pub(crate) downstream: Data,
    pub(crate) upstream: Data,
    /// The next filter has the connection.
    pub(crate) passed: bool,
    pub(crate) close: Option<&'static str>,
    pub(crate) failed: bool,
    pub(crate) told: bool,
}

/// One direction.
#[derive(Default)]
pub(crate) struct Data {
    pub(crate) held: Vec<u8>,
    pub(crate) shown: bool,
    pub(crate) end: bool,
    pub(crate) end_out: bool,
    pub(crate) out: Vec<u8>,
}

impl Tcp {
    /// Nothing passes any more, and the module knows nothing of the connection.
    fn is_closed(&self) -> bool {
        self.close.is_some() || self.told
    }
}

impl Data {
    pub(crate) fn data(&mut self) -> Option<&mut Vec<u8>> {
        self.shown.then_some(&mut self.held)
    }

    fn release(&mut self) {
        let held = std::mem::take(&mut self.held);
        self.out.extend(held);
        self.end_out = self.end;
    }
}

impl Vm {
    pub(crate) fn tcp_new(&mut self, id: u32) {
        let goes_on = self.ask_tcp(id, Call::NewConnection);
        if let Some(stream) = self.stream(id) {
            stream.tcp.passed = goes_on && stream.tcp.close.is_none();
        }
    }

    /// The client has sent this.
    pub(crate) fn tcp_downstream(&mut self, id: u32, data: &[u8], end: bool) {
        let Some(stream) = self.stream(id) else {
            return;
        };
        if stream.tcp.is_closed() {
            return;
        }
        stream.tcp.downstream.held.extend_from_slice(data);
        stream.tcp.downstream.end |= end;
        let side = &mut stream.tcp.downstream;
        side.shown = true;
        let call = Call::DownstreamData(length(side.held.len()), side.end);
        let goes_on = self.ask_tcp(id, call);
        let Some(stream) = self.stream(id) else {
            return;
        };
        if goes_on && !stream.tcp.is_closed() {
            stream.tcp.passed = true;
            stream.tcp.downstream.shown = false;
            stream.tcp.downstream.release();
        }
    }

    /// The upstream has sent this.
    pub(crate) fn tcp_upstream(&mut self, id: u32, data: &[u8], end: bool) {
        let Some(stream) = self.stream(id) else {
            return;
        };
        if stream.tcp.is_closed() {
            return;
        }
        let side = &mut stream.tcp.upstream;
        side.held.extend_from_slice(data);
        side.end |= end;
        side.shown = true;
        let call = Call::UpstreamData(length(side.held.len()), side.end);
        let goes_on = self.ask_tcp(id, call);
        let Some(stream) = self.stream(id) else {
            return;
        };
        if stream.tcp.is_closed() {
            return;
        }
        if goes_on {
            stream.tcp.upstream.shown = false;
            stream.tcp.upstream.release();
        }
        if end {
            // CloseType::Unknown
            self.call(id, Call::UpstreamClose(0));
        }
    }

    /// `continueReading`: what is held goes on to the next filter, without this one.
    pub(crate) fn tcp_resume(&mut self, id: u32) {
        let Some(stream) = self.stream(id) else {
            return;
        };
        if stream.tcp.is_closed() {
            return;
        }
        stream.tcp.passed = true;
        stream.tcp.downstream.release();
    }

    pub(crate) fn tcp_close(&mut self, id: u32, details: &'static str) {
        let Some(stream) = self.stream(id) else {
            return;
        };
        if stream.tcp.close.is_none() {
            stream.tcp.close = Some(details);
            stream.details = Some(details.to_owned());
            self.tcp_told(id, LOCAL);
        }
    }

    /// The connection is gone; `by` whom.
    pub(crate) fn tcp_told(&mut self, id: u32, by: u32) {
        let Some(stream) = self.stream(id) else {
            return;
        };
        if std::mem::replace(&mut stream.tcp.told, true) {
            return;
        }
        for call in [
            Call::DownstreamClose(by),
            Call::Done,
            Call::Log,
            Call::Delete,
        ] {
            self.call(id, call);
        }
    }

    fn ask_tcp(&mut self, id: u32, call: Call) -> bool {
        match self.call(id, call) {
            Some(None | Some(0)) => true,
            Some(Some(_)) => false,
            None => {
                let Some(stream) = self.stream(id) else {
                    return false;
                };
                if stream.bypassed {
                    return true;
                }
                if !std::mem::replace(&mut stream.tcp.failed, true) {
                    self.tcp_close(id, "");
                }
                false
            }
        }
    }
}

/// `CloseType` of the ABI: this side.
pub(crate) const LOCAL: u32 = 1;

/// `CloseType` of the ABI: the peer.
pub(crate) const REMOTE: u32 = 2;
