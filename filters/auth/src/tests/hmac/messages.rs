//! RFC 9421.

use super::*;

/// Appendix B.2.
fn test_request() -> Sent {
    Sent::new("POST", "/foo?param=Value&Pet=dog")
        .with("date", "Tue, 20 Apr 2021 02:07:55 GMT")
        .with("content-type", "application/json")
        .with("content-digest", "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:")
        .with("content-length", "18")
        .body(r#"{"hello": "world"}"#)
}

const RSA_PSS: &str = "-----BEGIN PUBLIC KEY-----\\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2\\n+QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+\\noAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHq\\ngDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5W\\nUtzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4\\naOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI\\n2wIDAQAB\\n-----END PUBLIC KEY-----\\n";

fn rfc_keys() -> String {
    format!(
        "
scheme: rfc9421
keys:
- {{id: test-key-rsa-pss, consumer: pss, algorithm: rsa-pss-sha512, pem: \"{RSA_PSS}\"}}
- {{id: test-shared-secret, consumer: shared, algorithm: hmac-sha256, secret_base64: '${{env:RFC}}'}}
- {{id: test-key-ed25519, consumer: edward, algorithm: ed25519, pem: \"{ED25519}\"}}
- {{id: test-key-ecc-p256, consumer: curve, algorithm: ecdsa-p256-sha256, pem: \"{P256}\"}}
components: ['@authority']
"
    )
}

/// Label, what is covered with its parameters, the signature: B.2.2, B.2.3, B.2.5, B.2.6.
const B22: (&str, &str) = (
    r#"sig-b22=("@authority" "content-digest" "@query-param";name="Pet");created=1618884473;keyid="test-key-rsa-pss";tag="header-example""#,
    "sig-b22=:LjbtqUbfmvjj5C5kr1Ugj4PmLYvx9wVjZvD9GsTT4F7GrcQEdJzgI9qHxICagShLRiLMlAJjtq6N4CDfKtjvuJyE5qH7KT8UCMkSowOB4+ECxCmT8rtAmj/0PIXxi0A0nxKyB09RNrCQibbUjsLS/2YyFYXEu4TRJQzRw1rLEuEfY17SARYhpTlaqwZVtR8NV7+4UKkjqpcAoFqWFQh62s7Cl+H2fjBSpqfZUJcsIk4N6wiKYd4je2U/lankenQ99PZfB4jY3I5rSV2DSBVkSFsURIjYErOs0tFTQosMTAoxk//0RoKUqiYY8Bh0aaUEb0rQl3/XaVe4bXTugEjHSw==:",
);
const B23: (&str, &str) = (
    r#"sig-b23=("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-rsa-pss""#,
    "sig-b23=:bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp768ZrCUb38K0fUxN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZKEgM4cUA==:",
);
const B25: (&str, &str) = (
    r#"sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret""#,
    "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:",
);
const B26: (&str, &str) = (
    r#"sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#,
    "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:",
);

#[test]
fn signatures_of_the_rfc() {
    let allows = "body: {insecure_unsigned: true}";
    let cases: [(&str, (&str, &str), &str, &str); 8] = [
        ("B.2.2", B22, "", "waited: pss"),
        ("B.2.3", B23, "", "waited: pss"),
        (
            "B.2.5 does not cover the body",
            B25,
            "",
            "signature_coverage",
        ),
        ("B.2.5", B25, allows, "shared"),
        (
            "B.2.6 does not cover the body",
            B26,
            "",
            "signature_coverage",
        ),
        ("B.2.6", B26, allows, "edward"),
        ("for us", B22, "tag: header-example", "waited: pss"),
        (
            "for somebody else",
            B22,
            "tag: gateway",
            "credential_missing",
        ),
    ];
    for (name, (input, signature), options, expected) in cases {
        let gate = || {
            let gate = gate(&format!("{}{options}", rfc_keys()));
            gate.host.set_now(at(1_618_884_473));
            gate
        };
        let sent = test_request()
            .with("signature-input", input)
            .with("signature", signature);
        assert_eq!(gate().signed(&sent), expected, "{name}");
        if expected.starts_with("signature") || expected == "credential_missing" {
            continue;
        }
        // Another first letter of the base64.
        let (before, after) = signature.split_once(':').unwrap();
        let letter = if after.starts_with('A') { "B" } else { "A" };
        let forged = format!("{before}:{letter}{}", after.get(1..).unwrap());
        let forged = sent.set("signature", &forged);
        assert_eq!(gate().signed(&forged), "signature_wrong", "{name}, forged");
    }
}

#[test]
fn what_is_asked_of_a_signature() {
    let get = || Sent::new("GET", "/a?b=c");
    let of = |params: &str| get().signed(PLAIN, params);
    let time = |created: u64| of(&format!(";created={created};keyid=\"k\""));
    let twice = of(&now()).with("signature", "sig2=:AA==:").with(
        "signature-input",
        format!("sig2=(\"@method\");created={NOW};keyid=\"k\""),
    );
    let half = {
        let mut half = of(&now());
        half.headers.retain(|(name, _)| name != "signature");
        half
    };
    let note = || {
        get()
            .with("x-note", "a")
            .signed(&[PLAIN, &["x-note"]].concat(), &now())
    };
    #[rustfmt::skip]
    let cases: &[(&str, &str, Sent, &str)] = &[
        ("good", "", of(&now()), "acme"),
        ("unsigned", "", get(), "credential_missing"),
        ("half", "", half, "signature_malformed"),
        ("no dictionary", "", get().with("signature-input", "(").with("signature", "("), "signature_malformed"),
        ("not UTF-8", "", get().with("signature-input", b"\xff").with("signature", b"\xff"), "signature_malformed"),
        ("empty", "", get().with("signature-input", "").with("signature", ""), "credential_missing"),
        ("20 KiB", "", get().with("signature-input", "a".repeat(20_000)).with("signature", "a"), "signature_malformed"),
        ("another key", "", get().signed_by("another", PLAIN, &now()), "signature_wrong"),
        ("a key of nobody", "", of(&format!(";created={NOW};keyid=\"x\"")), "signature_key_unknown"),
        ("no key named", "", of(&format!(";created={NOW}")), "acme"),
        ("the algorithm of the key", "", of(&format!(";created={NOW};keyid=\"k\";alg=\"hmac-sha256\"")), "acme"),
        ("another algorithm", "", of(&format!(";created={NOW};keyid=\"k\";alg=\"ed25519\"")), "signature_algorithm"),
        ("an algorithm that there is not", "", of(&format!(";created={NOW};keyid=\"k\";alg=\"none\"")), "signature_algorithm"),
        ("no time", "", of(";keyid=\"k\""), "signature_coverage"),
        ("as old as allowed", "", time(NOW - 330), "acme"),
        ("too old", "", time(NOW - 331), "signature_expired"),
        ("as early as allowed", "", time(NOW + 30), "acme"),
        ("from the future", "", time(NOW + 31), "signature_not_yet_valid"),
        ("ended", "", of(&format!(";created={NOW};expires={};keyid=\"k\"", NOW - 31)), "signature_expired"),
        ("another age", "max_age: 10s\nskew: 1s", time(NOW - 12), "signature_expired"),
        ("and younger", "max_age: 10s\nskew: 1s", time(NOW - 11), "acme"),
        ("covers too little", "", get().signed(&["@method", "@authority", "@path"], &now()), "signature_coverage"),
        ("covers nothing", "components: ['@method']", get().signed(&[], &now()), "signature_coverage"),
        ("a nonce is missing", "require_nonce: true", of(&now()), "signature_coverage"),
        ("a nonce", "require_nonce: true", of(&format!("{};nonce=\"1\"", now())), "acme"),
        ("the label", "label: sig1", of(&now()), "acme"),
        ("another label", "label: sig2", of(&now()), "credential_missing"),
        ("one of two", "", twice.clone(), "acme"),
        ("the other of two", "label: sig2", twice, "signature_coverage"),
        ("a label twice", "", of(&now()).with("signature", "sig1=:AA==:"), "signature_malformed"),
        ("a header that is covered", "", note(), "acme"),
        ("changed", "", note().set("x-note", "b"), "signature_wrong"),
        ("once more", "", note().with("x-note", "b"), "signature_wrong"),
        ("gone", "", { let mut gone = note(); gone.headers.retain(|(name, _)| name != "x-note"); gone }, "signature_wrong"),
        ("in two spellings", "", note().with("x_note", "b"), "credential_ambiguous"),
        ("one that is not covered in two spellings", "", of(&now()).with("x-n", "a").with("x_n", "b"), "acme"),
        ("the signature in two spellings", "", of(&now()).with("signature_input", "a"), "credential_ambiguous"),
        ("another path", "", of(&now()).set(":path", "/b?b=c"), "signature_wrong"),
        ("another query", "", of(&now()).set(":path", "/a?b=d"), "signature_wrong"),
        ("another method", "", of(&now()).set(":method", "PUT"), "signature_wrong"),
        ("another host", "", of(&now()).set(":authority", "example.org"), "signature_wrong"),
        ("the host in another case", "", of(&now()).set(":authority", "EXAMPLE.com:443"), "acme"),
    ];
    for (name, options, sent, expected) in cases {
        assert_eq!(gate(&rfc9421(options)).signed(sent), *expected, "{name}");
    }
}

#[test]
fn the_proxy_verifies_where_it_can() {
    let keys = format!(
        "scheme: rfc9421\nkeys: [{{id: k, consumer: curve, algorithm: ecdsa-p256-sha256, pem: \"{P256}\"}}]"
    );
    // Two numbers within the order of the curve.
    let sent = Sent::new("GET", "/").signed(PLAIN, &now());
    let sent = sent.set("signature", &format!("sig1=:{}:", base64(&[1; 64])));
    for (answer, expected) in [(true, "curve"), (false, "signature_wrong")] {
        let gate = gate(&keys);
        gate.host.verifies(Box::new(move |hash, _, _, base| {
            assert_eq!(hash, "sha256");
            assert!(base.starts_with(b"\"@method\": GET\n"));
            answer
        }));
        assert_eq!(gate.signed(&sent), expected);
    }
    let gate = gate(&keys);
    assert_eq!(gate.signed(&sent), "signature_wrong", "in Rust");
    let counters = gate.host.counters();
    assert_eq!(
        counters.get("gatehouse.auth.host_verify_unavailable.provider.webhooks"),
        Some(&1)
    );
    let zero = sent.set("signature", &format!("sig1=:{}:", base64(&[0; 64])));
    assert_eq!(
        gate.signed(&zero),
        "signature_wrong",
        "no signature by its form"
    );
}

/// The last of so many signatures is good.
#[test]
fn wrong_signatures_are_not_verified_for_long() {
    let keys = format!(
        "scheme: rfc9421\nkeys: [{{id: k, consumer: curve, algorithm: ecdsa-p256-sha256, pem: \"{P256}\"}}]"
    );
    for (count, expected, verified) in [
        (1, "curve", 1),
        (2, "curve", 2),
        (3, "signature_wrong", 2),
        (5, "signature_wrong", 2),
    ] {
        let signed = Sent::new("GET", "/").signed(PLAIN, &now());
        let (_, input) = signed
            .headers
            .iter()
            .find(|(name, _)| name == "signature-input")
            .unwrap();
        let input = String::from_utf8(input.clone()).unwrap();
        let sent = (1..=count).fold(Sent::new("GET", "/"), |sent, index: u8| {
            sent.with(
                "signature-input",
                input.replacen("sig1", &format!("s{index}"), 1),
            )
            .with("signature", format!("s{index}=:{}:", base64(&[index; 64])))
        });
        let gate = gate(&keys);
        let calls = std::rc::Rc::new(std::cell::Cell::new(0));
        let seen = calls.clone();
        gate.host.verifies(Box::new(move |_, _, signature, _| {
            seen.set(seen.get() + 1);
            signature.ends_with(&[count; 32])
        }));
        assert_eq!(gate.signed(&sent), expected, "{count}");
        assert_eq!(calls.get(), verified, "{count}");
    }
}

#[test]
fn what_the_upstream_sees() {
    let own = ["signature", "signature-input"];
    for (options, rest, kept) in [
        ("", "", false),
        ("keep_signature: true", "", true),
        ("", "forward: {strip_credentials: false}", true),
    ] {
        let gate = worker(&Shared::default(), &rfc9421(options), rest);
        let sent = Sent::new("POST", "/")
            .body("x")
            .digested()
            .signed(FULL, &now());
        assert_eq!(gate.signed(&sent), "waited: acme");
        let names: Vec<String> = gate.upstream().into_iter().map(|(name, _)| name).collect();
        let there = own.iter().all(|own| names.iter().any(|name| name == own));
        assert_eq!(there, kept, "{options} {rest}: {names:?}");
        assert!(names.contains(&"content-digest".to_owned()));
    }
    let gate = gate(&rfc9421(""));
    gate.signed(&Sent::new("GET", "/").signed(PLAIN, &now()));
    let identity = gate.host.property_value("gatehouse.identity").unwrap();
    assert_eq!(
        String::from_utf8(identity).unwrap(),
        r#"{"name":"acme","provider":"webhooks","groups":["gold"],"scopes":["read"],"claims":{},"metadata":{"plan":"gold"}}"#
    );
}

#[test]
fn no_challenge() {
    let gate = gate(&rfc9421(""));
    gate.host.begin([
        (":path", &b"/"[..]),
        (":authority", b"a"),
        (":method", b"GET"),
    ]);
    let Verdict::Deny(reply) = gate.ask(&mut Stream::default()).unwrap() else {
        panic!("let in");
    };
    assert_eq!(reply.status, 401);
    let challenges = reply
        .headers
        .iter()
        .filter(|(name, _)| name == "www-authenticate");
    assert_eq!(challenges.count(), 0);
}

#[test]
fn host_calls() {
    let gate = gate(&rfc9421(""));
    let calls = |sent: &Sent| {
        gate.signed(sent);
        gate.host.call_count()
    };
    let get = |nonce: u32| {
        let params = format!("{};nonce=\"{nonce}\"", now());
        Sent::new("GET", "/").signed(PLAIN, &params)
    };
    calls(&get(0));
    // Headers, clock, the slot read and written, two headers taken out, two filter states, the counter.
    assert_eq!(calls(&get(1)), 9);
    // Headers, clock, the slot read, the counter.
    assert_eq!(calls(&get(1)), 4, "a replay");
    let params = format!("{};nonce=\"2\"", now());
    let post = Sent::new("POST", "/")
        .body("x")
        .digested()
        .signed(FULL, &params);
    // Headers and clock twice, and the body.
    assert_eq!(calls(&post), 12);
    assert_eq!(
        calls(&Sent::new("GET", "/")),
        3,
        "headers, clock, the counter"
    );
}
