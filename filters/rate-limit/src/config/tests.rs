//! What operators see of their mistakes, to the letter; and what defaults mean.

use super::*;
use gatehouse_config::load_value;
use serde_json::json;

fn config(json: serde_json::Value) -> Result<Config, String> {
    load_value(&json, &|_: &str| None).map_err(|problems| problems.to_string())
}

#[test]
fn all_problems_at_once_each_where_it_stands() {
    let refused = config(json!({
        "limits": [
            {"name": "a b", "rate": "0/1m", "key": [], "cost": 1},
            {"rate": "100", "key": ["consumr", {"client_ip": {"ipv4": 0, "ipv6": 129}}, {"header": ":path"}],
             "algorithm": "fixed_window", "if_absent": "allow", "on_error": "allw", "mode": "Report", "burst": 1.5},
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
        "response_headers": "legacy",
        "mode": "off",
        "trusted_hops": -1,
        "denial": {"status": 200},
        "rules": [],
    }));
    let expected = r#"rules: unknown field (known: limits, store, response_headers, mode, trusted_hops, denial)
limits[0].cost: unknown field (known: name, match, key, rate, burst, algorithm, overrides, if_absent, on_error, mode)
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
limits[1].algorithm: unknown word "fixed_window" (known: gcra)
limits[1].if_absent: unknown word "allow" (known: empty, skip, deny)
limits[1].on_error: unknown word "allw" (did you mean "allow"?)
limits[1].mode: unknown word "Report" (did you mean "report"?)
limits[2].key[2]: the same as key[1]
limits[2].key[3].header: the host is not a header in Envoy
limits[2].burst: the burst must be at least 1
limits[2].overrides[0].key: empty, but needs at least one of consumer, header, client_ip
limits[2].overrides[1].key.header.x-tenants: the limit's key has no header x-tenants (its parts: consumer, header x-tenant, header x-tenant, header host)
limits[2].overrides[1].key.client_ip: the limit's key has no client_ip (its parts: consumer, header x-tenant, header x-tenant, header host)
limits[2].overrides[2]: changes nothing: needs rate, burst, or both
limits[2].overrides[3].key: never reached: overrides[2] holds wherever this does
limits[3].overrides[0].key.const: unknown field (known: consumer, header, client_ip)
limits[3].overrides[1].key: required, but missing
store.local.slots: 0 is not a number of slots: 1 to 4194304
response_headers: unknown word "legacy" (known: ietf, none)
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
            "limits[0].overrides[2].key.header.x-a: \"x-a\" is here twice\n\
             limits[0].overrides[0].key.consumer: empty, but needs a name\n\
             limits[0].overrides[1].key.header.x-a: empty, which counts as missing",
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
            json!({"limits": [limit(json!({}))], "store": {"global": {"cluster": "x"}}}),
            "store.global: unknown field (did you mean \"local\"?)",
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
    let quota = |allowance: &Allowance| (allowance.quota.count(), allowance.quota.burst());
    assert_eq!(quota(&limit.allowance), (100, 100));
    let overrides = limit.overrides.iter().map(|other| quota(&other.allowance));
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
    let quota = config.limits[0].overrides[0].allowance.quota;
    assert_eq!((quota.count(), quota.burst()), (1000, 20));
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
