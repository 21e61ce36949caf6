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

/// Rules about a list first, and then about what a client says.
fn listed_and_heard(more: Value) -> Value {
    let mut config = json!({
        "rules": [
            {"name": "bad", "match": {"source": [{"feed": "list"}]}, "action": "deny"},
            {"name": "no", "match": {"sni": ["secret.test"]}, "action": "deny"},
        ],
        "default": "allow",
        "feeds": {"list": {"uri": "http://lists.test/", "cluster": "lists"}},
    });
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    config
}

/// What a client says while the list is on its way is heard, as what it says later is.
#[test]
fn what_is_said_while_a_list_is_awaited() {
    let (secret, other) = (hello("secret.test", &[]), hello("open.test", &[]));
    let two = |bytes: &[u8], at: usize| (bytes[..at].to_vec(), bytes[at..].to_vec());
    let change_cipher = [20, 3, 3, 0, 1, 1];
    let message = message(&[(0, sni("secret.test"))]);
    let half_record = [&[22, 3, 1][..], &counted(&message[..30])].concat();
    let cases = [
        ("whole", (secret.clone(), Vec::new()), "rule.no"),
        (
            "whole, and more",
            (secret.clone(), change_cipher.to_vec()),
            "rule.no",
        ),
        ("half", two(&secret, 30), "rule.no"),
        ("a byte", two(&secret, 1), "rule.no"),
        ("nothing", two(&secret, 0), "rule.no"),
        (
            "half of one that breaks off",
            (half_record, change_cipher.to_vec()),
            "malformed_tls",
        ),
        ("of another server", (other.clone(), Vec::new()), "open"),
        ("half of another's", two(&other, 30), "open"),
        (
            "no TLS",
            (b"GET / HTTP/1.1\r\n".to_vec(), Vec::new()),
            "open",
        ),
        (
            "too much",
            (vec![b'\n'; 20_000], Vec::new()),
            "limit.first_data_size",
        ),
        ("too little", (secret[..30].to_vec(), Vec::new()), "held"),
    ];
    for (name, (before, after), expected) in cases {
        for of in [1, usize::MAX] {
            let worker = Worker::alone(&listed_and_heard(json!({})));
            let mut client = worker.connect("192.0.2.1");
            for piece in before.chunks(of) {
                assert_eq!(client.send(piece).fate(), "held", "{name} by {of}");
            }
            serve(&worker, "200", &[], "198.51.100.0/24");
            client.enter();
            client.ask();
            for piece in after.chunks(of) {
                client.send(piece);
            }
            assert_eq!(client.fate(), expected, "{name} by {of}");
            let passed = if expected == "open" {
                [before.clone(), after.clone()].concat()
            } else {
                Vec::new()
            };
            assert_eq!(client.passed, passed, "{name} by {of}");
            client.end();
            assert_eq!(worker.filter.held.get(), 0, "{name} by {of}");
        }
    }
    let worker = Worker::alone(&listed_and_heard(json!({})));
    let mut ends = worker.connect("192.0.2.1");
    let mut listed = worker.connect("198.51.100.1");
    ends.send_with_end(b"", true);
    listed.send(&other);
    serve(&worker, "200", &[], "198.51.100.0/24");
    for client in [&mut ends, &mut listed] {
        client.enter();
        client.ask();
    }
    assert_eq!((ends.fate(), listed.fate()), ("open", "rule.bad"));
}

/// What was held for a list counts when it goes on, and is something said.
#[test]
fn what_was_held_for_a_list_counts() {
    let mut config = config(json!({}));
    config["limits"] = json!({"bytes": {"per_connection": {"received": "10B"}}});
    config["first_data"] = json!({"within": "2s"});
    for (size, expected) in [(10, "open"), (11, "limit.received_per_connection")] {
        let worker = Worker::alone(&config);
        let mut client = worker.connect("192.0.2.1");
        assert_eq!(client.send(&vec![b'x'; size]).fate(), "held");
        serve(&worker, "200", &[], "198.51.100.0/24");
        client.enter();
        client.ask();
        assert_eq!(client.fate(), expected);
        if expected == "open" {
            worker.advance(2.0);
            assert_eq!(client.tick().fate(), "open", "it has spoken");
            assert_eq!(client.send(b"x").fate(), "limit.received_per_connection");
        }
    }
}

/// Where the server may speak first, half of what a client says does not go on with the connection.
#[test]
fn half_a_hello_while_a_list_is_awaited_and_the_server_speaks_first() {
    let worker = Worker::alone(&listed_and_heard(json!({"server_speaks_first": true})));
    let mut client = worker.connect("192.0.2.1");
    let mut silent = worker.connect("192.0.2.2");
    let bytes = hello("secret.test", &[]);
    client.send(&bytes[..30]);
    serve(&worker, "200", &[], "198.51.100.0/24");
    for client in [&mut client, &mut silent] {
        client.enter();
        client.ask();
    }
    assert_eq!((client.fate(), &*client.passed), ("held", &b""[..]));
    assert_eq!(client.send(&bytes[30..]).fate(), "rule.no");
    assert!(silent.is_let_on, "its upstream is connected");
}

/// A rule about a list that is got to only once the client has spoken: it waits then.
#[test]
fn a_list_that_is_wanted_after_the_first_data() {
    let mut config = listed_and_heard(json!({}));
    config["rules"].as_array_mut().unwrap().reverse();
    for (on_missing, failed) in [("deny", "feed_missing.list"), ("skip", "open")] {
        config["feeds"]["list"]["on_missing"] = json!(on_missing);
        for (source, status, expected) in [
            ("192.0.2.1", "200", "open"),
            ("198.51.100.1", "200", "rule.bad"),
            ("198.51.100.1", "503", failed),
        ] {
            let worker = Worker::alone(&config);
            let bytes = hello("open.test", &[]);
            let mut client = worker.connect(source);
            assert_eq!(client.send(&bytes).fate(), "held", "{on_missing} {source}");
            assert_eq!(client.send(b"more").fate(), "held", "{on_missing} {source}");
            serve(&worker, status, &[], "198.51.100.0/24");
            client.enter();
            client.ask();
            assert_eq!(client.fate(), expected, "{on_missing} {source} {status}");
            assert_eq!(worker.counts()["spoken.protocol.tls"], 1);
        }
        let worker = Worker::alone(&config);
        let mut client = worker.connect("192.0.2.1");
        client.send(&hello("open.test", &[]));
        worker.advance(10.0);
        assert_eq!(client.tick().fate(), failed, "it waits once");
    }
}

/// A connection waits for all lists that a rule asks of, in whichever order they come.
#[test]
fn two_lists() {
    let config = |on_missing: &str, rules: Value| {
        let feed = |name: &str| json!({"uri": format!("http://lists.test/{name}"), "cluster": "lists", "on_missing": on_missing});
        json!({"rules": rules, "default": "allow", "feeds": {"one": feed("one"), "two": feed("two")}})
    };
    let one_rule = json!([{"name": "bad", "match": {"source": [{"feed": "one"}, {"feed": "two"}]}, "action": "deny"}]);
    let two_rules = json!([
        {"name": "bad", "match": {"source": [{"feed": "one"}]}, "action": "deny"},
        {"name": "bad2", "match": {"source": [{"feed": "two"}]}, "action": "deny"},
    ]);
    for on_missing in ["deny", "skip"] {
        for (rules, in_two) in [(&one_rule, "rule.bad"), (&two_rules, "rule.bad2")] {
            for first in ["/one", "/two"] {
                let worker = Worker::alone(&config(on_missing, rules.clone()));
                worker.tick();
                let (mut free, mut listed) =
                    (worker.connect("192.0.2.1"), worker.connect("198.51.100.1"));
                let mut sent = worker.host.take_callouts();
                assert_eq!(sent.len(), 2);
                sent.sort_by_key(|sent| sent.header(":path") != first);
                for (sent, is_last) in sent.iter().zip([false, true]) {
                    let name = format!("{on_missing} {rules} {first}");
                    assert_eq!(free.fate(), "held", "{name}");
                    let list = match &*sent.header(":path") {
                        "/one" => "203.0.113.0/24",
                        _ => "198.51.100.0/24",
                    };
                    let answer = worker
                        .host
                        .answer([(":status", &b"200"[..])], list.as_bytes());
                    worker.filter.answered(sent.id, &answer, &mut Vec::new());
                    for client in [&mut free, &mut listed] {
                        if client.closed.is_none() {
                            client.enter();
                            client.ask();
                        }
                    }
                    if is_last {
                        assert_eq!((free.fate(), listed.fate()), ("open", in_two), "{name}");
                    }
                }
            }
        }
        // The other one never comes.
        let worker = Worker::alone(&config(on_missing, one_rule.clone()));
        let mut client = worker.connect("192.0.2.1");
        serve(&worker, "200", &[], "198.51.100.0/24");
        client.enter();
        client.ask();
        assert_eq!(client.fate(), "held");
        for _ in 0..100 {
            worker.advance(0.1);
            worker.tick();
            client.tick();
        }
        let expected = if on_missing == "deny" {
            "feed_missing.one"
        } else {
            "open"
        };
        assert_eq!(client.fate(), expected);
    }
}

/// Whenever the list comes, and in whichever pieces a client says what it says: what becomes of it is what becomes of one that
/// comes when the list is there, and so are the bytes that go on.
#[test]
fn when_the_list_comes_makes_no_difference() {
    use proptest::prelude::*;
    let said = [
        hello("secret.test", &[]),
        hello("open.test", &["h2"]),
        [hello("open.test", &[]), vec![0; 50]].concat(),
        b"GET / HTTP/1.1\r\nhost: a\r\n\r\n".to_vec(),
        b"SSH-2.0-x\r\n".to_vec(),
        vec![22, 3, 1, 0, 1, 9, 9, 9],
        vec![b'a'; 3_000],
    ];
    let mut data_first = listed_and_heard(json!({}));
    data_first["rules"].as_array_mut().unwrap().reverse();
    let configs = [
        listed_and_heard(json!({"first_data": {"max_size": "1KiB"}})),
        data_first,
        listed_and_heard(json!({"server_speaks_first": true})),
    ];
    let fate = |config: &Value, source: &str, pieces: &[&[u8]], list_at: usize, ends: bool| {
        let worker = Worker::alone(config);
        worker.tick();
        let sent = worker.host.take_callouts().pop().unwrap();
        let mut client = None;
        let serve = |client: &mut Option<Client<'_>>| {
            let answer = worker
                .host
                .answer([(":status", &b"200"[..])], b"198.51.100.0/24");
            let mut wake = Vec::new();
            worker.filter.answered(sent.id, &answer, &mut wake);
            if let (Some(client), [_]) = (client, &wake[..])
                && client.closed.is_none()
            {
                client.enter();
                client.ask();
            }
        };
        for step in 0..pieces.len() + 2 {
            if step == list_at {
                serve(&mut client);
            }
            let client = match &mut client {
                None => client.insert(worker.connect(source)),
                Some(client) => client,
            };
            if let Some(piece) = step.checked_sub(1).and_then(|step| pieces.get(step)) {
                client.send_with_end(piece, ends && step == pieces.len());
            }
        }
        let client = client.unwrap();
        let what = (client.fate().to_owned(), client.passed.clone());
        client.end();
        (what, worker.filter.held.get())
    };
    let case = (
        0..said.len(),
        prop::collection::vec(0_usize..200, 0..6),
        0..8_usize,
        0..configs.len(),
        any::<bool>(),
        any::<bool>(),
    );
    proptest!(ProptestConfig::with_cases(300), |((which, cuts, list_at, config, is_listed, ends) in case)| {
        let (bytes, config) = (&said[which], &configs[config]);
        let source = if is_listed { "198.51.100.1" } else { "192.0.2.1" };
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts.into_iter().chain([bytes.len()]) {
            if cut > from {
                pieces.push(&bytes[from..cut]);
                from = cut;
            }
        }
        let list_at = list_at.min(pieces.len() + 1);
        let (expected, _) = fate(config, source, &pieces, 0, ends);
        let (found, held) = fate(config, source, &pieces, list_at, ends);
        prop_assert_eq!(held, 0);
        prop_assert_eq!(found, expected);
    });
}
