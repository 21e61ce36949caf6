//! What is asked of the filter with `configuration()`, and what is to come of it.

use crate::minted::bearer;

pub(crate) type Headers = Vec<(&'static str, Vec<u8>)>;

/// A request, and what is to become of it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    pub(crate) headers: Headers,
    /// The consumer that the upstream sees (none: `-`), or the reason of the denial.
    pub(crate) outcome: Result<&'static str, &'static str>,
    pub(crate) status: u16,
}

fn pass(name: &'static str, path: &'static str, headers: Headers, consumer: &'static str) -> Case {
    Case {
        name,
        path,
        headers,
        outcome: Ok(consumer),
        status: 200,
    }
}

fn deny(
    name: &'static str,
    path: &'static str,
    headers: Headers,
    status: u16,
    reason: &'static str,
) -> Case {
    Case {
        name,
        path,
        headers,
        outcome: Err(reason),
        status,
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let key = |key: &str| ("x-api-key", key.as_bytes().to_vec());
    let good = || key("acme-key-1");
    let token = |name: &str| ("authorization", bearer(name).into_bytes());
    let cookie = |text: &str| ("cookie", text.as_bytes().to_vec());
    let sso = |name: &'static str, status: u16, reason: &'static str| {
        deny(name, "/sso", vec![token(name)], status, reason)
    };
    vec![
        pass("anonymous", "/public/a?b=c", vec![], "-"),
        pass("anonymous-with-a-bad-key", "/public", vec![key("x")], "-"),
        pass("key-in-header", "/partners", vec![good()], "acme"),
        pass(
            "key-from-environment",
            "/partners",
            vec![key("dev-key-1")],
            "dev",
        ),
        pass(
            "key-in-parameter",
            "/partners?a=b&api_key=acme-key-1",
            vec![],
            "acme",
        ),
        pass(
            "key-in-cookie",
            "/partners",
            vec![cookie("a=b; api_key=acme-key-1")],
            "acme",
        ),
        pass(
            "key-in-its-time",
            "/partners",
            vec![key("now-key-1")],
            "now",
        ),
        pass("rs256", "/sso", vec![token("rs256")], "ann"),
        pass("rs256-again", "/sso", vec![token("rs256")], "ann"),
        pass("rs384", "/sso", vec![token("rs384")], "ann"),
        pass("rs512", "/sso", vec![token("rs512")], "ann"),
        pass("es256", "/sso", vec![token("es256")], "ann"),
        pass("es384", "/sso", vec![token("es384")], "ann"),
        pass("eddsa", "/sso", vec![token("eddsa")], "ann"),
        pass("hs256", "/sso", vec![token("hs256")], "ann"),
        pass("hs384", "/sso", vec![token("hs384")], "ann"),
        pass("hs512", "/sso", vec![token("hs512")], "ann"),
        pass("any-of-key", "/any", vec![good()], "acme"),
        pass("any-of-token", "/any", vec![token("bob")], "bob"),
        pass(
            "any-of-bad-key",
            "/any",
            vec![key("x"), token("rs256")],
            "ann",
        ),
        pass("all-of", "/all", vec![good(), token("rs256")], "acme"),
        pass("staff", "/staff", vec![token("rs256")], "ann"),
        pass(
            "spoofed",
            "/partners",
            vec![
                good(),
                ("x-consumer", b"root".to_vec()),
                ("X-Consumer", b"root".to_vec()),
                ("x_consumer", b"root".to_vec()),
                ("x-user-email", b"root@example.com".to_vec()),
            ],
            "acme",
        ),
        pass(
            "spoofed-anonymous",
            "/public",
            vec![
                ("x-consumer", b"root".to_vec()),
                ("x-user-email", b"root@example.com".to_vec()),
            ],
            "-",
        ),
        pass(
            "spoofed-not-utf8",
            "/public",
            vec![("x-consumer", b"ro\xffot".to_vec())],
            "-",
        ),
        deny("no-rule", "/elsewhere", vec![good()], 403, "no_rule"),
        deny(
            "path-escaped-slash",
            "/public%2f..%2fpartners",
            vec![],
            400,
            "path_ambiguous",
        ),
        deny(
            "path-backslash",
            "/public%5c..%5cpartners",
            vec![],
            400,
            "path_ambiguous",
        ),
        deny(
            "path-escaped-twice",
            "/public/%252e%252e/partners",
            vec![],
            400,
            "path_ambiguous",
        ),
        deny(
            "path-with-parameters",
            "/partners;public",
            vec![],
            401,
            "credential_missing",
        ),
        deny(
            "path-dots",
            "/public/../partners",
            vec![],
            401,
            "credential_missing",
        ),
        deny(
            "path-escaped-dots",
            "/public/%2e%2e/partners",
            vec![],
            401,
            "credential_missing",
        ),
        deny(
            "path-slashes",
            "//partners",
            vec![],
            401,
            "credential_missing",
        ),
        deny(
            "key-missing",
            "/partners",
            vec![],
            401,
            "credential_missing",
        ),
        deny(
            "key-unknown",
            "/partners",
            vec![key("acme-key-2")],
            401,
            "key_unknown",
        ),
        deny("key-empty", "/partners", vec![key("")], 401, "key_unknown"),
        deny(
            "key-not-utf8",
            "/partners",
            vec![("x-api-key", b"acme\xff\xfe".to_vec())],
            401,
            "key_unknown",
        ),
        deny(
            "key-60-kib",
            "/partners",
            vec![("x-api-key", vec![b'k'; 60 * 1024])],
            401,
            "key_unknown",
        ),
        deny(
            "key-before-its-time",
            "/partners",
            vec![key("early-key-1")],
            401,
            "key_not_yet_valid",
        ),
        deny(
            "key-after-its-time",
            "/partners",
            vec![key("late-key-1")],
            401,
            "key_expired",
        ),
        deny(
            "key-twice",
            "/partners",
            vec![good(), good()],
            400,
            "credential_ambiguous",
        ),
        deny(
            "key-twice-in-case",
            "/partners",
            vec![good(), ("X-API-KEY", b"acme-key-1".to_vec())],
            400,
            "credential_ambiguous",
        ),
        deny(
            "key-in-two-places",
            "/partners?api_key=acme-key-1",
            vec![good()],
            400,
            "credential_ambiguous",
        ),
        deny(
            "parameter-twice",
            "/partners?api_key=acme-key-1&api%5Fkey=acme-key-1",
            vec![],
            400,
            "credential_ambiguous",
        ),
        deny(
            "cookie-twice",
            "/partners",
            vec![cookie("api_key=acme-key-1"), cookie("api_key=x")],
            400,
            "credential_ambiguous",
        ),
        deny(
            "token-missing",
            "/sso",
            vec![("authorization", b"Basic eDp5".to_vec())],
            401,
            "credential_missing",
        ),
        deny(
            "token-twice",
            "/sso",
            vec![token("rs256"), token("rs256")],
            400,
            "credential_ambiguous",
        ),
        deny(
            "token-not-utf8",
            "/sso",
            vec![("authorization", b"Bearer \xff.\xfe.\xfd".to_vec())],
            401,
            "token_malformed",
        ),
        deny(
            "token-60-kib",
            "/sso",
            vec![(
                "authorization",
                [b"Bearer ".to_vec(), vec![b'a'; 60 * 1024]].concat(),
            )],
            401,
            "token_too_long",
        ),
        deny(
            "token-empty",
            "/sso",
            vec![("authorization", b"Bearer".to_vec())],
            401,
            "token_malformed",
        ),
        deny(
            "ps256",
            "/sso",
            vec![token("ps256")],
            401,
            "token_algorithm",
        ),
        sso("none", 401, "token_malformed"),
        sso("stranger", 401, "token_signature"),
        sso("es256_stranger", 401, "token_signature"),
        sso("brings_its_key", 401, "token_signature"),
        sso("unknown_kid", 401, "token_key_unknown"),
        sso("crit", 401, "token_extension"),
        sso("expired", 401, "token_expired"),
        sso("not_yet", 401, "token_not_yet_valid"),
        sso("future", 401, "token_issued_in_future"),
        sso("other_issuer", 401, "token_issuer"),
        sso("other_audience", 401, "token_audience"),
        sso("no_expiry", 401, "claim_missing"),
        sso("no_subject", 401, "claim_missing"),
        sso("number_subject", 401, "claim_malformed"),
        sso("injection", 401, "claim_unsafe"),
        sso("claim_injection", 401, "claim_unsafe"),
        deny(
            "all-of-half",
            "/all",
            vec![good()],
            401,
            "credential_missing",
        ),
        deny(
            "all-of-bad",
            "/all",
            vec![good(), token("stranger")],
            401,
            "token_signature",
        ),
        deny(
            "staff-group",
            "/staff",
            vec![token("nobody_special")],
            403,
            "forbidden_group",
        ),
        deny(
            "staff-scope",
            "/staff",
            vec![token("reader")],
            403,
            "forbidden_scope",
        ),
        deny(
            "staff-consumer",
            "/staff",
            vec![token("bob")],
            403,
            "forbidden_consumer",
        ),
    ]
}
