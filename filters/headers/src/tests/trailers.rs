//! Operations on trailers.

use super::*;
use gatehouse_host::{HeaderMap, HostError, Status, Trailers};

const RULES: &str = "
rules:
- match: {path: {template: '/users/{id}'}}
  request: [{path: {with: /changed}}]
  request_trailers:
  - set: {name: x-id, value: '${path.id} ${path} ${request.header.x-a}'}
  - remove: {prefix: x-internal-}
  - when: {consumer: [bob]}
    set: {name: x-bob, value: '1'}
  response_trailers:
  - rename: {from: x-old, to: x-new}
  - set: {name: x-who, value: '${consumer.name}'}
  - when: {request: {methods: [GET]}}
    map: {name: grpc-status, values: {'2': '13'}, default: '0'}
  - append: {name: x-none, value: '${claim.none}'}
";

fn trailers(
    filter: &Filter,
    host: &FakeHost,
    map: HeaderMap,
    pending: &mut Pending,
) -> gatehouse_host::Result<()> {
    let exchange = Exchange::default();
    let mut trailers = Trailers::new(host, &exchange, map);
    match map {
        HeaderMap::RequestTrailers => filter.request_trailers(&mut trailers, pending),
        _ => filter.response_trailers(&mut trailers, pending),
    }
}

fn begin(host: &FakeHost) {
    host.begin([
        (":method", &b"GET"[..]),
        (":path", b"/users/7"),
        ("x-a", b"a"),
    ]);
    establish(host);
    host.trailers_are(
        HeaderMap::RequestTrailers,
        [("x-internal-a", &b"1"[..]), ("x", b"1")],
    );
    host.trailers_are(
        HeaderMap::ResponseTrailers,
        [("grpc-status", &b"2"[..]), ("x-old", b"1")],
    );
}

#[test]
fn of_both_sides_before_and_after_the_response() {
    for request_first in [true, false] {
        let host = FakeHost::default();
        let filter = configure(RULES, &host).unwrap();
        begin(&host);
        let (verdict, mut pending) = request(&filter, &host);
        assert_eq!(verdict, Ok(Verdict::Continue));
        assert!(filter.wants_trailers(&pending));
        let of_request = |pending: &mut Pending| {
            trailers(&filter, &host, HeaderMap::RequestTrailers, pending).unwrap();
        };
        if request_first {
            of_request(&mut pending);
        }
        let exchange = Exchange::default();
        let mut headers = None;
        let mut response = Response::new(&host, &exchange, &mut headers);
        filter.response(&mut response, &mut pending).unwrap();
        assert!(filter.wants_trailers(&pending));
        if !request_first {
            of_request(&mut pending);
        }
        trailers(&filter, &host, HeaderMap::ResponseTrailers, &mut pending).unwrap();
        assert_eq!(
            lines(host.trailers(HeaderMap::RequestTrailers)),
            ["x: 1", "x-id: 7 /changed a"]
        );
        assert_eq!(
            lines(host.trailers(HeaderMap::ResponseTrailers)),
            ["grpc-status: 13", "x-new: 1", "x-who: acme"]
        );
        assert_eq!(
            host.counters(),
            [("gatehouse.headers.missing_values".to_owned(), 1)].into()
        );
    }
}

#[test]
fn who_has_no_operations_wants_none() {
    let host = FakeHost::default();
    let filter = configure(
        "rules: [{match: {path: {exact: /a}}, response_trailers: [{remove: x}]}, {request: []}]",
        &host,
    )
    .unwrap();
    for (path, wants) in [("/a", true), ("/b", false)] {
        host.begin([(":method", &b"GET"[..]), (":path", path.as_bytes())]);
        let (_, pending) = request(&filter, &host);
        assert_eq!(filter.wants_trailers(&pending), wants, "{path}");
    }
    assert!(!filter.wants_trailers(&Pending::default()));
}

#[test]
fn report_mode() {
    let host = FakeHost::default();
    let filter = configure(&format!("mode: report\n{RULES}"), &host).unwrap();
    begin(&host);
    let (_, mut pending) = request(&filter, &host);
    for map in [HeaderMap::RequestTrailers, HeaderMap::ResponseTrailers] {
        let before = host.trailers(map);
        trailers(&filter, &host, map, &mut pending).unwrap();
        assert_eq!(host.trailers(map), before);
    }
    assert_eq!(
        host.counters()["gatehouse.headers.would_change_trailers"],
        2
    );
}

#[test]
fn when_the_host_fails() {
    const FAILURE: Status = Status::Code(10);
    let call = "proxy_get_header_map_pairs";
    let host = FakeHost::default();
    let filter = configure(RULES, &host).unwrap();
    let report = configure(&format!("mode: report\n{RULES}"), &host).unwrap();
    begin(&host);
    let (_, mut pending) = request(&filter, &host);
    let (_, mut rehearsed) = request(&report, &host);
    host.fail(call, FAILURE);
    let failed = Err(HostError {
        call,
        status: FAILURE,
    });
    // Those of the request do not go on; what can be done to those of the response is done.
    let of_request = trailers(&filter, &host, HeaderMap::RequestTrailers, &mut pending);
    assert_eq!(of_request, failed);
    let of_response = trailers(&filter, &host, HeaderMap::ResponseTrailers, &mut pending);
    assert_eq!(of_response, failed);
    let changed = lines(host.trailers(HeaderMap::ResponseTrailers));
    assert!(changed.contains(&"x-who: acme".to_owned()), "{changed:?}");
    let of_request = trailers(&report, &host, HeaderMap::RequestTrailers, &mut rehearsed);
    assert_eq!(of_request, Ok(()));
}
