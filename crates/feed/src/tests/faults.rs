//! What can go wrong, and what the operator is told.

use super::*;
use gatehouse_host::Status;

#[test]
fn what_is_no_good_answer() {
    let long = "a".repeat(101);
    let cases: [(&str, Option<&str>, &str, &str); 11] = [
        ("reset", None, "", "no answer: connection reset, or timeout"),
        ("timeout", Some("504"), "", "answered 504"),
        ("refused", Some("503"), "", "answered 503"),
        ("not found", Some("404"), "a", "answered 404"),
        ("no content", Some("204"), "", "answered 204"),
        (
            "redirect",
            Some("302"),
            "a",
            "answered 302, and redirects are not followed",
        ),
        (
            "not asked for",
            Some("304"),
            "",
            "answered 304, and redirects are not followed",
        ),
        (
            "status twice",
            Some("2000"),
            "a",
            "answered without a status",
        ),
        ("empty", Some("200"), "", "is no document"),
        ("garbage", Some("200"), "<html>", "is no document"),
        ("too long", Some("200"), &long, "101 bytes are too many"),
    ];
    for (name, status, body, why) in cases {
        let worker = Worker::alone();
        worker.tick();
        let sent = worker.sent().unwrap();
        let headers: Vec<_> = status
            .map(|status| (":status", status))
            .into_iter()
            .collect();
        worker.host.begin([]);
        assert_eq!(worker.ask(7), "waits", "{name}");
        assert_eq!(
            worker.answer(sent.id, &headers, body.as_bytes()),
            [7],
            "{name}"
        );
        assert_eq!(worker.ask(7), "unavailable", "{name}");
        assert_eq!(
            worker.lines(),
            [format!(
                "Warn: feed: cannot be fetched: {why}; there is none yet"
            )],
            "{name}"
        );
        assert_eq!(*worker.events.borrow(), [Event::Failed], "{name}");
        let copied = worker.host.calls().get("proxy_get_buffer_bytes").copied();
        let wanted = (status == Some("200") && (1..=100).contains(&body.len())).then_some(1);
        assert_eq!(copied, wanted, "{name}");
    }
}

#[test]
fn the_last_good_document_stays() {
    let worker = Worker::alone();
    worker.tick();
    worker.serve(&[], "a");
    let bad: [(Pairs<'_>, &[u8]); 4] = [
        (&[], b""),
        (&[(":status", "200")], b"<html>"),
        (
            &[(":status", "302"), ("location", "https://evil.test/")],
            b"b",
        ),
        (&[(":status", "200")], &[b'b'; 101]),
    ];
    for (headers, body) in bad {
        let (_, sent) = worker.until_sent(Duration::from_secs(600)).unwrap();
        worker.answer(sent.id, headers, body);
        assert_eq!(worker.ask(1), "a");
    }
    let (_, sent) = worker.until_sent(Duration::from_secs(600)).unwrap();
    worker.answer(sent.id, &[(":status", "200")], b"b");
    assert_eq!(worker.ask(1), "b");
    assert_eq!(
        worker.lines(),
        [
            "Info: feed: fetched",
            "Warn: feed: cannot be fetched: no answer: connection reset, or timeout; the last good one stays",
            "Warn: feed: cannot be fetched: is no document; the last good one stays",
            "Warn: feed: cannot be fetched: answered 302, and redirects are not followed; the last good one stays",
            "Warn: feed: cannot be fetched: 101 bytes are too many; the last good one stays",
            "Info: feed: fetched, after 4 failures",
        ]
    );
}

#[test]
fn one_line_for_many_failures_and_pauses_between() {
    let worker = Worker::alone();
    let mut pauses = Vec::new();
    for _ in 0..9 {
        let (after, sent) = worker.until_sent(Duration::from_secs(100)).unwrap();
        pauses.push(after);
        worker.answer(sent.id, &[(":status", "503")], b"");
    }
    let expected = [0, 1, 2, 4, 8, 16, 32, 64, 64];
    for (pause, expected) in pauses.iter().zip(expected) {
        let most = expected * 1250 + 200;
        assert!((expected * 750..=most).contains(pause), "{pauses:?}");
    }
    assert_eq!(
        worker.lines(),
        ["Warn: feed: cannot be fetched: answered 503; there is none yet"]
    );
    assert_eq!(worker.events.borrow().len(), 9);
}

#[test]
fn what_is_not_sent() {
    let cases = [
        (10, "the cluster has no healthy host"),
        (2, "there is no such cluster"),
        (7, "proxy_http_call answered status 7"),
    ];
    for (status, why) in cases {
        let worker = Worker::alone();
        worker.host.fail("proxy_http_call", Status::Code(status));
        assert_eq!(worker.ask(1), "unavailable", "{status}");
        assert_eq!(worker.tick(), [0; 0], "{status}");
        assert_eq!(
            worker.lines(),
            [format!(
                "Warn: feed: cannot be fetched: {why}; there is none yet"
            )]
        );
        worker.host.heal("proxy_http_call");
        let (after, sent) = worker.until_sent(Duration::from_secs(3)).unwrap();
        assert!((700..1400).contains(&after), "{after}");
        worker.answer(sent.id, &[(":status", "200")], b"a");
        assert_eq!(worker.ask(1), "a", "{status}");
    }
}

#[test]
fn an_answer_that_never_comes() {
    let worker = Worker::alone();
    worker.tick();
    let lost = worker.sent().unwrap();
    assert_eq!(worker.ask(1), "waits");
    assert_eq!(worker.ask(2), "waits");
    worker.host.advance(Duration::from_secs(3));
    assert_eq!(worker.tick(), [0; 0]);
    worker.host.advance(TICK);
    assert_eq!(worker.tick(), [1, 2]);
    assert_eq!(worker.tick(), [0; 0], "woken once");
    assert_eq!(
        worker.lines(),
        ["Warn: feed: cannot be fetched: the answer never came; there is none yet"]
    );
    // It comes after all, when another is under way.
    let (_, sent) = worker.until_sent(Duration::from_secs(3)).unwrap();
    worker.answer(lost.id, &[(":status", "200")], b"old");
    assert_eq!(worker.ask(1), "waits");
    assert_eq!(worker.answer(sent.id, &[(":status", "200")], b"new"), [1]);
    assert_eq!(worker.ask(1), "new");
}

#[test]
fn one_that_is_asked_again_is_woken_once() {
    let worker = Worker::alone();
    worker.tick();
    for stream in [3, 1, 3, 2, 1] {
        assert_eq!(worker.ask(stream), "waits");
    }
    assert_eq!(worker.serve(&[], "a"), [1, 2, 3]);
    assert_eq!(worker.tick(), [0; 0]);
}

#[test]
fn as_many_as_there_may_be_wait() {
    let worker = Worker::alone();
    worker.tick();
    for stream in 0..16 * 1024 {
        assert_eq!(worker.ask(stream), "waits");
    }
    assert_eq!(worker.ask(99_999), "unavailable");
    assert_eq!(worker.ask(5), "waits");
    assert_eq!(worker.serve(&[], "a").len(), 16 * 1024);
}

#[test]
fn steps() {
    let worker = Worker::alone();
    worker.tick();
    assert_eq!(worker.ask(1), "waits");
    assert_eq!(
        worker.serve(&[("cache-control", "max-age=100")], "next"),
        [0; 0]
    );
    let sent = worker.sent().unwrap();
    assert_eq!(sent.header(":path"), "/next");
    assert_eq!(
        worker.answer(sent.id, &[(":status", "200"), ("etag", "\"1\"")], b"a"),
        [1]
    );
    assert_eq!(worker.ask(1), "a");
    // The lifetime is the last step's, and so is the version.
    let (after, sent) = worker.until_sent(Duration::from_secs(600)).unwrap();
    assert!(after >= 450_000, "{after}");
    assert_eq!(
        (sent.header(":path"), sent.header("if-none-match")),
        ("/keys".into(), "".into())
    );
    worker.answer(sent.id, &[(":status", "200")], b"next");
    let sent = worker.sent().unwrap();
    assert_eq!(sent.header("if-none-match"), "\"1\"");
    // Another one after it is one too many.
    worker.answer(sent.id, &[(":status", "200")], b"next");
    assert_eq!(worker.sent(), None);
    assert_eq!(
        worker.lines().last().unwrap(),
        "Warn: feed: cannot be fetched: points to yet another document; the last good one stays"
    );
    assert_eq!(worker.ask(1), "a");
}

#[test]
fn a_host_that_fails() {
    for call in ["proxy_get_shared_data", "proxy_set_shared_data"] {
        let worker = Worker::alone();
        worker.host.fail(call, Status::Code(10));
        worker.tick();
        assert_eq!(worker.ask(1), "unavailable", "{call}");
        assert_eq!(worker.sent(), None, "{call}");
        worker.tick();
        let line = format!("Error: feed: {call} answered status 10");
        assert_eq!(worker.lines(), [line], "once");
        worker.host.heal(call);
        assert_eq!(worker.ask(1), "waits", "{call}");
    }
    let worker = Worker::alone();
    worker.host.fail("random_get", Status::Code(10));
    worker.tick();
    worker.serve(&[], "a");
    assert_eq!(worker.ask(1), "a");

    let worker = Worker::alone();
    worker.tick();
    worker.host.fail("proxy_set_shared_data", Status::Code(10));
    worker.serve(&[], "a");
    assert_eq!(worker.ask(1), "a", "this worker has it");
}
