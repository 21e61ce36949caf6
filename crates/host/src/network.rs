//! A configured network filter.

use crate::capability::{CalloutId, Host, Result, Timestamp};
use crate::{Answer, ConfigureError, Connection, ConnectionData, Peer, StreamId};
use std::ops::ControlFlow;
use std::time::Duration;

/// What a network filter says of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flow {
    /// It goes on: with what has arrived of it, to the next filter.
    Continue,
    /// It is held, with what has arrived and what arrives; the filters behind this one are not told of a
    /// connection that was never let on. More data is handed over together with what is held. Where none
    /// comes, the filter is asked ([`NetworkFilter::due`]) at `until`, on the first tick after it. Only a
    /// filter with a [`NetworkFilter::tick_period`] can wait.
    ///
    /// What comes while a *new* connection waits depends on the filter at the end of the chain:
    ///
    /// - an HTTP connection manager, or `tcp_proxy` with `upstream_connect_mode: ON_DOWNSTREAM_DATA` (Envoy 1.37 and
    ///   later): data, and no upstream is dialled. A server that speaks first is not heard before the client has spoken.
    /// - `tcp_proxy` as it comes: **nothing**. It has stopped reading until its upstream is there
    ///   (`Filter::initialize` in `source/common/tcp_proxy/tcp_proxy.cc`), and it dials that only once the connection
    ///   goes on; even a TLS handshake waits. Who wants first bytes before it says [`Flow::Continue`] to the
    ///   new connection and waits in [`NetworkFilter::downstream_data`]: the upstream is dialled, but gets no byte, and may speak first.
    ///
    /// Envoy stops reading once more than the listener's `per_connection_buffer_limit_bytes` (1 MiB where it says
    /// nothing) are held: no more comes then but the end of the wait.
    Wait {
        /// The end of the wait.
        until: Timestamp,
    },
    /// It is closed, once what is on its way to the client has been taken. **A client that does not read keeps it**, with what
    /// is held of it, until somebody closes it the hard way: an HTTP connection manager after its `delayed_close_timeout`,
    /// `tcp_proxy` after its `idle_timeout` ([`Connection::set_idle_timeout`](crate::Connection::set_idle_timeout)).
    Close(Closure),
}

/// Why a connection is closed: for the operator. The other side sees that it is, and nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closure {
    /// A word or two: `source`, `rate.per_source`. Goes to the filter state `wasm.gatehouse.denial`, for
    /// access logs.
    pub reason: String,
}

/// A network filter with its configuration; one in each worker's VM.
///
/// Envoy calls it in this order: [`connection`](Self::connection); then data, of either side, as it comes
/// ([`downstream_data`](Self::downstream_data), [`upstream_data`](Self::upstream_data));
/// [`upstream_closed`](Self::upstream_closed) where the upstream ends its side;
/// [`downstream_closed`](Self::downstream_closed) and [`ended`](Self::ended), in one go, when the connection
/// is over. After a [`Flow::Close`] only the last two come.
pub trait NetworkFilter {
    /// What is kept of a connection between callbacks.
    type State: Default;

    /// Whether it looks at data from the client. Its module then needs the callback `downstream_data`.
    const WANTS_DOWNSTREAM_DATA: bool = false;

    /// Whether it looks at data for the client. Its module then needs the callback
    /// `upstream_data`: Envoy calls the module for each piece, and for the end of a connection's writing side.
    const WANTS_UPSTREAM_DATA: bool = false;

    /// Whether it must know which side ended a connection. Its module then needs the callbacks
    /// `downstream_connection_close` and `upstream_connection_close`.
    const WANTS_CLOSES: bool = false;

    /// Whether it wants to be asked at a certain time ([`Self::deadline`]), or lets connections wait. Its
    /// module then needs the callback `tick`.
    const WANTS_DEADLINES: bool = false;

    /// Whether it must know when connections end: it holds something for as long as one lives.
    const WANTS_END: bool = false;

    /// Decides on a new connection, before a byte of it has been read. Of TLS nothing is known here but what
    /// the listener filter `tls_inspector` has read (see [`Connection`]): the handshake is still to come.
    ///
    /// # Errors
    /// Where the host failed in a way that leaves the filter without its policy. The connection is closed.
    fn connection(&self, connection: &Connection<'_>, state: &mut Self::State) -> Result<Flow>;

    /// Decides on data from the client: all that is held, with what has just come. After a
    /// [`Flow::Continue`] all of it has gone on.
    ///
    /// # Errors
    /// As for [`NetworkFilter::connection`].
    fn downstream_data(
        &self,
        connection: &Connection<'_>,
        data: &ConnectionData<'_>,
        state: &mut Self::State,
    ) -> Result<Flow> {
        let _ = (connection, data, state);
        Ok(Flow::Continue)
    }

    /// Decides on data for the client, from the upstream or from a filter behind this one. It goes on, or
    /// the connection ends: it cannot wait, since Envoy has no way to let it go on later.
    ///
    /// # Errors
    /// As for [`NetworkFilter::connection`].
    fn upstream_data(
        &self,
        connection: &Connection<'_>,
        data: &ConnectionData<'_>,
        state: &mut Self::State,
    ) -> Result<ControlFlow<Closure>> {
        let _ = (connection, data, state);
        Ok(ControlFlow::Continue(()))
    }

    /// Takes note that the upstream has sent all that it will send.
    fn upstream_closed(&self, connection: &Connection<'_>, state: &mut Self::State) {
        let _ = (connection, state);
    }

    /// Takes note that the connection is closed, and by whom. [`NetworkFilter::ended`] follows.
    fn downstream_closed(&self, connection: &Connection<'_>, by: Peer, state: &mut Self::State) {
        let _ = (connection, by, state);
    }

    /// When it wants to be asked about a connection ([`NetworkFilter::due`]) though nothing happens:
    /// for idle times, and for the longest a connection may last. Asked after each callback.
    fn deadline(&self, state: &Self::State) -> Option<Timestamp> {
        let _ = state;
        None
    }

    /// Decides on a connection whose time has come: its wait or its deadline is over, or the filter
    /// woke it. A connection that was held goes on with [`Flow::Continue`], with all that was held; of one that was not,
    /// nothing can be held here, and [`Flow::Wait`] is [`Flow::Continue`]. What is held cannot be read here, and this filter does
    /// not see it again: what it needs of it, it takes when [`Self::downstream_data`] hands it over, even while it waits for
    /// something else.
    ///
    /// # Errors
    /// As for [`NetworkFilter::connection`].
    fn due(&self, connection: &Connection<'_>, state: &mut Self::State) -> Result<Flow> {
        let _ = (connection, state);
        Ok(Flow::Continue)
    }

    /// Whether anything more of this connection is wanted. Where not, its state is let go, and it goes on
    /// unseen.
    fn wants_more(&self, state: &Self::State) -> bool {
        let _ = state;
        true
    }

    /// Gives back what was held for a connection, which is over: ended by either side, reset, timed out,
    /// closed here or by another filter. Called once for each connection that was asked about, unless it
    /// said that nothing more is wanted, and last. Clock, shared data, metrics and callouts work here, and so do
    /// attributes of the connection. Not called where the whole VM goes: with a trap, or with the proxy.
    fn ended(&self, connection: &Connection<'_>, state: Self::State) {
        let _ = (connection, state);
    }

    /// Takes what came of a callout, and names the connections to be asked about anew. `callout` may be
    /// another filter's.
    fn answered(&self, callout: CalloutId, answer: &Answer<'_>, wake: &mut Vec<StreamId>) {
        let _ = (callout, answer, wake);
    }

    /// Does what must be done from time to time, and names the connections to be asked about anew.
    fn tick(&self, host: &dyn Host, wake: &mut Vec<StreamId>) {
        let _ = (host, wake);
    }

    /// How often [`NetworkFilter::tick`] is wanted, and deadlines are looked at. Nothing for a filter that
    /// neither waits nor has deadlines.
    fn tick_period(&self) -> Option<Duration> {
        None
    }
}

/// A network filter that can be the whole of a module.
pub trait NetworkModule: NetworkFilter + Sized {
    /// The filter's name: in log lines, metrics and reasons.
    const NAME: &'static str;

    /// From the bytes of the plugin's configuration. Also called in a canary VM that then goes
    /// away, so nothing here may need to happen only once.
    ///
    /// # Errors
    /// Every problem of the configuration, or the host call that failed.
    fn configure(
        configuration: &[u8],
        environment: &dyn Fn(&str) -> Option<String>,
        host: &dyn Host,
    ) -> std::result::Result<Self, ConfigureError>;
}
