//! What the log says of a service that fails: that it does, once, and once more when it works again; that at
//! most once a minute, since it may fail for some requests and work for others, which strangers choose.

use gatehouse_host::{Host, Level, Log, Timestamp};
use std::cell::Cell;
use std::fmt::Display;
use std::time::Duration;

/// For so long after it was said that the service fails, that is not said again.
const QUIET: Duration = Duration::from_secs(60);

/// What was said of one service, in one worker.
#[derive(Debug)]
pub struct Outage {
    calls: Box<str>,
    is_said: Cell<bool>,
    said: Cell<Option<Timestamp>>,
}

impl Outage {
    /// Nothing was said yet. `calls` is what fails and works, in the plural, after who says it:
    /// `auth: provider opaque: callouts`.
    pub fn new(calls: impl Into<Box<str>>) -> Self {
        Self {
            calls: calls.into(),
            is_said: Cell::new(false),
            said: Cell::new(None),
        }
    }

    /// The service told us nothing.
    pub fn failed(&self, why: &dyn Display, host: &dyn Host) {
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
        host.log(Level::Warn, &format!("{} fail: {why}", self.calls));
    }

    /// The service told us something.
    pub fn over(&self, host: &dyn Log) {
        if self.is_said.replace(false) {
            host.log(Level::Info, &format!("{} work again", self.calls));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatehouse_host_fake::FakeHost;

    #[test]
    fn what_is_said_when() {
        type Step = (&'static str, u64, bool, Option<&'static str>);
        let steps: [Step; 9] = [
            ("works", 0, true, None),
            ("fails", 0, false, Some("Warn: calls fail: down")),
            ("fails again", 30, false, None),
            ("works again", 40, true, Some("Info: calls work again")),
            ("goes on to work", 41, true, None),
            ("fails within a minute", 59, false, None),
            ("works again, after what was not said", 59, true, None),
            (
                "fails after a minute",
                60,
                false,
                Some("Warn: calls fail: down"),
            ),
            (
                "the clock was set back",
                10,
                true,
                Some("Info: calls work again"),
            ),
        ];
        let host = FakeHost::default();
        let outage = Outage::new("calls");
        let mut lines = 0;
        for (name, second, works, said) in steps {
            host.set_now(FakeHost::START.after(Duration::from_secs(second)));
            match works {
                true => outage.over(&host),
                false => outage.failed(&"down", &host),
            }
            let log = host.log_lines();
            let new: Vec<&str> = log.iter().skip(lines).map(String::as_str).collect();
            assert_eq!(new, said.into_iter().collect::<Vec<_>>(), "{name}");
            lines = log.len();
        }
        // Its minute would be long in the future.
        host.set_now(FakeHost::START);
        outage.failed(&"down", &host);
        assert_eq!(host.log_lines().len(), lines + 1);
    }
}
