//! The auth filter on stock Envoy.

#![allow(
    clippy::disallowed_methods,
    reason = "native test: it has a clock and an environment of its own"
)]

#[path = "auth/cases.rs"]
mod cases;
#[path = "auth/minted.rs"]
mod minted;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use gatehouse_integration::http::Connection;
use gatehouse_integration::log::plugin_messages;
use gatehouse_integration::upgrade::{self, Upgrade};
use gatehouse_integration::{Config, Echo, Envoy, Response, Update, load};

use cases::{Case, cases};
use minted::minted;

const FILE: &str = "envoy/auth.yaml";

/// Every kind of credential, and rules that tell them apart.
fn configuration() -> String {
    format!(
        "
trusted_hops: 0
providers:
  partners:
    api_key:
      from: [{{header: x-api-key}}, {{query: api_key}}, {{cookie: api_key}}]
      consumers:
      # printf %s acme-key-1 | sha256sum
      - {{name: acme, key_sha256: 904fc520be4ca9db80d0ffcc6bf7e01b4148e33d45bb6b422ad2e607815fb508, groups: [gold]}}
      - {{name: dev, key: '${{env:DEV_KEY}}'}}
      - {{name: early, key: '${{env:EARLY_KEY}}', not_before: 2200-01-01T00:00:00Z}}
      - {{name: late, key: '${{env:LATE_KEY}}', expires_at: 2020-01-01T00:00:00Z}}
      - {{name: now, key: '${{env:NOW_KEY}}', not_before: 2020-01-01T00:00:00Z, expires_at: 2200-01-01T00:00:00Z}}
  sso:
    jwt:
      issuer: https://issuer.example
      audiences: [api]
      algorithms: [RS256, RS384, RS512, ES256, ES384, HS256, HS384, HS512, EdDSA]
      jwks: {{inline: {jwks}}}
rules:
- {{match: {{path: {{prefix: /public}}}}, allow: anonymous}}
- {{match: {{path: {{prefix: /partners}}}}, require: partners}}
- {{match: {{path: {{prefix: /sso}}}}, require: sso}}
- {{match: {{path: {{prefix: /any}}}}, require: {{any_of: [partners, sso]}}}}
- {{match: {{path: {{prefix: /all}}}}, require: {{all_of: [partners, sso]}}}}
- {{match: {{path: {{prefix: /staff}}}}, require: sso, authorize: {{groups: [staff], scopes: [write], consumers: [ann]}}}}
forward: {{consumer_header: x-consumer, claim_headers: [{{claim: email, header: x-user-email}}]}}
",
        jwks = minted().jwks
    )
}

fn config(echo: &Echo, workers: u32) -> Config {
    let environment = ["EARLY_KEY", "LATE_KEY", "NOW_KEY", "HS_SECRET"];
    Config::load(FILE)
        .upstream(echo)
        .workers(workers)
        .env("EARLY_KEY", "early-key-1")
        .env("LATE_KEY", "late-key-1")
        .env("NOW_KEY", "now-key-1")
        .env("HS_SECRET", &minted().secret)
        .plugin(&configuration())
        .edit(|root| {
            let manager = &mut root["static_resources"]["listeners"][0]["filter_chains"][0]
                ["filters"][0]["typed_config"];
            // The default, 60, would have Envoy itself refuse headers of 60 KiB.
            manager["max_request_headers_kb"] = serde_json::json!(96);
            let vm = &mut manager["http_filters"][0]["typed_config"]["config"]["vm_config"];
            let keys = vm["environment_variables"]["host_env_keys"].as_array_mut();
            let keys = keys.expect("the file names variables");
            keys.extend(environment.map(serde_json::Value::from));
            let format = manager["access_log"][0]["typed_config"]["log_format"]
                .pointer_mut("/text_format_source/inline_string")
                .expect("the file has an access log");
            *format = "LOG %REQ(X-CASE)% %RESPONSE_CODE% consumer=%FILTER_STATE(wasm.gatehouse.consumer:PLAIN)% denied=%FILTER_STATE(wasm.gatehouse.denial:PLAIN)% details=%RESPONSE_CODE_DETAILS%\n".into();
        })
}

fn send(envoy: &Envoy, case: &Case) -> Response {
    let mut request = envoy.request("GET", case.path).header("x-case", case.name);
    for (name, value) in &case.headers {
        request = request.header(name, value);
    }
    request.send()
}

/// The lines of the access log, by the name of the case, once there are so many: Envoy writes them with a delay.
fn access_log(envoy: &Envoy, lines: usize) -> BTreeMap<String, String> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let log = envoy.log();
        let entries: BTreeMap<_, _> = log
            .lines()
            .filter_map(|line| line.strip_prefix("LOG ")?.split_once(' '))
            .map(|(name, rest)| (name.to_owned(), rest.to_owned()))
            .collect();
        if entries.len() >= lines {
            return entries;
        }
        assert!(
            Instant::now() < deadline,
            "{} of {lines} lines",
            entries.len()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn check_all(workers: u32) {
    let echo = Echo::start();
    let envoy = config(&echo, workers).start();
    let cases = cases();
    for case in &cases {
        let response = send(&envoy, case);
        let name = case.name;
        assert_eq!(response.status, case.status, "{name}: {}", response.text());
        let Ok(consumer) = case.outcome else {
            let body = response.json();
            assert_eq!(body["status"], case.status, "{name}");
            let challenges = response.header("www-authenticate");
            // Of these, only tokens have one (tests/auth_rules.rs).
            if !matches!(
                case.outcome,
                Err("credential_ambiguous" | "forbidden_scope")
            ) {
                assert_eq!(
                    challenges.is_empty(),
                    case.status != 401,
                    "{name}: {challenges:?}"
                );
            }
            continue;
        };
        let echoed = response.echoed();
        let expected: &[&str] = if consumer == "-" { &[] } else { &[consumer] };
        assert_eq!(echoed.header("x-consumer"), expected, "{name}");
        let emails: &[&str] = match case.path {
            "/sso" | "/staff" | "/all" => &["ann@example.com"],
            "/any" if consumer != "acme" => &["ann@example.com"],
            _ => &[],
        };
        assert_eq!(echoed.header("x-user-email"), emails, "{name}");
        for header in ["x-api-key", "authorization", "x_consumer"] {
            assert!(echoed.header(header).is_empty(), "{name}: {header}");
        }
        assert!(!echoed.path.contains("api_key"), "{name}: {}", echoed.path);
        assert!(
            !echoed.header("cookie").concat().contains("api_key"),
            "{name}"
        );
    }

    let log = access_log(&envoy, cases.len());
    let mut denied: BTreeMap<&str, u64> = BTreeMap::new();
    for case in &cases {
        let (consumer, reason, details) = match case.outcome {
            Ok(consumer) => (consumer, "-".to_owned(), "via_upstream".to_owned()),
            Err(reason) => {
                *denied.entry(reason).or_default() += 1;
                let consumer = match case.name {
                    "staff-group" | "staff-scope" => "ann",
                    "staff-consumer" => "bob",
                    _ => "-",
                };
                (
                    consumer,
                    format!("auth.{reason}"),
                    format!("gatehouse.auth.{reason}"),
                )
            }
        };
        let expected = format!(
            "{} consumer={consumer} denied={reason} details={details}",
            case.status
        );
        assert_eq!(log[case.name], expected, "{}", case.name);
    }

    let stats = envoy.stats();
    for (reason, count) in denied {
        let name = format!("wasmcustom.gatehouse.auth.denied.reason.{reason}");
        assert_eq!(stats.get(&name), Some(&count), "{name}");
    }
    assert_eq!(
        stats["wasmcustom.gatehouse.auth.host_verify_unavailable.provider.sso"],
        0
    );
    assert!(
        !envoy.log().contains("Proxy-Wasm plugin in-VM backtrace"),
        "a trap"
    );
}

#[test]
fn every_denial_and_every_pass() {
    check_all(1);
}

#[test]
fn every_denial_and_every_pass_with_four_workers() {
    check_all(4);
}

#[test]
fn many_requests_of_every_kind_over_four_workers() {
    let echo = Echo::start();
    let envoy = config(&echo, 4).start();
    let cases = cases();
    let rounds = 100;
    let mut expected = BTreeMap::new();
    for case in &cases {
        *expected.entry(case.status).or_default() += rounds;
    }
    let outcome = load::run(cases.len() * rounds, 16, |index| {
        let case = &cases[index % cases.len()];
        let mut request = envoy.request("GET", case.path);
        for (name, value) in &case.headers {
            request = request.header(name, value);
        }
        request
    });
    assert_eq!(
        outcome,
        load::Outcome {
            statuses: expected,
            failed: 0
        }
    );
    assert_eq!(plugin_messages(&envoy.log()), Vec::<String>::new());
}

#[test]
fn the_file_as_it_is() {
    let echo = Echo::start();
    let envoy = Config::load(FILE).upstream(&echo).start();
    assert_eq!(envoy.get("/public").status, 200);
    let missing = envoy.get("/");
    assert_eq!(missing.status, 401);
    assert_eq!(missing.header("www-authenticate"), ["ApiKey", "Bearer"]);
    assert_eq!(missing.header("content-type"), ["application/problem+json"]);
    assert_eq!(
        missing.text(),
        r#"{"type":"about:blank","title":"Unauthorized","status":401,"detail":"a credential is required"}"#
    );
    for (key, consumer) in [("acme-key-1", "acme"), ("dev-key-1", "dev")] {
        let response = envoy.request("GET", "/").header("x-api-key", key).send();
        assert_eq!(response.echoed().header("x-consumer"), [consumer]);
    }
    let prometheus = envoy.admin("/stats/prometheus").text();
    for line in [
        r#"gatehouse_auth_denied{gatehouse_reason="credential_missing"} 1"#,
        r#"gatehouse_auth_allowed{gatehouse_provider="partners"} 2"#,
        "gatehouse_auth_allowed_anonymous{} 1",
    ] {
        assert!(prometheus.contains(line), "{line} in\n{prometheus}");
    }
}

#[test]
fn grpc_clients_get_a_grpc_status() {
    let echo = Echo::start();
    let envoy = config(&echo, 1).start();
    for (path, status) in [("/partners", "16"), ("/elsewhere", "7"), ("/a%2fb", "3")] {
        let request = envoy.request("POST", path);
        let response = request.header("content-type", "application/grpc").send();
        assert_eq!(response.status, 200, "{path}");
        assert_eq!(response.header("grpc-status"), [status], "{path}");
    }
}

#[test]
fn report_mode_lets_all_pass() {
    let echo = Echo::start();
    let report = format!("mode: report\n{}", configuration());
    let envoy = config(&echo, 1).plugin(&report).start();
    for case in cases() {
        let response = send(&envoy, &case);
        assert_eq!(response.status, 200, "{}", case.name);
        let sent = case
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("x-api-key"))
            .count();
        assert_eq!(
            response.echoed().header("x-api-key").len(),
            sent,
            "{}",
            case.name
        );
    }
    assert_eq!(
        envoy.stat("wasmcustom.gatehouse.auth.would_deny.reason.no_rule"),
        1
    );
    assert_eq!(
        envoy.stat("wasmcustom.gatehouse.auth.would_deny.reason.forbidden_scope"),
        1
    );
}

/// Two mistakes, as the operator is told of them.
const MISTAKEN: &str = "
providers: {sso: {api_key: {from: [{header: k}], consumers: [{name: a, key: '${env:NOT_THERE}'}]}}}
rules: [{match: {path: {prefix: /x}}, allow: anonymous}, {require: {any_of: [sso2]}}]
";
const TOLD: &str = "gatehouse auth: configuration refused:\n\
    providers.sso.api_key.consumers[0].key: no environment variable NOT_THERE (set it in vm_config.environment_variables)\n\
    rules[1].require.any_of[0]: no provider named \"sso2\" (did you mean \"sso\"?)";

#[test]
fn a_bad_configuration_is_refused_with_all_that_is_wrong() {
    let echo = Echo::start();
    let refused = config(&echo, 1).plugin(MISTAKEN).try_start().err();
    let messages = plugin_messages(&refused.expect("Envoy refuses").log);
    assert!(
        messages.iter().any(|message| message == TOLD),
        "{messages:?}"
    );
}

#[test]
fn after_a_bad_update_the_old_configuration_serves() {
    let echo = Echo::start();
    let mut envoy = config(&echo, 2).start_dynamic();
    let status = |envoy: &Envoy, path| {
        envoy
            .request("GET", path)
            .header("x-api-key", "acme-key-1")
            .send()
            .status
    };
    assert_eq!(status(&envoy, "/partners"), 200);
    let Update::Rejected { log } = envoy.update(&config(&echo, 2).plugin(MISTAKEN)) else {
        panic!("the update was accepted");
    };
    let messages = plugin_messages(&log);
    assert!(
        messages.iter().any(|message| message == TOLD),
        "{messages:?}"
    );
    assert_eq!(status(&envoy, "/partners"), 200);
    assert_eq!(status(&envoy, "/elsewhere"), 403);

    // The same as JSON text, as Istio delivers it.
    let json =
        r#"{"rules": [{"match": {"path": {"prefix": "/elsewhere"}}, "allow": "anonymous"}]}"#;
    let update = envoy.update(&config(&echo, 2).plugin_text(json));
    assert!(matches!(update, Update::Accepted), "{update:?}");
    assert_eq!(status(&envoy, "/elsewhere"), 200);
    assert_eq!(status(&envoy, "/partners"), 403);
}

/// What servers read in different ways, in bytes: hosts, paths, spellings of an identity header.
#[test]
fn what_servers_read_in_different_ways() {
    let echo = Echo::start();
    let rules = "\
providers: {partners: {api_key: {from: [{header: x-api-key}], consumers: [{name: dev, key: \"${env:DEV_KEY}\"}]}}}
rules:
- {match: {hosts: ['*.open.test']}, allow: anonymous}
- {match: {path: {prefix: /public}}, allow: anonymous}
- {require: {any_of: [partners]}}
forward: {consumer_header: x-consumer}
";
    // The paths reach the filter as they were sent.
    let as_sent = |root: &mut serde_json::Value| {
        let chain = &mut root["static_resources"]["listeners"][0]["filter_chains"][0];
        let manager = chain["filters"][0]["typed_config"]
            .as_object_mut()
            .expect("a manager");
        manager.insert("normalize_path".to_owned(), false.into());
        manager.insert("merge_slashes".to_owned(), false.into());
    };
    let envoy = config(&echo, 1).plugin(rules).edit(as_sent).start();
    let send = |head: &[&str]| {
        let mut connection = Connection::open(envoy.address()).expect("a connection");
        let bytes = format!("{}\r\n\r\n", head.join("\r\n"));
        connection
            .send_bytes(bytes.as_bytes(), false)
            .expect("an answer")
    };
    let cases: [(&str, &[&str], u16); 9] = [
        (
            "a host that is open",
            &["GET / HTTP/1.1", "Host: a.open.test"],
            200,
        ),
        ("another", &["GET / HTTP/1.1", "Host: a.test"], 401),
        (
            "two hosts",
            &["GET / HTTP/1.1", "Host: a.test", "Host: b.open.test"],
            400,
        ),
        (
            "a host with a user",
            &["GET / HTTP/1.1", "Host: a.test@b.open.test"],
            400,
        ),
        (
            "a public path",
            &["GET /public/x HTTP/1.1", "Host: a.test"],
            200,
        ),
        (
            "what some take for a host",
            &["GET //public/admin HTTP/1.1", "Host: a.test"],
            400,
        ),
        (
            "up and down",
            &["GET /public/../admin HTTP/1.1", "Host: a.test"],
            400,
        ),
        (
            "an escaped slash",
            &["GET /public%2f..%2fadmin HTTP/1.1", "Host: a.test"],
            400,
        ),
        (
            "parameters",
            &["GET /public/..;/admin HTTP/1.1", "Host: a.test"],
            400,
        ),
    ];
    for (name, head, status) in cases {
        let response = send(head);
        assert_eq!(response.status, status, "{name}: {}", response.text());
    }

    let spelled = [
        "GET /x HTTP/1.1",
        "Host: a.test",
        "X-Api-Key: dev-key-1",
        "X.Consumer: root",
        "X_Consumer: root",
    ];
    let echoed = send(&spelled).echoed();
    assert_eq!(echoed.header("x-consumer"), ["dev"]);
    for other in ["x.consumer", "x_consumer"] {
        assert_eq!(echoed.header(other), [""; 0], "{other}");
    }
}

/// An upgrade passes the client's `connection` header on; what it names, the next proxy takes out.
#[test]
fn no_connection_header_names_an_identity_header() {
    let upstream = Upgrade::start();
    let envoy = Config::load(FILE)
        .endpoint(18080, upstream.address())
        .edit(upgrade::allow)
        .start();
    let head = "GET /orders HTTP/1.1\r\nHost: a.test\r\nX-Api-Key: acme-key-1\r\nConnection: Upgrade, x-consumer\r\nUpgrade: websocket\r\n\r\n";
    let mut connection = Connection::open(envoy.address()).expect("a connection");
    let response = connection
        .send_bytes(head.as_bytes(), true)
        .expect("an answer");
    assert_eq!(response.status, 101);
    let head = upstream.head();
    let named: Vec<&String> = head
        .iter()
        .filter(|line| line.contains("x-consumer"))
        .collect();
    assert_eq!(named, ["x-consumer: acme"], "{head:?}");
}
