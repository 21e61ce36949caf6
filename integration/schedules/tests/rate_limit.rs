//! The real module of the rate-limit filter in four VMs over one shared data: on no schedule is more admitted than the
//! limit allows, nor less. Workers are interrupted before each access to shared data.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gatehouse_schedules::Turns;
use gatehouse_testkit::{Engine, Envoy, Module, Outcome, Request, Response, START, SharedData};

const WORKERS: usize = 4;

/// Of each worker.
const REQUESTS: usize = 12;

/// Of each case. Each is another order of some hundred accesses.
const SCHEDULES: u64 = 60;

fn module() -> Module {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist/gatehouse_rate_limit.wasm");
    let engine = Engine::new().expect("an engine");
    Module::from_file(&engine, path)
        .expect("dist/gatehouse_rate_limit.wasm: run scripts/build rate-limit")
}

/// What came of one schedule.
struct Run {
    admitted: usize,
    /// Of those, the worker and the place among its requests.
    which: Vec<(usize, usize)>,
    answers: Vec<u16>,
    switches: usize,
    /// How often the table was written to, or would have been had another worker not come first.
    writes: usize,
}

/// Each worker sends its requests, the n-th of which is `request(worker, n)`, and keeps those that were admitted in
/// flight until all workers have sent all of theirs.
fn run(
    module: &Module,
    configuration: &str,
    seed: u64,
    request: impl Fn(usize, usize) -> Request + Sync,
) -> Run {
    let shared = SharedData::new();
    let turns = Arc::new(Turns::new(WORKERS, seed));
    let hook = Arc::clone(&turns);
    shared.before_access(move || hook.pass());
    let finished = AtomicUsize::new(0);
    let worker = |number: usize| {
        let envoy = Envoy::builder(module)
            .configuration(configuration)
            .vm_id("limits")
            .clock(START)
            .random_seed(seed)
            .shared_data(&shared)
            .build()
            .expect("the configuration is good");
        turns.run(number, || {
            let mut in_flight = Vec::new();
            let mut answers = Vec::new();
            for place in 0..REQUESTS {
                let stream = envoy.http(request(number, place));
                match stream.outcome() {
                    Outcome::Continue(_) => in_flight.push((place, stream)),
                    Outcome::LocalReply(reply) => answers.push(reply.status),
                    other => panic!("{other:?}"),
                }
            }
            finished.fetch_add(1, Ordering::SeqCst);
            while finished.load(Ordering::SeqCst) < WORKERS {
                turns.pass();
            }
            let which: Vec<_> = in_flight
                .iter()
                .map(|(place, _)| (number, *place))
                .collect();
            let callbacks = in_flight.iter().flat_map(|(_, stream)| stream.callbacks());
            let written = callbacks
                .filter_map(|callback| callback.calls.get("proxy_set_shared_data").copied());
            let writes: usize = written.sum();
            for (_, mut stream) in in_flight {
                stream.respond(Response::new(200));
                stream.end();
            }
            (which, answers, writes)
        })
    };
    type Result = (Vec<(usize, usize)>, Vec<u16>, usize);
    let mut results: Vec<Result> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|number| {
                let worker = &worker;
                scope.spawn(move || worker(number))
            })
            .collect();
        let results = workers
            .into_iter()
            .map(|worker| worker.join().expect("a worker"));
        results.collect()
    });
    let which = results
        .iter_mut()
        .map(|(which, _, _)| std::mem::take(which));
    let which: Vec<_> = which.flatten().collect();
    Run {
        admitted: which.len(),
        which,
        writes: results.iter().map(|(_, _, writes)| writes).sum(),
        answers: results
            .into_iter()
            .flat_map(|(_, answers, _)| answers)
            .collect(),
        switches: turns.switches(),
    }
}

fn tenant(name: &str) -> Request {
    Request::get("/").header("x-tenant", name)
}

/// One key, 48 requests at one instant.
#[test]
fn as_many_as_the_limit_on_every_schedule() {
    let module = module();
    let limit = |more: &str| {
        format!(
            r#"{{"limits": [{{"name": "a", "key": [{{"header": "x-tenant"}}], {more}}}], "store": {{"local": {{"slots": 1}}}}}}"#
        )
    };
    let cases = [
        ("gcra", limit(r#""rate": "20/1h""#), 20),
        ("gcra, one", limit(r#""rate": "100/1h", "burst": 1"#), 1),
        (
            "a fixed window",
            limit(r#""rate": "17/1h", "algorithm": "fixed_window""#),
            17,
        ),
        (
            "a sliding window",
            limit(r#""rate": "17/1h", "algorithm": "sliding_window""#),
            17,
        ),
        (
            "three rates",
            limit(r#""rate": ["30/1s", "13/1m", "25/1h"]"#),
            13,
        ),
        ("costs", limit(r#""rate": "20/1h", "cost": 3"#), 6),
    ];
    let mut lost = 0;
    for (name, configuration, expected) in &cases {
        for seed in 0..SCHEDULES {
            let run = run(&module, configuration, seed, |_, _| tenant("acme"));
            assert!(run.switches > 20, "{name}, {seed}: {}", run.switches);
            lost += run.writes - run.admitted;
            assert_eq!(run.admitted, *expected, "{name}, schedule {seed}");
            assert!(
                run.answers.iter().all(|status| *status == 429),
                "{name}, {seed}: {:?}",
                run.answers
            );
        }
    }
    // It was worth the while: others came first, and who was admitted had to try again.
    assert!(lost > 100, "{lost}");
}

/// All that are admitted are in flight at once.
#[test]
fn no_more_in_flight_than_the_limit_on_every_schedule() {
    let module = module();
    let configuration = r#"{"limits": [{"name": "a", "key": [{"header": "x-tenant"}],
        "algorithm": "concurrency", "limit": 5}], "store": {"local": {"slots": 1}}}"#;
    for seed in 0..SCHEDULES {
        let run = run(&module, configuration, seed, |_, _| tenant("acme"));
        assert_eq!(run.admitted, 5, "schedule {seed}");
        assert!(
            run.answers.iter().all(|status| *status == 429),
            "{seed}: {:?}",
            run.answers
        );
    }
}

/// Several keys in one slot, so that each charge is in the way of the others': still each has what is its own.
#[test]
fn keys_in_one_slot_on_every_schedule() {
    let module = module();
    let configuration = r#"{"limits": [{"name": "a", "key": [{"header": "x-tenant"}], "rate": "10/1h"}],
        "store": {"local": {"slots": 1}}}"#;
    for seed in 0..SCHEDULES {
        let key = |worker: usize, place: usize| (worker + place) % 3;
        let run = run(&module, configuration, seed, |worker, place| {
            tenant(["a", "b", "c"][key(worker, place)])
        });
        let mut admitted = [0; 3];
        for (worker, place) in &run.which {
            admitted[key(*worker, *place)] += 1;
        }
        assert_eq!(admitted, [10; 3], "schedule {seed}");
    }
}

/// Half an hour later half of it is there again, for all workers together.
#[test]
fn time_that_passes_fills_what_it_should() {
    let module = module();
    let configuration = r#"{"limits": [{"name": "a", "key": [{"header": "x-tenant"}], "rate": "10/1h"}],
        "store": {"local": {"slots": 1}}}"#;
    let shared = SharedData::new();
    let envoy = Envoy::builder(&module)
        .configuration(configuration)
        .vm_id("limits")
        .workers(WORKERS)
        .shared_data(&shared)
        .build()
        .expect("the configuration is good");
    let mut admitted = Vec::new();
    for _ in 0..3 {
        let outcomes = (0..48).map(|place| envoy.worker(place).http(tenant("acme")).outcome());
        let count = outcomes
            .filter(|outcome| matches!(outcome, Outcome::Continue(_)))
            .count();
        admitted.push(count);
        envoy.advance(Duration::from_secs(30 * 60));
    }
    assert_eq!(admitted, [10, 5, 5]);
}
