//! Configurations that are refused, with what the operator is told.

use super::*;

fn refused(options: &str) -> String {
    let options = options.replace('\n', "\n      ");
    let yaml = format!("providers:\n  w:\n    hmac:\n      {options}\nrules: [{{require: w}}]");
    let loaded = gatehouse_config::load_value::<Config>(&value(&yaml), &environment);
    match loaded {
        Ok(_) => panic!("accepted:\n{yaml}"),
        Err(problems) => problems.to_string().replace("providers.w.hmac.", ""),
    }
}

/// What is said, where it is something else than expected: all of them are shown at once.
fn compare(options: &str, expected: &str) -> Option<String> {
    let said = refused(options.trim());
    (said != expected).then(|| format!("{options}\n  said:     {said}\n  expected: {expected}"))
}

#[test]
fn options() {
    let github = "scheme: github\nkeys: [{consumer: a, secret: '${env:SECRET}'}]";
    let stripe = github.replace("github", "stripe");
    let message = rfc9421("");
    #[rustfmt::skip]
    let cases: &[(&str, &str, &str)] = &[
        ("label: a", "", "scheme: required, but missing\nkeys: required, but missing"),
        ("scheme: gitlab\nkeys: [{consumer: a}]", "", "scheme: unknown word \"gitlab\" (did you mean \"github\"?)"),
        ("scheme: github\nkeys: []", "", "keys: empty, but needs at least one element"),
        (github, "max_age: 1m", "max_age: the scheme github has no such option"),
        (github, "tolerance: 1m", "tolerance: the scheme github has no such option"),
        (github, "canonical: {parts: [body], signature: {header: a}}", "canonical: the scheme github has no such option"),
        (github, "body: {insecure_unsigned: true}", "body.insecure_unsigned: contradicts the scheme, which signs the body"),
        (github, "replay: {slots: 10}", "replay.keep: required, but missing: what is signed has no timestamp (how long it is remembered, such as 1h)"),
        (github, "replay: {keep: 31d}", "replay.keep: is more than 30d"),
        (github, "replay: {slots: 0, keep: 1h}", "replay.slots: must be 1 to 1048576"),
        (github, "replay: {slots: 1048577, keep: 1h}", "replay.slots: must be 1 to 1048576"),
        (github, "replay: on", "replay: expected off or {slots: …}, found the text \"on\""),
        (github, "replay: true", "replay: expected off or {slots: …}, found true"),
        (github, "body: {max: 65MiB}", "body.max: is more than 64MiB"),
        (github, "body: {timeout: 11m}", "body.timeout: is more than 10m"),
        (github, "from: [{header: a}]", "from: unknown field (known: scheme, keys, components, max_age, skew, label, tag, require_nonce, tolerance, canonical, replay, body, keep_signature)"),
        (&stripe, "replay: {keep: 1h}", "replay.keep: what is signed has a timestamp, which says how long it is remembered (leave it out)"),
        (&stripe, "tolerance: 25h", "tolerance: is more than 1d"),
        (&stripe, "tolerance: 500ms", "tolerance: must be whole seconds"),
        (&stripe, "tag: a", "tag: the scheme stripe has no such option"),
        (&message, "tolerance: 1m", "tolerance: the scheme rfc9421 has no such option"),
        (&message, "max_age: 25h", "max_age: is more than 1d"),
        (&message, "max_age: 1500ms", "max_age: must be whole seconds"),
        (&message, "skew: 2h", "skew: is more than 1h"),
        (&message, "components: []", "components: empty, but needs at least one element"),
        (&message, "components: ['@methods']", "components[0]: \"@methods\" is not a derived component"),
        (&message, "components: ['@status']", "components[0]: \"@status\" is not a component of requests"),
        (&message, "components: ['@method', '\"@method\"']", "components[1]: the same as [0]"),
        (&message, "components: [Content-Digest]", "components[0]: \"Content-Digest\" is not a field name in lower case"),
        (&message, "label: Sig", "label: \"Sig\" is not a label (lower-case letters, digits, \"_\", \"-\", \".\" and \"*\", such as \"sig1\")"),
    ];
    let mut wrong = Vec::new();
    for (options, more, expected) in cases {
        let options = format!("{}\n{more}", options.trim_end());
        wrong.extend(compare(&options, expected));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn keys() {
    let pem = format!("pem: \"{ED25519}\"");
    #[rustfmt::skip]
    let cases: &[(&str, &str, &str)] = &[
        ("rfc9421", "consumer: a", "keys[0].id: required, but missing\nkeys[0].algorithm: required, but missing"),
        ("rfc9421", "id: k, algorithm: ed25519", "keys[0].consumer: required, but missing"),
        ("rfc9421", "id: k, consumer: a, algorithm: hs256", "keys[0].algorithm: \"hs256\" is not a supported algorithm (known: rsa-pss-sha512, rsa-v1_5-sha256, hmac-sha256, ecdsa-p256-sha256, ecdsa-p384-sha384, ed25519)"),
        ("rfc9421", "id: k, consumer: a, algorithm: hmac-sha256", "keys[0]: needs one of secret, secret_base64"),
        ("rfc9421", "id: k, consumer: a, algorithm: ed25519", "keys[0]: needs one of jwk, pem"),
        ("rfc9421", &format!("id: k, consumer: a, algorithm: ed25519, jwk: {{}}, {pem}"), "keys[0]: needs one of jwk, pem"),
        ("rfc9421", "id: k, consumer: a, algorithm: hmac-sha256, secret: hunter2", "keys[0].secret: a secret cannot stand here in plain text (write \"${env:NAME}\" and set NAME in vm_config.environment_variables)"),
        ("rfc9421", "id: k, consumer: a, algorithm: hmac-sha256, secret: '${env:SHORT}'", "keys[0].secret: the secret must be at least 32 bytes long, and is 5"),
        ("rfc9421", "id: k, consumer: a, algorithm: hmac-sha256, secret_base64: '${env:SECRET}'", "keys[0].secret_base64: the variable is not base64 with padding"),
        ("rfc9421", &format!("id: k, consumer: a, algorithm: hmac-sha256, {pem}"), "keys[0].pem: is not what hmac-sha256 is verified with (set secret or secret_base64)"),
        ("rfc9421", "id: k, consumer: a, algorithm: ed25519, secret: '${env:SECRET}'", "keys[0].secret: is not what ed25519 is verified with (set jwk or pem, the public key)"),
        ("rfc9421", "id: k, consumer: a, algorithm: hmac-sha256, jwk: {kty: oct, k: AAAA}", "keys[0].jwk: is not what hmac-sha256 is verified with (set secret or secret_base64)"),
        ("rfc9421", "id: k, consumer: a, algorithm: ed25519, jwk: {kty: oct, k: AAAA}", "keys[0].jwk: is a secret, which cannot stand here"),
        ("rfc9421", "id: k, consumer: a, algorithm: ed25519, jwk: {kty: OKP, crv: X25519}", "keys[0].jwk: crv: unknown curve \"X25519\" for kty OKP: use Ed25519"),
        ("rfc9421", "id: k, consumer: a, algorithm: ed25519, pem: x", "keys[0].pem: is not PEM: it needs a -----BEGIN …----- and its -----END …-----"),
        ("rfc9421", &format!("id: k, consumer: a, algorithm: ecdsa-p256-sha256, {pem}"), "keys[0].algorithm: the key is not one for ecdsa-p256-sha256"),
        ("rfc9421", &format!("id: k, consumer: a, algorithm: ed25519, {pem}}}, {{id: k, consumer: b, algorithm: ed25519, {pem}"), "keys[1].id: keys[0] has the same id"),
        ("github", "consumer: a", "keys[0]: needs one of secret, secret_base64"),
        ("github", "consumer: a, algorithm: hmac-sha256, secret: '${env:SECRET}'", "keys[0].algorithm: keys of this scheme have no such option (they are secrets: set secret)"),
        ("github", &format!("consumer: a, {pem}"), "keys[0].pem: keys of this scheme have no such option (they are secrets: set secret)"),
        ("github", "consumer: a, secret: '${env:NOT_SET}'", "keys[0].secret: no environment variable NOT_SET (set it in vm_config.environment_variables)"),
        ("github", "consumer: \"a\\nb\", secret: '${env:SECRET}'", "keys[0].consumer: a header value cannot have control characters such as CR or LF"),
        ("standard_webhooks", "consumer: a", "keys[0]: needs secret"),
        ("standard_webhooks", "consumer: a, secret: '${env:SECRET}'", "keys[0].secret: the secret is not base64 after whsec_"),
        ("standard_webhooks", "consumer: a, secret_base64: '${env:RFC}'", "keys[0].secret_base64: keys of this scheme have no such option (they are secrets: set secret)"),
    ];
    let mut wrong = Vec::new();
    for (scheme, key, expected) in cases {
        let options = format!("scheme: {scheme}\nkeys: [{{{key}}}]");
        wrong.extend(compare(&options, expected));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn canonical() {
    #[rustfmt::skip]
    let cases: &[(&str, &str)] = &[
        ("x: 1", "canonical.x: unknown field (known: parts, separator, algorithm, encoding, signature, timestamp, nonce, key_id)\ncanonical.parts: required, but missing\ncanonical.signature: required, but missing"),
        ("parts: [bodi], signature: {header: s}", "canonical.parts[0]: unknown word \"bodi\" (did you mean \"body\"?)"),
        ("parts: [body, method], separator: '', signature: {header: s}", "canonical: without a separator, one part only may differ between requests"),
        ("parts: [body, method], separator: a, signature: {header: s}", "canonical: the separator has letters, digits or other than ASCII in it"),
        ("parts: [body, {header: s}], signature: {header: s}", "canonical: the header of the signature is signed"),
        ("parts: [body], signature: {header: s}, timestamp: {header: t}", "canonical: the time is not signed: anybody could change it"),
        ("parts: [body, nonce], signature: {header: s}", "canonical: the nonce is signed, but there is no header for it"),
        ("parts: [body, nonce], signature: {header: s}, nonce: {header: s}", "canonical.nonce.header: s has another meaning already"),
        ("parts: [body], signature: {header: s}, timestamp: {header: t, unit: ns}", "canonical.timestamp.unit: unknown word \"ns\" (did you mean \"s\"?)"),
        ("parts: [body], signature: {header: s}, algorithm: sha1", "canonical.algorithm: unknown word \"sha1\" (known: sha256, sha512, insecure_sha1)"),
        ("parts: [method], signature: {header: s}", "canonical.parts: the body is not signed: anybody on the way could change it (add body or body_sha256, or set body: {insecure_unsigned: true})"),
        ("parts: [body, nonce], signature: {header: s}, nonce: {header: n}", "replay: required, but missing: there is a nonce and no timestamp (say how long nonces are remembered, such as {keep: 24h}, or off)"),
        ("parts: [body], signature: {header: s}, key_id: {header: k}", "keys[0].id: required, but missing"),
    ];
    let mut wrong = Vec::new();
    for (canonical, expected) in cases {
        let options = format!(
            "scheme: canonical\nkeys: [{{consumer: a, secret: '${{env:SECRET}}'}}]\ncanonical: {{{canonical}}}"
        );
        wrong.extend(compare(&options, expected));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let keys = "scheme: canonical\nkeys: [{consumer: a, secret: '${env:SECRET}'}]";
    assert_eq!(refused(keys), "canonical: required, but missing");
    let tolerant =
        format!("{keys}\ncanonical: {{parts: [body], signature: {{header: s}}}}\ntolerance: 1m");
    assert_eq!(
        refused(&tolerant),
        "tolerance: there is no timestamp that it could be about"
    );
}

#[test]
fn identity_headers_are_not_those_of_signatures() {
    let yaml = "
providers: {w: {hmac: {scheme: github, keys: [{consumer: a, secret: '${env:SECRET}'}]}}}
rules: [{require: w}]
forward: {consumer_header: x-hub-signature}";
    let loaded = gatehouse_config::load_value::<Config>(&value(yaml), &environment);
    assert_eq!(
        loaded.err().map(|problems| problems.to_string()).as_deref(),
        Some(
            "forward.consumer_header: x-hub-signature is where provider \"w\" looks for its credential"
        )
    );
}
