//! What a client has said, for `gatehouse explain`.

use super::{Said, Tls, says};
use crate::config::{Match, Rule};

/// `speaks tls, asks for "api.example", offers h2 http/1.1, up to TLSv1.3`
pub(super) fn of(said: &Said) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut told = Vec::new();
    if let Some(protocol) = said.protocol {
        let other = said
            .or_protocol
            .map(|other| format!(" or {}", other.name()));
        told.push(format!(
            "speaks {}{}",
            protocol.name(),
            other.unwrap_or_default()
        ));
    }
    if let Some(name) = said.server_name() {
        told.push(format!("asks for {name:?}"));
    }
    if let Tls::Passed(hello) = &said.tls {
        let offers: Vec<String> = hello.alpn().map(text).collect();
        if !offers.is_empty() {
            told.push(format!("offers {}", offers.join(" ")));
        }
    }
    if said.tls == Tls::Malformed {
        told.push("asks for a server that cannot be".to_owned());
    }
    if let Some(version) = said.tls_version() {
        let verb = match said.tls {
            Tls::Ended { .. } => "with",
            _ => "up to",
        };
        told.push(format!("{verb} {version}"));
    }
    let certificate = [&said.uri, &said.dns, &said.digest];
    for name in certificate.into_iter().flatten() {
        told.push(format!("shows {}", text(name)));
    }
    match told.is_empty() {
        true => "says nothing that a rule is about".to_owned(),
        false => told.join(", "),
    }
}

/// The first condition about what a client says that does not hold.
pub(super) fn missed(said: &Said, rule: &Rule) -> &'static str {
    let all = &rule.matches;
    let alone = [
        (
            "sni",
            Match {
                sni: all.sni.clone(),
                ..Match::default()
            },
        ),
        (
            "alpn",
            Match {
                alpn: all.alpn.clone(),
                ..Match::default()
            },
        ),
        (
            "tls_version",
            Match {
                tls_version: all.tls_version,
                ..Match::default()
            },
        ),
        (
            "protocol",
            Match {
                protocol: all.protocol.clone(),
                ..Match::default()
            },
        ),
    ];
    let fails = |(_, matches): &(&str, Match)| {
        let rule = Rule {
            matches: matches.clone(),
            ..rule.clone()
        };
        !says(said, &rule)
    };
    let found = alone.iter().find(|one| fails(one));
    found.map_or("certificate", |(name, _)| name)
}
