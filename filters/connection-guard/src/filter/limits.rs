//! What limits say of a connection: when it comes, as its bytes pass, and when it ends.

use super::{Filter, Now, Phase, State};
use crate::config::{Choice, Mode};
use crate::limiter::Refused;
use crate::stats::Reason;
use crate::traffic::{Counted, Traffic};
use gatehouse_host::{Connection, ConnectionData, Flow, Host, Result, Side, Timestamp};
use std::time::Duration;

const SECOND_NS: u64 = 1_000_000_000;

impl Filter {
    /// Asks the limits of a new connection: nothing where it may go on.
    pub(super) fn limit(
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
        match limiter.admit(source, now.get()?.as_nanos(), host) {
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

    /// Has `tcp_proxy` close a connection that is idle, some time after this filter has: what is closed here lasts until the client
    /// has read what is on its way to it. A client that reads nothing would have its place for good.
    pub(super) fn bound_idle(&self, connection: &Connection<'_>) -> Result<()> {
        match (self.limits.idle, self.mode) {
            (Some(idle), Mode::Enforce) => {
                // At least a second later: this one looks four times, on ticks, and is to be the first.
                let nanos = idle.as_nanos();
                let timeout =
                    Duration::from_nanos(nanos.saturating_add((nanos / 2).max(SECOND_NS)));
                connection.set_idle_timeout(timeout)
            }
            _ => Ok(()),
        }
    }

    /// Lets a connection go on, and begins to watch it.
    pub(super) fn open(&self, state: &mut State, has_spoken: bool, now: &Now<'_>) -> Result<()> {
        self.set_deadlines(state, has_spoken, now)?;
        self.begin_to_watch(state);
        Ok(())
    }

    pub(super) fn begin_to_watch(&self, state: &mut State) {
        state.phase = Phase::Open;
        state.until = None;
        state.hearing = None;
        let bytes = self.limits.bytes;
        if bytes.any() && state.traffic.is_none() {
            let source = state.source.map(|source| source.ip());
            let most = [bytes.received, bytes.sent];
            state.traffic = Some(Box::new(Traffic::new(most, source, self.limiter.as_ref())));
        }
    }

    /// Counts what passes of a connection that goes on.
    pub(super) fn pass(
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

    /// Counts what the client said before it was let on: `size` bytes that are held, and in report mode those that went on
    /// before it was decided on.
    pub(super) fn pass_held(
        &self,
        size: usize,
        state: &mut State,
        host: &dyn Host,
    ) -> Option<Reason> {
        let passed = size.saturating_add(std::mem::take(&mut state.passed_before));
        if passed > 0 {
            state.is_active = true;
            state.silent_until = None;
        }
        let traffic = state.traffic.as_mut()?;
        let counted = traffic.count(Side::Downstream, passed, self.limiter.as_ref(), host);
        self.reason_of(counted, host)
    }

    /// Takes note of how many bytes of a connection are held.
    pub(super) fn note_held(&self, state: &mut State, held: usize) {
        let others = self.held.get().saturating_sub(state.held);
        self.held.set(others.saturating_add(held));
        state.held = held;
    }

    /// Goes on counting the places that this worker's connections hold.
    pub(super) fn renew(&self, host: &dyn Host) {
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

    /// Charges the last bytes of a connection, and gives its places back.
    pub(super) fn settle(&self, state: State, host: &dyn Host) {
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
}
