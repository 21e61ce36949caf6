//! Which rule decides, and what several credentials make together.

use super::*;
use gatehouse_denial::grpc;

fn gate(rules: &str) -> Gate {
    let providers = format!("{PARTNERS}{}", sso("algorithms: [RS256]"));
    Gate::new(&providers, rules)
}

const KEY: (&str, &[u8]) = ("x-api-key", b"acme-key-1");
const BAD_KEY: (&str, &[u8]) = ("x-api-key", b"nobodys");

#[test]
fn the_first_rule_that_matches_decides() {
    let gate = gate(
        "
rules:
- {match: {path: {prefix: /public}}, allow: anonymous}
- {match: {path: {prefix: /staff}}, require: sso, authorize: {groups: [staff]}}
- {match: {path: {prefix: /api}, methods: [GET]}, require: {any_of: [partners, sso]}}
",
    );
    let bearer = format!("Bearer {}", token("rs256"));
    let token = ("authorization", bearer.as_bytes());
    type Case<'c> = (&'c str, &'c [(&'c str, &'c [u8])], &'c str);
    let cases: &[Case<'_>] = &[
        ("/public", &[], "anonymous"),
        ("/public/x?y=z", &[], "anonymous"),
        ("/public", &[KEY], "anonymous"),
        ("/public", &[BAD_KEY], "anonymous"),
        ("/public", &[KEY, KEY], "anonymous"),
        ("/publicity", &[], "no_rule"),
        ("/", &[KEY], "no_rule"),
        ("/staff", &[], "credential_missing"),
        ("/staff", &[KEY], "credential_missing"),
        ("/staff", &[token], "ann"),
        ("/api", &[KEY], "acme"),
        ("/api", &[token], "ann"),
        ("/api//", &[token], "ann"),
        ("//public/api", &[], "path_ambiguous"),
        ("/%61pi", &[], "credential_missing"),
        ("/public/../api", &[KEY], "path_ambiguous"),
        ("/public/%2e%2e/api", &[KEY], "path_ambiguous"),
        ("/public%2f..%2fapi", &[KEY], "path_ambiguous"),
        ("/public\\..\\api", &[KEY], "path_ambiguous"),
        ("/public#x", &[KEY], "path_ambiguous"),
    ];
    for (path, headers, expected) in cases {
        assert_eq!(gate.outcome(path, headers), *expected, "{path}");
    }
}

/// Envoy joins two `host` lines with a comma.
#[test]
fn a_host_that_can_be_read_in_different_ways_is_refused() {
    let gate = gate(
        "
rules:
- {match: {hosts: [admin.test]}, require: sso}
- {match: {hosts: ['*.open.test']}, allow: anonymous}
- {match: {path: {prefix: /rest}, not: {hosts: [admin.test]}}, allow: anonymous}
",
    );
    type Case<'c> = (&'c str, &'c str, &'c [&'c str], &'c str);
    let cases: &[Case<'_>] = &[
        ("one", "/", &["a.open.test"], "anonymous"),
        ("the other", "/", &["admin.test"], "credential_missing"),
        ("none of both", "/rest", &["c.test:80"], "anonymous"),
        (
            "two, joined",
            "/",
            &["admin.test,a.open.test"],
            "host_ambiguous",
        ),
        ("one, joined", "/rest", &["admin.test,"], "host_ambiguous"),
        (
            "two",
            "/rest",
            &["admin.test", "a.open.test"],
            "host_ambiguous",
        ),
        (
            "user",
            "/",
            &["admin.test:80@a.open.test"],
            "host_ambiguous",
        ),
        ("escape", "/rest", &["admin%2Etest"], "host_ambiguous"),
        (
            "with an ambiguous path",
            "/a/../b",
            &["a,b"],
            "path_ambiguous",
        ),
    ];
    for (name, path, hosts, expected) in cases {
        let hosts: Vec<(&str, &[u8])> = hosts
            .iter()
            .map(|host| (":authority", host.as_bytes()))
            .collect();
        assert_eq!(gate.outcome(path, &hosts), *expected, "{name}");
    }
}

#[test]
fn any_of_and_all_of() {
    let any = "rules: [{require: {any_of: [partners, sso]}}]";
    let all = "rules: [{require: {all_of: [partners, sso]}}]";
    let nested = "rules: [{require: {any_of: [{all_of: [partners, sso]}, sso]}}]";
    let good = format!("Bearer {}", token("rs256"));
    let good = ("authorization", good.as_bytes());
    let bad = format!("Bearer {}", token("stranger"));
    let bad = ("authorization", bad.as_bytes());
    type Case<'c> = (&'c str, &'c str, &'c [(&'c str, &'c [u8])], &'c str);
    let cases: &[Case<'_>] = &[
        ("any: none", any, &[], "credential_missing"),
        ("any: first", any, &[KEY], "acme"),
        ("any: second", any, &[good], "ann"),
        ("any: both, the first counts", any, &[good, KEY], "acme"),
        ("any: bad first, good second", any, &[BAD_KEY, good], "ann"),
        ("any: good first, bad second", any, &[KEY, bad], "acme"),
        (
            "any: bad first, none second",
            any,
            &[BAD_KEY],
            "key_unknown",
        ),
        (
            "any: none first, bad second",
            any,
            &[bad],
            "token_signature",
        ),
        ("any: both bad", any, &[bad, BAD_KEY], "key_unknown"),
        (
            "any: good first, second twice",
            any,
            &[KEY, good, good],
            "credential_ambiguous",
        ),
        ("all: none", all, &[], "credential_missing"),
        ("all: first", all, &[KEY], "credential_missing"),
        ("all: second", all, &[good], "credential_missing"),
        ("all: both", all, &[KEY, good], "acme"),
        ("all: bad first", all, &[BAD_KEY, good], "key_unknown"),
        ("all: bad second", all, &[KEY, bad], "token_signature"),
        (
            "all: second twice",
            all,
            &[KEY, good, good],
            "credential_ambiguous",
        ),
        ("nested: both", nested, &[KEY, good], "acme"),
        ("nested: second", nested, &[good], "ann"),
        ("nested: first", nested, &[KEY], "credential_missing"),
        ("nested: bad second", nested, &[KEY, bad], "token_signature"),
    ];
    for (name, rules, headers, expected) in cases {
        assert_eq!(gate(rules).outcome("/", headers), *expected, "{name}");
    }
}

#[test]
fn all_of_makes_one_consumer() {
    let gate = gate(
        "
rules: [{require: {all_of: [partners, sso]}, authorize: {groups: [admin], scopes: [read, write]}}]
forward: {consumer_header: x-consumer, claim_headers: [{claim: email, header: x-email}]}
",
    );
    let bearer = format!("Bearer {}", token("rs256"));
    assert_eq!(
        gate.outcome("/", &[KEY, ("authorization", bearer.as_bytes())]),
        "acme"
    );
    let identity = gate.host.property_value("gatehouse.identity").unwrap();
    let identity: serde_json::Value = serde_json::from_slice(&identity).unwrap();
    assert_eq!(identity["provider"], "partners");
    assert_eq!(
        identity["groups"],
        serde_json::json!(["gold", "staff", "admin"])
    );
    assert_eq!(identity["scopes"], serde_json::json!(["read", "write"]));
    assert_eq!(identity["claims"]["sub"], "ann");
    assert_eq!(identity["metadata"], serde_json::json!({"plan": "gold"}));
    assert_eq!(
        gate.upstream(),
        pairs(&[
            (":path", "/"),
            ("x-consumer", "acme"),
            ("x-email", "ann@example.com")
        ])
    );
}

#[test]
fn a_token_is_verified_once_however_often_it_is_asked_for() {
    let gate = gate("rules: [{require: {any_of: [{all_of: [partners, sso]}, {all_of: [sso]}]}}]");
    let bearer = format!("Bearer {}", token("stranger"));
    let outcome = gate.outcome("/", &[KEY, ("authorization", bearer.as_bytes())]);
    assert_eq!(outcome, "token_signature");
    assert_eq!(
        gate.host.counters()["gatehouse.auth.token_cache_miss.provider.sso"],
        1
    );
}

#[test]
fn authorize() {
    let cases = [
        ("{groups: [gold]}", "acme"),
        ("{groups: [silver, gold]}", "acme"),
        ("{groups: [silver]}", "forbidden_group"),
        ("{groups: [GOLD]}", "forbidden_group"),
        ("{consumers: [acme]}", "acme"),
        ("{consumers: [ann]}", "forbidden_consumer"),
        ("{scopes: [read]}", "acme"),
        ("{scopes: [read, write]}", "forbidden_scope"),
        (
            "{consumers: [acme], groups: [gold], scopes: [read]}",
            "acme",
        ),
        (
            "{consumers: [acme], groups: [silver], scopes: [read]}",
            "forbidden_group",
        ),
    ];
    for (authorize, expected) in cases {
        let gate = gate(&format!(
            "rules: [{{require: partners, authorize: {authorize}}}]"
        ));
        assert_eq!(gate.outcome("/", &[KEY]), expected, "{authorize}");
        // Also where it is refused, logs know who it was.
        assert_eq!(gate.consumer().as_deref(), Some("acme"), "{authorize}");
    }
}

#[test]
fn what_the_client_gets_to_see() {
    let gate = gate(
        "
rules:
- {match: {path: {prefix: /any}}, require: {any_of: [partners, sso]}}
- {match: {path: {prefix: /gold}}, require: partners, authorize: {groups: [silver]}}
",
    );
    type Case<'c> = (
        &'c str,
        &'c [(&'c str, &'c [u8])],
        u16,
        u32,
        &'c [&'c str],
        Option<&'c str>,
    );
    let cases: &[Case<'_>] = &[
        (
            "/any",
            &[],
            401,
            grpc::UNAUTHENTICATED,
            &["ApiKey", "Bearer"],
            Some("a credential is required"),
        ),
        (
            "/any",
            &[BAD_KEY],
            401,
            grpc::UNAUTHENTICATED,
            &["ApiKey"],
            Some("the credential was not accepted"),
        ),
        (
            "/any",
            &[KEY, KEY],
            400,
            grpc::INVALID_ARGUMENT,
            &[],
            Some("the credential must be presented once"),
        ),
        ("/gold", &[KEY], 403, grpc::PERMISSION_DENIED, &[], None),
        ("/", &[KEY], 403, grpc::PERMISSION_DENIED, &[], None),
        (
            "/a%2fb",
            &[KEY],
            400,
            grpc::INVALID_ARGUMENT,
            &[],
            Some("the path can be read in more than one way"),
        ),
    ];
    for (path, headers, status, grpc_status, challenges, detail) in cases {
        let Verdict::Deny(reply) = gate.send(path, headers) else {
            panic!("{path} was let in");
        };
        assert_eq!(reply.status, *status, "{path}");
        assert_eq!(reply.grpc_status, Some(*grpc_status), "{path}");
        let own = reply
            .headers
            .iter()
            .filter(|(name, _)| name == "www-authenticate");
        let own: Vec<_> = own
            .map(|(_, value)| std::str::from_utf8(value).unwrap())
            .collect();
        assert_eq!(own, *challenges, "{path}");
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(body["detail"].as_str(), *detail, "{path}");
    }
}
