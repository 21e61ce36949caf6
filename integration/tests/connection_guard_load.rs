//! connection-guard under load, over all workers: nobody too many is let in, nobody is forgotten, and places are free again
//! however connections end; also while listeners change and drain.

#![allow(
    clippy::disallowed_methods,
    reason = "native test machinery: clients and servers take their time"
)]

#[path = "connection_guard/client.rs"]
mod client;
#[path = "connection_guard/guarded.rs"]
mod guarded;

use client::{COMMAND, Client, run};
use gatehouse_integration::{Envoy, Refusing, Request, TcpServer, Update};
use guarded::{bootstrap, counter, dials_at_once, listener};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::LocalSet;

const CONNECTIONS: usize = 20_000;
const CLIENTS: usize = 200;

/// From the port of a listener to that of its patient one.
const PATIENT: u16 = 100;

/// What became of many connections.
#[derive(Default)]
struct Seen {
    let_in: Cell<usize>,
    refused: Cell<usize>,
    /// How many each source has at once, and the most it ever had.
    at_once: RefCell<BTreeMap<u8, (usize, usize)>>,
    /// The same of all.
    all: Cell<(usize, usize)>,
}

impl Seen {
    fn enter(&self, source: u8) {
        let mut at_once = self.at_once.borrow_mut();
        let (now, most) = at_once.entry(source).or_default();
        *now += 1;
        *most = (*most).max(*now);
        let (now, most) = self.all.get();
        self.all.set((now + 1, most.max(now + 1)));
        self.let_in.set(self.let_in.get() + 1);
    }

    fn leave(&self, source: u8) {
        if let Some((now, _)) = self.at_once.borrow_mut().get_mut(&source) {
            *now -= 1;
        }
        let (now, most) = self.all.get();
        self.all.set((now - 1, most));
    }
}

/// As many connections, of as many clients at once, from these sources in turn. One that is let in stays for a while:
/// it counts from its answer until it begins to close, which is less than what the filter counts.
fn load(to: SocketAddr, sources: &'static [u8], stay: Duration) -> Rc<Seen> {
    let seen = Rc::new(Seen::default());
    let next = Rc::new(Cell::new(0));
    run(async {
        let clients = LocalSet::new();
        for _ in 0..CLIENTS {
            let (seen, next) = (seen.clone(), next.clone());
            clients.spawn_local(async move {
                while next.get() < CONNECTIONS {
                    let source = sources[next.get() % sources.len()];
                    next.set(next.get() + 1);
                    let mut client = Client::connect(to, source).await.unwrap();
                    if !client.is_let_in().await.unwrap() {
                        seen.refused.set(seen.refused.get() + 1);
                        continue;
                    }
                    seen.enter(source);
                    tokio::time::sleep(stay).await;
                    seen.leave(source);
                }
            });
        }
        clients.await;
    });
    seen
}

/// Until a listener has no connection left.
fn await_rest(envoy: &Envoy, listener: &str) {
    let gauge = format!("listener.{listener}.downstream_cx_active");
    assert!(envoy.stats().contains_key(&gauge), "{gauge}");
    envoy.await_stat(&gauge, 0);
}

/// How many connections of a source, of so many at once, are let in.
fn room(to: SocketAddr, source: u8, tries: usize) -> usize {
    run(async {
        let mut clients = Vec::new();
        let mut let_in = 0;
        for _ in 0..tries {
            let mut client = Client::connect(to, source).await.unwrap();
            let_in += usize::from(client.is_let_in().await.unwrap());
            clients.push(client);
        }
        let_in
    })
}

fn assert_nothing_failed(envoy: &Envoy) {
    let stats = envoy.stats();
    for failure in [
        "not_released",
        "not_charged",
        "unlimited",
        "evicted",
        "denied.reason.host_failed",
        "denied.reason.limit_failed",
    ] {
        assert_eq!(
            stats.get(&counter(failure)).copied().unwrap_or_default(),
            0,
            "{failure}"
        );
    }
}

fn of(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

#[test]
fn never_too_many_at_once_over_all_workers() {
    let echo = TcpServer::echo();
    let limits = "{default: allow, limits: {concurrent: {per_source: 20, total: 60}}}";
    let guarded = dials_at_once(listener("guarded", 10000, limits));
    let envoy = bootstrap(&[(guarded, echo.address())]).workers(4).start();
    let to = envoy.address();
    let seen = load(to, &[1, 2, 3, 4], Duration::from_millis(50));
    let (left, most) = seen.all.get();
    assert_eq!(left, 0);
    assert!(most <= 60, "{most} at once");
    assert!(most > 40, "{most} at once: the limit was never reached");
    for (source, (_, most)) in &*seen.at_once.borrow() {
        assert!(*most <= 20, "{most} of source {source} at once");
    }
    assert_eq!(seen.let_in.get() + seen.refused.get(), CONNECTIONS);
    // The filter counts as its clients do, and each connection once.
    await_rest(&envoy, "guarded");
    let stat = |name: &str| of(envoy.stat(&counter(name)));
    assert_eq!(stat("allowed.reason.default"), seen.let_in.get());
    let denied = stat("denied.limit.concurrent_per_source") + stat("denied.limit.concurrent_total");
    assert_eq!(denied, seen.refused.get());
    assert!(seen.refused.get() > 0);
    assert_nothing_failed(&envoy);
    // Nothing is left behind: every place is free again, and no more than there were.
    for source in [1, 2, 3, 4, 5] {
        assert_eq!(room(to, source, 25), 20, "source {source}");
        await_rest(&envoy, "guarded");
    }
    let in_all = run(async {
        let mut clients = Vec::new();
        let mut let_in = 0;
        for index in 0..100 {
            let mut client = Client::connect(to, 1 + index % 10).await.unwrap();
            let_in += usize::from(client.is_let_in().await.unwrap());
            clients.push(client);
        }
        let_in
    });
    assert_eq!(in_all, 60);
}

#[test]
fn exactly_as_many_as_the_rate_lets_in_over_all_workers() {
    let echo = TcpServer::echo();
    // A day brings back one in 86 s.
    let limits = "{default: allow, limits: {connection_rate: {rate: 500/12h, burst: 500}}}";
    let guarded = dials_at_once(listener("guarded", 10000, limits));
    let envoy = bootstrap(&[(guarded, echo.address())]).workers(4).start();
    let start = std::time::Instant::now();
    let seen = load(envoy.address(), &[1, 2], Duration::ZERO);
    // What the time that it took brought back.
    let back = usize::try_from(start.elapsed().as_secs() / 86).unwrap() * 2;
    let let_in = seen.let_in.get();
    assert!(
        (1000..=1000 + back).contains(&let_in),
        "{let_in}, {back} came back"
    );
    assert_eq!(seen.refused.get(), CONNECTIONS - let_in);
    await_rest(&envoy, "guarded");
    let stat = |name: &str| of(envoy.stat(&counter(name)));
    assert_eq!(stat("allowed.reason.default"), let_in);
    assert_eq!(stat("denied.limit.connection_rate"), seen.refused.get());
    assert_nothing_failed(&envoy);
}

/// What a client does, after which no place may be missing.
#[derive(Debug, Clone, Copy)]
enum Way {
    Closes,
    Resets,
    HalfCloses,
    NeverSpeaks,
    NeverSpeaksAndGoes,
    NeverSpeaksAndHalfCloses,
    SpeaksHalf,
    SpeaksSomethingElse,
    SpeaksTooMuch,
    IsIdle,
}

impl Way {
    async fn go(self, to: SocketAddr) -> std::io::Result<()> {
        let mut client = Client::connect(to, 1).await?;
        match self {
            Self::NeverSpeaks => client.end().await.map(drop),
            Self::NeverSpeaksAndGoes => Ok(()),
            Self::NeverSpeaksAndHalfCloses => {
                client.half_close().await?;
                client.end().await.map(drop)
            }
            Self::SpeaksHalf => {
                client.send(b"PI").await?;
                client.end().await.map(drop)
            }
            Self::SpeaksSomethingElse => {
                client.send(b"\0\xff").await?;
                client.end().await.map(drop)
            }
            Self::SpeaksTooMuch => {
                client.send(&[b'*'; 1]).await?;
                client.send(&[b'1'; 8 << 10]).await.unwrap_or_default();
                client.end().await.map(drop)
            }
            Self::Closes | Self::Resets | Self::HalfCloses | Self::IsIdle => {
                client.send(COMMAND).await?;
                // Where the upstream is not there, or closes, there is no answer.
                let answered = client.receive().await.is_ok();
                match self {
                    // What is left unread makes the kernel send a reset.
                    Self::Resets => Ok(()),
                    Self::HalfCloses if answered => {
                        client.half_close().await?;
                        client.end().await.map(drop)
                    }
                    Self::IsIdle if answered => client.end().await.map(drop),
                    _ => {
                        for _ in 1..COMMAND.len() {
                            client.receive().await.unwrap_or_default();
                        }
                        Ok(())
                    }
                }
            }
        }
    }
}

#[test]
fn places_are_free_again_however_connections_end() {
    const PLACES: usize = 8;
    let rules = |within: &str, idle: &str| {
        format!(
            "{{rules: [{{name: redis, match: {{protocol: [redis]}}, action: allow}}], default: deny, first_data: {{within: {within}, max_size: 1KiB}}, \
            limits: {{concurrent: {{total: {PLACES}}}, idle: {idle}}}}}"
        )
    };
    let echo = TcpServer::echo();
    let closing = TcpServer::start(drop);
    let nowhere = Refusing::start();
    let names = ["echo", "closing", "nowhere"];
    let servers = [echo.address(), closing.address(), nowhere.address()];
    let reading = gatehouse_integration::envoy::envoy_version() >= (1, 37);
    let guarded = |name: &str, port: u16, rules: &str| {
        let first = rules.replace("default: deny", "default: deny, server_speaks_first: true");
        match reading {
            true => listener(name, port, rules),
            false => dials_at_once(listener(name, port, &first)),
        }
    };
    let hasty = rules("700ms", "1s");
    // With the same places, and time for clients who fill them.
    let patient = rules("60s", "60s");
    let mut listeners = Vec::new();
    for ((name, port), server) in names.iter().zip(10000..).zip(servers) {
        listeners.push((guarded(name, port, &hasty), server));
        let mut patient = guarded(&patient_name(name), port + PATIENT, &patient);
        let plugin = "/filter_chains/0/filters/0/typed_config/config/vm_config/vm_id";
        *patient.pointer_mut(plugin).unwrap() = json!(name);
        listeners.push((patient, server));
    }
    let envoy = bootstrap(&listeners).workers(2).start();
    let ways = [
        Way::Closes,
        Way::Resets,
        Way::HalfCloses,
        Way::NeverSpeaks,
        Way::NeverSpeaksAndGoes,
        Way::NeverSpeaksAndHalfCloses,
        Way::SpeaksHalf,
        Way::SpeaksSomethingElse,
        Way::SpeaksTooMuch,
        Way::IsIdle,
    ];
    for (name, port) in names.iter().zip(10000..) {
        let (to, patient) = (envoy.address_of(port), envoy.address_of(port + PATIENT));
        let came = format!("listener.{name}.downstream_cx_total");
        for way in ways {
            let before = envoy.stat(&came);
            // All places at once, and some more that find none.
            run(async {
                let clients = LocalSet::new();
                for _ in 0..PLACES + 4 {
                    clients.spawn_local(async move {
                        // A connection that is refused may be so while the client still speaks.
                        if let Err(error) = way.go(to).await {
                            assert_ne!(error.kind(), std::io::ErrorKind::TimedOut, "{way:?}");
                        }
                    });
                }
                clients.await;
            });
            // Also those that were gone before Envoy knew of them.
            envoy.await_stat(&came, before + PLACES as u64 + 4);
            await_rest(&envoy, name);
            // Of the server that answers, all places are free, and one more is not there.
            if *name == "echo" {
                assert_eq!(room(patient, 1, PLACES + 1), PLACES, "{way:?}");
                await_rest(&envoy, &patient_name(name));
            }
        }
        // Where an upstream is dialled at once that closes at once, so does the connection.
        if !reading && *name != "echo" {
            continue;
        }
        let denied = || envoy.stat(&counter("denied.limit.concurrent_total"));
        let before = denied();
        run(async {
            let mut clients = Vec::new();
            for _ in 0..PLACES {
                clients.push(Client::connect(patient, 1).await.unwrap());
            }
            // Nobody who is held has been refused a place.
            let held = format!("listener.{}.downstream_cx_active", patient_name(name));
            envoy.await_stat(&held, PLACES as u64);
            assert_eq!(denied(), before, "{name}: no place is missing");
            let mut last = Client::connect(patient, 1).await.unwrap();
            last.end().await.unwrap();
            assert_eq!(denied(), before + 1, "{name}: and none is there too many");
        });
        await_rest(&envoy, &patient_name(name));
    }
    assert_nothing_failed(&envoy);
}

/// The listener that shares its places with another one, and is asked for them.
fn patient_name(name: &str) -> String {
    format!("patient-{name}")
}

/// Opens so many connections, has each answered, and leaves without a word: what `TCP_REPAIR` is for. Envoy takes them for open.
const VANISH: &str = r#"
import socket, sys
connections = [socket.create_connection((sys.argv[1], int(sys.argv[2]))) for _ in range(int(sys.argv[3]))]
for connection in connections:
    connection.sendall(b"PING\r\n")
    assert connection.recv(6, socket.MSG_WAITALL) == b"PING\r\n"
for connection in connections:
    connection.setsockopt(socket.IPPROTO_TCP, 19, 1)
    connection.close()
"#;

#[test]
fn half_open_connections_end_with_their_idle_time() {
    let echo = TcpServer::echo();
    let limits = "{default: allow, limits: {concurrent: {total: 8}, idle: 10s}}";
    let guarded = dials_at_once(listener("guarded", 10000, limits));
    let envoy = bootstrap(&[(guarded, echo.address())]).workers(2).start();
    let to = envoy.address();
    let vanished = std::process::Command::new("python3")
        .args(["-c", VANISH, "127.0.0.1", &to.port().to_string(), "8"])
        .output()
        .expect("Python runs");
    let errors = String::from_utf8_lossy(&vanished.stderr);
    if errors.contains("PermissionError") {
        eprintln!("left out: a connection vanishes only for one who may administer the network");
        return;
    }
    assert!(vanished.status.success(), "{errors}");
    assert_eq!(envoy.stat("listener.guarded.downstream_cx_active"), 8);
    assert_eq!(room(to, 1, 1), 0, "they hold their places");
    await_rest(&envoy, "guarded");
    assert_eq!(envoy.stat(&counter("closed.limit.idle")), 8);
    assert_eq!(room(to, 1, 9), 8);
    assert_nothing_failed(&envoy);
}

fn with_rules(rules: &str) -> Vec<(Value, SocketAddr)> {
    let configuration =
        format!("{{{rules}, default: deny, limits: {{concurrent: {{per_source: 300}}}}}}");
    let listener = dials_at_once(listener("guarded", 10000, &configuration));
    vec![(listener, SocketAddr::from(([127, 0, 0, 1], 18080)))]
}

#[test]
fn a_change_of_listeners_and_draining_under_load() {
    let echo = TcpServer::echo();
    let config = |rules: &str| {
        bootstrap(&with_rules(rules))
            .endpoint(18080, echo.address())
            .workers(4)
    };
    let first = config(
        "rules: [{name: first, match: {source: [127.0.1.0/24, 127.0.2.0/24]}, action: allow}]",
    );
    let second = config("rules: [{name: second, match: {source: [127.0.1.0/24]}, action: allow}]");
    let mut envoy = first.start_dynamic();
    let to = envoy.address();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let alive = |clients: &mut Vec<Client>| {
        run_with(clients, |client| {
            Box::pin(async { client.is_let_in().await.unwrap() })
        })
    };
    // Each part has a runtime of its own, which its connections need as long as they live.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let _entered = runtime.enter();
    let mut old: Vec<Client> = Vec::new();
    for source in [1, 2] {
        for _ in 0..50 {
            old.push(runtime.block_on(Client::connect(to, source)).unwrap());
        }
    }
    assert_eq!(alive(&mut old), 100);
    std::thread::scope(|scope| {
        // New connections all the while, from a source that both configurations let in.
        let load = scope.spawn(|| {
            run(async {
                let mut count = 0;
                while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                    let mut client = Client::connect(to, 1).await.unwrap();
                    assert!(
                        client.is_let_in().await.unwrap(),
                        "connection {count} was refused"
                    );
                    count += 1;
                }
                count
            })
        });
        for round in 0..4 {
            let config = if round % 2 == 0 { &second } else { &first };
            assert!(matches!(envoy.update(config), Update::Accepted));
            // What has begun goes on as it was.
            assert_eq!(alive(&mut old), 100, "round {round}");
            let room = room(to, 2, 3);
            assert_eq!(room, if round % 2 == 0 { 0 } else { 3 }, "round {round}");
        }
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
        let count: usize = load.join().unwrap();
        assert!(count > 0);
    });
    // Those that came before the changes hold their places, in the limit that all configurations share.
    assert_eq!(room(to, 1, 260), 250);
    let drained = Request::new(envoy.admin_address(), "POST", "/drain_listeners").send();
    assert_eq!(drained.status, 200);
    assert_eq!(alive(&mut old), 100, "connections that are open stay");
    drop(old);
    let stats = |name: &str| envoy.stat(&counter(name));
    assert!(stats("allowed.rule.first") > 100 && stats("allowed.rule.second") > 0);
    envoy.await_stat("cluster.guarded.upstream_cx_active", 0);
    assert_nothing_failed(&envoy);
}

/// How many of the clients something holds for.
fn run_with(
    clients: &mut [Client],
    ask: impl for<'a> Fn(&'a mut Client) -> std::pin::Pin<Box<dyn Future<Output = bool> + 'a>>,
) -> usize {
    let handle = tokio::runtime::Handle::current();
    clients
        .iter_mut()
        .filter_map(|client| handle.block_on(ask(client)).then_some(()))
        .count()
}
