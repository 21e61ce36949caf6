//! The counters. Envoy shows them as `wasmcustom.gatehouse.connection_guard.<what>.<label>.<name>`.
//!
//! Each connection that was decided on is in exactly one of `allowed`, `denied` and `would_deny` when it is; one that
//! ended before is in `undecided`. One that was allowed, and then broke a limit, is in `closed` too.

use crate::config::Protocol;
use crate::limiter::Limit;
use gatehouse_feed::Event;
use gatehouse_host::{Counter, Host, Metrics, Result};

/// Why a connection is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// By the place of the rule.
    Rule(usize),
    /// No rule is about it.
    Default,
    Limit(Limit),
    /// A list is not there, by the place of the feed.
    FeedMissing(usize),
    /// A limit cannot be decided on.
    LimitFailed(Limit),
    /// The host does not say what a rule asks for.
    HostFailed,
    /// It begins as TLS, rules ask what it says, and it cannot be read.
    MalformedTls,
}

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Denied,
    WouldDeny,
    /// After it was allowed.
    Closed,
    WouldClose,
}

/// One fate, by its reasons.
struct Fates {
    rules: Vec<Counter>,
    limits: Vec<Counter>,
    default: Counter,
    feed_missing: Counter,
    limit_failed: Counter,
    host_failed: Counter,
    malformed_tls: Counter,
}

/// One feed.
struct FeedStats {
    fetched: Counter,
    not_modified: Counter,
    failed: Counter,
}

pub(crate) struct Stats {
    allowed: Vec<Counter>,
    allowed_by_default: Counter,
    allowed_on_error: Counter,
    denied: Fates,
    would_deny: Fates,
    closed: Fates,
    would_close: Fates,
    tarpitted: Vec<Counter>,
    protocols: Vec<Counter>,
    feeds: Vec<FeedStats>,
    pub(crate) undecided: Counter,
    /// Let past a limit that could not be decided.
    pub(crate) unlimited: Counter,
    pub(crate) evicted: Counter,
    pub(crate) not_released: Counter,
    pub(crate) not_charged: Counter,
}

impl Stats {
    pub(crate) fn define<'n>(
        rules: &[String],
        feeds: impl Iterator<Item = &'n str>,
        host: &dyn Host,
    ) -> Result<Self> {
        let counter =
            |what: &str| host.define_counter(&format!("gatehouse.connection_guard.{what}"));
        let of_rules = |what: &str| {
            let rules = rules.iter();
            rules
                .map(|rule| counter(&format!("{what}.rule.{rule}")))
                .collect::<Result<Vec<_>>>()
        };
        let fates = |what: &str| {
            let reason = |reason: &str| counter(&format!("{what}.reason.{reason}"));
            let limits = Limit::ALL.iter();
            Ok(Fates {
                rules: of_rules(what)?,
                limits: limits
                    .map(|(_, name)| counter(&format!("{what}.limit.{name}")))
                    .collect::<Result<_>>()?,
                default: reason("default")?,
                feed_missing: reason("feed_missing")?,
                limit_failed: reason("limit_failed")?,
                host_failed: reason("host_failed")?,
                malformed_tls: reason("malformed_tls")?,
            })
        };
        let feed = |name: &str| {
            Ok(FeedStats {
                fetched: counter(&format!("feed_fetched.feed.{name}"))?,
                not_modified: counter(&format!("feed_not_modified.feed.{name}"))?,
                failed: counter(&format!("feed_failed.feed.{name}"))?,
            })
        };
        let protocols = Protocol::ALL.iter();
        Ok(Self {
            allowed: of_rules("allowed")?,
            allowed_by_default: counter("allowed.reason.default")?,
            allowed_on_error: counter("allowed.reason.on_error")?,
            denied: fates("denied")?,
            would_deny: fates("would_deny")?,
            closed: fates("closed")?,
            would_close: fates("would_close")?,
            tarpitted: of_rules("tarpitted")?,
            protocols: protocols
                .map(|(_, name)| counter(&format!("spoken.protocol.{name}")))
                .collect::<Result<_>>()?,
            feeds: feeds.map(feed).collect::<Result<_>>()?,
            undecided: counter("undecided")?,
            unlimited: counter("unlimited")?,
            evicted: counter("evicted")?,
            not_released: counter("not_released")?,
            not_charged: counter("not_charged")?,
        })
    }

    /// A connection goes on: by a rule, or by the default.
    pub(crate) fn count_allowed(&self, rule: Option<usize>, host: &dyn Metrics) {
        let counter = match rule {
            Some(place) => self.allowed.get(place).copied(),
            None => Some(self.allowed_by_default),
        };
        count(counter, host);
    }

    /// A connection goes on since nothing could be decided, and `on_error` says so.
    pub(crate) fn count_allowed_on_error(&self, host: &dyn Metrics) {
        host.increment(self.allowed_on_error, 1);
    }

    pub(crate) fn count_fate(&self, fate: Fate, reason: Reason, host: &dyn Metrics) {
        let fates = match fate {
            Fate::Denied => &self.denied,
            Fate::WouldDeny => &self.would_deny,
            Fate::Closed => &self.closed,
            Fate::WouldClose => &self.would_close,
        };
        let counter = match reason {
            Reason::Rule(place) => fates.rules.get(place).copied(),
            Reason::Limit(limit) => {
                let place = Limit::ALL.iter().position(|(known, _)| *known == limit);
                place.and_then(|place| fates.limits.get(place).copied())
            }
            Reason::Default => Some(fates.default),
            Reason::FeedMissing(_) => Some(fates.feed_missing),
            Reason::LimitFailed(_) => Some(fates.limit_failed),
            Reason::HostFailed => Some(fates.host_failed),
            Reason::MalformedTls => Some(fates.malformed_tls),
        };
        count(counter, host);
    }

    pub(crate) fn count_tarpitted(&self, rule: usize, host: &dyn Metrics) {
        count(self.tarpitted.get(rule).copied(), host);
    }

    pub(crate) fn count_protocol(&self, protocol: Protocol, host: &dyn Metrics) {
        let place = Protocol::ALL
            .iter()
            .position(|(known, _)| *known == protocol);
        count(
            place.and_then(|place| self.protocols.get(place).copied()),
            host,
        );
    }

    pub(crate) fn count_feed(&self, feed: usize, event: Event, host: &dyn Metrics) {
        let feed = self.feeds.get(feed);
        let counter = feed.map(|feed| match event {
            Event::Fetched => feed.fetched,
            Event::NotModified => feed.not_modified,
            Event::Failed => feed.failed,
        });
        count(counter, host);
    }
}

fn count(counter: Option<Counter>, host: &dyn Metrics) {
    if let Some(counter) = counter {
        host.increment(counter, 1);
    }
}
