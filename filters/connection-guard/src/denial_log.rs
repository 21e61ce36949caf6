//! Lines in the log about denials, no more often than a rate: strangers choose how many denials there are.

use gatehouse_config::Rate;
use gatehouse_gcra::{Decision, Quota, Tat, decide};
use gatehouse_host::{Host, Level};
use std::cell::Cell;
use std::time::Duration;

/// What this worker says of denials.
#[derive(Debug)]
pub(crate) struct DenialLog {
    quota: Option<Quota>,
    state: Cell<Option<Tat>>,
    left_out: Cell<u64>,
}

impl DenialLog {
    /// At most so often; nothing for never.
    pub(crate) fn new(rate: Option<Rate>) -> Self {
        let quota = rate.and_then(|rate| {
            let period = Duration::from_nanos(rate.period().as_nanos());
            Quota::new(rate.count(), period, rate.count()).ok()
        });
        Self {
            quota,
            state: Cell::new(None),
            left_out: Cell::new(0),
        }
    }

    /// Says it, where there is room, and how many were not said before it.
    pub(crate) fn say(&self, host: &dyn Host, line: impl FnOnce() -> String) {
        let Some(quota) = &self.quota else { return };
        let Ok(now) = host.now() else { return };
        let state = self.state.get();
        let decision = decide(quota, state, now.as_nanos(), 1);
        if let Some(next) = decision.to_store(state) {
            self.state.set(Some(next));
        }
        if !matches!(decision, Decision::Admitted { .. }) {
            self.left_out.set(self.left_out.get().saturating_add(1));
            return;
        }
        let more = match self.left_out.take() {
            0 => String::new(),
            count => format!(" ({count} more since the last line)"),
        };
        host.log(
            Level::Info,
            &format!("gatehouse connection_guard: {}{more}", line()),
        );
    }
}
