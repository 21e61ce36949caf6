//! What the README's recipes warn of: what an upstream, or another provider, may take for the same and a key does not.

use super::*;

/// What a second request is to the bucket of the first, which is empty.
#[derive(Debug, PartialEq, Clone, Copy)]
enum Is {
    /// Its own: refused.
    TheSame,
    /// Another one.
    Another,
    /// The limit does not apply.
    NotLimited,
    /// Refused for another reason.
    NoKey,
}

fn second(worker: &Worker, first: &[(&str, &[u8])], second: &[(&str, &[u8])]) -> Is {
    assert!(worker.send(first, |_| {}).is_admitted());
    let answer = worker.send(second, |_| {});
    match (answer.is_admitted(), worker.counts("a")["admitted"]) {
        (true, 2) => Is::Another,
        (true, _) => Is::NotLimited,
        (false, _) if answer.reply().status == 429 => Is::TheSame,
        (false, _) => Is::NoKey,
    }
}

/// A guess at `Acme` is a guess at `acme` only where the upstream says so.
#[test]
fn case_folding_of_a_path_param() {
    let config = one(json!({
        "key": [{"path_param": "name"}], "burst": 1,
        "match": {"path": {"template": "/accounts/{name}/sessions"}, "methods": ["POST"]},
    }));
    let cases: [(&str, &[u8], Is); 9] = [
        ("as it was", b"/accounts/acme/sessions", Is::TheSame),
        ("an escape", b"/accounts/%61cme/sessions", Is::TheSame),
        (
            "what follows a semicolon",
            b"/accounts/acme;v=1/sessions",
            Is::TheSame,
        ),
        ("empty segments", b"//accounts//acme/sessions/", Is::TheSame),
        ("case", b"/accounts/Acme/sessions", Is::Another),
        (
            "case of an escape",
            b"/accounts/%41cme/sessions",
            Is::Another,
        ),
        (
            "a space at its end",
            b"/accounts/acme%20/sessions",
            Is::Another,
        ),
        ("a dot at its end", b"/accounts/acme./sessions", Is::Another),
        (
            "case of a segment that the template spells out",
            b"/Accounts/acme/sessions",
            Is::NotLimited,
        ),
    ];
    for (name, path, expected) in cases {
        let worker = Worker::alone(&config);
        let post = |path| [(":method", &b"POST"[..]), (":path", path)];
        let seen = second(&worker, &post(b"/accounts/acme/sessions"), &post(path));
        assert_eq!(seen, expected, "{name}");
    }
}

/// RFC 6265 has quotes as a part of the value; many servers take them off.
#[test]
fn quotes_of_a_cookie() {
    let config = one(json!({
        "key": [{"cookie": "plan"}], "burst": 1, "if_absent": "deny",
        "overrides": [{"key": {"cookie": {"plan": "gold"}}, "burst": 3}],
    }));
    let cases: [(&str, &[u8], Is); 6] = [
        ("as it was", b"plan=tin", Is::TheSame),
        ("spaces around it", b"a=1;  plan = tin ;b=2", Is::TheSame),
        ("quoted", b"plan=\"tin\"", Is::Another),
        ("an escape", b"plan=t%69n", Is::Another),
        ("empty", b"plan=", Is::NoKey),
        ("empty, quoted", b"plan=\"\"", Is::Another),
    ];
    for (name, cookie, expected) in cases {
        let worker = Worker::alone(&config);
        let seen = second(&worker, &[("cookie", b"plan=tin")], &[("cookie", cookie)]);
        assert_eq!(seen, expected, "{name}");
    }
    let cases: [(&str, &[u8], usize); 2] = [
        ("an override", b"plan=gold", 3),
        ("an override, quoted", b"plan=\"gold\"", 1),
    ];
    for (name, cookie, burst) in cases {
        let worker = Worker::alone(&config);
        let admitted = (0..5)
            .filter(|_| worker.send(&[("cookie", cookie)], |_| {}).is_admitted())
            .count();
        assert_eq!(admitted, burst, "{name}");
    }
}

/// An override asks for the value, whoever vouches for it; the bucket is of one provider all the same.
#[test]
fn overrides_across_providers() {
    let by_org = json!({
        "key": [{"claim": "org"}], "burst": 1,
        "overrides": [{"key": {"claim": {"org": "acme"}}, "burst": 3}],
    });
    let by_issuer = json!({
        "key": [{"claim": "iss"}, {"claim": "org"}], "burst": 1,
        "overrides": [{"key": {"claim": {"iss": "https://a.example", "org": "acme"}}, "burst": 3}],
    });
    let by_name = json!({
        "key": ["consumer"], "burst": 1,
        "overrides": [{"key": {"consumer": "acme"}, "burst": 3}],
    });
    // Of the first provider, of the second one, which comes after it and may say the same of itself.
    let cases = [
        ("a claim", by_org, "acme", [3, 3]),
        (
            "a claim, another value",
            json!({"key": [{"claim": "org"}], "burst": 1}),
            "other",
            [1, 1],
        ),
        ("a claim beside the issuer", by_issuer, "acme", [3, 1]),
        ("a consumer's name", by_name, "acme", [3, 3]),
    ];
    for (name, limit, value, expected) in cases {
        let worker = Worker::alone(&one(limit));
        let admitted = ["a", "b"].map(|provider| {
            let identity = json!({
                "name": value, "provider": provider, "groups": [], "scopes": [], "metadata": {},
                "claims": {"org": value, "iss": format!("https://{provider}.example")},
            });
            let requests = (0..5).filter(|_| {
                let answer = worker.send(&[], |host| {
                    host.property_is("gatehouse.identity", identity.to_string().into_bytes());
                });
                answer.is_admitted()
            });
            requests.count()
        });
        assert_eq!(admitted, expected, "{name}");
    }
}
