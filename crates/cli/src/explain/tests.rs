//! Requests and what is said of them, to the letter.

use crate::tests::{gatehouse, words};
use proptest::prelude::*;
use serde_json::Value;

/// `testdata/explain/cases.txt` is command lines, what each prints, and its exit code.
#[test]
fn requests() {
    let cases = include_str!("../../testdata/explain/cases.txt");
    let mut count = 0;
    for case in cases.split("$ gatehouse ").skip(1) {
        count += 1;
        let (line, expected) = case.split_once('\n').unwrap();
        let ran = gatehouse(&words(line), b"");
        let printed = format!("{}{}exit {}\n", ran.output, ran.errors, ran.code);
        assert_eq!(printed, expected, "{line}");
    }
    assert_eq!(count, 55);
}

/// Tokens of every algorithm, by the keys of the auth filter's own tests.
#[test]
fn signatures() {
    let tokens = include_str!("../../../../filters/auth/testdata/tokens.json");
    let tokens: Value = serde_json::from_str(tokens).unwrap();
    let keys = include_str!("../../../../filters/auth/testdata/jwks.json");
    let secret = include_str!("../../../../filters/auth/testdata/hs_secret.txt").trim();
    let configuration = format!(
        "{{providers: {{sso: {{jwt: {{issuer: 'https://issuer.example', audiences: [api], algorithms: [RS256, RS384, RS512, PS256, ES256, ES384, EdDSA, HS256], jwks: {{inline: {keys}}}}}}}}}, rules: [{{require: sso}}]}}"
    );
    let variable = format!("HS_SECRET={secret}");
    for (token, code) in [
        ("rs256", 0),
        ("rs384", 0),
        ("rs512", 0),
        ("ps256", 0),
        ("es256", 0),
        ("es384", 0),
        ("eddsa", 0),
        ("hs256", 0),
        ("stranger", 1),
        ("none", 1),
        ("expired", 1),
    ] {
        let header = format!("authorization: Bearer {}", tokens[token].as_str().unwrap());
        let arguments = [
            "explain",
            "-",
            "--env",
            &variable,
            "--header",
            &header,
            "--time",
            "2026-01-01T00:00:00Z",
        ];
        let ran = gatehouse(&arguments, configuration.as_bytes());
        assert_eq!(ran.code, code, "{token}: {}{}", ran.output, ran.errors);
        let secret = header.rsplit_once('.').unwrap().1;
        assert!(
            secret.is_empty() || !ran.output.contains(secret),
            "{token}: {}",
            ran.output
        );
    }
}

/// ECDSA with a signature that is another's.
#[test]
fn a_signature_by_nobody() {
    use gatehouse_testkit::verify_signature as is_good;
    for hash in ["sha1", "sha256", "sha384", "sha512", "md5", ""] {
        assert!(!is_good(hash, b"", b"", b""), "{hash}");
        assert!(!is_good(hash, b"0", b"0", b"0"), "{hash}");
    }
}

#[test]
fn for_programs() {
    let file = "testdata/explain/two.yaml";
    let time = "2026-01-01T00:00:00Z";
    let arguments = [
        "explain",
        file,
        "--env",
        "PARTNER_KEY=acme-key-1",
        "--time",
        time,
        "--format",
        "json",
        "--request",
        "GET /key x-api-key=wrong",
    ];
    let ran = gatehouse(&arguments, b"");
    assert_eq!(ran.code, 1);
    let printed: Value = serde_json::from_str(&ran.output).unwrap();
    let of_auth = &printed[0];
    assert_eq!(
        (of_auth["line"].as_u64(), of_auth["file"].as_str()),
        (Some(8), Some(file))
    );
    let decision = &of_auth["decision"];
    assert_eq!(decision["is"], "denied");
    assert_eq!(decision["status"], 401);
    assert_eq!(decision["details"], "gatehouse.auth.key_unknown");
    let steps = of_auth["steps"].as_array().unwrap();
    let last = steps.last().unwrap();
    let expected = serde_json::json!({
        "filter": "auth", "subject": "provider partners", "finding": "bad: key_unknown", "because": null,
    });
    assert_eq!(*last, expected);
    assert_eq!(printed[1]["decision"]["is"], "passes");
}

/// A consumer that the module before left, and that nobody can read, where a filter asks who it is.
#[test]
fn for_programs_where_a_filter_fails() {
    let arguments = [
        "explain",
        "testdata/explain/consumer.yaml",
        "--property",
        "gatehouse.identity=acme",
        "--format",
        "json",
    ];
    let ran = gatehouse(&arguments, b"");
    assert_eq!(ran.code, 1);
    let printed: Value = serde_json::from_str(&ran.output).unwrap();
    let expected = serde_json::json!({
        "is": "failed", "by": "headers", "error": "proxy_get_property answered malformed data",
    });
    assert_eq!(printed[0]["decision"], expected);
}

proptest! {
    /// Whatever is asked, there is an answer.
    #[test]
    fn nothing_panics(
        path in "/[ -~]{0,30}",
        name in "[a-zA-Z0-9:_-]{0,12}",
        value in any::<String>(),
        body in any::<String>(),
    ) {
        let header = format!("{name}: {value}");
        let arguments = [
            "explain", "testdata/explain/two.yaml", "--env", "PARTNER_KEY=acme-key-1",
            "--path", &path, "--header", &header, "--body", &body,
        ];
        prop_assert!(gatehouse(&arguments, b"").code <= 2);
    }
}
