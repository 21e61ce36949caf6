//! The connection, as the command line gives it.

use super::hello;
use crate::terminal::Failure;
use clap::Args;
use std::net::{IpAddr, Ipv4Addr};

/// The connection.
#[derive(Debug, Args)]
pub(super) struct AskedConnection {
    /// A connection in place of a request: from=ADDRESS port=PORT tls=VERSION sni=NAME alpn=NAME,NAME speaks=PROTOCOL …
    #[arg(long, value_name = "CONNECTION", conflicts_with_all = ["request", "method", "path", "host", "headers", "body", "expressions"])]
    connection: Option<String>,

    /// The list of a feed of connection-guard, as it would be fetched; may be given several times
    #[arg(long = "feed", value_name = "NAME=FILE", requires = "connection")]
    feeds: Vec<String>,
}

/// A connection, read.
#[derive(Debug, Clone, Default)]
pub(super) struct Connection {
    pub(super) from: Option<IpAddr>,
    pub(super) port: Option<u16>,
    pub(super) says: Says,
    pub(super) tls: Option<Tls>,
    pub(super) certificate: Certificate,
    /// Whether Envoy ends TLS, where that is said.
    pub(super) is_ended: Option<bool>,
    /// By name, as text.
    pub(super) feeds: Vec<(String, String)>,
}

/// What the client says after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Says {
    /// That was not said.
    #[default]
    Unsaid,
    /// It stays silent.
    Nothing,
    /// It waits for its server, which says this.
    AfterServer(&'static [u8]),
    /// This.
    First(&'static [u8]),
}

/// A ClientHello.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Tls {
    /// `TLSv1.3`, and its number.
    pub(super) version: Option<(&'static str, u16)>,
    pub(super) sni: Option<String>,
    pub(super) alpn: Vec<String>,
}

/// The client's certificate, where Envoy ends TLS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Certificate {
    pub(super) uri_san: Option<String>,
    pub(super) dns_san: Option<String>,
    pub(super) sha256: Option<String>,
}

/// The words that a connection is told in.
const WORDS: &[&str] = &[
    "from", "port", "tls", "sni", "alpn", "speaks", "ends_tls", "uri_san", "dns_san", "sha256",
];

const VERSIONS: &[(&str, u16)] = &[
    ("SSLv3", 0x300),
    ("TLSv1", 0x301),
    ("TLSv1.1", 0x302),
    ("TLSv1.2", 0x303),
    ("TLSv1.3", 0x304),
];

/// What is said first in each protocol, by those who speak it.
const PROTOCOLS: &[(&str, Says)] = &[
    ("http1", Says::First(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")),
    ("http2", Says::First(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")),
    ("ssh", Says::First(b"SSH-2.0-OpenSSH_9.6\r\n")),
    ("postgresql", Says::First(b"\0\0\0\x17\0\x03\0\0user\0postgres\0\0")),
    ("redis", Says::First(b"*1\r\n$4\r\nPING\r\n")),
    ("mqtt", Says::First(b"\x10\x0e\0\x04MQTT\x04\x02\0\x3c\0\x02id")),
    ("amqp", Says::First(b"AMQP\0\0\x09\x01")),
    ("mysql", Says::AfterServer(b"\x4a\0\0\0\x0a8.0.36\0\x08\0\0\0abcdefgh\0\xff\xff\xff\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0abcdefghijkl\0caching_sha2_password\0")),
    ("unknown", Says::First(b"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8")),
    ("nothing", Says::Nothing),
    ("tls", Says::Unsaid),
];

impl AskedConnection {
    /// Nothing where a request is asked about.
    pub(super) fn read(&self) -> Result<Option<Connection>, Failure> {
        let Some(text) = &self.connection else {
            return Ok(None);
        };
        let told = |message: String| Failure::Told(format!("--connection: {message}"));
        let mut connection = Connection::default();
        for word in text.split_whitespace() {
            let Some((name, value)) = word.split_once('=') else {
                return Err(told(format!("{word:?} is not NAME=VALUE")));
            };
            connection.take(name, value).map_err(told)?;
        }
        for feed in &self.feeds {
            let Some((name, file)) = feed.split_once('=') else {
                return Err(Failure::Told(format!(
                    "--feed wants NAME=FILE, not {feed:?}"
                )));
            };
            let list = std::fs::read_to_string(file)
                .map_err(|error| Failure::Told(format!("{file}: it cannot be read: {error}")))?;
            connection.feeds.push((name.to_owned(), list));
        }
        Ok(Some(connection))
    }
}

impl Connection {
    fn take(&mut self, name: &str, value: &str) -> Result<(), String> {
        fn tls(connection: &mut Connection) -> &mut Tls {
            connection.tls.get_or_insert_default()
        }
        let text = Some(value.to_owned());
        match name {
            "from" => {
                let address = value.parse();
                self.from = Some(address.map_err(|_| format!("{value:?} is not an IP address"))?);
            }
            "port" => {
                let port = value.parse();
                self.port = Some(port.map_err(|_| format!("{value:?} is not a port"))?);
            }
            "tls" => {
                let number = value.strip_prefix("TLSv").unwrap_or(value);
                let is_it = |(version, _): &&(&str, u16)| {
                    *version == value
                        || version.strip_prefix("TLSv") == Some(number.trim_end_matches(".0"))
                };
                let version = VERSIONS.iter().find(is_it);
                let known = "SSLv3, 1.0, 1.1, 1.2 and 1.3";
                let unknown = || format!("no version {value:?} of TLS; there are {known}");
                tls(self).version = Some(*version.ok_or_else(unknown)?);
            }
            "sni" => tls(self).sni = text,
            "alpn" => tls(self).alpn = value.split(',').map(str::to_owned).collect(),
            "speaks" => {
                let known = || PROTOCOLS.iter().map(|(name, _)| *name);
                let Some((name, says)) = PROTOCOLS.iter().find(|(name, _)| *name == value) else {
                    return Err(unknown("protocol", value, known()));
                };
                match *name {
                    "tls" => drop(tls(self)),
                    _ => self.says = *says,
                }
            }
            "ends_tls" => {
                self.is_ended = Some(match value {
                    "envoy" => true,
                    "upstream" => false,
                    _ => return Err(unknown("end of TLS", value, ["envoy", "upstream"])),
                });
            }
            "uri_san" | "dns_san" | "sha256" => {
                tls(self);
                let certificate = &mut self.certificate;
                match name {
                    "uri_san" => certificate.uri_san = text,
                    "dns_san" => certificate.dns_san = text,
                    _ => certificate.sha256 = text,
                }
            }
            _ => return Err(unknown("word", name, WORDS.iter().copied())),
        }
        Ok(())
    }

    /// Where it comes from.
    pub(super) fn source(&self) -> IpAddr {
        self.from.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    /// What Envoy says of it, by attribute, where it ends TLS.
    pub(super) fn attributes(&self) -> Vec<(&'static str, String)> {
        let Some(tls) = &self.tls else {
            return Vec::new();
        };
        let version = tls.version.map_or("TLSv1.3", |(version, _)| version);
        let certificate = &self.certificate;
        let all = [
            ("connection.tls_version", Some(version.to_owned())),
            ("connection.requested_server_name", tls.sni.clone()),
            (
                "connection.uri_san_peer_certificate",
                certificate.uri_san.clone(),
            ),
            (
                "connection.dns_san_peer_certificate",
                certificate.dns_san.clone(),
            ),
            (
                "connection.sha256_peer_certificate_digest",
                certificate.sha256.clone(),
            ),
        ];
        let known = all.into_iter();
        known
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }

    /// What the client says, and its server before it; nothing where that was not said.
    pub(super) fn first_bytes(&self, is_ended: bool) -> Option<FirstBytes> {
        match (&self.tls, self.says, is_ended) {
            // What is inside TLS is seen by nobody where it is passed on.
            (Some(tls), _, false) => Some(FirstBytes::Client(hello::bytes(tls))),
            (_, Says::First(bytes), _) => Some(FirstBytes::Client(bytes.to_vec())),
            (_, Says::AfterServer(bytes), _) => Some(FirstBytes::Server(bytes.to_vec())),
            (_, Says::Nothing, _) => Some(FirstBytes::None),
            // That there is TLS says enough where nobody asks what is in it.
            (Some(_), Says::Unsaid, true) => Some(FirstBytes::Client(vec![0xff; 16])),
            (None, Says::Unsaid, _) => None,
        }
    }
}

/// Who says what first.
pub(super) enum FirstBytes {
    Client(Vec<u8>),
    Server(Vec<u8>),
    None,
}

fn unknown<'n>(what: &str, given: &str, known: impl IntoIterator<Item = &'n str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let hint = match gatehouse_config::nearest(given, known.iter().copied()) {
        Some(meant) => format!("did you mean {meant:?}?"),
        None => format!("there are {}", known.join(", ")),
    };
    format!("no {what} {given:?}; {hint}")
}
