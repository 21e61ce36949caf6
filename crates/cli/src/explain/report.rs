//! What became of a request, for people and for programs.

use super::request::Request;
use super::run::{EXPRESSION, Explained, Fate};
use crate::terminal::{Terminal, shown};
use gatehouse_located_yaml::Position;
use gatehouse_trace::Step;
use serde_json::{Value, json};

type All = [(Option<Position>, Explained)];

pub(super) fn text(
    file: &str,
    asked: &Request,
    all: &All,
    terminal: &mut Terminal<'_>,
) -> std::io::Result<()> {
    let header = |name: &str| {
        let mut of_name = asked.headers.iter().filter(|(other, _)| other == name);
        of_name.next().map_or("", |(_, value)| value.as_str())
    };
    let (method, path, host) = (header(":method"), header(":path"), header(":authority"));
    let color = terminal.color;
    writeln!(
        terminal.output,
        "{} from {}",
        shown(&format!("{method} {host}{path}")),
        asked.client_ip
    )?;
    for (at, explained) in all {
        if let (Some(at), true) = (at, all.len() > 1) {
            writeln!(
                terminal.output,
                "\n{}:{}:{}",
                shown(file),
                at.line,
                at.column
            )?;
        }
        steps(&explained.steps, terminal)?;
        for callout in &explained.callouts {
            writeln!(
                terminal.output,
                "  asked, and not answered here: {}",
                shown(callout)
            )?;
        }
        if explained
            .steps
            .iter()
            .any(|step| step.subject == EXPRESSION)
        {
            let hint = "only Envoy evaluates expressions: say with --when 'EXPRESSION=true' what one comes to";
            writeln!(terminal.output, "  {hint}")?;
        }
        let (paint, said) = verdict(explained);
        let (paint, plain) = if color { (paint, "\x1b[0m") } else { ("", "") };
        writeln!(terminal.output, "{paint}{}{plain}", shown(&said))?;
        for change in changes(explained) {
            writeln!(terminal.output, "  {}", shown(&change))?;
        }
    }
    Ok(())
}

pub(super) fn steps(steps: &[Step], terminal: &mut Terminal<'_>) -> std::io::Result<()> {
    let mut filter = "";
    for step in steps {
        if step.filter != filter {
            filter = step.filter;
            writeln!(terminal.output, "{filter}")?;
        }
        let because = step.because.as_ref().map(|why| format!(": {why}"));
        // Why a match before this one did not hold says nothing of what was found.
        let because = because.filter(|_| step.finding == "does not apply");
        let line = format!(
            "{} {}{}",
            step.subject,
            step.finding,
            because.unwrap_or_default()
        );
        writeln!(terminal.output, "  {}", shown(&line))?;
    }
    Ok(())
}

fn verdict(explained: &Explained) -> (&'static str, String) {
    let from = explained.consumer.as_ref();
    match &explained.fate {
        Fate::Passes => {
            let from = from.map_or_else(String::new, |name| format!(", from {name}"));
            ("\x1b[1;32m", format!("goes on{from}"))
        }
        Fate::Denied { by, reply } => {
            let from = from.map_or_else(String::new, |name| format!(", to {name}"));
            let said = format!(
                "denied by {} with {}{from}: {}",
                by.name(),
                reply.status,
                reply.details
            );
            ("\x1b[1;31m", said)
        }
        Fate::Open => (
            "\x1b[1;33m",
            "open: it hangs on what is not known here".to_owned(),
        ),
        Fate::Failed { by, error } => (
            "\x1b[1;31m",
            format!("{} would answer 500: {error}", by.name()),
        ),
    }
}

/// What the client gets that is not denied in every request; or what the upstream gets otherwise than it was sent.
fn changes(explained: &Explained) -> Vec<String> {
    match &explained.fate {
        Fate::Denied { reply, .. } => reply
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)))
            .collect(),
        Fate::Passes => {
            let (before, after) = (&explained.before, &explained.after);
            let gone = before.iter().filter(|header| !after.contains(header));
            let come = after.iter().filter(|header| !before.contains(header));
            // What goes is often a secret.
            let gone = gone.map(|(name, _)| format!("- {name}"));
            gone.chain(come.map(|(name, value)| format!("+ {name}: {value}")))
                .collect()
        }
        Fate::Open | Fate::Failed { .. } => Vec::new(),
    }
}

pub(super) fn json(file: &str, all: &All, terminal: &mut Terminal<'_>) -> std::io::Result<()> {
    let all: Vec<Value> = all
        .iter()
        .map(|(at, explained)| entry(file, *at, explained))
        .collect();
    writeln!(terminal.output, "{:#}", Value::Array(all))
}

fn entry(file: &str, at: Option<Position>, explained: &Explained) -> Value {
    let decision = match &explained.fate {
        Fate::Passes => json!({"is": "passes", "headers": explained.after}),
        Fate::Denied { by, reply } => json!({
            "is": "denied",
            "by": by.name(),
            "status": reply.status,
            "grpc_status": reply.grpc_status,
            "details": reply.details,
            "headers": reply.headers.iter().map(|(name, value)| (name, String::from_utf8_lossy(value))).collect::<Vec<_>>(),
            "body": String::from_utf8_lossy(&reply.body),
        }),
        Fate::Open => json!({"is": "open"}),
        Fate::Failed { by, error } => json!({"is": "failed", "by": by.name(), "error": error}),
    };
    json!({
        "file": file,
        "line": at.map(|at| at.line),
        "column": at.map(|at| at.column),
        "decision": decision,
        "consumer": explained.consumer,
        "steps": explained.steps.iter().map(entry_of_step).collect::<Vec<_>>(),
        "callouts": explained.callouts,
    })
}

pub(super) fn entry_of_step(step: &Step) -> Value {
    json!({
        "filter": step.filter,
        "subject": step.subject,
        "finding": step.finding,
        "because": step.because.as_ref().filter(|_| step.finding == "does not apply"),
    })
}
