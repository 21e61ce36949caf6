//! Every way in which a stream can end on stock Envoy gives its place in flight back.

#![allow(
    clippy::disallowed_methods,
    reason = "native test machinery: it has a clock of its own"
)]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use gatehouse_integration::{Config, Envoy, Update};
use serde_json::json;

mod upstream;

use upstream::{Upstream, until};

const FILE: &str = "envoy/rate-limit.yaml";

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn config(upstream: &Upstream, limit: usize, expires: &str) -> Config {
    let plugin = format!(
        "limits: [{{name: a, key: [{{header: x-key}}], algorithm: concurrency, limit: {limit}, expires: {expires}}}]"
    );
    let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
    Config::load(FILE)
        .endpoint(18080, upstream.address())
        .plugin(&plugin)
        .workers(2)
        .edit(|root| {
            let manager = root.pointer_mut(manager).unwrap();
            manager["upgrade_configs"] = json!([{"upgrade_type": "websocket"}]);
            manager["route_config"]["virtual_hosts"][0]["routes"] = json!([
                {"match": {"prefix": "/none"}, "redirect": {"path_redirect": "/"}},
                {"match": {"prefix": "/direct"}, "direct_response": {"status": 200}},
                {"match": {"prefix": "/hold/slow"}, "route": {"cluster": "upstream", "timeout": "0.2s"}},
                {"match": {"prefix": "/hold/idle"}, "route": {"cluster": "upstream", "timeout": "0s", "idle_timeout": "0.2s"}},
                {"match": {"prefix": "/hold/long"}, "route": {"cluster": "upstream", "timeout": "0s",
                    "max_stream_duration": {"max_stream_duration": "0.2s"}}},
                {"match": {"prefix": "/nowhere"}, "route": {"cluster_header": "x-key"}},
                {"match": {"prefix": "/retry"}, "route": {"cluster": "upstream", "prefix_rewrite": "/reset",
                    "retry_policy": {"retry_on": "reset", "num_retries": 2}}},
                {"match": {"prefix": "/"}, "route": {"cluster": "upstream", "timeout": "0s"}},
            ]);
            // Behind the filter under test.
            let fault = json!({
                "name": "envoy.filters.http.fault",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
                    "headers": [{"name": "x-fault", "present_match": true}],
                    "abort": {"http_status": 418, "percentage": {"numerator": 100}},
                },
            });
            manager["http_filters"].as_array_mut().unwrap().insert(1, fault);
        })
}

fn status(envoy: &Envoy, path: &str, key: &str) -> u16 {
    envoy
        .request("GET", path)
        .header("x-key", key)
        .send()
        .status
}

/// A connection on which a request was sent, and nothing read.
fn sent(envoy: &Envoy, path: &str, key: &str, more: &str) -> TcpStream {
    let mut stream = TcpStream::connect(envoy.address()).unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nhost: gatehouse.test\r\nx-key: {key}\r\n{more}\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// Types of frames (RFC 9113, 6).
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;

/// The ends of stream and headers.
const WHOLE: u8 = 5;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A connection on which these streams were begun, and nothing read.
fn over_http2(envoy: &Envoy, path: &str, key: &str, streams: &[u32]) -> TcpStream {
    // Literal fields that are in no table (RFC 7541, 6.2.2).
    let field = |(name, value): (&str, &str)| {
        let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
        [vec![0], text(name), text(value)].concat()
    };
    let fields = [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "gatehouse.test"),
        (":path", path),
        ("x-key", key),
    ];
    let block = fields.map(field).concat();
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    sent.extend(frame(SETTINGS, 0, 0, b""));
    for stream in streams {
        sent.extend(frame(HEADERS, WHOLE, *stream, &block));
    }
    let mut connection = TcpStream::connect(envoy.address()).unwrap();
    connection.write_all(&sent).unwrap();
    connection
}

/// Requests until the upstream holds one: a place is given back a moment after a stream is over.
fn hold(envoy: &Envoy, upstream: &Upstream, path: &str, key: &str) -> TcpStream {
    let (before, deadline) = (upstream.held_at(path), Instant::now() + PATIENCE);
    loop {
        let stream = sent(envoy, path, key, "");
        stream.set_nonblocking(true).unwrap();
        // Either the upstream has it, or it is refused.
        loop {
            if upstream.held_at(path) > before {
                stream.set_nonblocking(false).unwrap();
                return stream;
            }
            assert!(Instant::now() < deadline, "{key}: a place is not free");
            if stream.peek(&mut [0]).is_ok() {
                std::thread::sleep(Duration::from_millis(10));
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Waits until both places are free: two are held at once, and a third has no room.
fn both_free(envoy: &Envoy, upstream: &Upstream, key: &str) {
    // Nobody else's: a request that Envoy has given up may come to the upstream only now.
    let path = format!("/hold/free/{}", key.replace(' ', "-"));
    let held = [(); 2].map(|()| hold(envoy, upstream, &path, key));
    assert_eq!(status(envoy, "/ok", key), 429, "{key}: more than two");
    upstream.answer(|| upstream.held_at(&path) == 0);
    drop(held);
}

fn read_all(mut stream: TcpStream) -> String {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn however_a_stream_ends() {
    let upstream = Upstream::start();
    let envoy = config(&upstream, 2, "10m").start();

    for (key, path, expected) in [
        ("completed", "/ok", 200),
        ("answered by Envoy", "/direct", 200),
        ("redirected by Envoy", "/none", 301),
        ("no cluster", "/nowhere", 503),
        ("reset by the upstream", "/reset", 503),
        ("reset by the upstream each time", "/retry", 503),
        ("timed out", "/hold/slow", 504),
        ("idle for too long", "/hold/idle", 504),
        ("longer than streams may last", "/hold/long", 504),
    ] {
        for _ in 0..4 {
            until(key, || status(&envoy, path, key) == expected);
        }
        upstream.answer(|| upstream.held() == 0);
        both_free(&envoy, &upstream, key);
    }

    let key = "refused by a later filter";
    for _ in 0..4 {
        let request = envoy.request("GET", "/ok").header("x-key", key);
        let aborted = request.header("x-fault", "1").send().status;
        assert_eq!(aborted, 418);
    }
    both_free(&envoy, &upstream, key);

    let key = "the client goes while the upstream is slow";
    for _ in 0..4 {
        // From the second time on, these are places that were given back.
        let streams = [(); 2].map(|()| hold(&envoy, &upstream, "/hold", key));
        assert_eq!(status(&envoy, "/ok", key), 429);
        drop(streams);
        until("Envoy notices", || {
            envoy.stat("http.rate_limit.downstream_rq_active") == 0
        });
        upstream.answer(|| upstream.held() == 0);
    }
    both_free(&envoy, &upstream, key);

    let key = "the client resets its streams, and stays connected";
    let mut connection = over_http2(&envoy, "/hold", key, &[1, 3]);
    until("both are held", || upstream.held_at("/hold") == 2);
    assert_eq!(status(&envoy, "/ok", key), 429);
    for stream in [1, 3] {
        let cancel = frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]);
        connection.write_all(&cancel).unwrap();
    }
    until("Envoy notices", || {
        envoy.stat("http.rate_limit.downstream_rq_active") == 0
    });
    upstream.answer(|| upstream.held() == 0);
    both_free(&envoy, &upstream, key);
    drop(connection);

    let key = "the client goes in the middle of the response";
    let mut stream = sent(&envoy, "/endless", key, "");
    let mut bytes = [0; 256];
    assert!(stream.read(&mut bytes).unwrap() > 0);
    drop(stream);
    both_free(&envoy, &upstream, key);

    let key = "the upstream goes in the middle of the response";
    let answer = read_all(sent(&envoy, "/partial", key, ""));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    both_free(&envoy, &upstream, key);

    let key = "the client goes in the middle of its request";
    let streams = [(); 2].map(|()| sent(&envoy, "/hold", key, "content-length: 10\r\n"));
    until("both are held", || upstream.held_at("/hold") == 2);
    drop(streams);
    until("Envoy notices", || {
        envoy.stat("http.rate_limit.downstream_rq_active") == 0
    });
    upstream.answer(|| upstream.held() == 0);
    both_free(&envoy, &upstream, key);

    let key = "a websocket";
    let upgrade = "connection: upgrade\r\nupgrade: websocket\r\n";
    let mut streams = [(); 2].map(|()| sent(&envoy, "/upgrade", key, upgrade));
    for stream in &mut streams {
        let read = stream.read(&mut bytes).unwrap();
        assert!(bytes[..read].starts_with(b"HTTP/1.1 101"));
    }
    assert_eq!(status(&envoy, "/ok", key), 429, "sockets are in flight");
    drop(streams);
    both_free(&envoy, &upstream, key);

    let released = envoy.stat("wasmcustom.gatehouse.rate_limit.not_released.limit.a");
    assert_eq!(released, 0);
}

/// What places of these tests are counted for. Renewed in time by a worker that is held up for 2.5 s.
const EXPIRES: &str = "5s";

/// Nobody gets a place, for longer than one lasts that is not renewed: twice as long as it is counted.
fn is_full(envoy: &Envoy) {
    let end = Instant::now() + Duration::from_secs(12);
    while Instant::now() < end {
        assert_eq!(status(envoy, "/ok", "a"), 429);
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Ticks go on counting streams that live longer than their places would.
#[test]
fn long_streams_are_counted() {
    let upstream = Upstream::start();
    let envoy = config(&upstream, 2, EXPIRES).start();
    let streams = [(); 2].map(|()| sent(&envoy, "/hold", "a", ""));
    until("both are held", || upstream.held() == 2);
    is_full(&envoy);
    upstream.answer(|| upstream.held() == 0);
    for stream in streams {
        drop(stream);
    }
    both_free(&envoy, &upstream, "a");
}

/// New listeners with another limit: streams of the old ones go on, and go on being counted.
#[test]
fn an_update_keeps_what_is_in_flight() {
    let upstream = Upstream::start();
    let mut envoy = config(&upstream, 2, EXPIRES).start_dynamic();
    let streams = [(); 2].map(|()| sent(&envoy, "/hold", "a", ""));
    until("both are held", || upstream.held() == 2);
    let updated = envoy.update(&config(&upstream, 3, EXPIRES));
    assert!(matches!(updated, Update::Accepted), "{updated:?}");
    // A worker may come to know of the new ones later.
    let third = hold(&envoy, &upstream, "/hold", "a");
    assert_eq!(upstream.held(), 3);
    is_full(&envoy);
    upstream.answer(|| upstream.held() == 0);
    drop((streams, third));
    until("all places are free", || status(&envoy, "/ok", "a") == 200);
}
