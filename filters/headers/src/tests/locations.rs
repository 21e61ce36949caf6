//! Where responses lead to.

use super::*;

fn location(operation: &str, given: Option<&[u8]>) -> Option<String> {
    let headers: Vec<(&str, &[u8])> = given.iter().map(|given| ("location", *given)).collect();
    let request: Pairs<'_> = &[
        (":path", b"/a?b"),
        (":authority", b"www.test:8443"),
        ("x", b"//evil.test/\\"),
        ("next", b"evil.test"),
    ];
    let rule = format!("response: [{{location: {operation}}}]");
    let lines = answered(&rule, request, &headers);
    let line = lines.first()?.strip_prefix("location: ");
    line.map(str::to_owned)
}

#[test]
fn rewritten() {
    let host =
        "{hosts: ['internal.test', '*.svc.test:8080', '[2001:db8::1]'], host: www.example.com}";
    let all = "{hosts: [internal.test], scheme: https, host: 'www.example.com:8443', path: {from: /app, to: /}}";
    let below = "{hosts: ['*.svc.test', internal.test], host: www.example.com}";
    let ports = "{hosts: ['INTERNAL.test:80', '*.svc.test:443', '[2001:DB8::2]:8443'], host: www.example.com}";
    let to_http = "{hosts: [internal.test], scheme: http}";
    let cases: &[(&str, &[u8], &str)] = &[
        (
            host,
            b"http://internal.test/a?b#c",
            "http://www.example.com/a?b#c",
        ),
        (
            host,
            b"https://INTERNAL.test:8080/a",
            "https://www.example.com/a",
        ),
        (host, b"HTTP://internal.test./", "HTTP://www.example.com/"),
        (host, b"http://internal.test", "http://www.example.com"),
        (host, b"http://internal.test?a", "http://www.example.com?a"),
        (host, b"//internal.test/a", "//www.example.com/a"),
        (host, b"http://a.svc.test:8080/", "http://www.example.com/"),
        (
            host,
            b"http://a.b.svc.test:8080/",
            "http://www.example.com/",
        ),
        (host, b"http://[2001:db8::1]:80/", "http://www.example.com/"),
        (host, b"http://[2001:DB8:0::1]/", "http://www.example.com/"),
        (host, b"http://A.svc.test:08080/", "http://www.example.com/"),
        (ports, b"http://internal.test/a", "http://www.example.com/a"),
        (
            ports,
            b"HTTP://internal.test:/a",
            "HTTP://www.example.com/a",
        ),
        (
            ports,
            b"http://internal.test:80/",
            "http://www.example.com/",
        ),
        (ports, b"//internal.test/", "//www.example.com/"),
        (ports, b"https://a.svc.test/", "https://www.example.com/"),
        (ports, b"HTTPS://a.svc.test./", "HTTPS://www.example.com/"),
        (ports, b"//a.svc.test", "//www.example.com"),
        (ports, b"http://a.svc.test:443/", "http://www.example.com/"),
        (
            ports,
            b"http://[2001:db8:0:0::2]:8443/",
            "http://www.example.com/",
        ),
        // These stay.
        (ports, b"https://internal.test/a", "https://internal.test/a"),
        (ports, b"HTTPS://internal.test/a", "HTTPS://internal.test/a"),
        (
            ports,
            b"http://internal.test:8080/",
            "http://internal.test:8080/",
        ),
        (
            ports,
            b"http://internal.test:65616/",
            "http://internal.test:65616/",
        ),
        (ports, b"http://a.svc.test/", "http://a.svc.test/"),
        (ports, b"https://a.svc.test:80/", "https://a.svc.test:80/"),
        (ports, b"https://[2001:db8::2]/", "https://[2001:db8::2]/"),
        (ports, b"//[2001:db8::2]/", "//[2001:db8::2]/"),
        (
            host,
            b"http://[2001:db8::1%25a]/",
            "http://[2001:db8::1%25a]/",
        ),
        (host, b"http://2001:db8::1/", "http://2001:db8::1/"),
        (host, b"http://internal.test../", "http://internal.test../"),
        (host, b"http://a.svc.test/", "http://a.svc.test/"),
        (host, b"http://svc.test:8080/", "http://svc.test:8080/"),
        (
            host,
            b"http://evilinternal.test/",
            "http://evilinternal.test/",
        ),
        (
            host,
            b"http://internal.test.evil/",
            "http://internal.test.evil/",
        ),
        (
            host,
            b"http://internal.test@evil/",
            "http://internal.test@evil/",
        ),
        (
            host,
            b"http://user@internal.test/",
            "http://user@internal.test/",
        ),
        (below, b"http://user@a.svc.test/", "http://user@a.svc.test/"),
        (
            below,
            b"http://user:a@b.svc.test:80/",
            "http://user:a@b.svc.test:80/",
        ),
        (
            below,
            b"http://evil.test%2f.svc.test/",
            "http://evil.test%2f.svc.test/",
        ),
        (below, b"http://a..svc.test/", "http://a..svc.test/"),
        (
            below,
            b"http://internal.test:a@evil.test/",
            "http://internal.test:a@evil.test/",
        ),
        (
            below,
            b"http://internal.test:8a/",
            "http://internal.test:8a/",
        ),
        (
            below,
            b"http://a.svc.test.:8080/",
            "http://www.example.com/",
        ),
        (below, b"http://a.svc.test:/", "http://www.example.com/"),
        (
            host,
            b"http://internal.test\\@evil/",
            "http://internal.test\\@evil/",
        ),
        (
            host,
            b"http://internal.test\t@evil/",
            "http://internal.test\t@evil/",
        ),
        (all, b"/app/\t/evil.test", "/app/\t/evil.test"),
        (all, b"/app\t/a", "/app\t/a"),
        (
            all,
            b"http://internal.test/app/\x7fa",
            "http://internal.test/app/\x7fa",
        ),
        (host, b"/\\internal.test/a", "/\\internal.test/a"),
        (host, b"ftp://internal.test/", "ftp://internal.test/"),
        (host, b"http:/internal.test/", "http:/internal.test/"),
        (host, b"/internal.test/a", "/internal.test/a"),
        (host, b"internal.test/a", "internal.test/a"),
        (host, b"?a", "?a"),
        (host, b"", ""),
        (host, b"http://\xff/", "http://\u{fffd}/"),
        (
            all,
            b"http://internal.test/app/a?b",
            "https://www.example.com:8443/a?b",
        ),
        (
            all,
            b"http://internal.test/app",
            "https://www.example.com:8443/",
        ),
        (
            all,
            b"http://internal.test/apple",
            "https://www.example.com:8443/apple",
        ),
        (
            all,
            b"//internal.test/app/a",
            "https://www.example.com:8443/a",
        ),
        (all, b"/app/a#b", "/a#b"),
        (all, b"/app", "/"),
        (all, b"/other", "/other"),
        (all, b"app/a", "app/a"),
        (
            to_http,
            b"https://internal.test:1/a",
            "http://internal.test:1/a",
        ),
        (to_http, b"//internal.test/a", "http://internal.test/a"),
    ];
    for (operation, given, expected) in cases {
        let name = String::from_utf8_lossy(given);
        assert_eq!(
            location(operation, Some(given)).as_deref(),
            Some(*expected),
            "{name}"
        );
    }
    assert_eq!(location(all, None), None);
    // A path that would be a host.
    assert_eq!(location(all, Some(b"/app//evil.test")), None);
}

#[test]
fn made_of_variables() {
    let cases: [(&str, Option<&str>); 12] = [
        (
            "{with: 'https://login.test/?next=${path}'}",
            Some("https://login.test/?next=%2Fa"),
        ),
        (
            "{with: '/login?next=${request.header.x}'}",
            Some("/login?next=%2F%2Fevil.test%2F%5C"),
        ),
        (
            "{with: '/${request.header.x}'}",
            Some("/%2F%2Fevil.test%2F%5C"),
        ),
        (
            "{with: 'https://www.example.com/a%20b#c'}",
            Some("https://www.example.com/a%20b#c"),
        ),
        (
            "{with: 'https://www.test?a=${path}'}",
            Some("https://www.test?a=%2Fa"),
        ),
        (
            "{with: 'https://www.test#${path}'}",
            Some("https://www.test#%2Fa"),
        ),
        // Two slashes in front would begin a host.
        (
            "{with: '/${claim.empty | default(\"\")}/${request.header.next}'}",
            None,
        ),
        ("{with: '/${claim.crlf}'}", None),
        ("{with: '/${claim.other}'}", None),
        ("{with: '/${claim.other | default(\"x\")}'}", Some("/x")),
        (
            "{hosts: [internal.test], host: '${host}'}",
            Some("http://www.test:8443/"),
        ),
        (
            "{hosts: [internal.test], host: '${request.header.x}'}",
            None,
        ),
    ];
    for (operation, expected) in cases {
        let became = location(operation, Some(b"http://internal.test/"));
        assert_eq!(became.as_deref(), expected, "{operation}");
    }
}

/// Whatever a variable holds, the host is the operator's.
#[test]
fn no_variable_within_a_host() {
    let continues = "rules[0].response[0].location.with: a variable could be part of the host \
                     (write a slash after the host, such as \"https://www.example.com/${path}\")";
    let none = "rules[0].response[0].location.with: names no host \
                (write one, such as \"https://www.example.com/\")";
    let cases = [
        ("https://www.example.com${path}", continues),
        ("https://www.example.com${request.header.x}/a", continues),
        ("http://www.example.com:${request.header.x}/", continues),
        ("https://${host}/a", continues),
        ("https://${request.header.x}.example.com/a", continues),
        ("https:///${path}", none),
        ("https://", none),
        ("http://?a=${path}", none),
    ];
    for (with, problem) in cases {
        let rule = format!("rules: [{{response: [{{location: {{with: '{with}'}}}}]}}]");
        let error = configure(&rule, &FakeHost::default())
            .map(drop)
            .unwrap_err();
        assert!(error.ends_with(problem), "{with}: {error}");
    }
}
