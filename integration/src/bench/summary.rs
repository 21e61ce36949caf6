//! What is told of the rounds: a median, and how far apart they were.

use serde_json::{Value, json};

use crate::rounds::{Figure, Figures};

/// µs a request, and instructions.
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
    pub(crate) rounds: Vec<f64>,
    /// The median, where they were counted.
    pub(crate) instructions: Option<f64>,
}

impl Summary {
    /// Of at least one figure.
    pub(crate) fn of(figures: &[Figure]) -> Self {
        let rounds: Vec<_> = figures.iter().map(|figure| figure.time).collect();
        let instructions: Option<Vec<_>> =
            figures.iter().map(|figure| figure.instructions).collect();
        let times = sorted(rounds.clone());
        Self {
            median: median(&times),
            lowest: times[0],
            highest: times[times.len() - 1],
            rounds,
            instructions: instructions.map(|counts| median(&sorted(counts))),
        }
    }
}

fn sorted(mut figures: Vec<f64>) -> Vec<f64> {
    figures.sort_by(f64::total_cmp);
    figures
}

/// Of figures in order, at least one.
fn median(figures: &[f64]) -> f64 {
    let middle = figures.len() / 2;
    match figures.len() % 2 {
        0 => f64::midpoint(figures[middle - 1], figures[middle]),
        _ => figures[middle],
    }
}

/// What a filter adds, round by round, to the same requests with no filter.
pub(crate) fn added(figures: &Figures, bare: Option<&Figures>) -> Result<Summary, String> {
    let figures = figures.clone()?;
    let bare = bare.ok_or("not measured without a filter")?.clone()?;
    let both = figures.iter().zip(bare);
    let differences: Vec<_> = both
        .map(|(figure, bare)| Figure {
            time: figure.time - bare.time,
            instructions: (figure.instructions.zip(bare.instructions))
                .map(|(counted, bare)| counted - bare),
        })
        .collect();
    Ok(Summary::of(&differences))
}

/// As JSON.
pub(crate) fn figures(summary: &Result<Summary, String>) -> Value {
    match summary {
        Ok(Summary {
            median,
            lowest,
            highest,
            rounds,
            instructions,
        }) => {
            json!({"median": median, "lowest": lowest, "highest": highest, "rounds": rounds,
                "instructions": instructions})
        }
        Err(fault) => json!({"broken": fault}),
    }
}

/// Instructions as in a table: without a fraction, in groups of three; empty where they were not counted.
pub(crate) fn counted(instructions: Option<f64>) -> String {
    let Some(instructions) = instructions else {
        return String::new();
    };
    let sign = if instructions <= -0.5 { "-" } else { "" };
    let digits = format!("{:.0}", instructions.abs());
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().collect();
    let text: Vec<_> = groups.into_iter().map(String::from_utf8_lossy).collect();
    format!("{sign}{}", text.join(","))
}
