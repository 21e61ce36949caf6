//! Origins: `https://example.com`, `https://*.example.com:8443`, `capacitor://localhost`.

use crate::target::is_host;
use gatehouse_config::Context;

/// An origin, or all below one, in lower case, as browsers send them (HTML, 7.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Exact(Box<str>),
    /// What it begins with (`https://`) and ends with (`.example.com:8443`); one or more labels stand
    /// between.
    Below(Box<str>, Box<str>),
}

impl Origin {
    pub(super) fn read(text: &str, context: &mut Context<'_>) -> Option<Self> {
        const SUCH_AS: &str =
            "write scheme, host and perhaps a port, such as \"https://app.example.com\"";
        if text == "null" {
            return context.problem_hint(
                "\"null\" is the origin of every sandboxed page and local file",
                "leave it out",
            );
        }
        let lower = text.to_ascii_lowercase();
        let Some((scheme, authority)) = lower.split_once("://") else {
            return context.problem_hint(format!("{text:?} has no scheme"), SUCH_AS);
        };
        let of_scheme = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b);
        let is_scheme =
            scheme.starts_with(|c: char| c.is_ascii_lowercase()) && scheme.bytes().all(of_scheme);
        let host = authority.strip_prefix("*.").unwrap_or(authority);
        if let Some(bare) = authority
            .strip_suffix('/')
            .filter(|bare| is_host(bare.as_bytes()))
        {
            return context.problem_hint(
                format!("{text:?} has a path, which no origin has"),
                format!("did you mean \"{scheme}://{bare}\"?"),
            );
        }
        if !is_scheme || !is_host(host.as_bytes()) {
            return context.problem_hint(format!("{text:?} is not an origin"), SUCH_AS);
        }
        let default = match scheme {
            "http" => ":80",
            "https" => ":443",
            _ => "",
        };
        if let Some(bare) = authority
            .strip_suffix(default)
            .filter(|_| !default.is_empty())
        {
            return context.problem_hint(
                format!("{text:?} has the default port, which browsers leave out"),
                format!("did you mean \"{scheme}://{bare}\"?"),
            );
        }
        Some(match authority.strip_prefix('*') {
            Some(suffix) => Self::Below(format!("{scheme}://").into(), suffix.into()),
            None => Self::Exact(lower.into()),
        })
    }

    /// Whether it is the origin of a request.
    pub(super) fn is(&self, origin: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => origin.eq_ignore_ascii_case(exact.as_bytes()),
            Self::Below(prefix, suffix) => {
                let labels = front_of(origin, prefix).and_then(|rest| {
                    let (labels, end) =
                        rest.split_at_checked(rest.len().checked_sub(suffix.len())?)?;
                    end.eq_ignore_ascii_case(suffix.as_bytes())
                        .then_some(labels)
                });
                // Labels and nothing else: no port, no user, no slash.
                labels.is_some_and(|labels| is_host(labels) && !labels.contains(&b':'))
            }
        }
    }
}

/// What follows a prefix, in any case.
fn front_of<'o>(origin: &'o [u8], prefix: &str) -> Option<&'o [u8]> {
    let (front, rest) = origin.split_at_checked(prefix.len())?;
    front
        .eq_ignore_ascii_case(prefix.as_bytes())
        .then_some(rest)
}
