//! Keys and tokens of this run, minted by PyJWT.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use gatehouse_integration::repository;
use serde::Deserialize;

/// What `auth/mint.py` prints.
#[derive(Deserialize)]
pub(crate) struct Minted {
    pub(crate) jwks: serde_json::Value,
    pub(crate) secret: String,
    pub(crate) tokens: BTreeMap<String, String>,
}

/// Keys and tokens of this run.
pub(crate) fn minted() -> &'static Minted {
    static MINTED: OnceLock<Minted> = OnceLock::new();
    MINTED.get_or_init(|| {
        let script = repository().join("integration/tests/auth/mint.py");
        let python = python();
        let output = Command::new(&python)
            .arg(script)
            .output()
            .unwrap_or_else(|error| panic!("can't run {}: {error}", python.display()));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {errors}", python.display());
        serde_json::from_slice(&output.stdout).expect("what the script prints")
    })
}

/// `$GATEHOUSE_PYTHON`, or the Python of the cache.
pub(crate) fn python() -> PathBuf {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let cache = || {
        variable("GATEHOUSE_CACHE")
            .or_else(|| variable("XDG_CACHE_HOME").map(|cache| cache.join("gatehouse")))
            .or_else(|| variable("HOME").map(|home| home.join(".cache/gatehouse")))
            .expect("HOME is set")
    };
    variable("GATEHOUSE_PYTHON").unwrap_or_else(|| cache().join("python/bin/python"))
}

pub(crate) fn bearer(name: &str) -> String {
    let token = minted().tokens.get(name);
    format!(
        "Bearer {}",
        token.unwrap_or_else(|| panic!("no token {name}"))
    )
}
