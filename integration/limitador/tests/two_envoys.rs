//! Two Envoys that share one limit, and what becomes of requests when the service does not answer.

#![allow(
    clippy::disallowed_methods,
    reason = "native test machinery: it has a clock of its own"
)]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use gatehouse_integration::load::{self, Outcome};
use gatehouse_integration::{Config, Echo, Envoy, repository};
use gatehouse_limitador::{Limitador, Redis};

const FILE: &str = "envoy/rate-limit-global.yaml";
const SERVICE_PORT: u16 = 18081;
const README: &str = "filters/rate-limit/README.md";

/// The limit of these tests, as operators write it for Limitador.
fn limits(count: u32, seconds: u32) -> String {
    format!(
        "- namespace: gatehouse\n  \
           max_value: {count}\n  \
           seconds: {seconds}\n  \
           conditions: [\"descriptors[0].limit == 'a'\"]\n  \
           variables: [\"descriptors[0]['header.x-tenant']\"]\n"
    )
}

fn start(echo: &Echo, service: &Limitador, rate: &str, more: &str) -> Envoy {
    let plugin = format!(
        "limits: [{{name: a, key: [{{header: x-tenant}}], rate: {rate}}}]\n\
         store: {{global: {{cluster: ratelimit, domain: gatehouse{more}}}}}"
    );
    Config::load(FILE)
        .upstream(echo)
        .endpoint(SERVICE_PORT, service.address())
        .plugin(&plugin)
        .workers(2)
        .start()
}

fn counted(envoy: &Envoy, what: &str) -> u64 {
    envoy.stat(&format!("wasmcustom.gatehouse.rate_limit.{what}"))
}

/// So many requests of one tenant, half of them to each.
fn both(envoys: &[Envoy; 2], requests: usize) -> Outcome {
    load::run_each(requests, 32, |index| {
        envoys[index % 2]
            .request("GET", "/")
            .header("x-tenant", "acme")
    })
}

#[test]
fn exactly_as_many_as_the_limit_on_two_envoys_together() {
    let echo = Echo::start();
    for statuses in [false, true] {
        let redis = Redis::start();
        let service = Limitador::start(&redis, &limits(300, 3_600), statuses);
        let pair = || start(&echo, &service, "300/1h", ", timeout: 10s");
        let envoys = [pair(), pair()];
        let outcome = both(&envoys, 1_000);
        assert_eq!(outcome.count(200), 300, "{outcome:?}");
        assert_eq!(outcome.count(429), 700, "{outcome:?}");
    }
}

/// What a lease can be off by, measured: never more than the limit within one window of the service; less by
/// what the Envoys still hold, and none where the service hands out the last ones one by one.
#[test]
fn a_lease_on_two_envoys() {
    let (echo, limit) = (Echo::start(), 400);
    for statuses in [true, false] {
        let redis = Redis::start();
        let service = Limitador::start(&redis, &limits(400, 3_600), statuses);
        let pair = || start(&echo, &service, "400/1h", ", timeout: 10s, lease: 10%");
        let envoys = [pair(), pair()];
        let began = Instant::now();
        let outcome = both(&envoys, 2_000);
        let seconds = began.elapsed().as_secs();
        let admitted = outcome.count(200);
        let calls: u64 = envoys
            .iter()
            .map(|envoy| counted(envoy, "service.calls"))
            .sum();
        println!(
            "statuses {statuses}: {admitted} of {limit} admitted, {calls} calls for 2000 requests"
        );
        assert!(admitted <= limit, "{outcome:?}");
        // Each holds at most 1.75 shares, and what 32 requests cost that waited.
        assert!(admitted + 2 * (70 + 32) >= limit, "{outcome:?}");
        // A refusal that does not say until when is believed for a part of a second.
        let most = if statuses {
            80
        } else {
            60 + 16 * (seconds + 1)
        };
        assert!(calls <= most, "{calls} in {seconds} s");
        assert_eq!(outcome.count(429), 2_000 - admitted, "{outcome:?}");
    }
}

/// Windows of two seconds, several of them: what is served in one may have been charged to the one before, up to
/// what two Envoys hold, 1.75 shares each. Over all of them it is no more than the rate.
#[test]
fn a_lease_over_windows() {
    const WINDOW: Duration = Duration::from_secs(2);
    const CLIENTS: usize = 16;
    let (echo, redis) = (Echo::start(), Redis::start());
    let service = Limitador::start(&redis, &limits(100, 2), true);
    let pair = || start(&echo, &service, "100/2s", ", timeout: 10s, lease: 10%");
    let envoys = [pair(), pair()];
    let over = AtomicBool::new(false);
    let (admitted, ends) = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (envoy, over) = (&envoys[client % 2], &over);
                scope.spawn(move || admitted(envoy, over))
            })
            .collect();
        let windows = scope.spawn(|| redis.watch_windows(5)).join();
        over.store(true, Ordering::SeqCst);
        let admitted = clients.into_iter();
        let admitted = admitted.flat_map(|client| client.join().expect("a client"));
        let admitted: Vec<_> = admitted.collect();
        (admitted, windows.expect("Redis was watched"))
    });
    // A window begins with the first charge, for which all clients may wait: what is answered in one was served in it, but for one
    // request of each client.
    let within = |end: &SystemTime| {
        let times = *end - WINDOW..*end;
        let answers = admitted.iter();
        answers.filter(|answer| times.contains(answer)).count()
    };
    let windows: Vec<usize> = ends.iter().map(within).collect();
    // A request may be charged to a window that begins when nobody looks any more.
    let last = ends.last().expect("windows");
    let seen = admitted.iter().filter(|answer| *answer < last).count();
    println!("{seen} in windows of 100: {windows:?}");
    // Who watches may have been held up for as long as one lasts.
    let watched = last.duration_since(ends[0]).expect("they are in order") + WINDOW;
    let possible = watched.as_millis() / WINDOW.as_millis();
    let possible = usize::try_from(possible).expect("a few");
    assert!(seen <= possible * 100, "{possible}: {windows:?}");
    for served in &windows {
        assert!(*served <= 100 + 2 * 17 + CLIENTS, "{windows:?}");
    }
    // The last one may have only begun.
    let (_, whole) = windows.split_last().expect("windows");
    assert!(
        whole.iter().sum::<usize>() > whole.len() * 70,
        "{windows:?}"
    );
}

/// When requests were answered that were admitted, of one client that sends one after the other.
fn admitted(envoy: &Envoy, over: &AtomicBool) -> Vec<SystemTime> {
    let mut admitted = Vec::new();
    while !over.load(Ordering::SeqCst) {
        let request = envoy.request("GET", "/").header("x-tenant", "acme");
        if request.send().status == 200 {
            admitted.push(SystemTime::now());
        }
    }
    admitted
}

/// As operators write it for Limitador: much for `acme`, and ten an hour for every other tenant.
const FEW: &str = "
- namespace: gatehouse
  max_value: 100000
  seconds: 3600
  conditions: [\"descriptors[0]['header.x-tenant'] == 'acme'\"]
  variables: [\"descriptors[0]['header.x-tenant']\"]
- namespace: gatehouse
  max_value: 10
  seconds: 3600
  conditions: [\"descriptors[0]['header.x-tenant'] != 'acme'\"]
  variables: [\"descriptors[0]['header.x-tenant']\"]
";

/// Requests under load while the service is killed, hangs, and comes back: none waits for longer than its calls may take and
/// what a busy machine adds; each gets what `on_error` says, which for `local` is the limit's own rate; and when the service is
/// back, its limits hold again, on the Envoy that went through all that.
#[test]
fn killed_hung_and_restarted_under_load() {
    let echo = Echo::start();
    // Of 24 requests of a tenant that may send 10: how many come through while the service says nothing.
    let cases = [("deny", 0), ("allow", 24), ("local", 10)];
    let leases = ["", ", lease: 30%"];
    for (lease, (on_error, meanwhile)) in leases
        .iter()
        .flat_map(|lease| cases.map(|case| (lease, case)))
    {
        let name = format!("{on_error}{lease}");
        let redis = Redis::start();
        let mut service = Limitador::start(&redis, FEW, false);
        let plugin = format!(
            "limits: [{{name: a, key: [{{header: x-tenant}}], rate: 10/1h, overrides: [{{key: {{header: {{x-tenant: acme}}}}, rate: 100000/1h}}]}}]\n\
             store: {{global: {{cluster: ratelimit, domain: gatehouse, timeout: 3s, on_error: {on_error}{lease}}}}}"
        );
        let envoy = Config::load(FILE)
            .upstream(&echo)
            .endpoint(SERVICE_PORT, service.address())
            .plugin(&plugin)
            .workers(2)
            .start();
        let few = |tenant: &str| {
            // All at once: while the service hangs, they wait for one timeout together.
            load::run(24, 24, |_| {
                envoy.request("GET", "/").header("x-tenant", tenant)
            })
        };
        let (over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
        let (outcome, longest, phases) = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| client(&envoy, &over, &answered)))
                .collect();
            let wait = || await_more(&answered, 400);
            let mut phases = Vec::new();
            wait();
            phases.push(("before", few("before")));
            service.kill();
            phases.push(("killed", few("killed")));
            service.restart();
            wait();
            phases.push(("restarted", few("restarted")));
            service.hang();
            phases.push(("hung", few("hung")));
            service.go_on();
            wait();
            phases.push(("going on", few("going-on")));
            over.store(true, Ordering::SeqCst);
            let mut outcome = Outcome::default();
            let mut longest = Duration::ZERO;
            for client in clients {
                let (one, waited) = client.join().expect("a client does not panic");
                add(&mut outcome, one);
                longest = longest.max(waited);
            }
            (outcome, longest, phases)
        });
        let timed_out = counted(&envoy, "service.timed_out");
        let status = counted(&envoy, "service.status") + counted(&envoy, "service.not_sent");
        println!(
            "{name}: {outcome:?}, longest {longest:?}, timed out {timed_out}, failed {status}"
        );
        println!("{name}: {phases:?}");
        assert_eq!(outcome.failed, 0, "{name}");
        assert!(longest < Duration::from_secs(15), "{name}: {longest:?}");
        assert!(timed_out > 0 && status > 0, "{name}");
        for (phase, few) in &phases {
            let (admitted, refused) = match *phase {
                "killed" | "hung" => (meanwhile, if on_error == "local" { 14 } else { 0 }),
                _ => (10, 14),
            };
            let unavailable = 24 - admitted - refused;
            let seen = [200, 429, 503].map(|status| few.count(status));
            assert_eq!(seen, [admitted, refused, unavailable], "{name}, {phase}");
            assert_eq!(few.failed, 0, "{name}, {phase}");
        }
        // A lease serves on while the service is gone; without one, each request has had a call of its own.
        let failed = counted(&envoy, "service_failed.limit.a");
        match lease.is_empty() {
            true => assert_eq!(failed, timed_out + status, "{name}"),
            false => assert_eq!(outcome.count(503) + outcome.count(429), 0, "{name}"),
        }
        let all = phases.into_iter().fold(outcome, |mut all, (_, few)| {
            add(&mut all, few);
            all
        });
        let denied = if on_error == "deny" { failed } else { 0 };
        assert_eq!(all.count(503) as u64, denied, "{name}");
    }
}

fn add(all: &mut Outcome, more: Outcome) {
    all.failed += more.failed;
    for (status, count) in more.statuses {
        *all.statuses.entry(status).or_default() += count;
    }
}

/// Until so many more requests were answered.
fn await_more(answered: &AtomicUsize, more: usize) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let enough = answered.load(Ordering::SeqCst) + more;
    while answered.load(Ordering::SeqCst) < enough && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Sends one request after the other until it is over. What became of them, and the longest that one took.
fn client(envoy: &Envoy, over: &AtomicBool, answered: &AtomicUsize) -> (Outcome, Duration) {
    let (mut outcome, mut longest) = (Outcome::default(), Duration::ZERO);
    while !over.load(Ordering::SeqCst) {
        let began = Instant::now();
        let sent = envoy
            .request("GET", "/")
            .header("x-tenant", "acme")
            .try_send();
        longest = longest.max(began.elapsed());
        match sent {
            Ok(response) => *outcome.statuses.entry(response.status).or_default() += 1,
            Err(_) => outcome.failed += 1,
        }
        answered.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(2));
    }
    (outcome, longest)
}

/// With Redis gone the service says so, and `on_error` holds.
#[test]
fn a_service_without_its_store() {
    let echo = Echo::start();
    let redis = Redis::start();
    let service = Limitador::start(&redis, &limits(10, 3_600), false);
    let envoy = start(&echo, &service, "10/1h", ", timeout: 10s");
    let ask = || {
        envoy
            .request("GET", "/")
            .header("x-tenant", "acme")
            .send()
            .status
    };
    assert_eq!(ask(), 200);
    drop(redis);
    assert_eq!(ask(), 503);
    assert_eq!(counted(&envoy, "service.status"), 1);
}

/// The README's configurations for one and the same set of limits: ours and Limitador's, in front of the engine itself.
#[test]
fn the_configurations_of_the_readme() {
    let readme = std::fs::read_to_string(repository().join(README)).expect("the README");
    let block = |mark: &str| {
        let blocks = readme.split("```yaml\n").skip(1);
        let mut blocks = blocks.filter_map(|block| block.split("```").next());
        let found = blocks.find(|block| block.contains(mark));
        found
            .unwrap_or_else(|| panic!("no block with {mark:?}"))
            .to_owned()
    };
    let ours = block("store: {global:");
    let theirs = block("# Limitador: limits");
    let (echo, redis) = (Echo::start(), Redis::start());
    let service = Limitador::start(&redis, &theirs, false);
    let envoy = Config::load(FILE)
        .upstream(&echo)
        .endpoint(SERVICE_PORT, service.address())
        .plugin(
            &ours
                .replace("timeout: 50ms", "timeout: 10s")
                .replace(", lease: 10%", ""),
        )
        .start();
    let ask = |path: &str, tenant: &str| {
        let request = envoy.request("GET", path).header("x-tenant", tenant);
        request.send().status
    };
    let admitted = |path: &str, tenant: &str, requests: usize| {
        let statuses = (0..requests).map(|_| ask(path, tenant));
        statuses.filter(|status| *status == 200).count()
    };
    // 5 reports a minute, of the 100 requests of a tenant; and 1,000 of acme.
    assert_eq!(admitted("/reports", "x", 8), 5);
    assert_eq!(admitted("/", "x", 120), 95);
    assert_eq!(admitted("/", "acme", 120), 120);
}
