//! What is decided though nothing happens.

use super::{Filter, Now, Phase, State};
use crate::config::Mode;
use crate::limiter::Limit;
use crate::stats::Reason;
use gatehouse_config::Duration;
use gatehouse_host::{Connection, Flow, Result, Timestamp};

/// Looks at whether a connection is idle in each idle time: it is closed after one to one and a quarter of it. Reading
/// the clock for every piece of data would tell it exactly, for a host call each.
const LOOKS: u8 = 4;

impl Filter {
    /// Sets the deadlines of a connection that goes on from now.
    pub(super) fn set_deadlines(
        &self,
        state: &mut State,
        has_spoken: bool,
        now: &Now<'_>,
    ) -> Result<()> {
        let in_time = |duration: Option<Duration>| -> Result<Option<Timestamp>> {
            Ok(match duration {
                Some(duration) => Some(after(now.get()?, duration.as_nanos())),
                None => None,
            })
        };
        state.ends = in_time(self.limits.duration)?;
        state.idle_check = match self.limits.idle {
            Some(idle) => Some(after(now.get()?, idle.as_nanos() / u64::from(LOOKS))),
            None => None,
        };
        // What is held of it is something said.
        if !has_spoken && state.held == 0 {
            state.silent_until = in_time(self.first_data.map(|first| first.within))?;
        }
        Ok(())
    }

    /// Decides on a connection whose wait or deadline is over, or that was woken.
    pub(super) fn time_has_come(
        &self,
        connection: &Connection<'_>,
        state: &mut State,
        now: &Now<'_>,
    ) -> Result<Flow> {
        if state.phase == Phase::First
            && let Some(said) = state.take_said()
        {
            return self.judge(connection, state, said, true, now);
        }
        match state.phase {
            Phase::Feed => self.admit(connection, state, now),
            Phase::First if is_over(state.until, now)? => {
                Ok(self.deny(connection, state, Reason::Limit(Limit::FirstDataTime), None))
            }
            Phase::Tarpit if is_over(state.until, now)? => Ok(self.end_of_tarpit(state)),
            Phase::First | Phase::Tarpit => Ok(match (state.until, self.mode) {
                (Some(until), Mode::Enforce) => Flow::Wait { until },
                _ => Flow::Continue,
            }),
            Phase::Open => self.watch(connection, state, now),
            Phase::New | Phase::Over => Ok(Flow::Continue),
        }
    }

    fn watch(&self, connection: &Connection<'_>, state: &mut State, now: &Now<'_>) -> Result<Flow> {
        if is_over(state.ends, now)? {
            state.ends = None;
            return Ok(self.close(connection, state, Reason::Limit(Limit::Duration)));
        }
        if is_over(state.silent_until, now)? {
            state.silent_until = None;
            return Ok(self.close(connection, state, Reason::Limit(Limit::FirstDataTime)));
        }
        if is_over(state.idle_check, now)? {
            state.quiet = match std::mem::take(&mut state.is_active) {
                true => 0,
                false => state.quiet.saturating_add(1),
            };
            if state.quiet >= LOOKS {
                state.idle_check = None;
                return Ok(self.close(connection, state, Reason::Limit(Limit::Idle)));
            }
            if let Some(idle) = self.limits.idle {
                let next = after(now.get()?, idle.as_nanos() / u64::from(LOOKS));
                state.idle_check = Some(next);
            }
        }
        Ok(Flow::Continue)
    }
}

/// Whether a time there may be has come.
fn is_over(time: Option<Timestamp>, now: &Now<'_>) -> Result<bool> {
    Ok(match time {
        Some(time) => time <= now.get()?,
        None => false,
    })
}

pub(super) fn after(now: Timestamp, nanos: u64) -> Timestamp {
    now.after(std::time::Duration::from_nanos(nanos))
}
