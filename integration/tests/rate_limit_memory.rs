//! Envoy's memory stays what it is once the table is full, however many keys come.
//!
//! The large measurement takes minutes, and prints what it finds:
//!
//! ```text
//! cargo test --release -p gatehouse-integration --test rate_limit_memory -- --ignored --nocapture
//! ```

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use gatehouse_integration::{Config, Envoy};
use serde_json::json;

const FILE: &str = "envoy/rate-limit.yaml";

const CONNECTIONS: usize = 32;

fn start(slots: usize) -> Envoy {
    let plugin = format!(
        "{{limits: [{{name: a, key: [{{header: x-tenant}}], rate: 100/1h}}], response_headers: none, store: {{local: {{slots: {slots}}}}}}}"
    );
    Config::load(FILE)
        .plugin(&plugin)
        .workers(4)
        .edit(|root| {
            let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
            let manager = root.pointer_mut(manager).unwrap();
            manager["access_log"] = json!([]);
            manager["route_config"]["virtual_hosts"][0]["routes"] = json!([
                {"match": {"prefix": "/"}, "direct_response": {"status": 200}},
            ]);
        })
        .start()
}

/// Sends requests with these keys, and says how many were admitted.
fn send(to: SocketAddr, keys: std::ops::Range<usize>) -> usize {
    let share = keys.len().div_ceil(CONNECTIONS);
    let client = |number: usize| {
        let mut stream = TcpStream::connect(to).expect("Envoy listens");
        let (mut bytes, mut buffer, mut admitted) = (Vec::new(), [0; 4096], 0);
        let first = keys.start + number * share;
        for key in first..keys.end.min(first + share) {
            bytes.clear();
            write!(
                bytes,
                "GET / HTTP/1.1\r\nhost: a\r\nx-tenant: {key}\r\n\r\n"
            )
            .unwrap();
            stream.write_all(&bytes).expect("Envoy reads");
            bytes.clear();
            // No answer has a body, so it ends with an empty line.
            while !bytes.ends_with(b"\r\n\r\n") {
                let read = stream.read(&mut buffer).expect("Envoy answers");
                assert!(read > 0, "Envoy closes");
                bytes.extend_from_slice(&buffer[..read]);
            }
            admitted += usize::from(bytes.starts_with(b"HTTP/1.1 200 "));
        }
        admitted
    };
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|number| scope.spawn(move || client(number)))
            .collect();
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .sum()
    })
}

/// Sends `steps` times as many requests, each with a key that never came before; after each step, the
/// resident memory in KiB. The first is that before any key but one.
fn measure(slots: usize, each: usize, steps: usize) -> Vec<u64> {
    let envoy = start(slots);
    // Buffers of connections and all else that comes with traffic. One key is limited to 100.
    for _ in 0..20 {
        let same = usize::MAX - CONNECTIONS..usize::MAX;
        send(envoy.address(), same);
    }
    let mut resident = vec![envoy.resident_kib()];
    println!("{:>10} {:>12} {:>10}", "keys", "resident KiB", "evicted");
    for step in 0..steps {
        let admitted = send(envoy.address(), step * each..(step + 1) * each);
        assert_eq!(admitted, each, "each key is new");
        resident.push(envoy.resident_kib());
        let evicted = envoy.stat("wasmcustom.gatehouse.rate_limit.evicted.limit.a");
        println!(
            "{:>10} {:>12} {evicted:>10}",
            (step + 1) * each,
            resident[resident.len() - 1]
        );
    }
    resident
}

/// 256 slots have room for 2,048 keys; five times as many fill them all.
#[test]
fn flat_after_the_table_is_full() {
    let resident = measure(256, 10_000, 6);
    let full = resident[1];
    let last = resident[resident.len() - 1];
    assert!(last < full + 1024, "{resident:?} KiB");
}

/// Five million keys in the table as it is by default.
#[test]
#[ignore = "takes minutes"]
fn five_million_keys() {
    let resident = measure(65_536, 250_000, 20);
    let (before, full, last) = (resident[0], resident[8], resident[20]);
    println!("{} bytes a slot", (full - before) * 1024 / 65_536);
    assert!(last < full + 2 * 1024, "{resident:?} KiB");
}
