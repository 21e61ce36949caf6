//! Which rule applies, what it costs, and what happens where the host fails.

use super::*;
use gatehouse_host::{HostError, Status};

/// A header map's lines.
type Lines = &'static [&'static str];

/// How many host calls of each name.
type Calls = &'static [(&'static str, usize)];

const RULES: &str = "
rules:
- match: {path: {exact: /a}}
  request: [{set: {name: x, value: a}}]
  response: [{set: {name: y, value: a}}]
- match: {path: {prefix: /leave}}
  request: []
- match: {path: {prefix: /}, methods: [GET]}
  response: [{set: {name: y, value: get}}]
- request: [{set: {name: x, value: rest}}]
  response: [{set: {name: y, value: rest}}]
";

#[test]
fn the_first_rule_that_matches_applies_and_no_other() {
    let cases: [(&str, [&[u8]; 2], Lines, Lines); 4] = [
        (
            "first",
            [b"GET", b"/a"],
            &[":method: GET", ":path: /a", "x: a"],
            &["y: a"],
        ),
        (
            "left as it is",
            [b"GET", b"/leave/it"],
            &[":method: GET", ":path: /leave/it"],
            &[],
        ),
        (
            "third",
            [b"GET", b"/b"],
            &[":method: GET", ":path: /b"],
            &["y: get"],
        ),
        (
            "last",
            [b"PUT", b"/b"],
            &[":method: PUT", ":path: /b", "x: rest"],
            &["y: rest"],
        ),
    ];
    for (name, [method, path], sent_on, answered) in cases {
        let host = FakeHost::default();
        let filter = configure(RULES, &host).unwrap();
        host.begin([(":method", method), (":path", path)]);
        let (_, pending) = request(&filter, &host);
        response(&filter, &host, pending).unwrap();
        assert_eq!(lines(host.request_headers()), sent_on, "{name}");
        assert_eq!(lines(host.response_headers()), answered, "{name}");
    }
}

#[test]
fn no_rule_no_change() {
    let host = FakeHost::default();
    let filter = configure(
        "rules: [{match: {path: {exact: /a}}, request: [{remove: x}], response: [{remove: y}]}]",
        &host,
    )
    .unwrap();
    host.begin([(":path", &b"/b"[..]), ("x", b"1")]);
    host.respond([("y", &b"1"[..])]);
    let (verdict, pending) = request(&filter, &host);
    response(&filter, &host, pending).unwrap();
    assert_eq!(verdict, Ok(Verdict::Continue));
    assert_eq!(lines(host.request_headers()), [":path: /b", "x: 1"]);
    assert_eq!(lines(host.response_headers()), ["y: 1"]);
}

#[test]
fn a_response_whose_request_was_never_seen() {
    let cases = [
        ("the rule without match", RULES, &["y: rest"][..]),
        (
            "none without match",
            "rules: [{match: {path: {prefix: /}}, response: [{set: {name: y, value: '1'}}]}]",
            &["y: upstream"],
        ),
        (
            "what it needs of the request is not there",
            "rules: [{response: [{set: {name: y, value: '${consumer.name}'}}, {set: {name: z, value: '${now}'}}]}]",
            &["z: 2026-01-01T00:00:00Z"],
        ),
    ];
    for (name, yaml, expected) in cases {
        let host = FakeHost::default();
        let filter = configure(yaml, &host).unwrap();
        host.begin([]);
        establish(&host);
        host.respond([("y", &b"upstream"[..])]);
        response(&filter, &host, Pending::default()).unwrap();
        assert_eq!(lines(host.response_headers()), expected, "{name}");
    }
}

#[test]
fn host_calls() {
    let matched = "match: {path: {prefix: /}}";
    let cases: [(&str, String, Calls); 20] = [
        (
            "one request header and one response header",
            "request: [{set: {name: a, value: '1'}}], response: [{set: {name: b, value: '2'}}]".to_owned(),
            &[("proxy_replace_header_map_value", 2)],
        ),
        (
            "the same with a match",
            format!("{matched}, request: [{{set: {{name: a, value: '1'}}}}], response: [{{set: {{name: b, value: '2'}}}}]"),
            &[("proxy_get_header_map_pairs", 1), ("proxy_replace_header_map_value", 2)],
        ),
        ("nothing to do", "request: []".to_owned(), &[]),
        ("append", "request: [{append: {name: a, value: '1'}}]".to_owned(), &[("proxy_add_header_map_value", 1)]),
        (
            "append to what is there, and nothing is read afterwards",
            format!("{matched}, request: [{{append: {{name: x, value: '2'}}}}, {{append: {{name: x, value: '3'}}}}]"),
            &[("proxy_add_header_map_value", 2), ("proxy_get_header_map_pairs", 1)],
        ),
        (
            "append to what is there: only the host knows what there is then",
            format!(
                "{matched}, request: [{{append: {{name: x, value: '2'}}}}, {{set: {{name: a, value: '1', if: absent}}}}, \
                 {{set: {{name: b, value: '1', if: absent}}}}]"
            ),
            &[
                ("proxy_add_header_map_value", 1),
                ("proxy_get_header_map_pairs", 2),
                ("proxy_replace_header_map_value", 2),
            ],
        ),
        (
            "append to what is known not to be there",
            format!("{matched}, request: [{{append: {{name: y, value: '1'}}}}, {{set: {{name: a, value: '1', if: absent}}}}]"),
            &[
                ("proxy_add_header_map_value", 1),
                ("proxy_get_header_map_pairs", 1),
                ("proxy_replace_header_map_value", 1),
            ],
        ),
        (
            "remove, without knowing whether it is there",
            "request: [{remove: x}], response: [{remove: x}]".to_owned(),
            &[("proxy_remove_header_map_value", 2)],
        ),
        (
            "remove what is known not to be there",
            format!("{matched}, request: [{{remove: nothing}}]"),
            &[("proxy_get_header_map_pairs", 1)],
        ),
        (
            "one snapshot for all that need one",
            "request: [{set: {name: a, value: '1', if: absent}}, {remove: {prefix: none-}}, \
             {rename: {from: none, to: b}}, {replace: {name: none, regex: a, with: b}}, \
             {set: {name: c, value: '${request.header.x} ${path}'}}]"
                .to_owned(),
            &[("proxy_get_header_map_pairs", 1), ("proxy_replace_header_map_value", 2)],
        ),
        (
            "the consumer once, the clock once",
            "request: [{set: {name: a, value: '${consumer.name}'}}, {set: {name: b, value: '${claim.email} ${now}'}}, \
             {set: {name: c, value: '${now}'}}]"
                .to_owned(),
            &[
                ("proxy_get_current_time_nanoseconds", 1),
                ("proxy_get_property", 1),
                ("proxy_replace_header_map_value", 3),
            ],
        ),
        (
            "a value that is missing",
            "request: [{append: {name: a, value: '${claim.none}'}}]".to_owned(),
            &[("proxy_get_property", 1), ("proxy_increment_metric", 1)],
        ),
        (
            "a status",
            "response: [{when: {status: 5xx}, set: {name: a, value: '1'}}, {when: {status: 4xx}, remove: b}]".to_owned(),
            &[("proxy_get_header_map_pairs", 1)],
        ),
        (
            "cors, of a request without an origin",
            "cors: {origins: ['https://a.test']}".to_owned(),
            &[("proxy_add_header_map_value", 1), ("proxy_get_header_map_pairs", 2)],
        ),
        (
            "path, query and host",
            "request: [{path: {with: /b}}, {query: {remove: a}}, {host: {with: b}}]".to_owned(),
            &[("proxy_get_header_map_pairs", 1), ("proxy_replace_header_map_value", 2)],
        ),
        (
            "identifiers",
            "request: [{preset: trace_context}, {preset: request_id}]".to_owned(),
            &[("proxy_get_header_map_pairs", 1), ("proxy_replace_header_map_value", 2), ("random_get", 2)],
        ),
        (
            "cookies and locations that are not there",
            "request: [{cookie: {remove: a}}], \
             response: [{cookie: {secure: true}}, {location: {hosts: [a], scheme: https}}, {dedupe: x}]"
                .to_owned(),
            &[("proxy_get_header_map_pairs", 2)],
        ),
        (
            "a preset of constants",
            "response: [{preset: {security_headers: {if: always}}}]".to_owned(),
            &[("proxy_replace_header_map_value", 8)],
        ),
        (
            "the route, once for both sides",
            "request: [{set: {name: a, value: '${route | default(\"none\")}'}}], \
             response: [{set: {name: a, value: '${route | default(\"none\")}'}}]"
                .to_owned(),
            &[("proxy_get_property", 1), ("proxy_replace_header_map_value", 2)],
        ),
        (
            "a request header kept for the response",
            "response: [{set: {name: a, value: '${request.header.x}'}}]".to_owned(),
            &[("proxy_get_header_map_pairs", 1), ("proxy_replace_header_map_value", 1)],
        ),
    ];
    for (name, rule, expected) in cases {
        let host = FakeHost::default();
        let filter = configure(&format!("rules: [{{{rule}}}]"), &host).unwrap();
        host.begin([(":method", &b"GET"[..]), (":path", b"/"), ("x", b"1")]);
        establish(&host);
        host.respond([(":status", &b"200"[..])]);
        let (verdict, pending) = request(&filter, &host);
        assert_eq!(verdict, Ok(Verdict::Continue), "{name}");
        response(&filter, &host, pending).unwrap();
        assert_eq!(
            host.calls().into_iter().collect::<Vec<_>>(),
            expected,
            "{name}"
        );
    }
}

#[test]
fn report_mode_takes_one_snapshot_a_side() {
    let host = FakeHost::default();
    let filter = configure(
        "{mode: report, rules: [{request: [{remove: x}], response: [{set: {name: a, value: '1'}}]}]}",
        &host,
    )
    .unwrap();
    host.begin([]);
    let (_, pending) = request(&filter, &host);
    response(&filter, &host, pending).unwrap();
    let expected = [
        ("proxy_get_header_map_pairs", 2),
        ("proxy_increment_metric", 1),
    ];
    assert_eq!(host.calls().into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(
        host.counters(),
        [("gatehouse.headers.would_change_responses".to_owned(), 1)].into()
    );
}

/// Needs every host call that the filter ever makes on a request, and on a response.
const EVERYTHING: &str = "
rules:
- match: {path: {prefix: /}}
  request:
  - set: {name: a, value: '${consumer.name} ${client_ip} ${now} ${uuid}'}
  - append: {name: b, value: '${request.header.x}'}
  - remove: x
  response:
  - set: {name: c, value: '${now} ${uuid}'}
  - append: {name: d, value: '1'}
  - when: {status: 200}
    remove: x
";

const FAILURE: Status = Status::Code(10);

#[test]
fn a_request_does_not_go_on_when_the_host_fails() {
    let calls = [
        "proxy_get_header_map_pairs",
        "proxy_get_property",
        "proxy_get_current_time_nanoseconds",
        "random_get",
        "proxy_replace_header_map_value",
        "proxy_add_header_map_value",
        "proxy_remove_header_map_value",
    ];
    for call in calls {
        let host = FakeHost::default();
        let filter = configure(EVERYTHING, &host).unwrap();
        let report = configure(&format!("mode: report\n{EVERYTHING}"), &host).unwrap();
        host.begin([(":path", &b"/"[..]), ("x", b"1")]);
        establish(&host);
        host.property_is("source.address", "10.0.0.1:1");
        host.fail(call, FAILURE);
        let (verdict, _) = request(&filter, &host);
        assert_eq!(
            verdict,
            Err(HostError {
                call,
                status: FAILURE
            }),
            "{call}"
        );
        // In report mode it goes on, and the log says so where the operations got that far.
        let before = host.request_headers();
        let (verdict, _) = request(&report, &host);
        assert_eq!(verdict, Ok(Verdict::Continue), "{call}");
        assert_eq!(host.request_headers(), before, "{call}");
        let writes = call.contains("_value");
        let expected: &[String] = &[format!(
            "Warn: headers: cannot say what would change: {call} answered status 10"
        )];
        assert_eq!(
            host.log_lines(),
            if writes { &[][..] } else { expected },
            "{call}"
        );
    }
}

#[test]
fn a_response_gets_what_can_be_done_when_the_host_fails() {
    let cases: [(&str, &[&str]); 5] = [
        ("proxy_get_header_map_pairs", &["c", "d", "x"]),
        ("proxy_get_current_time_nanoseconds", &["d"]),
        ("random_get", &["d"]),
        ("proxy_replace_header_map_value", &["d"]),
        ("proxy_add_header_map_value", &["c"]),
    ];
    for (call, expected) in cases {
        let host = FakeHost::default();
        let filter = configure(EVERYTHING, &host).unwrap();
        host.begin([(":path", &b"/"[..]), ("x", b"1")]);
        host.respond([(":status", &b"200"[..]), ("x", b"1")]);
        let (_, pending) = request(&filter, &host);
        host.fail(call, FAILURE);
        let done = response(&filter, &host, pending);
        assert_eq!(
            done,
            Err(HostError {
                call,
                status: FAILURE
            }),
            "{call}"
        );
        let mut names: Vec<String> = host
            .response_headers()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        names.retain(|name| name != ":status");
        names.sort();
        assert_eq!(names, expected, "{call}");
    }
}

#[test]
fn a_consumer_that_cannot_be_read_is_no_anonymous_one() {
    let host = FakeHost::default();
    let filter = configure(
        "rules: [{request: [{append: {name: a, value: '${consumer.name}'}}]}]",
        &host,
    )
    .unwrap();
    host.begin([]);
    host.property_is(gatehouse_host::IDENTITY_STATE, "{broken");
    let (verdict, _) = request(&filter, &host);
    let call = "proxy_get_property";
    assert_eq!(
        verdict,
        Err(HostError {
            call,
            status: Status::Malformed
        })
    );
}

#[test]
fn without_its_counters_it_does_not_start() {
    let host = FakeHost::default();
    host.fail("proxy_define_metric", FAILURE);
    assert_eq!(
        configure("rules: [{request: []}]", &host).unwrap_err(),
        "cannot start: proxy_define_metric answered status 10"
    );
}

#[test]
fn the_counters() {
    let host = FakeHost::default();
    configure("rules: [{request: []}]", &host).unwrap();
    assert_eq!(
        host.defined_counters(),
        [
            "gatehouse.headers.missing_values",
            "gatehouse.headers.unsafe_values",
            "gatehouse.headers.failed_expressions",
            "gatehouse.headers.denied_requests",
            "gatehouse.headers.would_deny_requests",
            "gatehouse.headers.cors_preflights",
            "gatehouse.headers.cors_refused_preflights",
            "gatehouse.headers.would_change_requests",
            "gatehouse.headers.would_change_responses",
            "gatehouse.headers.would_change_trailers",
        ]
    );
}

#[test]
fn what_cannot_be_evaluated_does_not_hold() {
    let yaml = "rules:
- {match: {when: w}, request: [{set: {name: x, value: first}}]}
- {match: {not: {when: w}}, request: [{set: {name: x, value: second}}]}
- {match: {path: {prefix: /}}, request: [{set: {name: x, value: third}}, {when: {request: {when: w}}, set: {name: y, value: '1'}}]}";
    let cases: [(Option<bool>, &str, u64); 3] = [
        (Some(true), "first", 0),
        (Some(false), "second", 0),
        // Both rules, and the condition on the operation.
        (None, "third", 3),
    ];
    for (holds, expected, failed) in cases {
        let host = FakeHost::default();
        let filter = configure(yaml, &host).unwrap();
        host.expression_is("w", holds);
        host.begin([(":method", &b"GET"[..]), (":path", b"/")]);
        assert_eq!(
            request(&filter, &host).0,
            Ok(Verdict::Continue),
            "{holds:?}"
        );
        let set: Vec<_> = host.request_headers();
        let set: Vec<&str> = set
            .iter()
            .skip(2)
            .map(|(_, value)| value.as_str())
            .collect();
        assert_eq!(set, [expected], "{holds:?}");
        let counters = host.counters();
        let counted = counters.get("gatehouse.headers.failed_expressions");
        assert_eq!(counted.copied().unwrap_or_default(), failed, "{holds:?}");
    }
    let host = FakeHost::default();
    let bad = yaml
        .replace("match: {when: w}", "match: {when: 'a('}")
        .replace("request: {when: w}", "request: {when: 'b('}");
    let hint = "(over Envoy's attributes, such as \"request.method == 'GET' && request.headers['x-tenant'] == 'a'\")";
    assert_eq!(
        configure(&bad, &host).unwrap_err(),
        format!(
            "configuration refused:\nrules[0].match.when: \"a(\" is not a CEL expression {hint}\n\
             rules[2].request[1].when.request.when: \"b(\" is not a CEL expression {hint}"
        )
    );
}

/// What was kept for the response is let go of with it: nothing of it is there for a second one.
#[test]
fn nothing_is_kept_after_the_response() {
    let host = FakeHost::default();
    let yaml = r#"rules: [{response: [{append: {name: x-b, value: "${request.header.x-a}"}}]}]"#;
    let filter = configure(yaml, &host).unwrap();
    host.begin([(":method", &b"GET"[..]), ("x-a", b"1")]);
    let (_, mut pending) = request(&filter, &host);
    assert!(format!("{pending:?}").contains("kept: [Some("));
    host.respond([(":status", &b"101"[..])]);
    for _ in 0..2 {
        let exchange = Exchange::default();
        let mut headers = None;
        let mut response = Response::new(&host, &exchange, &mut headers);
        filter.response(&mut response, &mut pending).unwrap();
        assert_eq!(lines(host.response_headers()), [":status: 101", "x-b: 1"]);
        assert_eq!(format!("{pending:?}"), "Pending(NoRule)");
    }
}

/// What a client names in `connection` the next proxy takes out, and on an upgrade Envoy sends it on.
#[test]
fn what_the_rule_sets_is_named_by_no_connection() {
    let set = "request: [{set: {name: x-user, value: '${consumer.name}'}}]";
    let several = "request: [{append: {name: X-Hops, value: '1'}}, {copy: {from: x-a, to: x-b}}, \
                   {map: {name: x-tier, value: a, values: {a: '1'}}}, {preset: trace_context}, \
                   {preset: {request_id: {header: x-id}}}, {remove: x-gone}, \
                   {cookie: {set: {name: tenant, value: a}}}]";
    type Case = (&'static str, &'static str, &'static [&'static [u8]], Lines);
    let cases: &[Case] = &[
        ("one of two", set, &[b"Upgrade, x-user"], &["Upgrade"]),
        (
            "in any case and spacing",
            set,
            &[b"X-USER ,upgrade,\tx-User"],
            &["upgrade"],
        ),
        (
            "on lines of its own",
            set,
            &[b"upgrade", b"x-user"],
            &["upgrade"],
        ),
        ("alone", set, &[b"x-user"], &[]),
        (
            "others stay as they are",
            set,
            &[b"upgrade,x-users"],
            &["upgrade,x-users"],
        ),
        ("no bytes of text", set, &[b"\xff, x-user"], &["\u{fffd}"]),
        (
            "whatever gives it a value",
            several,
            &[b"upgrade, x-hops, x-b, x-tier, traceparent, x-id, x-a, cookie, x-gone"],
            &["upgrade, x-a, x-gone"],
        ),
        (
            "nothing is set",
            "request: [{remove: x-user}, {cookie: {remove: tenant}}]",
            &[b"upgrade, x-user, cookie"],
            &["upgrade, x-user, cookie"],
        ),
    ];
    for (name, rule, connection, expected) in cases {
        for mode in ["enforce", "report"] {
            let host = FakeHost::default();
            let filter =
                configure(&format!("{{mode: {mode}, rules: [{{{rule}}}]}}"), &host).unwrap();
            let lines = connection.iter().map(|line| ("connection", *line));
            host.begin(lines.chain([(":method", &b"GET"[..]), ("x-a", b"1")]));
            establish(&host);
            let mut exchange = Exchange::new(StreamId::default(), false);
            let mut request = Request::new(&host, &mut exchange);
            let verdict = filter.request(&mut request, &mut Pending::default());
            assert_eq!(verdict, Ok(Verdict::Continue), "{name}");
            let headers = host.request_headers();
            let named = headers.iter().filter(|(name, _)| name == "connection");
            let named: Vec<_> = named.map(|(_, value)| value.clone()).collect();
            let sent = connection.iter().map(|line| String::from_utf8_lossy(line));
            match mode {
                "enforce" => assert_eq!(named, *expected, "{name}"),
                _ => assert!(sent.eq(named), "{name}"),
            }
        }
    }
}

/// An upgrade has a body, to Envoy; a request without one has no `connection`.
#[test]
fn what_it_costs_to_look_for_an_upgrade() {
    let set = "request: [{set: {name: x, value: '1'}}]";
    let matched = format!("match: {{methods: [POST]}}, {set}");
    let cases: [(&str, &str, bool, usize); 6] = [
        ("without a body", set, true, 0),
        ("with a body, and unread headers", set, false, 1),
        ("headers that were read, without a body", &matched, true, 1),
        ("headers that were read, with a body", &matched, false, 1),
        ("nothing is set", "request: [{remove: x}]", false, 0),
        ("nothing is done", "request: []", false, 0),
    ];
    for (name, rule, without_body, expected) in cases {
        let host = FakeHost::default();
        let filter = configure(&format!("rules: [{{{rule}}}]"), &host).unwrap();
        host.begin([(":method", &b"POST"[..])]);
        let mut exchange = Exchange::new(StreamId::default(), without_body);
        let mut request = Request::new(&host, &mut exchange);
        let verdict = filter.request(&mut request, &mut Pending::default());
        assert_eq!(verdict, Ok(Verdict::Continue), "{name}");
        let snapshots = host.calls().get("proxy_get_header_map_pairs").copied();
        assert_eq!(snapshots.unwrap_or_default(), expected, "{name}");
    }
}
