//! Rules, challenges and client certificates of the auth filter on stock Envoy.

#![allow(
    clippy::disallowed_methods,
    reason = "native test: it has a clock and an environment of its own"
)]

#[path = "auth_rules/certificates.rs"]
mod certificates;
#[path = "auth/minted.rs"]
mod minted;

use certificates::Certificates;
use gatehouse_integration::{Config, Echo, Envoy, Update};
use minted::{bearer, minted};
use serde_json::{Value, json};

const FILE: &str = "envoy/auth.yaml";

fn keys_and_tokens() -> String {
    format!(
        "
  keys:
    api_key:
      from: [{{header: x-api-key}}]
      realm: keys
      consumers: [{{name: dev, key: '${{env:DEV_KEY}}'}}]
  sso:
    jwt:
      issuer: https://issuer.example
      audiences: [api]
      algorithms: [RS256]
      realm: 'the \"api\"'
      jwks: {{inline: {jwks}}}
",
        jwks = minted().jwks
    )
}

fn config(echo: &Echo, rules: &str) -> Config {
    let plugin = format!("providers:{}\nrules:\n{rules}", keys_and_tokens());
    Config::load(FILE)
        .upstream(echo)
        .env("HS_SECRET", &minted().secret)
        .plugin(&plugin)
        .edit(|root| {
            let vm = root.pointer_mut(
                "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config/vm_config",
            );
            let keys = &mut vm.expect("the file has a module")["environment_variables"]["host_env_keys"];
            keys.as_array_mut().expect("it names variables").push("HS_SECRET".into());
        })
}

/// The status of a request, and the reasons that were counted meanwhile.
fn reason(envoy: &Envoy, send: impl FnOnce() -> u16) -> (u16, Vec<String>) {
    const DENIED: &str = "wasmcustom.gatehouse.auth.denied.reason.";
    let before = envoy.stats();
    let status = send();
    let after = envoy.stats();
    let counted = after.iter().filter_map(|(name, count)| {
        let reason = name.strip_prefix(DENIED)?;
        (before.get(name) != Some(count)).then(|| reason.to_owned())
    });
    (status, counted.collect())
}

#[test]
fn expressions_and_challenges() {
    let expressions = [
        ("holds", "request.method == 'GET'", None, None),
        (
            "no",
            "request.method == 'POST'",
            None,
            Some("forbidden_expression"),
        ),
        (
            "path",
            "request.path.startsWith('/path') && connection.mtls == false",
            None,
            None,
        ),
        (
            "header",
            "request.headers['x-tenant'] == 'a'",
            Some("a"),
            None,
        ),
        (
            "header-other",
            "request.headers['x-tenant'] == 'a'",
            Some("b"),
            Some("forbidden_expression"),
        ),
        (
            "header-absent",
            "request.headers['x-tenant'] == 'a'",
            None,
            Some("expression_failed"),
        ),
        (
            "header-guarded",
            "'x-tenant' in request.headers && request.headers['x-tenant'] == 'a'",
            None,
            Some("forbidden_expression"),
        ),
        (
            "unknown",
            "nothing.of.that.name",
            None,
            Some("expression_failed"),
        ),
        (
            "no-boolean",
            "request.path",
            None,
            Some("expression_failed"),
        ),
        ("comment", "true // && false", None, None),
        ("number", "1", None, Some("expression_failed")),
        ("one-character", "'\\x01'", None, Some("expression_failed")),
    ];
    let mut rules = String::new();
    for (name, expression, _, _) in expressions {
        let expression = serde_json::to_string(expression).expect("a text");
        rules += &format!(
            "- {{match: {{path: {{exact: /{name}}}}}, require: keys, authorize: {{when: {expression}}}}}\n"
        );
    }
    rules += "
- {match: {path: {prefix: /sso}}, require: sso, authorize: {scopes: [read, purge]}}
- {match: {path: {prefix: /claims}}, require: sso, authorize: {claims: [{claim: email, suffix: '@example.com'}, {claim: /groups/0, present: true}]}}
- {match: {path: {prefix: /other}}, require: sso, authorize: {claims: [{claim: email, suffix: '@example.org'}]}}
- {require: {any_of: [keys, sso]}}
";
    let echo = Echo::start();
    let envoy = config(&echo, &rules).start();

    for (name, expression, tenant, expected) in expressions {
        let mut request = envoy
            .request("GET", format!("/{name}"))
            .header("x-api-key", "dev-key-1");
        if let Some(tenant) = tenant {
            request = request.header("x-tenant", tenant);
        }
        let (status, reasons) = reason(&envoy, || request.send().status);
        match expected {
            None => assert_eq!((status, reasons), (200, vec![]), "{name}: {expression}"),
            Some(reason) => {
                assert_eq!(
                    (status, reasons),
                    (403, vec![reason.to_owned()]),
                    "{name}: {expression}"
                );
            }
        }
    }

    let good = bearer("rs256");
    let twice = [
        ("authorization", good.as_str()),
        ("authorization", good.as_str()),
    ];
    let realm = "Bearer realm=\"the \\\"api\\\"\"";
    type Case<'c> = (
        &'c str,
        &'c str,
        &'c [(&'c str, &'c str)],
        u16,
        &'c [&'c str],
    );
    let cases: &[Case<'_>] = &[
        ("nothing", "/", &[], 401, &["ApiKey realm=\"keys\"", realm]),
        (
            "a bad key",
            "/",
            &[("x-api-key", "x")],
            401,
            &["ApiKey realm=\"keys\""],
        ),
        (
            "a bad token",
            "/",
            &[("authorization", "Bearer x")],
            401,
            &["Bearer realm=\"the \\\"api\\\"\", error=\"invalid_token\""],
        ),
        (
            "a token twice",
            "/",
            &twice,
            400,
            &["Bearer realm=\"the \\\"api\\\"\", error=\"invalid_request\""],
        ),
        (
            "a token without the scope",
            "/sso",
            &[("authorization", &good)],
            403,
            &[
                "Bearer realm=\"the \\\"api\\\"\", error=\"insufficient_scope\", scope=\"read purge\"",
            ],
        ),
        ("claims", "/claims", &[("authorization", &good)], 200, &[]),
        (
            "other claims",
            "/other",
            &[("authorization", &good)],
            403,
            &[],
        ),
    ];
    for (name, path, headers, status, challenges) in cases {
        let mut request = envoy.request("GET", path);
        for (name, value) in *headers {
            request = request.header(name, value);
        }
        let response = request.send();
        assert_eq!(response.status, *status, "{name}: {}", response.text());
        assert_eq!(response.header("www-authenticate"), *challenges, "{name}");
    }
}

#[test]
fn an_expression_that_does_not_compile_is_refused() {
    let rules = |when: &str| {
        format!(
            "- {{match: {{path: {{exact: /}}}}, allow: anonymous}}\n- {{require: keys, authorize: {{when: \"{when}\"}}}}\n"
        )
    };
    let echo = Echo::start();
    let mut envoy = config(&echo, &rules("true")).start_dynamic();
    for when in [
        "request.method ==",
        "has(request.path",
        "nofunction(1)",
        "true) || (true",
        "1 +",
    ] {
        let Update::Rejected { log } = envoy.update(&config(&echo, &rules(when))) else {
            panic!("accepted: {when}");
        };
        let message = format!(
            "rules[1].authorize.when: \"{when}\" is not a CEL expression (over Envoy's attributes"
        );
        assert!(log.contains(&message), "{when}: {log}");
    }
    let response = envoy
        .request("GET", "/x")
        .header("x-api-key", "dev-key-1")
        .send();
    assert_eq!(response.status, 200, "the old configuration serves");
}

/// Ports of the file's copies.
const PLAIN: u16 = 10000;
const TLS: u16 = 10001;
const UNTRUSTED: u16 = 10002;
const WITHOUT_AUTHORITY: u16 = 10003;
const FRONT: u16 = 10004;

/// The file's listener several times: plain with `x-forwarded-client-cert` as it comes, behind TLS as it should be and
/// as it should not, and the proxy in front that writes the header.
fn listeners(root: &mut Value, certificates: &Certificates) {
    let listeners = root["static_resources"]["listeners"].as_array_mut();
    let listeners = listeners.expect("the file has listeners");
    let original = listeners[0].clone();
    let file = |name: &str| json!({"filename": certificates.path(name)});
    let copy = |port: u16, name: &str, context: Value| {
        let mut listener = original.clone();
        listener["name"] = json!(name);
        listener["address"]["socket_address"]["port_value"] = json!(port);
        let mut tls = json!({
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {
                "tls_certificates": [{"certificate_chain": file("server.pem"), "private_key": file("server.key")}],
            },
        });
        for (key, value) in context.as_object().expect("an object") {
            match key.as_str() {
                "validation_context" => tls["common_tls_context"][key] = value.clone(),
                key => tls[key] = value.clone(),
            }
        }
        listener["filter_chains"][0]["transport_socket"] =
            json!({"name": "tls", "typed_config": tls});
        listener
    };
    let mut more = vec![
        copy(
            TLS,
            "tls",
            json!({"validation_context": {"trusted_ca": file("ca.pem")}}),
        ),
        copy(
            UNTRUSTED,
            "untrusted",
            json!({"validation_context": {"trusted_ca": file("ca.pem"), "trust_chain_verification": "ACCEPT_UNTRUSTED"}}),
        ),
        copy(
            WITHOUT_AUTHORITY,
            "without_authority",
            json!({"require_client_certificate": true}),
        ),
    ];
    let mut front = copy(
        FRONT,
        "front",
        json!({"validation_context": {"trusted_ca": file("ca.pem")}}),
    );
    let manager = &mut front["filter_chains"][0]["filters"][0]["typed_config"];
    manager["forward_client_cert_details"] = json!("SANITIZE_SET");
    manager["set_current_client_cert_details"] =
        json!({"subject": true, "uri": true, "dns": true, "cert": true, "chain": true});
    let filters = manager["http_filters"].as_array_mut();
    filters.expect("a list").remove(0);
    more.push(front);
    let plain = &mut listeners[0]["filter_chains"][0]["filters"][0]["typed_config"];
    plain["forward_client_cert_details"] = json!("ALWAYS_FORWARD_ONLY");
    listeners.extend(more);
}

fn certificate_config(echo: &Echo, certificates: &Certificates) -> Config {
    let consumers = format!(
        "
      consumers:
      - {{name: billing, uri_san: 'spiffe://example/billing'}}
      - {{name: prod, uri_san: 'spiffe://example/ns/prod/*'}}
      - {{name: ops, dns_san: ops.example.com}}
      - {{name: legacy, subject: 'CN=legacy,O=Example,C=DE'}}
      - {{name: odd, subject: 'CN=a\\\\b\\;c=d,O=Ex\\C3\\A4mple\\, \\\"Inc\\\"'}}
      - {{name: batch, sha256: {}}}
",
        certificates.digest("batch")
    );
    let plugin = format!(
        "
providers:
  mesh:
    mtls:{consumers}
  edge:
    mtls:{consumers}
      from: {{xfcc: {{trusted_peers: [127.0.0.0/8]}}}}
  far:
    mtls:{consumers}
      from: {{xfcc: {{trusted_peers: [10.0.0.0/8]}}}}
rules:
- {{match: {{path: {{exact: /mesh}}}}, require: mesh}}
- {{match: {{path: {{exact: /edge}}}}, require: edge}}
- {{match: {{path: {{exact: /far}}}}, require: far}}
- {{match: {{path: {{exact: /open}}}}, allow: anonymous}}
forward: {{consumer_header: x-consumer}}
"
    );
    Config::load(FILE)
        .upstream(echo)
        .plugin(&plugin)
        .edit(|root| listeners(root, certificates))
}

#[test]
fn client_certificates() {
    let certificates = Certificates::make();
    let echo = Echo::start();
    let envoy = certificate_config(&echo, &certificates).start();
    let ask = |port: u16, path: &str, certificate: Option<&str>, headers: &[&str]| {
        certificates.get(envoy.address_of(port), path, certificate, headers)
    };

    // From the connection.
    let of_connection = [
        (Some("billing"), Ok("billing")),
        // Envoy names the first URI only.
        (Some("second"), Err("certificate_unknown")),
        (Some("prod"), Ok("prod")),
        (Some("dev"), Err("certificate_unknown")),
        (Some("ops"), Ok("ops")),
        (Some("legacy"), Ok("legacy")),
        (Some("odd"), Ok("odd")),
        (Some("batch"), Ok("batch")),
        (Some("stranger"), Err("certificate_unknown")),
        (None, Err("credential_missing")),
    ];
    let header = ["x-forwarded-client-cert: URI=spiffe://example/billing"];
    for (certificate, expected) in of_connection {
        for headers in [&[][..], &header] {
            let mut answer = None;
            let (_, reasons) = reason(&envoy, || {
                let response = ask(TLS, "/mesh", certificate, headers).expect("an answer");
                let status = response.status;
                answer = Some(response);
                status
            });
            let answer = answer.expect("it was asked");
            match expected {
                Ok(consumer) => {
                    assert_eq!(answer.status, 200, "{certificate:?}");
                    assert_eq!(
                        answer.consumer(),
                        Some(consumer.to_owned()),
                        "{certificate:?}"
                    );
                }
                Err(expected) => {
                    assert_eq!(
                        (answer.status, reasons),
                        (401, vec![expected.to_owned()]),
                        "{certificate:?}"
                    );
                }
            }
        }
    }
    // A certificate that is not of the authority ends the handshake there.
    assert_eq!(
        ask(TLS, "/mesh", Some("forged"), &[]).map(|answer| answer.status),
        None
    );
    let plain = envoy.request("GET", "/mesh").send();
    assert_eq!(plain.status, 401, "without TLS");

    // What a listener does not validate, the filter cannot: the README says what listeners need.
    let answer = ask(UNTRUSTED, "/mesh", Some("forged"), &[]).expect("an answer");
    assert_eq!(answer.consumer(), Some("billing".to_owned()));
    // Without an authority, Envoy asks for no certificate.
    let answer = ask(WITHOUT_AUTHORITY, "/mesh", Some("billing"), &[]).expect("an answer");
    assert_eq!(answer.status, 401);

    // From the header, as Envoy writes it in front.
    let of_header = [
        ("billing", Ok("billing")),
        ("second", Ok("billing")),
        ("prod", Ok("prod")),
        ("dev", Err("certificate_unknown")),
        ("ops", Ok("ops")),
        ("legacy", Ok("legacy")),
        ("odd", Ok("odd")),
        ("batch", Ok("batch")),
        ("stranger", Err("certificate_unknown")),
    ];
    for (certificate, expected) in of_header {
        let front = ask(FRONT, "/", Some(certificate), &header).expect("an answer");
        let written = front.echoed_header("x-forwarded-client-cert");
        let [written] = written.as_slice() else {
            panic!("{certificate}: {written:?}");
        };
        let send = |path: &str, more: Option<&str>| {
            let mut request = envoy
                .request("GET", path)
                .header("x-forwarded-client-cert", written);
            if let Some(more) = more {
                request = request.header("x-forwarded-client-cert", more);
            }
            let mut answer = None;
            let (_, reasons) = reason(&envoy, || {
                let response = request.send();
                let status = response.status;
                answer = Some(response);
                status
            });
            (answer.expect("it was asked"), reasons)
        };
        let (answer, reasons) = send("/edge", None);
        match expected {
            Ok(consumer) => {
                assert_eq!(answer.status, 200, "{certificate}: {written} {reasons:?}");
                let echoed = answer.echoed();
                assert_eq!(echoed.header("x-consumer"), [consumer], "{certificate}");
                assert!(
                    echoed.header("x-forwarded-client-cert").is_empty(),
                    "{certificate}"
                );
            }
            Err(expected) => assert_eq!(reasons, [expected], "{certificate}: {written}"),
        }
        let (answer, reasons) = send("/far", None);
        assert_eq!(
            (answer.status, reasons),
            (401, vec!["credential_missing".to_owned()])
        );
        let (answer, reasons) = send("/edge", Some(written));
        assert_eq!(
            (answer.status, reasons),
            (401, vec!["certificate_malformed".to_owned()])
        );
        let (answer, _) = send("/open", None);
        assert!(answer.echoed().header("x-forwarded-client-cert").is_empty());
    }
    assert_eq!(envoy.request("GET", "/edge").send().status, 401);
    // By default Envoy takes the header away.
    let answer = ask(TLS, "/edge", Some("billing"), &header).expect("an answer");
    assert_eq!(answer.status, 401);
    assert_eq!(envoy.address_of(PLAIN), envoy.address());
    assert!(
        !envoy.log().contains("Proxy-Wasm plugin in-VM backtrace"),
        "a trap"
    );
}
