//! Envoy's memory stays what it is once the table is full, however many keys come; so it does with that of leases.
//!
//! The large measurements take minutes, and print what they find:
//!
//! ```text
//! cargo test --release -p gatehouse-integration --test rate_limit_memory -- --ignored --nocapture
//! ```

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use gatehouse_integration::{Config, Envoy, RateLimitServer, Reply};
use gatehouse_rate_limit_service::{
    CODE_OK, DescriptorStatus, Duration as Reset, Limit, RateLimitRequest, RateLimitResponse,
};
use serde_json::json;

const CONNECTIONS: usize = 32;

/// What a slot takes at most, in bytes.
struct Slot {
    /// Of what Envoy's allocator hands out.
    allocated: usize,
    /// Of Envoy's memory, as the README says: with what the allocator keeps.
    resident: usize,
}

const SLOT: Slot = Slot {
    allocated: 360,
    resident: 450,
};

const SLOT_OF_LEASES: Slot = Slot {
    allocated: 400,
    resident: 510,
};

/// What else may be allocated by traffic.
const SLACK: usize = 128 * 1024;

/// The same of the memory of the process.
const RESIDENT_SLACK: usize = 1024 * 1024;

fn table(slots: usize) -> Envoy {
    let store = format!("local: {{slots: {slots}}}");
    start(Config::load("envoy/rate-limit.yaml"), &store)
}

/// The server grants every share: ten of a hundred that a key has for itself in an hour.
fn leases(slots: usize) -> (Envoy, RateLimitServer) {
    let server = RateLimitServer::start(|question: RateLimitRequest| {
        let status = DescriptorStatus {
            code: CODE_OK,
            current_limit: Some(Limit {
                requests_per_unit: 100,
                unit: 3,
            }),
            limit_remaining: 90,
            duration_until_reset: Some(Reset {
                seconds: 3_600,
                nanos: 0,
            }),
        };
        Reply::Answer(RateLimitResponse {
            overall_code: CODE_OK,
            statuses: vec![status; question.descriptors.len()],
        })
    });
    let config = Config::load("envoy/rate-limit-global.yaml").endpoint(18081, server.address());
    let store = format!(
        "global: {{cluster: ratelimit, domain: gatehouse, timeout: 10s, lease: 10%, slots: {slots}}}"
    );
    (start(config, &store), server)
}

fn start(config: Config, store: &str) -> Envoy {
    let plugin = format!(
        "{{limits: [{{name: a, key: [{{header: x-tenant}}], rate: 100/1h}}], response_headers: none, store: {{{store}}}}}"
    );
    config
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

/// What Envoy's memory is, in bytes.
#[derive(Debug, Clone, Copy)]
struct Memory {
    resident: usize,
    /// What its allocator has handed out: without the VMs, and without what was given back and may be used again.
    allocated: usize,
}

impl Memory {
    fn of(envoy: &Envoy) -> Self {
        // What the last connections had is given back.
        envoy.await_stat("http.rate_limit.downstream_cx_active", 0);
        let allocated = &envoy.admin("/memory").json()["allocated"];
        let allocated = allocated.as_str().and_then(|bytes| bytes.parse().ok());
        Self {
            resident: usize::try_from(envoy.resident_kib()).unwrap() * 1024,
            allocated: allocated.expect("Envoy says what it has allocated"),
        }
    }
}

/// Sends `steps` times as many requests, each with a key that never came before, and looks after each step. The first is
/// what there is before any key but one.
fn measure(envoy: &Envoy, each: usize, steps: usize) -> Vec<Memory> {
    // Buffers of connections and all else that comes with traffic. One key is limited to 100.
    for _ in 0..20 {
        let same = usize::MAX - CONNECTIONS..usize::MAX;
        send(envoy.address(), same);
    }
    let mut memory = vec![Memory::of(envoy)];
    println!(
        "{:>10} {:>12} {:>12} {:>10}",
        "keys", "resident", "allocated", "evicted"
    );
    for step in 0..steps {
        let admitted = send(envoy.address(), step * each..(step + 1) * each);
        assert_eq!(admitted, each, "each key is new");
        let now = Memory::of(envoy);
        memory.push(now);
        let evicted = envoy.stat("wasmcustom.gatehouse.rate_limit.evicted.limit.a");
        println!(
            "{:>10} {:>12} {:>12} {evicted:>10}",
            (step + 1) * each,
            now.resident,
            now.allocated,
        );
    }
    memory
}

/// A table that is full by one of the steps does not grow from then on, and no slot takes more than is said.
fn is_bounded(memory: &[Memory], full: usize, slots: usize, slot: &Slot) {
    let (before, full) = (memory[0], memory[full]);
    let last = memory[memory.len() - 1];
    println!(
        "for each slot: {} bytes resident, {} allocated",
        last.resident.saturating_sub(before.resident) / slots,
        last.allocated.saturating_sub(before.allocated) / slots
    );
    assert!(last.resident < full.resident + RESIDENT_SLACK, "{memory:?}");
    let most = before.allocated + slots * slot.allocated + SLACK;
    assert!(last.allocated < most, "{most}: {memory:?}");
    let most = before.resident + slots * slot.resident + RESIDENT_SLACK;
    assert!(last.resident < most, "{most}: {memory:?}");
}

/// 1,024 slots have room for 8,192 keys; almost four times as many fill them all.
#[test]
fn flat_after_the_table_is_full() {
    let memory = measure(&table(1_024), 30_000, 3);
    is_bounded(&memory, 1, 1_024, &SLOT);
}

/// 2,048 slots have room for 8,192 leases; almost three times as many fill all but a few.
#[test]
fn flat_after_the_table_of_leases_is_full() {
    let (envoy, _server) = leases(2_048);
    let memory = measure(&envoy, 12_000, 3);
    is_bounded(&memory, 2, 2_048, &SLOT_OF_LEASES);
}

/// Five million keys in the table as it is by default.
#[test]
#[ignore = "takes minutes"]
fn five_million_keys() {
    let memory = measure(&table(65_536), 250_000, 20);
    is_bounded(&memory, 8, 65_536, &SLOT);
}

/// Almost a million leases, each asked for, in the table as it is by default.
#[test]
#[ignore = "takes minutes"]
fn a_million_leases() {
    let (envoy, _server) = leases(65_536);
    let memory = measure(&envoy, 140_000, 7);
    is_bounded(&memory, 5, 65_536, &SLOT_OF_LEASES);
}
