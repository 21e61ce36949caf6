//! A store that several Envoys share, on stock Envoy: what becomes of requests whatever the service does.

#![allow(
    clippy::disallowed_methods,
    reason = "native test machinery: it has a clock of its own"
)]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gatehouse_integration::{
    Config, Echo, Envoy, RateLimitServer, Refusing, Reply, Response, envoy, load,
};
use gatehouse_rate_limit_service::{
    CODE_OK, CODE_OVER_LIMIT, DescriptorStatus, Duration as Reset, Limit, RateLimitRequest,
    RateLimitResponse,
};
use serde_json::json;

const FILE: &str = "envoy/rate-limit-global.yaml";

/// Where the file says how long a request waits for the service.
const TIMEOUT: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0\
    /typed_config/config/configuration/value/store/global/timeout";

/// Where the file has the service.
const SERVICE_PORT: u16 = 18081;

fn plugin(more: &str) -> String {
    format!(
        "limits: [{{name: a, key: [{{header: x-tenant}}], rate: 100/1h}}]\n\
         store: {{global: {{cluster: ratelimit, domain: gatehouse{more}}}}}"
    )
}

fn start(echo: &Echo, server: &RateLimitServer, more: &str, workers: u32) -> Envoy {
    Config::load(FILE)
        .upstream(echo)
        .endpoint(SERVICE_PORT, server.address())
        .plugin(&plugin(more))
        .workers(workers)
        .start()
}

fn counted(envoy: &Envoy, what: &str) -> u64 {
    envoy.stat(&format!("wasmcustom.gatehouse.rate_limit.{what}"))
}

fn ask(envoy: &Envoy, tenant: &str) -> Response {
    envoy.request("GET", "/").header("x-tenant", tenant).send()
}

fn status(code: i32, limit_remaining: u32) -> DescriptorStatus {
    DescriptorStatus {
        code,
        current_limit: Some(Limit {
            requests_per_unit: 100,
            unit: 3,
        }),
        limit_remaining,
        duration_until_reset: Some(Reset {
            seconds: 1_800,
            nanos: 0,
        }),
    }
}

fn answer(code: i32, left: u32) -> Reply {
    Reply::Answer(RateLimitResponse {
        overall_code: code,
        statuses: vec![status(code, left)],
    })
}

/// A hundred for everybody together in a window of half an hour, counted as envoyproxy/ratelimit does: what is refused is
/// counted too.
struct Hundred {
    used: AtomicU32,
    began: Instant,
}

impl Hundred {
    fn new() -> Self {
        Self {
            used: AtomicU32::new(0),
            began: Instant::now(),
        }
    }

    fn answer(&self, question: &RateLimitRequest) -> Reply {
        let cost = question.hits_addend.max(1);
        let used = self.used.fetch_add(cost, Ordering::SeqCst) + cost;
        let (code, left) = match 100_u32.checked_sub(used) {
            Some(left) => (CODE_OK, left),
            None => (CODE_OVER_LIMIT, 0),
        };
        let mut status = status(code, left);
        let passed = i64::try_from(self.began.elapsed().as_secs()).unwrap();
        status.duration_until_reset = Some(Reset {
            seconds: 1_800 - passed,
            nanos: 0,
        });
        Reply::Answer(RateLimitResponse {
            overall_code: code,
            statuses: vec![status],
        })
    }
}

fn hundred() -> RateLimitServer {
    let hundred = Hundred::new();
    RateLimitServer::start(move |question| hundred.answer(&question))
}

#[test]
fn the_file_as_it_is() {
    envoy::validate(FILE).unwrap();
    let echo = Echo::start();
    let questions = Arc::new(Mutex::new(Vec::<RateLimitRequest>::new()));
    let asked = questions.clone();
    let server = RateLimitServer::start(move |question| {
        asked.lock().unwrap().push(question);
        answer(CODE_OK, 41)
    });
    let envoy = Config::load(FILE)
        .upstream(&echo)
        .endpoint(SERVICE_PORT, server.address())
        // All but this: a busy machine takes longer.
        .edit(|root| {
            let timeout = root.pointer_mut(TIMEOUT).unwrap();
            assert_eq!(*timeout, "50ms");
            *timeout = json!("10s");
        })
        .start();
    let response = ask(&envoy, "acme");
    assert_eq!(response.status, 200);
    assert_eq!(
        response.header("ratelimit-policy"),
        ["\"per-tenant\";q=100;w=3600"]
    );
    assert_eq!(response.header("ratelimit"), ["\"per-tenant\";r=41;t=1800"]);
    let questions = questions.lock().unwrap();
    let [question] = &**questions else {
        panic!("{questions:?}");
    };
    assert_eq!(question.domain, "gatehouse");
    let entries = question.descriptors[0].entries.iter();
    let entries: Vec<_> = entries.map(|entry| (&*entry.key, &*entry.value)).collect();
    assert_eq!(
        entries,
        [("limit", "per-tenant"), ("header.x-tenant", "acme")]
    );
    assert_eq!(envoy.get("/").status, 400);
    assert_eq!(questions.len(), 1);
}

#[test]
fn exactly_as_many_as_the_service_says() {
    let echo = Echo::start();
    let server = hundred();
    let envoy = start(&echo, &server, ", timeout: 5s", 2);
    let outcome = load::run(1_000, 32, |_| {
        envoy.request("GET", "/").header("x-tenant", "acme")
    });
    assert_eq!((outcome.count(200), outcome.count(429)), (100, 900));
    assert_eq!(counted(&envoy, "service.calls"), 1_000);
    assert_eq!(counted(&envoy, "admitted.limit.a"), 100);
    assert_eq!(counted(&envoy, "refused.limit.a"), 900);
    let response = ask(&envoy, "acme");
    let retry = response.header("retry-after").join(", ");
    assert!((1_700..=1_800).contains(&retry.parse::<u32>().unwrap()));
    let told = format!("\"a\";r=0;t={retry}");
    assert_eq!(response.header("ratelimit"), [told]);
}

/// Shares of ten, and three times as many requests at once: never more than the service gave, at most a share less,
/// and hardly any question.
#[test]
fn a_lease() {
    leased(32, 100);
}

/// As a lease is meant: what is under way fits into a share.
#[test]
fn a_lease_that_is_larger_than_what_is_under_way() {
    leased(2, 40);
}

fn leased(connections: usize, most_calls: u64) {
    let echo = Echo::start();
    let server = hundred();
    let envoy = start(&echo, &server, ", timeout: 5s, lease: 10%", 2);
    let outcome = load::run(1_000, connections, |_| {
        envoy.request("GET", "/").header("x-tenant", "acme")
    });
    let admitted = outcome.count(200);
    let calls = counted(&envoy, "service.calls");
    println!(
        "admitted {admitted} of 100, {calls} calls, {} leased",
        counted(&envoy, "leased.limit.a")
    );
    assert!((91..=100).contains(&admitted), "{outcome:?}");
    assert_eq!(outcome.count(429), 1_000 - admitted);
    assert!(calls <= most_calls, "{calls}");
    // Nobody is asked any more.
    assert_eq!(ask(&envoy, "acme").status, 429);
    assert_eq!(counted(&envoy, "service.calls"), calls);
}

/// One worker's question is answered late, again and again: the other one's requests are not asked about one by one.
#[test]
fn a_lease_and_slow_answers() {
    let echo = Echo::start();
    let (hundred, asked) = (Hundred::new(), AtomicU32::new(0));
    let server = RateLimitServer::start(move |question| {
        let reply = hundred.answer(&question);
        match asked.fetch_add(1, Ordering::SeqCst) % 3 {
            0 => Reply::After(Duration::from_millis(200), Box::new(reply)),
            _ => reply,
        }
    });
    let envoy = start(&echo, &server, ", timeout: 5s, lease: 10%", 2);
    let outcome = load::run(1_000, 4, |_| {
        envoy.request("GET", "/").header("x-tenant", "acme")
    });
    let (admitted, calls) = (outcome.count(200), counted(&envoy, "service.calls"));
    println!("admitted {admitted} of 100, {calls} calls");
    assert!((91..=100).contains(&admitted), "{outcome:?}");
    assert_eq!(outcome.count(429), 1_000 - admitted);
    assert!(calls <= 40, "{calls}");
}

/// Expressions are about the request, also of limits that it waits for: Envoy evaluates them only before.
#[test]
fn expressions_and_a_wait() {
    let echo = Echo::start();
    let server = RateLimitServer::start(|question| {
        let count = question.descriptors.len();
        let statuses = vec![status(CODE_OK, 7); count];
        Reply::Answer(RateLimitResponse {
            overall_code: CODE_OK,
            statuses,
        })
    });
    for lease in ["", ", lease: 10"] {
        let plugin = format!(
            "limits:\n\
             - {{name: all, key: [{{header: x-tenant}}], rate: 100/1h}}\n\
             - {{name: posts, match: {{when: \"request.method == 'POST'\"}}, key: [{{header: x-tenant}}], rate: 50/1h}}\n\
             store: {{global: {{cluster: ratelimit, domain: gatehouse, timeout: 5s{lease}}}}}"
        );
        let envoy = Config::load(FILE)
            .upstream(&echo)
            .endpoint(SERVICE_PORT, server.address())
            .plugin(&plugin)
            .start();
        for (method, limits) in [("GET", 1), ("POST", 2)] {
            let request = envoy.request(method, "/").header("x-tenant", method);
            let response = request.send();
            assert_eq!(response.status, 200, "{method}{lease}");
            let policy = response.header("ratelimit-policy").join(", ");
            assert_eq!(policy.matches(";q=").count(), limits, "{policy}");
        }
        assert_eq!(counted(&envoy, "admitted.limit.posts"), 1);
        assert_eq!(counted(&envoy, "expression_failed.limit.posts"), 0);
    }
}

/// Whatever the service sends, requests get what `on_error` says, and Envoy lives.
#[test]
fn answers_that_are_none() {
    let echo = Echo::start();
    let many = RateLimitResponse {
        overall_code: CODE_OK,
        statuses: vec![status(CODE_OK, 1); 2],
    };
    let cases = [
        ("garbage", Reply::Bytes(vec![0xff; 100]), "malformed"),
        ("nothing", Reply::Bytes(Vec::new()), "malformed"),
        (
            "enormous",
            Reply::Bytes(vec![0x0a; 4 * 1024 * 1024]),
            "malformed",
        ),
        ("an unknown code", answer(77, 1), "malformed"),
        ("two statuses", Reply::Answer(many), "malformed"),
        ("UNAVAILABLE", Reply::Status(14), "status"),
        ("OK without a message", Reply::Status(0), "status"),
        ("no gRPC at all", Reply::Http(500), "status"),
    ];
    let next = Arc::new(Mutex::new(Reply::Status(0)));
    let reply = next.clone();
    let server = RateLimitServer::start(move |_| reply.lock().unwrap().clone());
    for (on_error, expected) in [("deny", 503), ("allow", 200)] {
        let envoy = start(
            &echo,
            &server,
            &format!(", timeout: 5s, on_error: {on_error}"),
            1,
        );
        for (name, reply, counter) in &cases {
            *next.lock().unwrap() = reply.clone();
            let before = counted(&envoy, &format!("service.{counter}"));
            assert_eq!(ask(&envoy, name).status, expected, "{name}");
            assert_eq!(
                counted(&envoy, &format!("service.{counter}")),
                before + 1,
                "{name}"
            );
        }
        assert_eq!(
            counted(&envoy, "service_failed.limit.a"),
            cases.len() as u64
        );
        assert_eq!(
            envoy
                .await_log("rate_limit: calls of the service fail", 1)
                .len(),
            1
        );
        *next.lock().unwrap() = answer(CODE_OK, 5);
        assert_eq!(ask(&envoy, "works").status, 200);
    }
}

/// A service that answers after the timeout: nobody waits for it, and its answer finds nobody.
#[test]
fn too_late() {
    let echo = Echo::start();
    let late = || {
        Reply::After(
            Duration::from_secs(30),
            Box::new(answer(CODE_OVER_LIMIT, 0)),
        )
    };
    let server = RateLimitServer::start(move |_| late());
    for (on_error, expected) in [("deny", 503), ("allow", 200), ("local", 200)] {
        let more = format!(", timeout: 200ms, on_error: {on_error}");
        let envoy = start(&echo, &server, &more, 1);
        let began = Instant::now();
        let outcome = load::run(60, 20, |index| {
            envoy
                .request("GET", "/")
                .header("x-tenant", index.to_string())
        });
        assert_eq!(outcome.count(expected), 60, "{on_error}: {outcome:?}");
        // Three in a row, none of which waited for an answer.
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "{:?}",
            began.elapsed()
        );
        assert_eq!(counted(&envoy, "service.timed_out"), 60, "{on_error}");
        assert_eq!(counted(&envoy, "service_failed.limit.a"), 60, "{on_error}");
    }
}

/// A cluster that is not there, and one where nobody listens.
#[test]
fn nobody_to_ask() {
    let echo = Echo::start();
    let gone = Refusing::start();
    let plugin = |cluster: &str| {
        plugin(", timeout: 10s").replace("cluster: ratelimit", &format!("cluster: {cluster}"))
    };
    for (cluster, counter) in [("nowhere", "not_sent"), ("ratelimit", "status")] {
        let envoy = Config::load(FILE)
            .upstream(&echo)
            .endpoint(SERVICE_PORT, gone.address())
            .plugin(&plugin(cluster))
            .start();
        let response = ask(&envoy, "acme");
        assert_eq!(response.status, 503, "{cluster}");
        assert_eq!(response.json()["detail"], "limit \"a\": not available");
        assert_eq!(
            counted(&envoy, &format!("service.{counter}")),
            1,
            "{cluster}"
        );
        envoy.await_log("denied=rate_limit.service_failed.a", 1);
    }
}

/// Clients that go away while their requests wait: nothing breaks, and nothing of them stays.
#[test]
fn clients_that_go_away() {
    use std::io::Write as _;
    let echo = Echo::start();
    let slow = || Reply::After(Duration::from_millis(300), Box::new(answer(CODE_OK, 5)));
    let server = RateLimitServer::start(move |_| slow());
    let envoy = start(&echo, &server, ", timeout: 10s", 1);
    for _ in 0..3 {
        for _ in 0..50 {
            let mut client = std::net::TcpStream::connect(envoy.address()).unwrap();
            client
                .write_all(b"GET / HTTP/1.1\r\nhost: a\r\nx-tenant: acme\r\n\r\n")
                .unwrap();
            drop(client);
        }
        assert_eq!(ask(&envoy, "acme").status, 200);
    }
    assert!(
        !envoy.log().contains("Proxy-Wasm failed"),
        "{}",
        envoy.log()
    );
    assert_eq!(ask(&envoy, "acme").status, 200);
}
