//! How long a document lasts, by what its response says.

use super::*;
use crate::lifetime;
use gatehouse_host::Headers;

#[test]
fn lifetimes() {
    let cases: [(&str, Pairs<'_>, u64); 19] = [
        ("nothing said", &[], 600),
        ("shorter", &[("cache-control", "max-age=60")], 60),
        (
            "longer than refresh",
            &[("cache-control", "max-age=86400")],
            600,
        ),
        (
            "shorter than min_refresh",
            &[("cache-control", "max-age=1")],
            10,
        ),
        ("no-store", &[("cache-control", "no-store")], 10),
        ("no-cache", &[("cache-control", "private, No-Cache")], 10),
        (
            "among others",
            &[("cache-control", "public, max-age=60, must-revalidate")],
            60,
        ),
        (
            "two lines",
            &[("cache-control", "public"), ("cache-control", "max-age=60")],
            60,
        ),
        ("twice", &[("cache-control", "max-age=90, max-age=60")], 60),
        (
            "max-age and no-store",
            &[("cache-control", "max-age=90, no-store")],
            10,
        ),
        ("quoted", &[("cache-control", "max-age=\"60\"")], 60),
        (
            "another case, spaces",
            &[("cache-control", " Max-Age = 60 ")],
            60,
        ),
        (
            "s-maxage is not for us",
            &[("cache-control", "s-maxage=60")],
            600,
        ),
        ("age", &[("cache-control", "max-age=90"), ("age", "30")], 60),
        (
            "older than its max-age",
            &[("cache-control", "max-age=90"), ("age", "100")],
            10,
        ),
        ("age alone", &[("age", "100")], 600),
        ("not a number", &[("cache-control", "max-age=-1")], 10),
        ("no value", &[("cache-control", "max-age")], 10),
        (
            "huge",
            &[("cache-control", "max-age=99999999999999999999")],
            600,
        ),
    ];
    for (name, headers, expected) in cases {
        let headers: Headers = headers
            .iter()
            .map(|(name, value)| (*name, value.as_bytes()))
            .collect();
        let lifetime = lifetime::of(&headers, &settings());
        assert_eq!(lifetime, Duration::from_secs(expected), "{name}");
    }
}

#[test]
fn pauses_grow_and_end() {
    let cases = [
        (1, 750, 1250),
        (2, 1500, 2500),
        (3, 3000, 5000),
        (7, 48_000, 80_000),
    ];
    for (failures, least, most) in cases.into_iter().chain([(u32::MAX, 48_000, 80_000)]) {
        assert_eq!(
            lifetime::pause(failures, 0).as_millis(),
            least,
            "{failures}"
        );
        assert_eq!(
            lifetime::pause(failures, 255).as_millis(),
            most,
            "{failures}"
        );
    }
}

#[test]
fn fetched_ahead_of_time() {
    let hour = Duration::from_secs(3600);
    assert_eq!(lifetime::ahead(hour, 0), hour * 75 / 100);
    assert_eq!(lifetime::ahead(hour, 255), hour * 85 / 100);

    let worker = Worker::alone();
    worker.tick();
    worker.serve(&[("cache-control", "max-age=100")], "a");
    let (after, _) = worker.until_sent(Duration::from_secs(200)).unwrap();
    assert!((75_000..=85_100).contains(&after), "{after}");
}

#[test]
fn a_document_may_have_an_end() {
    let limited = Settings {
        max_stale: Some(Duration::from_secs(60)),
        ..settings()
    };
    let worker = Worker::new(&Shared::default(), limited);
    worker.tick();
    worker.serve(&[("cache-control", "max-age=100")], "a");
    worker.host.advance(Duration::from_secs(159));
    assert_eq!(worker.ask(1), "a");
    worker.host.advance(Duration::from_secs(1));
    // One more try, for which it waits.
    assert_eq!(worker.ask(1), "waits");
    let sent = worker.sent().unwrap();
    assert_eq!(worker.answer(sent.id, &[], b""), [1]);
    assert_eq!(worker.ask(1), "unavailable");
    assert!(worker.until_sent(Duration::from_secs(2)).is_some());
}

#[test]
fn without_an_end_it_stays() {
    let worker = Worker::alone();
    worker.tick();
    worker.serve(&[], "a");
    worker.host.advance(Duration::from_secs(1_000_000));
    assert_eq!(worker.ask(1), "a");
    assert_eq!(
        worker.sent(),
        None,
        "a request with a document fetches nothing"
    );
}
