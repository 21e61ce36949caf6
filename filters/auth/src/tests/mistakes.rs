//! Configurations that are refused, with what the operator is told.

use super::*;

const KEYS: &str = "{from: [{header: k}], consumers: [{name: a, key: '${env:A_KEY}'}]}";

fn refused(yaml: &str) -> String {
    match load(yaml) {
        Ok(_) => panic!("accepted:\n{yaml}"),
        Err(problems) => problems,
    }
}

#[test]
fn rules() {
    let cases = [
        ("{}", "rules: required, but missing"),
        ("rules: []", "rules: empty, but needs at least one element"),
        (
            "rules: [{}]",
            "rules[0]: says neither who may pass nor that anybody may (set require, or allow: anonymous)",
        ),
        (
            "rules: [{allow: everybody}]",
            "rules[0].allow: unknown word \"everybody\" (known: anonymous)",
        ),
        (
            "rules: [{allow: anonymous, require: a}]",
            "rules[0]: has allow and require, which contradict each other (keep one of them)",
        ),
        (
            "rules: [{allow: anonymous, authorize: {groups: [g]}}]",
            "rules[0].authorize: an anonymous request has no consumer to authorize (use require in place of allow)",
        ),
        (
            "rules: [{require: b}]",
            "rules[0].require: no provider named \"b\" (did you mean \"a\"?)",
        ),
        (
            "rules: [{require: {any_of: [a, partner]}}]",
            "rules[0].require.any_of[1]: no provider named \"partner\" (known: a)",
        ),
        (
            "rules: [{require: {any_of: []}}]",
            "rules[0].require.any_of: empty, but needs at least one element",
        ),
        (
            "rules: [{require: {any_of: [a, a]}}]",
            "rules[0].require.any_of[1]: the same as [0]",
        ),
        (
            "rules: [{require: {all_of: [a, {any_of: [x]}]}}]",
            "rules[0].require.all_of[1].any_of[0]: no provider named \"x\" (did you mean \"a\"?)",
        ),
        (
            "rules: [{require: {any_of: [a], all_of: [a]}}]",
            "rules[0].require: any_of and all_of at once, but only one of any_of, all_of can stand here",
        ),
        (
            "rules: [{require: {one_of: [a]}}]",
            "rules[0].require.one_of: unknown field (did you mean \"any_of\"?)",
        ),
        (
            "rules: [{require: [a]}]",
            "rules[0].require: expected a provider's name, {any_of: […]} or {all_of: […]}",
        ),
        (
            "rules: [{require: a, authorize: {}}]",
            "rules[0].authorize: empty, but needs at least one of consumers, groups, scopes, claims, when",
        ),
        (
            "rules: [{require: a, authorize: {groups: []}}]",
            "rules[0].authorize.groups: empty, but needs at least one element",
        ),
        (
            "rules: [{require: a, authorise: {groups: [g]}}]",
            "rules[0].authorise: unknown field (did you mean \"authorize\"?)",
        ),
        (
            "rules: [{require: a}, {match: {path: {exact: /}}, allow: anonymous}]",
            "rules[1]: is never reached: rules[0] is about every request (move it up, or give the other a match)",
        ),
        (
            "rules: [{require: a}]\nmode: off",
            "mode: unknown word \"off\" (known: enforce, report)",
        ),
        (
            "rules: [{require: a}]\nfail_open: true",
            "fail_open: unknown field (known: mode, trusted_hops, denial, providers, rules, forward)",
        ),
    ];
    for (yaml, expected) in cases {
        let yaml = format!("{yaml}\nproviders: {{a: {{api_key: {KEYS}}}}}").replace("{}\n", "");
        assert_eq!(refused(&yaml), expected, "{yaml}");
    }
}

#[test]
fn api_keys() {
    let digest = "904fc520be4ca9db80d0ffcc6bf7e01b4148e33d45bb6b422ad2e607815fb508";
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let cases: &[(&str, &str, &str)] = &[
        (
            "{header: k}",
            "{name: a}",
            "consumers[0]: needs a key (set key_sha256 or key, or keys)",
        ),
        (
            "{header: k}",
            &format!("{{name: a, key: '${{env:A_KEY}}', key_sha256: {digest}}}"),
            "consumers[0]: has two keys (put them under keys)",
        ),
        (
            "{header: k}",
            "{name: a, key: hunter2}",
            "consumers[0].key: a secret cannot stand here in plain text (write \"${env:NAME}\" and set NAME in vm_config.environment_variables)",
        ),
        (
            "{header: k}",
            "{name: a, key: '${env:NOT_SET}'}",
            "consumers[0].key: no environment variable NOT_SET (set it in vm_config.environment_variables)",
        ),
        (
            "{header: k}",
            "{name: a, key: '${env:EMPTY}'}",
            "consumers[0].key: the environment variable EMPTY is empty",
        ),
        (
            "{header: k}",
            "{name: a, key: '${env:LONG_KEY}'}",
            "consumers[0].key: is longer than 16384 bytes",
        ),
        (
            "{header: k}",
            "{name: a, key_sha256: abc}",
            "consumers[0].key_sha256: not a SHA-256 digest (64 hexadecimal digits: printf %s \"$KEY\" | sha256sum)",
        ),
        (
            "{header: k}",
            &format!("{{name: a, key_sha256: {empty}}}"),
            "consumers[0].key_sha256: is the digest of an empty key, which anybody has",
        ),
        (
            "{header: k}",
            "{name: \"a\\x9b\", key: '${env:A_KEY}'}",
            "consumers[0].name: a name cannot have control characters, or white space around it",
        ),
        (
            "{header: k}",
            "{name: '', key: '${env:A_KEY}'}",
            "consumers[0].name: a name cannot be empty",
        ),
        (
            "{header: k}",
            "{name: \"a\\nb\", key: '${env:A_KEY}'}",
            "consumers[0].name: a header value cannot have control characters such as CR or LF",
        ),
        (
            "{header: k}",
            "{name: a, key: '${env:A_KEY}'}, {name: a, key: '${env:B_KEY}'}",
            "consumers[1].name: consumers[0] is named \"a\" too",
        ),
        (
            "{header: k}",
            "{name: a, key: '${env:A_KEY}'}, {name: b, key: '${env:A_KEY}'}",
            "consumers[1].key: consumers[0] has the same key",
        ),
        (
            "{header: k}",
            "{name: a, key: '${env:A_KEY}', not_before: 2026-01-01T00:00:00Z, expires_at: 2026-01-01T00:00:00Z}",
            "consumers[0].expires_at: is not after not_before: the key would never be valid",
        ),
        (
            "{header: k}",
            "",
            "consumers: empty, but needs at least one element",
        ),
        (
            "",
            "{name: a, key: '${env:A_KEY}'}",
            "from: empty, but needs at least one element",
        ),
        (
            "{}",
            "{name: a, key: '${env:A_KEY}'}",
            "from[0]: needs exactly one of header, query, cookie",
        ),
        (
            "{header: k}",
            "{name: a, keys: []}",
            "consumers[0].keys: empty, but needs at least one element",
        ),
        (
            "{header: k}",
            "{name: a, keys: [{key: '${env:A_KEY}'}, {}]}",
            "consumers[0].keys[1]: needs a key (set sha256 or key)",
        ),
        (
            "{header: k}",
            &format!("{{name: a, keys: [{{key: '${{env:A_KEY}}', sha256: {digest}}}]}}"),
            "consumers[0].keys[0]: has two keys (make them two elements)",
        ),
        (
            "{header: k}",
            "{name: a, key: '${env:A_KEY}', keys: [{key: '${env:B_KEY}'}]}",
            "consumers[0]: has one key and several (put all of them under keys)",
        ),
        (
            "{header: k}",
            "{name: a, keys: [{key: '${env:B_KEY}'}], expires_at: 2027-01-01T00:00:00Z}",
            "consumers[0]: has several keys and one time (put not_before and expires_at beside each key)",
        ),
        (
            "{header: k}",
            "{name: a, keys: [{key: '${env:B_KEY}', not_before: 2027-01-01T00:00:00Z, expires_at: 2026-01-01T00:00:00Z}]}",
            "consumers[0].keys[0].expires_at: is not after not_before: the key would never be valid",
        ),
        (
            "{header: k}",
            &format!("{{name: a, keys: [{{sha256: {empty}}}]}}"),
            "consumers[0].keys[0].sha256: is the digest of an empty key, which anybody has",
        ),
        (
            "{header: k}",
            &format!(
                "{{name: b, key_sha256: {digest}}}, {{name: a, keys: [{{key: '${{env:A_KEY}}'}}, {{sha256: {digest}}}]}}"
            ),
            "consumers[1].keys[1].sha256: consumers[0] has the same key",
        ),
        (
            "{header: k}",
            "{name: a, keys: [{key: '${env:A_KEY}'}, {key: '${env:A_KEY}'}]}",
            "consumers[0].keys[1].key: consumers[0] has the same key",
        ),
        (
            "{header: k}",
            "{name: a, keys: [{key_sha256: abc}]}",
            "consumers[0].keys[0].key_sha256: unknown field (known: sha256, key, not_before, expires_at)\n\
             providers.p.api_key.consumers[0].keys[0]: needs a key (set sha256 or key)",
        ),
        (
            "{header: k, query: k}",
            "{name: a, key: '${env:A_KEY}'}",
            "from[0]: needs exactly one of header, query, cookie",
        ),
        (
            "{query: k, prefix: 'x '}",
            "{name: a, key: '${env:A_KEY}'}",
            "from[0].prefix: only a header has a prefix",
        ),
        (
            "{header: ':path'}",
            "{name: a, key: '${env:A_KEY}'}",
            "from[0].header: \":path\" is a pseudo-header, which cannot stand here",
        ),
        (
            "{header: cookie}",
            "{name: a, key: '${env:A_KEY}'}",
            "from[0].header: cookies are read one by one (write {cookie: NAME})",
        ),
        (
            "{header: Host}",
            "{name: a, key: '${env:A_KEY}'}",
            "from[0].header: host is Envoy's :authority, by which it routes, and holds no credential",
        ),
        (
            "{cookie: 'a b'}",
            "{name: a, key: '${env:A_KEY}'}",
            "from[0].cookie: \"a b\" is not a cookie's name",
        ),
        (
            "{header: k, prefix: ' '}",
            "{name: a, key: '${env:A_KEY}'}",
            "from[0].prefix: \" \" is not a prefix (an authentication scheme and a space, such as \"Bearer \")",
        ),
        (
            "{header: k}, {header: K}",
            "{name: a, key: '${env:A_KEY}'}",
            "from[1]: the header k is looked at by from[0] already",
        ),
        (
            "{header: k, prefix: 'A '}, {header: k}",
            "{name: a, key: '${env:A_KEY}'}",
            "from[1]: the header k is looked at by from[0] already",
        ),
        (
            "{header: k, prefix: 'A '}, {header: k, prefix: 'a '}",
            "{name: a, key: '${env:A_KEY}'}",
            "from[1]: the header k is looked at by from[0] already",
        ),
    ];
    for (from, consumers, expected) in cases {
        let yaml = format!(
            "providers: {{p: {{api_key: {{from: [{from}], consumers: [{consumers}]}}}}}}\nrules: [{{require: p}}]"
        );
        assert_eq!(refused(&yaml), format!("providers.p.api_key.{expected}"));
    }
}

#[test]
fn documents_that_are_fetched() {
    let base = "issuer: 'https://i', audiences: [a], algorithms: [RS256]";
    let at = |more: &str| format!("{base}, jwks: {{uri: 'https://i/keys', cluster: idp{more}}}");
    let list = |list: &str| format!("{}, denylist: {{{list}}}", at(""));
    let cases = [
        (
            format!("{base}, jwks: {{uri: 'https://i/keys'}}"),
            "jwks.cluster: required, but missing",
        ),
        (
            format!("{base}, jwks: {{uri: 'https://i/keys', cluster: ''}}"),
            "jwks.cluster: cannot be empty",
        ),
        (
            format!("{base}, jwks: {{uri: /keys, cluster: idp}}"),
            "jwks.uri: \"/keys\" is not a URL (write it as \"https://host/path\"; the connection is the cluster's)",
        ),
        (
            format!("{base}, jwks: {{uri: 'https://ann@i/keys', cluster: idp}}"),
            "jwks.uri: \"https://ann@i/keys\" has a user (write it as \"https://host/path\"; the connection is the cluster's)",
        ),
        (
            at(", refesh: 5m"),
            "jwks.refesh: unknown field (did you mean \"refresh\"?)",
        ),
        (at(", timeout: 2m"), "jwks.timeout: is more than 1m"),
        (at(", refresh: 100ms"), "jwks.refresh: is less than 1s"),
        (
            at(", refresh: 1m, min_refresh: 2m"),
            "jwks.min_refresh: is more than refresh, 1m",
        ),
        (at(", max_size: 17MiB"), "jwks.max_size: is more than 16MiB"),
        (
            at(", unknown_key_interval: 1ms"),
            "jwks.unknown_key_interval: is less than 1s",
        ),
        (
            at(", inline: {keys: []}"),
            "jwks: inline and uri at once, but only one of inline, pem, uri, discovery can stand here",
        ),
        (
            at("").replace("RS256", "RS256, HS256"),
            "algorithms[1]: HS256 is for a secret, and keys that are fetched are public",
        ),
        (
            format!("{base}, jwks: {{discovery: {{}}}}"),
            "jwks.discovery.cluster: required, but missing",
        ),
        (
            format!("{base}, jwks: {{discovery: {{cluster: idp, uri: 'https://i'}}}}"),
            "jwks.discovery.uri: unknown field (known: cluster, timeout, refresh, min_refresh, max_stale, max_size, jwks_cluster, unknown_key_interval)",
        ),
        (
            format!("{base}, jwks: {{discovery: {{cluster: idp}}, cluster: idp}}"),
            "jwks.cluster: unknown field (known: discovery)",
        ),
        (
            format!("{base}, jwks: {{discovery: {{cluster: idp}}}}").replace("https://i", "i"),
            "issuer: \"i\" is not a URL (discovery looks for its document below this URL; or set jwks.uri)",
        ),
        (
            format!("{base}, jwks: {{pem: 'MFkw'}}"),
            "jwks.pem: is not PEM: it needs a -----BEGIN …----- and its -----END …-----",
        ),
        (
            list("uri: 'http://l/denied'"),
            "denylist.cluster: required, but missing",
        ),
        (
            list("uri: 'http://l/denied', cluster: l, on_error: alow"),
            "denylist.on_error: unknown word \"alow\" (did you mean \"allow\"?)",
        ),
        (
            list("uri: 'http://l/denied', cluster: l, max_entries: 0"),
            "denylist.max_entries: must be 1 to 1000000",
        ),
        (
            format!("{}, types: []", at("")),
            "types: empty, but needs at least one element",
        ),
        (
            format!("{}, types: ['a b']", at("")),
            "types[0]: \"a b\" is not a type of tokens (such as \"at+jwt\" (RFC 9068))",
        ),
        (
            format!("{}, claims: [{{claim: a}}]", at("")),
            "claims[0]: needs one of exact, prefix, suffix, regex, one_of, present",
        ),
        (
            format!("{}, consumer: {{name: {{claim: ''}}}}", at("")),
            "consumer.name.claim: a claim's name cannot be empty",
        ),
    ];
    for (options, expected) in cases {
        let yaml = format!("providers: {{sso: {{jwt: {{{options}}}}}}}\nrules: [{{require: sso}}]");
        assert_eq!(
            refused(&yaml),
            format!("providers.sso.jwt.{expected}"),
            "{options}"
        );
    }
}

#[test]
fn tokens() {
    let ec = r#"{kty: EC, crv: P-256, x: 9zV7, y: 9zV7}"#;
    let hs = "{kty: oct, k: '${env:HS_SECRET}'}";
    let base = "issuer: i, audiences: [a], algorithms: [HS256]";
    let cases = [
        (
            format!("{base}, jwks: {{}}"),
            "jwks: needs one of inline, pem, uri, discovery",
        ),
        (
            format!("{base}, jwks: {{inline: {{keys: []}}}}"),
            "jwks.inline.keys: no key verifies signatures",
        ),
        (
            format!("{base}, jwks: {{inline: {{keys: [{{kty: oct, k: c2VjcmV0}}]}}}}"),
            "jwks.inline.keys[0].k: a secret cannot stand here in plain text (write \"${env:NAME}\" and set NAME in vm_config.environment_variables)",
        ),
        (
            format!(
                "{base}, jwks: {{inline: {{keys: [{{kty: oct, k: '${{env:WEAK_SECRET}}'}}]}}}}"
            ),
            "jwks.inline.keys[0].k: must be at least 32 bytes long, and is 5",
        ),
        (
            format!("{base}, jwks: {{inline: {{keys: [{{kty: RSA, e: AQAB}}]}}}}"),
            "jwks.inline.keys[0].n: missing",
        ),
        (
            format!("{base}, jwks: {{inline: {{keys: [{hs}, {ec}]}}}}"),
            "jwks.inline.keys[1].x: must be 32 bytes long, and is 3\nproviders.sso.jwt.jwks.inline.keys[1].y: must be 32 bytes long, and is 3",
        ),
        (
            format!(
                "issuer: i, audiences: [a], algorithms: [HS256, RS256], jwks: {{inline: {{keys: [{hs}]}}}}"
            ),
            "algorithms[1]: no key of the set fits RS256",
        ),
        (
            format!(
                "issuer: i, audiences: [a], algorithms: [none], jwks: {{inline: {{keys: [{hs}]}}}}"
            ),
            "algorithms[0]: \"none\" is not a supported algorithm (known: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, HS256, HS384, HS512, EdDSA)",
        ),
        (
            format!(
                "issuer: i, audiences: [a], algorithms: [], jwks: {{inline: {{keys: [{hs}]}}}}"
            ),
            "algorithms: empty, but needs at least one element",
        ),
        (
            format!("audiences: [a], algorithms: [HS256], jwks: {{inline: {{keys: [{hs}]}}}}"),
            "issuer: required, but missing",
        ),
        (
            format!(
                "issuer: '', audiences: [a], algorithms: [HS256], jwks: {{inline: {{keys: [{hs}]}}}}"
            ),
            "issuer: cannot be empty",
        ),
        (
            format!(
                "issuer: i, audiences: [], algorithms: [HS256], jwks: {{inline: {{keys: [{hs}]}}}}"
            ),
            "audiences: empty, but needs at least one element",
        ),
        (
            format!("{base}, jwks: {{inline: {{keys: [{hs}]}}}}, clock_skew: 2h"),
            "clock_skew: is more than 1h",
        ),
        (
            format!("{base}, jwks: {{inline: {{keys: [{hs}]}}}}, cache: {{size: 10001}}"),
            "cache.size: must be 0, or 2 to 10000",
        ),
        (
            format!("{base}, jwks: {{inline: {{keys: [{hs}]}}}}, from: []"),
            "from: empty, but needs at least one element",
        ),
        (
            format!("{base}, jwks: {{inline: {{keys: [{hs}]}}}}, consumer: {{name: sub}}"),
            "consumer.name: expected an object, found the text \"sub\"",
        ),
    ];
    for (options, expected) in cases {
        let yaml = format!("providers: {{sso: {{jwt: {{{options}}}}}}}\nrules: [{{require: sso}}]");
        assert_eq!(refused(&yaml), format!("providers.sso.jwt.{expected}"));
    }
}

#[test]
fn providers_and_forward() {
    let cases = [
        (
            "providers: {a: {apikey: {}}}\nrules: [{require: a}]",
            "providers.a.apikey: unknown field (did you mean \"api_key\"?)",
        ),
        (
            "providers: {a.b: {api_key: {}}}\nrules: [{require: a.b}]",
            "providers[\"a.b\"]: \"a.b\" is not a name (1 to 64 letters, digits, \"_\" and \"-\")\nproviders[\"a.b\"].api_key.from: required, but missing\nproviders[\"a.b\"].api_key.consumers: required, but missing",
        ),
        (
            "rules: [{allow: anonymous}]\nforward: {consumer_header: Host}",
            "forward.consumer_header: host cannot carry an identity",
        ),
        (
            "rules: [{allow: anonymous}]\nforward: {claim_headers: [{claim: a, header: Host}]}",
            "forward.claim_headers[0].header: host cannot carry an identity",
        ),
        (
            "rules: [{allow: anonymous}]\nforward: {consumer_header: x-a, claim_headers: [{claim: a, header: x_a}]}",
            "forward.claim_headers[0].header: consumer_header writes x-a too",
        ),
        (
            "rules: [{allow: anonymous}]\nforward: {consumer_header: x, claim_headers: [{claim: a, header: X}, {claim: b, header: y}, {claim: c, header: y}]}",
            "forward.claim_headers[0].header: consumer_header writes x too\nforward.claim_headers[2].header: claim_headers[1] writes y too",
        ),
    ];
    for (yaml, expected) in cases {
        assert_eq!(refused(yaml), expected);
    }
    let yaml = format!(
        "providers: {{a: {{api_key: {KEYS}}}}}\nrules: [{{require: a}}]\nforward: {{consumer_header: k}}"
    );
    assert_eq!(
        refused(&yaml),
        "forward.consumer_header: k is where provider \"a\" looks for its credential"
    );
}

#[test]
fn all_problems_at_once() {
    let yaml = "
mode: observe
providers:
  partners: {api_key: {from: [{header: k}], consumers: [{name: a}]}}
  sso: {jwt: {issuer: i, audiences: [a], algorithms: [RS265], jwks: {inline: {keys: []}}}}
rules:
- {match: {path: {prefx: /x}}, require: partners}
- {require: {any_of: [sso2, partner]}}
forward: {consumer_header: 'x y'}
";
    assert_eq!(
        refused(yaml),
        "mode: unknown word \"observe\" (known: enforce, report)\n\
         providers.partners.api_key.consumers[0]: needs a key (set key_sha256 or key, or keys)\n\
         providers.sso.jwt.algorithms[0]: \"RS265\" is not a supported algorithm (did you mean \"RS256\"?)\n\
         providers.sso.jwt.jwks.inline.keys: no key verifies signatures\n\
         rules[0].match.path.prefx: unknown field (did you mean \"prefix\"?)\n\
         rules[1].require.any_of[0]: no provider named \"sso2\" (did you mean \"sso\"?)\n\
         rules[1].require.any_of[1]: no provider named \"partner\" (did you mean \"partners\"?)\n\
         forward.consumer_header: \"x y\" is not a header name (letters, digits and !#$%&'*+-.^_`|~ (RFC 9110, 5.6.2))"
    );
}

#[test]
fn what_is_allowed_though_it_looks_odd() {
    let odd = [
        (
            "a provider that no rule names",
            format!("providers: {{a: {{api_key: {KEYS}}}}}\nrules: [{{allow: anonymous}}]"),
        ),
        ("no providers", "rules: [{allow: anonymous}]".to_owned()),
        (
            "a rule about every request, last",
            "rules: [{match: {path: {exact: /}}, allow: anonymous}, {allow: anonymous}]".to_owned(),
        ),
    ];
    for (name, yaml) in odd {
        assert_eq!(load(&yaml).err(), None, "{name}");
    }
}

#[test]
fn problems_show_no_secret() {
    let yaml = "
providers:
  p: {api_key: {from: [{header: k}], consumers: [{name: a, key: hunter2}, {name: b, key: 7}, {name: c, key_sha256: hunter3}]}}
rules: [{require: p}]
";
    let problems = refused(yaml);
    assert!(!problems.contains("hunter"), "{problems}");
}

/// An empty value is what a template leaves where it has nothing to say: it never means "any".
#[test]
fn null_is_a_mistake_everywhere() {
    let cases = [
        ("rules: [{match: , allow: anonymous}]", "rules[0].match: "),
        (
            "rules: [{match: {path: {prefix: }}, allow: anonymous}]",
            "rules[0].match.path.prefix: ",
        ),
        (
            "rules: [{match: {not: }, allow: anonymous}]",
            "rules[0].match.not: ",
        ),
        ("rules: [{allow: }]", "rules[0].allow: "),
        ("rules: [{require: }]", "rules[0].require: "),
        (
            "rules: [{require: {any_of: }}]",
            "rules[0].require.any_of: ",
        ),
        (
            "rules: [{require: {any_of: [a]}, authorize: }]\nproviders: {a: }",
            "rules[0].authorize: ",
        ),
        (
            "rules: [{require: a, authorize: {groups: }}]\nproviders: {a: }",
            "rules[0].authorize.groups: ",
        ),
        ("mode: \nrules: [{allow: anonymous}]", "mode: "),
        ("forward: \nrules: [{allow: anonymous}]", "forward: "),
        (
            "forward: {strip_credentials: }\nrules: [{allow: anonymous}]",
            "forward.strip_credentials: ",
        ),
    ];
    for (yaml, expected) in cases {
        let problems = load(yaml).err().unwrap_or_default();
        assert!(problems.contains(expected), "{yaml}\n{problems}");
    }
}
