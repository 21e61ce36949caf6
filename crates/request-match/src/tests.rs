//! Configurations against requests.

mod configuration;
mod host_calls;

use crate::{Host, Match, Subject, query};
use gatehouse_host::{Consumer, Exchange, Request};
use gatehouse_host_fake::FakeHost;
use std::rc::Rc;

type Pairs<'a> = &'a [(&'a str, &'a [u8])];

fn decode(json: &str) -> Match {
    gatehouse_config::load(json.as_bytes(), &|_: &str| None)
        .unwrap_or_else(|problems| panic!("{json}: {problems}"))
}

/// A request with these headers in place of or besides those of `GET / example.com`.
fn begin(host: &FakeHost, headers: Pairs<'_>) {
    let defaults: Pairs<'_> = &[
        (":method", b"GET"),
        (":path", b"/"),
        (":authority", b"example.com"),
    ];
    let kept = defaults
        .iter()
        .filter(|(name, _)| headers.iter().all(|(given, _)| given != name));
    host.begin(kept.chain(headers).copied());
}

fn matches(json: &str, headers: Pairs<'_>) -> bool {
    let host = FakeHost::default();
    begin(&host, headers);
    let mut exchange = Exchange::default();
    let mut request = Request::new(&host, &mut exchange);
    let matched = decode(json).matches(&mut Subject::new(0), &mut request);
    matched.unwrap()
}

#[test]
fn methods_and_paths() {
    let cases: &[(&str, Pairs<'_>, bool)] = &[
        (r#"{"methods": ["GET", "PURGE"]}"#, &[], true),
        (r#"{"methods": ["POST"]}"#, &[], false),
        (r#"{"methods": ["GET"]}"#, &[(":method", b"HEAD")], false),
        (r#"{"methods": ["GET"]}"#, &[(":method", b"get")], false),
        (r#"{"methods": ["GET"]}"#, &[(":method", b"G\xff")], false),
        (r#"{"path": {"exact": "/a"}}"#, &[(":path", b"/a")], true),
        (
            r#"{"path": {"exact": "/a"}}"#,
            &[(":path", b"//%61/?b=/c")],
            true,
        ),
        (r#"{"path": {"exact": "/a"}}"#, &[(":path", b"/A")], false),
        (r#"{"path": {"exact": "/a"}}"#, &[(":path", b"/a/b")], false),
        (r#"{"path": {"exact": "/"}}"#, &[(":path", b"/")], true),
        (
            r#"{"path": {"exact": "/100%"}}"#,
            &[(":path", b"/100%25")],
            true,
        ),
        (
            r#"{"path": {"prefix": "/admin"}}"#,
            &[(":path", b"/admin")],
            true,
        ),
        (
            r#"{"path": {"prefix": "/admin"}}"#,
            &[(":path", b"/admin/x/y")],
            true,
        ),
        (
            r#"{"path": {"prefix": "/admin"}}"#,
            &[(":path", b"/administrator")],
            false,
        ),
        (
            r#"{"path": {"prefix": "/admin"}}"#,
            &[(":path", b"/x/..%2fadmin;a/x")],
            true,
        ),
        (r#"{"path": {"prefix": "/"}}"#, &[(":path", b"/x")], true),
        (
            r#"{"path": {"prefix": "/"}}"#,
            &[(":path", b"*"), (":method", b"OPTIONS")],
            false,
        ),
        (
            r#"{"path": {"exact": "/a"}, "methods": ["GET"]}"#,
            &[(":path", b"/a")],
            true,
        ),
        (
            r#"{"path": {"exact": "/a"}, "methods": ["PUT"]}"#,
            &[(":path", b"/a")],
            false,
        ),
        (
            r#"{"path": {"exact": "/b"}, "methods": ["GET"]}"#,
            &[(":path", b"/a")],
            false,
        ),
    ];
    for (json, headers, expected) in cases {
        assert_eq!(matches(json, headers), *expected, "{json} {headers:?}");
    }
}

#[test]
fn path_patterns() {
    #[rustfmt::skip]
    let cases: &[(&str, &[u8], bool)] = &[
        (r#"{"regex": "/v[0-9]+/.*"}"#, b"/v1/x", true),
        (r#"{"regex": "/v[0-9]+"}"#, b"/v1/x", false),
        (r#"{"regex": "/v[0-9]+"}"#, b"/x/v1", false),
        (r#"{"regex": "/a|/ab"}"#, b"/ab", true),
        (r#"{"regex": "^/a$"}"#, b"/a", true),
        (r#"{"regex": "(?i)/admin"}"#, b"/ADMIN", true),
        (r#"{"regex": "(?m)/a$"}"#, b"/a%0A/b", false),
        (r#"{"regex": "/admin/.*"}"#, b"/admin/%0Ax", true),
        (r#"{"regex": "/admin/.*"}"#, b"/admin/%ff", true),
        (r#"{"regex": "/caf."}"#, b"/caf%C3%A9", false),
        (r#"{"regex": "/caf.."}"#, b"/caf%C3%A9", true),
        (r#"{"regex": "/caf[^/]+"}"#, b"/caf%C3%A9", true),
        (r#"{"regex": "/café"}"#, b"/caf%C3%A9", true),
        (r#"{"regex": "(?x) /a # all"}"#, b"/a", true),
        (r#"{"regex": "(?x) /a # all"}"#, b"/ab", false),
        (r#"{"regex": "/a#"}"#, b"/a%23", true),
        (r#"{"regex": ".*"}"#, b"", true),
        (r#"{"template": "/users/{id}"}"#, b"/users/7", true),
        (r#"{"template": "/users/{id}"}"#, b"/users/7/?x", true),
        (r#"{"template": "/users/{id}"}"#, b"/users/", false),
        (r#"{"template": "/users/{id}"}"#, b"/users", false),
        (r#"{"template": "/users/{id}"}"#, b"/users/7/x", false),
        (r#"{"template": "/users/{id}"}"#, b"/Users/7", false),
        (r#"{"template": "/{a}"}"#, b"/", false),
        (r#"{"template": "/{a}"}"#, b"*", false),
        (r#"{"template": "/{a}"}"#, b"", false),
        (r#"{"template": "/{a=**}"}"#, b"/", true),
        (r#"{"template": "/{a}/x/{rest=**}"}"#, b"/1/x", true),
        (r#"{"template": "/{a}/x/{rest=**}"}"#, b"/1/x/2/3", true),
        (r#"{"template": "/{a}/x/{rest=**}"}"#, b"/1/xx/2", false),
        (r#"{"template": "/{a}/x/{rest=**}"}"#, b"/1", false),
    ];
    for (pattern, target, expected) in cases {
        let json = format!(r#"{{"path": {pattern}}}"#);
        let target: Pairs<'_> = &[(":path", target)];
        assert_eq!(matches(&json, target), *expected, "{json} {target:?}");
    }
}

#[test]
fn hosts() {
    #[rustfmt::skip]
    let cases: &[(&str, &[u8], bool)] = &[
        ("example.com", b"example.com", true),
        ("example.com", b"EXAMPLE.com:8080", true),
        ("example.com", b"example.com.", true),
        ("example.com", b"example.com.:443", true),
        ("example.com", b"example.com:", true),
        ("Example.Com.", b"example.com", true),
        ("example.com", b"example.com..", false),
        ("example.com", b"a.example.com", false),
        ("example.com", b"example.com.evil.test", false),
        ("example.com", b"user@example.com", false),
        ("example.com", b"example.com:x", false),
        ("example.com", b"", false),
        ("example.com", b"example.com\xff", false),
        ("*.example.com", b"a.example.com", true),
        ("*.example.com", b"A.B.Example.Com:1", true),
        ("*.example.com", b"example.com", false),
        ("*.example.com", b".example.com", false),
        ("*.example.com", b"badexample.com", false),
        ("*.example.com", b"user@a.example.com", false),
        ("*.example.com", b"admin.test,a.example.com", false),
        ("*.example.com", b"admin.test%2Ca.example.com", false),
        ("*.example.com", b"admin.test..example.com", false),
        ("*.example.com", b"admin.test:80,a.example.com:80", false),
        ("*.example.com", b"\xc3\xa9.example.com", false),
        ("10.0.0.1", b"10.0.0.1:80", true),
        ("[2001:db8::1]", b"[2001:db8:0::1]:80", true),
        ("[2001:db8::1]", b"[2001:DB8::1]", true),
        ("[2001:db8::1]", b"[2001:db8::2]", false),
        ("[2001:db8::1]", b"2001:db8::1", false),
    ];
    for (host, authority, expected) in cases {
        let json = format!(r#"{{"hosts": ["other.test", "{host}"]}}"#);
        let authority: Pairs<'_> = &[(":authority", authority)];
        assert_eq!(matches(&json, authority), *expected, "{json} {authority:?}");
    }
}

#[test]
fn authorities_that_can_be_read_in_different_ways() {
    let cases: &[(&str, Pairs<'_>, bool)] = &[
        ("a name", &[(":authority", b"a-b_c.example.com")], false),
        ("a label", &[(":authority", b"localhost")], false),
        ("with a port", &[(":authority", b"a:8080")], false),
        ("with an empty port", &[(":authority", b"a:")], false),
        ("a dot at the end", &[(":authority", b"a.test.:1")], false),
        ("IPv4", &[(":authority", b"10.0.0.1")], false),
        ("IPv6", &[(":authority", b"[2001:db8::1]:80")], false),
        ("empty", &[(":authority", b"")], false),
        ("none", &[], false),
        ("two lines, joined", &[(":authority", b"a,b")], true),
        (
            "two lines, joined, with ports",
            &[(":authority", b"a:1,b:1")],
            true,
        ),
        (
            "two lines",
            &[(":authority", b"a"), (":authority", b"a")],
            true,
        ),
        ("user", &[(":authority", b"u@a")], true),
        ("user and password", &[(":authority", b"u:80@a")], true),
        ("no port", &[(":authority", b"a:x")], true),
        ("two ports", &[(":authority", b"a:1:2")], true),
        ("only a port", &[(":authority", b":80")], true),
        ("escape", &[(":authority", b"%61")], true),
        ("two dots", &[(":authority", b"a..")], true),
        ("a dot in front", &[(":authority", b".a")], true),
        ("space", &[(":authority", b"a b")], true),
        ("slash", &[(":authority", b"a/b")], true),
        ("IPv6 without brackets", &[(":authority", b"::1")], true),
        (
            "IPv6 with a zone",
            &[(":authority", b"[fe80::1%25eth0]")],
            true,
        ),
        ("no UTF-8", &[(":authority", b"a\xff")], true),
        ("beyond ASCII", &[(":authority", "é".as_bytes())], true),
    ];
    for (name, headers, expected) in cases {
        let host = FakeHost::default();
        host.begin(headers.iter().copied());
        let mut exchange = Exchange::default();
        let mut request = Request::new(&host, &mut exchange);
        let ambiguous = Subject::new(0).is_host_ambiguous(&mut request).unwrap();
        assert_eq!(ambiguous, *expected, "{name}");
    }
}

#[test]
fn headers_and_query() {
    #[rustfmt::skip]
    let cases: &[(&str, Pairs<'_>, bool)] = &[
        (r#"{"headers": [{"name": "X-A", "exact": "1"}]}"#, &[("x-a", b"1")], true),
        (r#"{"headers": [{"name": "x-a", "exact": "1"}]}"#, &[("x-a", b"0"), ("x-a", b"1")], true),
        (r#"{"headers": [{"name": "x-a", "exact": "1"}]}"#, &[("x-a", b"0,1")], false),
        (r#"{"headers": [{"name": "x-a", "exact": "a"}]}"#, &[("x-a", b"A")], false),
        (r#"{"headers": [{"name": "x-a", "exact": ""}]}"#, &[("x-a", b"")], true),
        (r#"{"headers": [{"name": "x-a", "exact": ""}]}"#, &[], false),
        (r#"{"headers": [{"name": "x-a", "prefix": "ab"}]}"#, &[("x-a", b"ab\xff")], true),
        (r#"{"headers": [{"name": "x-a", "suffix": "ab"}]}"#, &[("x-a", b"\xffab")], true),
        (r#"{"headers": [{"name": "x-a", "suffix": "ab"}]}"#, &[("x-a", b"abc")], false),
        (r#"{"headers": [{"name": "x-a", "regex": "a.c"}]}"#, &[("x-a", b"a\xffc")], true),
        (r#"{"headers": [{"name": "x-a", "regex": "b"}]}"#, &[("x-a", b"abc")], false),
        (r#"{"headers": [{"name": "x-a", "present": true}]}"#, &[("x-a", b"\xff")], true),
        (r#"{"headers": [{"name": "x-a", "present": true}]}"#, &[], false),
        (r#"{"headers": [{"name": "x-a", "present": false}]}"#, &[], true),
        (r#"{"headers": [{"name": "x-a", "present": false}]}"#, &[("x-a", b"")], false),
        (r#"{"headers": [{"name": "x-a", "exact": "1"}, {"name": "x-b", "exact": "2"}]}"#, &[("x-a", b"1")], false),
        (r#"{"not": {"headers": [{"name": "x-a", "exact": "1"}]}}"#, &[("x-a", b"0"), ("x-a", b"1")], false),
        (r#"{"not": {"headers": [{"name": "x-a", "exact": "1"}]}}"#, &[], true),
        (r#"{"query": [{"name": "k", "exact": "a b"}]}"#, &[(":path", b"/?%6b=a%20b")], true),
        (r#"{"query": [{"name": "k", "exact": "a b"}]}"#, &[(":path", b"/?k=a+b")], false),
        (r#"{"query": [{"name": "k", "exact": "2"}]}"#, &[(":path", b"/?k=1&k=2")], true),
        (r#"{"query": [{"name": "k", "regex": "[0-9]+"}]}"#, &[(":path", b"/?k=1x")], false),
        (r#"{"query": [{"name": "k", "present": true}]}"#, &[(":path", b"/?k")], true),
        (r#"{"query": [{"name": "k", "present": false}]}"#, &[(":path", b"/k?K")], true),
        (r#"{"query": [{"name": "", "present": true}]}"#, &[(":path", b"/?=v")], true),
    ];
    for (json, headers, expected) in cases {
        assert_eq!(matches(json, headers), *expected, "{json} {headers:?}");
    }
}

#[test]
fn cookies() {
    #[rustfmt::skip]
    let cases: &[(&str, Pairs<'_>, bool)] = &[
        (r#"{"name": "a", "exact": "1"}"#, &[("cookie", b"a=1")], true),
        (r#"{"name": "a", "exact": "1"}"#, &[("cookie", b"b=2; a=1 ;c")], true),
        (r#"{"name": "a", "exact": "1"}"#, &[("cookie", b"b=2"), ("cookie", b"a=1")], true),
        (r#"{"name": "a", "exact": "1"}"#, &[("cookie", b"a=2; a=1")], true),
        (r#"{"name": "a", "exact": "1"}"#, &[("cookie", b"A=1; aa=1; a=11")], false),
        (r#"{"name": "a", "exact": "1"}"#, &[("cookie", b"a=\"1\"")], false),
        (r#"{"name": "a", "exact": ""}"#, &[("cookie", b"a")], true),
        (r#"{"name": "a", "regex": "[0-9]+.*"}"#, &[("cookie", b"a=1\xff")], true),
        (r#"{"name": "a", "present": false}"#, &[("cookie", b"")], true),
        (r#"{"name": "a", "present": false}"#, &[("cookie", b";;=; ; a =")], false),
    ];
    for (field, headers, expected) in cases {
        let json = format!(r#"{{"cookies": [{field}]}}"#);
        assert_eq!(matches(&json, headers), *expected, "{json} {headers:?}");
    }
    // Of two, none is the one that counts: a rule about either is about both.
    let twice: Pairs<'_> = &[("cookie", b"a=1; a=2")];
    assert!(!matches(
        r#"{"not": {"cookies": [{"name": "a", "exact": "2"}]}}"#,
        twice
    ));
}

#[test]
fn one_of_several() {
    #[rustfmt::skip]
    let cases: &[(&str, Pairs<'_>, bool)] = &[
        (r#"{"any": [{"methods": ["PUT"]}, {"path": {"exact": "/a"}}]}"#, &[(":path", b"/a")], true),
        (r#"{"any": [{"methods": ["PUT"]}, {"path": {"exact": "/a"}}]}"#, &[(":method", b"PUT")], true),
        (r#"{"any": [{"methods": ["PUT"]}, {"path": {"exact": "/a"}}]}"#, &[], false),
        (r#"{"any": [{"methods": ["GET"]}], "path": {"exact": "/b"}}"#, &[], false),
        (r#"{"any": [{"any": [{"methods": ["PUT"]}, {"methods": ["GET"]}]}]}"#, &[], true),
        (r#"{"not": {"any": [{"methods": ["PUT"]}, {"methods": ["GET"]}]}}"#, &[], false),
        (r#"{"any": [{"not": {"methods": ["GET"]}}, {"not": {"path": {"exact": "/"}}}]}"#, &[], false),
    ];
    for (json, headers, expected) in cases {
        assert_eq!(matches(json, headers), *expected, "{json} {headers:?}");
    }
}

#[test]
fn what_the_route_says() {
    const TIER: &str = "xds.route_metadata.filter_metadata.com.example.tier";
    type Property<'a> = Option<(&'a str, &'a [u8])>;
    #[rustfmt::skip]
    let cases: &[(&str, Property<'_>, bool)] = &[
        (r#"{"route": ["a", "b"]}"#, Some(("xds.route_name", b"b")), true),
        (r#"{"route": ["a"]}"#, Some(("xds.route_name", b"A")), false),
        (r#"{"route": ["a"]}"#, Some(("xds.route_name", b"")), false),
        (r#"{"route": ["a"]}"#, None, false),
        (r#"{"not": {"route": ["a"]}}"#, None, true),
        (r#"{"metadata": [{"filter": "com.example", "key": ["tier"], "exact": "gold"}]}"#, Some((TIER, b"gold")), true),
        (r#"{"metadata": [{"filter": "com.example", "key": ["tier"], "prefix": "go"}]}"#, Some((TIER, b"go\xff")), true),
        (r#"{"metadata": [{"filter": "com.example", "key": ["tier"], "exact": "gold"}]}"#, None, false),
        (r#"{"metadata": [{"filter": "com.example", "key": ["tier"], "present": false}]}"#, None, true),
        (r#"{"metadata": [{"filter": "com.example", "key": ["tier"], "present": true}]}"#, Some((TIER, b"")), true),
    ];
    for (json, property, expected) in cases {
        let host = FakeHost::default();
        begin(&host, &[]);
        if let Some((path, value)) = property {
            host.property_is(path, *value);
        }
        let mut exchange = Exchange::default();
        let mut request = Request::new(&host, &mut exchange);
        let matched = decode(json).matches(&mut Subject::new(0), &mut request);
        assert_eq!(matched, Ok(*expected), "{json} {property:?}");
    }
}

#[test]
fn expressions() {
    let cases: [(&str, Option<bool>, Option<bool>); 9] = [
        (r#"{"when": "x"}"#, Some(true), Some(true)),
        (r#"{"when": "x"}"#, Some(false), Some(false)),
        (r#"{"not": {"when": "x"}}"#, Some(false), Some(true)),
        // A key that a map lacks, or no boolean: neither true nor false, whatever stands around it.
        (r#"{"when": "x"}"#, None, None),
        (r#"{"not": {"when": "x"}}"#, None, None),
        (
            r#"{"any": [{"when": "x"}, {"methods": ["GET"]}]}"#,
            None,
            None,
        ),
        (
            r#"{"any": [{"methods": ["GET"]}, {"when": "x"}]}"#,
            None,
            Some(true),
        ),
        (r#"{"methods": ["PUT"], "when": "x"}"#, None, Some(false)),
        (r#"{"when": "x", "consumer": ["ann"]}"#, None, Some(false)),
    ];
    for (json, holds, expected) in cases {
        let host = FakeHost::default();
        begin(&host, &[]);
        let mut decoded = decode(json);
        assert_eq!(decoded.compile(&host), Ok(Vec::new()), "{json}");
        host.expression_is("x", holds);
        let mut exchange = Exchange::default();
        let mut request = Request::new(&host, &mut exchange);
        let mut subject = Subject::new(0);
        let matched = decoded.matches(&mut subject, &mut request).ok();
        assert_eq!(matched, expected, "{json} {holds:?}");
        assert_eq!(
            subject.take_failed_expression(),
            expected.is_none(),
            "{json} {holds:?}"
        );
    }
}

#[test]
fn an_expression_that_was_never_compiled_is_an_error() {
    let host = FakeHost::default();
    begin(&host, &[]);
    let mut exchange = Exchange::default();
    let mut request = Request::new(&host, &mut exchange);
    let mut subject = Subject::new(0);
    assert!(
        decode(r#"{"when": "x"}"#)
            .matches(&mut subject, &mut request)
            .is_err()
    );
    assert!(subject.take_failed_expression());
}

fn ann() -> Rc<Consumer> {
    Rc::new(Consumer {
        name: "ann".to_owned(),
        groups: vec!["staff".to_owned(), "admin".to_owned()],
        ..Consumer::default()
    })
}

#[test]
fn who_it_is() {
    #[rustfmt::skip]
    let cases = [
        (r#"{"client_ip": ["192.0.2.0/24", "10.0.0.0/8"]}"#, true, true),
        (r#"{"client_ip": ["192.0.2.0/24"]}"#, false, false),
        (r#"{"client_ip": ["::/0"]}"#, false, false),
        (r#"{"consumer": ["bob", "ann"]}"#, true, false),
        (r#"{"consumer": ["Ann"]}"#, false, false),
        (r#"{"groups": ["admin", "owner"]}"#, true, false),
        (r#"{"groups": ["owner"]}"#, false, false),
        (r#"{"not": {"consumer": ["ann"]}}"#, false, true),
        (r#"{"not": {"groups": ["owner"]}}"#, true, true),
        (r#"{"not": {"not": {"groups": ["admin"]}}}"#, true, false),
        (r#"{"not": {"groups": ["admin"], "methods": ["POST"]}}"#, true, true),
    ];
    for (json, as_ann, as_nobody) in cases {
        for (consumer, expected) in [(Some(ann()), as_ann), (None, as_nobody)] {
            let host = FakeHost::default();
            begin(&host, &[]);
            host.property_is("source.address", "10.1.2.3:4711");
            if let Some(consumer) = &consumer {
                host.property_is("gatehouse.identity", consumer.to_json());
            }
            let mut exchange = Exchange::default();
            let mut request = Request::new(&host, &mut exchange);
            let matched = decode(json).matches(&mut Subject::new(0), &mut request);
            assert_eq!(matched, Ok(expected), "{json} {consumer:?}");
        }
    }
}

#[test]
fn captures() {
    type Captured<'a> = &'a [(&'a str, &'a str)];
    #[rustfmt::skip]
    let cases: [(&str, &[u8], Captured<'_>); 6] = [
        (r#"{"template": "/u/{id}/f/{rest=**}"}"#, b"//u/a%20b/f/x/%C3%A9/", &[("id", "a b"), ("rest", "x/\u{e9}")]),
        (r#"{"template": "/u/{id}/f/{rest=**}"}"#, b"/u/7/f", &[("id", "7"), ("rest", "")]),
        (r#"{"template": "/u/{id}"}"#, b"/u/a%0D%0Ab", &[("id", "a\r\nb")]),
        (r#"{"template": "/u/{id}"}"#, b"/u/%7Bid%7D", &[("id", "{id}")]),
        (r#"{"template": "/u/{id}"}"#, b"/x/7", &[]),
        (r#"{"prefix": "/u"}"#, b"/u/7", &[]),
    ];
    for (pattern, target, expected) in cases {
        let host = FakeHost::default();
        begin(&host, &[(":path", target)]);
        let mut exchange = Exchange::default();
        let mut request = Request::new(&host, &mut exchange);
        let decoded = decode(&format!(r#"{{"path": {pattern}}}"#));
        let captured = decoded
            .captures(&mut Subject::new(0), &mut request)
            .unwrap();
        let captured: Vec<_> = captured.iter().map(|(n, v)| (*n, v.as_str())).collect();
        assert_eq!(captured, expected, "{pattern} {target:?}");
    }
    let decoded = decode(r#"{"path": {"template": "/{b}/x/{a=**}"}}"#);
    assert_eq!(decoded.capture_names().collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(Match::default().capture_names().count(), 0);
}

#[test]
fn what_a_subject_knows() {
    type Case<'a> = (&'a str, Pairs<'a>, &'a str, bool);
    let cases: [Case<'_>; 5] = [
        ("plain", &[(":path", b"/a?b")], "/a", false),
        ("a method without a path", &[(":path", b"*")], "*", true),
        (
            "OPTIONS *",
            &[(":path", b"*"), (":method", b"OPTIONS")],
            "*",
            false,
        ),
        (
            "two paths",
            &[(":path", b"/a"), (":path", b"/b")],
            "/a",
            true,
        ),
        ("not UTF-8", &[(":path", b"/\xff")], "/\u{fffd}", true),
    ];
    for (name, headers, expected, ambiguous) in cases {
        let host = FakeHost::default();
        begin(&host, headers);
        let mut exchange = Exchange::default();
        let mut request = Request::new(&host, &mut exchange);
        let mut subject = Subject::new(0);
        let path = subject.path(&mut request).unwrap();
        assert_eq!(
            (path.as_str(), path.is_ambiguous()),
            (expected, ambiguous),
            "{name}"
        );
    }

    let host = FakeHost::default();
    host.begin([
        (":method", &b"CONNECT"[..]),
        (":authority", b"example.com:443"),
    ]);
    let mut exchange = Exchange::default();
    let mut request = Request::new(&host, &mut exchange);
    let path = Subject::new(0).path(&mut request).unwrap().clone();
    assert_eq!((path.as_str(), path.is_ambiguous()), ("", false));

    begin(&host, &[(":path", b"/?a=%31&b")]);
    let mut exchange = Exchange::default();
    let mut request = Request::new(&host, &mut exchange);
    let mut subject = Subject::new(0);
    let query = subject.query(&mut request).unwrap();
    let values = |name: &'static [u8]| query.all(name).collect::<Vec<_>>();
    assert_eq!(
        (values(b"a"), values(b"b")),
        (vec![&b"1"[..]], vec![&b""[..]])
    );
}

/// The table of docs/match.md: each spelling in it, and what is no text.
#[test]
fn the_spellings_of_hosts_that_are_documented() {
    let text = include_str!("../../../docs/match.md");
    let (_, section) = text.split_once("## Hosts").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows: Vec<Vec<&str>> = section
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1)
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), 9);
    let all = r#"["a.test", "b.test", "*.test", "192.0.2.1", "[2001:db8::1]"]"#;
    for row in rows {
        let [_, spellings, host, ambiguous, _] = row[..] else {
            panic!("{row:?}")
        };
        let quoted = |cell| str::split(cell, '`').skip(1).step_by(2);
        let mut authorities: Vec<Option<&[u8]>> = quoted(spellings)
            .filter(|quoted| *quoted != "host")
            .map(|quoted| Some(quoted.as_bytes()))
            .collect();
        if spellings.ends_with("bytes that are not UTF-8") {
            authorities.push(Some(b"a\xff.test"));
        }
        if spellings == "an empty one, or none" {
            authorities.extend([Some(&b""[..]), None]);
        }
        assert!(!authorities.is_empty(), "{row:?}");
        for authority in authorities {
            let name = format!("{:?}", authority.map(String::from_utf8_lossy));
            let fake = FakeHost::default();
            fake.begin(authority.iter().map(|given| (":authority", *given)));
            let mut exchange = Exchange::default();
            let mut request = Request::new(&fake, &mut exchange);
            let mut subject = Subject::new(0);
            let mut holds =
                |json: String| decode(&json).matches(&mut subject, &mut request).unwrap();
            let named = quoted(host).next();
            assert_eq!(named.is_none(), host == "none", "{name}");
            let hosts = named.map_or(all.to_owned(), |host| format!("[{host:?}]"));
            assert_eq!(
                holds(format!(r#"{{"hosts": {hosts}}}"#)),
                named.is_some(),
                "{name}"
            );
            let not = format!(r#"{{"not": {{"hosts": {hosts}}}}}"#);
            assert_eq!(holds(not), named.is_none(), "{name}");
            let others = r#"{"hosts": ["c.test", "*.a.test", "192.0.2.2", "[2001:db8::2]"]}"#;
            assert!(!holds(others.to_owned()), "{name}");
            let is_ambiguous = subject.is_host_ambiguous(&mut request).unwrap();
            assert_eq!(is_ambiguous, ambiguous == "yes", "{name}");
        }
    }
}

/// However many rules ask for parameters, a query is decoded once: a client can send many thousands.
#[test]
fn a_query_is_decoded_once_for_all_conditions() {
    // All parameters are of the name `A`, none of which passes; there is none of the other.
    let condition = |name: &str| {
        let tests = [
            r#""exact": "x""#,
            r#""prefix": "x""#,
            r#""suffix": "x""#,
            r#""regex": "x""#,
            r#""present": false"#,
        ];
        let fields = tests.map(|test| format!(r#"{{"query": [{{"name": "{name}", {test}}}]}}"#));
        decode(&format!(r#"{{"any": [{}]}}"#, fields.join(", ")))
    };
    let conditions = [(condition("A"), false), (condition("%41"), true)];
    for (name, flood, expected) in [
        ("names that are none of them", "%41&", 15_360),
        (
            "one name, and values that are none of them",
            "A=%41&",
            10_240,
        ),
    ] {
        let target = format!("/?{}", flood.repeat(60 * 1024 / flood.len()));
        let host = FakeHost::default();
        begin(&host, &[(":path", target.as_bytes())]);
        let mut exchange = Exchange::default();
        let mut request = Request::new(&host, &mut exchange);
        let mut subject = Subject::new(0);
        let before = query::DECODED.get();
        for (condition, expected) in conditions.iter().cycle().take(100) {
            let holds = condition.matches(&mut subject, &mut request);
            assert_eq!(holds, Ok(*expected), "{name}");
        }
        assert_eq!(query::DECODED.get() - before, expected, "{name}");
    }
}

#[test]
fn the_host_in_one_spelling() {
    let one = |host: &str| Host::One(host.to_owned());
    let cases: [(&str, &[&[u8]], Host); 12] = [
        ("none", &[], Host::Absent),
        ("empty", &[b""], Host::Absent),
        ("a name", &[b"example.com"], one("example.com")),
        ("case", &[b"Example.COM"], one("example.com")),
        ("a port", &[b"example.com:8443"], one("example.com")),
        (
            "a dot at the end",
            &[b"example.com.:80"],
            one("example.com"),
        ),
        ("an address", &[b"192.0.2.1:80"], one("192.0.2.1")),
        ("IPv6", &[b"[2001:DB8:0::1]:80"], one("[2001:db8::1]")),
        ("two lines in one", &[b"a.test,b.test"], Host::Ambiguous),
        ("not UTF-8", &[b"\xff"], Host::Ambiguous),
        ("a user", &[b"a@b.test"], Host::Ambiguous),
        ("two", &[b"a.test", b"a.test"], Host::Ambiguous),
    ];
    for (name, authorities, expected) in cases {
        let host = FakeHost::default();
        host.begin(authorities.iter().map(|given| (":authority", *given)));
        let mut exchange = Exchange::default();
        let mut request = Request::new(&host, &mut exchange);
        assert_eq!(Subject::new(0).host(&mut request), Ok(expected), "{name}");
    }
}
