//! The table: what it remembers, what it forgets, how large it is.

use super::*;
use crate::store::{Table, write_part};
use gatehouse_host::Cas;
use gatehouse_limit_slot::Lost;
use std::time::Duration;

fn with_slots(slots: u32, changes: Value) -> Value {
    let mut config = one(changes);
    config["store"] = json!({"local": {"slots": slots}});
    config
}

#[test]
fn workers_share_a_table_and_proxies_do_not() {
    let config = one(json!({"burst": 2}));
    let (here, there) = (Shared::default(), Shared::default());
    let workers = [(); 3].map(|()| Worker::new(&here, &config));
    let admitted = workers.iter().map(|worker| worker.admitted("acme", 1));
    assert_eq!(admitted.collect::<Vec<_>>(), [1, 1, 0]);
    assert_eq!(Worker::new(&there, &config).admitted("acme", 5), 2);
    assert_eq!(here.len(), 2, "a slot and the seed");
}

/// Two workers that start at once: the one that comes second takes the first one's seed.
#[test]
fn one_seed() {
    let shared = Shared::default();
    let late = FakeHost::new(shared.clone());
    // Other random bytes than those of a host that has just begun.
    gatehouse_host::Entropy::fill_random(&late, &mut [0; 7]).unwrap();
    let early = FakeHost::new(shared.clone());
    let left = shared.clone();
    late.before_swap(move || {
        let _ = Table::open(8, &early).unwrap();
        assert_eq!(left.len(), 1);
    });
    let bytes = |table: &Table| {
        let mut hasher = table.hasher();
        write_part(&mut hasher, b"key");
        table.address(&hasher)
    };
    let second = Table::open(8, &late).unwrap();
    let third = Table::open(8, &FakeHost::new(shared.clone())).unwrap();
    assert_eq!(bytes(&second), bytes(&third));
    let elsewhere = FakeHost::default();
    gatehouse_host::Entropy::fill_random(&elsewhere, &mut [0; 9]).unwrap();
    let other = Table::open(8, &elsewhere).unwrap();
    assert_ne!(bytes(&second), bytes(&other));
}

/// Eight keys have room in a slot. A ninth takes the place of the one whose bucket is full the
/// soonest, which is then as if it had never been seen.
#[test]
fn eviction() {
    let worker = Worker::alone(&with_slots(1, json!({})));
    for key in 0..8 {
        // The higher the key the emptier its bucket; the last three are empty.
        let admitted = worker.admitted(&key.to_string(), 1 + key / 2);
        assert_eq!(admitted, (1 + key / 2).min(3), "{key}");
    }
    assert_eq!(worker.counts("a").get("evicted"), None);
    assert_eq!(worker.admitted("ninth", 5), 3);
    assert_eq!(worker.counts("a")["evicted"], 1);
    // Of the first two, which had one request each, one is forgotten; all others still constrain.
    assert_eq!(worker.admitted("7", 5), 0);
    assert_eq!(worker.admitted("6", 5), 0);
    assert_eq!(worker.admitted("5", 5), 0);
    assert_eq!(worker.admitted("4", 5), 0);
    assert_eq!(worker.admitted("3", 5), 1);
    assert_eq!(worker.admitted("2", 5), 1);
    assert_eq!(worker.counts("a")["evicted"], 1);
    let first_two = worker.admitted("0", 5) + worker.admitted("1", 5);
    assert_eq!(first_two, 3 + 3, "the evicted one evicted the other one");
    assert_eq!(worker.counts("a")["evicted"], 3);
}

/// What all clients go by is not driven out by the keys that some make up.
#[test]
fn keys_of_the_configuration_stay() {
    let of_all = json!([
        {"name": "total", "key": [{"const": "all"}], "algorithm": "concurrency", "limit": 2, "expires": "1m"},
        {"name": "routes", "key": ["route", {"const": "all"}], "rate": "2/1s"},
    ]);
    for limit in of_all.as_array().unwrap() {
        let name = limit["name"].as_str().unwrap();
        let mut limit = limit.clone();
        limit["match"] = json!({"headers": [{"name": "x-of-all", "exact": "1"}]});
        let made_up = json!({"name": "made-up", "key": [{"header": "x-tenant"}], "if_absent": "skip", "rate": "1/1d"});
        let config = json!({"limits": [limit, made_up], "store": {"local": {"slots": 1}}});
        let worker = Worker::alone(&config);
        let ask = |header: (&str, &str)| {
            worker.host.begin([(header.0, header.1.as_bytes())]);
            worker.host.property_is("xds.route_name", "api");
            let (mut exchange, mut pending) = (Exchange::default(), Pending::default());
            let mut request = Request::new(&worker.host, &mut exchange);
            let verdict = worker.filter.request(&mut request, &mut pending);
            // Whoever is in flight stays there.
            std::mem::forget(pending);
            verdict.unwrap() == Verdict::Continue
        };
        let of_all = ("x-of-all", "1");
        assert_eq!([ask(of_all), ask(of_all), ask(of_all)], [true, true, false]);
        for number in 0..50 {
            assert!(ask(("x-tenant", &number.to_string())), "{name}: {number}");
        }
        assert!(!ask(of_all), "{name}");
        assert_eq!(worker.counts("made-up")["evicted"], 42);
        assert_eq!(worker.counts(name).get("evicted"), None);
    }
}

/// What a table that is too small can let through: never more at once than a burst for each time a
/// key is forgotten, and the counter has them all.
#[test]
fn an_overfull_table_is_counted() {
    let worker = Worker::alone(&with_slots(1, json!({})));
    let mut admitted = 0;
    for round in 0..10 {
        for key in 0..20 {
            admitted += worker.admitted(&key.to_string(), 3);
            assert!(round > 0 || admitted == 3 * (key + 1));
        }
    }
    let evicted = usize::try_from(worker.counts("a")["evicted"]).unwrap();
    assert!(admitted > 20 * 3);
    assert!(admitted <= 20 * 3 + evicted * 3, "{admitted}, {evicted}");
    assert_eq!(worker.host.shared_data().len(), 2);
}

#[test]
fn buckets_that_are_full_again_make_room() {
    let worker = Worker::alone(&with_slots(1, json!({"burst": 1})));
    for hour in 0..5 {
        for key in 0..8 {
            assert_eq!(worker.admitted(&format!("{hour}-{key}"), 2), 1);
        }
        worker.host.advance(Duration::from_secs(3_600));
    }
    assert_eq!(worker.counts("a").get("evicted"), None);
}

#[test]
fn a_change_of_the_rate_keeps_the_table() {
    let shared = Shared::default();
    let emptied = Worker::new(&shared, &one(json!({"rate": "1/1m", "burst": 10})));
    assert_eq!(emptied.admitted("acme", 20), 10);
    // It is full in ten minutes. What that means is for the new quota to say, if it has buckets that are full
    // again in ten minutes too. Those of another one are its own.
    let cases = [
        ("the same", "1/1m", 10, 0),
        ("twice as fast, twice the burst", "2/1m", 20, 0),
        ("a moment less to fill it", "1/59990ms", 10, 0),
        ("slower, the same burst", "1/1h", 10, 10),
        ("the same rate, a smaller burst", "1/1m", 2, 2),
        ("the same rate, a larger burst", "1/1m", 15, 15),
    ];
    for (name, rate, burst, admitted) in cases {
        let copy = Shared::default();
        for key in ["seed"]
            .iter()
            .map(|&key| key.to_owned())
            .chain((0..65_536).map(|slot| slot.to_string()))
        {
            let key = format!("gatehouse.limit.{key}");
            if let Some((bytes, _)) = shared.read(&key) {
                assert!(copy.swap(&key, &bytes, Cas(0)));
            }
        }
        let worker = Worker::new(&copy, &one(json!({"rate": rate, "burst": burst})));
        assert_eq!(worker.admitted("acme", 30), admitted, "{name}");
    }
}

/// While a listener is drained, its configuration and the next one serve at once, in whatever order. Neither gives
/// back what the other one took: each admits its burst at one instant, and no more.
#[test]
fn two_rates_at_one_time_give_nothing_back() {
    let second = json!({"rate": "10/1s"});
    let later = json!({"rate": "1/1h", "burst": 20, "cost": {"response_header": "x-cost"}});
    let several = json!({"rate": ["10/1s", "50/1h"]});
    let cases = [
        (
            "slow, then fast",
            json!({"rate": "1000/1h"}),
            &second,
            [1_000, 10],
        ),
        (
            "the same time to fill",
            json!({"rate": "1000/1s"}),
            &second,
            [1_000, 0],
        ),
        ("room for debts", later, &second, [20, 10]),
        (
            "another burst",
            json!({"rate": "10/1s", "burst": 500}),
            &second,
            [500, 10],
        ),
        (
            "several",
            json!({"rate": ["10/1s", "90/1d"]}),
            &several,
            [10, 0],
        ),
    ];
    let (mut found, mut expected) = (Vec::new(), Vec::new());
    for (name, mut before, after, admitted) in cases {
        let shared = Shared::default();
        if before.get("burst").is_none() {
            before["burst"] = Value::Null;
        }
        let mut after = after.clone();
        after["burst"] = Value::Null;
        let workers = [before, after].map(|terms| Worker::new(&shared, &one(terms)));
        let mut seen = [0, 0];
        for _ in 0..20 {
            for (worker, seen) in workers.iter().zip(&mut seen) {
                *seen += worker.admitted("acme", 1_100);
            }
        }
        found.push((name, seen));
        expected.push((name, admitted));
    }
    assert_eq!(found, expected);
}

/// By windows: what was counted stays counted, and nobody who owed nothing owes anything.
#[test]
fn a_change_of_the_count_of_a_window() {
    const HOUR: Duration = Duration::from_secs(3_600);
    // How many more are admitted by the new count at once, and in the windows after that.
    let cases = [
        ("fixed_window", "1000/1h", 1_000, "100/1h", [0, 100, 100]),
        ("fixed_window", "1000/1h", 50, "100/1h", [50, 100, 100]),
        (
            "fixed_window",
            "100/1h",
            100,
            "1000/1h",
            [900, 1_000, 1_000],
        ),
        // All that the window before may count for is a full one: nothing at its very start.
        ("sliding_window", "1000/1h", 1_000, "100/1h", [0, 0, 100]),
        ("sliding_window", "1000/1h", 50, "100/1h", [50, 0, 100]),
        ("sliding_window", "100/1h", 100, "1000/1h", [900, 0, 1_000]),
    ];
    for (algorithm, before, used, after, expected) in cases {
        let shared = Shared::default();
        let config = |rate: &str| one(json!({"rate": rate, "burst": null, "algorithm": algorithm}));
        assert_eq!(
            Worker::new(&shared, &config(before)).admitted("acme", used),
            used
        );
        let worker = Worker::new(&shared, &config(after));
        let seen = expected.map(|_| {
            let admitted = worker.admitted("acme", 2_000);
            worker.host.advance(HOUR);
            admitted
        });
        assert_eq!(seen, expected, "{algorithm}: {before}, then {after}");
        if used > 100 {
            let shared = Shared::default();
            Worker::new(&shared, &config(before)).admitted("acme", used);
            let refused = Worker::new(&shared, &config(after)).request("acme");
            let wait = if algorithm == "fixed_window" {
                3_600
            } else {
                3_636
            };
            assert_eq!(refused.header("retry-after"), [wait.to_string()]);
        }
    }
}

#[test]
fn a_million_keys_fit_in_the_table() {
    const SLOTS: u32 = 1_000;
    let host = FakeHost::default();
    let table = Table::open(SLOTS, &host).unwrap();
    let allowance = allowance(json!({"rate": "1/1h", "burst": 1}));
    let mut lost = 0_u64;
    for key in 0..1_000_000_u64 {
        let mut hasher = table.hasher();
        write_part(&mut hasher, &key.to_le_bytes());
        let now = FakeHost::START.as_nanos() + key;
        let mut bucket = Bucket::read(table.address(&hasher), now, &host).unwrap();
        let charged = charge(&mut bucket, &allowance, 1, &host).unwrap();
        assert_eq!(charged.found.decision.refused, None);
        lost += u64::from(charged.lost == Lost::Entry);
    }
    let shared = host.shared_data();
    assert_eq!(shared.len(), SLOTS as usize + 1);
    assert_eq!(shared.bytes(), SLOTS as usize * 192 + 16);
    assert_eq!(lost, 1_000_000 - u64::from(SLOTS) * 8);
}

/// Keys spread evenly: of 65,536 slots, those that hold more than eight of 65,536 keys are few.
#[test]
fn slots_are_used_evenly() {
    for slots in [1, 3, 1_000, 65_536] {
        let host = FakeHost::default();
        let table = Table::open(slots, &host).unwrap();
        let mut used: BTreeMap<String, u32> = BTreeMap::new();
        for key in 0..65_536_u64 {
            let mut hasher = table.hasher();
            write_part(&mut hasher, &key.to_le_bytes());
            *used
                .entry(
                    format!("{:?}", table.address(&hasher))
                        .split(',')
                        .next()
                        .unwrap()
                        .to_owned(),
                )
                .or_default() += 1;
        }
        let mean = 65_536 / slots;
        // Eight standard deviations.
        let most = mean + 8 * (f64::from(mean).sqrt().ceil() as u32);
        assert!(used.len() <= slots as usize);
        assert!(used.values().all(|&count| count <= most), "{slots}");
        assert!(used.len() * 2 > slots as usize, "{slots}");
    }
}

/// What a table that is too small lets through: keys that all want twice their limit within the time in
/// which it refills, so that all of them want to be remembered. The numbers are in the README.
#[test]
fn what_eviction_lets_through() {
    const SLOTS: u32 = 250;
    const LIMIT: u64 = 10;
    // Keys for each slot, and what is admitted beyond the limits, in ten-thousandths of them: at least and
    // at most. With 1,000 slots it was, of windows, 0, 10, 165, 810, 1,863 and 5,620; of buckets, which
    // refill meanwhile, 0, 0, 0, 371, 1,485 and 3,289.
    let windows = [
        (1, 0, 1),
        (2, 0, 60),
        (4, 50, 400),
        (6, 500, 1_200),
        (8, 1_400, 2_400),
        (16, 5_000, 6_200),
    ];
    let buckets = [
        (1, 0, 0),
        (2, 0, 20),
        (4, 0, 100),
        (6, 150, 700),
        (8, 1_000, 2_000),
        (16, 2_800, 3_800),
    ];
    for (algorithm, cases) in [("gcra", buckets), ("fixed_window", windows)] {
        let changes = json!({"rate": "10/1h", "burst": null, "algorithm": algorithm});
        let allowance = allowance(changes);
        for (load, least, most) in cases {
            let host = FakeHost::default();
            let table = Table::open(SLOTS, &host).unwrap();
            let keys = u64::from(SLOTS) * load;
            let mut admitted = 0;
            for round in 0..2 * LIMIT {
                for key in 0..keys {
                    let mut hasher = table.hasher();
                    write_part(&mut hasher, &key.to_le_bytes());
                    // Half an hour passes in all.
                    let now = FakeHost::START.as_nanos()
                        + (round * keys + key) * 1_800_000_000_000 / (2 * LIMIT * keys);
                    let address = table.address(&hasher);
                    let mut bucket = Bucket::read(address, now, &host).unwrap();
                    let charged = charge(&mut bucket, &allowance, 1, &host).unwrap();
                    admitted += u64::from(charged.found.decision.refused.is_none());
                }
            }
            // What a bucket refills in half an hour, no window does.
            let limit = match algorithm {
                "gcra" => LIMIT + LIMIT / 2,
                _ => LIMIT,
            };
            let beyond = admitted.saturating_sub(limit * keys) * 10_000 / (limit * keys);
            assert!(
                (least..=most).contains(&beyond),
                "{algorithm}, {load}: {beyond}"
            );
        }
    }
}

/// Keys that are at their limit are not driven out by many that come once.
#[test]
fn a_flood_of_new_keys() {
    for algorithm in ["gcra", "fixed_window", "sliding_window"] {
        let changes = json!({"rate": "10/1h", "burst": null, "algorithm": algorithm});
        let worker = Worker::alone(&with_slots(1, changes));
        for key in 0..7 {
            assert_eq!(worker.admitted(&key.to_string(), 12), 10, "{algorithm}");
        }
        for stranger in 0..1_000 {
            assert_eq!(worker.admitted(&format!("stranger {stranger}"), 1), 1);
        }
        for key in 0..7 {
            assert_eq!(
                worker.admitted(&key.to_string(), 5),
                0,
                "{algorithm}, {key}"
            );
        }
    }
}
