//! Which rule decides on a connection, and what is done then.

use super::feeds::Listed;
use super::{Filter, Now, Phase, State};
use crate::config::{Action, Choice, Mode};
use crate::rules::{Decision, Facts, Said};
use crate::stats::Reason;
use gatehouse_host::{Connection, Flow, Level, Result, Timestamp};

/// What came of going through the rules.
pub(super) enum Found {
    Decision(Decision),
    /// A list is being fetched.
    Wait(Timestamp),
}

impl Filter {
    /// Decides on what is known when a connection comes.
    pub(super) fn admit(
        &self,
        connection: &Connection<'_>,
        state: &mut State,
        now: &Now<'_>,
    ) -> Result<Flow> {
        if self.rules.needs.port {
            state.port = connection.destination()?.map(|address| address.port());
        }
        state.source = connection.source()?;
        match self.decide(connection, state, None, true, now)? {
            Found::Decision(Decision::Undecided) => {
                if let Some(flow) = self.limit(connection, state, now)? {
                    return Ok(flow);
                }
                self.bound_idle(connection)?;
                self.listen(connection, state, now)
            }
            Found::Decision(decision) => self.act(connection, state, decision, now),
            Found::Wait(until) => {
                state.phase = Phase::Feed;
                state.until = Some(until);
                self.begin_to_hear(state);
                Ok(Flow::Wait { until })
            }
        }
    }

    /// Goes through the rules; or says until when to wait for a list, where the connection can.
    pub(super) fn decide(
        &self,
        connection: &Connection<'_>,
        state: &mut State,
        said: Option<&Said>,
        may_wait: bool,
        now: &Now<'_>,
    ) -> Result<Found> {
        let facts = Facts {
            source: state.source.map(|source| source.ip()),
            port: state.port,
            said,
        };
        let may_wait = may_wait && self.mode == Mode::Enforce;
        let (mut failed, mut wait) = (None, None);
        let mut in_feed = |place: usize| {
            let watched = (place, self.feeds.get(place)?);
            match self.look_up(watched, facts.source?, connection, state, may_wait, now) {
                Ok(Listed::Is(is_in)) => return Some(is_in),
                Ok(Listed::Missing) => {}
                Ok(Listed::Wait(until)) => wait = wait.max(Some(until)),
                Err(error) => failed = Some(error),
            }
            None
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
        if self.is_allowed(decision) {
            if let Some(flow) = self.limit(connection, state, now)? {
                return Ok(flow);
            }
            self.bound_idle(connection)?;
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
    pub(super) fn conclude(
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

    /// What holds where the host fails in the middle of a decision.
    pub(super) fn or_on_error(
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
            (_, Phase::Over) => self.stay_over(),
            (Choice::Deny, Phase::Open) => self.close(connection, state, Reason::HostFailed),
            (Choice::Deny, _) => self.deny(connection, state, Reason::HostFailed, None),
            (Choice::Allow, Phase::Open) => Flow::Continue,
            (Choice::Allow, _) => {
                self.stats.count_allowed_on_error(host);
                let has_spoken = state.phase == Phase::First;
                // As far as the host lets it.
                let _ = self.set_deadlines(state, has_spoken, &Now::new(host));
                self.begin_to_watch(state);
                Flow::Continue
            }
        }
    }
}
