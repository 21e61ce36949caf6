//! How long answers take at fixed rates, and the table of it.
//!
//! 1. The variants, one Envoy, and the proofs are those of the other measurement (`main.rs`).
//! 2. Every round measures every variant at every rate, in an order of its own. The first round is dropped.
//! 3. The figures are of all answers of the other rounds together: the median, the 99th and the 99.9th percentile, and the
//!    longest.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use crate::credentials::Credentials;
use crate::ground::Ground;
use crate::open_loop::OpenLoop;
use crate::options::Options;
use crate::setup::Setup;
use crate::{order, rounds};

/// What is measured where no variants are named: ours beside what Envoy has itself.
pub(crate) const DEFAULT: [&str; 11] = [
    "header_mutation",
    "local_ratelimit",
    "api_key_auth",
    "jwt_authn_cached",
    "native_chain",
    "headers",
    "rate_limit",
    "auth_api_key",
    "auth_jwt_seen",
    "chained",
    "gateway",
];

/// A line of the table: a variant, or no filter.
struct Row {
    title: String,
    load: Result<OpenLoop, String>,
    /// By rate.
    took: BTreeMap<u64, Vec<u64>>,
}

/// What was found.
pub(crate) struct Latency {
    rows: Vec<Row>,
    rates: Vec<u64>,
    markdown: bool,
}

/// Measures all variants at all rates.
pub(crate) fn measure(setup: &Setup, credentials: &Credentials, options: &Options) -> Latency {
    let row = |title: String, load| Row {
        title,
        load,
        took: BTreeMap::new(),
    };
    let grounds: BTreeSet<Ground> = setup
        .listeners
        .iter()
        .map(|listener| listener.variant.ground())
        .collect();
    let bare = grounds.into_iter().map(|ground| {
        let title = format!("no filter, requests: {ground}");
        let requests = ground.requests.requests(credentials);
        row(title, OpenLoop::open(setup.bare(ground), requests))
    });
    let variants = setup.listeners.iter().map(|listener| {
        let requests = listener.variant.requests.requests(credentials);
        let load = listener.address.clone().and_then(|address| {
            rounds::prove(setup, listener, address, &requests.at(0))?;
            OpenLoop::open(address, requests.clone())
        });
        row(listener.variant.title.clone(), load)
    });
    let mut rows: Vec<Row> = bare.chain(variants).collect();
    for round in 0..options.rounds {
        let dropped = if round == 0 { " (dropped)" } else { "" };
        eprintln!("round {} of {}{dropped}", round + 1, options.rounds);
        for rate in &options.rates {
            for index in order::shuffled(rows.len(), round) {
                rows[index].measure(*rate, options.length, round > 0);
            }
        }
    }
    Latency {
        rows,
        rates: options.rates.clone(),
        markdown: options.markdown,
    }
}

impl Row {
    fn measure(&mut self, rate: u64, length: Duration, keep: bool) {
        let Ok(load) = &mut self.load else { return };
        match load.run(rate, length) {
            Err(fault) => self.load = Err(fault),
            Ok(took) if keep => self.took.entry(rate).or_default().extend(took),
            Ok(_) => {}
        }
    }
}

impl Latency {
    /// Whether every variant could be measured.
    pub(crate) fn is_sound(&self) -> bool {
        self.rows.iter().all(|row| row.load.is_ok())
    }
}

/// The value below or at which this share of all is, by the nearest rank; `sorted` has at least one.
fn percentile(sorted: &[u64], per_mille: usize) -> u64 {
    let rank = (sorted.len() * per_mille).div_ceil(1_000).max(1);
    sorted[rank - 1]
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, rate) in self.rates.iter().enumerate() {
            if place > 0 {
                writeln!(f)?;
            }
            let head = format!("µs at {rate} requests a second");
            match self.markdown {
                true => {
                    writeln!(f, "| {head} | p50 | p99 | p99.9 | longest |")?;
                    writeln!(f, "|---|---|---|---|---|")?;
                }
                false => writeln!(
                    f,
                    "{head:<66} {:>8} {:>8} {:>8} {:>9}",
                    "p50", "p99", "p99.9", "longest"
                )?,
            }
            for Row { title, load, took } in &self.rows {
                let mut sorted = took.get(rate).cloned().unwrap_or_default();
                sorted.sort_unstable();
                let broken = match load {
                    Err(fault) => Some(fault.as_str()),
                    Ok(_) => sorted.is_empty().then_some("no answers"),
                };
                let figures = match broken {
                    Some(_) => [0.0; 4],
                    None => [500, 990, 999, 1_000]
                        .map(|share| percentile(&sorted, share) as f64 / 1_000.0),
                };
                let [p50, p99, p999, longest] = figures;
                match (self.markdown, broken) {
                    (true, None) => {
                        writeln!(
                            f,
                            "| {title} | {p50:.0} | {p99:.0} | {p999:.0} | {longest:.0} |"
                        )?;
                    }
                    (true, Some(fault)) => writeln!(f, "| {title} | BROKEN: {fault} | | | |")?,
                    (false, None) => writeln!(
                        f,
                        "{title:<66} {p50:>8.0} {p99:>8.0} {p999:>8.0} {longest:>9.0}"
                    )?,
                    (false, Some(fault)) => writeln!(f, "{title:<66} BROKEN: {fault}")?,
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let thousand: Vec<u64> = (1..=1_000).collect();
        let cases = [
            (&thousand[..], 500, 500),
            (&thousand, 990, 990),
            (&thousand, 999, 999),
            (&thousand, 1_000, 1_000),
            (&[7], 500, 7),
            (&[7], 999, 7),
            (&[1, 2], 500, 1),
            (&[1, 2], 990, 2),
        ];
        for (sorted, share, expected) in cases {
            assert_eq!(
                percentile(sorted, share),
                expected,
                "{share} of {}",
                sorted.len()
            );
        }
    }
}
