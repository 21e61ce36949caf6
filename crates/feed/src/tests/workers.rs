//! Several workers, one fetch.

use super::*;

fn workers(count: usize) -> (Shared, Vec<Worker>) {
    let shared = Shared::default();
    let workers = (0..count)
        .map(|_| Worker::new(&shared, settings()))
        .collect();
    (shared, workers)
}

fn sent(workers: &[Worker]) -> usize {
    workers
        .iter()
        .map(|worker| worker.host.take_callouts().len())
        .sum()
}

#[test]
fn one_fetch_for_all() {
    let (shared, workers) = workers(4);
    for worker in &workers {
        assert_eq!(worker.ask(1), "waits");
        worker.tick();
        assert_eq!(worker.ask(2), "waits");
    }
    let request = workers[0].sent().unwrap();
    assert_eq!(sent(&workers), 0, "the first asks for all");
    assert_eq!(request.callout.cluster, "idp");
    assert_eq!(request.callout.timeout, Duration::from_secs(2));
    for (name, value) in [
        (":method", "GET"),
        (":path", "/keys"),
        (":authority", "idp.test"),
        ("if-none-match", ""),
    ] {
        assert_eq!(request.header(name), value, "{name}");
    }
    assert_eq!(
        workers[0].answer(request.id, &[(":status", "200")], b"a"),
        [1, 2]
    );
    for worker in &workers[1..] {
        assert_eq!(worker.tick(), [1, 2]);
        assert_eq!(worker.tick(), [0; 0]);
    }
    for worker in &workers {
        assert_eq!(worker.ask(1), "a");
    }
    assert_eq!(shared.len(), 2);
    assert_eq!(sent(&workers), 0);
    let lines: Vec<_> = workers.iter().flat_map(Worker::lines).collect();
    assert_eq!(lines, ["Info: feed: fetched"]);
}

#[test]
fn a_tick_is_cheap() {
    let (_, workers) = workers(2);
    workers[0].tick();
    workers[0].serve(&[], "a");
    workers[1].tick();
    for worker in &workers {
        worker.host.begin([]);
        worker.tick();
        assert_eq!(
            worker.host.calls(),
            BTreeMap::from([
                ("proxy_get_current_time_nanoseconds", 1),
                ("proxy_get_shared_data", 1)
            ])
        );
        worker.host.begin([]);
        worker.ask(1);
        // The clock is this test's.
        assert_eq!(worker.host.call_count(), 1);
    }
}

#[test]
fn a_new_worker_finds_what_there_is() {
    let (shared, workers) = workers(1);
    workers[0].tick();
    workers[0].serve(&[], "a");
    let reloaded = Worker::new(&shared, settings());
    assert_eq!(reloaded.ask(1), "a");
    assert_eq!(reloaded.sent(), None);
    assert_eq!(reloaded.tick(), [0; 0]);
    assert_eq!(reloaded.sent(), None);
}

/// A configuration that was taken back and comes again finds the document of then: keys that are
/// withdrawn since, a list on which much is missing.
#[test]
fn what_nobody_kept_fresh_is_not_used_before_it_was_asked_for() {
    let day = Duration::from_secs(86_400);
    for (name, answers, expected) in [
        ("another", &[("200", "b")][..], "b"),
        ("the same", &[("200", "a")], "a"),
        ("none: the last good one", &[("500", "")], "a"),
    ] {
        let (shared, workers) = workers(1);
        workers[0].tick();
        workers[0].serve(&[("etag", "\"1\"")], "a");
        let again = Worker::new(&shared, settings());
        let other = Worker::new(&shared, settings());
        again.host.advance(day);
        other.host.advance(day);
        assert_eq!(again.ask(1), "waits", "{name}");
        assert_eq!(other.ask(2), "waits", "{name}");
        let sent = again.sent().unwrap();
        assert_eq!(sent.header("if-none-match"), "", "{name}");
        assert_eq!(again.tick(), [0; 0], "{name}");
        assert_eq!(other.tick(), [0; 0], "{name}");
        assert_eq!(other.sent(), None, "{name}");
        for (status, body) in answers {
            let woken = again.answer(sent.id, &[(":status", status)], body.as_bytes());
            assert_eq!(woken, [1], "{name}");
        }
        assert_eq!(other.tick(), [2], "{name}");
        assert_eq!(
            (again.ask(1), other.ask(2)),
            (expected.into(), expected.into()),
            "{name}"
        );
    }
}

/// While it cannot be fetched it is asked for at least every eighty seconds: a VM that is made anew
/// then has it at once.
#[test]
fn what_cannot_be_fetched_is_still_there_for_a_new_worker() {
    let (shared, workers) = workers(1);
    workers[0].tick();
    workers[0].serve(&[], "a");
    for _ in 0..20 {
        let (_, sent) = workers[0].until_sent(Duration::from_secs(600)).unwrap();
        workers[0].answer(sent.id, &[(":status", "500")], b"");
    }
    let reloaded = Worker::new(&shared, settings());
    let now = workers[0].host.now().unwrap();
    reloaded.host.set_now(now.after(Duration::from_secs(80)));
    assert_eq!(reloaded.ask(1), "a");
}

#[test]
fn a_worker_that_dies_does_not_stop_the_others() {
    let (_, workers) = workers(2);
    workers[0].tick();
    assert_eq!(sent(&workers), 1);
    assert_eq!(workers[1].ask(1), "waits");
    // Two steps of 2 s and 1 s each, and another second.
    workers[1].host.advance(Duration::from_millis(6_900));
    assert_eq!(workers[1].tick(), [0; 0]);
    assert_eq!(sent(&workers), 0);
    workers[1].host.advance(TICK);
    assert_eq!(
        workers[1].tick(),
        [0; 0],
        "it goes on waiting, for the fetch of its own worker"
    );
    assert_eq!(workers[1].serve(&[], "a"), [1]);
    assert_eq!(workers[1].ask(1), "a");
}

#[test]
fn who_lost_the_lease_says_nothing() {
    let (_, workers) = workers(2);
    workers[0].tick();
    let late = workers[0].sent().unwrap();
    workers[1].host.advance(Duration::from_secs(7));
    workers[1].tick();
    // It answers at last, with nothing good, when another has taken over.
    workers[0].answer(late.id, &[(":status", "500")], b"");
    assert_eq!(workers[0].lines(), [""; 0]);
    workers[1].serve(&[], "a");
    assert_eq!(workers[1].ask(1), "a");
    workers[0].tick();
    assert_eq!(workers[0].ask(1), "a");
}

#[test]
fn who_lost_the_lease_does_not_put_an_older_document_there() {
    let (shared, workers) = workers(2);
    workers[0].tick();
    let late = workers[0].sent().unwrap();
    workers[1].host.advance(Duration::from_secs(7));
    workers[1].tick();
    workers[1].serve(&[], "newer");
    workers[0].answer(late.id, &[(":status", "200")], b"older");
    assert_eq!(workers[0].ask(1), "newer");
    assert_eq!(Worker::new(&shared, settings()).ask(1), "newer");
}

#[test]
fn two_take_the_lease_at_once() {
    let shared = Shared::default();
    let first = Worker::new(&shared, settings());
    let second = Rc::new(Worker::new(&shared, settings()));
    let other = second.clone();
    let mut once = true;
    first.host.before_swap(move || {
        if std::mem::take(&mut once) {
            other.tick();
        }
    });
    first.tick();
    assert_eq!(first.sent(), None);
    assert_eq!(first.ask(1), "waits");
    second.serve(&[], "a");
    assert_eq!(first.tick(), [1]);
    assert_eq!(first.ask(1), "a");
}

#[test]
fn versions() {
    let (_, workers) = workers(2);
    workers[0].tick();
    workers[0].serve(&[("etag", "W/\"1\"")], "a");
    workers[1].tick();
    let known = workers[1].feed.document(FakeHost::START).unwrap();

    // Whoever asks next, asks for another version than that.
    let (_, sent) = workers[1].until_sent(Duration::from_secs(600)).unwrap();
    assert_eq!(sent.header("if-none-match"), "W/\"1\"");
    workers[1].answer(
        sent.id,
        &[(":status", "304"), ("cache-control", "max-age=100")],
        b"",
    );
    let (after, sent) = workers[1].until_sent(Duration::from_secs(600)).unwrap();
    assert!((75_000..=85_100).contains(&after), "{after}");

    // A server that sends the same again is understood too: nobody reads it again.
    workers[1].answer(sent.id, &[(":status", "200"), ("etag", "W/\"1\"")], b"a");
    let now = workers[1].host.now().unwrap();
    assert!(Rc::ptr_eq(&known, &workers[1].feed.document(now).unwrap()));
    let (_, sent) = workers[1].until_sent(Duration::from_secs(600)).unwrap();
    workers[1].answer(sent.id, &[(":status", "200"), ("etag", "W/\"2\"")], b"b");
    workers[0].tick();
    assert_eq!(
        (workers[0].ask(1), workers[1].ask(1)),
        ("b".to_owned(), "b".to_owned())
    );
    let events = workers[1].events.borrow();
    assert_eq!(
        *events,
        [Event::NotModified, Event::NotModified, Event::Fetched]
    );
}

#[test]
fn on_demand() {
    let (_, workers) = workers(3);
    workers[0].tick();
    workers[0].serve(&[], "a");
    workers[1].tick();
    workers[2].tick();

    // The first fetches, who comes meanwhile waits for that.
    assert_eq!(workers[1].want(1), "waits");
    assert_eq!(workers[1].want(2), "waits");
    assert_eq!(workers[2].want(3), "waits");
    assert_eq!(workers[1].serve(&[], "b"), [1, 2]);
    assert_eq!(workers[2].tick(), [3]);
    assert_eq!(workers[2].ask(3), "b");
    // A worker that has not looked since finds it.
    assert_eq!(workers[0].want(4), "b");

    // A flood after that is refused at once, everywhere, until the period is over.
    for stream in 0..10_000 {
        assert_eq!(workers[stream % 3].want(9), "refused");
    }
    assert_eq!(sent(&workers), 0);
    for worker in &workers {
        worker.host.advance(Duration::from_secs(30));
    }
    assert_eq!(workers[0].want(1), "waits");
    assert_eq!(sent(&workers), 1);
}

#[test]
fn on_demand_while_it_cannot_be_fetched() {
    let worker = Worker::alone();
    worker.tick();
    worker.serve(&[], "a");
    assert_eq!(worker.want(1), "waits");
    let first = worker.sent().unwrap();
    worker.host.advance(Duration::from_secs(2));
    assert_eq!(worker.answer(first.id, &[(":status", "504")], b""), [1]);
    assert_eq!(worker.want(1), "refused");
    // The period begins with the end of the fetch; what is due meanwhile is due.
    let (after, sent) = worker.until_sent(Duration::from_secs(2)).unwrap();
    assert!(after >= 700, "{after}");
    worker.answer(sent.id, &[(":status", "504")], b"");
    assert_eq!(worker.want(1), "refused");
    assert_eq!(worker.ask(1), "a");
}

/// Otherwise whoever sends unknown keys has one fetch follow the other.
#[test]
fn on_demand_where_a_fetch_takes_longer_than_the_period() {
    let mut settings = settings();
    settings.on_demand = Duration::from_secs(1);
    let worker = Worker::new(&Shared::default(), settings);
    worker.tick();
    worker.serve(&[], "a");
    assert_eq!(worker.want(1), "waits");
    let first = worker.sent().unwrap();
    worker.host.advance(Duration::from_millis(1_500));
    assert_eq!(worker.answer(first.id, &[(":status", "200")], b"a"), [1]);
    assert_eq!(worker.want(1), "refused");
    worker.host.advance(Duration::from_secs(1));
    assert_eq!(worker.want(1), "waits");
}

#[test]
fn a_clock_that_goes_back() {
    let worker = Worker::alone();
    worker.host.advance(Duration::from_secs(1_000_000));
    worker.tick();
    worker.serve(&[], "a");
    worker.host.set_now(FakeHost::START);
    assert_eq!(worker.ask(1), "a");
    worker.tick();
    assert!(worker.sent().is_some(), "it is due");

    // A lease of the future is none.
    let shared = Shared::default();
    let dead = Worker::new(&shared, settings());
    dead.host.advance(Duration::from_secs(1_000_000));
    dead.tick();
    let worker = Worker::new(&shared, settings());
    assert_eq!(worker.ask(1), "waits");
    assert_eq!(worker.serve(&[], "a"), [1]);
}

/// A worker may be held up between its clock and shared data, for seconds on a busy machine, while others write what is
/// ahead of it: that is no clock that went back.
#[test]
fn who_read_the_clock_before() {
    let (_, workers) = workers(2);
    let [early, late] = &workers[..] else {
        panic!("two workers");
    };
    late.host.advance(Duration::from_secs(9));
    assert_eq!(late.ask(1), "waits");
    assert_eq!(early.ask(2), "waits");
    assert_eq!(sent(&workers[..1]), 0, "the lease is another's");
    assert_eq!(late.serve(&[], "a"), [1]);
    assert_eq!(early.tick(), [2]);
    assert_eq!(sent(&workers), 0, "nothing is due");
    assert_eq!(late.want(1), "waits");
    assert_eq!(early.want(2), "waits");
    assert_eq!(sent(&workers[..1]), 0, "the lease is another's");
    assert_eq!(late.serve(&[], "b"), [1]);
    assert_eq!(early.tick(), [2]);
    assert_eq!(early.want(2), "refused");
    assert_eq!(sent(&workers), 0, "it was fetched just now");
}

#[test]
fn shared_data_that_is_no_state() {
    for bytes in [&b""[..], b"\x01", b"\xff\xff\xff", &[1; 58], &[0; 57]] {
        let shared = Shared::default();
        shared.swap("feed.state", bytes, gatehouse_host::Cas(0));
        shared.swap("feed.document", bytes, gatehouse_host::Cas(0));
        let worker = Worker::new(&shared, settings());
        assert_eq!(worker.ask(1), "waits", "{bytes:?}");
        assert_eq!(worker.serve(&[], "a"), [1], "{bytes:?}");
        assert_eq!(Worker::new(&shared, settings()).ask(1), "a", "{bytes:?}");
    }
}

#[test]
fn a_document_that_is_not_there_is_fetched_again() {
    let (shared, workers) = workers(1);
    workers[0].tick();
    workers[0].serve(&[("etag", "\"1\"")], "a");
    shared.swap("feed.document", b"broken", gatehouse_host::Cas(0));
    let other = Worker::new(&shared, settings());
    assert_eq!(other.ask(1), "unavailable");
    assert_eq!(
        other.lines(),
        ["Error: feed: not taken over: what another worker fetched is not there"]
    );
    let (_, sent) = other.until_sent(Duration::from_secs(600)).unwrap();
    assert_eq!(sent.header("if-none-match"), "");
    other.answer(sent.id, &[(":status", "200")], b"a");
    assert_eq!(other.ask(1), "a");
}
