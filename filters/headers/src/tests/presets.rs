//! What presets do.

use super::*;

#[test]
fn strip_internal() {
    let given: Pairs<'_> = &[
        (":path", b"/"),
        ("x-internal-user", b"root"),
        ("x-original-url", b"/admin"),
        ("x-rewrite-url", b"/admin"),
        ("x-http-method-override", b"DELETE"),
        ("x-forwarded-host", b"evil"),
        ("x-real-ip", b"127.0.0.1"),
        ("true-client-ip", b"127.0.0.1"),
        ("x-powered-by", b"php"),
        ("server", b"apache"),
        ("x-forwarded-for", b"10.0.0.1"),
        ("x-request-id", b"1"),
        ("accept", b"*/*"),
    ];
    let left = [
        ":path: /",
        "accept: */*",
        "x-forwarded-for: 10.0.0.1",
        "x-request-id: 1",
    ];
    let preset = "[{preset: strip_internal}]";
    assert_eq!(sent(&format!("request: {preset}"), given).unwrap(), left);
    assert_eq!(answered(&format!("response: {preset}"), &[], given), left);
}

#[test]
fn security_headers() {
    let defaults = [
        "content-security-policy: frame-ancestors 'none'",
        "cross-origin-opener-policy: same-origin",
        "cross-origin-resource-policy: same-origin",
        "permissions-policy: camera=(), geolocation=(), microphone=()",
        "referrer-policy: strict-origin-when-cross-origin",
        "strict-transport-security: max-age=31536000; includeSubDomains",
        "x-content-type-options: nosniff",
        "x-frame-options: DENY",
    ];
    let rule = "response: [{preset: security_headers}]";
    assert_eq!(answered(rule, &[], &[]), defaults);
    assert_eq!(
        answered("response: [{preset: {security_headers: {}}}]", &[], &[]),
        defaults
    );

    // What the upstream says stays, unless told otherwise.
    let own: Pairs<'_> = &[("x-frame-options", b"SAMEORIGIN")];
    let became = answered(rule, &[], own);
    assert!(became.contains(&"x-frame-options: SAMEORIGIN".to_owned()));
    let became = answered(
        "response: [{preset: {security_headers: {if: always}}}]",
        &[],
        own,
    );
    assert_eq!(became, defaults);

    let some = "response: [{preset: {security_headers: {strict_transport_security: max-age=60, \
                content_security_policy: \"default-src $x\", x_frame_options: false, permissions_policy: false, \
                cross_origin_opener_policy: false, cross_origin_resource_policy: false, referrer_policy: false}}}]";
    assert_eq!(
        answered(some, &[], &[]),
        [
            "content-security-policy: default-src $x",
            "strict-transport-security: max-age=60",
            "x-content-type-options: nosniff",
        ]
    );
    // With a condition, it is one for each of them.
    let html = "response: [{when: {headers: [{name: content-type, prefix: text/html}]}, preset: security_headers}]";
    assert_eq!(
        answered(html, &[], &[("content-type", b"text/plain")]).len(),
        1
    );
    assert_eq!(
        answered(html, &[], &[("content-type", b"text/html; charset=utf-8")]).len(),
        9
    );
}

const TRACE: &[u8] = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn trace_contexts_that_are_good_stay() {
    // W3C Trace Context, 3.2 and its test suite.
    let good: [&[u8]; 5] = [
        TRACE,
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff",
        b"cc-12345678901234567890123456789012-1234567890123456-01",
        b"cc-12345678901234567890123456789012-1234567890123456-01-what-the-future-will-be-like",
    ];
    for value in good {
        let given: Pairs<'_> = &[("traceparent", value), ("tracestate", b"a=1")];
        let became = sent("request: [{preset: trace_context}]", given).unwrap();
        let value = String::from_utf8_lossy(value);
        assert_eq!(
            became,
            [
                format!("traceparent: {value}"),
                "tracestate: a=1".to_owned()
            ]
        );
    }
}

#[test]
fn trace_contexts_that_are_not_good_are_made_anew() {
    let ours = "traceparent: 00-58c0cbc730205a506c88b470a8fd8a42-8b5b2d4d0c40ab2b-";
    let bad: [&[&[u8]]; 17] = [
        &[],
        &[TRACE, TRACE],
        &[b""],
        &[b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-"],
        &[b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x"],
        &[b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1"],
        &[b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"],
        &[b"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"],
        &[b"00-00000000000000000000000000000000-00f067aa0ba902b7-01"],
        &[b"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"],
        &[b"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
        &[b"0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
        &[b"00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01"],
        &[b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b-01"],
        &[b"cc-12345678901234567890123456789012-1234567890123456-01.what"],
        &[b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902bg-01"],
        &[b"00-\xff"],
    ];
    for values in bad {
        let mut given: Vec<(&str, &[u8])> = vec![("tracestate", b"a=1")];
        given.extend(values.iter().map(|value| ("traceparent", *value)));
        let became = sent("request: [{preset: trace_context}]", &given).unwrap();
        let [line] = became.as_slice() else {
            panic!("{became:?}")
        };
        assert_eq!(line.len(), ours.len() + 2, "{line}");
        assert!(
            line.starts_with("traceparent: 00-") && line.ends_with("-01"),
            "{line}"
        );
        assert_ne!(line.as_bytes().get(13..), Some(TRACE));
        // It is a good one itself.
        let value = line.strip_prefix("traceparent: ").unwrap();
        let again = sent(
            "request: [{preset: trace_context}]",
            &[("traceparent", value.as_bytes())],
        );
        assert_eq!(again.as_ref(), Ok(&became));
    }
    let became = sent(
        "request: [{preset: {trace_context: {sampled: false}}}]",
        &[],
    )
    .unwrap();
    assert!(became[0].ends_with("-00"), "{became:?}");
}

#[test]
fn request_ids() {
    let made = "58c0cbc7-3020-4a50-ab6c-88b470a8fd8a";
    let long = "a".repeat(129);
    let keeps = "request: [{preset: request_id}]";
    let cases: [(&str, &[u8], &str); 9] = [
        (keeps, b"3f2a", "3f2a"),
        (
            keeps,
            b"01ARZ3NDEKTSV4RRFFQ69G5FAV:a/b+c=~._-",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV:a/b+c=~._-",
        ),
        (keeps, b"", made),
        (keeps, b"a b", made),
        (keeps, b"a\"b", made),
        (keeps, b"${jndi:ldap://evil}", made),
        (keeps, b"\xff", made),
        (keeps, long.as_bytes(), made),
        (
            "request: [{preset: {request_id: {if: always}}}]",
            b"3f2a",
            made,
        ),
    ];
    for (rule, given, expected) in cases {
        let became = sent(rule, &[("x-request-id", given)]).unwrap();
        assert_eq!(became, [format!("x-request-id: {expected}")]);
    }
    let twice: Pairs<'_> = &[("x-request-id", b"1"), ("x-request-id", b"2")];
    assert_eq!(
        sent(keeps, twice).unwrap(),
        [format!("x-request-id: {made}")]
    );
    assert_eq!(
        sent("request: [{preset: {request_id: {header: X-Id}}}]", &[]).unwrap(),
        [format!("x-id: {made}")]
    );
    assert_eq!(
        sent("request: [{preset: {request_id: {version: v7}}}]", &[]).unwrap(),
        ["x-request-id: 019b76da-a800-7a50-ab6c-88b470a8fd8a"]
    );
    assert_eq!(
        sent("request: [{preset: {request_id: {if: present}}}]", &[]).unwrap(),
        [""; 0]
    );
}
