//! The filter as a whole, on a host that does what a test tells it.

mod authorize;
mod basic;
mod changes;
mod documents;
mod ext_authz;
mod failures;
mod hmac;
mod introspection;
mod keys;
mod minted;
mod mistakes;
mod mtls;
mod paths;
mod remote;
mod rules;
mod tokens;
mod turns;
mod waiting;

use crate::{Config, Filter, Memo};
use gatehouse_host::{Exchange, HttpFilter as _, LocalReply, Request, Result, Verdict};
use gatehouse_host_fake::FakeHost;
use std::collections::BTreeMap;

/// Keys that `sha256sum` was asked about, and one that expires.
const PARTNERS: &str = "
partners:
  api_key:
    from: [{header: x-api-key}, {query: api_key}, {cookie: api_key}]
    consumers:
    # printf %s acme-key-1 | sha256sum
    - {name: acme, key_sha256: 904fc520be4ca9db80d0ffcc6bf7e01b4148e33d45bb6b422ad2e607815fb508, groups: [gold], scopes: [read], metadata: {plan: gold}}
    - {name: dev, key: '${env:DEV_KEY}'}
    - {name: early, key: '${env:EARLY_KEY}', not_before: 2026-01-01T00:01:00Z}
    - {name: late, key: '${env:LATE_KEY}', expires_at: 2026-01-01T00:00:00Z}
    - {name: window, key: '${env:WINDOW_KEY}', not_before: 2026-01-01T00:00:00Z, expires_at: 2026-01-01T00:01:00Z}
";

fn environment(name: &str) -> Option<String> {
    match name {
        "HS_SECRET" => Some(include_str!("../testdata/hs_secret.txt").trim().to_owned()),
        "WEAK_SECRET" => Some("c2hvcnQ".to_owned()),
        // printf %s secret | openssl sha1 -binary | base64
        "ANN_HASH" => Some("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=".to_owned()),
        "HTPASSWD" => Some("# staff\nann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n".to_owned()),
        "EMPTY" => Some(String::new()),
        "LONG_KEY" => Some("k".repeat(20_000)),
        name => Some(name.strip_suffix("_KEY")?.to_lowercase() + "-key-1"),
    }
}

fn value(yaml: &str) -> gatehouse_config::Value {
    serde_yaml_ng::from_str(yaml).unwrap_or_else(|error| panic!("{error} in:\n{yaml}"))
}

fn load(yaml: &str) -> std::result::Result<Config, String> {
    gatehouse_config::load_value(&value(yaml), &environment)
        .map_err(|problems| problems.to_string())
}

/// The provider `sso`, with the keys of `testdata/`.
fn sso(options: &str) -> String {
    let jwks = include_str!("../testdata/jwks.json").replace('\n', " ");
    format!(
        "
sso:
  jwt:
    issuer: https://issuer.example
    audiences: [api]
    jwks: {{inline: {jwks}}}
    {options}
"
    )
}

fn token(name: &str) -> String {
    let tokens: BTreeMap<String, String> =
        serde_json::from_str(include_str!("../testdata/tokens.json")).unwrap();
    tokens
        .get(name)
        .unwrap_or_else(|| panic!("no token {name}"))
        .clone()
}

/// A request, from its headers to the end of its wait.
#[derive(Default)]
struct Stream {
    exchange: Exchange,
    memo: Memo,
}

/// A configured filter and its host.
struct Gate {
    filter: Filter,
    host: FakeHost,
}

impl Gate {
    /// Providers and the rest of a configuration.
    fn new(providers: &str, rest: &str) -> Self {
        let providers = providers.replace('\n', "\n  ");
        let yaml = format!("providers:\n  {providers}\n{rest}");
        let config = load(&yaml).unwrap_or_else(|problems| panic!("{problems} in:\n{yaml}"));
        let host = FakeHost::default();
        let filter = Filter::new(config, &host).unwrap();
        Self { filter, host }
    }

    /// Sends a GET, to `gatehouse.test` unless the headers say otherwise.
    fn try_send(&self, path: &str, headers: &[(&str, &[u8])]) -> Result<Verdict> {
        let own = [
            (":method", &b"GET"[..]),
            (":path", path.as_bytes()),
            (":authority", b"gatehouse.test"),
        ];
        let own = own
            .into_iter()
            .filter(|(name, _)| headers.iter().all(|(other, _)| other != name));
        self.host.begin(own.chain(headers.iter().copied()));
        self.ask(&mut Stream::default())
    }

    /// Asks about a request anew, as when it is woken. What its headers are, the host knows.
    fn ask(&self, stream: &mut Stream) -> Result<Verdict> {
        let mut request = Request::new(&self.host, &mut stream.exchange);
        let verdict = self.filter.request(&mut request, &mut stream.memo);
        if let Ok(Verdict::Wait { .. } | Verdict::WaitForBody { .. }) = verdict {
            let foresee = |request: &mut Request<'_>| self.filter.foresee(request);
            stream.exchange.foresee(&self.host, foresee);
        }
        stream.exchange.begin_waiting();
        verdict
    }

    fn send(&self, path: &str, headers: &[(&str, &[u8])]) -> Verdict {
        self.try_send(path, headers).unwrap()
    }

    /// `consumer`, `anonymous`, or the reason of the denial.
    fn outcome(&self, path: &str, headers: &[(&str, &[u8])]) -> String {
        self.named(self.send(path, headers))
    }

    /// The same for the request that the host has.
    fn outcome_of_current(&self) -> String {
        self.named(self.ask(&mut Stream::default()).unwrap())
    }

    fn named(&self, verdict: Verdict) -> String {
        match verdict {
            Verdict::Deny(reply) => reason(&reply),
            Verdict::Continue => self.consumer().unwrap_or_else(|| "anonymous".to_owned()),
            Verdict::Wait { .. } => "waits".to_owned(),
            Verdict::WaitForBody { .. } => "waits for its body".to_owned(),
        }
    }

    fn bearer(&self, token: &str) -> String {
        let value = format!("Bearer {token}");
        self.outcome("/", &[("authorization", value.as_bytes())])
    }

    fn consumer(&self) -> Option<String> {
        let name = self.host.property_value("gatehouse.consumer")?;
        Some(String::from_utf8(name).unwrap())
    }

    /// What the upstream sees, without what every request has.
    fn upstream(&self) -> Vec<(String, String)> {
        let mut headers = self.host.request_headers();
        headers.retain(|(name, _)| !matches!(name.as_str(), ":method" | ":authority"));
        headers
    }
}

fn reason(reply: &LocalReply) -> String {
    let reason = reply.details.strip_prefix("gatehouse.auth.");
    reason.expect("the details are this filter's").to_owned()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |text: &str| text.to_owned();
    pairs
        .iter()
        .map(|(name, value)| (own(name), own(value)))
        .collect()
}
