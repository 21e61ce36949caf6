//! Every way to write a path that we know of, against the auth filter on stock Envoy: what becomes of it, and that none
//! gets past a rule.
//!
//! Envoy listens ten times: it treats paths in five ways ([`MODES`]), each with two sets of rules ([`RULES`]). Every
//! request of `auth_paths/cases.txt` is sent in bytes, and what becomes of it is compared with the table: the answer, the
//! reason in the access log, and the path that the upstream saw. What reaches the upstream without a key is then read
//! as servers may read it, and none may read it as something under `/admin`.

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

use gatehouse_integration::{Config, Envoy, config, envoy_version};
use serde_json::{Value, json};

use cases::{Case, Outcome, cases};
use readings::may_begin_with;

/// What Envoy does to a path before the filter sees it.
const MODES: [(&str, &str); 5] = [
    ("sent", "{}"),
    ("normalized", "{normalize_path: true}"),
    // As in envoy/auth.yaml.
    (
        "merged",
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

/// What no rule is about is denied; or it is open, which is dangerous.
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

/// The port of a listener in the configuration.
fn port(mode: usize, rules: usize) -> u16 {
    u16::try_from(10_000 + 10 * mode + rules).expect("a port")
}

/// The listener of the file with other rules, and without another treatment of paths.
fn listener(file: &Value, mode: usize, rules: usize) -> Value {
    let mut listener = file.clone();
    listener["name"] = json!(format!("listener_{mode}_{rules}"));
    listener["address"]["socket_address"]["port_value"] = json!(port(mode, rules));
    let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
    let options = config::yaml(MODES[mode].1);
    let manager_options = manager.as_object_mut().expect("a manager");
    for option in [
        "normalize_path",
        "merge_slashes",
        "path_with_escaped_slashes_action",
    ] {
        manager_options.remove(option);
    }
    manager_options.extend(options.as_object().expect("options").clone());
    // Envoy waits a second before it closes a connection that broke the protocol.
    manager["delayed_close_timeout"] = json!("0.010s");
    manager["http_filters"][0]["typed_config"]["config"]["configuration"]["value"] =
        self::rules(RULES[rules]);
    let format = manager["access_log"][0]["typed_config"]["log_format"]
        .pointer_mut("/text_format_source/inline_string");
    *format.expect("the file has an access log") = "LOG %DOWNSTREAM_LOCAL_PORT%:%DOWNSTREAM_REMOTE_PORT% %RESPONSE_CODE% denied=%FILTER_STATE(wasm.gatehouse.denial:PLAIN)% details=%RESPONSE_CODE_DETAILS%\n".into();
    listener
}

fn start() -> Envoy {
    let config = Config::load("envoy/auth.yaml").endpoint(18080, wire::upstream());
    let config = config.edit(|root| {
        let listeners = &mut root["static_resources"]["listeners"];
        let file = listeners[0].take();
        let modes = 0..MODES.len();
        let all = modes.flat_map(|mode| [DENIED, OPEN].map(|rules| listener(&file, mode, rules)));
        *listeners = all.collect();
    });
    config.start()
}

/// What a request came to, as the access log says it: status, denial, details.
type Logged = String;

fn logged(status: &str, reason: Option<&str>, details: &str) -> Logged {
    match reason {
        Some(reason) => {
            format!("{status} denied=auth.{reason} details=gatehouse.auth.{reason}")
        }
        None => format!("{status} denied=- details={details}"),
    }
}

impl Outcome {
    /// What the log says, and what the upstream sees, if anything.
    fn expected(&self, rules: usize, with_key: bool) -> (Logged, Option<&[u8]>) {
        let denied = |status, reason| (logged(status, Some(reason), ""), None);
        let stopped = |status, details| (logged(status, None, details), None);
        match self {
            Self::Key(_) if !with_key => denied("401", "credential_missing"),
            Self::Other(_) | Self::Unrouted(..) if rules == DENIED => denied("403", "no_rule"),
            Self::Key(path) | Self::Public(path) | Self::Other(path) => {
                (logged("200", None, "via_upstream"), Some(path))
            }
            Self::Denied(reason) => denied("400", reason),
            Self::Unrouted(status, details) | Self::Envoy(status, details) => {
                stopped(status, details)
            }
            Self::Reset(details) => stopped("0", details),
        }
    }
}

/// Sends all cases to one listener; what is not as the table says.
fn run(envoy: &Envoy, cases: &[Case], mode: usize, rules: usize, with_key: bool) -> Vec<String> {
    let address = envoy.address_of(port(mode, rules));
    let headers = if with_key { &[KEY][..] } else { &[] };
    let logged_before = envoy.await_log("LOG ", 0).len();
    let answers = cases.iter().map(|case| case.sent.send(address, headers));
    let answers: Vec<_> = answers.collect();
    // Every request has a line, also one that Envoy could not read.
    let lines = envoy.await_log("LOG ", logged_before + cases.len());
    let log: BTreeMap<&str, &str> = lines[logged_before..]
        .iter()
        .filter_map(|line| line.strip_prefix("LOG ")?.split_once(' '))
        .collect();

    let mut wrong = Vec::new();
    for (case, answer) in cases.iter().zip(&answers) {
        let outcome = &case.outcomes[mode];
        let key = format!("{}:{}", address.port(), answer.port());
        let line = log.get(&*key).copied().unwrap_or("no line");
        let (expected, path) = outcome.expected(rules, with_key);
        let body = answer.body.as_deref();
        let answered = match outcome {
            Outcome::Reset(_) => body.is_none(),
            _ if path.is_some() => body == path,
            _ => body.is_some(),
        };
        if line != expected || !answered {
            wrong.push(format!(
                "{}, {}, {}, {}: {line}, and not {expected}; {:?}",
                case.name,
                MODES[mode].0,
                if rules == OPEN { "open" } else { "denied" },
                if with_key { "with a key" } else { "no key" },
                body.map(|body| body[..body.len().min(100)].escape_ascii().to_string()),
            ));
        }
        let passed = body.filter(|_| line.contains("details=via_upstream") && !with_key);
        if passed.is_some_and(|target| may_begin_with(target, "admin")) {
            wrong.push(format!("{}, {}: past the rule", case.name, MODES[mode].0));
        }
    }
    wrong
}

#[test]
fn no_spelling_gets_past_a_rule() {
    let envoy = start();
    let cases = cases(envoy_version());
    let mut wrong = Vec::new();
    for mode in 0..MODES.len() {
        for (rules, with_key) in [(DENIED, false), (OPEN, false), (OPEN, true)] {
            wrong.extend(run(&envoy, &cases, mode, rules, with_key));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        !envoy.log().contains("Proxy-Wasm plugin in-VM backtrace"),
        "a trap"
    );
}

/// The table is what it should be, and what is asserted of it is not empty.
#[test]
fn the_table_has_evasions() {
    let cases = cases(envoy_version());
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases.len(), "names differ");
    let evasions = cases.iter().filter(|case| {
        let target = case.sent.target();
        !target.starts_with(b"/admin") && may_begin_with(target, "admin")
    });
    assert!(evasions.count() >= 60);
    // What servers read alike in every mode and what they do not are both there.
    let passing = |case: &&Case| matches!(case.outcomes[0], Outcome::Public(_) | Outcome::Other(_));
    assert!(cases.iter().filter(passing).count() >= 40);
}
