//! What requests cost by their responses, on stock Envoy: documents, streams in pieces, compressed bodies,
//! streams that end early; and that no body takes memory.

#![allow(
    clippy::disallowed_methods,
    reason = "native test machinery: it has a clock of its own"
)]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use gatehouse_integration::{Config, Envoy};
use serde_json::json;

#[path = "rate_limit_cost/upstream.rs"]
mod upstream;

use upstream::Upstream;

const FILE: &str = "envoy/rate-limit.yaml";

fn start(upstream: &Upstream, cost: &str) -> Envoy {
    let plugin = format!(
        "limits: [{{name: a, key: [{{header: x-tenant}}], rate: 1/1s, burst: 1000, cost: {cost}}}]"
    );
    Config::load(FILE)
        .endpoint(18080, upstream.address())
        .plugin(&plugin)
        .workers(2)
        // The largest bodies may take their time.
        .edit(|root| {
            let routes =
                "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/route_config";
            let routes = root.pointer_mut(routes).unwrap();
            routes["virtual_hosts"][0]["routes"][0]["route"]["timeout"] = json!("0s");
        })
        .start()
}

fn name(what: &str) -> String {
    format!("wasmcustom.gatehouse.rate_limit.{what}.limit.a")
}

/// Waits until so much has been charged in all.
fn await_cost(envoy: &Envoy, cost: u64) {
    envoy.await_stat(&name("cost"), cost);
}

#[test]
fn by_the_body() {
    let upstream = Upstream::start();
    let envoy = start(
        &upstream,
        "{response_json: /usage/total_tokens, default: 5, max: 700}",
    );
    // What each answer costs, and what is counted beside it.
    let cases = [
        ("/json", 42, None),
        ("/json/bytewise", 42, None),
        ("/json/large", 42, None),
        ("/json/trailers", 42, None),
        ("/json/expensive", 700, Some("cost_capped")),
        ("/json/none", 5, Some("cost_absent")),
        ("/empty", 5, Some("cost_absent")),
        ("/html", 5, Some("cost_malformed")),
        ("/gzip", 5, Some("cost_encoded")),
        ("/negotiated", 42, None),
        ("/sse", 17, None),
        ("/sse/bytewise", 17, None),
        ("/sse/none", 5, Some("cost_absent")),
        ("/cut/before", 5, Some("cost_malformed")),
        ("/cut/after", 42, None),
        ("/sse/cut", 17, None),
    ];
    let mut sum = 0;
    for (path, cost, counted) in cases {
        let before = counted.map(|what| envoy.stat(&name(what)));
        // A client that would have each answer compressed.
        let request = envoy
            .request("GET", path)
            .header("x-tenant", path)
            .header("accept-encoding", "gzip");
        // Of a body that breaks off there is no complete answer.
        let answer = request.try_send();
        assert_eq!(answer.is_ok(), !path.contains("cut"), "{path}");
        assert!(
            answer.is_ok_and(|answer| answer.status != 429) || path.contains("cut"),
            "{path}"
        );
        sum += cost;
        await_cost(&envoy, sum);
        if let (Some(what), Some(before)) = (counted, before) {
            envoy.await_stat(&name(what), before + 1);
        }
    }
    assert_eq!(envoy.stat(&name("admitted")), 16);
    assert!(!envoy.log().contains("proxy_on"), "no trap");
}

/// The client goes in the middle of a stream: what was said by then is charged, or the default.
#[test]
fn clients_that_hang_up() {
    let upstream = Upstream::start();
    let envoy = start(
        &upstream,
        "{response_json: /usage/total_tokens, default: 5}",
    );
    let mut sum = 0;
    for (path, cost) in [("/endless/none", 5), ("/endless/seventeen", 17)] {
        let mut stream = TcpStream::connect(envoy.address()).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: a.test\r\nx-tenant: {path}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut read = Vec::new();
        while read.windows(4).filter(|four| four == b"ping").count() < 3 {
            let mut some = [0; 256];
            let count = stream.read(&mut some).unwrap();
            assert!(count > 0, "{path}");
            read.extend_from_slice(&some[..count]);
        }
        drop(stream);
        sum += cost;
        await_cost(&envoy, sum);
    }
}

#[test]
fn by_a_header_of_the_response() {
    let upstream = Upstream::start();
    let envoy = start(&upstream, "{response_header: x-cost, default: 5}");
    let mut sum = 0;
    for (path, cost) in [("/header", 33), ("/json", 5)] {
        let request = envoy.request("GET", path).header("x-tenant", path);
        assert_eq!(request.send().status, 200, "{path}");
        sum += cost;
        await_cost(&envoy, sum);
    }
    assert_eq!(envoy.stat(&name("cost_absent")), 1);
}

/// Admitted while there is room for 1; then the debt keeps the key out, and nobody else.
#[test]
fn debts() {
    let upstream = Upstream::start();
    let plugin = "
        limits:
        - {name: a, key: [{header: x-tenant}], rate: 1/10s, burst: 50, cost: {response_json: /usage/total_tokens}}
        response_headers: legacy";
    let envoy = Config::load(FILE)
        .endpoint(18080, upstream.address())
        .plugin(plugin)
        .workers(2)
        .start();
    let ask = |tenant: &str| {
        envoy
            .request("GET", "/json")
            .header("x-tenant", tenant)
            .send()
    };
    let answer = ask("acme");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-ratelimit-limit"), ["50"]);
    // What the answer costs is not known when its headers go.
    assert_eq!(answer.header("x-ratelimit-remaining"), ["49"]);
    await_cost(&envoy, 42);
    let answer = ask("acme");
    assert_eq!(answer.status, 200);
    let remaining: u64 = answer.header("x-ratelimit-remaining")[0].parse().unwrap();
    assert!((7..=9).contains(&remaining), "{remaining}");
    await_cost(&envoy, 84);
    let answer = ask("acme");
    assert_eq!(answer.status, 429);
    // 34 are owed, and one is wanted; some of it may have come in meanwhile.
    let retry: u64 = answer.header("retry-after")[0].parse().unwrap();
    assert!((330..=350).contains(&retry), "{retry}");
    assert_eq!(
        answer.json()["detail"],
        format!("limit \"a\": retry in {retry} s")
    );
    assert_eq!(ask("other").status, 200);
}

/// Whatever an upstream sends, it passes, and nothing of it stays.
#[test]
fn bodies_of_any_size() {
    let upstream = Upstream::start();
    let envoy = start(
        &upstream,
        "{response_json: /usage/total_tokens, default: 5}",
    );
    let ask = |path: &str| {
        let request = envoy.request("GET", path).header("x-tenant", path);
        let answer = request.send();
        assert_eq!(answer.body.len(), upstream::HOSTILE, "{path}");
    };
    ask("/hostile/deep");
    await_cost(&envoy, 5);
    let before = envoy.resident_kib();
    let mut sum = 5;
    for path in [
        "/hostile/deep",
        "/hostile/text",
        "/hostile/events",
        "/hostile/deep",
    ] {
        ask(path);
        sum += 5;
        await_cost(&envoy, sum);
    }
    std::thread::sleep(Duration::from_millis(100));
    let grown = envoy.resident_kib().saturating_sub(before);
    assert!(grown < 16 * 1024, "{grown} KiB more");
}
