//! What Envoy alone knows, in the `match` of every filter: the route, its metadata, and expressions; also within `not`
//! and `any`. One table of matches, asked of each filter in its own way.

use gatehouse_integration::{Config, Echo, Envoy, Response};
use serde_json::{Value, json};

/// A `match` beside its path, and whether each of [`REQUESTS`] has it.
struct Case {
    name: &'static str,
    matching: &'static str,
    expected: [bool; 4],
}

/// The header that chooses a route, and the method. The last takes a route without name and metadata.
const REQUESTS: [(&str, &str); 4] = [
    ("gold", "GET"),
    ("gold", "POST"),
    ("silver", "GET"),
    ("none", "GET"),
];

const fn case(name: &'static str, matching: &'static str, expected: [bool; 4]) -> Case {
    Case {
        name,
        matching,
        expected,
    }
}

const T: bool = true;
const F: bool = false;

const CASES: [Case; 22] = [
    case("a route", "{route: [gold]}", [T, T, F, F]),
    case("one of two routes", "{route: [gold, silver]}", [T, T, T, F]),
    case(
        "a route that is not there",
        "{route: [bronze]}",
        [F, F, F, F],
    ),
    case(
        "metadata",
        "{metadata: [{filter: shop, key: [plan], exact: gold}]}",
        [T, T, F, F],
    ),
    case(
        "metadata further down",
        "{metadata: [{filter: shop, key: [owner, team], suffix: pay}]}",
        [T, T, T, F],
    ),
    case(
        "metadata by expression, and more of it",
        "{metadata: [{filter: shop, key: [plan], regex: 'go.d|silver'}, {filter: shop, key: [owner, team], prefix: a}]}",
        [T, T, F, F],
    ),
    case(
        "metadata that is not there",
        "{metadata: [{filter: shop, key: [plan], present: false}]}",
        [F, F, F, T],
    ),
    case(
        "an expression",
        "{when: \"request.method == 'GET'\"}",
        [T, F, T, T],
    ),
    case(
        "an expression about the route",
        "{when: \"xds.route_name == 'gold'\"}",
        [T, T, F, F],
    ),
    case("not a route", "{not: {route: [gold]}}", [F, F, T, T]),
    case(
        "not metadata",
        "{not: {metadata: [{filter: shop, key: [plan], exact: gold}]}}",
        [F, F, T, T],
    ),
    case(
        "not an expression",
        "{not: {when: \"request.method == 'GET'\"}}",
        [F, T, F, F],
    ),
    case(
        "not several at once",
        "{not: {route: [gold], when: \"request.method == 'GET'\"}}",
        [F, T, T, T],
    ),
    case(
        "any: a route or an expression",
        "{any: [{route: [silver]}, {when: \"request.method == 'POST'\"}]}",
        [F, T, T, F],
    ),
    case(
        "any: metadata or a route",
        "{any: [{metadata: [{filter: shop, key: [plan], exact: gold}]}, {route: [silver]}]}",
        [T, T, T, F],
    ),
    case(
        "any of what is not",
        "{any: [{not: {route: [gold]}}, {when: \"request.method == 'POST'\"}]}",
        [F, T, T, T],
    ),
    case(
        "not any",
        "{not: {any: [{route: [silver]}, {metadata: [{filter: shop, key: [plan], exact: gold}]}]}}",
        [F, F, F, T],
    ),
    case(
        "not not",
        "{not: {not: {metadata: [{filter: shop, key: [plan], exact: silver}]}}}",
        [F, F, T, F],
    ),
    case(
        "any, within any, within not",
        "{not: {any: [{any: [{route: [gold]}, {when: \"request.method == 'PUT'\"}]}, {not: {metadata: [{filter: shop, key: [plan], present: true}]}}]}}",
        [F, F, T, F],
    ),
    case(
        "all of it",
        "{route: [gold], metadata: [{filter: shop, key: [plan], exact: gold}], when: \"request.method == 'GET'\"}",
        [T, F, F, F],
    ),
    case(
        "with what needs no host: an expression that would fail is not reached",
        "{methods: [PUT], when: \"request.headers['x-none'] == 'a'\"}",
        [F, F, F, F],
    ),
    case(
        "the same within any",
        "{any: [{route: [gold]}, {methods: [PUT], when: \"request.headers['x-none'] == 'a'\"}]}",
        [T, T, F, F],
    ),
];

/// Expressions that cannot be evaluated, alone and where something stands around them.
const FAILING: [&str; 4] = [
    "{when: \"request.headers['x-none'] == 'a'\"}",
    "{not: {when: \"request.headers['x-none'] == 'a'\"}}",
    "{any: [{route: [bronze]}, {when: \"request.headers['x-none'] == 'a'\"}]}",
    "{not: {any: [{when: \"request.headers['x-none'] == 'a'\"}, {not: {route: [gold]}}]}}",
];

/// An Envoy whose route a header chooses.
fn start(echo: &Echo, filter: &str, plugin: &Value) -> Envoy {
    Config::load(format!("envoy/{filter}.yaml"))
        .upstream(echo)
        .plugin(&plugin.to_string())
        .edit(|root| {
            let chain = &mut root["static_resources"]["listeners"][0]["filter_chains"][0];
            let route = |name: &str, matching: Value, metadata: Value| {
                json!({
                    "name": name, "match": matching, "route": {"cluster": "upstream"},
                    "metadata": {"filter_metadata": metadata},
                })
            };
            let chosen = |name: &str| {
                json!({"prefix": "/", "headers": [{"name": "x-route", "string_match": {"exact": name}}]})
            };
            let shop = |plan: &str, team: &str| json!({"shop": {"plan": plan, "owner": {"team": team}}});
            let manager = &mut chain["filters"][0]["typed_config"];
            manager["route_config"]["virtual_hosts"] = json!([{"name": "all", "domains": ["*"], "routes": [
                route("gold", chosen("gold"), shop("gold", "api-pay")),
                route("silver", chosen("silver"), shop("silver", "pay")),
                {"match": {"prefix": "/"}, "route": {"cluster": "upstream"}},
            ]}]);
        })
        .start()
}

/// The matches of a table, each for a path of its own: `/0`, `/1` and so on.
fn matches<'m>(all: impl Iterator<Item = &'m str>) -> Vec<Value> {
    all.enumerate()
        .map(|(number, matching)| {
            let mut matching = gatehouse_integration::config::yaml(matching);
            matching["path"] = json!({"exact": format!("/{number}")});
            matching
        })
        .collect()
}

fn ask(envoy: &Envoy, number: usize, (route, method): (&str, &str)) -> Response {
    envoy
        .request(method, format!("/{number}"))
        .header("x-route", route)
        .send()
}

/// Asks each case of each request, and compares what `is_matched` makes of the answer.
fn check(envoy: &Envoy, filter: &str, is_matched: impl Fn(&Response) -> bool) {
    for (number, case) in CASES.iter().enumerate() {
        let found = REQUESTS.map(|request| is_matched(&ask(envoy, number, request)));
        assert_eq!(found, case.expected, "{filter}: {}", case.name);
    }
}

fn headers_rules(matches: Vec<Value>) -> Value {
    let rule = |matching: Value| json!({"match": matching, "response": [{"set": {"name": "x-matched", "value": "1"}}]});
    json!({"rules": matches.into_iter().map(rule).collect::<Vec<_>>()})
}

fn auth_rules(matches: Vec<Value>) -> Value {
    let rule = |matching: Value| json!({"match": matching, "allow": "anonymous"});
    json!({
        "providers": {"keys": {"api_key": {
            "from": [{"header": "x-api-key"}],
            "consumers": [{"name": "dev", "key": "${env:DEV_KEY}"}],
        }}},
        "rules": matches.into_iter().map(rule).collect::<Vec<_>>(),
    })
}

fn limits(matches: Vec<Value>) -> Value {
    let limit = |(number, matching): (usize, Value)| {
        json!({
            "name": format!("limit-{number}"), "match": matching, "key": [{"const": "all"}],
            "rate": "1000/1h",
        })
    };
    json!({"limits": matches.into_iter().enumerate().map(limit).collect::<Vec<_>>()})
}

fn cases() -> Vec<Value> {
    matches(CASES.iter().map(|case| case.matching))
}

fn failing() -> Vec<Value> {
    matches(FAILING.into_iter())
}

#[test]
fn headers() {
    let echo = Echo::start();
    let envoy = start(&echo, "headers", &headers_rules(cases()));
    check(&envoy, "headers", |answer| {
        assert_eq!(answer.status, 200);
        !answer.header("x-matched").is_empty()
    });
    let failed = "wasmcustom.gatehouse.headers.failed_expressions";
    assert_eq!(envoy.stat(failed), 0);

    // The rule is not applied, and that is counted.
    let envoy = start(&echo, "headers", &headers_rules(failing()));
    for (number, matching) in FAILING.iter().enumerate() {
        let answer = ask(&envoy, number, REQUESTS[0]);
        assert_eq!(answer.status, 200, "{matching}");
        assert!(answer.header("x-matched").is_empty(), "{matching}");
        assert_eq!(envoy.stat(failed), number as u64 + 1);
    }
}

#[test]
fn auth() {
    let echo = Echo::start();
    let envoy = start(&echo, "auth", &auth_rules(cases()));
    check(&envoy, "auth", |answer| match answer.status {
        200 => true,
        403 => false,
        other => panic!("{other}"),
    });
    let reason = |envoy: &Envoy, reason: &str| {
        envoy.stat(&format!("wasmcustom.gatehouse.auth.denied.reason.{reason}"))
    };
    assert_eq!(reason(&envoy, "expression_failed"), 0);

    // What cannot be evaluated is denied: it could be the rule that lets in, or the one that does not.
    let mut rules = auth_rules(failing());
    let last = json!({"match": {"path": {"prefix": "/"}}, "allow": "anonymous"});
    rules["rules"].as_array_mut().expect("rules").push(last);
    let envoy = start(&echo, "auth", &rules);
    for (number, matching) in FAILING.iter().enumerate() {
        assert_eq!(ask(&envoy, number, REQUESTS[0]).status, 403, "{matching}");
        assert_eq!(reason(&envoy, "expression_failed"), number as u64 + 1);
    }
    assert_eq!(ask(&envoy, FAILING.len(), REQUESTS[0]).status, 200);
}

#[test]
fn rate_limit() {
    let echo = Echo::start();
    let envoy = start(&echo, "rate-limit", &limits(cases()));
    check(&envoy, "rate-limit", |answer| {
        assert_eq!(answer.status, 200);
        !answer.header("ratelimit").is_empty()
    });

    // As `on_error` says: deny by default.
    let envoy = start(&echo, "rate-limit", &limits(failing()));
    for (number, matching) in FAILING.iter().enumerate() {
        assert_eq!(ask(&envoy, number, REQUESTS[0]).status, 503, "{matching}");
    }
    let mut limits = limits(failing());
    for limit in limits["limits"].as_array_mut().expect("limits") {
        limit["on_error"] = json!("allow");
    }
    let envoy = start(&echo, "rate-limit", &limits);
    for (number, matching) in FAILING.iter().enumerate() {
        let answer = ask(&envoy, number, REQUESTS[0]);
        assert_eq!(answer.status, 200, "{matching}");
        assert!(answer.header("ratelimit").is_empty());
    }
}
