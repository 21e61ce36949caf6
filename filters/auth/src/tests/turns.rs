//! Who lets a request wait has a time of its own: that one's is up says nothing of those after it.

use super::waiting::Client;
use super::*;
use std::time::Duration;

const HOOK: &str = "hook: {hmac: {scheme: github, keys: [{consumer: hub, secret: '${env:DEV_KEY}'}], body: {timeout: 1s}}}\n";

/// A signature over a body that does not come.
const UNSIGNED: (&str, &[u8]) = (
    "x-hub-signature-256",
    b"sha256=0000000000000000000000000000000000000000000000000000000000000000",
);

const BEARER: (&str, &[u8]) = ("authorization", b"Bearer ann");

fn gate(other: &str, any_of: &str) -> Gate {
    let rules = format!("rules: [{{require: {{any_of: [{any_of}]}}}}]");
    Gate::new(&format!("{HOOK}{other}"), &rules)
}

impl Gate {
    /// It is answered, and decided on.
    fn answers(&self, client: &mut Client, status: &str, body: &str) {
        let headers = [
            (":status", status.as_bytes()),
            ("content-type", b"application/json"),
        ];
        assert_eq!(
            self.answer_callout(self.only_callout().id, &headers, body),
            [1]
        );
        self.again(client);
    }
}

/// How long its body takes is the client's choice: it must not be what a service would have to be down for.
#[test]
fn a_slow_body_is_no_service_that_is_down() {
    const DECIDE: &str = "decide: {ext_authz: {cluster: opa, on_error: allow}}";
    const OPAQUE: &str = "opaque: {introspection: {cluster: idp, uri: 'https://idp.example/i', client_id: gateway, \
         client_secret: '${env:CLIENT_KEY}', cache: 1s, on_error: {stale: 1h}}}";
    let active = r#"{"active":true,"sub":"ann"}"#;
    for (name, other, any_of, status, body, outcome) in [
        (
            "a decision",
            DECIDE,
            "hook, decide",
            "403",
            "",
            "wait_timeout",
        ),
        (
            "one that allows",
            DECIDE,
            "hook, decide",
            "200",
            "",
            "decide",
        ),
        (
            "one that fails",
            DECIDE,
            "hook, decide",
            "500",
            "",
            "decide",
        ),
        (
            "a token that was revoked",
            OPAQUE,
            "hook, opaque",
            "200",
            r#"{"active":false}"#,
            "wait_timeout",
        ),
        ("a token", OPAQUE, "hook, opaque", "200", active, "ann"),
        (
            "nested",
            DECIDE,
            "{all_of: [hook, decide]}, decide",
            "403",
            "",
            "wait_timeout",
        ),
    ] {
        let gate = gate(other, any_of);
        if other == OPAQUE {
            let mut known = gate.arrives(1, "/", &[BEARER]);
            assert_eq!(known.outcome, "waits", "{name}");
            gate.answers(&mut known, "200", active);
            assert_eq!(known.outcome, "ann", "{name}");
            gate.tick_after(Duration::from_secs(2));
        }
        let mut client = gate.arrives(1, "/", &[UNSIGNED, BEARER]);
        assert_eq!(client.outcome, "waits for its body", "{name}");
        gate.tick_after(Duration::from_secs(1));
        gate.gives_up(&mut client);
        assert_eq!(client.outcome, "waits", "{name}: the service is asked");
        gate.answers(&mut client, status, body);
        assert_eq!(client.outcome, outcome, "{name}");
        assert_eq!(gate.host.take_callouts(), [], "{name}: once");
    }
}

/// Nor is a service that is slow another one that is.
#[test]
fn each_service_has_its_time() {
    let other = "first: {ext_authz: {cluster: first}}\nsecond: {ext_authz: {cluster: second, on_error: allow}}";
    let gate = gate(other, "first, second");
    let mut client = gate.arrives(1, "/", &[]);
    assert_eq!(gate.only_callout().callout.cluster, "first");
    gate.gives_up(&mut client);
    assert_eq!(client.outcome, "waits");
    assert_eq!(gate.only_callout().callout.cluster, "second");
    gate.gives_up(&mut client);
    assert_eq!(client.outcome, "second");
    assert_eq!(gate.counted("errors_allowed", "second"), 1);
}

/// A client has the time of one provider for its body, however many there are; and of the services behind them, each.
#[test]
fn a_body_is_waited_for_once() {
    let other = "other: {hmac: {scheme: github, keys: [{consumer: other, secret: '${env:DEV_KEY}'}], body: {timeout: 9s}}}\n\
         decide: {ext_authz: {cluster: opa, on_error: allow}}";
    let gate = gate(other, "hook, other, decide");
    let mut client = gate.arrives(1, "/", &[UNSIGNED]);
    assert_eq!(client.outcome, "waits for its body");
    gate.gives_up(&mut client);
    assert_eq!(client.outcome, "waits");
    gate.answers(&mut client, "403", "");
    assert_eq!(client.outcome, "wait_timeout");
}

/// Where no request may wait, none does, whoever is asked.
#[test]
fn no_more_waits() {
    let other = "decide: {ext_authz: {cluster: opa}}";
    let gate = gate(other, "hook, decide");
    let mut client = gate.arrives(1, "/", &[UNSIGNED]);
    assert_eq!(client.outcome, "waits for its body");
    gate.may_not_wait(&mut client);
    assert_eq!(client.outcome, "wait_timeout");
    assert_eq!(gate.host.take_callouts(), []);
}

/// A body that comes late, while the next one is asked, is not looked at again.
#[test]
fn a_body_that_comes_late() {
    let gate = gate("decide: {ext_authz: {cluster: opa}}", "hook, decide");
    let mut client = gate.arrives(1, "/", &[UNSIGNED]);
    gate.gives_up(&mut client);
    assert_eq!(client.outcome, "waits");
    client.has_body(2);
    gate.answers(&mut client, "403", "");
    assert_eq!(client.outcome, "wait_timeout");
}
