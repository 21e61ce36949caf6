//! What operators see of their mistakes, to the letter; and what defaults mean.

use super::*;
use gatehouse_config::load_value;
use gatehouse_limit_table::Algorithm;
use serde_json::json;

fn config(json: serde_json::Value) -> Result<Config, String> {
    load_value(&json, &|_: &str| None).map_err(|problems| problems.to_string())
}

fn count_and_burst(allowance: &Allowance) -> (u64, u64) {
    match allowance.windows() {
        (window, []) => match window.algorithm {
            Algorithm::Gcra(quota) => (quota.count(), quota.burst()),
            _ => panic!("{window:?}"),
        },
        (_, others) => panic!("{others:?}"),
    }
}

#[test]
fn all_problems_at_once_each_where_it_stands() {
    let refused = config(json!({
        "limits": [
            {"name": "a b", "rate": "0/1m", "key": [], "costs": 1},
            {"rate": "100", "key": ["consumr", {"client_ip": {"ipv4": 0, "ipv6": 129}}, {"header": ":path"}],
             "algorithm": "leaky_bucket", "if_absent": "allow", "on_error": "allw", "mode": "Report", "burst": 1.5},
            {"name": "c", "rate": "2/1ns", "burst": 0,
             "key": ["consumer", {"header": "x-tenant"}, {"header": "X-Tenant"}, {"header": "Host"}],
             "overrides": [
                {"key": {}, "rate": "1/1s"},
                {"key": {"header": {"x-tenants": "a"}, "client_ip": "10.0.0.0/8"}, "burst": 1},
                {"key": {"consumer": "acme"}},
                {"key": {"consumer": "acme"}, "rate": "1/1d", "burst": 10_000_000},
             ]},
            {"name": "d", "rate": "1/1s", "key": ["client_ip"],
             "overrides": [{"key": {"consumer": "acme", "const": "x"}, "rate": "1/1s"}, {"rate": "1/1s"}]},
        ],
        "store": {"local": {"slots": 0}},
        "response_headers": "leagcy",
        "mode": "off",
        "trusted_hops": -1,
        "denial": {"status": 200},
        "rules": [],
    }));
    let expected = r#"rules: unknown field (known: limits, store, response_headers, mode, trusted_hops, denial)
limits[0].costs: unknown field (did you mean "cost"?)
limits[0].name: "a b" is not a name (1 to 64 letters, digits, "_" and "-")
limits[0].key: empty, but needs at least one element
limits[0].rate: the rate "0/1m" lets nothing through (to refuse requests, use a rule of the auth filter)
limits[1].name: required, but missing
limits[1].key[0]: unknown word "consumr" (did you mean "consumer"?)
limits[1].key[1].client_ip.ipv4: 0 is not a prefix length: 1 to 32
limits[1].key[1].client_ip.ipv6: 129 is not a prefix length: 1 to 128
limits[1].key[2].header: ":path" is a pseudo-header, which cannot stand here
limits[1].rate: "100" is not a rate (write a whole number, a slash and a duration, such as "100/1m")
limits[1].burst: expected a whole number, found the number 1.5
limits[1].algorithm: unknown word "leaky_bucket" (known: gcra, sliding_window, fixed_window, concurrency)
limits[1].if_absent: unknown word "allow" (known: empty, skip, deny)
limits[1].on_error: unknown word "allw" (did you mean "allow"?)
limits[1].mode: unknown word "Report" (did you mean "report"?)
limits[2].key[2]: the same as key[1]
limits[2].key[3].header: the host is not a header in Envoy (write "host")
limits[2].burst: the burst must be at least 1
limits[2].overrides[0].key: empty, but needs at least one part of the limit's key (its parts: consumer, header x-tenant, header x-tenant, header host)
limits[2].overrides[1].key.header.x-tenants: the limit's key has no header x-tenants (its parts: consumer, header x-tenant, header x-tenant, header host)
limits[2].overrides[1].key.client_ip: the limit's key has no client_ip (its parts: consumer, header x-tenant, header x-tenant, header host)
limits[2].overrides[2]: changes nothing: needs rate, burst, or both
limits[2].overrides[3].key: never reached: overrides[2] holds wherever this does
limits[3].overrides[0].key.const: unknown field (known: consumer, group, claim, header, cookie, query, method, path, path_param, host, route, client_ip)
limits[3].overrides[1].key: required, but missing
store.local.slots: 0 is not a number of slots: 1 to 4194304
response_headers: unknown word "leagcy" (did you mean "legacy"?)
mode: unknown word "off" (known: enforce, report)
trusted_hops: expected a whole number, found the number -1
denial.status: 200 is not the status of a denial: 400 to 599"#;
    assert_eq!(refused.unwrap_err(), expected);
}

#[test]
fn problems_that_need_the_rest_to_be_sound() {
    let limit = |more: serde_json::Value| {
        let mut limit = json!({"name": "a", "key": ["consumer"], "rate": "1/1s"});
        for (key, value) in more.as_object().unwrap() {
            limit[key] = value.clone();
        }
        limit
    };
    let cases = [
        ("nothing", json!({}), "limits: required, but missing"),
        (
            "no limits",
            json!({"limits": []}),
            "limits: empty, but needs at least one element",
        ),
        (
            "one name twice",
            json!({"limits": [limit(json!({})), limit(json!({"name": "b"})), limit(json!({}))]}),
            "limits[2].name: \"a\" is the name of limits[0]",
        ),
        (
            "more than one a nanosecond",
            json!({"limits": [limit(json!({"rate": "2/1ns"}))]}),
            "limits[0].rate: the rate must not exceed one request per nanosecond",
        ),
        (
            "centuries",
            json!({"limits": [limit(json!({"rate": "1/365d", "burst": 600}))]}),
            "limits[0].burst: the burst is too large for the rate: it would take more than 584 years to refill",
        ),
        (
            "an override that does not fit the rest of the limit",
            json!({"limits": [limit(json!({"rate": "10/1s", "burst": 600,
                "overrides": [{"key": {"consumer": "a"}, "rate": "1/365d"}]}))]}),
            "limits[0].overrides[0].burst: the burst is too large for the rate: it would take more than 584 years to refill",
        ),
        (
            "another part in an override",
            json!({"limits": [limit(json!({"overrides": [{"key": {"header": {"x-a": "1"}}, "burst": 1}]}))]}),
            "limits[0].overrides[0].key.header.x-a: the limit's key has no header x-a (its parts: consumer)",
        ),
        (
            "ranges that divide a bucket",
            json!({"limits": [limit(json!({"key": ["consumer", {"client_ip": {"ipv4": 24}}], "overrides": [
                {"key": {"client_ip": "192.0.2.7"}, "burst": 2},
                {"key": {"client_ip": "192.0.2.0/25"}, "burst": 2},
                {"key": {"client_ip": "2001:db8::1"}, "burst": 2},
            ]}))]}),
            "limits[0].overrides[0].key.client_ip: 192.0.2.7/32 is a part of what shares a bucket: the key has 24 bits of an address (write a range of /24 or wider, or put more bits into the key)\n\
             limits[0].overrides[1].key.client_ip: 192.0.2.0/25 is a part of what shares a bucket: the key has 24 bits of an address (write a range of /24 or wider, or put more bits into the key)\n\
             limits[0].overrides[2].key.client_ip: 2001:db8::1/128 is a part of what shares a bucket: the key has 64 bits of an address (write a range of /64 or wider, or put more bits into the key)",
        ),
        (
            "what no key is",
            json!({"limits": [limit(json!({"key": ["consumer", {"header": "x-a"}], "overrides": [
                {"key": {"consumer": ""}, "burst": 2},
                {"key": {"header": {"x-a": ""}}, "burst": 2},
                {"key": {"header": {"X-A": "a", "x-a": "b"}}, "burst": 2},
            ]}))]}),
            "limits[0].overrides[0].key.consumer: empty, which counts as missing\n\
             limits[0].overrides[1].key.header.x-a: empty, which counts as missing\n\
             limits[0].overrides[2].key.header.x-a: \"x-a\" is here twice",
        ),
        (
            "never reached",
            json!({"limits": [limit(json!({"key": ["consumer", {"header": "x-a"}, "client_ip"], "overrides": [
                {"key": {"client_ip": "10.0.0.0/8"}, "burst": 2},
                {"key": {"client_ip": "10.1.0.0/16", "consumer": "a"}, "burst": 3},
                {"key": {"consumer": "b", "header": {"x-a": "a"}}, "burst": 2},
                {"key": {"consumer": "b"}, "burst": 3},
                {"key": {"consumer": "b", "client_ip": "::/0"}, "burst": 4},
            ]}))]}),
            "limits[0].overrides[1].key: never reached: overrides[0] holds wherever this does\n\
             limits[0].overrides[4].key: never reached: overrides[3] holds wherever this does",
        ),
        (
            "another store",
            json!({"limits": [limit(json!({}))], "store": {"redis": {"cluster": "x"}}}),
            "store.redis: unknown field (known: local, global)",
        ),
    ];
    for (name, json, expected) in cases {
        assert_eq!(config(json).unwrap_err(), expected, "{name}");
    }
}

#[test]
fn defaults() {
    let config = config(json!({"limits": [{
        "name": "a",
        "key": ["consumer", {"header": "X-Tenant"}, "client_ip", {"const": "x"}],
        "rate": "100/1m",
        "overrides": [
            {"key": {"consumer": "acme"}, "rate": "1000/1m"},
            {"key": {"consumer": "slow"}, "burst": 5},
        ],
    }]}))
    .unwrap();
    assert_eq!(config.slots, 65_536);
    assert_eq!(config.response_headers, ResponseHeaders::Ietf);
    assert_eq!(config.trusted_hops, 0);
    assert_eq!(config.denial, DenialShape::default());
    let [limit] = &*config.limits else {
        panic!("one limit");
    };
    assert_eq!(limit.mode, Mode::Enforce);
    assert_eq!(limit.on_error, OnError::Deny);
    assert_eq!(limit.if_absent, IfAbsent::Empty);
    let parts: Vec<String> = limit.key.iter().map(ToString::to_string).collect();
    assert_eq!(parts, ["consumer", "header x-tenant", "client_ip", "const"]);
    let quota = count_and_burst;
    assert_eq!(quota(&limit.allowance), (100, 100));
    let overrides = limit.overrides.allowances().map(quota);
    assert_eq!(overrides.collect::<Vec<_>>(), [(1000, 1000), (100, 5)]);
}

/// With a burst of the limit's own, an override of the rate alone keeps it.
#[test]
fn the_burst_of_an_override() {
    let config = config(json!({"limits": [{
        "name": "a", "key": ["consumer"], "rate": "100/1m", "burst": 20,
        "overrides": [{"key": {"consumer": "acme"}, "rate": "1000/1m"}],
    }]}))
    .unwrap();
    let allowance = config.limits[0].overrides.allowances().next().unwrap();
    assert_eq!(count_and_burst(allowance), (1000, 20));
}

#[test]
fn report_for_the_filter_is_report_for_every_limit() {
    let config = config(json!({"mode": "report", "limits": [
        {"name": "a", "key": ["consumer"], "rate": "1/1s"},
        {"name": "b", "key": ["consumer"], "rate": "1/1s", "mode": "enforce"},
    ]}))
    .unwrap();
    assert!(config.limits.iter().all(|limit| limit.mode == Mode::Report));
}

/// A range that is as wide as what shares a bucket, or wider, of whichever part has most bits; and
/// what only looks as if an earlier override held for it.
#[test]
fn overrides_of_ranges() {
    let accepted = config(json!({"limits": [{
        "name": "a", "rate": "1/1s",
        "key": [{"client_ip": {"ipv4": 16, "ipv6": 48}}, {"client_ip": {"ipv4": 24, "ipv6": 32}}],
        "overrides": [
            {"key": {"client_ip": "10.1.2.0/24"}, "burst": 2},
            {"key": {"client_ip": "10.0.0.0/8"}, "burst": 3},
            {"key": {"client_ip": "2001:db8:1::/48"}, "burst": 2},
            {"key": {"client_ip": "::/0"}, "burst": 3},
            {"key": {"client_ip": "0.0.0.0/0"}, "burst": 4},
        ],
    }]}));
    assert_eq!(accepted.map(|_| ()), Ok(()));
}

/// What each algorithm is made of, window by window.
#[test]
fn algorithms() {
    let window = |kind, count, seconds| {
        let period = std::time::Duration::from_secs(seconds);
        Algorithm::Window(gatehouse_window_counter::Window::new(kind, count, period).unwrap())
    };
    let gcra = |count, seconds, burst| {
        let period = std::time::Duration::from_secs(seconds);
        Algorithm::Gcra(gatehouse_gcra::Quota::new(count, period, burst).unwrap())
    };
    let at_once = |limit, seconds| {
        let lifetime = std::time::Duration::from_secs(seconds);
        let capacity = gatehouse_window_counter::Capacity::new(limit, lifetime);
        Algorithm::Concurrency(capacity.unwrap())
    };
    use gatehouse_window_counter::Kind::{Fixed, Sliding};
    type Windows<'a> = &'a [(Algorithm, &'a str)];
    let cases: [(&str, serde_json::Value, Windows<'_>); 9] = [
        (
            "one rate",
            json!({"rate": "100/1m", "burst": 20}),
            &[(gcra(100, 60, 20), r#""a";q=100;w=60"#)],
        ),
        (
            "a list of one",
            json!({"rate": ["100/1m"], "burst": 20}),
            &[(gcra(100, 60, 20), r#""a";q=100;w=60"#)],
        ),
        (
            "several rates",
            json!({"rate": ["10/1s", "1000/1h"]}),
            &[
                (gcra(10, 1, 10), r#""a";q=10;w=1"#),
                (gcra(1000, 3600, 1000), r#""a";q=1000;w=3600"#),
            ],
        ),
        (
            "a sliding window",
            json!({"rate": "100/1m", "algorithm": "sliding_window"}),
            &[(window(Sliding, 100, 60), r#""a";q=100;w=60"#)],
        ),
        (
            "fixed windows",
            json!({"rate": ["1/1s", "1000000/1d"], "algorithm": "fixed_window"}),
            &[
                (window(Fixed, 1, 1), r#""a";q=1;w=1"#),
                (window(Fixed, 1_000_000, 86_400), r#""a";q=1000000;w=86400"#),
            ],
        ),
        (
            "in flight",
            json!({"limit": 20, "algorithm": "concurrency"}),
            &[(at_once(20, 60), r#""a";q=20;qu="concurrent-requests""#)],
        ),
        (
            "in flight for long",
            json!({"limit": 1, "expires": "10m", "algorithm": "concurrency"}),
            &[(at_once(1, 600), r#""a";q=1;qu="concurrent-requests""#)],
        ),
        (
            "one a day",
            json!({"rate": "1/1d"}),
            &[(gcra(1, 86_400, 1), r#""a";q=1;w=86400"#)],
        ),
        (
            "a million a second",
            json!({"rate": "1000000/1s"}),
            &[(gcra(1_000_000, 1, 1_000_000), r#""a";q=1000000;w=1"#)],
        ),
    ];
    for (name, changes, expected) in cases {
        let mut limit = json!({"name": "a", "key": ["consumer"]});
        for (key, value) in changes.as_object().unwrap() {
            limit[key] = value.clone();
        }
        let config = config(json!({"limits": [limit]})).unwrap();
        let (first, others) = config.limits[0].allowance.windows();
        let all = [first].into_iter().chain(others);
        let all: Vec<_> = all
            .map(|window| (window.algorithm, &*window.policy))
            .collect();
        assert_eq!(all, expected, "{name}");
    }
}

#[test]
fn problems_of_algorithms() {
    let refused = config(json!({"limits": [
        {"name": "a", "key": ["consumer"]},
        {"name": "b", "key": ["consumer"], "rate": ["1/1s", "2/1m", "3/60s", "4/1000ms"]},
        {"name": "c", "key": ["consumer"], "rate": []},
        {"name": "d", "key": ["consumer"], "rate": ["1/1s", "1/1m", "1/1h", "1/1d", "1/7d"]},
        {"name": "e", "key": ["consumer"], "rate": ["1/1s", "1/1m"], "burst": 2},
        {"name": "f", "key": ["consumer"], "rate": "1/1s", "limit": 2, "expires": "1m"},
        {"name": "g", "key": ["consumer"], "rate": "1/1s", "burst": 2, "algorithm": "fixed_window"},
        {"name": "h", "key": ["consumer"], "rate": "1000000001/1s", "algorithm": "sliding_window"},
        {"name": "i", "key": ["consumer"], "rate": "1/1s", "burst": 1, "algorithm": "concurrency"},
        {"name": "j", "key": ["consumer"], "limit": 0, "algorithm": "concurrency"},
        {"name": "k", "key": ["consumer"], "limit": 1, "expires": "999ms", "algorithm": "concurrency"},
        {"name": "l", "key": ["consumer"], "limit": 1, "algorithm": "concurrency", "overrides": [
            {"key": {"consumer": "a"}, "rate": "1/1s"},
            {"key": {"consumer": "b"}},
            {"key": {"consumer": "c"}, "limit": 0},
            {"key": {"consumer": "d"}, "limit": 4294967295_u32},
        ]},
        {"name": "m", "key": ["consumer"], "rate": ["10/1s", "20/1m"], "overrides": [
            {"key": {"consumer": "a"}, "limit": 1},
            {"key": {"consumer": "b"}, "burst": 1},
        ]},
        {"name": "n", "key": ["consumer"], "rate": 100, "overrides": [{"key": {"consumer": "a"}, "burst": 1}]},
        {"name": "o", "key": ["consumer"], "limit": 4294967296_u64, "algorithm": "concurrency"},
    ]}));
    let expected = r#"limits[0].rate: required, but missing
limits[1].rate[2]: the same period as rate[1]
limits[1].rate[3]: the same period as rate[0]
limits[2].rate: 0 rates, but there may be 1 to 4
limits[3].rate: 5 rates, but there may be 1 to 4
limits[4].burst: only beside one rate; each of several has its count for a burst
limits[5].limit: only with algorithm: concurrency
limits[5].expires: only with algorithm: concurrency
limits[6].burst: only with algorithm: gcra; a window admits its count at once
limits[7].rate: windows count 1000000000 requests at most
limits[8].rate: concurrency has no rate: "limit" says how many at once
limits[8].burst: concurrency has no rate: "limit" says how many at once
limits[8].limit: required, but missing
limits[9].limit: 0 lets nothing through (to refuse requests, use a rule of the auth filter)
limits[10].expires: 999ms is not a time to count lost requests for: 1s to 106751d
limits[11].overrides[0].rate: concurrency has no rate: "limit" says how many at once
limits[11].overrides[1]: changes nothing: needs limit
limits[11].overrides[2].limit: 0 lets nothing through (to refuse requests, use a rule of the auth filter)
limits[12].overrides[0].limit: only with algorithm: concurrency
limits[12].overrides[1].burst: only beside one rate; each of several has its count for a burst
limits[13].rate: expected a rate such as "100/1m", found the number 100
limits[14].limit: 4294967296 is more than 4294967295"#;
    assert_eq!(refused.unwrap_err(), expected);
}

/// An override takes over what it does not say. One rate for several needs no more than that rate.
#[test]
fn terms_of_overrides() {
    let config = config(json!({"limits": [
        {"name": "a", "key": ["consumer"], "rate": ["10/1s", "1000/1h"], "overrides": [
            {"key": {"consumer": "one"}, "rate": "5/1s", "burst": 7},
        ]},
        {"name": "b", "key": ["consumer"], "rate": "10/1s", "burst": 5, "overrides": [
            {"key": {"consumer": "two"}, "rate": ["20/1s", "2000/1h"]},
        ]},
        {"name": "c", "key": ["consumer"], "limit": 1, "expires": "5s", "algorithm": "concurrency", "overrides": [
            {"key": {"consumer": "many"}, "limit": 50},
        ]},
    ]}))
    .unwrap();
    let allowance = |limit: usize| config.limits[limit].overrides.allowances().next().unwrap();
    assert_eq!(count_and_burst(allowance(0)), (5, 7));
    let (first, others) = allowance(1).windows();
    let Algorithm::Gcra(quota) = first.algorithm else {
        panic!("{first:?}");
    };
    assert_eq!((quota.burst(), others.len()), (20, 1));
    let capacity = allowance(2).capacity().unwrap();
    assert_eq!(
        (capacity.limit(), capacity.lifetime_ns()),
        (50, 5_000_000_000)
    );
}

/// What keeps its entry where the configuration changes: a bucket of one rate that is as long until it is full, and
/// windows of one period. All else is another.
#[test]
fn entries_of_windows() {
    let salts = |changes: serde_json::Value| {
        let mut limit = json!({"name": "a", "key": ["consumer"]});
        for (key, value) in changes.as_object().unwrap() {
            limit[key] = value.clone();
        }
        let config = config(json!({"limits": [limit]})).unwrap();
        let (first, others) = config.limits[0].allowance.windows();
        let all = [first].into_iter().chain(others);
        all.map(|window| window.salt).collect::<Vec<_>>()
    };
    let mut all = salts(json!({"rate": "5/1h"}));
    assert_eq!(all, salts(json!({"rate": "9/1h"})));
    assert_eq!(all, salts(json!({"rate": "10/2h", "burst": 5})));
    all.extend(salts(json!({"rate": "5/1h", "burst": 2})));
    let slower = json!([{"key": {"consumer": "acme"}, "rate": "2/1h", "burst": 5}]);
    all.extend(salts(json!({"rate": "5/1h", "overrides": slower})));
    all.extend(salts(
        json!({"rate": "5/1h", "cost": {"response_header": "x-cost"}}),
    ));
    for algorithm in ["gcra", "fixed_window", "sliding_window"] {
        all.extend(salts(
            json!({"rate": ["1/1s", "1/1m", "1/1h"], "algorithm": algorithm}),
        ));
    }
    all.extend(salts(json!({"limit": 1, "algorithm": "concurrency"})));
    all.extend(salts(
        json!({"limit": 1, "expires": "1h", "algorithm": "concurrency"}),
    ));
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count);
}

/// A store that several Envoys share.
#[test]
fn global_stores() {
    let with = |store: serde_json::Value| {
        config(json!({
            "limits": [{"name": "a", "key": ["consumer"], "rate": "100/1m"}],
            "store": {"global": store},
        }))
    };
    let global = |store: serde_json::Value| with(store).unwrap().global.unwrap();
    let least = json!({"cluster": "ratelimit", "domain": "gatehouse"});
    let defaults = global(least.clone());
    assert_eq!(defaults.cluster, "ratelimit");
    assert_eq!(defaults.domain, "gatehouse");
    assert_eq!(defaults.timeout, std::time::Duration::from_millis(50));
    assert_eq!(defaults.on_error, OnServiceError::Deny);
    assert_eq!(defaults.lease, None);
    assert_eq!(defaults.slots, Slots(65_536));

    let and = |key: &str, value: serde_json::Value| {
        let mut store = least.clone();
        store[key] = value;
        store
    };
    let shares = [
        (json!("10%"), [10, 1, 1]),
        (json!("100%"), [100, 9, 1]),
        (json!("33%"), [33, 2, 1]),
        (json!(7), [7, 7, 1]),
        (json!(u32::MAX), [100, 9, 1]),
    ];
    for (lease, expected) in shares {
        let share = global(and("lease", lease.clone())).lease.unwrap();
        assert_eq!(
            [100, 9, 1].map(|quota| share.of(quota)),
            expected,
            "{lease}"
        );
    }
    let most = global(and("lease", json!("100%"))).lease.unwrap();
    assert_eq!(most.of(u64::MAX), u64::from(u32::MAX));

    let hint = "(write a percentage such as \"10%\", 1% to 100%, or a whole number above zero)";
    let no_share =
        |what: &str| format!("store.global.lease: {what} is not a share of a rate {hint}");
    let cases = [
        (
            "nothing",
            json!({}),
            "store.global.cluster: required, but missing\n\
             store.global.domain: required, but missing"
                .to_owned(),
        ),
        (
            "empty",
            json!({"cluster": "", "domain": ""}),
            "store.global.cluster: cannot be empty\n\
             store.global.domain: cannot be empty"
                .to_owned(),
        ),
        (
            "too long a timeout",
            and("timeout", json!("11s")),
            "store.global.timeout: is more than 10s".to_owned(),
        ),
        (
            "another on_error",
            and("on_error", json!("permit")),
            "store.global.on_error: unknown word \"permit\" (known: deny, allow, local)".to_owned(),
        ),
        ("lease: none", and("lease", json!(0)), no_share("0")),
        (
            "lease: more than all",
            and("lease", json!("101%")),
            no_share("\"101%\""),
        ),
        (
            "lease: no unit",
            and("lease", json!("10")),
            no_share("\"10\""),
        ),
        ("lease: a part", and("lease", json!(0.1)), no_share("0.1")),
        ("lease: negative", and("lease", json!(-1)), no_share("-1")),
        (
            "lease: too many",
            and("lease", json!(1_u64 << 32)),
            no_share("4294967296"),
        ),
        (
            "lease: another type",
            and("lease", json!(true)),
            no_share("true"),
        ),
    ];
    for (name, store, expected) in cases {
        assert_eq!(with(store).unwrap_err(), expected, "{name}");
    }

    let limits = json!({"store": {"global": least}, "limits": [
        {"name": "a", "key": [{"client_ip": {"ipv4": 24}}, {"const": "x"}, "client_ip"], "rate": "1/1s"},
        {"name": "b", "key": ["consumer"], "algorithm": "concurrency", "limit": 5},
        {"name": "c", "key": ["consumer"], "rate": "9/1s", "cost": {"response_header": "x-cost"}},
    ]});
    assert_eq!(
        config(limits).unwrap_err(),
        "limits[0].key[2]: is the entry \"client_ip\" of a descriptor, as key[0] is\n\
         limits[1].algorithm: a service does not count what is in flight \
         (concurrency needs store: {local: …}, in a filter of its own)\n\
         limits[2].cost: a service is not told what a request has cost when it is over \
         (a cost by the response needs store: {local: …}, in a filter of its own)"
    );
}
