//! Which headers may be changed.
//!
//! Not those that Envoy keeps for itself: changing them breaks the connection, or lets one message be
//! read as two. And not, with a value that a client chose, those with which Envoy is told what to do
//! with a request: Envoy removes a client's own `x-envoy-` headers before any filter runs, and
//! a filter must not bring them back.

use gatehouse_config::{Context, Decode, HeaderName, Value};
use gatehouse_request_match::escape;

/// With these, Envoy's router is told what to do with a request.
const ENVOY: &str = "x-envoy-";

/// The name of a header that may be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Editable(pub(crate) HeaderName);

/// What names of headers begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prefix(HeaderName);

/// Why a header cannot be changed, and what to do; nothing where it can.
fn protected(name: &str) -> Option<(&'static str, &'static str)> {
    match name {
        "host" => Some((
            "is Envoy's :authority, by which it routes",
            "use {host: {with: …}}",
        )),
        "content-length" => Some(("follows from the body", "leave it to Envoy")),
        "connection" | "keep-alive" | "proxy-connection" | "te" | "trailer"
        | "transfer-encoding" | "upgrade" => Some((
            "is of one connection, not of the message",
            "Envoy sets it for each; RFC 9110, 7.6.1",
        )),
        _ => None,
    }
}

/// Whether a header may be changed; for names that come with a message.
pub(crate) fn is_editable(name: &str) -> bool {
    !name.starts_with(':') && protected(name).is_none()
}

/// Whether Envoy takes orders from a request header of this name.
pub(crate) fn commands_envoy(name: &str) -> bool {
    name.starts_with(ENVOY)
}

impl Decode for Editable {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let name = HeaderName::decode(value, context)?;
        match protected(&name) {
            None => Some(Self(name)),
            Some((why, instead)) => {
                context.problem_hint(format!("\"{name}\" cannot be changed: it {why}"), instead)
            }
        }
    }

    gatehouse_config::described!(as HeaderName);
}

impl Decode for Prefix {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        // What a name may begin with is a name too.
        HeaderName::decode(value, context).map(Self)
    }

    gatehouse_config::described!(as HeaderName);
}

impl Prefix {
    /// Whether a header of this name is to be removed.
    pub(crate) fn covers(&self, name: &str) -> bool {
        name.starts_with(self.0.as_str()) && is_editable(name)
    }
}

/// Whether texts can stand in a URL as they are (RFC 3986, 2), the first of them at its front: it must
/// say what is its host, or that it is a path on this one. Where variables follow, it must say where
/// the host ends too.
pub(crate) fn check_url<'t>(
    first: &str,
    has_variables: bool,
    texts: impl Iterator<Item = &'t str>,
    context: &mut Context<'_>,
) -> Option<()> {
    let is_path = first.starts_with('/') && !first.starts_with("//");
    let after_scheme = ["http://", "https://"]
        .iter()
        .find_map(|scheme| first.strip_prefix(scheme));
    if !is_path && after_scheme.is_none() {
        return context.problem("a location begins with \"/\", \"https://\" or \"http://\"");
    }
    if let Some(rest) = after_scheme {
        let end = rest.find(['/', '?', '#']);
        if end.is_none() && has_variables {
            return context.problem_hint(
                "a variable could be part of the host",
                "write a slash after the host, such as \"https://www.example.com/${path}\"",
            );
        }
        if rest.is_empty() || end == Some(0) {
            return context.problem_hint(
                "names no host",
                "write one, such as \"https://www.example.com/\"",
            );
        }
    }
    for text in texts {
        let mut rest = text.as_bytes();
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            let fits = byte.is_ascii_alphanumeric()
                || b"-._~:/?#[]@!$&'()*+,;=".contains(&byte)
                || (byte == b'%' && escape::octet(after).is_some());
            if !fits {
                return context.problem_hint(
                    format!("{text:?} cannot stand in a URL"),
                    "percent-encode what is no letter, digit or one of -._~:/?#[]@!$&'()*+,;=",
                );
            }
        }
    }
    Some(())
}
