//! API keys: where they are found, and which are good.

use super::*;
use sha2::{Digest as _, Sha256};

const ONLY_PARTNERS: &str = "rules: [{require: partners}]";

#[test]
fn each_key_at_each_place() {
    let gate = Gate::new(PARTNERS, ONLY_PARTNERS);
    let long = vec![b'k'; 60 * 1024];
    let huge = vec![b'k'; 1 << 20];
    type Case<'c> = (&'c str, &'c str, &'c [(&'c str, &'c [u8])], &'c str);
    let cases: &[Case<'_>] = &[
        ("header", "/", &[("x-api-key", b"acme-key-1")], "acme"),
        (
            "from the environment",
            "/",
            &[("x-api-key", b"dev-key-1")],
            "dev",
        ),
        ("parameter", "/?api_key=acme-key-1", &[], "acme"),
        (
            "parameter, escaped",
            "/?a=b&api%5Fkey=acme%2Dkey-1",
            &[],
            "acme",
        ),
        (
            "cookie",
            "/",
            &[("cookie", b"a=b; api_key=acme-key-1")],
            "acme",
        ),
        (
            "cookie, second line",
            "/",
            &[("cookie", b"a=b"), ("cookie", b"api_key=acme-key-1")],
            "acme",
        ),
        ("nothing", "/", &[], "credential_missing"),
        (
            "parameter of another case",
            "/?API_KEY=acme-key-1",
            &[],
            "credential_missing",
        ),
        (
            "cookie of another case",
            "/",
            &[("cookie", b"API_KEY=acme-key-1")],
            "credential_missing",
        ),
        (
            "longer cookie name",
            "/",
            &[("cookie", b"xapi_key=acme-key-1")],
            "credential_missing",
        ),
        ("empty header", "/", &[("x-api-key", b"")], "key_unknown"),
        ("empty parameter", "/?api_key=", &[], "key_unknown"),
        ("parameter without a value", "/?api_key", &[], "key_unknown"),
        (
            "empty cookie",
            "/",
            &[("cookie", b"api_key")],
            "key_unknown",
        ),
        (
            "unknown",
            "/",
            &[("x-api-key", b"acme-key-2")],
            "key_unknown",
        ),
        (
            "its digest",
            "/",
            &[(
                "x-api-key",
                b"904fc520be4ca9db80d0ffcc6bf7e01b4148e33d45bb6b422ad2e607815fb508",
            )],
            "key_unknown",
        ),
        (
            "other case",
            "/",
            &[("x-api-key", b"ACME-KEY-1")],
            "key_unknown",
        ),
        (
            "two in one value",
            "/",
            &[("x-api-key", b"acme-key-1, acme-key-1")],
            "key_unknown",
        ),
        (
            "not UTF-8",
            "/",
            &[("x-api-key", b"acme\xff\xfe")],
            "key_unknown",
        ),
        (
            "cookie not UTF-8",
            "/",
            &[("cookie", b"\xff=\xfe; api_key=\xff")],
            "key_unknown",
        ),
        ("60 KiB", "/", &[("x-api-key", &long)], "key_unknown"),
        ("1 MiB", "/", &[("x-api-key", &huge)], "key_unknown"),
        (
            "header twice",
            "/",
            &[("x-api-key", b"acme-key-1"), ("x-api-key", b"acme-key-1")],
            "credential_ambiguous",
        ),
        (
            "header in two spellings",
            "/",
            &[("x-api-key", b"acme-key-1"), ("x_api_key", b"acme-key-1")],
            "credential_ambiguous",
        ),
        (
            "header in another spelling",
            "/",
            &[("x_api_key", b"acme-key-1")],
            "credential_missing",
        ),
        (
            "header twice, one empty",
            "/",
            &[("x-api-key", b""), ("x-api-key", b"acme-key-1")],
            "credential_ambiguous",
        ),
        (
            "header and parameter",
            "/?api_key=acme-key-1",
            &[("x-api-key", b"acme-key-1")],
            "credential_ambiguous",
        ),
        (
            "header and cookie",
            "/",
            &[("x-api-key", b"acme-key-1"), ("cookie", b"api_key=x")],
            "credential_ambiguous",
        ),
        (
            "parameter twice",
            "/?api_key=acme-key-1&api_key=acme-key-1",
            &[],
            "credential_ambiguous",
        ),
        (
            "parameter twice, escaped",
            "/?api_key=x&api%5fkey=acme-key-1",
            &[],
            "credential_ambiguous",
        ),
        (
            "cookie twice",
            "/",
            &[("cookie", b"api_key=x; api_key=acme-key-1")],
            "credential_ambiguous",
        ),
        (
            "cookie twice, two lines",
            "/",
            &[("cookie", b"api_key=x"), ("cookie", b"api_key=acme-key-1")],
            "credential_ambiguous",
        ),
        (
            "before its time",
            "/",
            &[("x-api-key", b"early-key-1")],
            "key_not_yet_valid",
        ),
        (
            "after its time",
            "/",
            &[("x-api-key", b"late-key-1")],
            "key_expired",
        ),
        (
            "at the beginning of its time",
            "/",
            &[("x-api-key", b"window-key-1")],
            "window",
        ),
    ];
    for (name, path, headers, expected) in cases {
        assert_eq!(gate.outcome(path, headers), *expected, "{name}");
    }
}

#[test]
fn a_window_opens_and_closes() {
    let gate = Gate::new(PARTNERS, ONLY_PARTNERS);
    let at = |seconds: u64, key: &[u8]| {
        let now = FakeHost::START.as_nanos() + seconds * 1_000_000_000;
        gate.host
            .set_now(gatehouse_host::Timestamp::from_nanos(now));
        gate.outcome("/", &[("x-api-key", key)])
    };
    assert_eq!(at(59, b"early-key-1"), "key_not_yet_valid");
    assert_eq!(at(60, b"early-key-1"), "early");
    assert_eq!(at(59, b"window-key-1"), "window");
    assert_eq!(at(60, b"window-key-1"), "key_expired");
}

#[test]
fn a_prefix_tells_schemes_apart() {
    let providers = "
keys:
  api_key:
    from: [{header: authorization, prefix: 'ApiKey '}]
    consumers: [{name: dev, key: '${env:DEV_KEY}'}]
";
    let gate = Gate::new(providers, "rules: [{require: keys}]");
    let cases: &[(&str, &[&[u8]], &str)] = &[
        ("as configured", &[b"ApiKey dev-key-1"], "dev"),
        ("another case", &[b"APIKEY dev-key-1"], "dev"),
        ("more spaces", &[b"ApiKey   dev-key-1"], "dev"),
        (
            "without a space",
            &[b"ApiKeydev-key-1"],
            "credential_missing",
        ),
        (
            "another scheme",
            &[b"Bearer dev-key-1"],
            "credential_missing",
        ),
        ("no scheme", &[b"dev-key-1"], "credential_missing"),
        ("empty", &[b""], "credential_missing"),
        ("the scheme alone", &[b"ApiKey"], "key_unknown"),
        (
            "two values joined",
            &[b"ApiKey dev-key-1, ApiKey dev-key-1"],
            "credential_ambiguous",
        ),
        (
            "twice",
            &[b"ApiKey dev-key-1", b"ApiKey dev-key-1"],
            "credential_ambiguous",
        ),
        (
            "beside another scheme",
            &[b"Basic x", b"ApiKey dev-key-1"],
            "credential_ambiguous",
        ),
        (
            "joined with another scheme",
            &[b"Basic x,ApiKey dev-key-1"],
            "credential_ambiguous",
        ),
        (
            "joined values of other schemes",
            &[b"Digest a=\"b\", c=\"d\""],
            "credential_missing",
        ),
        (
            "two of other schemes",
            &[b"Basic x", b"Bearer y"],
            "credential_missing",
        ),
    ];
    for (name, values, expected) in cases {
        let headers: Vec<(&str, &[u8])> = values
            .iter()
            .map(|value| ("authorization", *value))
            .collect();
        assert_eq!(gate.outcome("/", &headers), *expected, "{name}");
    }
}

#[test]
fn a_key_that_is_too_long_is_not_hashed() {
    let providers = "
keys:
  api_key:
    from: [{header: x-api-key}]
    consumers:
    - {name: fits, key_sha256: FITS}
    - {name: long, key_sha256: LONG}
";
    let digest = |length: usize| format!("{:x}", Sha256::digest(vec![b'k'; length]));
    let providers = providers
        .replace("FITS", &digest(16 * 1024))
        .replace("LONG", &digest(16 * 1024 + 1));
    let gate = Gate::new(&providers, "rules: [{require: keys}]");
    let fits = vec![b'k'; 16 * 1024];
    assert_eq!(gate.outcome("/", &[("x-api-key", &fits)]), "fits");
    let long = vec![b'k'; 16 * 1024 + 1];
    assert_eq!(gate.outcome("/", &[("x-api-key", &long)]), "key_unknown");
}

#[test]
fn who_gets_to_know_the_consumer() {
    for (told, name) in [("logs", Some("acme")), ("filters", None)] {
        let rest = format!("{ONLY_PARTNERS}\nforward: {{identity: {told}}}\n");
        let gate = Gate::new(PARTNERS, &rest);
        assert_eq!(
            gate.send("/", &[("x-api-key", b"acme-key-1")]),
            Verdict::Continue
        );
        assert_eq!(gate.consumer().as_deref(), name, "{told}");
        assert_eq!(gate.host.property_value("gatehouse.identity"), None);
    }
}

#[test]
fn the_consumer_is_established() {
    let gate = Gate::new(PARTNERS, ONLY_PARTNERS);
    gate.send("/", &[("x-api-key", b"acme-key-1")]);
    let identity = gate.host.property_value("gatehouse.identity").unwrap();
    assert_eq!(
        String::from_utf8(identity).unwrap(),
        r#"{"name":"acme","provider":"partners","groups":["gold"],"scopes":["read"],"claims":{},"metadata":{"plan":"gold"}}"#
    );
}

#[test]
fn a_key_is_replaced_by_another() {
    let digest = format!("{:x}", Sha256::digest(b"acme-key-2"));
    let providers = format!(
        "
keys:
  api_key:
    from: [{{header: x-api-key}}]
    consumers:
    - name: acme
      groups: [gold]
      keys:
      - {{key: '${{env:ACME_KEY}}', expires_at: 2026-01-01T00:01:00Z}}
      - {{sha256: {digest}, not_before: 2026-01-01T00:00:30Z}}
    - {{name: dev, keys: [{{key: '${{env:DEV_KEY}}'}}]}}
"
    );
    let gate = Gate::new(&providers, "rules: [{require: keys}]");
    let at = |seconds: u64, key: &[u8]| {
        let now = FakeHost::START.as_nanos() + seconds * 1_000_000_000;
        gate.host
            .set_now(gatehouse_host::Timestamp::from_nanos(now));
        gate.outcome("/", &[("x-api-key", key)])
    };
    assert_eq!(at(0, b"acme-key-1"), "acme");
    assert_eq!(at(0, b"acme-key-2"), "key_not_yet_valid");
    assert_eq!(at(30, b"acme-key-1"), "acme");
    assert_eq!(at(30, b"acme-key-2"), "acme");
    assert_eq!(at(60, b"acme-key-1"), "key_expired");
    assert_eq!(at(60, b"acme-key-2"), "acme");
    let identity = gate.host.property_value("gatehouse.identity").unwrap();
    assert!(
        String::from_utf8(identity)
            .unwrap()
            .contains("\"groups\":[\"gold\"]")
    );
    assert_eq!(at(60, b"dev-key-1"), "dev");
    assert_eq!(at(60, b"acme-key-3"), "key_unknown");
}

#[test]
fn ten_thousand_consumers() {
    let key = |number: usize| format!("key-{number}");
    let consumers: Vec<_> = (0..10_000)
        .map(|number| {
            let digest = format!("{:x}", Sha256::digest(key(number)));
            serde_json::json!({"name": format!("consumer-{number}"), "key_sha256": digest})
        })
        .collect();
    let configuration = serde_json::json!({
        "providers": {"keys": {"api_key": {"from": [{"header": "x-api-key"}], "consumers": consumers}}},
        "rules": [{"require": "keys"}],
    });
    let config: Config = gatehouse_config::load_value(&configuration, &environment)
        .unwrap_or_else(|problems| panic!("{problems}"));
    let host = FakeHost::default();
    let gate = Gate {
        filter: Filter::new(config, &host).unwrap(),
        host,
    };
    for number in (0..10_000).step_by(97).chain([9_999]) {
        let outcome = gate.outcome("/", &[("x-api-key", key(number).as_bytes())]);
        assert_eq!(outcome, format!("consumer-{number}"));
    }
    for unknown in ["key-10000", "key-", "consumer-1"] {
        let outcome = gate.outcome("/", &[("x-api-key", unknown.as_bytes())]);
        assert_eq!(outcome, "key_unknown", "{unknown}");
    }
    // Headers, the two filter states, the counter, and the header that is taken out.
    gate.outcome("/", &[("x-api-key", b"key-77")]);
    assert_eq!(gate.host.call_count(), 5);
}
