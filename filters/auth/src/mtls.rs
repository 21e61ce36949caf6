//! The provider `mtls`: the certificate that the client presented on the connection.
//!
//! 1. Where the certificate comes from:
//!    - `from: connection`: Envoy's attributes of the connection. `connection.mtls` says that a
//!      certificate was **presented**, and nothing says that it was **validated**
//!      (`source/extensions/filters/common/expr/context.cc`: `peerCertificatePresented`): the listener
//!      has to see to that. Of several alternative names of a kind, Envoy names the first.
//!    - `from: {xfcc: …}`: `x-forwarded-client-cert`, where the connection's peer is one of
//!      `trusted_peers`; any other's header is as good as none. It is read by `gatehouse-xfcc`, and which
//!      of its elements counts is configured.
//! 2. Without a certificate, the credential is missing. A header that cannot be read, or has several
//!    elements where one is expected: `certificate_malformed`.
//! 3. The first consumer in the configuration that the certificate is of. None: `certificate_unknown`.
//!
//! URIs, subjects and digests compare to the letter, DNS names without case. A URI that ends in `/*` is
//! that of any that has more segments ([`uri`]).

mod config;
mod uri;

use crate::credential::{Location, Presented};
use crate::identity::{ClaimHeader, Identity};
use crate::provider::{Kind, Opinion};
use crate::reason::Reason;
use crate::stats::ProviderStats;
use gatehouse_config::Cidr;
use gatehouse_host::{Consumer, Properties, Request, Result};
use gatehouse_xfcc::Element;
use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;
use uri::UriPattern;

/// The header that a proxy in front writes.
const XFCC: &str = "x-forwarded-client-cert";

/// A provider of this kind as it is configured.
pub(crate) struct MtlsConfig {
    source: Source,
    /// Where there is a header to take out of requests that go on.
    pub(crate) from: Vec<Location>,
    holders: Vec<(Consumer, Mark)>,
}

/// Where the certificate comes from.
enum Source {
    Connection,
    Xfcc { trusted: Vec<Cidr>, counts: Counts },
}

/// Which element of the header counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    Only,
    First,
    Last,
}

/// By what a consumer's certificate is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Mark {
    Uri(UriPattern),
    /// In lower case.
    Dns(Box<str>),
    Subject(Box<str>),
    Sha256([u8; 32]),
}

/// The certificates of one provider. Consumers by their place in the configuration.
pub(crate) struct Certificates {
    source: Source,
    identities: Vec<Rc<Identity>>,
    uris: HashMap<Box<str>, usize>,
    uris_below: Vec<(Box<str>, usize)>,
    dns: HashMap<Box<str>, usize>,
    subjects: HashMap<Box<str>, usize>,
    digests: HashMap<[u8; 32], usize>,
}

impl Certificates {
    /// The certificates of the provider of this name.
    pub(crate) fn new(config: MtlsConfig, provider: &str, headers: &[ClaimHeader]) -> Self {
        let mut certificates = Self {
            source: config.source,
            identities: Vec::with_capacity(config.holders.len()),
            uris: HashMap::new(),
            uris_below: Vec::new(),
            dns: HashMap::new(),
            subjects: HashMap::new(),
            digests: HashMap::new(),
        };
        for (mut consumer, mark) in config.holders {
            provider.clone_into(&mut consumer.provider);
            // A configured name is safe, and there are no claims: never refused.
            let Ok(identity) = Identity::new(consumer, headers) else {
                continue;
            };
            let place = certificates.identities.len();
            certificates.identities.push(Rc::new(identity));
            match mark {
                Mark::Uri(UriPattern::Exact(uri)) => {
                    certificates.uris.insert(uri, place);
                }
                Mark::Uri(UriPattern::Below(root)) => certificates.uris_below.push((root, place)),
                Mark::Dns(name) => {
                    certificates.dns.insert(name, place);
                }
                Mark::Subject(subject) => {
                    certificates.subjects.insert(subject, place);
                }
                Mark::Sha256(digest) => {
                    certificates.digests.insert(digest, place);
                }
            }
        }
        certificates
    }

    /// Whose certificate it is: of those that it could be, the first in the configuration.
    fn find(&self, element: &Element<'_>) -> Option<&Rc<Identity>> {
        let uris = element.uris.iter().flat_map(|uri| {
            let below = self.uris_below.iter();
            let below = below.filter(|(root, _)| uri::is_below(root, uri));
            let below = below.map(|(_, place)| place);
            self.uris.get(*uri).into_iter().chain(below)
        });
        let dns = element.dns.iter();
        let dns = dns.filter_map(|name| self.dns.get(&*name.to_ascii_lowercase()));
        let subject = element.subject.and_then(|name| self.subjects.get(name));
        let digest = element.hash.and_then(|digest| self.digests.get(&digest));
        let place = uris.chain(dns).chain(subject).chain(digest).min()?;
        self.identities.get(*place)
    }

    /// Asks the host for no more than the consumers are known by.
    fn of_connection(&self, host: &dyn Properties) -> Result<Opinion> {
        if host.property(&["connection", "mtls"])?.as_deref() != Some(&[1]) {
            return Ok(Opinion::Missing);
        }
        let ask = |wanted: bool, attribute: &str| match wanted {
            true => text(host, attribute),
            false => Ok(None),
        };
        let by_uri = !self.uris.is_empty() || !self.uris_below.is_empty();
        let uri = ask(by_uri, "uri_san_peer_certificate")?;
        let dns = ask(!self.dns.is_empty(), "dns_san_peer_certificate")?;
        let subject = ask(!self.subjects.is_empty(), "subject_peer_certificate")?;
        let by_digest = !self.digests.is_empty();
        let digest = ask(by_digest, "sha256_peer_certificate_digest")?;
        Ok(self.opinion(&Element {
            hash: digest.as_deref().and_then(gatehouse_xfcc::digest),
            subject: subject.as_deref(),
            uris: uri.as_deref().into_iter().collect(),
            dns: dns.as_deref().into_iter().collect(),
        }))
    }

    fn of_header(
        &self,
        trusted: &[Cidr],
        counts: Counts,
        request: &mut Request<'_>,
    ) -> Result<Opinion> {
        if !request.headers()?.contains(XFCC) {
            return Ok(Opinion::Missing);
        }
        let peer = request.peer()?;
        if !peer.is_some_and(|peer| trusted.iter().any(|range| range.contains(peer))) {
            return Ok(Opinion::Missing);
        }
        // Several lines are one list (RFC 9110, 5.3).
        let lines: Vec<&[u8]> = request.headers()?.all(XFCC).collect();
        let joined = lines.join(&b","[..]);
        let elements = gatehouse_xfcc::parse(&joined).unwrap_or_default();
        let element = match (counts, elements.as_slice()) {
            (Counts::Only, [element]) => element,
            (Counts::First, [element, ..]) | (Counts::Last, [.., element]) => element,
            _ => return Ok(Opinion::Bad(Reason::CertificateMalformed)),
        };
        Ok(self.opinion(element))
    }

    fn opinion(&self, element: &Element<'_>) -> Opinion {
        match self.find(element) {
            Some(identity) => Opinion::Good(identity.clone()),
            None => Opinion::Bad(Reason::CertificateUnknown),
        }
    }
}

/// What cannot be read is nobody's.
fn text(host: &dyn Properties, attribute: &str) -> Result<Option<String>> {
    let value = host.property(&["connection", attribute])?;
    Ok(value.and_then(|bytes| String::from_utf8(bytes).ok()))
}

impl Kind for Certificates {
    /// The header is read here, where it counts only from some peers.
    fn from(&self) -> &[Location] {
        &[]
    }

    fn check(
        &self,
        _: &Presented,
        request: &mut Request<'_>,
        _: &ProviderStats,
    ) -> Result<Opinion> {
        match &self.source {
            Source::Connection => self.of_connection(request.host()),
            Source::Xfcc { trusted, counts } => self.of_header(trusted, *counts, request),
        }
    }

    fn challenge(&self, _: Option<Reason>) -> Option<Cow<'static, str>> {
        None
    }
}
