//! Files and what is said of them, to the letter.

use crate::tests::{gatehouse, ran};
use proptest::prelude::*;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every file of `testdata/validate` with what is printed of it, and the exit code on the last line.
#[test]
fn bad_files() {
    let mut count = 0;
    for entry in std::fs::read_dir("testdata/validate").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "txt") {
            continue;
        }
        count += 1;
        let name = path.to_str().unwrap();
        let ran = gatehouse(&["validate", name], b"");
        let expected = std::fs::read_to_string(format!("{name}.txt")).unwrap();
        assert_eq!(
            format!("{}exit {}\n", ran.output, ran.code),
            expected,
            "{name}"
        );
        assert_eq!(ran.errors, "");
    }
    assert_eq!(count, 21);
}

/// What is documented is good, with the environment of the demo.
#[test]
fn the_files_of_envoy_and_of_the_examples() {
    let at = |path: &str| repository().join(path).to_str().unwrap().to_owned();
    let (envoy, examples) = (at("envoy"), at("examples"));
    let environment = at("envoy/demo.env");
    let ran = gatehouse(
        &["validate", "--env-file", &environment, &envoy, &examples],
        b"",
    );
    assert!(ran.output.ends_with("all is good\n"), "{}", ran.output);
    let filters: usize = ran.output.split_once(' ').unwrap().0.parse().unwrap();
    assert!(filters >= 6, "{}", ran.output);
    assert_eq!(ran.code, 0);
}

const PLUGIN: &str = "root_id: gatehouse_headers\nfailure_policy: FAIL_RELOAD\nvm_config: {vm_id: a}\nconfiguration: {'@type': x/google.protobuf.Struct, value: {rules: [{request: [{remove: {name: a}}]}]}}\n";

/// Small changes to a plugin, and which lints see them.
#[test]
fn lints() {
    let hmac = "root_id: gatehouse_auth\nfailure_policy: FAIL_RELOAD\nvm_config: {vm_id: a, environment_variables: {key_values: {S: abcdefghijklmnopqrstuvwxyz0123456789}}}\nconfiguration: {'@type': x/google.protobuf.Struct, value: {providers: {p: {hmac: {scheme: github, keys: [{consumer: a, secret: '${env:S}'}]}}}, rules: [{require: {any_of: [p]}}]}}\n";
    let limits = "{root_id: gatehouse_rate_limit, failure_policy: FAIL_RELOAD, vm_config: {vm_id: a}, configuration: {'@type': x/google.protobuf.Struct, value: {limits: [{name: a, key: [client_ip], rate: 1/1s}]}}}";
    let managed = |fields: &str, plugin: &str| {
        format!("'@type': x.v3.HttpConnectionManager\n{fields}\nhttp_filters: [{plugin}]\n")
    };
    for (name, text, codes) in [
        ("nothing", PLUGIN.to_owned(), vec![]),
        ("no vm_id", PLUGIN.replace("{vm_id: a}", "{}"), vec!["vm-id"]),
        ("an empty one", PLUGIN.replace("vm_id: a", "vm_id: ''"), vec!["vm-id"]),
        ("closed", PLUGIN.replace("FAIL_RELOAD", "FAIL_CLOSED"), vec!["fail-reload"]),
        ("by number", PLUGIN.replace("FAIL_RELOAD", "1"), vec![]),
        // It keeps nobody out.
        ("open", PLUGIN.replace("FAIL_RELOAD", "FAIL_OPEN"), vec![]),
        ("an open guard", PLUGIN.replace("headers", "connection_guard").replace("FAIL_RELOAD", "FAIL_OPEN").replace("rules: [{request: [{remove: {name: a}}]}]", "default: deny"), vec!["fail-open"]),
        ("open auth", hmac.replace("FAIL_RELOAD", "FAIL_OPEN"), vec!["fail-open", "body"]),
        (
            "open auth that reports",
            hmac.replace("FAIL_RELOAD", "3").replace("value: {p", "value: {mode: report, p"),
            vec!["body"],
        ),
        ("the old way", hmac.replace("failure_policy: FAIL_RELOAD", "fail_open: true"), vec!["fail-open", "body"]),
        ("a body", hmac.to_owned(), vec!["body"]),
        ("a body handed over", format!("{hmac}allow_on_headers_stop_iteration: true\n"), vec![]),
        ("a body that is not signed", hmac.replace("scheme: github", "scheme: canonical, canonical: {parts: [method, timestamp], signature: {header: s}, timestamp: {header: t}}, body: {insecure_unsigned: true}"), vec![]),
        (
            "one vm_id twice, configured alike",
            format!("- {}- {}", PLUGIN.replace('\n', "\n  "), PLUGIN.replace('\n', "\n  ")).replace("  -", "-"),
            vec![],
        ),
        ("addresses", managed("", limits), vec!["client-address"]),
        ("addresses of peers", managed("use_remote_address: true", limits), vec![]),
        ("addresses from elsewhere", managed("originalIpDetectionExtensions: []", limits), vec![]),
        ("addresses nobody uses", managed("", &limits.replace("client_ip", "consumer")), vec![]),
    ] {
        let found = gatehouse(&["validate", "--format", "json", "-"], text.as_bytes());
        let report: Value = serde_json::from_str(&found.output).unwrap();
        let findings = report["findings"].as_array().unwrap();
        let found: Vec<&str> = findings.iter().map(|found| found["code"].as_str().unwrap()).collect();
        assert_eq!(found, codes, "{name}: {report:#}");
        for code in codes {
            let allowed = gatehouse(&["validate", "--format", "json", "--allow", code, "-"], text.as_bytes());
            let listed = format!("\"code\": \"{code}\"");
            assert!(!allowed.output.contains(&listed), "{name}");
        }
    }
}

#[test]
fn reports() {
    let text = "limits: [{name: a, key: [method], rate: 1}]";
    let colored = ran(&["validate", "-"], text.as_bytes(), true);
    assert_eq!(
        colored.output,
        "\x1b[1m-:1:41:\x1b[0m \x1b[1;31merror[configuration]\x1b[0m: limits[0].rate: expected a rate such as \"100/1m\", found the number 1\n1 filter in 1 file: 1 error\n"
    );
    let json = ran(
        &["validate", "--format", "json", "-"],
        text.as_bytes(),
        true,
    );
    let report: Value = serde_json::from_str(&json.output).unwrap();
    let expected = serde_json::json!({
        "files": 1, "filters": 1, "errors": 1, "warnings": 0,
        "findings": [{
            "file": "-", "line": 1, "column": 41, "severity": "error", "code": "configuration",
            "filter": "rate_limit", "path": "limits[0].rate",
            "problem": "expected a rate such as \"100/1m\", found the number 1", "suggestion": null,
        }],
    });
    assert_eq!(report, expected);
}

#[test]
fn where_the_environment_comes_from() {
    let file = "testdata/validate/environment.yaml";
    for (arguments, code) in [
        (&["--env", "PARTNER_KEY=abcdefghijklmnop"][..], 0),
        (&["--env", "PARTNER_KEY="], 1),
        (&["--allow", "environment"], 0),
        (&[], 1),
    ] {
        let all = [&["validate", file], arguments].concat();
        assert_eq!(gatehouse(&all, b"").code, code, "{arguments:?}");
    }
}

#[test]
fn what_cannot_be_read() {
    let large = vec![b'#'; (64 << 20) + 1];
    for (input, output) in [
        (
            &b"a: \xff"[..],
            "-:1:1: error[unreadable]: not UTF-8\n0 filters in 1 file: 1 error\n",
        ),
        (
            &large,
            "-:1:1: error[unreadable]: larger than 64 MiB\n0 filters in 1 file: 1 error\n",
        ),
        (
            b"a: \"",
            "-:1:4: error[unreadable]: not YAML: while scanning a quoted scalar, found unexpected end of stream\n0 filters in 1 file: 1 error\n",
        ),
    ] {
        let ran = gatehouse(&["validate", "-"], input);
        assert_eq!((ran.code, ran.output.as_str()), (2, output));
    }
    let both = gatehouse(&["validate", "nowhere.yaml", "-"], PLUGIN.as_bytes());
    assert_eq!(both.code, 2);
    assert!(
        both.output
            .starts_with("nowhere.yaml:1:1: error[unreadable]: it cannot be read: ")
    );
    assert!(
        both.output.ends_with("1 filter in 2 files: 1 error\n"),
        "{}",
        both.output
    );
}

/// Good files with some of their text taken out, repeated, or replaced.
fn damaged() -> impl Strategy<Value = String> {
    let folder = repository();
    let read = |path: &str| std::fs::read_to_string(folder.join(path)).unwrap();
    let files = [
        read("envoy/gateway.yaml"),
        read("envoy/rate-limit-global.yaml"),
        read("crates/cli/testdata/validate/bootstrap.yaml"),
        read("crates/cli/testdata/validate/envoyextensionpolicy.yaml"),
        read("crates/cli/testdata/validate/listener.json"),
        read("crates/cli/testdata/validate/text.yaml"),
    ];
    let change = (
        any::<prop::sample::Index>(),
        0..40_usize,
        "(?s)[-:#&*!|>'\"{}\\[\\], \n\ta1é~.]{0,6}",
    );
    (
        prop::sample::select(files.to_vec()),
        prop::collection::vec(change, 0..6),
    )
        .prop_map(|(file, changes)| {
            let mut letters: Vec<char> = file.chars().collect();
            for (place, length, text) in changes {
                let start = place.index(letters.len() + 1);
                let end = letters.len().min(start + length);
                letters.splice(start..end, text.chars());
            }
            letters.into_iter().collect()
        })
}

proptest! {
    #[test]
    fn nothing_panics(text in damaged()) {
        let ran = gatehouse(&["validate", "-"], text.as_bytes());
        prop_assert!(ran.code <= 2);
        prop_assert_eq!(ran.errors, "");
    }

    #[test]
    fn nothing_panics_on_bytes(bytes in any::<Vec<u8>>()) {
        prop_assert!(gatehouse(&["validate", "--filter", "auth", "-"], &bytes).code <= 2);
    }
}
