//! Several workers at once: no schedule admits more than the GCRA does, or less.

use super::*;
use gatehouse_gcra::{Quota, decide};
use proptest::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

/// Workers of one proxy, and a script that says which of them come in between where one has read
/// the table and not yet written to it.
struct Proxy {
    workers: Vec<Member>,
    script: RefCell<VecDeque<u8>>,
    /// Of each request: when, by its worker's clock, and whether it was admitted.
    outcomes: RefCell<Vec<(u64, bool)>>,
}

struct Member {
    worker: Worker,
    /// It is in a request already: a worker has one thread.
    busy: Cell<bool>,
}

impl Proxy {
    fn new(workers: usize, config: &Value) -> Rc<Self> {
        let shared = Shared::default();
        let members = (0..workers).map(|_| Member {
            worker: Worker::new(&shared, config),
            busy: Cell::new(false),
        });
        let proxy = Rc::new(Self {
            workers: members.collect(),
            script: RefCell::default(),
            outcomes: RefCell::default(),
        });
        for member in &proxy.workers {
            let proxy = Rc::downgrade(&proxy);
            member.worker.host.before_swap(move || {
                if let Some(proxy) = proxy.upgrade() {
                    proxy.interpose();
                }
            });
        }
        proxy
    }

    /// The script's next letter is a worker that comes in between, or nobody.
    fn interpose(&self) {
        while let Some(letter) = self.next_letter() {
            let index = usize::from(letter);
            if self
                .workers
                .get(index)
                .is_none_or(|member| member.busy.get())
            {
                return;
            }
            self.request(index);
        }
    }

    fn next_letter(&self) -> Option<u8> {
        self.script.borrow_mut().pop_front()
    }

    fn request(&self, index: usize) {
        let Member { worker, busy } = &self.workers[index];
        busy.set(true);
        let now = gatehouse_host::Clock::now(&worker.host).unwrap().as_nanos();
        let admitted = worker.request("acme").is_admitted();
        self.outcomes.borrow_mut().push((now, admitted));
        busy.set(false);
    }

    /// Worker 0 begins, all others come as the script has it; then those that it has left.
    fn run(&self, script: &[u8]) {
        self.script.borrow_mut().extend(script);
        self.request(0);
        while let Some(letter) = self.next_letter() {
            self.request(usize::from(letter) % self.workers.len());
        }
    }

    fn contended(&self) -> u64 {
        let of = |member: &Member| member.worker.counts("a").get("contended").copied();
        self.workers.iter().filter_map(of).sum()
    }
}

const WORKERS: usize = 4;

fn scripts() -> impl Strategy<Value = Vec<u8>> {
    // Higher letters than there are workers: nobody comes.
    prop::collection::vec(0_u8..6, 0..60)
}

fn config(period_s: u64, burst: u64, slots: u32) -> Value {
    json!({
        "limits": [limit("a", json!({"rate": format!("1/{period_s}s"), "burst": burst}))],
        "store": {"local": {"slots": slots}},
    })
}

fn quota(period_s: u64, burst: u64) -> Quota {
    Quota::new(1, Duration::from_secs(period_s), burst).unwrap()
}

proptest! {
    /// As many as one worker would have admitted, at every step of time.
    #[test]
    fn as_many_as_one_worker(
        period in 1_u64..5,
        burst in 1_u64..12,
        steps in prop::collection::vec((0_u64..20, scripts()), 1..8),
    ) {
        let proxy = Proxy::new(WORKERS, &config(period, burst, 1));
        let quota = quota(period, burst);
        let mut alone = None;
        for (seconds, script) in steps {
            for member in &proxy.workers {
                member.worker.host.advance(Duration::from_secs(seconds));
            }
            proxy.run(&script);
            let outcomes = proxy.outcomes.take();
            let admitted = outcomes.iter().filter(|(_, admitted)| *admitted).count();
            let mut expected = 0;
            for (now, _) in outcomes {
                let decision = decide(&quota, alone, now, 1);
                alone = decision.to_store(alone).or(alone);
                expected += usize::from(decision.is_admitted());
            }
            prop_assert_eq!(admitted, expected);
        }
        prop_assert_eq!(proxy.contended(), 0);
    }

    /// Workers whose clocks differ by less than a second, as readings of one clock do that are
    /// acted on late: in no window more than the burst and what the rate refills.
    #[test]
    fn never_more_with_clocks_that_differ(
        period in 1_u64..5,
        burst in 1_u64..12,
        skews in prop::collection::vec(0_u64..1_000, WORKERS),
        steps in prop::collection::vec((0_u64..3_000, scripts()), 1..8),
    ) {
        let proxy = Proxy::new(WORKERS, &config(period, burst, 1));
        for (member, skew) in proxy.workers.iter().zip(skews) {
            member.worker.host.advance(Duration::from_millis(skew));
        }
        for (millis, script) in steps {
            for member in &proxy.workers {
                member.worker.host.advance(Duration::from_millis(millis));
            }
            proxy.run(&script);
        }
        let mut times: Vec<u64> = proxy.outcomes.take().into_iter()
            .filter_map(|(now, admitted)| admitted.then_some(now))
            .collect();
        times.sort_unstable();
        let interval = quota(period, burst).interval_ns();
        for (first, from) in times.iter().enumerate() {
            for (last, until) in times.iter().enumerate().skip(first) {
                let admitted = (last - first + 1) as u64;
                prop_assert!(admitted <= burst + (until - from) / interval);
            }
        }
    }
}

/// The script of the worst case: every attempt meets another worker. All the others are admitted.
#[test]
fn a_worker_that_loses_every_time() {
    for (on_error, admitted) in [("deny", false), ("allow", true)] {
        let changes = json!({"rate": "1/1s", "burst": 1000, "on_error": on_error});
        let proxy = Proxy::new(2, &one(changes));
        // 1 comes, 2 is nobody: it goes on; for each attempt of worker 0.
        let script: Vec<u8> = std::iter::repeat_n([1, 2, 2], 64).flatten().collect();
        proxy.run(&script);
        let worker = &proxy.workers[0].worker;
        let mut outcomes = proxy.outcomes.take();
        let (_, own) = outcomes.pop().unwrap();
        assert_eq!(own, admitted, "{on_error}");
        assert_eq!(outcomes.len(), 64, "{on_error}");
        assert!(outcomes.iter().all(|(_, admitted)| *admitted));
        let fate = if admitted { "admitted" } else { "refused" };
        assert_eq!(worker.counts("a"), counts([("contended", 1), (fate, 1)]));
        if !admitted {
            let reply = worker.host.replies();
            assert_eq!(reply, []);
        }
    }
}

/// One attempt less, and it is admitted.
#[test]
fn a_worker_that_wins_the_last_time() {
    let proxy = Proxy::new(2, &one(json!({"rate": "1/1s", "burst": 1000})));
    let script: Vec<u8> = std::iter::repeat_n([1, 2, 2], 63).flatten().collect();
    proxy.run(&script);
    assert_eq!(
        proxy.workers[0].worker.counts("a"),
        counts([("admitted", 1)])
    );
}

/// A charge that another worker came before costs one more reading and one more writing.
#[test]
fn host_calls_of_a_lost_attempt() {
    let proxy = Proxy::new(2, &one(json!({})));
    proxy.run(&[1, 2, 2, 2]);
    let calls = proxy.workers[0].worker.host.calls();
    assert_eq!(calls["proxy_get_shared_data"], 2);
    assert_eq!(calls["proxy_set_shared_data"], 2);
}

/// A race that one limit loses leaves those before it charged and those after it not, and the
/// response says so.
#[test]
fn a_race_for_the_last_one() {
    let config = json!({"limits": [
        limit("before", json!({"burst": 5})),
        limit("lost", json!({"burst": 1})),
        limit("after", json!({"burst": 5})),
    ]});
    let proxy = Proxy::new(2, &config);
    // Worker 1 comes before the first charge of worker 0, and nobody comes between its own three.
    proxy.run(&[1, 2, 2, 2, 2]);
    let outcomes = proxy.outcomes.take();
    let admitted: Vec<bool> = outcomes.iter().map(|(_, admitted)| *admitted).collect();
    assert_eq!(admitted, [true, false]);
    let loser = &proxy.workers[0].worker;
    assert_eq!(loser.counts("before"), counts([]));
    assert_eq!(loser.counts("lost"), counts([("refused", 1)]));
    assert_eq!(loser.counts("after"), counts([]));
    // The next request looks at all three: the loser has left its mark on the first alone.
    let next = proxy.workers[1].worker.request("acme");
    assert_eq!(
        next.header("ratelimit"),
        ["\"before\";r=3;t=60, \"lost\";r=0;t=60, \"after\";r=4;t=60"]
    );
}

/// A worker that is held up for longer than the clock is trusted to differ sees a bucket that others
/// charged in what is its future. That is no clock that was set back, and gives nobody more.
#[test]
fn a_worker_that_is_held_up() {
    let shared = Shared::default();
    let config = one(json!({"rate": "1/1s", "burst": 3}));
    let late = Worker::new(&shared, &config);
    let other = Rc::new(Worker::new(&shared, &config));
    let meanwhile = Rc::clone(&other);
    let once = Cell::new(false);
    late.host.before_swap(move || {
        if !once.replace(true) {
            meanwhile.host.advance(Duration::from_secs(10));
            assert_eq!(meanwhile.admitted("acme", 4), 3);
        }
    });
    late.host.begin([("x-tenant", &b"acme"[..])]);
    let mut exchange = Exchange::default();
    let mut request = Request::new(&late.host, &mut exchange);
    // Its reading of the clock, which is ten seconds old when it needs it.
    request.now().unwrap();
    late.host.advance(Duration::from_secs(10));
    let verdict = late.filter.request(&mut request, &mut Pending::default());
    assert!(matches!(verdict.unwrap(), Verdict::Deny(_)));
    assert_eq!(other.admitted("acme", 4), 0);
}

/// The same, held up before it reads the bucket; and the clock that it asks again fails.
#[test]
fn a_worker_that_is_held_up_and_has_no_clock() {
    let shared = Shared::default();
    let config = one(json!({"rate": "1/1s", "burst": 3}));
    let late = Worker::new(&shared, &config);
    let other = Worker::new(&shared, &config);
    other.host.advance(Duration::from_secs(10));
    assert_eq!(other.admitted("acme", 4), 3);
    late.host.begin([("x-tenant", &b"acme"[..])]);
    let mut exchange = Exchange::default();
    let mut request = Request::new(&late.host, &mut exchange);
    request.now().unwrap();
    late.host.fail(
        "proxy_get_current_time_nanoseconds",
        gatehouse_host::Status::Code(10),
    );
    let verdict = late.filter.request(&mut request, &mut Pending::default());
    let Verdict::Deny(reply) = verdict.unwrap() else {
        panic!("admitted");
    };
    assert_eq!(reply.details, "gatehouse.rate_limit.host_failed.a");
    assert_eq!(other.admitted("acme", 4), 0);
}
