//! Configurations against requests, the words for wrong configurations, and the host calls.

use crate::{Match, Subject};
use gatehouse_host::{Exchange, Request};
use gatehouse_host_fake::FakeHost;

type Pairs<'a> = &'a [(&'a str, &'a [u8])];

fn decode(json: &str) -> Match {
    gatehouse_config::load(json.as_bytes(), &|_: &str| None)
        .unwrap_or_else(|problems| panic!("{json}: {problems}"))
}

fn problems(json: &str) -> String {
    match gatehouse_config::load::<Match>(json.as_bytes(), &|_: &str| None) {
        Ok(decoded) => panic!("{json} is accepted: {decoded:?}"),
        Err(problems) => problems.to_string(),
    }
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
