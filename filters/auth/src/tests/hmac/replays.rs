//! A request is good once, for all workers.

use super::*;
use std::cell::RefCell;
use std::rc::Rc;

fn get(params: &str) -> Sent {
    Sent::new("GET", "/").signed(PLAIN, params)
}

#[test]
fn once_over_two_workers() {
    let shared = Shared::default();
    let (one, two) = (
        worker(&shared, &rfc9421(""), ""),
        worker(&shared, &rfc9421(""), ""),
    );
    let sent = get(&now());
    assert_eq!(one.signed(&sent), "acme");
    assert_eq!(two.signed(&sent), "replayed");
    assert_eq!(one.signed(&sent), "replayed");
    // Another signature, by its nonce.
    let nonce = |nonce: u32| get(&format!("{};nonce=\"{nonce}\"", now()));
    assert_eq!(two.signed(&nonce(1)), "acme");
    assert_eq!(one.signed(&nonce(1)), "replayed");
    assert_eq!(one.signed(&nonce(2)), "acme");
    // Under another label, in another order of the headers, with whitespace: the same.
    let mut again = get(&now());
    again.headers.reverse();
    for (name, value) in &mut again.headers {
        if name.starts_with("signature") {
            *value = [b"  x".as_slice(), value.strip_prefix(b"sig1").unwrap()].concat();
        }
    }
    assert_eq!(two.signed(&again), "replayed");
    // A VM that was made anew, and a configuration that changed.
    let anew = worker(&shared, &rfc9421("max_age: 1h"), "");
    assert_eq!(anew.signed(&sent), "replayed");
    assert_eq!(anew.signed(&nonce(2)), "replayed");
    // One seed and four slots at most.
    assert!(shared.len() <= 4, "{}", shared.len());
}

/// Until the signature would be refused for its age, whatever the clock's fraction of a second.
#[test]
fn until_the_end() {
    let gate = gate(&rfc9421("max_age: 5m\nskew: 30s\nreplay: {slots: 1}"));
    let sent = get(&format!(";created={};keyid=\"k\"", NOW + 30));
    assert_eq!(gate.signed(&sent), "acme");
    let end = at(NOW + 30 + 300 + 30).as_nanos();
    for (nanos, expected) in [
        (end, "replayed"),
        (end + 999_999_999, "replayed"),
        (end + 1_000_000_000, "signature_expired"),
    ] {
        gate.host.set_now(Timestamp::from_nanos(nanos));
        assert_eq!(gate.signed(&sent), expected, "{nanos}");
    }
}

/// Two workers get the same request at once: the other one decides after this one has looked.
#[test]
fn another_worker_comes_between() {
    let shared = Shared::default();
    let one = worker(&shared, &rfc9421(""), "");
    let two = worker(&shared, &rfc9421(""), "");
    let other = Rc::new(RefCell::new(Vec::new()));
    let log = other.clone();
    one.host.before_swap(move || {
        log.borrow_mut().push(two.signed(&get(&now())));
    });
    assert_eq!(one.signed(&get(&now())), "replayed");
    let other = other.borrow();
    assert_eq!(other.first().map(String::as_str), Some("acme"));
    assert!(other.iter().skip(1).all(|outcome| outcome == "replayed"));
}

#[test]
fn a_bad_request_takes_no_room() {
    let gate = gate(&rfc9421(""));
    let bad = [
        get(&now()).set(":path", "/b"),
        get(";keyid=\"k\""),
        get(&format!(";created={NOW};keyid=\"x\"")),
        Sent::new("POST", "/")
            .body("x")
            .digested()
            .signed(FULL, &now())
            .body("y"),
    ];
    for sent in &bad {
        gate.signed(sent);
    }
    assert!(gate.host.shared_data().is_empty());
}

/// A request that waits is not its own replay, with all that is asked about it.
#[test]
fn one_that_waits_is_remembered_once() {
    let gate = gate(&rfc9421(""));
    let sent = Sent::new("POST", "/")
        .body("x")
        .digested()
        .signed(FULL, &now());
    assert_eq!(gate.signed(&sent), "waited: acme");
    assert_eq!(gate.signed(&sent), "waited: replayed");
    // The body that was waited for is another one: nothing was used up.
    let params = format!("{};nonce=\"1\"", now());
    let good = Sent::new("POST", "/")
        .body("x")
        .digested()
        .signed(FULL, &params);
    assert_eq!(
        gate.signed(&good.clone().body("y")),
        "waited: digest_mismatch"
    );
    assert_eq!(gate.signed(&good), "waited: acme");
}

#[test]
fn a_full_table_refuses() {
    let gate = gate(&rfc9421("replay: {slots: 1}"));
    let nonce = |nonce: u32| get(&format!("{};nonce=\"{nonce}\"", now()));
    for index in 0..32 {
        assert_eq!(gate.signed(&nonce(index)), "acme", "{index}");
    }
    assert_eq!(gate.signed(&nonce(32)), "replay_unavailable");
    assert_eq!(gate.signed(&nonce(33)), "replay_unavailable");
    assert_eq!(gate.signed(&nonce(31)), "replayed");
    let line = "Warn: auth: webhooks: a request cannot be remembered: there is no room: more slots are needed";
    assert_eq!(gate.host.log_lines(), [line]);
    let counters = gate.host.counters();
    assert_eq!(
        counters.get("gatehouse.auth.replay_full.provider.webhooks"),
        Some(&2)
    );
    gate.host.advance(Duration::from_secs(331));
    let later = get(&format!(";created={};keyid=\"k\"", NOW + 331));
    assert_eq!(gate.signed(&later), "acme");
}

#[test]
fn shared_data_that_fails() {
    for call in [
        "proxy_get_shared_data",
        "proxy_set_shared_data",
        "random_get",
    ] {
        let gate = gate(&rfc9421(""));
        gate.host.fail(call, gatehouse_host::Status::Code(10));
        assert_eq!(gate.signed(&get(&now())), "replay_unavailable", "{call}");
        let line = format!(
            "Warn: auth: webhooks: a request cannot be remembered: {call} answered status 10"
        );
        assert_eq!(gate.host.log_lines(), [line]);
        let counters = gate.host.counters();
        assert_eq!(
            counters.get("gatehouse.auth.replay_failed.provider.webhooks"),
            Some(&1)
        );
        gate.host.heal(call);
        assert_eq!(gate.signed(&get(&now())), "acme", "{call}");
    }
}

#[test]
fn not_at_all() {
    for off in ["off", "false", "'off'"] {
        let gate = gate(&rfc9421(&format!("replay: {off}")));
        for _ in 0..2 {
            assert_eq!(gate.signed(&get(&now())), "acme", "{off}");
        }
        assert!(gate.host.shared_data().is_empty());
    }
}

#[test]
fn what_has_no_time_is_kept_for_a_while() {
    let options =
        "scheme: github\nkeys: [{consumer: github, secret: '${env:SECRET}'}]\nreplay: {keep: 1h}";
    let gate = gate(options);
    let signature = format!("sha256={}", hex(&mac(SECRET, b"x")));
    let sent = Sent::new("POST", "/")
        .body("x")
        .with("x-hub-signature-256", signature);
    assert_eq!(gate.signed(&sent), "waited: github");
    gate.host.advance(Duration::from_secs(3600));
    assert_eq!(gate.signed(&sent), "waited: replayed");
}

#[test]
fn report_mode_counts_and_changes_nothing() {
    let gate = worker(&Shared::default(), &rfc9421(""), "mode: report");
    let sent = Sent::new("POST", "/")
        .body("x")
        .digested()
        .signed(FULL, &now());
    for (expected, would_deny) in [("waited: acme", 0), ("waited: anonymous", 1)] {
        assert_eq!(gate.signed(&sent), expected);
        let headers = gate.host.request_headers();
        assert_eq!(headers.len(), sent.headers.len());
        let counters = gate.host.counters();
        let count = counters.get("gatehouse.auth.would_deny.reason.replayed");
        assert_eq!(count.copied().unwrap_or_default(), would_deny);
    }
}

/// Of one sender with two secrets, and of two senders that sign the same.
#[test]
fn whose_it_is_counts() {
    let options = "
scheme: github
keys: [{consumer: one, secret: '${env:SECRET}'}, {consumer: two, secret: '${env:OTHER}'}]
replay: {keep: 1h}";
    let gate = gate(options);
    let by = |secret: &str| {
        let signature = format!("sha256={}", hex(&mac(secret, b"x")));
        Sent::new("POST", "/")
            .body("x")
            .with("x-hub-signature-256", signature)
    };
    assert_eq!(gate.signed(&by(SECRET)), "waited: one");
    assert_eq!(
        gate.signed(&by("another secret of thirty-two bytes!!")),
        "waited: two"
    );
    assert_eq!(gate.signed(&by(SECRET)), "waited: replayed");
}

/// Signed under an old and a new key, or by two: sent again without one of the signatures, it is the same
/// request.
#[test]
fn each_of_its_signatures_is_used_up() {
    let keys = "
scheme: rfc9421
keys:
- {id: k, consumer: acme, algorithm: hmac-sha256, secret: '${env:SECRET}'}
- {id: new, consumer: acme, algorithm: hmac-sha256, secret: '${env:OTHER}'}";
    const OTHER: &str = "another secret of thirty-two bytes!!";
    let by = |secret: &str, id: &str| {
        let params = format!(";created={NOW};keyid=\"{id}\"");
        let signed = Sent::new("GET", "/").signed_by(secret, PLAIN, &params);
        let value = |name: &str| {
            let mut all = signed.headers.iter().filter(|(other, _)| other == name);
            String::from_utf8(all.next().unwrap().1.clone()).unwrap()
        };
        (value("signature-input"), value("signature"))
    };
    let send = |signatures: &[&(String, String)]| {
        let mut sent = Sent::new("GET", "/");
        for (index, (input, signature)) in signatures.iter().enumerate() {
            let label = |value: &str| value.replacen("sig1", &format!("s{index}"), 1);
            sent = sent
                .with("signature-input", label(input))
                .with("signature", label(signature));
        }
        sent
    };
    let (old, new) = (by(SECRET, "k"), by(OTHER, "new"));
    let forged = by("a secret that nobody has configured", "new");
    let cases: [(&str, &[&(String, String)]); 4] = [
        ("as it was", &[&old, &new]),
        ("without the second", &[&old]),
        ("without the first", &[&new]),
        ("the other way round", &[&new, &old]),
    ];
    for (name, again) in cases {
        let gate = gate(keys);
        assert_eq!(gate.signed(&send(&[&old, &new])), "acme", "{name}");
        assert_eq!(gate.signed(&send(again)), "replayed", "{name}");
    }
    // What is not by the key uses up nothing of its holder's.
    let gate = gate(keys);
    assert_eq!(gate.signed(&send(&[&old, &forged])), "acme");
    assert_eq!(gate.signed(&send(&[&new])), "acme");
}
