//! The table, and the same as JSON.

use std::fmt;

use serde_json::{Value, json};

use crate::ground::Ground;
use crate::options::Options;
use crate::rounds::Measured;
use crate::setup::Setup;
use crate::summary::{Summary, added, counted, figures};

/// On a machine that does nothing else, rounds of the same requests with no filter differ by a thirtieth; by more than this
/// part, and what a filter adds is lost in it.
const UNREST: f64 = 0.1;

/// What one run found.
pub(crate) struct Report {
    envoy: String,
    processor: String,
    rounds: usize,
    requests: usize,
    generator: &'static str,
    markdown: bool,
    uncounted: Option<String>,
    bare: Vec<(Ground, Result<Summary, String>)>,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    title: String,
    ground: Ground,
    budget: Option<f64>,
    /// What the filter adds to a request.
    added: Result<Summary, String>,
}

impl Report {
    /// Takes off each variant's figure that of the same requests with no filter, round by round.
    pub(crate) fn new(options: &Options, setup: &Setup, measured: &Measured) -> Self {
        let rows = setup
            .listeners
            .iter()
            .zip(&measured.variants)
            .map(|(listener, figures)| {
                let variant = &listener.variant;
                Row {
                    name: variant.name.clone(),
                    title: variant.title.clone(),
                    ground: variant.ground(),
                    budget: variant.budget,
                    added: added(figures, measured.bare.get(&variant.ground())),
                }
            });
        let bare = measured.bare.iter();
        let envoy = setup.envoys().next();
        let info = envoy.map_or(Value::Null, |(_, envoy)| envoy.admin("/server_info").json());
        // COMMIT/VERSION/CLEAN/RELEASE/TLS
        let version = info["version"]
            .as_str()
            .and_then(|version| version.split('/').nth(1));
        Self {
            envoy: version.unwrap_or("of an unknown version").to_owned(),
            processor: processor(),
            rounds: options.rounds - 1,
            requests: options.requests,
            markdown: options.markdown,
            uncounted: measured.uncounted.clone(),
            generator: if options.h2load { "h2load" } else { "own" },
            bare: bare
                .map(|(ground, figures)| {
                    (
                        *ground,
                        figures.clone().map(|figures| Summary::of(&figures)),
                    )
                })
                .collect(),
            rows: rows.collect(),
        }
    }

    /// Whether every variant could be measured.
    pub(crate) fn is_sound(&self) -> bool {
        self.rows.iter().all(|row| row.added.is_ok())
            && self.bare.iter().all(|(_, bare)| bare.is_ok())
    }

    /// All figures, of each round too.
    pub(crate) fn json(&self) -> String {
        let bare: serde_json::Map<_, _> = self
            .bare
            .iter()
            .map(|(ground, bare)| (ground.to_string(), figures(bare)))
            .collect();
        let rows = self.rows.iter().map(|row| {
            let mut value = json!({"name": row.name, "title": row.title, "requests": row.ground.requests.name(),
                "workers": row.ground.workers, "on": row.ground.to_string(),
                "added": figures(&row.added)});
            if let Some(budget) = row.budget {
                value["budget"] = json!(budget);
                value["within"] = json!(row.added.as_ref().is_ok_and(|added| added.median <= budget));
            }
            value
        });
        let report = json!({"unit": "µs of CPU time of Envoy per request", "envoy": self.envoy,
            "processor": self.processor, "rounds": self.rounds, "requests": self.requests,
            "generator": self.generator, "no_filter": bare, "variants": rows.collect::<Value>()});
        format!("{report:#}\n")
    }
}

impl Report {
    /// What is to be said of the machine, if it was not quiet.
    fn unrest(&self) -> Option<String> {
        let bare = self.bare.iter().filter_map(|(_, bare)| bare.as_ref().ok());
        let spread = |bare: &&Summary| (bare.highest - bare.lowest) / bare.median;
        let worst = bare.max_by(|one, other| spread(one).total_cmp(&spread(other)))?;
        (spread(&worst) > UNREST).then(|| {
            format!(
                "The machine was not quiet: with no filter the same requests cost from {:.1} to {:.1} µs in one round and another. \
                 Times below say little, and nothing of budgets.",
                worst.lowest, worst.highest
            )
        })
    }
}

/// What the machine calls its processor.
fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model
        .map_or("unknown processor", |(_, model)| model)
        .to_owned()
}

impl Report {
    fn write_markdown(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells = |summary: &Result<Summary, String>| match summary {
            Ok(Summary {
                median,
                lowest,
                highest,
                instructions,
                ..
            }) => format!(
                "{median:.1} | {lowest:.1} to {highest:.1} | {}",
                counted(*instructions)
            ),
            Err(fault) => format!("BROKEN: {fault} | | "),
        };
        writeln!(
            f,
            "Envoy {}, one worker, on {}; {} rounds of {} requests.",
            self.envoy, self.processor, self.rounds, self.requests
        )?;
        writeln!(f)?;
        if let Some(unrest) = self.unrest() {
            writeln!(f, "{unrest}\n")?;
        }
        writeln!(f, "| in all, with no filter | µs | spread | instructions |")?;
        writeln!(f, "|---|---|---|---|")?;
        for (ground, bare) in &self.bare {
            writeln!(f, "| requests: {ground} | {} |", cells(bare))?;
        }
        writeln!(f)?;
        writeln!(f, "| added by | µs | spread | instructions | budget |")?;
        writeln!(f, "|---|---|---|---|---|")?;
        for row in &self.rows {
            let budget = match (&row.added, row.budget) {
                (Ok(Summary { median, .. }), Some(budget)) if *median > budget => {
                    format!("{budget}: **over**")
                }
                (_, Some(budget)) => budget.to_string(),
                (_, None) => String::new(),
            };
            writeln!(f, "| {} | {} | {budget} |", row.title, cells(&row.added))?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.markdown {
            return self.write_markdown(f);
        }
        let Self {
            envoy,
            processor,
            rounds,
            requests,
            ..
        } = self;
        writeln!(
            f,
            "Envoy {envoy}, one worker but where it says more, on {processor}"
        )?;
        writeln!(
            f,
            "µs of Envoy's CPU time a request, {rounds} rounds of {requests} requests"
        )?;
        for remark in self.uncounted.iter().chain(&self.unrest()) {
            writeln!(f, "{remark}")?;
        }
        writeln!(f)?;
        let line = |f: &mut fmt::Formatter<'_>, title: &str, summary: &Summary| {
            let Summary {
                median,
                lowest,
                highest,
                instructions,
                ..
            } = summary;
            write!(
                f,
                "{title:<66} {median:>7.1} {:>15} {:>12}",
                format!("{lowest:.1} to {highest:.1}"),
                counted(*instructions)
            )
        };
        writeln!(
            f,
            "{:<66} {:>7} {:>15} {:>12}",
            "in all, with no filter", "median", "spread", "instructions"
        )?;
        for (ground, bare) in &self.bare {
            let title = format!("requests: {ground}");
            match bare {
                Ok(summary) => line(f, &title, summary)?,
                Err(fault) => write!(f, "{title:<66} BROKEN: {fault}")?,
            }
            writeln!(f)?;
        }
        writeln!(f)?;
        writeln!(
            f,
            "{:<66} {:>7} {:>15} {:>12} {:>7}",
            "added by", "median", "spread", "instructions", "budget"
        )?;
        for Row {
            title,
            budget,
            added,
            ..
        } in &self.rows
        {
            match added {
                Err(fault) => write!(f, "{title:<66} BROKEN: {fault}")?,
                Ok(summary) => line(f, title, summary)?,
            }
            if let (Ok(Summary { median, .. }), Some(budget)) = (added, budget) {
                let verdict = if median <= budget { "within" } else { "over" };
                write!(f, " {budget:>7} {verdict}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
