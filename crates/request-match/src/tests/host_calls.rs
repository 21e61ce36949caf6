//! What a match makes the host do, and what it says where the host will not.

use super::{ann, begin, decode};
use crate::{Match, Subject};
use gatehouse_host::{Exchange, HostError, Request, Status};
use gatehouse_host_fake::FakeHost;

#[test]
fn the_host_is_asked_for_no_more_than_needed() {
    const MAP: &str = "proxy_get_header_map_pairs";
    const PROPERTY: &str = "proxy_get_property";
    type Case<'a> = (&'a str, u32, bool, &'a [(&'a str, usize)]);
    #[rustfmt::skip]
    let cases: &[Case<'_>] = &[
        (r#"{"methods": ["GET"], "path": {"prefix": "/a"}, "hosts": ["example.com"], "query": [{"name": "q", "present": false}]}"#, 3, true, &[(MAP, 1)]),
        (r#"{"not": {"path": {"exact": "/"}, "methods": ["PUT"]}, "headers": [{"name": "x", "present": false}]}"#, 3, true, &[(MAP, 1)]),
        (r#"{"client_ip": ["10.0.0.0/8"]}"#, 0, true, &[(PROPERTY, 1)]),
        (r#"{"client_ip": ["203.0.113.0/24"]}"#, 1, true, &[(MAP, 1), (PROPERTY, 1)]),
        (r#"{"client_ip": ["10.0.0.0/8"], "not": {"client_ip": ["10.2.0.0/16"]}}"#, 0, true, &[(PROPERTY, 1)]),
        (r#"{"client_ip": ["10.0.0.0/8"], "methods": ["PUT"]}"#, 0, false, &[(MAP, 1)]),
        (r#"{"client_ip": ["192.0.2.0/24"], "consumer": ["ann"]}"#, 0, false, &[(PROPERTY, 1)]),
        (r#"{"consumer": ["ann"], "groups": ["staff"]}"#, 0, true, &[(PROPERTY, 1)]),
        (r#"{"consumer": ["ann"], "not": {"methods": ["GET"]}}"#, 0, false, &[(MAP, 1)]),
        (r#"{"groups": ["staff"], "not": {"consumer": ["ann"], "methods": ["PUT"]}}"#, 0, true, &[(MAP, 1), (PROPERTY, 1)]),
        (r#"{"cookies": [{"name": "a", "present": false}], "any": [{"methods": ["PUT"]}, {"methods": ["GET"]}]}"#, 0, true, &[(MAP, 1)]),
        (r#"{"route": ["r"], "not": {"route": ["s"]}}"#, 0, true, &[(PROPERTY, 1)]),
        (r#"{"metadata": [{"filter": "f", "key": ["k"], "exact": "v"}, {"filter": "f", "key": ["k"], "suffix": "v"}]}"#, 0, true, &[(PROPERTY, 1)]),
        (r#"{"route": ["r"], "methods": ["PUT"]}"#, 0, false, &[(MAP, 1)]),
    ];
    for (json, hops, expected, calls) in cases {
        let host = FakeHost::default();
        begin(
            &host,
            &[(":path", b"/a"), ("x-forwarded-for", b"203.0.113.7")],
        );
        host.property_is("source.address", "10.1.2.3:4711");
        host.property_is("gatehouse.identity", ann().to_json());
        host.property_is("xds.route_name", "r");
        host.property_is("xds.route_metadata.filter_metadata.f.k", "v");
        let mut exchange = Exchange::default();
        let mut request = Request::new(&host, &mut exchange);
        let mut subject = Subject::new(*hops);
        let decoded = decode(json);
        assert_eq!(
            decoded.matches(&mut subject, &mut request),
            Ok(*expected),
            "{json}"
        );
        assert_eq!(host.calls(), calls.iter().copied().collect(), "{json}");
        // Another rule with the same conditions asks for nothing more.
        assert_eq!(
            decoded.matches(&mut subject, &mut request),
            Ok(*expected),
            "{json}"
        );
        assert_eq!(host.calls(), calls.iter().copied().collect(), "{json}");
    }
}

#[test]
fn the_default_matches_all_and_asks_for_nothing() {
    let host = FakeHost::default();
    let mut exchange = Exchange::default();
    let mut request = Request::new(&host, &mut exchange);
    let matched = Match::default().matches(&mut Subject::new(2), &mut request);
    assert_eq!(matched, Ok(true));
    assert_eq!(host.call_count(), 0);
}

#[test]
fn a_host_that_refuses_is_an_error_and_no_answer() {
    let cases = [
        ("proxy_get_header_map_pairs", r#"{"methods": ["PUT"]}"#),
        ("proxy_get_header_map_pairs", r#"{"path": {"exact": "/"}}"#),
        (
            "proxy_get_header_map_pairs",
            r#"{"not": {"query": [{"name": "a", "present": true}]}}"#,
        ),
        ("proxy_get_property", r#"{"client_ip": ["10.0.0.0/8"]}"#),
        ("proxy_get_property", r#"{"not": {"groups": ["a"]}}"#),
    ];
    for (call, json) in cases {
        let host = FakeHost::default();
        begin(&host, &[]);
        host.fail(call, Status::Code(10));
        let mut exchange = Exchange::default();
        let mut request = Request::new(&host, &mut exchange);
        let refused = decode(json).matches(&mut Subject::new(0), &mut request);
        let expected = HostError {
            call,
            status: Status::Code(10),
        };
        assert_eq!(refused, Err(expected), "{json}");
    }
}
