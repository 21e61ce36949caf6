//! A network filter that does what its configuration says, and logs what it is told: the tests on stock Envoy see by
//! it how the proxy treats connections where filters rely on it.
//!
//! 1. The configuration is words `KEY=VALUE`. `name` begins each line of the log: `probe NAME: …`.
//! 2. `new`, `data`, `upstream` and `due` say what becomes of a connection then: `continue`, `close`, `wait:MS`,
//!    `trap` where the data has TRAP in it, `deadline:MS` (goes on, and something is due so much later), or `until:TEXT` (waits until the data has had that in it).
//!    `MS` are milliseconds.
//! 3. `cluster` sets the cluster of `tcp_proxy`, `state` the filter state `wasm.gatehouse.probe`, `envoy` the state of that name of
//!    Envoy's own, when the connection goes on at first, or in the callback `when`.
//! 4. `read` has attributes, separated by commas, their parts by slashes; they are read in each callback, but not for a new
//!    connection where `late` stands.

use gatehouse_host::{
    Closure, ConfigureError, Connection, ConnectionData, Flow, Host, Level, NetworkFilter,
    NetworkModule, Peer, Result, StreamId, Timestamp,
};
use std::cell::Cell;
use std::ops::ControlFlow;
use std::time::Duration;

/// The filter.
#[derive(Default)]
pub struct Filter {
    words: Vec<(String, String)>,
    ticks: Cell<u32>,
}

/// What is kept of a connection.
#[derive(Default)]
pub struct State {
    deadline: Option<Timestamp>,
    met: bool,
    left: bool,
}

impl Filter {
    fn word(&self, key: &str) -> &str {
        let mut words = self.words.iter();
        words
            .find(|(known, _)| known == key)
            .map_or("", |(_, value)| value)
    }

    fn write(&self, host: &dyn Host, line: &str) {
        host.log(Level::Info, &format!("probe {}: {line}", self.word("name")));
    }

    /// What the configuration says of this callback.
    fn obey(
        &self,
        callback: &str,
        connection: &Connection<'_>,
        data: Option<&ConnectionData<'_>>,
        state: &mut State,
    ) -> Result<Flow> {
        if callback != "new" || self.word("late").is_empty() {
            self.show(connection);
        }
        let order = self.word(callback);
        let (order, value) = order.split_once(':').unwrap_or((order, ""));
        let after = |now: Timestamp| now.after(Duration::from_millis(value.parse().unwrap_or(0)));
        let flow = match order {
            "close" => Flow::Close(Closure {
                reason: callback.to_owned(),
            }),
            "wait" => Flow::Wait {
                until: after(connection.host().now()?),
            },
            "until" => {
                let bytes = data.map(|data| data.bytes(0, 1000)).transpose()?;
                let text = bytes.unwrap_or_default();
                state.met |= String::from_utf8_lossy(&text).contains(value);
                match state.met {
                    true => Flow::Continue,
                    false => Flow::Wait {
                        until: connection.host().now()?.after(Duration::from_secs(60)),
                    },
                }
            }
            "trap" => {
                let bytes = data.map(|data| data.bytes(0, 1000)).transpose()?;
                if String::from_utf8_lossy(&bytes.unwrap_or_default()).contains("TRAP") {
                    trap();
                }
                Flow::Continue
            }
            "deadline" => {
                state.deadline = Some(after(connection.host().now()?));
                Flow::Continue
            }
            _ => Flow::Continue,
        };
        let when = self.word("when");
        if flow == Flow::Continue && !state.left && (when.is_empty() || when == callback) {
            state.left = true;
            self.leave(connection);
        }
        Ok(flow)
    }

    /// Leaves what others are to see.
    fn leave(&self, connection: &Connection<'_>) {
        for (key, value) in &self.words {
            let left = match key.as_str() {
                "cluster" => connection.set_cluster(value),
                "state" => connection.set_state("gatehouse.probe", value.as_bytes()),
                "envoy" => connection.host().set_filter_state(value, "value"),
                _ => continue,
            };
            if let Err(error) = left {
                self.write(connection.host(), &format!("{key}: {error}"));
            }
        }
    }

    fn show(&self, connection: &Connection<'_>) {
        let host = connection.host();
        for property in self.word("read").split(',').filter(|name| !name.is_empty()) {
            let path: Vec<_> = property.split('/').collect();
            let line = match host.property(&path) {
                Ok(Some(bytes)) => format!("{property} is \"{}\"", bytes.escape_ascii()),
                Ok(None) => format!("{property} is not there"),
                Err(error) => format!("{property}: {error}"),
            };
            self.write(host, &line);
        }
    }

    fn describe(&self, side: &str, connection: &Connection<'_>, data: &ConnectionData<'_>) {
        let start = data.len().saturating_sub(10);
        let end = match data.bytes(start, 10) {
            Ok(bytes) => bytes.escape_ascii().to_string(),
            Err(error) => error.to_string(),
        };
        let last = if data.is_last() { ", the last" } else { "" };
        let line = format!(
            "{side} {} with {} fresh, …{end}{last}",
            data.len(),
            data.fresh()
        );
        self.write(connection.host(), &line);
    }
}

/// What a mistake of a filter would do.
fn trap() {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
}

impl NetworkModule for Filter {
    const NAME: &'static str = "probe";

    fn configure(
        configuration: &[u8],
        _: &dyn Fn(&str) -> Option<String>,
        _: &dyn Host,
    ) -> std::result::Result<Self, ConfigureError> {
        let text = String::from_utf8_lossy(configuration).into_owned();
        let words = text.split_whitespace().map(|word| {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            (key.to_owned(), value.to_owned())
        });
        Ok(Self {
            words: words.collect(),
            ticks: Cell::new(0),
        })
    }
}

impl NetworkFilter for Filter {
    type State = State;

    const WANTS_DOWNSTREAM_DATA: bool = true;
    const WANTS_UPSTREAM_DATA: bool = true;
    const WANTS_CLOSES: bool = true;
    const WANTS_DEADLINES: bool = true;
    const WANTS_END: bool = true;

    fn connection(&self, connection: &Connection<'_>, state: &mut State) -> Result<Flow> {
        self.write(connection.host(), "new");
        self.obey("new", connection, None, state)
    }

    fn downstream_data(
        &self,
        connection: &Connection<'_>,
        data: &ConnectionData<'_>,
        state: &mut State,
    ) -> Result<Flow> {
        self.describe("data", connection, data);
        self.obey("data", connection, Some(data), state)
    }

    fn upstream_data(
        &self,
        connection: &Connection<'_>,
        data: &ConnectionData<'_>,
        state: &mut State,
    ) -> Result<ControlFlow<Closure>> {
        self.describe("upstream", connection, data);
        Ok(
            match self.obey("upstream", connection, Some(data), state)? {
                Flow::Close(closure) => ControlFlow::Break(closure),
                _ => ControlFlow::Continue(()),
            },
        )
    }

    fn upstream_closed(&self, connection: &Connection<'_>, _: &mut State) {
        self.write(connection.host(), "upstream closed");
    }

    fn downstream_closed(&self, connection: &Connection<'_>, by: Peer, _: &mut State) {
        self.write(connection.host(), &format!("closed by {by:?}"));
    }

    fn deadline(&self, state: &State) -> Option<Timestamp> {
        state.deadline
    }

    fn due(&self, connection: &Connection<'_>, state: &mut State) -> Result<Flow> {
        state.deadline = None;
        self.write(connection.host(), "due");
        self.obey("due", connection, None, state)
    }

    /// Reads what there still is to read.
    fn ended(&self, connection: &Connection<'_>, _: State) {
        self.show(connection);
        let clock = connection.host().now().is_ok();
        self.write(connection.host(), &format!("ended, clock {clock}"));
    }

    /// The first ticks, to see that they come.
    fn tick(&self, host: &dyn Host, _: &mut Vec<StreamId>) {
        let ticks = self.ticks.get().saturating_add(1);
        self.ticks.set(ticks);
        if ticks <= 3 {
            self.write(host, &format!("tick {ticks}"));
        }
    }

    fn tick_period(&self) -> Option<Duration> {
        Some(Duration::from_millis(50))
    }
}

#[cfg(all(target_arch = "wasm32", feature = "module"))]
gatehouse_host_proxy_wasm::network_module!(
    crate::Filter,
    callbacks: [
        downstream_data,
        upstream_data,
        downstream_connection_close,
        upstream_connection_close,
        tick,
        delete,
    ]
);
