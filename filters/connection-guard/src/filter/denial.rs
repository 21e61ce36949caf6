//! What is denied, closed and held: done, or in report mode counted.

use super::deadlines::after;
use super::{Filter, Now, Phase, State};
use crate::config::Mode;
use crate::rules::Said;
use crate::stats::{Fate, Reason};
use gatehouse_config::Duration;
use gatehouse_host::{Closure, Connection, Flow, Host, Result};

/// What would have been denied, in report mode: `%FILTER_STATE(wasm.gatehouse.would_deny:PLAIN)%`.
const WOULD_DENY: &str = "gatehouse.would_deny";

/// No more of a server's name is in a line of the log.
const LONGEST_SHOWN: usize = 100;

impl Filter {
    /// Denies a connection that has not gone on.
    pub(super) fn deny(
        &self,
        connection: &Connection<'_>,
        state: &mut State,
        reason: Reason,
        said: Option<&Said>,
    ) -> Flow {
        self.count_denial(connection.host(), reason, false);
        self.finish(connection, state, reason, said)
    }

    /// Ends a connection that has gone on.
    pub(super) fn close(
        &self,
        connection: &Connection<'_>,
        state: &mut State,
        reason: Reason,
    ) -> Flow {
        self.count_denial(connection.host(), reason, true);
        self.finish(connection, state, reason, None)
    }

    fn count_denial(&self, host: &dyn Host, reason: Reason, has_gone_on: bool) {
        let fate = match (self.mode, has_gone_on) {
            (Mode::Enforce, false) => Fate::Denied,
            (Mode::Report, false) => Fate::WouldDeny,
            (Mode::Enforce, true) => Fate::Closed,
            (Mode::Report, true) => Fate::WouldClose,
        };
        self.stats.count_fate(fate, reason, host);
    }

    /// What of it is held is given back at its end; nothing more is decided on it.
    fn finish(
        &self,
        connection: &Connection<'_>,
        state: &mut State,
        reason: Reason,
        said: Option<&Said>,
    ) -> Flow {
        let host = connection.host();
        let name = self.name(reason);
        if state.phase == Phase::Tarpit {
            self.leave_tarpit();
        }
        state.phase = Phase::Over;
        state.hearing = None;
        self.say(connection, state, said, &name);
        if self.mode == Mode::Enforce {
            return Flow::Close(Closure { reason: name });
        }
        // For the log alone: a connection that has it not is no other one.
        let _ = host.set_property(WOULD_DENY, format!("connection_guard.{name}").as_bytes());
        Flow::Continue
    }

    /// What is over stays so, whatever fails later.
    pub(super) fn stay_over(&self) -> Flow {
        match self.mode {
            Mode::Enforce => Flow::Close(Closure {
                reason: self.name(Reason::HostFailed),
            }),
            Mode::Report => Flow::Continue,
        }
    }

    /// Holds a connection to close it later.
    pub(super) fn tarpit(
        &self,
        connection: &Connection<'_>,
        state: &mut State,
        rule: usize,
        delay: Duration,
        said: Option<&Said>,
        now: &Now<'_>,
    ) -> Result<Flow> {
        let reason = Reason::Rule(rule);
        if self.mode == Mode::Report || self.tarpitted.get() >= self.limits.tarpitted {
            return Ok(self.deny(connection, state, reason, said));
        }
        let until = after(now.get()?, delay.as_nanos());
        let host = connection.host();
        self.count_denial(host, reason, false);
        self.stats.count_tarpitted(rule, host);
        self.say(connection, state, said, &self.name(reason));
        if let Some(limiter) = &self.limiter
            && let Err(failed) = limiter.release(std::mem::take(&mut state.tickets), host)
        {
            host.increment(self.stats.not_released, failed);
        }
        self.tarpitted.set(self.tarpitted.get().saturating_add(1));
        state.phase = Phase::Tarpit;
        state.hearing = None;
        state.rule = rule;
        state.until = Some(until);
        Ok(Flow::Wait { until })
    }

    /// Closes what was held for that.
    pub(super) fn end_of_tarpit(&self, state: &mut State) -> Flow {
        if state.phase == Phase::Tarpit {
            self.leave_tarpit();
        }
        state.phase = Phase::Over;
        Flow::Close(Closure {
            reason: self.name(Reason::Rule(state.rule)),
        })
    }

    pub(super) fn leave_tarpit(&self) {
        self.tarpitted.set(self.tarpitted.get().saturating_sub(1));
    }

    fn say(&self, connection: &Connection<'_>, state: &State, said: Option<&Said>, reason: &str) {
        let what = match self.mode {
            Mode::Enforce => "denied",
            Mode::Report => "would deny",
        };
        self.log.say(connection.host(), || {
            let source = state
                .source
                .map_or("no address".to_owned(), |source| source.to_string());
            let protocol = said.and_then(|said| said.protocol);
            let protocol =
                protocol.map_or(String::new(), |protocol| format!(", {}", protocol.name()));
            let sni = said
                .and_then(Said::server_name)
                .map_or(String::new(), |name| {
                    let name: String = name.chars().take(LONGEST_SHOWN).collect();
                    format!(", server name {name:?}")
                });
            format!("{what} {source}{protocol}{sni}: {reason}")
        });
    }

    /// `rule.drop`, in filter state and log.
    fn name(&self, reason: Reason) -> String {
        match reason {
            Reason::Rule(place) => {
                let name = self.rules.at(place).map_or("", |rule| &*rule.name);
                format!("rule.{name}")
            }
            Reason::Default => "default".to_owned(),
            Reason::Limit(limit) => format!("limit.{}", limit.name()),
            Reason::FeedMissing(place) => {
                let name = self.feeds.get(place).map_or("", |watched| &*watched.name);
                format!("feed_missing.{name}")
            }
            Reason::LimitFailed(limit) => format!("limit_failed.{}", limit.name()),
            Reason::HostFailed => "host_failed".to_owned(),
            Reason::MalformedTls => "malformed_tls".to_owned(),
        }
    }
}
