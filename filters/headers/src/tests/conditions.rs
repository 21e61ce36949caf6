//! The `when` of operations.

use super::*;

#[test]
fn on_the_status() {
    let cases: [(&str, &[u8], bool); 12] = [
        ("500-503", b"500", true),
        ("500-503", b"503", true),
        ("500-503", b"504", false),
        ("500-503", b"499", false),
        ("404-404", b"404", true),
        ("[404, 5xx, 300-307]", b"307", true),
        ("[404, 5xx, 300-307]", b"308", false),
        ("[404, 5xx, 300-307]", b"599", true),
        ("5xx", b"0503", false),
        ("5xx", b" 503", false),
        ("5xx", b"+03", false),
        ("500-503", b"", false),
    ];
    for (status, given, fits) in cases {
        let rule =
            format!("response: [{{when: {{status: {status}}}, set: {{name: x, value: '1'}}}}]");
        let became = answered(&rule, &[], &[(":status", given)]);
        assert_eq!(became.len() == 2, fits, "{status} {given:?}");
    }
}

#[test]
fn on_the_headers_of_the_response() {
    type Case<'a> = (&'a str, Pairs<'a>, bool);
    let cases: [Case<'_>; 9] = [
        ("[{name: x-a, present: true}]", &[("x-a", b"")], true),
        ("[{name: x-a, present: true}]", &[], false),
        ("[{name: x-a, present: false}]", &[], true),
        (
            "[{name: X-A, exact: '1'}]",
            &[("x-a", b"0"), ("x-a", b"1")],
            true,
        ),
        (
            "[{name: x-a, prefix: text/}]",
            &[("x-a", b"text/html")],
            true,
        ),
        ("[{name: x-a, regex: 'a.c'}]", &[("x-a", b"a\xffc")], true),
        ("[{name: x-a, regex: 'b'}]", &[("x-a", b"abc")], false),
        (
            "[{name: x-a, present: true}, {name: x-b, present: true}]",
            &[("x-a", b"1")],
            false,
        ),
        // What an operation before it did, is seen.
        ("[{name: x-new, exact: n}]", &[], true),
    ];
    for (headers, given, fits) in cases {
        let rule = format!(
            "response: [{{set: {{name: x-new, value: n}}}}, {{when: {{headers: {headers}}}, set: {{name: x, value: '1'}}}}]"
        );
        let became = answered(&rule, &[], given);
        assert_eq!(
            became.contains(&"x: 1".to_owned()),
            fits,
            "{headers} {given:?}"
        );
    }
}

/// A rule with one operation on each side, under this condition on the request.
fn both(when: &str) -> String {
    format!(
        "match: {{path: {{prefix: /}}}}, \
         request: [{{set: {{name: x-a, value: changed}}}}, {{path: {{with: /changed}}}}, \
         {{when: {when}, set: {{name: x, value: '1'}}}}], \
         response: [{{when: {when}, set: {{name: y, value: '1'}}}}]"
    )
}

#[test]
fn on_the_request_as_it_came() {
    let cases = [
        ("{request: {methods: [GET]}}", true),
        ("{request: {methods: [PUT]}}", false),
        ("{request: {path: {prefix: /users}}}", true),
        ("{request: {path: {prefix: /changed}}}", false),
        ("{request: {headers: [{name: x-a, exact: sent}]}}", true),
        ("{request: {headers: [{name: x-a, exact: changed}]}}", false),
        ("{request: {query: [{name: q, exact: '1'}]}}", true),
        ("{request: {not: {methods: [GET]}}}", false),
        ("{request: {client_ip: [10.0.0.0/8]}}", true),
        ("{consumer: [bob, acme]}", true),
        ("{consumer: [bob]}", false),
        ("{groups: [gold]}", true),
        ("{groups: [silver]}", false),
        ("{consumer: [acme], groups: [silver]}", false),
        ("{consumer: [acme], request: {methods: [GET]}}", true),
        ("{consumer: [acme], request: {methods: [PUT]}}", false),
    ];
    for (when, fits) in cases {
        let host = FakeHost::default();
        let filter = configure(&format!("rules: [{{{}}}]", both(when)), &host).unwrap();
        host.begin([
            (":method", &b"GET"[..]),
            (":path", b"/users?q=1"),
            ("x-a", b"sent"),
        ]);
        host.property_is("source.address", "10.1.2.3:1");
        let golden = Consumer {
            groups: vec!["gold".to_owned()],
            ..consumer()
        };
        host.property_is(gatehouse_host::IDENTITY_STATE, golden.to_json());
        let (verdict, pending) = request(&filter, &host);
        assert_eq!(verdict, Ok(Verdict::Continue), "{when}");
        response(&filter, &host, pending).unwrap();
        let has = |lines: Vec<String>, line: &str| lines.contains(&line.to_owned());
        assert_eq!(has(lines(host.request_headers()), "x: 1"), fits, "{when}");
        assert_eq!(has(lines(host.response_headers()), "y: 1"), fits, "{when}");
    }
}

#[test]
fn on_both_at_once() {
    let rule = "response: [{when: {status: 4xx, consumer: [acme], headers: [{name: x-a, present: true}]}, \
                set: {name: y, value: '1'}}]";
    let cases: [(Pairs<'_>, bool); 3] = [
        (&[(":status", b"404"), ("x-a", b"1")], true),
        (&[(":status", b"404")], false),
        (&[(":status", b"200"), ("x-a", b"1")], false),
    ];
    for (given, fits) in cases {
        let became = answered(rule, &[], given);
        assert_eq!(became.contains(&"y: 1".to_owned()), fits, "{given:?}");
    }
}

#[test]
fn nothing_is_asked_of_a_request_that_was_never_seen() {
    let host = FakeHost::default();
    let filter = configure(
        "rules: [{response: [{when: {request: {not: {methods: [PUT]}}}, set: {name: y, value: '1'}}, \
         {when: {status: 200}, set: {name: z, value: '1'}}]}]",
        &host,
    )
    .unwrap();
    host.begin([]);
    host.respond([(":status", &b"200"[..])]);
    response(&filter, &host, Pending::default()).unwrap();
    assert_eq!(lines(host.response_headers()), [":status: 200", "z: 1"]);
}

#[test]
fn what_conditions_cost() {
    let cases: [(&str, &[(&str, usize)]); 3] = [
        (
            "{consumer: [acme]}",
            &[
                ("proxy_get_property", 1),
                ("proxy_replace_header_map_value", 2),
            ],
        ),
        (
            "{request: {methods: [GET]}}",
            &[
                ("proxy_get_header_map_pairs", 1),
                ("proxy_replace_header_map_value", 2),
            ],
        ),
        (
            "{request: {methods: [PUT]}}",
            &[("proxy_get_header_map_pairs", 1)],
        ),
    ];
    for (when, calls) in cases {
        let host = FakeHost::default();
        let operation = format!("[{{when: {when}, set: {{name: y, value: '1'}}}}]");
        let yaml = format!("rules: [{{request: {operation}, response: {operation}}}]");
        let filter = configure(&yaml, &host).unwrap();
        host.begin([(":method", &b"GET"[..])]);
        establish(&host);
        let (_, pending) = request(&filter, &host);
        response(&filter, &host, pending).unwrap();
        assert_eq!(
            host.calls().into_iter().collect::<Vec<_>>(),
            calls,
            "{when}"
        );
    }
}

#[test]
fn only_so_many_conditions() {
    let when = "{when: {request: {methods: [GET]}}, remove: x}";
    let yaml = |count: usize| {
        let operations = vec![when; count].join(", ");
        format!("rules: [{{request: [{operations}]}}]")
    };
    assert!(configure(&yaml(64), &FakeHost::default()).is_ok());
    assert_eq!(
        configure(&yaml(65), &FakeHost::default()).unwrap_err(),
        "configuration refused:\nrules[0].request[64].when: more than 64 conditions on the request in one rule"
    );
}
