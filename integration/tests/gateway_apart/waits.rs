//! A client that takes its time over a body that `auth` waits for: the filters after that one ask their services all
//! the same.

use super::pair::{Endpoints, Pair, open, rest};
use gatehouse_integration::{Echo, Envoy, RateLimitServer, Reply};
use gatehouse_rate_limit_service::{
    CODE_OK, CODE_OVER_LIMIT, DescriptorStatus, RateLimitRequest, RateLimitResponse,
};
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const FILTERS: &str = r#"
- auth:
    providers:
      hook: {hmac: {scheme: github, keys: [{consumer: hub, secret: "${env:HOOK_KEY}"}], body: {timeout: 1s}}}
      keys: {api_key: {from: [{header: x-api-key}], consumers: [{name: dev, key: "${env:DEV_KEY}"}]}}
    rules: [{require: {any_of: [hook, keys]}}]
- rate_limit:
    limits: [{name: per-consumer, key: [consumer], rate: 2/1h}]
    store: {global: {cluster: limits, domain: gatehouse, timeout: 10s, on_error: ON_ERROR}}
    response_headers: none
"#;

/// Answers yes twice, whoever it is asked about, and counts.
fn counting(asked: Arc<AtomicU32>) -> RateLimitServer {
    RateLimitServer::start(move |_: RateLimitRequest| {
        let code = match asked.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => CODE_OK,
            _ => CODE_OVER_LIMIT,
        };
        Reply::Answer(RateLimitResponse {
            overall_code: code,
            statuses: vec![DescriptorStatus {
                code,
                ..DescriptorStatus::default()
            }],
        })
    })
}

/// A good key, beside a signature that says that the body is to be waited for, for longer than that is done.
fn slow(envoy: &Envoy) -> String {
    const ANSWERED: &str = "cluster.limits.upstream_rq_completed";
    let answered = envoy.stat(ANSWERED);
    let begun = Instant::now();
    let signature = "0".repeat(64);
    let mut stream = open(
        envoy.address(),
        &format!(
            "POST / HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\nx-case: slow\r\nx-api-key: dev-key-1\r\n\
             x-hub-signature-256: sha256={signature}\r\ncontent-length: 10\r\n\r\n"
        ),
    );
    let patience = stream.read_timeout().expect("a socket");
    stream
        .set_read_timeout(Some(Duration::from_millis(800)))
        .expect("a socket");
    let early = stream.peek(&mut [0]);
    assert!(
        early.is_err() || begun.elapsed() >= Duration::from_secs(1),
        "auth waits for the body: {early:?}"
    );
    stream.set_read_timeout(patience).expect("a socket");
    // No byte of the body has come.
    envoy.await_stat(ANSWERED, answered + 1);
    // A denial may have come already.
    let _ = stream.write_all(b"0123456789");
    let answer = rest(stream);
    answer.split(' ').nth(1).unwrap_or("none").to_owned()
}

#[test]
fn a_slow_body_does_not_spare_a_client_the_limit() {
    for on_error in ["allow", "deny"] {
        let counts = [Arc::<AtomicU32>::default(), Arc::default()];
        let limits = counts.clone().map(counting);
        let echo = Echo::start();
        let to = Endpoints {
            limits: Some([limits[0].address(), limits[1].address()]),
            ..Endpoints::of(&echo)
        };
        let pair = Pair::start(&FILTERS.replace("ON_ERROR", on_error), to, |_| {});
        let statuses = pair.both(on_error, |envoy| [(); 3].map(|()| slow(envoy)));
        assert_eq!(statuses, ["200", "200", "429"], "{on_error}");
        let counts = counts.map(|count| count.load(Ordering::Relaxed));
        assert_eq!(counts, [3, 3], "{on_error}");
        let (_, metrics) = pair.compare(on_error, 3);
        let failed = metrics
            .keys()
            .filter(|name| name.contains("service_failed"));
        let failed: u64 = failed.map(|name| metrics[name]).sum();
        assert_eq!(failed, 0, "{on_error}: {metrics:?}");
    }
}
