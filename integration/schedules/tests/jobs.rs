//! What the jobs of the benchmark cost the real modules, in WebAssembly instructions and crossings of one request: the same on
//! every machine, so what budgets in µs rest on is held here too. What each is worth in time is measured by `scripts/bench`.

use std::path::Path;

use gatehouse_testkit::{Engine, Envoy, Module, Outcome, Request, Response};
use serde_json::{Value, json};

/// The SHA-256 of `hunter2`.
const KEY: &str = "f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7";

/// Of `acme`, signed with [`SECRET`] by HMAC: seen before, it costs what any other token does.
const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
    eyJpc3MiOiJodHRwczovL2lzc3Vlci50ZXN0IiwiYXVkIjoiYmVuY2giLCJzdWIiOiJhY21lIiwiZXhwIjo0MTAyNDQ0ODAwfQ.\
    JlTcHQnvzYZZm8nT9m9vl53Xmq97-ufK6i97owd4cwM";

const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";

/// What one request costs.
#[derive(Debug)]
struct Cost {
    callbacks: usize,
    host_calls: usize,
    instructions: u64,
}

/// The last of several requests, each with a response, all of which are let through.
fn cost(engine: &Engine, filter: &str, configuration: &Value) -> Cost {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../dist/gatehouse_{filter}.wasm"));
    let module = Module::from_file(engine, path)
        .unwrap_or_else(|fault| panic!("{filter}: {fault}: run scripts/build"));
    let envoy = Envoy::builder(&module)
        .configuration(configuration.to_string())
        .environment("SECRET", SECRET)
        .build()
        .unwrap_or_else(|fault| panic!("{configuration}: {fault:?}"));
    let request = || {
        Request::get("/api/v1/orders/42")
            .header("user-agent", "gatehouse")
            .header("accept", "*/*")
            .header("x-api-key", "hunter2")
            .header("x-tenant", "acme")
            .header("authorization", format!("Bearer {TOKEN}"))
    };
    let mut last = None;
    for _ in 0..4 {
        let mut stream = envoy.http(request());
        assert!(
            matches!(stream.outcome(), Outcome::Continue(_)),
            "{filter}: {:?}",
            stream.outcome()
        );
        stream.respond(Response::new(200).body("ok"));
        stream.end();
        let callbacks = stream.callbacks();
        let host_calls = callbacks
            .iter()
            .flat_map(|callback| callback.calls.values());
        last = Some(Cost {
            callbacks: callbacks.len(),
            host_calls: host_calls.sum(),
            instructions: stream.fuel(),
        });
    }
    last.expect("requests")
}

#[test]
fn jobs_cost_no_more_than_they_did() {
    let engine = Engine::options().count_instructions().build().unwrap();
    let keys = |forward: Value| {
        json!({"providers": {"keys": {"api_key": {"from": [{"header": "x-api-key"}],
            "consumers": [{"name": "acme", "key_sha256": KEY}]}}},
            "rules": [{"require": {"any_of": ["keys"]}}], "forward": forward})
    };
    let tokens = |identity: &str| {
        json!({"providers": {"sso": {"jwt": {"issuer": "https://issuer.test", "audiences": ["bench"],
            "algorithms": ["HS256"], "jwks": {"inline": {"keys": [{"kty": "oct", "k": "${env:SECRET}"}]}},
            "from": [{"header": "authorization", "prefix": "Bearer "}], "consumer": {"name": {"claim": "sub"}}}}},
            "rules": [{"require": {"any_of": ["sso"]}}], "forward": {"identity": identity}})
    };
    let headers = json!({"rules": [{"request": [{"set": {"name": "x-bench-request", "value": "1"}}],
        "response": [{"set": {"name": "x-bench-response", "value": "1"}}]}]});
    let limit =
        |part: Value| json!({"limits": [{"name": "a", "key": [part], "rate": "1000000/1s"}]});
    let gateway = |auth: Value| {
        let limit = limit(json!("consumer"));
        json!({"filters": [{"auth": auth}, {"rate_limit": limit}, {"headers": headers}]})
    };
    let logs = json!({"identity": "logs"});
    // Callbacks, host calls, and the most instructions: a twentieth more than what it was when this was written.
    let cases = [
        ("headers", "headers", headers.clone(), [4, 2], 3_600),
        ("a key", "auth", keys(logs.clone()), [2, 4], 13_600),
        (
            "a token, nobody told",
            "auth",
            tokens("filters"),
            [2, 4],
            18_600,
        ),
        ("a token", "auth", tokens("logs"), [2, 5], 18_600),
        (
            "a limit",
            "rate_limit",
            limit(json!({"header": "x-tenant"})),
            [6, 7],
            13_100,
        ),
        (
            "a key, a limit, headers",
            "gateway",
            gateway(keys(logs)),
            [6, 12],
            28_400,
        ),
        (
            "a token, a limit, headers",
            "gateway",
            gateway(tokens("logs")),
            [6, 12],
            34_200,
        ),
    ];
    for (name, filter, configuration, calls, most) in cases {
        let cost = cost(&engine, filter, &configuration);
        println!("{name}: {cost:?}");
        assert_eq!([cost.callbacks, cost.host_calls], calls, "{name}: {cost:?}");
        assert!(
            cost.instructions <= most,
            "{name}: {cost:?}, at most {most}"
        );
    }
}
