//! The whole gateway of `envoy/gateway.yaml` on stock Envoy.

use gatehouse_integration::{Config, Echo, Envoy, Update, config, load, log, repository, tour};
use serde_json::{Value, json};

const FILE: &str = "envoy/gateway.yaml";
const REFUSED: &str = "\
gatehouse gateway: configuration refused:
filters[0].auth.rules[0].require.any_of[0]: no provider named \"partner\" (did you mean \"partners\"?)
filters[1].rate_limit.limits[0].rate: \"100\" is not a rate (write a whole number, a slash and a duration, such as \"100/1m\")
filters[2].header: unknown field (did you mean \"headers\"?)";

fn gateway(echo: &Echo, workers: u32) -> Envoy {
    Config::load(FILE).upstream(echo).workers(workers).start()
}

/// The configuration of the plugin in the file.
fn plugin() -> Value {
    let root = config::yaml(&std::fs::read_to_string(repository().join(FILE)).expect("the file"));
    let chain = &root["static_resources"]["listeners"][0]["filter_chains"][0];
    let filters = &chain["filters"][0]["typed_config"]["http_filters"];
    filters[0]["typed_config"]["config"]["configuration"]["value"].clone()
}

/// No VM trapped: none was reloaded, and nothing says so in the log.
fn assert_no_trap(envoy: &Envoy) {
    let stats = envoy.stats();
    let reloads: Vec<_> = stats
        .iter()
        .filter(|(name, count)| name.contains("vm_reload") && **count > 0)
        .collect();
    assert!(reloads.is_empty(), "{reloads:?}");
    let log = envoy.log();
    assert!(
        !log.contains("Function: proxy_on") && !log.contains("wasm_fail_stream"),
        "{log}"
    );
}

#[test]
fn the_tour_shows_what_it_says() {
    let echo = Echo::start();
    // Of the burst that it shows none comes back, however long its six requests take.
    let envoy = Config::load(FILE)
        .upstream(&echo)
        .edit(|root| {
            let manager = &mut root["static_resources"]["listeners"][0]["filter_chains"][0]
                ["filters"][0]["typed_config"];
            let limit = manager["http_filters"][0]["typed_config"]["config"]["configuration"]
                .pointer_mut("/value/filters/1/rate_limit/limits/0")
                .expect("the file has a limit");
            assert_eq!((&limit["rate"], &limit["burst"]), (&json!("60/1m"), &json!(5)));
            limit["rate"] = json!("60/1h");
        })
        .start();
    let steps = tour::steps();
    let printed: Vec<String> = steps.iter().map(|step| step.run(&envoy)).collect();
    let [public, orders, partner, staff, burst, stats] = printed.as_slice() else {
        panic!("the tour has other steps: {steps:?}")
    };
    assert!(public.starts_with("HTTP/1.1 200 OK"), "{public}");
    assert!(public.contains("x-served-by: gatehouse"), "{public}");
    assert!(orders.starts_with("HTTP/1.1 401 Unauthorized"), "{orders}");
    assert!(
        orders.ends_with(r#"{"type":"about:blank","title":"Unauthorized","status":401,"detail":"a credential is required"}"#),
        "{orders}"
    );
    for (answer, expected) in [
        (partner, ["x-consumer", "acme"]),
        (staff, ["x-user-email", "ann@example.com"]),
    ] {
        let echoed: Value = serde_json::from_str(answer).expect(answer);
        let headers = echoed["headers"].as_array().expect("headers");
        assert!(headers.contains(&json!(expected)), "{answer}");
        assert!(
            !answer.contains("x-api-key") && !answer.contains("authorization"),
            "{answer}"
        );
    }
    assert_eq!(burst.trim(), "200 200 200 200 200 429");
    assert!(
        stats.contains("wasmcustom.gatehouse.auth.denied.reason.credential_missing: 1"),
        "{stats}"
    );
    assert!(
        stats.contains("wasmcustom.gatehouse.rate_limit.refused.limit.per-consumer: 1"),
        "{stats}"
    );
    assert_no_trap(&envoy);
}

#[test]
fn each_filter_sees_what_those_before_it_did() {
    let echo = Echo::start();
    let key = |envoy: &Envoy, target: &str| {
        envoy
            .request("GET", target)
            .header("x-api-key", "acme-key-1")
    };
    for workers in [1, 4] {
        let envoy = gateway(&echo, workers);

        let denied = envoy
            .request("GET", "/orders")
            .header("x-consumer", "acme")
            .send();
        assert_eq!(denied.status, 401);
        assert_eq!(
            denied.header("ratelimit"),
            [""; 0],
            "the limit did not see it"
        );
        assert_eq!(
            denied.header("x-served-by"),
            [""; 0],
            "nor did the headers filter"
        );

        let passed = key(&envoy, "/orders?x=1")
            .header("x-consumer", "root")
            .header("x-user-email", "root@example.com")
            .header("x-internal-role", "root")
            .send();
        assert_eq!(passed.status, 200);
        let echoed = passed.echoed();
        assert_eq!(echoed.header("x-consumer"), ["acme"]);
        for gone in ["x-api-key", "x-user-email", "x-internal-role"] {
            assert_eq!(echoed.header(gone), [""; 0], "{gone}");
        }
        assert_eq!(echoed.header("x-gateway"), ["gatehouse"]);
        assert_eq!(
            passed.header("ratelimit-policy"),
            ["\"per-consumer\";q=60;w=60"]
        );
        assert_eq!(passed.header("x-served-by"), ["gatehouse"]);

        // One comes back each second: on a slow machine more than a few pass.
        let mut sent = 1;
        let refused = loop {
            let response = key(&envoy, "/orders").send();
            sent += 1;
            if response.status == 429 {
                break response;
            }
            assert_eq!(response.status, 200);
            assert!(sent < 100, "none is over the limit");
        };
        assert_eq!(refused.header("retry-after"), ["1"]);
        assert_eq!(
            refused.header("x-served-by"),
            [""; 0],
            "headers stands after the limit"
        );

        // `METHOD path status consumer=… denied=…`, as the file has it; each worker writes when it gets to it.
        let mut lines = envoy.await_log(" consumer=", 1 + sent);
        lines.sort();
        let last = lines.pop().expect("a line");
        assert!(
            last.starts_with("GET /orders 429 consumer=acme denied=rate_limit.over_limit"),
            "{last}"
        );
        let mut expected = vec!["GET /orders 200 consumer=acme denied=-"; sent - 1];
        expected.push("GET /orders 401 consumer=- denied=auth.credential_missing");
        assert_eq!(lines, expected);
        assert_no_trap(&envoy);
    }
}

#[test]
fn the_order_is_the_configured_one() {
    let echo = Echo::start();
    let mut filters = plugin();
    filters["filters"]
        .as_array_mut()
        .expect("filters")
        .rotate_right(1);
    let envoy = Config::load(FILE)
        .upstream(&echo)
        .plugin(&filters.to_string())
        .start();
    let denied = envoy.get("/orders");
    assert_eq!(denied.status, 401);
    assert_eq!(
        denied.header("x-served-by"),
        ["gatehouse"],
        "headers stands before auth now"
    );
}

#[test]
fn a_bad_configuration_is_refused_with_every_problem() {
    let echo = Echo::start();
    let bad = r#"{"filters": [
        {"auth": {"providers": {"partners": {"api_key": {"from": [{"header": "x-api-key"}], "consumers": [{"name": "dev", "key": "${env:DEV_KEY}"}]}}},
                  "rules": [{"require": {"any_of": ["partner"]}}]}},
        {"rate_limit": {"limits": [{"name": "a", "key": ["consumer"], "rate": "100"}]}},
        {"header": {}}
    ]}"#;
    let good = Config::load(FILE).upstream(&echo);
    let as_struct = good.clone().plugin(bad);
    let as_text = good.clone().plugin_text(bad);
    for config in [&as_struct, &as_text] {
        let Err(refused) = config.try_start() else {
            panic!("it started")
        };
        let messages = log::plugin_messages(&refused.log);
        assert_eq!(messages, [REFUSED]);
    }

    // A listener update that is refused leaves what was there.
    let mut envoy = good.start_dynamic();
    let Update::Rejected { log } = envoy.update(&as_struct) else {
        panic!("it was accepted")
    };
    assert!(
        log.contains("no provider named \"partner\" (did you mean \"partners\"?)"),
        "{log}"
    );
    assert_eq!(envoy.get("/orders").status, 401);
    assert_eq!(
        envoy
            .request("GET", "/orders")
            .header("x-api-key", "acme-key-1")
            .send()
            .status,
        200
    );
}

#[test]
fn nothing_a_client_sends_traps_the_module() {
    let echo = Echo::start();
    let envoy = gateway(&echo, 1);
    let token = |bytes: &[u8]| [b"Bearer ", bytes].concat();
    let every_byte: Vec<u8> = (0x80..=0xff).chain(0x21..0x7f).collect();
    let big = vec![b'a'; 55 * 1024];
    let cases: Vec<(&str, &str, Vec<u8>, u16)> = vec![
        ("0xff as a key", "x-api-key", vec![0xff], 401),
        ("every byte as a key", "x-api-key", every_byte.clone(), 401),
        ("an empty key", "x-api-key", vec![], 401),
        ("a key of 55 KiB", "x-api-key", big.clone(), 401),
        ("0xff as a token", "authorization", token(&[0xff]), 401),
        (
            // A comma is among them, so it is a list of values.
            "every byte as a token",
            "authorization",
            token(&every_byte),
            400,
        ),
        ("a token of 55 KiB", "authorization", token(&big), 401),
        ("dots", "authorization", token(b"..."), 401),
        (
            "no signature",
            "authorization",
            token(b"eyJhbGciOiJub25lIn0.e30."),
            401,
        ),
        (
            "not UTF-8 in x-forwarded-for",
            "x-forwarded-for",
            vec![0xfe, 0xff],
            401,
        ),
        (
            "not UTF-8 as a cookie",
            "cookie",
            vec![0xff, b'=', 0xff],
            401,
        ),
        ("not UTF-8 as the consumer", "x-consumer", vec![0xff], 401),
    ];
    for (name, header, value, status) in cases {
        let response = envoy.request("GET", "/orders").header(header, value).send();
        assert_eq!(response.status, status, "{name}: {}", response.text());
    }
    let twice = envoy
        .request("GET", "/orders")
        .header("x-api-key", "acme-key-1")
        .header("x-api-key", "acme-key-1")
        .send();
    assert_eq!(
        twice.status, 400,
        "which of the two counts is anybody's guess"
    );
    let over_limit = envoy
        .request("GET", "/orders")
        .header("x-api-key", vec![b'a'; 70 * 1024])
        .send();
    assert_eq!(over_limit.status, 431, "Envoy's own limit");
    let targets: [(&[u8], u16); 5] = [
        (b"/public/..%2fstaff", 400),
        (b"/public/%00", 400),
        (b"/public/%c0%af", 400),
        (b"/public/%252e%252e/staff", 400),
        // Envoy's normalize_path makes it /staff, which is not public.
        (b"/public\\..\\staff", 401),
    ];
    for (target, status) in targets {
        let response = envoy.request("GET", target).send();
        assert_eq!(
            response.status,
            status,
            "{}",
            String::from_utf8_lossy(target)
        );
    }
    let passed = envoy
        .request("GET", "/public/x")
        .header("x-odd", [0xff, 0xfe])
        .header("x-internal-odd", [0xff])
        .send();
    assert_eq!(passed.status, 200);
    assert_eq!(passed.echoed().header("x-odd"), ["\\xff\\xfe"]);
    assert_no_trap(&envoy);
}

#[test]
fn a_hundred_thousand_requests_over_four_workers_without_a_trap() {
    let echo = Echo::start();
    let mut filters = plugin();
    for limit in filters["filters"][1]["rate_limit"]["limits"]
        .as_array_mut()
        .expect("limits")
    {
        limit["rate"] = json!("1000000/1s");
        limit["burst"] = json!(1_000_000);
    }
    let envoy = Config::load(FILE)
        .upstream(&echo)
        .workers(4)
        .plugin(&filters.to_string())
        .start();
    let send = |index: usize| match index % 4 {
        0 => envoy
            .request("GET", "/orders")
            .header("x-api-key", "acme-key-1"),
        1 => envoy.request("GET", "/public/a"),
        2 => envoy
            .request("GET", "/orders")
            .header("x-api-key", "acme-key-1")
            .header("x-echo-status", "503"),
        _ => envoy.request("GET", "/orders").header("x-api-key", [0xff]),
    };
    load::run(20_000, 64, send);
    let grown_by_all = || {
        let before = envoy.resident_kib();
        let outcome = load::run(100_000, 64, send);
        assert_eq!(outcome.failed, 0);
        assert_eq!(
            (outcome.count(200), outcome.count(503), outcome.count(401)),
            (50_000, 25_000, 25_000),
            "{outcome:?}"
        );
        envoy.resident_kib().saturating_sub(before)
    };
    // A context that was not deleted costs some hundred bytes: 100,000 of them tens of megabytes, each time. What the
    // allocator has not come round to in the first 20,000 it keeps once.
    const MOST: u64 = 8 * 1024;
    let mut grown = grown_by_all();
    if grown >= MOST {
        println!("{grown} KiB more, and once more");
        grown = grown_by_all();
    }
    assert!(grown < MOST, "{grown} KiB more after 100,000 requests");
    assert_no_trap(&envoy);
}
