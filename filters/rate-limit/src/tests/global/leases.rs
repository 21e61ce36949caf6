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
    let mut streams: Vec<_> = (1..=32)
        .map(|number| worker.tenant(number, "acme"))
        .collect();
    for stream in &mut streams {
        stream.waits();
    }
    let call = worker.call();
    assert_eq!(call.request.hits_addend, 10);
    let everybody: Vec<u32> = (1..=32).collect();
    assert_eq!(worker.answer(&call, &ok(&[90])), everybody);
    for stream in &mut streams[..10] {
        assert_eq!(stream.outcome().0, 200);
    }
    // What is asked for when it runs low is for those that it was not enough for, and they wait for it.
    for stream in &mut streams[10..] {
        stream.waits();
    }
    let ahead = worker.call();
    assert_eq!(ahead.request.hits_addend, 22);
    // So do those who come later, and nobody asks for itself.
    let mut late = worker.tenant(33, "acme");
    late.waits();
    assert_eq!(worker.calls().len(), 0);
    let everybody: Vec<u32> = (11..=33).collect();
    assert_eq!(worker.answer(&ahead, &ok(&[68])), everybody);
    for stream in &mut streams[10..31] {
        assert_eq!(stream.outcome().0, 200);
    }
    let next = worker.call();
    assert_eq!(next.request.hits_addend, 10);
    assert_eq!(streams[31].outcome().0, 200);
    late.waits();
    assert_eq!(worker.answer(&next, &ok(&[58])), [33]);
    assert_eq!(late.outcome().0, 200);
    assert_eq!(
        worker.counts("a"),
        counts([("admitted", 33), ("leased", 33)])
    );
    assert_eq!(worker.service_counts(), counts([("calls", 3)]));
}

/// Who has waited for as long as the timeout asks for itself: others may take what comes, again and again.
#[test]
fn nobody_waits_for_shares_without_end() {
    let shared = Shared::default();
    let worker = || leased(&shared, json!({"slots": 1}));
    let (one, other) = (worker(), worker());
    let mut first = one.tenant(1, "acme");
    first.waits();
    for round in 0..4 {
        one.host.advance(Duration::from_millis(15));
        let share = one.call();
        assert_eq!(share.request.hits_addend, 10, "{round}");
        assert_eq!(one.answer(&share, &ok(&[90])), [1]);
        for number in 1..=10 {
            assert_eq!(other.tenant(number, "acme").outcome().0, 200);
        }
        let ahead = other.call();
        other.answer(&ahead, &over(&[CODE_OVER_LIMIT]));
        // As if the window had ended.
        shared.swap("gatehouse.leases0", b"", gatehouse_host::Cas(0));
        first.waits();
    }
    let alone = one.call();
    assert_eq!(alone.request.hits_addend, 1);
    assert_eq!(one.answer(&alone, &ok(&[49])), [1]);
    assert_eq!(first.outcome().0, 200);
}

/// All workers serve from one lease; while one asks for a share, another one asks for half of one, and a third for what
/// it needs.
#[test]
fn several_workers() {
    let shared = Shared::default();
    let worker = || leased(&shared, json!({}));
    let (one, other, third) = (worker(), worker(), worker());
    let mut first = one.tenant(1, "acme");
    first.waits();
    let share = one.call();
    let mut second = other.tenant(1, "acme");
    second.waits();
    let half = other.call();
    let mut streams: Vec<_> = (1..=3).map(|number| third.tenant(number, "acme")).collect();
    for stream in &mut streams {
        stream.waits();
    }
    let need = third.call();
    let asked = [&share, &half, &need].map(|call| call.request.hits_addend);
    assert_eq!(asked, [10, 5, 1]);
    // One of three is served, and the others are asked for together.
    assert_eq!(third.answer(&need, &ok(&[84])), [1, 2, 3]);
    assert_eq!(streams[0].outcome().0, 200);
    streams[1].waits();
    streams[2].waits();
    let need = third.call();
    assert_eq!(need.request.hits_addend, 2);
    // The half is there before the share: those who were first asked are served first, from whatever came.
    assert_eq!(other.answer(&half, &ok(&[85])), [1]);
    assert_eq!(second.outcome().0, 200);
    assert_eq!(one.answer(&share, &ok(&[85])), [1]);
    assert_eq!(first.outcome().0, 200);
    assert_eq!(third.answer(&need, &ok(&[82])), [2, 3]);
    for stream in &mut streams[1..] {
        assert_eq!(stream.outcome().0, 200);
    }
    // Of 18, 13 are left; one low-water mark for all workers: one asks.
    for number in 2..=12 {
        let worker = if number % 2 == 0 { &one } else { &other };
        assert_eq!(worker.tenant(number, "acme").outcome().0, 200);
    }
    assert_eq!(one.calls().len() + other.calls().len(), 0);
    assert_eq!(other.tenant(13, "acme").outcome().0, 200);
    assert_eq!(one.tenant(14, "acme").outcome().0, 200);
    assert_eq!((other.calls().len(), one.calls().len()), (1, 0));
}

/// However slow one worker's answer is, the other one's requests are not asked about one by one.
#[test]
fn one_slow_answer() {
    let shared = Shared::default();
    let (slow, other) = (leased(&shared, json!({})), leased(&shared, json!({})));
    let mut first = slow.tenant(1, "acme");
    first.waits();
    let share = slow.call();
    let (mut calls, mut left) = (0, 90);
    for number in 1..=90 {
        let mut stream = other.tenant(number, "acme");
        if let Verdict::Wait { .. } = stream.ask() {
            let call = other.call();
            calls += 1;
            left -= call.request.hits_addend;
            assert_eq!(other.answer(&call, &ok(&[left])), [number]);
            assert_eq!(stream.outcome().0, 200);
        }
    }
    assert_eq!((calls, left), (18, 0));
    assert_eq!(slow.answer(&share, &ok(&[0])), [1]);
    assert_eq!(first.outcome().0, 200);
}

/// The last of a quota is handed out as the service says that it is left, and then nobody is asked until the window ends.
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

/// A race for the last of a lease: the loser asks, and what it was charged by then stays so.
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
    assert!(shared.bytes() <= 16 + 16 * 256, "{}", shared.bytes());
    assert!(worker.counts("a")["evicted"] > 0);
}

/// Something that shares the `vm_id` wrote there: one request is decided by `on_error`, then it begins anew.
#[test]
fn a_slot_that_somebody_wrote_to() {
    let shared = Shared::default();
    let worker = leased(&shared, json!({"slots": 1}));
    shared.swap("gatehouse.leases0", b"junk", gatehouse_host::Cas(0));
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

/// A share of 1 is no lease, but what the service refused is refused here: who is over one limit does not use up
/// those of others, where the service charges them all the same.
#[test]
fn with_a_share_of_one_who_is_over_asks_no_more() {
    let limits = json!([
        by_tenant("a", json!({})),
        {"name": "everybody", "key": [{"const": "all"}], "rate": "1000/1m"},
    ]);
    // How many of ten more requests ask.
    for (name, lease, more) in [
        ("no lease", json!({}), 10),
        ("a share of 1", json!({"lease": 1}), 0),
    ] {
        let worker = Worker::alone(&global(limits.clone(), lease));
        let mut first = worker.tenant(1, "acme");
        first.waits();
        let call = worker.call();
        assert_eq!(
            call.descriptors(),
            ["limit=a header.x-tenant=acme", "limit=everybody const=all"],
            "{name}"
        );
        assert_eq!(call.request.hits_addend, 1, "{name}");
        worker.answer(&call, &over(&[CODE_OVER_LIMIT, CODE_OK]));
        assert_eq!(first.outcome(), (429, "over_limit.a".to_owned()), "{name}");
        let mut asked = 0;
        for number in 2..12 {
            let mut stream = worker.tenant(number, "acme");
            if let Verdict::Wait { .. } = stream.ask() {
                asked += 1;
                worker.answer(&worker.call(), &over(&[CODE_OVER_LIMIT, CODE_OK]));
            }
            assert_eq!(stream.outcome(), (429, "over_limit.a".to_owned()), "{name}");
        }
        assert_eq!(asked, more, "{name}");
        // Another tenant goes on.
        let mut other = worker.tenant(20, "other");
        other.waits();
        worker.answer(&worker.call(), &ok(&[9, 9]));
        assert_eq!(other.outcome().0, 200, "{name}");
    }
}
