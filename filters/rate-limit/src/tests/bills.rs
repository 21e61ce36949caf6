//! Costs: what requests pay up front, what their responses add, and what streams pay that end early.

use super::*;
use gatehouse_host::Status;
use std::time::Duration;

/// How a stream goes on after its request was admitted.
#[derive(Clone, Copy)]
enum Then<'a> {
    /// The response's headers are all of it.
    HeadersOnly(&'a [(&'a str, &'a str)]),
    /// A whole response.
    Body(&'a [(&'a str, &'a str)], &'a [&'a str]),
    /// Trailers follow the body.
    Trailers(&'a [(&'a str, &'a str)], &'a [&'a str]),
    /// It breaks off after these pieces.
    BreaksOff(&'a [(&'a str, &'a str)], &'a [&'a str]),
    /// It is gone before any response.
    Gone,
}

const JSON: &[(&str, &str)] = &[(":status", "200"), ("content-type", "application/json")];
const EVENTS: &[(&str, &str)] = &[(":status", "200"), ("content-type", "text/event-stream")];

impl Worker {
    /// A stream from its request to its end; says whether the request was admitted.
    fn stream(&self, headers: &[(&str, &[u8])], then: Then<'_>) -> bool {
        self.host.begin(headers.iter().copied());
        let mut exchange = Exchange::default();
        let mut pending = Pending::default();
        let mut request = Request::new(&self.host, &mut exchange);
        let verdict = self.filter.request(&mut request, &mut pending).unwrap();
        exchange.end_request_phase();
        if verdict != Verdict::Continue {
            assert!(!self.filter.wants_end(&pending), "nothing is owed");
            return false;
        }
        let (response, pieces, has_body, is_complete, has_trailers) = match then {
            Then::HeadersOnly(response) => (response, &[][..], false, true, false),
            Then::Body(response, pieces) => (response, pieces, true, true, false),
            Then::Trailers(response, pieces) => (response, pieces, true, true, true),
            Then::BreaksOff(response, pieces) => (response, pieces, true, false, false),
            Then::Gone => {
                self.end(pending);
                return true;
            }
        };
        let pairs = response
            .iter()
            .map(|(name, value)| (*name, value.as_bytes()));
        self.host.respond(pairs);
        let mut snapshot = None;
        let mut view = Response::new(&self.host, &exchange, &mut snapshot);
        if !has_body {
            view = view.without_body();
        }
        self.filter.response(&mut view, &mut pending).unwrap();
        let last = pieces.len().saturating_sub(1);
        for (place, piece) in pieces.iter().enumerate() {
            let is_last = is_complete && !has_trailers && place == last;
            self.chunk(piece, is_last, &mut pending);
        }
        if has_trailers || pieces.is_empty() && is_complete {
            self.chunk("", true, &mut pending);
        }
        assert!(
            !is_complete || !self.filter.wants_end(&pending),
            "all is settled"
        );
        self.end(pending);
        true
    }

    fn chunk(&self, piece: &str, is_last: bool, pending: &mut Pending) {
        if self.filter.wants_response_body(pending) {
            let mut chunk = self.host.chunk(piece, is_last);
            self.filter.response_body(&mut chunk, pending);
        }
    }

    fn end(&self, pending: Pending) {
        if self.filter.wants_end(&pending) {
            self.filter.ended(&self.host, pending);
        }
    }

    /// How many requests of cost 1 are left, and how long it takes to the next one.
    fn left(&self, limit: &Value) -> (usize, u64) {
        let mut limit = limit.clone();
        let cost = &mut limit["limits"][0]["cost"];
        // Buckets with room for debts are apart from those without.
        let comes_later = ["response_header", "response_json"]
            .iter()
            .any(|key| cost.get(key).is_some());
        *cost = match comes_later {
            true => json!({"response_header": "x-none"}),
            false => json!(1),
        };
        limit["response_headers"] = json!("ietf");
        let probe = Worker::new(self.host.shared_data(), &limit);
        probe
            .host
            .set_now(gatehouse_host::Clock::now(&self.host).unwrap());
        let count = probe.admitted("acme", 1_000);
        let retry = probe.request("acme").header("retry-after")[0]
            .parse()
            .unwrap();
        (count, retry)
    }
}

/// A limit of 100 at once, one a second, whose requests cost this.
fn costing(cost: Value) -> Value {
    one(json!({"rate": "1/1s", "burst": 100, "cost": cost}))
}

const ACME: &[(&str, &[u8])] = &[("x-tenant", b"acme")];

#[test]
fn constant() {
    let worker = Worker::alone(&costing(json!(30)));
    let admitted = [(); 4].map(|()| worker.stream(ACME, Then::Body(JSON, &["{}"])));
    assert_eq!(admitted, [true, true, true, false]);
    assert_eq!(worker.left(&costing(json!(1))).0, 10);
    assert_eq!(
        worker.counts("a"),
        counts([("admitted", 3), ("refused", 1)])
    );
}

#[test]
fn by_a_header_of_the_request() {
    type Case<'a> = (&'a str, &'a [&'a [u8]], usize, &'a [(&'a str, u64)]);
    let cases: [Case<'_>; 9] = [
        ("a number", &[b"30"], 70, &[("cost", 30)]),
        ("zero", &[b"0"], 99, &[("cost", 1)]),
        ("none", &[], 95, &[("cost", 5), ("cost_absent", 1)]),
        (
            "no number",
            &[b"x"],
            95,
            &[("cost", 5), ("cost_malformed", 1)],
        ),
        (
            "not UTF-8",
            &[b"\xff"],
            95,
            &[("cost", 5), ("cost_malformed", 1)],
        ),
        (
            "negative",
            &[b"-30"],
            95,
            &[("cost", 5), ("cost_malformed", 1)],
        ),
        (
            "two",
            &[b"1", b"1"],
            95,
            &[("cost", 5), ("cost_malformed", 1)],
        ),
        (
            "too much",
            &[b"81"],
            20,
            &[("cost", 80), ("cost_capped", 1)],
        ),
        (
            "far too much",
            &[b"99999999999999999999999"],
            20,
            &[("cost", 80), ("cost_capped", 1)],
        ),
    ];
    for (name, values, left, counted) in cases {
        let config = costing(json!({"request_header": "X-Cost", "default": 5, "max": 80}));
        let worker = Worker::alone(&config);
        let mut headers = ACME.to_vec();
        headers.extend(values.iter().map(|value| ("x-cost", *value)));
        assert!(worker.stream(&headers, Then::Body(JSON, &["{}"])), "{name}");
        assert_eq!(worker.left(&config).0, left, "{name}");
        let mut expected = counts([("admitted", 1)]);
        expected.extend(
            counted
                .iter()
                .map(|(what, count)| ((*what).to_owned(), *count)),
        );
        assert_eq!(worker.counts("a"), expected, "{name}");
    }
    // More than there ever is: refused for good, and charged nothing.
    let config = costing(json!({"request_header": "x-cost"}));
    let worker = Worker::alone(&config);
    let answer = worker.send(&[("x-tenant", b"acme"), ("x-cost", b"101")], |_| {});
    assert_eq!(answer.refusal().2, "limit \"a\": exceeded");
    assert_eq!(worker.left(&config).0, 100);
}

#[test]
fn by_the_response() {
    let by_header = || json!({"response_header": "x-cost", "default": 5, "max": 80});
    let by_json = || json!({"response_json": "/usage/total", "default": 5, "max": 80});
    let cost = |value: &'static str| -> &'static [(&'static str, &'static str)] {
        Box::leak(Box::new([(":status", "200"), ("x-cost", value)]))
    };
    let gzip: &[(&str, &str)] = &[
        ("content-type", "application/json"),
        ("content-encoding", "gzip"),
    ];
    let grpc: &[(&str, &str)] = &[("content-type", "application/grpc")];
    let event = "data: {\"usage\":{\"total\":30}}\n\n";
    type Case<'a> = (&'a str, Value, Then<'a>, usize, &'a [(&'a str, u64)]);
    let cases: [Case<'_>; 24] = [
        (
            "header",
            by_header(),
            Then::Body(cost("30"), &["x"]),
            70,
            &[("cost", 30)],
        ),
        (
            "header, no body",
            by_header(),
            Then::HeadersOnly(cost("30")),
            70,
            &[("cost", 30)],
        ),
        (
            "header, zero",
            by_header(),
            Then::HeadersOnly(cost("0")),
            99,
            &[("cost", 1)],
        ),
        (
            "header, capped",
            by_header(),
            Then::HeadersOnly(cost("500")),
            20,
            &[("cost", 80), ("cost_capped", 1)],
        ),
        (
            "header, malformed",
            by_header(),
            Then::HeadersOnly(cost("many")),
            95,
            &[("cost", 5), ("cost_malformed", 1)],
        ),
        (
            "header, absent",
            by_header(),
            Then::Body(JSON, &["{}"]),
            95,
            &[("cost", 5), ("cost_absent", 1)],
        ),
        (
            "header, then it breaks off",
            by_header(),
            Then::BreaksOff(cost("30"), &["x"]),
            70,
            &[("cost", 30)],
        ),
        (
            "header, gone before",
            by_header(),
            Then::Gone,
            95,
            &[("cost", 5), ("cost_absent", 1)],
        ),
        (
            "json",
            by_json(),
            Then::Body(JSON, &["{\"usage\":{\"total\":30}}"]),
            70,
            &[("cost", 30)],
        ),
        (
            "json in pieces",
            by_json(),
            Then::Body(JSON, &["{\"usa", "", "ge\":{\"total\":3", "0}", "}"]),
            70,
            &[("cost", 30)],
        ),
        (
            "json and trailers",
            by_json(),
            Then::Trailers(JSON, &["{\"usage\":{\"total\":30}}"]),
            70,
            &[("cost", 30)],
        ),
        (
            "json, fractions",
            by_json(),
            Then::Body(JSON, &["{\"usage\":{\"total\":29.01}}"]),
            70,
            &[("cost", 30)],
        ),
        (
            "json, capped",
            by_json(),
            Then::Body(JSON, &["{\"usage\":{\"total\":1e300}}"]),
            20,
            &[("cost", 80), ("cost_capped", 1)],
        ),
        (
            "json, absent",
            by_json(),
            Then::Body(JSON, &["{\"error\":1}"]),
            95,
            &[("cost", 5), ("cost_absent", 1)],
        ),
        (
            "json, malformed",
            by_json(),
            Then::Body(JSON, &["\u{ff}\u{0}"]),
            95,
            &[("cost", 5), ("cost_malformed", 1)],
        ),
        (
            "json, no body",
            by_json(),
            Then::HeadersOnly(JSON),
            95,
            &[("cost", 5), ("cost_absent", 1)],
        ),
        (
            "json, an empty body",
            by_json(),
            Then::Body(JSON, &[]),
            95,
            &[("cost", 5), ("cost_absent", 1)],
        ),
        (
            "json, compressed",
            by_json(),
            Then::Body(gzip, &["\u{1f}\u{8b}"]),
            95,
            &[("cost", 5), ("cost_encoded", 1)],
        ),
        (
            "gRPC",
            by_json(),
            Then::Trailers(grpc, &["\0\0\0\0\0"]),
            95,
            &[("cost", 5), ("cost_absent", 1)],
        ),
        (
            "json breaks off before it",
            by_json(),
            Then::BreaksOff(JSON, &["{\"usage\":{\"total\":3"]),
            95,
            &[("cost", 5), ("cost_malformed", 1)],
        ),
        (
            "json breaks off after it",
            by_json(),
            Then::BreaksOff(JSON, &["{\"usage\":{\"total\":30}"]),
            70,
            &[("cost", 30)],
        ),
        (
            "events",
            by_json(),
            Then::Body(EVENTS, &["data: {}\n\n", event, "data: [DO", "NE]\n\n"]),
            70,
            &[("cost", 30)],
        ),
        (
            "events break off",
            by_json(),
            Then::BreaksOff(EVENTS, &["data: {}\n\n"]),
            95,
            &[("cost", 5), ("cost_absent", 1)],
        ),
        (
            "events break off after it",
            by_json(),
            Then::BreaksOff(EVENTS, &[event]),
            70,
            &[("cost", 30)],
        ),
    ];
    for (name, cost, then, left, counted) in cases {
        let config = costing(cost);
        let worker = Worker::alone(&config);
        assert!(worker.stream(ACME, then), "{name}");
        assert_eq!(worker.left(&config).0, left, "{name}");
        let mut expected = counts([("admitted", 1)]);
        expected.extend(
            counted
                .iter()
                .map(|(what, count)| ((*what).to_owned(), *count)),
        );
        assert_eq!(worker.counts("a"), expected, "{name}");
    }
}

/// The example of the README: admitted with room for 1, and then in debt.
#[test]
fn a_debt_is_paid_off_before_anything_is_admitted() {
    let config = costing(json!({"response_json": "/total"}));
    let worker = Worker::alone(&config);
    let expensive = Then::Body(JSON, &["{\"total\":160}"]);
    assert!(worker.stream(ACME, expensive));
    // 60 are owed: one comes in a second.
    assert!(!worker.stream(ACME, expensive));
    let answer = worker.request("acme");
    assert_eq!(answer.header("retry-after"), ["61"]);
    assert_eq!(answer.header("ratelimit"), ["\"a\";r=0;t=61"]);
    worker.host.advance(Duration::from_secs(60));
    assert!(!worker.stream(ACME, expensive));
    worker.host.advance(Duration::from_secs(1));
    assert!(worker.stream(ACME, expensive));
    assert_eq!(worker.request("acme").header("retry-after"), ["160"]);
}

/// Side by side, each takes 1 before anything is known: no more come in than there is room for.
#[test]
fn streams_at_the_same_time() {
    let config =
        one(json!({"rate": "1/1h", "burst": 3, "cost": {"response_json": "/total", "max": 10}}));
    let worker = Worker::alone(&config);
    let mut open = Vec::new();
    for expected in [true, true, true, false] {
        worker.host.begin(ACME.iter().copied());
        let (mut exchange, mut pending) = (Exchange::default(), Pending::default());
        let mut request = Request::new(&worker.host, &mut exchange);
        let verdict = worker.filter.request(&mut request, &mut pending).unwrap();
        assert_eq!(verdict == Verdict::Continue, expected);
        if expected {
            open.push(pending);
        }
    }
    open.into_iter().for_each(|pending| worker.end(pending));
    assert_eq!(worker.counts("a")["cost"], 3);
}

/// Each algorithm with a rate carries debts; each limit is charged by its own source.
#[test]
fn algorithms_and_several_limits() {
    for algorithm in ["gcra", "sliding_window", "fixed_window"] {
        let config = json!({"limits": [
            {"name": "a", "key": [{"header": "x-tenant"}], "rate": "100/1h", "algorithm": algorithm,
             "cost": {"response_json": "/total"}},
            {"name": "b", "key": [{"header": "x-tenant"}], "rate": "1000/1h", "algorithm": algorithm,
             "cost": {"response_header": "x-cost"}},
            {"name": "c", "key": [{"header": "x-tenant"}], "rate": "1000/1h", "algorithm": algorithm},
        ]});
        let worker = Worker::alone(&config);
        let response: &[(&str, &str)] = &[("x-cost", "7"), ("content-type", "application/json")];
        assert!(
            worker.stream(ACME, Then::Body(response, &["{\"total\":150}"])),
            "{algorithm}"
        );
        assert!(!worker.stream(ACME, Then::Gone), "{algorithm}");
        let costs = ["a", "b"].map(|limit| worker.counts(limit)["cost"]);
        assert_eq!(costs, [150, 7], "{algorithm}");
        let expected = counts([("admitted", 1)]);
        assert_eq!(
            worker.counts("c"),
            expected,
            "{algorithm}: not charged for the refused one"
        );
    }
}

/// An override's key pays into its own bucket, at its own rate.
#[test]
fn overrides() {
    let config = one(
        json!({"rate": "1/1s", "burst": 10, "cost": {"response_json": "/total"},
        "overrides": [{"key": {"header": {"x-tenant": "acme"}}, "burst": 100}]}),
    );
    let worker = Worker::alone(&config);
    assert!(worker.stream(ACME, Then::Body(JSON, &["{\"total\":160}"])));
    assert_eq!(worker.request("acme").header("retry-after"), ["61"]);
}

#[test]
fn report_charges_and_refuses_nothing() {
    let mut config = costing(json!({"response_json": "/total"}));
    config["mode"] = json!("report");
    let worker = Worker::alone(&config);
    let expensive = Then::Body(JSON, &["{\"total\":160}"]);
    assert!(worker.stream(ACME, expensive));
    assert!(worker.stream(ACME, expensive));
    let expected = counts([("admitted", 1), ("would_refuse", 1), ("cost", 160)]);
    assert_eq!(worker.counts("a"), expected);
}

/// A body that the host does not hand over, and a store that fails when the bill comes.
#[test]
fn a_host_that_fails_later() {
    let config = costing(json!({"response_json": "/total", "default": 5}));
    let worker = Worker::alone(&config);
    worker.host.fail("proxy_get_buffer_bytes", Status::Code(1));
    // `begin` may not heal what fails later.
    assert!(worker.stream(ACME, Then::Body(JSON, &["{\"total\":30}", "x"])));
    let expected = counts([
        ("admitted", 1),
        ("host_failed", 1),
        ("cost_malformed", 1),
        ("cost", 5),
    ]);
    assert_eq!(worker.counts("a"), expected);
    assert_eq!(worker.left(&config).0, 95);

    let worker = Worker::alone(&config);
    worker.host.begin(ACME.iter().copied());
    let (mut exchange, mut pending) = (Exchange::default(), Pending::default());
    let mut request = Request::new(&worker.host, &mut exchange);
    worker.filter.request(&mut request, &mut pending).unwrap();
    worker.host.fail("proxy_get_shared_data", Status::Code(10));
    worker.end(pending);
    let expected = counts([
        ("admitted", 1),
        ("store_failed", 1),
        ("cost_absent", 1),
        ("cost", 1),
    ]);
    assert_eq!(worker.counts("a"), expected);
    let lines = worker.host.log_lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
}

/// Who could have the answer compressed could choose what it costs.
#[test]
fn answers_that_can_be_read_are_asked_for() {
    let json = || json!({"response_json": "/total"});
    let cases = [
        ("by the body", json!({"cost": json()}), false),
        (
            "by a header",
            json!({"cost": {"response_header": "x-cost"}}),
            true,
        ),
        ("a constant", json!({}), true),
        (
            "report changes nothing",
            json!({"cost": json(), "mode": "report"}),
            true,
        ),
    ];
    for (name, changes, stays) in cases {
        let worker = Worker::alone(&one(changes));
        let headers: [(&str, &[u8]); 6] = [
            ("x-tenant", b"acme"),
            ("accept-encoding", b"gzip"),
            ("accept-encoding", b"br"),
            ("accept-charset", b"utf-16"),
            ("range", b"bytes=0-0"),
            ("if-range", b"\"x\""),
        ];
        assert!(worker.stream(&headers, Then::Gone), "{name}");
        let left = worker.host.request_headers();
        for choice in ["accept-encoding", "accept-charset", "range", "if-range"] {
            let left = left.iter().any(|(name, _)| name == choice);
            assert_eq!(left, stays, "{name}: {choice}");
        }
    }
    // Where nobody has looked at the headers yet.
    let worker = Worker::alone(&one(json!({"key": [{"const": "x"}], "cost": json()})));
    assert!(worker.stream(&[("accept-encoding", b"gzip")], Then::Gone));
    assert_eq!(worker.host.request_headers(), []);
    assert_eq!(
        worker.host.calls().get("proxy_remove_header_map_value"),
        Some(&4)
    );
}

/// Where that cannot be asked for, what a limit charged by the body does is its `on_error`.
#[test]
fn a_choice_that_cannot_be_removed() {
    let compressed: [(&str, &[u8]); 2] = [("x-tenant", b"acme"), ("accept-encoding", b"gzip")];
    for (on_error, goes_on) in [("deny", false), ("allow", true)] {
        let changes = json!({"cost": {"response_json": "/total"}, "on_error": on_error});
        let worker =
            Worker::alone(&json!({"limits": [limit("a", changes), limit("b", json!({}))]}));
        let (mut exchange, mut pending) = (Exchange::default(), Pending::default());
        worker.host.begin(compressed.iter().copied());
        worker
            .host
            .fail("proxy_remove_header_map_value", Status::Code(2));
        let mut request = Request::new(&worker.host, &mut exchange);
        let verdict = worker.filter.request(&mut request, &mut pending).unwrap();
        worker.end(pending);
        match verdict {
            Verdict::Continue => assert!(goes_on, "{on_error}"),
            Verdict::Deny(reply) => {
                assert!(!goes_on, "{on_error}");
                assert_eq!(reply.status, 503);
                assert_eq!(reply.details, "gatehouse.rate_limit.host_failed.a");
            }
            other => panic!("{other:?}"),
        }
        let [a, b] = ["a", "b"].map(|name| worker.counts(name));
        assert_eq!(a["host_failed"], 1, "{on_error}");
        assert_eq!(a.contains_key("admitted"), goes_on, "{on_error}");
        assert_eq!(a.contains_key("refused"), !goes_on, "{on_error}");
        assert_eq!(b.contains_key("admitted"), goes_on, "{on_error}");
        assert_eq!(worker.host.log_lines().len(), 1, "{on_error}");
    }
}

/// What the response costs the host: nothing for a limit that asks for nothing, and of a body only as
/// much as is needed.
#[test]
fn host_calls() {
    let calls = |cost: Value, pieces: &[&str]| {
        let mut config = costing(cost);
        config["response_headers"] = json!("none");
        let worker = Worker::alone(&config);
        assert!(worker.stream(ACME, Then::Body(JSON, pieces)));
        let mut calls = worker.host.calls();
        for (call, count) in [
            ("proxy_get_current_time_nanoseconds", 1),
            ("proxy_get_header_map_pairs", 1),
            ("proxy_get_shared_data", 1),
            ("proxy_set_shared_data", 1),
            ("proxy_increment_metric", 1),
        ] {
            let left = calls.remove(call).unwrap() - count;
            if left > 0 {
                calls.insert(call, left);
            }
        }
        calls.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(calls(json!(1), &["{}", "{}"]), [], "constant");
    assert_eq!(
        calls(json!({"request_header": "x-tenant"}), &["{}", "{}"]),
        [("proxy_increment_metric", 2)],
        "a request header: what is charged, and that it is no number"
    );
    let settled = [
        ("proxy_get_current_time_nanoseconds", 1),
        ("proxy_get_header_map_pairs", 1),
        ("proxy_get_shared_data", 1),
        ("proxy_increment_metric", 2),
        ("proxy_set_shared_data", 1),
    ];
    let json = [&[("proxy_get_buffer_bytes", 2)], &settled[..]].concat();
    assert_eq!(
        calls(
            json!({"response_json": "/total"}),
            &["{\"tot", "al\":30}", "and so", "on"]
        ),
        json,
        "a body is read until the number is known"
    );
    let cheap = [
        ("proxy_get_buffer_bytes", 1),
        ("proxy_get_header_map_pairs", 1),
        ("proxy_increment_metric", 1),
    ];
    assert_eq!(
        calls(json!({"response_json": "/total"}), &["{\"total\":1}"]),
        cheap,
        "what has been paid is not charged again"
    );
}

#[test]
fn mistakes() {
    let limits: Vec<Value> = [
        json!({"cost": 0}),
        json!({"cost": "1"}),
        json!({"cost": -1}),
        json!({"cost": {}}),
        json!({"cost": {"request_header": "a", "response_header": "b"}}),
        json!({"cost": {"request_header": ":path"}}),
        json!({"cost": {"response_json": "usage"}}),
        json!({"cost": {"response_json": ""}}),
        json!({"cost": {"response_json": "/a~b"}}),
        json!({"cost": {"response_body": "/a"}}),
        json!({"cost": {"response_header": "a", "default": 0}}),
        json!({"cost": {"response_header": "a", "default": 9, "max": 8}}),
        json!({"cost": 4}),
        json!({"cost": {"request_header": "a", "default": 4}}),
        json!({"burst": 9, "cost": 4, "overrides": [
            {"key": {"header": {"x-tenant": "a"}}, "burst": 5}, {"key": {"header": {"x-tenant": "b"}}, "burst": 3}]}),
        json!({"cost": {"response_header": "a", "default": 4}}),
    ]
    .into_iter()
    .enumerate()
    .map(|(place, changes)| limit(&format!("l{place}"), changes))
    .chain([json!({"name": "c", "key": ["client_ip"], "algorithm": "concurrency", "limit": 3, "cost": 2})])
    .collect();
    let expected = r#"configuration refused:
limits[0].cost: 0 limits nothing (leave the limit out)
limits[1].cost: expected a whole number, or what says it, found the text "1"
limits[2].cost: expected a whole number, found the number -1
limits[3].cost: needs exactly one of request_header, response_header, response_json
limits[4].cost: needs exactly one of request_header, response_header, response_json
limits[5].cost.request_header: ":path" is a pseudo-header, which cannot stand here
limits[6].cost.response_json: "usage" is not a JSON pointer to something in a document (such as "/usage/total_tokens"; within a name "~0" is "~" and "~1" is "/")
limits[7].cost.response_json: "" is not a JSON pointer to something in a document (such as "/usage/total_tokens"; within a name "~0" is "~" and "~1" is "/")
limits[8].cost.response_json: "/a~b" is not a JSON pointer to something in a document (such as "/usage/total_tokens"; within a name "~0" is "~" and "~1" is "/")
limits[9].cost.response_body: unknown field (did you mean "response_json"?)
limits[10].cost.default: 0, but each request costs 1 at least
limits[11].cost.max: less than the default, 9
limits[12].cost: 4 is more than the limit ever has, so it would refuse every request
limits[13].cost: 4 is more than the limit ever has, so it would refuse every request
limits[14].cost: 4 is more than overrides[1] ever has, so it would refuse every request
limits[16].cost: concurrency has no costs: each request in flight is one"#;
    let refused = Worker::try_new(&Shared::default(), &json!({"limits": limits})).err();
    assert_eq!(refused.unwrap().to_string(), expected);
}
