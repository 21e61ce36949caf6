//! Which rule a connection is under, by what is known of it so far. Pure.
//!
//! Rules are gone through in order. A condition about what is not known yet is neither true nor false: where no
//! other condition of its rule is false, nothing further down may decide before it is known.

use crate::config::{Action, CertificateMatch, Name, OnMissing, Protocol, Rule, Source};
use gatehouse_address_set::{AddressSets, Labels};
use gatehouse_first_bytes::{ClientHello, TlsVersion};
use gatehouse_trace::{because, trace};
use std::net::IpAddr;

#[cfg(not(target_arch = "wasm32"))]
mod told;

/// All rules, and what they need to know.
#[derive(Debug)]
pub(crate) struct Rules {
    rules: Vec<Rule>,
    /// The ranges of all rules, by the rule's place.
    ranges: AddressSets,
    pub(crate) needs: Needs,
}

/// What some rule asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Needs {
    pub(crate) source: bool,
    pub(crate) port: bool,
    pub(crate) sni: bool,
    pub(crate) alpn: bool,
    pub(crate) tls_version: bool,
    pub(crate) protocol: bool,
    /// Whether it is TLS.
    pub(crate) protocol_tls: bool,
    pub(crate) uri: bool,
    pub(crate) dns: bool,
    pub(crate) digest: bool,
}

/// What is known of a connection.
pub(crate) struct Facts<'f> {
    pub(crate) source: Option<IpAddr>,
    pub(crate) port: Option<u16>,
    /// Nothing before there is data.
    pub(crate) said: Option<&'f Said>,
}

/// What a client has said, or shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Said {
    /// Nothing where no rule asks.
    pub(crate) protocol: Option<Protocol>,
    /// Another one that takes the same bytes.
    pub(crate) or_protocol: Option<Protocol>,
    pub(crate) tls: Tls,
    pub(crate) uri: Option<Vec<u8>>,
    pub(crate) dns: Option<Vec<u8>>,
    /// In hexadecimal digits.
    pub(crate) digest: Option<Vec<u8>>,
}

/// Who speaks TLS with the client.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Tls {
    /// Nobody.
    #[default]
    None,
    /// The upstream: this is what it will read.
    Passed(ClientHello),
    /// Envoy.
    Ended {
        server_name: Option<Box<str>>,
        version: Option<TlsVersion>,
    },
    /// Envoy, and the server that is asked for is none that could be: no rule could be about it.
    Malformed,
}

/// What follows from what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The rule at this place is about the connection.
    Rule(usize),
    /// None is.
    Default,
    /// It depends on what the client says.
    Undecided,
    /// It depends on a list that is not there: the feed's place.
    Missing(usize),
}

/// Whether something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Yes,
    No,
    Unknown,
    Missing(usize),
}

/// Whether the source is in the list of a feed; nothing where there is no list.
pub(crate) type InFeed<'f> = dyn FnMut(usize) -> Option<bool> + 'f;

impl Rules {
    pub(crate) fn new(rules: Vec<Rule>) -> Self {
        let mut ranges = AddressSets::default();
        let mut needs = Needs::default();
        for (rule, label) in rules.iter().zip(0_u32..) {
            let matches = &rule.matches;
            for source in matches.source.iter().flatten() {
                needs.source = true;
                if let Source::Range(range) = source {
                    ranges.insert(range.network(), range.prefix_length(), label);
                }
            }
            needs.port |= matches.destination_port.is_some();
            needs.sni |= matches.sni.is_some();
            needs.alpn |= matches.alpn.is_some();
            needs.tls_version |= matches.tls_version.is_some();
            needs.protocol |= matches.protocol.is_some();
            let mut protocols = matches.protocol.iter().flatten();
            needs.protocol_tls |= protocols.any(|protocol| *protocol == Protocol::Tls);
            if let Some(certificate) = &matches.certificate {
                needs.uri |= certificate.uri_san.is_some();
                needs.dns |= certificate.dns_san.is_some();
                needs.digest |= certificate.sha256.is_some();
            }
        }
        Self {
            rules,
            ranges: ranges.finish(),
            needs,
        }
    }

    /// The rule at a place.
    pub(crate) fn at(&self, place: usize) -> Option<&Rule> {
        self.rules.get(place)
    }

    /// What follows from these facts.
    pub(crate) fn decide(&self, facts: &Facts<'_>, in_feed: &mut InFeed<'_>) -> Decision {
        gatehouse_trace::enter!("connection_guard");
        #[cfg(not(target_arch = "wasm32"))]
        if let Some(said) = facts.said {
            trace!(("client"), ("{}", told::of(said)));
        }
        let labels = match facts.source {
            Some(source) => self.ranges.labels(source),
            None => Labels::default(),
        };
        for (place, rule) in self.rules.iter().enumerate() {
            match holds(rule, place, facts, labels, in_feed) {
                Holds::No => {
                    trace!(("rule {}", rule.name), ("does not apply"));
                }
                Holds::Yes => {
                    trace!(("rule {}", rule.name), ("applies"));
                    return Decision::Rule(place);
                }
                Holds::Unknown => {
                    trace!(("rule {}", rule.name), ("hangs on what the client says"));
                    return Decision::Undecided;
                }
                Holds::Missing(feed) => {
                    trace!(
                        ("rule {}", rule.name),
                        ("hangs on a list that is not there")
                    );
                    return Decision::Missing(feed);
                }
            }
        }
        trace!(("rules"), ("none applies"));
        Decision::Default
    }
}

impl Needs {
    /// Whether anything is wanted of what comes after the connection.
    pub(crate) fn any_tls(&self) -> bool {
        self.hello() || self.certificate()
    }

    fn certificate(&self) -> bool {
        self.uri || self.dns || self.digest
    }

    /// Whether anything is wanted of what a ClientHello says.
    pub(crate) fn hello(&self) -> bool {
        self.sni || self.alpn || self.tls_version
    }

    /// Whether the client's first bytes are read, where Envoy ends TLS or not.
    pub(crate) fn bytes(&self, envoy_ends_tls: bool) -> bool {
        self.protocol || (!envoy_ends_tls && self.hello())
    }
}

fn holds(
    rule: &Rule,
    place: usize,
    facts: &Facts<'_>,
    labels: Labels<'_>,
    in_feed: &mut InFeed<'_>,
) -> Holds {
    let matches = &rule.matches;
    if let Some(ports) = &matches.destination_port
        && !ports
            .iter()
            .any(|ports| facts.port.is_some_and(|port| ports.has(port)))
    {
        because!("destination_port does not match");
        return Holds::No;
    }
    let mut holds = match &matches.source {
        None => Holds::Yes,
        Some(_) if labels.has(u32::try_from(place).unwrap_or(u32::MAX)) => Holds::Yes,
        Some(sources) => in_feeds(sources, facts.source, in_feed),
    };
    if holds == Holds::No {
        because!("source does not match");
    }
    if holds == Holds::No || !matches.needs_data() {
        return holds;
    }
    let Some(said) = facts.said else {
        return Holds::Unknown;
    };
    if !says(said, rule) {
        because!("{} does not match", told::missed(said, rule));
        holds = Holds::No;
    }
    holds
}

fn in_feeds(sources: &[Source], source: Option<IpAddr>, in_feed: &mut InFeed<'_>) -> Holds {
    let mut holds = Holds::No;
    if source.is_none() {
        return holds;
    }
    for source in sources {
        let Source::Feed { place, .. } = source else {
            continue;
        };
        match in_feed(*place) {
            Some(true) => return Holds::Yes,
            Some(false) => {}
            None => holds = Holds::Missing(*place),
        }
    }
    holds
}

/// Whether what was said is what a rule asks for.
fn says(said: &Said, rule: &Rule) -> bool {
    let matches = &rule.matches;
    let any = |names: &[Name], text: Option<&[u8]>| {
        text.is_some_and(|text| names.iter().any(|name| name.is(text)))
    };
    let sni = |names: &Vec<Name>| any(names, said.server_name().map(str::as_bytes));
    let alpn = |names: &Vec<Name>| match &said.tls {
        Tls::Passed(hello) => {
            let mut offered = hello.alpn();
            offered.any(|protocol| any(names, Some(protocol)))
        }
        Tls::None | Tls::Ended { .. } | Tls::Malformed => false,
    };
    matches.sni.as_ref().is_none_or(sni)
        && matches.alpn.as_ref().is_none_or(alpn)
        && matches.tls_version.is_none_or(|versions| {
            said.tls_version()
                .is_some_and(|version| versions.has(version))
        })
        && matches
            .protocol
            .as_ref()
            .is_none_or(|protocols| speaks(said, protocols, rule.action.allows()))
        && matches
            .certificate
            .as_ref()
            .is_none_or(|certificate| shows(said, certificate))
}

/// Whether one of these is spoken. What may be either of two is both to a rule that keeps it out, and to one that lets it
/// in only if that names both.
fn speaks(said: &Said, protocols: &[Protocol], allows: bool) -> bool {
    let is_named =
        |protocol: Option<Protocol>| protocol.is_some_and(|one| protocols.contains(&one));
    match said.or_protocol {
        None => is_named(said.protocol),
        other if allows => is_named(said.protocol) && is_named(other),
        other => is_named(said.protocol) || is_named(other),
    }
}

fn shows(said: &Said, certificate: &CertificateMatch) -> bool {
    let CertificateMatch {
        uri_san,
        dns_san,
        sha256,
    } = certificate;
    let any = |names: &Vec<Name>, text: &Option<Vec<u8>>| {
        text.as_ref()
            .is_some_and(|text| names.iter().any(|name| name.is(text)))
    };
    let is_digest = |digests: &Vec<[u8; 32]>| {
        said.digest
            .as_ref()
            .is_some_and(|text| digests.iter().any(|digest| is_hex(text, digest)))
    };
    uri_san.as_ref().is_none_or(|names| any(names, &said.uri))
        && dns_san.as_ref().is_none_or(|names| any(names, &said.dns))
        && sha256.as_ref().is_none_or(is_digest)
}

/// Whether hexadecimal digits are these bytes.
fn is_hex(text: &[u8], bytes: &[u8; 32]) -> bool {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let (pairs, rest) = text.as_chunks::<2>();
    let pairs = pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    rest.is_empty() && pairs.eq(bytes.iter().map(|byte| Some(u32::from(*byte))))
}

impl Said {
    /// The server that is asked for.
    pub(crate) fn server_name(&self) -> Option<&str> {
        match &self.tls {
            Tls::None | Tls::Malformed => None,
            Tls::Passed(hello) => hello.server_name(),
            Tls::Ended { server_name, .. } => server_name.as_deref(),
        }
    }

    fn tls_version(&self) -> Option<TlsVersion> {
        match &self.tls {
            Tls::None | Tls::Malformed => None,
            Tls::Passed(hello) => hello.version(),
            Tls::Ended { version, .. } => *version,
        }
    }
}

/// What a missing list is.
pub(crate) fn missing(on_missing: OnMissing) -> Option<bool> {
    match on_missing {
        OnMissing::Deny => None,
        OnMissing::Skip => Some(false),
    }
}

impl Action {
    /// Whether the connection goes on.
    pub(crate) fn allows(self) -> bool {
        self == Self::Allow
    }
}
