//! Cookies, as requests bring them and as responses set them.

use super::*;

/// The `cookie` lines that go on.
fn cookies(operation: &str, given: &[&[u8]]) -> Vec<String> {
    let headers: Vec<(&str, &[u8])> = given.iter().map(|line| ("cookie", *line)).collect();
    let lines = sent(&format!("request: [{{cookie: {operation}}}]"), &headers).unwrap();
    let lines = lines.into_iter();
    lines
        .map(|line| line.strip_prefix("cookie: ").unwrap().to_owned())
        .collect()
}

#[test]
fn of_requests() {
    type Case<'a> = (&'a str, &'a str, &'a [&'a [u8]], &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        ("remove", "{remove: s}", &[b"a=1; s=2; b=3"], &["a=1; b=3"]),
        (
            "remove all of a name",
            "{remove: {name: s}}",
            &[b"s=1;s=2; b=3 ;s"],
            &["b=3"],
        ),
        ("remove the last", "{remove: s}", &[b"s=1"], &[]),
        (
            "remove nothing",
            "{remove: s}",
            &[b" a=1 ;S=2; ss=3; xs=4;; "],
            &[" a=1 ;S=2; ss=3; xs=4;; "],
        ),
        (
            "remove from all lines",
            "{remove: s}",
            &[b"a=1; s=2", b"s=3", b"b=4"],
            &["a=1", "b=4"],
        ),
        (
            "white space around the name",
            "{remove: s}",
            &[b"a=1;\t s \t= 2"],
            &["a=1"],
        ),
        (
            "quotes mean nothing",
            "{remove: s}",
            &[b"a=\"x; s=2; y\"; b=3"],
            &["a=\"x; y\"; b=3"],
        ),
        (
            "a quote that is not closed",
            "{remove: s}",
            &[b"a=\"; s=2"],
            &["a=\""],
        ),
        (
            "a value with equals signs",
            "{remove: s}",
            &[b"s=a=b; a=s=1"],
            &["a=s=1"],
        ),
        (
            "not UTF-8",
            "{remove: s}",
            &[b"a=\xff; s=\xfe"],
            &["a=\u{fffd}"],
        ),
        (
            "by prefix",
            "{remove: {prefix: _ga}}",
            &[b"_ga=1; _gat_x=2; ga=3"],
            &["ga=3"],
        ),
        (
            "set where none is",
            "{set: {name: s, value: new}}",
            &[],
            &["s=new"],
        ),
        (
            "set replaces all",
            "{set: {name: s, value: new}}",
            &[b"s=1; a=2; s=3"],
            &["a=2; s=new"],
        ),
        (
            "set in several lines",
            "{set: {name: s, value: new}}",
            &[b"s=1", b"a=2;"],
            &["a=2; s=new"],
        ),
        (
            "set if absent",
            "{set: {name: s, value: new, if: absent}}",
            &[b"a=2"],
            &["a=2; s=new"],
        ),
        (
            "set if absent, and it is not",
            "{set: {name: s, value: new, if: absent}}",
            &[b"a=2;s"],
            &["a=2;s"],
        ),
        (
            "set if present",
            "{set: {name: s, value: new, if: present}}",
            &[b"s=2"],
            &["s=new"],
        ),
        (
            "set if present, and it is not",
            "{set: {name: s, value: new, if: present}}",
            &[b"a=2"],
            &["a=2"],
        ),
        (
            "what is no cookie-octet",
            "{set: {name: s, value: 'a b;c=\"d\",%'}}",
            &[],
            &["s=a%20b%3Bc=%22d%22%2C%25"],
        ),
        (
            "a claim",
            "{set: {name: s, value: 'u:${claim.utf8}'}}",
            &[],
            &["s=u:%C3%A9%C4%8D"],
        ),
        (
            "a claim that is not there",
            "{set: {name: s, value: '${claim.other}'}}",
            &[b"s=admin; a=1"],
            &["a=1"],
        ),
        (
            "a claim with line ends",
            "{set: {name: s, value: '${claim.crlf}'}}",
            &[b"s=admin"],
            &[],
        ),
        (
            "a claim with a NUL",
            "{set: {name: s, value: '${claim.nul}'}}",
            &[b"s=admin; a=1"],
            &["a=1"],
        ),
    ];
    for (name, operation, given, expected) in cases {
        assert_eq!(cookies(operation, given), *expected, "{name}");
    }
}

#[test]
fn nobody_sets_a_second_cookie() {
    let rule = "request: [{cookie: {set: {name: s, value: '${request.header.x}'}}}]";
    for value in ["1; admin=1", "1;admin=1", "1, admin=1", "1\"; admin=1"] {
        let became = sent(rule, &[("x", value.as_bytes())]).unwrap();
        let cookie = became[0].strip_prefix("cookie: ").unwrap();
        assert!(!cookie.contains([';', ',', '"', ' ']), "{cookie}");
        assert_eq!(became.len(), 2, "{became:?}");
    }
}

/// The `set-cookie` lines that the client gets.
fn set_cookies(operation: &str, given: &[&[u8]]) -> Vec<String> {
    let headers: Vec<(&str, &[u8])> = given.iter().map(|line| ("set-cookie", *line)).collect();
    let rule = format!("response: [{{cookie: {operation}}}]");
    let lines = answered(&rule, &[], &headers).into_iter();
    lines
        .map(|line| line.strip_prefix("set-cookie: ").unwrap().to_owned())
        .collect()
}

#[test]
fn of_responses() {
    let safe = "{name: s, secure: true, http_only: true, same_site: lax}";
    type Case<'a> = (&'a str, &'a str, &'a [&'a [u8]], &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        (
            "attributes",
            safe,
            &[b"s=1"],
            &["s=1; Secure; HttpOnly; SameSite=Lax"],
        ),
        (
            "those that are there",
            safe,
            &[b"s=1; secure; SAMESITE=None;HttpOnly; Path=/"],
            &["s=1; secure;HttpOnly; Path=/; SameSite=Lax"],
        ),
        (
            "another cookie",
            safe,
            &[b"t=s=1; Path=/", b"S=1"],
            &["t=s=1; Path=/", "S=1"],
        ),
        (
            "several",
            safe,
            &[b"t=1", b"s=1", b"s=2; Secure"],
            &[
                "t=1",
                "s=1; SameSite=Lax; Secure; HttpOnly",
                "s=2; Secure; SameSite=Lax; HttpOnly",
            ],
        ),
        (
            "flags taken away",
            "{name: s, secure: false, http_only: false}",
            &[b"s=1; Secure; httponly; Path=/"],
            &["s=1; Path=/"],
        ),
        (
            "all cookies",
            "{http_only: true}",
            &[b"s=1", b"t"],
            &["s=1; HttpOnly", "t; HttpOnly"],
        ),
        (
            "by prefix",
            "{prefix: s, http_only: true}",
            &[b"s1=1", b"ts=1"],
            &["s1=1; HttpOnly", "ts=1"],
        ),
        (
            "without a name",
            safe,
            &[b"=1", b"s", b"", b";s=1"],
            &["=1", "s", "", ";s=1"],
        ),
        (
            "white space around the name",
            safe,
            &[b" s =1"],
            &[" s =1; SameSite=Lax; Secure; HttpOnly"],
        ),
        (
            "a value with quotes",
            safe,
            &[b"s=\"a; Secure=\"; Path=/"],
            &["s=\"a; Secure=\"; Path=/; SameSite=Lax; HttpOnly"],
        ),
        (
            "not UTF-8",
            "{name: s, secure: true}",
            &[b"s=\xff"],
            &["s=\u{fffd}; Secure"],
        ),
        (
            "same_site: none",
            "{name: s, secure: true, same_site: none, partitioned: true}",
            &[b"s=1"],
            &["s=1; SameSite=None; Secure; Partitioned"],
        ),
        (
            "if absent",
            "{name: s, same_site: strict, path: /, if: absent}",
            &[b"s=1; SameSite=None", b"s=2"],
            &["s=1; SameSite=None; Path=/", "s=2; Path=/; SameSite=Strict"],
        ),
        (
            "domain and path",
            "{name: s, domain: .Example.com, path: /app}",
            &[b"s=1; Domain=x; Domain=y; path=/z"],
            &["s=1; Domain=example.com; Path=/app"],
        ),
        (
            "not for a cookie of the host",
            "{domain: example.com, path: /app, secure: true}",
            &[b"__Host-s=1; Path=/; Secure"],
            &["__Host-s=1; Path=/; Secure"],
        ),
        (
            "not for a cookie of the host, from and to",
            "{domain: {from: a.test, to: b.test}, path: {from: /, to: /app}}",
            &[
                b"__Host-s=1; Path=/; Secure",
                b"__host-s=2;path=/;secure",
                b"__Host-s=3; Domain=a.test; Path=/",
                b"__Hosts=4; Path=/",
            ],
            &[
                "__Host-s=1; Path=/; Secure",
                "__host-s=2;path=/;secure",
                "__Host-s=3; Domain=a.test; Path=/",
                "__Hosts=4; Path=/app/",
            ],
        ),
        (
            "a cookie of the host keeps its path",
            "{remove: [path, domain, same_site]}",
            &[b" __Host-s=1; Domain=a; Path=/; Secure; SameSite=Lax"],
            &[" __Host-s=1; Path=/; Secure"],
        ),
        (
            "what must be secure stays so",
            "{secure: false, http_only: false}",
            &[
                b"__Host-s=1; Path=/; Secure; HttpOnly",
                b"__SECURE-s=2; Secure; HttpOnly",
                b"__Secures=3; Secure",
            ],
            &[
                "__Host-s=1; Path=/; Secure",
                "__SECURE-s=2; Secure",
                "__Secures=3",
            ],
        ),
        (
            "how long",
            "{name: s, max_age: 1h}",
            &[b"s=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=1"],
            &["s=1; Max-Age=3600"],
        ),
        (
            "how long, if not said",
            "{name: s, max_age: 1h, if: absent}",
            &[b"s=1; Expires=x", b"s=2"],
            &["s=1; Expires=x", "s=2; Max-Age=3600"],
        ),
        (
            "removed",
            "{name: s, remove: [domain, expires, max_age, path, same_site]}",
            &[b"s=1; Domain=a; Expires=b; max-age=c; Path=d; SameSite=e; X"],
            &["s=1; X"],
        ),
        (
            "another domain",
            "{domain: {from: internal.test, to: example.com}}",
            &[
                b"s=1; Domain=.INTERNAL.test",
                b"s=2; domain=a.internal.test",
                b"s=3; Domain=internal.test.evil",
                b"s=4",
            ],
            &[
                "s=1; Domain=example.com",
                "s=2; domain=a.internal.test",
                "s=3; Domain=internal.test.evil",
                "s=4",
            ],
        ),
        (
            "another path",
            "{path: {from: /app, to: /}}",
            &[
                b"s=1; Path=/app/x",
                b"s=2; Path=/app",
                b"s=3; Path=/apple",
                b"s=4",
            ],
            &["s=1; Path=/x", "s=2; Path=/", "s=3; Path=/apple", "s=4"],
        ),
    ];
    for (name, operation, given, expected) in cases {
        let became = set_cookies(operation, given);
        // The order of attributes that are added says nothing, but the test is exact.
        let sorted = |line: &String| {
            let mut parts: Vec<&str> = line.split(';').map(str::trim).collect();
            if let Some(attributes) = parts.get_mut(1..) {
                attributes.sort_unstable();
            }
            parts.join("; ")
        };
        let became: Vec<String> = became.iter().map(sorted).collect();
        let expected: Vec<String> = expected
            .iter()
            .map(|line| sorted(&(*line).to_owned()))
            .collect();
        assert_eq!(became, expected, "{name}");
    }
}

#[test]
fn what_stays_is_not_written() {
    let host = FakeHost::default();
    let rule = "rules: [{response: [{cookie: {name: s, secure: true}}]}]";
    let filter = configure(rule, &host).unwrap();
    host.begin([]);
    host.respond([("set-cookie", &b"s=1; Secure"[..]), ("set-cookie", b"t=1")]);
    let (_, pending) = request(&filter, &host);
    response(&filter, &host, pending).unwrap();
    assert_eq!(host.call_count(), 1, "{:?}", host.calls());
}
