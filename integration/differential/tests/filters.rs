//! Our filters, the same requests through the test kit and through Envoy.

mod minted;

use gatehouse_differential::{Case, Setup, Stage, built};
use minted::{es256, rs256};

#[test]
fn headers() {
    let configuration = r##"{"rules": [
        {"match": {"path": {"template": "/v1/users/{id}"}},
         "request": [
            {"set": {"name": "x-user", "value": "${path.id}"}},
            {"append": {"name": "via", "value": "1.1 gatehouse"}},
            {"remove": {"prefix": "x-internal-"}},
            {"rename": {"from": "x-old", "to": "x-new"}},
            {"path": {"with": "/internal/users/${path.id}"}},
            {"query": {"set": {"name": "v", "value": "1"}}}],
         "response": [
            {"when": {"status": "5xx"}, "set": {"name": "cache-control", "value": "no-store"}},
            {"cookie": {"name": "session", "secure": true, "http_only": true, "same_site": "lax"}},
            {"remove": {"name": "x-powered-by"}},
            {"preset": "security_headers"}]},
        {"request": [{"set": {"name": "x-else", "value": "yes"}}]}]}"##;
    let stage = Stage::new(&Setup::new(
        built("dist/gatehouse_headers.wasm"),
        configuration,
    ));
    let user = |name: &str| Case::new(name).path("/v1/users/7");
    stage.compare(&[
        user("path-and-query"),
        user("query-kept").path("/v1/users/7?a=b"),
        user("query-replaced").path("/v1/users/7?v=2&v=3"),
        user("removed-by-prefix")
            .header("x-internal-a", "1")
            .header("x-internal-b", "2")
            .header("x-other", "3"),
        user("renamed").header("x-old", "1").header("x-old", "2"),
        user("appended").header("via", "1.0 other"),
        user("set-twice")
            .header("x-user", "a")
            .header("x-user", "b"),
        user("encoded").path("/v1/users/a%20b"),
        user("server-error").answer(503, &[], &["no"]),
        user("cookie").answer(
            200,
            &[
                ("set-cookie", "session=1; Path=/"),
                ("set-cookie", "other=2"),
            ],
            &["ok"],
        ),
        user("powered").answer(
            200,
            &[("x-powered-by", "php"), ("x-frame-options", "ALLOWALL")],
            &["ok"],
        ),
        Case::new("no-rule").path("/other"),
        Case::new("no-rule-post").path("/other").chunk("body"),
        user("with-body").chunk("hello").chunk("world"),
        user("with-trailers").chunk("hello").trailer("x-t", "1"),
        user("bytes").header("x-old", "\u{ff}\u{fe}"),
        user("head").method("HEAD"),
    ]);
}

const AUTH: &str = r#"{
    "providers": {
        "partners": {"api_key": {"from": [{"header": "x-api-key"}, {"query": "api_key"}, {"cookie": "key"}],
            "consumers": [{"name": "acme", "key_sha256": "@key", "groups": ["gold"]}]}},
        "sso": {"jwt": {"issuer": "https://issuer.example", "audiences": ["api"], "algorithms": ["RS256", "ES256"],
            "consumer": {"name": {"claim": "sub"}, "groups": {"claim": "groups"}},
            "jwks": {"inline": {"keys": [@rsa, @ec]}}}}
    },
    "rules": [
        {"match": {"path": {"prefix": "/public"}}, "allow": "anonymous"},
        {"match": {"path": {"prefix": "/staff"}}, "require": {"any_of": ["sso"]}, "authorize": {"groups": ["staff"]}},
        {"match": {"path": {"prefix": "/api"}}, "require": {"any_of": ["partners", "sso"]}}
    ],
    "forward": {"consumer_header": "x-consumer", "claim_headers": [{"claim": "email", "header": "x-user-email"}], "strip_credentials": true}
}"#;

fn auth() -> String {
    AUTH.replace("@key", &minted::sha256_hex(KEY))
        .replace("@rsa", &minted::rsa_key())
        .replace("@ec", &minted::ec_key())
}

const KEY: &str = "acme-key-1-which-is-long-enough";

#[test]
fn authentication() {
    let stage = Stage::new(&Setup::new(built("dist/gatehouse_auth.wasm"), &auth()));
    stage.compare(&auth_cases());
}

fn auth_cases() -> Vec<Case> {
    let api = |name: &str| Case::new(name).path("/api/orders");
    let bearer =
        |name: &str, token: &str| api(name).header("authorization", &format!("Bearer {token}"));
    let claims = r#"{"iss":"https://issuer.example","aud":"api","sub":"ann","groups":["staff"],"email":"ann@example.com","exp":4000000000}"#;
    let good = rs256(claims);
    let tampered = {
        let mut token = good.clone();
        let flipped = if token.ends_with('A') { 'B' } else { 'A' };
        token.replace_range(token.len() - 20..token.len() - 19, &flipped.to_string());
        token
    };
    vec![
        Case::new("anonymous").path("/public/page"),
        Case::new("no-rule").path("/nowhere"),
        api("no-credentials"),
        api("key").header("x-api-key", KEY),
        api("key-in-query").path(&format!("/api/orders?api_key={KEY}&b=c")),
        api("key-in-cookie").header("cookie", &format!("a=b; key={KEY}")),
        api("wrong-key").header("x-api-key", "wrong"),
        api("two-keys")
            .header("x-api-key", KEY)
            .header("x-api-key", "wrong"),
        api("key-with-forged-consumer")
            .header("x-api-key", KEY)
            .header("x-consumer", "root"),
        api("key-of-bytes").header("x-api-key", "\u{ff}\u{fe}"),
        bearer("token", &good),
        bearer("token-again", &good),
        bearer("token-ec", &es256(claims)),
        bearer("token-tampered", &tampered),
        bearer("token-of-garbage", "a.b.c"),
        bearer(
            "token-expired",
            &rs256(&claims.replace("4000000000", "1000000000")),
        ),
        bearer(
            "token-for-others",
            &rs256(&claims.replace("\"api\"", "\"others\"")),
        ),
        bearer(
            "token-without-end",
            &rs256(&claims.replace(",\"exp\":4000000000", "")),
        ),
        bearer("two-tokens", &good).header("authorization", "Bearer x"),
        bearer("staff", &good).path("/staff/desk"),
        bearer("not-staff", &rs256(&claims.replace("staff", "guests"))).path("/staff/desk"),
        api("key-for-staff")
            .path("/staff/desk")
            .header("x-api-key", KEY),
        api("grpc-denied").header("content-type", "application/grpc"),
        api("post-denied").chunk("hello").chunk("world"),
        api("post").header("x-api-key", KEY).chunk("hello"),
        api("dots").path("/public/../api/orders"),
        api("encoded")
            .path("/%61pi/orders")
            .header("x-api-key", KEY),
    ]
}

#[test]
fn rate_limits() {
    let configuration = r#"{"limits": [
            {"name": "per-tenant", "match": {"path": {"prefix": "/api"}}, "key": [{"header": "x-tenant"}], "rate": "2/1h", "burst": 1},
            {"name": "all", "match": {"path": {"prefix": "/all"}}, "key": [{"const": "x"}], "rate": "1/1d", "algorithm": "sliding_window"}
        ], "store": {"local": {"slots": 1024}}, "response_headers": "none"}"#;
    let stage = Stage::new(&Setup::new(
        built("dist/gatehouse_rate_limit.wasm"),
        configuration,
    ));
    let api = |name: &str, tenant: &str| Case::new(name).path("/api").header("x-tenant", tenant);
    stage.compare(&[
        api("first", "a"),
        api("second", "a"),
        api("third", "a"),
        api("fourth", "a"),
        api("other-tenant", "b"),
        api("two-tenants", "c").header("x-tenant", "d"),
        Case::new("no-tenant").path("/api"),
        Case::new("not-limited").path("/free"),
        Case::new("window").path("/all"),
        Case::new("window-full").path("/all"),
        Case::new("window-full-grpc")
            .path("/all")
            .header("content-type", "application/grpc"),
        api("bytes", "\u{ff}"),
    ]);
}

#[test]
fn gateway() {
    let configuration = format!(
        r#"{{"filters": [{{"auth": {}}},
            {{"rate_limit": {{"limits": [{{"name": "per-consumer", "key": ["consumer"], "if_absent": "skip", "rate": "20/1h", "burst": 20}}],
                "store": {{"local": {{"slots": 1024}}}}, "response_headers": "none"}}}},
            {{"headers": {{"rules": [{{"request": [{{"set": {{"name": "x-seen", "value": "${{consumer.name}}", "if": "absent"}}}}],
                "response": [{{"set": {{"name": "x-served-by", "value": "gatehouse"}}}}]}}]}}}}]}}"#,
        auth()
    );
    let stage = Stage::new(&Setup::new(
        built("dist/gatehouse_gateway.wasm"),
        &configuration,
    ));
    stage.compare(&auth_cases());
}
