//! Who shares a bucket with whom.

use super::*;

/// A request: headers, the peer's address, the identity that a module before left.
#[derive(Default, Clone)]
struct Sent {
    headers: Vec<(&'static str, &'static [u8])>,
    peer: Option<&'static str>,
    consumer: Option<(&'static str, &'static str)>,
}

impl Sent {
    fn to(&self, worker: &Worker) -> Answer {
        worker.send(&self.headers, |host| {
            if let Some(peer) = self.peer {
                host.property_is("source.address", peer);
            }
            if let Some((provider, name)) = self.consumer {
                host.property_is("gatehouse.identity", identity(provider, name));
            }
        })
    }
}

fn header(name: &'static str, value: &'static [u8]) -> Sent {
    headers(vec![(name, value)])
}

fn headers(headers: Vec<(&'static str, &'static [u8])>) -> Sent {
    Sent {
        headers,
        ..Sent::default()
    }
}

fn peer(peer: &'static str) -> Sent {
    Sent {
        peer: Some(peer),
        ..Sent::default()
    }
}

fn consumer(provider: &'static str, name: &'static str) -> Sent {
    Sent {
        consumer: Some((provider, name)),
        ..Sent::default()
    }
}

#[test]
fn two_requests_share_a_bucket_or_not() {
    let tenant = || json!([{"header": "x-tenant"}]);
    let pair = || json!([{"header": "x-a"}, {"header": "x-b"}]);
    let address = || json!(["client_ip"]);
    let same = true;
    let cases = [
        (
            "a header",
            tenant(),
            header("x-tenant", b"a"),
            header("x-tenant", b"a"),
            same,
        ),
        (
            "another value",
            tenant(),
            header("x-tenant", b"a"),
            header("x-tenant", b"b"),
            !same,
        ),
        (
            "case of the value",
            tenant(),
            header("x-tenant", b"a"),
            header("x-tenant", b"A"),
            !same,
        ),
        (
            "not UTF-8",
            tenant(),
            header("x-tenant", b"\xff"),
            header("x-tenant", b"\xfe"),
            !same,
        ),
        (
            "not UTF-8, the same",
            tenant(),
            header("x-tenant", b"\xff\0"),
            header("x-tenant", b"\xff\0"),
            same,
        ),
        (
            "missing twice",
            tenant(),
            Sent::default(),
            header("x-other", b"a"),
            same,
        ),
        (
            "missing and empty",
            tenant(),
            Sent::default(),
            header("x-tenant", b""),
            same,
        ),
        (
            "missing and there",
            tenant(),
            Sent::default(),
            header("x-tenant", b"a"),
            !same,
        ),
        (
            "the border between two parts",
            pair(),
            headers(vec![("x-a", b"ab"), ("x-b", b"c")]),
            headers(vec![("x-a", b"a"), ("x-b", b"bc")]),
            !same,
        ),
        (
            "which of two is missing",
            pair(),
            header("x-a", b"a"),
            header("x-b", b"a"),
            !same,
        ),
        (
            "a length that is written as a missing part",
            pair(),
            header("x-b", b"a"),
            header("x-a", b"\xff\xff\xff\xff\xff\xff\xff\xff"),
            !same,
        ),
        (
            "the same consumer",
            json!(["consumer"]),
            consumer("p", "acme"),
            consumer("p", "acme"),
            same,
        ),
        (
            "of another provider",
            json!(["consumer"]),
            consumer("p", "acme"),
            consumer("q", "acme"),
            !same,
        ),
        (
            "the border of provider and name",
            json!(["consumer"]),
            consumer("pa", "b"),
            consumer("p", "ab"),
            !same,
        ),
        (
            "anonymous",
            json!(["consumer"]),
            Sent::default(),
            header("x-tenant", b"a"),
            same,
        ),
        (
            "a constant",
            json!([{"const": "all"}]),
            header("x-tenant", b"a"),
            peer("192.0.2.1:1"),
            same,
        ),
        (
            "another port",
            address(),
            peer("192.0.2.1:1"),
            peer("192.0.2.1:2"),
            same,
        ),
        (
            "another IPv4 address",
            address(),
            peer("192.0.2.1:1"),
            peer("192.0.2.2:1"),
            !same,
        ),
        (
            "one IPv6 /64",
            address(),
            peer("[2001:db8::1]:1"),
            peer("[2001:db8::ffff:0:0:2]:1"),
            same,
        ),
        (
            "two IPv6 /64",
            address(),
            peer("[2001:db8::1]:1"),
            peer("[2001:db8:0:1::1]:1"),
            !same,
        ),
        (
            "IPv4-mapped",
            address(),
            peer("192.0.2.1:1"),
            peer("[::ffff:192.0.2.1]:1"),
            same,
        ),
        (
            "IPv4-mapped is no /64",
            address(),
            peer("[::ffff:192.0.2.1]:1"),
            peer("[::ffff:192.0.2.2]:1"),
            !same,
        ),
        (
            "IPv4 and IPv6 of the same bytes",
            address(),
            peer("0.0.0.0:1"),
            peer("[::]:1"),
            !same,
        ),
        (
            "no address",
            address(),
            peer("/run/a.sock"),
            peer("/run/b.sock"),
            same,
        ),
        (
            "no address and one",
            address(),
            Sent::default(),
            peer("0.0.0.0:1"),
            !same,
        ),
        (
            "an IPv4 /24",
            json!([{"client_ip": {"ipv4": 24}}]),
            peer("192.0.2.1:1"),
            peer("192.0.2.200:1"),
            same,
        ),
        (
            "two IPv4 /24",
            json!([{"client_ip": {"ipv4": 24}}]),
            peer("192.0.2.1:1"),
            peer("192.0.3.1:1"),
            !same,
        ),
        (
            "an IPv6 /128",
            json!([{"client_ip": {"ipv6": 128}}]),
            peer("[2001:db8::1]:1"),
            peer("[2001:db8::2]:1"),
            !same,
        ),
    ];
    for (name, key, first, second, same) in cases {
        let worker = Worker::alone(&one(json!({"key": key, "burst": 1})));
        assert!(first.to(&worker).is_admitted(), "{name}");
        assert_eq!(second.to(&worker).is_admitted(), !same, "{name}");
        assert!(!first.to(&worker).is_admitted(), "{name}");
    }
}

#[test]
fn limits_do_not_share_buckets() {
    let config = json!({"limits": [
        limit("a", json!({"burst": 1, "if_absent": "skip"})),
        limit("b", json!({"burst": 1, "key": [{"header": "x-other"}], "if_absent": "skip"})),
    ]});
    let worker = Worker::alone(&config);
    assert!(header("x-tenant", b"1").to(&worker).is_admitted());
    assert!(header("x-other", b"1").to(&worker).is_admitted());
}

#[test]
fn a_limit_applies_where_its_match_holds() {
    let config = json!({"limits": [
        limit("api", json!({"match": {"path": {"prefix": "/api"}}, "burst": 1})),
        limit("writes", json!({"match": {"methods": ["POST"]}, "burst": 1})),
    ]});
    type Case<'a> = (&'a str, &'a [u8], &'a [u8], &'a [&'a str]);
    let cases: [Case<'_>; 4] = [
        ("neither", b"GET", b"/", &[]),
        ("one", b"GET", b"/api/x", &["api"]),
        ("another spelling", b"GET", b"//%61pi/./x", &["api"]),
        ("both", b"POST", b"/api", &["api", "writes"]),
    ];
    for (name, method, path, limits) in cases {
        let worker = Worker::alone(&config);
        let headers = [(":method", method), (":path", path), ("x-tenant", b"acme")];
        assert!(worker.send(&headers, |_| {}).is_admitted(), "{name}");
        let again = worker.send(&headers, |_| {}).is_admitted();
        assert_eq!(again, limits.is_empty(), "{name}");
        for limit in ["api", "writes"] {
            let expected = match limits.contains(&limit) {
                true => counts([("admitted", 1), ("refused", 1)]),
                false => counts([]),
            };
            assert_eq!(worker.counts(limit), expected, "{name}, {limit}");
        }
    }
}

/// Behind a proxy that is trusted, the client is whom that proxy saw.
#[test]
fn the_client_beyond_trusted_proxies() {
    let mut config = one(json!({"key": ["client_ip"], "burst": 1}));
    config["trusted_hops"] = json!(1);
    let worker = Worker::alone(&config);
    let from = |forwarded: &'static [u8]| Sent {
        headers: vec![("x-forwarded-for", forwarded)],
        peer: Some("10.0.0.1:1"),
        ..Sent::default()
    };
    assert!(from(b"192.0.2.1").to(&worker).is_admitted());
    assert!(from(b"192.0.2.2").to(&worker).is_admitted());
    let forged = from(b"203.0.113.9, 192.0.2.1").to(&worker);
    assert!(!forged.is_admitted());
}

#[test]
fn a_missing_part() {
    let cases = [
        ("header", json!([{"header": "x-tenant"}]), "header x-tenant"),
        ("consumer", json!([{"const": "x"}, "consumer"]), "consumer"),
        ("address", json!(["client_ip"]), "client_ip"),
    ];
    for (name, key, part) in cases {
        let with = |if_absent: &str| {
            Worker::alone(&one(
                json!({"key": key, "burst": 1, "if_absent": if_absent}),
            ))
        };
        let skip = with("skip");
        for _ in 0..3 {
            let answer = Sent::default().to(&skip);
            assert!(answer.is_admitted(), "{name}");
            assert_eq!(answer.headers, [], "{name}");
        }
        assert_eq!(skip.counts("a"), counts([]), "{name}");

        let deny = with("deny");
        assert_eq!(
            Sent::default().to(&deny).refusal(),
            (
                400,
                "gatehouse.rate_limit.key_missing.a".to_owned(),
                format!("limit \"a\": needs {part}")
            ),
            "{name}"
        );
        assert_eq!(deny.host.shared_data().len(), 1, "{name}: only the seed");
        let expected = counts([("key_missing", 1), ("refused", 1)]);
        assert_eq!(deny.counts("a"), expected, "{name}");
    }
}

/// Whatever the values: with one of them a client could have as many buckets as it likes.
#[test]
fn two_values_of_a_keyed_header() {
    let doubles: [[(&str, &[u8]); 2]; 3] = [
        [("x-tenant", b"a"), ("x-tenant", b"b")],
        [("x-tenant", b"a"), ("x-tenant", b"a")],
        [("x-tenant", b"a"), ("x-tenant", b"")],
    ];
    for if_absent in ["empty", "skip", "deny"] {
        let worker = Worker::alone(&one(json!({"if_absent": if_absent})));
        for double in &doubles {
            let answer = worker.send(double, |_| {});
            assert_eq!(
                answer.refusal(),
                (
                    400,
                    "gatehouse.rate_limit.key_ambiguous.a".to_owned(),
                    "limit \"a\": header x-tenant has several values".to_owned()
                )
            );
            assert_eq!(answer.reply().grpc_status, Some(3));
            assert!(answer.header("retry-after").is_empty());
        }
        let expected = counts([("key_ambiguous", 3), ("refused", 3)]);
        assert_eq!(worker.counts("a"), expected);
    }
    let report = Worker::alone(&one(json!({"mode": "report"})));
    assert!(report.send(&doubles[0], |_| {}).is_admitted());
    let expected = counts([("key_ambiguous", 1), ("would_refuse", 1)]);
    assert_eq!(report.counts("a"), expected);
}

#[test]
fn overrides() {
    let config = one(json!({
        "key": ["consumer", {"header": "x-tenant"}, "client_ip"],
        "burst": 1,
        "overrides": [
            {"key": {"consumer": "acme", "header": {"x-tenant": "big"}}, "burst": 4},
            {"key": {"consumer": "acme"}, "burst": 2},
            {"key": {"client_ip": "2001:db8::/32"}, "burst": 3},
        ],
    }));
    let from = |name: &'static str, tenant: &'static [u8], peer: &'static str| Sent {
        headers: vec![("x-tenant", tenant)],
        peer: Some(peer),
        consumer: Some(("p", name)),
    };
    let cases = [
        ("none", from("other", b"big", "192.0.2.1:1"), 1),
        ("all that is named", from("acme", b"big", "192.0.2.1:1"), 4),
        (
            "the first that is",
            from("acme", b"small", "[2001:db8::1]:1"),
            2,
        ),
        ("an address", from("other", b"big", "[2001:db8::1]:1"), 3),
        (
            "the name is not a prefix",
            from("acme2", b"big", "192.0.2.1:1"),
            1,
        ),
        ("nobody", Sent::default(), 1),
    ];
    for (name, sent, burst) in cases {
        let worker = Worker::alone(&config);
        let admitted = (0..10).filter(|_| sent.to(&worker).is_admitted()).count();
        assert_eq!(admitted, burst, "{name}");
    }
}

#[test]
fn the_consumer_of_the_same_module() {
    use gatehouse_host::{HttpFilter as _, Request};
    use std::rc::Rc;

    let worker = Worker::alone(&one(json!({"key": ["consumer"], "burst": 1})));
    let mut admitted = Vec::new();
    for name in ["a", "a", "b"] {
        worker.host.begin([]);
        let mut exchange = Exchange::default();
        let mut request = Request::new(&worker.host, &mut exchange);
        let consumer = Rc::new(Consumer {
            name: name.to_owned(),
            ..Consumer::default()
        });
        request
            .establish(consumer, gatehouse_host::Audience::Logs)
            .unwrap();
        let verdict = worker.filter.request(&mut request, &mut Pending::default());
        admitted.push(verdict.unwrap() == Verdict::Continue);
        assert_eq!(worker.host.calls().get("proxy_get_property"), None);
    }
    assert_eq!(admitted, [true, false, true]);
}
