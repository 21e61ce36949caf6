//! On stock Envoy with four workers and 64 connections, each limit admits exactly what it should.

#![allow(
    clippy::disallowed_methods,
    reason = "native test machinery: it has a clock of its own"
)]

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gatehouse_integration::load::{self, Outcome};
use gatehouse_integration::{Config, Envoy, Request};
use serde_json::json;

mod upstream;

use upstream::Upstream;

const FILE: &str = "envoy/rate-limit.yaml";

const WORKERS: u32 = 4;
const CONNECTIONS: usize = 64;
const RUNS: usize = 10;

/// Limits that no refill blurs, by the first segment of the path: one more a day, or in ten years.
const PLUGIN: &str = "
limits:
- {name: gcra-10, match: {path: {prefix: /gcra/10}}, key: [{header: x-run}], rate: 1/1d, burst: 10}
- {name: gcra-100, match: {path: {prefix: /gcra/100}}, key: [{header: x-run}], rate: 1/1d, burst: 100}
- {name: gcra-1000, match: {path: {prefix: /gcra/1000}}, key: [{header: x-run}], rate: 1/1d, burst: 1000}
- {name: gcra-10000, match: {path: {prefix: /gcra/10000}}, key: [{header: x-run}], rate: 1/1d, burst: 10000}
- {name: fixed-10, match: {path: {prefix: /fixed/10}}, key: [{header: x-run}], rate: 10/3650d, algorithm: fixed_window}
- {name: fixed-10000, match: {path: {prefix: /fixed/10000}}, key: [{header: x-run}], rate: 10000/3650d, algorithm: fixed_window}
- {name: fixed-100, match: {path: {prefix: /fixed/100}}, key: [{header: x-run}], rate: 100/3650d, algorithm: fixed_window}
- {name: fixed-1000, match: {path: {prefix: /fixed/1000}}, key: [{header: x-run}], rate: 1000/3650d, algorithm: fixed_window}
- {name: sliding-10, match: {path: {prefix: /sliding/10}}, key: [{header: x-run}], rate: 10/3650d, algorithm: sliding_window}
- {name: sliding-10000, match: {path: {prefix: /sliding/10000}}, key: [{header: x-run}], rate: 10000/3650d, algorithm: sliding_window}
- {name: sliding-100, match: {path: {prefix: /sliding/100}}, key: [{header: x-run}], rate: 100/3650d, algorithm: sliding_window}
- {name: sliding-1000, match: {path: {prefix: /sliding/1000}}, key: [{header: x-run}], rate: 1000/3650d, algorithm: sliding_window}
- {name: several, match: {path: {prefix: /several/500}}, key: [{header: x-run}], rate: [500/3650d, 800/3000d, 1000/2000d], algorithm: fixed_window}
store: {local: {slots: 1024}}";

fn start(plugin: &str, upstream: Option<&Upstream>) -> Envoy {
    let config = Config::load(FILE).plugin(plugin).workers(WORKERS);
    let config = match upstream {
        Some(upstream) => config.endpoint(18080, upstream.address()),
        // Answered by Envoy itself: a limit says the same, and the test is fast.
        None => config.edit(|root| {
            let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
            let manager = root.pointer_mut(manager).unwrap();
            manager["access_log"] = json!([]);
            manager["route_config"]["virtual_hosts"][0]["routes"] = json!([
                {"match": {"prefix": "/"}, "direct_response": {"status": 200}},
            ]);
        }),
    };
    config.start()
}

fn counted(envoy: &Envoy, what: &str) -> u64 {
    let prefix = format!("wasmcustom.gatehouse.rate_limit.{what}.limit.");
    let stats = envoy.stats().into_iter();
    stats
        .filter_map(|(name, count)| name.starts_with(&prefix).then_some(count))
        .sum()
}

/// As many as the limit, of half as many again and what the connections need to come at once.
fn run(envoy: &Envoy, path: &str, limit: usize, run: usize) {
    let requests = limit + limit / 5 + 2 * CONNECTIONS;
    let key = run.to_string();
    let outcome = load::run(requests, CONNECTIONS, |_| {
        envoy.request("GET", path).header("x-run", &key)
    });
    let expected = Outcome {
        statuses: [(200, limit), (429, requests - limit)].into(),
        failed: 0,
    };
    assert_eq!(outcome, expected, "{path}, run {run}");
}

#[test]
fn exactly_as_many_as_the_limit() {
    let envoy = start(PLUGIN, None);
    let mut admitted = 0;
    for (path, limit) in [
        ("/gcra/10", 10),
        ("/gcra/100", 100),
        ("/gcra/1000", 1_000),
        ("/gcra/10000", 10_000),
        ("/fixed/10", 10),
        ("/fixed/100", 100),
        ("/fixed/1000", 1_000),
        ("/fixed/10000", 10_000),
        ("/sliding/10", 10),
        ("/sliding/100", 100),
        ("/sliding/1000", 1_000),
        ("/sliding/10000", 10_000),
        ("/several/500", 500),
    ] {
        for number in 0..RUNS {
            run(&envoy, path, limit, number);
            admitted += limit as u64;
        }
    }
    assert_eq!(counted(&envoy, "admitted"), admitted);
    for what in ["contended", "store_failed", "host_failed", "evicted"] {
        assert_eq!(counted(&envoy, what), 0, "{what}");
    }
}

/// Of 64 requests at once exactly as many are in flight as the limit; when they are over, all places are
/// free again.
#[test]
fn exactly_as_many_in_flight() {
    let plugin = "
limits:
- {name: ten, match: {path: {prefix: /hold/10}}, key: [{header: x-run}], algorithm: concurrency, limit: 10}
- {name: fifty, match: {path: {prefix: /hold/50}}, key: [{header: x-run}], algorithm: concurrency, limit: 50}";
    let upstream = Upstream::start();
    let envoy = start(plugin, Some(&upstream));
    for (path, limit) in [("/hold/10", 10), ("/hold/50", 50)] {
        for run in 0..RUNS {
            let request = envoy.request("GET", path).header("x-run", run.to_string());
            let outcome = at_once(&request, CONNECTIONS - limit, &upstream);
            let expected = Outcome {
                statuses: [(200, limit), (429, CONNECTIONS - limit)].into(),
                failed: 0,
            };
            assert_eq!(outcome, expected, "{path}, run {run}");
            // Envoy tells the filter of the end of a stream after the client has the answer.
            let all_but_its_own = format!(";r={}", limit - 1);
            let are_free = || request.send().header("ratelimit")[0].ends_with(&all_but_its_own);
            upstream.answer(are_free);
        }
    }
    assert_eq!(counted(&envoy, "not_released"), 0);
    assert_eq!(counted(&envoy, "contended"), 0);
}

/// As many requests as there are connections, all at once; the upstream answers when so many were
/// refused, or when it is clear that they won't be.
fn at_once(request: &Request, refusals: usize, upstream: &Upstream) -> Outcome {
    let (refused, start) = (AtomicUsize::new(0), Barrier::new(CONNECTIONS));
    let send = || {
        start.wait();
        let status = request.try_send().map(|response| response.status).ok();
        if status == Some(429) {
            refused.fetch_add(1, Ordering::Relaxed);
        }
        status
    };
    let mut outcome = Outcome::default();
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(send)).collect();
        let deadline = Instant::now() + Duration::from_secs(60);
        while refused.load(Ordering::Relaxed) < refusals && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        upstream.answer(|| clients.iter().all(|client| client.is_finished()));
        for client in clients {
            match client.join().unwrap() {
                Some(status) => *outcome.statuses.entry(status).or_default() += 1,
                None => outcome.failed += 1,
            }
        }
    });
    outcome
}
