//! Every way to write a path that we know of, against the auth filter on stock Envoy: what becomes of it, and that none
//! gets past a rule.
//!
//! Envoy listens ten times: with five ways to treat paths ([`MODES`]), each with two sets of rules ([`RULES`]). Each
//! case is sent to all of them in bytes, without a key and with one. What becomes of it is compared with the table in
//! `cases.rs`; what reaches the upstream without a key is also read as servers may read it, and must not be read as
//! something under `/admin`.

#![allow(
    clippy::disallowed_methods,
    reason = "native test: it has a clock and an environment of its own"
)]

#[path = "auth_paths/cases.rs"]
mod cases;
#[path = "../../filters/auth/src/tests/paths/readings.rs"]
mod readings;
#[path = "auth_paths/wire.rs"]
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use gatehouse_integration::{Config, Envoy, config};
use serde_json::{Value, json};

use cases::{Case, Outcome, cases};
use wire::Received;

/// How Envoy treats paths before the filter sees them, in the order of the columns of the table.
const MODES: [(&str, &str); 5] = [
    ("as sent", "{}"),
    ("normalized", "{normalize_path: true}"),
    (
        "merged, as in envoy/auth.yaml",
        "{normalize_path: true, merge_slashes: true, path_with_escaped_slashes_action: KEEP_UNCHANGED}",
    ),
    (
        "unescaped",
        "{normalize_path: true, merge_slashes: true, path_with_escaped_slashes_action: UNESCAPE_AND_FORWARD}",
    ),
    (
        "rejected",
        "{normalize_path: true, merge_slashes: true, path_with_escaped_slashes_action: REJECT_REQUEST}",
    ),
];

/// What is not named is denied, or, which is dangerous, open.
const RULES: [&str; 2] = ["", "- {allow: anonymous}"];
const DENIED: usize = 0;
const OPEN: usize = 1;

const KEY: (&str, &str) = ("x-api-key", "dev-key-1");

fn rules(last: &str) -> Value {
    config::yaml(&format!(
        "
providers: {{partners: {{api_key: {{from: [{{header: x-api-key}}], consumers: [{{name: dev, key: '${{env:DEV_KEY}}'}}]}}}}}}
rules:
- {{match: {{path: {{prefix: /admin}}}}, require: partners}}
- {{match: {{path: {{prefix: /public}}}}, allow: anonymous}}
- {{match: {{path: {{exact: /health}}}}, allow: anonymous}}
{last}
"
    ))
}

fn port(mode: usize, rules: usize) -> u16 {
    u16::try_from(10_000 + 10 * mode + rules).expect("a port")
}

fn start() -> Envoy {
    let manager_of = |listener: &mut Value| {
        let manager = listener.pointer_mut("/filter_chains/0/filters/0/typed_config");
        manager.expect("a connection manager").take()
    };
    Config::load("envoy/auth.yaml")
        .endpoint(18080, wire::upstream())
        .edit(|root| {
            let listeners = &mut root["static_resources"]["listeners"];
            let base = listeners[0].take();
            let mut all = Vec::new();
            for (mode, (_, options)) in MODES.iter().enumerate() {
                for (set, last) in RULES.iter().enumerate() {
                    let mut listener = base.clone();
                    let mut manager = manager_of(&mut listener);
                    let options = config::yaml(options);
                    for option in ["normalize_path", "merge_slashes", "path_with_escaped_slashes_action"] {
                        match options.get(option) {
                            Some(value) => manager[option] = value.clone(),
                            None => drop(manager.as_object_mut().expect("an object").remove(option)),
                        }
                    }
                    manager["http_filters"][0]["typed_config"]["config"]["configuration"]["value"] = rules(last);
                    *manager["access_log"][0]["typed_config"]["log_format"]
                        .pointer_mut("/text_format_source/inline_string")
                        .expect("the file has an access log") = "LOG %DOWNSTREAM_LOCAL_PORT%:%DOWNSTREAM_REMOTE_PORT% %RESPONSE_CODE% %FILTER_STATE(wasm.gatehouse.denial:PLAIN)% %RESPONSE_CODE_DETAILS%\n".into();
                    listener["filter_chains"][0]["filters"][0]["typed_config"] = manager;
                    listener["name"] = json!(format!("listener_{mode}_{set}"));
                    listener["address"]["socket_address"]["port_value"] = json!(port(mode, set));
                    all.push(listener);
                }
            }
            *listeners = Value::Array(all);
        })
        .start()
}
#[test]
fn observe() {
    let envoy = start();
    let cases = cases();
    let mut held: Vec<((usize, usize, usize, usize), Received)> = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        for mode in 0..MODES.len() {
            for (set, keyed) in [(DENIED, 0), (OPEN, 0), (OPEN, 1)] {
                let headers: &[(&str, &str)] = if keyed == 1 { &[KEY] } else { &[] };
                let r = case.sent.send(envoy.address_of(port(mode, set)), headers);
                held.push(((index, mode, set, keyed), r));
            }
        }
    }
    std::thread::sleep(std::time::Duration::from_millis(500));
    let log = envoy.log();
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for l in log.lines().filter_map(|l| l.strip_prefix("LOG ")) {
        let (k, v) = l.split_once(' ').unwrap();
        lines.entry(k.to_owned()).or_default().push(v.to_owned());
    }
    let mut rows: BTreeMap<usize, Vec<Vec<String>>> = BTreeMap::new();
    for ((i, m, s, k), r) in held {
        let key = format!("{}:{}", envoy.address_of(port(m, s)).port(), r.port());
        let l = lines.get(&key).cloned().unwrap_or_default().join(" | ");
        let b = r.body.as_ref().map(|b| b[..b.len().min(70)].escape_ascii().to_string()).unwrap_or("RESET".into());
        let text = if l.contains("via_upstream") { format!("200 {b}") } else if r.body.is_none() { format!("RESET {l}") } else { l };
        let row = rows.entry(i).or_insert_with(|| vec![vec![]; 5]);
        row[m].push(text);
        let _ = (s, k);
    }
    for (i, row) in rows {
        println!("== {} :: {}", cases[i].name, cases[i].sent.shown());
        let mut last = None;
        for (m, r) in row.iter().enumerate() {
            if last == Some(r) { println!("   {m} same"); } else { println!("   {m} {r:?}"); }
            last = Some(r);
        }
    }
}
