//! Variables that need the host, and functions on them, in both phases.

use super::*;

#[test]
fn the_route_as_the_request_came_to_the_filter() {
    let rules = "rules: [{request: [{path: {with: /b}}, {set: {name: x, value: '${route}'}}], \
                 response: [{set: {name: y, value: '${route | upper}'}}]}]";
    for (route, x, y) in [
        (Some("api"), &["x: api"][..], &["y: API"][..]),
        (Some(""), &[], &[]),
        (None, &[], &[]),
    ] {
        let host = FakeHost::default();
        let filter = configure(rules, &host).unwrap();
        host.begin([(":path", &b"/a"[..])]);
        if let Some(route) = route {
            host.property_is("xds.route_name", route);
        }
        let (_, pending) = request(&filter, &host);
        response(&filter, &host, pending).unwrap();
        let sent = lines(host.request_headers());
        assert_eq!(sent[1..], *x, "{route:?}");
        assert_eq!(lines(host.response_headers()), *y, "{route:?}");
        assert_eq!(host.calls()["proxy_get_property"], 1, "{route:?}");
    }
}

#[test]
fn times_and_identifiers() {
    let cases = [
        ("${now.http}", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ("${now.ms}", "2026-01-01T00:00:00.000Z"),
        ("t=${now.unix}", "t=1767225600"),
        ("${now.unix_ms | base64url}", "MTc2NzIyNTYwMDAwMA"),
        ("${uuid.v7}", "019b76da-a800-7a50-ab6c-88b470a8fd8a"),
        ("${uuid | truncate(8)}", "58c0cbc7"),
    ];
    for (value, expected) in cases {
        let operation = format!("[{{set: {{name: x, value: '{value}'}}}}]");
        let became = sent(&format!("request: {operation}"), &[]).unwrap();
        assert_eq!(became, [format!("x: {expected}")], "{value}");
        let became = answered(&format!("response: {operation}"), &[], &[]);
        assert_eq!(became, [format!("x: {expected}")], "{value}");
    }
}

#[test]
fn functions_do_not_bring_in_what_cannot_be_sent() {
    let cases = [
        ("${claim.crlf | base64}", Some("YQ0KeC1hZG1pbjogMQ==")),
        ("${claim.crlf | url_encode}", Some("a%0D%0Ax-admin%3A%201")),
        ("${claim.crlf | upper}", None),
        ("${claim.crlf | trim}", None),
        ("${claim.crlf | truncate(1)}", Some("a")),
        ("${claim.crlf | truncate(2)}", None),
        ("${claim.spaced | trim}", Some("admin")),
        ("${claim.big | sha256 | truncate(8)}", Some("8f990ba0")),
        ("${claim.big | base64}", None),
        ("${claim.none | default(\"no one\")}", Some("no one")),
        ("${claim.none | default(\" x\")}", None),
    ];
    for (value, expected) in cases {
        let rule = format!("request: [{{set: {{name: x, value: '{value}'}}}}]");
        let became = sent(&rule, &[("x", b"spoofed")]).unwrap();
        let expected: Vec<String> = expected.iter().map(|value| format!("x: {value}")).collect();
        assert_eq!(became, expected, "{value}");
    }
}

/// A request's parameters are known to its response, a response's headers to the operations on it, as those before
/// left them.
#[test]
fn of_the_query_and_of_the_response() {
    let rule = r#"
request: [{set: {name: x-tenant, value: "${query.t}"}}, {query: {remove: t}}, {set: {name: x-none, value: "${query.t}"}}]
response:
- set: {name: x-tenant, value: "${query.u}"}
- set: {name: x-two, value: "${response.header.content-type}; ${response.header.x-tenant}"}
- set: {name: x-twice, value: "${response.header.twice}"}
- location: {with: "https://a.test/${response.header.evil}"}
"#;
    let rule: serde_json::Value = serde_yaml_ng::from_str(rule).unwrap();
    let rule = rule.to_string();
    let rule = rule.trim_matches(['{', '}']);
    let path = b"/a?t=a%20b&u=1";
    let sent = sent(rule, &[(":path", path), ("x-none", b"theirs")]);
    assert_eq!(
        sent,
        Ok(vec![":path: /a?u=1".to_owned(), "x-tenant: a b".to_owned()])
    );
    let answer = answered(
        rule,
        &[(":path", path)],
        &[
            (":status", b"302"),
            ("content-type", b"text/plain"),
            ("twice", b"1"),
            ("twice", b"2"),
            ("evil", b"../b?c"),
            ("location", b"/old"),
        ],
    );
    let expected = [
        ":status: 302",
        "content-type: text/plain",
        "evil: ../b?c",
        "location: https://a.test/..%2Fb%3Fc",
        "twice: 1",
        "twice: 2",
        "x-tenant: 1",
        "x-two: text/plain; 1",
    ];
    assert_eq!(answer, expected);
}

#[test]
fn a_response_is_not_known_before_it_is_there() {
    let yaml = r#"
rules:
- request: [{set: {name: a, value: "${response.header.x}"}}]
  request_trailers: [{set: {name: a, value: "${response.header.x}"}}]
  response_trailers: [{set: {name: a, value: "${response.header.x}"}}]
"#;
    let expected = ["request", "request_trailers", "response_trailers"].map(|list| {
        format!(
            "rules[0].{list}[0].set.value: what is in the response's headers is only known there \
             (use \"response.header\" under \"response\")"
        )
    });
    let refused = configure(yaml, &FakeHost::default()).err();
    let expected = format!("configuration refused:\n{}", expected.join("\n"));
    assert_eq!(refused, Some(expected));
}
