//! With a lease: most requests ask nobody.

use super::*;

fn leased(shared: &Shared, more: Value) -> Worker {
    let mut store = json!({"lease": "10%"});
    for (key, value) in more.as_object().unwrap() {
        store[key] = value.clone();
    }
    Worker::new(shared, &global(json!([by_tenant("a", json!({}))]), store))
}

/// Ten of a hundred, of which the last two ask for the next ten.
#[test]
fn a_share_and_the_next() {
    let worker = leased(&Shared::default(), json!({}));
    let mut first = worker.tenant(1, "acme");
    first.waits();
    let call = worker.call();
    assert_eq!(call.descriptors(), ["limit=a header.x-tenant=acme"]);
    assert_eq!(call.request.hits_addend, 10);
    assert_eq!(worker.answer(&call, &ok(&[90])), [1]);
    assert_eq!(first.outcome().0, 200);
    assert_eq!(first.told()[1].1, "\"a\";r=99;t=30");
    for number in 2..=8 {
        assert_eq!(worker.tenant(number, "acme").outcome().0, 200, "{number}");
        assert_eq!(worker.calls().len(), 0, "{number}");
    }
    // The ninth leaves one, which is low.
    assert_eq!(worker.tenant(9, "acme").outcome().0, 200);
    let ahead = worker.call();
    assert_eq!(ahead.request.hits_addend, 10);
    assert_eq!(worker.tenant(10, "acme").outcome().0, 200);
    // Nobody waits for it but who comes before it is there, and asks for no share.
    let mut late = worker.tenant(11, "acme");
    late.waits();
    assert_eq!(worker.calls().len(), 0);
    assert_eq!(worker.answer(&ahead, &ok(&[80])), [11]);
    assert_eq!(late.outcome().0, 200);
    assert_eq!(late.told()[1].1, "\"a\";r=89;t=30");
    assert_eq!(
        worker.counts("a"),
        counts([("admitted", 11), ("leased", 11)])
    );
    assert_eq!(worker.service_counts(), counts([("calls", 2)]));
}

#[test]
fn one_call_for_all_streams_of_a_key() {
    let worker = leased(&Shared::default(), json!({}));
    let mut streams: Vec<_> = (1..=12)
        .map(|number| worker.tenant(number, "acme"))
        .collect();
    for stream in &mut streams {
        stream.waits();
    }
    let call = worker.call();
    let everybody: Vec<u32> = (1..=12).collect();
    assert_eq!(worker.answer(&call, &ok(&[90])), everybody);
    for stream in &mut streams[..10] {
        assert_eq!(stream.outcome().0, 200);
    }
    // The next share was asked for when it ran low, but who has waited for a share once asks for itself.
    let ahead = worker.call();
    assert_eq!(ahead.request.hits_addend, 10);
    for stream in &mut streams[10..] {
        stream.waits();
    }
    let alone = worker.calls();
    let costs: Vec<u32> = alone.iter().map(|call| call.request.hits_addend).collect();
    assert_eq!(costs, [1, 1]);
    for (call, number) in alone.iter().zip(11..) {
        assert_eq!(worker.answer(call, &ok(&[79])), [number]);
        assert_eq!(streams[number as usize - 1].outcome().0, 200);
    }
    assert_eq!(
        worker.counts("a"),
        counts([("admitted", 12), ("leased", 10)])
    );
}

/// All workers serve from one lease; while one asks for a share, the others ask for what they need.
#[test]
fn two_workers() {
    let shared = Shared::default();
    let (one, other) = (leased(&shared, json!({})), leased(&shared, json!({})));
    let mut first = one.tenant(1, "acme");
    first.waits();
    let share = one.call();
    let mut second = other.tenant(1, "acme");
    second.waits();
    let alone = other.call();
    assert_eq!(
        (share.request.hits_addend, alone.request.hits_addend),
        (10, 1)
    );
    assert_eq!(one.answer(&share, &ok(&[89])), [1]);
    assert_eq!(first.outcome().0, 200);
    for number in 2..=8 {
        let worker = if number % 2 == 0 { &one } else { &other };
        assert_eq!(worker.tenant(number, "acme").outcome().0, 200);
    }
    assert_eq!(one.calls().len() + other.calls().len(), 0);
    assert_eq!(other.answer(&alone, &ok(&[88])), [1]);
    assert_eq!(second.outcome().0, 200);
    // One low-water mark for all workers: one asks.
    assert_eq!(other.tenant(9, "acme").outcome().0, 200);
    assert_eq!(one.tenant(10, "acme").outcome().0, 200);
    assert_eq!((other.calls().len(), one.calls().len()), (1, 0));
}

/// The last of a quota is handed out one by one, and then nobody is asked until the window ends.
#[test]
fn the_end_of_a_quota() {
    let worker = leased(&Shared::default(), json!({}));
    let mut first = worker.tenant(1, "acme");
    first.waits();
    // One is left, says a service that counts nothing where it refuses.
    let mut response = over(&[CODE_OVER_LIMIT]);
    response.statuses[0].limit_remaining = 1;
    assert_eq!(worker.answer(&worker.call(), &response), [1]);
    first.waits();
    let alone = worker.call();
    assert_eq!(alone.request.hits_addend, 1);
    assert_eq!(worker.answer(&alone, &ok(&[0])), [1]);
    assert_eq!(first.outcome().0, 200);
    let mut second = worker.tenant(2, "acme");
    second.waits();
    assert_eq!(
        worker.answer(&worker.call(), &over(&[CODE_OVER_LIMIT])),
        [2]
    );
    assert_eq!(second.outcome().0, 429);
    for number in 3..10 {
        assert_eq!(
            worker.tenant(number, "acme").outcome(),
            (429, "over_limit.a".to_owned())
        );
    }
    assert_eq!(worker.calls().len(), 0);
    worker.host.advance(Duration::from_secs(30));
    worker.tenant(11, "acme").waits();
    assert_eq!(worker.call().request.hits_addend, 10);
}

/// A service that fails: who waits for the share has its answer, and the next one asks again.
#[test]
fn a_share_that_comes_to_nothing() {
    for (on_error, expected) in [("deny", 503), ("allow", 200), ("local", 200)] {
        let worker = leased(&Shared::default(), json!({"on_error": on_error}));
        let mut streams: Vec<_> = (1..=3)
            .map(|number| worker.tenant(number, "acme"))
            .collect();
        for stream in &mut streams {
            stream.waits();
        }
        assert_eq!(worker.fail(&worker.call(), 4), [1, 2, 3]);
        for stream in &mut streams {
            assert_eq!(stream.outcome().0, expected, "{on_error}");
        }
        assert_eq!(worker.calls().len(), 0, "{on_error}");
        let mut next = worker.tenant(4, "acme");
        next.waits();
        assert_eq!(worker.answer(&worker.call(), &ok(&[90])), [4]);
        assert_eq!(next.outcome().0, 200);
        let counted = worker.counts("a");
        assert_eq!(
            (counted["service_failed"], counted["leased"]),
            (3, 1),
            "{on_error}"
        );
    }
}

/// A lease serves on while the service is down.
#[test]
fn what_is_held_is_served_without_the_service() {
    let worker = leased(&Shared::default(), json!({}));
    let mut first = worker.tenant(1, "acme");
    first.waits();
    worker.answer(&worker.call(), &ok(&[90]));
    assert_eq!(first.outcome().0, 200);
    worker
        .host
        .fail("proxy_grpc_call", gatehouse_host::Status::Code(10));
    for number in 2..=10 {
        assert_eq!(worker.tenant(number, "acme").outcome().0, 200);
    }
    assert_eq!(
        worker.tenant(11, "acme").outcome(),
        (503, "service_failed.a".to_owned())
    );
    worker.host.heal("proxy_grpc_call");
    let mut back = worker.tenant(12, "acme");
    back.waits();
    worker.answer(&worker.call(), &ok(&[80]));
    assert_eq!(back.outcome().0, 200);
}

/// A request that one limit refuses charges no lease of another.
#[test]
fn all_are_looked_at_before_one_is_charged() {
    let limits = json!([
        by_tenant("a", json!({})),
        by_tenant("b", json!({"rate": "50/1m"}))
    ]);
    let worker = Worker::alone(&global(limits, json!({"lease": 10})));
    let mut first = worker.tenant(1, "acme");
    first.waits();
    let calls = worker.calls();
    let asked: Vec<_> = calls.iter().flat_map(Call::descriptors).collect();
    assert_eq!(
        asked,
        [
            "limit=a header.x-tenant=acme",
            "limit=b header.x-tenant=acme"
        ]
    );
    // Woken when the last one is there.
    assert_eq!(worker.answer(&calls[0], &ok(&[90])), NOBODY);
    assert_eq!(worker.answer(&calls[1], &over(&[CODE_OVER_LIMIT])), [1]);
    first.waits();
    let alone = worker.call();
    assert_eq!(alone.descriptors(), ["limit=b header.x-tenant=acme"]);
    assert_eq!(worker.answer(&alone, &over(&[CODE_OVER_LIMIT])), [1]);
    assert_eq!(first.outcome(), (429, "over_limit.b".to_owned()));
    let mut second = worker.tenant(2, "acme");
    let Verdict::Deny(reply) = second.ask() else {
        panic!("admitted");
    };
    let told = reply
        .headers
        .iter()
        .find(|(name, _)| name == "ratelimit")
        .unwrap();
    // All ten of a lease are still there.
    assert_eq!(
        String::from_utf8_lossy(&told.1),
        "\"a\";r=100;t=30, \"b\";r=0;t=30"
    );
    assert_eq!(worker.calls().len(), 0);
}

/// A race for the last of a lease: the loser asks for itself, and what it was charged by then stays so.
#[test]
fn a_race_for_the_last_of_a_lease() {
    let shared = Shared::default();
    let one = std::rc::Rc::new(leased(&shared, json!({})));
    let other = leased(&shared, json!({}));
    let mut first = one.tenant(1, "acme");
    first.waits();
    one.answer(&one.call(), &ok(&[0]));
    assert_eq!(first.outcome().0, 200);
    for number in 2..=9 {
        assert_eq!(one.tenant(number, "acme").outcome().0, 200);
    }
    let faster = one.clone();
    let once = std::cell::Cell::new(false);
    other.host.before_swap(move || {
        if !once.replace(true) {
            assert_eq!(faster.tenant(10, "acme").outcome().0, 200);
        }
    });
    let mut slower = other.tenant(1, "acme");
    slower.waits();
    let alone = other.call();
    assert_eq!(alone.request.hits_addend, 1);
    assert_eq!(other.answer(&alone, &over(&[CODE_OVER_LIMIT])), [1]);
    assert_eq!(slower.outcome().0, 429);
}

/// Shared data is as large as is configured, whatever clients send.
#[test]
fn bounded() {
    let shared = Shared::default();
    let worker = leased(&shared, json!({"slots": 16}));
    for number in 1..=500 {
        let tenant = number.to_string();
        let mut stream = worker.tenant(number, &tenant);
        stream.waits();
        worker.answer(&worker.call(), &ok(&[90]));
        assert_eq!(stream.outcome().0, 200);
    }
    assert!(shared.len() <= 17, "{}", shared.len());
    assert!(shared.bytes() <= 16 + 16 * 192, "{}", shared.bytes());
    assert!(worker.counts("a")["evicted"] > 0);
}

/// Something that shares the `vm_id` wrote there: one request is decided by `on_error`, then it begins anew.
#[test]
fn a_slot_that_somebody_wrote_to() {
    let shared = Shared::default();
    let worker = leased(&shared, json!({"slots": 1}));
    shared.swap("gatehouse.lease.0", b"junk", gatehouse_host::Cas(0));
    assert_eq!(
        worker.tenant(1, "acme").outcome(),
        (503, "store_failed.a".to_owned())
    );
    worker.tenant(2, "acme").waits();
    assert_eq!(worker.call().request.hits_addend, 10);
}

#[test]
fn report() {
    let limit = by_tenant("a", json!({"mode": "report"}));
    let worker = Worker::alone(&global(json!([limit]), json!({"lease": 10})));
    assert_eq!(worker.tenant(1, "acme").outcome().0, 200);
    // A share for those who come, and for this one what it costs.
    let calls = worker.calls();
    let costs: Vec<u32> = calls.iter().map(|call| call.request.hits_addend).collect();
    assert_eq!(costs, [10, 1]);
    assert_eq!(worker.answer(&calls[0], &ok(&[90])), NOBODY);
    assert_eq!(worker.answer(&calls[1], &ok(&[89])), NOBODY);
    assert_eq!(worker.tenant(2, "acme").outcome().0, 200);
    assert_eq!(worker.calls().len(), 0);
    assert_eq!(worker.counts("a"), counts([("admitted", 2), ("leased", 1)]));
}

/// What a request costs that a lease serves: as a bucket of our own, and a count that says so.
#[test]
fn host_calls() {
    let worker = leased(&Shared::default(), json!({}));
    let mut first = worker.tenant(1, "acme");
    first.waits();
    worker.answer(&worker.call(), &ok(&[90]));
    assert_eq!(first.outcome().0, 200);
    assert_eq!(worker.tenant(2, "acme").outcome().0, 200);
    let expected = [
        ("proxy_get_current_time_nanoseconds", 1),
        ("proxy_get_header_map_pairs", 1),
        ("proxy_get_shared_data", 1),
        ("proxy_increment_metric", 2),
        ("proxy_set_shared_data", 1),
    ];
    assert_eq!(worker.host.calls(), expected.into_iter().collect());
}
