//! What the log says of a service that fails: that it does, once, and once more when it works again; that at
//! most once a minute, since it may fail for some requests and work for others.

use super::outcome::Failure;
use gatehouse_host::{Host, Level, Timestamp};
use std::cell::Cell;
use std::time::Duration;

/// For so long after it was said that the service fails, that is not said again.
const QUIET: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Outage {
    is_said: Cell<bool>,
    said: Cell<Option<Timestamp>>,
}

impl Outage {
    /// The service told us nothing.
    pub(super) fn failed(&self, failure: &Failure, host: &dyn Host) {
        if self.is_said.get() {
            return;
        }
        let now = host.now().unwrap_or(Timestamp::from_nanos(0));
        let just_now = |said: Timestamp| said <= now && now < said.after(QUIET);
        if self.said.get().is_some_and(just_now) {
            return;
        }
        self.is_said.set(true);
        self.said.set(Some(now));
        let message = format!("rate_limit: the service fails: {failure}");
        host.log(Level::Warn, &message);
    }

    /// The service told us something.
    pub(super) fn over(&self, host: &dyn Host) {
        if self.is_said.replace(false) {
            host.log(Level::Info, "rate_limit: the service works again");
        }
    }
}
