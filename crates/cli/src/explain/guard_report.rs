//! What became of a connection, for people and for programs.

use super::guard::{Explained, Fate};
use super::report::{entry_of_step, steps};
use crate::terminal::{Terminal, shown};
use gatehouse_located_yaml::Position;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::time::Duration;

/// A filter's place, the port that the connection is to, and what became of it.
pub(super) type One = (Position, u16, Explained);

pub(super) fn text(
    file: &str,
    from: IpAddr,
    all: &[One],
    terminal: &mut Terminal<'_>,
) -> std::io::Result<()> {
    for (place, (at, port, explained)) in all.iter().enumerate() {
        if all.len() > 1 {
            let between = if place > 0 { "\n" } else { "" };
            writeln!(terminal.output, "{between}{}:{at}", shown(file))?;
        }
        writeln!(terminal.output, "a connection to port {port} from {from}")?;
        steps(&explained.steps, terminal)?;
        for callout in &explained.callouts {
            let callout = shown(callout);
            writeln!(terminal.output, "  asked, and not answered here: {callout}")?;
        }
        let (paint, said) = verdict(explained);
        let (paint, plain) = match terminal.color {
            true => (paint, "\x1b[0m"),
            false => ("", ""),
        };
        writeln!(terminal.output, "{paint}{}{plain}", shown(&said))?;
    }
    Ok(())
}

fn verdict(explained: &Explained) -> (&'static str, String) {
    let after = match explained.after {
        Duration::ZERO => String::new(),
        after => format!(" after {} s", after.as_secs_f64()),
    };
    match &explained.fate {
        Fate::Passes {
            would_deny: Some(reason),
            ..
        } => (
            "\x1b[1;33m",
            format!("goes on, since the filter only reports; it would be denied: {reason}"),
        ),
        Fate::Passes { cluster, .. } => {
            let cluster = cluster.as_ref();
            let to = cluster.map_or_else(String::new, |name| format!(", to the cluster {name}"));
            ("\x1b[1;32m", format!("goes on{after}{to}"))
        }
        Fate::Denied { reason } => (
            "\x1b[1;31m",
            format!("closed{after}: connection_guard.{reason}"),
        ),
        Fate::Open { on } => ("\x1b[1;33m", format!("open: it hangs on {on}")),
        Fate::Failed { error } => ("\x1b[1;31m", format!("the filter fails: {error}")),
    }
}

pub(super) fn json(file: &str, all: &[One], terminal: &mut Terminal<'_>) -> std::io::Result<()> {
    let all: Vec<Value> = all.iter().map(|one| entry(file, one)).collect();
    writeln!(terminal.output, "{:#}", Value::Array(all))
}

fn entry(file: &str, (at, port, explained): &One) -> Value {
    let seconds = explained.after.as_secs_f64();
    let decision = match &explained.fate {
        Fate::Passes {
            cluster,
            would_deny,
        } => json!({"is": "passes", "cluster": cluster, "would_deny": would_deny}),
        Fate::Denied { reason } => json!({
            "is": "denied",
            "reason": format!("connection_guard.{reason}"),
            "after_seconds": seconds,
        }),
        Fate::Open { on } => json!({"is": "open", "on": on}),
        Fate::Failed { error } => json!({"is": "failed", "error": error}),
    };
    json!({
        "file": file,
        "line": at.line,
        "column": at.column,
        "port": port,
        "decision": decision,
        "steps": explained.steps.iter().map(entry_of_step).collect::<Vec<_>>(),
        "callouts": explained.callouts,
    })
}
