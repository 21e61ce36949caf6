//! Which connections a rule is about.

use gatehouse_config::{
    Cidr, Context, Decode, Identifier, NonEmpty, Sha256Digest, Value, keywords, object,
};
use gatehouse_first_bytes::TlsVersion;

keywords! {
    /// What is spoken.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Protocol {
        /// A ClientHello.
        Tls = "tls",
        /// A request line of HTTP/1.
        Http1 = "http1",
        /// The preface of HTTP/2.
        Http2 = "http2",
        /// SSH.
        Ssh = "ssh",
        /// PostgreSQL.
        Postgresql = "postgresql",
        /// MySQL, by what the server says.
        Mysql = "mysql",
        /// Redis.
        Redis = "redis",
        /// MQTT.
        Mqtt = "mqtt",
        /// AMQP.
        Amqp = "amqp",
        /// Nothing of these.
        Unknown = "unknown",
    }
}

impl Protocol {
    /// All of them, with their names in metrics.
    pub(crate) const ALL: [(Self, &str); 10] = [
        (Self::Tls, "tls"),
        (Self::Http1, "http1"),
        (Self::Http2, "http2"),
        (Self::Ssh, "ssh"),
        (Self::Postgresql, "postgresql"),
        (Self::Mysql, "mysql"),
        (Self::Redis, "redis"),
        (Self::Mqtt, "mqtt"),
        (Self::Amqp, "amqp"),
        (Self::Unknown, "unknown"),
    ];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        let mut all = Self::ALL.iter();
        all.find(|(protocol, _)| *protocol == self)
            .map_or("unknown", |(_, name)| name)
    }
}

/// Where a connection comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A range of addresses.
    Range(Cidr),
    /// A list that somebody publishes.
    Feed {
        /// As the rule has it.
        name: Identifier,
        /// Its place among the feeds.
        place: usize,
    },
}

object! {
    struct RawFeed {
        feed: Identifier,
    }
}

impl Decode for Source {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        match value {
            Value::Object(_) => {
                let RawFeed { feed } = RawFeed::decode(value, context)?;
                Some(Self::Feed {
                    name: feed,
                    place: 0,
                })
            }
            _ => Cidr::decode(value, context).map(Self::Range),
        }
    }

    gatehouse_config::described!(|schemas| gatehouse_config::schema::any_of([
        schemas.of::<Cidr>(),
        schemas.of::<RawFeed>(),
    ]));
}

/// Ports, from one to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ports(u16, u16);

impl Ports {
    pub(crate) fn has(self, port: u16) -> bool {
        (self.0..=self.1).contains(&port)
    }
}

impl Decode for Ports {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let range = match value {
            Value::String(text) => text.split_once('-').and_then(|(from, to)| {
                let (from, to) = (from.parse::<u16>().ok()?, to.parse::<u16>().ok()?);
                (0 < from && from <= to).then_some(Self(from, to))
            }),
            Value::Number(_) => {
                let port = u16::decode(value, context)?;
                (port > 0).then_some(Self(port, port))
            }
            _ => None,
        };
        range.or_else(|| {
            context.problem("not a port, which is 1 to 65535, or a range such as \"8000-8099\"")
        })
    }

    gatehouse_config::described!(|_schemas| gatehouse_config::schema::any_of([
        gatehouse_config::schema::whole_number(1, 65_535),
        gatehouse_config::schema::text(r"^\+?[0-9]+-\+?[0-9]+$"),
    ]));
}

/// A text, or how it begins or ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    Exact(Box<[u8]>),
    /// Something before it.
    Ends(Box<[u8]>),
    /// It, and whatever after it.
    Begins(Box<[u8]>),
}

impl Name {
    pub(crate) fn is(&self, text: &[u8]) -> bool {
        match self {
            Self::Exact(name) => text == &**name,
            Self::Ends(end) => text.len() > end.len() && text.ends_with(end),
            Self::Begins(start) => text.starts_with(start),
        }
    }
}

/// A host name, in lower case: `example.com`, or `*.example.com` for all below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostName(pub(crate) Name);

impl Decode for HostName {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        let lower = text.to_ascii_lowercase();
        let (is_below, name) = match lower.strip_prefix('*') {
            Some(end) => (true, end),
            None => (false, &*lower),
        };
        let labels = if is_below {
            name.strip_prefix('.')
        } else {
            Some(name)
        };
        let in_label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let sound = labels.is_some_and(|labels| {
            labels
                .split('.')
                .all(|label| !label.is_empty() && label.bytes().all(in_label))
        });
        if !sound {
            return context.problem_hint(
                format!("{text:?} is not a host name"),
                "write \"example.com\", or \"*.example.com\" for all below it",
            );
        }
        Some(Self(match is_below {
            true => Name::Ends(name.as_bytes().into()),
            false => Name::Exact(name.as_bytes().into()),
        }))
    }

    gatehouse_config::described!(text r"^(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$");
}

/// A text, or, with `*` at its end, how it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) Name);

impl Decode for Text {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        let (is_start, name) = match text.strip_suffix('*') {
            Some(start) => (true, start),
            None => (false, &*text),
        };
        if name.is_empty() || name.contains('*') {
            return context.problem_hint(
                format!("{text:?} is neither a text nor the beginning of one"),
                "a \"*\" may only stand at the end, after something",
            );
        }
        let name = name.as_bytes().into();
        Some(Self(match is_start {
            true => Name::Begins(name),
            false => Name::Exact(name),
        }))
    }

    gatehouse_config::described!(text r"^[^*]+\*?$");
}

/// A version of TLS by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version(TlsVersion);

impl Decode for Version {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        let found = TlsVersion::ALL.iter().find(|(name, _)| *name == text);
        match found {
            Some((_, version)) => Some(Self(*version)),
            None => {
                let names = TlsVersion::ALL.iter().map(|(name, _)| *name);
                context.unknown(format!("unknown version {text:?}"), &text, names)
            }
        }
    }

    gatehouse_config::described!(|_schemas| {
        let names = TlsVersion::ALL.map(|(name, _)| name);
        gatehouse_config::schema::value!({"enum": names})
    });
}

object! {
    struct RawVersions {
        at_least: Option<Version>,
        at_most: Option<Version>,
    }
}

/// Versions of TLS, from one to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Versions {
    at_least: TlsVersion,
    at_most: TlsVersion,
}

impl Versions {
    pub(crate) fn has(self, version: TlsVersion) -> bool {
        (self.at_least..=self.at_most).contains(&version)
    }
}

impl Decode for Versions {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let RawVersions { at_least, at_most } = RawVersions::decode(value, context)?;
        if at_least.is_none() && at_most.is_none() {
            return context.problem("needs at_least, at_most or both");
        }
        let versions = Self {
            at_least: at_least.map_or(TlsVersion(0), |version| version.0),
            at_most: at_most.map_or(TlsVersion(u16::MAX), |version| version.0),
        };
        if versions.at_least > versions.at_most {
            return context.problem("no version is both");
        }
        Some(versions)
    }

    gatehouse_config::described!(|schemas| gatehouse_config::schema::not_empty(
        schemas.of::<RawVersions>()
    ));
}

object! {
    struct RawCertificate {
        uri_san: Option<NonEmpty<Text>>,
        dns_san: Option<NonEmpty<HostName>>,
        sha256: Option<NonEmpty<Sha256Digest>>,
    }
}

/// The client's certificate: any that is presented, or one with any of the names or digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CertificateMatch {
    pub(crate) uri_san: Option<Vec<Name>>,
    pub(crate) dns_san: Option<Vec<Name>>,
    pub(crate) sha256: Option<Vec<[u8; 32]>>,
}

impl Decode for CertificateMatch {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let raw = RawCertificate::decode(value, context)?;
        if raw.uri_san.is_none() && raw.dns_san.is_none() && raw.sha256.is_none() {
            return context.problem("needs uri_san, dns_san or sha256");
        }
        let digests = |NonEmpty(digests): NonEmpty<Sha256Digest>| {
            digests.iter().map(|digest| *digest.bytes()).collect()
        };
        Some(Self {
            uri_san: raw
                .uri_san
                .map(|NonEmpty(names)| names.into_iter().map(|Text(name)| name).collect()),
            dns_san: raw
                .dns_san
                .map(|NonEmpty(names)| names.into_iter().map(|HostName(name)| name).collect()),
            sha256: raw.sha256.map(digests),
        })
    }

    gatehouse_config::described!(|schemas| gatehouse_config::schema::not_empty(
        schemas.of::<RawCertificate>()
    ));
}

object! {
    struct Raw {
        source: Option<NonEmpty<Source>>,
        destination_port: Option<NonEmpty<Ports>>,
        sni: Option<NonEmpty<HostName>>,
        alpn: Option<NonEmpty<Text>>,
        tls_version: Option<Versions>,
        certificate: Option<CertificateMatch>,
        protocol: Option<NonEmpty<Protocol>>,
    }
}

/// All that is said must hold; of a list, one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Match {
    pub(crate) source: Option<Vec<Source>>,
    pub(crate) destination_port: Option<Vec<Ports>>,
    pub(crate) sni: Option<Vec<Name>>,
    pub(crate) alpn: Option<Vec<Name>>,
    pub(crate) tls_version: Option<Versions>,
    pub(crate) certificate: Option<CertificateMatch>,
    pub(crate) protocol: Option<Vec<Protocol>>,
}

impl Decode for Match {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let raw = Raw::decode(value, context)?;
        let list = |NonEmpty(sources): NonEmpty<Source>| sources;
        Some(Self {
            source: raw.source.map(list),
            destination_port: raw.destination_port.map(|NonEmpty(ports)| ports),
            sni: raw
                .sni
                .map(|NonEmpty(names)| names.into_iter().map(|HostName(name)| name).collect()),
            alpn: raw
                .alpn
                .map(|NonEmpty(names)| names.into_iter().map(|Text(name)| name).collect()),
            tls_version: raw.tls_version,
            certificate: raw.certificate,
            protocol: raw.protocol.map(|NonEmpty(protocols)| protocols),
        })
    }

    gatehouse_config::described!(as Raw);
}

impl Match {
    /// Whether it says nothing.
    pub(crate) fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it asks for what is not known of a new connection.
    pub(crate) fn needs_data(&self) -> bool {
        self.needs_tls() || self.certificate.is_some() || self.protocol.is_some()
    }

    /// Whether it asks for what a ClientHello says, or Envoy where it ends TLS.
    pub(crate) fn needs_tls(&self) -> bool {
        self.sni.is_some() || self.alpn.is_some() || self.tls_version.is_some()
    }
}
