//! The command line.

/// What was asked for.
pub(crate) struct Options {
    /// How many rounds, the dropped one included.
    pub(crate) rounds: usize,
    /// How many connections a variant gets in a round.
    pub(crate) connections: usize,
    /// How long the stream is.
    pub(crate) mebibytes: u64,
    /// The names of the variants to measure; none: all.
    pub(crate) only: Vec<String>,
    /// Where to write the figures as JSON.
    pub(crate) json: Option<String>,
}

impl Options {
    /// Reads the arguments, the program's name not among them.
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            rounds: 9,
            connections: 3_000,
            mebibytes: 1024,
            only: Vec::new(),
            json: None,
        };
        while let Some(arg) = args.next() {
            let value = args.next().ok_or(format!("{arg} needs a value"))?;
            match arg.as_str() {
                "--rounds" => options.rounds = at_least(2, &arg, &value)?,
                "--requests" => options.connections = at_least(100, &arg, &value)?,
                "--mebibytes" => options.mebibytes = at_least(16, &arg, &value)? as u64,
                "--only" => options.only.extend(value.split(',').map(str::to_owned)),
                "--json" => options.json = Some(value),
                _ => return Err(format!("unknown option {arg} (try scripts/bench -h)")),
            }
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
