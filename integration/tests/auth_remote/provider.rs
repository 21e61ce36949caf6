//! A real OpenID provider: `oidc-provider-mock`.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use gatehouse_integration::{Request, repository};

/// A running provider; it ends when dropped.
pub(crate) struct Provider {
    process: Child,
    /// `http://localhost:PORT`
    pub(crate) issuer: String,
    pub(crate) address: SocketAddr,
}

impl Provider {
    /// Starts one on a free port.
    pub(crate) fn start() -> Self {
        let python = python();
        let mut process = Command::new(&python)
            .arg(repository().join("integration/tests/auth_remote/provider.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("can't run {}: {error}", python.display()));
        let output = process.stdout.take().expect("it is piped");
        let mut issuer = String::new();
        BufReader::new(output)
            .read_line(&mut issuer)
            .expect("the script prints its issuer");
        let issuer = issuer.trim().to_owned();
        let port = issuer.rsplit(':').next().and_then(|port| port.parse().ok());
        let port: u16 = port.unwrap_or_else(|| panic!("no provider but {issuer:?}"));
        Self {
            process,
            issuer,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
        }
    }

    /// Signs in as somebody, as a client with this name would let them, and says `Bearer` and their ID token.
    pub(crate) fn sign_in(&self, sub: &str, client: &str) -> String {
        let redirect = "http://client.test/back";
        let form = |body: String, path: &str| {
            Request::new(self.address, "POST", path)
                .header("host", self.host())
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body)
                .send()
        };
        let path = format!(
            "/oauth2/authorize?client_id={client}&redirect_uri={redirect}&response_type=code&scope=openid"
        );
        let answer = form(format!("sub={sub}"), &path);
        let location = answer.header("location").concat();
        let code = location
            .split(['?', '&'])
            .find_map(|part| part.strip_prefix("code="));
        let code = code.unwrap_or_else(|| panic!("{} {location}", answer.text()));
        let answer = form(
            format!(
                "grant_type=authorization_code&code={code}&redirect_uri={redirect}&client_id={client}&client_secret=any"
            ),
            "/oauth2/token",
        );
        let token = answer.json()["id_token"].as_str().map(str::to_owned);
        format!(
            "Bearer {}",
            token.unwrap_or_else(|| panic!("{}", answer.text()))
        )
    }

    /// Gives it another key.
    pub(crate) fn rotate(&self) {
        let rotate = Request::new(self.address, "POST", "/rotate");
        assert_eq!(rotate.header("host", self.host()).send().status, 204);
    }

    fn host(&self) -> &str {
        self.issuer.trim_start_matches("http://")
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
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
