//! `gatehouse-bench`: what filters cost in CPU time of Envoy, as one table of one Envoy; run by `scripts/bench`.
//!
//! The method:
//!
//! 1. One stock Envoy with one worker, pinned to core 0. The load and the services are on core 1. Variants with
//!    more workers are in an Envoy of their own, which has all cores: its workers are to get in each other's way.
//! 2. One listener for each variant of `integration/bench/variants.yaml`, all alike but for the filters before
//!    the router; the route answers 200 by itself, or, where the variant says so, leads to an upstream.
//! 3. Before anything is measured each variant proves that its filter is at work.
//! 4. Every round measures every variant once, in an order of its own, over 16 kept-open HTTP/1.1 connections.
//!    The first round is dropped: it fills caches.
//! 5. The figure is the CPU time of the whole process, all workers, main thread and kernel included, divided by the
//!    requests. From it, in the same round, the figure of the very same requests with no filter, on the same route
//!    and as many workers, is taken off: a long token costs Envoy something with no filter too.
//! 6. The table has the median over the rounds, and the lowest and the highest round.
//! 7. Beside it the instructions in user space, where the machine counts them, less those of the same requests with
//!    no filter: time moves with the machine and what else it does, they do not.
//! 8. An answer other than 200 makes a variant broken, and the exit code 1. A variant over its budget does not.

#![allow(
    clippy::disallowed_methods,
    reason = "native test machinery: it has a clock and an environment of its own"
)]

mod authorizer;
mod cpu;
mod credentials;
mod generator;
mod ground;
mod instructions;
mod latency;
mod limiter;
mod open_loop;
mod options;
mod order;
mod report;
mod requests;
mod rounds;
mod setup;
mod summary;
mod variants;

use std::process::ExitCode;

use credentials::Credentials;
use options::Options;
use requests::Kind;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("error: {message}");
            return ExitCode::FAILURE;
        }
    };
    match run(&options) {
        Ok(sound) if sound => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Measures and prints; false where a variant was broken.
fn run(options: &Options) -> Result<bool, String> {
    let mut variants = variants::load();
    let default: Vec<String> = latency::DEFAULT.map(str::to_owned).into();
    let only = match options.latency && options.only.is_empty() {
        true => &default,
        false => &options.only,
    };
    variants::select(&mut variants, only)?;
    if options.h2load {
        variants.retain(|variant| variant.requests == Kind::Plain);
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if cores < 2 {
        return Err("needs two cores: one for Envoy, one for the load".to_owned());
    }

    let news = variants
        .iter()
        .any(|variant| variant.requests == Kind::JwtNew);
    let tokens = if news { options.tokens } else { 0 };
    eprintln!("making keys and {tokens} new tokens");
    let credentials = Credentials::make(tokens);
    // Everything from here on, its threads included, stays off Envoy's core.
    cpu::pin(std::process::id(), cpu::LOAD_CORE)?;
    let authorizer = authorizer::start().map_err(|error| format!("ext_authz service: {error}"))?;
    let limiter = limiter::start();
    // It says 200 to everything as well.
    let upstream = authorizer::start().map_err(|error| format!("upstream: {error}"))?;
    let services = [authorizer, limiter.address(), upstream];

    eprintln!("starting Envoy with {} variants", variants.len());
    let setup = setup::start(variants, &credentials, services)?;
    for (workers, envoy) in setup.envoys() {
        match workers {
            1 => cpu::pin(envoy.id(), cpu::ENVOY_CORE)?,
            _ => cpu::spread(envoy.id(), cores)?,
        }
    }

    if options.latency {
        let latency = latency::measure(&setup, &credentials, options);
        print!("{latency}");
        return Ok(latency.is_sound());
    }
    let measured = rounds::measure(&setup, &credentials, options)?;
    let report = report::Report::new(options, &setup, &measured);
    print!("{report}");
    if let Some(file) = &options.json {
        std::fs::write(file, report.json()).map_err(|error| format!("{file}: {error}"))?;
    }
    Ok(report.is_sound())
}
