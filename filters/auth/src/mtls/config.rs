//! The provider's configuration.

use super::uri::UriPattern;
use super::{Counts, Mark, MtlsConfig, Source, XFCC};
use crate::api_key::Label;
use crate::credential::Location;
use gatehouse_config::{
    Cidr, Context, Decode, Entries, HeaderName, NonEmpty, Value, keywords, object, one_of,
};
use gatehouse_host::Consumer;
use std::collections::HashMap;

object! {
    struct Raw {
        consumers: NonEmpty<Holder>,
        from: Origin = Origin::Connection,
    }
}

one_of! {
    enum Origin {
        Connection = "connection",
        Xfcc(RawXfcc) = "xfcc",
    }
}

object! {
    struct RawXfcc {
        trusted_peers: NonEmpty<Cidr>,
        element: Which = Which::Only,
    }
}

keywords! {
    enum Which {
        Only = "only",
        First = "first",
        Last = "last",
    }
}

object! {
    struct RawHolder {
        name: Label,
        uri_san: Option<UriPattern>,
        dns_san: Option<DnsName>,
        subject: Option<Subject>,
        sha256: Option<Fingerprint>,
        groups: Vec<Label> = Vec::new(),
        scopes: Vec<Label> = Vec::new(),
        metadata: Entries<String, String> = Entries::default(),
    }
}

/// A consumer, and by what its certificate is known.
struct Holder {
    consumer: Consumer,
    mark: Mark,
}

impl Mark {
    /// Where it stands in the configuration.
    fn field(&self) -> &'static str {
        match self {
            Self::Uri(_) => "uri_san",
            Self::Dns(_) => "dns_san",
            Self::Subject(_) => "subject",
            Self::Sha256(_) => "sha256",
        }
    }
}

impl Decode for Holder {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        const KNOWN: &str = "uri_san, dns_san, subject, sha256";
        let before = context.problem_count();
        let raw = RawHolder::decode(value, context)?;
        // A mark with a wrong name is there all the same.
        if context.problem_count() > before {
            return None;
        }
        let marks = [
            raw.uri_san.map(Mark::Uri),
            raw.dns_san.map(|name| Mark::Dns(name.0)),
            raw.subject.map(|subject| Mark::Subject(subject.0)),
            raw.sha256.map(|digest| Mark::Sha256(digest.0)),
        ];
        let mut marks: Vec<Mark> = marks.into_iter().flatten().collect();
        if marks.len() > 1 {
            let fields: Vec<&str> = marks.iter().map(Mark::field).collect();
            return context.problem(format!(
                "{} at once, but only one of {KNOWN} can stand here",
                fields.join(" and ")
            ));
        }
        let Some(mark) = marks.pop() else {
            return context.problem(format!("needs one of {KNOWN}"));
        };
        let texts = |labels: Vec<Label>| labels.into_iter().map(|label| label.0).collect();
        let metadata = raw.metadata.0.into_iter();
        Some(Self {
            consumer: Consumer {
                name: raw.name.0,
                groups: texts(raw.groups),
                scopes: texts(raw.scopes),
                metadata: metadata.map(|(key, value)| (key, value.into())).collect(),
                ..Consumer::default()
            },
            mark,
        })
    }

    gatehouse_config::described!(|schemas| gatehouse_config::schema::exactly_one(
        schemas.of::<RawHolder>(),
        &["uri_san", "dns_san", "subject", "sha256"]
    ));
}

impl Decode for MtlsConfig {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let raw = Raw::decode(value, context)?;
        let before = context.problem_count();
        let holders = raw.consumers.0;
        context.at_key("consumers", |context| {
            let mut known = HashMap::new();
            for (index, holder) in holders.iter().enumerate() {
                if let Some(first) = known.insert(&holder.mark, index) {
                    context.at_index(index, |context| {
                        context.at_key(holder.mark.field(), |context| {
                            context.problem::<()>(format!("consumers[{first}] has the same"))
                        })
                    });
                }
            }
        });
        if context.problem_count() > before {
            return None;
        }
        let (source, from) = match raw.from {
            Origin::Connection => (Source::Connection, Vec::new()),
            Origin::Xfcc(xfcc) => {
                let source = Source::Xfcc {
                    trusted: xfcc.trusted_peers.0,
                    counts: match xfcc.element {
                        Which::Only => Counts::Only,
                        Which::First => Counts::First,
                        Which::Last => Counts::Last,
                    },
                };
                let header = Location::Header {
                    name: HeaderName::new(XFCC)?,
                    prefix: None,
                };
                (source, vec![header])
            }
        };
        let holders = holders.into_iter();
        Some(Self {
            source,
            from,
            holders: holders
                .map(|holder| (holder.consumer, holder.mark))
                .collect(),
        })
    }

    gatehouse_config::described!(as Raw);
}

struct DnsName(Box<str>);

impl Decode for DnsName {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        if text.contains('*') {
            return context.problem_hint(
                format!("{text:?} is a pattern, but names are compared as they are"),
                "name each host, or use uri_san, which can end in \"/*\"",
            );
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if text.is_empty() || !text.bytes().all(plain) {
            return context.problem(format!("{text:?} is not a host's name"));
        }
        Some(Self(text.to_ascii_lowercase().into()))
    }

    gatehouse_config::described!(text "^[A-Za-z0-9._-]+$");
}

/// A subject as RFC 2253 writes it.
struct Subject(Box<str>);

impl Decode for Subject {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        // Blanks that belong to a value are escaped at its ends, and elsewhere do not follow a comma.
        let spaced = text.replace("\\, ", "").contains(", ");
        let control = text.chars().any(char::is_control);
        if !text.contains('=') || text.starts_with('/') || spaced || control {
            return context.problem_hint(
                format!("{text:?} is not a subject as Envoy writes it"),
                "as RFC 2253 does, such as \"CN=legacy,O=Example\": openssl x509 -noout -subject -nameopt RFC2253",
            );
        }
        Some(Self(text.into()))
    }

    gatehouse_config::described!(text "^[^/].*=|^=");
}

/// Also with colons between the bytes, as OpenSSL prints it.
struct Fingerprint([u8; 32]);

impl Decode for Fingerprint {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let text = String::decode(value, context)?;
        let digits = match text.len() {
            95 => text.replace(':', ""),
            _ => text,
        };
        match gatehouse_xfcc::digest(&digits) {
            Some(digest) => Some(Self(digest)),
            None => context.problem_hint(
                "not a SHA-256 digest",
                "64 hexadecimal digits: openssl x509 -noout -fingerprint -sha256",
            ),
        }
    }

    gatehouse_config::described!(text "^([0-9A-Fa-f]{64}|([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2})$");
}
