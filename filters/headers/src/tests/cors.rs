//! Which pages of other origins may read responses.

use super::*;
use gatehouse_host::LocalReply;

const APP: &str = "cors: {origins: ['https://app.example.com', 'https://*.shop.test:8443', 'capacitor://localhost'], \
                   methods: [GET, PUT], headers: [content-type, X-Tenant], expose: [X-Id], credentials: true, max_age: 10m}";
const ANY: &str = "cors: {origins: ['*'], headers: ['*']}";

/// The answer to a preflight; nothing where it goes on.
fn preflight(cors: &str, headers: Pairs<'_>) -> Option<LocalReply> {
    let host = FakeHost::default();
    let filter = configure(&format!("rules: [{{{cors}}}]"), &host).unwrap();
    host.begin(headers.iter().copied());
    match request(&filter, &host).0.unwrap() {
        Verdict::Continue => None,
        Verdict::Deny(reply) => Some(reply),
        other => panic!("{other:?}"),
    }
}

fn texts(reply: &LocalReply) -> Vec<String> {
    let text =
        |(name, value): &(String, Vec<u8>)| format!("{name}: {}", String::from_utf8_lossy(value));
    reply.headers.iter().map(text).collect()
}

const VARY: &str = "vary: origin, access-control-request-method, access-control-request-headers";

#[test]
fn preflights() {
    let of = |origin: &'static [u8]| {
        [
            (":method", &b"OPTIONS"[..]),
            (":path", b"/a"),
            ("origin", origin),
            ("access-control-request-method", b"PUT"),
        ]
    };
    let reply = preflight(APP, &of(b"https://app.example.com")).unwrap();
    assert_eq!(
        (reply.status, reply.details.as_str(), reply.body.len()),
        (204, "gatehouse.headers.cors_preflight", 0)
    );
    assert_eq!(
        texts(&reply),
        [
            VARY,
            "access-control-allow-origin: https://app.example.com",
            "access-control-allow-credentials: true",
            "access-control-allow-methods: GET, PUT",
            "access-control-allow-headers: content-type, x-tenant",
            "access-control-max-age: 600",
        ]
    );
    let reply = preflight(APP, &of(b"https://evil.test")).unwrap();
    assert_eq!(
        (reply.status, reply.details.as_str()),
        (403, "gatehouse.headers.cors_origin")
    );
    assert_eq!(texts(&reply), [VARY]);

    let reply = preflight(ANY, &of(b"https://evil.test")).unwrap();
    assert_eq!(
        texts(&reply),
        [
            VARY,
            "access-control-allow-origin: *",
            "access-control-allow-methods: GET, HEAD, POST",
            "access-control-allow-headers: *",
        ]
    );

    // These are no preflights.
    let mut get = of(b"https://app.example.com");
    get[0].1 = b"GET";
    assert_eq!(preflight(APP, &get), None);
    assert_eq!(preflight(APP, &of(b"https://app.example.com")[..3]), None);
    assert_eq!(
        preflight(
            APP,
            &[
                (":method", b"OPTIONS"),
                ("access-control-request-method", b"PUT")
            ]
        ),
        None
    );
}

#[test]
fn origins() {
    let cases: [(&[u8], bool); 32] = [
        (b"https://app.example.com", true),
        (b"HTTPS://APP.example.com", true),
        (b"https://a.shop.test:8443", true),
        (b"https://a.b.shop.test:8443", true),
        (b"capacitor://localhost", true),
        (b"http://app.example.com", false),
        (b"https://app.example.com:443", false),
        (b"https://app.example.com:8443", false),
        (b"https://app.example.com.", false),
        (b"https://app.example.com/", false),
        (b"https://app.example.com.evil.test", false),
        (b"https://evilapp.example.com", false),
        (b"https://evil.test/https://app.example.com", false),
        (b"https://app.example.com@evil.test", false),
        (b"https://example.com", false),
        (b"https://shop.test:8443", false),
        (b"https://.shop.test:8443", false),
        (b"https://evilshop.test:8443", false),
        (b"https://a.shop.test", false),
        (b"https://a.shop.test:8444", false),
        (b"http://a.shop.test:8443", false),
        (b"https://evil.test/.shop.test:8443", false),
        (b"https://evil.test#.shop.test:8443", false),
        (b"https://evil.test:80.shop.test:8443", false),
        (b"https://evil.test?a.shop.test:8443", false),
        (b"https://user@a.shop.test:8443", false),
        (b"https://a..shop.test:8443", false),
        (b"https://\xff.shop.test:8443", false),
        (b"null", false),
        (b"", false),
        (b"*", false),
        (b"https://app.example.com, https://evil.test", false),
    ];
    for (origin, allowed) in cases {
        let rule = format!("{APP}, request: []");
        let became = answered(&rule, &[("origin", origin)], &[]);
        let name = String::from_utf8_lossy(origin);
        let expected = match allowed {
            true => vec![
                "access-control-allow-credentials: true".to_owned(),
                format!("access-control-allow-origin: {name}"),
                "access-control-expose-headers: x-id".to_owned(),
                "vary: origin".to_owned(),
            ],
            false => vec!["vary: origin".to_owned()],
        };
        assert_eq!(became, expected, "{name}");
    }
    // Several lines, even the same, and none.
    let twice: Pairs<'_> = &[
        ("origin", b"https://app.example.com"),
        ("origin", b"https://app.example.com"),
    ];
    assert_eq!(answered(APP, twice, &[]), ["vary: origin"]);
    assert_eq!(answered(APP, &[], &[]), ["vary: origin"]);
}

#[test]
fn what_the_upstream_allows_does_not_count() {
    let upstream: Pairs<'_> = &[
        ("access-control-allow-origin", b"https://evil.test"),
        ("access-control-allow-credentials", b"true"),
        ("access-control-expose-headers", b"x-secret"),
        ("access-control-allow-private-network", b"true"),
        ("vary", b"accept-encoding"),
        ("x", b"1"),
    ];
    let evil: Pairs<'_> = &[("origin", b"https://evil.test")];
    assert_eq!(
        answered(APP, evil, upstream),
        ["vary: accept-encoding,origin", "x: 1"]
    );
    assert_eq!(
        answered(ANY, evil, upstream),
        [
            "access-control-allow-origin: *",
            "vary: accept-encoding",
            "x: 1"
        ]
    );
    // Operations of the rule come after it.
    let rule = format!("{APP}, response: [{{remove: vary}}]");
    assert_eq!(answered(&rule, evil, &[]), [""; 0]);
}

/// A cache may keep the response to a request without an origin, and give it to a page.
#[test]
fn any_origin_gets_the_same_response() {
    let any = "cors: {origins: ['*'], expose: [X-Id]}";
    let cases: [(&str, Pairs<'_>); 5] = [
        ("none", &[]),
        ("one", &[("origin", b"https://a.test")]),
        ("null", &[("origin", b"null")]),
        (
            "several",
            &[("origin", b"https://a.test"), ("origin", b"https://b.test")],
        ),
        (
            "a preflight's method without an origin",
            &[
                (":method", b"OPTIONS"),
                ("access-control-request-method", b"PUT"),
            ],
        ),
    ];
    for (name, headers) in cases {
        assert_eq!(
            answered(any, headers, &[("access-control-allow-origin", b"x")]),
            [
                "access-control-allow-origin: *",
                "access-control-expose-headers: x-id"
            ],
            "{name}"
        );
    }
    // A preflight of several origins is refused, and stays so in the response phase.
    let headers: Pairs<'_> = &[
        (":method", b"OPTIONS"),
        ("origin", b"https://a.test"),
        ("origin", b"https://b.test"),
        ("access-control-request-method", b"PUT"),
    ];
    let host = FakeHost::default();
    let filter = configure(&format!("rules: [{{{any}}}]"), &host).unwrap();
    host.begin(headers.iter().copied());
    let (verdict, pending) = request(&filter, &host);
    let Ok(Verdict::Deny(reply)) = verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!((reply.status, texts(&reply)), (403, vec![VARY.to_owned()]));
    let vary = VARY.strip_prefix("vary: ").unwrap();
    host.respond([("vary", vary.as_bytes())]);
    response(&filter, &host, pending).unwrap();
    assert_eq!(lines(host.response_headers()), [VARY]);
}

#[test]
fn vary_says_origin_once() {
    for given in ["origin", "accept, Origin", "*", "accept,origin ,x"] {
        let became = answered(APP, &[], &[("vary", given.as_bytes())]);
        assert_eq!(became, [format!("vary: {given}")]);
    }
    let became = answered(APP, &[], &[("vary", b"x-origin")]);
    assert_eq!(became, ["vary: x-origin,origin"]);
    // Operations that read it see what Envoy has made of it.
    let copied =
        format!("{APP}, response: [{{set: {{name: x, value: '${{response.header.vary}}'}}}}]");
    let became = answered(&copied, &[], &[("vary", b"accept")]);
    assert_eq!(became, ["vary: accept,origin", "x: accept,origin"]);
}

/// The answer to a preflight passes the response phase of the filter that gave it.
#[test]
fn an_answered_preflight_keeps_its_headers() {
    let host = FakeHost::default();
    let filter = configure(
        &format!("rules: [{{{APP}, request: [{{remove: x}}], response: [{{set: {{name: y, value: '1'}}}}]}}]"),
        &host,
    )
    .unwrap();
    host.begin([
        (":method", &b"OPTIONS"[..]),
        ("origin", b"https://app.example.com"),
        ("access-control-request-method", b"PUT"),
    ]);
    let (verdict, pending) = request(&filter, &host);
    let Ok(Verdict::Deny(reply)) = verdict else {
        panic!("{verdict:?}")
    };
    host.respond(
        reply
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), &**value)),
    );
    response(&filter, &host, pending).unwrap();
    let mut expected = texts(&reply);
    expected.push("y: 1".to_owned());
    expected.sort();
    assert_eq!(lines(host.response_headers()), expected);
    assert_eq!(
        host.counters(),
        [("gatehouse.headers.cors_preflights".to_owned(), 1)].into()
    );
}

#[test]
fn report_mode_answers_nothing() {
    let host = FakeHost::default();
    let filter = configure(&format!("{{mode: report, rules: [{{{APP}}}]}}"), &host).unwrap();
    host.begin([
        (":method", &b"OPTIONS"[..]),
        ("origin", b"https://evil.test"),
        ("access-control-request-method", b"PUT"),
    ]);
    let (verdict, pending) = request(&filter, &host);
    assert_eq!(verdict, Ok(Verdict::Continue));
    host.respond([("access-control-allow-origin", &b"*"[..])]);
    response(&filter, &host, pending).unwrap();
    assert_eq!(
        lines(host.response_headers()),
        ["access-control-allow-origin: *"]
    );
    let counters = host.counters();
    assert_eq!(counters["gatehouse.headers.cors_preflights"], 1);
    assert_eq!(counters["gatehouse.headers.cors_refused_preflights"], 1);
}
