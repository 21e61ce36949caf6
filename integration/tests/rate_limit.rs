//! The rate-limit filter on stock Envoy.

#![allow(
    clippy::disallowed_methods,
    reason = "native test machinery: it has a clock of its own"
)]

use std::net::{Ipv6Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use gatehouse_integration::load::{self, Outcome};
use gatehouse_integration::{Config, Echo, Envoy, Response, Update, envoy};
use serde_json::{Value, json};

const FILE: &str = "envoy/rate-limit.yaml";

/// Where the plugin stands in the file.
const PLUGIN: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config";

/// One limit by the header `x-tenant` that no refill blurs: one more a day.
fn by_tenant(burst: usize, more: &str) -> String {
    format!("limits: [{{name: a, key: [{{header: x-tenant}}], rate: 1/1d, burst: {burst}{more}}}]")
}

fn start(echo: &Echo, plugin: &str, workers: u32) -> Envoy {
    Config::load(FILE)
        .upstream(echo)
        .plugin(plugin)
        .workers(workers)
        .start()
}

fn counted(envoy: &Envoy, what: &str) -> u64 {
    envoy.stat(&format!("wasmcustom.gatehouse.rate_limit.{what}.limit.a"))
}

fn ask(envoy: &Envoy, tenant: &str) -> Response {
    envoy.request("GET", "/").header("x-tenant", tenant).send()
}

/// How many of so many requests one after the other are admitted.
fn admitted(envoy: &Envoy, tenant: &str, requests: usize) -> usize {
    let statuses = (0..requests).map(|_| ask(envoy, tenant).status);
    statuses.filter(|status| *status == 200).count()
}

/// Waits for a line of the access log: Envoy writes it with a delay.
fn await_log(envoy: &Envoy, line: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !envoy.log().contains(line) {
        assert!(Instant::now() < deadline, "no {line:?} in the log");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn statuses<const N: usize>(statuses: [(u16, usize); N]) -> Outcome {
    Outcome {
        statuses: statuses.into(),
        failed: 0,
    }
}

#[test]
fn the_file_as_it_is() {
    envoy::validate(FILE).unwrap();
    let echo = Echo::start();
    let envoy = Config::load(FILE).upstream(&echo).start();

    let response = envoy
        .request("GET", "/orders")
        .header("x-echo-set-ratelimit", "\"theirs\";r=1")
        .send();
    assert_eq!(response.status, 200);
    assert_eq!(response.echoed().path, "/orders");
    assert_eq!(
        response.header("ratelimit-policy"),
        ["\"per-address\";q=10;w=1"]
    );
    assert_eq!(response.header("ratelimit"), ["\"per-address\";r=19;t=1"]);

    let response = envoy.get("/reports/1");
    assert_eq!(response.status, 400);
    assert_eq!(
        response.json(),
        json!({
            "type": "about:blank", "title": "Bad Request", "status": 400,
            "detail": "limit \"reports\": needs header x-tenant",
        })
    );

    let reports = |tenant: &str| {
        let request = envoy
            .request("GET", "/x/..//reports")
            .header("x-tenant", tenant);
        request.send()
    };
    let policy = |tenant: &str| {
        let policy = reports(tenant).header("ratelimit-policy");
        policy[0].split(", ").nth(1).map(str::to_owned)
    };
    assert_eq!(policy("other").unwrap(), "\"reports\";q=5;w=60");
    assert_eq!(policy("acme").unwrap(), "\"reports\";q=60;w=60");
}

#[test]
fn exactly_as_many_as_the_limit_on_all_workers_together() {
    let echo = Echo::start();
    for workers in [1, 4] {
        for limit in [1, 100, 1_500] {
            let envoy = start(&echo, &by_tenant(limit, ""), workers);
            let outcome = load::run(2_000, 64, |_| {
                envoy.request("GET", "/").header("x-tenant", "acme")
            });
            assert_eq!(
                outcome,
                statuses([(200, limit), (429, 2_000 - limit)]),
                "{limit} with {workers} workers"
            );
            assert_eq!(counted(&envoy, "admitted"), limit as u64);
            assert_eq!(counted(&envoy, "refused"), 2_000 - limit as u64);
            for what in ["contended", "store_failed", "host_failed", "evicted"] {
                assert_eq!(counted(&envoy, what), 0, "{what}");
            }
        }
    }
}

/// Every key is new to all workers at the same time: who creates its slot must be one of them only.
#[test]
fn exactly_one_for_each_of_many_new_keys() {
    let echo = Echo::start();
    let envoy = start(&echo, &by_tenant(1, ""), 4);
    let outcome = load::run(4_000, 64, |index| {
        let tenant = (index / 16).to_string();
        envoy.request("GET", "/").header("x-tenant", tenant)
    });
    assert_eq!(outcome, statuses([(200, 250), (429, 3_750)]));
}

/// All keys are in one slot: every charge contends with every other.
#[test]
fn exactly_as_many_in_one_slot() {
    let echo = Echo::start();
    let plugin = by_tenant(100, "") + "\nstore: {local: {slots: 1}}";
    let envoy = start(&echo, &plugin, 4);
    let outcome = load::run(2_000, 64, |index| {
        let tenant = (index % 8).to_string();
        envoy.request("GET", "/").header("x-tenant", tenant)
    });
    assert_eq!(outcome, statuses([(200, 800), (429, 1_200)]));
    for tenant in 0..8 {
        let left = ask(&envoy, &tenant.to_string());
        assert_eq!(left.status, 429, "{tenant} has had all of its 100");
    }
    assert_eq!(counted(&envoy, "evicted"), 0);
}

#[test]
fn a_refusal() {
    let echo = Echo::start();
    let plugin = "limits: [{name: a, key: [{header: x-tenant}], rate: 1/1h, burst: 1}]";
    let envoy = start(&echo, plugin, 1);
    assert_eq!(ask(&envoy, "acme").status, 200);

    let response = ask(&envoy, "acme");
    assert_eq!(response.status, 429);
    assert_eq!(response.header("ratelimit-policy"), ["\"a\";q=1;w=3600"]);
    assert_eq!(
        response.header("content-type"),
        ["application/problem+json"]
    );
    // A moment has passed since the first.
    let seconds: u64 = response.header("retry-after")[0].parse().unwrap();
    assert!((3_500..=3_600).contains(&seconds), "{seconds}");
    assert_eq!(
        response.header("ratelimit"),
        [format!("\"a\";r=0;t={seconds}")]
    );
    assert_eq!(
        response.json(),
        json!({
            "type": "about:blank", "title": "Too Many Requests", "status": 429,
            "detail": format!("limit \"a\": retry in {seconds} s"),
        })
    );

    let grpc = envoy
        .request("POST", "/service/method")
        .header("x-tenant", "acme")
        .header("content-type", "application/grpc")
        .send();
    assert_eq!(grpc.status, 200);
    assert_eq!(grpc.header("grpc-status"), ["8"]);
    assert_eq!(grpc.header("ratelimit-policy"), ["\"a\";q=1;w=3600"]);

    let two = envoy
        .request("GET", "/")
        .header("x-tenant", "new")
        .header("x-tenant", "acme")
        .send();
    assert_eq!(two.status, 400);

    let not_text = || {
        let request = envoy.request("GET", "/").header("x-tenant", b"\xff\xfe");
        request.send().status
    };
    assert_eq!([not_text(), not_text()], [200, 429]);

    for line in [
        "GET / 200 consumer=- denied=-",
        "GET / 429 consumer=- denied=rate_limit.over_limit.a",
        "GET / 400 consumer=- denied=rate_limit.key_ambiguous.a",
    ] {
        await_log(&envoy, line);
    }
    let metrics = envoy.admin("/stats/prometheus").text();
    let line = "gatehouse_rate_limit_refused{gatehouse_limit=\"a\"} 4";
    assert!(metrics.contains(line), "{line} in {metrics}");
}

#[test]
fn report() {
    let echo = Echo::start();
    let envoy = start(&echo, &by_tenant(2, ", mode: report"), 4);
    for _ in 0..5 {
        let response = ask(&envoy, "acme");
        assert_eq!(response.status, 200);
        for name in ["ratelimit", "ratelimit-policy", "retry-after"] {
            assert!(response.header(name).is_empty(), "{name}");
        }
    }
    assert_eq!(counted(&envoy, "admitted"), 2);
    assert_eq!(counted(&envoy, "would_refuse"), 3);
    assert_eq!(counted(&envoy, "refused"), 0);
}

/// Envoy itself is told to believe the proxy in front of it, so that any address can come in a header.
#[test]
fn addresses() {
    let echo = Echo::start();
    let plugin = "limits: [{name: a, key: [client_ip], rate: 1/1d, burst: 1}]";
    let envoy = Config::load(FILE)
        .upstream(&echo)
        .plugin(plugin)
        .edit(|root| {
            let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
            root.pointer_mut(manager).unwrap()["xff_num_trusted_hops"] = json!(1);
        })
        .start();
    let cases = [
        ("192.0.2.1", 200),
        ("192.0.2.1", 429),
        ("192.0.2.2", 200),
        ("::ffff:192.0.2.2", 429),
        ("2001:db8:0:1::1", 200),
        ("2001:db8:0:1:ffff::2", 429),
        ("2001:db8:0:2::1", 200),
        ("203.0.113.1, 192.0.2.1", 429),
    ];
    for (forwarded, status) in cases {
        let request = envoy
            .request("GET", "/")
            .header("x-forwarded-for", forwarded);
        assert_eq!(request.send().status, status, "{forwarded}");
    }
}

/// What the README warns of: with Envoy's default, the client's address is what the client says it is.
#[test]
fn addresses_without_use_remote_address() {
    let echo = Echo::start();
    for (hops, other_first_entry) in [(0, 429), (1, 200)] {
        let plugin = format!(
            "{{limits: [{{name: a, key: [client_ip], rate: 1/1d}}], trusted_hops: {hops}}}"
        );
        let envoy = Config::load(FILE)
            .upstream(&echo)
            .plugin(&plugin)
            .edit(|root| {
                let manager =
                    "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
                root.pointer_mut(manager).unwrap()["use_remote_address"] = json!(false);
            })
            .start();
        for (forwarded, status) in [
            ("192.0.2.1, 198.51.100.1", 200),
            ("192.0.2.1, 198.51.100.1", 429),
            ("192.0.2.2, 198.51.100.1", other_first_entry),
            ("192.0.2.3, 198.51.100.3", 200),
        ] {
            let request = envoy.request("GET", "/");
            let response = request.header("x-forwarded-for", forwarded).send();
            assert_eq!(response.status, status, "{hops}: {forwarded}");
        }
    }
}

/// Two values of a header that Envoy knows are one when they get here.
#[test]
fn headers_that_envoy_joins() {
    let echo = Echo::start();
    let plugin = "limits: [{name: a, key: [{header: authorization}], rate: 1/1d}]";
    let envoy = start(&echo, plugin, 1);
    let ask = |values: &[&str]| {
        let request = values
            .iter()
            .fold(envoy.request("GET", "/"), |request, value| {
                request.header("authorization", value)
            });
        request.send().status
    };
    assert_eq!(ask(&["a", "b"]), 200);
    assert_eq!(ask(&["a,b"]), 429);
    assert_eq!(ask(&["a", "c"]), 200);
}

#[test]
fn a_client_over_ipv6() {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        println!("skipped: this machine has no ::1");
        return;
    }
    let echo = Echo::start();
    let plugin = "limits: [{name: a, key: [client_ip], rate: 1/1d, burst: 1}]";
    let envoy = Config::load(FILE)
        .upstream(&echo)
        .plugin(plugin)
        .edit(|root| {
            let listeners = root.pointer_mut("/static_resources/listeners").unwrap();
            let mut second = listeners[0].clone();
            second["name"] = json!("ipv6");
            second["address"] = json!({"socket_address": {"address": "::1", "port_value": 10_001}});
            listeners.as_array_mut().unwrap().push(second);
        })
        .start();
    let over_ipv6 = SocketAddr::from((Ipv6Addr::LOCALHOST, envoy.address_of(10_001).port()));
    let ask = || {
        let request = gatehouse_integration::Request::new(over_ipv6, "GET", "/");
        request.send().status
    };
    assert_eq!([ask(), ask()], [200, 429]);
    // The listeners have one vm_id and one table; the other address has a bucket of its own.
    assert_eq!(envoy.get("/").status, 200);
    assert_eq!(envoy.get("/").status, 429);
}

#[test]
fn a_bad_configuration_is_refused_and_the_old_one_serves_on() {
    let bad = "
        limits:
        - {name: a, key: [{header: x-tenant}], rate: 0/1m}
        - {name: b, key: [consumr], rate: 1/1s, bursts: 2}";
    let expected = r#"configuration refused:
limits[0].rate: the rate "0/1m" lets nothing through (to refuse requests, use a rule of the auth filter)
limits[1].bursts: unknown field (did you mean "burst"?)
limits[1].key[0]: unknown word "consumr" (did you mean "consumer"?)"#;
    let echo = Echo::start();
    let config = |plugin: &str| Config::load(FILE).upstream(&echo).plugin(plugin).workers(2);

    let refused = config(bad).try_start().err().expect("Envoy refuses");
    assert!(refused.log.contains(expected), "{}", refused.log);

    let mut envoy = config(&by_tenant(3, "")).start_dynamic();
    assert_eq!(admitted(&envoy, "acme", 2), 2);
    let Update::Rejected { log } = envoy.update(&config(bad)) else {
        panic!("the update was accepted");
    };
    assert!(log.contains(expected), "{log}");
    assert_eq!(
        admitted(&envoy, "acme", 3),
        1,
        "the old limit, and its bucket"
    );

    // The bucket of a rate that fills it in the same three days is where it was, and empty; that of another begins anew.
    let same_time = "limits: [{name: a, key: [{header: x-tenant}], rate: 4/3d, burst: 4}]";
    for (plugin, expected) in [(same_time, 0), (by_tenant(4, "").as_str(), 3)] {
        let accepted = envoy.update(&config(plugin));
        assert!(matches!(accepted, Update::Accepted), "{accepted:?}");
        assert_eq!(admitted(&envoy, "acme", 3), expected, "{plugin}");
    }
}

/// What the store stands on, and no specification says: a version given for a key that is missing
/// creates it, and the largest of versions is that of no key.
#[test]
fn create_if_absent_in_shared_data() {
    // Answers each request with 200 and the status of the call: 0 Ok, 8 CasMismatch.
    let module = wat::parse_str(
        r#"(module
            (import "env" "proxy_set_shared_data"
                (func $set (param i32 i32 i32 i32 i32) (result i32)))
            (import "env" "proxy_send_local_response"
                (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "key")
            (func (export "proxy_abi_version_0_2_1"))
            (func (export "_initialize"))
            (func (export "proxy_on_memory_allocate") (param i32) (result i32) i32.const 1024)
            (func (export "proxy_on_context_create") (param i32 i32))
            (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                (call $reply
                    (i32.add (i32.const 200) (call $set
                        (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 3) (i32.const -1)))
                    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                    (i32.const 0) (i32.const 0) (i32.const -1))
                drop
                i32.const 1))"#,
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), module.unwrap()).unwrap();
    let echo = Echo::start();
    let envoy = Config::load(FILE)
        .upstream(&echo)
        .edit(|root| {
            let plugin: &mut Value = root.pointer_mut(PLUGIN).unwrap();
            plugin["vm_config"]["code"]["local"]["filename"] = json!(file.path());
        })
        .start();
    let statuses = [(); 3].map(|()| envoy.get("/").status);
    assert_eq!(statuses, [200, 208, 208]);
}
