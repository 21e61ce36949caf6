//! What the upstream sees, what is counted, and how many host calls that costs.

use super::*;

const FORWARD: &str = "
rules:
- {match: {path: {prefix: /public}}, allow: anonymous}
- {require: {any_of: [partners, sso]}}
forward: {consumer_header: x-consumer, claim_headers: [{claim: email, header: x-user-email}]}
";

fn gate(rest: &str) -> Gate {
    let providers = format!("{PARTNERS}{}", sso("algorithms: [RS256, HS256]"));
    Gate::new(&providers, rest)
}

const KEY: (&str, &[u8]) = ("x-api-key", b"acme-key-1");

#[test]
fn the_upstream_sees_the_consumer_and_no_credential() {
    let gate = gate(FORWARD);
    type Pairs<'c> = &'c [(&'c str, &'c str)];
    type Case<'c> = (&'c str, &'c str, Pairs<'c>, Pairs<'c>);
    let cases: &[Case<'_>] = &[
        (
            "header",
            "/a?b=c",
            &[("x-api-key", "acme-key-1"), ("x", "y")],
            &[(":path", "/a?b=c"), ("x", "y"), ("x-consumer", "acme")],
        ),
        (
            "only parameter",
            "/a?api_key=acme-key-1",
            &[],
            &[(":path", "/a"), ("x-consumer", "acme")],
        ),
        (
            "one of the parameters",
            "/a?b=%20&api%5Fkey=acme-key-1&c=+",
            &[],
            &[(":path", "/a?b=%20&c=+"), ("x-consumer", "acme")],
        ),
        (
            "only cookie",
            "/",
            &[("cookie", "api_key=acme-key-1")],
            &[(":path", "/"), ("x-consumer", "acme")],
        ),
        (
            "one of the cookies",
            "/",
            &[
                ("cookie", "a=b; api_key=acme-key-1;c=\"d\""),
                ("cookie", "e=f"),
            ],
            &[
                (":path", "/"),
                ("cookie", "a=b; c=\"d\"; e=f"),
                ("x-consumer", "acme"),
            ],
        ),
        (
            "identity headers of the client",
            "/",
            &[
                ("x-consumer", "root"),
                ("x-consumer", "root"),
                ("x-user-email", "root@x"),
                ("x-api-key", "acme-key-1"),
            ],
            &[(":path", "/"), ("x-consumer", "acme")],
        ),
        (
            "with underscores",
            "/",
            &[
                ("x_consumer", "root"),
                ("x-user_email", "root@x"),
                ("x.consumer", "root"),
                ("x_other", "y"),
                ("x-api-key", "acme-key-1"),
            ],
            &[(":path", "/"), ("x_other", "y"), ("x-consumer", "acme")],
        ),
        (
            "anonymous",
            "/public",
            &[
                ("x-consumer", "root"),
                ("x_consumer", "root"),
                ("x-user-email", "root@x"),
            ],
            &[(":path", "/public")],
        ),
        (
            "anonymous with credentials",
            "/public?api_key=x&y",
            &[
                ("x-api-key", "k"),
                ("x-api-key", "k"),
                ("authorization", "bearer t"),
                ("cookie", "api_key=k"),
            ],
            &[(":path", "/public?y")],
        ),
        (
            "credentials with underscores",
            "/public",
            &[("x_api_key", "k"), ("x-api_key", "l"), ("x_api", "m")],
            &[(":path", "/public"), ("x_api", "m")],
        ),
        (
            "an upgrade that would have the next proxy drop who it is",
            "/",
            &[
                (
                    "connection",
                    "Upgrade, X-Consumer,x_consumer, x,x-user-email",
                ),
                ("upgrade", "websocket"),
                ("x-api-key", "acme-key-1"),
            ],
            &[
                (":path", "/"),
                ("upgrade", "websocket"),
                ("x-consumer", "acme"),
                ("connection", "Upgrade, x"),
            ],
        ),
        (
            "nothing else to keep of the connection",
            "/",
            &[("connection", "x-consumer"), ("x-api-key", "acme-key-1")],
            &[(":path", "/"), ("x-consumer", "acme")],
        ),
        (
            "an upgrade as it is",
            "/",
            &[
                ("connection", "keep-alive,Upgrade"),
                ("upgrade", "websocket"),
                ("x-api-key", "acme-key-1"),
            ],
            &[
                (":path", "/"),
                ("connection", "keep-alive,Upgrade"),
                ("upgrade", "websocket"),
                ("x-consumer", "acme"),
            ],
        ),
        (
            "another scheme stays",
            "/public",
            &[("authorization", "Basic x")],
            &[(":path", "/public"), ("authorization", "Basic x")],
        ),
        (
            "joined with another scheme",
            "/public",
            &[("authorization", "Basic x,Bearer t")],
            &[(":path", "/public")],
        ),
        (
            "another scheme stays beside ours",
            "/public",
            &[("authorization", "Bearer t"), ("authorization", "Basic x")],
            &[(":path", "/public"), ("authorization", "Basic x")],
        ),
        (
            "the other provider's credential",
            "/",
            &[("x-api-key", "acme-key-1"), ("authorization", "Bearer t")],
            &[(":path", "/"), ("x-consumer", "acme")],
        ),
    ];
    for (name, path, headers, expected) in cases {
        let headers: Vec<(&str, &[u8])> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_bytes()))
            .collect();
        assert_eq!(gate.send(path, &headers), Verdict::Continue, "{name}");
        assert_eq!(gate.upstream(), pairs(expected), "{name}");
    }
}

#[test]
fn credentials_stay_where_they_are_wanted() {
    let rest = FORWARD.replace("forward: {", "forward: {strip_credentials: false, ");
    let gate = gate(&rest);
    assert_eq!(gate.outcome("/?api_key=acme-key-1", &[]), "acme");
    assert_eq!(
        gate.upstream(),
        pairs(&[(":path", "/?api_key=acme-key-1"), ("x-consumer", "acme")])
    );
}

#[test]
fn host_calls_of_an_api_key() {
    let gate = gate(FORWARD);
    gate.send("/", &[KEY]);
    let expected = [
        ("proxy_get_header_map_pairs", 1),
        ("proxy_increment_metric", 1),
        ("proxy_remove_header_map_value", 1),
        ("proxy_replace_header_map_value", 1),
        ("proxy_set_property", 2),
    ];
    assert_eq!(gate.host.calls(), expected.into());
}

#[test]
fn host_calls_of_a_known_token() {
    let gate = gate(FORWARD);
    let bearer = format!("Bearer {}", token("rs256"));
    let headers = [("authorization", bearer.as_bytes())];
    gate.send("/", &headers);
    gate.send("/", &headers);
    let expected = [
        ("proxy_get_current_time_nanoseconds", 1),
        ("proxy_get_header_map_pairs", 1),
        ("proxy_increment_metric", 1),
        ("proxy_remove_header_map_value", 1),
        // The consumer's name, and a claim.
        ("proxy_replace_header_map_value", 2),
        ("proxy_set_property", 2),
    ];
    assert_eq!(gate.host.calls(), expected.into());
}

#[test]
fn host_calls_of_others() {
    let gate = gate(FORWARD);
    let hs256 = format!("Bearer {}", token("hs256"));
    type Case<'c> = (&'c str, &'c str, &'c [(&'c str, &'c [u8])], usize);
    let cases: &[Case<'_>] = &[
        ("anonymous: headers, count", "/public", &[], 2),
        ("denied: headers, count", "/", &[], 2),
        ("bad key: headers, count", "/", &[("x-api-key", b"x")], 2),
        (
            "key with a window: clock and count too",
            "/",
            &[("x-api-key", b"late-key-1")],
            3,
        ),
        (
            "new token: clock, miss; then as a known one",
            "/",
            &[("authorization", hs256.as_bytes())],
            9,
        ),
    ];
    for (name, path, headers, expected) in cases {
        gate.send(path, headers);
        assert_eq!(
            gate.host.call_count(),
            *expected,
            "{name}: {:?}",
            gate.host.calls()
        );
    }
}

#[test]
fn what_is_counted() {
    let gate = gate(FORWARD);
    let bearer = format!("Bearer {}", token("hs256"));
    let headers = [("authorization", bearer.as_bytes())];
    gate.send("/public", &[]);
    gate.send("/", &[KEY]);
    gate.send("/", &[KEY]);
    gate.send("/", &headers);
    gate.send("/", &headers);
    gate.send("/", &[]);
    gate.send("/", &[KEY, KEY]);
    let expected = [
        ("gatehouse.auth.allowed.provider.partners", 2),
        ("gatehouse.auth.allowed.provider.sso", 2),
        ("gatehouse.auth.allowed_anonymous", 1),
        ("gatehouse.auth.denied.reason.credential_ambiguous", 1),
        ("gatehouse.auth.denied.reason.credential_missing", 1),
        ("gatehouse.auth.token_cache_miss.provider.sso", 1),
    ];
    let expected = expected.map(|(name, count)| (name.to_owned(), count));
    assert_eq!(gate.host.counters(), expected.into());
}

#[test]
fn report_mode_changes_nothing_and_counts() {
    let gate = gate(&format!("mode: report\n{FORWARD}"));
    type Case<'c> = (&'c str, &'c str, &'c [(&'c str, &'c [u8])], Option<&'c str>);
    let cases: &[Case<'_>] = &[
        ("good", "/", &[KEY, ("x-consumer", b"root")], Some("acme")),
        ("missing", "/", &[("x-consumer", b"root")], None),
        ("bad", "/", &[("x-api-key", b"x")], None),
        ("ambiguous path", "/a/../b", &[KEY], None),
        ("anonymous", "/public", &[KEY], None),
    ];
    for (name, path, headers, consumer) in cases {
        assert_eq!(gate.send(path, headers), Verdict::Continue, "{name}");
        let mut sent = vec![(":path".to_owned(), (*path).to_owned())];
        sent.extend(headers.iter().map(|(name, value)| {
            (
                (*name).to_owned(),
                String::from_utf8(value.to_vec()).unwrap(),
            )
        }));
        assert_eq!(gate.upstream(), sent, "{name}");
        assert_eq!(gate.consumer().as_deref(), *consumer, "{name}");
    }
    let expected = [
        ("gatehouse.auth.allowed.provider.partners", 1),
        ("gatehouse.auth.allowed_anonymous", 1),
        ("gatehouse.auth.would_deny.reason.credential_missing", 1),
        ("gatehouse.auth.would_deny.reason.key_unknown", 1),
        ("gatehouse.auth.would_deny.reason.path_ambiguous", 1),
    ];
    let expected = expected.map(|(name, count)| (name.to_owned(), count));
    assert_eq!(gate.host.counters(), expected.into());
    assert!(gate.host.log_lines().is_empty());
}
