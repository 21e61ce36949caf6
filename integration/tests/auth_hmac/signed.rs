//! The requests of these tests, signed by `sign.py` at once.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use base64ct::{Base64, Encoding as _};
use gatehouse_integration::repository;
use serde::Deserialize;
use serde_json::json;

/// What there are keys for.
pub(crate) const ALGORITHMS: [&str; 6] = [
    "hmac-sha256",
    "ed25519",
    "ecdsa-p256-sha256",
    "ecdsa-p384-sha384",
    "rsa-pss-sha512",
    "rsa-v1_5-sha256",
];

/// The longest body that the provider `signed` takes.
pub(crate) const MAX: usize = 8 * 1024;

/// What `sign.py` prints.
#[derive(Deserialize)]
pub(crate) struct Signed {
    pub(crate) secret: String,
    pub(crate) public: BTreeMap<String, String>,
    headers: BTreeMap<String, BTreeMap<String, String>>,
}

impl Signed {
    /// The headers that a request got.
    pub(crate) fn headers(&self, name: &str) -> impl Iterator<Item = (&str, &str)> {
        let headers = self.headers.get(name);
        let headers = headers.unwrap_or_else(|| panic!("no request {name}"));
        headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Method, path and body of a request, by its name.
pub(crate) fn body_of(name: &str) -> (&'static str, &'static str, Option<Vec<u8>>) {
    let of = |length: usize| {
        Some(
            b"0123456789abcdef"
                .iter()
                .copied()
                .cycle()
                .take(length)
                .collect(),
        )
    };
    let small = || Some(br#"{"hello": "world", "a": [1, 2, 3]}"#.to_vec());
    match name {
        "again" => ("GET", "/again?a=b", None),
        "dots" => ("GET", "/signed/./get", None),
        "moved" => ("GET", "/signed/get", None),
        "body stalled" | "unset post" | "unset other" => ("POST", "/short", small()),
        "body empty" => ("POST", "/signed", Some(Vec::new())),
        "body most" => ("POST", "/signed", of(MAX)),
        "body over" | "body over chunked" => ("POST", "/signed", of(MAX + 1)),
        "large over" => ("POST", "/large", of(200_000)),
        "large fits" => ("POST", "/large", small()),
        name if name.ends_with("get") || name.starts_with("race get") => {
            ("GET", "/signed/get?a=b&c=%2Fd", None)
        }
        _ => ("POST", "/signed/post?a=b", small()),
    }
}

fn names() -> Vec<String> {
    let mut names: Vec<String> = [
        "again",
        "dots",
        "moved",
        "body whole",
        "body bytes",
        "body chunked",
        "body trailers",
        "body expect",
        "body empty",
        "body most",
        "body over",
        "body over chunked",
        "body stalled",
        "large over",
        "large fits",
        "unset get",
        "unset post",
        "unset other",
    ]
    .map(str::to_owned)
    .to_vec();
    for algorithm in ALGORITHMS {
        names.extend(["get", "post", "forged"].map(|kind| format!("{algorithm} {kind}")));
    }
    for run in 0..10 {
        names.extend(["get", "post"].map(|kind| format!("race {kind} {run}")));
    }
    names
}

/// The requests, signed with keys of this run.
pub(crate) fn signed() -> &'static Signed {
    static SIGNED: OnceLock<Signed> = OnceLock::new();
    SIGNED.get_or_init(|| {
        let requests: Vec<_> = names()
            .iter()
            .map(|name| {
                let (method, path, body) = body_of(name);
                let key = ALGORITHMS
                    .iter()
                    .find(|algorithm| name.starts_with(**algorithm));
                json!({
                    "name": name,
                    "key": key.unwrap_or(&"hmac-sha256"),
                    "method": method,
                    "url": format!("http://gatehouse.test{path}"),
                    "body": body.map(|body| Base64::encode_string(&body)),
                    "covered": ["@method", "@authority", "@path", "@query"],
                    "nonce": name,
                })
            })
            .collect();
        sign(&serde_json::Value::from(requests))
    })
}

fn sign(requests: &serde_json::Value) -> Signed {
    let script = repository().join("integration/tests/auth_hmac/sign.py");
    let python = python();
    let mut child = Command::new(&python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("can't run {}: {error}", python.display()));
    let mut input = child.stdin.take().expect("it is piped");
    input
        .write_all(requests.to_string().as_bytes())
        .expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", python.display());
    serde_json::from_slice(&output.stdout).expect("what the script prints")
}

/// `$GATEHOUSE_PYTHON`, or the Python of the cache.
fn python() -> PathBuf {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let cache = || {
        variable("GATEHOUSE_CACHE")
            .or_else(|| variable("XDG_CACHE_HOME").map(|cache| cache.join("gatehouse")))
            .or_else(|| variable("HOME").map(|home| home.join(".cache/gatehouse")))
            .expect("HOME is set")
    };
    variable("GATEHOUSE_PYTHON").unwrap_or_else(|| cache().join("python/bin/python"))
}
