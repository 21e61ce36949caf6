//! The presets and the CORS of the headers filter on stock Envoy.

use gatehouse_integration::{Config, Echo, Envoy, Response};

const FILE: &str = "envoy/headers.yaml";

fn envoy(echo: &Echo, plugin: &str) -> Envoy {
    Config::load(FILE).upstream(echo).plugin(plugin).start()
}

fn sent_on(response: &Response, name: &str) -> Vec<String> {
    let echoed = response.echoed();
    echoed.header(name).into_iter().map(str::to_owned).collect()
}

#[test]
fn presets() {
    let echo = Echo::start();
    let plugin = r#"
rules:
- request:
  - preset: strip_internal
  - preset: trace_context
  - preset: {request_id: {header: x-correlation-id, version: v7}}
  response:
  - preset: strip_internal
  - when: {headers: [{name: content-type, prefix: application/json}]}
    preset: {security_headers: {strict_transport_security: "max-age=60", x_frame_options: false}}
"#;
    let envoy = envoy(&echo, plugin);
    let response = envoy
        .request("GET", "/")
        .header("x-internal-role", "admin")
        .header("x-original-url", "/admin")
        .header("x-http-method-override", "DELETE")
        .header("traceparent", "00-zz-1-1")
        .header("tracestate", "a=1")
        .header("x-correlation-id", "a b")
        .header("x-echo-set-x-powered-by", "php")
        .header("x-echo-set-x-internal-host", "10.0.0.1")
        .header("x-echo-set-referrer-policy", "unsafe-url")
        .send();
    for gone in [
        "x-internal-role",
        "x-original-url",
        "x-http-method-override",
        "tracestate",
    ] {
        assert_eq!(sent_on(&response, gone), [""; 0], "{gone}");
    }
    for gone in [
        "x-powered-by",
        "x-internal-host",
        "x-frame-options",
        "x-envoy-upstream-service-time",
    ] {
        assert_eq!(response.header(gone), [""; 0], "{gone}");
    }
    let trace = sent_on(&response, "traceparent");
    assert_eq!((trace.len(), trace[0].len()), (1, 55), "{trace:?}");
    assert!(
        trace[0].starts_with("00-") && trace[0].ends_with("-01"),
        "{trace:?}"
    );
    let id = sent_on(&response, "x-correlation-id");
    assert_eq!(
        (id.len(), id[0].len(), &id[0][14..15]),
        (1, 36, "7"),
        "{id:?}"
    );
    assert_eq!(response.header("strict-transport-security"), ["max-age=60"]);
    assert_eq!(response.header("x-content-type-options"), ["nosniff"]);
    assert_eq!(response.header("referrer-policy"), ["unsafe-url"]);

    let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    let response = envoy
        .request("GET", "/")
        .header("traceparent", good)
        .header("tracestate", "a=1")
        .header("x-correlation-id", "mine-1")
        .send();
    assert_eq!(sent_on(&response, "traceparent"), [good]);
    assert_eq!(sent_on(&response, "tracestate"), ["a=1"]);
    assert_eq!(sent_on(&response, "x-correlation-id"), ["mine-1"]);
    assert_ne!(sent_on(&envoy.get("/"), "traceparent"), trace);
}

const CORS: &str = r#"
rules:
- match: {path: {prefix: /api}}
  cors:
    origins: ["https://app.example.com", "https://*.shop.test"]
    methods: [GET, PUT]
    headers: [content-type, x-tenant]
    expose: [x-id]
    credentials: true
    max_age: 10m
  response:
  - set: {name: x-ours, value: "1"}
- match: {path: {prefix: /public}}
  cors: {origins: ["*"]}
"#;

#[test]
fn preflights_are_answered_here() {
    let echo = Echo::start();
    let envoy = envoy(&echo, CORS);
    let preflight = |path: &str, origin: &str| {
        envoy
            .request("OPTIONS", path)
            .header("origin", origin)
            .header("access-control-request-method", "PUT")
            .header("access-control-request-headers", "x-tenant")
            .send()
    };
    let allowed = preflight("/api/a", "https://app.example.com");
    assert_eq!((allowed.status, allowed.body.len()), (204, 0));
    for (name, expected) in [
        ("access-control-allow-origin", "https://app.example.com"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "GET, PUT"),
        ("access-control-allow-headers", "content-type, x-tenant"),
        ("access-control-max-age", "600"),
        (
            "vary",
            "origin, access-control-request-method, access-control-request-headers",
        ),
        // It is a response of this rule, too.
        ("x-ours", "1"),
    ] {
        assert_eq!(allowed.header(name), [expected], "{name}");
    }
    for origin in [
        "https://evil.test",
        "https://evilapp.example.com",
        "https://app.example.com.evil.test",
        "http://app.example.com",
        "https://shop.test",
        "https://evilshop.test",
        "null",
    ] {
        let refused = preflight("/api/a", origin);
        assert_eq!(refused.status, 403, "{origin}");
        let allows: Vec<_> = refused
            .headers
            .iter()
            .filter(|(name, _)| name.starts_with("access-control-"))
            .collect();
        assert_eq!(allows, [] as [&(String, Vec<u8>); 0], "{origin}");
    }
    assert_eq!(preflight("/api/a", "https://a.shop.test").status, 204);
    let any = preflight("/public", "https://evil.test");
    assert_eq!(any.header("access-control-allow-origin"), ["*"]);
    assert_eq!(any.header("access-control-allow-credentials"), [""; 0]);
    // Where no rule has a cors, a preflight is a request like others.
    assert_eq!(
        preflight("/else", "https://evil.test").echoed().method,
        "OPTIONS"
    );
    assert_eq!(
        envoy.stat("wasmcustom.gatehouse.headers.cors_preflights"),
        10
    );
    assert_eq!(
        envoy.stat("wasmcustom.gatehouse.headers.cors_refused_preflights"),
        7
    );
}

#[test]
fn responses_name_the_origin_that_may_read_them() {
    let echo = Echo::start();
    let envoy = envoy(&echo, CORS);
    let get = |path: &str, origins: &[&str]| {
        let request = envoy
            .request("GET", path)
            .header(
                "x-echo-set-access-control-allow-origin",
                "https://evil.test",
            )
            .header("x-echo-set-access-control-allow-credentials", "true")
            .header("x-echo-set-vary", "accept-encoding");
        let with = |request: gatehouse_integration::Request, origin: &&str| {
            request.header("origin", origin)
        };
        origins.iter().fold(request, with).send()
    };
    let app = get("/api/a", &["https://app.example.com"]);
    assert_eq!(
        app.header("access-control-allow-origin"),
        ["https://app.example.com"]
    );
    assert_eq!(app.header("access-control-allow-credentials"), ["true"]);
    assert_eq!(app.header("access-control-expose-headers"), ["x-id"]);
    assert_eq!(
        app.header("vary").join(",").replace(' ', ""),
        "accept-encoding,origin"
    );
    for origins in [
        &["https://evil.test"][..],
        &["https://app.example.com", "https://app.example.com"],
        &["https://app.example.com, https://evil.test"],
        &["null"],
        &[],
    ] {
        let response = get("/api/a", origins);
        assert_eq!(response.status, 200, "{origins:?}");
        assert_eq!(
            response.header("access-control-allow-origin"),
            [""; 0],
            "{origins:?}"
        );
        assert_eq!(
            response.header("access-control-allow-credentials"),
            [""; 0],
            "{origins:?}"
        );
        assert_eq!(
            response.header("vary").join(",").replace(' ', ""),
            "accept-encoding,origin"
        );
    }
    let any = get("/public", &["https://evil.test"]);
    assert_eq!(any.header("access-control-allow-origin"), ["*"]);
    assert_eq!(any.header("access-control-allow-credentials"), [""; 0]);
    assert_eq!(any.header("vary"), ["accept-encoding"]);
}

#[test]
fn conditions_on_the_request_and_its_response() {
    let echo = Echo::start();
    let plugin = r#"
rules:
- request:
  - when: {request: {methods: [PUT, POST]}}
    set: {name: x-writes, value: "1"}
  response:
  - when: {status: [404, 500-504], request: {path: {prefix: /api}}}
    set: {name: cache-control, value: no-store}
  - when: {headers: [{name: x-debug, present: true}], request: {not: {client_ip: [10.0.0.0/8]}}}
    remove: x-debug
"#;
    let envoy = envoy(&echo, plugin);
    let send = |method: &str, path: &str, status: &str| {
        envoy
            .request(method, path)
            .header("x-echo-status", status)
            .header("x-echo-set-x-debug", "1")
            .send()
    };
    let cases = [
        ("GET", "/api/a", "503", false, true),
        ("GET", "/api/a", "404", false, true),
        ("GET", "/api/a", "505", false, false),
        ("PUT", "/a", "503", true, false),
    ];
    for (method, path, status, writes, no_store) in cases {
        let response = send(method, path, status);
        assert_eq!(
            sent_on(&response, "x-writes").len() == 1,
            writes,
            "{method} {path}"
        );
        assert_eq!(
            response.header("cache-control").len() == 1,
            no_store,
            "{method} {path} {status}"
        );
        assert_eq!(response.header("x-debug"), [""; 0]);
    }
}
