//! The filter over the host traits.

mod deadlines;
mod decision;
mod denial;
mod feeds;
mod hearing;
mod limits;
mod state;

#[cfg(test)]
mod tests;

use crate::config::{Choice, Config, FirstData, Mode};
use crate::denial_log::DenialLog;
use crate::limiter::{Limit, Limiter};
use crate::rules::Rules;
use crate::stats::{Reason, Stats};
use feeds::Watched;
use gatehouse_config::load;
use gatehouse_feed::TICK;
use gatehouse_host::{
    Answer, CalloutId, Closure, ConfigureError, Connection, ConnectionData, Flow, Host,
    NetworkFilter, NetworkModule, Result, Side, StreamId, Timestamp,
};
pub use state::State;
use state::{Hearing, Phase};
use std::cell::Cell;
use std::ops::ControlFlow;
use std::time::Duration;

/// The connection-guard filter with its configuration.
pub struct Filter {
    rules: Rules,
    default: Choice,
    feeds: Vec<Watched>,
    limits: crate::config::Limits,
    limiter: Option<Limiter>,
    first_data: Option<FirstData>,
    server_speaks_first: bool,
    mode: Mode,
    on_error: Choice,
    log: DenialLog,
    /// Whether it was said that the host fails.
    failure_is_logged: Cell<bool>,
    stats: Stats,
    tarpitted: Cell<usize>,
    /// Bytes of all connections that are held.
    pub(crate) held: Cell<usize>,
    /// When places are renewed next, and how often.
    renewal: Option<(Cell<u64>, Duration)>,
}

/// One reading of the clock in one callback, if any.
struct Now<'h> {
    host: &'h dyn Host,
    read: Cell<Option<Timestamp>>,
}

impl<'h> Now<'h> {
    fn new(host: &'h dyn Host) -> Self {
        Self {
            host,
            read: Cell::new(None),
        }
    }

    fn get(&self) -> Result<Timestamp> {
        if let Some(now) = self.read.get() {
            return Ok(now);
        }
        let now = self.host.now()?;
        self.read.set(Some(now));
        Ok(now)
    }
}

impl Filter {
    /// Begins or joins the table, and defines the metrics.
    ///
    /// # Errors
    /// Where the host refuses one of them.
    pub fn new(config: Config, host: &dyn Host) -> std::result::Result<Self, ConfigureError> {
        let names: Vec<String> = config
            .rules
            .iter()
            .map(|rule| rule.name.to_string())
            .collect();
        let stats = Stats::define(&names, config.feeds.iter().map(|(name, _)| &**name), host)?;
        let limiter = Limiter::open(&config.limits, config.slots, stats.evicted, host)?;
        let renewal = limiter.as_ref().and_then(Limiter::renewal_period);
        let feeds = config.feeds.into_iter();
        let feeds = feeds.map(|(name, feed)| Watched::new(name, feed));
        Ok(Self {
            rules: Rules::new(config.rules),
            default: config.default,
            feeds: feeds.collect(),
            limits: config.limits,
            limiter,
            first_data: config.first_data,
            server_speaks_first: config.server_speaks_first,
            mode: config.mode,
            on_error: config.on_error,
            log: DenialLog::new(config.denial_log),
            failure_is_logged: Cell::new(false),
            stats,
            tarpitted: Cell::new(0),
            held: Cell::new(0),
            renewal: renewal.map(|period| (Cell::new(0), period)),
        })
    }

    fn take_data(
        &self,
        connection: &Connection<'_>,
        data: &ConnectionData<'_>,
        state: &mut State,
    ) -> Result<Flow> {
        let host = connection.host();
        match state.phase {
            Phase::Open => Ok(match self.pass(Side::Downstream, data, state, host) {
                Some(reason) => self.close(connection, state, reason),
                None => Flow::Continue,
            }),
            Phase::First => self.hear(connection, data, state, &Now::new(host)),
            Phase::New | Phase::Feed | Phase::Tarpit => {
                if state.phase == Phase::Feed {
                    self.take_in(connection, data, state)?;
                }
                Ok(match state.until {
                    Some(until) => Flow::Wait { until },
                    None => self.deny(connection, state, Reason::HostFailed, None),
                })
            }
            Phase::Over => Ok(Flow::Continue),
        }
    }

    /// Takes note of what is held of a connection. Closes it where that is too much together, and in the tarpit where it is
    /// more than anybody needs to say.
    fn hold(&self, connection: &Connection<'_>, size: usize, state: &mut State) -> Option<Flow> {
        self.note_held(state, size);
        let is_in_tarpit = state.phase == Phase::Tarpit;
        let most = self.first_data.unwrap_or_default().most.bytes();
        let fits = size == 0 || self.held.get() <= self.limits.held_bytes;
        if fits && !(is_in_tarpit && size > most) {
            return None;
        }
        self.note_held(state, 0);
        // Who is in the tarpit is denied and counted already.
        Some(match is_in_tarpit {
            true => self.end_of_tarpit(state),
            false => self.deny(connection, state, Reason::Limit(Limit::HeldBytes), None),
        })
    }
}

impl NetworkFilter for Filter {
    type State = State;

    const WANTS_DOWNSTREAM_DATA: bool = true;
    const WANTS_UPSTREAM_DATA: bool = true;
    const WANTS_DEADLINES: bool = true;
    const WANTS_END: bool = true;

    fn connection(&self, connection: &Connection<'_>, state: &mut State) -> Result<Flow> {
        let now = Now::new(connection.host());
        let flow = self.admit(connection, state, &now);
        Ok(self.or_on_error(connection, state, flow))
    }

    fn downstream_data(
        &self,
        connection: &Connection<'_>,
        data: &ConnectionData<'_>,
        state: &mut State,
    ) -> Result<Flow> {
        let before = state.phase;
        let flow = self.take_data(connection, data, state);
        let flow = self.or_on_error(connection, state, flow);
        if let Flow::Wait { .. } = flow {
            return Ok(self.hold(connection, data.len(), state).unwrap_or(flow));
        }
        self.note_held(state, 0);
        // What was held goes on now, and counts.
        if flow == Flow::Continue
            && before != Phase::Open
            && state.phase == Phase::Open
            && let Some(reason) = self.pass_held(data.len(), state, connection.host())
        {
            return Ok(self.close(connection, state, reason));
        }
        Ok(flow)
    }

    fn upstream_data(
        &self,
        connection: &Connection<'_>,
        data: &ConnectionData<'_>,
        state: &mut State,
    ) -> Result<ControlFlow<Closure>> {
        let host = connection.host();
        let flow = match state.phase {
            Phase::Open | Phase::Over => Flow::Continue,
            Phase::First => {
                let flow = self.hear_server(connection, data, state, &Now::new(host));
                self.or_on_error(connection, state, flow)
            }
            // Nobody behind this filter was told of it, or it is to hear nothing more.
            Phase::New | Phase::Feed => self.deny(connection, state, Reason::Default, None),
            Phase::Tarpit => self.end_of_tarpit(state),
        };
        let flow = match (flow, state.phase) {
            (Flow::Continue, Phase::Open) => match self.pass(Side::Upstream, data, state, host) {
                Some(reason) => self.close(connection, state, reason),
                None => Flow::Continue,
            },
            // It cannot be held: only a client that is heard is.
            (Flow::Wait { .. }, _) => self.end_of_tarpit(state),
            (flow, _) => flow,
        };
        Ok(match flow {
            Flow::Close(closure) => {
                self.note_held(state, 0);
                ControlFlow::Break(closure)
            }
            // What is held of the client still is: see `hear_server`.
            Flow::Continue | Flow::Wait { .. } => ControlFlow::Continue(()),
        })
    }

    fn deadline(&self, state: &State) -> Option<Timestamp> {
        state.deadline()
    }

    fn due(&self, connection: &Connection<'_>, state: &mut State) -> Result<Flow> {
        let host = connection.host();
        let flow = self.time_has_come(connection, state, &Now::new(host));
        let flow = self.or_on_error(connection, state, flow);
        if let Flow::Wait { .. } = flow {
            return Ok(flow);
        }
        let held = state.held;
        self.note_held(state, 0);
        // It is not handed over once more: the filters behind this one get it now.
        if flow == Flow::Continue
            && held > 0
            && state.phase == Phase::Open
            && let Some(reason) = self.pass_held(held, state, host)
        {
            return Ok(self.close(connection, state, reason));
        }
        Ok(flow)
    }

    fn wants_more(&self, state: &State) -> bool {
        state.wants_more()
    }

    fn ended(&self, connection: &Connection<'_>, mut state: State) {
        let host = connection.host();
        self.note_held(&mut state, 0);
        match state.phase {
            Phase::Tarpit => self.leave_tarpit(),
            Phase::New | Phase::Feed | Phase::First => host.increment(self.stats.undecided, 1),
            Phase::Open | Phase::Over => {}
        }
        self.settle(state, host);
    }

    fn answered(&self, callout: CalloutId, answer: &Answer<'_>, wake: &mut Vec<StreamId>) {
        self.take_answer(callout, answer, wake);
    }

    fn tick(&self, host: &dyn Host, wake: &mut Vec<StreamId>) {
        self.keep_lists_fresh(host, wake);
        self.renew(host);
    }

    fn tick_period(&self) -> Option<Duration> {
        Some(TICK)
    }
}

impl NetworkModule for Filter {
    const NAME: &'static str = "connection_guard";

    fn configure(
        configuration: &[u8],
        environment: &dyn Fn(&str) -> Option<String>,
        host: &dyn Host,
    ) -> std::result::Result<Self, ConfigureError> {
        let config = load(configuration, &environment)
            .map_err(|problems| ConfigureError::Configuration(problems.to_string()))?;
        Self::new(config, host)
    }
}
