//! What more rules and more limits cost the real modules, in the WebAssembly instructions of one request: the same on every
//! machine, so what must not grow is held here. What it is worth in time is measured by `scripts/bench`.

use std::path::Path;

use gatehouse_testkit::{Engine, Envoy, Module, Outcome, Request};
use serde_json::{Value, json};

/// 1,000 rules may cost this many times what 10 cost.
const RULES: u64 = 3;

/// The SHA-256 of `hunter2`.
const KEY: &str = "f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7";

fn module(engine: &Engine, name: &str) -> Module {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../dist/{name}.wasm"));
    Module::from_file(engine, path)
        .unwrap_or_else(|fault| panic!("{name}: {fault}: run scripts/build"))
}

fn envoy(module: &Module, configuration: &Value) -> Envoy {
    Envoy::builder(module)
        .configuration(configuration.to_string())
        .build()
        .unwrap_or_else(|fault| panic!("{configuration}: {fault:?}"))
}

/// The instructions of a request which is let through, after others like it.
fn instructions(envoy: &Envoy, request: impl Fn() -> Request) -> u64 {
    let mut last = 0;
    for _ in 0..3 {
        let stream = envoy.http(request());
        assert!(
            matches!(stream.outcome(), Outcome::Continue(_)),
            "{:?}",
            stream.outcome()
        );
        last = stream.fuel();
    }
    last
}

/// A `match` that is not about the request, of a kind, told from others of it by a number.
type About = fn(usize) -> Value;

const ABOUT: [(&str, About); 9] = [
    (
        "paths",
        |n| json!({"path": {"exact": format!("/service-{n}")}}),
    ),
    (
        "prefixes",
        |n| json!({"path": {"prefix": format!("/service-{n}")}}),
    ),
    (
        "templates",
        |n| json!({"path": {"template": format!("/service-{n}/{{id}}")}}),
    ),
    (
        "hosts",
        |n| json!({"hosts": [format!("host-{n}.test"), format!("*.host-{n}.test")]}),
    ),
    (
        "expressions",
        |n| json!({"path": {"regex": format!("/service-{n}/[a-z]+/[0-9]+")}}),
    ),
    (
        "prefixes, and a header",
        |n| json!({"path": {"prefix": format!("/service-{n}")}, "headers": [{"name": "x-a", "exact": "1"}]}),
    ),
    (
        "prefixes, and methods",
        |n| json!({"path": {"prefix": format!("/service-{n}")}, "methods": ["PUT"]}),
    ),
    (
        "prefixes, and a query",
        |n| json!({"path": {"prefix": format!("/service-{n}")}, "query": [{"name": "a", "exact": "1"}]}),
    ),
    ("all kinds", all_kinds),
];

fn all_kinds(number: usize) -> Value {
    let (_, about) = ABOUT[number % (ABOUT.len() - 1)];
    about(number)
}

/// So many rules of which only the last is about the request.
fn rules(count: usize, about: About, first: &Value, last: Value) -> Vec<Value> {
    let others = (1..count).map(|number| {
        let mut rule = first.clone();
        rule["match"] = about(number);
        rule
    });
    others.chain([last]).collect()
}

#[test]
fn rules_do_not_add_up() {
    let engine = Engine::options().count_instructions().build().unwrap();
    let request = || Request::get("/api/v1/orders/42?b=2").header("x-api-key", "hunter2");
    let auth = |count, about: About| {
        let rules = rules(
            count,
            about,
            &json!({"allow": "anonymous"}),
            json!({"require": "keys"}),
        );
        json!({"providers": {"keys": {"api_key": {"from": [{"header": "x-api-key"}],
            "consumers": [{"name": "acme", "key_sha256": KEY}]}}}, "rules": rules})
    };
    let headers = |count, about: About| {
        let rule = json!({"request": [{"set": {"name": "x-a", "value": "1"}}]});
        json!({"rules": rules(count, about, &rule, rule.clone())})
    };
    type Configuration<'c> = &'c dyn Fn(usize, About) -> Value;
    let rate_limit = |count, about: About| {
        let limit = json!({"key": ["client_ip"], "rate": "100/1s"});
        let mut limits = rules(count, about, &limit, limit.clone());
        for (number, limit) in limits.iter_mut().enumerate() {
            limit["name"] = json!(format!("l{number}"));
        }
        json!({"limits": limits})
    };
    let filters: [(&str, Configuration<'_>); 3] = [
        ("gatehouse_auth", &auth),
        ("gatehouse_headers", &headers),
        ("gatehouse_rate_limit", &rate_limit),
    ];
    for (filter, configuration) in filters {
        let module = module(&engine, filter);
        for (kind, about) in ABOUT {
            let [ten, hundred, thousand] = [10, 100, 1_000]
                .map(|count| instructions(&envoy(&module, &configuration(count, about)), request));
            println!("{filter}, {kind}: 10 rules {ten}, 100 {hundred}, 1,000 {thousand}");
            assert!(
                thousand <= ten * RULES,
                "{filter}, {kind}: {ten} to {thousand}"
            );
        }
    }
}
