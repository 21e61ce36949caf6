//! Without a lease: each request is asked about.

use super::*;

#[test]
fn within_and_over() {
    let worker = plain(json!({}));
    let mut first = worker.tenant(1, "acme");
    let until = first.waits();
    // Its timeout, a second more for a call that is never answered, and two to be woken.
    let now = gatehouse_host::Clock::now(&worker.host).unwrap();
    assert_eq!(until, now.after(Duration::from_millis(3_050)));
    let call = worker.call();
    assert_eq!(call.descriptors(), ["limit=a header.x-tenant=acme"]);
    assert_eq!(call.request.hits_addend, 1);
    assert_eq!(worker.answer(&call, &ok(&[99])), [1]);
    assert_eq!(first.outcome(), (200, String::new()));
    assert_eq!(
        first.told(),
        [
            ("ratelimit-policy".to_owned(), "\"a\";q=100;w=60".to_owned()),
            ("ratelimit".to_owned(), "\"a\";r=99;t=30".to_owned()),
        ]
    );

    let mut second = worker.tenant(2, "acme");
    second.waits();
    assert_eq!(
        worker.answer(&worker.call(), &over(&[CODE_OVER_LIMIT])),
        [2]
    );
    let Verdict::Deny(reply) = second.ask() else {
        panic!("admitted");
    };
    assert_eq!(reply.status, 429);
    assert_eq!(reply.details, "gatehouse.rate_limit.over_limit.a");
    let header = |name: &str| {
        let found = reply.headers.iter().find(|(other, _)| other == name);
        String::from_utf8(found.unwrap().1.clone()).unwrap()
    };
    assert_eq!(header("retry-after"), "30");
    assert_eq!(header("ratelimit"), "\"a\";r=0;t=30");
    assert_eq!(
        worker.counts("a"),
        counts([("admitted", 1), ("refused", 1)])
    );
    assert_eq!(worker.service_counts(), counts([("calls", 2)]));
}

/// Limitador says no more than yes or no.
#[test]
fn a_service_without_statuses() {
    let worker = Worker::alone(&global(
        json!([by_tenant("a", json!({})), by_tenant("b", json!({}))]),
        json!({}),
    ));
    let mut first = worker.tenant(1, "acme");
    first.waits();
    assert_eq!(worker.answer(&worker.call(), &ok(&[])), [1]);
    assert_eq!(first.outcome(), (200, String::new()));
    assert_eq!(first.told(), []);
    let mut second = worker.tenant(2, "acme");
    second.waits();
    worker.answer(&worker.call(), &over(&[]));
    // Which one, it does not say.
    assert_eq!(second.outcome(), (429, "over_limit.a".to_owned()));
    assert_eq!(
        worker.counts("a"),
        counts([("admitted", 1), ("refused", 1)])
    );
    assert_eq!(worker.counts("b"), counts([("admitted", 1)]));
    // Nor until when: that is not "exceeded", which says that waiting does not help.
    let mut third = worker.tenant(3, "acme");
    third.waits();
    worker.answer(&worker.call(), &over(&[]));
    let Verdict::Deny(reply) = third.ask() else {
        panic!("it is refused")
    };
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(body["detail"], "limit \"a\": over");
}

#[test]
fn one_call_for_several_limits_and_the_strictest_is_told() {
    let limits = json!([
        by_tenant("a", json!({})),
        by_tenant("elsewhere", json!({"match": {"path": {"prefix": "/x"}}})),
        by_tenant("b", json!({"key": ["client_ip", {"const": "all"}]})),
    ]);
    let worker = Worker::alone(&global(limits, json!({})));
    let ask = |number| {
        let mut stream = worker.begin(number, &[(":path", b"/"), ("x-tenant", b"acme")]);
        worker.host.property_is("source.address", b"192.0.2.7:1234");
        let headers: Vec<_> = stream.headers.clone();
        worker
            .host
            .begin(headers.iter().map(|(name, value)| (&**name, &**value)));
        worker.host.property_is("source.address", b"192.0.2.7:1234");
        let mut request = Request::new(&worker.host, &mut stream.exchange);
        let verdict = worker.filter.request(&mut request, &mut stream.pending);
        assert!(matches!(verdict, Ok(Verdict::Wait { .. })));
        stream
    };
    let mut stream = ask(1);
    let call = worker.call();
    assert_eq!(
        call.descriptors(),
        [
            "limit=a header.x-tenant=acme",
            "limit=b client_ip=192.0.2.7 const=all"
        ]
    );
    let mut response = over(&[CODE_OVER_LIMIT, CODE_OVER_LIMIT]);
    response.statuses[1].duration_until_reset = Some(Reset {
        seconds: 45,
        nanos: 0,
    });
    worker.answer(&call, &response);
    assert_eq!(stream.outcome(), (429, "over_limit.b".to_owned()));
    let mut stream = ask(2);
    worker.answer(&worker.call(), &over(&[CODE_OVER_LIMIT, CODE_OK]));
    assert_eq!(stream.outcome(), (429, "over_limit.a".to_owned()));
}

/// Nobody is asked about a request that is refused anyway.
#[test]
fn a_key_that_cannot_be_read_comes_first() {
    let worker = plain(json!({}));
    let mut stream = worker.begin(1, &[("x-tenant", b"a"), ("x-tenant", b"b")]);
    assert_eq!(stream.outcome(), (400, "key_ambiguous.a".to_owned()));
    assert_eq!(worker.calls().len(), 0);
}

#[test]
fn answers_that_are_none() {
    let status_0 = RateLimitResponse {
        overall_code: CODE_OK,
        statuses: vec![status(0, 5)],
    };
    let unknown = RateLimitResponse {
        overall_code: 0,
        statuses: vec![status(CODE_OK, 5)],
    };
    let text = |bytes: &[u8]| bytes.to_vec();
    let cases: [(&str, Vec<u8>, &str); 8] = [
        ("empty", vec![], "the answer has code 0"),
        ("unknown", unknown.encode_to_vec(), "the answer has code 0"),
        (
            "a status without code",
            status_0.encode_to_vec(),
            "the answer has code 0",
        ),
        (
            "garbage",
            text(b"\xff\xff\xff\xff"),
            "the answer is no RateLimitResponse",
        ),
        (
            "text",
            text(b"<html>no</html>"),
            "the answer is no RateLimitResponse",
        ),
        (
            "a status too many",
            ok(&[1, 2]).encode_to_vec(),
            "the answer has 2 statuses",
        ),
        (
            "a contradiction",
            over(&[CODE_OK]).encode_to_vec(),
            "the answer contradicts itself",
        ),
        (
            "enormous",
            vec![0; 64 * 1024 + 1],
            "the answer has 65537 bytes",
        ),
    ];
    for (name, bytes, why) in cases {
        for (on_error, expected) in [("deny", 503), ("allow", 200)] {
            let worker = plain(json!({"on_error": on_error}));
            let mut stream = worker.tenant(1, "acme");
            stream.waits();
            assert_eq!(
                worker.answer_bytes(&worker.call(), bytes.clone()),
                [1],
                "{name}"
            );
            assert_eq!(stream.outcome().0, expected, "{name}");
            let fate = if expected == 200 {
                "admitted"
            } else {
                "refused"
            };
            assert_eq!(
                worker.counts("a"),
                counts([("service_failed", 1), (fate, 1)]),
                "{name}"
            );
            assert_eq!(
                worker.service_counts(),
                counts([("calls", 1), ("malformed", 1)])
            );
            let line = format!("Warn: rate_limit: calls of the service fail: {why}");
            assert_eq!(worker.host.log_lines(), [line], "{name}");
        }
    }
}

#[test]
fn calls_that_come_to_nothing() {
    type Failing = fn(&Worker, &mut Stream<'_>);
    let cases: [(&str, Failing, &str, &str); 7] = [
        (
            "timed out",
            |worker, stream| {
                stream.waits();
                assert_eq!(worker.fail(&worker.call(), 4), [1]);
            },
            "timed_out",
            "not answered in time",
        ),
        (
            "timed out, as Envoy says it",
            |worker, stream| {
                stream.waits();
                worker.host.advance(Duration::from_millis(50));
                assert_eq!(worker.fail(&worker.call(), 14), [1]);
            },
            "timed_out",
            "not answered in time",
        ),
        (
            "unavailable",
            |worker, stream| {
                stream.waits();
                assert_eq!(worker.fail(&worker.call(), 14), [1]);
            },
            "status",
            "gRPC status 14 \"said so\"",
        ),
        (
            "never answered",
            |worker, stream| {
                stream.waits();
                worker.host.advance(Duration::from_millis(1_049));
                assert_eq!(worker.tick(), NOBODY);
                worker.host.advance(Duration::from_millis(1));
                assert_eq!(worker.tick(), [1]);
            },
            "timed_out",
            "not answered in time",
        ),
        (
            "not sent",
            |worker, _| {
                worker
                    .host
                    .fail("proxy_grpc_call", gatehouse_host::Status::Code(10))
            },
            "not_sent",
            "not sent: proxy_grpc_call answered status 10",
        ),
        (
            "not read",
            |worker, stream| {
                stream.waits();
                let failed = gatehouse_host::Status::Code(10);
                worker.host.fail("proxy_get_buffer_bytes", failed);
                assert_eq!(worker.answer(&worker.call(), &ok(&[1])), [1]);
            },
            "malformed",
            "not read: proxy_get_buffer_bytes answered status 10",
        ),
        (
            "no room to wait",
            |_, stream| {
                stream.waits();
                stream.exchange.end_wait();
            },
            "",
            "",
        ),
    ];
    for (name, failing, counted, line) in cases {
        for (on_error, expected) in [
            ("deny", (503, "service_failed.a".to_owned())),
            ("allow", (200, String::new())),
        ] {
            let worker = plain(json!({"on_error": on_error}));
            let mut stream = worker.tenant(1, "acme");
            failing(&worker, &mut stream);
            assert_eq!(stream.outcome(), expected, "{name}");
            assert_eq!(worker.counts("a")["service_failed"], 1, "{name}");
            let service = worker.service_counts();
            let lines = worker.host.log_lines();
            if counted.is_empty() {
                assert_eq!(service, counts([("calls", 1)]), "{name}");
                assert_eq!(lines.len(), 0, "{name}");
                continue;
            }
            assert_eq!(service[counted], 1, "{name}");
            assert_eq!(
                lines,
                [format!(
                    "Warn: rate_limit: calls of the service fail: {line}"
                )],
                "{name}"
            );
        }
    }
}

/// Envoy's own timeout is UNAVAILABLE at the deadline, or a little before; what else a service says then, it says itself.
#[test]
fn a_status_at_the_deadline() {
    let timed_out = ("timed_out", "not answered in time".to_owned());
    let status = |status: u32| ("status", format!("gRPC status {status} \"said so\""));
    let cases = [
        ("UNAVAILABLE at once", 0, 14, status(14)),
        ("UNAVAILABLE, early", 37_499, 14, status(14)),
        ("UNAVAILABLE, at 3/4", 37_500, 14, timed_out.clone()),
        ("UNAVAILABLE, late", 50_000, 14, timed_out.clone()),
        ("DEADLINE_EXCEEDED at once", 0, 4, timed_out.clone()),
        ("DEADLINE_EXCEEDED, late", 50_000, 4, timed_out),
        ("UNKNOWN, late", 50_000, 2, status(2)),
        ("RESOURCE_EXHAUSTED, late", 50_000, 8, status(8)),
        ("INTERNAL, late", 50_000, 13, status(13)),
        ("UNAUTHENTICATED, late", 50_000, 16, status(16)),
    ];
    for (name, after_us, status, (counted, why)) in cases {
        let worker = plain(json!({"timeout": "50ms"}));
        let mut stream = worker.tenant(1, "acme");
        stream.waits();
        let call = worker.call();
        worker.host.advance(Duration::from_micros(after_us));
        assert_eq!(worker.fail(&call, status), [1], "{name}");
        assert_eq!(
            worker.service_counts(),
            counts([("calls", 1), (counted, 1)]),
            "{name}"
        );
        let line = format!("Warn: rate_limit: calls of the service fail: {why}");
        assert_eq!(worker.host.log_lines(), [line], "{name}");
    }
}

/// Each Envoy by itself, at the configured rate.
#[test]
fn on_error_local() {
    let limit = by_tenant("a", json!({"rate": "2/1m"}));
    let worker = Worker::alone(&global(json!([limit]), json!({"on_error": "local"})));
    let fallback = |number, tenant: &str| {
        let mut stream = worker.tenant(number, tenant);
        stream.waits();
        assert_eq!(worker.fail(&worker.call(), 14), [number]);
        stream.outcome()
    };
    assert_eq!(fallback(1, "acme").0, 200);
    assert_eq!(fallback(2, "acme").0, 200);
    assert_eq!(fallback(3, "acme"), (429, "over_limit.a".to_owned()));
    assert_eq!(fallback(4, "other").0, 200);
    // Not even asked: the same.
    worker
        .host
        .fail("proxy_grpc_call", gatehouse_host::Status::Code(10));
    assert_eq!(worker.tenant(5, "other").outcome().0, 200);
    assert_eq!(
        worker.tenant(6, "other").outcome(),
        (429, "over_limit.a".to_owned())
    );
    assert_eq!(
        worker.counts("a"),
        counts([("admitted", 4), ("refused", 2), ("service_failed", 6)])
    );
}

#[test]
fn an_outage_is_logged_at_most_once_a_minute() {
    let worker = plain(json!({"on_error": "allow"}));
    let mut number = 0;
    let mut ask = |works: bool| {
        number += 1;
        let mut stream = worker.tenant(number, "acme");
        stream.waits();
        match works {
            true => worker.answer(&worker.call(), &ok(&[1])),
            false => worker.fail(&worker.call(), 14),
        };
        assert_eq!(stream.outcome().0, 200);
    };
    for works in [true, false, false, true, false, true] {
        ask(works);
    }
    assert_eq!(
        worker.host.log_lines(),
        [
            "Warn: rate_limit: calls of the service fail: gRPC status 14 \"said so\"",
            "Info: rate_limit: calls of the service work again",
        ]
    );
    worker.host.advance(Duration::from_secs(60));
    ask(false);
    assert_eq!(worker.host.log_lines().len(), 3);
}

/// Limits in report mode are asked about each on its own, after the others, and nobody waits.
#[test]
fn report() {
    let limits = json!([
        by_tenant("a", json!({"mode": "report"})),
        by_tenant("b", json!({})),
        by_tenant("c", json!({"mode": "report"})),
    ]);
    let worker = Worker::alone(&global(limits, json!({})));
    let mut stream = worker.tenant(1, "acme");
    stream.waits();
    let call = worker.call();
    assert_eq!(call.descriptors(), ["limit=b header.x-tenant=acme"]);
    worker.answer(&call, &ok(&[99]));
    assert_eq!(stream.outcome().0, 200);
    assert_eq!(worker.counts("a"), counts([]));
    let calls = worker.calls();
    let asked: Vec<_> = calls.iter().flat_map(Call::descriptors).collect();
    assert_eq!(
        asked,
        [
            "limit=a header.x-tenant=acme",
            "limit=c header.x-tenant=acme"
        ]
    );
    assert_eq!(worker.answer(&calls[0], &over(&[CODE_OVER_LIMIT])), NOBODY);
    assert_eq!(worker.fail(&calls[1], 14), NOBODY);
    assert_eq!(worker.counts("a"), counts([("would_refuse", 1)]));
    assert_eq!(worker.counts("b"), counts([("admitted", 1)]));
    assert_eq!(
        worker.counts("c"),
        counts([("service_failed", 1), ("would_refuse", 1)])
    );
    let told = stream.told();
    assert_eq!(told[1].1, "\"b\";r=99;t=30");

    // A request that is refused is not asked about any further.
    let mut stream = worker.tenant(2, "acme");
    stream.waits();
    worker.answer(&worker.call(), &over(&[CODE_OVER_LIMIT]));
    assert_eq!(stream.outcome().0, 429);
    assert_eq!(worker.calls().len(), 0);
}

/// What a request is like does not change while it waits.
#[test]
fn a_request_that_waits_is_counted_once() {
    let limits = json!([
        by_tenant("a", json!({"cost": {"request_header": "x-cost"}})),
        by_tenant(
            "b",
            json!({
                "key": [{"header": "x-plan"}], "if_absent": "deny", "mode": "report",
            })
        ),
    ]);
    let cases = [
        ("answered", json!({}), true),
        ("a share", json!({"lease": "10%"}), true),
        ("never answered", json!({}), false),
    ];
    for (name, terms, is_answered) in cases {
        let worker = Worker::alone(&global(limits.clone(), terms));
        let mut stream = worker.tenant(1, "acme");
        stream.waits();
        let call = worker.call();
        match is_answered {
            true => assert_eq!(worker.answer(&call, &ok(&[99])), [1], "{name}"),
            false => stream.exchange.end_wait(),
        }
        let admitted = stream.outcome().0 == 200;
        assert_eq!(admitted, is_answered, "{name}");
        assert_eq!(worker.counts("a").get("cost_absent"), Some(&1), "{name}");
        assert_eq!(worker.counts("b").get("key_missing"), Some(&1), "{name}");
    }
}

/// In the service, the limit has another name: nothing else would show it.
#[test]
fn a_limit_that_the_service_does_not_know() {
    let worker = plain(json!({}));
    let mut stream = worker.tenant(1, "acme");
    stream.waits();
    let response = RateLimitResponse {
        overall_code: CODE_OK,
        statuses: vec![DescriptorStatus {
            code: CODE_OK,
            ..DescriptorStatus::default()
        }],
    };
    worker.answer(&worker.call(), &response);
    assert_eq!(stream.outcome().0, 200);
    assert_eq!(stream.told(), []);
    assert_eq!(
        worker.counts("a"),
        counts([("admitted", 1), ("unlimited", 1)])
    );
}

/// What a client can put in a key, in front of a service that takes strings.
#[test]
fn hostile_values() {
    let worker = plain(json!({}));
    let long = vec![b'x'; 60_000];
    let cases: [(&[u8], &str); 5] = [
        (b"\xff\xfe", "%FF%FE"),
        (b"50%_a=b,c", "50%25_a=b,c"),
        ("Ünal".as_bytes(), "Ünal"),
        (&long[..256], std::str::from_utf8(&long[..256]).unwrap()),
        (&long[..257], "%sha256:"),
    ];
    for (number, (value, expected)) in (1..).zip(cases) {
        worker.begin(number, &[("x-tenant", value)]).waits();
        let sent = worker.call().descriptors().remove(0);
        let sent = sent.strip_prefix("limit=a header.x-tenant=").unwrap();
        if expected == "%sha256:" {
            assert!(sent.starts_with(expected));
            assert_eq!(sent.len(), 8 + 64);
        } else {
            assert_eq!(sent, expected);
        }
    }
    worker.begin(10, &[("x-tenant", &long)]).waits();
    assert!(worker.call().request.encoded_len() < 200);
    // None at all is like an empty one, unless the limit says otherwise.
    worker.begin(11, &[]).waits();
    assert_eq!(worker.call().descriptors(), ["limit=a header.x-tenant="]);
}

/// A client that goes away while it waits leaves nothing behind.
#[test]
fn a_client_that_goes_away() {
    let worker = plain(json!({}));
    for number in 1..=1_000 {
        worker.tenant(number, "acme").waits();
    }
    let calls = worker.calls();
    assert_eq!(calls.len(), 1_000);
    for (number, call) in (1..).zip(&calls) {
        assert_eq!(worker.answer(call, &ok(&[9])), [number]);
    }
    // A new stream of an old number, as a worker that runs for years has: it knows nothing of the old one.
    let mut stream = worker.tenant(7, "acme");
    stream.waits();
    assert_eq!(
        worker.answer(&worker.call(), &over(&[CODE_OVER_LIMIT])),
        [7]
    );
    assert_eq!(stream.outcome().0, 429);
}

/// Woken by somebody else, it waits on, and asks nothing again.
#[test]
fn woken_too_early() {
    let worker = plain(json!({}));
    let mut stream = worker.tenant(1, "acme");
    let until = stream.waits();
    let call = worker.call();
    assert_eq!(stream.waits(), until);
    assert_eq!(worker.calls().len(), 0);
    worker.answer(&call, &ok(&[9]));
    assert_eq!(stream.outcome().0, 200);
}

/// An answer that comes after the end of the wait finds nobody, and changes nothing.
#[test]
fn too_late() {
    let worker = plain(json!({}));
    let mut stream = worker.tenant(1, "acme");
    stream.waits();
    let call = worker.call();
    worker.host.advance(Duration::from_millis(1_050));
    assert_eq!(worker.tick(), [1]);
    assert_eq!(stream.outcome(), (503, "service_failed.a".to_owned()));
    assert_eq!(worker.answer(&call, &ok(&[1])), NOBODY);
    assert_eq!(
        worker.service_counts(),
        counts([("calls", 1), ("timed_out", 1)])
    );
}

/// The clock set back by an hour: a call is given up an hour later than it should be by the old time, and at its
/// time by the new.
#[test]
fn the_clock_set_back() {
    let worker = plain(json!({}));
    worker.host.advance(Duration::from_secs(3_600));
    let mut stream = worker.tenant(1, "acme");
    stream.waits();
    worker.host.set_now(Timestamp::from_nanos(0));
    assert_eq!(worker.tick(), NOBODY);
    worker.host.advance(Duration::from_millis(1_050));
    assert_eq!(worker.tick(), [1]);
    assert_eq!(stream.outcome().0, 503);
}

/// Somebody else's answers.
#[test]
fn other_callouts() {
    let worker = plain(json!({}));
    let mut stream = worker.tenant(1, "acme");
    stream.waits();
    let call = worker.call();
    let other = Call {
        id: CalloutId(call.id.0 + 1_000),
        request: call.request.clone(),
    };
    assert_eq!(worker.answer(&other, &over(&[CODE_OVER_LIMIT])), NOBODY);
    // Answered twice: once counts.
    assert_eq!(worker.answer(&call, &ok(&[9])), [1]);
    assert_eq!(stream.outcome().0, 200);
    assert_eq!(worker.answer(&call, &over(&[CODE_OVER_LIMIT])), NOBODY);
}

#[test]
fn host_calls() {
    let worker = plain(json!({}));
    let mut stream = worker.tenant(1, "acme");
    stream.waits();
    let expected = |calls: &[(&'static str, usize)]| calls.iter().copied().collect();
    assert_eq!(
        worker.host.calls(),
        expected(&[
            ("proxy_get_current_time_nanoseconds", 1),
            ("proxy_get_header_map_pairs", 1),
            ("proxy_grpc_call", 1),
            ("proxy_increment_metric", 1),
        ])
    );
    worker.answer(&worker.call(), &ok(&[9]));
    stream.ask();
    assert_eq!(
        worker.host.calls(),
        expected(&[("proxy_increment_metric", 1)])
    );
}

/// Envoy evaluates expressions before a request waits, and no more after it.
#[test]
fn expressions_are_evaluated_before_the_wait() {
    for (on_error, fails, expected) in [
        ("deny", false, 200),
        ("allow", true, 200),
        ("deny", true, 503),
    ] {
        let limits = json!([
            by_tenant("all", json!({})),
            by_tenant("some", json!({"match": {"when": "yes"}})),
            by_tenant(
                "others",
                json!({"match": {"when": "no"}, "on_error": on_error})
            ),
        ]);
        let worker = Worker::alone(&global(limits, json!({})));
        worker.host.expression_is("yes", Some(true));
        worker
            .host
            .expression_is("no", if fails { None } else { Some(false) });
        let mut stream = worker.tenant(1, "acme");
        if expected == 503 {
            assert_eq!(
                stream.outcome(),
                (503, "expression_failed.others".to_owned())
            );
            assert_eq!(worker.calls().len(), 0);
            continue;
        }
        stream.waits();
        let call = worker.call();
        assert_eq!(call.descriptors().len(), 2);
        worker.host.expression_is("yes", None);
        worker.host.expression_is("no", None);
        assert_eq!(worker.answer(&call, &ok(&[9, 8])), [1]);
        assert_eq!(stream.outcome().0, 200);
        assert_eq!(stream.told()[1].1, "\"all\";r=9;t=30, \"some\";r=8;t=30");
        let failed = worker.counts("others").get("expression_failed").copied();
        assert_eq!(failed, fails.then_some(1));
    }
}

/// Where the service does not say of how much, a response says the terms of the key.
#[test]
fn the_policy_of_an_override() {
    let overrides = json!([{"key": {"header": {"x-tenant": "acme"}}, "rate": "1000/1m"}]);
    let limits = json!([by_tenant("a", json!({"overrides": overrides}))]);
    let worker = Worker::alone(&global(limits, json!({"lease": 10})));
    let mut stream = worker.tenant(1, "acme");
    stream.waits();
    worker.answer(&worker.call(), &ok(&[990]));
    assert_eq!(stream.outcome().0, 200);
    assert_eq!(stream.told()[0].1, "\"a\";q=1000;w=60");
}

/// Of many limits those are found that can be about a request, before it waits and after.
#[test]
fn of_many_limits_those_that_apply_in_their_order() {
    let mut limits: Vec<Value> = (0..12)
        .map(|number| {
            let path = json!({"path": {"exact": format!("/p/{number}")}});
            by_tenant(&format!("l{number}"), json!({"match": path}))
        })
        .collect();
    limits.insert(5, by_tenant("all", json!({})));
    let hosts = json!({"match": {"hosts": ["a.test"], "path": {"prefix": "/p"}}});
    limits.push(by_tenant("host", hosts));
    let worker = Worker::alone(&global(json!(limits), json!({})));
    type Case<'c> = (&'c str, &'c str, &'c [&'c str]);
    let cases: [Case<'_>; 4] = [
        ("/p/9", "b.test", &["all", "l9"]),
        ("/p/3", "a.test", &["l3", "all", "host"]),
        ("/q", "a.test", &["all"]),
        ("/p/12", "a.test", &["all", "host"]),
    ];
    for (path, host, expected) in cases {
        let mut stream = worker.begin(
            1,
            &[
                (":path", path.as_bytes()),
                (":authority", host.as_bytes()),
                ("x-tenant", b"acme"),
            ],
        );
        stream.waits();
        let call = worker.call();
        let asked = expected.iter();
        let asked: Vec<_> = asked
            .map(|limit| format!("limit={limit} header.x-tenant=acme"))
            .collect();
        assert_eq!(call.descriptors(), asked, "{path}");
        // The last one is over: it is the one that is named.
        let mut codes = vec![CODE_OK; expected.len()];
        codes[expected.len() - 1] = CODE_OVER_LIMIT;
        assert_eq!(worker.answer(&call, &over(&codes)), [1], "{path}");
        let reason = format!("over_limit.{}", expected[expected.len() - 1]);
        assert_eq!(stream.outcome(), (429, reason), "{path}");
    }
}
