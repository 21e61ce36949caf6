//! The filter over the host traits.

mod deadlines;
mod denial;
mod hearing;
mod state;

use crate::config::{Action, Choice, Config, FeedConfig, FirstData, Mode};
use crate::denial_log::DenialLog;
use crate::limiter::{Limit, Limiter, Refused};
use crate::rules::{Decision, Facts, Rules, Said, missing};
use crate::stats::{Reason, Stats};
use crate::traffic::{Counted, Traffic};
use gatehouse_address_set::document::List;
use gatehouse_config::{Identifier, load};
use gatehouse_feed::{Current, Event, Feed, TICK};
use gatehouse_host::{
    Answer, CalloutId, Closure, ConfigureError, Connection, ConnectionData, Flow, Host, Level,
    NetworkFilter, NetworkModule, Result, Side, StreamId, Timestamp,
};
pub use state::State;
use state::{Hearing, Phase};
use std::cell::{Cell, RefCell};
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

/// A feed, and what was said of its entries.
struct Watched {
    name: Identifier,
    config: FeedConfig,
    feed: Feed<List>,
    /// What was said last of what was left out.
    left_out: RefCell<Option<String>>,
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
        let limiter = Limiter::open(&config.limits, config.slots, host)?;
        let names: Vec<String> = config
            .rules
            .iter()
            .map(|rule| rule.name.to_string())
            .collect();
        let stats = Stats::define(&names, config.feeds.iter().map(|(name, _)| &**name), host)?;
        let renewal = limiter.as_ref().and_then(Limiter::renewal_period);
        let feeds = config.feeds.into_iter().map(|(name, feed)| Watched {
            feed: feed.feed(&name),
            name,
            config: feed,
            left_out: RefCell::default(),
        });
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

    /// Decides on what is known when a connection comes.
    fn admit(&self, connection: &Connection<'_>, state: &mut State, now: &Now<'_>) -> Result<Flow> {
        if self.rules.needs.port {
            state.port = connection.destination()?.map(|address| address.port());
        }
        state.source = connection.source()?;
        match self.decide(connection, state, None, now)? {
            Found::Decision(Decision::Undecided) => {
                if let Some(flow) = self.limit(connection, state, now)? {
                    return Ok(flow);
                }
                self.listen(state, now)
            }
            Found::Decision(decision) => self.act(connection, state, decision, now),
            Found::Wait(until) => {
                state.phase = Phase::Feed;
                state.until = Some(until);
                Ok(Flow::Wait { until })
            }
        }
    }

    /// Goes through the rules; or says until when to wait for a list.
    fn decide(
        &self,
        connection: &Connection<'_>,
        state: &State,
        said: Option<&Said>,
        now: &Now<'_>,
    ) -> Result<Found> {
        let facts = Facts {
            source: state.source.map(|source| source.ip()),
            port: state.port,
            said,
        };
        // Only what was never held can begin to wait, and it waits once.
        let may_wait = state.phase == Phase::New && self.mode == Mode::Enforce;
        let (mut failed, mut wait) = (None, None);
        let mut in_feed = |place: usize| {
            let watched = self.feeds.get(place)?;
            let source = facts.source?;
            let now = now.get().map_err(|error| failed = Some(error)).ok()?;
            let count = |event| self.stats.count_feed(place, event, connection.host());
            match watched
                .feed
                .current(connection.host(), now, connection.id(), &count)
            {
                Current::Ready(list) => return Some(list.addresses.labels(source).has(0)),
                Current::Wait(until) if may_wait => {
                    wait = Some(until);
                    return None;
                }
                Current::Wait(_) | Current::Unavailable => {}
            }
            missing(watched.config.on_missing)
        };
        let decision = self.rules.decide(&facts, &mut in_feed);
        match (failed, wait, decision) {
            (Some(error), ..) => Err(error),
            // A rule about a list may ask for data too: the list first, or the data would find none.
            (None, Some(until), Decision::Missing(_) | Decision::Undecided) => {
                Ok(Found::Wait(until))
            }
            (None, _, decision) => Ok(Found::Decision(decision)),
        }
    }

    /// Does what a decision says of a connection that was not asked of the limits.
    fn act(
        &self,
        connection: &Connection<'_>,
        state: &mut State,
        decision: Decision,
        now: &Now<'_>,
    ) -> Result<Flow> {
        if self.is_allowed(decision)
            && let Some(flow) = self.limit(connection, state, now)?
        {
            return Ok(flow);
        }
        self.conclude(connection, state, decision, None, now)
    }

    fn is_allowed(&self, decision: Decision) -> bool {
        match decision {
            Decision::Rule(place) => self
                .rules
                .at(place)
                .is_some_and(|rule| rule.action.allows()),
            Decision::Default => self.default == Choice::Allow,
            Decision::Undecided | Decision::Missing(_) => false,
        }
    }

    /// Does what the last decision says.
    fn conclude(
        &self,
        connection: &Connection<'_>,
        state: &mut State,
        decision: Decision,
        said: Option<&Said>,
        now: &Now<'_>,
    ) -> Result<Flow> {
        let place = match decision {
            Decision::Rule(place) => Some(place),
            Decision::Missing(feed) => {
                return Ok(self.deny(connection, state, Reason::FeedMissing(feed), said));
            }
            Decision::Default if self.default == Choice::Allow => None,
            // Nothing is undecided once everything is known.
            Decision::Default | Decision::Undecided => {
                return Ok(self.deny(connection, state, Reason::Default, said));
            }
        };
        let rule = place.and_then(|place| self.rules.at(place));
        match (rule.map(|rule| rule.action), place) {
            (Some(Action::Deny), Some(place)) => {
                return Ok(self.deny(connection, state, Reason::Rule(place), said));
            }
            (Some(Action::Tarpit(tarpit)), Some(place)) => {
                return self.tarpit(connection, state, place, tarpit.delay, said, now);
            }
            _ => {}
        }
        if let Some(cluster) = rule.and_then(|rule| rule.cluster.as_deref())
            && self.mode == Mode::Enforce
        {
            connection.set_cluster(cluster)?;
        }
        self.open(state, said.is_some(), now)?;
        self.stats.count_allowed(place, connection.host());
        Ok(Flow::Continue)
    }

    /// Asks the limits of a new connection: nothing where it may go on.
    fn limit(
        &self,
        connection: &Connection<'_>,
        state: &mut State,
        now: &Now<'_>,
    ) -> Result<Option<Flow>> {
        let Some(limiter) = &self.limiter else {
            return Ok(None);
        };
        let host = connection.host();
        let source = state.source.map(|source| source.ip());
        let evicted = || host.increment(self.stats.evicted, 1);
        match limiter.admit(source, now.get()?.as_nanos(), host, &evicted) {
            Ok(tickets) => {
                state.tickets = tickets;
                Ok(None)
            }
            Err(Refused::Over(limit)) => Ok(Some(self.deny(
                connection,
                state,
                Reason::Limit(limit),
                None,
            ))),
            Err(Refused::Failed(limit, _)) if self.on_error == Choice::Deny => {
                let reason = Reason::LimitFailed(limit);
                Ok(Some(self.deny(connection, state, reason, None)))
            }
            Err(Refused::Failed(..)) => {
                host.increment(self.stats.unlimited, 1);
                Ok(None)
            }
        }
    }

    /// Lets a connection go on, and begins to watch it.
    fn open(&self, state: &mut State, has_spoken: bool, now: &Now<'_>) -> Result<()> {
        self.set_deadlines(state, has_spoken, now)?;
        state.phase = Phase::Open;
        state.until = None;
        state.hearing = None;
        let bytes = self.limits.bytes;
        if bytes.any() && state.traffic.is_none() {
            let source = state.source.map(|source| source.ip());
            let most = [bytes.received, bytes.sent];
            state.traffic = Some(Box::new(Traffic::new(most, source, self.limiter.as_ref())));
        }
        Ok(())
    }

    /// Counts what passes of a connection that goes on.
    fn pass(
        &self,
        side: Side,
        data: &ConnectionData<'_>,
        state: &mut State,
        host: &dyn Host,
    ) -> Option<Reason> {
        if !data.is_empty() {
            state.is_active = true;
            if side == Side::Downstream {
                state.silent_until = None;
            }
        }
        let traffic = state.traffic.as_mut()?;
        // All of it: what was held is handed over once more when it goes on.
        let counted = traffic.count(side, data.len(), self.limiter.as_ref(), host);
        self.reason_of(counted, host)
    }

    /// Why a connection is closed after its bytes were counted; nothing where it may go on.
    fn reason_of(&self, counted: Counted, host: &dyn Host) -> Option<Reason> {
        match counted {
            Counted::Fine => None,
            Counted::Over(limit) => Some(Reason::Limit(limit)),
            Counted::Failed(limit, _) => {
                host.increment(self.stats.not_charged, 1);
                (self.on_error == Choice::Deny).then_some(Reason::LimitFailed(limit))
            }
        }
    }

    /// What holds where the host fails in the middle of a decision.
    fn or_on_error(
        &self,
        connection: &Connection<'_>,
        state: &mut State,
        flow: Result<Flow>,
    ) -> Flow {
        let error = match flow {
            Ok(flow) => return flow,
            Err(error) => error,
        };
        let host = connection.host();
        if !self.failure_is_logged.replace(true) {
            let line =
                format!("gatehouse connection_guard: cannot decide: {error}; not said again");
            host.log(Level::Error, &line);
        }
        match (self.on_error, state.phase) {
            // It is denied already.
            (_, Phase::Tarpit) => self.end_of_tarpit(state),
            (Choice::Deny, Phase::Open) => self.close(connection, state, Reason::HostFailed),
            (Choice::Deny, _) => self.deny(connection, state, Reason::HostFailed, None),
            (Choice::Allow, Phase::Open) => Flow::Continue,
            (Choice::Allow, _) => {
                self.stats.count_allowed_on_error(host);
                state.phase = Phase::Open;
                state.hearing = None;
                Flow::Continue
            }
        }
    }

    /// Says what was left out of a list, when that changes.
    fn note_left_out(&self, host: &dyn Host, now: Timestamp) {
        for watched in &self.feeds {
            let Some(list) = watched.feed.document(now) else {
                continue;
            };
            if *watched.left_out.borrow() != list.left_out {
                if let Some(left_out) = &list.left_out {
                    let name = &watched.name;
                    let line =
                        format!("gatehouse connection_guard: feed {name}: left out {left_out}");
                    host.log(Level::Warn, &line);
                }
                watched.left_out.replace(list.left_out.clone());
            }
        }
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
            Phase::First => {
                let now = Now::new(host);
                let flow = self.hear(connection, data, state, &now);
                let flow = self.or_on_error(connection, state, flow);
                // What was held goes on now, and counts.
                if flow == Flow::Continue
                    && state.phase == Phase::Open
                    && let Some(reason) = self.pass_first(data, state, host)
                {
                    return Ok(self.close(connection, state, reason));
                }
                Ok(flow)
            }
            Phase::New | Phase::Feed | Phase::Tarpit => Ok(match state.until {
                Some(until) => Flow::Wait { until },
                None => self.deny(connection, state, Reason::HostFailed, None),
            }),
            Phase::Over => Ok(Flow::Continue),
        }
    }

    /// Takes note of how many bytes of a connection are held.
    fn note_held(&self, state: &mut State, held: usize) {
        let others = self.held.get().saturating_sub(state.held);
        self.held.set(others.saturating_add(held));
        state.held = held;
    }
}

/// What came of going through the rules.
enum Found {
    Decision(Decision),
    /// A list is being fetched.
    Wait(Timestamp),
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
        let flow = self.take_data(connection, data, state)?;
        let held = match flow {
            Flow::Wait { .. } => data.len(),
            Flow::Continue | Flow::Close(_) => 0,
        };
        self.note_held(state, held);
        if held > 0 && self.held.get() > self.limits.held_bytes {
            self.note_held(state, 0);
            // Who is in the tarpit is denied and counted already.
            return Ok(match state.phase {
                Phase::Tarpit => self.end_of_tarpit(state),
                _ => self.deny(connection, state, Reason::Limit(Limit::HeldBytes), None),
            });
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
            Phase::Open => match self.pass(Side::Upstream, data, state, host) {
                Some(reason) => self.close(connection, state, reason),
                None => Flow::Continue,
            },
            Phase::First => {
                let now = Now::new(host);
                let flow = self.hear_server(connection, data, state, &now);
                let flow = self.or_on_error(connection, state, flow);
                match (&flow, state.phase) {
                    (Flow::Continue, Phase::Open) => {
                        match self.pass(Side::Upstream, data, state, host) {
                            Some(reason) => self.close(connection, state, reason),
                            None => flow,
                        }
                    }
                    _ => flow,
                }
            }
            Phase::Over => Flow::Continue,
            // Nobody behind this filter was told of it, or it is to hear nothing more.
            Phase::New | Phase::Feed | Phase::Tarpit => self.end_of_tarpit(state),
        };
        Ok(match flow {
            Flow::Close(closure) => ControlFlow::Break(closure),
            // It cannot be held: only a client that is heard is.
            Flow::Wait { .. } => ControlFlow::Break(self.tarpit_closure(state)),
            Flow::Continue => ControlFlow::Continue(()),
        })
    }

    fn deadline(&self, state: &State) -> Option<Timestamp> {
        state.deadline()
    }

    fn due(&self, connection: &Connection<'_>, state: &mut State) -> Result<Flow> {
        let now = Now::new(connection.host());
        let flow = self.time_has_come(connection, state, &now);
        let flow = self.or_on_error(connection, state, flow);
        if !matches!(flow, Flow::Wait { .. }) {
            self.note_held(state, 0);
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
        let Some(limiter) = &self.limiter else { return };
        if let Some(traffic) = state.traffic {
            let failed = traffic.settle(limiter, host).len() as u64;
            if failed > 0 {
                host.increment(self.stats.not_charged, failed);
            }
        }
        if let Err(failed) = limiter.release(state.tickets, host) {
            host.increment(self.stats.not_released, failed);
        }
    }

    fn answered(&self, callout: CalloutId, answer: &Answer<'_>, wake: &mut Vec<StreamId>) {
        let host = answer.host();
        for (place, watched) in self.feeds.iter().enumerate() {
            let count = |event: Event| self.stats.count_feed(place, event, host);
            watched.feed.answered(callout, answer, &count, wake);
        }
        if !self.feeds.is_empty()
            && let Ok(now) = host.now()
        {
            self.note_left_out(host, now);
        }
    }

    fn tick(&self, host: &dyn Host, wake: &mut Vec<StreamId>) {
        for (place, watched) in self.feeds.iter().enumerate() {
            let count = |event: Event| self.stats.count_feed(place, event, host);
            watched.feed.tick(host, &count, wake);
        }
        if let (Some((next, period)), Some(limiter)) = (&self.renewal, &self.limiter)
            && let Ok(now) = host.now()
        {
            let (now, due) = (now.as_nanos(), next.get());
            let later = Timestamp::from_nanos(now).after(*period).as_nanos();
            // A clock that was set back makes nothing wait longer than a period.
            if now >= due || due > later {
                next.set(later);
                limiter.renew(host);
            }
        }
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
