//! The end of a fetch: the lease is given back with what came of it, and said where that is news.

use super::{Call, Core, Flight};
use crate::shared::{Lease, State, has_come};
use crate::trouble::Trouble;
use crate::{Event, lifetime};
use gatehouse_host::Level;
use std::time::Duration;

impl Core {
    pub(super) fn succeeded(
        &self,
        call: &Call<'_>,
        flight: &Flight,
        document: u64,
        lifetime: Duration,
        event: Event,
    ) {
        let due = call.now.after(lifetime::ahead(lifetime, flight.random));
        let ended = self.end(call, flight, &|state| {
            state.document = document;
            state.fresh_until = call.now.after(lifetime).as_nanos();
            state.due = due.as_nanos();
            state.failures = 0;
            state.trouble = 0;
        });
        (call.count)(event);
        match ended {
            Some(before) if before.failures > 0 => {
                let failures = before.failures;
                let line = format!("fetched, after {failures} failures");
                self.log(call.host, Level::Info, &line);
            }
            Some(before) if before.document == 0 => self.log(call.host, Level::Info, "fetched"),
            _ => {}
        }
    }

    pub(super) fn failed(&self, call: &Call<'_>, flight: &Flight, trouble: &Trouble) {
        let number = trouble.number();
        let ended = self.end(call, flight, &|state| {
            state.failures = state.failures.saturating_add(1);
            state.trouble = number;
            let pause = lifetime::pause(state.failures, flight.random);
            state.due = call.now.after(pause).as_nanos();
        });
        (call.count)(Event::Failed);
        if ended.is_some_and(|before| before.trouble != number) {
            let rest = match ended.map(|before| before.document) {
                Some(0) | None => "there is none yet",
                Some(_) => "the last good one stays",
            };
            let line = format!("cannot be fetched: {trouble}; {rest}");
            self.log(call.host, Level::Warn, &line);
        }
    }

    /// Gives the lease back with what came of the fetch, and says what the state was before. Nothing
    /// where the lease has gone to somebody else, who then says more.
    fn end(&self, call: &Call<'_>, flight: &Flight, change: &dyn Fn(&mut State)) -> Option<State> {
        let ended = State::change(call.host, &self.state_key, &|state| {
            let ours = state.lease == flight.lease;
            // The period of fetches on demand begins with their end.
            let (now, period) = (call.now, self.settings.on_demand);
            if flight.on_demand || !has_come(state.want_after, now.as_nanos(), period) {
                state.want_after = now.after(period).as_nanos();
            }
            change(state);
            state.lease = Lease::default();
            ours
        });
        match ended {
            Ok(Some((before, after))) => {
                self.state.set(after);
                Some(before)
            }
            Ok(None) => {
                self.look(call);
                None
            }
            Err(error) => {
                self.log(call.host, Level::Error, &error.to_string());
                None
            }
        }
    }
}
