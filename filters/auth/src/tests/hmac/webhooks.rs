//! The schemes of webhooks.

use super::*;

const GITHUB: &str = "scheme: github\nkeys: [{consumer: github, secret: '${env:GITHUB}'}]";
const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

fn post(body: &str) -> Sent {
    Sent::new("POST", "/hook").body(body)
}

#[test]
fn github() {
    let hello = || post("Hello, World!").with("x-hub-signature-256", SIGNATURE);
    let rolled = format!(
        "{}, {{consumer: github, secret: '${{env:OTHER}}'}}]",
        GITHUB.trim_end_matches(']')
    );
    let by_other = format!(
        "sha256={}",
        hex(&mac("another secret of thirty-two bytes!!", b"x"))
    );
    let empty = format!("sha256={}", hex(&mac("It's a Secret to Everybody", b"")));
    let mut bodiless = post("").with("x-hub-signature-256", &empty);
    bodiless.body = None;
    #[rustfmt::skip]
    let cases: &[(&str, &str, Sent, &str)] = &[
        ("of the documentation", GITHUB, hello(), "waited: github"),
        ("another body", GITHUB, hello().body("Hello, World?"), "waited: signature_wrong"),
        ("the second secret", &rolled, post("x").with("x-hub-signature-256", &by_other), "waited: github"),
        ("no secret of ours", GITHUB, post("x").with("x-hub-signature-256", &by_other), "waited: signature_wrong"),
        ("no body", GITHUB, bodiless, "github"),
        ("an empty body", GITHUB, post("").with("x-hub-signature-256", &empty), "waited: github"),
        ("unsigned", GITHUB, post("x"), "credential_missing"),
        ("SHA-1 alone", GITHUB, post("x").with("x-hub-signature", "sha1=00"), "credential_missing"),
        ("twice", GITHUB, hello().with("x-hub-signature-256", SIGNATURE), "credential_ambiguous"),
        ("in two spellings", GITHUB, hello().with("x_hub_signature_256", SIGNATURE), "credential_ambiguous"),
        ("malformed", GITHUB, post("x").with("x-hub-signature-256", "sha256=xx"), "signature_malformed"),
        ("not UTF-8", GITHUB, post("x").with("x-hub-signature-256", b"\xff"), "signature_malformed"),
        ("too long", &format!("{GITHUB}\nbody: {{max: 12B}}"), hello(), "waited: body_too_long"),
        ("says that it is too long", &format!("{GITHUB}\nbody: {{max: 12B}}"), hello().with("content-length", "13"), "body_too_long"),
    ];
    for (name, options, sent, expected) in cases {
        let gate = gate(options);
        assert_eq!(gate.signed(sent), *expected, "{name}");
        if expected.ends_with("github") {
            // Without a time, nothing is remembered unless that is asked for.
            assert_eq!(gate.signed(sent), *expected, "{name}, again");
            assert!(gate.host.shared_data().is_empty(), "{name}");
            let headers = gate.upstream();
            assert!(
                !headers.iter().any(|(name, _)| name.starts_with("x-hub")),
                "{name}"
            );
        }
    }
}

#[test]
fn stripe() {
    let options = "scheme: stripe\nkeys: [{consumer: stripe, secret: '${env:STRIPE}'}]";
    let signed = |time: u64, body: &str| {
        let code = mac("whsec_test_secret", format!("{time}.{body}").as_bytes());
        post(body).with("stripe-signature", format!("t={time},v1={}", hex(&code)))
    };
    // Of `stripe` for Python.
    let event = r#"{"type":"invoice.paid","data":{"id":"in_1","total":"12,50 €"}}"#;
    let of_stripe =
        "t=1795132800,v1=380c1d7396dcc14ba730326eec2aab018e2834affb4781a4e8572c2f7d670b52";
    let cases: &[(&str, Sent, &str)] = &[
        (
            "an event",
            post(event).with("stripe-signature", of_stripe),
            "waited: stripe",
        ),
        (
            "as old as allowed",
            signed(NOW - 300, "x"),
            "waited: stripe",
        ),
        ("too old", signed(NOW - 301, "x"), "signature_expired"),
        (
            "from the future",
            signed(NOW + 301, "x"),
            "signature_not_yet_valid",
        ),
        (
            "another body",
            signed(NOW, "x").body("y"),
            "waited: signature_wrong",
        ),
        (
            "v0 alone",
            post("x").with("stripe-signature", format!("t={NOW},v0=00")),
            "signature_algorithm",
        ),
        (
            "no time",
            post("x").with("stripe-signature", format!("v1={}", "0".repeat(64))),
            "signature_coverage",
        ),
        (
            "malformed",
            post("x").with("stripe-signature", "x"),
            "signature_malformed",
        ),
    ];
    for (name, sent, expected) in cases {
        let gate = gate(options);
        assert_eq!(gate.signed(sent), *expected, "{name}");
        if expected.ends_with("stripe") {
            assert_eq!(gate.signed(sent), "waited: replayed", "{name}");
        }
    }
}

#[test]
fn standard_webhooks() {
    let options = "scheme: standard_webhooks\nkeys: [{id: old, consumer: svix, secret: '${env:STANDARD}'}, {id: new, consumer: svix, secret: '${env:ROLLED}'}]";
    let body = r#"{"type":"invoice.paid","data":{"id":"in_1","total":"12,50 €"}}"#;
    let old = "v1,kiXbbjf/xYbOPu67KWuSguEWjqNXqi9TWOt9XTkY/TA=";
    let new = "v1,cy5LTo+3YcvjLD8cYdyMtRwGZ2YEJuk7PPzYZ0ZfNB4=";
    let sent = |signature: &str| {
        post(body)
            .with("webhook-id", "msg_2")
            .with("webhook-timestamp", "1795132800")
            .with("webhook-signature", signature)
    };
    let both = format!("{old} {new}");
    let cases: &[(&str, Sent, &str)] = &[
        ("by the old secret", sent(old), "waited: svix"),
        ("by the new secret", sent(new), "waited: svix"),
        ("by both", sent(&both), "waited: svix"),
        ("Ed25519", sent("v1a,AA=="), "signature_algorithm"),
        (
            "another id",
            sent(old).set("webhook-id", "msg_3"),
            "waited: signature_wrong",
        ),
        (
            "the id in two spellings",
            sent(old).with("webhook_id", "msg_3"),
            "credential_ambiguous",
        ),
        (
            "another time",
            sent(old).set("webhook-timestamp", "1795132801"),
            "waited: signature_wrong",
        ),
    ];
    for (name, sent, expected) in cases {
        assert_eq!(gate(options).signed(sent), *expected, "{name}");
    }
    // Under two secrets there are two signatures, and a second presentation may leave one out.
    let gate = gate(options);
    assert_eq!(gate.signed(&sent(&both)), "waited: svix");
    for signature in [&both, old, new] {
        assert_eq!(gate.signed(&sent(signature)), "waited: replayed");
    }
}

const CANONICAL: &str = "
scheme: canonical
keys: [{id: a, consumer: acme, secret: '${env:SECRET}'}, {id: b, consumer: beta, secret: '${env:OTHER}'}]
canonical:
  parts: [{text: v1}, timestamp, nonce, method, target, body_sha256]
  signature: {header: x-signature, prefix: 'v1='}
  timestamp: {header: x-timestamp}
  nonce: {header: x-nonce}
  key_id: {header: x-key-id}";

fn canonical(key: &str, secret: &str, nonce: &str, body: &str) -> Sent {
    use sha2::Digest as _;
    let digest = hex(&Sha256::digest(body.as_bytes()));
    let signed = format!("v1\n{NOW}\n{nonce}\nPOST\n/hook?a=b\n{digest}");
    Sent::new("POST", "/hook?a=b")
        .body(body)
        .with(
            "x-signature",
            format!("v1={}", hex(&mac(secret, signed.as_bytes()))),
        )
        .with("x-timestamp", NOW.to_string())
        .with("x-nonce", nonce)
        .with("x-key-id", key)
}

#[test]
fn canonical_strings() {
    let other = "another secret of thirty-two bytes!!";
    let good = || canonical("a", SECRET, "1", "x");
    let without = |name: &str| {
        let mut sent = good();
        sent.headers.retain(|(other, _)| other != name);
        sent
    };
    let cases: &[(&str, Sent, &str)] = &[
        ("good", good(), "waited: acme"),
        (
            "by another key",
            canonical("b", other, "1", "x"),
            "waited: beta",
        ),
        (
            "by another than it says",
            canonical("a", other, "1", "x"),
            "waited: signature_wrong",
        ),
        (
            "a key of nobody",
            canonical("c", SECRET, "1", "x"),
            "signature_key_unknown",
        ),
        ("no key", without("x-key-id"), "signature_key_unknown"),
        (
            "two keys",
            good().with("x-key-id", "b"),
            "credential_ambiguous",
        ),
        (
            "a key in two spellings",
            good().with("x_key_id", "b"),
            "credential_ambiguous",
        ),
        (
            "a nonce in two spellings",
            good().with("x_nonce", "b"),
            "credential_ambiguous",
        ),
        ("no signature", without("x-signature"), "credential_missing"),
        ("no time", without("x-timestamp"), "signature_coverage"),
        ("no nonce", without("x-nonce"), "signature_coverage"),
        (
            "another nonce",
            good().set("x-nonce", "2"),
            "waited: signature_wrong",
        ),
        (
            "another method",
            good().set(":method", "PUT"),
            "waited: signature_wrong",
        ),
        (
            "another target",
            good().set(":path", "/hook?a=c"),
            "waited: signature_wrong",
        ),
        ("another body", good().body("y"), "waited: signature_wrong"),
        (
            "no prefix",
            good().set("x-signature", "00"),
            "signature_malformed",
        ),
    ];
    for (name, sent, expected) in cases {
        let gate = gate(CANONICAL);
        assert_eq!(gate.signed(sent), *expected, "{name}");
        if expected.len() == "waited: acme".len() {
            let headers = gate.upstream();
            assert!(
                !headers.iter().any(|(name, _)| name == "x-signature"),
                "{name}"
            );
            assert_eq!(gate.signed(sent), "waited: replayed", "{name}");
        }
    }
}

#[test]
fn a_canonical_string_without_the_body_waits_for_none() {
    let gate = gate(
        "
scheme: canonical
keys: [{consumer: acme, secret: '${env:SECRET}'}]
canonical: {parts: [method, target], signature: {header: x-signature}, encoding: base64}
body: {insecure_unsigned: true}",
    );
    let signature = base64(&mac(SECRET, b"POST\n/hook"));
    let sent = post("anything").with("x-signature", signature);
    assert_eq!(gate.signed(&sent), "acme");
    assert_eq!(gatehouse_host::HttpFilter::tick_period(&gate.filter), None);
}
