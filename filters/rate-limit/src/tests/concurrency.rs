//! Limits on what is in flight: what takes a place, and every way in which it is given back.

use super::*;
use gatehouse_host::{Status, Timestamp};
use std::time::Duration;

fn at_once(changes: Value) -> Value {
    let mut limit = json!({
        "name": "a", "key": [{"header": "x-tenant"}], "algorithm": "concurrency", "limit": 2,
    });
    for (key, value) in changes.as_object().unwrap() {
        limit[key] = value.clone();
    }
    limit
}

fn only(changes: Value) -> Value {
    json!({"limits": [at_once(changes)]})
}

fn end(worker: &Worker, pending: Pending) {
    worker.filter.ended(&worker.host, pending);
}

fn tick(worker: &Worker) {
    worker.filter.tick(&worker.host, &mut Vec::new());
}

/// How many have room, without taking it.
fn free(worker: &Worker, tenant: &str) -> usize {
    let all: Vec<Pending> = std::iter::repeat_with(|| worker.open(tenant))
        .map_while(std::result::Result::ok)
        .collect();
    let count = all.len();
    all.into_iter().for_each(|pending| end(worker, pending));
    count
}

#[test]
fn as_many_at_once_as_the_limit() {
    let worker = Worker::alone(&only(json!({})));
    let first = worker.open("acme").unwrap();
    let second = worker.open("acme").unwrap();
    assert!(worker.open("acme").is_err());
    assert_eq!(free(&worker, "other"), 2, "each key has its own");
    end(&worker, first);
    let third = worker.open("acme").unwrap();
    assert!(worker.open("acme").is_err());
    end(&worker, second);
    end(&worker, third);
    assert_eq!(free(&worker, "acme"), 2);
    assert_eq!(
        worker.host.shared_data().bytes(),
        16,
        "nothing is kept of who is gone"
    );
}

#[test]
fn what_clients_see() {
    let worker = Worker::alone(&only(json!({})));
    let answer = worker.request("acme");
    assert_eq!(
        answer.header("ratelimit-policy"),
        ["\"a\";q=2;qu=\"concurrent-requests\""]
    );
    assert_eq!(answer.header("ratelimit"), ["\"a\";r=1"]);
    let _second = worker.open("acme").unwrap();
    let answer = worker.request("acme");
    assert_eq!(
        answer.refusal(),
        (
            429,
            "gatehouse.rate_limit.over_limit.a".to_owned(),
            "limit \"a\": too many at once".to_owned()
        )
    );
    assert_eq!(answer.header("ratelimit"), ["\"a\";r=0"]);
    assert!(answer.header("retry-after").is_empty(), "nobody knows");
    assert_eq!(
        worker.counts("a"),
        counts([("admitted", 2), ("refused", 1)])
    );
}

/// A request that another limit refuses holds nothing, whichever comes first.
#[test]
fn a_refusal_gives_it_back() {
    let rate = limit("rate", json!({"burst": 1}));
    for limits in [
        json!([at_once(json!({})), rate]),
        json!([rate, at_once(json!({}))]),
    ] {
        let worker = Worker::alone(&json!({"limits": limits}));
        let pending = worker.open("acme").unwrap();
        for _ in 0..5 {
            assert!(worker.open("acme").is_err());
        }
        end(&worker, pending);
        let other = Worker::new(worker.host.shared_data(), &only(json!({})));
        assert_eq!(free(&other, "acme"), 2, "{limits}");
    }
}

/// The same where the other limit is lost only in the race for it.
#[test]
fn a_race_that_is_lost_gives_it_back() {
    let config = json!({"limits": [at_once(json!({})), limit("rate", json!({"burst": 1}))]});
    let shared = Shared::default();
    let (late, early) = (Worker::new(&shared, &config), Worker::new(&shared, &config));
    let raced = std::cell::Cell::new(0);
    late.host.before_swap(move || {
        // Its first charge is that of what is in flight.
        if raced.replace(raced.get() + 1) == 0 {
            assert!(early.request("acme").is_admitted());
        }
    });
    assert!(late.open("acme").is_err());
    let other = Worker::new(&shared, &only(json!({})));
    // That of the one who came first is held: a request whose end never came.
    assert_eq!(free(&other, "acme"), 1);
}

/// Of a stream that is over there is nothing to give back twice.
#[test]
fn only_who_holds_one_is_told_of_the_end() {
    let worker = Worker::alone(&only(json!({})));
    let pending = worker.open("acme").unwrap();
    assert!(worker.filter.wants_end(&pending));
    assert!(!worker.filter.wants_end(&Pending::default()));
    end(&worker, pending);
    end(&worker, Pending::default());
    let rates = Worker::alone(&one(json!({})));
    let pending = rates.open("acme").unwrap();
    assert!(!rates.filter.wants_end(&pending));
    assert_eq!(rates.filter.tick_period(), None);
}

/// A request that is asked about anew holds what it is given the last time, and no more.
#[test]
fn a_request_that_is_asked_about_twice() {
    let worker = Worker::alone(&only(json!({})));
    let mut pending = Pending::default();
    for _ in 0..5 {
        assert!(worker.ask("acme", &mut pending));
    }
    assert_eq!(free(&worker, "acme"), 1);
    end(&worker, pending);
    assert_eq!(free(&worker, "acme"), 2);
}

/// The VM goes with all it knows: what its requests held expires, and not before.
#[test]
fn places_that_nobody_gives_back_expire() {
    let shared = Shared::default();
    let config = only(json!({"expires": "10s"}));
    let gone = Worker::new(&shared, &config);
    let _held = [gone.open("acme").unwrap(), gone.open("acme").unwrap()];
    let worker = Worker::new(&shared, &config);
    for (seconds, expected) in [(0, 0), (10, 0), (9, 0), (1, 2)] {
        worker.host.advance(Duration::from_secs(seconds));
        assert_eq!(free(&worker, "acme"), expected, "{seconds}");
    }
}

/// A stream that lives for hours is counted for as long.
#[test]
fn long_streams_are_counted() {
    let worker = Worker::alone(&only(json!({"expires": "10s"})));
    let period = worker.filter.tick_period().unwrap();
    assert_eq!(period, Duration::from_millis(625));
    let held = worker.open("acme").unwrap();
    for _ in 0..10_000 {
        worker.host.advance(period);
        tick(&worker);
    }
    assert_eq!(free(&worker, "acme"), 1);
    end(&worker, held);
    assert_eq!(free(&worker, "acme"), 2);
}

#[test]
fn how_often_places_are_renewed() {
    let cases = [("1s", 100), ("60s", 3_750), ("10m", 37_500), ("1d", 60_000)];
    for (expires, millis) in cases {
        let worker = Worker::alone(&only(json!({"expires": expires})));
        let period = worker.filter.tick_period();
        assert_eq!(period, Some(Duration::from_millis(millis)), "{expires}");
    }
    let two = json!({"limits": [
        at_once(json!({"expires": "32s"})),
        at_once(json!({"name": "b", "expires": "16s"})),
        limit("c", json!({})),
    ]});
    let period = Worker::alone(&two).filter.tick_period();
    assert_eq!(period, Some(Duration::from_secs(1)));
}

/// Ten thousand long streams: no tick renews them all, and none is late.
#[test]
fn ticks_share_the_work() {
    let worker = Worker::alone(&only(json!({"limit": 100_000, "expires": "16s"})));
    let held: Vec<Pending> = (0..4_000)
        .map(|stream| worker.open(&(stream % 50).to_string()).unwrap())
        .collect();
    let mut renewed = Vec::new();
    for _ in 0..64 {
        worker.host.advance(Duration::from_secs(1));
        worker.host.begin([]);
        tick(&worker);
        let swaps = worker.host.calls().get("proxy_set_shared_data").copied();
        renewed.push(swaps.unwrap_or_default());
    }
    assert!(renewed.iter().all(|&count| count <= 500), "{renewed:?}");
    assert_eq!(renewed.iter().sum::<usize>(), 3 * 4_000 + renewed[63]);
    let other = Worker::new(
        worker.host.shared_data(),
        &only(json!({"limit": 80, "expires": "16s"})),
    );
    other.host.advance(Duration::from_secs(64));
    for key in 0..50 {
        assert_eq!(free(&other, &key.to_string()), 0, "{key}");
    }
    held.into_iter().for_each(|pending| end(&worker, pending));
    assert_eq!(free(&other, "0"), 80);
}

/// Nothing is looked up where nothing is due.
#[test]
fn host_calls_of_ticks_and_ends() {
    let worker = Worker::alone(&only(json!({"expires": "10s"})));
    let calls = |work: &dyn Fn()| {
        worker.host.begin([]);
        work();
        let calls = worker.host.calls().into_iter();
        calls
            .map(|(call, count)| format!("{call} {count}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(calls(&|| tick(&worker)), [""; 0], "nothing is held");
    let held = worker.open("acme").unwrap();
    assert_eq!(
        calls(&|| tick(&worker)),
        ["proxy_get_current_time_nanoseconds 1"],
        "nothing is due"
    );
    worker.host.advance(Duration::from_secs(10));
    assert_eq!(
        calls(&|| tick(&worker)),
        [
            "proxy_get_current_time_nanoseconds 1",
            "proxy_get_shared_data 1",
            "proxy_set_shared_data 1"
        ],
        "one is due"
    );
    let held = std::cell::Cell::new(Some(held));
    assert_eq!(
        calls(&|| end(&worker, held.take().unwrap())),
        [
            "proxy_get_current_time_nanoseconds 1",
            "proxy_get_shared_data 1",
            "proxy_set_shared_data 1"
        ],
        "an end"
    );
}

#[test]
fn a_place_that_cannot_be_given_back_is_counted_and_expires() {
    for call in [
        "proxy_get_current_time_nanoseconds",
        "proxy_get_shared_data",
        "proxy_set_shared_data",
    ] {
        let worker = Worker::alone(&only(json!({"expires": "10s"})));
        let held = worker.open("acme").unwrap();
        worker.host.fail(call, Status::Code(10));
        end(&worker, held);
        worker.host.heal(call);
        assert_eq!(worker.counts("a")["not_released"], 1, "{call}");
        assert_eq!(free(&worker, "acme"), 1, "{call}");
        for _ in 0..20 {
            worker.host.advance(Duration::from_secs(1));
            tick(&worker);
        }
        assert_eq!(free(&worker, "acme"), 2, "{call}");
    }
}

/// A tick that fails is made up for by the next one.
#[test]
fn a_renewal_that_fails() {
    let worker = Worker::alone(&only(json!({"expires": "10s"})));
    let _held = worker.open("acme").unwrap();
    for call in ["proxy_get_shared_data", "proxy_set_shared_data"] {
        worker.host.advance(Duration::from_secs(10));
        worker.host.fail(call, Status::Code(10));
        tick(&worker);
        worker.host.heal(call);
        tick(&worker);
        assert_eq!(free(&worker, "acme"), 1, "{call}");
    }
}

/// A place that was lost to other keys is put in anew, at the cost of another one.
#[test]
fn renewals_that_evict_are_counted() {
    let mut config = only(json!({"limit": 1, "expires": "10s"}));
    config["store"] = json!({"local": {"slots": 1}});
    let worker = Worker::alone(&config);
    let held: Vec<Pending> = (0..9)
        .map(|key| worker.open(&format!("key-{key}")).unwrap())
        .collect();
    assert_eq!(worker.counts("a")["evicted"], 1, "eight have room");
    worker.host.advance(Duration::from_secs(10));
    tick(&worker);
    // The first, which was evicted, evicts the ninth; and that one, when its turn comes, the first.
    assert_eq!(worker.counts("a")["evicted"], 1 + 2);
    held.into_iter().for_each(|pending| end(&worker, pending));
    assert_eq!(worker.counts("a").get("not_released"), None);
}

/// Something else wrote to the slot while requests were in flight.
#[test]
fn a_slot_that_is_lost() {
    let mut config = only(json!({"expires": "10s"}));
    config["store"] = json!({"local": {"slots": 1}});
    let worker = Worker::alone(&config);
    let held = worker.open("acme").unwrap();
    let shared = worker.host.shared_data();
    assert!(shared.swap("gatehouse.limit.0", b"x", gatehouse_host::Cas(0)));
    assert!(worker.open("acme").is_err(), "one decision fails");
    let others = [worker.open("acme").unwrap(), worker.open("acme").unwrap()];
    // Three are in flight, and two are known. What is renewed is known again.
    worker.host.advance(Duration::from_secs(10));
    tick(&worker);
    others.into_iter().for_each(|pending| end(&worker, pending));
    assert_eq!(free(&worker, "acme"), 1);
    end(&worker, held);
    assert_eq!(free(&worker, "acme"), 2);
}

#[test]
fn the_clock_jumps() {
    let start = FakeHost::START.as_nanos();
    const HOUR: u64 = 3_600_000_000_000;
    // When the clock jumps to, and how many have room then, before and after a tick.
    let cases = [
        ("forward: expired until the tick", start + HOUR, 2, 1),
        ("back", start - HOUR, 1, 1),
        ("back by less than it is trusted", start - 500_000_000, 1, 1),
        ("to the epoch", 0, 1, 1),
    ];
    for (name, to, before, after) in cases {
        let worker = Worker::alone(&only(json!({})));
        let held = worker.open("acme").unwrap();
        worker.host.set_now(Timestamp::from_nanos(to));
        assert_eq!(free(&worker, "acme"), before, "{name}");
        tick(&worker);
        assert_eq!(free(&worker, "acme"), after, "{name}");
        end(&worker, held);
        assert_eq!(free(&worker, "acme"), 2, "{name}");
    }
}

/// In report mode all go on; those that had no room hold nothing.
#[test]
fn report() {
    let worker = Worker::alone(&only(json!({"mode": "report"})));
    let all: Vec<Pending> = (0..5).map(|_| worker.open("acme").unwrap()).collect();
    assert_eq!(
        worker.counts("a"),
        counts([("admitted", 2), ("would_refuse", 3)])
    );
    all.into_iter().for_each(|pending| end(&worker, pending));
    let enforced = Worker::new(worker.host.shared_data(), &only(json!({})));
    assert_eq!(free(&enforced, "acme"), 2);
}

#[test]
fn overrides() {
    let worker = Worker::alone(&only(json!({"overrides": [
        {"key": {"header": {"x-tenant": "acme"}}, "limit": 5},
    ]})));
    assert_eq!(free(&worker, "acme"), 5);
    assert_eq!(free(&worker, "other"), 2);
}
