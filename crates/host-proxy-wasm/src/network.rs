//! From the callbacks of proxy-wasm to those of a network filter.
//!
//! 1. A connection gets the filter as it is when it comes: a new configuration is a new root context, and
//!    does not change what has begun. One of a plugin that is not known is closed.
//! 2. What its filter keeps of it stays here until it ends, or its filter wants to know no more. Of a filter
//!    that wants nothing but new connections, nothing is kept.
//! 3. A connection that waits is held: Envoy collects what the client sends and hands all of it over each
//!    time more comes; this counts how much of it the filter has seen. At the end of the wait the filter is
//!    asked anew. Where too many are held already, and where a filter without a tick wants one held, it is
//!    closed.
//! 4. A deadline is looked at with each tick: those that are over are found in a schedule, however many
//!    connections there are.
//! 5. A connection is closed by `proxy_close_stream` (flushed, then closed: `FlushWrite`; the ABI has no other way, see
//!    [`Flow::Close`]), its reason left in the filter state `wasm.gatehouse.denial`. Nothing of it passes from then on. A host call that failed so that the
//!    filter cannot apply its policy closes it too.
//! 6. The end is told in `on_delete`, which Envoy calls once for each connection it has announced, right after
//!    its `on_downstream_connection_close` (`Context::onCloseTCP` in Envoy's
//!    `source/extensions/common/wasm/context.cc`), or where it was closed before.
//!
//! Closing and letting go on happen after the callback returns (`addAfterVmCallAction` there): nothing comes in
//! between. Should a proxy do it at once, what it then tells of the connection is taken as the end of it.
//!
//! After a trap Envoy closes each connection of that VM with its next data, of either side, unless the plugin fails open; of their
//! ends nobody is told (`ContextBase` in `src/context.cc` of proxy-wasm-cpp-host).

use crate::dispatcher::{Action, Control};
use crate::plugins::{Plugins, log_refusal};
use connections::{Connections, Found, Known};
use gatehouse_host::{
    Answer, CalloutId, Closure, Connection, ConnectionData, Flow, NetworkFilter, NetworkHost,
    NetworkModule, Peer, Result, Side, StreamId, log_failure,
};
use std::cell::RefCell;
use std::ops::ControlFlow;

mod connections;
mod entrypoint;

#[doc(hidden)]
pub use entrypoint::check;

/// The filter state with the reason why a connection was closed, for access logs:
/// `%FILTER_STATE(wasm.gatehouse.denial:PLAIN)%`.
const DENIAL_STATE: &str = "gatehouse.denial";

/// What only the dispatcher of connections may ask of the proxy, about the current one.
pub trait NetworkControl: Control {
    /// Lets it go on, with what is held of it.
    fn resume_connection(&self) -> Result<()>;

    /// Closes it.
    fn close_connection(&self) -> Result<()>;
}

/// All plugins and connections of one VM.
pub struct NetworkDispatcher<F: NetworkModule> {
    plugins: Plugins<F>,
    connections: RefCell<Connections<F>>,
}

impl<F: NetworkModule> Default for NetworkDispatcher<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: NetworkModule> NetworkDispatcher<F> {
    /// A VM that has just begun.
    pub const fn new() -> Self {
        Self {
            plugins: Plugins::new(),
            connections: RefCell::new(Connections::new()),
        }
    }

    /// `proxy_on_configure`
    pub fn configure(
        &self,
        root: u32,
        size: usize,
        host: &dyn NetworkHost,
        control: &dyn NetworkControl,
    ) -> bool {
        let environment = |name: &str| control.environment(name);
        let configured = control
            .plugin_configuration(size)
            .map_err(Into::into)
            .and_then(|bytes| F::configure(&bytes, &environment, host))
            .and_then(|filter| {
                if let Some(period) = filter.tick_period() {
                    control.set_tick_period(period)?;
                }
                Ok(filter)
            });
        match configured {
            Ok(filter) => {
                self.plugins.begin(root, filter, control);
                true
            }
            Err(error) => {
                log_refusal(host, F::NAME, &error);
                false
            }
        }
    }

    /// `proxy_on_context_create`; `root` is zero for a root context, which begins with `configure`.
    pub fn create(&self, context: u32, root: u32) {
        if root != 0 {
            self.connections.borrow_mut().begin(context, root);
        }
    }

    /// `proxy_on_new_connection`
    pub fn new_connection(
        &self,
        id: u32,
        host: &dyn NetworkHost,
        control: &dyn NetworkControl,
    ) -> Action {
        let root = self.connections.borrow_mut().take_begun(id);
        let Some(filter) = root.and_then(|root| self.plugins.at(root)) else {
            close::<F>("not_configured", host, control);
            return Action::Pause;
        };
        let mut known = Known::new(filter);
        let flow = known.filter.connection(&view(host, id), &mut known.state);
        let decided = self.decide(&mut known, flow, host);
        self.connections.borrow_mut().keep(id, known);
        decided.act::<F>(host, control)
    }

    /// `proxy_on_downstream_data`: `size` is all that is held, with what has come.
    pub fn downstream_data(
        &self,
        id: u32,
        size: usize,
        end: bool,
        host: &dyn NetworkHost,
        control: &dyn NetworkControl,
    ) -> Action {
        let Some(mut known) = self.take(id) else {
            return Action::Continue;
        };
        let decided = if known.is_closed {
            Decided::Pause
        } else {
            let data = ConnectionData::new(host, Side::Downstream, size, known.seen, end);
            known.seen = size;
            let flow = known
                .filter
                .downstream_data(&view(host, id), &data, &mut known.state);
            self.decide(&mut known, flow, host)
        };
        self.put_back(id, known, host);
        decided.act::<F>(host, control)
    }

    /// `proxy_on_upstream_data`
    pub fn upstream_data(
        &self,
        id: u32,
        size: usize,
        end: bool,
        host: &dyn NetworkHost,
        control: &dyn NetworkControl,
    ) -> Action {
        let Some(mut known) = self.take(id) else {
            return Action::Continue;
        };
        let decided = if known.is_closed {
            Decided::Pause
        } else {
            let data = ConnectionData::new(host, Side::Upstream, size, 0, end);
            let passage = known
                .filter
                .upstream_data(&view(host, id), &data, &mut known.state);
            match passage {
                Ok(ControlFlow::Continue(())) => Decided::Continue,
                Ok(ControlFlow::Break(closure)) => {
                    self.decide(&mut known, Ok(Flow::Close(closure)), host)
                }
                Err(error) => self.decide(&mut known, Err(error), host),
            }
        };
        self.put_back(id, known, host);
        decided.act::<F>(host, control)
    }

    /// `proxy_on_upstream_connection_close`
    pub fn upstream_closed(&self, id: u32, host: &dyn NetworkHost) {
        let Some(mut known) = self.take(id) else {
            return;
        };
        known
            .filter
            .upstream_closed(&view(host, id), &mut known.state);
        self.put_back(id, known, host);
    }

    /// `proxy_on_downstream_connection_close`, by a number of the ABI.
    pub fn downstream_closed(&self, id: u32, by: u32, host: &dyn NetworkHost) {
        let Some(mut known) = self.take(id) else {
            return;
        };
        let by = match by {
            1 => Peer::Local,
            2 => Peer::Remote,
            _ => Peer::Unknown,
        };
        known
            .filter
            .downstream_closed(&view(host, id), by, &mut known.state);
        self.put_back(id, known, host);
    }

    /// `proxy_on_delete`
    pub fn delete(&self, context: u32, host: &dyn NetworkHost) {
        let found = self.connections.borrow_mut().end(context);
        match found {
            Found::Known(known) => end(context, *known, host),
            Found::Connection => {}
            Found::Nothing => self.plugins.end(context),
        }
    }

    /// `proxy_on_http_call_response`, of `sizes`: how many headers, how many bytes.
    pub fn http_call_response(
        &self,
        root: u32,
        callout: u32,
        sizes: (usize, usize),
        host: &dyn NetworkHost,
        control: &dyn NetworkControl,
    ) {
        let Some(filter) = self.plugins.at(root) else {
            return;
        };
        let mut wake = Vec::new();
        let answer = Answer::new(host, sizes.0, sizes.1);
        filter.answered(CalloutId(callout), &answer, &mut wake);
        for connection in wake {
            self.ask_again(connection, host, control);
        }
    }

    /// `proxy_on_tick`
    pub fn tick(&self, root: u32, host: &dyn NetworkHost, control: &dyn NetworkControl) {
        let Some(filter) = self.plugins.at(root) else {
            return;
        };
        let mut wake = Vec::new();
        filter.tick(host, &mut wake);
        for connection in wake {
            self.ask_again(connection, host, control);
        }
        if !self.connections.borrow().any_scheduled() {
            return;
        }
        let Ok(now) = host.now() else {
            return;
        };
        let due = self.connections.borrow_mut().due(now);
        for connection in due {
            self.ask_again(StreamId(connection), host, control);
        }
    }

    /// Asks about a connection anew, in a callback that is not about it.
    fn ask_again(&self, id: StreamId, host: &dyn NetworkHost, control: &dyn NetworkControl) {
        let Some(mut known) = self.take(id.0) else {
            return;
        };
        if known.is_closed {
            return self.put_back(id.0, known, host);
        }
        if control.enter(id).is_err() {
            self.put_back(id.0, known, host);
            return self.delete(id.0, host);
        }
        let was_held = known.until.is_some();
        let flow = known.filter.due(&view(host, id.0), &mut known.state);
        let flow = match flow {
            Ok(Flow::Wait { .. }) if !was_held => Ok(Flow::Continue),
            flow => flow,
        };
        let decided = self.decide(&mut known, flow, host);
        self.put_back(id.0, known, host);
        if decided.act::<F>(host, control) == Action::Continue
            && was_held
            && let Err(error) = control.resume_connection()
        {
            log_failure(host, F::NAME, "a connection cannot go on", error);
        }
    }

    fn take(&self, id: u32) -> Option<Box<Known<F>>> {
        self.connections.borrow_mut().take(id)
    }

    fn put_back(&self, id: u32, known: Box<Known<F>>, host: &dyn NetworkHost) {
        let ended = self.connections.borrow_mut().put_back(id, known);
        if let Some(known) = ended {
            end(id, *known, host);
        }
    }

    /// Takes note of what a filter says.
    fn decide(&self, known: &mut Known<F>, flow: Result<Flow>, host: &dyn NetworkHost) -> Decided {
        let reason = match flow {
            Ok(Flow::Continue) => {
                known.until = None;
                known.seen = 0;
                return Decided::Continue;
            }
            Ok(Flow::Wait { until }) if self.may_wait(known) => {
                known.until = Some(until);
                return Decided::Pause;
            }
            Ok(Flow::Wait { .. }) => "cannot_wait".to_owned(),
            Ok(Flow::Close(Closure { reason })) => reason,
            Err(error) => {
                log_failure(host, F::NAME, "connection closed", error);
                "host_error".to_owned()
            }
        };
        known.is_closed = true;
        Decided::Close(reason)
    }

    fn may_wait(&self, known: &Known<F>) -> bool {
        F::WANTS_DEADLINES
            && known.filter.tick_period().is_some()
            && (known.until.is_some() || self.connections.borrow().has_room())
    }
}

/// What is to be done with a connection.
enum Decided {
    Continue,
    Pause,
    Close(String),
}

impl Decided {
    /// Does it, once nothing is borrowed and what is known of the connection is back in its place.
    fn act<F: NetworkModule>(self, host: &dyn NetworkHost, control: &dyn NetworkControl) -> Action {
        match self {
            Self::Continue => Action::Continue,
            Self::Pause => Action::Pause,
            Self::Close(reason) => {
                close::<F>(&reason, host, control);
                Action::Pause
            }
        }
    }
}

fn close<F: NetworkModule>(reason: &str, host: &dyn NetworkHost, control: &dyn NetworkControl) {
    let reason = format!("{}.{reason}", F::NAME);
    if let Err(error) = host.set_property(DENIAL_STATE, reason.as_bytes()) {
        log_failure(host, F::NAME, "reason not in filter state", error);
    }
    if let Err(error) = control.close_connection() {
        log_failure(host, F::NAME, "a connection cannot be closed", error);
    }
}

/// Tells a filter of the end of a connection, where it wants to know.
fn end<F: NetworkFilter>(id: u32, known: Known<F>, host: &dyn NetworkHost) {
    let Known { filter, state, .. } = known;
    if F::WANTS_END && filter.wants_more(&state) {
        filter.ended(&view(host, id), state);
    }
}

fn view(host: &dyn NetworkHost, id: u32) -> Connection<'_> {
    Connection::new(host, StreamId(id))
}

#[cfg(test)]
mod tests;
