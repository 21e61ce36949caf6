//! The lists that rules name: what of them is there, and who waits for one.

use super::{Filter, Now, State};
use crate::config::FeedConfig;
use crate::rules::missing;
use gatehouse_address_set::document::List;
use gatehouse_config::Identifier;
use gatehouse_feed::{Current, Event, Feed};
use gatehouse_host::{Answer, CalloutId, Connection, Host, Level, Result, StreamId, Timestamp};
use std::cell::RefCell;
use std::net::IpAddr;

/// A feed, and what was said of its entries.
pub(super) struct Watched {
    pub(super) name: Identifier,
    config: FeedConfig,
    feed: Feed<List>,
    /// What was said last of what was left out.
    left_out: RefCell<Option<String>>,
}

/// What a list says of a source.
pub(super) enum Listed {
    Is(bool),
    /// There is no list.
    Missing,
    /// Until then at most.
    Wait(Timestamp),
}

impl Watched {
    pub(super) fn new(name: Identifier, config: FeedConfig) -> Self {
        Self {
            feed: config.feed(&name),
            name,
            config,
            left_out: RefCell::default(),
        }
    }
}

impl Filter {
    /// Whether a source is in a list. A connection waits for a fetch that is under way, once for each list: at the end of that
    /// the list is there, or it is missing.
    pub(super) fn look_up(
        &self,
        (place, watched): (usize, &Watched),
        source: IpAddr,
        connection: &Connection<'_>,
        state: &mut State,
        may_wait: bool,
        now: &Now<'_>,
    ) -> Result<Listed> {
        let host = connection.host();
        let now = now.get()?;
        let count = |event| self.stats.count_feed(place, event, host);
        let current = watched.feed.current(host, now, connection.id(), &count);
        match current {
            Current::Ready(list) => return Ok(Listed::Is(list.addresses.labels(source).has(0))),
            Current::Wait(until) if may_wait => {
                let end = state.wait_for(place, until);
                if now < end {
                    return Ok(Listed::Wait(end));
                }
            }
            Current::Wait(_) | Current::Unavailable => {}
        }
        Ok(missing(watched.config.on_missing).map_or(Listed::Missing, Listed::Is))
    }

    /// Hands every feed what came of a callout: one of them has sent it.
    pub(super) fn take_answer(
        &self,
        callout: CalloutId,
        answer: &Answer<'_>,
        wake: &mut Vec<StreamId>,
    ) {
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

    pub(super) fn keep_lists_fresh(&self, host: &dyn Host, wake: &mut Vec<StreamId>) {
        for (place, watched) in self.feeds.iter().enumerate() {
            let count = |event: Event| self.stats.count_feed(place, event, host);
            watched.feed.tick(host, &count, wake);
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
}
