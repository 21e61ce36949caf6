//! Each kind of key part: who shares a bucket with whom, what is missing, what cannot be gone by, and
//! what it costs.

use super::*;

type Headers = &'static [(&'static str, &'static [u8])];

/// A limit with this key, and a `match` with a template where a part needs one.
fn keyed(key: &Value, if_absent: &str) -> Value {
    let mut limit = limit("a", json!({"key": key, "burst": 1, "if_absent": if_absent}));
    if key.to_string().contains("path_param") {
        limit["match"] = json!({"path": {"template": "/users/{id}/{rest=**}"}});
    }
    json!({"limits": [limit]})
}

/// A request: `who` is the identity that a module before left.
fn send(worker: &Worker, headers: Headers, who: &Value) -> Answer {
    worker.send(headers, |host| {
        if !who.is_null() {
            host.property_is("gatehouse.identity", who.to_string().into_bytes());
        }
        host.property_is("source.address", "192.0.2.1:4711");
    })
}

/// An identity of provider `p`, with this put in place of what it has.
fn who(changes: Value) -> Value {
    let mut who = json!({
        "name": "ann", "provider": "p", "groups": [], "scopes": [], "claims": {}, "metadata": {},
    });
    for (key, value) in changes.as_object().unwrap() {
        who[key] = value.clone();
    }
    who
}

fn claims(claims: Value) -> Value {
    who(json!({"claims": claims}))
}

fn groups(groups: Value) -> Value {
    who(json!({"groups": groups}))
}

#[test]
fn requests_that_share_a_bucket_or_not() {
    let at = |path: &'static [u8]| -> Headers { Box::leak(Box::new([(":path", path)])) };
    let host = |host: &'static [u8]| -> Headers { Box::leak(Box::new([(":authority", host)])) };
    let method = |name: &'static [u8]| -> Headers { Box::leak(Box::new([(":method", name)])) };
    let cookie = |line: &'static [u8]| -> Headers { Box::leak(Box::new([("cookie", line)])) };
    let same = true;
    let by_header: [(&str, Value, Headers, Headers, bool); 33] = [
        (
            "cookie",
            json!({"cookie": "sid"}),
            cookie(b"sid=1; a=2"),
            cookie(b"a=3;sid=1"),
            same,
        ),
        (
            "cookie, another value",
            json!({"cookie": "sid"}),
            cookie(b"sid=1"),
            cookie(b"sid=2"),
            !same,
        ),
        (
            "cookie, case of its name",
            json!({"cookie": "sid"}),
            cookie(b"sid=1"),
            cookie(b"SID=1"),
            !same,
        ),
        (
            "cookie, on two lines",
            json!({"cookie": "sid"}),
            cookie(b"a=1; sid=1"),
            &[("cookie", b"a=1"), ("cookie", b"sid=1")],
            same,
        ),
        (
            "cookie, not UTF-8",
            json!({"cookie": "sid"}),
            cookie(b"sid=\xff"),
            cookie(b"sid=\xfe"),
            !same,
        ),
        (
            "cookie, empty and missing",
            json!({"cookie": "sid"}),
            cookie(b"sid="),
            &[],
            same,
        ),
        (
            "query",
            json!({"query": "q"}),
            at(b"/?q=1"),
            at(b"/x?a=2&q=1"),
            same,
        ),
        (
            "query, another value",
            json!({"query": "q"}),
            at(b"/?q=1"),
            at(b"/?q=2"),
            !same,
        ),
        (
            "query, an escape",
            json!({"query": "q"}),
            at(b"/?q=a"),
            at(b"/?%71=%61"),
            same,
        ),
        (
            "query, case of its name",
            json!({"query": "q"}),
            at(b"/?q=1"),
            at(b"/?Q=1"),
            !same,
        ),
        (
            "query, not UTF-8",
            json!({"query": "q"}),
            at(b"/?q=%ff"),
            at(b"/?q=%fe"),
            !same,
        ),
        (
            "query, empty and missing",
            json!({"query": "q"}),
            at(b"/?q"),
            at(b"/"),
            same,
        ),
        (
            "method",
            json!("method"),
            method(b"GET"),
            method(b"GET"),
            same,
        ),
        (
            "method, another",
            json!("method"),
            method(b"GET"),
            method(b"POST"),
            !same,
        ),
        ("path", json!("path"), at(b"/a/b"), at(b"/a//b/"), same),
        (
            "path, its query",
            json!("path"),
            at(b"/a?x=1"),
            at(b"/a?x=2"),
            same,
        ),
        (
            "path, escapes",
            json!("path"),
            at(b"/a"),
            at(b"/%61;v=1"),
            same,
        ),
        ("path, dots", json!("path"), at(b"/a"), at(b"/x/../a"), same),
        (
            "path, another",
            json!("path"),
            at(b"/a"),
            at(b"/a/b"),
            !same,
        ),
        ("path, its case", json!("path"), at(b"/a"), at(b"/A"), !same),
        (
            "segment",
            json!({"path_param": "id"}),
            at(b"/users/7/a"),
            at(b"/users/7/b/c"),
            same,
        ),
        (
            "segment, another",
            json!({"path_param": "id"}),
            at(b"/users/7"),
            at(b"/users/8"),
            !same,
        ),
        (
            "segment, an escape",
            json!({"path_param": "id"}),
            at(b"/users/7"),
            at(b"//users/%37/"),
            same,
        ),
        (
            "rest",
            json!({"path_param": "rest"}),
            at(b"/users/7/a/b"),
            at(b"/users/8/a/b"),
            same,
        ),
        (
            "host",
            json!("host"),
            host(b"a.test"),
            host(b"A.test.:80"),
            same,
        ),
        (
            "host, another",
            json!("host"),
            host(b"a.test"),
            host(b"b.test"),
            !same,
        ),
        (
            "host, IPv6",
            json!("host"),
            host(b"[2001:DB8::1]"),
            host(b"[2001:db8:0::1]:80"),
            same,
        ),
        (
            "a constant beside another part",
            json!([{"const": "x"}, "method"]),
            method(b"GET"),
            method(b"GET"),
            same,
        ),
        (
            "method and path",
            json!(["method", "path"]),
            &[(":method", b"GET"), (":path", b"/")],
            &[(":method", b"POST"), (":path", b"/")],
            !same,
        ),
        (
            "the border between a cookie and a header",
            json!([{"cookie": "a"}, {"header": "b"}]),
            &[("cookie", b"a=xy"), ("b", b"z")],
            &[("cookie", b"a=x"), ("b", b"yz")],
            !same,
        ),
        (
            "which of cookie and query is missing",
            json!([{"cookie": "a"}, {"query": "a"}]),
            &[("cookie", b"a=x"), (":path", b"/")],
            at(b"/?a=x"),
            !same,
        ),
        (
            "anonymous, by group",
            json!("group"),
            &[],
            method(b"GET"),
            same,
        ),
        (
            "anonymous, by claim",
            json!({"claim": "org"}),
            &[],
            method(b"GET"),
            same,
        ),
    ];
    let by_who: [(&str, Value, Value, Value, bool); 21] = [
        (
            "group",
            json!("group"),
            groups(json!(["a"])),
            groups(json!(["a"])),
            same,
        ),
        (
            "group, another",
            json!("group"),
            groups(json!(["a"])),
            groups(json!(["b"])),
            !same,
        ),
        (
            "groups in another order",
            json!("group"),
            groups(json!(["a", "b"])),
            groups(json!(["b", "a", "b"])),
            same,
        ),
        (
            "one group more",
            json!("group"),
            groups(json!(["a"])),
            groups(json!(["a", "b"])),
            !same,
        ),
        (
            "the border of groups",
            json!("group"),
            groups(json!(["ab"])),
            groups(json!(["a", "b"])),
            !same,
        ),
        (
            "no group and nobody",
            json!("group"),
            groups(json!([])),
            Value::Null,
            same,
        ),
        (
            "the group of another provider",
            json!("group"),
            who(json!({"groups": ["a"]})),
            who(json!({"groups": ["a"], "provider": "q", "name": "bob"})),
            same,
        ),
        (
            "groups and consumer",
            json!(["group", "consumer"]),
            who(json!({"groups": ["a", "p"], "name": "x", "provider": ""})),
            who(json!({"groups": ["a"], "name": "x", "provider": "p"})),
            !same,
        ),
        (
            "claim",
            json!({"claim": "org"}),
            claims(json!({"org": "x", "a": 1})),
            claims(json!({"org": "x"})),
            same,
        ),
        (
            "claim, another value",
            json!({"claim": "org"}),
            claims(json!({"org": "x"})),
            claims(json!({"org": "y"})),
            !same,
        ),
        (
            "claim, another provider",
            json!({"claim": "org"}),
            claims(json!({"org": "x"})),
            who(json!({"claims": {"org": "x"}, "provider": "q"})),
            !same,
        ),
        (
            "claim, nested",
            json!({"claim": "/a/b"}),
            claims(json!({"a": {"b": 1}})),
            claims(json!({"a": {"b": 1, "c": 2}})),
            same,
        ),
        (
            "claim, nested, another",
            json!({"claim": "/a/b"}),
            claims(json!({"a": {"b": 1}})),
            claims(json!({"a": {"b": 2}})),
            !same,
        ),
        (
            "claim, a slash in its name",
            json!({"claim": "a/b"}),
            claims(json!({"a/b": 1, "a": {"b": 2}})),
            claims(json!({"a/b": 1})),
            same,
        ),
        (
            "claim, a number and its text",
            json!({"claim": "org"}),
            claims(json!({"org": 7})),
            claims(json!({"org": "7"})),
            same,
        ),
        (
            "claim, true and false",
            json!({"claim": "org"}),
            claims(json!({"org": true})),
            claims(json!({"org": false})),
            !same,
        ),
        (
            "claim, a list of one",
            json!({"claim": "org"}),
            claims(json!({"org": ["x"]})),
            claims(json!({"org": "x"})),
            same,
        ),
        (
            "claim, null and missing",
            json!({"claim": "org"}),
            claims(json!({"org": null})),
            claims(json!({})),
            same,
        ),
        (
            "claim, empty and missing",
            json!({"claim": "org"}),
            claims(json!({"org": ""})),
            claims(json!({"org": []})),
            same,
        ),
        (
            "claim, two of one text",
            json!([{"claim": "a"}, {"claim": "b"}]),
            claims(json!({"a": "x"})),
            claims(json!({"b": "x"})),
            !same,
        ),
        (
            "consumer and method",
            json!(["consumer", "method"]),
            who(json!({})),
            who(json!({"name": "bob"})),
            !same,
        ),
    ];
    let by_header = by_header
        .into_iter()
        .map(|(name, key, first, second, same)| {
            (name, key, (first, Value::Null), (second, Value::Null), same)
        });
    let none: Headers = &[(":method", b"GET")];
    let by_who = by_who
        .into_iter()
        .map(|(name, key, first, second, same)| (name, key, (none, first), (none, second), same));
    for (name, key, first, second, same) in by_header.chain(by_who) {
        let key = if key.is_array() { key } else { json!([key]) };
        let worker = Worker::alone(&keyed(&key, "empty"));
        assert!(send(&worker, first.0, &first.1).is_admitted(), "{name}");
        assert_eq!(
            send(&worker, second.0, &second.1).is_admitted(),
            !same,
            "{name}"
        );
        assert!(!send(&worker, first.0, &first.1).is_admitted(), "{name}");
    }
}

/// What each part is called where it is missing, or has no value to go by.
#[test]
fn parts_that_are_missing_or_ambiguous() {
    let none: Headers = &[];
    let root: Headers = &[(":path", b"/users/7")];
    let cases: [(Value, Headers, Value, &str); 22] = [
        (json!("group"), none, who(json!({})), "missing: needs group"),
        (json!("group"), none, Value::Null, "missing: needs group"),
        (
            json!({"claim": "/a/b"}),
            none,
            who(json!({})),
            "missing: needs claim /a/b",
        ),
        (
            json!({"claim": "a"}),
            none,
            claims(json!({"a": ""})),
            "missing: needs claim a",
        ),
        (
            json!({"claim": "a"}),
            none,
            claims(json!({"a": ["x", "y"]})),
            "ambiguous: claim a is not one value",
        ),
        (
            json!({"claim": "a"}),
            none,
            claims(json!({"a": {"b": 1}})),
            "ambiguous: claim a is not one value",
        ),
        (
            json!({"claim": "a"}),
            none,
            claims(json!({"a": [["x"]]})),
            "ambiguous: claim a is not one value",
        ),
        (
            json!({"cookie": "sid"}),
            none,
            Value::Null,
            "missing: needs cookie sid",
        ),
        (
            json!({"cookie": "sid"}),
            &[("cookie", b"sid=")],
            Value::Null,
            "missing: needs cookie sid",
        ),
        (
            json!({"cookie": "sid"}),
            &[("cookie", b"sid=1; sid=1")],
            Value::Null,
            "ambiguous: cookie sid has several values",
        ),
        (
            json!({"cookie": "sid"}),
            &[("cookie", b"sid=1"), ("cookie", b"sid=")],
            Value::Null,
            "ambiguous: cookie sid has several values",
        ),
        (
            json!({"query": "q"}),
            none,
            Value::Null,
            "missing: needs query parameter q",
        ),
        (
            json!({"query": "q"}),
            &[(":path", b"/?q=")],
            Value::Null,
            "missing: needs query parameter q",
        ),
        (
            json!({"query": "q"}),
            &[(":path", b"/?q=1&%71=1")],
            Value::Null,
            "ambiguous: query parameter q has several values",
        ),
        (json!("method"), none, Value::Null, "missing: needs method"),
        (json!("path"), none, Value::Null, "missing: needs path"),
        (
            json!({"path_param": "rest"}),
            root,
            Value::Null,
            "missing: needs path parameter rest",
        ),
        (json!("host"), none, Value::Null, "missing: needs host"),
        (
            json!("host"),
            &[(":authority", b"a@b")],
            Value::Null,
            "ambiguous: host is not one value",
        ),
        (
            json!("host"),
            &[(":authority", b"\xff")],
            Value::Null,
            "ambiguous: host is not one value",
        ),
        (
            json!("host"),
            &[(":authority", b"a"), (":authority", b"a")],
            Value::Null,
            "ambiguous: host is not one value",
        ),
        (
            json!({"header": "x-a"}),
            &[("x-a", b"1"), ("x-a", b"1")],
            Value::Null,
            "ambiguous: header x-a has several values",
        ),
    ];
    for (key, headers, who, expected) in cases {
        let key = json!([key]);
        let worker = Worker::alone(&keyed(&key, "deny"));
        let (status, details, detail) = send(&worker, headers, &who).refusal();
        let (reason, text) = expected.split_once(": ").unwrap();
        assert_eq!(status, 400, "{key}");
        assert_eq!(
            details,
            format!("gatehouse.rate_limit.key_{reason}.a"),
            "{key}"
        );
        assert_eq!(detail, format!("limit \"a\": {text}"), "{key}");
        assert_eq!(worker.host.shared_data().len(), 1, "{key}: only the seed");

        let skip = Worker::alone(&keyed(&key, "skip"));
        let skipped = send(&skip, headers, &who).is_admitted();
        assert_eq!(skipped, reason == "missing", "{key}: skip");
        let empty = Worker::alone(&keyed(&key, "empty"));
        let admitted = [(); 2].map(|()| send(&empty, headers, &who).is_admitted());
        assert_eq!(admitted, [reason == "missing", false], "{key}: empty");
    }
}

/// Envoy says which route it has chosen.
#[test]
fn routes() {
    let worker = Worker::alone(&keyed(&json!(["route"]), "empty"));
    let admitted = |route: Option<&[u8]>| {
        let answer = worker.send(&[], |host| {
            if let Some(route) = route {
                host.property_is("xds.route_name", route);
            }
        });
        answer.is_admitted()
    };
    let steps: [(Option<&[u8]>, bool); 7] = [
        (Some(b"api"), true),
        (Some(b"api"), false),
        (Some(b"other"), true),
        (Some(b"\xff"), true),
        // Without a route and without a name.
        (None, true),
        (Some(b""), false),
        (None, false),
    ];
    for (index, (route, expected)) in steps.into_iter().enumerate() {
        assert_eq!(admitted(route), expected, "step {index}");
    }
    let worker = Worker::alone(&keyed(&json!(["route"]), "deny"));
    let refusal = worker.send(&[], |_| {}).refusal();
    assert_eq!(refusal.2, "limit \"a\": needs route");
}

/// What is in the request does not matter for how much is kept of it.
#[test]
fn values_of_any_length() {
    let key = json!([{"header": "x-a"}, {"cookie": "c"}, {"query": "q"}, "path", "host", "method"]);
    let worker = Worker::alone(&keyed(&key, "empty"));
    let long = vec![b'a'; 60 * 1024];
    let path = [b"/".as_slice(), &long, b"?q=", &long].concat();
    let cookie = [b"c=".as_slice(), &long].concat();
    let headers: [(&str, &[u8]); 5] = [
        ("x-a", &long),
        ("cookie", &cookie),
        (":path", &path),
        (":authority", &long),
        (":method", &long),
    ];
    assert!(worker.send(&headers, |_| {}).is_admitted());
    assert!(!worker.send(&headers, |_| {}).is_admitted());
    let stored: usize = worker.host.shared_data().len();
    assert_eq!(stored, 2, "the seed and a slot");
}

/// What the host is asked for, beyond the clock, the bucket and the count.
#[test]
fn host_calls_of_each_part() {
    const HEADERS: &str = "proxy_get_header_map_pairs";
    const PROPERTY: &str = "proxy_get_property";
    let cases: [(Value, &[(&str, u64)]); 15] = [
        (json!(["consumer"]), &[(PROPERTY, 1)]),
        (json!(["group"]), &[(PROPERTY, 1)]),
        (json!([{"claim": "a"}]), &[(PROPERTY, 1)]),
        (
            json!(["consumer", "group", {"claim": "a"}, {"claim": "/b/c"}]),
            &[(PROPERTY, 1)],
        ),
        (json!([{"header": "x-a"}]), &[(HEADERS, 1)]),
        (json!([{"cookie": "a"}]), &[(HEADERS, 1)]),
        (json!([{"query": "a"}]), &[(HEADERS, 1)]),
        (json!(["method"]), &[(HEADERS, 1)]),
        (json!(["path"]), &[(HEADERS, 1)]),
        (json!([{"path_param": "id"}]), &[(HEADERS, 1)]),
        (json!(["host"]), &[(HEADERS, 1)]),
        (json!(["client_ip"]), &[(PROPERTY, 1)]),
        (json!(["route"]), &[(PROPERTY, 1)]),
        (json!([{"const": "x"}]), &[]),
        (
            json!(["method", "path", "host", {"header": "x-a"}, {"query": "a"}, "client_ip", "consumer"]),
            &[(HEADERS, 1), (PROPERTY, 2)],
        ),
    ];
    for (key, expected) in cases {
        let mut config = keyed(&key, "empty");
        config["response_headers"] = json!("none");
        let worker = Worker::alone(&config);
        let headers: Headers = &[(":path", b"/users/7"), (":method", b"GET")];
        assert!(
            send(&worker, headers, &who(json!({}))).is_admitted(),
            "{key}"
        );
        let mut calls: BTreeMap<String, u64> = worker
            .host
            .calls()
            .into_iter()
            .map(|(call, count)| (call.to_string(), count as u64))
            .collect();
        for call in [
            "proxy_get_current_time_nanoseconds",
            "proxy_get_shared_data",
            "proxy_set_shared_data",
            "proxy_increment_metric",
        ] {
            assert_eq!(calls.remove(call), Some(1), "{key}: {call}");
        }
        let expected = expected
            .iter()
            .map(|(call, count)| ((*call).to_owned(), *count));
        assert_eq!(calls, expected.collect(), "{key}");
    }
}

#[test]
fn mistakes() {
    let config = json!({"limits": [
        {"name": "a", "rate": "1/1s", "key": [
            {"header": "cookie"}, {"cookie": "a b"}, {"query": ""}, {"claim": ""}, {"claim": "/a//b"},
            {"path_param": "id"}, "path_param", {"method": "GET"}, {"cookies": "a"}, "group", {"group": "gold"},
        ]},
        {"name": "b", "rate": "1/1s", "key": [{"path_param": "ids"}, {"path_param": "x"}, "host", "host"],
         "match": {"path": {"template": "/users/{id}"}}},
        {"name": "c", "rate": "1/1s", "key": [{"path_param": "id"}, {"header": "Cookie"}, {"header": "host"}]},
    ]});
    let expected = r#"configuration refused:
limits[0].key[1].cookie: "a b" is not a cookie's name
limits[0].key[2].query: a parameter's name cannot be empty
limits[0].key[3].claim: a claim's name cannot be empty
limits[0].key[4].claim: "/a//b" has an empty name (a pointer is "/" and a name, as often as needed)
limits[0].key[6]: "path_param" needs a value (write {path_param: …})
limits[0].key[7]: "method" takes no value (write "method" alone)
limits[0].key[8].cookies: unknown field (did you mean "cookie"?)
limits[0].key[10]: "group" takes no value (write "group" alone)
limits[1].key[0].path_param: match.path.template has no segment "ids" (did you mean "id"?)
limits[1].key[1].path_param: match.path.template has no segment "x" (known: id)
limits[1].key[3]: the same as key[2]
limits[2].key[0].path_param: nothing names a segment of the path (write match: {path: {template: "/…/{id}"}})
limits[2].key[1].header: cookies are read one by one (write {cookie: NAME})
limits[2].key[2].header: the host is not a header in Envoy (write "host")"#;
    let refused = Worker::try_new(&Shared::default(), &config).err();
    assert_eq!(refused.unwrap().to_string(), expected);
}
