//! The filter on a TCP connection (`Context::onNewConnection`, `onData`, `onWrite`, `onEvent` in Envoy's
//! `source/extensions/common/wasm/context.cc`; `source/common/network/filter_manager_impl.cc`).
//!
//! 1. `proxy_on_new_connection` comes first. Pause keeps the connection from the next filter, which is what connects the
//!    upstream, until data goes on or the module resumes.
//! 2. Data from the client comes to the filter when Envoy reads it: `tcp_proxy` lets nothing be read before its upstream is
//!    connected, unless it is told to ([`Behind`]). All that is held of it comes each time; Pause keeps it, Continue lets all of it go.
//! 3. Data from the upstream likewise, but what is paused there goes only with the next Continue: there is no resuming it.
//! 4. `tcp_proxy` lets each side end by itself. When both have, the connection is over, by whoever was the last; of the client it counts
//!    that its end was read, not that it went on. Before an HTTP connection manager a client that sends no more is gone.
//! 5. The end is told once: closed, done, log and delete, in this order.

use crate::Value;
use crate::plugin::Behind;
use crate::stream_state::Stream;
use crate::vm::{Call, Vm, length};
use std::collections::BTreeMap;

/// A connection.
#[derive(Default)]
pub(crate) struct Tcp {
    pub(crate) downstream: Data,
    pub(crate) upstream: Data,
    /// What the client has sent and Envoy has not read.
    pub(crate) unread: Vec<u8>,
    pub(crate) unread_end: bool,
    /// Attributes that there are once the handshake of TLS is over.
    pub(crate) handshake: Option<BTreeMap<Vec<String>, Value>>,
    /// The next filter has the connection.
    pub(crate) passed: bool,
    /// Which cluster had been chosen by then.
    pub(crate) cluster: Option<String>,
    /// How long `tcp_proxy` lets it be idle, and since when it is, in nanoseconds.
    pub(crate) idle: Option<u64>,
    pub(crate) idle_since: u64,
    pub(crate) close: Option<&'static str>,
    pub(crate) ended_by: Option<u32>,
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
    /// When `tcp_proxy` closes it if nothing passes until then.
    pub(crate) fn idle_until(&self) -> Option<u64> {
        let idle = self.idle.filter(|_| !self.is_closed())?;
        Some(self.idle_since.saturating_add(idle))
    }

    /// Nothing passes any more, and the module knows nothing of the connection.
    fn is_closed(&self) -> bool {
        self.close.is_some() || self.ended_by.is_some()
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

/// `CloseType` of the ABI: nobody knows.
const UNKNOWN: u32 = 0;

/// `CloseType` of the ABI: this side.
pub(crate) const LOCAL: u32 = 1;

/// `CloseType` of the ABI: the peer.
pub(crate) const REMOTE: u32 = 2;

/// The filter state by which `tcp_proxy` is told how long a connection may be idle.
const IDLE_TIMEOUT: &str = "envoy.tcp_proxy.per_connection_idle_timeout_ms";

impl Vm {
    /// The connections that `tcp_proxy` closes if nothing passes, and when.
    pub(crate) fn tcp_idle(&mut self) -> Vec<(u32, u64)> {
        let streams = self.state().streams.iter();
        let idle = streams.filter_map(|(id, stream)| Some((*id, stream.tcp.idle_until()?)));
        idle.collect()
    }

    pub(crate) fn tcp_new(&mut self, id: u32) {
        if self.ask_tcp(id, Call::NewConnection) {
            self.tcp_pass(id);
        }
        self.tcp_read(id);
    }

    /// The client has sent this.
    pub(crate) fn tcp_downstream(&mut self, id: u32, data: &[u8], end: bool) {
        let Some(stream) = self.stream(id) else {
            return;
        };
        if stream.tcp.is_closed() {
            return;
        }
        stream.tcp.unread.extend_from_slice(data);
        stream.tcp.unread_end |= end;
        self.tcp_read(id);
    }

    /// Reads what the client has sent, if what is behind the filter lets it be read.
    fn tcp_read(&mut self, id: u32) {
        let behind = self.state().world.plugin.behind;
        let Some(stream) = self.stream(id) else {
            return;
        };
        let waits = behind == Behind::TcpProxy && !stream.tcp.passed;
        let tcp = &mut stream.tcp;
        if waits || tcp.is_closed() || (tcp.unread.is_empty() && !tcp.unread_end) {
            return;
        }
        let data = std::mem::take(&mut tcp.unread);
        let end = std::mem::take(&mut tcp.unread_end);
        // The handshake is over when there is data.
        let shown = tcp.handshake.take();
        stream.attributes.extend(shown.into_iter().flatten());
        if behind != Behind::Http {
            return self.tcp_data(id, &data, end);
        }
        if !data.is_empty() {
            self.tcp_data(id, &data, false);
        }
        if end {
            self.tcp_told(id, REMOTE);
        }
    }

    fn tcp_data(&mut self, id: u32, data: &[u8], end: bool) {
        let Some(stream) = self.stream(id) else {
            return;
        };
        let side = &mut stream.tcp.downstream;
        side.held.extend_from_slice(data);
        side.end |= end;
        side.shown = true;
        let call = Call::DownstreamData(length(side.held.len()), side.end);
        let goes_on = self.ask_tcp(id, call);
        let Some(stream) = self.stream(id) else {
            return;
        };
        if goes_on && !stream.tcp.is_closed() {
            stream.tcp.downstream.shown = false;
            self.tcp_resume(id);
        }
        // Nothing is left to be read or written, whatever is held.
        if end
            && self
                .stream(id)
                .is_some_and(|stream| stream.tcp.upstream.end_out)
        {
            self.tcp_told(id, REMOTE);
        }
    }

    /// The upstream has sent this.
    pub(crate) fn tcp_upstream(&mut self, id: u32, data: &[u8], end: bool) {
        let now = self.state().world.now.get();
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
            stream.tcp.idle_since = now;
        }
        if end {
            self.call(id, Call::UpstreamClose(UNKNOWN));
        }
        let all_read = |stream: &Stream| stream.tcp.upstream.end_out && stream.tcp.downstream.end;
        if self.stream(id).is_some_and(|stream| all_read(stream)) {
            self.tcp_told(id, LOCAL);
        }
        self.tcp_end(id);
    }

    /// `continueReading`: what is held goes on to the next filter, without this one.
    pub(crate) fn tcp_resume(&mut self, id: u32) {
        let Some(stream) = self.stream(id) else {
            return;
        };
        if stream.tcp.is_closed() {
            return;
        }
        self.tcp_pass(id);
        let now = self.state().world.now.get();
        if let Some(stream) = self.stream(id) {
            stream.tcp.downstream.release();
            stream.tcp.idle_since = now;
        }
        self.tcp_end(id);
        self.tcp_read(id);
    }

    /// The next filter is told of the connection.
    fn tcp_pass(&mut self, id: u32) {
        let (now, behind) = (
            self.state().world.now.get(),
            self.state().world.plugin.behind,
        );
        let Some(stream) = self.stream(id) else {
            return;
        };
        if stream.tcp.is_closed() || std::mem::replace(&mut stream.tcp.passed, true) {
            return;
        }
        let chosen = stream.envoy_filter_state.get("envoy.tcp_proxy.cluster");
        stream.tcp.cluster = chosen.cloned();
        if behind != Behind::Http {
            let idle = stream.envoy_filter_state.get(IDLE_TIMEOUT);
            let idle = idle.and_then(|milliseconds| milliseconds.parse::<u64>().ok());
            stream.tcp.idle = idle.map(|milliseconds| milliseconds.saturating_mul(1_000_000));
            stream.tcp.idle_since = now;
        }
    }

    /// The upstream has sent and got all there is, and the client does not get the end of it: `tcp_proxy` closes.
    fn tcp_end(&mut self, id: u32) {
        let is_over =
            |tcp: &Tcp| tcp.downstream.end_out && tcp.upstream.end && !tcp.upstream.end_out;
        if self.stream(id).is_some_and(|stream| is_over(&stream.tcp)) {
            self.tcp_told(id, LOCAL);
        }
    }

    /// Each close says why, also of a connection that is closed already.
    pub(crate) fn tcp_close(&mut self, id: u32, details: &'static str) {
        let state = self.state();
        let ended = state.ended.get_mut(&id);
        let Some(stream) = state.streams.get_mut(&id).or(ended) else {
            return;
        };
        stream.tcp.close = Some(details);
        stream.details = Some(details.to_owned());
        self.tcp_told(id, LOCAL);
    }

    /// The connection is gone; `by` whom.
    pub(crate) fn tcp_told(&mut self, id: u32, by: u32) {
        let Some(stream) = self.stream(id) else {
            return;
        };
        if stream.tcp.ended_by.is_some() {
            return;
        }
        stream.tcp.ended_by = Some(by);
        for call in [
            Call::DownstreamClose(by),
            Call::Done,
            Call::Log,
            Call::Delete,
        ] {
            self.call(id, call);
        }
        // From now on nobody can enter its context.
        let state = self.state();
        let ended = state.streams.remove(&id);
        state.ended.extend(ended.map(|stream| (id, stream)));
    }

    fn ask_tcp(&mut self, id: u32, call: Call) -> bool {
        if self.stream(id).is_none_or(|stream| stream.bypassed) {
            return true;
        }
        match self.call(id, call) {
            Some(None | Some(0)) => true,
            Some(Some(_)) => false,
            None => {
                // `failStream`, which says nothing.
                self.tcp_close(id, "");
                false
            }
        }
    }
}
