//! Keys that are fetched.

use super::minted::{base64url, claims, hs256};
use super::*;
use gatehouse_host::{CalloutId, StreamId};
use gatehouse_host_fake::{SentCallout, Shared};
use gatehouse_jose::{Algorithm, JwkSet};
use serde_json::json;
use std::time::Duration;

const REST: &str = "rules: [{require: sso}]";

const AT_URI: &str = "
sso:
  jwt:
    issuer: https://issuer.example
    audiences: [api]
    algorithms: [RS256, ES256]
    jwks: {uri: 'https://issuer.example/keys', cluster: idp}
";

/// A gate over shared data.
fn worker(providers: &str, rest: &str, shared: &Shared) -> Gate {
    let mut gate = Gate::new(providers, rest);
    gate.host = FakeHost::new(shared.clone());
    let yaml = format!("providers:\n  {}\n{rest}", providers.replace('\n', "\n  "));
    gate.filter = Filter::new(load(&yaml).unwrap(), &gate.host).unwrap();
    gate
}

fn alone() -> Gate {
    worker(AT_URI, REST, &Shared::default())
}

/// Of the keys in `testdata/`, those of these names.
fn keys(names: &[&str]) -> String {
    let mut set: serde_json::Value =
        serde_json::from_str(include_str!("../../testdata/jwks.json")).unwrap();
    let keys = set["keys"].as_array_mut().unwrap();
    keys.retain(|key| names.contains(&key["kid"].as_str().unwrap()));
    assert_eq!(keys.len(), names.len());
    set.to_string()
}

impl Gate {
    fn tick(&self) -> Vec<u32> {
        let mut wake = Vec::new();
        self.filter.tick(&self.host, &mut wake);
        wake.into_iter().map(|stream| stream.0).collect()
    }

    fn sent(&self) -> Option<SentCallout> {
        let mut sent = self.host.take_callouts();
        assert!(sent.len() <= 1, "{sent:?}");
        sent.pop()
    }

    fn answer(&self, callout: CalloutId, status: &str, body: &str) -> Vec<u32> {
        let mut wake = Vec::new();
        let headers = [(":status", status.as_bytes())];
        let answer = self.host.answer(headers, body);
        self.filter.answered(callout, &answer, &mut wake);
        wake.into_iter().map(|stream| stream.0).collect()
    }

    /// Answers what was just sent.
    fn serve(&self, body: &str) -> Vec<u32> {
        let sent = self.sent().expect("something was sent");
        self.answer(sent.id, "200", body)
    }

    /// Begins a request of this number.
    fn begin(&self, number: u32, token: &str) -> Stream {
        let bearer = format!("Bearer {token}");
        self.host.begin([
            (":method", &b"GET"[..]),
            (":path", b"/"),
            (":authority", b"gatehouse.test"),
            ("authorization", bearer.as_bytes()),
        ]);
        Stream {
            exchange: Exchange::new(StreamId(number), true),
            memo: Memo::default(),
        }
    }

    fn count(&self, name: &str) -> u64 {
        let name = format!("gatehouse.auth.{name}.provider.sso");
        self.host.counters().get(&name).copied().unwrap_or(0)
    }
}

fn reason_of(verdict: gatehouse_host::Result<Verdict>) -> (u16, String) {
    match verdict.unwrap() {
        Verdict::Deny(reply) => (reply.status, reason(&reply)),
        Verdict::Continue => (200, "goes on".to_owned()),
        Verdict::Wait { .. } => (0, "waits".to_owned()),
        Verdict::WaitForBody { .. } => (0, "waits for its body".to_owned()),
    }
}

#[test]
fn a_request_waits_for_the_first_keys() {
    let gate = alone();
    let mut stream = gate.begin(7, &token("rs256"));
    let Verdict::Wait { until } = gate.ask(&mut stream).unwrap() else {
        panic!("it does not wait");
    };
    // One step of 2 s and 1 s, and two times one more.
    assert_eq!(until, FakeHost::START.after(Duration::from_secs(5)));
    let sent = gate.sent().unwrap();
    assert_eq!(sent.callout.cluster, "idp");
    assert_eq!(sent.header(":authority"), "issuer.example");
    assert_eq!(sent.header(":path"), "/keys");
    assert_eq!(gate.answer(sent.id, "200", &keys(&["rs"])), [7]);
    assert_eq!(
        reason_of(gate.ask(&mut stream)),
        (200, "goes on".to_owned())
    );
    assert_eq!(gate.consumer().as_deref(), Some("ann"));
    assert_eq!(
        (gate.count("keys_fetched"), gate.count("token_cache_miss")),
        (1, 1)
    );
    assert_eq!(gate.bearer(&token("rs256")), "ann");
    assert_eq!(gate.sent(), None);
}

#[test]
fn fetched_before_the_first_request() {
    let gate = alone();
    assert_eq!(gate.filter.tick_period(), Some(Duration::from_millis(100)));
    gate.tick();
    gate.serve(&keys(&["rs", "es256"]));
    for name in ["rs256", "es256"] {
        assert_eq!(gate.bearer(&token(name)), "ann", "{name}");
    }
}

#[test]
fn no_keys_no_request() {
    let gate = alone();
    let mut stream = gate.begin(7, &token("rs256"));
    assert_eq!(reason_of(gate.ask(&mut stream)), (0, "waits".to_owned()));
    let sent = gate.sent().unwrap();
    assert_eq!(gate.answer(sent.id, "503", ""), [7]);
    let refused = (503, "keys_unavailable".to_owned());
    let verdict = gate.ask(&mut stream).unwrap();
    let Verdict::Deny(reply) = &verdict else {
        panic!("it goes on");
    };
    // RFC 6750, 3.1: nothing is wrong with the token.
    let challenge = ("www-authenticate".to_owned(), b"Bearer".to_vec());
    assert!(reply.headers.contains(&challenge));
    assert_eq!(reason_of(Ok(verdict)), refused);
    assert_eq!(gate.bearer(&token("rs256")), "keys_unavailable");
    assert_eq!(gate.sent(), None, "requests do not make it try sooner");
    assert_eq!(gate.count("keys_fetch_failed"), 1);
    // Who can wait no longer gets its answer too.
    gate.host.advance(Duration::from_secs(2));
    let mut stream = gate.begin(8, &token("rs256"));
    assert_eq!(reason_of(gate.ask(&mut stream)), (0, "waits".to_owned()));
    stream.exchange.end_wait();
    assert_eq!(reason_of(gate.ask(&mut stream)), refused);
    gate.serve(&keys(&["rs"]));
    assert_eq!(gate.bearer(&token("rs256")), "ann", "it recovers by itself");
}

#[test]
fn what_needs_no_key_is_refused_at_once() {
    let gate = alone();
    let cases = [
        ("none", "token_malformed"),
        ("hs256", "token_algorithm"),
        ("crit", "token_extension"),
        ("other_issuer", "token_issuer"),
        ("no_issuer", "claim_missing"),
        ("claims_list", "token_malformed"),
        ("too_long", "token_too_long"),
    ];
    for (name, expected) in cases {
        assert_eq!(gate.bearer(&token(name)), expected, "{name}");
    }
    assert_eq!(gate.sent(), None);
    assert_eq!(gate.count("token_cache_miss"), 0);
}

#[test]
fn an_unknown_kid_has_the_keys_fetched_once() {
    let gate = alone();
    gate.tick();
    gate.serve(&keys(&["rs"]));

    // The issuer has a new key: its token waits for it.
    let mut stream = gate.begin(1, &token("es256"));
    assert_eq!(reason_of(gate.ask(&mut stream)), (0, "waits".to_owned()));
    assert_eq!(gate.serve(&keys(&["es256"])), [1]);
    assert_eq!(
        reason_of(gate.ask(&mut stream)),
        (200, "goes on".to_owned())
    );

    // A flood of others gets its answer at once.
    gate.host.begin([]);
    for _ in 0..1000 {
        assert_eq!(gate.bearer(&token("kid_unknown")), "token_key_unknown");
        assert_eq!(gate.bearer(&token("no_kid")), "token_key_unknown");
    }
    assert_eq!(gate.sent(), None);
    gate.host.advance(Duration::from_secs(31));
    let mut stream = gate.begin(2, &token("kid_unknown"));
    assert_eq!(reason_of(gate.ask(&mut stream)), (0, "waits".to_owned()));
    assert_eq!(gate.serve(&keys(&["es256"])), [2]);
    assert_eq!(
        reason_of(gate.ask(&mut stream)),
        (401, "token_key_unknown".to_owned())
    );
    assert_eq!(gate.count("keys_not_modified"), 1);
}

#[test]
fn a_bad_signature_by_a_known_key_fetches_nothing() {
    let gate = alone();
    gate.tick();
    gate.serve(&keys(&["rs"]));
    assert_eq!(gate.bearer(&token("stranger")), "token_signature");
    assert_eq!(gate.bearer(&token("other_issuer")), "token_issuer");
    assert_eq!(gate.bearer(&token("expired")), "token_expired");
    assert_eq!(gate.sent(), None);
}

#[test]
fn a_key_that_is_gone_takes_its_remembered_tokens_with_it() {
    let shared = Shared::default();
    let (gate, other) = (worker(AT_URI, REST, &shared), worker(AT_URI, REST, &shared));
    gate.tick();
    gate.serve(&keys(&["rs", "es256"]));
    for worker in [&gate, &other] {
        for name in ["rs256", "es256"] {
            assert_eq!(worker.bearer(&token(name)), "ann", "{name}");
            assert_eq!(worker.bearer(&token(name)), "ann", "{name}");
        }
        assert_eq!(worker.count("token_cache_miss"), 2);
    }
    for worker in [&gate, &other] {
        worker.host.advance(Duration::from_secs(520));
    }
    gate.tick();
    gate.serve(&keys(&["es256"]));
    other.tick();
    for worker in [&gate, &other] {
        assert_eq!(worker.bearer(&token("es256")), "ann");
        assert_eq!(worker.count("token_cache_miss"), 3, "verified anew");
    }
    // It may be there again: asked once, and refused.
    let mut stream = gate.begin(1, &token("rs256"));
    assert_eq!(reason_of(gate.ask(&mut stream)), (0, "waits".to_owned()));
    assert_eq!(gate.serve(&keys(&["es256"])), [1]);
    assert_eq!(
        reason_of(gate.ask(&mut stream)),
        (401, "token_key_unknown".to_owned())
    );
    assert_eq!(other.bearer(&token("rs256")), "token_key_unknown");
}

#[test]
fn a_remembered_token_costs_nothing_more() {
    let gate = alone();
    gate.tick();
    gate.serve(&keys(&["rs"]));
    gate.bearer(&token("rs256"));
    assert_eq!(gate.bearer(&token("rs256")), "ann");
    let calls = gate.host.calls();
    assert_eq!(calls.get("proxy_get_shared_data"), None);
    assert_eq!(calls["proxy_get_current_time_nanoseconds"], 1);
}

#[test]
fn what_is_published_is_read_with_care() {
    let cases = [
        ("an empty set", "{\"keys\": []}".to_owned(), "keys_unavailable"),
        ("the secret alone", keys(&["hs"]), "keys_unavailable"),
        ("HTML", "<html>".to_owned(), "keys_unavailable"),
        ("1 MiB and a byte", " ".repeat((1 << 20) + 1), "keys_unavailable"),
        ("a key of a kind to come", json!({"keys": [{"kty": "PQ"}, serde_json::from_str::<serde_json::Value>(&keys(&["rs"])).unwrap()["keys"][0]]}).to_string(), "ann"),
        ("the secret too", keys(&["rs", "hs"]), "ann"),
    ];
    for (name, document, expected) in cases {
        let gate = alone();
        gate.tick();
        gate.serve(&document);
        assert_eq!(gate.bearer(&token("rs256")), expected, "{name}");
        assert_eq!(
            gate.bearer(&token("confusion_pem")),
            "token_algorithm",
            "{name}"
        );
    }
}

const DISCOVERED: &str = "
sso:
  jwt:
    issuer: https://issuer.example
    audiences: [api]
    algorithms: [RS256, ES256]
    jwks: {discovery: {cluster: idp}}
";

#[test]
fn discovery() {
    let document = |issuer: &str| {
        json!({"issuer": issuer, "jwks_uri": "https://keys.example/k", "more": [1]}).to_string()
    };
    for (jwks_cluster, expected) in [("", "idp"), (", jwks_cluster: keys", "keys")] {
        let providers = DISCOVERED.replace("cluster: idp", &format!("cluster: idp{jwks_cluster}"));
        let gate = worker(&providers, REST, &Shared::default());
        gate.tick();
        let sent = gate.sent().unwrap();
        assert_eq!(sent.header(":path"), "/.well-known/openid-configuration");
        assert_eq!(sent.header(":authority"), "issuer.example");
        gate.answer(sent.id, "200", &document("https://issuer.example"));
        let sent = gate.sent().unwrap();
        assert_eq!(sent.callout.cluster, expected);
        assert_eq!(sent.header(":path"), "/k");
        assert_eq!(sent.header(":authority"), "keys.example");
        gate.answer(sent.id, "200", &keys(&["rs"]));
        assert_eq!(gate.bearer(&token("rs256")), "ann");
        assert_eq!(gate.count("keys_fetched"), 1);
    }

    let gate = worker(DISCOVERED, REST, &Shared::default());
    gate.tick();
    gate.serve(&document("https://evil.example"));
    assert_eq!(gate.sent(), None);
    assert_eq!(gate.bearer(&token("rs256")), "keys_unavailable");
    assert_eq!(
        gate.host.log_lines(),
        [
            "Warn: gatehouse auth: provider sso: keys: cannot be fetched: the discovery document is of another issuer, \"https://evil.example\"; there is none yet"
        ]
    );

    // A path of the issuer stays in front.
    let providers = DISCOVERED.replace("issuer.example", "issuer.example/realm/");
    let gate = worker(&providers, REST, &Shared::default());
    gate.tick();
    let path = "/realm/.well-known/openid-configuration";
    assert_eq!(gate.sent().unwrap().header(":path"), path);
}

#[test]
fn two_issuers() {
    let second = AT_URI
        .replace("sso:", "other:")
        .replace("issuer.example", "other.example");
    let providers = format!("{AT_URI}{second}");
    for order in ["[sso, other]", "[other, sso]"] {
        let rest = format!("rules: [{{require: {{any_of: {order}}}}}]");
        let gate = worker(&providers, &rest, &Shared::default());
        gate.tick();
        let mut sent = gate.host.take_callouts();
        sent.retain(|sent| sent.header(":authority") == "issuer.example");
        gate.answer(sent[0].id, "200", &keys(&["rs"]));
        // The other's keys have not come, and are not needed.
        let cases = [
            ("rs256", "ann"),
            ("expired", "token_expired"),
            ("stranger", "token_signature"),
            ("other_audience", "token_audience"),
            ("no_sub", "claim_missing"),
        ];
        for (name, expected) in cases {
            assert_eq!(gate.bearer(&token(name)), expected, "{name}, {order}");
        }
        assert_eq!(gate.sent(), None, "{order}");
        // Only its own issuer's provider has a signature checked.
        gate.bearer(&token("stranger"));
        assert_eq!(gate.host.calls()["proxy_call_foreign_function"], 1);
    }
}

#[test]
fn other_addresses_other_documents() {
    let shared = Shared::default();
    let gate = worker(AT_URI, REST, &shared);
    gate.tick();
    gate.serve(&keys(&["rs"]));
    assert_eq!(shared.len(), 2);
    let same = worker(AT_URI, REST, &shared);
    assert_eq!(same.bearer(&token("rs256")), "ann");
    for change in [("/keys", "/other"), ("idp", "idp2"), ("sso", "sso2")] {
        let moved = worker(
            &AT_URI.replace(change.0, change.1),
            &REST.replace(change.0, change.1),
            &shared,
        );
        assert_eq!(moved.bearer(&token("rs256")), "waits", "{change:?}");
    }
    // What an issuer of before published does not count for the one of now.
    let before = worker(DISCOVERED, REST, &shared);
    before.tick();
    before.serve(
        &json!({"issuer": "https://issuer.example", "jwks_uri": "https://issuer.example/keys"})
            .to_string(),
    );
    assert!(before.sent().is_some());
    assert_eq!(before.bearer(&token("rs256")), "waits");
}

#[test]
fn keys_that_are_too_old() {
    let providers = AT_URI.replace("cluster: idp", "cluster: idp, refresh: 1m, max_stale: 1m");
    let gate = worker(&providers, REST, &Shared::default());
    gate.tick();
    gate.serve(&keys(&["rs"]));
    gate.host.advance(Duration::from_secs(119));
    assert_eq!(gate.bearer(&token("rs256")), "ann");
    gate.host.advance(Duration::from_secs(1));
    assert_eq!(gate.bearer(&token("rs256")), "waits", "remembered or not");
    let sent = gate.sent().unwrap();
    gate.answer(sent.id, "503", "");
    assert_eq!(gate.bearer(&token("rs256")), "keys_unavailable");
}

const WITH_DENYLIST: &str = "
sso:
  jwt:
    issuer: https://issuer.example
    audiences: [api]
    algorithms: [HS256]
    jwks: {inline: {keys: [{kty: oct, k: '${env:HS_SECRET}'}]}}
    denylist: {uri: 'http://lists.example/denied', cluster: lists}
";

#[test]
fn a_denylist() {
    let gate = worker(WITH_DENYLIST, REST, &Shared::default());
    let ann = hs256(&json!({}), &claims(&json!({"jti": "1"})));
    let bob = hs256(&json!({}), &claims(&json!({"jti": "2", "sub": "bob"})));

    // A bad token does not wait for it.
    assert_eq!(gate.bearer(&token("confusion_pem")), "token_signature");
    assert_eq!(gate.sent(), None);
    let mut stream = gate.begin(1, &ann);
    assert_eq!(reason_of(gate.ask(&mut stream)), (0, "waits".to_owned()));
    let sent = gate.sent().unwrap();
    assert_eq!(
        (sent.header(":path").as_str(), sent.callout.cluster.as_str()),
        ("/denied", "lists")
    );
    assert_eq!(
        gate.answer(sent.id, "200", "{\"jti\": [], \"sub\": []}"),
        [1]
    );
    assert_eq!(
        reason_of(gate.ask(&mut stream)),
        (200, "goes on".to_owned())
    );
    assert_eq!(gate.bearer(&bob), "bob");

    // Remembered tokens are looked up too.
    for (list, of_ann, of_bob) in [
        (r#"{"jti": ["1"]}"#, "token_revoked", "bob"),
        (r#"{"sub": ["bob"]}"#, "ann", "token_revoked"),
        ("<html>", "ann", "token_revoked"),
        (r#"{"jti": []}"#, "ann", "bob"),
    ] {
        gate.host.advance(Duration::from_secs(60));
        gate.tick();
        gate.serve(list);
        assert_eq!(gate.bearer(&ann), of_ann, "{list}");
        assert_eq!(gate.bearer(&bob), of_bob, "{list}");
    }
    assert_eq!(gate.count("denylist_fetched"), 4);
    assert_eq!(gate.count("denylist_fetch_failed"), 1);
    let calls = gate.host.calls();
    assert_eq!(
        calls.get("proxy_get_shared_data"),
        None,
        "nothing of it is asked of the host"
    );
}

#[test]
fn without_its_denylist() {
    for (on_error, status, reason) in [
        ("", 503, "denylist_unavailable"),
        (", on_error: deny", 503, "denylist_unavailable"),
        (", on_error: allow", 200, "goes on"),
    ] {
        let providers =
            WITH_DENYLIST.replace("cluster: lists", &format!("cluster: lists{on_error}"));
        let gate = worker(&providers, REST, &Shared::default());
        let mut stream = gate.begin(1, &hs256(&json!({}), &claims(&json!({}))));
        assert_eq!(reason_of(gate.ask(&mut stream)), (0, "waits".to_owned()));
        let sent = gate.sent().unwrap();
        assert_eq!(gate.answer(sent.id, "404", ""), [1]);
        assert_eq!(
            reason_of(gate.ask(&mut stream)),
            (status, reason.to_owned())
        );
    }
}

#[test]
fn types_scopes_and_required_claims() {
    let options = "
    types: [at+jwt, Application/Example]
    claims: [{claim: /org/tier, one_of: [gold, silver]}, {claim: email, suffix: '@example.com'}]
    consumer: {name: {claim: /user/id}, groups: {claim: /realm_access/roles}}
    algorithms: [HS256]";
    let gate = Gate::new(
        &sso(options),
        "rules: [{require: sso}]\nforward: {claim_headers: [{claim: /org/tier, header: x-tier}]}",
    );
    let good = json!({
        "org": {"tier": "gold"},
        "email": "ann@example.com",
        "user": {"id": "u1"},
        "realm_access": {"roles": ["admin"]},
    });
    let with = |name: &str, value: serde_json::Value| {
        let mut changed = claims(&good);
        changed[name] = value;
        changed
    };
    let at = json!({"typ": "at+jwt"});
    let cases = [
        ("all well", at.clone(), claims(&good), "u1"),
        (
            "in full",
            json!({"typ": "application/AT+JWT"}),
            claims(&good),
            "u1",
        ),
        (
            "the other type",
            json!({"typ": "example"}),
            claims(&good),
            "u1",
        ),
        (
            "another type",
            json!({"typ": "JWT"}),
            claims(&good),
            "token_type",
        ),
        ("no type", json!({}), claims(&good), "token_type"),
        (
            "not one of",
            at.clone(),
            with("org", json!({"tier": "free"})),
            "claim_mismatch",
        ),
        (
            "not there",
            at.clone(),
            with("org", json!({})),
            "claim_mismatch",
        ),
        (
            "no object",
            at.clone(),
            with("org", json!("gold")),
            "claim_mismatch",
        ),
        (
            "another suffix",
            at.clone(),
            with("email", json!("ann@example.com.evil")),
            "claim_mismatch",
        ),
        (
            "no name",
            at.clone(),
            with("user", json!({})),
            "claim_missing",
        ),
        (
            "a name that is none",
            at.clone(),
            with("user", json!({"id": 7})),
            "claim_malformed",
        ),
    ];
    for (name, header, claims, expected) in cases {
        assert_eq!(gate.bearer(&hs256(&header, &claims)), expected, "{name}");
    }
    gate.bearer(&hs256(&at, &claims(&good)));
    assert!(
        gate.upstream()
            .contains(&("x-tier".to_owned(), "gold".to_owned()))
    );
    let identity = gate.host.property_value("gatehouse.identity").unwrap();
    let identity: serde_json::Value = serde_json::from_slice(&identity).unwrap();
    assert_eq!(identity["groups"], json!(["admin"]));
}

#[test]
fn scope_before_scp() {
    let cases = [
        ("scope", "", json!({"scope": "a b"}), json!(["a", "b"])),
        (
            "scp, a list",
            "",
            json!({"scp": ["a", "b"]}),
            json!(["a", "b"]),
        ),
        ("scp, a text", "", json!({"scp": "a b"}), json!(["a", "b"])),
        (
            "both",
            "",
            json!({"scope": "a", "scp": ["b"]}),
            json!(["a"]),
        ),
        (
            "scope of nothing",
            "",
            json!({"scope": "", "scp": ["b"]}),
            json!([]),
        ),
        (
            "scope that is null",
            "",
            json!({"scope": null, "scp": ["b"]}),
            json!(["b"]),
        ),
        ("neither", "", json!({}), json!([])),
        (
            "another alone",
            "consumer: {scopes: {claim: permissions}}",
            json!({"scope": "a", "permissions": ["b"]}),
            json!(["b"]),
        ),
    ];
    for (name, options, scopes, expected) in cases {
        let gate = Gate::new(&sso(&format!("algorithms: [HS256]\n    {options}")), REST);
        assert_eq!(
            gate.bearer(&hs256(&json!({}), &claims(&scopes))),
            "ann",
            "{name}"
        );
        let identity = gate.host.property_value("gatehouse.identity").unwrap();
        let identity: serde_json::Value = serde_json::from_slice(&identity).unwrap();
        assert_eq!(identity["scopes"], expected, "{name}");
    }
}

#[test]
fn a_key_in_pem() {
    let set: serde_json::Value = serde_json::from_str(&keys(&["es256"])).unwrap();
    let set = JwkSet::from_value(&set).unwrap();
    let material = set.keys()[0].host_material(Algorithm::Es256).unwrap();
    let mut text = base64url(material.spki_der)
        .replace('-', "+")
        .replace('_', "/");
    text.push_str(&"=".repeat((4 - text.len() % 4) % 4));
    let pem = format!("pem: \"-----BEGIN PUBLIC KEY-----\\n{text}\\n-----END PUBLIC KEY-----\\n\"");
    let providers = AT_URI
        .replace("uri: 'https://issuer.example/keys', cluster: idp", &pem)
        .replace("RS256, ", "");
    let gate = Gate::new(&providers, REST);
    assert_eq!(gate.bearer(&token("es256")), "ann");
    assert_eq!(gate.bearer(&token("rs256")), "token_algorithm");
    assert_eq!(gate.filter.tick_period(), None);
}
