//! The table, and the same as JSON.

use crate::options::Options;
use crate::setup::{BARE, Setup};
use serde_json::{Value, json};
use std::fmt;

/// What one round found of a variant.
#[derive(Clone, Copy)]
pub(crate) struct Figures {
    /// CPU time of Envoy for a connection.
    pub(crate) micros: f64,
    /// Connections in a second.
    pub(crate) rate: f64,
    /// Of the stream, by the clock.
    pub(crate) gigabits: f64,
    /// Of the stream, by Envoy's CPU time.
    pub(crate) gigabits_by_cpu: f64,
}

/// What one run found.
pub(crate) struct Report {
    head: String,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    title: String,
    budget: Option<f64>,
    stream: Option<f64>,
    measured: Result<Measured, String>,
}

struct Measured {
    /// µs that the filter adds to a connection; of no filter, all.
    micros: Summary,
    rate: Summary,
    gigabits: Summary,
    /// Of the stream with no filter, in percent.
    percent: Summary,
    percent_by_cpu: Summary,
}

struct Summary {
    median: f64,
    lowest: f64,
    highest: f64,
}

impl Summary {
    fn of(mut rounds: Vec<f64>) -> Self {
        rounds.sort_by(f64::total_cmp);
        let middle = rounds.len() / 2;
        let median = match rounds.len() % 2 {
            0 => f64::midpoint(rounds[middle - 1], rounds[middle]),
            _ => rounds[middle],
        };
        Self {
            median,
            lowest: rounds[0],
            highest: rounds[rounds.len() - 1],
        }
    }

    fn json(&self) -> Value {
        json!({"median": self.median, "lowest": self.lowest, "highest": self.highest})
    }
}

impl Report {
    pub(crate) fn new(
        options: &Options,
        setup: &Setup,
        results: Vec<Result<Vec<Figures>, String>>,
    ) -> Self {
        let bare = results.first().cloned();
        let bare = bare.unwrap_or_else(|| Err("there is no listener".to_owned()));
        let info = setup.envoy.admin("/server_info").json();
        // COMMIT/VERSION/CLEAN/RELEASE/TLS
        let version = info["version"]
            .as_str()
            .and_then(|version| version.split('/').nth(1));
        let head = format!(
            "Envoy {}, one worker; {} rounds of {} connections and {} MiB",
            version.unwrap_or("of an unknown version"),
            options.rounds - 1,
            options.connections,
            options.mebibytes,
        );
        let rows = setup
            .listeners
            .iter()
            .zip(results)
            .map(|(listener, figures)| Row {
                name: listener.variant.name.clone(),
                title: listener.variant.title.clone(),
                budget: listener.variant.budget,
                stream: listener.variant.stream,
                measured: measured(figures, &bare, listener.variant.name == BARE),
            });
        Self {
            head,
            rows: rows.collect(),
        }
    }

    /// Whether every variant could be measured.
    pub(crate) fn is_sound(&self) -> bool {
        self.rows.iter().all(|row| row.measured.is_ok())
    }

    pub(crate) fn json(&self) -> String {
        let rows = self.rows.iter().map(|row| {
            let mut value = match &row.measured {
                Err(fault) => json!({"broken": fault}),
                Ok(measured) => json!({
                    "microseconds": measured.micros.json(),
                    "connections_per_second": measured.rate.json(),
                    "gigabits_per_second": measured.gigabits.json(),
                    "percent_of_no_filter": measured.percent.json(),
                    "percent_of_no_filter_by_cpu": measured.percent_by_cpu.json(),
                }),
            };
            value["name"] = json!(row.name);
            value["title"] = json!(row.title);
            value
        });
        let report = json!({"run": self.head, "variants": rows.collect::<Value>()});
        format!("{report:#}\n")
    }
}

fn measured(
    figures: Result<Vec<Figures>, String>,
    bare: &Result<Vec<Figures>, String>,
    is_bare: bool,
) -> Result<Measured, String> {
    let figures = figures?;
    let bare = bare
        .as_ref()
        .map_err(|fault| format!("not measured without a filter: {fault}"))?;
    let each = |of: &dyn Fn(&Figures, &Figures) -> f64| {
        let both = figures.iter().zip(bare);
        Summary::of(both.map(|(one, bare)| of(one, bare)).collect())
    };
    Ok(Measured {
        micros: each(&|one, bare| {
            if is_bare {
                one.micros
            } else {
                one.micros - bare.micros
            }
        }),
        rate: each(&|one, _| one.rate),
        gigabits: each(&|one, _| one.gigabits),
        percent: each(&|one, bare| one.gigabits / bare.gigabits * 100.0),
        percent_by_cpu: each(&|one, bare| one.gigabits_by_cpu / bare.gigabits_by_cpu * 100.0),
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.head)?;
        writeln!(
            f,
            "µs of Envoy's CPU time a connection: in all with no filter, else what is added; a stream beside none"
        )?;
        writeln!(f)?;
        writeln!(
            f,
            "{:<58} {:>7} {:>16} {:>8} {:>8} {:>6} {:>7}",
            "", "median", "spread", "conn/s", "Gbit/s", "%", "% (CPU)"
        )?;
        for row in &self.rows {
            match &row.measured {
                Err(fault) => write!(f, "{:<58} BROKEN: {fault}", row.title)?,
                Ok(measured) => {
                    let Summary {
                        median,
                        lowest,
                        highest,
                    } = measured.micros;
                    write!(
                        f,
                        "{:<58} {median:>7.1} {:>16} {:>8.0} {:>8.2} {:>6.0} {:>7.0}",
                        row.title,
                        format!("{lowest:.1} to {highest:.1}"),
                        measured.rate.median,
                        measured.gigabits.median,
                        measured.percent.median,
                        measured.percent_by_cpu.median,
                    )?;
                    if let Some(budget) = row.budget {
                        let verdict = if median <= budget { "within" } else { "over" };
                        write!(f, " {budget} {verdict}")?;
                    }
                    if let Some(least) = row.stream {
                        let kept = measured.percent.median >= least;
                        let verdict = if kept { "within" } else { "under" };
                        write!(f, " stream {least} % {verdict}")?;
                    }
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
