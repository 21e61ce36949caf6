//! The provider `introspection`: what is asked, what is believed, and what is remembered.

use super::*;
use gatehouse_host::{CalloutId, Status, Timestamp};
use std::time::Duration;

const JSON: &[(&str, &[u8])] = &[(":status", b"200"), ("content-type", b"application/json")];
const ANN: &str = r#"{"active":true,"sub":"ann","scope":"read write","groups":["staff"]}"#;
const INACTIVE: &str = r#"{"active":false}"#;
/// 2026-01-01T00:00:00Z, as the host has it.
const START: u64 = 1_767_225_600;

fn gate(options: &str) -> Gate {
    let providers = format!(
        "
opaque:
  introspection:
    cluster: idp
    uri: https://idp.example/oauth2/introspect
    client_id: gateway
    client_secret: '${{env:CLIENT_KEY}}'
{options}"
    );
    Gate::new(&providers, "rules: [{require: opaque}]")
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl Gate {
    /// A token arrives, is asked about, and answered so; what becomes of it.
    fn introspected(&self, token: &str, body: &str) -> String {
        let mut client = self.bearer_arrives(1, token);
        if client.outcome != "waits" {
            return format!("{}, unasked", client.outcome);
        }
        assert_eq!(self.answer_callout(self.only_callout().id, JSON, body), [1]);
        self.again(&mut client);
        client.outcome
    }

    /// A token arrives that need not be asked about.
    fn known(&self, token: &str) -> String {
        let client = self.bearer_arrives(9, token);
        assert_eq!(self.host.take_callouts(), []);
        client.outcome
    }
}

#[test]
fn what_is_asked() {
    let cases = [
        (
            "basic",
            "client_id: gateway\nclient_secret: '${env:CLIENT_KEY}'",
            // printf %s gateway:client-key-1 | base64
            "Basic Z2F0ZXdheTpjbGllbnQta2V5LTE=",
            "token=a.b-c_d%7Ee%2Bf%2Fg%3D%3D&token_type_hint=access_token",
        ),
        (
            "basic, encoded as a form before (RFC 6749, 2.3.1)",
            "client_id: 'a:b %'\nclient_secret: '${env:CLIENT_KEY}'\nauth: basic",
            // printf %s 'a%3Ab+%25:client-key-1' | base64
            "Basic YSUzQWIrJTI1OmNsaWVudC1rZXktMQ==",
            "token=a.b-c_d%7Ee%2Bf%2Fg%3D%3D&token_type_hint=access_token",
        ),
        (
            "post",
            "client_id: a&b\nclient_secret: '${env:CLIENT_KEY}'\nauth: post",
            "",
            "token=a.b-c_d%7Ee%2Bf%2Fg%3D%3D&token_type_hint=access_token&client_id=a%26b&client_secret=client-key-1",
        ),
        (
            "none",
            "auth: none",
            "",
            "token=a.b-c_d%7Ee%2Bf%2Fg%3D%3D&token_type_hint=access_token",
        ),
        (
            "none, with a name",
            "auth: none\nclient_id: gateway",
            "",
            "token=a.b-c_d%7Ee%2Bf%2Fg%3D%3D&token_type_hint=access_token&client_id=gateway",
        ),
    ];
    for (name, client, authorization, body) in cases {
        let client = client.replace('\n', "\n    ");
        let providers = format!(
            "
opaque:
  introspection:
    cluster: idp
    uri: https://IDP.example:8443/introspect?realm=a
    timeout: 3s
    {client}"
        );
        let gate = Gate::new(&providers, "rules: [{require: opaque}]");
        assert_eq!(gate.bearer_arrives(1, "a.b-c_d~e+f/g==").outcome, "waits");
        let sent = gate.only_callout();
        assert_eq!(sent.callout.cluster, "idp", "{name}");
        assert_eq!(sent.callout.timeout, seconds(3), "{name}");
        assert_eq!(String::from_utf8_lossy(&sent.callout.body), body, "{name}");
        for (header, expected) in [
            (":method", "POST"),
            (":path", "/introspect?realm=a"),
            (":authority", "idp.example:8443"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("accept", "application/json"),
            ("authorization", authorization),
        ] {
            assert_eq!(sent.header(header), expected, "{name}: {header}");
        }
    }
}

#[test]
fn tokens_that_nobody_is_asked_about() {
    let gate = gate("");
    let long = "t".repeat(16 * 1024 + 1);
    let cases: [(&str, &[u8], &str); 10] = [
        ("empty", b"Bearer ", "token_malformed"),
        ("only padding", b"Bearer ==", "token_malformed"),
        ("padding within", b"Bearer a=b", "token_malformed"),
        ("space", b"Bearer a b", "token_malformed"),
        ("line break", b"Bearer a\nb", "token_malformed"),
        ("NUL", b"Bearer a\0b", "token_malformed"),
        ("quote", b"Bearer a\"b", "token_malformed"),
        ("not ASCII", b"Bearer a\xffb", "token_malformed"),
        ("joined", b"Bearer a, Bearer b", "credential_ambiguous"),
        ("another scheme", b"Basic YTpi", "credential_missing"),
    ];
    for (name, value, expected) in cases {
        let client = gate.arrives(1, "/", &[("authorization", value)]);
        assert_eq!(client.outcome, expected, "{name}");
    }
    assert_eq!(gate.bearer_arrives(1, &long).outcome, "token_too_long");
    assert_eq!(gate.host.take_callouts(), []);
    assert_eq!(gate.counted("callouts", "opaque"), 0);
}

#[test]
fn what_is_believed() {
    let exp = |offset: i64| {
        format!(
            r#"{{"active":true,"sub":"ann","exp":{}}}"#,
            START as i64 + offset
        )
    };
    let with = |claims: &str| format!(r#"{{"active":true,"sub":"ann",{claims}}}"#);
    let later = START + 100;
    let cases: Vec<(&str, String, &str)> = vec![
        ("active", ANN.to_owned(), "ann"),
        ("inactive", INACTIVE.to_owned(), "token_inactive"),
        (
            "inactive, with claims",
            r#"{"active":false,"sub":"ann"}"#.to_owned(),
            "token_inactive",
        ),
        ("not expired", exp(1), "ann"),
        ("expired, within the skew", exp(-29), "ann"),
        ("expired", exp(-30), "token_expired"),
        (
            "not yet",
            with(&format!(r#""nbf":{later}"#)),
            "token_not_yet_valid",
        ),
        (
            "issued later",
            with(&format!(r#""iat":{later}"#)),
            "token_issued_in_future",
        ),
        ("exp is a text", with(r#""exp":"soon""#), "claim_malformed"),
        ("negative exp", with(r#""exp":-1"#), "claim_malformed"),
        ("aud is a number", with(r#""aud":1"#), "claim_malformed"),
        (
            "no name",
            r#"{"active":true,"username":"ann"}"#.to_owned(),
            "claim_missing",
        ),
        (
            "empty name",
            r#"{"active":true,"sub":""}"#.to_owned(),
            "claim_missing",
        ),
        (
            "null name",
            r#"{"active":true,"sub":null}"#.to_owned(),
            "claim_malformed",
        ),
        (
            "a number for a name",
            r#"{"active":true,"sub":7}"#.to_owned(),
            "claim_malformed",
        ),
        (
            "a name with a line break",
            r#"{"active":true,"sub":"a\nb"}"#.to_owned(),
            "claim_unsafe",
        ),
        (
            "groups of numbers",
            with(r#""groups":[1]"#),
            "claim_malformed",
        ),
        ("no object", "[true]".to_owned(), "introspection_failed"),
        (
            "active is a text",
            r#"{"active":"true","sub":"ann"}"#.to_owned(),
            "introspection_failed",
        ),
        (
            "active is a number",
            r#"{"active":1,"sub":"ann"}"#.to_owned(),
            "introspection_failed",
        ),
        (
            "active is null",
            r#"{"active":null,"sub":"ann"}"#.to_owned(),
            "introspection_failed",
        ),
        (
            "no active",
            r#"{"sub":"ann"}"#.to_owned(),
            "introspection_failed",
        ),
        (
            "active twice",
            r#"{"active":false,"active":true,"sub":"ann"}"#.to_owned(),
            "introspection_failed",
        ),
        (
            "a claim twice",
            r#"{"active":true,"sub":"ann","sub":"bob"}"#.to_owned(),
            "introspection_failed",
        ),
        (
            "HTML",
            "<html>true</html>".to_owned(),
            "introspection_failed",
        ),
        ("nothing", String::new(), "introspection_failed"),
        ("two answers", format!("{ANN}{ANN}"), "introspection_failed"),
        ("too deep", "[".repeat(10_000), "introspection_failed"),
        (
            "10 MB",
            with(&format!(r#""x":"{}""#, "x".repeat(10 << 20))),
            "introspection_failed",
        ),
        (
            "64 KiB",
            {
                let rest = with(r#""x":"""#).len();
                with(&format!(r#""x":"{}""#, "x".repeat((64 << 10) - rest)))
            },
            "ann",
        ),
        (
            "64 KiB and one",
            {
                let rest = with(r#""x":"""#).len();
                with(&format!(r#""x":"{}""#, "x".repeat((64 << 10) + 1 - rest)))
            },
            "introspection_failed",
        ),
    ];
    for (name, body, expected) in cases {
        assert_eq!(gate("").introspected("t", &body), expected, "{name}");
    }
}

#[test]
fn issuer_and_audience_and_other_claims() {
    let options = "
    issuer: https://idp.example
    audiences: [api]
    consumer: {name: {claim: username}, groups: {claim: /realm/roles}, scopes: {claim: scp}}";
    let all = r#"{"active":true,"username":"ann","iss":"https://idp.example","aud":["x","api"],"realm":{"roles":["staff"]},"scp":["read"]}"#;
    let cases = [
        ("all", all.to_owned(), "ann"),
        (
            "no issuer",
            all.replace(r#""iss":"https://idp.example","#, ""),
            "claim_missing",
        ),
        (
            "another issuer",
            all.replace("idp.example", "evil.example"),
            "token_issuer",
        ),
        (
            "no audience",
            all.replace(r#""aud":["x","api"],"#, ""),
            "claim_missing",
        ),
        (
            "another audience",
            all.replace(r#""api""#, r#""apis""#),
            "token_audience",
        ),
    ];
    for (name, body, expected) in cases {
        assert_eq!(gate(options).introspected("t", &body), expected, "{name}");
    }
    let gate = gate(options);
    gate.introspected("t", all);
    let identity = gate.host.property_value("gatehouse.identity").unwrap();
    let identity: gatehouse_config::Value = serde_json::from_slice(&identity).unwrap();
    assert_eq!(identity["groups"], serde_json::json!(["staff"]));
    assert_eq!(identity["scopes"], serde_json::json!(["read"]));
    assert_eq!(identity["provider"], "opaque");
    assert_eq!(identity["claims"]["username"], "ann");
    assert_eq!(identity["claims"].get("active"), None);
}

#[test]
fn what_says_nothing() {
    type Case<'c> = (&'c str, &'c [(&'c str, &'c [u8])], &'c str);
    let cases: [Case<'_>; 9] = [
        ("reset", &[], "reset, or timed out"),
        ("Envoy's own", &[(":status", b"503")], "status 503"),
        ("timed out", &[(":status", b"504")], "status 504"),
        ("our name is not good", &[(":status", b"401")], "status 401"),
        (
            "elsewhere",
            &[(":status", b"302"), ("location", b"/")],
            "status 302",
        ),
        ("created", &[(":status", b"201")], "status 201"),
        ("no status", &[("x", b"1")], "no status"),
        (
            "two",
            &[(":status", b"200"), (":status", b"200")],
            "no status",
        ),
        ("no number", &[(":status", b"2e2")], "no status"),
    ];
    for (name, headers, why) in cases {
        let gate = gate("");
        let mut client = gate.bearer_arrives(1, "t");
        assert_eq!(
            gate.answer_callout(gate.only_callout().id, headers, ANN),
            [1],
            "{name}"
        );
        gate.again(&mut client);
        assert_eq!(client.outcome, "introspection_failed", "{name}");
        let reply = client.reply.unwrap();
        assert_eq!(reply.status, 503, "{name}");
        let line = format!("Warn: auth: provider opaque: callouts fail: {why}");
        assert_eq!(gate.host.log_lines(), [line], "{name}");
        assert_eq!(gate.counted("callouts", "opaque"), 1, "{name}");
        assert_eq!(gate.counted("callouts_failed", "opaque"), 1, "{name}");
        // It is not remembered.
        assert_eq!(gate.introspected("t", ANN), "ann", "{name}");
    }
}

#[test]
fn a_callout_that_cannot_be_sent() {
    for status in [Status::Code(10), Status::Code(2)] {
        let gate = gate("");
        gate.host.fail("proxy_http_call", status);
        for _ in 0..3 {
            let client = gate.bearer_arrives(1, "t");
            assert_eq!(client.outcome, "introspection_failed");
            // RFC 6750, 3.1: nothing is wrong with the token.
            let challenge = ("www-authenticate".to_owned(), b"Bearer".to_vec());
            assert!(client.reply.unwrap().headers.contains(&challenge));
        }
        assert_eq!(gate.host.log_lines().len(), 1);
        assert_eq!(gate.counted("callouts_failed", "opaque"), 3);
        gate.host.heal("proxy_http_call");
        assert_eq!(gate.introspected("t", ANN), "ann");
        let lines = gate.host.log_lines();
        assert_eq!(
            lines[1..],
            ["Info: auth: provider opaque: callouts work again"]
        );
    }
}

/// Otherwise a client that has a token that the endpoint fails on writes the log.
#[test]
fn a_service_that_fails_now_and_then_is_not_logged_each_time() {
    let gate = gate("    cache: {size: 0}");
    let turn = |status: &[u8]| {
        let mut client = gate.bearer_arrives(1, "t");
        let sent = gate.only_callout().id;
        assert_eq!(
            gate.answer_callout(sent, &[(":status", status)], INACTIVE),
            [1]
        );
        gate.again(&mut client);
    };
    for _ in 0..10 {
        turn(b"500");
        turn(b"200");
    }
    assert_eq!(
        gate.host.log_lines().len(),
        2,
        "{:?}",
        gate.host.log_lines()
    );
    assert_eq!(gate.counted("callouts_failed", "opaque"), 10);
    // One that goes on failing is, even if it began within that minute.
    turn(b"500");
    gate.host.advance(seconds(60));
    turn(b"500");
    turn(b"500");
    turn(b"200");
    assert_eq!(
        gate.host.log_lines()[2..],
        [
            "Warn: auth: provider opaque: callouts fail: status 500",
            "Info: auth: provider opaque: callouts work again"
        ]
    );
}

#[test]
fn an_answer_that_cannot_be_read() {
    for call in [
        "proxy_get_header_map_pairs",
        "proxy_get_buffer_bytes",
        "proxy_get_current_time_nanoseconds",
    ] {
        let gate = gate("");
        let mut client = gate.bearer_arrives(1, "t");
        gate.host.fail(call, Status::Code(10));
        assert_eq!(
            gate.answer_callout(gate.only_callout().id, JSON, ANN),
            [1],
            "{call}"
        );
        gate.host.heal(call);
        gate.again(&mut client);
        assert_eq!(client.outcome, "introspection_failed", "{call}");
    }
}

#[test]
fn four_requests_on_one_flight() {
    let gate = gate("");
    let mut clients: Vec<_> = (1..=4).map(|n| gate.bearer_arrives(n, "t")).collect();
    // Asked about anew for some other reason: still one of four.
    gate.again(&mut clients[1]);
    let other = gate.bearer_arrives(5, "u");
    assert_eq!(other.outcome, "waits");
    let sent = gate.host.take_callouts();
    assert_eq!(sent.len(), 2);
    assert_eq!(gate.counted("callouts", "opaque"), 2);

    let callout = sent[0].id;
    // Somebody else's.
    assert_eq!(gate.answer_callout(CalloutId(77), JSON, ANN), [0_u32; 0]);
    assert_eq!(gate.answer_callout(callout, JSON, ANN), [1, 2, 3, 4]);
    for client in &mut clients {
        assert_eq!(client.outcome, "waits");
        gate.again(client);
        assert_eq!(client.outcome, "ann");
    }
    // The same again.
    assert_eq!(gate.answer_callout(callout, JSON, INACTIVE), [0_u32; 0]);
    assert_eq!(gate.known("t"), "ann");
    assert_eq!(gate.answer_callout(sent[1].id, JSON, INACTIVE), [5]);
}

#[test]
fn one_flight_that_fails_fails_for_all_and_for_nobody_else() {
    let gate = gate("");
    let mut clients: Vec<_> = (1..=3).map(|n| gate.bearer_arrives(n, "t")).collect();
    assert_eq!(
        gate.answer_callout(gate.only_callout().id, &[], ""),
        [1, 2, 3]
    );
    // It arrives before those that were woken are asked.
    assert_eq!(gate.bearer_arrives(4, "t").outcome, "waits");
    for client in &mut clients {
        gate.again(client);
        assert_eq!(client.outcome, "introspection_failed");
    }
    assert_eq!(gate.answer_callout(gate.only_callout().id, JSON, ANN), [4]);
    assert_eq!(gate.counted("callouts_failed", "opaque"), 1);
}

#[test]
fn what_is_not_to_be_remembered_is_known_to_who_waited() {
    let gate = gate("    cache: {size: 0}");
    let mut clients: Vec<_> = (1..=3).map(|n| gate.bearer_arrives(n, "t")).collect();
    gate.answer_callout(gate.only_callout().id, JSON, ANN);
    for client in &mut clients {
        gate.again(client);
        assert_eq!(client.outcome, "ann");
    }
    assert_eq!(gate.bearer_arrives(1, "t").outcome, "waits");
}

#[test]
fn a_callout_that_is_never_answered() {
    let gate = gate("    timeout: 2s");
    let mut client = gate.bearer_arrives(1, "t");
    let callout = gate.only_callout().id;
    assert_eq!(gate.tick_after(Duration::from_millis(2_999)), [0_u32; 0]);
    assert_eq!(gate.tick_after(Duration::from_millis(1)), [1]);
    gate.again(&mut client);
    assert_eq!(client.outcome, "introspection_failed");
    assert_eq!(
        gate.host.log_lines(),
        ["Warn: auth: provider opaque: callouts fail: never answered"]
    );
    // After all.
    assert_eq!(gate.answer_callout(callout, JSON, ANN), [0_u32; 0]);
    assert_eq!(gate.bearer_arrives(2, "t").outcome, "waits");
}

#[test]
fn a_wait_that_is_over() {
    let gate = gate("");
    let mut client = gate.bearer_arrives(1, "t");
    gate.gives_up(&mut client);
    assert_eq!(client.outcome, "wait_timeout");
    // It is gone; its flight is not.
    assert_eq!(gate.answer_callout(gate.only_callout().id, JSON, ANN), [1]);
    assert_eq!(gate.known("t"), "ann");
}

#[test]
fn a_clock_that_jumps() {
    let gate = gate("    timeout: 2s");
    let start = gatehouse_host_fake::FakeHost::START;
    let hour = 3_600_000_000_000;
    assert_eq!(gate.introspected("t", ANN), "ann");
    let mut client = gate.bearer_arrives(1, "u");
    gate.host
        .set_now(Timestamp::from_nanos(start.as_nanos() - hour));
    // What was said at another time says nothing now.
    assert_eq!(gate.bearer_arrives(2, "t").outcome, "waits");
    assert_eq!(gate.host.take_callouts().len(), 2);
    assert_eq!(gate.tick_after(seconds(0)), [0_u32; 0]);
    assert_eq!(gate.tick_after(seconds(3)), [1, 2]);
    gate.again(&mut client);
    assert_eq!(client.outcome, "introspection_failed");
    gate.host.set_now(start);
    assert_eq!(gate.known("t"), "ann");
    gate.host
        .set_now(Timestamp::from_nanos(start.as_nanos() + hour));
    assert_eq!(gate.bearer_arrives(3, "t").outcome, "waits");
    gate.host.set_now(Timestamp::from_nanos(u64::MAX));
    assert_eq!(gate.tick_after(seconds(1)), [3]);
}

#[test]
fn for_how_long_it_is_remembered() {
    let exp = |offset: u64| format!(r#"{{"active":true,"sub":"ann","exp":{}}}"#, START + offset);
    let cases: [(&str, &str, String, u64, &str); 8] = [
        ("by default", "", ANN.to_owned(), 60, "ann"),
        ("as configured", "    cache: 5s", ANN.to_owned(), 5, "ann"),
        ("until exp", "", exp(7), 7, "ann"),
        ("no longer than configured", "", exp(61), 60, "ann"),
        ("inactive", "", INACTIVE.to_owned(), 10, "token_inactive"),
        (
            "inactive, as configured",
            "    cache: {negative: 3s}",
            INACTIVE.to_owned(),
            3,
            "token_inactive",
        ),
        (
            "expired",
            "",
            exp(0).replace(&START.to_string(), "1"),
            10,
            "token_expired",
        ),
        (
            "no name",
            "",
            r#"{"active":true}"#.to_owned(),
            10,
            "claim_missing",
        ),
    ];
    for (name, options, body, lasts, outcome) in cases {
        let gate = gate(options);
        assert_eq!(gate.introspected("t", &body), outcome, "{name}");
        gate.host.advance(seconds(lasts) - Duration::from_nanos(1));
        assert_eq!(gate.known("t"), outcome, "{name}");
        gate.host.advance(Duration::from_nanos(1));
        assert_eq!(gate.bearer_arrives(1, "t").outcome, "waits", "{name}");
    }
}

#[test]
fn a_flood_of_junk_leaves_good_tokens() {
    let gate = gate("    cache: {size: 10}");
    assert_eq!(gate.introspected("good", ANN), "ann");
    for index in 0..1_000 {
        assert_eq!(
            gate.introspected(&format!("junk{index}"), INACTIVE),
            "token_inactive"
        );
    }
    assert_eq!(gate.known("good"), "ann");
    assert_eq!(gate.known("junk999"), "token_inactive");
    assert_eq!(gate.bearer_arrives(1, "junk0").outcome, "waits");
}

#[test]
fn too_many_at_once() {
    let gate = gate("    max_in_flight: 3");
    let outcomes: Vec<_> = (0..5)
        .map(|n| gate.bearer_arrives(n, &format!("t{n}")).outcome)
        .collect();
    assert_eq!(
        outcomes,
        [
            "waits",
            "waits",
            "waits",
            "introspection_failed",
            "introspection_failed"
        ]
    );
    // Those that are under way may have more passengers.
    assert_eq!(gate.bearer_arrives(6, "t0").outcome, "waits");
    assert_eq!(gate.counted("callouts_refused", "opaque"), 2);
    let sent = gate.host.take_callouts();
    assert_eq!(sent.len(), 3);
    assert_eq!(gate.answer_callout(sent[0].id, JSON, ANN), [0, 6]);
    assert_eq!(gate.bearer_arrives(7, "t4").outcome, "waits");
}

#[test]
fn stale() {
    let options = "    cache: 60s\n    on_error: {stale: 5m}";
    let broken: &[(&str, &[u8])] = &[(":status", b"500")];
    let gate = gate(options);
    assert_eq!(gate.introspected("t", ANN), "ann");
    let until = START + 120;
    let short = format!(r#"{{"active":true,"sub":"bob","exp":{until}}}"#);
    assert_eq!(gate.introspected("short", &short), "bob");
    gate.host.advance(seconds(60));

    // It is asked about, and what was said before holds only where nothing is said.
    let mut client = gate.bearer_arrives(1, "t");
    assert_eq!(client.outcome, "waits");
    gate.answer_callout(gate.only_callout().id, broken, "");
    gate.again(&mut client);
    assert_eq!(client.outcome, "ann");
    assert_eq!(gate.counted("stale_served", "opaque"), 1);

    gate.host.fail("proxy_http_call", Status::Code(10));
    assert_eq!(gate.known("t"), "ann");
    assert_eq!(gate.known("short"), "bob");
    assert_eq!(gate.known("never seen"), "token_malformed");
    assert_eq!(gate.known("new"), "introspection_failed");
    gate.host.advance(seconds(60));
    assert_eq!(
        gate.known("short"),
        "introspection_failed",
        "beyond its exp"
    );
    gate.host.advance(seconds(239));
    assert_eq!(gate.known("t"), "ann");
    gate.host.advance(seconds(1));
    assert_eq!(
        gate.known("t"),
        "introspection_failed",
        "longer than configured"
    );
}

#[test]
fn a_token_that_was_revoked_is_not_served_stale() {
    let gate = gate("    cache: {positive: 60s, negative: 1s}\n    on_error: {stale: 5m}");
    assert_eq!(gate.introspected("t", ANN), "ann");
    gate.host.advance(seconds(60));
    assert_eq!(gate.introspected("t", INACTIVE), "token_inactive");
    gate.host.advance(seconds(2));
    gate.host.fail("proxy_http_call", Status::Code(10));
    assert_eq!(gate.known("t"), "introspection_failed");
}

#[test]
fn stale_where_the_wait_is_over_and_where_too_many_wait() {
    let gate = gate("    on_error: {stale: 5m}\n    max_in_flight: 1");
    assert_eq!(gate.introspected("t", ANN), "ann");
    gate.host.advance(seconds(60));
    let mut client = gate.bearer_arrives(1, "t");
    gate.gives_up(&mut client);
    assert_eq!(client.outcome, "ann");
    assert_eq!(gate.host.take_callouts().len(), 1);
    assert_eq!(gate.introspected("u", ANN), "introspection_failed, unasked");
}

#[test]
fn a_known_token_costs_what_any_credential_does() {
    let gate = gate("");
    assert_eq!(gate.introspected("t", ANN), "ann");
    assert_eq!(gate.known("t"), "ann");
    let expected = [
        ("proxy_get_current_time_nanoseconds", 1),
        ("proxy_get_header_map_pairs", 1),
        ("proxy_increment_metric", 1),
        ("proxy_remove_header_map_value", 1),
        ("proxy_set_property", 2),
    ];
    assert_eq!(gate.host.calls(), BTreeMap::from(expected));
}

#[test]
fn beside_others() {
    let providers = "
partners:
  api_key:
    from: [{header: x-api-key}]
    consumers: [{name: acme, key: '${env:ACME_KEY}'}]
opaque:
  introspection: {cluster: idp, uri: 'http://idp/i', auth: none}
other:
  introspection: {cluster: idp, uri: 'http://idp/i', auth: none, from: [{header: x-other}]}
";
    let any = Gate::new(
        providers,
        "rules: [{require: {any_of: [opaque, partners]}}]",
    );
    let mut both = any.arrives(
        1,
        "/",
        &[("authorization", b"Bearer t"), ("x-api-key", b"acme-key-1")],
    );
    assert_eq!(both.outcome, "waits");
    any.answer_callout(any.only_callout().id, &[], "");
    any.again(&mut both);
    assert_eq!(both.outcome, "acme", "the other one is good");

    let all = Gate::new(providers, "rules: [{require: {all_of: [opaque, other]}}]");
    let headers: &[(&str, &[u8])] = &[("authorization", b"Bearer t"), ("x-other", b"u")];
    let mut client = all.arrives(1, "/", headers);
    assert_eq!(all.answer_callout(all.only_callout().id, JSON, ANN), [1]);
    all.again(&mut client);
    assert_eq!(client.outcome, "waits");
    let second = all.only_callout();
    assert!(String::from_utf8_lossy(&second.callout.body).starts_with("token=u&"));
    assert_eq!(all.answer_callout(second.id, JSON, INACTIVE), [1]);
    all.again(&mut client);
    assert_eq!(client.outcome, "token_inactive");
}

#[test]
fn report_mode_waits_too() {
    let providers = "
opaque:
  introspection: {cluster: idp, uri: 'http://idp/i', auth: none}";
    let gate = Gate::new(providers, "mode: report\nrules: [{require: opaque}]");
    let mut client = gate.bearer_arrives(1, "t");
    assert_eq!(client.outcome, "waits");
    gate.answer_callout(gate.only_callout().id, JSON, INACTIVE);
    gate.again(&mut client);
    assert_eq!(client.outcome, "anonymous");
    assert_eq!(
        gate.host.counters()["gatehouse.auth.would_deny.reason.token_inactive"],
        1
    );
}

#[test]
fn mistakes() {
    let cases = [
        (
            "{}",
            "cluster: required, but missing\nuri: required, but missing",
        ),
        (
            "{cluster: '', uri: idp.example/introspect}",
            "cluster: cannot be empty\nuri: \"idp.example/introspect\" is not a URL (such as \"https://idp.example/oauth2/introspect\")",
        ),
        (
            "{cluster: idp, uri: 'https://idp/i'}",
            "client_id: required, but missing (for an endpoint that asks for neither, write \"auth: none\")",
        ),
        (
            "{cluster: idp, uri: 'https://idp/i', client_id: a}",
            "client_secret: required, but missing (for an endpoint that asks for neither, write \"auth: none\")",
        ),
        (
            "{cluster: idp, uri: 'https://idp/i', client_id: a, client_secret: hunter2}",
            "client_secret: a secret cannot stand here in plain text (write \"${env:NAME}\" and set NAME in vm_config.environment_variables)",
        ),
        (
            "{cluster: idp, uri: 'https://idp/i', client_id: a, client_secret: '${env:A_KEY}', auth: none}",
            "client_secret: is never sent (remove it, or set auth to basic or post)",
        ),
        (
            "{cluster: idp, uri: 'https://idp/i', auth: bearer}",
            "auth: unknown word \"bearer\" (known: basic, post, none)",
        ),
        (
            "{cluster: idp, uri: 'https://idp/i', auth: none, on_error: allow}",
            "on_error: unknown word \"allow\" (known: deny, stale)",
        ),
        (
            "{cluster: idp, uri: 'https://idp/i', auth: none, on_error: {stale: 2d}, timeout: 2m, clock_skew: 2h, max_in_flight: 0}",
            "timeout: is more than 1m\nclock_skew: is more than 1h\nmax_in_flight: must be 1 to 1000\non_error.stale: is more than 1d",
        ),
        (
            "{cluster: idp, uri: 'https://idp/i', auth: none, max_in_flight: 1001, cache: {positive: 2d, negative: 2h, size: 1, bytes: 1KiB}}",
            "max_in_flight: must be 1 to 1000\ncache.positive: is more than 1d\ncache.negative: is more than 1h\ncache.size: must be 0, or 2 to 100000\ncache.bytes: must be 64KiB to 256MiB",
        ),
        (
            "{cluster: idp, uri: 'https://idp/i', auth: none, cache: 60}",
            "cache: expected a duration, found the number 60 (write its unit too, such as \"60s\")",
        ),
        (
            "{cluster: idp, uri: 'https://idp/i', auth: none, cache: {size: 0}, on_error: {stale: 5m}}",
            "on_error: nothing is remembered that could be stale (set cache.size)",
        ),
    ];
    for (options, expected) in cases {
        let yaml =
            format!("providers: {{o: {{introspection: {options}}}}}\nrules: [{{require: o}}]");
        let problems = load(&yaml)
            .err()
            .unwrap_or_else(|| panic!("accepted: {options}"));
        let expected: Vec<_> = expected
            .lines()
            .map(|line| format!("providers.o.introspection.{line}"))
            .collect();
        assert_eq!(problems, expected.join("\n"), "{options}");
    }
}
