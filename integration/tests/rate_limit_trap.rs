//! rate-limit whose VM is lost with the requests that it had in flight: their places are free again after a while, and
//! not before. Places of requests in another worker's VM stay taken.

#![allow(
    clippy::disallowed_methods,
    reason = "native test machinery: places take their time"
)]

mod fragile;
mod upstream;

use gatehouse_integration::{Config, Envoy};
use serde_json::json;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};
use upstream::{Upstream, until};

const FILE: &str = "envoy/rate-limit.yaml";

/// A request with this many headers, or more, is what the module traps at.
const FATAL: usize = 40;

/// In flight at once; half of them in each of two workers.
const LIMIT: usize = 6;

/// Long enough for a worker to renew its places with the machine busy.
const EXPIRES: Duration = Duration::from_secs(5);

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn start(upstream: &Upstream, module: &Path, workers: u32) -> Envoy {
    let plugin = format!(
        "{{limits: [{{name: a, key: [{{const: all}}], algorithm: concurrency, limit: {LIMIT}, expires: {}s}}]}}",
        EXPIRES.as_secs()
    );
    Config::load(FILE)
        .endpoint(18080, upstream.address())
        .plugin(&plugin)
        .workers(workers)
        .edit(|root| {
            let listener = root.pointer_mut("/static_resources/listeners/0").unwrap();
            // Each worker has as many connections as the other.
            listener["connection_balance_config"] = json!({"exact_balance": {}});
            let manager = "/filter_chains/0/filters/0/typed_config";
            let manager = listener.pointer_mut(manager).unwrap();
            manager["upgrade_configs"] = json!([{"upgrade_type": "websocket"}]);
            let route = "/route_config/virtual_hosts/0/routes/0/route";
            manager.pointer_mut(route).unwrap()["timeout"] = json!("0s");
            let code = "/http_filters/0/typed_config/config/vm_config/code/local";
            manager.pointer_mut(code).unwrap()["filename"] = json!(module.to_str().unwrap());
        })
        .start()
}

/// A connection on which a request was sent, and nothing read.
fn sent(envoy: &Envoy, path: &str, more: &str) -> TcpStream {
    let mut stream = TcpStream::connect(envoy.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nhost: gatehouse.test\r\n{more}\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// The status of the answer; nothing where there is none.
fn status(mut stream: TcpStream) -> Option<u16> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 1024];
    while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(read @ 1..) => bytes.extend_from_slice(&buffer[..read]),
            _ => return None,
        }
    }
    let head = String::from_utf8_lossy(&bytes);
    head.split(' ').nth(1)?.parse().ok()
}

/// A request that the upstream holds, or else the status of its refusal.
fn hold(envoy: &Envoy, upstream: &Upstream) -> Result<TcpStream, Option<u16>> {
    let before = upstream.held();
    let stream = sent(envoy, "/hold", "");
    stream.set_nonblocking(true).unwrap();
    let deadline = Instant::now() + PATIENCE;
    loop {
        if upstream.held() > before {
            stream.set_nonblocking(false).unwrap();
            return Ok(stream);
        }
        if stream.peek(&mut [0]).is_ok() {
            stream.set_nonblocking(false).unwrap();
            return Err(status(stream));
        }
        assert!(Instant::now() < deadline, "neither held nor refused");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Makes the VM of one worker trap.
fn trap(envoy: &Envoy) {
    let headers: String = (0..FATAL)
        .map(|number| format!("x-{number}: 1\r\n"))
        .collect();
    assert_eq!(status(sent(envoy, "/hold", &headers)), Some(503));
}

/// Refused for want of room, or while there is no VM.
fn is_refused(status: Option<u16>) -> bool {
    matches!(status, Some(429 | 503))
}

#[test]
fn places_of_a_vm_that_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let module = directory.path().join("fragile.wasm");
    fragile::write("rate_limit", "proxy_on_request_headers", FATAL, &module);
    let upstream = Upstream::start();
    let envoy = start(&upstream, &module, 2);

    let began = Instant::now();
    let first: Vec<_> = (0..LIMIT).map(|_| sent(&envoy, "/hold", "")).collect();
    until("all places are taken", || upstream.held() == LIMIT);
    assert_eq!(status(sent(&envoy, "/ok", "")), Some(429), "no more");
    trap(&envoy);
    let trapped = Instant::now();

    // The places of the VM that is lost, and no others.
    let mut next = Vec::new();
    while next.len() < LIMIT / 2 {
        match hold(&envoy, &upstream) {
            Ok(stream) => {
                // Of who took the first ones, nobody has said for as long that they are taken.
                assert!(began.elapsed() >= EXPIRES, "{:?}", began.elapsed());
                next.push(stream);
            }
            Err(status) => {
                assert!(is_refused(status), "{status:?}");
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        let free = next.len();
        assert!(trapped.elapsed() < PATIENCE, "{free} places are free");
    }
    println!("free {:?} after the trap", trapped.elapsed());
    let until_renewed = Instant::now() + EXPIRES * 2;
    while Instant::now() < until_renewed {
        let status = status(sent(&envoy, "/ok", ""));
        assert!(is_refused(status), "{status:?}: more than the limit");
        std::thread::sleep(Duration::from_millis(50));
    }
    envoy.await_stat("wasm.gatehouse_rate_limit.vm_reload_success", 1);

    // Requests in the other VM never heard of it. Those in the one that is lost get no answer.
    upstream.answer(|| upstream.held() == 0);
    let ends: Vec<_> = first.into_iter().map(status).collect();
    for expected in [200, 503] {
        let so_many = ends.iter().filter(|end| **end == Some(expected)).count();
        assert_eq!(so_many, LIMIT / 2, "{expected}: {ends:?}");
    }
    for stream in next {
        assert_eq!(status(stream), Some(200));
    }

    // What ended without its VM gives nothing back that is not its own.
    let (mut last, deadline) = (Vec::new(), Instant::now() + PATIENCE);
    while last.len() < LIMIT {
        match hold(&envoy, &upstream) {
            Ok(stream) => last.push(stream),
            // Envoy has answered a request a moment before it is over.
            Err(status) => assert!(Instant::now() < deadline, "{status:?}: {}", last.len()),
        }
    }
    assert_eq!(status(sent(&envoy, "/ok", "")), Some(429), "six again");
    let not_released = "wasmcustom.gatehouse.rate_limit.not_released.limit.a";
    assert_eq!(envoy.stat(not_released), 0);
}

/// Streams of a VM that is lost end as soon as anything of them comes to the filter.
#[test]
fn streams_of_a_vm_that_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let module = directory.path().join("fragile.wasm");
    fragile::write("rate_limit", "proxy_on_request_headers", FATAL, &module);
    let upstream = Upstream::start();
    let envoy = start(&upstream, &module, 1);
    let waiting = sent(&envoy, "/hold", "");
    let mut answered = sent(&envoy, "/endless", "");
    let mut socket = sent(
        &envoy,
        "/upgrade",
        "connection: upgrade\r\nupgrade: websocket\r\n",
    );
    let mut bytes = [0; 1024];
    for (stream, expected) in [(&mut answered, "200"), (&mut socket, "101")] {
        let read = stream.read(&mut bytes).unwrap();
        let head = String::from_utf8_lossy(&bytes[..read]);
        assert_eq!(head.split(' ').nth(1), Some(expected));
    }
    socket.write_all(b"ping").unwrap();
    assert!(socket.read(&mut bytes).unwrap() > 0, "a socket");
    until("it is held", || upstream.held() == 1);
    trap(&envoy);

    let (mut rest, last) = (Vec::new(), b"\r\n0\r\n\r\n");
    let end = answered.read_to_end(&mut rest).map_err(|end| end.kind());
    assert!(matches!(end, Ok(_) | Err(ErrorKind::ConnectionReset)));
    assert!(!rest.ends_with(last), "it is broken off, not ended");
    let _ = socket.write_all(b"ping");
    let end = socket.read(&mut bytes).map_err(|end| end.kind());
    assert!(matches!(end, Ok(0) | Err(ErrorKind::ConnectionReset)));
    upstream.answer(|| upstream.held() == 0);
    assert_eq!(status(waiting), Some(503), "its answer is not passed on");
}
