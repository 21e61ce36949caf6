//! Paths, queries and hosts: what is asked of the upstream, and what cannot be.

use super::*;

/// The target that goes on.
fn target(rule: &str, target: &[u8]) -> Result<String, String> {
    let lines = sent(rule, &[(":method", b"GET"), (":path", target)])?;
    let line = lines.iter().find_map(|line| line.strip_prefix(":path: "));
    Ok(line.unwrap_or("none").to_owned())
}

const USERS: &str = "match: {path: {template: '/v1/users/{id}'}}";
const FILES: &str = "match: {path: {template: '/files/{rest=**}'}}";

#[test]
fn paths() {
    let users = format!("{USERS}, request: [{{path: {{with: '/internal/${{path.id}}/x'}}}}]");
    let files = format!("{FILES}, request: [{{path: {{with: '/store/${{path.rest}}'}}}}]");
    let prefix = "request: [{path: {prefix: /v1/, with: /v2}}]".to_owned();
    let root = "request: [{path: {prefix: /api, with: /}}]".to_owned();
    let below = "request: [{path: {prefix: /, with: /api}}]".to_owned();
    let regex = r"request: [{path: {regex: '^/v([0-9]+)/(.*)$', with: '/$2/v$1'}}]".to_owned();
    let constant = "request: [{path: {with: /a%20b/}}]".to_owned();
    let method = "request: [{path: {with: '/${method | lower}/${consumer.name}'}}]".to_owned();
    let unsafe_path = Err("400 gatehouse.headers.path_unsafe");
    type Case<'a> = (&'a str, &'a [u8], Result<&'a str, &'a str>);
    let cases: [Case<'_>; 62] = [
        (&users, b"/v1/users/7", Ok("/internal/7/x")),
        (&users, b"/v1/users/7?a=b?c#d", Ok("/internal/7/x?a=b?c#d")),
        (&users, b"/v1/users/7?", Ok("/internal/7/x?")),
        (&users, b"/v1/users/a%20b", Ok("/internal/a%20b/x")),
        (
            &users,
            b"/v1/users/a%3Fb%23c%26d",
            Ok("/internal/a%3Fb%23c%26d/x"),
        ),
        (&users, b"/v1/users/%25", Ok("/internal/%25/x")),
        (
            &users,
            b"/v1/users/%252e%252e",
            Ok("/internal/%252e%252e/x"),
        ),
        (&users, b"/v1/users/...", Ok("/internal/.../x")),
        (&users, b"/v1/users/caf%C3%A9", Ok("/internal/caf%C3%A9/x")),
        (&users, b"//v1/users/7", Ok("/internal/7/x")),
        // What the normal form resolves is not what was captured.
        (&users, b"/v1/users/x/..", Ok("/v1/users/x/..")),
        (&users, b"/v1/users/a%2Fb", Ok("/v1/users/a%2Fb")),
        (&users, b"/v1/users/a%0d%0ab", unsafe_path),
        (&users, b"/v1/users/%00", unsafe_path),
        (&files, b"/files/a/b%20c/d", Ok("/store/a/b%20c/d")),
        (
            &files,
            b"/files/a%2F..%2F..%2Fb?x",
            Ok("/files/a%2F..%2F..%2Fb?x"),
        ),
        (&files, b"/files/a/b%3Fc", Ok("/store/a/b%3Fc")),
        (&files, b"/files/%252e%252e/x", Ok("/store/%252e%252e/x")),
        (&files, b"/files", Ok("/store/")),
        (&files, b"/files/", Ok("/store/")),
        (&files, b"/files/a%0Ab", unsafe_path),
        (&prefix, b"/v1/a", Ok("/v2/a")),
        (&prefix, b"/v1", Ok("/v2")),
        (&prefix, b"/v1/", Ok("/v2/")),
        (&prefix, b"/v1?a", Ok("/v2?a")),
        (&prefix, b"/v10/a", Ok("/v10/a")),
        (&prefix, b"/V1/a", Ok("/V1/a")),
        (&prefix, b"/x/v1/a", Ok("/x/v1/a")),
        (&prefix, b"/v1/a//b", Ok("/v2/a//b")),
        (&prefix, b"/v1/a%2Fb", Ok("/v2/a%2Fb")),
        (&prefix, b"/v1/\xc3\xa9", Ok("/v2/\u{e9}")),
        (&prefix, b"/v1/../admin", unsafe_path),
        (&prefix, b"/v1/a%2F..%2fadmin", unsafe_path),
        (&prefix, b"/v1/..%5cadmin", unsafe_path),
        (&prefix, b"/v1/a%2F.b%5c...", Ok("/v2/a%2F.b%5c...")),
        (&prefix, b"/v1/%2e%2E/admin", unsafe_path),
        (&prefix, b"/v1/.%2e;a/admin", unsafe_path),
        (&prefix, b"/v1/..\\admin", unsafe_path),
        (&prefix, b"/v1/a\\..", unsafe_path),
        (&prefix, b"*", Ok("*")),
        (
            &prefix,
            b"http://evil.test/v1/a",
            Ok("http://evil.test/v1/a"),
        ),
        (&root, b"/api/a", Ok("/a")),
        (&root, b"/api", Ok("/")),
        (&root, b"/api//evil.test/a", unsafe_path),
        (&root, b"/api/%2Fevil.test/a", unsafe_path),
        (&root, b"/api/%5cevil.test/a", unsafe_path),
        (&root, b"/api/;/evil.test/a", unsafe_path),
        (&root, b"/api/;a=1//evil.test/a", unsafe_path),
        (&root, b"/api/%3B/evil.test/a", unsafe_path),
        (&root, b"/api/", Ok("/")),
        (&root, b"/api/;a", Ok("/;a")),
        (&root, b"/api/a//evil.test", Ok("/a//evil.test")),
        (&root, b"/api/a%2F%2Fevil.test", Ok("/a%2F%2Fevil.test")),
        (&below, b"/a", Ok("/api/a")),
        (&below, b"/", Ok("/api/")),
        (&regex, b"/v3/a/b?c", Ok("/a/b/v3?c")),
        (&regex, b"/v3/", unsafe_path),
        (&regex, b"/v3/..", unsafe_path),
        (&regex, b"/x", Ok("/x")),
        (&constant, b"/x?y=%zz", Ok("/a%20b/?y=%zz")),
        (&constant, b"", Ok("")),
        (&method, b"/x", Ok("/get/acme")),
    ];
    for (rule, given, expected) in cases {
        let became = target(rule, given);
        let name = String::from_utf8_lossy(given);
        assert_eq!(
            became.as_deref().map_err(String::as_str),
            expected,
            "{rule} {name}"
        );
    }
}

#[test]
fn what_a_path_is_made_of() {
    type Case<'a> = (&'a str, Result<&'a str, &'a str>);
    let cases: [Case<'_>; 9] = [
        ("/${claim.email}", Ok("/a%40b.test")),
        ("/${claim.n}", Ok("/7")),
        ("/${claim.other}", Err("400 gatehouse.headers.path_missing")),
        ("/${claim.empty}", Err("400 gatehouse.headers.path_unsafe")),
        ("/${claim.other | default(\"x/y\")}", Ok("/x%2Fy")),
        ("/${claim.other | default(\"x/y\") | segments}", Ok("/x/y")),
        ("/${claim.crlf}", Err("400 gatehouse.headers.path_unsafe")),
        (
            "/a${claim.empty | segments}/${claim.spaced | trim}",
            Ok("/a/admin"),
        ),
        (
            "/${claim.most}${claim.n}",
            Err("400 gatehouse.headers.path_unsafe"),
        ),
    ];
    for (with, expected) in cases {
        let became = target(&format!("request: [{{path: {{with: '{with}'}}}}]"), b"/");
        assert_eq!(
            became.as_deref().map_err(String::as_str),
            expected,
            "{with}"
        );
    }
    // Dots that only come together in the value, and such as a server decodes before it takes segments apart.
    let dots = "request: [{path: {with: '/a/.${request.header.x}/b'}}]";
    for value in [&b"."[..], b"./x", b"./../..", b".\\x", b"/../x", b".;a"] {
        let became = sent(dots, &[(":path", b"/"), ("x", value)]);
        assert_eq!(became, Err("400 gatehouse.headers.path_unsafe".to_owned()));
    }
    let became = sent(dots, &[(":path", b"/"), ("x", b"..%2e")]).unwrap();
    assert_eq!(became[0], ":path: /a/...%252e/b");
}

#[test]
fn requests_without_a_path() {
    let rule = "request: [{path: {with: /a}}, {query: {set: {name: a, value: '1'}}}]";
    let connect: Pairs<'_> = &[(":method", b"CONNECT"), (":authority", b"a:1")];
    assert_eq!(
        sent(rule, connect).unwrap(),
        [":authority: a:1", ":method: CONNECT"]
    );
    let twice: Pairs<'_> = &[(":path", b"/a"), (":path", b"/b")];
    assert_eq!(sent(rule, twice).unwrap(), [":path: /a", ":path: /b"]);
}

#[test]
fn queries() {
    let set = "request: [{query: {set: {name: v, value: 'a b&c'}}}]";
    let cases: &[(&str, &[u8], &str)] = &[
        (set, b"/", "/?v=a%20b%26c"),
        (set, b"/?", "/?v=a%20b%26c"),
        (set, b"/?a=1", "/?a=1&v=a%20b%26c"),
        (set, b"/?v=1&a=%zz&%76=2&V=3&v", "/?a=%zz&V=3&v=a%20b%26c"),
        (set, b"/?a=1#v=1", "/?a=1&v=a%20b%26c#v=1"),
        (set, b"/#v", "/?v=a%20b%26c#v"),
        (set, b"*", "*"),
        (
            "request: [{query: {set: {name: v, value: '1', if: absent}}}]",
            b"/?%76",
            "/?%76",
        ),
        (
            "request: [{query: {set: {name: v, value: '1', if: absent}}}]",
            b"/?w",
            "/?w&v=1",
        ),
        (
            "request: [{query: {set: {name: v, value: '1', if: present}}}]",
            b"/?w",
            "/?w",
        ),
        (
            "request: [{query: {set: {name: v, value: '1', if: present}}}]",
            b"/?v&w",
            "/?w&v=1",
        ),
        (
            "request: [{query: {append: {name: 'a&b', value: ''}}}]",
            b"/?v=1",
            "/?v=1&a%26b=",
        ),
        (
            "request: [{query: {remove: v}}]",
            b"/?v=1&&a&v&b=v#f",
            "/?&a&b=v#f",
        ),
        ("request: [{query: {remove: v}}]", b"/a?v=1", "/a"),
        ("request: [{query: {remove: v}}]", b"/a?&&", "/a?&&"),
        (
            "request: [{query: {remove: {name: 'a b'}}}]",
            b"/?a%20b=1&a+b=2",
            "/?a+b=2",
        ),
        (
            "request: [{query: {remove: {prefix: utm_}}}]",
            b"/?utm_a=1&%75tm_b=2&x=utm_&utm=3",
            "/?x=utm_&utm=3",
        ),
        (
            "request: [{query: {rename: {from: a, to: 'b c'}}}]",
            b"/?b%20c=9&a=1=2&x&%61&a=%zz",
            "/?b%20c=1=2&x&b%20c&b%20c=%zz",
        ),
        (
            "request: [{query: {rename: {from: a, to: b}}}]",
            b"/?b=9",
            "/?b=9",
        ),
        (
            "request: [{query: {set: {name: e, value: '${claim.email}'}}}, {query: {append: {name: n, value: 'x${claim.n}'}}}]",
            b"/",
            "/?e=a%40b.test&n=x7",
        ),
        // What has no value, or none that can be sent, is removed, as a header would be.
        (
            "request: [{query: {set: {name: e, value: '${claim.other}'}}}]",
            b"/?e=admin&a=1",
            "/?a=1",
        ),
        (
            "request: [{query: {set: {name: e, value: '${claim.crlf}'}}}]",
            b"/?e=admin&a=1",
            "/?a=1",
        ),
        (
            "request: [{query: {append: {name: e, value: '${claim.nul}'}}}]",
            b"/?e=admin",
            "/?e=admin",
        ),
        (
            "request: [{query: {set: {name: e, value: '${claim.utf8}'}}}]",
            b"/",
            "/?e=%C3%A9%C4%8D",
        ),
    ];
    for (rule, given, expected) in cases {
        let name = String::from_utf8_lossy(given);
        assert_eq!(
            target(rule, given).as_deref(),
            Ok(*expected),
            "{rule} {name}"
        );
    }
}

#[test]
fn hosts() {
    type Case<'a> = (&'a str, &'a [u8], Result<&'a str, &'a str>);
    let refused = Err("400 gatehouse.headers.host_unsafe");
    let cases: [Case<'_>; 16] = [
        ("api.internal.test:8443", b"", Ok("api.internal.test:8443")),
        ("[2001:db8::1]:80", b"", Ok("[2001:db8::1]:80")),
        ("${path.id}.svc.test", b"", Ok("t-1.svc.test")),
        ("${request.header.x}", b"a.test:80", Ok("a.test:80")),
        ("${request.header.x}", b"a.test:", refused),
        ("${request.header.x}", b"user@a.test", refused),
        ("${request.header.x}", b"a.test/x", refused),
        ("${request.header.x}", b"a..test", refused),
        ("${request.header.x}", b"a,b", refused),
        ("${request.header.x}", b"", refused),
        ("${request.header.x}", b"a\xff", refused),
        ("${request.header.x}.svc.test", b"evil.test", refused),
        ("${request.header.x}.svc.test", b"evil.test:80#", refused),
        ("svc-${request.header.x}", b"a:80", refused),
        (
            "${request.header.y}",
            b"",
            Err("400 gatehouse.headers.host_missing"),
        ),
        (
            "${request.header.y | default(\"b\")}.test",
            b"",
            Ok("b.test"),
        ),
    ];
    for (with, value, expected) in cases {
        let rule = format!(
            "match: {{path: {{template: '/{{id}}'}}}}, request: [{{host: {{with: '{with}'}}}}]"
        );
        let headers: Pairs<'_> = &[(":path", b"/t-1"), (":authority", b"old"), ("x", value)];
        let became = sent(&rule, headers).map(|lines| lines[0].clone());
        let expected = expected
            .map(|host| format!(":authority: {host}"))
            .map_err(str::to_owned);
        assert_eq!(became, expected, "{with} {value:?}");
    }
}

/// The host is told only what is new: Envoy chooses the route again after each write.
#[test]
fn what_is_as_it_was_is_not_written() {
    let cases: [(&str, &str, usize); 12] = [
        ("path", "{path: {with: /a}}", 0),
        ("path changed", "{path: {with: /b}}", 1),
        ("prefix", "{path: {prefix: /b, with: /c}}", 0),
        ("regex", "{path: {regex: x, with: y}}", 0),
        ("host", "{host: {with: h}}", 0),
        ("host changed", "{host: {with: i}}", 1),
        ("query", "{query: {set: {name: q, value: '1'}}}", 0),
        ("query changed", "{query: {set: {name: q, value: '2'}}}", 1),
        ("no such parameter", "{query: {remove: x}}", 0),
        ("no such cookie", "{cookie: {remove: x}}", 0),
        ("dedupe of what is there once", "{dedupe: x}", 0),
        (
            "replace by the same",
            "{replace: {name: x, regex: '1', with: '1'}}",
            0,
        ),
    ];
    for (name, operation, writes) in cases {
        let host = FakeHost::default();
        let filter = configure(&format!("rules: [{{request: [{operation}]}}]"), &host).unwrap();
        host.begin([
            (":authority", &b"h"[..]),
            (":path", b"/a?q=1"),
            ("cookie", b"a=1"),
            ("x", b"1"),
        ]);
        assert_eq!(request(&filter, &host).0, Ok(Verdict::Continue), "{name}");
        // One snapshot, and what is written.
        assert_eq!(host.call_count(), 1 + writes, "{name}: {:?}", host.calls());
    }
}

#[test]
fn a_request_that_cannot_be_given_its_path() {
    let host = FakeHost::default();
    let rules = "rules: [{request: [{set: {name: x, value: '1'}}, {path: {with: '/${claim.none}'}}, \
                 {set: {name: y, value: '1'}}], response: [{set: {name: z, value: '1'}}]}]";
    let filter = configure(rules, &host).unwrap();
    host.begin([(":path", &b"/a"[..])]);
    let (verdict, pending) = request(&filter, &host);
    let Ok(Verdict::Deny(reply)) = verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!(
        (reply.status, reply.grpc_status, reply.details.as_str()),
        (400, Some(3), "gatehouse.headers.path_missing")
    );
    assert_eq!((reply.headers.len(), reply.body.len()), (0, 0));
    // Its answer is a response too.
    host.respond([(":status", &b"400"[..])]);
    response(&filter, &host, pending).unwrap();
    assert_eq!(lines(host.response_headers()), [":status: 400", "z: 1"]);
    assert_eq!(
        host.counters(),
        [("gatehouse.headers.denied_requests".to_owned(), 1)].into()
    );

    let report = configure(&format!("{{mode: report, {rules}}}"), &host).unwrap();
    host.begin([(":path", &b"/a"[..])]);
    assert_eq!(request(&report, &host).0, Ok(Verdict::Continue));
    assert_eq!(lines(host.request_headers()), [":path: /a"]);
    assert_eq!(host.counters()["gatehouse.headers.would_deny_requests"], 1);
}

/// The page that asked can read that it was refused, and conditions on the request still hold.
#[test]
fn the_answer_to_a_request_that_was_denied() {
    let host = FakeHost::default();
    let rules = "rules: [{cors: {origins: ['https://a.test']}, request: [{host: {with: '${claim.none}'}}], \
                 response: [{when: {request: {methods: [PUT]}}, set: {name: x, value: '1'}}]}]";
    let filter = configure(rules, &host).unwrap();
    host.begin([
        (":method", &b"PUT"[..]),
        (":authority", b"b.test"),
        ("origin", b"https://a.test"),
    ]);
    let (verdict, pending) = request(&filter, &host);
    assert!(matches!(verdict, Ok(Verdict::Deny(_))), "{verdict:?}");
    response(&filter, &host, pending).unwrap();
    assert_eq!(
        lines(host.response_headers()),
        [
            "access-control-allow-origin: https://a.test",
            "vary: origin",
            "x: 1"
        ]
    );
}
