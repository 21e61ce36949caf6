//! Client certificates of this run, and requests with them by curl.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use gatehouse_integration::echo::Echoed;
use gatehouse_integration::repository;

use crate::minted::python;

/// Certificates in a directory of their own.
pub(crate) struct Certificates {
    directory: tempfile::TempDir,
    digests: BTreeMap<String, String>,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    body: String,
}

impl Certificates {
    /// Those that `certificates.py` makes.
    pub(crate) fn make() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let script = repository().join("integration/tests/auth_rules/certificates.py");
        let output = Command::new(python())
            .arg(script)
            .arg(directory.path())
            .output();
        let output = output.expect("Python runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        let digests = serde_json::from_slice(&output.stdout).expect("what the script prints");
        Self { directory, digests }
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    /// SHA-256 of a certificate.
    pub(crate) fn digest(&self, name: &str) -> &str {
        &self.digests[name]
    }

    /// Sends a GET over TLS. Nothing where there is no answer.
    pub(crate) fn get(
        &self,
        to: SocketAddr,
        path: &str,
        certificate: Option<&str>,
        headers: &[&str],
    ) -> Option<Answer> {
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--http1.1",
            "--max-time",
            "60",
            "--noproxy",
            "*",
        ]);
        curl.args(["--write-out", "\n%{http_code}", "--cacert"]);
        curl.arg(self.path("ca.pem"));
        if let Some(name) = certificate {
            curl.arg("--cert").arg(self.path(&format!("{name}.pem")));
            curl.arg("--key").arg(self.path(&format!("{name}.key")));
        }
        for header in headers {
            curl.args(["--header", header]);
        }
        let output = curl.arg(format!("https://{to}{path}")).output();
        let output = output.expect("curl runs");
        if !output.status.success() {
            return None;
        }
        let text = String::from_utf8(output.stdout).expect("text");
        let (body, status) = text.rsplit_once('\n').expect("a status");
        Some(Answer {
            status: status.parse().expect("a status"),
            body: body.to_owned(),
        })
    }
}

impl Answer {
    /// What the echo upstream got under this name.
    pub(crate) fn echoed_header(&self, name: &str) -> Vec<String> {
        let echoed: Echoed = serde_json::from_str(&self.body).expect("the echo upstream's answer");
        let values = echoed.header(name);
        values.into_iter().map(str::to_owned).collect()
    }

    /// Who it was, as the echo upstream got it.
    pub(crate) fn consumer(&self) -> Option<String> {
        self.echoed_header("x-consumer").pop()
    }
}
