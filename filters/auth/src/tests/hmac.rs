//! Signed requests through the whole filter.

mod bodies;
mod messages;
mod mistakes;
mod replays;
mod webhooks;

use super::*;
use ::hmac::{Hmac, Mac as _};
use gatehouse_host::{Body, StreamId, Timestamp};
use gatehouse_host_fake::Shared;
use sha2::Sha256;
use std::time::Duration;

/// RFC 9421, appendix B.1.
const ED25519: &str = "-----BEGIN PUBLIC KEY-----\\nMCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\\n-----END PUBLIC KEY-----\\n";
const P256: &str = "-----BEGIN PUBLIC KEY-----\\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf\\nw0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==\\n-----END PUBLIC KEY-----\\n";

/// The time at which a test's requests are signed.
const NOW: u64 = 1_795_132_800;

/// The secret of the HMACs of these tests.
const SECRET: &str = "a secret of at least thirty-two bytes";

fn environment(name: &str) -> Option<String> {
    Some(
        match name {
            "SECRET" => SECRET,
            "OTHER" => "another secret of thirty-two bytes!!",
            "SHORT" => "short",
            // RFC 9421, B.1.5.
            "RFC" => {
                "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="
            }
            "GITHUB" => "It's a Secret to Everybody",
            "STRIPE" => "whsec_test_secret",
            "STANDARD" => "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "ROLLED" => "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            _ => return None,
        }
        .to_owned(),
    )
}

/// A gate with the provider `webhooks` of these options, on workers over this shared data.
fn worker(shared: &Shared, options: &str, rest: &str) -> Gate {
    let options = options.trim_matches('\n').replace('\n', "\n      ");
    let yaml = format!(
        "providers:\n  webhooks:\n    hmac:\n      {options}\nrules: [{{require: webhooks}}]\n{rest}"
    );
    let config: Config = gatehouse_config::load_value(&value(&yaml), &environment)
        .unwrap_or_else(|problems| panic!("{problems} in:\n{yaml}"));
    let host = FakeHost::new(shared.clone());
    host.set_now(at(NOW));
    let filter = Filter::new(config, &host).unwrap();
    Gate { filter, host }
}

fn gate(options: &str) -> Gate {
    worker(&Shared::default(), options, "")
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

/// A request that is sent to a gate.
#[derive(Clone)]
struct Sent {
    headers: Vec<(String, Vec<u8>)>,
    body: Option<Vec<u8>>,
}

impl Sent {
    fn new(method: &str, path: &str) -> Self {
        let sent = Self {
            headers: Vec::new(),
            body: None,
        };
        sent.with(":method", method)
            .with(":scheme", "https")
            .with(":authority", "example.com")
            .with(":path", path)
    }

    fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// With another value in place of those a header has.
    fn set(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self.with(name, value)
    }

    fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = Some(body.as_ref().to_vec());
        self
    }

    /// Signed as RFC 9421 has it, with [`SECRET`]. What is covered are names; `params` begin with `;`.
    fn signed(self, covered: &[&str], params: &str) -> Self {
        self.signed_by(SECRET, covered, params)
    }

    fn signed_by(self, secret: &str, covered: &[&str], params: &str) -> Self {
        let names: Vec<String> = covered.iter().map(|name| format!("\"{name}\"")).collect();
        let input = format!("({}){params}", names.join(" "));
        let mut base = String::new();
        for name in covered {
            base.push_str(&format!("\"{name}\": {}\n", self.component(name)));
        }
        base.push_str(&format!("\"@signature-params\": {input}"));
        self.with("signature-input", format!("sig1={input}")).with(
            "signature",
            format!("sig1=:{}:", base64(&mac(secret, base.as_bytes()))),
        )
    }

    fn component(&self, name: &str) -> String {
        let header = |name: &str| {
            let all = self.headers.iter().filter(|(other, _)| other == name);
            let all: Vec<_> = all
                .map(|(_, value)| String::from_utf8_lossy(value))
                .collect();
            all.join(", ")
        };
        let path = header(":path");
        let (before, query) = path.split_once('?').unwrap_or((&path, ""));
        match name {
            "@method" => header(":method"),
            "@authority" => header(":authority"),
            "@path" => before.to_owned(),
            "@query" => format!("?{query}"),
            name => header(name),
        }
    }

    /// With the digest of its body.
    fn digested(self) -> Self {
        use sha2::Digest as _;
        let digest = Sha256::digest(self.body.as_deref().unwrap_or_default());
        self.with("content-digest", format!("sha-256=:{}:", base64(&digest)))
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64ct::Encoding as _;
    base64ct::Base64::encode_string(bytes)
}

fn mac(secret: &str, message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Gate {
    /// Sends a request, and its body if that is waited for: the consumer or the reason, after `waited: `
    /// where it waited.
    fn signed(&self, sent: &Sent) -> String {
        let headers = sent.headers.iter();
        self.host
            .begin(headers.map(|(name, value)| (name.as_str(), value.as_slice())));
        let mut stream = Stream {
            exchange: Exchange::new(StreamId(7), sent.body.is_none()),
            memo: Memo::default(),
        };
        let verdict = self.ask(&mut stream).unwrap();
        let Verdict::WaitForBody { most, .. } = verdict else {
            return self.named(verdict);
        };
        let body = sent.body.clone().unwrap_or_default();
        stream.exchange.body_is(match body.len() > most {
            true => Body::TooLong,
            false => Body::Complete(body.len()),
        });
        self.host.body_is(body);
        let verdict = self.ask(&mut stream).unwrap();
        format!("waited: {}", self.named(verdict))
    }
}

/// What a signature covers if nothing else is said, and its time.
const PLAIN: &[&str] = &["@method", "@authority", "@path", "@query"];
const FULL: &[&str] = &["@method", "@authority", "@path", "@query", "content-digest"];

fn now() -> String {
    format!(";created={NOW};keyid=\"k\"")
}

const KEYS: &str = "keys: [{id: k, consumer: acme, algorithm: hmac-sha256, secret: '${env:SECRET}', groups: [gold], scopes: [read], metadata: {plan: gold}}]";

fn rfc9421(options: &str) -> String {
    format!("scheme: rfc9421\n{KEYS}\n{options}")
}
