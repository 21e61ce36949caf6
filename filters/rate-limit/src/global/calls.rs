//! Calls of the service that are under way, and what came of those that requests wait for.
//!
//! 1. A request's own call asks for what it costs, of one limit or several. It is the only one that waits
//!    for it; of limits in report mode, nobody does.
//! 2. A call for a share of a key's quota is one for all requests of this worker that need it, and the only one for
//!    the key. Where its answer is not enough for all of them, what the others cost is known
//!    ([`Calls::waiting_for`]) to the next one, which the first of them sends.
//! 3. A request is woken when nothing that it waits for is under way any longer, and finds what came of it
//!    ([`Calls::landed`]) as the next thing that happens: at the next event what is left is dropped.
//! 4. A call that is not answered a second after its timeout has come to nothing: Envoy answers at the
//!    timeout, and one that answers later finds nobody. Should the clock go back, a call begins anew.
//! 5. There are at most so many calls at once; what needs one more is told so.

use super::outcome::Told;
use crate::store::Address;
use gatehouse_host::{CalloutId, Host, StreamId, Timestamp};
use gatehouse_lease::{Ask, Terms};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// How often calls that are overdue are looked for.
pub(crate) const TICK: Duration = Duration::from_millis(500);

/// How much longer than its timeout a call may take.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

/// How much longer than its call a request waits.
const PATIENCE: Duration = Duration::from_secs(2);

/// As many as requests may wait at once, in one VM.
const MOST: usize = 16 * 1024;

/// A call that is under way.
pub(crate) struct Call {
    pub(crate) began: Timestamp,
    pub(crate) purpose: Purpose,
}

/// What a call is for.
pub(crate) enum Purpose {
    /// A share of the quota of one key.
    Share {
        /// The place of the limit in the configuration.
        limit: usize,
        leased: Leased,
        /// How much was asked for.
        ask: Ask,
        /// They wait for it, and cost so much together.
        streams: Vec<StreamId>,
        costs: u64,
    },
    /// What one request costs.
    Own {
        /// Nobody waits for limits in report mode.
        stream: Option<StreamId>,
        items: Vec<Item>,
    },
}

/// A limit that a request asks about, in the order of the descriptors.
pub(crate) struct Item {
    /// The place of the limit in the configuration.
    pub(crate) limit: usize,
    pub(crate) cost: u64,
    /// Where the limit is leased.
    pub(crate) leased: Option<Leased>,
}

/// Where a lease is, and how it is leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leased {
    pub(crate) address: Address,
    pub(crate) terms: Terms,
}

/// All calls of this worker. Numbers of calls and of streams only rise, and those that began first end first, but for
/// few: sorted queues, which are as fast as hash maps for that and a tenth of the code. Nothing that is done for one
/// call or one request looks at all others.
#[derive(Default)]
pub(crate) struct Calls {
    /// By their numbers. Never borrowed across a host call, nor are the others.
    under_way: RefCell<VecDeque<(u32, Box<Call>)>>,
    /// The calls for shares, by where the lease is: as many as there are keys, if the service is slow.
    shares: RefCell<HashMap<Address, u32>>,
    /// The requests that wait, or were woken just now, by their numbers.
    waiting: RefCell<VecDeque<Waiting>>,
    /// Those that were woken just now.
    woken: RefCell<Vec<StreamId>>,
    /// Where the lease is that they wait for, and what those of them cost that the answer is not enough for.
    unserved: Cell<Option<(Address, u64)>>,
}

/// A request that waits.
struct Waiting {
    stream: u32,
    /// For so many calls; for none, it was woken.
    calls: u32,
    /// Limits, and what is known of them.
    landed: Vec<(usize, Told)>,
}

impl Call {
    pub(crate) fn new(began: Timestamp, purpose: Purpose) -> Self {
        Self { began, purpose }
    }
}

impl Purpose {
    fn streams(&self) -> &[StreamId] {
        match self {
            Self::Share { streams, .. } => streams,
            Self::Own { stream, .. } => stream.as_slice(),
        }
    }
}

impl Calls {
    /// Whether there is room for one more.
    pub(crate) fn has_room(&self) -> bool {
        self.under_way.borrow().len() < MOST
    }

    /// So long a request waits at most for a call that began then: it is woken by the call's end, and can
    /// still be decided on.
    pub(crate) fn deadline(&self, began: Timestamp, timeout: Duration) -> Timestamp {
        began.after(timeout).after(GRACE).after(PATIENCE)
    }

    /// Notes a call that was sent.
    pub(crate) fn sent(&self, callout: CalloutId, call: Call) {
        for stream in call.purpose.streams() {
            self.wait(*stream);
        }
        if let Purpose::Share { leased, .. } = &call.purpose {
            self.shares.borrow_mut().insert(leased.address, callout.0);
            // It asks for them too.
            if self
                .unserved
                .get()
                .is_some_and(|(of, _)| of == leased.address)
            {
                self.unserved.take();
            }
        }
        let mut under_way = self.under_way.borrow_mut();
        let place = under_way.partition_point(|(known, _)| *known < callout.0);
        under_way.insert(place, (callout.0, Box::new(call)));
    }

    /// Lets a request wait for the share of a key that is asked for already; says since when it is, if it is.
    pub(crate) fn join(&self, address: Address, stream: StreamId, cost: u64) -> Option<Timestamp> {
        let shares = self.shares.borrow();
        let callout = shares.get(&address)?;
        let mut under_way = self.under_way.borrow_mut();
        let place = under_way.binary_search_by_key(callout, |(known, _)| *known);
        let (_, call) = under_way.get_mut(place.ok()?)?;
        let Purpose::Share { streams, costs, .. } = &mut call.purpose else {
            return None;
        };
        streams.push(stream);
        *costs = costs.saturating_add(cost);
        self.wait(stream);
        Some(call.began)
    }

    fn wait(&self, stream: StreamId) {
        let mut waiting = self.waiting.borrow_mut();
        let place = waiting.binary_search_by_key(&stream.0, |known| known.stream);
        match place {
            Ok(place) => {
                if let Some(known) = waiting.get_mut(place) {
                    known.calls = known.calls.saturating_add(1);
                }
            }
            Err(place) => waiting.insert(
                place,
                Waiting {
                    stream: stream.0,
                    calls: 1,
                    landed: Vec::new(),
                },
            ),
        }
    }

    /// Does something with a request that waits; nothing with another.
    fn with<T>(&self, stream: StreamId, work: impl FnOnce(&mut Waiting) -> T) -> Option<T> {
        let mut waiting = self.waiting.borrow_mut();
        let place = waiting.binary_search_by_key(&stream.0, |known| known.stream);
        let known = waiting.get_mut(place.ok()?)?;
        (known.calls > 0).then(|| work(known))
    }

    /// Whether a request waits for a call.
    pub(crate) fn is_waiting(&self, stream: StreamId) -> bool {
        self.with(stream, |_| ()).is_some()
    }

    /// Forgets that a request waits: it can wait no longer. What comes of its calls finds nobody.
    pub(crate) fn give_up(&self, stream: StreamId) {
        self.landed(stream);
    }

    /// Ends a call, and says when it began; nothing for somebody else's.
    pub(crate) fn answered(&self, callout: CalloutId) -> Option<Call> {
        self.drop_landed();
        self.end(callout.0)
    }

    /// Ends the calls that should have been answered.
    pub(crate) fn overdue(&self, host: &dyn Host, timeout: Duration) -> Vec<Purpose> {
        self.drop_landed();
        if self.under_way.borrow().is_empty() {
            return Vec::new();
        }
        let Ok(now) = host.now() else {
            return Vec::new();
        };
        let mut over = Vec::new();
        for (callout, call) in self.under_way.borrow_mut().iter_mut() {
            call.began = call.began.min(now);
            if call.began.after(timeout).after(GRACE) <= now {
                over.push(*callout);
            }
        }
        over.into_iter()
            .filter_map(|callout| self.end(callout))
            .map(|call| call.purpose)
            .collect()
    }

    fn end(&self, callout: u32) -> Option<Call> {
        let mut under_way = self.under_way.borrow_mut();
        let place = under_way.binary_search_by_key(&callout, |(known, _)| *known);
        let (_, call) = under_way.remove(place.ok()?)?;
        if let Purpose::Share { leased, .. } = &call.purpose {
            let mut shares = self.shares.borrow_mut();
            // Should another one be asked for meanwhile, that one stays.
            if shares.get(&leased.address) == Some(&callout) {
                shares.remove(&leased.address);
            }
        }
        Some(*call)
    }

    /// Leaves what came of a call for a request that waits for it.
    pub(crate) fn land(&self, stream: StreamId, limit: usize, told: Told) {
        self.with(stream, |known| known.landed.push((limit, told)));
    }

    /// Notes that a call is over that a request waited for, and names it if it was the last one.
    pub(crate) fn ended(&self, stream: StreamId, wake: &mut Vec<StreamId>) {
        let left = self.with(stream, |known| {
            known.calls = known.calls.saturating_sub(1);
            known.calls
        });
        if left == Some(0) {
            self.woken.borrow_mut().push(stream);
            wake.push(stream);
        }
    }

    /// Takes what came of the calls that a request waited for.
    pub(crate) fn landed(&self, stream: StreamId) -> Vec<(usize, Told)> {
        let mut waiting = self.waiting.borrow_mut();
        let place = waiting.binary_search_by_key(&stream.0, |known| known.stream);
        let known = place.ok().and_then(|place| waiting.remove(place));
        known.map(|known| known.landed).unwrap_or_default()
    }

    /// Notes what requests cost that waited for a lease, beyond what came.
    pub(crate) fn note_unserved(&self, address: Address, cost: u64) {
        self.unserved.set(Some((address, cost)));
    }

    /// What requests cost that have just waited in vain for a lease, this one's cost and those of others.
    pub(crate) fn waiting_for(&self, address: Address) -> u64 {
        let unserved = self.unserved.get().filter(|(of, _)| *of == address);
        unserved.map_or(0, |(_, cost)| cost)
    }

    /// Drops what was left for requests that have been woken since, and did not come.
    fn drop_landed(&self) {
        self.unserved.take();
        let mut waiting = self.waiting.borrow_mut();
        for stream in self.woken.take() {
            let place = waiting.binary_search_by_key(&stream.0, |known| known.stream);
            if let Ok(place) = place
                && waiting.get(place).is_some_and(|known| known.calls == 0)
            {
                waiting.remove(place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatehouse_host_fake::FakeHost;
    use gatehouse_lease::Turn;
    use gatehouse_limit_table::{Table, write_part};

    /// As when a service is slow: each key has a call of its own, and two requests that wait for it.
    #[test]
    fn thousands_of_keys_that_wait() {
        const KEYS: u32 = 10_000;
        let table = Table::open(65_536, &FakeHost::default()).unwrap();
        let address = |key: u32| {
            let mut hasher = table.hasher();
            write_part(&mut hasher, &key.to_le_bytes());
            table.address(&hasher)
        };
        let terms = Terms {
            share: 10,
            period_ns: 1_000_000_000,
            patience_ns: 1_000_000_000,
        };
        let began = Timestamp::from_nanos(1);
        let calls = Calls::default();
        for key in 0..KEYS {
            let leased = Leased {
                address: address(key),
                terms,
            };
            let purpose = Purpose::Share {
                limit: 0,
                leased,
                ask: Ask {
                    units: 10,
                    turn: Turn::First,
                },
                streams: vec![StreamId(2 * key)],
                costs: 1,
            };
            assert!(calls.has_room());
            calls.sent(CalloutId(key), Call::new(began, purpose));
            let since = calls.join(address(key), StreamId(2 * key + 1), 1);
            assert_eq!(since, Some(began));
        }
        let mut wake = Vec::new();
        for key in (0..KEYS).rev() {
            let call = calls.answered(CalloutId(key)).unwrap();
            for stream in call.purpose.streams() {
                calls.land(*stream, 0, Told::Admitted(None));
                calls.ended(*stream, &mut wake);
            }
            // The first comes for what came of it, the other one is gone.
            assert_eq!(calls.landed(StreamId(2 * key)).len(), 1, "{key}");
            assert_eq!(calls.join(address(key), StreamId(0), 1), None, "{key}");
        }
        assert_eq!(wake.len() as u32, 2 * KEYS);
        assert!(calls.answered(CalloutId(KEYS)).is_none());
        assert!(calls.waiting.borrow().is_empty());
        assert!(calls.under_way.borrow().is_empty());
        assert!(calls.shares.borrow().is_empty());
    }
}
