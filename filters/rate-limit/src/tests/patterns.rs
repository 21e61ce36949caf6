//! Overrides by each kind of part, by values and by how they begin; many of them.

use super::*;
use proptest::prelude::*;

/// A limit of one at once, with these overrides of 2, 3, 4 … at once.
fn overridden(key: Value, patterns: &[Value]) -> Value {
    let overrides = patterns.iter().enumerate();
    let overrides: Vec<Value> = overrides
        .map(|(index, pattern)| json!({"key": pattern, "burst": index + 2}))
        .collect();
    let mut limit = limit("a", json!({"key": key, "burst": 1, "overrides": overrides}));
    if limit.to_string().contains("path_param") {
        limit["match"] = json!({"path": {"template": "/users/{id}"}});
    }
    json!({"limits": [limit]})
}

fn who(name: &str, groups: Value, claims: Value) -> Value {
    json!({
        "name": name, "provider": "p", "groups": groups, "scopes": [], "claims": claims, "metadata": {},
    })
}

/// How many requests of a kind are admitted at once.
fn admitted(worker: &Worker, headers: &[(&str, &[u8])], who: &Value) -> usize {
    let requests = (0..20).filter(|_| {
        let answer = worker.send(headers, |host| {
            if !who.is_null() {
                host.property_is("gatehouse.identity", who.to_string().into_bytes());
            }
            host.property_is("source.address", "192.0.2.1:1");
        });
        answer.is_admitted()
    });
    requests.count()
}

#[test]
fn by_each_part() {
    type Case<'a> = (
        &'a str,
        Value,
        Value,
        &'a [(&'a str, &'a [u8])],
        Value,
        bool,
    );
    let nobody = || Value::Null;
    let cases: [Case<'_>; 34] = [
        (
            "consumer",
            json!(["consumer"]),
            json!({"consumer": "ann"}),
            &[],
            who("ann", json!([]), json!({})),
            true,
        ),
        (
            "consumer, begins so",
            json!(["consumer"]),
            json!({"consumer": "an"}),
            &[],
            who("ann", json!([]), json!({})),
            false,
        ),
        (
            "consumer, prefix",
            json!(["consumer"]),
            json!({"consumer": {"prefix": "an"}}),
            &[],
            who("ann", json!([]), json!({})),
            true,
        ),
        (
            "consumer, exact",
            json!(["consumer"]),
            json!({"consumer": {"exact": "ann"}}),
            &[],
            who("ann", json!([]), json!({})),
            true,
        ),
        (
            "consumer, nobody",
            json!(["consumer"]),
            json!({"consumer": {"prefix": "a"}}),
            &[],
            nobody(),
            false,
        ),
        (
            "group, by consumer",
            json!(["consumer"]),
            json!({"group": "gold"}),
            &[],
            who("ann", json!(["x", "gold"]), json!({})),
            true,
        ),
        (
            "group, by group",
            json!(["group"]),
            json!({"group": "gold"}),
            &[],
            who("ann", json!(["gold"]), json!({})),
            true,
        ),
        (
            "group, another",
            json!(["consumer"]),
            json!({"group": "gold"}),
            &[],
            who("ann", json!(["golden"]), json!({})),
            false,
        ),
        (
            "group, prefix",
            json!(["consumer"]),
            json!({"group": {"prefix": "gold"}}),
            &[],
            who("ann", json!(["x", "golden"]), json!({})),
            true,
        ),
        (
            "group, none",
            json!(["consumer"]),
            json!({"group": {"prefix": "g"}}),
            &[],
            who("ann", json!([]), json!({})),
            false,
        ),
        (
            "claim",
            json!([{"claim": "org"}]),
            json!({"claim": {"org": "x"}}),
            &[],
            who("a", json!([]), json!({"org": "x"})),
            true,
        ),
        (
            "claim, a number",
            json!([{"claim": "org"}]),
            json!({"claim": {"org": "7"}}),
            &[],
            who("a", json!([]), json!({"org": 7})),
            true,
        ),
        (
            "claim, nested",
            json!([{"claim": "/a/b"}]),
            json!({"claim": {"/a/b": "x"}}),
            &[],
            who("a", json!([]), json!({"a": {"b": "x"}})),
            true,
        ),
        (
            "claim, another",
            json!([{"claim": "org"}]),
            json!({"claim": {"org": "x"}}),
            &[],
            who("a", json!([]), json!({"org": "xy"})),
            false,
        ),
        (
            "header",
            json!([{"header": "x-a"}]),
            json!({"header": {"X-A": "v"}}),
            &[("x-a", b"v")],
            nobody(),
            true,
        ),
        (
            "header, prefix",
            json!([{"header": "x-a"}]),
            json!({"header": {"x-a": {"prefix": "v"}}}),
            &[("x-a", b"v\xff")],
            nobody(),
            true,
        ),
        (
            "header, not the prefix",
            json!([{"header": "x-a"}]),
            json!({"header": {"x-a": {"prefix": "v"}}}),
            &[("x-a", b"wv")],
            nobody(),
            false,
        ),
        (
            "cookie",
            json!([{"cookie": "c"}]),
            json!({"cookie": {"c": "v"}}),
            &[("cookie", b"a=1; c=v")],
            nobody(),
            true,
        ),
        (
            "query",
            json!([{"query": "q"}]),
            json!({"query": {"q": "v w"}}),
            &[(":path", b"/?q=v%20w")],
            nobody(),
            true,
        ),
        (
            "method",
            json!(["method"]),
            json!({"method": "POST"}),
            &[(":method", b"POST")],
            nobody(),
            true,
        ),
        (
            "method, another",
            json!(["method"]),
            json!({"method": "POST"}),
            &[(":method", b"GET")],
            nobody(),
            false,
        ),
        (
            "path",
            json!(["path"]),
            json!({"path": "/a"}),
            &[(":path", b"//a/")],
            nobody(),
            true,
        ),
        (
            "path, below it",
            json!(["path"]),
            json!({"path": "/a"}),
            &[(":path", b"/a/b")],
            nobody(),
            false,
        ),
        (
            "path, prefix",
            json!(["path"]),
            json!({"path": {"prefix": "/a"}}),
            &[(":path", b"/a/b")],
            nobody(),
            true,
        ),
        (
            "path, prefix, itself",
            json!(["path"]),
            json!({"path": {"prefix": "/a"}}),
            &[(":path", b"/a")],
            nobody(),
            true,
        ),
        (
            "path, prefix, part of a segment",
            json!(["path"]),
            json!({"path": {"prefix": "/a"}}),
            &[(":path", b"/ab")],
            nobody(),
            false,
        ),
        (
            "path, prefix, the root",
            json!(["path"]),
            json!({"path": {"prefix": "/"}}),
            &[(":path", b"/ab")],
            nobody(),
            true,
        ),
        (
            "segment",
            json!([{"path_param": "id"}]),
            json!({"path_param": {"id": "7"}}),
            &[(":path", b"/users/%37")],
            nobody(),
            true,
        ),
        (
            "segment, another",
            json!([{"path_param": "id"}]),
            json!({"path_param": {"id": "7"}}),
            &[(":path", b"/users/77")],
            nobody(),
            false,
        ),
        (
            "host",
            json!(["host"]),
            json!({"host": "a.test"}),
            &[(":authority", b"A.test:80")],
            nobody(),
            true,
        ),
        (
            "host, prefix",
            json!(["host"]),
            json!({"host": {"prefix": "a."}}),
            &[(":authority", b"A.test:80")],
            nobody(),
            true,
        ),
        (
            "client_ip",
            json!(["client_ip"]),
            json!({"client_ip": "192.0.2.0/24"}),
            &[],
            nobody(),
            true,
        ),
        (
            "all that is named",
            json!(["consumer", "method"]),
            json!({"group": "gold", "method": "GET"}),
            &[(":method", b"GET")],
            who("ann", json!(["gold"]), json!({})),
            true,
        ),
        (
            "not all that is named",
            json!(["consumer", "method"]),
            json!({"group": "gold", "method": "GET"}),
            &[(":method", b"POST")],
            who("ann", json!(["gold"]), json!({})),
            false,
        ),
    ];
    for (name, key, pattern, headers, who, holds) in cases {
        let worker = Worker::alone(&overridden(key, &[pattern]));
        assert_eq!(
            admitted(&worker, headers, &who),
            1 + usize::from(holds),
            "{name}"
        );
    }
}

/// Under whatever value each is kept, the first in the order of the configuration counts.
#[test]
fn the_first_that_holds() {
    let patterns = [
        json!({"consumer": {"prefix": "test-"}, "group": "gold"}),
        json!({"consumer": "ann", "method": "GET"}),
        json!({"group": "silver"}),
        json!({"consumer": "ann"}),
        json!({"group": "gold"}),
        json!({"method": "GET"}),
        json!({"consumer": {"prefix": "b"}}),
    ];
    let cases: [(&str, &[&str], &[u8], usize); 9] = [
        ("test-1", &["gold"], b"GET", 2),
        ("test-1", &["silver", "gold"], b"PUT", 2),
        ("ann", &["silver"], b"GET", 3),
        ("ann", &["gold", "silver"], b"PUT", 4),
        ("ann", &["gold"], b"PUT", 5),
        ("bob", &["gold"], b"GET", 6),
        ("bob", &[], b"GET", 7),
        ("bob", &[], b"PUT", 8),
        ("cid", &[], b"PUT", 1),
    ];
    for (name, groups, method, burst) in cases {
        // A bucket of its own, or the next would find what this one left.
        let worker = Worker::alone(&overridden(json!(["consumer", "method"]), &patterns));
        let who = who(name, json!(groups), json!({}));
        let found = admitted(&worker, &[(":method", method)], &who);
        assert_eq!(found, burst, "{name} {groups:?}");
    }
}

/// The same of windows: what was used counts by either rate, and nobody owes what the larger one admitted.
#[test]
fn two_rates_over_one_window() {
    let tokens = [json!(["gold"]), json!([])].map(|groups| who("ann", groups, json!({})));
    let [with, without] = &tokens;
    // How many of a hundred each are admitted: with the group, without it, and so in the next window, but the other way round.
    let cases = [
        ("fixed_window", "10/1h", "50/1h", [50, 0, 10, 40]),
        ("fixed_window", "50/1h", "10/1h", [10, 40, 50, 0]),
        // Of the window before, a whole one of the smaller rate counts, and all of the larger one.
        ("sliding_window", "10/1h", "50/1h", [50, 0, 0, 0]),
        ("sliding_window", "50/1h", "10/1h", [10, 40, 0, 0]),
    ];
    for (algorithm, rate, gold, expected) in cases {
        let worker = Worker::alone(&one(json!({
            "algorithm": algorithm, "rate": rate, "burst": null, "key": ["consumer"],
            "overrides": [{"key": {"group": "gold"}, "rate": gold}],
        })));
        let hundred = |who| (0..5).map(|_| admitted(&worker, &[], who)).sum();
        let mut seen: [usize; 4] = [hundred(with), hundred(without), 0, 0];
        worker.host.advance(std::time::Duration::from_secs(3_600));
        seen[2] = hundred(without);
        seen[3] = hundred(with);
        assert_eq!(seen, expected, "{algorithm}: {rate}, and {gold}");
        worker
            .host
            .advance(std::time::Duration::from_secs(2 * 3_600));
        assert!(hundred(without) > 0, "{algorithm}: nothing is owed");
    }
}

/// Who has one token with a group in it and one without has two rates over one bucket. What the slower
/// one left in it is no sign for the faster one that the clock was set back.
#[test]
fn two_rates_over_one_bucket_give_nothing_back() {
    let several = json!(["20/12s", "1000/1h"]);
    // How many more than the first 20 are admitted, however often the two take turns: what the group has
    // beyond them.
    let tiers = [
        (
            "one rate",
            json!({"rate": "100/1m", "burst": 20}),
            json!({"rate": "300/1m"}),
            0,
        ),
        (
            "a slower group",
            json!({"rate": "300/1m", "burst": 20}),
            json!({"rate": "100/1m"}),
            13,
        ),
        (
            "room for debts",
            json!({"rate": "1/1d", "burst": 20, "cost": {"response_header": "x-cost"}}),
            json!({"rate": "300/1m"}),
            0,
        ),
        (
            "several rates",
            json!({"rate": several, "burst": null}),
            json!({"rate": ["100/12s", "100000/1h"]}),
            0,
        ),
    ];
    let tokens = [json!(["gold"]), json!([])].map(|groups| who("ann", groups, json!({})));
    let [with, without] = &tokens;
    let (mut found, mut expected) = (Vec::new(), Vec::new());
    for (name, mut terms, mut gold, more) in tiers {
        gold["key"] = json!({"group": "gold"});
        terms["key"] = json!(["consumer"]);
        terms["overrides"] = json!([gold]);
        let worker = Worker::alone(&one(terms));
        let first = admitted(&worker, &[], without);
        let turns = (0..20).flat_map(|_| [with, without]);
        found.push((
            name,
            first,
            turns.map(|who| admitted(&worker, &[], who)).sum(),
        ));
        expected.push((name, 20, more));
    }
    assert_eq!(found, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The index finds what asking one after the other finds.
    #[test]
    fn the_index_agrees_with_the_order(
        patterns in prop::collection::vec(
            (prop::option::of((0_u8..4, any::<bool>())), prop::option::of(0_u8..3), prop::option::of(0_u8..3)),
            1..12,
        ),
        tenant in 0_u8..4,
        method in 0_u8..3,
        group in prop::collection::vec(0_u8..3, 0..3),
    ) {
        let methods = ["GET", "PUT", "POST"];
        let patterns: Vec<_> = patterns.into_iter().filter(|pattern| *pattern != (None, None, None)).collect();
        let holds = |(consumer, by_method, by_group): &(Option<(u8, bool)>, Option<u8>, Option<u8>)| {
            consumer.is_none_or(|(name, is_prefix)| name == tenant || is_prefix && name == 0)
                && by_method.is_none_or(|wanted| wanted == method)
                && by_group.is_none_or(|wanted| group.contains(&wanted))
        };
        let expected = patterns.iter().position(holds).map_or(1, |place| place + 2);
        let written: Vec<Value> = patterns.iter().map(|(consumer, method, group)| {
            let mut pattern = json!({});
            if let Some((name, is_prefix)) = consumer {
                // Every name begins with that of number 0.
                let name = "x".repeat(usize::from(*name) + 1);
                pattern["consumer"] = if *is_prefix { json!({"prefix": name}) } else { json!(name) };
            }
            if let Some(method) = method {
                pattern["method"] = json!(methods[usize::from(*method)]);
            }
            if let Some(group) = group {
                pattern["group"] = json!(format!("g{group}"));
            }
            pattern
        }).collect();
        prop_assume!(!patterns.iter().any(|(consumer, ..)| matches!(consumer, Some((1.., true)))));
        let config = overridden(json!(["consumer", "method"]), &written);
        let Ok(worker) = Worker::try_new(&Shared::default(), &config) else {
            // One that is never reached.
            return Ok(());
        };
        let groups: Vec<String> = group.iter().map(|group| format!("g{group}")).collect();
        let who = who(&"x".repeat(usize::from(tenant) + 1), json!(groups), json!({}));
        let method = methods[usize::from(method)].as_bytes();
        prop_assert_eq!(admitted(&worker, &[(":method", method)], &who), expected);
    }
}

/// Ten thousand are checked against each other, and looked up.
#[test]
fn ten_thousand_overrides() {
    let overrides: Vec<Value> = (0..10_000)
        .map(|number| json!({"key": {"method": "GET", "consumer": format!("c{number}")}, "burst": number % 7 + 2}))
        .collect();
    let worker = Worker::alone(&one(
        json!({"key": ["consumer", "method"], "burst": 1, "overrides": overrides}),
    ));
    for number in [0, 1, 4_711, 9_999] {
        let who = who(&format!("c{number}"), json!([]), json!({}));
        let expected = number % 7 + 2;
        assert_eq!(admitted(&worker, &[(":method", b"GET")], &who), expected);
        assert_eq!(admitted(&worker, &[(":method", b"PUT")], &who), 1);
    }
}

/// Overrides cost the host nothing that the key has not cost.
#[test]
fn host_calls() {
    let config = overridden(
        json!(["consumer", {"header": "x-a"}, "client_ip"]),
        &[
            json!({"group": "gold"}),
            json!({"header": {"x-a": "v"}}),
            json!({"client_ip": "10.0.0.0/8"}),
        ],
    );
    let worker = Worker::alone(&config);
    let who = who("ann", json!([]), json!({}));
    assert_eq!(admitted(&worker, &[("x-a", b"w")], &who), 1);
    let calls = worker.host.calls();
    assert_eq!(calls.get("proxy_get_property"), Some(&2));
    assert_eq!(calls.get("proxy_get_header_map_pairs"), Some(&1));
}

#[test]
fn mistakes() {
    let config = json!({"limits": [
        {"name": "a", "rate": "1/1s", "key": [{"header": "x-a"}, "path", "host", "method", {"claim": "/a/b"}, {"claim": "d"}],
         "overrides": [
            {"key": {"group": "gold"}, "burst": 2},
            {"key": {"header": {"x-a": ""}}, "burst": 2},
            {"key": {"header": {"x-a": {"prefix": ""}}}, "burst": 2},
            {"key": {"header": {"x-a": {"suffix": "a"}}}, "burst": 2},
            {"key": {"header": {"x-a": 7}}, "burst": 2},
            {"key": {"header": {"x-a": " v"}}, "burst": 2},
            {"key": {"path": "/a//b"}, "burst": 2},
            {"key": {"path": {"prefix": "a"}}, "burst": 2},
            {"key": {"host": "A.test:80"}, "burst": 2},
            {"key": {"host": "a b"}, "burst": 2},
            {"key": {"host": {"prefix": "A"}}, "burst": 2},
            {"key": {"method": "post"}, "burst": 2},
            {"key": {"claim": {"/a/c": "x"}}, "burst": 2},
            {"key": {"cookie": {"c": "x"}, "query": {"q": "x"}, "path_param": {"p": "x"}}, "burst": 2},
            {"key": {"path": {"prefix": "/v1"}}, "burst": 2},
            {"key": {"path": "/v1/x", "method": "GET"}, "burst": 2},
            {"key": {"path": "/v10"}, "burst": 2},
            {"key": {"claim": {"d": {"prefix": "ab"}}}, "burst": 2},
            {"key": {"claim": {"d": {"prefix": "abc"}}}, "burst": 2},
            {"key": {"claim": {"d": "a"}}, "burst": 2},
            {"key": {"claim": {"d": "abd"}}, "burst": 2},
        ]},
    ]});
    let parts = "its parts: header x-a, path, host, method, claim /a/b, claim d";
    let expected = r#"configuration refused:
limits[0].overrides[1].key.header.x-a: empty, which counts as missing
limits[0].overrides[2].key.header.x-a: empty, so any value has it
limits[0].overrides[3].key.header.x-a.suffix: unknown field (known: exact, prefix)
limits[0].overrides[4].key.header.x-a: expected a text, or {prefix: …}, found the number 7"#;
    let refused = Worker::try_new(&Shared::default(), &config).err();
    assert_eq!(refused.unwrap().to_string(), expected);

    let mut sound = config;
    let overrides = sound["limits"][0]["overrides"].as_array_mut().unwrap();
    overrides.drain(1..5);
    let expected = format!(
        r#"configuration refused:
limits[0].overrides[0].key.group: the limit's key has no group ({parts})
limits[0].overrides[1].key.header.x-a: a header value cannot have white space around it
limits[0].overrides[2].key.path: "/a//b" is not in normal form, so no request would match it (did you mean "/a/b"?)
limits[0].overrides[3].key.path: "a" is not a path (a path begins with "/")
limits[0].overrides[4].key.host: "A.test:80" is not how a key has a host (did you mean "a.test"?)
limits[0].overrides[5].key.host: "a b" is not a host
limits[0].overrides[6].key.host: "A" is not how a key has a host (did you mean "a"?)
limits[0].overrides[7].key.method: "post" is not a method: case counts (did you mean "POST"?)
limits[0].overrides[8].key.claim["/a/c"]: the limit's key has no claim /a/c ({parts})
limits[0].overrides[9].key.cookie.c: the limit's key has no cookie c ({parts})
limits[0].overrides[9].key.query.q: the limit's key has no query parameter q ({parts})
limits[0].overrides[9].key.path_param.p: the limit's key has no path parameter p ({parts})
limits[0].overrides[11].key: never reached: overrides[10] holds wherever this does
limits[0].overrides[14].key: never reached: overrides[13] holds wherever this does
limits[0].overrides[16].key: never reached: overrides[13] holds wherever this does"#
    );
    let refused = Worker::try_new(&Shared::default(), &sound).err();
    assert_eq!(refused.unwrap().to_string(), expected);
}
