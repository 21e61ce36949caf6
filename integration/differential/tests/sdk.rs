//! Modules that are not ours: examples of the proxy-wasm SDK, built from the sources on crates.io.

use gatehouse_differential::{Case, Setup, Stage};
use gatehouse_integration::repository;
use gatehouse_testkit::{
    Engine, Envoy, Headers, Level, Module, Outcome, Phase, Reply, Request, Response,
};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// Builds an example, where the last run has not.
fn example(name: &str) -> PathBuf {
    let manifest = repository().join("integration/sdk-examples/Cargo.toml");
    // The toolchain of the repository, not what cargo set for this test.
    let cargo = || {
        let mut command = Command::new("cargo");
        command.current_dir(repository());
        for variable in ["LD_LIBRARY_PATH", "RUSTUP_TOOLCHAIN", "CARGO", "RUSTC"] {
            command.env_remove(variable);
        }
        command
    };
    let metadata = cargo()
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--manifest-path",
        ])
        .arg(manifest)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&metadata.stderr);
    assert!(metadata.status.success(), "{text}");
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let sdk = packages
        .iter()
        .find(|package| package["name"] == "proxy-wasm")
        .unwrap();
    let target = repository().join("target/sdk-examples");
    let built = cargo()
        .args([
            "build",
            "--quiet",
            "--release",
            "--locked",
            "--target",
            "wasm32-wasip1",
            "--example",
            name,
        ])
        .args([
            "--manifest-path",
            sdk["manifest_path"].as_str().unwrap(),
            "--target-dir",
        ])
        .arg(&target)
        .output()
        .unwrap();
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    target.join(format!("wasm32-wasip1/release/examples/{name}.wasm"))
}

#[test]
fn a_request_waits_for_a_callout() {
    let engine = Engine::new().unwrap();
    let module = Module::from_file(&engine, example("http_auth_random")).unwrap();
    let cases: [(&str, Option<Reply>, bool); 4] = [
        ("even", Some(Reply::http(200, Headers::new(), [2])), true),
        ("odd", Some(Reply::http(200, Headers::new(), [3])), false),
        ("refused", Some(Reply::reset()), false),
        ("too late", None, false),
    ];
    for (name, reply, granted) in cases {
        let envoy = Envoy::builder(&module)
            .clusters(["httpbin"])
            .build()
            .unwrap();
        let mut stream = envoy.http(Request::get("/"));
        assert_eq!(stream.outcome(), Outcome::Paused(Phase::Headers), "{name}");
        let callout = envoy.callouts().pop().unwrap();
        let sent = callout.sent();
        assert_eq!(sent.cluster, "httpbin", "{name}");
        assert_eq!(
            sent.headers.text(":path").as_deref(),
            Some("/bytes/1"),
            "{name}"
        );
        assert_eq!(sent.timeout, Some(Duration::from_secs(5)), "{name}");
        match reply {
            Some(reply) => callout.reply(reply),
            None => envoy.advance(Duration::from_secs(5)),
        }
        match stream.outcome() {
            Outcome::Continue(upstream) => {
                assert!(granted && upstream.complete, "{name}");
                let Outcome::Continue(response) = stream.respond(Response::new(200)) else {
                    panic!("{name}: {:?}", stream.response());
                };
                assert_eq!(
                    response.headers.text("powered-by").as_deref(),
                    Some("proxy-wasm"),
                    "{name}"
                );
            }
            Outcome::LocalReply(reply) => {
                assert!(!granted, "{name}");
                assert_eq!(
                    (reply.status, reply.text().as_str()),
                    (403, "Access forbidden.\n"),
                    "{name}"
                );
            }
            other => panic!("{name}: {other:?}"),
        }
        let logs = envoy.logs();
        let last = logs.last().map(|line| (line.level, line.text.as_str()));
        let text = if granted {
            "Access granted."
        } else {
            "Access forbidden."
        };
        assert_eq!(last, Some((Level::Trace, text)), "{name}");
    }
}

/// The SDK unwraps the UTF-8 of values: a client's byte is the end of the VM.
#[test]
fn a_byte_of_a_client_traps() {
    let engine = Engine::new().unwrap();
    let module = Module::from_file(&engine, example("http_headers")).unwrap();
    let envoy = Envoy::builder(&module).build().unwrap();
    let stream = envoy.http(Request::get("/").header("x-a", b"\xff"));
    let Outcome::LocalReply(reply) = stream.outcome() else {
        panic!("{:?}", stream.outcome());
    };
    assert_eq!(
        (reply.status, reply.details.as_str()),
        (503, "wasm_fail_stream")
    );
    assert!(envoy.worker(0).has_failed());
}

#[test]
fn headers_as_in_envoy() {
    let module = example("http_headers");
    let stage = Stage::new(&Setup::new(module.to_str().unwrap(), ""));
    stage.compare(&[
        Case::new("sdk-hello").path("/hello"),
        Case::new("sdk-other").path("/other").header("x-a", "1"),
    ]);
}

#[test]
fn bodies_as_in_envoy() {
    let module = example("http_body");
    let stage = Stage::new(&Setup::new(module.to_str().unwrap(), ""));
    stage.compare(&[
        Case::new("sdk-secret").answer(200, &[], &["a secret"]),
        Case::new("sdk-in-pieces").answer(200, &[], &["a sec", "ret here"]),
        Case::new("sdk-plain").answer(200, &[], &["nothing", "to hide"]),
    ]);
}
