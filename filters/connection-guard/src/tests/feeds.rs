//! Lists of addresses that somebody publishes.

use super::*;

fn config(more: Value) -> Value {
    let mut feed =
        json!({"uri": "https://lists.test/bad.txt", "cluster": "lists", "refresh": "1m"});
    for (key, value) in more.as_object().unwrap() {
        feed[key] = value.clone();
    }
    json!({
        "rules": [{"name": "bad", "match": {"source": ["203.0.113.0/24", {"feed": "list"}]}, "action": "deny"}],
        "default": "allow", "feeds": {"list": feed},
    })
}

/// Answers what was just sent, and asks about who waits.
fn serve(worker: &Worker, status: &str, headers: &[(&str, &str)], body: &str) -> Vec<StreamId> {
    let sent = worker
        .host
        .take_callouts()
        .pop()
        .expect("something was sent");
    let mut wake = Vec::new();
    let headers = [&[(":status", status)], headers].concat();
    let headers = headers
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()));
    let answer = worker.host.answer(headers, body.as_bytes());
    worker.filter.answered(sent.id, &answer, &mut wake);
    wake
}

#[test]
fn a_connection_waits_for_the_first_list() {
    let worker = Worker::alone(&config(json!({})));
    let known = worker.connect("203.0.113.1");
    assert_eq!(known.fate(), "rule.bad", "a range says it");
    let mut waits = worker.connect("198.51.100.1");
    let mut also = worker.connect("192.0.2.1");
    assert_eq!((waits.fate(), also.fate()), ("held", "held"));
    waits.send(b"half a hello");
    let woken = serve(
        &worker,
        "200",
        &[("etag", "\"1\"")],
        "# bad\n198.51.100.0/24\n",
    );
    assert_eq!(woken, [StreamId(7)]);
    waits.enter();
    waits.ask();
    also.enter();
    also.ask();
    assert_eq!((waits.fate(), also.fate()), ("rule.bad", "open"));
    assert_eq!(worker.connect("::ffff:198.51.100.9").fate(), "rule.bad");
    assert_eq!(worker.connect("192.0.2.9").fate(), "open");
}

#[test]
fn the_last_good_list_stays() {
    let worker = Worker::alone(&config(json!({"max_prefixes": 2})));
    worker.tick();
    serve(&worker, "200", &[("etag", "\"1\"")], "198.51.100.0/24\n");
    let fates = |worker: &Worker| {
        ["198.51.100.1", "198.51.101.1"].map(|source| worker.connect(source).fate().to_owned())
    };
    assert_eq!(fates(&worker), ["rule.bad", "open"]);
    let answers: [(&str, &str, &str); 7] = [
        ("unchanged", "304", ""),
        ("gone", "404", ""),
        ("a bad line", "200", "198.51.101.0/24\nnonsense\n"),
        ("too many", "200", "1.1.1.1\n1.1.1.2\n1.1.1.3\n"),
        ("empty", "200", ""),
        ("HTML", "200", "<html></html>"),
        ("moved", "302", ""),
    ];
    for (name, status, body) in answers {
        let sent = (0..2_000).any(|_| {
            worker.advance(0.1);
            worker.tick();
            let sent = worker.host.take_callouts();
            let Some(sent) = sent.into_iter().next() else {
                return false;
            };
            assert_eq!(sent.header("if-none-match"), "\"1\"", "{name}");
            let answer = worker
                .host
                .answer([(":status", status.as_bytes())], body.as_bytes());
            worker.filter.answered(sent.id, &answer, &mut Vec::new());
            true
        });
        assert!(sent, "{name}");
        assert_eq!(fates(&worker), ["rule.bad", "open"], "{name}");
    }
    let log = worker.host.log_lines().join("\n");
    assert!(log.contains("1 bad entry: line 2: \"nonsense\""), "{log}");
    assert_eq!(worker.counts()["feed_not_modified.feed.list"], 1);
    assert_eq!(worker.counts()["feed_failed.feed.list"], 6);
}

#[test]
fn bad_entries_that_are_left_out_are_said() {
    let worker = Worker::alone(&config(json!({"bad_entries": "skip"})));
    worker.tick();
    serve(&worker, "200", &[], "198.51.100.0/24\nnonsense\n");
    assert_eq!(worker.connect("198.51.100.1").fate(), "rule.bad");
    let log = worker.host.log_lines().join("\n");
    assert!(
        log.contains("feed list: left out 1 bad entry: line 2: \"nonsense\""),
        "{log}"
    );
}

#[test]
fn a_list_that_never_came() {
    for (on_missing, expected) in [("deny", "feed_missing.list"), ("skip", "open")] {
        let worker = Worker::alone(&config(json!({"on_missing": on_missing})));
        worker.tick();
        serve(&worker, "503", &[], "");
        assert_eq!(worker.connect("192.0.2.1").fate(), expected, "{on_missing}");
        assert_eq!(
            worker.connect("203.0.113.1").fate(),
            "rule.bad",
            "{on_missing}"
        );
    }
    let worker = Worker::alone(&config(json!({})));
    let mut waits = worker.connect("192.0.2.1");
    assert_eq!(waits.fate(), "held");
    worker.advance(10.0);
    assert_eq!(waits.tick().fate(), "feed_missing.list", "it waits once");
    assert_eq!(worker.counts()["denied.reason.feed_missing"], 1);
}

/// Workers share what one of them fetched.
#[test]
fn one_fetch_for_all_workers() {
    let shared = Shared::default();
    let (one, two) = (
        Worker::new(&shared, &config(json!({}))),
        Worker::new(&shared, &config(json!({}))),
    );
    one.tick();
    two.tick();
    assert!(two.host.take_callouts().is_empty());
    serve(&one, "200", &[], "[\"198.51.100.0/24\"]");
    two.tick();
    assert_eq!(two.connect("198.51.100.1").fate(), "rule.bad");
}
