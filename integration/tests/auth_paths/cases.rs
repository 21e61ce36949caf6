//! The table of `cases.txt`, which says how it is written.

use crate::MODES;
use crate::wire::Sent;

/// A request, and what becomes of it in each mode.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) sent: Sent,
    pub(crate) outcomes: [Outcome; MODES.len()],
}

/// What becomes of a request. The bytes are what the upstream gets to see.
#[derive(Clone, PartialEq)]
pub(crate) enum Outcome {
    Key(Vec<u8>),
    Public(Vec<u8>),
    Other(Vec<u8>),
    /// Status and details of Envoy, where the rules let it pass.
    Unrouted(&'static str, &'static str),
    Denied(&'static str),
    Envoy(&'static str, &'static str),
    Reset(&'static str),
}

/// The requests, and what becomes of them on a version of Envoy.
pub(crate) fn cases(version: (u32, u32)) -> Vec<Case> {
    let lines = include_str!("cases.txt").lines();
    let mut cases = Vec::new();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let read = match line.strip_prefix("before ") {
            Some(line) => on_older(line, version, &mut cases),
            None => case(line).map(|case| cases.push(case)),
        };
        read.unwrap_or_else(|| panic!("not a case: {line}"));
    }
    cases
}

/// `1.39 | NAME | OUTCOME`, where the version is an older one.
fn on_older(line: &'static str, version: (u32, u32), cases: &mut [Case]) -> Option<()> {
    let columns: Vec<&str> = line.split(" | ").map(str::trim).collect();
    let [before, name, outcome] = columns[..] else {
        return None;
    };
    let (major, minor) = before.split_once('.')?;
    let case = cases.iter_mut().find(|case| case.name == name)?;
    if version < (major.parse().ok()?, minor.parse().ok()?) {
        case.outcomes = outcomes(outcome, &[])?;
    }
    Some(())
}

fn case(line: &'static str) -> Option<Case> {
    let columns: Vec<&str> = line.split(" | ").map(str::trim).collect();
    let [name, kind, request, outcome] = columns[..] else {
        return None;
    };
    let target = bytes(request);
    let get = |target: &[u8]| [b"GET ", target, b" HTTP/1.1"].concat();
    let sent = match kind {
        "get" => Sent::Http1(get(&target), "gatehouse.test"),
        "line" => Sent::Http1(target.clone(), "gatehouse.test"),
        "host" => Sent::Http1(get(b"/public"), request),
        "h2" => Sent::Http2(vec![
            (":method", b"GET".to_vec()),
            (":scheme", b"http".to_vec()),
            (":authority", b"gatehouse.test".to_vec()),
            (":path", target.clone()),
        ]),
        "fields" => {
            let fields = request.split(' ').map(|field| field.split_once('='));
            let fields: Option<Vec<_>> = fields.collect();
            let field = |(name, value)| (name, bytes(value));
            Sent::Http2(fields?.into_iter().map(field).collect())
        }
        _ => return None,
    };
    Some(Case {
        name,
        sent,
        outcomes: outcomes(outcome, &target)?,
    })
}

/// The first outcome is that of the first mode; the others begin with the mode from which on they hold.
fn outcomes(text: &'static str, target: &[u8]) -> Option<[Outcome; MODES.len()]> {
    let mut parts = text.split("; ");
    let first = outcome(parts.next()?, target)?;
    let mut outcomes = [const { Outcome::Reset("") }; MODES.len()];
    outcomes.fill(first);
    for part in parts {
        let (mode, changed) = part.split_once(": ")?;
        let mode = MODES.iter().position(|(name, _)| *name == mode)?;
        let changed = outcome(changed, target)?;
        // A row says nothing twice.
        if outcomes[mode] == changed {
            return None;
        }
        outcomes[mode..].fill(changed);
    }
    Some(outcomes)
}

fn outcome(text: &'static str, target: &[u8]) -> Option<Outcome> {
    let words: Vec<&str> = text.split(' ').collect();
    Some(match words[..] {
        ["key"] => Outcome::Key(target.to_vec()),
        ["key", path] => Outcome::Key(bytes(path)),
        ["public"] => Outcome::Public(target.to_vec()),
        ["public", path] => Outcome::Public(bytes(path)),
        ["other"] => Outcome::Other(target.to_vec()),
        ["other", path] => Outcome::Other(bytes(path)),
        ["unrouted", status, details] => Outcome::Unrouted(status, details),
        ["denied", reason] => Outcome::Denied(reason),
        ["envoy", status, details] => Outcome::Envoy(status, details),
        ["reset", details] => Outcome::Reset(details),
        _ => return None,
    })
}

/// What a text with escapes stands for.
fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        let escape = rest.chars().next();
        let known = match (character, escape) {
            ('\\', Some('t')) => Some((b'\t', 1)),
            ('\\', Some('n')) => Some((b'\n', 1)),
            ('\\', Some('r')) => Some((b'\r', 1)),
            ('\\', Some('\\')) => Some((b'\\', 1)),
            ('\\', Some('x')) => u8::from_str_radix(&rest[1..3], 16)
                .ok()
                .map(|byte| (byte, 3)),
            ('\\', _) => panic!("no escape in {text}"),
            _ => None,
        };
        if let Some((byte, length)) = known {
            bytes.push(byte);
            rest = &rest[length..];
        } else if let Some((repeated, after)) = repeated(character, rest) {
            bytes.extend(repeated);
            rest = after;
        } else {
            bytes.extend(character.to_string().bytes());
        }
    }
    bytes
}

/// `{3*ab}` is `ababab`; also what follows it.
fn repeated(first: char, rest: &str) -> Option<(Vec<u8>, &str)> {
    let (inside, after) = rest.split_once('}').filter(|_| first == '{')?;
    let (times, text) = inside.split_once('*')?;
    Some((text.repeat(times.parse().ok()?).into_bytes(), after))
}
