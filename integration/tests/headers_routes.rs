//! When Envoy chooses the route of a request anew: after each change that the headers filter makes to its
//! headers, and only then.
//!
//! A filter before it (Lua) may have changed what routes match on without a new choice. So a test can tell whether
//! there was one: a header `x-late` that this filter adds is only seen by the routes if something after it made Envoy
//! choose again.

use gatehouse_integration::{Config, Echo, Envoy};
use serde_json::{Value, json};

const FILE: &str = "envoy/headers.yaml";

fn manager(root: &mut Value) -> &mut Value {
    let chain = &mut root["static_resources"]["listeners"][0]["filter_chains"][0];
    &mut chain["filters"][0]["typed_config"]
}

/// Routes that answer with a status of their own: by header, path, query and host.
fn envoy(echo: &Echo, plugin: &str) -> Envoy {
    Config::load(FILE)
        .upstream(echo)
        .plugin(plugin)
        .edit(|root| {
            let manager = manager(root);
            let answer = |matching: Value, status: u16| {
                json!({"match": matching, "direct_response": {"status": status}})
            };
            let header = |name: &str| {
                json!({"prefix": "/", "headers": [{"name": name, "string_match": {"exact": "1"}}]})
            };
            let query = json!({"prefix": "/", "query_parameters": [
                {"name": "v", "string_match": {"exact": "2"}},
            ]});
            let routes = json!([
                answer(header("x-late"), 418),
                answer(header("x-route"), 421),
                answer(json!({"prefix": "/moved/"}), 422),
                answer(query, 423),
                {"match": {"prefix": "/"}, "name": "first", "route": {"cluster": "upstream"}},
            ]);
            manager["route_config"]["virtual_hosts"] = json!([
                {"name": "other", "domains": ["other.internal.test"], "routes": [answer(json!({"prefix": "/"}), 424)]},
                {"name": "all", "domains": ["*"], "routes": routes},
            ]);
            // The route is chosen before the header is there: `route()` asks for it, and headers of Lua clear nothing.
            let late = json!({
                "name": "late",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
                    "clear_route_cache": false,
                    "default_source_code": {"inline_string":
                        "function envoy_on_request(handle) handle:metadata():get('any') handle:headers():add('x-late', '1') end"},
                },
            });
            let filters = manager["http_filters"].as_array_mut().expect("filters");
            filters.insert(0, late);
        })
        .start()
}

#[test]
fn what_is_changed_is_routed_anew() {
    let echo = Echo::start();
    // Each removes the header of the filter before it, so that the route follows from what it changes itself.
    let cases = [
        ("a header", "{set: {name: x-route, value: '1'}}", 421),
        (
            "a header renamed",
            "{rename: {from: x-in, to: x-route}}",
            421,
        ),
        (
            "a path made anew",
            "{path: {with: '/moved/${method}'}}",
            422,
        ),
        ("a path", "{path: {prefix: /a, with: /moved}}", 422),
        ("a query", "{query: {set: {name: v, value: '2'}}}", 423),
        ("a host", "{host: {with: other.internal.test}}", 424),
    ];
    for (name, operation, status) in cases {
        let plugin = format!("{{rules: [{{request: [{{remove: x-late}}, {operation}]}}]}}");
        let envoy = envoy(&echo, &plugin);
        let request = envoy.request("GET", "/a/b?v=1").header("x-in", "1");
        assert_eq!(request.send().status, status, "{name}");
    }
}

/// What the filter before changed is seen if there was a choice, and only then.
#[test]
fn there_is_a_choice_after_each_change_and_none_without() {
    let echo = Echo::start();
    let plugin = r#"
rules:
- {match: {path: {exact: /none}}, request: []}
- match: {path: {exact: /response}}
  request: []
  response: [{set: {name: x, value: "1"}}]
- match: {path: {exact: /unchanged}}
  request:
  - set: {name: x-in, value: "2", if: absent}
  - set: {name: x-in, value: "1"}
  - remove: x-nothing
  - remove: {prefix: x-nothing-}
  - rename: {from: x-nothing, to: x-in}
  - copy: {from: x-nothing, to: x-in}
  - replace: {name: x-in, regex: "2", with: "3"}
  - dedupe: x-in
  - path: {with: /unchanged}
  - host: {with: gatehouse.test}
  - query: {remove: w}
  - query: {set: {name: v, value: "1"}}
  - cookie: {remove: a}
  - preset: trace_context
- match: {path: {exact: /changed}}
  request: [{set: {name: x-in, value: "2"}}]
- match: {path: {exact: /removed}}
  request: [{remove: x-in}]
"#;
    let envoy = envoy(&echo, plugin);
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (path, status) in [
        ("/none", 200),
        ("/response", 200),
        ("/unchanged?v=1", 200),
        ("/changed", 418),
        ("/removed", 418),
    ] {
        let request = envoy.request("GET", path).header("x-in", "1");
        let response = request.header("traceparent", trace).send();
        assert_eq!(response.status, status, "{path}");
    }
}

/// Where nothing needs the headers, nothing is read to find out that a write would change nothing.
#[test]
fn two_writes_that_change_nothing_are_writes_all_the_same() {
    let echo = Echo::start();
    for operation in ["set: {name: x-in, value: '1'}", "remove: x-nothing"] {
        let envoy = envoy(
            &echo,
            &format!("{{rules: [{{request: [{{{operation}}}]}}]}}"),
        );
        let response = envoy.request("GET", "/").header("x-in", "1").send();
        assert_eq!(response.status, 418, "{operation}");
    }
}

/// `${route}` is the route as the request came, also where the filter changes which one it takes.
#[test]
fn the_name_of_the_route() {
    let echo = Echo::start();
    let plugin = r#"
rules:
- request:
  - remove: x-late
  - path: {with: /else}
  - set: {name: x-sent-by, value: "${route}"}
  response:
  - set: {name: x-route-was, value: "${route | upper}"}
"#;
    let envoy = envoy(&echo, plugin);
    let response = envoy.get("/a");
    assert_eq!(response.echoed().header("x-sent-by"), ["first"]);
    assert_eq!(response.echoed().path, "/else");
    assert_eq!(response.header("x-route-was"), ["FIRST"]);
}
