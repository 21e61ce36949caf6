//! `gatehouse-bench-connections`: what network filters cost in CPU time of Envoy, as one table of one Envoy; run by
//! `scripts/bench --connections`.
//!
//! The method:
//!
//! 1. One stock Envoy with one worker, pinned to core 0. The clients and the upstream are on core 1.
//! 2. One listener for each variant of `integration/bench/connections.yaml`, all alike but for the filters before
//!    `tcp_proxy`.
//! 3. Before anything is measured each variant proves that its filter is at work.
//! 4. Every round measures every variant once, in an order of its own, the first round is dropped. A variant gets so
//!    many new connections, of 16 clients at once: each sends a byte, gets it back, and closes. Then it
//!    gets one connection with a long stream from the upstream.
//! 5. The first figure is the CPU time of the whole process, kernel included, divided by the connections, and
//!    from it, in the same round, the figure with no filter is taken off. The second is how many connections there were in a
//!    second. The third is what the stream carries in Gbit/s, with what it is of the stream with no filter in the same round;
//!    the fourth the same by Envoy's CPU time, which tells more where core 1 is the one that is busy.
//! 6. The table has the median over the rounds, and the lowest and the highest round.
//! 7. A byte that does not come back makes a variant broken, and the exit code 1. A variant over its budget does not.

#![allow(
    clippy::disallowed_methods,
    reason = "native test machinery: it has a clock and an environment of its own"
)]

#[path = "../bench/cpu.rs"]
#[allow(dead_code, reason = "the other benchmark needs more of it")]
mod cpu;
mod load;
mod options;
#[path = "../bench/order.rs"]
mod order;
mod report;
mod setup;
mod upstream;

use options::Options;
use report::{Figures, Report};
use setup::Setup;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let run = Options::parse(std::env::args().skip(1)).and_then(|options| run(&options));
    match run {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Measures and prints; false where a variant was broken.
fn run(options: &Options) -> Result<bool, String> {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        return Err("needs two cores: one for Envoy, one for the load".to_owned());
    }
    // Everything from here on, its threads included, stays off Envoy's core.
    cpu::pin(std::process::id(), cpu::LOAD_CORE)?;
    let upstream = upstream::start().map_err(|error| format!("upstream: {error}"))?;
    let setup = setup::start(&options.only, upstream)?;
    cpu::pin(setup.envoy.id(), cpu::ENVOY_CORE)?;

    let mut results: Vec<Result<Vec<Figures>, String>> = Vec::new();
    for listener in &setup.listeners {
        let ready = listener.address.clone();
        let proved = ready.and_then(|address| setup.prove(listener, address));
        results.push(proved.map(|()| Vec::new()));
    }
    for round in 0..options.rounds {
        let dropped = if round == 0 { " (dropped)" } else { "" };
        eprintln!("round {} of {}{dropped}", round + 1, options.rounds);
        for index in order::shuffled(setup.listeners.len(), round) {
            let result = &mut results[index];
            let (Ok(figures), Ok(address)) = (&mut *result, &setup.listeners[index].address) else {
                continue;
            };
            match measure(&setup, *address, options) {
                Ok(measured) if round > 0 => figures.push(measured),
                Ok(_) => {}
                Err(fault) => *result = Err(fault),
            }
        }
    }
    let report = Report::new(options, &setup, results);
    print!("{report}");
    if let Some(file) = &options.json {
        std::fs::write(file, report.json()).map_err(|error| format!("{file}: {error}"))?;
    }
    Ok(report.is_sound())
}

/// One variant in one round.
fn measure(
    setup: &Setup,
    address: std::net::SocketAddr,
    options: &Options,
) -> Result<Figures, String> {
    let process = setup.envoy.id();
    let timed = |work: &mut dyn FnMut() -> Result<(), String>| {
        let (before, start) = (cpu::time(process)?, Instant::now());
        work()?;
        let elapsed = start.elapsed().as_secs_f64();
        Ok::<_, String>((elapsed, (cpu::time(process)? - before) as f64 / 1e9))
    };
    let count = options.connections;
    let (elapsed, cpu) = timed(&mut || load::connect(address, count))?;
    let (micros, rate) = (cpu * 1e6 / count as f64, count as f64 / elapsed);
    let bits = (options.mebibytes << 20) as f64 * 8.0 / 1e9;
    let (elapsed, cpu) = timed(&mut || load::stream(address, options.mebibytes << 20))?;
    Ok(Figures {
        micros,
        rate,
        gigabits: bits / elapsed,
        gigabits_by_cpu: bits / cpu,
    })
}
