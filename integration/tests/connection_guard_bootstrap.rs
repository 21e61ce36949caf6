//! The bootstrap `envoy/connection-guard.yaml`, as it is: in front of `tcp_proxy` and of an HTTP connection manager.

#![allow(
    clippy::disallowed_methods,
    reason = "native test machinery: clients and servers take their time"
)]

#[path = "connection_guard/servers.rs"]
#[allow(dead_code, reason = "other tests need the others")]
mod servers;

use gatehouse_integration::envoy::reads_too_late;
use gatehouse_integration::{Config, Echo, Envoy, tour};
use servers::{Said, Server, curl, plain, psql, redis_cli, s_client};
use std::time::{Duration, Instant};

const TCP: u16 = 10000;
const HTTP: u16 = 10001;

fn counter(name: &str) -> String {
    format!("wasmcustom.gatehouse.connection_guard.{name}")
}

/// Nothing for an Envoy that cannot read the file: `upstream_connect_mode` came with 1.37.
fn start(test: &str, echo: &Echo, secure: Option<&Server>) -> Option<Envoy> {
    if reads_too_late(test) {
        return None;
    }
    let config = Config::load("envoy/connection-guard.yaml")
        .upstream(echo)
        .workers(2);
    Some(match secure {
        Some(server) => config.endpoint(18443, server.address).start(),
        None => config.start(),
    })
}

#[test]
fn who_gets_where() {
    let (echo, tls) = (Echo::start(), Server::tls());
    let Some(envoy) = start("who_gets_where", &echo, Some(&tls)) else {
        return;
    };
    let (tcp, http) = (envoy.address_of(TCP), envoy.address_of(HTTP));
    let well = |said: Said| said.is_well;
    assert!(well(curl(tcp, &["--http1.1"])));
    assert!(well(curl(tcp, &["--http2-prior-knowledge"])));
    assert!(well(curl(http, &["--http1.1"])));
    assert!(well(curl(http, &["--http2-prior-knowledge"])));
    // By its name to a cluster of its own; the rule with which TLS is allowed leads to the other.
    assert!(well(s_client(tcp, &["-servername", "a.secure.example"])));
    assert!(!well(s_client(tcp, &["-servername", "other.example"])));
    for to in [tcp, http] {
        assert!(!well(redis_cli(to)));
        assert!(!well(psql(to, "disable")));
        assert!(!well(plain(to)));
    }
    assert!(
        !well(s_client(http, &["-servername", "a.secure.example"])),
        "not in front of HTTP"
    );
    let stats = envoy.stats();
    let count = |name: &str| stats.get(&counter(name)).copied().unwrap_or_default();
    // Those in front of tcp_proxy and of HTTP together: one TLS and two HTTP connections, and two of HTTP.
    assert_eq!(count("allowed.rule.secure"), 1);
    assert_eq!(count("allowed.rule.web"), 5);
    assert_eq!(count("spoken.protocol.http2"), 2);
    assert_eq!(count("spoken.protocol.redis"), 2);
    // Access logs tell why.
    let lines = envoy.await_log("denied=connection_guard.default", 7);
    assert_eq!(lines.len(), 7, "{lines:#?}");
}

#[test]
fn ssh_is_tarpitted() {
    let (echo, ssh) = (Echo::start(), Server::ssh());
    let Some(envoy) = start("ssh_is_tarpitted", &echo, None) else {
        return;
    };
    let begun = Instant::now();
    let Said { is_well, text } = ssh.ssh_client(envoy.address_of(TCP));
    assert!(!is_well, "{text}");
    assert!(
        begun.elapsed() >= Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    let lines = envoy.await_log("denied=connection_guard.rule.ssh", 1);
    assert!(
        lines[0].contains("received=") && lines[0].contains("sent=0"),
        "{lines:?}"
    );
    assert_eq!(envoy.stat(&counter("tarpitted.rule.ssh")), 1);
    assert_eq!(envoy.stat("cluster.upstream.upstream_cx_total"), 0);
}

/// What `scripts/run` prints does what it says.
#[test]
fn the_tour() {
    let echo = Echo::start();
    let Some(envoy) = start("the_tour", &echo, None) else {
        return;
    };
    let expected = [
        "HTTP/1.1 200",
        "HTTP/2 200",
        "",
        "",
        "HTTP/1.1 200",
        "",
        "wasmcustom.gatehouse.connection_guard.",
    ];
    let steps = tour::steps_of("envoy/connection-guard.tour.txt");
    assert_eq!(steps.len(), expected.len());
    for (step, expected) in steps.iter().zip(expected) {
        let printed = step.run(&envoy);
        match expected {
            "" => assert_eq!(printed, "", "{step:?}"),
            expected => assert!(printed.starts_with(expected), "{step:?}: {printed}"),
        }
    }
    assert_eq!(envoy.stat(&counter("allowed.rule.web")), 3);
    assert_eq!(envoy.stat(&counter("denied.reason.default")), 2);
    assert_eq!(envoy.stat(&counter("tarpitted.rule.ssh")), 1);
}
