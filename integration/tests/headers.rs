//! The headers filter on stock Envoy: what the upstream and the client see, in bytes.

use gatehouse_integration::http::Connection;
use gatehouse_integration::upgrade::{self, Upgrade};
use gatehouse_integration::{Config, Echo, Envoy, Response, Update, config, load, repository};
use serde_json::{Value, json};

const FILE: &str = "envoy/headers.yaml";

fn envoy(echo: &Echo, plugin: &str) -> Envoy {
    Config::load(FILE).upstream(echo).plugin(plugin).start()
}

fn http_filters(root: &mut Value) -> &mut Vec<Value> {
    let chain = &mut root["static_resources"]["listeners"][0]["filter_chains"][0];
    chain["filters"][0]["typed_config"]["http_filters"]
        .as_array_mut()
        .expect("a list of filters")
}

/// The values that the upstream got, with escapes for bytes that are not UTF-8.
fn sent_on(response: &Response, name: &str) -> Vec<String> {
    let echoed = response.echoed();
    echoed.header(name).into_iter().map(str::to_owned).collect()
}

#[test]
fn the_bootstrap_does_what_it_says() {
    let echo = Echo::start();
    let envoy = Config::load(FILE).upstream(&echo).start();
    let response = envoy
        .request("GET", "/v1/users/ann%20b?x=1")
        .header("x-user-id", "spoofed")
        .header("x-internal-role", "admin")
        .header("x-user", "admin")
        .header("referer", "https://a.test/b?c")
        .header("x-echo-set-x-powered-by", "php")
        .send();
    for gone in ["x-internal-role", "x-user"] {
        assert_eq!(sent_on(&response, gone), [""; 0], "{gone}");
    }
    assert_eq!(response.header("x-powered-by"), [""; 0]);
    assert_eq!(sent_on(&response, "x-user-id"), ["ann b"]);
    assert_eq!(sent_on(&response, "referer"), ["a.test"]);
    assert_eq!(sent_on(&response, "via"), [""; 0]);

    let response = envoy
        .request("GET", "/else")
        .header("x-internal-debug", "1")
        .header("X-Internal-Role", "admin")
        .header("x-trace", "t1")
        .header("x-user", "admin")
        .header("x-user", "root")
        .header("x-user-id", "7")
        .header("x-echo-status", "503")
        .header("x-echo-set-x-powered-by", "php")
        .header("x-echo-set-cache-control", "max-age=60")
        .send();
    for gone in [
        "x-internal-debug",
        "x-internal-role",
        "x-trace",
        "x-user",
        "x-user-id",
    ] {
        assert_eq!(sent_on(&response, gone), [""; 0], "{gone}");
    }
    assert_eq!(sent_on(&response, "x-correlation-id"), ["t1"]);
    assert_eq!(sent_on(&response, "via"), ["1.1 gatehouse"]);
    assert_eq!(response.header("x-correlation-id"), ["t1"]);
    assert_eq!(response.header("x-powered-by"), [""; 0]);
    assert_eq!(response.header("cache-control"), ["no-store"]);

    let response = envoy.get("/else");
    let id = sent_on(&response, "x-correlation-id");
    assert_eq!(id.len(), 1);
    assert_eq!(id[0].len(), 36, "{id:?}");
    assert_eq!(response.header("x-correlation-id"), id);
    assert_eq!(envoy.stat("wasmcustom.gatehouse.headers.missing_values"), 3);
}

#[test]
fn operations_on_both_sides() {
    let echo = Echo::start();
    let operations = r#"[
        {set: {name: s, value: "new $$1"}},
        {set: {name: s-absent, value: new, if: absent}},
        {set: {name: s-kept, value: new, if: absent}},
        {set: {name: s-present, value: new, if: present}},
        {set: {name: s-none, value: new, if: present}},
        {append: {name: a, value: last}},
        {append: {name: a-new, value: only}},
        {remove: r}, {remove: {name: r-name}}, {remove: {prefix: rp-}},
        {rename: {from: old, to: new}},
        {replace: {name: p, regex: "^/v1/(.*)$", with: "/v2/$1"}},
        {set: {name: empty, value: ""}}
    ]"#;
    let envoy = envoy(
        &echo,
        &format!("{{rules: [{{request: {operations}, response: {operations}}}]}}"),
    );
    let before = [
        ("s", "1"),
        ("s", "2"),
        ("s-kept", "1"),
        ("s-present", "1"),
        ("a", "1"),
        ("a", "2"),
        ("r", "1"),
        ("r", "2"),
        ("r-name", "1"),
        ("rp-a", "1"),
        ("rp-b", "1"),
        ("rp", "1"),
        ("old", "1"),
        ("old", "2"),
        ("new", "9"),
        ("p", "/v1/a"),
        ("p", "/v3/a"),
        ("p", "/v1/b"),
        ("empty", "1"),
    ];
    let mut request = envoy.request("GET", "/");
    for (name, value) in before {
        request = request
            .header(name, value)
            .header(&format!("x-echo-set-{name}"), value);
    }
    let response = request.send();
    assert_eq!(response.status, 200);
    let after: [(&str, &[&str]); 15] = [
        ("s", &["new $1"]),
        ("s-absent", &["new"]),
        ("s-kept", &["1"]),
        ("s-present", &["new"]),
        ("s-none", &[]),
        ("a", &["1", "2", "last"]),
        ("a-new", &["only"]),
        ("r", &[]),
        ("r-name", &[]),
        ("rp-a", &[]),
        ("rp-b", &[]),
        ("rp", &["1"]),
        ("old", &[]),
        ("new", &["1", "2"]),
        ("empty", &[""]),
    ];
    for (name, expected) in after {
        assert_eq!(sent_on(&response, name), expected, "request {name}");
        assert_eq!(response.header(name), expected, "response {name}");
    }
    assert_eq!(sent_on(&response, "p"), ["/v2/a", "/v3/a", "/v2/b"]);
    assert_eq!(response.header("p"), ["/v2/a", "/v3/a", "/v2/b"]);
}

#[test]
fn variables() {
    let echo = Echo::start();
    let plugin = r#"
rules:
- match: {path: {template: "/users/{id}"}}
  request:
  - set: {name: v-request, value: "${method} ${host} ${path}"}
  - set: {name: v-header, value: "<${request.header.x-in}>"}
  - set: {name: v-address, value: "${client_ip}"}
  - set: {name: v-uuid, value: "${uuid}"}
  - set: {name: v-now, value: "${now}"}
  - set: {name: v-id, value: "${path.id}"}
  - set: {name: v-env, value: "${env:SECRET}"}
  response:
  - set: {name: v-request, value: "${method} ${host} ${path}"}
  - set: {name: v-uuid, value: "${request.header.v-uuid}"}
  - set: {name: v-new-uuid, value: "${uuid}"}
"#;
    let envoy = Config::load(FILE)
        .upstream(&echo)
        .plugin(plugin)
        .edit(|root| {
            let config = &mut http_filters(root)[0]["typed_config"]["config"];
            config["vm_config"]["environment_variables"] = json!({"key_values": {"SECRET": "s3"}});
        })
        .start();
    let response = envoy
        .request("GET", "/users/b%C3%A9?x=y")
        .header("x-in", b"a\xff\xfeb")
        .send();
    assert_eq!(
        sent_on(&response, "v-request"),
        ["GET gatehouse.test /users/b%C3%A9"]
    );
    assert_eq!(sent_on(&response, "v-header"), [r"<a\xff\xfeb>"]);
    assert_eq!(sent_on(&response, "v-address"), ["127.0.0.1"]);
    assert_eq!(sent_on(&response, "v-id"), ["b\u{e9}"]);
    assert_eq!(sent_on(&response, "v-env"), ["s3"]);
    let now = &sent_on(&response, "v-now")[0];
    assert!(
        now.len() == 20 && now.starts_with("20") && now.ends_with('Z'),
        "{now}"
    );
    assert_eq!(
        response.header("v-request"),
        ["GET gatehouse.test /users/b%C3%A9"]
    );
    assert_eq!(response.header("v-uuid"), sent_on(&response, "v-uuid"));
    assert_ne!(response.header("v-new-uuid"), response.header("v-uuid"));
}

#[test]
fn nothing_can_be_smuggled() {
    let echo = Echo::start();
    let plugin = r#"
rules:
- match: {path: {template: "/users/{id}"}}
  request:
  - set: {name: x-id, value: "${path.id}"}
  - append: {name: x-list, value: "${path.id}"}
  - set: {name: x-twice, value: "${request.header.twice}"}
  response:
  - set: {name: x-id, value: "${path.id}"}
"#;
    let envoy = envoy(&echo, plugin);
    let mut unsafe_values = 0;
    for path in [
        "/users/a%0d%0ax-admin:%201",
        "/users/a%0ax-admin:%201",
        "/users/a%0d%0a%0d%0aGET%20*%20HTTP",
        "/users/a%7F",
        "/users/%20a",
    ] {
        let response = envoy
            .request("GET", path)
            .header("x-id", "spoofed")
            .header("x-list", "sent")
            .header("twice", "1")
            .header("twice", "2")
            .header("x-twice", "spoofed")
            .header("x-echo-set-x-id", "upstream")
            .send();
        assert_eq!(response.status, 200, "{path}");
        assert_eq!(sent_on(&response, "x-twice"), [""; 0], "{path}");
        assert_eq!(sent_on(&response, "x-admin"), [""; 0], "{path}");
        assert_eq!(response.header("x-admin"), [""; 0], "{path}");
        assert_eq!(sent_on(&response, "x-id"), [""; 0], "{path}");
        assert_eq!(sent_on(&response, "x-list"), ["sent"], "{path}");
        assert_eq!(response.header("x-id"), [""; 0], "{path}");
        unsafe_values += 3;
    }
    assert_eq!(
        envoy.stat("wasmcustom.gatehouse.headers.unsafe_values"),
        unsafe_values
    );
}

#[test]
fn the_consumer_of_the_module_before() {
    let echo = Echo::start();
    let plugin = r#"
rules:
- request:
  - set: {name: x-user, value: "${consumer.provider}/${consumer.name}"}
  - set: {name: x-plan, value: "${metadata.plan}"}
  - set: {name: x-evil, value: "${metadata.evil}"}
  response:
  - set: {name: x-user, value: "${consumer.name}"}
  - set: {name: x-served-by, value: gatehouse}
"#;
    let auth = json!({
        "providers": {"partners": {"api_key": {
            "from": [{"header": "x-api-key"}],
            "consumers": [{
                "name": "acme", "key": "${env:DEV_KEY}",
                "metadata": {"plan": "gold", "evil": "a\r\nx-admin: 1"},
            }],
        }}},
        "rules": [
            {"match": {"path": {"prefix": "/public"}}, "allow": "anonymous"},
            {"require": {"any_of": ["partners"]}},
        ],
    });
    let file = std::fs::read_to_string(repository().join("envoy/auth.yaml")).expect("auth.yaml");
    let envoy = Config::load(FILE)
        .upstream(&echo)
        .plugin(plugin)
        .edit(|root| {
            let mut filter = http_filters(&mut config::yaml(&file))[0].clone();
            filter["typed_config"]["config"]["configuration"]["value"] = auth;
            http_filters(root).insert(0, filter);
        })
        .env("DEV_KEY", "k1")
        .start();

    let spoof = |path: &str| {
        let request = envoy.request("GET", path).header("x-user", "root");
        request.header("x-plan", "gold").header("x-evil", "1")
    };
    let response = spoof("/").header("x-api-key", "k1").send();
    assert_eq!(sent_on(&response, "x-user"), ["partners/acme"]);
    assert_eq!(sent_on(&response, "x-plan"), ["gold"]);
    assert_eq!(sent_on(&response, "x-evil"), [""; 0]);
    assert_eq!(sent_on(&response, "x-admin"), [""; 0]);
    assert_eq!(response.header("x-user"), ["acme"]);

    let anonymous = spoof("/public").send();
    assert_eq!(anonymous.status, 200);
    for name in ["x-user", "x-plan", "x-evil"] {
        assert_eq!(sent_on(&anonymous, name), [""; 0], "{name}");
    }

    assert_eq!(anonymous.header("x-user"), [""; 0]);
    assert_eq!(anonymous.header("x-served-by"), ["gatehouse"]);

    // Denied before this filter saw it: Envoy does not hand the answer to it. Fused, the same holds.
    let denied = spoof("/").send();
    assert_eq!(denied.status, 401);
    assert_eq!(denied.header("x-served-by"), [""; 0]);
}

#[test]
fn answers_of_envoy_itself_are_responses_too() {
    let echo = Echo::start();
    let plugin = r#"
rules:
- request: [{set: {name: x-a, value: "1"}}]
  response:
  - {when: {status: 503}, set: {name: x-unavailable, value: "${method}"}}
  - {when: {status: [2xx, 404]}, set: {name: x-other, value: "1"}}
"#;
    let nowhere = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
    let refused = Config::load(FILE)
        .endpoint(18080, nowhere)
        .plugin(plugin)
        .start();
    let response = refused.get("/");
    assert_eq!(response.status, 503);
    assert_eq!(response.header("x-unavailable"), ["GET"]);
    assert_eq!(response.header("x-other"), [""; 0]);

    let envoy = envoy(&echo, plugin);
    for (status, name) in [
        ("200", "x-other"),
        ("404", "x-other"),
        ("503", "x-unavailable"),
    ] {
        let response = envoy
            .request("GET", "/")
            .header("x-echo-status", status)
            .send();
        assert_eq!(response.header(name).len(), 1, "{status}");
    }
}

/// Envoy does not hand a wasm filter the answer to a request that the filter never saw.
#[test]
fn an_answer_of_a_filter_before_does_not_come_here() {
    let echo = Echo::start();
    let plugin = "rules: [{response: [{set: {name: x-a, value: b}}]}]";
    let envoy = Config::load(FILE)
        .upstream(&echo)
        .plugin(plugin)
        .edit(|root| {
            let refuse = json!({
                "name": "refuse",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
                    "rules": {"action": "DENY", "policies": {"all": {
                        "permissions": [{"url_path": {"path": {"exact": "/refused"}}}],
                        "principals": [{"any": true}],
                    }}},
                },
            });
            http_filters(root).insert(0, refuse);
        })
        .start();
    let refused = envoy.get("/refused");
    assert_eq!((refused.status, refused.header("x-a")), (403, vec![]));
    let passed = envoy.get("/");
    assert_eq!(
        (passed.status, passed.header("x-a")),
        (200, vec!["b".into()])
    );
}

#[test]
fn a_changed_request_is_routed_anew() {
    let echo = Echo::start();
    let envoy = Config::load(FILE)
        .upstream(&echo)
        .plugin("{rules: [{request: [{rename: {from: x-in, to: x-route}}]}]}")
        .edit(|root| {
            let chain = &mut root["static_resources"]["listeners"][0]["filter_chains"][0];
            let host =
                &mut chain["filters"][0]["typed_config"]["route_config"]["virtual_hosts"][0];
            let routes = host["routes"].as_array_mut().expect("a list of routes");
            routes.insert(
                0,
                json!({
                    "match": {"prefix": "/", "headers": [{"name": "x-route", "string_match": {"exact": "tea"}}]},
                    "direct_response": {"status": 418},
                }),
            );
        })
        .start();
    assert_eq!(envoy.get("/").status, 200);
    let changed = envoy.request("GET", "/").header("x-in", "tea").send();
    assert_eq!(changed.status, 418);
}

#[test]
fn report_mode_changes_nothing() {
    let echo = Echo::start();
    let envoy = envoy(
        &echo,
        "{mode: report, rules: [{request: [{remove: x-a}], response: [{set: {name: x-b, value: new}}]}]}",
    );
    for header in ["x-a", "x-c"] {
        let response = envoy
            .request("GET", "/")
            .header(header, "1")
            .header("x-echo-set-x-b", "upstream")
            .send();
        assert_eq!(sent_on(&response, header), ["1"]);
        assert_eq!(response.header("x-b"), ["upstream"]);
    }
    assert_eq!(
        envoy.stat("wasmcustom.gatehouse.headers.would_change_requests"),
        1
    );
    assert_eq!(
        envoy.stat("wasmcustom.gatehouse.headers.would_change_responses"),
        2
    );
    let prometheus = envoy.admin("/stats/prometheus").text();
    assert!(
        prometheus.contains("gatehouse_headers_would_change_responses{} 2"),
        "{prometheus}"
    );
}

#[test]
fn a_bad_configuration_is_refused_and_the_old_one_keeps_serving() {
    let echo = Echo::start();
    let good = Config::load(FILE)
        .upstream(&echo)
        .plugin("{rules: [{response: [{set: {name: x-version, value: one}}]}]}");
    let bad = good.clone().plugin(
        r#"
rules:
- request:
  - set: {name: host, value: "a\r\nb"}
  - append: {name: x, value: "${consumer.nme}"}
  - replace: {name: x, regex: "(", with: ""}
"#,
    );
    let problems = [
        "rules[0].request[0].set.name: \"host\" cannot be changed: it is Envoy's :authority, by which it routes \
         (use {host: {with: …}})",
        "rules[0].request[0].set.value: a header value cannot have control characters such as CR or LF",
        "rules[0].request[1].append.value: no variable \"consumer.nme\" (did you mean \"consumer.name\"?)",
        "rules[0].request[2].replace.regex: \"(\" is not a regular expression: unclosed group",
    ]
    .join("\n");
    let expected = format!("configuration refused:\n{problems}");

    let refused = bad.try_start().err().expect("Envoy refuses");
    assert!(refused.log.contains(&expected), "{}", refused.log);

    let mut envoy = good.workers(2).start_dynamic();
    assert_eq!(envoy.get("/").header("x-version"), ["one"]);
    let Update::Rejected { log } = envoy.update(&bad) else {
        panic!("the update was accepted");
    };
    assert!(log.contains(&expected), "{log}");
    assert_eq!(envoy.get("/").header("x-version"), ["one"]);

    let json = r#"{"rules": [{"response": [{"set": {"name": "x-version", "value": "two"}}]}]}"#;
    let accepted = envoy.update(&Config::load(FILE).upstream(&echo).plugin_text(json));
    assert!(matches!(accepted, Update::Accepted), "{accepted:?}");
    assert_eq!(envoy.get("/").header("x-version"), ["two"]);
}

#[test]
fn no_request_ends_a_worker() {
    let echo = Echo::start();
    let plugin = r#"
rules:
- match: {path: {template: "/{id}"}}
  request:
  - set: {name: x-all, value: "${path.id}${request.header.x-big}${request.header.x-bytes}"}
  - replace: {name: x-big, regex: "(b+?)(b)", with: "$2$1"}
  - replace: {name: x-bytes, regex: "[^a-z]", with: "?"}
  - rename: {from: x-many, to: x-renamed}
  - remove: {prefix: x-p}
  response:
  - set: {name: x-big, value: "${request.header.x-big}"}
"#;
    let envoy = Config::load(FILE)
        .upstream(&echo)
        .plugin(plugin)
        .edit(|root| {
            let chain = &mut root["static_resources"]["listeners"][0]["filter_chains"][0];
            chain["filters"][0]["typed_config"]["max_request_headers_kb"] = json!(96);
        })
        .workers(4)
        .start();
    let big = "b".repeat(60 * 1024);
    let outcome = load::run(2_000, 16, |index| {
        let request = envoy.request("GET", format!("/{index}%ff%0d"));
        match index % 4 {
            0 if index % 100 == 0 => request.header("x-big", &big),
            1 => request
                .header("x-bytes", b"\xff\xfea\x80")
                .header("x-pa", b"\xc0"),
            2 => (0..50).fold(request, |request, value| {
                request.header("x-many", value.to_string())
            }),
            _ => request,
        }
    });
    let expected = load::Outcome {
        statuses: [(200, 2_000)].into(),
        failed: 0,
    };
    assert_eq!(outcome, expected);
    let stats = envoy.stats();
    let reloads: Vec<_> = stats
        .iter()
        .filter(|(name, value)| name.contains("vm_reload") && **value > 0)
        .collect();
    assert_eq!(reloads, []);
}

/// What the README warns of.
#[test]
fn what_envoy_itself_does_to_headers() {
    let echo = Echo::start();
    let plugin = r#"
rules:
- request:
  - append: {name: via, value: "1.1 gatehouse"}
  - set: {name: x-request-id, value: "ours", if: absent}
  - set: {name: x-copy, value: "${request.header.referer}"}
  response:
  - set: {name: server, value: "ours"}
  - remove: x-envoy-upstream-service-time
"#;
    let envoy = envoy(&echo, plugin);
    let response = envoy
        .request("GET", "/")
        .header("via", "1.0 a")
        .header("referer", "one")
        .header("referer", "two")
        .send();
    assert_eq!(sent_on(&response, "via"), ["1.0 a,1.1 gatehouse"]);
    assert_eq!(sent_on(&response, "x-request-id")[0].len(), 36);
    assert_eq!(sent_on(&response, "x-copy"), ["one,two"]);
    assert_eq!(response.header("server"), ["envoy"]);
    assert_eq!(response.header("x-envoy-upstream-service-time"), [""; 0]);
}

/// What is appended to some headers Envoy joins: what is read afterwards is what it has, whether this filter had read
/// the headers before or not.
#[test]
fn what_was_appended_is_read_as_envoy_keeps_it() {
    let echo = Echo::start();
    let request = r#"
  - append: {name: via, value: "1.1 gatehouse"}
  - append: {name: x-hops, value: b}
  - set: {name: x-via, value: "${request.header.via}"}
  - map: {name: x-joined, from: via, values: {"1.0 a,1.1 gatehouse": "yes"}, default: "no"}
  - set: {name: x-hops-seen, value: "${request.header.x-hops | default(\"several\")}"}"#;
    let response = r#"
  - set: {name: vary, value: a}
  - set: {name: x-two, value: a}
  - when: {headers: [{name: vary, exact: a}]}
    append: {name: vary, value: b}
  - append: {name: x-two, value: b}
  - set: {name: x-vary, value: "${response.header.vary}"}
  - set: {name: x-two-seen, value: "${response.header.x-two | default(\"several\")}"}"#;
    for read in ["", "match: {headers: [{name: x-hops, exact: a}]}"] {
        let plugin = format!("rules:\n- {read}\n  request: {request}\n  response: {response}\n");
        let envoy = envoy(&echo, &plugin);
        let request = envoy.request("GET", "/");
        let response = request.header("via", "1.0 a").header("x-hops", "a").send();
        assert_eq!(sent_on(&response, "via"), ["1.0 a,1.1 gatehouse"], "{read}");
        assert_eq!(
            sent_on(&response, "x-via"),
            ["1.0 a,1.1 gatehouse"],
            "{read}"
        );
        assert_eq!(sent_on(&response, "x-joined"), ["yes"], "{read}");
        assert_eq!(sent_on(&response, "x-hops"), ["a", "b"], "{read}");
        assert_eq!(sent_on(&response, "x-hops-seen"), ["several"], "{read}");
        assert_eq!(response.header("vary"), ["a,b"], "{read}");
        assert_eq!(response.header("x-vary"), ["a,b"], "{read}");
        assert_eq!(response.header("x-two"), ["a", "b"], "{read}");
        assert_eq!(response.header("x-two-seen"), ["several"], "{read}");
    }
}

/// An upgrade passes the client's `connection` header on; what it names, the next proxy takes out. Whether the filter
/// has read the headers before or not: an upgrade has a body, to Envoy.
#[test]
fn no_connection_names_what_is_set() {
    // Also one that says that it has no body.
    let length = "Content-Length: 0\r\n";
    for (read, more) in [
        ("", ""),
        ("match: {methods: [GET]}", ""),
        ("", length),
        ("match: {methods: [GET]}", length),
    ] {
        let upstream = Upgrade::start();
        let plugin = format!(
            "rules:\n- {read}\n  request: [{{set: {{name: x-user, value: '${{method}}'}}}}, {{append: {{name: x-hops, value: a}}}}, {{cookie: {{set: {{name: tenant, value: acme}}}}}}]\n"
        );
        let envoy = Config::load(FILE)
            .endpoint(18080, upstream.address())
            .plugin(&plugin)
            .edit(upgrade::allow)
            .start();
        let head = format!(
            "GET / HTTP/1.1\r\nHost: a.test\r\n{more}Connection: X-User, Upgrade, cookie, x-other\r\nConnection: x-hops\r\nUpgrade: websocket\r\n\r\n"
        );
        let mut connection = Connection::open(envoy.address()).expect("a connection");
        let response = connection
            .send_bytes(head.as_bytes(), true)
            .expect("an answer");
        assert_eq!(response.status, 101, "{read}");
        let head = upstream.head();
        for (name, expected) in [
            ("connection", "Upgrade, x-other"),
            ("x-user", "GET"),
            ("x-hops", "a"),
            ("cookie", "tenant=acme"),
        ] {
            let begins = format!("{name}: ");
            let lines: Vec<_> = head
                .iter()
                .filter_map(|line| line.strip_prefix(&begins))
                .collect();
            assert_eq!(lines, [expected], "{read}: {head:?}");
        }
    }
}
