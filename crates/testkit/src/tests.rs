//! Host behaviour, shown by small modules in WAT.

use crate::{
    Cluster, Engine, Envoy, FailurePolicy, Headers, Level, LoadError, Module, Outcome, Phase,
    Reply, Request, Response, SharedData, Total,
};
use std::time::Duration;

mod tcp;

/// A module of this text, which begins with its imports; a memory, an allocator and the version are added.
fn wasm(text: &str) -> Vec<u8> {
    wasm_with(text, r#"(func (export "proxy_abi_version_0_2_1"))"#)
}

fn wasm_with(text: &str, version: &str) -> Vec<u8> {
    let text = format!(
        r#"(module {text} {version}
            (memory (export "memory") 2)
            (global $heap (mut i32) (i32.const 4096))
            (func (export "proxy_on_memory_allocate") (param $size i32) (result i32)
                (global.get $heap)
                (global.set $heap (i32.add (global.get $heap) (local.get $size)))))"#
    );
    wat::parse_str(text).unwrap()
}

fn module(text: &str) -> Module {
    load(&wasm(text)).unwrap()
}

fn load(bytes: &[u8]) -> Result<Module, LoadError> {
    Module::from_bytes(&Engine::new()?, bytes)
}

const REPLY: &str = r#"(import "env" "proxy_send_local_response"
    (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))"#;

const LOG: &str = r#"(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))"#;

fn texts(envoy: &Envoy) -> Vec<String> {
    envoy.logs().into_iter().map(|line| line.text).collect()
}

#[test]
fn modules_that_are_not_loaded() {
    let cases: [(&str, Vec<u8>, &str); 5] = [
        ("not a module", b"nothing".to_vec(), "failed to parse"),
        (
            "no version",
            wasm_with("", ""),
            "Missing or unknown Proxy-Wasm ABI version",
        ),
        (
            "version 0.1.0",
            wasm_with("", r#"(func (export "proxy_abi_version_0_1_0"))"#),
            "Missing or unknown Proxy-Wasm ABI version",
        ),
        (
            "unknown import",
            wasm(r#"(import "env" "LIMBS_add" (func))"#),
            "LIMBS_add",
        ),
        (
            "import of another type",
            wasm(r#"(import "env" "proxy_log" (func))"#),
            "proxy_log",
        ),
    ];
    for (name, bytes, expected) in cases {
        let Err(error) = load(&bytes) else {
            panic!("{name} was loaded");
        };
        assert!(error.to_string().contains(expected), "{name}: {error}");
    }
}

#[test]
fn modules_that_do_not_start() {
    let cases = [
        (
            "refused",
            r#"(func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 0))"#,
            "",
        ),
        (
            "vm refused",
            r#"(func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 0))"#,
            "proxy_on_vm_start returned false",
        ),
        (
            "trapped",
            r#"(func (export "proxy_on_configure") (param i32 i32) (result i32) unreachable)"#,
            "unreachable",
        ),
        (
            "trapped at once",
            r#"(func (export "_initialize") unreachable)"#,
            "unreachable",
        ),
        (
            "host call while it initializes",
            r#"(import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32)))
               (func (export "_initialize") (drop (call $tick (i32.const 1))))"#,
            "restricted_callback",
        ),
        (
            "callback of another type",
            r#"(func (export "proxy_on_request_headers") (param i32) (result i32) (i32.const 0))"#,
            "Failed to load",
        ),
        (
            "exits",
            r#"(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
               (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (call $exit (i32.const 3)) (i32.const 1))"#,
            "proc_exit(3)",
        ),
    ];
    for (name, text, expected) in cases {
        let Err(error) = Envoy::builder(&module(text)).build() else {
            panic!("{name} started");
        };
        assert!(error.to_string().contains(expected), "{name}: {error}");
    }
}

/// The canary's log comes before the workers'.
#[test]
fn the_canary_comes_first() {
    let text = format!(
        r#"{LOG} (data (i32.const 0) "configured")
        (func (export "proxy_on_configure") (param i32 i32) (result i32)
            (drop (call $log (i32.const 2) (i32.const 0) (i32.const 10))) (i32.const 1))"#
    );
    let envoy = Envoy::builder(&module(&text)).workers(2).build().unwrap();
    let workers: Vec<_> = envoy.logs().into_iter().map(|line| line.worker).collect();
    assert_eq!(workers, [None, Some(0), Some(1)]);
}

/// Pointers out of memory are a status, and never the end of the VM.
#[test]
fn pointers_out_of_memory() {
    const FAR: &str = "(i32.const 0x7fffffff)";
    let calls = [
        ("proxy_log", 3),
        ("proxy_get_property", 4),
        ("proxy_set_property", 4),
        ("proxy_get_shared_data", 5),
        ("proxy_set_shared_data", 5),
        ("proxy_send_local_response", 8),
        ("proxy_http_call", 10),
        ("proxy_grpc_call", 12),
        ("proxy_call_foreign_function", 6),
        ("proxy_define_metric", 4),
        ("proxy_register_shared_queue", 3),
        ("proxy_get_current_time_nanoseconds", 1),
        ("proxy_get_status", 3),
    ];
    for (call, count) in calls {
        let types = "i32 ".repeat(count);
        // Kinds come first where there are any.
        let first = if ["proxy_log", "proxy_define_metric"].contains(&call) {
            "(i32.const 0)"
        } else {
            FAR
        };
        let arguments = format!("{first} {}", FAR.repeat(count - 1));
        let text = format!(
            r#"(import "env" "{call}" (func $call (param {types}) (result i32)))
            (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                (if (i32.ne (call $call {arguments}) (i32.const 6)) (then unreachable)) (i32.const 0))"#
        );
        let module = module(&text);
        let envoy = Envoy::builder(&module).build().unwrap();
        let stream = envoy.http(Request::get("/"));
        let outcome = stream.outcome();
        assert!(
            matches!(outcome, Outcome::Continue(_)),
            "{call}: {outcome:?} {:?}",
            texts(&envoy)
        );
    }
}

#[test]
fn a_trap_is_the_end_of_the_vm() {
    let text = format!(
        r#"{REPLY}
        (func (export "proxy_on_request_headers") (param i32) (param i32 i32) (result i32)
            (if (i32.eq (local.get 1) (i32.const 5)) (then unreachable)) (i32.const 0))"#
    );
    let module = module(&text);
    // One header more than the four of every request.
    let bad = || Request::get("/").header("x-bad", "1");
    let cases = [
        (FailurePolicy::FailClosed, "503", "503", "503"),
        (FailurePolicy::FailOpen, "503", "passes", "passes"),
        (FailurePolicy::FailReload, "503", "503", "passes"),
    ];
    for (policy, trapped, next, later) in cases {
        let envoy = Envoy::builder(&module)
            .failure_policy(policy)
            .build()
            .unwrap();
        let outcome = |request: Request| match envoy.http(request).outcome() {
            Outcome::Continue(_) => "passes".to_owned(),
            Outcome::LocalReply(reply) => {
                assert_eq!(reply.details, "wasm_fail_stream");
                reply.status.to_string()
            }
            other => format!("{other:?}"),
        };
        assert_eq!(outcome(Request::get("/")), "passes", "{policy:?}");
        assert_eq!(outcome(bad()), trapped, "{policy:?}");
        assert_eq!(outcome(Request::get("/")), next, "{policy:?}");
        envoy.advance(Duration::from_secs(2));
        assert_eq!(outcome(Request::get("/")), later, "{policy:?}");
        let reloads = usize::from(policy == FailurePolicy::FailReload);
        assert_eq!(envoy.worker(0).reloads(), reloads, "{policy:?}");
    }
}

#[test]
fn ticks_come_at_their_times() {
    let text = format!(
        r#"{LOG}
        (import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32)))
        (data (i32.const 0) "tick")
        (func (export "proxy_on_configure") (param i32 i32) (result i32)
            (drop (call $tick (i32.const 100))) (i32.const 1))
        (func (export "proxy_on_tick") (param i32)
            (drop (call $log (i32.const 2) (i32.const 0) (i32.const 4))))"#
    );
    let module = module(&text);
    let envoy = Envoy::builder(&module).workers(2).build().unwrap();
    let cases = [(99, 0), (1, 2), (99, 2), (101, 6), (1000, 26), (0, 26)];
    for (passes, ticks) in cases {
        envoy.advance(Duration::from_millis(passes));
        assert_eq!(texts(&envoy).len(), ticks, "after {passes} ms more");
    }
    envoy.set_clock(Duration::from_secs(1));
    assert_eq!(texts(&envoy).len(), 26);
}

/// Sends a callout to the cluster `idp` with a timeout of 50 ms, logs its status, waits, and replies with 403.
fn caller() -> Module {
    let text = format!(
        r#"{LOG} {REPLY}
        (import "env" "proxy_set_effective_context" (func $enter (param i32) (result i32)))
        (import "env" "proxy_http_call"
            (func $call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
        (data (i32.const 0) "idp")
        (data (i32.const 100) "\03\00\00\00\07\00\00\00\03\00\00\00\05\00\00\00\01\00\00\00\0a\00\00\00\01\00\00\00:method\00GET\00:path\00/\00:authority\00a\00")
        (data (i32.const 300) "0123456789abcdef")
        (global $stream (mut i32) (i32.const 0))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (local $status i32)
            (global.set $stream (local.get 0))
            (local.set $status (call $call (i32.const 0) (i32.const 3) (i32.const 100) (i32.const 61)
                (i32.const 0) (i32.const 0) (i32.const 400) (i32.const 0) (i32.const 50) (i32.const 200)))
            (drop (call $log (i32.const 2) (i32.add (i32.const 300) (local.get $status)) (i32.const 1)))
            (i32.const 1))
        (func (export "proxy_on_http_call_response") (param i32 i32) (param $headers i32) (param i32 i32)
            (drop (call $enter (global.get $stream)))
            (drop (call $reply (i32.add (i32.const 400) (local.get $headers)) (i32.const 0) (i32.const 0) (i32.const 0)
                (i32.const 0) (i32.const 400) (i32.const 0) (i32.const -1))))"#
    );
    module(&text)
}

#[test]
fn callouts_are_answered_or_time_out() {
    let module = caller();
    let answered = Reply::http(200, Headers::from([("a", "1")]), "");
    // The status is 400 and the number of the answer's headers.
    let cases = [
        ("answered", Cluster::Healthy, Some(answered), "0", Some(402)),
        (
            "reset",
            Cluster::Healthy,
            Some(Reply::reset()),
            "0",
            Some(400),
        ),
        (
            "refused",
            Cluster::Healthy,
            Some(Reply::refused()),
            "0",
            Some(403),
        ),
        ("not answered", Cluster::Healthy, None, "0", Some(403)),
        ("no healthy host", Cluster::NoHealthyHost, None, "a", None),
        ("no cluster", Cluster::Unknown, None, "2", None),
    ];
    for (name, cluster, reply, status, expected) in cases {
        let envoy = Envoy::builder(&module).build().unwrap();
        envoy.set_cluster("idp", cluster);
        let stream = envoy.http(Request::get("/"));
        assert_eq!(stream.outcome(), Outcome::Paused(Phase::Headers), "{name}");
        assert_eq!(texts(&envoy), [status], "{name}");
        match reply {
            Some(reply) => envoy.callouts().pop().unwrap().reply(reply),
            None => {
                envoy.advance(Duration::from_millis(49));
                assert_eq!(stream.outcome(), Outcome::Paused(Phase::Headers), "{name}");
                envoy.advance(Duration::from_millis(1));
            }
        }
        let answer = match stream.outcome() {
            Outcome::LocalReply(reply) => Some(reply.status),
            _ => None,
        };
        assert_eq!(answer, expected, "{name}");
        assert!(envoy.callouts().is_empty(), "{name}");
    }
}

/// The stream is gone when the answer comes.
#[test]
fn an_answer_to_nobody() {
    let module = caller();
    let envoy = Envoy::builder(&module).build().unwrap();
    let mut stream = envoy.http(Request::get("/"));
    stream.disconnect();
    envoy
        .callouts()
        .pop()
        .unwrap()
        .reply(Reply::http(200, Headers::new(), ""));
    assert_eq!(stream.outcome(), Outcome::Reset);
    assert_eq!(
        stream.details().as_deref(),
        Some("downstream_remote_disconnect")
    );
    assert!(!envoy.worker(0).has_failed());
}

#[test]
fn versions_of_shared_data() {
    let shared = SharedData::new();
    assert_eq!(shared.get("vm", b"key"), None);
    shared.set("vm", b"key", b"one");
    let (value, first) = shared.get("vm", b"key").unwrap();
    assert_eq!(value, b"one");
    shared.set("vm", b"key", b"two");
    let (_, second) = shared.get("vm", b"key").unwrap();
    assert_ne!(first, second);
    assert_eq!(shared.get("other", b"key"), None);
    assert_eq!(shared.entries("vm"), [(b"key".to_vec(), b"two".to_vec())]);
}

/// What a module that wants no callback lets through, in whatever pieces it comes.
#[test]
fn without_callbacks_all_passes() {
    let module = module("");
    let envoy = Envoy::builder(&module).build().unwrap();
    let request = Request::new("POST", "/")
        .chunk("he")
        .chunk("llo")
        .trailers(Headers::from([("x-t", "1")]));
    let mut stream = envoy.http(request);
    let Outcome::Continue(message) = stream.outcome() else {
        panic!("{:?}", stream.outcome());
    };
    assert_eq!((message.text().as_str(), message.complete), ("hello", true));
    assert_eq!(message.trailers, Some(Headers::from([("x-t", "1")])));
    let Outcome::Continue(message) = stream.respond(Response::new(204)) else {
        panic!("{:?}", stream.response());
    };
    assert_eq!((message.status(), message.complete), (204, true));
    assert_eq!(stream.host_calls(), 0);
}

#[test]
fn instructions_are_counted_alike() {
    let text = r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (local $i i32)
        (loop $again
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 1000))))
        (i32.const 0))"#;
    let engine = Engine::options().count_instructions().build().unwrap();
    let module = Module::from_bytes(&engine, &wasm(text)).unwrap();
    let envoy = Envoy::builder(&module).build().unwrap();
    let fuel: Vec<_> = (0..3)
        .map(|_| envoy.http(Request::get("/")).fuel())
        .collect();
    assert!(fuel[0] > 3000 && fuel[0] < 20_000, "{fuel:?}");
    assert_eq!(fuel, [fuel[0]; 3]);
}

#[test]
fn the_cache_is_not_trusted_blindly() {
    let directory = std::env::temp_dir().join(format!("gatehouse-testkit-{}", std::process::id()));
    let engine = Engine::options().cache(&directory).build().unwrap();
    let bytes = wasm("");
    for round in ["compiled", "from the cache"] {
        Module::from_bytes(&engine, &bytes).unwrap_or_else(|error| panic!("{round}: {error}"));
    }
    let files: Vec<_> = std::fs::read_dir(&directory)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    for damaged in [b"".to_vec(), b"short".to_vec(), vec![0; 10_000]] {
        std::fs::write(&files[0], damaged).unwrap();
        Module::from_bytes(&engine, &bytes).unwrap();
    }
    std::fs::remove_dir_all(&directory).unwrap();
}

/// Only the headers of an upgrade are not all of the request, though it has no body (`handling_upgrade_` in
/// `source/common/http/http1/codec_impl.cc`).
#[test]
fn which_headers_are_all_of_a_request() {
    let answers = format!(
        r#"{REPLY}
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (drop (call $reply (i32.add (i32.const 400) (local.get 2)) (i32.const 0) (i32.const 0)
                (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1)))
            (i32.const 1))"#
    );
    let module = module(&answers);
    let envoy = Envoy::builder(&module).build().unwrap();
    let asks = |connection: &str, upgrade: &str| {
        let request = Request::get("/").header("connection", connection);
        request.header("upgrade", upgrade)
    };
    let cases = [
        ("a GET", Request::get("/"), 401),
        ("a body", Request::post("/", "a"), 400),
        ("an upgrade", asks("keep-alive, Upgrade", "websocket"), 400),
        ("not in connection", asks("close", "websocket"), 401),
        ("to nothing", asks("upgrade", ""), 401),
        ("to HTTP/2", asks("Upgrade, HTTP2-Settings", "h2c"), 401),
        ("over HTTP/2", asks("upgrade", "websocket").http2(), 401),
    ];
    for (name, request, status) in cases {
        let stream = envoy.http(request);
        let replied =
            matches!(stream.outcome(), Outcome::LocalReply(reply) if reply.status == status);
        assert!(replied, "{name}: {:?}", stream.outcome());
    }
}

#[test]
fn levels_are_kept() {
    let text = format!(
        r#"{LOG} (data (i32.const 0) "x")
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (drop (call $log (i32.const 0) (i32.const 0) (i32.const 1)))
            (drop (call $log (i32.const 5) (i32.const 0) (i32.const 1)))
            (drop (call $log (i32.const 6) (i32.const 0) (i32.const 1)))
            (i32.const 0))"#
    );
    let module = module(&text);
    let envoy = Envoy::builder(&module).build().unwrap();
    envoy.http(Request::get("/")).end();
    let levels: Vec<_> = envoy.logs().into_iter().map(|line| line.level).collect();
    assert_eq!(levels, [Level::Trace, Level::Critical]);
}

/// What is said of one cluster says nothing of the others.
#[test]
fn one_cluster_is_set() {
    let module = caller();
    let any = Envoy::builder(&module).build().unwrap();
    let some = Envoy::builder(&module).clusters(["other"]).build().unwrap();
    let cases = [
        ("any there is", &any, "other", Cluster::NoHealthyHost, "0"),
        ("this one is not", &any, "idp", Cluster::Unknown, "2"),
        ("only some", &some, "other", Cluster::NoHealthyHost, "2"),
        ("one more", &some, "idp", Cluster::Healthy, "0"),
    ];
    for (name, envoy, cluster, state, status) in cases {
        envoy.set_cluster(cluster, state);
        drop(envoy.http(Request::get("/")));
        assert_eq!(texts(envoy).pop().as_deref(), Some(status), "{name}");
    }
}

/// Time can pass for as long as a test likes.
#[test]
fn ticks_are_counted_and_few_are_kept() {
    let module = module(
        r#"(import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32)))
        (import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))
        (func (export "proxy_on_configure") (param i32 i32) (result i32)
            (drop (call $tick (i32.const 10))) (i32.const 1))
        (func (export "proxy_on_tick") (param i32) (drop (call $now (i32.const 0))))"#,
    );
    let envoy = Envoy::builder(&module).build().unwrap();
    envoy.advance(Duration::from_secs(30));
    assert_eq!(envoy.worker(0).callbacks().len(), 1024);
    let totals = envoy.worker(0).totals();
    let expected = Total {
        callbacks: 3000,
        host_calls: 3000,
    };
    assert_eq!(totals.get("proxy_on_tick"), Some(&expected));
    assert_eq!(
        totals
            .get("proxy_on_configure")
            .map(|total| total.callbacks),
        Some(1)
    );
}
