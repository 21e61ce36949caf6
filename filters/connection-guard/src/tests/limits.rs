//! Limits, over all workers: what takes a place, and every way in which it is given back.

use super::*;

fn limits(limits: Value) -> Value {
    json!({"default": "allow", "limits": limits})
}

/// How many connections at once have room.
fn free(worker: &Worker, source: &str) -> usize {
    let clients: Vec<Client<'_>> = (0..1000)
        .map(|_| worker.connect(source))
        .take_while(|client| client.closed.is_none())
        .collect();
    let count = clients.len();
    clients.into_iter().for_each(Client::end);
    count
}

#[test]
fn connection_rates() {
    let config = limits(json!({"connection_rate": [
        {"rate": "1/1s", "burst": 3},
        {"rate": "1/1s", "burst": 5, "ipv4": 24, "ipv6": 48},
    ]}));
    let shared = Shared::default();
    let (one, two) = (Worker::new(&shared, &config), Worker::new(&shared, &config));
    let fates = |worker: &Worker, source: &str, count: usize| -> usize {
        (0..count)
            .filter(|_| worker.connect(source).fate() == "open")
            .count()
    };
    assert_eq!(fates(&one, "192.0.2.1", 2) + fates(&two, "192.0.2.1", 5), 3);
    assert_eq!(fates(&two, "192.0.2.2", 5), 2, "and five of the range");
    assert_eq!(
        fates(&one, "::ffff:192.0.2.3", 5),
        0,
        "a mapped address is of the range"
    );
    assert_eq!(fates(&one, "2001:db8::1", 5), 3);
    assert_eq!(fates(&one, "2001:db8::2", 5), 0, "the same customer");
    assert_eq!(fates(&one, "2001:db8:0:1::2", 5), 2);
    for worker in [&one, &two] {
        worker.advance(1.0);
    }
    assert_eq!(fates(&two, "192.0.2.1", 5), 1);
    assert_eq!(two.connect("192.0.2.1").fate(), "limit.connection_rate");
}

/// Rates of the same prefixes are two buckets, each with its own burst.
#[test]
fn rates_of_the_same_prefixes() {
    let config = limits(json!({"connection_rate": [{"rate": "20/1s"}, {"rate": "30/1h"}]}));
    let worker = Worker::alone(&config);
    let admitted = |worker: &Worker| {
        (0..100)
            .filter(|_| worker.connect("192.0.2.1").fate() == "open")
            .count()
    };
    assert_eq!(admitted(&worker), 20);
    worker.advance(1.0);
    assert_eq!(admitted(&worker), 10, "thirty in the hour");
    worker.advance(1.0);
    assert_eq!(admitted(&worker), 0);
    worker.advance(120.0);
    assert_eq!(admitted(&worker), 1, "one more in two minutes");
}

/// While a listener is drained two configurations serve. Neither gives back what the other one took.
#[test]
fn two_rates_at_one_time() {
    let shared = Shared::default();
    let workers = ["100/1h", "10/1s"].map(|rate| {
        let config = limits(json!({"connection_rate": [{"rate": rate}]}));
        Worker::new(&shared, &config)
    });
    let mut admitted = [0, 0];
    for _ in 0..5 {
        for (worker, admitted) in workers.iter().zip(&mut admitted) {
            *admitted += (0..150)
                .filter(|_| worker.connect("192.0.2.1").fate() == "open")
                .count();
        }
    }
    assert_eq!(admitted, [100, 10]);
}

#[test]
fn at_once() {
    let config = limits(json!({"concurrent": {"per_source": 3, "total": 5}}));
    let shared = Shared::default();
    let (one, two) = (Worker::new(&shared, &config), Worker::new(&shared, &config));
    assert_eq!((free(&one, "192.0.2.1"), free(&two, "192.0.2.1")), (3, 3));
    let held = [one.connect("192.0.2.1"), two.connect("192.0.2.1")];
    assert_eq!(free(&two, "192.0.2.1"), 1);
    assert_eq!(free(&two, "192.0.2.2"), 3);
    let others = [one.connect("192.0.2.2"), two.connect("192.0.2.2")];
    assert_eq!(free(&one, "192.0.2.3"), 1, "five in all");
    let last = one.connect("192.0.2.3");
    assert_eq!(one.connect("192.0.2.4").fate(), "limit.concurrent_total");
    assert_eq!(free(&one, "192.0.2.1"), 0);
    last.end();
    held.into_iter().for_each(Client::end);
    others.into_iter().for_each(Client::end);
    assert_eq!((free(&one, "192.0.2.1"), free(&two, "192.0.2.4")), (3, 3));
    assert_eq!(one.counts().get("not_released"), None);
    let stored = shared.read("gatehouse.limit.seed").unwrap().0.len();
    assert_eq!(shared.bytes(), stored, "nothing is kept of who is gone");
}

/// Every way in which a connection that holds a place can end.
#[test]
fn however_a_connection_ends() {
    let mut config = limits(json!({
        "concurrent": {"total": 1}, "duration": "10s", "idle": "4s",
        "bytes": {"per_connection": {"received": "100B"}},
    }));
    config["rules"] = json!([
        {"name": "no", "match": {"protocol": ["ssh"]}, "action": "deny"},
        {"name": "pit", "match": {"protocol": ["redis"]}, "action": {"tarpit": {"delay": "1s"}}},
    ]);
    type Way = fn(&Worker, &mut Client<'_>);
    let ways: [(&str, Way, &str); 8] = [
        ("it leaves before a word", |_, _| {}, "held"),
        (
            "it leaves",
            |_, client| {
                client.send(b"x\n");
            },
            "open",
        ),
        (
            "it is denied",
            |_, client| {
                client.send(b"SSH-2.0-x\n");
            },
            "rule.no",
        ),
        (
            "it is held to be denied",
            |_, client| {
                client.send(b"PING\n");
            },
            "held",
        ),
        (
            "it is silent",
            |worker, client| {
                worker.advance(5.0);
                client.tick();
            },
            "limit.first_data_time",
        ),
        (
            "too many bytes",
            |_, client| {
                client.send(b"x\n").send(&[0; 99]);
            },
            "limit.received_per_connection",
        ),
        (
            "too long",
            |worker, client| {
                client.send(b"x\n");
                for _ in 0..10 {
                    worker.advance(1.0);
                    client.tick();
                    client.receive(b"x");
                }
                client.tick();
            },
            "limit.duration",
        ),
        (
            "idle",
            |worker, client| {
                client.send(b"x\n");
                for _ in 0..5 {
                    worker.advance(1.0);
                    client.tick();
                }
            },
            "limit.idle",
        ),
    ];
    for (name, way, expected) in ways {
        let worker = Worker::alone(&config);
        let mut client = worker.connect("192.0.2.1");
        assert_eq!(
            worker.connect("192.0.2.2").fate(),
            "limit.concurrent_total",
            "{name}"
        );
        way(&worker, &mut client);
        assert_eq!(client.fate(), expected, "{name}");
        client.end();
        assert_eq!(free(&worker, "192.0.2.2"), 1, "{name}");
        assert_eq!(worker.counts().get("not_released"), None, "{name}");
    }
}

/// What another limit refuses holds nothing.
#[test]
fn a_refusal_gives_it_back() {
    let worker = Worker::alone(&limits(
        json!({"concurrent": {"per_source": 5, "total": 1}}),
    ));
    let held = worker.connect("192.0.2.1");
    for _ in 0..20 {
        let refused = worker.connect("192.0.2.2");
        assert_eq!(refused.fate(), "limit.concurrent_total");
        refused.end();
    }
    held.end();
    let one_each = Worker::new(
        worker.host.shared_data(),
        &limits(json!({"concurrent": {"per_source": 5, "total": 100}})),
    );
    assert_eq!(free(&one_each, "192.0.2.2"), 5);
}

/// The VM goes with all it knows: its places expire. Those of long connections do not.
#[test]
fn places_expire_and_are_renewed() {
    let config = limits(json!({"concurrent": {"total": 2, "expires": "10s"}}));
    let shared = Shared::default();
    let gone = Worker::new(&shared, &config);
    let _lost = gone.connect("192.0.2.1");
    let worker = Worker::new(&shared, &config);
    let held = worker.connect("192.0.2.1");
    assert_eq!(free(&worker, "192.0.2.1"), 0);
    for _ in 0..600 {
        worker.advance(0.1);
        worker.tick();
    }
    assert_eq!(
        free(&worker, "192.0.2.1"),
        1,
        "the lost one is free, the long one is not"
    );
    held.end();
    assert_eq!(free(&worker, "192.0.2.1"), 2);
}

#[test]
fn bytes_of_a_connection() {
    let worker = Worker::alone(&limits(
        json!({"bytes": {"per_connection": {"received": "1KiB", "sent": "2KiB"}}}),
    ));
    let mut client = worker.connect("192.0.2.1");
    assert_eq!(client.send(&[0; 1024]).fate(), "open");
    assert!(client.receive(&[0; 2048]));
    assert_eq!(client.send(&[0; 1]).fate(), "limit.received_per_connection");
    assert_eq!(client.passed.len(), 1024);
    let mut client = worker.connect("192.0.2.1");
    assert!(client.receive(&[0; 2000]) && !client.receive(&[0; 49]));
    assert_eq!(client.fate(), "limit.sent_per_connection");
}

/// What was held counts once it goes on.
#[test]
fn bytes_that_were_held_count() {
    let mut config =
        rules(json!([{"name": "web", "match": {"protocol": ["http1"]}, "action": "allow"}]));
    config["limits"] = json!({"bytes": {"per_connection": {"received": "20B"}}});
    let worker = Worker::alone(&config);
    let mut client = worker.connect("192.0.2.1");
    client.send(b"GET / ").send(b"HTTP/1.1\r\n").send(b"1234");
    assert_eq!(client.fate(), "open");
    assert_eq!(client.send(b"5").fate(), "limit.received_per_connection");
    let mut client = worker.connect("192.0.2.1");
    assert_eq!(
        client.send(b"GET / HTTP/1.1\r\n12345").fate(),
        "limit.received_per_connection"
    );
    assert_eq!(client.passed, b"");
}

#[test]
fn bytes_of_a_source() {
    let config =
        limits(json!({"bytes": {"per_source": {"received": "1MiB/1h", "sent": "10MiB/1h"}}}));
    let shared = Shared::default();
    let (one, two) = (Worker::new(&shared, &config), Worker::new(&shared, &config));
    let (mut first, mut second) = (one.connect("192.0.2.1"), two.connect("192.0.2.1"));
    for _ in 0..31 {
        assert_eq!(first.send(&[0; 16 << 10]).fate(), "open");
        assert_eq!(second.send(&[0; 16 << 10]).fate(), "open");
    }
    // 992 KiB of 1024.
    assert_eq!(first.send(&[0; 16 << 10]).fate(), "open");
    assert_eq!(
        second.send(&[0; 16 << 10]).fate(),
        "limit.received_per_source"
    );
    assert_eq!(first.send(&[0; 1]).fate(), "open", "less than a batch");
    first.end();
    second.end();
    assert_eq!(
        one.connect("192.0.2.1").fate(),
        "limit.received_per_source",
        "nothing is left"
    );
    let mut other = one.connect("192.0.2.2");
    assert!(other.receive(&[0; 9 << 20]), "each direction has its own");
    other.end();
    // In the next window but one everything is forgotten.
    one.advance(7200.0);
    assert_eq!(one.connect("192.0.2.1").fate(), "open");
}

/// Many connections of a few bytes are not free.
#[test]
fn small_connections_pay() {
    let worker = Worker::alone(&limits(
        json!({"bytes": {"per_source": {"received": "64KiB/1h"}}}),
    ));
    let mut admitted = 0;
    while admitted < 100 {
        let mut client = worker.connect("192.0.2.1");
        if client.send(b"x").fate() != "open" {
            break;
        }
        client.end();
        admitted += 1;
    }
    assert_eq!(admitted, 64);
}

/// However many sources: the table is as large as it is.
#[test]
fn memory_is_fixed() {
    let mut config = limits(
        json!({"concurrent": {"per_source": 3}, "connection_rate": {"rate": "1/1s"},
        "bytes": {"per_source": {"received": "1MiB/1h"}}}),
    );
    config["slots"] = json!(16);
    let worker = Worker::alone(&config);
    for source in 0..5_000_u32 {
        let source = std::net::Ipv4Addr::from(source).to_string();
        let mut client = worker.connect(&source);
        client.send(b"x");
        client.end();
    }
    let shared = worker.host.shared_data();
    assert!(
        shared.len() <= 17 && shared.bytes() <= 16 * 192 + 16,
        "{}",
        shared.bytes()
    );
    assert!(worker.counts()["evicted"] > 0);
}

#[test]
fn a_unix_socket_is_a_source_too() {
    let worker = Worker::alone(&limits(json!({"concurrent": {"per_source": 1}})));
    let unix = [("source.address", &b"/run/socket"[..])];
    let first = worker.connect_with("192.0.2.1", &unix);
    assert_eq!(
        worker.connect_with("192.0.2.2", &unix).fate(),
        "limit.concurrent_per_source"
    );
    assert_eq!(worker.connect("192.0.2.1").fate(), "open");
    first.end();
}

/// What is lost for the bytes of a source, and for a place that is renewed, is counted too.
#[test]
fn all_that_is_lost_is_counted() {
    let mut config = limits(json!({"bytes": {"per_source": {"received": "1MiB/1h"}}}));
    config["slots"] = json!(1);
    let worker = Worker::alone(&config);
    let byte_of = |worker: &Worker, number: u32| {
        let mut client = worker.connect(&format!("192.0.2.{number}"));
        client.send(b"x");
        client.end();
    };
    (0..8).for_each(|number| byte_of(&worker, number));
    assert_eq!(worker.counts().get("evicted"), None);
    byte_of(&worker, 8);
    assert_eq!(worker.counts()["evicted"], 1, "at the end of a connection");
    let mut client = worker.connect("192.0.2.9");
    client.send(&[0; 16 << 10]);
    assert_eq!(worker.counts()["evicted"], 2, "as bytes pass");

    config["limits"]["concurrent"] = json!({"per_source": 5, "expires": "16s"});
    let worker = Worker::alone(&config);
    let held = worker.connect("192.0.2.100");
    (0..8).for_each(|number| byte_of(&worker, number));
    let before = worker.counts()["evicted"];
    for _ in 0..170 {
        worker.advance(0.1);
        worker.tick();
    }
    assert_eq!(worker.counts()["evicted"], before + 1, "by a renewal");
    held.end();
}

/// Whatever other entries there are, in however small a table: never more connections at once than there may be in all,
/// and never fewer.
#[test]
fn nothing_drives_out_the_places_there_are_in_all() {
    use proptest::prelude::*;
    const TOTAL: usize = 4;
    let config = json!({
        "default": "allow", "slots": 1,
        "limits": {
            "concurrent": {"total": TOTAL, "per_source": 100, "expires": "10s"},
            "bytes": {"per_source": {"received": "1GiB/1h", "sent": "1GiB/1h"}},
            "connection_rate": {"rate": "1000/1s"},
        },
    });
    let step = (0..4_u8, 0..40_u8, 0..2_usize);
    proptest!(ProptestConfig::with_cases(100), |(steps in prop::collection::vec(step, 1..120))| {
        let shared = Shared::default();
        let workers = [Worker::new(&shared, &config), Worker::new(&shared, &config)];
        let mut open: Vec<Client<'_>> = Vec::new();
        for (what, source, worker) in steps {
            match what {
                0 | 1 => {
                    let source = format!("2001:db8:0:{source}::1");
                    let mut client = workers[worker].connect(&source);
                    client.send(b"x");
                    match client.closed.as_deref() {
                        None => open.push(client),
                        Some(reason) => {
                            prop_assert_eq!(reason, "limit.concurrent_total");
                            prop_assert_eq!(open.len(), TOTAL);
                            client.end();
                        }
                    }
                    prop_assert!(open.len() <= TOTAL);
                }
                2 => if !open.is_empty() {
                    open.remove(usize::from(source) % open.len()).end();
                },
                // Longer than a place lives that is not renewed, in all.
                _ => for _ in 0..30 {
                    for worker in &workers {
                        worker.advance(0.1);
                        worker.tick();
                    }
                },
            }
        }
    });
}
