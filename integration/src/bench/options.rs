//! The command line.

use std::time::Duration;

/// With fewer, a filter's cache, 1,000 tokens by default, may still know a token when its turn comes again.
const LEAST_TOKENS: usize = 2_000;

/// What was asked for.
pub(crate) struct Options {
    /// How many rounds, the dropped one included.
    pub(crate) rounds: usize,
    /// How many requests a variant gets in a round.
    pub(crate) requests: usize,
    /// How many tokens there are for the variants to which every token is to be new.
    pub(crate) tokens: usize,
    /// The names of the variants to measure; none: all.
    pub(crate) only: Vec<String>,
    /// Where to write the figures as JSON.
    pub(crate) json: Option<String>,
    /// Whether to print the table in Markdown.
    pub(crate) markdown: bool,
    /// Whether to measure how long answers take, in place of CPU time.
    pub(crate) latency: bool,
    /// At how many requests a second.
    pub(crate) rates: Vec<u64>,
    /// For how long, in a round.
    pub(crate) length: Duration,
    /// Whether `h2load` makes the load, for variants whose requests are all alike.
    pub(crate) h2load: bool,
}

impl Options {
    /// Reads the arguments, the program's name not among them.
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            rounds: 0,
            requests: 12_000,
            tokens: 4_000,
            only: Vec::new(),
            json: None,
            markdown: false,
            latency: false,
            rates: vec![1_000, 5_000, 10_000],
            length: Duration::from_secs(5),
            h2load: false,
        };
        while let Some(arg) = args.next() {
            let flag = match arg.as_str() {
                "--h2load" => Some(&mut options.h2load),
                "--markdown" => Some(&mut options.markdown),
                "--latency" => Some(&mut options.latency),
                _ => None,
            };
            if let Some(flag) = flag {
                *flag = true;
                continue;
            }
            let mut value = || args.next().ok_or(format!("{arg} needs a value"));
            match arg.as_str() {
                "--rounds" => options.rounds = at_least(2, &arg, &value()?)?,
                "--requests" => options.requests = at_least(100, &arg, &value()?)?,
                "--tokens" => options.tokens = at_least(LEAST_TOKENS, &arg, &value()?)?,
                "--only" => options.only.extend(value()?.split(',').map(str::to_owned)),
                "--rates" => {
                    let rates = value()?;
                    let rates = rates.split(',').map(|rate| at_least(1, &arg, rate));
                    let rates = rates.map(|rate| rate.map(|rate| rate as u64));
                    options.rates = rates.collect::<Result<_, _>>()?;
                }
                "--seconds" => {
                    options.length = Duration::from_secs(at_least(1, &arg, &value()?)? as u64);
                }
                "--json" => options.json = Some(value()?),
                _ => return Err(format!("unknown option {arg} (try scripts/bench -h)")),
            }
        }
        if options.latency && (options.h2load || options.json.is_some()) {
            return Err("--latency has a load of its own, and only a table".to_owned());
        }
        if options.rounds == 0 {
            options.rounds = if options.latency { 3 } else { 9 };
        }
        Ok(options)
    }
}

fn at_least(least: usize, option: &str, value: &str) -> Result<usize, String> {
    match value.parse() {
        Ok(number) if number >= least => Ok(number),
        _ => Err(format!("{option} {value}: expected a number from {least}")),
    }
}
