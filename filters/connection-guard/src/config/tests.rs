//! What operators see of their mistakes, to the letter.

use super::*;
use gatehouse_config::load_value;
use serde_json::{Value, json};

fn problems(json: &Value) -> String {
    match load_value::<Config>(json, &|_: &str| None) {
        Ok(config) => panic!("taken: {config:?}"),
        Err(problems) => problems.to_string(),
    }
}

#[test]
fn all_problems_at_once_each_where_it_stands() {
    let refused = problems(&json!({
        "rules": [
            {"name": "a b", "action": "alow"},
            {"name": "a", "match": {"source": ["10.0.0.1/8", "here", {"feed": "blok"}, {"fed": "x"}], "ports": [1]}, "action": "deny"},
            {"name": "b", "match": {"destination_port": [0, "90-80", "x", 65536]}, "action": {"tarpit": {"delay": "6m"}}},
            {"name": "c", "match": {"sni": [], "alpn": ["*", "h*2"]}, "action": "allow"},
            {"name": "d", "match": {"sni": ["*example.com", "a..b", "exa mple"], "tls_version": {"at_least": "1.2"}}, "action": "allow"},
            {"name": "e", "match": {"tls_version": {}, "certificate": {}}, "action": "allow"},
            {"name": "f", "match": {"tls_version": {"at_least": "TLSv1.3", "at_most": "TLSv1.2"}, "protocol": ["htp1"]}, "action": "deny", "cluster": "x"},
            {"name": "g", "match": {"certificate": {"sha256": ["abc"]}}, "action": "deny"},
        ],
        "feeds": {"block": {"uri": "ftp://x", "max_prefixes": 0, "bad_entries": "ignore"}},
        "limits": {
            "connection_rate": {"rate": "10", "ipv4": 33},
            "concurrent": {"per_source": 0, "expires": "10ms"},
            "bytes": {"per_connection": {}, "per_source": {"received": "10GiB"}},
        },
        "first_data": {"max_size": "1MiB"},
        "mode": "off",
        "slots": 0,
    }));
    let expected = r#"rules[0].name: "a b" is not a name (1 to 64 letters, digits, "_" and "-")
rules[0].action: unknown word "alow" (did you mean "allow"?)
rules[1].match.ports: unknown field (known: source, destination_port, sni, alpn, tls_version, certificate, protocol)
rules[1].match.source[0]: "10.0.0.1/8" has bits set after its prefix (did you mean "10.0.0.0/8"?)
rules[1].match.source[1]: "here" is not an address range (write an address or a CIDR, such as "10.0.0.0/8" or "2001:db8::/32")
rules[1].match.source[3].fed: unknown field (did you mean "feed"?)
rules[1].match.source[3].feed: required, but missing
rules[2].match.destination_port[0]: not a port, which is 1 to 65535, or a range such as "8000-8099"
rules[2].match.destination_port[1]: not a port, which is 1 to 65535, or a range such as "8000-8099"
rules[2].match.destination_port[2]: not a port, which is 1 to 65535, or a range such as "8000-8099"
rules[2].match.destination_port[3]: 65536 is more than 65535
rules[2].action.tarpit.delay: is more than 5m
rules[3].match.sni: empty, but needs at least one element
rules[3].match.alpn[0]: "*" is neither a text nor the beginning of one (a "*" may only stand at the end, after something)
rules[3].match.alpn[1]: "h*2" is neither a text nor the beginning of one (a "*" may only stand at the end, after something)
rules[4].match.sni[0]: "*example.com" is not a host name (write "example.com", or "*.example.com" for all below it)
rules[4].match.sni[1]: "a..b" is not a host name (write "example.com", or "*.example.com" for all below it)
rules[4].match.sni[2]: "exa mple" is not a host name (write "example.com", or "*.example.com" for all below it)
rules[4].match.tls_version.at_least: unknown version "1.2" (known: SSLv3, TLSv1, TLSv1.1, TLSv1.2, TLSv1.3)
rules[5].match.tls_version: needs at_least, at_most or both
rules[5].match.certificate: needs uri_san, dns_san or sha256
rules[6].match.tls_version: no version is both
rules[6].match.protocol[0]: unknown word "htp1" (did you mean "http1"?)
rules[7].match.certificate.sha256[0]: not a SHA-256 digest (64 hexadecimal digits: printf %s "$KEY" | sha256sum)
default: required, but missing
feeds.block.uri: "ftp://x" is neither http nor https (write it as "https://host/path"; the connection is the cluster's)
feeds.block.cluster: required, but missing
feeds.block.bad_entries: unknown word "ignore" (known: refuse, skip)
feeds.block.max_prefixes: must be 1 to 1000000
limits.connection_rate.rate: "10" is not a rate (write a whole number, a slash and a duration, such as "100/1m")
limits.concurrent.expires: 10ms is not a time to count lost connections for: 1s to 106751d
limits.bytes.per_source.received: "10GiB" is not a rate of bytes (write a size, a slash and a duration, such as "10GiB/1h")
first_data.max_size: must be 1KiB to 64KiB
mode: unknown word "off" (known: enforce, report)
slots: 0 is not a number of slots: 1 to 4194304"#;
    let (refused, expected): (Vec<_>, Vec<_>) =
        (refused.lines().collect(), expected.lines().collect());
    assert_eq!(refused, expected);
}

#[test]
fn one_problem() {
    let rule = |name: &str, matches: Value, more: Value| {
        let mut rule = json!({"name": name, "match": matches, "action": "allow"});
        for (key, value) in more.as_object().unwrap() {
            rule[key] = value.clone();
        }
        rule
    };
    let none = || json!({});
    let cases = [
        (
            "a feed that is not there",
            json!({"default": "deny", "rules": [rule("a", json!({"source": [{"feed": "blok"}]}), none())],
            "feeds": {"block": {"uri": "http://a/b", "cluster": "c"}}}),
            r#"rules[0].match.source[0].feed: no feed named "blok" (did you mean "block"?)"#,
        ),
        (
            "no feed at all",
            json!({"default": "deny", "rules": [rule("a", json!({"source": [{"feed": "block"}]}), none())]}),
            r#"rules[0].match.source[0].feed: no feed named "block" (there are none: write it under feeds)"#,
        ),
        (
            "a name twice",
            json!({"default": "deny", "rules": [rule("a", json!({"source": ["10.0.0.0/8"]}), none()), rule("a", none(), none())]}),
            r#"rules[1].name: "a" is the name of rules[0]"#,
        ),
        (
            "after everything",
            json!({"default": "deny", "rules": [rule("a", none(), none()), rule("b", none(), none())]}),
            "rules[1]: never applies: rules[0] is about every connection",
        ),
        (
            "nothing is decided",
            json!({"default": "allow", "rules": [rule("a", json!({"source": ["10.0.0.0/8"]}), none())]}),
            r#"default: allows what the rules allow anyway, so that they decide nothing (did you mean "deny"?)"#,
        ),
        (
            "nothing at all",
            json!({"default": "allow"}),
            r#"allows every connection, without any limit (write rules, limits or "default: deny")"#,
        ),
        (
            "MySQL that nobody hears",
            json!({"default": "deny", "rules": [rule("a", json!({"protocol": ["mysql"]}), none())]}),
            "rules[0].match.protocol: mysql is known by what the server says, which nobody hears while a connection waits for its client (set server_speaks_first: true)",
        ),
        (
            "a cluster that comes too late",
            json!({"default": "deny", "server_speaks_first": true,
            "rules": [rule("a", json!({"protocol": ["tls"]}), json!({"cluster": "x"}))]}),
            "rules[0].cluster: with server_speaks_first the upstream is connected before this match is decided (match on source or destination_port alone, or leave cluster out)",
        ),
        (
            "a cluster of what is denied",
            json!({"default": "allow", "rules": [rule("a", json!({"source": ["10.0.0.0/8"]}), json!({"action": "deny", "cluster": "x"}))]}),
            "rules[0].cluster: only with action: allow, since no other connection goes anywhere",
        ),
        (
            "no place at all",
            json!({"default": "allow", "limits": {"concurrent": {"total": 0}}}),
            "limits.concurrent.total: 0 lets nothing through (to close connections, use a rule)",
        ),
        (
            "no limit of concurrency",
            json!({"default": "allow", "limits": {"concurrent": {}}}),
            "limits.concurrent: needs per_source, total or both",
        ),
        (
            "no bytes",
            json!({"default": "allow", "limits": {"bytes": {}}}),
            "limits.bytes: limits nothing",
        ),
        (
            "a rate of half a KiB",
            json!({"default": "allow", "limits": {"bytes": {"per_source": {"sent": "512B/1h"}}}}),
            "limits.bytes.per_source.sent: is less than 1KiB",
        ),
        (
            "too many rates",
            json!({"default": "allow", "limits": {"connection_rate": [{"rate": "1/1s"}, {"rate": "1/1s"}, {"rate": "1/1s"}, {"rate": "1/1s"}, {"rate": "1/1s"}]}}),
            "limits.connection_rate: 5 rates, but there may be 1 to 4",
        ),
        (
            "a burst of none",
            json!({"default": "allow", "limits": {"connection_rate": {"rate": "1/1s", "burst": 0}}}),
            "limits.connection_rate: the burst must be at least 1",
        ),
        (
            "an IPv4-mapped range",
            json!({"default": "deny", "rules": [rule("a", json!({"source": ["::ffff:10.0.0.0/104"]}), none())]}),
            r#"rules[0].match.source[0]: "::ffff:10.0.0.0/104" is an IPv4-mapped range (write the IPv4 range; it holds the mapped addresses too)"#,
        ),
    ];
    for (name, config, expected) in cases {
        assert_eq!(problems(&config), expected, "{name}");
    }
}

#[test]
fn defaults() {
    let config: Config = load_value(
        &json!({"default": "deny", "rules": [{"name": "a", "match": {"sni": ["A.Example"]}, "action": "tarpit"}]}),
        &|_: &str| None,
    )
    .unwrap();
    assert_eq!(config.first_data, None);
    assert_eq!(config.on_error, Choice::Deny);
    assert_eq!(config.mode, Mode::Enforce);
    assert_eq!(config.slots, 16_384);
    assert_eq!(config.denial_log.unwrap().to_string(), "10/1m");
    assert!(
        matches!(config.rules[0].action, Action::Tarpit(tarpit) if tarpit.delay == Duration::from_secs(10))
    );
    let name = &config.rules[0].matches.sni.as_ref().unwrap()[0];
    assert_eq!(*name, Name::Exact(b"a.example"[..].into()));
    let config: Config = load_value(
        &json!({"default": "allow", "limits": {"duration": "1h"}, "denial_log": "none"}),
        &|_: &str| None,
    )
    .unwrap();
    assert_eq!((config.first_data, config.denial_log), (None, None));
}
