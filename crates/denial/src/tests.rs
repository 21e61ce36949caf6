//! What clients get, to the letter.

use super::*;

fn shape(json: &str) -> Result<DenialShape, String> {
    gatehouse_config::load(json.as_bytes(), &|_: &str| None).map_err(|p| p.to_string())
}

#[test]
fn bodies() {
    let cases = [
        (
            "default",
            "{}",
            401,
            "application/problem+json",
            r#"{"type":"about:blank","title":"Unauthorized","status":401,"detail":"say \"please\""}"#,
        ),
        (
            "text",
            r#"{"body": "text"}"#,
            401,
            "text/plain; charset=utf-8",
            "401 Unauthorized: say \"please\"\n",
        ),
        ("empty", r#"{"body": "empty"}"#, 401, "", ""),
        (
            "own",
            r#"{"body": {"own": {"content_type": "text/html", "content": "<p>no</p>"}}}"#,
            401,
            "text/html",
            "<p>no</p>",
        ),
        (
            "hidden as 404",
            r#"{"status": 404}"#,
            404,
            "application/problem+json",
            r#"{"type":"about:blank","title":"Not Found","status":404,"detail":"say \"please\""}"#,
        ),
    ];
    for (name, json, status, content_type, body) in cases {
        let reply = shape(json).unwrap().reply(Denial {
            filter: "auth",
            reason: "credential_missing",
            status: 401,
            grpc_status: grpc::UNAUTHENTICATED,
            detail: Some("say \"please\""),
            headers: vec![("www-authenticate".into(), b"Bearer".to_vec())],
        });
        assert_eq!(reply.status, status, "{name}");
        assert_eq!(String::from_utf8(reply.body).unwrap(), body, "{name}");
        assert_eq!(reply.details, "gatehouse.auth.credential_missing", "{name}");
        assert_eq!(reply.grpc_status, Some(16), "{name}");
        let mut expected = vec![("www-authenticate".to_owned(), b"Bearer".to_vec())];
        if !content_type.is_empty() {
            expected.push(("content-type".to_owned(), content_type.as_bytes().to_vec()));
        }
        assert_eq!(reply.headers, expected, "{name}");
    }
}

#[test]
fn own_headers_come_too() {
    let shape = shape(r#"{"headers": {"X-Why": "no"}, "body": "empty"}"#).unwrap();
    let reply = shape.reply(Denial {
        filter: "rate_limit",
        reason: "over_limit.api",
        status: 429,
        grpc_status: grpc::RESOURCE_EXHAUSTED,
        detail: None,
        headers: vec![],
    });
    assert_eq!(reply.headers, [("x-why".to_owned(), b"no".to_vec())]);
    assert_eq!(reply.details, "gatehouse.rate_limit.over_limit.api");
}

/// Two `retry-after` would be a malformed answer, and of two `cache-control` it would be anybody's guess.
#[test]
fn own_headers_replace_the_denials() {
    let shape = shape(r#"{"headers": {"Retry-After": "60"}, "body": "empty"}"#).unwrap();
    let reply = shape.reply(Denial {
        filter: "rate_limit",
        reason: "over_limit.api",
        status: 429,
        grpc_status: grpc::RESOURCE_EXHAUSTED,
        detail: None,
        headers: vec![
            ("retry-after".into(), b"12".to_vec()),
            ("ratelimit".into(), b"\"api\";r=0;t=12".to_vec()),
        ],
    });
    let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    assert_eq!(
        reply.headers,
        [
            header("ratelimit", "\"api\";r=0;t=12"),
            header("retry-after", "60"),
        ]
    );
}

#[test]
fn mistakes() {
    let json =
        r#"{"status": 200, "headers": {"content-length": "0", "x": "a\r\nb"}, "body": "html"}"#;
    assert_eq!(
        shape(json).unwrap_err(),
        "headers.x: a header value cannot have control characters such as CR or LF\n\
         body: unknown word \"html\" (known: problem_json, text, empty, own)"
    );
    assert_eq!(
        shape(r#"{"status": 200, "headers": {"content-length": "0"}}"#).unwrap_err(),
        "status: 200 is not the status of a denial: 400 to 599\n\
         headers.content-length: follows from the body and cannot be set here (for content-type, use body: {own: …})"
    );
}
