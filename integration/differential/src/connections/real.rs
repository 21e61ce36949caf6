//! A case in stock Envoy.

use super::Run;
use super::case::{Step, TcpCase, TcpSeen};
use super::side::{Server, Side};
use gatehouse_integration::Envoy;
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// How long something may take that the test kit has seen.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long it is waited for something that the test kit has not seen.
const CALM: Duration = Duration::from_millis(30);

pub(super) fn run(envoy: &Envoy, port: u16, case: &TcpCase, server: &Server, kit: &Run) -> Run {
    let mut run = Run::default();
    let connect = || Side::new(TcpStream::connect(envoy.address_of(port)).expect("Envoy listens"));
    let mut clients = vec![connect()];
    let mut turn = 0;
    let steps = std::iter::once(None).chain(case.steps.iter().map(Some));
    for (step, expected) in steps.zip(&kit.steps) {
        match step {
            None => {}
            Some(Step::Connects) => {
                clients.push(connect());
                turn = clients.len() - 1;
            }
            Some(Step::Turn(client)) => turn = *client,
            Some(Step::Sends(data)) => clients[turn].send(data),
            Some(Step::Ends) => clients[turn].end(),
            Some(Step::Resets) => clients[turn].reset(),
            Some(Step::Says(data)) => server.latest(|side| side.send(data)),
            Some(Step::ServerEnds) => server.latest(|side| side.end()),
            Some(Step::ServerResets) => server.latest(Side::reset),
            Some(Step::Waits(milliseconds)) => {
                std::thread::sleep(Duration::from_millis(*milliseconds))
            }
            Some(Step::Counts(metric)) => {
                let (metric, deadline) =
                    (format!("wasmcustom.{metric}"), Instant::now() + PATIENCE);
                while envoy.stat(&metric) == 0 && Instant::now() < deadline {
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        }
        let deadline = Instant::now() + PATIENCE;
        while look(envoy, case, &clients, server) != *expected && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(CALM);
        let seen = look(envoy, case, &clients, server);
        let agree = seen == *expected;
        run.steps.push(seen);
        if !agree {
            break;
        }
    }
    run
}

fn look(envoy: &Envoy, case: &TcpCase, clients: &[Side], server: &Server) -> TcpSeen {
    let log = envoy.log();
    let after = |marker: &str| -> Vec<String> {
        let lines = log.lines();
        lines
            .filter_map(|line| Some(line.split_once(marker)?.1.to_owned()))
            .collect()
    };
    let mut access = after(&format!("CONNECTION {}: ", case.name));
    access.sort();
    let clients = clients.iter().map(|client| {
        let (received, end) = client.seen();
        (super::kit::answered(case, received), end)
    });
    TcpSeen {
        clients: clients.collect(),
        upstreams: server.seen(),
        log: after(&format!("script {} ", case.name)),
        access,
    }
}
