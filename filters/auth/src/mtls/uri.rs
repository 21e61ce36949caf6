//! URIs among a certificate's alternative names, as SPIFFE uses them.

use gatehouse_config::{Context, Decode, Value};

/// Which URIs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum UriPattern {
    /// This one.
    Exact(Box<str>),
    /// Those that begin so, up to and with a slash, and have more segments.
    Below(Box<str>),
}

/// Whether a URI has more segments after a root that ends in a slash. They are segments of a SPIFFE ID
/// (SPIFFE-ID, 2.2: letters, digits, `.`, `-`, `_`, and neither `.` nor `..`): of others, what comes
/// after the root might not be below it.
pub(super) fn is_below(root: &str, uri: &str) -> bool {
    let Some(rest) = uri.strip_prefix(root) else {
        return false;
    };
    rest.split('/').all(|segment| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        !matches!(segment, "" | "." | "..") && segment.bytes().all(plain)
    })
}

impl Decode for UriPattern {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        const HINT: &str =
            "such as \"spiffe://example/billing\", or \"spiffe://example/ns/prod/*\" for all below";
        let text = String::decode(value, context)?;
        let root = text.strip_suffix('*');
        let uri = root.unwrap_or(&text);
        // A scheme, and something of an authority and of a path after it.
        let rest = uri.split_once(':').map(|(_, rest)| rest);
        let named = rest.is_some_and(|rest| !rest.trim_start_matches('/').is_empty());
        let printable = uri.bytes().all(|byte| byte.is_ascii_graphic());
        if !named
            || !printable
            || uri.contains('*')
            || root.is_some_and(|root| !root.ends_with('/'))
        {
            return context.problem_hint(format!("{text:?} is not a URI"), HINT);
        }
        Some(match root {
            Some(root) => Self::Below(root.into()),
            None => Self::Exact(text.into()),
        })
    }

    gatehouse_config::described!(text "^[!-~]*:[!-~]+$");
}
