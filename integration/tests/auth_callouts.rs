//! The providers that ask elsewhere, on stock Envoy: token introspection and a decision service.

#![allow(
    clippy::disallowed_methods,
    reason = "native test: it has a clock and an environment of its own"
)]

#[path = "auth_callouts/service.rs"]
mod service;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use gatehouse_integration::{Config, Echo, Envoy, Response, load};
use serde_json::{Value, json};
use service::{Asked, Does, Service};

const FILE: &str = "envoy/auth.yaml";

/// A slow machine is given time to answer, and what it said holds for as long as a test may take.
const INTROSPECTION: &str = "
providers:
  opaque:
    introspection:
      cluster: service
      uri: https://idp.example/oauth2/introspect
      client_id: gateway
      client_secret: '${env:DEV_KEY}'
      timeout: 30s
      cache: {positive: 1h, negative: 1h}
rules:
- {match: {path: {prefix: /write}}, require: opaque, authorize: {scopes: [write]}}
- {require: opaque}
forward: {consumer_header: x-consumer}
";

/// A cluster named `service`, with this endpoint or none.
fn config(echo: &Echo, workers: u32, plugin: &str, service: Option<SocketAddr>) -> Config {
    config_of(FILE, echo, workers, plugin, service)
}

fn config_of(
    file: &str,
    echo: &Echo,
    workers: u32,
    plugin: &str,
    service: Option<SocketAddr>,
) -> Config {
    let endpoints: Vec<Value> = service
        .into_iter()
        .map(|address| {
            json!({"endpoint": {"address": {"socket_address": {
                "address": address.ip().to_string(), "port_value": address.port()}}}})
        })
        .collect();
    let cluster = json!({
        "name": "service",
        "connect_timeout": "1s",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "service", "endpoints": [{"lb_endpoints": endpoints}]},
    });
    Config::load(file)
        .upstream(echo)
        .workers(workers)
        .plugin(plugin)
        .edit(|root| {
            let clusters = root["static_resources"]["clusters"].as_array_mut();
            clusters.expect("the file has clusters").push(cluster);
        })
}

/// An authorization server that knows tokens by their names.
fn knows(asked: &Asked) -> Does {
    let token = asked
        .body
        .split('&')
        .next()
        .and_then(|pair| pair.strip_prefix("token="));
    match token {
        Some("ann") => Does::json(r#"{"active":true,"sub":"ann","scope":"read"}"#),
        Some("bob") => Does::json(r#"{"active":true,"sub":"bob","scope":"read write"}"#),
        Some("old") => Does::json(r#"{"active":true,"sub":"ann","exp":1000}"#),
        _ => Does::json(r#"{"active":false}"#),
    }
}

fn bearer(envoy: &Envoy, path: &str, token: &str) -> Response {
    let value = format!("Bearer {token}");
    envoy
        .request("GET", path)
        .header("authorization", value)
        .send()
}

fn denied(envoy: &Envoy, reason: &str) -> u64 {
    envoy.stat(&format!("wasmcustom.gatehouse.auth.denied.reason.{reason}"))
}

fn counted(envoy: &Envoy, what: &str) -> u64 {
    let stats = envoy.stats();
    let prefix = format!("wasmcustom.gatehouse.auth.{what}.provider.");
    let mut named = stats.iter().filter(|(name, _)| name.starts_with(&prefix));
    *named.next().unwrap_or_else(|| panic!("no {prefix}")).1
}

fn no_trap(envoy: &Envoy) {
    let log = envoy.log();
    assert!(!log.contains("in-VM backtrace"), "a trap");
}

#[test]
fn tokens_are_asked_about_and_remembered() {
    let (echo, service) = (Echo::start(), Service::start(knows));
    let envoy = config(&echo, 4, INTROSPECTION, Some(service.address())).start();
    let outcome = load::run(400, 16, |index| {
        let token = ["Bearer ann", "Bearer bob", "Bearer nobody", "Bearer old"][index % 4];
        envoy.request("GET", "/").header("authorization", token)
    });
    assert_eq!(
        (outcome.count(200), outcome.count(401), outcome.failed),
        (200, 200, 0)
    );
    let asked = service.take_asked();
    // Each worker asks on its own.
    assert!((4..=16).contains(&asked.len()), "{}", asked.len());
    assert_eq!(counted(&envoy, "callouts"), asked.len() as u64);
    let first = &asked[0];
    assert_eq!(
        (first.method.as_str(), first.path.as_str()),
        ("POST", "/oauth2/introspect")
    );
    assert_eq!(first.header("host"), ["idp.example"]);
    assert_eq!(first.header("accept"), ["application/json"]);
    // printf %s gateway:dev-key-1 | base64
    assert_eq!(
        first.header("authorization"),
        ["Basic Z2F0ZXdheTpkZXYta2V5LTE="]
    );
    assert!(
        first.body.ends_with("&token_type_hint=access_token"),
        "{}",
        first.body
    );

    let response = bearer(&envoy, "/write", "bob");
    assert_eq!(response.echoed().header("x-consumer"), ["bob"]);
    assert_eq!(response.echoed().header("authorization"), [""; 0]);
    assert_eq!(bearer(&envoy, "/write", "ann").status, 403);
    let response = bearer(&envoy, "/", "nobody");
    assert_eq!(
        response.header("www-authenticate"),
        ["Bearer error=\"invalid_token\""]
    );
    assert_eq!(denied(&envoy, "token_expired"), 100);
    assert_eq!(bearer(&envoy, "/", "a\"b").status, 401);
    assert!(
        service
            .take_asked()
            .iter()
            .all(|asked| !asked.body.contains('"'))
    );
    no_trap(&envoy);
}

#[test]
fn sixty_four_requests_with_one_new_token_ask_once_per_worker() {
    let service = Service::start(|asked| {
        Does::AnswersAfter(Duration::from_millis(500), Box::new(knows(asked)))
    });
    let echo = Echo::start();
    let envoy = config(&echo, 4, INTROSPECTION, Some(service.address())).start();
    for (token, status) in [("ann", 200), ("nobody", 401)] {
        let value = format!("Bearer {token}");
        let outcome = load::run(64, 64, |_| {
            envoy.request("GET", "/").header("authorization", &value)
        });
        assert_eq!((outcome.count(status), outcome.failed), (64, 0), "{token}");
        let asked = service.take_asked().len();
        assert!((1..=4).contains(&asked), "{token}: {asked}");
    }
    no_trap(&envoy);
}

#[test]
fn a_service_that_is_killed_hung_and_back() {
    let (echo, service) = (Echo::start(), Service::start(knows));
    let deny = INTROSPECTION.replace("timeout: 30s", "timeout: 5s");
    let stale = deny.replace(
        "cache: {positive: 1h, negative: 1h}",
        "cache: 1s\n      on_error: {stale: 1h}",
    );
    assert_ne!(deny, stale);
    for (plugin, known) in [(&deny, 503), (&stale, 200)] {
        service.now(knows);
        let envoy = config(&echo, 1, plugin, Some(service.address())).start();
        assert_eq!(bearer(&envoy, "/", "ann").status, 200);
        assert_eq!(bearer(&envoy, "/", "ann").status, 200);

        service.now(|_| Does::Hangs);
        let begun = Instant::now();
        assert_eq!(bearer(&envoy, "/", "bob").status, 503);
        let took = begun.elapsed();
        assert!((4_900..30_000).contains(&took.as_millis()), "{took:?}");
        // Envoy's timeout, not the filter's own for a callout of which it never hears again.
        envoy.await_log("callouts fail: status 504", 1);

        service.now(|_| Does::Cuts);
        assert_eq!(bearer(&envoy, "/", "bob").status, 503);
        if known == 200 {
            // Remembered, and when the second for that is over, served from what was known.
            let deadline = Instant::now() + Duration::from_secs(60);
            while counted(&envoy, "stale_served") == 0 {
                assert!(
                    Instant::now() < deadline,
                    "never served from what was known"
                );
                assert_eq!(bearer(&envoy, "/", "ann").status, 200);
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        assert!(counted(&envoy, "callouts_failed") >= 2);

        service.now(knows);
        let response = bearer(&envoy, "/", "bob");
        assert_eq!(response.echoed().header("x-consumer"), ["bob"]);
        let failing = envoy.await_log("callouts fail:", 1);
        assert_eq!(failing.len(), 1, "{failing:?}");
        assert_eq!(envoy.await_log("callouts work again", 1).len(), 1);
        no_trap(&envoy);
    }

    // At an address of its own: no socket of another test takes the port meanwhile.
    let service = Service::at(SocketAddr::from(([127, 0, 0, 2], 0)), knows);
    let envoy = config(&echo, 1, INTROSPECTION, Some(service.address())).start();
    let address = service.kill();
    let begun = Instant::now();
    assert_eq!(bearer(&envoy, "/", "bob").status, 503);
    assert!(
        begun.elapsed() < Duration::from_secs(15),
        "a refused connection is no timeout"
    );
    let service = Service::at(address, knows);
    assert_eq!(bearer(&envoy, "/", "bob").status, 200);
    assert_eq!(service.take_asked().len(), 1);
    no_trap(&envoy);
}

#[test]
fn no_healthy_host_and_no_cluster() {
    let echo = Echo::start();
    let envoy = config(&echo, 2, INTROSPECTION, None).start();
    let nowhere = INTROSPECTION.replace("cluster: service", "cluster: nowhere");
    let without = config(&echo, 2, &nowhere, None).start();
    for envoy in [&envoy, &without] {
        for _ in 0..20 {
            let begun = Instant::now();
            let response = bearer(envoy, "/", "ann");
            assert_eq!(response.status, 503);
            assert_eq!(response.header("www-authenticate"), ["Bearer"]);
            assert!(
                begun.elapsed() < Duration::from_secs(15),
                "it is no timeout"
            );
        }
        assert_eq!(denied(envoy, "introspection_failed"), 20);
        assert_eq!(counted(envoy, "callouts"), 0);
        no_trap(envoy);
    }
}

#[test]
fn hostile_answers() {
    let long = format!(
        r#"{{"active":true,"sub":"ann","x":"{}"}}"#,
        "x".repeat(10 << 20)
    );
    let redirect = Does::Answers {
        status: 302,
        headers: vec![("location", "http://evil.example/".to_owned())],
        body: br#"{"active":true,"sub":"ann"}"#.to_vec(),
    };
    let cases: Vec<(&str, Does)> = vec![
        ("HTML", Does::json("<html><body>It works!</body></html>")),
        (
            "active is a text",
            Does::json(r#"{"active":"true","sub":"ann"}"#),
        ),
        ("a list", Does::json(r#"[{"active":true,"sub":"ann"}]"#)),
        (
            "twice",
            Does::json(r#"{"active":true,"active":true,"sub":"ann"}"#),
        ),
        ("nothing", Does::json("")),
        ("nested", Does::json(&"[".repeat(60_000))),
        ("10 MB", Does::json(&long)),
        ("a redirect", redirect),
        ("no content", Does::status(204)),
        ("unauthorized", Does::status(401)),
        ("500", Does::status(500)),
        (
            "no HTTP",
            Does::Writes(b"\0\xff\xfe garbage \r\n\r\n".to_vec()),
        ),
        (
            "half an answer",
            Does::Writes(
                b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"active\":true,".to_vec(),
            ),
        ),
        (
            "a header that is not UTF-8",
            // Or else the next one may be sent on the connection before Envoy sees that it is cut.
            Does::Writes(
                b"HTTP/1.1 200 OK\r\nx: \xff\xfe\r\nconnection: close\r\ncontent-length: 2\r\n\r\n[]".to_vec(),
            ),
        ),
    ];
    let (echo, service) = (Echo::start(), Service::start(knows));
    let envoy = config(&echo, 1, INTROSPECTION, Some(service.address())).start();
    let count = cases.len() as u64;
    for (name, does) in cases {
        service.now(move |_| does.clone());
        let response = bearer(&envoy, "/", "ann");
        assert_eq!(response.status, 503, "{name}: {}", response.text());
    }
    assert_eq!(denied(&envoy, "introspection_failed"), count);
    service.now(knows);
    assert_eq!(bearer(&envoy, "/", "ann").status, 200);
    no_trap(&envoy);
}

#[test]
fn clients_that_leave_while_they_wait() {
    let service = Service::start(|asked| {
        Does::AnswersAfter(Duration::from_millis(700), Box::new(knows(asked)))
    });
    let echo = Echo::start();
    let envoy = config(&echo, 1, INTROSPECTION, Some(service.address())).start();
    let address = envoy.request("GET", "/").to();
    for round in 0..3 {
        let connections: Vec<TcpStream> = (0..20)
            .map(|index| {
                let mut connection = TcpStream::connect(address).expect("a connection");
                let token = if index == 0 {
                    "ann".to_owned()
                } else {
                    format!("t{round}-{index}")
                };
                let request =
                    format!("GET / HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n");
                connection
                    .write_all(request.as_bytes())
                    .expect("it is sent");
                connection
            })
            .collect();
        // Of "ann" it is known from the first round on who that is.
        service.await_asked(if round == 0 { 20 } else { 19 });
        drop(connections);
        envoy.await_stat("http.auth.downstream_rq_active", 0);
        // What they waited for comes, and is remembered.
        envoy.await_stat("cluster.service.upstream_rq_active", 0);
        service.take_asked();
        assert_eq!(bearer(&envoy, "/", "ann").status, 200);
        assert_eq!(service.take_asked().len(), 0);
    }
    assert_eq!(counted(&envoy, "callouts"), 1 + 3 * 19);
    no_trap(&envoy);
}

#[test]
fn a_body_waits_with_its_request() {
    let service = Service::start(|asked| {
        Does::AnswersAfter(Duration::from_millis(300), Box::new(knows(asked)))
    });
    let echo = Echo::start();
    for allow in [false, true] {
        let envoy =
            config(&echo, 1, INTROSPECTION, Some(service.address()))
                .edit(|root| {
                    let filter = &mut root["static_resources"]["listeners"][0]["filter_chains"][0]
                        ["filters"][0]["typed_config"]["http_filters"][0]["typed_config"]["config"];
                    filter["allow_on_headers_stop_iteration"] = json!(allow);
                })
                .start();
        for (token, status) in [("ann", 200), ("nobody", 401)] {
            // Over the limit of what Envoy holds, a megabyte, it would be 413.
            for size in [1, 64 << 10, (1 << 20) - 1024] {
                let token = format!("Bearer {token}");
                let request = envoy.request("POST", "/").header("authorization", token);
                let response = request.body("b".repeat(size)).send();
                assert_eq!(
                    response.status,
                    status,
                    "{allow} {size}: {}",
                    response.text()
                );
                if status == 200 {
                    assert_eq!(response.echoed().body.len(), size, "{allow}");
                }
            }
        }
        no_trap(&envoy);
    }
}

const DECISIONS: &str = "
providers:
  opa:
    ext_authz:
      cluster: service
      path_prefix: /check
      timeout: 20s
      headers: {send: [authorization, cookie], add: {x-gateway: edge}, to_upstream: [x-user]}
      consumer: {header: x-user}
      cache: {ttl: 1h, negative_ttl: 1h}
rules:
- {match: {path: {prefix: /public}}, allow: anonymous}
- {require: opa}
";

/// A decision service: it goes by the path.
fn decides(asked: &Asked) -> Does {
    let answer = |status, headers: Vec<(&'static str, String)>, body: &str| Does::Answers {
        status,
        headers,
        body: body.as_bytes().to_vec(),
    };
    let user = asked
        .header("authorization")
        .first()
        .copied()
        .unwrap_or("nobody")
        .to_owned();
    match asked.path.as_str() {
        "/check/no" => answer(
            402,
            vec![
                ("www-authenticate", "Pay".to_owned()),
                ("x-secret", "1".to_owned()),
                ("content-type", "text/plain".to_owned()),
            ],
            "no money",
        ),
        "/check/login" => answer(
            302,
            vec![("location", "https://login.example/".to_owned())],
            "",
        ),
        "/check/broken" => Does::status(500),
        "/check/once" => answer(
            200,
            vec![("x-user", user), ("cache-control", "no-store".to_owned())],
            "",
        ),
        "/check/unnamed" => Does::status(200),
        _ => answer(200, vec![("x-user", user)], ""),
    }
}

#[test]
fn decisions() {
    let (echo, service) = (Echo::start(), Service::start(decides));
    let envoy = config(&echo, 1, DECISIONS, Some(service.address())).start();
    let response = envoy
        .request("POST", "/a//b?c=%41")
        .header("authorization", "ann")
        .header("cookie", "a=1")
        .header("x-user", "forged")
        .header("x_user", "forged")
        .header("x-other", "1")
        .body("body")
        .send();
    let echoed = response.echoed();
    assert_eq!(echoed.header("x-user"), ["ann"]);
    assert_eq!(echoed.header("x_user"), [""; 0]);
    assert_eq!(
        (echoed.body.as_str(), echoed.path.as_str()),
        ("body", "/a/b?c=%41")
    );
    let asked = service.take_asked();
    assert_eq!(asked.len(), 1);
    let asked = &asked[0];
    // As it goes upstream: Envoy merged the slashes before.
    assert_eq!(
        (asked.method.as_str(), asked.path.as_str()),
        ("POST", "/check/a/b?c=%41")
    );
    for (header, expected) in [
        ("host", &["gatehouse.test"][..]),
        ("authorization", &["ann"]),
        ("cookie", &["a=1"]),
        ("content-length", &["0"]),
        ("x-gateway", &["edge"]),
        ("x-user", &[]),
        ("x-other", &[]),
    ] {
        assert_eq!(asked.header(header), expected, "{header}");
    }
    assert_eq!(asked.body, "");

    let public = envoy
        .request("GET", "/public")
        .header("x-user", "forged")
        .send();
    assert_eq!(public.echoed().header("x-user"), [""; 0]);

    let no = envoy.get("/no");
    assert_eq!((no.status, no.text().as_str()), (402, "no money"));
    assert_eq!(no.header("www-authenticate"), ["Pay"]);
    assert_eq!(no.header("content-type"), ["text/plain"]);
    assert_eq!(no.header("x-secret"), [""; 0]);
    let login = envoy.get("/login");
    assert_eq!(
        (login.status, login.header("location")),
        (302, vec!["https://login.example/".to_owned()])
    );
    for path in ["/broken", "/unnamed"] {
        assert_eq!(envoy.get(path).status, 503, "{path}");
    }
    assert_eq!(denied(&envoy, "decision_denied"), 2);
    assert_eq!(denied(&envoy, "decision_failed"), 2);
    no_trap(&envoy);
}

#[test]
fn decisions_are_remembered() {
    let (echo, service) = (Echo::start(), Service::start(decides));
    let envoy = config(&echo, 4, DECISIONS, Some(service.address())).start();
    let outcome = load::run(600, 16, |index| {
        let path = ["/yes", "/no", "/yes?a"][index % 3];
        envoy
            .request("GET", path)
            .header("authorization", ["ann", "bob"][index / 3 % 2])
    });
    assert_eq!(
        (outcome.count(200), outcome.count(402), outcome.failed),
        (400, 200, 0)
    );
    // Six keys, four workers.
    let asked = service.take_asked().len();
    assert!((6..=24).contains(&asked), "{asked}");
    for user in ["ann", "bob"] {
        let response = envoy
            .request("GET", "/yes")
            .header("authorization", user)
            .send();
        assert_eq!(response.echoed().header("x-user"), [user]);
    }
    service.take_asked();
    for _ in 0..10 {
        assert_eq!(envoy.get("/once").status, 200);
    }
    assert_eq!(service.take_asked().len(), 10);
    no_trap(&envoy);
}

#[test]
fn no_decision() {
    let (echo, service) = (Echo::start(), Service::start(|_| Does::Hangs));
    let allow = DECISIONS.replace(
        "path_prefix: /check",
        "path_prefix: /check\n      on_error: allow",
    );
    for (plugin, status) in [(DECISIONS, 503), (&allow, 200)] {
        let errors = u64::from(status == 200);
        let short = plugin.replace("timeout: 20s", "timeout: 300ms");
        let hung = config(&echo, 1, &short, Some(service.address())).start();
        service.now(|_| Does::Hangs);
        assert_eq!(hung.get("/").status, status, "hung");
        assert_eq!(counted(&hung, "errors_allowed"), errors);

        let envoy = config(&echo, 1, plugin, Some(service.address())).start();
        service.now(|_| Does::Cuts);
        assert_eq!(envoy.get("/").status, status, "cut");
        service.now(decides);
        assert_eq!(envoy.get("/no").status, 402, "a no is a no");
        assert_eq!(counted(&envoy, "errors_allowed"), errors);

        let nowhere = config(&echo, 1, plugin, None).start();
        assert_eq!(nowhere.get("/").status, status, "no healthy host");
        for envoy in [&hung, &envoy, &nowhere] {
            no_trap(envoy);
        }
    }
}

/// How long a body takes is the client's choice, and must not be what a service would have to be down for.
#[test]
fn a_slow_body_is_no_service_that_is_down() {
    const HOOKS: &str = "
providers:
  hook: {hmac: {scheme: github, keys: [{consumer: hub, secret: '${env:DEV_KEY}'}], body: {timeout: 1s}}}
  opa: {ext_authz: {cluster: service, path_prefix: /check, timeout: 20s, on_error: allow}}
rules: [{require: {any_of: [hook, opa]}}]
forward: {consumer_header: x-consumer}
";
    let (echo, service) = (Echo::start(), Service::start(decides));
    let envoy = config(&echo, 1, HOOKS, Some(service.address()))
        .edit(|root| {
            let listener = &mut root["static_resources"]["listeners"][0];
            let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
            let plugin = &mut manager["http_filters"][0]["typed_config"]["config"];
            plugin["allow_on_headers_stop_iteration"] = json!(true);
        })
        .start();
    for (path, status) in [("/no", "503"), ("/yes", "200")] {
        let mut client = TcpStream::connect(envoy.request("GET", "/").to()).unwrap();
        client
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let signature = "0".repeat(64);
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 4\r\n\
             x-hub-signature-256: sha256={signature}\r\n\r\n"
        );
        client.write_all(head.as_bytes()).unwrap();
        // Not before the second for the body is over.
        service.await_asked(1);
        client.write_all(b"late").unwrap();
        let mut answer = String::new();
        let _ = client.read_to_string(&mut answer);
        assert_eq!(answer.split(' ').nth(1), Some(status), "{path}: {answer}");
        let asked = service.take_asked();
        let paths: Vec<&str> = asked.iter().map(|asked| asked.path.as_str()).collect();
        assert_eq!(paths, [format!("/check{path}")]);
    }
    assert_eq!(denied(&envoy, "wait_timeout"), 1);
    let allowed = envoy.stat("wasmcustom.gatehouse.auth.errors_allowed.provider.opa");
    assert_eq!(allowed, 0);
    no_trap(&envoy);
}

/// Rules with `when` in the gateway, for tokens that have to be asked about and for those that need not be: what
/// becomes of a request must not depend on who asked before.
#[test]
fn expressions_of_the_gateway_after_a_wait() {
    let (echo, service) = (Echo::start(), Service::start(knows));
    let envoy = |limit: &str, rule: &str| {
        let auth = INTROSPECTION.replace('\n', "\n    ");
        let auth = auth.replace(
            "- {require: opaque}",
            "- {match: {when: \"request.method == 'GET'\"}, require: opaque}",
        );
        let plugin = format!(
            "
filters:
- auth:
    {auth}
- rate_limit:
    limits: [{{name: all, match: {{when: \"{limit}\"}}, key: [{{header: x-key}}], rate: 1/1h, if_absent: skip}}]
    response_headers: none
- headers:
    rules:
    - match: {{when: \"{rule}\"}}
      request: [{{remove: x-secret}}, {{set: {{name: x-rule, value: one}}}}]
    - request: [{{set: {{name: x-rule, value: two}}}}]
"
        );
        let service = Some(service.address());
        config_of("envoy/gateway.yaml", &echo, 1, &plugin, service).start()
    };
    let send = |envoy: &Envoy, key: &str| {
        let request = envoy.request("GET", "/").header("x-secret", "1");
        request
            .header("authorization", "Bearer ann")
            .header("x-consumer", "root")
            .header("x-key", key)
            .send()
    };
    const GET: &str = "request.method == 'GET'";
    let cases = [
        (
            "what no filter changes",
            GET,
            "'x-secret' in request.headers",
            [200, 200, 429],
        ),
        (
            "who the client says it is, for a limit",
            "request.headers['x-consumer'] == 'root'",
            GET,
            [503, 200, 200],
        ),
        (
            "the same for headers",
            GET,
            "request.headers['x-consumer'] == 'root'",
            [500, 200, 429],
        ),
    ];
    for (name, limit, rule, expected) in cases {
        let envoy = envoy(limit, rule);
        // The first has to wait. What it is charged, the others find charged.
        let answers = [send(&envoy, "a"), send(&envoy, "b"), send(&envoy, "b")];
        let statuses = answers.each_ref().map(|answer| answer.status);
        assert_eq!(statuses, expected, "{name}");
        let waited = answers.first().expect("an answer");
        if waited.status == 200 {
            assert_eq!(
                send(&envoy, "a").status,
                429,
                "{name}: the limit was charged"
            );
            assert_eq!(waited.echoed().header("x-rule"), ["one"], "{name}");
            assert_eq!(waited.echoed().header("x-secret"), [""; 0], "{name}");
        }
        service.take_asked();
    }
}
