//! Several workers at once, for every algorithm, with costs and debts: what they do together is what one
//! would have done, in the order in which they were done.

use super::*;
use crate::store::{Table, write_part};
use gatehouse_limit_config::Metered;
use gatehouse_limit_slot::State;
use gatehouse_limit_table::Decision;
use proptest::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::time::Duration;

/// What a worker does to the one key there is.
#[derive(Debug, Clone, Copy)]
enum Act {
    Charge(u64),
    Owe(u64),
}

/// Workers of one proxy, and a script of who comes in between where one has read the table and not yet
/// written to it; nobody, where it says so.
struct Proxy {
    allowance: Allowance,
    workers: Vec<(FakeHost, Cell<bool>)>,
    script: RefCell<VecDeque<Option<(usize, Act)>>>,
    /// In the order in which they were done: when, what, and what it came to.
    done: RefCell<Vec<(u64, Act, Decision)>>,
}

impl Proxy {
    fn new(workers: usize, allowance: Allowance) -> Rc<Self> {
        let shared = Shared::default();
        let hosts = (0..workers).map(|_| (FakeHost::new(shared.clone()), Cell::new(false)));
        let proxy = Rc::new(Self {
            allowance,
            workers: hosts.collect(),
            script: RefCell::default(),
            done: RefCell::default(),
        });
        for (host, _) in &proxy.workers {
            let proxy: Weak<Self> = Rc::downgrade(&proxy);
            host.before_swap(move || {
                if let Some(proxy) = proxy.upgrade() {
                    proxy.interpose();
                }
            });
        }
        proxy
    }

    fn interpose(&self) {
        while let Some(Some((worker, act))) = self.next() {
            if self.workers[worker].1.get() {
                return;
            }
            self.act(worker, act);
        }
    }

    fn next(&self) -> Option<Option<(usize, Act)>> {
        self.script.borrow_mut().pop_front()
    }

    fn act(&self, worker: usize, act: Act) {
        let (host, busy) = &self.workers[worker];
        busy.set(true);
        let table = Table::open(1, host).unwrap();
        let mut hasher = table.hasher();
        write_part(&mut hasher, b"key");
        let now = gatehouse_host::Clock::now(host).unwrap().as_nanos();
        let mut bucket = Bucket::read(table.address(&hasher), now, host).unwrap();
        let charged = match act {
            Act::Charge(cost) => {
                charge(&mut bucket, &self.allowance, cost, host).map(|charged| charged.found)
            }
            Act::Owe(cost) => bucket
                .owe(&self.allowance, cost, host)
                .map(|charged| charged.found)
                .map_err(Into::into),
        };
        let decision = charged.unwrap().decision;
        self.done.borrow_mut().push((now, act, decision));
        busy.set(false);
    }

    fn run(&self, script: Vec<Option<(usize, Act)>>) {
        self.script.borrow_mut().extend(script);
        while let Some(next) = self.next() {
            if let Some((worker, act)) = next {
                self.act(worker, act);
            }
        }
    }
}

/// One worker alone: each window by itself, all or none of them charged.
fn alone(allowance: &Allowance, states: &mut [Option<State>], now: u64, act: Act) -> bool {
    let (first, others) = allowance.windows();
    let windows: Vec<&Metered> = [first].into_iter().chain(others).collect();
    let decide = |window: &Metered, state| match act {
        Act::Charge(cost) => window.algorithm.decide(state, now, cost),
        Act::Owe(cost) => window.algorithm.owe(state, now, cost),
    };
    let decisions: Vec<Decision> = windows
        .iter()
        .zip(&*states)
        .map(|(window, state)| decide(window, *state))
        .collect();
    let fits = decisions.iter().all(|decision| decision.refused.is_none());
    if fits {
        for (state, decision) in states.iter_mut().zip(&decisions) {
            *state = decision.store.or(*state);
        }
    }
    fits
}

fn allowances() -> impl Strategy<Value = Value> {
    let algorithms = prop_oneof![Just("gcra"), Just("fixed_window"), Just("sliding_window")];
    let rates = prop_oneof![
        (1_u64..15).prop_map(|count| json!([format!("{count}/5s")])),
        (1_u64..15, 1_u64..30)
            .prop_map(|(few, many)| json!([format!("{few}/2s"), format!("{many}/7s")])),
        Just(json!(["2/1s", "3/2s", "5/4s", "8/1m"])),
    ];
    (algorithms, rates).prop_map(
        |(algorithm, rates)| json!({"algorithm": algorithm, "rate": rates, "burst": null}),
    )
}

const WORKERS: usize = 4;

fn scripts() -> impl Strategy<Value = Vec<Option<(usize, Act)>>> {
    let acts = prop_oneof![
        3 => (1_u64..4).prop_map(Act::Charge),
        1 => (0_u64..6).prop_map(Act::Owe),
    ];
    prop::collection::vec(prop::option::weighted(0.7, (0..WORKERS, acts)), 0..40)
}

proptest! {
    #[test]
    fn as_one_worker_would(
        terms in allowances(), with_debt in any::<bool>(), steps in prop::collection::vec((0_u64..6_000, scripts()), 1..8),
    ) {
        let mut allowance = allowance(terms);
        if with_debt {
            allowance = allowance.with_debt();
        }
        let mut states = vec![None; 1 + allowance.windows().1.len()];
        let proxy = Proxy::new(WORKERS, allowance.clone());
        for (millis, script) in steps {
            for (host, _) in &proxy.workers {
                host.advance(Duration::from_millis(millis));
            }
            proxy.run(script);
            for (now, act, decision) in proxy.done.take() {
                let expected = alone(&allowance, &mut states, now, act);
                prop_assert_eq!(decision.refused.is_none(), expected, "{:?}", act);
            }
        }
    }

    /// Permits: taken, given back, lost with a whole VM, renewed by ticks; by workers that come in between
    /// one another. Never more than the limit, and in the end as many as nobody holds.
    #[test]
    fn permits_of_several_workers(
        limit in 1_usize..6, script in prop::collection::vec((0_usize..WORKERS, 0_u8..12, 0_u64..1_500), 1..150),
    ) {
        let config = at_once(limit, "10s");
        let proxy = Permits::new(limit, &config);
        proxy.script.borrow_mut().extend(script);
        while let Some((worker, what, millis)) = proxy.next() {
            proxy.pass(Duration::from_millis(millis));
            proxy.act(worker, what);
            proxy.check()?;
        }
        // All are given back; those that were lost have expired.
        for member in &proxy.workers {
            let filter = member.worker.borrow();
            for pending in member.held.take() {
                filter.filter.ended(&filter.host, pending);
            }
        }
        for worker in &proxy.workers {
            worker.worker.borrow().host.advance(Duration::from_secs(20));
        }
        let worker = proxy.workers[0].worker.borrow();
        let again: Vec<_> = (0..limit + 1).filter_map(|_| worker.open("acme").ok()).collect();
        prop_assert_eq!(again.len(), limit);
    }
}

fn at_once(limit: usize, expires: &str) -> Value {
    json!({"limits": [{
        "name": "a", "key": [{"header": "x-tenant"}],
        "algorithm": "concurrency", "limit": limit, "expires": expires,
    }], "store": {"local": {"slots": 1}}})
}

struct Permits {
    limit: usize,
    config: Value,
    shared: Shared,
    workers: Vec<Member>,
    script: RefCell<VecDeque<(usize, u8, u64)>>,
    /// When those that were lost with their VM have expired.
    lost: RefCell<Vec<Duration>>,
    now: Cell<Duration>,
}

struct Member {
    worker: RefCell<Worker>,
    held: RefCell<Vec<Pending>>,
    busy: Cell<bool>,
}

impl Permits {
    fn new(limit: usize, config: &Value) -> Rc<Self> {
        let shared = Shared::default();
        let members = (0..WORKERS).map(|_| Member {
            worker: RefCell::new(Worker::new(&shared, config)),
            held: RefCell::default(),
            busy: Cell::new(false),
        });
        let proxy = Rc::new(Self {
            limit,
            config: config.clone(),
            workers: members.collect(),
            shared,
            script: RefCell::default(),
            lost: RefCell::default(),
            now: Cell::default(),
        });
        for member in &proxy.workers {
            proxy.listen(member);
        }
        proxy
    }

    fn listen(self: &Rc<Self>, member: &Member) {
        let proxy = Rc::downgrade(self);
        member.worker.borrow().host.before_swap(move || {
            if let Some(proxy) = proxy.upgrade()
                && let Some((worker, what, _)) = proxy.next()
            {
                proxy.act(worker, what);
            }
        });
    }

    fn next(&self) -> Option<(usize, u8, u64)> {
        self.script.borrow_mut().pop_front()
    }

    /// Time passes in steps as ticks come.
    fn pass(&self, time: Duration) {
        let tick = Duration::from_millis(625);
        let mut left = time;
        while !left.is_zero() {
            let step = left.min(tick);
            left -= step;
            self.now.set(self.now.get() + step);
            for member in &self.workers {
                let worker = member.worker.borrow();
                worker.host.advance(step);
                member.busy.set(true);
                worker.filter.tick(&worker.host, &mut Vec::new());
                member.busy.set(false);
            }
        }
        self.lost
            .borrow_mut()
            .retain(|until| *until > self.now.get());
    }

    fn act(self: &Rc<Self>, index: usize, what: u8) {
        let member = &self.workers[index];
        if member.busy.replace(true) {
            return;
        }
        match what {
            0..=6 => {
                let opened = member.worker.borrow().open("acme");
                if let Ok(pending) = opened {
                    member.held.borrow_mut().push(pending);
                }
            }
            7..=10 => {
                let pending = member.held.borrow_mut().pop();
                if let Some(pending) = pending {
                    let worker = member.worker.borrow();
                    worker.filter.ended(&worker.host, pending);
                }
            }
            // The VM goes, and comes again.
            _ => {
                let lost = member.held.take().len();
                let expired = self.now.get() + Duration::from_secs(20);
                self.lost
                    .borrow_mut()
                    .extend(std::iter::repeat_n(expired, lost));
                let fresh = Worker::new(&self.shared, &self.config);
                // The clock of the one before: in the middle of a step it may not have moved on yet.
                let clock = gatehouse_host::Clock::now(&member.worker.borrow().host);
                fresh.host.set_now(clock.unwrap());
                *member.worker.borrow_mut() = fresh;
                self.listen(member);
            }
        }
        member.busy.set(false);
    }

    fn held(&self) -> usize {
        let held = self.workers.iter().map(|member| member.held.borrow().len());
        held.sum()
    }

    fn check(&self) -> std::result::Result<(), TestCaseError> {
        let (held, lost) = (self.held(), self.lost.borrow().len());
        prop_assert!(held <= self.limit, "{held} of {}", self.limit);
        // Who looks sees at least what is held, and at most that and what was lost.
        let worker = Worker::new(&self.shared, &self.config);
        worker.host.advance(self.now.get());
        let free = std::iter::repeat_with(|| worker.open("acme"))
            .take(self.limit + 1)
            .map_while(std::result::Result::ok)
            .collect::<Vec<_>>();
        prop_assert!(free.len() + held <= self.limit);
        prop_assert!(free.len() + held + lost >= self.limit);
        for pending in free {
            worker.filter.ended(&worker.host, pending);
        }
        Ok(())
    }
}
