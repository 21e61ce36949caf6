//! What strangers can make a worker do, and what they cannot keep users from.

use super::*;

/// The reason of a denial and its `retry-after`.
fn refused(verdict: Verdict) -> (String, Option<String>) {
    let Verdict::Deny(reply) = verdict else {
        panic!("not denied");
    };
    let mut wait = reply
        .headers
        .iter()
        .filter(|(name, _)| name == "retry-after");
    let wait = wait
        .next()
        .map(|(_, value)| String::from_utf8(value.clone()).unwrap());
    (reason(&reply), wait)
}

#[test]
fn the_statuses() {
    let [gate] = workers(&staff("failures: {per_user: 1/1m}"), ONLY_STAFF);
    gate.login("ann", "wrong");
    let Verdict::Deny(reply) = gate.login_from("192.0.2.1:4711", "ann", "correct horse") else {
        panic!("not denied");
    };
    // RESOURCE_EXHAUSTED.
    assert_eq!((reply.status, reply.grpc_status), (429, Some(8)));
    let names: Vec<&str> = reply
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert!(names.contains(&"retry-after"), "{names:?}");
    assert!(!names.contains(&"www-authenticate"), "{names:?}");
}

#[test]
fn failures_of_a_user_over_two_workers() {
    let [one, other] = workers(
        &staff("failures: {per_user: 4/1m, per_client: unlimited}"),
        ONLY_STAFF,
    );
    let [at_one, at_other] = [&one, &other]
        .map(|gate| |password: &str| gate.login_from("192.0.2.1:4711", "ann", password));
    // She is at work, at the one.
    assert_eq!(one.login("ann", "correct horse"), "ann");
    for password in ["a", "b"] {
        for login in [&at_one as &dyn Fn(&str) -> Verdict, &at_other] {
            assert_eq!(
                refused(login(password)),
                ("password_wrong".to_owned(), None)
            );
        }
    }
    let throttled = ("too_many_failures".to_owned(), Some("15".to_owned()));
    for login in [&at_one as &dyn Fn(&str) -> Verdict, &at_other] {
        assert_eq!(refused(login("c")), throttled);
    }
    assert_eq!(one.verified() + other.verified(), 5);

    // She stays at work, whatever they do, but where she is not known yet. Another user is another matter.
    assert_eq!(one.login("ann", "correct horse"), "ann");
    assert_eq!(refused(at_other("correct horse")), throttled);
    assert_eq!(other.login("bob", "correct horse"), "bob");
    assert_eq!(other.login("bob", "wrong"), "password_wrong");
    // What was tried before tells nothing new.
    assert_eq!(one.login("ann", "a"), "password_wrong");

    // One more in 15 seconds, for both.
    for (seconds, expected) in [(14, "too_many_failures"), (1, "ann")] {
        other.host.advance(Duration::from_secs(seconds));
        assert_eq!(other.login("ann", "correct horse"), expected);
    }
    one.host.advance(Duration::from_secs(15));
    assert_eq!(one.login("ann", "d"), "password_wrong");
    assert_eq!(one.login("ann", "e"), "too_many_failures");
}

/// While a listener is drained two configurations serve. Neither gives back what was charged by the other one.
#[test]
fn two_limits_at_one_time() {
    let shared = Shared::default();
    let limits = ["5/1h", "2/1s"];
    let [[slow], [fast]] = limits.map(|limit| {
        let options = format!("failures: {{per_user: {limit}}}");
        workers_over(&shared, &staff(&options), ONLY_STAFF)
    });
    let mut tried = [0, 0];
    for number in 0..20 {
        for (gate, tried) in [&slow, &fast].into_iter().zip(&mut tried) {
            let verdict = gate.login_from("192.0.2.1:1", "ann", &number.to_string());
            *tried += usize::from(refused(verdict).0 == "password_wrong");
        }
    }
    assert_eq!(tried, [5, 2]);
}

#[test]
fn failures_of_an_address() {
    let options = "failures: {per_user: unlimited, per_client: 2/1m}";
    let [gate] = workers(&staff(options), ONLY_STAFF);
    let mut number = 0;
    let mut allowed = |peer: &str| {
        number += 1;
        let verdict = gate.login_from(peer, &format!("eve{number}"), "guess");
        refused(verdict).0 == "password_wrong"
    };
    let cases = [
        ("192.0.2.1:1", true),
        ("192.0.2.1:2", true),
        ("192.0.2.1:3", false),
        ("192.0.2.2:1", true),
        ("[::ffff:192.0.2.2]:1", true),
        ("192.0.2.2:1", false),
        ("[2001:db8::1]:1", true),
        ("[2001:db8::ffff:ffff:ffff:ffff]:1", true),
        ("[2001:db8::2]:1", false),
        ("[2001:db8:0:1::2]:1", true),
        // No IP address: one client.
        ("/run/envoy.sock", true),
        ("", true),
        ("/run/other.sock", false),
    ];
    for (peer, expected) in cases {
        assert_eq!(allowed(peer), expected, "{peer}");
    }
}

#[test]
fn an_address_behind_a_proxy() {
    let options = "failures: {per_user: unlimited, per_client: 1/1m}";
    let [gate] = workers(&staff(options), &format!("{ONLY_STAFF}\ntrusted_hops: 1"));
    let cases = [
        ("198.51.100.1", "a", "password_wrong"),
        ("198.51.100.1", "b", "too_many_failures"),
        ("198.51.100.2", "c", "password_wrong"),
        ("10.0.0.9, 198.51.100.2", "d", "too_many_failures"),
        ("198.51.100.2, 10.0.0.9", "e", "password_wrong"),
    ];
    for (forwarded, password, expected) in cases {
        let authorization = basic("ann", password);
        gate.host.begin([
            (":method", &b"GET"[..]),
            (":path", b"/"),
            ("x-forwarded-for", forwarded.as_bytes()),
            ("authorization", &authorization),
        ]);
        gate.host.property_is("source.address", "192.0.2.1:1");
        let verdict = gate.ask(&mut Stream::default()).unwrap();
        assert_eq!(refused(verdict).0, expected, "{forwarded}");
    }
}

#[test]
fn the_longer_wait_is_told() {
    let options = "failures: {per_user: 2/1h, per_client: 2/1m}";
    let [gate] = workers(&staff(options), ONLY_STAFF);
    gate.login("ann", "a");
    gate.login("ann", "b");
    let wait = |user: &str| refused(gate.login_from("192.0.2.1:1", user, "c")).1;
    assert_eq!(wait("ann").as_deref(), Some("1800"));
    assert_eq!(wait("bob").as_deref(), Some("30"));
}

#[test]
fn names_that_strangers_make_up() {
    let options = "max_busy: 100%\n    failures: {per_client: unlimited}";
    let [gate] = workers(&staff(options), ONLY_STAFF);
    for number in 0..20_000 {
        gate.host.advance(Duration::from_millis(1));
        assert_eq!(
            gate.login(&format!("eve{number}"), "guess"),
            "password_wrong"
        );
    }
    let shared = gate.host.shared_data();
    // One for each slot, and the key.
    assert_eq!(shared.len(), 1025);
    assert!(shared.bytes() <= 1024 * 8 * 24 + 32, "{}", shared.bytes());

    // Whose failures are the most is not forgotten for them.
    for number in 0..10 {
        assert_eq!(
            gate.login("ann", &format!("guess{number}")),
            "password_wrong"
        );
    }
    for number in 0..5_000 {
        gate.host.advance(Duration::from_millis(1));
        gate.login(&format!("mallory{number}"), "guess");
    }
    assert_eq!(gate.login("ann", "guess"), "too_many_failures");
}

/// Another worker writes the slot each time this one is about to.
#[test]
fn other_workers_that_always_come_first() {
    let options = "failures: {per_user: 1/1m, per_client: unlimited}";
    let [gate] = workers(&staff(options), ONLY_STAFF);
    let shared = gate.host.shared_data().clone();
    gate.host.before_swap(move || {
        for slot in 0..1024 {
            shared.swap(
                &format!("gatehouse.auth.failures.{slot}"),
                &[],
                gatehouse_host::Cas(0),
            );
        }
    });
    let verdict = gate.login_from("192.0.2.1:1", "ann", "correct horse");
    let expected = ("verification_busy".to_owned(), Some("1".to_owned()));
    assert_eq!(refused(verdict), expected);
    assert_eq!(gate.host.calls()["proxy_set_shared_data"], 64);
    assert_eq!(gate.counter("failures_contended.provider.staff"), 1);
    assert_eq!(gate.verified(), 0);
}

/// Another worker charges the last failure between the look and the charge.
#[test]
fn the_last_failure_is_one_worker_s() {
    let options = "failures: {per_user: 1/1m, per_client: 2/1h}";
    let [one, other] = workers(&staff(options), ONLY_STAFF);
    let mut once = Some(other);
    one.host.before_swap(move || {
        if let Some(other) = once.take() {
            assert_eq!(other.login("ann", "a"), "password_wrong");
        }
    });
    let throttled = ("too_many_failures".to_owned(), Some("60".to_owned()));
    let login = |user: &str, password: &str| one.login_from("192.0.2.1:4711", user, password);
    assert_eq!(refused(login("ann", "b")), throttled);
    assert_eq!(one.verified(), 0);
    // Who was refused has used up nothing of the address's: one is left.
    assert_eq!(refused(login("bob", "a")).0, "password_wrong");
    assert_eq!(refused(login("eve", "a")).0, "too_many_failures");
}

#[test]
fn good_passwords_use_up_nothing() {
    let options = "failures: {per_user: 1/1m, per_client: 1/1m}\n    cache: {size: 0}";
    let [gate] = workers(&staff(options), ONLY_STAFF);
    for _ in 0..5 {
        assert_eq!(gate.login("ann", "correct horse"), "ann");
    }
    assert_eq!(gate.login("ann", "a"), "password_wrong");
    assert_eq!(gate.login("bob", "correct horse"), "too_many_failures");
}

/// The address has room for one more, and another worker takes it: the user's charge is given back.
#[test]
fn what_is_charged_in_vain_is_given_back() {
    let options = "failures: {per_user: 1/1h, per_client: 1/1m}";
    let [one, other] = workers(&staff(options), ONLY_STAFF);
    let mut once = Some(other);
    let mut swaps = 0;
    one.host.before_swap(move || {
        swaps += 1;
        if swaps == 2
            && let Some(other) = once.take()
        {
            assert_eq!(other.login("bob", "a"), "password_wrong");
        }
    });
    assert_eq!(one.login("ann", "a"), "too_many_failures");
    one.host.advance(Duration::from_secs(60));
    assert_eq!(one.login("ann", "a"), "password_wrong");
    assert_eq!(one.login("ann", "b"), "too_many_failures");
}

#[test]
fn a_slot_that_something_else_wrote() {
    let options = "failures: {per_user: 1/1m, per_client: unlimited}";
    let [gate] = workers(&staff(options), ONLY_STAFF);
    let shared = gate.host.shared_data();
    for slot in 0..1024 {
        shared.swap(
            &format!("gatehouse.auth.failures.{slot}"),
            b"x",
            gatehouse_host::Cas(0),
        );
    }
    let good = basic("ann", "correct horse");
    let error = gate.try_send("/", &[("authorization", &good)]).unwrap_err();
    assert_eq!(
        (error.call, error.status),
        ("proxy_get_shared_data", Status::Malformed)
    );
    assert_eq!(gate.login("ann", "correct horse"), "ann");
}

#[test]
fn a_key_that_something_else_wrote() {
    for key in [&b""[..], &[0; 31], &[0; 33]] {
        let shared = Shared::default();
        shared.swap("gatehouse.auth.failures.key", key, gatehouse_host::Cas(0));
        let yaml = format!(
            "providers:{}\n{ONLY_STAFF}",
            staff("").replace('\n', "\n  ")
        );
        let error = Filter::new(load(&yaml).unwrap(), &FakeHost::new(shared))
            .err()
            .unwrap();
        assert_eq!(
            error.to_string(),
            "cannot start: proxy_get_shared_data answered malformed data"
        );
    }
}

#[test]
fn the_clock_is_set() {
    let options = "failures: {per_user: 2/1m, per_client: unlimited}\n    cache: {size: 0}";
    let [gate] = workers(&staff(options), ONLY_STAFF);
    let at = |seconds: u64, password: &str| {
        let start = Timestamp::from_nanos(FakeHost::START.as_nanos() - 1_000_000_000_000_000);
        gate.host.set_now(start.after(Duration::from_secs(seconds)));
        gate.login("ann", password)
    };
    let year = 31_536_000;
    let cases = [
        (year, "a", "password_wrong"),
        (year, "b", "password_wrong"),
        (year, "correct horse", "too_many_failures"),
        // Back: from then on it takes as long as if she had just failed.
        (0, "correct horse", "too_many_failures"),
        (29, "correct horse", "too_many_failures"),
        (30, "correct horse", "ann"),
        // On: as if the time had passed.
        (30, "c", "password_wrong"),
        (30, "d", "too_many_failures"),
        (2 * year, "d", "password_wrong"),
    ];
    for (seconds, password, expected) in cases {
        assert_eq!(at(seconds, password), expected, "{seconds} {password}");
    }
}

/// A password of more than 72 bytes is no bcrypt password: it costs no time here, and counts in full.
#[test]
fn a_worker_s_time() {
    let hash = "$2y$10$zpEMJjDppsQ36XmWQmoZIe93UVtLgYxSgp4zSkPbz8YKWr2Upjvy2";
    let providers = format!(
        "{PARTNERS}{}",
        staff(&format!(
            "- {{name: eve, password_hash: '{hash}'}}\n    failures: {{per_user: unlimited, per_client: unlimited}}"
        ))
    );
    let rest = "rules: [{require: {any_of: [partners, staff]}}]";
    let [one, other] = workers(&providers, rest);
    let guess = |gate: &Gate, number: usize| {
        let password = format!("{number:0>80}");
        gate.login_from("192.0.2.1:1", "eve", &password)
    };
    assert_eq!(one.login("ann", "correct horse"), "ann");
    // 1 ms and ten times 101 ms.
    for number in 0..10 {
        assert_eq!(refused(guess(&one, number)).0, "password_wrong", "{number}");
    }
    let verdict = guess(&one, 10);
    let Verdict::Deny(reply) = &verdict else {
        panic!("not denied");
    };
    assert_eq!((reply.status, reply.grpc_status), (503, Some(14)));
    assert_eq!(
        refused(verdict),
        ("verification_busy".to_owned(), Some("1".to_owned()))
    );
    assert_eq!(one.verified(), 11);

    // Those who are known, other credentials and other workers have nothing to do with it.
    assert_eq!(one.login("ann", "correct horse"), "ann");
    assert_eq!(one.login("bob", "correct horse"), "verification_busy");
    assert_eq!(one.outcome("/", &[("x-api-key", b"acme-key-1")]), "acme");
    assert_eq!(other.login("bob", "correct horse"), "bob");

    // 11 ms too much are forgotten in 55. It is said once.
    for (millis, expected) in [(54, "verification_busy"), (2, "bob")] {
        one.host.advance(Duration::from_millis(millis));
        assert_eq!(one.login("bob", "correct horse"), expected, "{millis}");
    }
    let line = "Warn: auth: provider staff: passwords take more than 20% of this worker (max_busy); those not seen lately are refused meanwhile";
    assert_eq!(one.host.log_lines(), [line]);
    assert_eq!(one.counter("denied.reason.verification_busy"), 3);
}
