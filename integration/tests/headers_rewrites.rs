//! The headers filter on stock Envoy: paths, queries, hosts, cookies, locations and trailers, as the upstream and the
//! client see them.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use gatehouse_integration::{Config, Echo, Envoy, Response, envoy_version, load};
use serde_json::{Value, json};

const FILE: &str = "envoy/headers.yaml";

fn envoy(echo: &Echo, plugin: &str) -> Envoy {
    Config::load(FILE).upstream(echo).plugin(plugin).start()
}

fn sent_on(response: &Response, name: &str) -> Vec<String> {
    let echoed = response.echoed();
    echoed.header(name).into_iter().map(str::to_owned).collect()
}

#[test]
fn paths_queries_and_hosts() {
    let echo = Echo::start();
    let plugin = r#"
rules:
- match: {path: {template: "/v1/users/{id}"}}
  request:
  - path: {with: "/internal/users/${path.id}/profile"}
  - query: {set: {name: v, value: "a b&c"}}
  - query: {remove: {prefix: utm_}}
  - query: {rename: {from: q, to: search}}
  - host: {with: "${path.id}.internal.test:8443"}
- match: {path: {template: "/files/{rest=**}"}}
  request:
  - path: {with: "/store/${path.rest}"}
- match: {path: {prefix: /api}}
  request:
  - path: {prefix: /api, with: /}
- match: {path: {regex: "/v[0-9]+/.*"}}
  request:
  - path: {regex: "^/v([0-9]+)/(.*)$", with: "/$2/v$1"}
"#;
    let envoy = envoy(&echo, plugin);
    // Older versions leave them, and no rule matches what can be read in two ways.
    let dots_with_parameters = match envoy_version() < (1, 39) {
        true => "/api/..;/a",
        false => "/a",
    };
    let cases: [(&str, u16, &str); 14] = [
        (
            "/v1/users/ann",
            200,
            "/internal/users/ann/profile?v=a%20b%26c",
        ),
        (
            "/v1/users/ann?utm_a=1&q=%zz&v=9&x=+",
            200,
            "/internal/users/ann/profile?search=%zz&x=+&v=a%20b%26c",
        ),
        ("/files/a/b%20c?d", 200, "/store/a/b%20c?d"),
        ("/files/a%3Fb", 200, "/store/a%3Fb"),
        ("/files/%252e%252e/a", 200, "/store/%252e%252e/a"),
        ("/files/a%0d%0ab", 400, ""),
        ("/api/a?b=c", 200, "/a?b=c"),
        ("/api", 200, "/"),
        // Envoy resolves these before any filter, and no rule matches what remains.
        ("/api/%2e%2e/a", 200, "/a"),
        ("/api/..;/a", 200, dots_with_parameters),
        ("/v3/a/b?c", 200, "/a/b/v3?c"),
        // These it leaves; the rule matches the normal form.
        ("/v3/..%2fv4/b", 400, ""),
        ("/api/x%2f..%2fa", 400, ""),
        ("/v1/users/a.b", 400, ""),
    ];
    for (path, status, expected) in cases {
        let response = envoy.get(path);
        assert_eq!(response.status, status, "{path}");
        match status {
            200 => assert_eq!(response.echoed().path, expected, "{path}"),
            _ => assert_eq!(response.body.len(), 0, "{path}"),
        }
    }
    assert_eq!(
        sent_on(&envoy.get("/v1/users/ann"), "host"),
        ["ann.internal.test:8443"]
    );
    assert_eq!(
        envoy.stat("wasmcustom.gatehouse.headers.denied_requests"),
        4
    );
    let log = envoy.await_log("denied=headers.", 4);
    let reasons = |reason: &str| log.iter().filter(|line| line.contains(reason)).count();
    assert_eq!(reasons("denied=headers.path_unsafe"), 3, "{log:?}");
    assert_eq!(reasons("denied=headers.host_unsafe"), 1, "{log:?}");
}

#[test]
fn cookies() {
    let echo = Echo::start();
    let plugin = r#"
rules:
- request:
  - cookie: {remove: tracking}
  - cookie: {remove: {prefix: _ga}}
  - cookie: {set: {name: tenant, value: "${request.header.x-tenant}"}}
  response:
  - cookie: {name: session, secure: true, http_only: true, same_site: lax, domain: {from: internal.test, to: example.com}}
  - cookie: {prefix: app_, path: {from: /app, to: /}, max_age: 1h}
"#;
    let envoy = envoy(&echo, plugin);
    let response = envoy
        .request("GET", "/")
        .header("cookie", "a=1; tracking=2; _ga_x=\"; tenant=root\"; b=3")
        .header("cookie", "tenant=root; c=\"4\"")
        .header("x-tenant", "acme; admin=1")
        .header(
            "x-echo-set-set-cookie",
            "session=1; Domain=internal.test; secure",
        )
        .header(
            "x-echo-set-set-cookie",
            "app_x=2; Path=/app/y; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        )
        .header("x-echo-set-set-cookie", "other=3; Domain=internal.test")
        .send();
    let cookies = sent_on(&response, "cookie").join("; ");
    assert_eq!(cookies, "a=1; b=3; c=\"4\"; tenant=acme%3B%20admin=1");
    assert_eq!(
        response.header("set-cookie"),
        [
            "session=1; Domain=example.com; secure; SameSite=Lax; HttpOnly",
            "app_x=2; Path=/y; Max-Age=3600",
            "other=3; Domain=internal.test",
        ]
    );
}

#[test]
fn locations() {
    let echo = Echo::start();
    let plugin = r#"
rules:
- match: {path: {exact: /set}}
  response:
  - when: {status: 401}
    location: {with: "https://login.test/?next=${path}&x=${request.header.x-in}"}
- response:
  - location: {hosts: [internal.test], scheme: https, host: "${host}", path: {from: /app, to: /}}
"#;
    let envoy = envoy(&echo, plugin);
    for (given, expected) in [
        (
            "http://internal.test:8080/app/a?b",
            "https://gatehouse.test/a?b",
        ),
        ("//internal.test/app", "https://gatehouse.test/"),
        ("/app/a", "/a"),
        (
            "http://internal.test.evil/app/a",
            "http://internal.test.evil/app/a",
        ),
        (
            "http://internal.test@evil/app/a",
            "http://internal.test@evil/app/a",
        ),
    ] {
        let response = envoy
            .request("GET", "/")
            .header("x-echo-status", "302")
            .header("x-echo-set-location", given)
            .send();
        assert_eq!(response.header("location"), [expected], "{given}");
    }
    let response = envoy
        .request("GET", "/set")
        .header("x-echo-status", "401")
        .header("x-in", "&evil=1#//")
        .send();
    assert_eq!(
        response.header("location"),
        ["https://login.test/?next=%2Fset&x=%26evil%3D1%23%2F%2F"]
    );
}

/// An upstream that answers one request with trailers, and says what it got.
fn with_trailers() -> (SocketAddr, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let serve = move || {
        let (mut stream, _) = listener.accept().expect("Envoy connects");
        let mut received = Vec::new();
        let mut piece = [0; 4096];
        // The end of the trailers.
        while !received.ends_with(b"\r\n\r\n")
            || !received.windows(5).any(|five| five == b"\r\n0\r\n")
        {
            let length = stream.read(&mut piece).expect("a request");
            assert!(length > 0, "the request broke off");
            received.extend_from_slice(&piece[..length]);
        }
        let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-old\r\n\r\n2\r\nok\r\n0\r\n\
                      x-old: 1\r\nx-code: 2\r\nx-internal-a: 1\r\n\r\n";
        stream.write_all(answer.as_bytes()).expect("Envoy reads");
        String::from_utf8_lossy(&received).into_owned()
    };
    (address, std::thread::spawn(serve))
}

fn trailers_enabled(root: &mut Value) {
    let chain = &mut root["static_resources"]["listeners"][0]["filter_chains"][0];
    chain["filters"][0]["typed_config"]["http_protocol_options"] = json!({"enable_trailers": true});
    let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    root["static_resources"]["clusters"][0]["typed_extension_protocol_options"] = json!({options: {
        "@type": format!("type.googleapis.com/{options}"),
        "explicit_http_config": {"http_protocol_options": {"enable_trailers": true}},
    }});
}

#[test]
fn trailers_of_both_sides() {
    let plugin = r#"
rules:
- match: {path: {template: "/users/{id}"}}
  request: [{path: {with: /u}}]
  request_trailers:
  - set: {name: x-id, value: "${path.id}"}
  - remove: {prefix: x-internal-}
  response_trailers:
  - rename: {from: x-old, to: x-new}
  - map: {name: x-code, values: {"2": "13"}}
  - remove: {prefix: x-internal-}
  - when: {request: {methods: [POST]}}
    set: {name: x-posted, value: "${path.id}"}
"#;
    let (upstream, served) = with_trailers();
    let envoy = Config::load(FILE)
        .endpoint(18080, upstream)
        .plugin(plugin)
        .edit(trailers_enabled)
        .start();
    let mut client = TcpStream::connect(envoy.address()).expect("Envoy listens");
    let request = "POST /users/7 HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n\
                   2\r\nhi\r\n0\r\nx-id: spoofed\r\nx-internal-role: admin\r\nx-kept: 1\r\n\r\n";
    client.write_all(request.as_bytes()).expect("Envoy reads");
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("an answer");
    let (_, trailers) = answer.split_once("\r\n0\r\n").expect("trailers");
    let mut trailers: Vec<&str> = trailers
        .split("\r\n")
        .filter(|line| !line.is_empty())
        .collect();
    trailers.sort_unstable();
    assert_eq!(
        trailers,
        ["x-code: 13", "x-new: 1", "x-posted: 7"],
        "{answer}"
    );

    let received = served.join().expect("it was served");
    assert!(received.starts_with("POST /u HTTP/1.1\r\n"), "{received}");
    let (_, trailers) = received.split_once("\r\n0\r\n").expect("trailers");
    let mut trailers: Vec<&str> = trailers
        .split("\r\n")
        .filter(|line| !line.is_empty())
        .collect();
    trailers.sort_unstable();
    assert_eq!(trailers, ["x-id: 7", "x-kept: 1"], "{received}");
}

#[test]
fn no_request_ends_a_worker() {
    let echo = Echo::start();
    let plugin = r#"
rules:
- match: {path: {template: "/{id}/{rest=**}"}}
  request:
  - path: {with: "/x/${path.id}/${path.rest}"}
  - query: {set: {name: a, value: "${request.header.x-bytes}"}}
  - query: {rename: {from: b, to: c}}
  - cookie: {set: {name: s, value: "${request.header.x-bytes | lower | truncate(3)}"}}
  - cookie: {remove: t}
  - host: {with: "${path.id}.test"}
  - dedupe: x-many
  - map: {name: x-mapped, from: x-bytes, values: {a: b}, default: c}
  - preset: trace_context
  - preset: request_id
  - preset: strip_internal
  response:
  - cookie: {secure: true, path: {from: /a, to: /b}}
  - location: {hosts: [internal.test], host: "${request.header.x-bytes}"}
  - preset: security_headers
  cors: {origins: ["https://*.example.com"], credentials: true}
"#;
    let envoy = Config::load(FILE)
        .upstream(&echo)
        .plugin(plugin)
        .workers(4)
        .start();
    let strange: [&[u8]; 6] = [
        b"\xff\xfe\x80",
        b"a;b=\"c",
        b"https://\xff.example.com",
        b"=;=;==",
        b"//",
        b"",
    ];
    let outcome = load::run(2_000, 16, |index| {
        let value = strange[index % strange.len()];
        let path = [
            "/a/b?b=%&&=&c",
            "/a%00/b",
            "/%2e%2e/..",
            "/a/%ff/",
            "/a//b;c",
        ][index % 5];
        (0..index % 40)
            .fold(envoy.request("GET", path), |request, many| {
                request.header("x-many", (many % 7).to_string())
            })
            .header("x-bytes", value)
            .header("cookie", value)
            .header("origin", value)
            .header("traceparent", value)
            .header("x-echo-set-set-cookie", value)
            .header("x-echo-set-location", value)
    });
    assert_eq!(outcome.failed, 0);
    let answered: usize = outcome.statuses.values().sum();
    assert_eq!(answered, 2_000);
    for status in outcome.statuses.keys() {
        assert!(matches!(status, 200 | 400), "{:?}", outcome.statuses);
    }
    let stats = envoy.stats();
    let reloads: Vec<_> = stats
        .iter()
        .filter(|(name, value)| name.contains("vm_reload") && **value > 0)
        .collect();
    assert_eq!(reloads, []);
}
