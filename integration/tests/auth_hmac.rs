//! Signed requests on stock Envoy, signed by somebody else's code.

#![allow(
    clippy::disallowed_methods,
    reason = "native test: it has a clock and an environment of its own"
)]

#[path = "auth_hmac/signed.rs"]
mod signed;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use gatehouse_integration::log::plugin_messages;
use gatehouse_integration::{Config, Echo, Envoy, Request, load};
use serde_json::json;

use signed::{ALGORITHMS, MAX, body_of, signed};

/// As much as Envoy holds of a request.
const BUFFER: usize = 64 * 1024;

fn configuration() -> String {
    let keys: Vec<String> = ALGORITHMS
        .iter()
        .map(|algorithm| {
            let key = match signed().public.get(*algorithm) {
                Some(pem) => format!("pem: {}", serde_json::Value::from(pem.as_str())),
                None => "secret: '${env:SIGNING_SECRET}'".to_owned(),
            };
            format!("{{id: {algorithm}, consumer: by-{algorithm}, algorithm: {algorithm}, {key}}}")
        })
        .collect();
    let keys = keys.join(", ");
    format!(
        "
providers:
  signed:
    hmac: {{scheme: rfc9421, keys: [{keys}], max_age: 1h, body: {{max: 8KiB, timeout: 20s}}}}
  large:
    hmac: {{scheme: rfc9421, keys: [{keys}], max_age: 1h, body: {{max: 1MiB, timeout: 20s}}}}
  # For bodies that do not come.
  short:
    hmac: {{scheme: rfc9421, keys: [{keys}], max_age: 1h, body: {{max: 8KiB, timeout: 2s}}}}
  again:
    # YAML takes this word for false.
    hmac: {{scheme: rfc9421, keys: [{keys}], max_age: 1h, replay: off}}
  hub:
    hmac: {{scheme: github, keys: [{{consumer: github, secret: '${{env:GITHUB_SECRET}}'}}], body: {{timeout: 20s}}}}
rules:
- {{match: {{path: {{prefix: /large}}}}, require: large}}
- {{match: {{path: {{prefix: /short}}}}, require: short}}
- {{match: {{path: {{prefix: /again}}}}, require: again}}
- {{match: {{path: {{prefix: /hub}}}}, require: hub}}
- {{require: signed}}
forward: {{consumer_header: x-consumer}}
"
    )
}

fn config(echo: &Echo, workers: u32, bodies: bool) -> Config {
    Config::load("envoy/auth.yaml")
        .upstream(echo)
        .workers(workers)
        .env("SIGNING_SECRET", &signed().secret)
        .env("GITHUB_SECRET", "It's a Secret to Everybody")
        .plugin(&configuration())
        .edit(|root| {
            let listener = &mut root["static_resources"]["listeners"][0];
            listener["per_connection_buffer_limit_bytes"] = json!(BUFFER);
            let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
            manager["http_protocol_options"] = json!({"enable_trailers": true});
            let plugin = &mut manager["http_filters"][0]["typed_config"]["config"];
            if bodies {
                plugin["allow_on_headers_stop_iteration"] = json!(true);
            }
            let keys = plugin["vm_config"]["environment_variables"]["host_env_keys"].as_array_mut();
            let keys = keys.expect("the file names variables");
            keys.extend(["SIGNING_SECRET", "GITHUB_SECRET"].map(serde_json::Value::from));
        })
}

/// A request of `signed`, by its name.
fn request(envoy: &Envoy, name: &str) -> Request {
    let (method, path, body) = body_of(name);
    let mut request = envoy.request(method, path);
    for (header, value) in signed().headers(name) {
        request = request.header(header, value);
    }
    match body {
        Some(body) => request.body(body),
        None => request,
    }
}

/// Its head as bytes, with more headers.
fn head(name: &str, more: &str) -> Vec<u8> {
    let (method, path, _) = body_of(name);
    let mut head =
        format!("{method} {path} HTTP/1.1\r\nhost: gatehouse.test\r\nconnection: close\r\n");
    for (header, value) in signed().headers(name) {
        head.push_str(&format!("{header}: {value}\r\n"));
    }
    head.push_str(more);
    head.push_str("\r\n");
    head.into_bytes()
}

/// Sends pieces with a pause between them, and says what came back.
fn send(envoy: &Envoy, pieces: &[&[u8]], pause: Duration) -> String {
    let mut stream = TcpStream::connect(envoy.address()).expect("Envoy listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("a timeout");
    stream.set_nodelay(true).expect("no delay");
    for piece in pieces {
        // Where Envoy has answered already, it may have closed.
        if stream.write_all(piece).is_err() {
            break;
        }
        std::thread::sleep(pause);
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> &str {
    let line = answer.lines().next().unwrap_or_default();
    line.split(' ').nth(1).unwrap_or_default()
}

fn denied(envoy: &Envoy, reason: &str) -> u64 {
    envoy.stat(&format!("wasmcustom.gatehouse.auth.denied.reason.{reason}"))
}

#[test]
fn every_algorithm_with_and_without_a_body() {
    let echo = Echo::start();
    let envoy = config(&echo, 2, true).start();
    for algorithm in ALGORITHMS {
        for kind in ["get", "post"] {
            let name = format!("{algorithm} {kind}");
            let response = request(&envoy, &name).send();
            assert_eq!(response.status, 200, "{name}: {}", response.text());
            let echoed = response.echoed();
            assert_eq!(
                echoed.header("x-consumer"),
                [format!("by-{algorithm}")],
                "{name}"
            );
            assert_eq!(echoed.header("signature"), Vec::<&str>::new(), "{name}");
            assert_eq!(
                echoed.body.as_bytes(),
                body_of(&name).2.unwrap_or_default(),
                "{name}"
            );
            let again = request(&envoy, &name).send();
            assert_eq!(again.status, 401, "{name}, again");
        }
        let forged = request(&envoy, &format!("{algorithm} forged"))
            .body("another body")
            .send();
        assert_eq!(forged.status, 401, "{algorithm}, another body");
    }
    let count = ALGORITHMS.len() as u64;
    assert_eq!(denied(&envoy, "replayed"), 2 * count);
    assert_eq!(denied(&envoy, "digest_mismatch"), count);
    // Envoy itself checks RSA and ECDSA.
    let slow = envoy.stat("wasmcustom.gatehouse.auth.host_verify_unavailable.provider.signed");
    assert_eq!(slow, 0);

    // Where replays are not looked for; and by another provider.
    for _ in 0..2 {
        assert_eq!(request(&envoy, "again").send().status, 200);
    }
    assert_eq!(request(&envoy, "large fits").send().status, 200);

    // What is verified is what goes upstream: Envoy has normalized the path, and it is not what was signed.
    assert_eq!(request(&envoy, "dots").send().status, 401);
    // Nor does a signature cover another host or path.
    let mut other = envoy.request("GET", "/signed/get/other");
    for (header, value) in signed().headers("moved") {
        other = other.header(header, value);
    }
    assert_eq!(other.send().status, 401);
    assert_eq!(denied(&envoy, "signature_wrong"), 2);
}

#[test]
fn bodies_however_they_come() {
    let echo = Echo::start();
    let envoy = config(&echo, 2, true).start();
    let body = body_of("body whole").2.expect("it has a body");
    let none = Duration::ZERO;
    let length = format!("content-length: {}\r\n", body.len());
    let chunked = "transfer-encoding: chunked\r\n";

    let whole = [head("body whole", &length), body.clone()].concat();
    assert_eq!(
        status(&send(&envoy, &[&whole], none)),
        "200",
        "in one piece"
    );

    let mut pieces: Vec<&[u8]> = Vec::new();
    let bytes = head("body bytes", &length);
    pieces.push(&bytes);
    pieces.extend(body.chunks(1));
    let answer = send(&envoy, &pieces, Duration::from_millis(5));
    assert_eq!(status(&answer), "200", "byte by byte: {answer}");

    let chunks: Vec<Vec<u8>> = body
        .chunks(7)
        .map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat())
        .collect();
    let mut pieces = vec![head("body chunked", chunked)];
    pieces.extend(chunks.clone());
    pieces.push(b"0\r\n\r\n".to_vec());
    let borrowed: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
    let answer = send(&envoy, &borrowed, Duration::from_millis(5));
    assert_eq!(status(&answer), "200", "chunked: {answer}");

    let mut pieces = vec![head("body trailers", &format!("{chunked}trailer: x-t\r\n"))];
    pieces.extend(chunks);
    pieces.push(b"0\r\n".to_vec());
    pieces.push(b"x-t: 1\r\n\r\n".to_vec());
    let borrowed: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
    let answer = send(&envoy, &borrowed, Duration::from_millis(5));
    assert_eq!(status(&answer), "200", "with trailers: {answer}");

    let expects = head("body expect", &format!("{length}expect: 100-continue\r\n"));
    let answer = send(&envoy, &[&expects, &body], Duration::from_millis(200));
    assert_eq!(status(&answer), "100", "{answer}");
    assert!(answer.contains("HTTP/1.1 200"), "expected: {answer}");

    // An empty one, in chunks.
    let empty = [head("body empty", chunked), b"0\r\n\r\n".to_vec()].concat();
    assert_eq!(status(&send(&envoy, &[&empty], none)), "200", "empty");

    assert_eq!(
        request(&envoy, "body most").send().status,
        200,
        "exactly the most"
    );
    assert_eq!(denied(&envoy, "body_too_long"), 0);
    let over = request(&envoy, "body over").send();
    assert_eq!(over.status, 413, "one more, which it says");
    assert_eq!(denied(&envoy, "body_too_long"), 1);
    let long = body_of("body over chunked").2.expect("it has a body");
    let chunk = [
        format!("{:x}\r\n", long.len()).as_bytes(),
        &long,
        b"\r\n0\r\n\r\n",
    ]
    .concat();
    let over = [head("body over chunked", chunked), chunk].concat();
    assert_eq!(status(&send(&envoy, &[&over], none)), "413", "one more");
    assert_eq!(denied(&envoy, "body_too_long"), 2);
    assert_eq!(MAX + 1, long.len());

    // More than Envoy holds: it answers before the filter does.
    let large = body_of("large over").2.expect("it has a body");
    assert!(large.len() > 2 * BUFFER);
    let chunk = [
        format!("{:x}\r\n", large.len()).as_bytes(),
        &large,
        b"\r\n0\r\n\r\n",
    ]
    .concat();
    let over = [head("large over", chunked), chunk].concat();
    assert_eq!(
        status(&send(&envoy, &[&over], none)),
        "413",
        "over the buffer"
    );
    assert_eq!(denied(&envoy, "body_too_long"), 2);
    // It was not used up.
    assert_eq!(denied(&envoy, "replayed"), 0);

    // A client that stalls in the middle: the wait ends.
    let begin = Instant::now();
    let half = &body[..body.len() / 2];
    let stalled = [&head("body stalled", &length), half].concat();
    let answer = send(&envoy, &[&stalled], none);
    assert_eq!(status(&answer), "503", "{answer}");
    assert!(
        begin.elapsed() >= Duration::from_secs(2),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(denied(&envoy, "wait_timeout"), 1);
    let said = plugin_messages(&envoy.log());
    assert!(
        !said.iter().any(|line| line.contains("allow_on_headers")),
        "{said:?}"
    );
}

#[test]
fn the_example_of_github() {
    let echo = Echo::start();
    let envoy = config(&echo, 2, true).start();
    let hook = |signature: &str| {
        envoy
            .request("POST", "/hub")
            .header("x-hub-signature-256", signature)
            .body("Hello, World!")
            .send()
    };
    let good = hook("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
    assert_eq!(good.status, 200, "{}", good.text());
    let echoed = good.echoed();
    assert_eq!(echoed.header("x-consumer"), ["github"]);
    assert_eq!(echoed.header("x-hub-signature-256"), Vec::<&str>::new());
    assert_eq!(echoed.body, "Hello, World!");
    let bad = hook("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e18");
    assert_eq!(bad.status, 401);
    assert!(bad.header("www-authenticate").is_empty());
    assert_eq!(denied(&envoy, "signature_wrong"), 1);
}

#[test]
fn of_a_race_of_replays_exactly_one_passes() {
    let echo = Echo::start();
    let envoy = config(&echo, 4, true).start();
    for run in 0..10 {
        for kind in ["get", "post"] {
            let name = format!("race {kind} {run}");
            let outcome = load::run(64, 64, |_| request(&envoy, &name));
            assert_eq!(outcome.count(200), 1, "{name}: {outcome:?}");
            assert_eq!(outcome.count(401), 63, "{name}: {outcome:?}");
        }
    }
    assert_eq!(denied(&envoy, "replayed"), 20 * 63);
    assert_eq!(denied(&envoy, "replay_unavailable"), 0);
}

/// Without the setting no body comes before the headers have gone: the wait ends, and the log says why.
#[test]
fn without_the_setting_no_body_comes() {
    let echo = Echo::start();
    let envoy = config(&echo, 2, false).start();
    // What needs no body works.
    assert_eq!(request(&envoy, "unset get").send().status, 200);
    let begin = Instant::now();
    for name in ["unset post", "unset other"] {
        let response = request(&envoy, name).send();
        assert_eq!(response.status, 503, "{name}: {}", response.text());
    }
    assert!(begin.elapsed() >= Duration::from_secs(4));
    assert_eq!(denied(&envoy, "wait_timeout"), 2);
    let lines = envoy.await_log("allow_on_headers_stop_iteration: true", 1);
    assert!(lines.len() <= 2, "once for each worker: {lines:?}");
    assert!(
        lines[0].contains("auth: short: not a byte of a request's body came in time"),
        "{lines:?}"
    );
}
