//! The request, as the command line gives it.

use crate::terminal::Failure;
use clap::Args;
use gatehouse_config::{Context, Decode as _, Time};
use gatehouse_testkit::Headers;
use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

/// The request.
#[derive(Debug, Args)]
pub(super) struct Asked {
    /// All in one: METHOD PATH, then host=HOST and NAME=VALUE for headers
    #[arg(long, value_name = "REQUEST")]
    request: Option<String>,

    /// The method; GET without
    #[arg(long)]
    method: Option<String>,

    /// The path, with its query; / without
    #[arg(long)]
    path: Option<String>,

    /// The host
    #[arg(long)]
    host: Option<String>,

    /// A header; may be given several times
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE")]
    headers: Vec<String>,

    /// The body
    #[arg(long, default_value = "")]
    body: String,

    /// Whose connection it comes over
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    client_ip: IpAddr,

    /// When it comes (RFC 3339); now without
    #[arg(long)]
    time: Option<String>,

    /// An attribute of Envoy's, such as xds.route_name or connection.uri_san_peer_certificate; may be given several times
    #[arg(long = "property", value_name = "NAME=VALUE")]
    properties: Vec<String>,

    /// What an expression (when) comes to, which only Envoy can evaluate; may be given several times
    #[arg(long = "when", value_name = "EXPRESSION=true|false")]
    expressions: Vec<String>,
}

/// A request, read.
#[derive(Debug)]
pub(super) struct Request {
    /// Pseudo-headers first.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) client_ip: IpAddr,
    /// Nanoseconds since the Unix epoch.
    pub(super) now: u64,
    pub(super) properties: Vec<(String, String)>,
    pub(super) expressions: Vec<(String, bool)>,
}

impl Request {
    /// Whether all that follows is its body, to Envoy.
    pub(super) fn is_upgrade(&self) -> bool {
        let mut headers = Headers::new();
        for (name, value) in &self.headers {
            headers.push(name, value);
        }
        headers.ask_for_upgrade()
    }
}

impl Asked {
    pub(super) fn read(&self) -> Result<Request, Failure> {
        let told = |message: String| Err(Failure::Told(message));
        let mut words = self
            .request
            .iter()
            .flat_map(|request| request.split_whitespace());
        let (method, path) = (words.next(), words.next());
        let mut host = None;
        let mut headers = Vec::new();
        for word in words {
            match word.split_once('=') {
                Some(("host", value)) => host = Some(value),
                Some((name, value)) => headers.push((name.to_lowercase(), value.to_owned())),
                None => {
                    return told(format!(
                        "--request: {word:?} is not NAME=VALUE; for a value with blanks, give --header"
                    ));
                }
            }
        }
        for header in &self.headers {
            let Some((name, value)) = header.split_once(':').filter(|(name, _)| !name.is_empty())
            else {
                return told(format!("--header wants \"NAME: VALUE\", not {header:?}"));
            };
            headers.push((name.trim().to_lowercase(), value.trim().to_owned()));
        }
        let path = self.path.as_deref().or(path).unwrap_or("/");
        if !path.starts_with('/') && path != "*" {
            return told(format!("a path begins with \"/\", not as {path:?}"));
        }
        let pseudo = [
            (
                ":method",
                self.method.as_deref().or(method).unwrap_or("GET"),
            ),
            (":path", path),
            (":scheme", "https"),
            (
                ":authority",
                self.host.as_deref().or(host).unwrap_or("localhost"),
            ),
        ];
        let pseudo = pseudo.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut properties = Vec::new();
        for property in &self.properties {
            match property.split_once('=') {
                Some((name, value)) => properties.push((name.to_owned(), value.to_owned())),
                None => return told(format!("--property wants NAME=VALUE, not {property:?}")),
            }
        }
        let mut expressions = Vec::new();
        for expression in &self.expressions {
            match expression.rsplit_once('=') {
                Some((text, "true")) => expressions.push((text.to_owned(), true)),
                Some((text, "false")) => expressions.push((text.to_owned(), false)),
                _ => return told("--when wants EXPRESSION=true or EXPRESSION=false".to_owned()),
            }
        }
        Ok(Request {
            headers: pseudo.into_iter().chain(headers).collect(),
            body: self.body.clone().into_bytes(),
            client_ip: self.client_ip,
            now: self.now()?,
            properties,
            expressions,
        })
    }

    fn now(&self) -> Result<u64, Failure> {
        let Some(text) = &self.time else {
            return Ok(clock());
        };
        let mut context = Context::new(&|_: &str| None);
        match Time::decode(&text.as_str().into(), &mut context) {
            Some(time) => Ok(time.as_nanos()),
            None => {
                let problems = context.into_problems();
                let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
                Err(Failure::Told(format!("--time: {}", problems.join("; "))))
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the rule is for what runs in Envoy; here the process is the host"
)]
fn clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}
